/** What the suites of the WebAssembly kernels share: the module, arrays of random numbers, and products by plain double loops. */
import { buildKernels } from '../../../scripts/build-wasm.mjs';
import type { Blas, Precision, Real } from '../../../src/engine/blas/types.ts';
import { openWasmBlas, type WasmBlas } from '../../../src/engine/blas/wasm.ts';
import { loadKernels } from '../../../src/main/blas-module.ts';
import { Random } from '../../../src/shared/random.ts';

export async function openKernels(): Promise<WasmBlas> {
  await buildKernels();
  return openWasmBlas(loadKernels());
}

/** An array of uniform numbers in [-1, 1). */
export function randomArray(blas: Blas, precision: Precision, length: number, seed: number): Real {
  const random = new Random(seed, `array of ${length}`);
  const array = blas.allocate(precision, length);
  for (let i = 0; i < length; i++) array[i] = random.between(-1, 1);
  return array;
}

/** Hexadecimal digest of an array's bits. */
export async function bitsOf(array: Real): Promise<string> {
  const copy = new Uint8Array(array.byteLength);
  copy.set(new Uint8Array(array.buffer, array.byteOffset, array.byteLength));
  return Buffer.from(await crypto.subtle.digest('SHA-256', copy)).toString('hex');
}

/** A symmetric matrix [n, n], row-major. */
export type Symmetric = Float64Array;

export interface Decomposition {
  readonly eigenvalues: Float64Array;
  /** Rows are eigenvectors. */
  readonly vectors: Float64Array;
}

export function decompose(blas: Blas, n: number, matrix: Symmetric): Decomposition {
  const a = blas.allocate('float64', n * n);
  const w = blas.allocate('float64', n);
  a.set(matrix);
  blas.eigh(n, a as Float64Array, w as Float64Array);
  const result = { eigenvalues: Float64Array.from(w), vectors: Float64Array.from(a) };
  blas.release(a);
  blas.release(w);
  return result;
}

/** max_i |A v_i - w_i v_i| / max |w|; 0 for the zero matrix if its vectors are mapped to zero. */
export function residual(n: number, matrix: Symmetric, { eigenvalues, vectors }: Decomposition): number {
  const norm = Math.max(Math.abs(eigenvalues[0]), Math.abs(eigenvalues[n - 1]));
  let worst = 0;
  for (let i = 0; i < n; i++) {
    const v = vectors.subarray(i * n, (i + 1) * n);
    let square = 0;
    for (let r = 0; r < n; r++) {
      let sum = 0;
      for (let j = 0; j < n; j++) sum += (matrix[r * n + j] / (norm || 1)) * v[j];
      square += (sum - (eigenvalues[i] / (norm || 1)) * v[r]) ** 2;
    }
    worst = Math.max(worst, Math.sqrt(square));
  }
  return worst;
}

/** max_ij |v_i . v_j - delta_ij|. */
export function orthogonality(n: number, { vectors }: Decomposition): number {
  let worst = 0;
  for (let i = 0; i < n; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = 0;
      for (let k = 0; k < n; k++) sum += vectors[i * n + k] * vectors[j * n + k];
      worst = Math.max(worst, Math.abs(sum - (i === j ? 1 : 0)));
    }
  }
  return worst;
}
