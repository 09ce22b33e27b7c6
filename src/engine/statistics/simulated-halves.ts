/**
 * Simulated halves of samples for the calibrated exponent (calibration.ts): H_A = (1/n) sum_p w_p x_p x_p^T with x_p normal of covariance diag(tau) and w_p log-normal of
 * mean 1, its eigenvectors, and the slopes along them that unlimited samples of the other half would show for C = H^gamma.
 *
 * Letters: d directions simulated, n samples of a half, i direction found, j direction of the population.
 */
import { Random } from '../../shared/random.ts';
import type { Blas } from '../blas/types.ts';
import { fillBartlett } from './wishart.ts';

/** The first draws fit the population, the others give slopes. */
export const spectrumDraws = 4;
export const slopeDraws = 16;
const spectrumRounds = 4;
/** Samples drawn one by one, those of the largest w_p; of the others, groups of neighbours in size have their mean w_p and are drawn as Wishart matrices. */
const mostAlone = 3000;
const mostGroups = 8;
/** Rows of a matrix product. */
const rowsAtOnce = 256;

export interface HalvesOptions {
  readonly dimensions: number;
  readonly samples: number;
  /** Standard deviation of log w_p; 0: all w_p are 1. */
  readonly tail: number;
  readonly seed: number;
}

export interface SlopesByExponent {
  /** Mean slope and its standard deviation over draws, by exponent. */
  readonly mean: readonly number[];
  readonly deviation: readonly number[];
}

/** Where the eigenvalues beyond those measured lie, of which only the sum is known: they fall on as a power of the rank, stay at the last one as long as the sum allows, or are all equal. */
export const beyondShapes = ['power', 'flat', 'even'] as const;
export type BeyondShape = (typeof beyondShapes)[number];

export interface Beyond {
  readonly shape: BeyondShape;
  /** Sum of the eigenvalues of a half beyond those measured, above 0. */
  readonly rest: number;
}

/** The sum of the simulated eigenvalues beyond the measured ones comes within this factor (its logarithm) of the measured sum, or there is no population. */
const restWithin = 0.2;

/** Draws of halves for diagonal populations; the same random numbers for every population. Memory: d x d numbers a draw. */
export class SimulatedHalves {
  readonly #blas: Blas;
  readonly #d: number;
  /** (1/n) sum_p w_p x_p x_p^T for tau = 1, by draw. */
  readonly #standard: readonly Float64Array[];
  readonly #matrix: Float64Array;
  readonly #values: Float64Array;

  constructor(blas: Blas, options: HalvesOptions) {
    const d = options.dimensions;
    this.#blas = blas;
    this.#d = d;
    this.#matrix = blas.allocate('float64', d * d) as Float64Array;
    this.#values = blas.allocate('float64', d) as Float64Array;
    this.#standard = Array.from({ length: spectrumDraws + slopeDraws }, (_, draw) =>
      standardHalf(blas, options, new Random(options.seed, `calibration ${draw}`)),
    );
  }

  release(): void {
    for (const array of [...this.#standard, this.#matrix, this.#values]) this.#blas.release(array);
  }

  /**
   * The population's eigenvalues tau [d], such that those of simulated halves agree with the measured ones rank by rank, and beyond these in their sum (fixed-point iteration; sample
   * eigenvalues are too extreme). Null if the directions simulated beyond the measured ones cannot hold that sum.
   * @param measured at most d, decreasing @param beyond needed if they are fewer than d
   */
  population(measured: Float64Array, beyond?: Beyond): Float64Array | null {
    const d = this.#d;
    const known = measured.length;
    const tau = new Float64Array(d);
    tau.set(measured);
    let sum = beyond?.rest ?? 0;
    let off = 0;
    if (beyond !== undefined) fillBeyond(tau, known, beyond.shape, sum);
    for (let round = 0; round < spectrumRounds; round++) {
      const mean = new Float64Array(d);
      for (let draw = 0; draw < spectrumDraws; draw++) {
        this.#decompose(tau, draw);
        for (let i = 0; i < d; i++) mean[i] += Math.max(this.#values[d - 1 - i], 0) / spectrumDraws;
      }
      const step = measured.map((x, i) => (mean[i] > 0 ? Math.log(x / mean[i]) : 0));
      for (let i = 0; i < known; i++) {
        // A running mean over five ranks: single ranks scatter.
        let [total, count] = [0, 0];
        for (let j = Math.max(0, i - 2); j <= Math.min(known - 1, i + 2); j++, count++) total += step[j];
        tau[i] *= Math.exp(Math.max(-1, Math.min(1, total / count)));
      }
      if (beyond === undefined) continue;
      off = Math.log(beyond.rest / mean.subarray(known).reduce((total, x) => total + x, 0));
      sum *= Math.exp(Math.max(-1, Math.min(1, off)));
      fillBeyond(tau, known, beyond.shape, sum);
    }
    return Math.abs(off) < restWithin ? tau : null;
  }

  /** The slope of log C_ii on log H_ii and its scatter over draws at every exponent, by cutoff. @param leading directions that may take part */
  slopes(
    tau: Float64Array,
    cutoffs: readonly number[],
    exponents: readonly number[],
    leading: number,
  ): SlopesByExponent[] {
    const d = this.#d;
    const all = cutoffs.map(() => exponents.map((): number[] => []));
    const powers = exponents.map((gamma) => tau.map((x) => x ** gamma));
    for (let draw = spectrumDraws; draw < spectrumDraws + slopeDraws; draw++) {
      this.#decompose(tau, draw);
      const largest = this.#values[d - 1];
      const logs = Array.from({ length: Math.min(leading, d) }, (_, i) => {
        const row = d - 1 - i;
        const values = new Float64Array(exponents.length + 1);
        for (let j = 0; j < d; j++) {
          const overlap = this.#matrix[row * d + j] ** 2;
          values[0] += overlap * tau[j];
          for (const [g, power] of powers.entries()) values[g + 1] += overlap * power[j];
        }
        return values.map(Math.log);
      });
      for (const [k, cutoff] of cutoffs.entries()) {
        const aboveCutoff = logs.filter((_, i) => this.#values[d - 1 - i] > cutoff * largest);
        for (let g = 0; g < exponents.length; g++) {
          const slope = slopeOf(aboveCutoff, g + 1);
          if (Number.isFinite(slope)) all[k][g].push(slope);
        }
      }
    }
    return all.map((byExponent) => ({
      mean: byExponent.map(meanOf),
      deviation: byExponent.map((values) => {
        const mean = meanOf(values);
        return Math.sqrt(values.reduce((sum, x) => sum + (x - mean) ** 2, 0) / Math.max(1, values.length - 1));
      }),
    }));
  }

  /** Eigenvalues (ascending, in #values) and eigenvectors (rows of #matrix) of a simulated half. */
  #decompose(tau: Float64Array, draw: number): void {
    const d = this.#d;
    const [matrix, standard] = [this.#matrix, this.#standard[draw]];
    const roots = tau.map(Math.sqrt);
    for (let i = 0, at = 0; i < d; i++)
      for (let j = 0; j < d; j++, at++) matrix[at] = roots[i] * roots[j] * standard[at];
    this.#blas.eigh(d, matrix, this.#values);
  }
}

/**
 * The standard deviation of log w_p with which n samples show the given second moment, n sum w^2 / (sum w)^2, in the median over draws: few samples of a heavy tail hold none of its
 * largest, and show less than the tail has.
 */
export function tailShowing(moment: number, samples: number, seed: number): number {
  const random = new Random(seed, 'calibration tail');
  const draws = Math.max(7, Math.min(63, Math.floor(400_000 / samples)));
  const normal = Array.from({ length: draws }, () => Float64Array.from({ length: samples }, () => random.normal()));
  const shown = (tail: number): number => {
    const moments = normal.map((values) => {
      let [sum, squares] = [0, 0];
      for (const value of values) {
        const w = Math.exp(tail * value);
        sum += w;
        squares += w * w;
      }
      return (samples * squares) / (sum * sum);
    });
    return moments.sort((a, b) => a - b)[draws >> 1];
  };
  let [low, high] = [0, mostTail];
  for (let k = 0; k < 20; k++) {
    const middle = (low + high) / 2;
    if (shown(middle) < moment) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

/** Beyond it one sample dominates. */
const mostTail = 4;

/** (1/n) sum_p w_p x_p x_p^T [d, d], x_p standard normal, in the library's memory. */
function standardHalf(blas: Blas, { dimensions: d, samples: n, tail }: HalvesOptions, random: Random): Float64Array {
  const out = blas.allocate('float64', d * d) as Float64Array;
  out.fill(0);
  // Of equal sizes, of which there may be very many, all are one group.
  const weights =
    tail > 0 ? Float64Array.from({ length: n }, () => Math.exp(tail * random.normal() - tail ** 2 / 2)) : null;
  weights?.sort().reverse();
  const alone = weights === null ? 0 : Math.min(n, mostAlone);
  const groups = Math.min(weights === null ? 1 : mostGroups, Math.floor((n - alone) / d));
  const rows = blas.allocate('float64', rowsAtOnce * d) as Float64Array;
  const single = groups === 0 ? n : alone;
  for (let from = 0; from < single; from += rowsAtOnce) {
    const count = Math.min(rowsAtOnce, single - from);
    for (let p = 0; p < count; p++) {
      const scale = Math.sqrt((weights?.[from + p] ?? 1) / n);
      for (let j = 0; j < d; j++) rows[p * d + j] = scale * random.normal();
    }
    blas.gemm(true, false, d, d, count, 1, rows, d, rows, d, 1, out, d);
  }
  blas.release(rows);
  if (groups === 0) return out;
  const factor = blas.allocate('float64', d * d) as Float64Array;
  for (let group = 0; group < groups; group++) {
    const [from, to] = [group, group + 1].map((k) => alone + Math.floor((k * (n - alone)) / groups));
    const weight = weights === null ? 1 : meanOf(Array.from(weights.subarray(from, to)));
    factor.fill(0);
    fillBartlett(random, to - from, d, factor);
    blas.gemm(true, false, d, d, d, weight / n, factor, d, factor, d, 1, out, d);
  }
  blas.release(factor);
  return out;
}

/** Fills tau from `known` on, no eigenvalue above the last known one, with the sum or what of it there is room for. */
function fillBeyond(tau: Float64Array, known: number, shape: BeyondShape, sum: number): void {
  const room = tau.length - known;
  const last = tau[known - 1];
  const rest = Math.min(sum, room * last);
  switch (shape) {
    case 'even':
      tau.fill(rest / room, known);
      return;
    case 'flat':
      for (let j = 0; j < room; j++) tau[known + j] = Math.max(1e-12 * last, Math.min(last, rest - j * last));
      return;
    case 'power': {
      const total = (power: number): number => {
        let sum = 0;
        for (let j = 0; j < room; j++) sum += last * ((known + j + 1) / known) ** -power;
        return sum;
      };
      let [low, high] = [0, 1];
      while (high < 1e4 && total(high) > rest) high *= 2;
      for (let k = 0; k < 60; k++) {
        const middle = (low + high) / 2;
        if (total(middle) > rest) low = middle;
        else high = middle;
      }
      for (let j = 0; j < room; j++) tau[known + j] = last * ((known + j + 1) / known) ** -high;
      return;
    }
    default:
      shape satisfies never;
      throw new Error(`unknown shape ${String(shape)}`);
  }
}

function meanOf(values: readonly number[]): number {
  return values.reduce((sum, x) => sum + x, 0) / values.length;
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
