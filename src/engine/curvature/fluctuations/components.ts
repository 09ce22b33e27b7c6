/**
 * Principal components of a layer's weights over the steps of a stretch, and how flat the loss is along each (Feng & Tu, PNAS 118, e2015617118, 2021):
 * the width of the valley to e times its lowest loss.
 */
import { openedProblem } from '../factors.ts';
import type { ArrayReference, Real } from '../../blas/types.ts';
import type { Pool } from '../../parallel/pool.ts';
import { defineTask, type TaskContext } from '../../parallel/task.ts';
import { spaceOf } from '../projected/space.ts';
import { moveFrom, meanLoss, ownNetwork } from './own-network.ts';

/** The most components to examine, and the largest rank as a share of the snapshots: beyond it, the finite number of snapshots dominates. */
export const mostComponents = 24;
const rankShare = 4;
/** The most numbers in all snapshots together (64 MiB), and the fewest snapshots that are useful. */
const mostNumbers = 2 ** 23;
const mostSnapshots = 500;
const fewestSnapshots = 50;

/** Snapshots of d weights that are kept; 0: too few would fit. */
export function snapshotCount(d: number, steps: number): number {
  const count = Math.min(mostSnapshots, steps, Math.floor(mostNumbers / d));
  return count < fewestSnapshots ? 0 : count;
}

export interface Components {
  readonly ranks: readonly number[];
  readonly variances: readonly number[];
  /** Sum of all components' variances. */
  readonly total: number;
  /** p_k [components, d], unit vectors, in the pool's memory. */
  readonly vectors: Real;
}

/** Of `count` rows [count, d], which are centred in place. Components with less than 1e-12 of the largest variance are left out. */
export function principalComponents(pool: Pool, rows: Real, count: number): Components {
  const { blas } = pool;
  const d = rows.length / count;
  for (let j = 0; j < d; j++) {
    let mean = 0;
    for (let t = 0; t < count; t++) mean += rows[t * d + j];
    mean /= count;
    for (let t = 0; t < count; t++) rows[t * d + j] -= mean;
  }
  const gram = pool.allocate('float64', count * count);
  const values = pool.allocate('float64', count);
  blas.gemm(false, true, count, count, d, 1 / count, rows, d, rows, d, 0, gram, count);
  blas.eigh(count, gram as Float64Array, values as Float64Array);
  const variance = (k: number): number => values[count - k];
  const last = Math.floor(count / rankShare);
  const ranks = [
    ...new Set(Array.from({ length: mostComponents }, (_, m) => Math.round(last ** (m / (mostComponents - 1))))),
  ].filter((k) => k <= d && variance(k) > 1e-12 * variance(1));
  const vectors = pool.allocate('float64', Math.max(1, ranks.length * d));
  for (const [m, k] of ranks.entries()) {
    const weights = gram.subarray((count - k) * count, (count - k + 1) * count);
    const scale = 1 / Math.sqrt(count * variance(k));
    blas.gemv(true, count, d, scale, rows, d, weights, 0, vectors.subarray(m * d, (m + 1) * d));
  }
  let total = 0;
  for (let k = 1; k <= count; k++) total += Math.max(0, variance(k));
  const variances = ranks.map(variance);
  for (const array of [gram, values]) pool.blas.release(array);
  return { ranks, variances, total, vectors };
}

export interface FlatnessArgument {
  readonly parameter: string;
  /** p [d]. */
  readonly direction: ArrayReference;
  /** Samples 0 .. samples - 1 behind the loss. */
  readonly samples: number;
  /** The first guess, > 0. */
  readonly scale: number;
}

/** The width along p at the problem's weights; null if the loss does not reach e times its value within 2^40 times the first guess, or is 0. */
export const flatnessTask = defineTask(
  'flatness',
  (context: TaskContext, argument: FlatnessArgument): number | null => {
    const problem = openedProblem(context);
    const copy = ownNetwork(problem);
    try {
      const space = spaceOf(copy.network, argument.parameter);
      const p = context.blas.open(argument.direction);
      const move = moveFrom(copy.network, space);
      const lossAt = (theta: number): number => {
        move(theta, p);
        return meanLoss(copy, problem, argument.samples);
      };
      const lowest = lossAt(0);
      if (!(lowest > 0)) return null;
      const right = reach((theta) => lossAt(theta) / lowest, argument.scale);
      const left = right === null ? null : reach((theta) => lossAt(-theta) / lowest, right);
      return right === null || left === null ? null : right + left;
    } finally {
      copy.close();
    }
  },
);

/**
 * The first theta > 0 found with ratio(theta) = e, to 1e-3 of itself: doubled or halved from the guess until it is between two values, then by bisection of its logarithm
 * with a step of a parabola through ratio(0) = 1 first. Null if no such theta is found.
 */
export function reach(ratio: (theta: number) => number, guess: number): number | null {
  let [low, high] = [0, guess];
  for (let k = 0; !(ratio(high) >= Math.E); k++) {
    if (k === 40) return null;
    [low, high] = [high, 2 * high];
  }
  for (let k = 0; low === 0; k++) {
    if (k === 60) return null;
    if (ratio(high / 2) >= Math.E) high /= 2;
    else low = high / 2;
  }
  while (high / low > 1.001) {
    const middle = Math.sqrt(low * high);
    if (ratio(middle) >= Math.E) high = middle;
    else low = middle;
  }
  return Math.sqrt(low * high);
}
