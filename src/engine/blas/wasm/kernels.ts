/**
 * The exports of the WebAssembly module (assembly/index.ts) as they look from JavaScript. Addresses are bytes from the start of the shared
 * memory, leading dimensions are elements. Nothing is checked here: the callers do.
 */
export interface Kernels {
  /** Bytes of scratch a product writes to; one region a thread, 64-byte aligned. */
  scratchBytes(): number;
  /** Called with 1: not 0 if multiply-adds round once. */
  fused(one: number): number;
  gemm: Gemm;
  gemv: Gemv;
  /** y = A x for the symmetric A [n, n] in double precision; only its upper triangle is read. */
  symv64(n: number, a: number, lda: number, x: number, y: number): void;

  // Elementwise maps; the first argument is 1 for double precision, 0 for single, n counts elements.
  relu(double: number, n: number, z: number, out: number): void;
  reluBackward(double: number, n: number, z: number, dy: number, out: number): void;
  add(double: number, n: number, x: number, y: number, out: number): void;
  subtract(double: number, n: number, x: number, y: number, out: number): void;
  multiply(double: number, n: number, x: number, y: number, out: number): void;
  scale(double: number, n: number, alpha: number, x: number, out: number): void;
  /** y = alpha x + beta y. */
  blend(double: number, n: number, alpha: number, x: number, beta: number, y: number): void;
  /** Every one of `rows` rows of `bytes` bytes = row. */
  repeatRow(rows: number, bytes: number, row: number, out: number): void;
  /** Rows of `bytes` bytes with the numbers (32 bits each) at `indices`. */
  gatherRows(count: number, bytes: number, table: number, indices: number, out: number): void;

  // Rows and columns of matrices (backend/rows.ts); the first argument is 1 for double precision, 0 for single.
  addRow(double: number, rows: number, cols: number, x: number, row: number, out: number): void;
  multiplyRow(double: number, rows: number, cols: number, x: number, row: number, out: number): void;
  scaleShift(double: number, rows: number, cols: number, x: number, scale: number, shift: number, out: number): void;
  /** out = a x + b y + c with rows a, b and c. */
  combineRows(
    double: number,
    rows: number,
    cols: number,
    a: number,
    x: number,
    b: number,
    y: number,
    c: number,
    out: number,
  ): void;
  scaleRows(double: number, rows: number, cols: number, x: number, column: number, out: number): void;
  rowDots(double: number, rows: number, cols: number, x: number, y: number, out: number): void;
  columnSums(double: number, rows: number, cols: number, x: number, out: number): void;
  columnDots(double: number, rows: number, cols: number, x: number, y: number, out: number): void;
  standardise(double: number, rows: number, cols: number, epsilon: number, x: number, hat: number, rstd: number): void;
  standardiseJacobian(
    double: number,
    rows: number,
    cols: number,
    u: number,
    hat: number,
    rstd: number,
    out: number,
  ): void;
  /** out = a (s - sum_j s_j a_j), row by row. */
  softmaxJacobian(double: number, rows: number, cols: number, a: number, s: number, out: number): void;
  /** Runs of `bytes` bytes, `stepFrom` and `stepTo` bytes apart. */
  copyRows(rows: number, bytes: number, from: number, stepFrom: number, to: number, stepTo: number): void;
  /** [outer, a, b, runs of `bytes` bytes] to [outer, b, a, runs]. */
  swapAxes(outer: number, a: number, b: number, bytes: number, x: number, out: number): void;

  // Exponential functions in single precision; `fn` is the number of an activation (assembly/functions.ts).
  activate32(fn: number, order: number, n: number, z: number, out: number): void;
  activateBackward32(fn: number, n: number, z: number, dy: number, out: number): void;
  softmax32(rows: number, cols: number, x: number, out: number): void;
  causalSoftmax32(rows: number, tokens: number, x: number, out: number): void;
  crossEntropy32(
    rows: number,
    cols: number,
    factor: number,
    y: number,
    targets: number,
    losses: number,
    gradient: number,
  ): void;

  /** `count` products op(A_i) op(B_i), operands and results one after the other; `scratch` holds k n numbers. */
  batchGemm(
    double: number,
    transposeA: number,
    transposeB: number,
    count: number,
    m: number,
    n: number,
    k: number,
    a: number,
    b: number,
    c: number,
    scratch: number,
  ): void;

  // Windows over images (backend/windows.ts).
  gatherPatches: PatchKernel;
  scatterPatches: PatchKernel;
  maxPool: PoolKernel<[x: number, values: number, places: number, rectified: number]>;
  spreadPlaces: PoolKernel<[y: number, places: number, x: number]>;
  /** Images of `height` rows of `rowBytes` bytes each with zeros around, given in bytes. */
  pad(
    images: number,
    height: number,
    rowBytes: number,
    top: number,
    left: number,
    right: number,
    bottom: number,
    x: number,
    padded: number,
  ): void;
  /** z from weights and bias (0: none). */
  convolution: ConvolutionKernel<[w: number, bias: number, z: number]>;
  /** The gradient of the weights, four at least a filter, from that of z. */
  convolutionWeights: ConvolutionKernel<[dz: number, dw: number]>;
}

/** Between an image and its patches; `from` and `to` as in the function of that name in backend/windows.ts. */
export type PatchKernel = (
  double: number,
  images: number,
  height: number,
  width: number,
  channels: number,
  kernelHeight: number,
  kernelWidth: number,
  stride: number,
  padTop: number,
  padLeft: number,
  outHeight: number,
  outWidth: number,
  from: number,
  to: number,
) => void;

/** Over the maxima of windows within the images. */
type PoolKernel<Rest extends readonly number[]> = (
  double: number,
  images: number,
  height: number,
  width: number,
  channels: number,
  kernelHeight: number,
  kernelWidth: number,
  stride: number,
  outHeight: number,
  outWidth: number,
  ...rest: Rest
) => void;

/** Of windows within the images; `row` and `image` are bytes from a row of an image to the next, and from an image to the next. */
type ConvolutionKernel<Rest extends readonly number[]> = (
  double: number,
  images: number,
  channels: number,
  kernelHeight: number,
  kernelWidth: number,
  stride: number,
  outHeight: number,
  outWidth: number,
  filters: number,
  row: number,
  image: number,
  x: number,
  ...rest: Rest
) => void;

/** C = alpha op(A) op(B) + beta C; see `Blas.gemm`. Flags are 0 or 1. */
type Gemm = (
  double: number,
  transposeA: number,
  transposeB: number,
  m: number,
  n: number,
  k: number,
  alpha: number,
  a: number,
  lda: number,
  b: number,
  ldb: number,
  beta: number,
  c: number,
  ldc: number,
  scratch: number,
) => void;

/** y = alpha op(A) x + beta y; see `Blas.gemv`. */
type Gemv = (
  double: number,
  transpose: number,
  m: number,
  n: number,
  alpha: number,
  a: number,
  lda: number,
  x: number,
  beta: number,
  y: number,
) => void;

/** Runs the module on a shared memory. */
export function instantiate(module: WebAssembly.Module, memory: WebAssembly.Memory): Kernels {
  return new WebAssembly.Instance(module, { env: { memory } }).exports as unknown as Kernels;
}
