/**
 * The Fisher matrix and the Gauss-Newton part of H as sums over samples, by two routes that share nothing above the layer:
 *   F_p = a_p a_p^T (x) sum_k w_k s_k s_k^T,  s_k = dl/dz for the target k: for cross-entropy the sum over the classes with the model's probabilities
 *         w_k (exact, no sampling of targets; times W_p, the weight of the sample's own loss), for the mean squared error E over a unit Gaussian about the
 *         output, for binary cross-entropy E over independent answers, the last two sum_k with dl/dy = e_k and the loss's own curvature w_k
 *   G_p = a_p a_p^T (x) S_p, S_p from outputs down without second derivatives of what lies between (output-hessian.ts).
 */
import type { ArrayReference, Real } from '../../blas/types.ts';
import { dataOf } from '../../backend/cpu.ts';
import { defineTask, type TaskContext } from '../../parallel/task.ts';
import { openedProblem, passBatch } from '../factors.ts';
import type { FactorLayout } from '../factors.ts';
import { outputHessian } from '../output-hessian.ts';
import { packOuter, packSymmetric } from '../packing.ts';

export type AssumptionBlock = 'F' | 'G';

/** Blocks of a row of the right factor. Where G differs from H the moments have it already (../factors.ts), made in the same way. */
export function assumptionBlocks({ blocks }: FactorLayout): readonly AssumptionBlock[] {
  return blocks === 4 ? ['F'] : ['F', 'G'];
}

export interface AssumptionFactorsArgument {
  readonly layout: FactorLayout;
  readonly order: Uint32Array;
  readonly start: number;
  readonly count: number;
  readonly left: ArrayReference;
  readonly right: ArrayReference;
  readonly row: number;
}

export const assumptionFactorsTask = defineTask(
  'assumptionFactors',
  (context: TaskContext, argument: AssumptionFactorsArgument): void => {
    const problem = openedProblem(context);
    const { network, backend } = problem;
    const { layout, order, start, count, row } = argument;
    const { inner, outer, leftWidth, blockWidth } = layout;
    const left = context.blas.open(argument.left);
    const right = context.blas.open(argument.right);
    const blocks = assumptionBlocks(layout);
    const width = blocks.length * blockWidth;
    backend.scope(() => {
      const { layer, input, outputs } = passBatch(problem, layout, order, start, count);
      for (let p = 0; p < count; p++) packOuter(input, p * inner, inner, 1, left, (row + p) * leftWidth);
      if (blocks.includes('G')) {
        const offset = blocks.indexOf('G') * blockWidth;
        const hessians = outputHessian(network, backend, layer, true).data;
        for (let p = 0; p < count; p++)
          packSymmetric(hessians, p * outer * outer, outer, 1, right, (row + p) * width + offset);
      }
      const isClasses = network.loss.type === 'cross-entropy';
      const given = network.loss.weights(backend, outputs);
      const weights = dataOf(given.weights);
      const mass = given.mass === null ? null : dataOf(given.mass);
      const k = network.outputSize;
      const fisher = backend.zeros(count, outer * outer).data;
      for (let target = 0; target < k; target++) {
        backend.scope(() => {
          const dy = backend.zeros(count, k);
          for (let p = 0; p < count; p++) {
            if (isClasses) for (let j = 0; j < k; j++) dy.data[p * k + j] = weights[p * k + j];
            dy.data[p * k + target] += isClasses ? -1 : 1;
          }
          network.backward(dy, null, layer);
          const score = dataOf(layer.delta);
          for (let p = 0; p < count; p++)
            addOuter(score, p * outer, outer, (mass?.[p] ?? 1) * weights[p * k + target], fisher, p);
        });
      }
      for (let p = 0; p < count; p++) packSymmetric(fisher, p * outer * outer, outer, 1, right, (row + p) * width);
    });
  },
);

function addOuter(score: Real, from: number, n: number, weight: number, out: Real, p: number): void {
  for (let i = 0; i < n; i++) {
    const x = weight * score[from + i];
    for (let j = 0; j < n; j++) out[(p * n + i) * n + j] += x * score[from + j];
  }
}

export interface GaussNewtonFormsArgument {
  readonly layout: FactorLayout;
  readonly order: Uint32Array;
  readonly start: number;
  readonly end: number;
  /** Columns as in block-projections.ts. */
  readonly targets: readonly { readonly columns: ArrayReference; readonly count: number }[];
}

const batchSize = 64;

/** sum_p v_i . G_p v_i over the samples of a block, along each set of directions. */
export const gaussNewtonFormsTask = defineTask(
  'gaussNewtonForms',
  (context: TaskContext, argument: GaussNewtonFormsArgument): Float64Array[] => {
    const problem = openedProblem(context);
    const { blas } = context;
    const { layout, order, targets, end } = argument;
    const { inner, outer } = layout;
    const results = targets.map(({ count }) => new Float64Array(count));
    for (let start = argument.start; start < end; start += batchSize) {
      const samples = Math.min(batchSize, end - start);
      problem.backend.scope(() => {
        const { layer, input } = passBatch(problem, layout, order, start, samples);
        const hessians = outputHessian(problem.network, problem.backend, layer, true).data;
        for (const [index, { columns, count }] of targets.entries()) {
          if (count === 0) continue;
          const width = count * outer;
          const u = problem.backend.take(samples, width).data;
          const moved = problem.backend.take(count, outer).data;
          blas.gemm(false, false, samples, width, inner, 1, input, inner, blas.open(columns), width, 0, u, width);
          for (let p = 0; p < samples; p++) {
            const rows = u.subarray(p * width, (p + 1) * width);
            const hessian = hessians.subarray(p * outer * outer, (p + 1) * outer * outer);
            blas.gemm(false, false, count, outer, outer, 1, rows, outer, hessian, outer, 0, moved, outer);
            for (let i = 0, at = 0; i < count; i++) {
              let sum = 0;
              for (let j = 0; j < outer; j++, at++) sum += rows[at] * moved[at];
              results[index][i] += sum;
            }
          }
        }
      });
    }
    return results;
  },
);
