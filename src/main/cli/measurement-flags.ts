/** The options of a measurement as flags: their ranges and defaults are those of the schema of measurements. */
import * as v from 'valibot';
import { densityFields } from '../../shared/density.ts';
import { measurementDefaults, measurementSchema } from '../../shared/experiment.ts';
import type { MeasurementSpec } from '../../shared/experiment.ts';
import { minibatchNoiseSchema, samplingModes } from '../../shared/minibatch.ts';
import { convergenceChoices } from '../../shared/results.ts';
import { weightFluctuationsSchema } from '../../shared/weight-fluctuations.ts';
import { toggle } from './flags.ts';
import type { Flags, FlagValues } from './flags.ts';

const { entries } = measurementSchema;
const noise = minibatchNoiseSchema.entries;
const fluctuations = weightFluctuationsSchema.entries;
const density = densityFields.entries;

export const measurementFlags = {
  samples: { schema: entries.samples, value: 'N', help: 'the first N samples', otherwise: 'all' },
  'split-seed': { schema: entries.seed, value: 'N', help: 'seed of the random halves of the cross-fitted estimand' },
  method: {
    schema: entries.method,
    value: 'NAME',
    help: 'how',
    meanings: { auto: 'exact if the layer sees one vector a sample and memory allows, else projected' },
  },
  top: {
    schema: entries.top,
    value: 'K',
    help: 'projected: directions to find',
    otherwise: String(measurementDefaults.top),
  },
  which: {
    schema: entries.which,
    value: 'NAME',
    help: 'projected, eigenvalues of the directions',
    meanings: { magnitude: 'largest by size', both: 'both ends of the spectrum' },
  },
  convergence: {
    schema: v.optional(v.picklist(convergenceChoices), measurementDefaults.convergence),
    value: 'NAME',
    help: 'measured again on half of the samples',
    meanings: { full: 'everything: about twice the time' },
  },
  duality: { schema: toggle, help: 'the activity-weight duality too (kernels whose layer sees one vector a sample)' },
  assumptions: {
    schema: toggle,
    help: 'C against H, Gauss-Newton, Fisher, empirical Fisher, Q and H^2 too',
  },
  'minibatch-noise': {
    schema: toggle,
    help: 'also draw minibatches and compare the noise of their gradients with what C predicts; with',
  },
  'batch-size': {
    schema: noise.batch_size,
    value: 'N',
    help: 'samples a batch',
    otherwise: "the run's; 50 without a run",
    requires: ['minibatch-noise', 'weight-fluctuations'],
  },
  sampling: {
    schema: noise.modes,
    value: 'MODE',
    help: 'how they are drawn',
    otherwise: `all ${samplingModes.length}`,
    requires: ['minibatch-noise', 'weight-fluctuations'],
  },
  batches: {
    schema: noise.batches,
    value: 'N',
    help: 'batches in each mode, epochs whole and at least 4',
    requires: ['minibatch-noise'],
  },
  'noise-directions': {
    schema: noise.directions,
    value: 'N',
    help: 'eigendirections of H, spaced evenly in the logarithm',
    requires: ['minibatch-noise'],
  },
  'noise-seed': { schema: noise.seed, value: 'N', help: 'seed of the batches', requires: ['minibatch-noise'] },
  'weight-fluctuations': {
    schema: toggle,
    help: 'also continue SGD from the measured weights at a constant rate, and compare their fluctuations along eigendirections of H with what C and H predict; the change of the loss in one step and the batch sharpness with it. Takes --batch-size and --sampling; and',
  },
  'learning-rate': {
    schema: fluctuations.learning_rate,
    value: 'X',
    help: 'of the steps',
    otherwise: "the run's at its start; 0.1 without a run",
    requires: ['weight-fluctuations'],
  },
  momentum: {
    schema: fluctuations.momentum,
    value: 'X',
    help: 'of the steps',
    otherwise: "the run's; 0 without a run",
    requires: ['weight-fluctuations'],
  },
  steps: { schema: fluctuations.steps, value: 'N', help: 'steps that are observed', requires: ['weight-fluctuations'] },
  'burn-in': {
    schema: fluctuations.burn_in,
    value: 'N',
    help: 'steps before',
    otherwise: 'a tenth of --steps',
    requires: ['weight-fluctuations'],
  },
  'stretch-directions': {
    schema: fluctuations.directions,
    value: 'N',
    help: 'eigendirections of H, at most 400',
    requires: ['weight-fluctuations'],
  },
  'all-layers': { schema: toggle, help: 'let the other layers move as well', requires: ['weight-fluctuations'] },
  'stretch-seed': {
    schema: fluctuations.seed,
    value: 'N',
    help: 'seed of the batches',
    requires: ['weight-fluctuations'],
  },
  density: {
    schema: toggle,
    help: 'also the spectral density of H by stochastic Lanczos quadrature, with its error; with',
  },
  'density-probes': { schema: density.probes, value: 'N', help: 'random vectors', requires: ['density'] },
  'density-steps': { schema: density.steps, value: 'N', help: 'Lanczos steps from each', requires: ['density'] },
  'density-seed': { schema: density.seed, value: 'N', help: 'seed of the vectors', requires: ['density'] },
  precision: {
    schema: entries.precision,
    value: 'NAME',
    help: 'of the arithmetic',
    meanings: {
      float64: 'default on the cpu: all in double precision, even if there is a device',
      float32:
        'default on a device: passes and products in single precision, sums in double, and the precision reached is measured and stored',
    },
  },
} as const satisfies Flags;

/** The measurement that the flags ask for: every option, undefined if nothing asks for it. */
export function measurementOf(
  parameters: readonly string[],
  values: FlagValues<typeof measurementFlags>,
): MeasurementSpec & Readonly<Record<keyof MeasurementSpec, unknown>> {
  const modes = [...new Set(values.sampling)];
  const batch = { batch_size: values['batch-size'] };
  return {
    parameters: [...parameters],
    when: { kind: 'end' },
    method: values.method,
    which: values.which,
    convergence: values.convergence,
    top: values.top,
    seed: values['split-seed'],
    samples: values.samples,
    precision: values.precision,
    duality: values.duality || undefined,
    assumptions: values.assumptions || undefined,
    minibatch_noise: values['minibatch-noise']
      ? {
          ...batch,
          modes,
          batches: values.batches,
          directions: values['noise-directions'],
          seed: values['noise-seed'],
        }
      : undefined,
    weight_fluctuations: values['weight-fluctuations']
      ? {
          learning_rate: values['learning-rate'],
          momentum: values.momentum,
          ...batch,
          modes,
          steps: values.steps,
          burn_in: values['burn-in'],
          directions: values['stretch-directions'],
          frozen: !values['all-layers'],
          seed: values['stretch-seed'],
        }
      : undefined,
    density: values.density
      ? { probes: values['density-probes'], steps: values['density-steps'], seed: values['density-seed'] }
      : undefined,
  };
}
