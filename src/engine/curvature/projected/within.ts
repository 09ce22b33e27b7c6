/**
 * C, H and Q restricted to the span of the found directions (k x k): their cosines, the commutator ratio and its baseline over random rotations. With all d
 * directions found these are the full matrices' own.
 */
import type { RotationBaseline } from '../../../shared/slopes.ts';
import { secondMomentTask } from './tasks.ts';
import type { Real } from '../../blas/types.ts';
import type { Pool } from '../../parallel/pool.ts';
import { sumOfSquares } from '../vectors.ts';
import { commutatorRatio, leadingOf, leadingValues, rotationBaselines } from '../rotations.ts';
import type { SamplePlan } from './plan.ts';

export interface WithinArgument {
  /** Rows v_i [k, d] and their eigenvalues, decreasing. */
  readonly vectors: Real;
  readonly eigenvalues: Float64Array;
  /** C along them [k, k], and Q_ii [k]. */
  readonly covariance: Float64Array;
  readonly Q: Float64Array;
  readonly d: number;
  readonly seed: number;
  /** Multiply-adds that Q's off-diagonal entries may take; beyond, fewer samples stand for all (64 at the least). Default 1e11. */
  readonly work?: number | undefined;
}

export interface Within {
  readonly cosineCH: number;
  readonly cosineCQ: number;
  /** Samples behind the off-diagonal entries of Q. */
  readonly samples: number;
  readonly commutatorRatio: number;
  readonly baseline: RotationBaseline;
  /** Q along the directions [k, k], over `samples` samples. */
  readonly secondMoment: Float64Array;
}

const secondMomentWork = 1e11;
const fewestSamples = 64;

export async function measureWithin(pool: Pool, plan: SamplePlan, argument: WithinArgument): Promise<Within> {
  const { eigenvalues, covariance, seed } = argument;
  const k = eigenvalues.length;
  const { sum, squaredNorm, samples } = await secondMoment(pool, plan, argument, k);
  const normC = Math.sqrt(sumOfSquares(covariance, 0, k * k));
  let [CH, CQ] = [0, 0];
  for (let i = 0; i < k; i++) CH += covariance[i * k + i] * eigenvalues[i];
  for (let i = 0; i < k * k; i++) CQ += covariance[i] * sum[i];
  const normH = Math.sqrt(sumOfSquares(eigenvalues, 0, k));
  const normQ = Math.sqrt(Math.max(0, squaredNorm));

  // ||CH||^2 and trace(CHCH) in the basis where H is diagonal.
  let [productNorm, trace] = [0, 0];
  for (let i = 0; i < k; i++) {
    for (let j = 0; j < k; j++) {
      const square = covariance[i * k + j] ** 2;
      productNorm += square * eigenvalues[j] ** 2;
      trace += square * eigenvalues[i] * eigenvalues[j];
    }
  }
  const baseline = await baselineOf(pool, k, covariance, eigenvalues, seed);
  return {
    cosineCH: normC * normH > 0 ? CH / (normC * normH) : 0,
    // Where few samples stand for all, the estimated norm of Q may come out too small; no cosine exceeds 1.
    cosineCQ: normC * normQ > 0 ? Math.min(1, CQ / (normC * normQ)) : 0,
    samples,
    commutatorRatio: commutatorRatio(productNorm, trace),
    baseline,
    secondMoment: sum,
  };
}

/**
 * Q [k, k] as a mean over as many samples as the work allows, spread over the plan's order, and ||Q||_F^2: over all samples as it is; over n of
 * them without bias, (||sum q||^2 - sum ||q||^2) / (n (n - 1)).
 */
async function secondMoment(
  pool: Pool,
  plan: SamplePlan,
  { vectors, d, work = secondMomentWork }: WithinArgument,
  k: number,
): Promise<{ readonly sum: Float64Array; readonly squaredNorm: number; readonly samples: number }> {
  const total = plan.order.length;
  const samples = Math.min(total, Math.max(fewestSamples, Math.floor(work / (k * k * d))));
  const pieces = Math.min(samples, 16);
  const results = await Promise.all(
    Array.from({ length: pieces }, (_, i) => {
      const start = Math.floor((i * total) / pieces);
      const count = Math.floor(((i + 1) * samples) / pieces) - Math.floor((i * samples) / pieces);
      return pool.run(secondMomentTask, { directions: pool.reference(vectors), k, start, count });
    }),
  );
  const sum = new Float64Array(k * k);
  let squares = 0;
  for (const result of results) {
    squares += result.squares;
    for (let i = 0; i < sum.length; i++) sum[i] += result.sum[i];
  }
  const ofSum = sumOfSquares(sum, 0, sum.length);
  const squaredNorm = samples === total ? ofSum / total ** 2 : (ofSum - squares) / (samples * (samples - 1));
  for (let i = 0; i < sum.length; i++) sum[i] /= samples;
  return { sum, squaredNorm, samples };
}

/** The rotations of C among the k directions, in which H is diagonal. */
async function baselineOf(
  pool: Pool,
  k: number,
  covariance: Float64Array,
  eigenvalues: Float64Array,
  seed: number,
): Promise<RotationBaseline> {
  const matrix = pool.allocate('float64', k * k);
  const vectors = pool.allocate('float64', k * k);
  matrix.set(covariance);
  for (let i = 0; i < k; i++) vectors[i * k + (k - 1 - i)] = 1;
  const C = await leadingValues(pool, { d: k, matrix, start: vectors });
  const [baseline] = await rotationBaselines(pool, { d: k, C, others: [leadingOf(eigenvalues)], seed });
  for (const array of [matrix, vectors]) pool.blas.release(array);
  return baseline;
}
