/**
 * The cross-fitted exponent without leakage. Directions found from finitely many samples mix the top of the spectrum into its tail, which pulls the slope along them
 * towards 1. How far depends on the spectrum, the number of samples and the exponent itself; so samples are simulated at this spectrum, and the exponent is
 * sought at which the simulation gives the slope that was measured.
 *
 * Simulated (simulated-halves.ts): H_A = (1/n) sum_p w_p x_p x_p^T with x normal of covariance diag(tau) (h_p of rank one) and w of mean 1, C = H^gamma in the population.
 * Along the eigenvectors u_i of H_A unlimited samples of the other half would give H_ii = sum_j u_ij^2 tau_j and C_ii = sum_j u_ij^2 tau_j^gamma; b(gamma) is the mean slope
 * of log C_ii on log H_ii over the directions that the cutoff selects, and the calibrated value b^-1(measured slope).
 *   w    For x normal E[h_p^2]_ii = E[w^2] (2 H_ii^2 + tr(H) H_ii). The median over the directions of Q_ii / (2 H_ii^2 + tr(H) H_ii) is E[w^2], which shows how much more
 *        than Gaussian samples these scatter: w is log-normal such that n samples of it show that second moment. Where it is below 1 w is 1, and n is the size of a half divided by the median of
 *        (Q_ii - H_ii^2) / (H_ii^2 + tr(H) H_ii): samples that scatter less count for more.
 *   tau  The population's eigenvalues, such that those of simulated halves agree with the measured ones rank by rank. Where only the leading ones were measured, the rest of
 *        tr H lies beyond them in a form that is not known: three are simulated, the value is that of a power law of the rank, and the interval holds those of all three.
 * The interval is that of the measured slope, widened by the scatter of the slope over simulated halves, through b^-1. What it rests on: C is a power of H in the
 * population, samples mix directions as such ones do, and halves are of one size. docs/statistics.md has its bias and coverage (`covature validate`).
 */
import type { CalibrationSummary, Estimated } from '../../shared/results.ts';
import type { CutoffRow, Interval } from '../../shared/slopes.ts';
import type { Blas } from '../blas/types.ts';
import { beyondShapes, SimulatedHalves, slopeDraws, tailShowing } from './simulated-halves.ts';
import type { SlopesByExponent } from './simulated-halves.ts';

export interface CalibrationInput {
  /** Eigenvalues of the two halves, decreasing, and along the directions of each the other half's H_ii and Q_ii. */
  readonly halves: readonly CalibratedHalf[];
  /** Samples of the smaller half. */
  readonly samples: number;
  readonly traceH: number;
  /** d, if the halves hold the leading of d directions alone; default: they hold all. */
  readonly dimensions?: number;
  /** Cross-fitted rows with intervals; those without one are left out. */
  readonly rows: readonly CutoffRow[];
  readonly seed: number;
}

export interface CalibratedHalf {
  readonly selection: Float64Array;
  readonly H: Float64Array;
  readonly Q: Float64Array;
}

/** Directions that are simulated, at the most. */
const mostDirections = 400;
/** If only part of the directions was measured: how many times as many directions are simulated in all, and the least number. */
const beyondFactor = 4;
const fewestWithBeyond = 150;
/** A cutoff is calibrated if it selects at most this share of the simulated directions: the leakage comes from those below it. */
const share = 0.75;
/** Second moments of w up to here are taken for those of Gaussian samples. */
const gaussianUpTo = 1.05;
/** Share of the trace by which the eigenvalues found may exceed it. */
const spentWithin = 0.01;
/** Exponents at which b is computed; between them it is linear. */
const grid: readonly number[] = Array.from({ length: 26 }, (_, k) => 0.5 + 0.1 * k);

/** Undefined if nothing can be calibrated: fewer than 3 directions or 8 samples, or no interval. Deterministic in the seed. */
export function calibrate(blas: Blas, input: CalibrationInput): CalibrationSummary | undefined {
  const { halves, rows, seed, traceH } = input;
  const usable = rows.filter((row) => row.gamma.ols !== null && row.gamma.interval?.ols !== undefined);
  const measured = meanSpectrum(halves);
  const count = measured.length;
  const { samples, tail } = scatterOf(input, measured);
  if (usable.length === 0 || count < 3 || !(samples >= 8)) return undefined;
  const all = input.dimensions ?? 0;
  // Where part was measured, room for twice as many more as would hold the rest of the trace if all were like the last.
  const rest = traceH - measured.reduce((sum, x) => sum + x, 0);
  const size =
    all > Math.max(...halves.map(({ selection }) => selection.length)) && count < mostDirections
      ? Math.min(
          mostDirections,
          all,
          Math.max(beyondFactor * count, fewestWithBeyond, Math.ceil(count + (2 * rest) / measured[count - 1])),
        )
      : Math.min(mostDirections, count);
  const isPart = size > count;
  // Traces are estimates: a slightly negative rest counts as zero.
  const isSpent = isPart && rest < -spentWithin * traceH;
  const left = Math.max(rest, 1e-6 * traceH);
  const simulation = new SimulatedHalves(blas, { dimensions: size, samples, tail, seed });
  try {
    const target = measured.subarray(0, size);
    const cutoffs = usable.map((row) => row.cutoff);
    const populations = isSpent
      ? [null]
      : isPart
        ? beyondShapes.map((shape) => simulation.population(target, { shape, rest: left }))
        : [simulation.population(target)];
    const slopes = populations.map((tau) => tau && simulation.slopes(tau, cutoffs, grid, target.length));
    return {
      seed,
      draws: slopeDraws,
      effective_samples: samples,
      tail: tail > 0 ? tail : undefined,
      directions: size,
      measured_directions: isPart ? count : undefined,
      impossible: !populations.includes(null) ? undefined : isSpent ? 'nothing left' : 'too much left',
      rows: usable.map((row, k) => {
        const [low, high] = row.gamma.interval!.ols!;
        const estimated: Estimated = { value: (low + high) / 2, interval: [low, high] };
        const isWhole = size < mostDirections || row.selected <= share * size;
        const values = slopes.map((each) => each && invert(each[k], estimated));
        return {
          cutoff: row.cutoff,
          measured: estimated,
          simulated: isWhole ? joint(values) : null,
          extrapolated: null,
        };
      }),
    };
  } finally {
    simulation.release();
  }
}

/** The first value, with an interval that holds those of all; null if one is missing. */
function joint(values: readonly (Estimated | null)[]): Estimated | null {
  const present = values.filter((each) => each !== null);
  if (present.length < values.length) return null;
  return {
    value: present[0].value,
    interval: [
      Math.min(...present.map(({ interval }) => interval[0])),
      Math.max(...present.map(({ interval }) => interval[1])),
    ],
  };
}

/** Positive eigenvalues, the mean of the halves rank by rank. */
function meanSpectrum(halves: readonly CalibratedHalf[]): Float64Array {
  const length = Math.min(...halves.map(({ selection }) => selection.filter((x) => x > 1e-10 * selection[0]).length));
  return Float64Array.from(
    { length },
    (_, i) => halves.reduce((sum, { selection }) => sum + selection[i], 0) / halves.length,
  );
}

/** How many samples of which tail scatter as these do, by medians over the directions above a hundredth of the largest eigenvalue. */
function scatterOf(
  { halves, traceH, samples, seed }: CalibrationInput,
  measured: Float64Array,
): { readonly samples: number; readonly tail: number } {
  // Negative curvature takes from the trace what it adds to the scatter.
  const trace = Math.max(
    traceH,
    measured.reduce((sum, x) => sum + x, 0),
  );
  const [moments, ratios]: number[][] = [[], []];
  for (const { selection, H, Q } of halves)
    for (const i of selection.keys()) {
      if (!(selection[i] > 1e-2 * selection[0] && H[i] > 0 && Q[i] > H[i] ** 2)) continue;
      moments.push(Q[i] / (2 * H[i] ** 2 + trace * H[i]));
      ratios.push((Q[i] - H[i] ** 2) / (H[i] ** 2 + trace * H[i]));
    }
  const median = (values: number[]): number => values.sort((a, b) => a - b)[values.length >> 1];
  // If all h_p are equal nothing leaks, as with a very large number of samples.
  if (moments.length === 0) return { samples: Math.round(samples / leastRatio), tail: 0 };
  const moment = median(moments);
  if (moment > gaussianUpTo) return { samples, tail: tailShowing(moment, samples, seed) };
  return { samples: Math.round(samples / Math.max(median(ratios), leastRatio)), tail: 0 };
}

const leastRatio = 1e-6;

function invert({ mean, deviation }: SlopesByExponent, { value, interval: [low, high] }: Estimated): Estimated | null {
  const exponentOf = (slope: number): number => exponentAt(mean, slope);
  const exponent = exponentOf(value);
  if (!(exponent >= grid[0] && exponent <= grid[grid.length - 1])) return null;
  const k = Math.min(grid.length - 1, Math.max(0, Math.round((exponent - grid[0]) / 0.1)));
  // Two halves, found from different samples.
  const directions = (1.96 * deviation[k]) / Math.SQRT2;
  const reach = (half: number): number => Math.hypot(half, directions);
  const interval: Interval = [exponentOf(value - reach(value - low)), exponentOf(value + reach(high - value))];
  return interval.every(Number.isFinite) ? { value: exponent, interval } : null;
}

/** Linear between the entries of the grid, and beyond its ends as at them; NaN if b does not increase. */
function exponentAt(mean: readonly number[], slope: number): number {
  let k = 0;
  while (k < mean.length - 2 && slope > mean[k + 1]) k++;
  const rise = mean[k + 1] - mean[k];
  return rise > 1e-3 ? grid[k] + ((slope - mean[k]) / rise) * (grid[k + 1] - grid[k]) : NaN;
}

/** A cross-fitted slope from part of the samples: the mean over disjoint parts of that size. */
export interface SubsampleSlope {
  readonly samples: number;
  readonly slope: number;
  /** Disjoint parts that it is the mean of. */
  readonly subsamples: number;
}

/**
 * The intercept of cross-fitted slopes over 1/P: leakage goes as 1/P to first order. Weighted least squares, each slope's variance taken in proportion to
 * 1/(samples x parts); the interval's half-width is that of the measured slope (all samples) times the factor by which the intercept is more uncertain.
 * Null with fewer than three sizes.
 */
export function extrapolate(slopes: readonly SubsampleSlope[], measured: Estimated): Estimated | null {
  const points = slopes.filter(({ slope }) => Number.isFinite(slope));
  if (points.length < 3) return null;
  const largest = Math.max(...points.map(({ samples }) => samples));
  let [w, x, y, xx, xy] = [0, 0, 0, 0, 0];
  for (const { samples, slope, subsamples } of points) {
    const weight = (samples * subsamples) / largest;
    const inverse = largest / samples;
    w += weight;
    x += weight * inverse;
    y += weight * slope;
    xx += weight * inverse * inverse;
    xy += weight * inverse * slope;
  }
  const determinant = w * xx - x * x;
  const value = (xx * y - x * xy) / determinant;
  // In units of the variance of a slope from all samples.
  const factor = Math.sqrt(xx / determinant);
  const half = ((measured.interval[1] - measured.interval[0]) / 2) * Math.max(1, factor);
  // What the noise of the values does to the slope from all samples is removed from the intercept too.
  const whole = points.find(({ samples }) => samples === largest);
  const middle = value + (measured.value - (whole?.slope ?? measured.value));
  return { value: middle, interval: [middle - half, middle + half] };
}
