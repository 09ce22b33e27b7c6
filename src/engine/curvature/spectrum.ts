/** Spectrum of H and what lies along its directions, spread over the worker threads. Matrices [d, d] in the pool's memory. */
import type { Real } from '../blas/types.ts';
import type { Pool } from '../parallel/pool.ts';
import { sumOfSquares } from './dense-tasks.ts';
import { commutatorRatio } from './rotations.ts';

/** Directions of one piece. */
const pieceSize = 160;
/** Directions whose residual is computed for the numerical floor. */
const residualCount = 32;

export interface Spectrum {
  readonly d: number;
  /** Rows are eigenvectors, in ASCENDING order of `eigenvalues`, as LAPACK leaves them. */
  readonly vectors: Real;
  readonly eigenvalues: Real;
}

/** Eigendecomposition; `matrix` is overwritten with the vectors. */
export async function decompose(pool: Pool, d: number, matrix: Real, threads: number): Promise<Spectrum> {
  const eigenvalues = pool.allocate('float64', d);
  await pool.run('eigh', { n: d, matrix: pool.reference(matrix), eigenvalues: pool.reference(eigenvalues), threads });
  return { d, vectors: matrix, eigenvalues };
}

/** v_i^T M v_i in DECREASING order of the eigenvalues. */
export async function diagonalOf(pool: Pool, spectrum: Spectrum, matrix: Real): Promise<Float64Array> {
  const { d } = spectrum;
  const out = pool.allocate('float64', d);
  await Promise.all(
    pieces(0, d).map(([from, to]) =>
      pool.run('quadraticForms', {
        d,
        vectors: pool.reference(spectrum.vectors),
        matrix: pool.reference(matrix),
        from,
        to,
        out: pool.reference(out),
      }),
    ),
  );
  const result = Float64Array.from(out).reverse();
  pool.blas.release(out);
  return result;
}

/** Eigenvalues in decreasing order. */
export function decreasing(spectrum: Spectrum): Float64Array {
  return Float64Array.from(spectrum.eigenvalues).reverse();
}

/**
 * ||CH - HC||_F / (2 ||CH||_F) from ||CH||_F^2 = sum_i lambda_i^2 |C v_i|^2 and trace(CHCH) = sum_ij lambda_i lambda_j (v_i C v_j)^2. Directions
 * with |lambda_i| below 1e-6 of the largest take no part: they change both sums by less than 1e-11 of themselves.
 */
export async function measureCommutator(pool: Pool, spectrum: Spectrum, C: Real): Promise<number> {
  const { d, eigenvalues } = spectrum;
  const largest = Math.max(Math.abs(eigenvalues[0]), Math.abs(eigenvalues[d - 1]));
  const order = Array.from({ length: d }, (_, i) => i).filter((i) => Math.abs(eigenvalues[i]) > 1e-6 * largest);
  if (order.length === 0) return 0;
  // Negative eigenvalues stand first and positive ones last: gather where the rows are not one block.
  const isBlock = order[order.length - 1] - order[0] === order.length - 1;
  const gathered = isBlock ? null : gatherRows(pool, spectrum, order);
  const vectors = gathered?.vectors ?? spectrum.vectors;
  const values = gathered?.eigenvalues ?? eigenvalues;
  const first = gathered === null ? order[0] : 0;
  const end = first + order.length;
  const sums = await Promise.all(
    pieces(first, end).map(([from, to]) =>
      pool.run('symmetricProduct', {
        d,
        vectors: pool.reference(vectors),
        eigenvalues: pool.reference(values),
        matrix: pool.reference(C),
        first,
        end,
        from,
        to,
      }),
    ),
  );
  if (gathered !== null) {
    pool.blas.release(gathered.vectors);
    pool.blas.release(gathered.eigenvalues);
  }
  let productNorm = 0;
  let trace = 0;
  for (const sum of sums) {
    productNorm += sum.productNorm;
    trace += sum.trace;
  }
  return commutatorRatio(productNorm, trace);
}

/** max_i ||H v_i - lambda_i v_i|| over a fixed choice of directions: the extremes, the smallest by size, and some between. */
export async function largestResidual(pool: Pool, spectrum: Spectrum, H: Real): Promise<number> {
  const { d, eigenvalues } = spectrum;
  const count = Math.min(residualCount, d);
  const bySize = Array.from({ length: d }, (_, i) => i).sort(
    (a, b) => Math.abs(eigenvalues[a]) - Math.abs(eigenvalues[b]),
  );
  const chosen = Array.from({ length: count }, (_, i) => bySize[Math.round((i * (d - 1)) / Math.max(1, count - 1))]);
  const { vectors: rows } = gatherRows(pool, spectrum, chosen);
  const out = pool.allocate('float64', count * d);
  await pool.run('rowsProduct', {
    d,
    rows: pool.reference(rows),
    count,
    matrix: pool.reference(H),
    out: pool.reference(out),
  });
  let largest = 0;
  for (const [i, index] of chosen.entries()) {
    for (let j = 0; j < d; j++) out[i * d + j] -= eigenvalues[index] * rows[i * d + j];
    largest = Math.max(largest, Math.sqrt(sumOfSquares(out, i * d, d)));
  }
  pool.blas.release(rows);
  pool.blas.release(out);
  return largest;
}

/** <A, B>_F / (||A||_F ||B||_F); 0 where one vanishes. */
export function cosine(a: Real, b: Real): number {
  let dot = 0;
  for (let i = 0; i < a.length; i++) dot += a[i] * b[i];
  const norms = Math.sqrt(sumOfSquares(a, 0, a.length) * sumOfSquares(b, 0, b.length));
  return norms > 0 ? dot / norms : 0;
}

export function traceOf(matrix: Real, d: number): number {
  let sum = 0;
  for (let i = 0; i < d; i++) sum += matrix[i * d + i];
  return sum;
}

function gatherRows(pool: Pool, spectrum: Spectrum, order: readonly number[]): { vectors: Real; eigenvalues: Real } {
  const { d } = spectrum;
  const vectors = pool.allocate('float64', order.length * d);
  const eigenvalues = pool.allocate('float64', order.length);
  for (const [i, index] of order.entries()) {
    vectors.set(spectrum.vectors.subarray(index * d, (index + 1) * d), i * d);
    eigenvalues[i] = spectrum.eigenvalues[index];
  }
  return { vectors, eigenvalues };
}

function pieces(first: number, end: number): (readonly [number, number])[] {
  const list: (readonly [number, number])[] = [];
  for (let from = first; from < end; from += pieceSize) list.push([from, Math.min(from + pieceSize, end)]);
  return list;
}
