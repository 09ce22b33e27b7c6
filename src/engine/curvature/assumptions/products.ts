/**
 * What comparing C with E = C + g g^T and with H^2 takes, without forming a product of d x d matrices, spread over the worker threads. With H = V^T diag(lambda) V and
 * C~ = V C V^T,
 *   CE - EC = C g g^T - g g^T C,                           ||CE||^2 = ||C^2||^2 + 2 g.C^3 g + |Cg|^2 |g|^2,
 *   ||CH^2 - H^2 C||^2 = sum_ij C~_ij^2 (lambda_i^2 - lambda_j^2)^2,   ||CH^2||^2 = sum_ij C~_ij^2 lambda_j^4,   <C, H^2> = sum_i C~_ii lambda_i^2.
 * Letters: d weights, rows v_i of `vectors` [d, d] the eigenvectors of H; matrices in the pool's memory.
 */
import type { ArrayReference, Real } from '../../blas/types.ts';
import type { Pool } from '../../parallel/pool.ts';
import { defineTask, type TaskContext } from '../../parallel/task.ts';
import { dot, sumOfSquares } from '../vectors.ts';
import { rowPieces } from '../spectrum.ts';
import type { Spectrum } from '../spectrum.ts';

/** Columns of one block of a symmetric product. */
const blockWidth = 512;

export interface RowSquaresArgument {
  readonly d: number;
  /** Rows [d, d]; this piece: [from, to). */
  readonly rows: ArrayReference;
  readonly matrix: ArrayReference;
  readonly from: number;
  readonly to: number;
}

/** |row_i M|^2. */
export const rowSquaresTask = defineTask(
  'rowSquares',
  ({ blas }: TaskContext, argument: RowSquaresArgument): Float64Array => {
    const { d, from, to } = argument;
    const count = to - from;
    const matrix = blas.open(argument.matrix);
    const rows = blas.open(argument.rows).subarray(from * d);
    const out = new Float64Array(count);
    const scratch = blas.allocate('float64', count * blockWidth);
    for (let start = 0; start < d; start += blockWidth) {
      const width = Math.min(blockWidth, d - start);
      blas.gemm(false, false, count, width, d, 1, rows, d, matrix.subarray(start), d, 0, scratch, width);
      for (let i = 0; i < count; i++) out[i] += sumOfSquares(scratch, i * width, width);
    }
    blas.release(scratch);
    return out;
  },
);

export interface SquareNormArgument {
  readonly d: number;
  /** Symmetric [d, d]. */
  readonly matrix: ArrayReference;
  /** This piece: the blocks of rows [from, to) with the columns from `from` on. */
  readonly from: number;
  readonly to: number;
}

/** ||M^2||_F^2 over the blocks of this piece and their mirror images. */
export const squareNormTask = defineTask(
  'squareNorm',
  ({ blas }: TaskContext, argument: SquareNormArgument): number => {
    const { d, from, to } = argument;
    const count = to - from;
    const matrix = blas.open(argument.matrix);
    const scratch = blas.allocate('float64', count * blockWidth);
    let total = 0;
    for (let start = from; start < d;) {
      const width = start === from ? count : Math.min(blockWidth, d - start);
      const columns = matrix.subarray(start);
      blas.gemm(false, false, count, width, d, 1, matrix.subarray(from * d), d, columns, d, 0, scratch, width);
      const sum = sumOfSquares(scratch, 0, count * width);
      total += start === from ? sum : 2 * sum;
      start += width;
    }
    blas.release(scratch);
    return total;
  },
);

export interface SquaredSpectrumArgument {
  readonly d: number;
  readonly vectors: ArrayReference;
  /** lambda_i^2 [d], in the order of the rows. */
  readonly squares: Float64Array;
  /** Symmetric [d, d]. */
  readonly matrix: ArrayReference;
  /** This piece: the blocks of rows [from, to) of C~ with the columns from `from` on. */
  readonly from: number;
  readonly to: number;
}

/** Sums of the header over the blocks of a piece and their mirror images. */
export interface SquaredSpectrumSums {
  readonly inner: number;
  readonly product: number;
  readonly difference: number;
}

export const squaredSpectrumTask = defineTask(
  'squaredSpectrum',
  ({ blas }: TaskContext, argument: SquaredSpectrumArgument): SquaredSpectrumSums => {
    const { d, squares, from, to } = argument;
    const count = to - from;
    const vectors = blas.open(argument.vectors);
    const moved = blas.allocate('float64', count * d);
    const scratch = blas.allocate('float64', count * blockWidth);
    const matrix = blas.open(argument.matrix);
    blas.gemm(false, false, count, d, d, 1, vectors.subarray(from * d), d, matrix, d, 0, moved, d);
    let [inner, product, difference] = [0, 0, 0];
    for (let start = from; start < d;) {
      const isDiagonal = start === from;
      const width = isDiagonal ? count : Math.min(blockWidth, d - start);
      blas.gemm(false, true, count, width, d, 1, moved, d, vectors.subarray(start * d), d, 0, scratch, width);
      for (let i = 0; i < count; i++) {
        const x = squares[from + i];
        for (let j = 0; j < width; j++) {
          const y = squares[start + j];
          const square = scratch[i * width + j] ** 2;
          product += square * (isDiagonal ? y * y : x * x + y * y);
          difference += (isDiagonal ? 1 : 2) * square * (x - y) * (x - y);
        }
        if (isDiagonal) inner += scratch[i * width + i] * x;
      }
      start += width;
    }
    blas.release(moved);
    blas.release(scratch);
    return { inner, product, difference };
  },
);

/** How a matrix stands to C. */
export interface BesideC {
  readonly cosine: number;
  readonly ratio: number;
}

/** |row_i M|^2 [d] in the order of the rows. */
export async function rowSquares(pool: Pool, d: number, rows: Real, matrix: Real): Promise<Float64Array> {
  const references = { rows: pool.reference(rows), matrix: pool.reference(matrix) };
  const parts = await Promise.all(
    rowPieces(0, d).map(([from, to]) => pool.run(rowSquaresTask, { d, ...references, from, to })),
  );
  const out = new Float64Array(d);
  for (const [i, [from]] of rowPieces(0, d).entries()) out.set(parts[i], from);
  return out;
}

/** ||CE - EC|| / (2 ||CE||) for E = C + g g^T; 0 where CE = 0. */
export async function empiricalFisherRatio(pool: Pool, d: number, C: Real, g: Float64Array): Promise<number> {
  const matrix = pool.reference(C);
  const parts = await Promise.all(
    rowPieces(0, d).map(([from, to]) => pool.run(squareNormTask, { d, matrix, from, to })),
  );
  const ofSquare = parts.reduce((sum, each) => sum + each, 0);
  const Cg = timesVector(pool, d, C, g);
  const CCg = timesVector(pool, d, C, Cg);
  const [gg, gCg] = [dot(g, g), dot(g, Cg)];
  const product = ofSquare + 2 * dot(Cg, CCg) + dot(Cg, Cg) * gg;
  // What of Cg is not along g.
  const across = gg > 0 ? Cg.map((x, i) => x - (gCg / gg) * g[i]) : Cg;
  const difference = 2 * gg * dot(across, across);
  return product > 0 ? Math.sqrt(difference / product) / 2 : 0;
}

/** C against H^2. @param squaredNorm ||C||_F^2 */
export async function squaredHessianBesideC(
  pool: Pool,
  { d, vectors, eigenvalues }: Spectrum,
  C: Real,
  squaredNorm: number,
): Promise<BesideC> {
  const squares = Float64Array.from(eigenvalues, (x) => x * x);
  const references = { vectors: pool.reference(vectors), matrix: pool.reference(C) };
  const parts = await Promise.all(
    rowPieces(0, d).map(([from, to]) => pool.run(squaredSpectrumTask, { d, squares, ...references, from, to })),
  );
  const total = (key: keyof SquaredSpectrumSums): number => parts.reduce((sum, each) => sum + each[key], 0);
  const product = total('product');
  const norms = squaredNorm * sumOfSquares(squares, 0, d);
  return {
    cosine: norms > 0 ? total('inner') / Math.sqrt(norms) : 0,
    ratio: product > 0 ? Math.sqrt(total('difference') / product) / 2 : 0,
  };
}

/** M x for M [d, d] in the pool's memory. */
export function timesVector(pool: Pool, d: number, matrix: Real, x: Float64Array): Float64Array {
  const [from, to] = [pool.allocate('float64', d), pool.allocate('float64', d)];
  from.set(x);
  pool.blas.gemv(false, d, d, 1, matrix, d, from, 0, to);
  const out = Float64Array.from(to);
  for (const array of [from, to]) pool.blas.release(array);
  return out;
}
