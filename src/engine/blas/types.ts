/**
 * The dense linear algebra that the engine is built on. Two implementations: `native.ts` (a BLAS and LAPACK of the machine, through
 * koffi) and `wasm.ts` (WebAssembly kernels that are always there). Nothing else in the program multiplies large matrices.
 *
 * All matrices are ROW-major; `ld*` is the distance between the starts of two rows, in elements.
 * Arrays live in memory that worker threads share; a worker opens them by reference, without a copy.
 */
import type { Kernels } from './wasm/kernels.ts';

export type Precision = 'float32' | 'float64';
export type Real = Float32Array | Float64Array;

/** What a worker thread needs to open the same library on the same memory; structured-cloneable. */
export type BlasShare =
  | {
      readonly kind: 'native';
      readonly path: string;
      /** Where arrays lie in a WebAssembly memory. */
      readonly memory?: { readonly module: WebAssembly.Module; readonly memory: WebAssembly.Memory };
    }
  | { readonly kind: 'wasm'; readonly module: WebAssembly.Module; readonly memory: WebAssembly.Memory };

/** An array as it crosses to a worker thread; structured-cloneable. */
export type ArrayReference =
  | { readonly kind: 'native'; readonly array: Real }
  | { readonly kind: 'wasm'; readonly precision: Precision; readonly offset: number; readonly length: number };

/** The WebAssembly loops that run on a memory beside the matrix products. */
export interface Loops {
  readonly kernels: Kernels;
  /** Byte offset of an array in the memory of the kernels; -1 if it lies elsewhere. */
  offset(array: Real): number;
}

export interface Blas {
  readonly kind: 'native' | 'wasm';
  /** For people: "OpenBLAS 0.3.21 (Haswell)", "WebAssembly (SIMD)". */
  readonly name: string;
  /** If the library was loaded from; empty for WebAssembly. */
  readonly path: string;

  /**
   * A zeroed array that every method here reads and writes without copying and that worker threads can share.
   * Raises an Error naming the bytes asked for and the limit when there is no room.
   */
  allocate(precision: Precision, length: number): Real;
  /** Frees an array from `allocate` (does nothing if the garbage collector handles it). The array must not be used again. */
  release(array: Real): void;

  share(): BlasShare;
  reference(array: Real): ArrayReference;
  /** The array that a `reference` made in another thread of the same `share` stands for. */
  open(reference: ArrayReference): Real;

  /**
   * C = alpha op(A) op(B) + beta C, with op(A) [m, k], op(B) [k, n], C [m, n], all of one precision and all from `allocate`
   * (subarrays of such arrays too). op is the transpose if the flag says so; A is then stored [k, m], B [n, k].
   * With beta = 0, C is not read (it may hold NaN).
   */
  gemm(
    transposeA: boolean,
    transposeB: boolean,
    m: number,
    n: number,
    k: number,
    alpha: number,
    a: Real,
    lda: number,
    b: Real,
    ldb: number,
    beta: number,
    c: Real,
    ldc: number,
  ): void;

  /** y = alpha op(A) x + beta y; A stored [m, n]; x and y contiguous. With beta = 0, y is not read. */
  gemv(
    transpose: boolean,
    m: number,
    n: number,
    alpha: number,
    a: Real,
    lda: number,
    x: Real,
    beta: number,
    y: Real,
  ): void;

  /**
   * Eigendecomposition of the symmetric matrix A [n, n] in double precision (both triangles must be filled).
   * On return the ROWS of `a` are orthonormal eigenvectors and `eigenvalues` [n] ascend: A = sum_i w_i row_i^T row_i.
   * Raises an Error when a value is not finite or the iteration does not converge.
   */
  eigh(n: number, a: Float64Array, eigenvalues: Float64Array): void;

  /** Elementwise and window loops with SIMD on arrays from `allocate`; absent if those lie in no WebAssembly memory. */
  readonly loops?: Loops;

  /** How many threads the library itself may use in the next calls from this thread; WebAssembly has one. */
  setThreads(threads: number): void;
}
