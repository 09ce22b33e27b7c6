/**
 * The cross-fitted exponent without leakage. Directions found from finitely many samples mix the top of the spectrum into its tail, which pulls the slope along them
 * towards 1. How far depends on the spectrum, the number of samples and the exponent itself; so samples are simulated at this spectrum, and the exponent is
 * sought at which the simulation gives the slope that was measured.
 *
 * Simulated: H_A = (1/n) sum_p x_p x_p^T with x normal of covariance diag(tau) (h_p of rank one), C = H^gamma in the population. Along the eigenvectors u_i of H_A
 * unlimited samples of the other half would give H_ii = sum_j u_ij^2 tau_j and C_ii = sum_j u_ij^2 tau_j^gamma; b(gamma) is the mean slope of log C_ii on
 * log H_ii over the directions that the cutoff selects, and the calibrated value b^-1(measured slope).
 *   n    For x normal E[h_p^2]_ii - H_ii^2 = H_ii^2 + tr(H) H_ii. What the samples show over that is how much more they scatter: n is the size of a half divided
 *        by the median of (Q_ii - H_ii^2) / (H_ii^2 + tr(H) H_ii) over the directions.
 *   tau  The population's eigenvalues, such that those of simulated halves agree with the measured ones rank by rank (fixed-point iteration; sample eigenvalues
 *        are too extreme).
 * The interval is that of the measured slope, widened by the scatter of the slope over simulated halves, through b^-1. What it rests on: C is a power of H in the
 * population, and samples mix directions as Gaussian ones of rank one do. docs/statistics.md has its bias and coverage (`covature validate`).
 */
import type { CalibrationSummary, Estimated } from '../../shared/results.ts';
import type { CutoffRow, Interval } from '../../shared/slopes.ts';
import { Random } from '../../shared/random.ts';
import type { Blas } from '../blas/types.ts';
import { fillBartlett } from './wishart.ts';

export interface CalibrationInput {
  /** Eigenvalues of the two halves, decreasing, and along the directions of each the other half's H_ii and Q_ii. */
  readonly halves: readonly CalibratedHalf[];
  /** Samples of the smaller half. */
  readonly samples: number;
  readonly traceH: number;
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
/** A cutoff is calibrated where it selects at most this share of the simulated directions: those below lend it what leaks. */
const share = 0.75;
const spectrumRounds = 4;
const spectrumDraws = 4;
const draws = 16;
/** Exponents at which b is computed; between them it is linear. */
const grid: readonly number[] = Array.from({ length: 26 }, (_, k) => 0.5 + 0.1 * k);

/** Undefined where nothing can be calibrated: fewer than 3 directions or 8 samples, or no interval. Deterministic in the seed. */
export function calibrate(blas: Blas, input: CalibrationInput): CalibrationSummary | undefined {
  const { halves, rows, seed } = input;
  const chosen = rows.filter((row) => row.gamma.ols !== null && row.gamma.interval?.ols !== undefined);
  const measured = meanSpectrum(halves);
  const size = Math.min(mostDirections, measured.length);
  const samples = Math.round(input.samples / scatterRatio(input));
  if (chosen.length === 0 || size < 3 || !(samples >= 8)) return undefined;
  const simulation = new Simulation(blas, size, samples, seed);
  try {
    const target = measured.subarray(0, size);
    const tau = simulation.population(target);
    const found = simulation.slopes(
      tau,
      chosen.map((row) => row.cutoff),
    );
    return {
      seed,
      draws,
      effective_samples: samples,
      directions: size,
      rows: chosen.map((row, k) => {
        const [low, high] = row.gamma.interval!.ols!;
        const estimated: Estimated = { value: (low + high) / 2, interval: [low, high] };
        const isWhole = size < mostDirections || row.selected <= share * size;
        return {
          cutoff: row.cutoff,
          measured: estimated,
          simulated: isWhole ? invert(found[k], estimated) : null,
          extrapolated: null,
        };
      }),
    };
  } finally {
    simulation.release();
  }
}

/** Positive eigenvalues, the mean of the halves rank by rank. */
function meanSpectrum(halves: readonly CalibratedHalf[]): Float64Array {
  const length = Math.min(...halves.map(({ selection }) => selection.filter((x) => x > 1e-10 * selection[0]).length));
  return Float64Array.from(
    { length },
    (_, i) => halves.reduce((sum, { selection }) => sum + selection[i], 0) / halves.length,
  );
}

/** The median of (Q_ii - H_ii^2) / (H_ii^2 + tr(H) H_ii) over the directions above a hundredth of the largest eigenvalue. */
function scatterRatio({ halves, traceH }: CalibrationInput): number {
  const ratios = halves.flatMap(({ selection, H, Q }) =>
    Array.from(H.keys())
      .filter((i) => selection[i] > 1e-2 * selection[0] && H[i] > 0 && Q[i] > H[i] ** 2)
      .map((i) => (Q[i] - H[i] ** 2) / (H[i] ** 2 + traceH * H[i])),
  );
  ratios.sort((a, b) => a - b);
  // Where all h_p are alike nothing leaks: a very large number of samples.
  return ratios.length === 0 ? 1e-6 : Math.max(ratios[ratios.length >> 1], 1e-6);
}

interface SlopesByExponent {
  /** b and the standard deviation over draws, by entry of the grid. */
  readonly mean: readonly number[];
  readonly deviation: readonly number[];
}

function invert({ mean, deviation }: SlopesByExponent, { value, interval: [low, high] }: Estimated): Estimated | null {
  const at = (slope: number): number => exponentAt(mean, slope);
  const found = at(value);
  if (!(found >= grid[0] && found <= grid[grid.length - 1])) return null;
  const k = Math.min(grid.length - 1, Math.max(0, Math.round((found - grid[0]) / 0.1)));
  // Two halves, found from different samples.
  const directions = (1.96 * deviation[k]) / Math.SQRT2;
  const reach = (half: number): number => Math.hypot(half, directions);
  const interval: Interval = [at(value - reach(value - low)), at(value + reach(high - value))];
  return interval.every(Number.isFinite) ? { value: found, interval } : null;
}

/** Linear between the entries of the grid, and beyond its ends as at them; NaN where b does not increase. */
function exponentAt(mean: readonly number[], slope: number): number {
  let k = 0;
  while (k < mean.length - 2 && slope > mean[k + 1]) k++;
  const rise = mean[k + 1] - mean[k];
  return rise > 1e-3 ? grid[k] + ((slope - mean[k]) / rise) * (grid[k + 1] - grid[k]) : NaN;
}

/** Draws of H_A for diagonal populations. Letters: i direction found, j direction of the population. */
class Simulation {
  readonly #blas: Blas;
  readonly #d: number;
  readonly #samples: number;
  readonly #seed: number;
  readonly #factor: Float64Array;
  readonly #matrix: Float64Array;
  readonly #values: Float64Array;

  constructor(blas: Blas, d: number, samples: number, seed: number) {
    this.#blas = blas;
    this.#d = d;
    this.#samples = samples;
    this.#seed = seed;
    this.#factor = blas.allocate('float64', d * d) as Float64Array;
    this.#matrix = blas.allocate('float64', d * d) as Float64Array;
    this.#values = blas.allocate('float64', d) as Float64Array;
  }

  release(): void {
    for (const array of [this.#factor, this.#matrix, this.#values]) this.#blas.release(array);
  }

  /** Eigenvalues (ascending, in #values) and eigenvectors (rows of #matrix) of a simulated half; the same random numbers for the same draw. */
  #draw(tau: Float64Array, draw: number): void {
    const [d, n, factor] = [this.#d, this.#samples, this.#factor];
    const random = new Random(this.#seed, `calibration ${draw}`);
    const rows = Math.min(n, d);
    factor.fill(0);
    if (n >= d) fillBartlett(random, n, d, factor);
    else for (let at = 0; at < rows * d; at++) factor[at] = random.normal();
    for (let i = 0; i < rows; i++) for (let j = n >= d ? i : 0; j < d; j++) factor[i * d + j] *= Math.sqrt(tau[j] / n);
    this.#blas.gemm(true, false, d, d, rows, 1, factor, d, factor, d, 0, this.#matrix, d);
    this.#blas.eigh(d, this.#matrix, this.#values);
  }

  /** tau with which simulated eigenvalues agree with the measured ones. */
  population(measured: Float64Array): Float64Array {
    const d = this.#d;
    const tau = Float64Array.from(measured);
    for (let round = 0; round < spectrumRounds; round++) {
      const mean = new Float64Array(d);
      for (let draw = 0; draw < spectrumDraws; draw++) {
        this.#draw(tau, draw);
        for (let i = 0; i < d; i++) mean[i] += Math.max(this.#values[d - 1 - i], 0) / spectrumDraws;
      }
      const step = Float64Array.from(measured, (x, i) => (mean[i] > 0 ? Math.log(x / mean[i]) : 0));
      for (let i = 0; i < d; i++) {
        // A running mean over five ranks: single ranks scatter.
        let [sum, count] = [0, 0];
        for (let j = Math.max(0, i - 2); j <= Math.min(d - 1, i + 2); j++, count++) sum += step[j];
        tau[i] *= Math.exp(Math.max(-1, Math.min(1, sum / count)));
      }
    }
    return tau;
  }

  /** b and its scatter at every exponent of the grid, by cutoff. */
  slopes(tau: Float64Array, cutoffs: readonly number[]): SlopesByExponent[] {
    const d = this.#d;
    const all = cutoffs.map(() => grid.map((): number[] => []));
    const powers = grid.map((gamma) => tau.map((x) => x ** gamma));
    for (let draw = 0; draw < draws; draw++) {
      this.#draw(tau, spectrumDraws + draw);
      const found = Array.from({ length: d }, (_, i) => d - 1 - i);
      const largest = this.#values[d - 1];
      const logs = found.map((row) => {
        const values = new Float64Array(grid.length + 1);
        for (let j = 0; j < d; j++) {
          const overlap = this.#matrix[row * d + j] ** 2;
          values[0] += overlap * tau[j];
          for (const [g, power] of powers.entries()) values[g + 1] += overlap * power[j];
        }
        return values.map(Math.log);
      });
      for (const [k, cutoff] of cutoffs.entries()) {
        const chosen = logs.filter((_, i) => this.#values[d - 1 - i] > cutoff * largest);
        for (let g = 0; g < grid.length; g++) {
          const slope = slopeOf(chosen, g + 1);
          if (Number.isFinite(slope)) all[k][g].push(slope);
        }
      }
    }
    return all.map((byGrid) => ({
      mean: byGrid.map((values) => values.reduce((sum, x) => sum + x, 0) / values.length),
      deviation: byGrid.map((values) => {
        const mean = values.reduce((sum, x) => sum + x, 0) / values.length;
        return Math.sqrt(values.reduce((sum, x) => sum + (x - mean) ** 2, 0) / Math.max(1, values.length - 1));
      }),
    }));
  }
}

/** Least squares of entry `column` on entry 0. */
function slopeOf(points: readonly Float64Array[], column: number): number {
  const n = points.length;
  if (n < 3) return NaN;
  let [x, y] = [0, 0];
  for (const point of points) {
    x += point[0] / n;
    y += point[column] / n;
  }
  let [xx, xy] = [0, 0];
  for (const point of points) {
    xx += (point[0] - x) ** 2;
    xy += (point[0] - x) * (point[column] - y);
  }
  return xy / xx;
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
    const at = largest / samples;
    w += weight;
    x += weight * at;
    y += weight * slope;
    xx += weight * at * at;
    xy += weight * at * slope;
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
