/**
 * C_ii, H_ii and Q_ii along given directions v_i [k, d] from every sample: C_ii = Var_p(g_p . v_i), H_ii = mean_p v_i . h_p v_i,
 * Q_ii = mean_p |h_p v_i|^2 (divisor: the number of samples), kept as sums over blocks of samples.
 */
import { projectionsTask } from './tasks.ts';
import type { Real } from '../../blas/types.ts';
import type { Pool } from '../../parallel/pool.ts';
import type { ProjectionSums } from '../../statistics/blocks.ts';
import { emptySums } from '../../statistics/blocks.ts';
import { deviceSampleProjections } from '../device/sample-projections.ts';
import type { DeviceSession } from '../device/session.ts';
import type { Half } from '../moments.ts';
import type { SamplePlan } from './plan.ts';
import { blocksOf } from './plan.ts';
import type { Space } from './space.ts';

export interface SampleProjections {
  readonly k: number;
  /** Numbers of the blocks, which are the rows of the sums. */
  readonly blocks: readonly number[];
  readonly sums: ProjectionSums;
  /** [k, k]: C along the directions, mean_p of (g_p - g) . v_i (g_p - g) . v_j; null unless asked for. */
  readonly covariance: Float64Array | null;
}

export interface ProjectionTask {
  /** Rows v_i [k, d], in the pool's memory. */
  readonly vectors: Real;
  /** g [d]: any vector near the mean gradient over the samples. */
  readonly gradient: Float64Array;
  readonly halves: readonly Half[];
  readonly covariance: boolean;
  readonly onProgress?: ((share: number) => void) | undefined;
}

/** The device that makes the passes in float32 instead of the worker threads. */
export interface ProjectingDevice {
  readonly session: DeviceSession;
  readonly space: Space;
  readonly signal?: AbortSignal | undefined;
}

/** `openProjected` must have run in every worker unless a device is given. */
export async function projectSamples(
  pool: Pool,
  plan: SamplePlan,
  task: ProjectionTask,
  device: ProjectingDevice | null = null,
): Promise<SampleProjections> {
  const { vectors, halves } = task;
  const centres = centresOf(vectors, task.gradient);
  const k = centres.length;
  const blocks = blocksOf(plan, halves);
  const { sums, covariance: total } =
    device === null
      ? await projectByLanes(pool, plan, task, centres, blocks)
      : await deviceSampleProjections(device.session, pool, {
          space: device.space,
          order: plan.order,
          blocks: blocks.map((block) => plan.blocks[block]),
          vectors,
          centres,
          covariance: task.covariance,
          signal: device.signal,
          onProgress: task.onProgress,
        });
  if (total !== null) {
    const samples = halves.reduce((all, half) => all + plan.sizes[half], 0);
    const means = meansOf({ k, blocks, sums, covariance: null }, plan, blocks);
    for (let i = 0; i < k; i++)
      for (let j = 0; j < k; j++) total[i * k + j] = total[i * k + j] / samples - means.slopes[i] * means.slopes[j];
  }
  return { k, blocks, sums, covariance: total };
}

/** g . v_i [k]: subtracted from the slopes, so that their squares do not cancel. */
export function centresOf(vectors: Real, gradient: Float64Array): Float64Array {
  const d = gradient.length;
  return Float64Array.from({ length: vectors.length / d }, (_, i) => {
    let sum = 0;
    for (let j = 0; j < d; j++) sum += vectors[i * d + j] * gradient[j];
    return sum;
  });
}

/** The same sums of one lane alone by the worker threads, in float64: rows are the lane's blocks. */
export function projectLane(pool: Pool, lane: number, vectors: Real, centres: Float64Array): Promise<ProjectionSums> {
  return pool.run(projectionsTask, { lane, directions: pool.reference(vectors), centres, covariance: false });
}

async function projectByLanes(
  pool: Pool,
  plan: SamplePlan,
  { vectors, halves, covariance, onProgress }: ProjectionTask,
  centres: Float64Array,
  blocks: readonly number[],
): Promise<{ readonly sums: ProjectionSums; readonly covariance: Float64Array | null }> {
  const k = centres.length;
  const sums = emptySums(blocks.length, k);
  const lanes = plan.lanes.flatMap((lane, l) => (halves.includes(lane.half) ? [l] : []));
  const directions = pool.reference(vectors);
  let done = 0;
  const results = await Promise.all(
    lanes.map(async (lane) => {
      const result = await pool.run(projectionsTask, { lane, directions, centres, covariance });
      onProgress?.(++done / lanes.length);
      return result;
    }),
  );
  const total = covariance ? new Float64Array(k * k) : null;
  for (const [i, result] of results.entries()) {
    const offset = (plan.lanes[lanes[i]].firstBlock - blocks[0]) * k;
    sums.curvature.set(result.curvature, offset);
    sums.squaredCurvature.set(result.squaredCurvature, offset);
    sums.gradient.set(result.gradient, offset);
    sums.squaredGradient.set(result.squaredGradient, offset);
    if (total !== null && result.covariance !== null)
      for (let j = 0; j < total.length; j++) total[j] += result.covariance[j];
  }
  return { sums, covariance: total };
}

/** C_ii, H_ii, Q_ii over the samples of some of the blocks; slopes: mean of (g_p - g) . v_i. */
export function meansOf(
  { k, blocks, sums }: SampleProjections,
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
