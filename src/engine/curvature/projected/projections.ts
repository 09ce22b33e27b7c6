/**
 * C_ii, H_ii and Q_ii along given directions v_i [k, d] from every sample: C_ii = Var_p(g_p . v_i), H_ii = mean_p v_i . h_p v_i,
 * Q_ii = mean_p |h_p v_i|^2 (divisor: the number of samples), kept as sums over blocks of samples.
 */
import type { Real } from '../../blas/types.ts';
import type { Pool } from '../../parallel/pool.ts';
import type { ProjectionSums } from '../../statistics/blocks.ts';
import { emptySums } from '../../statistics/blocks.ts';
import type { Half } from '../moments.ts';
import type { SamplePlan } from './plan.ts';
import { blocksOf } from './plan.ts';

export interface Projections {
  readonly k: number;
  /** Numbers of the blocks, which are the rows of the sums. */
  readonly blocks: readonly number[];
  readonly sums: ProjectionSums;
  /** [k, k]: C along the directions, mean_p of (g_p - g) . v_i (g_p - g) . v_j; null unless asked for. */
  readonly covariance: Float64Array | null;
}

/** @param gradient g [d]: any vector near the mean gradient over the samples. */
export async function projectSamples(
  pool: Pool,
  plan: SamplePlan,
  vectors: Real,
  gradient: Float64Array,
  halves: readonly Half[],
  covariance: boolean,
  onProgress?: (share: number) => void,
): Promise<Projections> {
  const d = gradient.length;
  const k = vectors.length / d;
  const centres = Float64Array.from({ length: k }, (_, i) => {
    let sum = 0;
    for (let j = 0; j < d; j++) sum += vectors[i * d + j] * gradient[j];
    return sum;
  });
  const blocks = blocksOf(plan, halves);
  const sums = emptySums(blocks.length, k);
  const lanes = plan.lanes.flatMap((lane, l) => (halves.includes(lane.half) ? [l] : []));
  const directions = pool.reference(vectors);
  let done = 0;
  const results = await Promise.all(
    lanes.map(async (lane) => {
      const result = await pool.run('projections', { lane, directions, centres, covariance });
      onProgress?.(++done / lanes.length);
      return result;
    }),
  );
  const total = covariance ? new Float64Array(k * k) : null;
  for (const [i, result] of results.entries()) {
    const at = (plan.lanes[lanes[i]].firstBlock - blocks[0]) * k;
    sums.curvature.set(result.curvature, at);
    sums.squaredCurvature.set(result.squaredCurvature, at);
    sums.gradient.set(result.gradient, at);
    sums.squaredGradient.set(result.squaredGradient, at);
    if (total !== null && result.covariance !== null)
      for (let j = 0; j < total.length; j++) total[j] += result.covariance[j];
  }
  if (total !== null) {
    const samples = halves.reduce((all, half) => all + plan.sizes[half], 0);
    const means = meansOf({ k, blocks, sums, covariance: null }, plan, blocks);
    for (let i = 0; i < k; i++)
      for (let j = 0; j < k; j++) total[i * k + j] = total[i * k + j] / samples - means.slopes[i] * means.slopes[j];
  }
  return { k, blocks, sums, covariance: total };
}

/** C_ii, H_ii, Q_ii over the samples of some of the blocks; slopes: mean of (g_p - g) . v_i. */
export function meansOf(
  { k, blocks, sums }: Projections,
  plan: SamplePlan,
  chosen: readonly number[],
): { readonly H: Float64Array; readonly C: Float64Array; readonly Q: Float64Array; readonly slopes: Float64Array } {
  const zeros = (): Float64Array => new Float64Array(k);
  const means = { H: zeros(), C: zeros(), Q: zeros(), slopes: zeros() };
  let samples = 0;
  for (const block of chosen) {
    const row = blocks.indexOf(block);
    if (row < 0) throw new Error(`block ${block} was not measured`);
    samples += plan.blocks[block].end - plan.blocks[block].start;
    for (let i = 0; i < k; i++) {
      means.H[i] += sums.curvature[row * k + i];
      means.Q[i] += sums.squaredCurvature[row * k + i];
      means.slopes[i] += sums.gradient[row * k + i];
      means.C[i] += sums.squaredGradient[row * k + i];
    }
  }
  for (let i = 0; i < k; i++) {
    means.H[i] /= samples;
    means.Q[i] /= samples;
    means.slopes[i] /= samples;
    means.C[i] = means.C[i] / samples - means.slopes[i] ** 2;
  }
  return means;
}
