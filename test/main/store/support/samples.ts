/** Things to put into a store. */
import type { CutoffRow, Slopes } from '../../../../src/shared/slopes.ts';
import type { MeasurementSummary } from '../../../../src/shared/results.ts';

export const experiment = {
  name: 'first light',
  seed: 7,
  dataset: { kind: 'idx', name: 'mnist' },
  model: {
    input: [784],
    layers: [
      { type: 'dense', name: 'fc1', units: 50, bias: false },
      { type: 'activation', function: 'relu' },
      { type: 'dense', name: 'fc2', units: 10, bias: false },
    ],
    loss: 'cross-entropy',
  },
  optimiser: { lr: 0.1, momentum: 0, nesterov: false },
  batch_size: 50,
  epochs: 20,
};

function slopes(ols: number | null, interval?: readonly [number, number]): Slopes {
  return { ols, r_squared: 0.9, intercept: 0, ...(interval === undefined ? {} : { interval: { ols: interval } }) };
}

function row(cutoff: number, gamma: number | null, interval?: readonly [number, number]): CutoffRow {
  return {
    cutoff,
    selected: 100,
    non_positive: 1,
    below_floor: 0,
    n: 99,
    decades: 3,
    gamma: slopes(gamma, interval),
    gamma_Q: slopes(gamma === null ? null : gamma + 0.02),
    C_on_Q: slopes(gamma === null ? null : 0.97),
  };
}

/** A made-up measurement with `gamma` at the headline cutoff (training set), 0.1 less cross-fitted. */
export function summaryOf(parameter: string, gamma: number | null, samples = 8000): MeasurementSummary {
  return {
    format: 'covature-measurement',
    version: 1,
    parameter,
    shape: [50, 10],
    d: 500,
    method: 'exact',
    precision: 'float64',
    samples,
    halves: { seed: 1, sizes: [samples / 2, samples / 2] },
    loss: 0.02,
    accuracy: 0.99,
    norm_mean_gradient: 1e-3,
    trace: { C: 1, H: 2, Q: 3 },
    cosine_CH: 0.86,
    cosine_CQ: 0.9,
    commutator_ratio: 0.16,
    commutator_baseline: {
      mean: 0.6,
      standard_deviation: 0.01,
      percentile_1: 0.58,
      median: 0.6,
      rotations: 200,
      seed: 1,
      truncated_C: 0,
      truncated_H: 0,
    },
    eigenvalues: { largest: 12.5, smallest: -1e-12, positive: 450, zero: 50, negative: 0 },
    floor: { H: 1e-14, C: 1e-14, Q: 1e-14 },
    gamma: {
      training_set: [row(1e-2, gamma, gamma === null ? undefined : [gamma - 0.02, gamma + 0.02]), row(1e-4, 1.05)],
      cross_fitted: [row(1e-2, gamma === null ? null : gamma - 0.1), row(1e-4, 1.01)],
    },
    engine: { blas: 'reference', backend: 'cpu', threads: 1 },
    seconds: { total: 1 },
  };
}
