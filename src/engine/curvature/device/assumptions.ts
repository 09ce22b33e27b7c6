/**
 * The packed sums of the Fisher matrix and of the Gauss-Newton part (../assumptions/factors.ts says of what) from a device, in chunks like the moments
 * (./moments.ts). Letters: P samples, K targets, s_k dl/dz [P, outer] for the target k, w_k its weight [P, 1].
 */
import type { Backend, Tensor } from '../../backend/types.ts';
import type { Real } from '../../blas/types.ts';
import type { AffineLayer } from '../../network/affine.ts';
import type { Pool } from '../../parallel/pool.ts';
import type { AssumptionBlock } from '../assumptions/factors.ts';
import type { FactorLayout } from '../factors.ts';
import { backwardOn, packSymmetricOn, triangle } from './factors.ts';
import { addParts, readPacked } from './moments.ts';
import { outputHessianOn } from './output-hessian.ts';
import type { DeviceProblem, DeviceSession } from './session.ts';

/** Over samples [from, to) of the order: [leftWidth, blocks * blockWidth]; release when done. */
export async function deviceAssumptionSum(
  session: DeviceSession,
  pool: Pool,
  task: {
    readonly layout: FactorLayout;
    readonly order: Uint32Array;
    readonly blocks: readonly AssumptionBlock[];
    readonly signal?: AbortSignal | undefined;
  },
  [from, to]: readonly [number, number],
): Promise<Real> {
  const { layout, order, blocks, signal } = task;
  const rightWidth = blocks.length * layout.blockWidth;
  const sum = pool.allocate('float64', layout.leftWidth * rightWidth);
  const limit = (): number => {
    const scores = session.problem.network.outputSize * layout.outer;
    const largest = Math.max(layout.leftWidth, rightWidth, scores, layout.outer ** 2);
    return session.fitting(4 * (layout.leftWidth + 3 * rightWidth + 6 * scores + 8 * layout.outer ** 2), 4 * largest);
  };
  await session.run<null, readonly Real[]>(from, to, limit, {
    prepare: () => null,
    enqueue: (problem, _, start, count) => {
      signal?.throwIfAborted();
      const { network, backend } = problem;
      const pass = backwardOn(problem, layout, order, start, count);
      const packed = triangle(layout.outer);
      const of: Readonly<Record<AssumptionBlock, () => Tensor>> = {
        G: () => outputHessianOn(network, backend, pass.layer, true),
        F: () => fisherOn(problem, pass.layer, pass.outputs),
      };
      // F last: its passes overwrite what S_p is made from.
      const made = new Map<AssumptionBlock, Tensor>();
      for (const block of [...blocks].sort((a, b) => (a === 'F' ? 1 : b === 'F' ? -1 : 0)))
        made.set(block, packSymmetricOn(backend, of[block](), layout.outer, packed));
      const right = backend.concatColumns(blocks.map((block) => made.get(block)!));
      return readPacked(problem, layout, pass.input, right);
    },
    settle: (parts) => {
      addParts(sum, parts);
    },
    finish: () => undefined,
  });
  return sum;
}

/** sum_k w_k s_k s_k^T of every sample, [P * outer, outer]. */
function fisherOn({ network, backend }: DeviceProblem, layer: AffineLayer, outputs: Tensor): Tensor {
  const { rows: samples, cols: targets } = outputs;
  const { weights, mass } = network.loss.weights(backend, outputs);
  const isClasses = network.loss.type === 'cross-entropy';
  // 1 - q_k as the sum of the others.
  const others = isClasses ? backend.matmul(weights, backend.from(unitRows(targets, true), targets, targets)) : null;
  const weighted = mass === null ? weights : backend.scaleRows(weights, mass);
  const kept: Tensor[] = [];
  try {
    const scores = Array.from({ length: targets }, (_, k) =>
      backend.scope(() => {
        network.backward(targetGradient(backend, samples, targets, k, weights, others), null, layer);
        const score = backend.keep(backend.scale(layer.delta, 1));
        kept.push(score);
        return score;
      }),
    );
    const moved = scores.map((score, k) => backend.scaleRows(score, backend.columnsOf(weighted, Uint32Array.of(k))));
    const stacked = (parts: readonly Tensor[]): Tensor =>
      backend.reshape(backend.concatColumns(parts), samples * targets, layer.kernel.cols);
    return backend.batchMatmul(stacked(moved), stacked(scores), samples, true, false);
  } finally {
    for (const tensor of kept) backend.release(tensor);
  }
}

/** dl/dy for the target k: q - e_k for classes, e_k else. */
function targetGradient(
  backend: Backend,
  samples: number,
  targets: number,
  k: number,
  weights: Tensor,
  others: Tensor | null,
): Tensor {
  const unit = backend.from(unitRows(targets, false).subarray(k * targets, (k + 1) * targets), 1, targets);
  if (others === null) return backend.repeatRows(unit, samples);
  const mask = backend.from(unitRows(targets, true).subarray(k * targets, (k + 1) * targets), 1, targets);
  return backend.subtract(backend.multiplyRow(weights, mask), backend.multiplyRow(others, unit));
}

/** The identity [n, n], or 1 everywhere but on its diagonal. */
function unitRows(n: number, isComplement: boolean): Float32Array {
  const rows = new Float32Array(n * n).fill(isComplement ? 1 : 0);
  for (let i = 0; i < n; i++) rows[i * n + i] = isComplement ? 0 : 1;
  return rows;
}
