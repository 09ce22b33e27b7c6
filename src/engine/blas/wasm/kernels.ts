/**
 * The exports of the WebAssembly module (assembly/index.ts) as they look from JavaScript. Addresses are bytes from the start of the shared
 * memory, leading dimensions are elements. Nothing is checked here: the callers do.
 */
export interface Kernels {
  /** Bytes of scratch a product writes to; one region a thread, 64-byte aligned. */
  scratchBytes(): number;
  /** Called with 1: not 0 where multiply-adds round once. */
  fused(one: number): number;
  gemm32: Gemm;
  gemm64: Gemm;
  gemv32: Gemv;
  gemv64: Gemv;
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

  // Windows over images (backend/windows.ts).
  gatherPatches: PatchKernel;
  scatterPatches: PatchKernel;
  maxPool: PoolKernel;
  spreadPlaces: PoolKernel;
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

/** maxPool: x, values, places. spreadPlaces: y, places, x. */
export type PoolKernel = (
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
  first: number,
  second: number,
  third: number,
) => void;

/** C = alpha op(A) op(B) + beta C; see `Blas.gemm`. Flags are 0 or 1. */
export type Gemm = (
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
export type Gemv = (
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
