/**
 * G and F along directions (../assumptions/forms.ts) from a device: the outputs of every sample and their derivatives along each direction in float32, by chunks of samples. They come back,
 * and the host computes the loss at the outputs and the forms in float64: near a confident answer 1 - q would be lost in single precision.
 */
import { dataOf } from '../../backend/cpu.ts';
import type { Real } from '../../blas/types.ts';
import type { Network } from '../../network/network.ts';
import type { Pool } from '../../parallel/pool.ts';
import { addForms, lossAt } from '../assumptions/forms.ts';
import type { DeviceForms } from '../assumptions/span.ts';
import type { Space } from '../projected/space.ts';
import { directionOn, linearisedBytes, lineariseOn } from './linearised.ts';
import type { DeviceSession } from './session.ts';

/** Samples that the host takes at once. */
const hostPiece = 64;

/** @param network on the cpu in float64 */
export function deviceSpanForms(
  session: DeviceSession,
  pool: Pool,
  network: Network,
  task: {
    readonly space: Space;
    readonly order: Uint32Array;
    readonly targets: Real;
    readonly signal?: AbortSignal | undefined;
  },
): DeviceForms {
  const { blas } = pool;
  const { space, order, signal } = task;
  const { backend: host, loss, outputSize: K } = network;
  return async ({ blocks, vectors, k, whole }) => {
    const [from, to] = [blocks[0].start, blocks[blocks.length - 1].end];
    const zeros = (): Float64Array => new Float64Array(blocks.length * k);
    const matrices = whole ? { G: pool.allocate('float64', k * k), F: pool.allocate('float64', k * k) } : null;
    const sums = { G: zeros(), F: zeros(), matrices };
    let block = 0;
    const limit = (): number => {
      const { bytes, largest } = linearisedBytes(session.problem.network);
      return session.fitting(bytes + 4 * k * K, largest);
    };
    await session.run<null, readonly Real[]>(from, to, limit, {
      prepare: () => null,
      enqueue: (problem, _, start, count) => {
        signal?.throwIfAborted();
        const { backend } = problem;
        lineariseOn(problem, space, order, start, count);
        const readings = Array.from({ length: k }, (_, i) =>
          backend.scope(() => {
            const weights = directionOn(space, backend, vectors.subarray(i * space.d, (i + 1) * space.d));
            return backend.read(problem.network.outputTangent({ weights }) ?? backend.zeros(count, K));
          }),
        );
        return Promise.all([backend.read(problem.network.output), ...readings]);
      },
      settle: ([outputs, ...derivatives], start, count) => {
        for (let first = 0; first < count; first += hostPiece) {
          const samples = Math.min(hostPiece, count - first);
          const of = (values: Real): Real => values.subarray(first * K, (first + samples) * K);
          host.scope(() => {
            const y = host.from(of(outputs), (samples * K) / loss.width, loss.width);
            loss.reset();
            const targets = host.table(task.targets, network.targetSize, false);
            loss.gradient(host, y, host.rowsOf(targets, order, start + first, samples));
            const [moved, scores, curved] = [0, 1, 2].map(() => dataOf(host.zeros(samples, k * K)));
            for (const [i, values] of derivatives.entries())
              for (let p = 0; p < samples; p++) moved.set(of(values).subarray(p * K, (p + 1) * K), (p * k + i) * K);
            addForms(blas, sums, lossAt(network, host, y), moved, { scores, curved }, samples, k, (p) => {
              while (start + first + p >= blocks[block].end) block++;
              return block;
            });
          });
        }
      },
      finish: () => undefined,
    });
    const copies = matrices && { G: Float64Array.from(matrices.G), F: Float64Array.from(matrices.F) };
    if (matrices !== null) for (const array of [matrices.G, matrices.F]) blas.release(array);
    return { G: sums.G, F: sums.F, matrices: copies };
  };
}
