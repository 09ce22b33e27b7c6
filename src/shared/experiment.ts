/** The experiment format: everything that determines a run, as JSON. With one seed it gives the same run bit for bit on the same machine and engine. */
import * as v from 'valibot';
import { datasetSchema } from './dataset.ts';
import { definedOf } from './defined.ts';
import { densitySchema } from './density.ts';
import { InputError } from './errors.ts';
import { modelSchema, parseModel } from './model.ts';
import { minibatchNoiseSchema, samplingModes } from './minibatch.ts';
import type { SamplingMode } from './minibatch.ts';
import { weightFluctuationsSchema } from './weight-fluctuations.ts';
import { convergenceChoices, projectedChoices } from './results.ts';
import type { ConvergenceChoice } from './results.ts';
import { integer, parseWith, positive, real } from './validation.ts';

export { samplingModes };
export type { SamplingMode };

const initialisation = v.strictObject({
  /** Variance of kernels: he 2/fan_in (default), glorot 2/(fan_in + fan_out), lecun 1/fan_in, normal standard_deviation^2. */
  kind: v.optional(v.picklist(['he', 'glorot', 'lecun', 'normal']), 'he'),
  /** Default normal; uniform has the same variance. */
  distribution: v.optional(v.picklist(['normal', 'uniform']), 'normal'),
  /** For kind normal, > 0; default 0.01. */
  standard_deviation: v.optional(positive, 0.01),
  /** Factor on every standard deviation, > 0; default 1. */
  scale: v.optional(positive, 1),
});
export type InitialisationSpec = v.InferOutput<typeof initialisation>;

const warmUp = { /** Steps of linear rise, >= 0; default 0. */ warm_up_steps: v.optional(integer(0), 0) };
const schedule = v.variant('kind', [
  v.strictObject({ kind: v.literal('constant'), ...warmUp }),
  v.strictObject({
    kind: v.literal('step'),
    /** Every this many epochs the rate is multiplied by `factor`. */
    every_epochs: positive,
    factor: positive,
    ...warmUp,
  }),
  v.strictObject({
    kind: v.literal('cosine'),
    /** Rate at the end, >= 0; default 0. */ final_lr: v.optional(real(0), 0),
    ...warmUp,
  }),
]);
export type ScheduleSpec = v.InferOutput<typeof schedule>;

const optimiser = v.strictObject({
  /** Learning rate, > 0. */
  lr: positive,
  /** In [0, 1); default 0. */
  momentum: v.optional(real(0, 0.999999), 0),
  /** Nesterov's form, for a momentum above 0; default false. */
  nesterov: v.optional(v.boolean(), false),
  /** Added to the gradient as weight_decay * w, >= 0; default 0. */
  weight_decay: v.optional(real(0), 0),
  schedule: v.optional(schedule, { kind: 'constant', warm_up_steps: 0 }),
});
export type OptimiserSpec = v.InferOutput<typeof optimiser>;

const when = v.variant('kind', [
  v.strictObject({ kind: v.literal('end') }),
  /** After these epochs (0: before training). */
  v.strictObject({ kind: v.literal('epochs'), epochs: v.pipe(v.array(real(0)), v.minLength(1)) }),
  /** After steps spaced evenly in the logarithm from 1 to the last, `count` of them, rounded and without repeats; step 0 too. */
  v.strictObject({ kind: v.literal('log_steps'), count: integer(2, 1000) }),
]);
export type MeasurementTime = v.InferOutput<typeof when>;

export const measurementMethods = ['auto', 'exact', 'projected'] as const;

export const precisions = ['float64', 'float32'] as const;

const measurement = v.strictObject({
  /** Names of parameters; "*" stands for any characters: ["fc*.kernel"]. "network": all parameters as one vector. */
  parameters: v.pipe(v.array(v.pipe(v.string(), v.minLength(1))), v.minLength(1)),
  /** Default: at the end. */
  when: v.optional(when, { kind: 'end' }),
  /**
   * exact: C, H and Q whole, for layers that see one vector a sample; projected: along leading directions, for any layer and any size; auto
   * (default): exact if it supports the layer and fits into memory.
   */
  method: v.optional(v.picklist(measurementMethods), 'auto'),
  /** Projected: directions to find, default 50; and which: the largest eigenvalues (default), the largest by size, or both ends. */
  top: v.optional(integer(1, 100_000)),
  which: v.optional(v.picklist(projectedChoices), 'largest'),
  /** Number of training samples to measure, from the first on; default all. */
  samples: v.optional(integer(1)),
  /** Seed of the random halves; default 1. */
  seed: v.optional(integer(0), 1),
  /**
   * float64: on the cpu, whatever device there is. float32: passes and products in single precision, on the device or the cpu, with sums in float64; the
   * precision reached is measured. Default: float64 on the cpu, float32 on a device.
   */
  precision: v.optional(v.picklist(precisions)),
  /**
   * Which numbers are measured again on half of the samples, for the convergence badge: those of the training-set estimand (default; cheap), none, or
   * `full`: everything, which about doubles the time.
   */
  convergence: v.optional(v.picklist(convergenceChoices)),
  /** Measure the activity-weight duality too, for kernels whose layer sees one vector a sample; default false. */
  duality: v.optional(v.boolean('expected true or false')),
  /** Also compare C with H, Gauss-Newton, Fisher, empirical Fisher, Q and H^2; default false. */
  assumptions: v.optional(v.boolean('expected true or false')),
  /** Also draw minibatches and compare the noise of their gradients with C; default: no. */
  minibatch_noise: v.optional(minibatchNoiseSchema),
  /** Also continue SGD from the measured weights and compare their fluctuations with what C and H predict; default: no. */
  weight_fluctuations: v.optional(weightFluctuationsSchema),
  /** The spectral density of H by stochastic Lanczos quadrature too; default false. Works for any parameter, and for the whole network. */
  density: v.optional(densitySchema),
});
/** The options of a measurement: the one type for them, from the window and the command line to the engine and the store. */
export type MeasurementSpec = v.InferOutput<typeof measurement>;
/** What is measured besides, if it is asked for: the options that do not say of what and how C, H and Q are measured. */
export type ExtraOption = Exclude<
  keyof MeasurementSpec,
  'parameters' | 'when' | 'method' | 'top' | 'which' | 'samples' | 'seed' | 'precision' | 'convergence'
>;
/** As a person writes them: options with a default may be left out. */
export type MeasurementWanted = v.InferInput<typeof measurement>;
/** The schema itself, for the contract. */
export const measurementSchema = measurement;

/** The meaning of options that are left out and that the schema does not fill in: a stored measurement records only what was asked for. */
export const measurementDefaults: { readonly top: number; readonly convergence: ConvergenceChoice } = {
  top: 50,
  convergence: 'training-set',
};

/** With a run's batch size, learning rate and momentum where minibatch noise or weight fluctuations are asked for and do not name their own. */
export function withTraining(
  spec: MeasurementSpec,
  { batch_size: batch, optimiser }: Pick<RecordedExperiment, 'batch_size' | 'optimiser'>,
): MeasurementSpec {
  const { minibatch_noise: noise, weight_fluctuations: stretch } = spec;
  const size = definedOf({ batch_size: batch });
  const rates = definedOf({ learning_rate: optimiser?.lr, momentum: optimiser?.momentum });
  return {
    ...spec,
    ...definedOf({
      minibatch_noise: noise && { ...size, ...definedOf(noise) },
      weight_fluctuations: stretch && { ...size, ...rates, ...definedOf(stretch) },
    }),
  };
}

const experiment = v.strictObject({
  /** The name of the run, at most 200 characters. */
  name: v.pipe(v.string('expected a name'), v.trim(), v.minLength(1, 'expected a name'), v.maxLength(200)),
  /** Where the samples come from, by its `source`, and what is done with them. */
  dataset: datasetSchema,
  /** The network and its loss. */
  model: modelSchema,
  /** Of the weights before training; biases begin at 0. */
  initialisation: v.optional(initialisation, {}),
  /** Stochastic gradient descent. */
  optimiser,
  /** Samples of a minibatch. */
  batch_size: integer(1),
  /** Default epoch: every sample once per epoch in random order. */
  sampling: v.optional(v.picklist(samplingModes), 'epoch'),
  /** Number of passes over the training set; need not be whole. */
  epochs: v.pipe(
    v.number(),
    v.check((x) => x >= 0 && Number.isFinite(x), 'expected a number of epochs of at least 0'),
  ),
  /** Stop after the epoch in which the mean loss over the training set first falls to this; default: never. */
  stop_at_loss: v.optional(positive),
  /** Of the initial weights and of the order of samples; default 1. */
  seed: v.optional(integer(0), 1),
  /** Of training; measurements have their own. */
  precision: v.optional(v.picklist(precisions), 'float32'),
  /** What is measured, and when; default: nothing. */
  measurements: v.optional(v.array(measurement), []),
});
export type Experiment = v.InferOutput<typeof experiment>;
/** The schema itself, for sweeps (src/shared/sweep.ts). */
export const experimentSchema = experiment;

/** What a run's record says: for weights trained elsewhere, only what is known about their training. */
const recorded = v.strictObject({
  ...experiment.entries,
  optimiser: v.optional(optimiser),
  batch_size: v.optional(integer(1)),
  epochs: v.optional(experiment.entries.epochs),
  seed: v.optional(integer(0)),
});
export type RecordedExperiment = v.InferOutput<typeof recorded>;

/** Checks what a run's record says. For imported weights the record may not say how they were trained, but it says enough to measure them. Raises InputError as `parseExperiment` does. */
export function parseRecorded(input: unknown, what: string): RecordedExperiment {
  const parsed = parseWith(recorded, input, what);
  parseModel(parsed.model, `${what}.model`);
  return parsed;
}

/** Checks an experiment; raises InputError listing what is wrong and where. Whether shapes fit is checked when model and data are brought together. */
export function parseExperiment(input: unknown, what = 'experiment'): Experiment {
  const parsed = parseWith(experiment, input, what);
  parseModel(parsed.model, `${what}.model`);
  if (parsed.optimiser.nesterov && parsed.optimiser.momentum === 0) {
    throw new InputError(`${what}.optimiser.nesterov: needs a momentum above 0`);
  }
  return parsed;
}
