/**
 * Measurements of so few samples that halves and quarters of them are meaningless. Everything over all samples is a mean over them, and the mean over some samples each
 * taken several times is the same: the methods get the samples repeated as often as they need, and results that rest on halves or on resampling are left out and named.
 */
import { definedOf } from '../../shared/defined.ts';
import { localSlopesCrossFitted } from '../../shared/local-slopes.ts';
import type { MeasurementSummary, StoredArrays } from '../../shared/results.ts';
import type { Real } from '../blas/types.ts';
import type { Network } from '../network/network.ts';
import { fitCrossFitted } from '../statistics/index.ts';
import type { Diagonals } from '../statistics/index.ts';
import type { MeasurementInput } from './measurement-input.ts';

/** Samples from which each method gives both estimands. */
export const fewestSamples = { exact: 4, projected: 8 } as const;

/** Samples 0 ... samples - 1 one block after the other, 8 in all or more. */
export function repeated(input: MeasurementInput, network: Network, samples: number): MeasurementInput {
  const times = Math.ceil(8 / samples);
  const again = (values: Real, width: number): Real => {
    const length = samples * width;
    const bytes = new SharedArrayBuffer(times * length * values.BYTES_PER_ELEMENT);
    const out = values instanceof Float64Array ? new Float64Array(bytes) : new Float32Array(bytes);
    for (let i = 0; i < times; i++) out.set(values.subarray(0, length), i * length);
    return out;
  };
  return {
    ...input,
    inputs: again(input.inputs, network.inputSize),
    targets: again(input.targets, network.targetSize),
  };
}

/** The summary of a measurement of repeated samples as one of the samples themselves. */
export function ofFewSamples(summary: MeasurementSummary, samples: number, population: number): MeasurementSummary {
  const { calibration: _calibration, splits: _splits, half_sample: _half, convergence: _verdict, ...rest } = summary;
  // A single direction with values 0 represents no direction: fits leave it out.
  const zero = new Float64Array(1);
  const empty: Diagonals = { selection: zero, H: zero, C: zero, Q: zero };
  return {
    ...rest,
    samples,
    population,
    halves: { ...summary.halves, sizes: [0, 0] },
    gamma: { ...summary.gamma, cross_fitted: fitCrossFitted([empty, empty], summary.floor) },
    local_slopes: {
      training_set: summary.local_slopes?.training_set ?? [],
      cross_fitted: localSlopesCrossFitted([empty, empty], summary.floor),
    },
    ...definedOf({
      projected: summary.projected && {
        ...summary.projected,
        cosine_samples: Math.min(samples, summary.projected.cosine_samples),
      },
    }),
    left_out: [
      `${samples} ${samples === 1 ? 'sample is' : 'samples are'} too few for the cross-fitted estimand (it needs ${fewestSamples[summary.method]}), 95 % intervals and the half-sample (they need 8): the training-set estimand alone`,
      ...(samples === 1 ? ['of one sample C is 0: there is no noise in a gradient that is always the same'] : []),
    ],
  };
}

/** The summary without results from halves. */
export function withoutHalves<T extends StoredArrays>(arrays: T): T {
  const none = new Float64Array();
  return {
    ...arrays,
    cross_fitted_selection: none,
    cross_fitted_H_diagonal: none,
    cross_fitted_C_diagonal: none,
    cross_fitted_Q_diagonal: none,
  };
}
