/**
 * The exact moments (../moments.ts) from a device: per chunk the packed sums in single precision, in two levels (products of `level` samples, added on the
 * device), read back and added in float64 on the host while the device is at the next chunk.
 */
import type { Tensor } from '../../backend/types.ts';
import type { Real } from '../../blas/types.ts';
import type { SampleLoss } from '../../network/loss.ts';
import type { FactorLayout } from '../factors.ts';
import { splitHalves } from '../moments.ts';
import type { Half, MomentOptions, MomentSums } from '../moments.ts';
import type { Pool } from '../../parallel/pool.ts';
import { packOuterOn, passOn, rightFactorOn, triangle } from './factors.ts';
import type { DeviceProblem, DeviceSession } from './session.ts';

/** Samples of one product on the device: the length of the single-precision sums. */
const level = 512;
/** Bytes of the sums that one product makes. */
const partBytes = 2 ** 28;

interface ChunkSums {
  /** Parts of the packed sums, in order. */
  readonly parts: readonly Real[];
  readonly gradient: Real;
  readonly losses: Real;
  readonly outputs: Real;
}

export async function deviceMomentSums(
  session: DeviceSession,
  pool: Pool,
  targets: Real,
  layout: FactorLayout,
  options: MomentOptions,
): Promise<MomentSums> {
  const { samples } = options;
  const { order, sizeA } = splitHalves(samples, options.seed);
  const d = layout.inner * layout.outer;
  const rightWidth = layout.blocks * layout.blockWidth;
  const packed = layout.leftWidth * rightWidth;
  const bounds: Record<Half, readonly [number, number]> = { A: [0, sizeA], B: [sizeA, samples] };
  const sums = { A: pool.allocate('float64', packed), B: pool.allocate('float64', packed) };
  const gradients = { A: new Float64Array(d), B: new Float64Array(d) };
  let [lossSum, correct] = [0, 0];
  const limit = (): number =>
    session.fitting(
      4 * (layout.leftWidth + 3 * rightWidth + 8 * layout.outer ** 2),
      4 * Math.max(layout.leftWidth, rightWidth, layout.outer ** 2),
    );
  for (const half of ['A', 'B'] as const) {
    const [from, to] = bounds[half];
    let begun = performance.now();
    await session.run<null, ChunkSums>(from, to, limit, {
      prepare: () => null,
      enqueue: (problem, _, start, count) => {
        options.signal?.throwIfAborted();
        return enqueueChunk(problem, layout, order, start, count);
      },
      settle: ({ parts, gradient, losses, outputs }, start, count) => {
        addParts(sums[half], parts);
        for (let i = 0; i < d; i++) gradients[half][i] += gradient[i];
        for (const loss of losses) lossSum += loss;
        correct += countChosen(session.problem.network.loss, outputs, targets, order, start, count);
        options.onProgress?.((start + count) / samples);
        options.seconds.products += (performance.now() - begun) / 1000;
        begun = performance.now();
      },
      finish: () => undefined,
    });
  }
  return { layout, sums, gradients, sizes: { A: sizeA, B: samples - sizeA }, lossSum, correct, order };
}

async function enqueueChunk(
  problem: DeviceProblem,
  layout: FactorLayout,
  order: Uint32Array,
  start: number,
  count: number,
): Promise<ChunkSums> {
  const { backend } = problem;
  const pass = passOn(problem, layout, order, start, count);
  const right = rightFactorOn(problem, layout, pass);
  // Awaited together, so that no failure is missed while waiting for another.
  const [products, gradient, losses, outputs] = await Promise.all([
    readPacked(problem, layout, pass.input, right),
    readProduct(problem, pass.input, pass.delta),
    backend.read(pass.losses),
    backend.read(pass.outputs),
  ]);
  return { parts: products, gradient, losses, outputs };
}

/** Parts, in order, of the packed sum of the left factor, made here from the layer's input, with a right one. */
export function readPacked(
  problem: DeviceProblem,
  layout: FactorLayout,
  input: Tensor,
  right: Tensor,
): Promise<readonly Real[]> {
  const packed = triangle(layout.inner);
  const step = Math.max(1, Math.min(layout.leftWidth, Math.floor(partBytes / 4 / right.cols)));
  const parts: Promise<Real>[] = [];
  for (let from = 0; from < layout.leftWidth; from += step) {
    const left = packOuterOn(problem.backend, input, packed, from, Math.min(from + step, layout.leftWidth));
    parts.push(readProduct(problem, left, right));
  }
  return Promise.all(parts);
}

/** The parts of a packed sum added to those before, in float64. */
export function addParts(sum: Real, parts: readonly Real[]): void {
  let at = 0;
  for (const part of parts) for (let i = 0; i < part.length; i++, at++) sum[at] += part[i];
}

/** left^T right in two levels. */
export function readProduct({ backend }: DeviceProblem, left: Tensor, right: Tensor): Promise<Real> {
  const sum = backend.keep(backend.zeros(left.cols, right.cols));
  try {
    for (let row = 0; row < left.rows; row += level) {
      backend.scope(() => {
        const rows = Math.min(level, left.rows - row);
        const [a, b] = [backend.rowRange(left, row, rows), backend.rowRange(right, row, rows)];
        backend.accumulate(sum, 1, a, true, b, false, row === 0 ? 0 : 1);
      });
    }
    return backend.read(sum);
  } finally {
    backend.release(sum);
  }
}

/** Samples order[start] ... order[start + count - 1] that are predicted correctly, from their outputs and all targets. */
export function countChosen(
  loss: SampleLoss,
  outputs: Real,
  targets: Real,
  order: Uint32Array,
  start: number,
  count: number,
): number {
  const width = loss.targetSize;
  const rows = new Float64Array(count * width);
  for (let p = 0; p < count; p++) {
    const offset = order[start + p] * width;
    rows.set(targets.subarray(offset, offset + width), p * width);
  }
  return loss.correct(outputs, rows);
}
