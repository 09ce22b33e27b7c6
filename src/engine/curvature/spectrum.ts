/** Spectrum of H and what lies along its directions, spread over the worker threads. Matrices [d, d] in the pool's memory. */
import type { Real } from '../blas/types.ts';
import type { Pool } from '../parallel/pool.ts';
import { rowsProductTask, quadraticFormsTask, innerProductsTask, eighTask, commutatorTask } from './dense-tasks.ts';
import type { InnerProducts } from './dense-tasks.ts';
import { sumOfSquares } from './vectors.ts';

/** Directions, or rows, of one piece. */
const pieceSize = 320;
/** Pieces of a sum over all entries of a matrix. */
const innerPieces = 16;
/** Directions whose residual is computed for the numerical floor. */
const residualCount = 32;

export interface Spectrum {
  readonly d: number;
  /** Rows are eigenvectors, in ASCENDING order of `eigenvalues`, as LAPACK leaves them. */
  readonly vectors: Real;
  readonly eigenvalues: Real;
}

/**
 * Below this d one thread is as fast as several (30 ms at 500).
 */
const threadedFrom = 600;

/** Threads of the library that decompose a d x d matrix, of at most `most`. */
export const threadsOfDecomposition = (d: number, most: number): number => (d < threadedFrom ? 1 : most);

/**
 * Eigendecomposition; `matrix` is overwritten with the vectors. The last digits depend on the number of threads that the library divides the work among, so
 * that number follows from d and `most` alone, never on the load of the machine.
 * @param most threads of the library, >= 1, from `threadedFrom` on
 */
export async function decompose(pool: Pool, d: number, matrix: Real, most: number): Promise<Spectrum> {
  const threads = threadsOfDecomposition(d, most);
  const eigenvalues = pool.allocate('float64', d);
  const argument = { n: d, matrix: pool.reference(matrix), eigenvalues: pool.reference(eigenvalues), threads };
  await pool.run(eighTask, argument);
  return { d, vectors: matrix, eigenvalues };
}

/** v_i^T M v_i in DECREASING order of the eigenvalues. */
export async function diagonalOf(pool: Pool, spectrum: Spectrum, matrix: Real): Promise<Float64Array> {
  const { d } = spectrum;
  const out = pool.allocate('float64', d);
  await Promise.all(
    rowPieces(0, d).map(([from, to]) =>
      pool.run(quadraticFormsTask, {
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

/** ||CH - HC||_F / (2 ||CH||_F), from one product of C and H; 0 if CH = 0. */
export async function measureCommutator(pool: Pool, d: number, C: Real, H: Real): Promise<number> {
  const [left, right] = [pool.reference(H), pool.reference(C)];
  const sums = await Promise.all(
    rowPieces(0, d).map(([from, to]) => pool.run(commutatorTask, { d, left, right, from, to })),
  );
  let [product, difference] = [0, 0];
  for (const sum of sums) {
    product += sum.product;
    difference += sum.difference;
  }
  return product > 0 ? Math.sqrt(difference / product) / 2 : 0;
}

/** max_i ||H v_i - lambda_i v_i|| over a fixed choice of directions: the extremes, the smallest by size, and some between. */
export async function largestResidual(pool: Pool, spectrum: Spectrum, H: Real): Promise<number> {
  const { d, eigenvalues } = spectrum;
  const count = Math.min(residualCount, d);
  const bySize = Array.from({ length: d }, (_, i) => i).sort(
    (a, b) => Math.abs(eigenvalues[a]) - Math.abs(eigenvalues[b]),
  );
  const checkedPairs = Array.from(
    { length: count },
    (_, i) => bySize[Math.round((i * (d - 1)) / Math.max(1, count - 1))],
  );
  const rows = pool.allocate('float64', count * d);
  for (const [i, index] of checkedPairs.entries())
    rows.set(spectrum.vectors.subarray(index * d, (index + 1) * d), i * d);
  const out = pool.allocate('float64', count * d);
  await pool.run(rowsProductTask, {
    d,
    rows: pool.reference(rows),
    count,
    matrix: pool.reference(H),
    out: pool.reference(out),
  });
  let largest = 0;
  for (const [i, index] of checkedPairs.entries()) {
    for (let j = 0; j < d; j++) out[i * d + j] -= eigenvalues[index] * rows[i * d + j];
    largest = Math.max(largest, Math.sqrt(sumOfSquares(out, i * d, d)));
  }
  pool.blas.release(rows);
  pool.blas.release(out);
  return largest;
}

/** <C, H>_F / (||C||_F ||H||_F) and the same of C and Q; 0 if one vanishes. */
export async function cosines(
  pool: Pool,
  C: Real,
  H: Real,
  Q: Real,
): Promise<{ readonly CH: number; readonly CQ: number }> {
  const references = { C: pool.reference(C), H: pool.reference(H), Q: pool.reference(Q) };
  const step = Math.max(1, Math.ceil(C.length / innerPieces));
  const sums = await Promise.all(
    Array.from({ length: Math.ceil(C.length / step) }, (_, i) =>
      pool.run(innerProductsTask, { ...references, from: i * step, to: Math.min((i + 1) * step, C.length) }),
    ),
  );
  const total = (key: keyof InnerProducts): number => sums.reduce((all, each) => all + each[key], 0);
  const cosine = (product: number, a: number, b: number): number => (a > 0 && b > 0 ? product / Math.sqrt(a * b) : 0);
  const CC = total('CC');
  return { CH: cosine(total('CH'), CC, total('HH')), CQ: cosine(total('CQ'), CC, total('QQ')) };
}

export function traceOf(matrix: Real, d: number): number {
  let sum = 0;
  for (let i = 0; i < d; i++) sum += matrix[i * d + i];
  return sum;
}

/** [from, to) of every piece of the rows [first, end). */
export function rowPieces(first: number, end: number): (readonly [number, number])[] {
  const list: (readonly [number, number])[] = [];
  for (let from = first; from < end; from += pieceSize) list.push([from, Math.min(from + pieceSize, end)]);
  return list;
}
