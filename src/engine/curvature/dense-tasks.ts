/**
 * Pieces of the large dense computations, each writing or returning its own part (see parallel/pool.ts). Letters: d weights, rows r_i
 * of `vectors` [d, d] the eigenvectors of H.
 */
import type { ArrayReference, Real } from '../blas/types.ts';
import type { TaskContext } from '../parallel/tasks.ts';

/** Columns of one block of the symmetric product. */
const blockWidth = 256;

export interface ProductArgument {
  /** [rows, leftWidth] and [rows, rightWidth]. */
  readonly left: ArrayReference;
  readonly right: ArrayReference;
  readonly rows: number;
  readonly leftWidth: number;
  readonly rightWidth: number;
  /** This piece: columns [from, to) of left, which are rows of the sum. */
  readonly from: number;
  readonly to: number;
  /** [leftWidth, rightWidth]: left^T right is added to it. */
  readonly sum: ArrayReference;
}

export function productTask({ blas }: TaskContext, argument: ProductArgument): void {
  const { rows, leftWidth, rightWidth, from, to } = argument;
  const left = blas.open(argument.left).subarray(from);
  const sum = blas.open(argument.sum).subarray(from * rightWidth);
  blas.gemm(
    true,
    false,
    to - from,
    rightWidth,
    rows,
    1,
    left,
    leftWidth,
    blas.open(argument.right),
    rightWidth,
    1,
    sum,
    rightWidth,
  );
}

export interface EighArgument {
  readonly n: number;
  /** [n, n] -> rows of eigenvectors; [n] -> ascending eigenvalues. */
  readonly matrix: ArrayReference;
  readonly eigenvalues: ArrayReference;
  /** Threads of the library for this call. */
  readonly threads: number;
}

export function eighTask({ blas }: TaskContext, argument: EighArgument): void {
  blas.setThreads(argument.threads);
  try {
    blas.eigh(argument.n, blas.open(argument.matrix) as Float64Array, blas.open(argument.eigenvalues) as Float64Array);
  } finally {
    blas.setThreads(1);
  }
}

export interface QuadraticFormsArgument {
  readonly d: number;
  readonly vectors: ArrayReference;
  /** Symmetric [d, d]. */
  readonly matrix: ArrayReference;
  /** This piece: directions [from, to). */
  readonly from: number;
  readonly to: number;
  /** [d]: entry i receives r_i M r_i^T. */
  readonly out: ArrayReference;
}

/**
 * r_i M r_i^T, from half of M: with M = L + L^T (L lower triangular, its diagonal blocks halved), r M r^T = 2 r L r^T, at half the products.
 */
export function quadraticFormsTask({ blas }: TaskContext, argument: QuadraticFormsArgument): void {
  const { d, from, to } = argument;
  const count = to - from;
  const rows = blas.open(argument.vectors).subarray(from * d, to * d);
  const matrix = blas.open(argument.matrix);
  const out = blas.open(argument.out);
  const scratch = blas.allocate('float64', count * blockWidth);
  out.fill(0, from, to);
  for (let start = 0; start < d; start += blockWidth) {
    const width = Math.min(blockWidth, d - start);
    const end = start + width;
    const diagonal = matrix.subarray(start * d + start);
    blas.gemm(false, false, count, width, width, 0.5, rows.subarray(start), d, diagonal, d, 0, scratch, width);
    if (end < d) {
      const below = matrix.subarray(end * d + start);
      blas.gemm(false, false, count, width, d - end, 1, rows.subarray(end), d, below, d, 1, scratch, width);
    }
    for (let i = 0; i < count; i++) {
      let sum = 0;
      for (let j = 0; j < width; j++) sum += scratch[i * width + j] * rows[i * d + start + j];
      out[from + i] += 2 * sum;
    }
  }
  blas.release(scratch);
}

export interface RowsProductArgument {
  readonly d: number;
  /** [count, d], gathered. */
  readonly rows: ArrayReference;
  readonly count: number;
  readonly matrix: ArrayReference;
  /** [count, d]: rows times matrix. */
  readonly out: ArrayReference;
}

export function rowsProductTask({ blas }: TaskContext, argument: RowsProductArgument): void {
  const { d, count } = argument;
  const matrix = blas.open(argument.matrix);
  blas.gemm(false, false, count, d, d, 1, blas.open(argument.rows), d, matrix, d, 0, blas.open(argument.out), d);
}

export interface SymmetricProductArgument {
  readonly d: number;
  readonly vectors: ArrayReference;
  /** lambda_i in the order of the rows. */
  readonly eigenvalues: ArrayReference;
  readonly matrix: ArrayReference;
  /** Rows [first, end) take part; this piece: [from, to). */
  readonly first: number;
  readonly end: number;
  readonly from: number;
  readonly to: number;
}

export interface CommutatorSums {
  /** sum_i lambda_i^2 |C r_i|^2 = ||CH||_F^2 over the rows of this piece. */
  readonly productNorm: number;
  /** sum_ij lambda_i lambda_j (r_i C r_j)^2 = trace(CHCH), i in this piece. */
  readonly trace: number;
}

/** The two sums of which the commutator ratio is made, over rows [from, to) of those that take part. */
export function symmetricProductTask({ blas }: TaskContext, argument: SymmetricProductArgument): CommutatorSums {
  const { d, first, end, from, to } = argument;
  const count = to - from;
  const vectors = blas.open(argument.vectors);
  const eigenvalues = blas.open(argument.eigenvalues);
  const rows = vectors.subarray(from * d, to * d);
  // Pairs (i, j) with j in a later piece count twice; those before were counted there.
  const others = end - from;
  const product = blas.allocate('float64', count * d);
  const inBasis = blas.allocate('float64', count * others);
  if (from < first) throw new Error('symmetricProduct: rows outside those that take part');
  blas.gemm(false, false, count, d, d, 1, rows, d, blas.open(argument.matrix), d, 0, product, d);
  blas.gemm(false, true, count, others, d, 1, product, d, vectors.subarray(from * d), d, 0, inBasis, others);
  let productNorm = 0;
  let trace = 0;
  for (let i = 0; i < count; i++) {
    const lambda = eigenvalues[from + i];
    productNorm += lambda * lambda * sumOfSquares(product, i * d, d);
    let sum = 0;
    for (let j = 0; j < others; j++) {
      const value = inBasis[i * others + j];
      sum += (j < count ? 1 : 2) * eigenvalues[from + j] * value * value;
    }
    trace += lambda * sum;
  }
  blas.release(product);
  blas.release(inBasis);
  return { productNorm, trace };
}

export function sumOfSquares(values: Real, from: number, count: number): number {
  let sum = 0;
  for (let i = from; i < from + count; i++) sum += values[i] * values[i];
  return sum;
}
