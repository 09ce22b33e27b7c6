/**
 * Means over pairs along given directions v_i (V_i = v_i as [in, out], x_pi = V_i^T a_p), without a d x d matrix: a block M_p of blocks.ts gives
 * x_pi . M_p x_pi. With them H_ii and C_ii over the same samples.
 */
import type { ArrayReference, Real } from '../../blas/types.ts';
import { defineTask, type TaskContext } from '../../parallel/task.ts';
import { openedProblem, passBatch } from '../factors.ts';
import type { FactorLayout } from '../factors.ts';
import { outputHessian } from '../output-hessian.ts';
import { DualBlocks } from './blocks.ts';
import type { OutputMoments } from './outputs.ts';
import { sumOfSquares } from '../vectors.ts';

const batchSize = 64;

export interface DualDirectionsArgument {
  readonly layout: FactorLayout;
  readonly order: Uint32Array;
  readonly start: number;
  readonly count: number;
  readonly outputs: ArrayReference;
  readonly classes: Int32Array | null;
  readonly moments: OutputMoments;
  /** [inner, k * outer], as in block-projections.ts. */
  readonly columns: ArrayReference;
  readonly k: number;
}

/** Sums over the samples p of the piece. */
export interface DualDirectionSums {
  /** Samples; those with a_p other than 0. */
  readonly count: number;
  readonly used: number;
  /** sum_p n_c(p) / N and n_c / N less the pair (p, p), over those used: the shares of pairs of one class. */
  readonly within: number;
  readonly withinOthers: number;
  /** [k]: v_i . h_p v_i, g_p . v_i, (g_p . v_i)^2. */
  readonly curvature: Float64Array;
  readonly slope: Float64Array;
  readonly squaredSlope: Float64Array;
  /** [blocks][k], as in `DualBlocks`. */
  readonly blocks: readonly Float64Array[];
  /** Traces: of the blocks, sum_p |g_p|^2, and sum_p g_p [d]. */
  readonly traces: Float64Array;
  readonly squares: number;
  readonly gradient: Float64Array;
}

export const dualDirectionsTask = defineTask(
  'dualDirections',
  (context: TaskContext, argument: DualDirectionsArgument): DualDirectionSums => {
    const problem = openedProblem(context);
    const { blas } = context;
    const { layout, order, classes, moments, k } = argument;
    const { inner, outer } = layout;
    const columns = blas.open(argument.columns);
    const outputs = blas.open(argument.outputs);
    const blocks = new DualBlocks(blas, outer, moments);
    const zeros = (): Float64Array => new Float64Array(k);
    const sums = { curvature: zeros(), slope: zeros(), squaredSlope: zeros(), blocks: blocks.matrices.map(zeros) };
    const traces = new Float64Array(blocks.matrices.length);
    const total = blas.allocate('float64', inner * outer);
    const moved = blas.allocate('float64', Math.max(1, k * outer));
    let [used, within, withinOthers, squares] = [0, 0, 0, 0];
    const end = argument.start + argument.count;
    for (let start = argument.start; start < end; start += batchSize) {
      const count = Math.min(batchSize, end - start);
      problem.backend.scope(() => {
        const { layer, input, delta } = passBatch(problem, layout, order, start, count);
        const hessians = outputHessian(problem.network, problem.backend, layer, false).data;
        const width = k * outer;
        const x = problem.backend.take(count, Math.max(1, width)).data;
        if (k > 0) blas.gemm(false, false, count, width, inner, 1, input, inner, columns, width, 0, x, width);
        blas.gemm(true, false, inner, outer, count, 1, input, inner, delta, outer, 1, total, outer);
        for (let p = 0; p < count; p++) {
          const norm = sumOfSquares(input, p * inner, inner);
          const ofClass = classes?.[start + p] ?? 0;
          const hessian = hessians.subarray(p * outer * outer, (p + 1) * outer * outer);
          const rows = x.subarray(p * width, (p + 1) * width);
          blocks.load(outputs.subarray((start + p) * outer, (start + p + 1) * outer), hessian, norm, ofClass);
          squares += norm * sumOfSquares(delta, p * outer, outer);
          if (norm > 0) {
            used++;
            const size = moments.classes?.[ofClass].count ?? 0;
            within += size / moments.all.count;
            withinOthers += Math.max(0, size - 1) / moments.all.count;
          }
          const forms = (matrix: Real, into: Float64Array): void => {
            if (k === 0) return;
            blas.gemm(false, false, k, outer, outer, 1, rows, outer, matrix, outer, 0, moved, outer);
            for (let i = 0, at = 0; i < k; i++) {
              let sum = 0;
              for (let j = 0; j < outer; j++, at++) sum += moved[at] * rows[at];
              into[i] += sum;
            }
          };
          forms(hessian, sums.curvature);
          for (const [b, matrix] of blocks.matrices.entries()) {
            forms(matrix, sums.blocks[b]);
            let trace = 0;
            for (let j = 0; j < outer; j++) trace += matrix[j * outer + j];
            traces[b] += norm * trace;
          }
          for (let i = 0, at = 0; i < k; i++) {
            let slope = 0;
            for (let j = 0; j < outer; j++, at++) slope += rows[at] * delta[p * outer + j];
            sums.slope[i] += slope;
            sums.squaredSlope[i] += slope * slope;
          }
        }
      });
    }
    const gradient = Float64Array.from(total);
    for (const array of [total, moved]) blas.release(array);
    blocks.release();
    return { count: argument.count, used, within, withinOthers, ...sums, traces, squares, gradient };
  },
);
