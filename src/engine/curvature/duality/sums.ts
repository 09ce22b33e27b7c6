/** The means over all pairs as d x d matrices: packed sums of Kronecker products, like the moments themselves (moments.ts). */
import type { ArrayReference, Real } from '../../blas/types.ts';
import type { Pool } from '../../parallel/pool.ts';
import { defineTask, type TaskContext } from '../../parallel/task.ts';
import { openedProblem, passBatch } from '../factors.ts';
import type { FactorLayout } from '../factors.ts';
import { outputHessian } from '../output-hessian.ts';
import { packedSum } from '../moments.ts';
import { packOuter, packSymmetric } from '../packing.ts';
import { DualBlocks } from './blocks.ts';
import type { OutputMoments } from './outputs.ts';
import { sumOfSquares } from '../vectors.ts';

export interface DualFactorsArgument {
  readonly layout: FactorLayout;
  readonly order: Uint32Array;
  readonly start: number;
  readonly count: number;
  /** z [samples, n] and the class of every row of the order (null: no classes). */
  readonly outputs: ArrayReference;
  readonly classes: Int32Array | null;
  readonly moments: OutputMoments;
  readonly left: ArrayReference;
  readonly right: ArrayReference;
  readonly row: number;
}

export const dualFactorsTask = defineTask(
  'dualFactors',
  (context: TaskContext, argument: DualFactorsArgument): void => {
    const problem = openedProblem(context);
    const { layout, order, start, count, row, classes } = argument;
    const { inner, outer, leftWidth, blockWidth } = layout;
    const left = context.blas.open(argument.left);
    const right = context.blas.open(argument.right);
    const outputs = context.blas.open(argument.outputs);
    const blocks = new DualBlocks(context.blas, outer, argument.moments);
    const width = blocks.matrices.length * blockWidth;
    problem.backend.scope(() => {
      const { layer, input } = passBatch(problem, layout, order, start, count);
      const hessians = outputHessian(problem.network, problem.backend, layer, false).data;
      for (let p = 0; p < count; p++) {
        const hessian = hessians.subarray(p * outer * outer, (p + 1) * outer * outer);
        const z = outputs.subarray((start + p) * outer, (start + p + 1) * outer);
        blocks.load(z, hessian, sumOfSquares(input, p * inner, inner), classes?.[start + p] ?? 0);
        packOuter(input, p * inner, inner, 1, left, (row + p) * leftWidth);
        for (const [b, matrix] of blocks.matrices.entries())
          packSymmetric(matrix, 0, outer, 1, right, (row + p) * width + b * blockWidth);
      }
    });
    blocks.release();
  },
);

/** Packed sums over p, blocks as in `DualBlocks`; release when done. */
export function dualSums(
  pool: Pool,
  layout: FactorLayout,
  argument: {
    readonly order: Uint32Array;
    readonly outputs: Real;
    readonly classes: Int32Array | null;
    readonly moments: OutputMoments;
  },
): Promise<Real> {
  const { order, classes, moments } = argument;
  const outputs = pool.reference(argument.outputs);
  const rightWidth = (moments.classes === null ? 2 : 4) * layout.blockWidth;
  return packedSum(pool, { leftWidth: layout.leftWidth, rightWidth }, [0, order.length], (piece) =>
    pool.run(dualFactorsTask, { layout, order, outputs, classes, moments, ...piece }),
  );
}
