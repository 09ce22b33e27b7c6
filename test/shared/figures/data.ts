/** Seeded data in the shape of stored measurements: power laws with scatter, for figures and their tests. Not results of any network. */
import { estimators, type CutoffRow, type Slopes } from '../../../src/shared/slopes.ts';
import { estimands } from '../../../src/shared/estimands.ts';
import type { DensitySummary, Estimate } from '../../../src/shared/density.ts';
import type { AssumptionColumn } from '../../../src/shared/assumptions.ts';
import type { DualitySummary, DualSlope } from '../../../src/shared/duality.ts';
import { type MeasurementSummary } from '../../../src/shared/results.ts';
import { samplingModes } from '../../../src/shared/minibatch.ts';
import { logSlope, predictedVariance } from '../../../src/shared/weight-fluctuations.ts';
import type { FluctuationMode } from '../../../src/shared/weight-fluctuations.ts';
import type { Measurement } from '../../../src/shared/figures/figure-data.ts';

/** Uniform numbers in [0, 1) from a seed (mulberry32). */
export function uniform(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

export function normal(seed: number): () => number {
  const next = uniform(seed);
  return () => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next());
}

export interface Recipe {
  readonly d?: number;
  readonly decades?: number;
  readonly gamma?: number;
  readonly seed?: number;
  /** Scatter of log10 C about the law. */
  readonly scatter?: number;
  /** The last so many directions get eigenvalues of zero or below. */
  readonly negative?: number;
  readonly parameter?: string;
  readonly name?: string;
}

/** Least squares of log y on log x over positive pairs: an independent few lines, enough for figures. */
function fit(x: readonly number[], y: readonly number[], half: number): Slopes {
  const pairs = x
    .map((value, k) => [Math.log(value), Math.log(y[k])])
    .filter(([a, b]) => Number.isFinite(a) && Number.isFinite(b));
  const n = pairs.length;
  if (n < 3) return { ols: null, r_squared: null, intercept: null };
  const mx = pairs.reduce((sum, [a]) => sum + a, 0) / n;
  const my = pairs.reduce((sum, [, b]) => sum + b, 0) / n;
  const sxx = pairs.reduce((sum, [a]) => sum + (a - mx) ** 2, 0);
  const syy = pairs.reduce((sum, [, b]) => sum + (b - my) ** 2, 0);
  const sxy = pairs.reduce((sum, [a, b]) => sum + (a - mx) * (b - my), 0);
  const ols = sxy / sxx;
  const interval = Object.fromEntries(estimators.map((name) => [name, [ols - half, ols + half] as const]));
  return {
    ols,
    ols_inverse: syy / sxy,
    theil_sen: ols * 0.998,
    orthogonal: ols * 1.004,
    iv: ols * 0.97,
    r_squared: sxy ** 2 / (sxx * syy),
    intercept: my - ols * mx,
    interval,
  };
}

export function measurement(recipe: Recipe = {}): Measurement {
  const {
    d = 400,
    decades = 8,
    gamma = 1.2,
    seed = 1,
    scatter = 0.18,
    negative = 0,
    parameter = 'fc2.kernel',
    name,
  } = recipe;
  const noise = normal(seed);
  const eigenvalues = new Float64Array(d);
  const C = new Float64Array(d);
  const Q = new Float64Array(d);
  for (let i = 0; i < d; i++) {
    const share = d === 1 ? 0 : i / (d - 1);
    eigenvalues[i] = 4 * 10 ** (-decades * share ** 0.8) * (1 + 0.02 * noise());
    Q[i] = 0.8 * eigenvalues[i] ** (gamma + 0.04) * 10 ** (0.5 * scatter * noise());
    C[i] = 0.9 * Q[i] * 10 ** (scatter * noise());
  }
  eigenvalues.sort((a, b) => b - a);
  for (let i = d - negative; i < d; i++) {
    eigenvalues[i] = i % 2 === 0 ? -1e-9 * (i + 1) : 0;
    C[i] = 1e-14;
    Q[i] = 1e-14;
  }
  const half = (factor: number, array: Float64Array): Float64Array => {
    const wobble = normal(seed + 77);
    return Float64Array.from({ length: 2 * d }, (_, k) => array[k % d] * 10 ** (factor * wobble()));
  };
  const rows = (shrink: number): CutoffRow[] =>
    [1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8].map((cutoff) => {
      const chosen = [...eigenvalues.keys()].filter((i) => eigenvalues[i] > cutoff * eigenvalues[0]);
      const pick = (array: Float64Array): number[] => chosen.map((i) => array[i]);
      const width = 0.9 / Math.sqrt(Math.max(4, chosen.length));
      const gammaFit = fit(pick(eigenvalues), pick(C), width);
      return {
        cutoff,
        selected: chosen.length,
        non_positive: 0,
        below_floor: 0,
        n: chosen.length,
        decades: Math.min(decades, -Math.log10(cutoff)),
        gamma: shift(gammaFit, shrink),
        gamma_Q: shift(fit(pick(eigenvalues), pick(Q), width * 0.7), shrink),
        C_on_Q: fit(pick(Q), pick(C), width),
      };
    });
  const summary: MeasurementSummary = {
    format: 'covature-measurement',
    version: 1,
    parameter,
    shape: [Math.round(Math.sqrt(d)), Math.round(Math.sqrt(d))],
    d,
    method: 'exact',
    precision: 'float64',
    samples: 8000,
    halves: { seed, sizes: [4000, 4000] },
    loss: 0.0162,
    accuracy: 0.9978,
    norm_mean_gradient: 3.1e-3,
    trace: {
      C: C.reduce((sum, value) => sum + value, 0),
      H: eigenvalues.reduce((sum, value) => sum + value, 0),
      Q: Q.reduce((sum, value) => sum + value, 0),
    },
    cosine_CH: 0.86,
    cosine_CQ: 0.9,
    commutator_ratio: 0.16,
    commutator_baseline: {
      mean: 0.61,
      standard_deviation: 0.01,
      percentile_1: 0.58,
      median: 0.61,
      rotations: 200,
      seed,
      truncated_C: 0,
      truncated_H: 0,
    },
    eigenvalues: {
      largest: eigenvalues[0],
      smallest: eigenvalues[d - 1],
      positive: d - negative,
      zero: Math.floor(negative / 2),
      negative: Math.ceil(negative / 2),
    },
    floor: { H: 1e-14, C: 1e-16, Q: 1e-16 },
    gamma: { training_set: rows(0), cross_fitted: rows(-0.12) },
    engine: { blas: 'OpenBLAS', backend: 'cpu', threads: 2 },
    seconds: { total: 3.3 },
  };
  return {
    summary,
    arrays: {
      eigenvalues,
      C_diagonal: C,
      Q_diagonal: Q,
      cross_fitted_selection: half(0, eigenvalues),
      cross_fitted_H_diagonal: half(0.05, eigenvalues),
      cross_fitted_C_diagonal: half(0.1, C),
      cross_fitted_Q_diagonal: half(0.07, Q),
    },
    ...(name === undefined ? {} : { name }),
  };
}

function shift(slopes: Slopes, by: number): Slopes {
  if (slopes.ols === null || by === 0) return slopes;
  const moved = Object.fromEntries(
    estimators.map((name) => [name, typeof slopes[name] === 'number' ? slopes[name] + by : null]),
  );
  const interval = Object.fromEntries(
    Object.entries(slopes.interval ?? {}).map(([name, [low, high]]) => [name, [low + by, high + by] as const]),
  );
  return { ...slopes, ...moved, interval };
}

/** The same with what a measurement of the duality and of the old assumption adds. */
/** Eigenvalues smoothed by a Gaussian, with an error that grows with the density. */
function densityOf(eigenvalues: Float64Array): DensitySummary {
  const d = eigenvalues.length;
  const highest = eigenvalues[0];
  const sigma = 0.015 * highest;
  const grid = Array.from({ length: 300 }, (_, k) => -4 * sigma + ((highest + 8 * sigma) * k) / 299);
  const normalised = 1 / (d * sigma * Math.sqrt(2 * Math.PI));
  const density = grid.map((x) =>
    eigenvalues.reduce((sum, theta) => sum + normalised * Math.exp(-0.5 * ((x - theta) / sigma) ** 2), 0),
  );
  const estimate = (value: number): Estimate => ({ value, standard_error: 0.01 });
  return {
    probes: 8,
    steps: 80,
    seed: 1,
    sigma,
    grid,
    density,
    standard_error: density.map((value) => 0.1 * value),
    lowest: eigenvalues[d - 1],
    highest,
    mean: estimate(eigenvalues.reduce((sum, value) => sum + value, 0) / d),
    mean_square: estimate(eigenvalues.reduce((sum, value) => sum + value * value, 0) / d),
    negative: estimate(0),
    near_zero: estimate(0.9),
    positive: estimate(0.1),
  };
}

export function extendedMeasurement(recipe: Recipe = {}): Measurement {
  const base = measurement(recipe);
  const { eigenvalues, C_diagonal, Q_diagonal } = base.arrays;
  if (!eigenvalues || !C_diagonal || !Q_diagonal) throw new Error('the seeded measurement lacks diagonals');
  const noise = normal((recipe.seed ?? 1) + 500);
  const jitter = (value: number, by: number): number => value * 10 ** (by * noise());
  const C_dual_diagonal = C_diagonal.map((value) => jitter(27 * value ** 0.93, 0.12));
  const dual_spread = eigenvalues.map((value) => jitter(0.02 * Math.abs(value) ** 0.45, 0.15));
  const over = (cutoff: number): number[] =>
    [...eigenvalues.keys()].filter((i) => eigenvalues[i] > cutoff * eigenvalues[0]);
  const slope = (x: Float64Array, y: Float64Array, chosen: readonly number[]): DualSlope => {
    const { ols, r_squared } = fit(chosen.map((i) => x[i]), chosen.map((i) => y[i]), 0.03); // prettier-ignore
    return { slope: ols, r_squared, ...(ols === null ? {} : { interval: [ols - 0.03, ols + 0.03] as const }) };
  };
  const cutoffs = base.summary.gamma.training_set.map(({ cutoff }) => cutoff);
  const duality: DualitySummary = {
    seed: 3,
    samples_without_input: 0,
    residuals: {},
    moments: {
      all: {
        share: 1,
        trace_ratio: 27,
        rows: cutoffs.map((cutoff) => {
          const chosen = over(cutoff);
          return {
            cutoff,
            n: chosen.length,
            decades: -Math.log10(cutoff),
            isotropy: slope(eigenvalues, dual_spread, chosen),
            C_dual_on_C: slope(C_diagonal, C_dual_diagonal, chosen),
            median_ratio: 27,
          };
        }),
      },
    },
    groups: 20,
  };
  const columns = ([['H', 'G', 'F'], ['E'], ['Q'], ['H2']] as const).map((matrices, k): AssumptionColumn => ({
    matrices,
    cosine: [0.86, 0.999, 0.9, 0.74][k],
    commutator_ratio: 0.16,
    commutator_baseline: base.summary.commutator_baseline,
    rows: Object.fromEntries(
      estimands.map((estimand, e) => [
        estimand,
        cutoffs.map((cutoff) => {
          const value = [1.17, 1.01, 0.96, 0.59][k] - 0.09 * e;
          const width = 0.2 * cutoff ** 0.1;
          return {
            cutoff,
            n: over(cutoff).length,
            decades: -Math.log10(cutoff),
            slope: value,
            r_squared: 0.97,
            ...(k === 3 && e === 1 ? {} : { interval: [value - width, value + width] as const }),
          };
        }),
      ]),
    ) as unknown as AssumptionColumn['rows'],
  }));
  return {
    ...base,
    summary: {
      ...base.summary,
      duality,
      assumptions: { columns, identities: [], within: 'whole' },
      density: densityOf(eigenvalues),
    },
    arrays: { ...base.arrays, C_dual_diagonal, dual_spread },
  };
}

/** With the weights' fluctuations in three modes of sampling, and the mechanism with its null. */
export function fluctuatingMeasurement(recipe: Recipe = {}): Measurement {
  const base = measurement(recipe);
  const { eigenvalues, Q_diagonal } = base.arrays;
  if (!eigenvalues || !Q_diagonal) throw new Error('the seeded measurement lacks diagonals');
  const noise = normal((recipe.seed ?? 1) + 900);
  const H = Array.from({ length: 40 }, (_, i) => eigenvalues[0] * 10 ** (-i / 16));
  const C = H.map((h) => 0.3 * h);
  const setting = { rate: 0.1, momentum: 0, batch: 50, population: 8000 };
  const modes = samplingModes.map((mode): FluctuationMode => {
    const predicted = H.map((h, i) => predictedVariance(h, C[i], { ...setting, mode }));
    const measured = predicted.map((value) => value * (1 + 0.05 * noise()));
    const ranks = [1, 2, 3, 5, 8, 13, 21, 34, 55, 89];
    const variances = ranks.map((k) => 1e-3 * k ** -1.9 * 10 ** (0.05 * noise()));
    const flatness = ranks.map((k, i) => (i === 9 ? null : 4 * k ** -0.8 * 10 ** (0.1 * noise())));
    const random_walk = ranks.map((k) => 1.1e-3 * k ** -2);
    const state = H.map((h) => (h > 0.02 * H[0] ? ('answered' as const) : ('short' as const)));
    return {
      mode,
      steps: 100_000,
      blocks: 64,
      loss: [0.05, 0.05],
      H,
      C,
      measured,
      standard_error: predicted.map((value) => 0.05 * value),
      predicted,
      correlation_times: H.map((h) => 1e4 * h),
      drift: H.map(() => 0),
      state,
      slope: logSlope(H, measured),
      predicted_slope: logSlope(H, predicted),
      median_ratio: 1.003,
      components: {
        snapshots: 500,
        ranks,
        variances,
        random_walk,
        curvature: ranks.map((k) => 0.2 * k ** 0.7),
        noise: ranks.map((k) => 0.06 * k ** 0.7),
        predicted: variances,
        flatness,
        flatness_samples: 8000,
        on_flatness: logSlope(flatness, variances),
        on_curvature: logSlope(ranks, variances),
        on_rank: logSlope(ranks, variances),
        predicted_on_flatness: logSlope(flatness, variances),
        random_walk_on_flatness: logSlope(flatness, random_walk),
      },
    };
  });
  const mean = { value: 3, standard_error: 0.1, batches: 256 };
  return {
    ...base,
    summary: {
      ...base.summary,
      weight_fluctuations: {
        learning_rate: 0.1,
        momentum: 0,
        batch_size: 50,
        population: 8000,
        frozen: true,
        seed: 1,
        burn_in: 10_000,
        directions: H.map((_, i) => i),
        eigenvalues: H,
        modes,
        batch_sharpness: { network: mean, parameter: mean },
        one_step: { measured: mean, second_order: mean, difference: mean, largest_difference: 0.1 },
      },
      mechanism: {
        seed: 1,
        samples: base.summary.samples,
        directions: 96,
        spectra: [],
        largest_norm: 60 * Math.max(...Array.from(Q_diagonal, (q, i) => (eigenvalues[i] > 0 ? q / eigenvalues[i] : 0))),
        positive: true,
        rows: [{ cutoff: 1e-2, n: 40, slope: 0.2, permuted: 0.04, permuted_deviation: 0.02 }],
        profile: H.map((h) => ({ H: h, R: 3 * h ** 0.2, permuted: 2.6 * h ** 0.04, permuted_deviation: 0.2 })),
      },
    },
  };
}
