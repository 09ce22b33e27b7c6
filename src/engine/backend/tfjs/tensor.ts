/** The tensors of the TensorFlow.js backend, and the library's type. */
import type * as tfjs from '@tensorflow/tfjs-core';
import type { Tensor } from '../types.ts';

/** The module @tensorflow/tfjs-core, of which there must be one: the one that a device was registered with. */
export type Tf = typeof tfjs;
export type Matrix = tfjs.Tensor2D;

/** A matrix on the device. In-place operations put another device tensor in the place of `value`. */
export class TfjsTensor implements Tensor {
  readonly rows: number;
  readonly cols: number;
  value: Matrix;
  kept = false;
  /** Whether the scope that it was made in still has to release it. */
  scoped = true;

  constructor(value: Matrix) {
    [this.rows, this.cols] = value.shape;
    this.value = value;
  }
}

/** A resident table that is larger than the device takes as one buffer: it stays in host memory, and rows are sent when needed. */
export class HostTable implements Tensor {
  readonly rows: number;
  readonly cols: number;
  readonly values: ArrayLike<number>;

  constructor(values: ArrayLike<number>, cols: number) {
    this.rows = values.length / cols;
    this.cols = cols;
    this.values = values;
  }
}

/** Raises an Error for a tensor of another backend. */
export function tfjsTensor(tensor: Tensor): TfjsTensor {
  if (!(tensor instanceof TfjsTensor)) throw new Error('a tensor of another backend was given to the tfjs backend');
  return tensor;
}
