/** Vectors and small sets of rows. Letters: d length of a row. */
import type { Blas, Real } from '../blas/types.ts';

export function dot(a: Real, b: Real): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}

export function sumOfSquares(values: Real, from: number, count: number): number {
  let sum = 0;
  for (let i = from; i < from + count; i++) sum += values[i] * values[i];
  return sum;
}

/** The lower triangle of [n, n] copied to the upper. */
export function symmetrise(matrix: Real, n: number): void {
  for (let i = 0; i < n; i++) for (let j = 0; j < i; j++) matrix[j * n + i] = matrix[i * n + j];
}

/**
 * out = an orthonormal basis of the row space of `rows` [count, d]: with G = rows rows^T = U L U^T, L^(-1/2) U^T rows. A direction whose eigenvalue is at most `least` of
 * the largest becomes zero. `gram` [count, count] and `values` [count] are overwritten.
 */
export function orthonormaliseRows(
  blas: Blas,
  rows: Real,
  out: Real,
  { count, d, least }: { readonly count: number; readonly d: number; readonly least: number },
  gram: Float64Array,
  values: Float64Array,
): void {
  blas.gemm(false, true, count, count, d, 1, rows, d, rows, d, 0, gram, count);
  symmetrise(gram, count);
  blas.eigh(count, gram, values);
  for (let i = 0; i < count; i++) {
    const factor = values[i] > least * values[count - 1] ? 1 / Math.sqrt(values[i]) : 0;
    for (let j = 0; j < count; j++) gram[i * count + j] *= factor;
  }
  blas.gemm(false, false, count, d, count, 1, gram, count, rows, d, 0, out, d);
}
