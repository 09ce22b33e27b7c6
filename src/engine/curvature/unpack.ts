/** From packed sums of Kronecker products to the d x d matrix, d = inner * outer; weight (i, k) stands at i * outer + k. */
import type { ArrayReference } from '../blas/types.ts';
import { defineTask, type TaskContext } from '../parallel/task.ts';

export interface UnpackArgument {
  readonly inner: number;
  readonly outer: number;
  /** Packed sums [packedSize(inner), blocks * packedSize(outer)]; two are added (the halves of the samples). */
  readonly sums: readonly ArrayReference[];
  /** Which block, and how many a row has. */
  readonly block: number;
  readonly blocks: number;
  /** Factor on the sums: 1 / number of samples. */
  readonly factor: number;
  /** [d]: g; g g^T is subtracted. null: nothing is. */
  readonly mean: ArrayReference | null;
  /** [d, d]; this piece fills the rows of inner indices [from, to). */
  readonly out: ArrayReference;
  readonly from: number;
  readonly to: number;
}

export const unpackTask = defineTask('unpack', ({ blas }: TaskContext, argument: UnpackArgument): void => {
  const { inner, outer, block, blocks, factor, from, to } = argument;
  const first = blas.open(argument.sums[0]);
  const second = argument.sums.length > 1 ? blas.open(argument.sums[1]) : null;
  const mean = argument.mean === null ? null : blas.open(argument.mean);
  const out = blas.open(argument.out);
  const d = inner * outer;
  const blockWidth = (outer * (outer + 1)) / 2;
  for (let i = from; i < to; i++) {
    for (let j = 0; j < inner; j++) {
      const low = Math.min(i, j);
      const high = Math.max(i, j);
      let at = ((low * (2 * inner - low + 1)) / 2 + high - low) * blocks * blockWidth + block * blockWidth;
      const corner = i * outer * d + j * outer;
      for (let k = 0; k < outer; k++) {
        for (let l = k; l < outer; l++, at++) {
          const value = factor * (second === null ? first[at] : first[at] + second[at]);
          out[corner + k * d + l] = value;
          out[corner + l * d + k] = value;
        }
      }
    }
    if (mean === null) continue;
    for (let k = 0; k < outer; k++) {
      const g = mean[i * outer + k];
      const row = (i * outer + k) * d;
      for (let j = 0; j < d; j++) out[row + j] -= g * mean[j];
    }
  }
});
