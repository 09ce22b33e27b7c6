/**
 * The operations that a network and its curvature need, and nothing else. Layers (engine/network) and curvature code are written once over
 * this interface; an implementation is the CPU on a BLAS (cpu.ts) or TensorFlow.js (tfjs/backend.ts).
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

/**
 * Windows over images [height, width, channels]: window (oy, ox) covers kernelHeight x kernelWidth places, those of rows oy * strideY - padTop +
 * ky * dilationY and columns ox * strideX - padLeft + kx * dilationX. A place outside the image is 0 in a patch and no number to a maximum.
 */
export interface Window2d {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  readonly kernelHeight: number;
  readonly kernelWidth: number;
  readonly strideY: number;
  readonly strideX: number;
  readonly dilationY: number;
  readonly dilationX: number;
  readonly padTop: number;
  readonly padLeft: number;
  readonly outHeight: number;
  readonly outWidth: number;
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
  /** `from` without a copy if the products can read the array itself, which must not change while the tensor lives; absent if they never can. */
  borrow?(values: Real, rows: number, cols: number): Tensor;
  zeros(rows: number, cols: number): Tensor;
  /**
   * A table of rows (a data set) for `rowsOf`. The cpu backend may use the array itself: do not change it.
   * @param lasting resident: moved once to where the backend reads it fastest, and kept as long as the backend (default). False: for one or two passes;
   * nothing is copied or kept.
   */
  table(values: Real, cols: number, lasting?: boolean): Tensor;
  /** [count, cols]: the rows of a table numbered indices[start], ..., indices[start + count - 1]. */
  rowsOf(table: Tensor, indices: Uint32Array, start: number, count: number): Tensor;
  /** The values, in host memory. */
  read(tensor: Tensor): Promise<Real>;
  /** Overwrites a kept tensor with the values of another of its size. */
  assign(target: Tensor, source: Tensor): void;
  /** The same values seen as [rows, cols]; no copy. */
  reshape(tensor: Tensor, rows: number, cols: number): Tensor;

  /** op(a) op(b); op is the transpose if the flag is set. */
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
  /**
   * The derivative of the given order of an activation, elementwise. Order 2 of relu is 0 (its kink has measure zero). `coefficient`: the slope of
   * leaky-relu, the alpha of elu; others have none.
   */
  activate(fn: ActivationFunction, order: Order, z: Tensor, coefficient?: number): Tensor;
  /** f'(z) * dy, elementwise: `activate` of order 1 times dy, in one pass. */
  activateBackward(fn: ActivationFunction, z: Tensor, dy: Tensor, coefficient?: number): Tensor;
  /** softmax of every row; an entry of -Infinity gives 0. */
  softmax(y: Tensor): Tensor;
  /** [rows, 1]: log sum_j exp(y_pj), computed without overflow. */
  logSumExp(y: Tensor): Tensor;

  /**
   * With W the sum of a row's targets: losses [rows, 1] = W logSumExp(y) - rowDot(y, targets) and gradient = factor (W softmax(y) - targets), in one pass;
   * absent if the backend has no faster way than those operations.
   */
  crossEntropy?(y: Tensor, targets: Tensor, factor: number): { readonly losses: Tensor; readonly gradient: Tensor };

  /** Entry j of every row times row[j]; row [1, cols]. */
  multiplyRow(a: Tensor, row: Tensor): Tensor;
  /** a * scale + shift with rows scale and shift, on every row; absent if it takes as long as two operations. */
  scaleShift?(a: Tensor, scale: Tensor, shift: Tensor): Tensor;
  /** a x + b y + c with rows a, b and c, on every row; absent likewise. */
  combineRows?(a: Tensor, x: Tensor, b: Tensor, y: Tensor, c: Tensor): Tensor;
  /** [1, cols]: sum_p a_pj b_pj; absent likewise. */
  columnDots?(a: Tensor, b: Tensor): Tensor;
  /** 1 / sqrt(a + epsilon), elementwise. */
  inverseRoot(a: Tensor, epsilon: number): Tensor;
  /** [entries, width]: a row of zeros for each entry of a, but 1 in the column that it names; no column for one outside 0 ... width - 1. */
  oneHot(a: Tensor, width: number): Tensor;
  /** [entries of a, table.cols]: the row of the table that each entry of a names; an entry outside its rows gives zeros. */
  gatherRows(table: Tensor, a: Tensor): Tensor;
  /**
   * The transpose of `gatherRows`, run by run: y [entries of a, cols] in `runs` runs of the same length; row r of each run's [rows, cols] is the sum of
   * the run's rows whose entry of a is r. [runs * rows, cols].
   */
  scatterRows(y: Tensor, a: Tensor, rows: number, runs: number): Tensor;
  /** [rows / count, cols]: the mean over each run of `count` rows. */
  runMeans(a: Tensor, count: number): Tensor;
  /** [rows * count, cols]: every row `count` times in a row. */
  repeatRows(a: Tensor, count: number): Tensor;
  /** x seen as [outer, a, b, inner] with the two middle axes exchanged: [outer * b * a, inner]. */
  swapAxes(x: Tensor, outer: number, a: number, b: number, inner: number): Tensor;
  /**
   * `count` products: a holds `count` matrices one below the other, b too, and so does the result: op(a_i) op(b_i), i < count.
   */
  batchMatmul(a: Tensor, b: Tensor, count: number, transposeA?: boolean, transposeB?: boolean): Tensor;
  /**
   * Scores [count * tokens, tokens] with -Infinity, or a number so low that softmax makes it 0, where the column stands after the row (in its
   * block of `tokens` rows).
   */
  causalMask(scores: Tensor): Tensor;
  /** softmax of `causalMask`; absent if it takes as long as both. */
  causalSoftmax?(scores: Tensor): Tensor;
  /** a * (s - rowDot(s, a)), row by row: the Jacobian of softmax at a, which is symmetric, times s; absent likewise. */
  softmaxJacobian?(a: Tensor, s: Tensor): Tensor;
  /** Rows [start, start + count). */
  rowRange(a: Tensor, start: number, count: number): Tensor;
  /** [rows, indices.length]: column j is column indices[j] of a. */
  columnsOf(a: Tensor, indices: Uint32Array): Tensor;
  /** Matrices of the same number of rows side by side. */
  concatColumns(parts: readonly Tensor[]): Tensor;
  /** hat = (x - mean) rstd, row by row; rstd [rows, 1] = 1 / sqrt(variance + epsilon), the variance with divisor cols. */
  standardise(x: Tensor, epsilon: number): { readonly hat: Tensor; readonly rstd: Tensor };
  /** rstd (u - mean(u) - hat mean(u hat)), row by row: the Jacobian of `standardise`, which is symmetric, times u. */
  standardiseJacobian(u: Tensor, hat: Tensor, rstd: Tensor): Tensor;

  /** [n * outHeight * outWidth, kernelHeight * kernelWidth * channels] from x [n * height * width, channels] (im2col). */
  patches(x: Tensor, window: Window2d): Tensor;
  /** The transpose of `patches` (col2im): overlaps add up. */
  scatterPatches(columns: Tensor, window: Window2d): Tensor;
  /**
   * affine(patches(x), kernel, bias) without all the patches at once; absent if there is no faster way than that. With it come the maps below: its gradient by x,
   * scatterPatches(dz kernel^T), and target = alpha patches(x)^T dz + beta target.
   */
  convolve?(x: Tensor, kernel: Tensor, bias: Tensor | null, window: Window2d): Tensor;
  convolveBack?(dz: Tensor, kernel: Tensor, window: Window2d): Tensor;
  accumulateConvolution?(target: Tensor, alpha: number, x: Tensor, dz: Tensor, window: Window2d, beta: number): void;
  /** `convolveBack` and patches(x)^T dz at once if that takes less than one after the other, else null. */
  convolutionGradients?(
    x: Tensor,
    dz: Tensor,
    kernel: Tensor,
    window: Window2d,
  ): { readonly dx: Tensor; readonly gradient: Tensor } | null;
  /** [n * outHeight * outWidth, channels]: number ky * kernelWidth + kx of the first maximum of every window, among its places in the image. */
  maxPlaces(x: Tensor, window: Window2d): Tensor;
  /**
   * `maxPlaces` and the entries `pick`ed there, in one pass; absent if there is no faster way than those two. If `rectified`, relu of those entries, and a
   * maximum of 0 or less has no place (-1).
   */
  maxPool?(x: Tensor, window: Window2d, rectified: boolean): { readonly values: Tensor; readonly places: Tensor };
  /** The entries of x at such places; 0 if there is no place. */
  pick(x: Tensor, places: Tensor, window: Window2d): Tensor;
  /** The transpose of `pick`: [n * height * width, channels], overlaps add up. */
  spread(y: Tensor, places: Tensor, window: Window2d): Tensor;
  /** [n * outHeight * outWidth, channels]: the mean over every window; all of them within the image. */
  windowMeans(x: Tensor, window: Window2d): Tensor;
  /** The transpose of `windowMeans`. */
  spreadMeans(y: Tensor, window: Window2d): Tensor;

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
