/** The symmetric eigendecomposition: `Blas.eigh` for the WebAssembly kernels. */
import { DivideAndConquer, divideWorkspace } from './divide.ts';
import type { Heap } from './heap.ts';
import type { Kernels } from './kernels.ts';
import { applyReflectors, reflectorWorkspace, tridiagonalise, tridiagonalWorkspace } from './tridiagonal.ts';

/**
 * Eigendecomposition of the symmetric A [n, n] in shared memory; see `Blas.eigh`. Takes 2 n^2 doubles of workspace from the heap.
 * The matrix is first scaled by a power of two (exactly) to entries of size about 1.
 */
export function eigh(
  n: number,
  a: Float64Array,
  eigenvalues: Float64Array,
  heap: Heap,
  kernels: Kernels,
  scratch: number,
): void {
  const size = n * n;
  const largest = largestEntry(n, a);
  if (n === 0) return;
  const exponent = largest > 0 ? Math.floor(Math.log2(largest)) : 0;
  if (exponent !== 0) scale(a, size, -exponent);

  const workElements = Math.max(divideWorkspace(n), tridiagonalWorkspace(n), reflectorWorkspace(n));
  const offset = heap.allocate(8 * (size + workElements));
  try {
    const memory = heap.buffer(offset + 8 * (size + workElements));
    const z = new Float64Array(memory, offset, size);
    const work = new Float64Array(memory, offset + 8 * size, workElements);
    const { d, e, tau } = tridiagonalise(n, a, work, kernels, scratch);
    const order = new DivideAndConquer(n, d, e, z, work, kernels, scratch).solve();
    applyReflectors(n, a, tau, z, work, kernels, scratch);
    order.forEach((row, i) => {
      a.set(z.subarray(row * n, (row + 1) * n), i * n);
      eigenvalues[i] = d[row]!;
    });
  } finally {
    heap.release(offset);
  }
  if (exponent !== 0) scale(eigenvalues, n, exponent);
  if (!(Math.abs(eigenvalues[0]) < Infinity && Math.abs(eigenvalues[n - 1]) < Infinity)) {
    throw new Error(`eigh: an eigenvalue of the ${n} x ${n} matrix exceeds the range of double precision`);
  }
}

/** max |a_ij|. Raises an Error naming the first entry that is not finite. */
function largestEntry(n: number, a: Float64Array): number {
  let largest = 0;
  for (let i = 0; i < n * n; i++) {
    const value = Math.abs(a[i]);
    if (!(value < Infinity)) {
      throw new Error(`eigh: entry [${Math.floor(i / n)}, ${i % n}] of the ${n} x ${n} matrix is ${a[i]}`);
    }
    if (value > largest) largest = value;
  }
  return largest;
}

/** Multiplies by 2^exponent, in two steps so that neither factor overflows. */
function scale(values: Float64Array, count: number, exponent: number): void {
  const half = Math.trunc(exponent / 2);
  const [x, y] = [2 ** half, 2 ** (exponent - half)];
  for (let i = 0; i < count; i++) values[i] = values[i] * x * y;
}
