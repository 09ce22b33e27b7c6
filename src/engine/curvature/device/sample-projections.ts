/**
 * What every sample gives along directions v_i from a device: (g_p - g) . v_i, v_i . h_p v_i and |h_p v_i|^2 by tangent passes in float32 over chunks of samples. The
 * samples' own values come back, and the host adds them in float64: no single-precision sum over samples is made.
 */
import type { Tensor } from '../../backend/types.ts';
import type { Real } from '../../blas/types.ts';
import type { Pool } from '../../parallel/pool.ts';
import { emptySums } from '../../statistics/blocks.ts';
import type { ProjectionSums, SampleBlock } from '../../statistics/blocks.ts';
import type { Space } from '../projected/space.ts';
import { linearisedBytes, directionOn, lineariseOn } from './linearised.ts';
import { SampleSink } from './sample-sink.ts';
import type { DeviceSession } from './session.ts';

export interface SampleProjectionsTask {
  readonly space: Space;
  readonly order: Uint32Array;
  /** Consecutive blocks, whose samples the pass covers. */
  readonly blocks: readonly SampleBlock[];
  /** Rows v_i [k, d], and g . v_i [k] with g the mean gradient. */
  readonly vectors: Real;
  readonly centres: Float64Array;
  /** Whether the products of the slopes are wanted too. */
  readonly covariance: boolean;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((share: number) => void) | undefined;
}

export interface SampleProjectionsResult {
  /** [blocks, k]. */
  readonly sums: ProjectionSums;
  /** [k, k]: sum_p of the products of (g_p - g) . v_i and (g_p - g) . v_j; null unless asked for. */
  readonly covariance: Float64Array | null;
}

/** Numbers a sample and direction that come back: v_i . g_p, |h_p v_i|^2, v_i . h_p v_i. */
const width = 3;

export async function deviceSampleProjections(
  session: DeviceSession,
  pool: Pool,
  task: SampleProjectionsTask,
): Promise<SampleProjectionsResult> {
  const { space, order, blocks, vectors, centres, signal } = task;
  const k = centres.length;
  const [from, to] = [blocks[0].start, blocks[blocks.length - 1].end];
  const sums = emptySums(blocks.length, k);
  const covariance = task.covariance ? pool.allocate('float64', k * k) : null;
  let block = 0;
  await session.run<null, readonly Real[]>(
    from,
    to,
    () => {
      const { bytes, largest } = linearisedBytes(session.problem.network, space);
      return session.fitting(bytes, largest);
    },
    {
      prepare: () => null,
      enqueue: (problem, _, start, count) => {
        signal?.throwIfAborted();
        const { backend, network } = problem;
        const { lossDelta, stop } = lineariseOn(problem, space, order, start, count);
        const bySample = (rows: Tensor): Tensor => backend.reshape(rows, count, (rows.rows * rows.cols) / count);
        const readings = Array.from({ length: k }, (_, i) =>
          backend.scope(() => {
            const weights = directionOn(space, backend, vectors.subarray(i * space.d, (i + 1) * space.d));
            const sink = new SampleSink(space, backend, count);
            const yDot = network.tangent({ weights }, sink, stop);
            const slope = yDot === null ? backend.zeros(count, 1) : backend.rowDot(bySample(lossDelta), bySample(yDot));
            return backend.read(backend.concatColumns([slope, sink.measure(weights)]));
          }),
        );
        return Promise.all(readings);
      },
      settle: (values, start, count) => {
        const slopes = pool.allocate('float64', covariance === null ? 0 : count * k);
        for (let p = 0; p < count; p++) {
          while (start + p >= blocks[block].end) block++;
          for (let i = 0; i < k; i++) {
            const offset = block * k + i;
            const slope = values[i][p * width] - centres[i];
            if (covariance !== null) slopes[p * k + i] = slope;
            sums.gradient[offset] += slope;
            sums.squaredGradient[offset] += slope * slope;
            sums.squaredCurvature[offset] += values[i][p * width + 1];
            sums.curvature[offset] += values[i][p * width + 2];
          }
        }
        if (covariance !== null) pool.blas.gemm(true, false, k, k, count, 1, slopes, k, slopes, k, 1, covariance, k);
        pool.blas.release(slopes);
        task.onProgress?.((start + count - from) / (to - from));
      },
      finish: () => undefined,
    },
  );
  const copy = covariance === null ? null : Float64Array.from(covariance);
  if (covariance !== null) pool.blas.release(covariance);
  return { sums, covariance: copy };
}
