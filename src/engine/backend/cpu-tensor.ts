/** The tensors of the cpu backend. */
import type { Real } from '../blas/types.ts';
import type { Tensor } from './types.ts';

/** Shape is changed when a recycled buffer is handed out again. */
export class CpuTensor implements Tensor {
  rows: number;
  cols: number;
  readonly data: Real;
  /** Byte offset of the data in the memory of the SIMD loops; -1 if it lies elsewhere. */
  readonly at: number;
  /** Shares the data of another tensor: never recycled. */
  readonly isView: boolean;
  kept = false;

  constructor(rows: number, cols: number, data: Real, at: number, isView: boolean) {
    this.rows = rows;
    this.cols = cols;
    this.data = data;
    this.at = at;
    this.isView = isView;
  }
}

/** Raises an Error for a tensor of another backend. */
export function cpuTensor(tensor: Tensor): CpuTensor {
  if (!(tensor instanceof CpuTensor)) throw new Error('a tensor of another backend was given to the cpu backend');
  return tensor;
}

/** The values of a cpu tensor, without a copy; valid until its scope ends. */
export function dataOf(tensor: Tensor): Real {
  return cpuTensor(tensor).data;
}
