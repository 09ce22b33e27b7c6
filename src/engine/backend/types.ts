/**
 * The operations that a network and its curvature need, and nothing else. Layers (engine/network) and curvature code are written once over
 * this interface; an implementation is the CPU on a BLAS (cpu.ts) or TensorFlow.js (tfjs.ts).
 *
 * Every tensor is a row-major matrix [rows, cols] of the backend's precision; layers know the finer shape (an image batch
 * is [samples * height * width, channels]). Operations return new tensors, none changes an argument unless it says so. A tensor lives until
 * the `scope` in which it was made ends, except those that `keep` was called on, which live until `release`.
 */
import type { ActivationFunction } from '../../shared/model.ts';
import type { Precision, Real } from '../blas/types.ts';

export interface Tensor {
  readonly rows: number;
  readonly cols: number;
}

/** Which derivative of an elementwise function: 0 its value, 1 the first, 2 the second. */
export type Order = 0 | 1 | 2;

export interface Backend {
  /** For people: "cpu (OpenBLAS 0.3.21, float64)". */
  readonly name: string;
  readonly precision: Precision;

  /** Runs `body`; every tensor made in it is released at its end unless kept. Scopes nest. */
  scope<T>(body: () => T): T;
  /** Takes a tensor out of its scope. */
  keep<T extends Tensor>(tensor: T): T;
  /** Frees a kept tensor. */
  release(tensor: Tensor): void;

  /** A tensor of these values (copied). Raises an Error unless values.length = rows * cols. */
  from(values: ArrayLike<number>, rows: number, cols: number): Tensor;
  zeros(rows: number, cols: number): Tensor;
  /** A resident table of rows (a data set) for `rowsOf`; kept. The cpu backend uses the array itself where it can: do not change it. */
  table(values: Real, cols: number): Tensor;
  /** [count, cols]: the rows of a table numbered indices[start], ..., indices[start + count - 1]. */
  rowsOf(table: Tensor, indices: Uint32Array, start: number, count: number): Tensor;
  /** The values, in host memory. */
  read(tensor: Tensor): Promise<Real>;
  /** Overwrites a kept tensor with the values of another of its size. */
  assign(target: Tensor, source: Tensor): void;
  /** The same values seen as [rows, cols]; no copy. */
  reshape(tensor: Tensor, rows: number, cols: number): Tensor;

  /** op(a) op(b); op is the transpose where the flag is set. */
  matmul(a: Tensor, b: Tensor, transposeA?: boolean, transposeB?: boolean): Tensor;
  /** a b + bias (a row, [1, cols]) on every row. */
  affine(a: Tensor, b: Tensor, bias: Tensor | null): Tensor;
  add(a: Tensor, b: Tensor): Tensor;
  subtract(a: Tensor, b: Tensor): Tensor;
  /** Elementwise product. */
  multiply(a: Tensor, b: Tensor): Tensor;
  /** a * b + c * d, elementwise. */
  multiplyAdd(a: Tensor, b: Tensor, c: Tensor, d: Tensor): Tensor;
  scale(a: Tensor, factor: number): Tensor;
  /** The row added to every row of a. */
  addRow(a: Tensor, row: Tensor): Tensor;
  /** Row p of a times column[p]. */
  scaleRows(a: Tensor, column: Tensor): Tensor;
  /** [rows, 1]: sum_j a_pj b_pj. */
  rowDot(a: Tensor, b: Tensor): Tensor;
  /** [1, cols]: sum over rows. */
  columnSums(a: Tensor): Tensor;
  /** The derivative of the given order of an activation, elementwise. Order 2 of relu is 0 (its kink has measure zero). */
  activate(fn: ActivationFunction, order: Order, z: Tensor): Tensor;
  /** softmax of every row. */
  softmax(y: Tensor): Tensor;
  /** [rows, 1]: log sum_j exp(y_pj), computed without overflow. */
  logSumExp(y: Tensor): Tensor;

  /** target = alpha op(a) op(b) + beta target, in place; target is a kept tensor [op(a).rows, op(b).cols]. */
  accumulate(
    target: Tensor,
    alpha: number,
    a: Tensor,
    transposeA: boolean,
    b: Tensor,
    transposeB: boolean,
    beta: number,
  ): void;
  /** target = alpha a + beta target, elementwise, in place; target is a kept tensor of a's size. */
  blend(target: Tensor, alpha: number, a: Tensor, beta: number): void;
}
