/**
 * How the weights of one layer fluctuate while SGD continues at a constant learning rate from a checkpoint, beside what C and H predict: part of a measurement's summary.
 * Letters: P samples, batches of B, eta learning rate, mu momentum, v_i eigendirections of H at the checkpoint, w_t the weights after step t, w_bar their mean over the stretch.
 */
import * as v from 'valibot';
import { modeNames, samplingModes } from './minibatch.ts';
import type { SamplingMode } from './minibatch.ts';
import { batchFactor, epochVariance, stationaryVariance } from './noise-at-work.ts';
import { integer, positive, real } from './validation.ts';

/** A direction gets an answer if it was observed for at least this many of its correlation times: with 20 the ratio to the prediction was 1.5. */
export const leastCorrelationTimes = 200;
/** A direction drifts if the slope of the straight line through its block means is this many standard errors from zero, or if one of them is this many (robust) standard deviations from their median. */
export const driftLimit = 4;
export const excursionLimit = 8;

/** Options; `{}` takes everything from the run. */
export const weightFluctuationsSchema = v.strictObject({
  /** eta, constant over the stretch; default: the run's at its start, 0.1 without a run. */
  learning_rate: v.optional(positive),
  /** mu of the heavy ball, in [0, 1); default: the run's, 0 without a run. No weight decay. */
  momentum: v.optional(real(0, 0.999999)),
  /** B; default: the run's, 50 without a run. */
  batch_size: v.optional(integer(1)),
  /** One stretch of SGD for each mode; default all three. */
  modes: v.optional(v.pipe(v.array(v.picklist(samplingModes)), v.minLength(1)), [...samplingModes]),
  /** Steps observed after the burn-in; with epoch shuffling rounded up to whole epochs. Default 100,000. */
  steps: v.optional(integer(640, 100_000_000), 100_000),
  /** Steps of the burn-in; default a tenth of `steps`. */
  burn_in: v.optional(integer(0, 100_000_000)),
  /** Eigendirections of H, spaced evenly in the logarithm of the eigenvalue. Default 100. */
  directions: v.optional(integer(1, 400), 100),
  /** Whether the other layers are held fixed; default true. */
  frozen: v.optional(v.boolean('expected true or false'), true),
  /** Of the batches; default 1. */
  seed: v.optional(integer(0), 1),
});
export type WeightFluctuationsSpec = v.InferOutput<typeof weightFluctuationsSchema>;

/** The values if there is no run to take them from. */
export const defaultLearningRate = 0.1;

/** Why a direction has no answer: it was observed for too few correlation times, its mean moves, or no stationary variance exists (eta h beyond stability, curvature not positive at w_bar). */
export type DirectionState = 'answered' | 'short' | 'drifting' | 'unstable';

/** A mean over batches with its standard error. */
export interface BatchMean {
  readonly value: number;
  readonly standard_error: number;
  readonly batches: number;
}

/** A slope of logarithms by least squares over n points; null with fewer than 3. */
export interface LogSlope {
  readonly n: number;
  readonly slope: number | null;
  /** Of the slope, from the scatter about the line. */
  readonly standard_error: number | null;
}

/** Principal components of the layer's weights over the steps (Feng & Tu, PNAS 118, e2015617118, 2021). */
export interface FluctuationComponents {
  /** Snapshots of the weights, evenly spaced over the stretch. */
  readonly snapshots: number;
  /** Ranks k of the components taken, from 1, spaced evenly in the logarithm. */
  readonly ranks: readonly number[];
  /** Variance along each (divisor: snapshots). */
  readonly variances: readonly number[];
  /** What a pure random walk with as many snapshots would have, scaled to the same total: ~ 1 / k^2 at the top (Antognini & Sohl-Dickstein, arXiv:1806.08805). */
  readonly random_walk: readonly number[];
  /** p_k^T H p_k and p_k^T C p_k at w_bar. */
  readonly curvature: readonly number[];
  readonly noise: readonly number[];
  /** The variance that these two predict for a stationary w . p_k; null if there is none. */
  readonly predicted: readonly (number | null)[];
  /** theta_right - theta_left with L(w_bar + theta p_k) = e L(w_bar) at both; null if the loss does not get there. */
  readonly flatness: readonly (number | null)[];
  /** Samples behind the flatness. */
  readonly flatness_samples: number;
  /** Slopes of log variance on log flatness (the inverse relation: negative), on log curvature, and of log variance on log rank (random walk: -2). */
  readonly on_flatness: LogSlope;
  readonly on_curvature: LogSlope;
  readonly on_rank: LogSlope;
  /** Slope of the predicted variances on log flatness. */
  readonly predicted_on_flatness: LogSlope;
  /** Slope on log flatness that the variances of the random walk would have. */
  readonly random_walk_on_flatness: LogSlope;
}

export interface FluctuationMode {
  readonly mode: SamplingMode;
  /** Steps observed, and the number of blocks that errors are computed from. */
  readonly steps: number;
  readonly blocks: number;
  /** Mean batch loss over the first and the last quarter of the observed steps. */
  readonly loss: readonly [first: number, last: number];
  /** v_i^T H v_i and v_i^T C v_i at w_bar. */
  readonly H: readonly number[];
  readonly C: readonly number[];
  /** Var_t(w_t . v_i), its standard error, and what H and C predict; null: no prediction. */
  readonly measured: readonly number[];
  readonly standard_error: readonly number[];
  readonly predicted: readonly (number | null)[];
  /** Length of the stretch in correlation times (1 - mu) / (eta h). */
  readonly correlation_times: readonly number[];
  /** t of the drift. */
  readonly drift: readonly number[];
  readonly state: readonly DirectionState[];
  /** Slopes of log variance on log curvature, measured and predicted, over the directions that have an answer. */
  readonly slope: LogSlope;
  readonly predicted_slope: LogSlope;
  /** Median of measured over predicted, over the same; null: none. */
  readonly median_ratio: number | null;
  /** Null if the snapshots of this many weights would not fit into memory. */
  readonly components: FluctuationComponents | null;
}

/** The change of the loss over all samples by one step w - eta g_B of this parameter alone, at the checkpoint. */
export interface MeasuredStep {
  /** E[L(w - eta g_B) - L(w)] over drawn batches, eta g . (g_B - g), whose mean is 0, added to each. */
  readonly measured: BatchMean;
  /** -eta |g|^2 + eta^2 / 2 E[g_B^T H g_B] over the same batches. */
  readonly second_order: BatchMean;
  /** Of the difference of the two, batch by batch: what is beyond second order; 0 up to rounding for a quadratic loss. */
  readonly difference: BatchMean;
  /** The largest |difference| of a batch. */
  readonly largest_difference: number;
}

export interface WeightFluctuationsSummary {
  readonly learning_rate: number;
  readonly momentum: number;
  readonly batch_size: number;
  readonly population: number;
  readonly frozen: boolean;
  readonly seed: number;
  readonly burn_in: number;
  /** Numbers of the directions, from 0 in decreasing order of H_ii at the checkpoint, and H_ii there. */
  readonly directions: readonly number[];
  readonly eigenvalues: readonly number[];
  readonly modes: readonly FluctuationMode[];
  /**
   * E_B[g_B^T H_B g_B / |g_B|^2] at the checkpoint, batches without replacement (Andreyev & Beneventano, arXiv:2412.20553), of all parameters and of this one with the
   * others held; batches without a gradient are left out.
   */
  readonly batch_sharpness: { readonly network: BatchMean; readonly parameter: BatchMean };
  readonly one_step: MeasuredStep;
}

/** The options of a stretch with defaults filled in. */
export interface StretchSetting {
  readonly mode: SamplingMode;
  readonly rate: number;
  readonly momentum: number;
  readonly batch: number;
  readonly population: number;
}

/** Change of the loss over a stretch, of its value at the start, above which the weights had not settled. */
const settledWithin = 0.1;

/** Why the ratios of a stretch say less than they seem to: the other layers moved too, or the training had not come to rest. In whole sentences; none if both hold. */
export function stretchCaveats({ frozen, modes }: Pick<WeightFluctuationsSummary, 'frozen' | 'modes'>): string[] {
  const moving = modes.filter(({ loss: [first, last] }) => Math.abs(last - first) > settledWithin * first);
  const short = (value: number): string => String(Number(value.toPrecision(3)));
  return [
    ...(frozen
      ? []
      : [
          'All layers move, while C and H predict the variance of one layer with the others held: the ratios test both together.',
        ]),
    ...(moving.length === 0
      ? []
      : [
          `The weights had not settled: the loss went from ${moving.map(({ mode, loss: [first, last] }) => `${short(first)} to ${short(last)} (${modeNames[mode]})`).join(', ')} over the stretch, so no ratio and no slope says anything about a stationary state.`,
        ]),
  ];
}

/** Sizes of the batches of one epoch. */
export function epochSizes(population: number, batch: number): number[] {
  return Array.from({ length: Math.ceil(population / batch) }, (_, a) => Math.min(batch, population - a * batch));
}

/**
 * The variance of w . v about a quadratic minimum of curvature h with single-sample noise C along v, by the mode of sampling; NaN if there is no stationary one.
 * Independent batches: `stationaryVariance` with p C; epoch shuffling: the mean of `epochVariance` over the steps of an epoch.
 */
export function predictedVariance(
  h: number,
  C: number,
  { mode, rate, momentum, batch, population }: StretchSetting,
): number {
  switch (mode) {
    case 'with_replacement':
    case 'without_replacement':
      return stationaryVariance(h, C * batchFactor(batch, population, mode === 'with_replacement'), rate, momentum);
    case 'epoch':
      return epochVariance(h, C, rate, epochSizes(population, batch), momentum).mean;
    default:
      mode satisfies never;
      throw new Error(`unknown mode: ${String(mode)}`);
  }
}

/** Correlation time of w . v in steps: (1 - mu) / (eta h), at least 1; Infinity without curvature. */
export function correlationTime(h: number, rate: number, momentum: number): number {
  return h > 0 ? Math.max(1, (1 - momentum) / (rate * h)) : Infinity;
}

/** The slope of log y on log x over the pairs of positive numbers. */
export function logSlope(xs: readonly (number | null)[], ys: readonly (number | null)[]): LogSlope {
  const points: (readonly [number, number])[] = [];
  for (const [i, x] of xs.entries()) {
    const y = ys[i];
    if (x !== null && y !== null && x > 0 && y > 0) points.push([Math.log(x), Math.log(y)]);
  }
  const n = points.length;
  if (n < 3) return { n, slope: null, standard_error: null };
  const mean = (k: 0 | 1): number => points.reduce((sum, point) => sum + point[k], 0) / n;
  const [mx, my] = [mean(0), mean(1)];
  let [sxx, sxy, syy] = [0, 0, 0];
  for (const [x, y] of points) {
    sxx += (x - mx) ** 2;
    sxy += (x - mx) * (y - my);
    syy += (y - my) ** 2;
  }
  if (!(sxx > 0)) return { n, slope: null, standard_error: null };
  const slope = sxy / sxx;
  return { n, slope, standard_error: Math.sqrt(Math.max(0, syy - slope * sxy) / (n - 2) / sxx) };
}

/**
 * PCA variances of a pure random walk of n snapshots in many dimensions, as shares of their sum: component k has 1 / (2 - 2 cos(pi k / n)) of the walk's increments
 * (Antognini & Sohl-Dickstein, NeurIPS 2018, arXiv:1806.08805): 6 / (pi k)^2 for k much smaller than n.
 */
export function randomWalkShares(n: number): number[] {
  const values = Array.from({ length: n - 1 }, (_, k) => 1 / (2 - 2 * Math.cos((Math.PI * (k + 1)) / n)));
  const total = values.reduce((sum, value) => sum + value, 0);
  return values.map((value) => value / total);
}
