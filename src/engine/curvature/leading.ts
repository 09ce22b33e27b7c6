/**
 * The leading eigenpairs of one symmetric d x d matrix: Chebyshev-filtered subspace iteration (Zhou, Saad, Tiago & Chelikowsky, J. Comput. Phys. 219, 2006) from a
 * start that may come from elsewhere. A filter of degree m damps what lies in [lowest, cut] to 1 against growth like cosh(m arccosh t) above it, so that little is
 * left of the start; the residuals of the wanted pairs decide when to stop. Large d only: below `fullBelow` all pairs are as cheap.
 */
import type { ArrayReference, Blas, Real } from '../blas/types.ts';
import { defineTask, type TaskContext } from '../parallel/task.ts';
import { orthonormaliseRows, sumOfSquares, symmetrise } from './vectors.ts';

/** Below this d the full decomposition is equally cheap. */
export const fullBelow = 600;
const degree = 5;
const rounds = 16;
/** Residual at which a pair has converged, relative to its eigenvalue. */
const tolerance = 1e-3;

export interface LeadingPairsArgument {
  readonly d: number;
  /** [d, d]; overwritten if all pairs are computed. */
  readonly matrix: ArrayReference;
  /** Rows [count, d] to start from. */
  readonly start: ArrayReference;
  readonly count: number;
  /** A bound from below on the eigenvalues, at most 0; looser is slower. */
  readonly lowest: number;
  /** Pairs that must converge, at most `count`: the first in decreasing order. */
  readonly wanted: number;
  /** [count, d]: receives the vectors as rows, in DECREASING order of the eigenvalues. */
  readonly vectors: ArrayReference;
}

export interface LeadingPairsResult {
  /** Decreasing [count]. */
  readonly values: Float64Array;
  /** The largest residual of the wanted pairs over its eigenvalue. */
  readonly residual: number;
}

export const leadingPairsTask = defineTask('leadingPairs', leadingPairs);

export function leadingPairs({ blas }: Pick<TaskContext, 'blas'>, argument: LeadingPairsArgument): LeadingPairsResult {
  const { d, count, wanted } = argument;
  const matrix = blas.open(argument.matrix);
  const vectors = blas.open(argument.vectors);
  if (d < fullBelow || 3 * count > d) return wholeSpectrum(blas, d, count, matrix as Float64Array, vectors);
  const take = (): Real => blas.allocate('float64', count * d);
  let [basis, moved, third] = [take(), take(), take()];
  const gram = blas.allocate('float64', count * count) as Float64Array;
  const ascending = blas.allocate('float64', count) as Float64Array;
  basis.set(blas.open(argument.start).subarray(0, count * d));
  const times = (from: Real, to: Real): void => {
    blas.gemm(false, false, count, d, d, 1, from, d, matrix, d, 0, to, d);
  };
  let residual = Infinity;
  let values = new Float64Array(count);
  for (let round = 0; round <= rounds; round++) {
    orthonormalise(blas, basis, third, count, d, gram, ascending);
    [basis, third] = [third, basis];
    times(basis, moved);
    // Rayleigh-Ritz.
    blas.gemm(false, true, count, count, d, 1, moved, d, basis, d, 0, gram, count);
    symmetrise(gram, count);
    blas.eigh(count, gram, ascending);
    values = Float64Array.from(ascending).reverse();
    reverseRows(gram, count);
    blas.gemm(false, false, count, d, count, 1, gram, count, basis, d, 0, third, d);
    [basis, third] = [third, basis];
    blas.gemm(false, false, count, d, count, 1, gram, count, moved, d, 0, third, d);
    [moved, third] = [third, moved];
    residual = largestResidual(basis, moved, values, wanted, d);
    if (residual < tolerance || round === rounds) break;
    // Chebyshev polynomials of the matrix mapped so that [lowest, cut] is [-1, 1].
    const cut = Math.max(values[count - 1], 1e-12 * values[0]);
    const [centre, half] = [(cut + argument.lowest) / 2, (cut - argument.lowest) / 2];
    // moved = T_1 basis = (matrix basis - centre basis) / half.
    for (let at = 0; at < count * d; at++) moved[at] = (moved[at] - centre * basis[at]) / half;
    for (let m = 2; m <= degree; m++) {
      times(moved, third);
      // T_m = 2 (matrix - centre) / half T_(m-1) - T_(m-2), rows scaled together to stay in range.
      for (let at = 0; at < count * d; at++) basis[at] = (2 * (third[at] - centre * moved[at])) / half - basis[at];
      [basis, moved] = [moved, basis];
    }
    [basis, moved] = [moved, basis];
  }
  vectors.set(basis.subarray(0, count * d));
  for (const array of [basis, moved, third, gram, ascending]) blas.release(array);
  return { values, residual };
}

function wholeSpectrum(blas: Blas, d: number, count: number, matrix: Float64Array, vectors: Real): LeadingPairsResult {
  const ascending = blas.allocate('float64', d) as Float64Array;
  blas.eigh(d, matrix, ascending);
  for (let i = 0; i < count; i++) vectors.set(matrix.subarray((d - 1 - i) * d, (d - i) * d), i * d);
  const values = Float64Array.from(ascending).reverse().slice(0, count);
  blas.release(ascending);
  return { values, residual: 0 };
}

/** out = orthonormal rows of the span of `rows`, which are scaled to length 1 first; twice, since once leaves small rows only roughly orthogonal. */
function orthonormalise(
  blas: Blas,
  rows: Real,
  out: Real,
  count: number,
  d: number,
  gram: Float64Array,
  values: Float64Array,
): void {
  for (let i = 0; i < count; i++) {
    const norm = sumOfSquares(rows, i * d, d);
    const factor = norm > 0 ? 1 / Math.sqrt(norm) : 0;
    for (let j = 0; j < d; j++) rows[i * d + j] *= factor;
  }
  const size = { count, d, least: 1e-14 };
  orthonormaliseRows(blas, rows, out, size, gram, values);
  rows.set(out.subarray(0, count * d));
  orthonormaliseRows(blas, rows, out, size, gram, values);
}

function largestResidual(basis: Real, moved: Real, values: Float64Array, wanted: number, d: number): number {
  let largest = 0;
  for (let i = 0; i < wanted; i++) {
    let square = 0;
    for (let j = 0; j < d; j++) square += (moved[i * d + j] - values[i] * basis[i * d + j]) ** 2;
    largest = Math.max(largest, Math.sqrt(square) / Math.abs(values[i]));
  }
  return largest;
}

function reverseRows(matrix: Float64Array, n: number): void {
  for (let i = 0, j = n - 1; i < j; i++, j--) {
    const row = matrix.slice(i * n, (i + 1) * n);
    matrix.copyWithin(i * n, j * n, (j + 1) * n);
    matrix.set(row, j * n);
  }
}
