/**
 * Symmetric n x n matrices packed by their upper triangles, row by row: entry (i, j), i <= j, at i n - i (i - 1) / 2 + j - i. No scaling: a
 * packed sum over samples unpacks to the sum of the full matrices.
 */
import type { Real } from '../blas/types.ts';

/** n (n + 1) / 2. */
export function packedSize(n: number): number {
  return (n * (n + 1)) / 2;
}

/** out[at...] = the packed factor * v v^T, v = vector[from ... from + n). */
export function packOuter(vector: Real, from: number, n: number, factor: number, out: Real, at: number): void {
  let k = at;
  for (let i = 0; i < n; i++) {
    const x = factor * vector[from + i];
    for (let j = i; j < n; j++) out[k++] = x * vector[from + j];
  }
}

/** out[at...] = the packed factor * (M + M^T) / 2, M = matrix[from ... from + n * n) row-major. */
export function packSymmetric(matrix: Real, from: number, n: number, factor: number, out: Real, at: number): void {
  const half = factor / 2;
  let k = at;
  for (let i = 0; i < n; i++) {
    out[k++] = factor * matrix[from + i * n + i];
    for (let j = i + 1; j < n; j++) out[k++] = half * (matrix[from + i * n + j] + matrix[from + j * n + i]);
  }
}
