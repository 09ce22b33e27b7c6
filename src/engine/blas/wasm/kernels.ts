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
}

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
