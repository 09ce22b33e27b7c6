/**
 * The commutator ratio of H with random rotations of C: what it would be if the two were unrelated.
 *
 * With C = sum_i c_i u_i u_i^T rotated by a Haar-distributed R and H = sum_j lambda_j v_j v_j^T,
 *   t1 = ||CH||_F^2 = sum_ij c_i^2 lambda_j^2 U_ji^2,  t2 = trace(CHCH) = sum_ik c_i c_k (sum_j lambda_j U_ji U_jk)^2,
 *   ratio = sqrt((1 - t2 / t1) / 2),
 * where U_ji = v_j . R u_i is a Haar matrix. Only the rows and columns with c_i and lambda_j that matter are needed, and an s x r corner of a
 * Haar matrix can be drawn by itself: columns of a Gaussian matrix Z [d, r] orthonormalised, U = G L^{-T} with G the s first rows of Z
 * and L L^T = Z^T Z = G^T G + W, W Wishart with d - s degrees of freedom (drawn by Bartlett's decomposition). So 200 rotations cost
 * a fraction of one product of d x d matrices. What is left out of C and H is stated with the result.
 */
import { quantileOf } from '../../shared/group-statistics.ts';
import type { RotationBaseline } from '../../shared/slopes.ts';
import type { ArrayReference, Blas, Real } from '../blas/types.ts';
import { Random } from '../../shared/random.ts';
import type { Pool } from '../parallel/pool.ts';
import { defineTask, type TaskContext } from '../parallel/task.ts';
import { fillBartlett } from '../statistics/wishart.ts';
import { CholeskyInverse } from './cholesky.ts';
import { orthonormaliseRows, sumOfSquares, symmetrise } from './vectors.ts';

/** Random rotations of the baseline. */
export const rotationCount = 200;
/** Leading directions of C and of H that the rotations act on. */
const leading = 96;
const subspaceIterations = 4;
/** Rotations of one task; each rotation has a stream of random numbers of its own. */
const pieceSize = 25;

/** Leading directions of C and H that the rotations of d x d matrices act on. */
export function leadingCount(d: number): number {
  return d <= 2 * leading ? d : leading;
}

/** The leading eigenvalues of a symmetric [d, d] matrix, in the pool's memory. */
export function leadingValues(
  pool: Pool,
  argument: {
    readonly d: number;
    readonly matrix: Real;
    /** [d, d]: the search starts from the last rows (the leading eigenvectors of H). */
    readonly start: Real;
    /** Receives the leading vectors: `leadingCount(d)` rows, ascending. */
    readonly vectors?: Real | undefined;
  },
): Promise<LeadingValues> {
  const { d, matrix, start, vectors } = argument;
  const count = leadingCount(d);
  return pool.run(leadingValuesTask, {
    d,
    matrix: pool.reference(matrix),
    start: pool.reference(start.subarray((d - count) * d)),
    count,
    vectors: vectors && pool.reference(vectors),
  });
}

/** The same of a matrix all of whose eigenvalues are known. */
export function leadingOf(eigenvalues: Real): LeadingValues {
  return {
    values: Float64Array.from(eigenvalues)
      .sort((a, b) => Math.abs(b) - Math.abs(a))
      .slice(0, leadingCount(eigenvalues.length)),
    total: sumOfSquares(eigenvalues, 0, eigenvalues.length),
  };
}

/** The ratio of each of several d x d matrices with rotations of C, the same ones for all of them. */
export async function rotationBaselines(
  pool: Pool,
  argument: {
    readonly d: number;
    readonly C: LeadingValues;
    readonly others: readonly LeadingValues[];
    readonly seed: number;
  },
): Promise<RotationBaseline[]> {
  const { d, C, others, seed } = argument;
  const lambdas = others.map(({ values }) => values);
  const pieces = await Promise.all(
    Array.from({ length: rotationCount / pieceSize }, (_, piece) =>
      pool.run(rotationsTask, { d, c: C.values, lambdas, first: piece * pieceSize, count: pieceSize, seed }),
    ),
  );
  return others.map((other, m): RotationBaseline => {
    const ratios = Float64Array.from(pieces.flatMap((piece) => [...piece[m]])).sort();
    const mean = ratios.reduce((sum, x) => sum + x, 0) / rotationCount;
    const variance = ratios.reduce((sum, x) => sum + (x - mean) ** 2, 0) / (rotationCount - 1);
    return {
      mean,
      standard_deviation: Math.sqrt(variance),
      percentile_1: quantileOf(ratios, 0.01),
      median: quantileOf(ratios, 0.5),
      rotations: rotationCount,
      seed,
      truncated_C: leftOut(C),
      truncated_H: leftOut(other),
    };
  });
}

export interface RotationsArgument {
  readonly d: number;
  /** The leading eigenvalues of C and of each matrix that is compared with it, as many of all. */
  readonly c: Float64Array;
  readonly lambdas: readonly Float64Array[];
  /** This piece: rotations first .. first + count - 1. */
  readonly first: number;
  readonly count: number;
  readonly seed: number;
}

/** For each matrix the commutator ratio under every rotation of the piece. */
export const rotationsTask = defineTask(
  'rotations',
  ({ blas }: TaskContext, argument: RotationsArgument): Float64Array[] => {
    const { d, c, lambdas, first, count, seed } = argument;
    const corner = new HaarCorner(blas, d, c.length, c.length);
    const ratios = lambdas.map(() => new Float64Array(count));
    for (let i = 0; i < count; i++) {
      corner.draw(new Random(seed, `rotation ${first + i}`));
      for (const [m, lambda] of lambdas.entries()) ratios[m][i] = corner.ratio(c, lambda);
    }
    corner.release();
    return ratios;
  },
);

export interface LeadingValuesArgument {
  readonly d: number;
  /** C [d, d]. */
  readonly matrix: ArrayReference;
  /** Rows [count, d] to start from; all of a basis if count = d. */
  readonly start: ArrayReference;
  readonly count: number;
  /** [count, d]: receives the vectors, in ascending order of the values. */
  readonly vectors?: ArrayReference | undefined;
}

export interface LeadingValues {
  /** Approximately the largest eigenvalues of C by size [count]; exactly all if count = d. */
  readonly values: Float64Array;
  /** ||C||_F^2. */
  readonly total: number;
}

/** The leading eigenvalues of C by subspace iteration from the leading eigenvectors of H. */
export const leadingValuesTask = defineTask(
  'leadingValues',
  ({ blas }: TaskContext, argument: LeadingValuesArgument): LeadingValues => {
    const { d, count } = argument;
    const size = { count, d, least: 1e-15 };
    const matrix = blas.open(argument.matrix);
    const basis = blas.allocate('float64', count * d);
    const moved = blas.allocate('float64', count * d);
    const small = blas.allocate('float64', count * count) as Float64Array;
    const values = blas.allocate('float64', count) as Float64Array;
    basis.set(blas.open(argument.start));
    const iterations = count === d ? 0 : subspaceIterations;
    for (let i = 0; i <= iterations; i++) {
      blas.gemm(false, false, count, d, d, 1, basis, d, matrix, d, 0, moved, d);
      if (i === iterations) break;
      // Twice: the first leaves small rows as orthogonal as rounding of the large ones allows.
      orthonormaliseRows(blas, moved, basis, size, small, values);
      orthonormaliseRows(blas, basis, moved, size, small, values);
      basis.set(moved);
    }
    blas.gemm(false, true, count, count, d, 1, moved, d, basis, d, 0, small, count);
    symmetrise(small, count);
    blas.eigh(count, small, values);
    const result = Float64Array.from(values);
    if (argument.vectors !== undefined)
      blas.gemm(false, false, count, d, count, 1, small, count, basis, d, 0, blas.open(argument.vectors), d);
    for (const array of [basis, moved, small, values]) blas.release(array);
    return { values: result, total: sumOfSquares(matrix, 0, d * d) };
  },
);

/** Share of ||C||_F^2 that the values do not hold. */
function leftOut({ total, values }: LeadingValues): number {
  return total > 0 ? Math.max(0, 1 - sumOfSquares(values, 0, values.length) / total) : 0;
}

/** ||CH - HC||_F / (2 ||CH||_F) from ||CH||_F^2 and trace(CHCH); 0 if CH = 0. */
export function commutatorRatio(productNorm: number, trace: number): number {
  return productNorm > 0 ? Math.sqrt(Math.max(0, (1 - trace / productNorm) / 2)) : 0;
}

/** The s x r corner of a Haar-distributed d x d orthogonal matrix, drawn afresh by `draw`. */
class HaarCorner {
  readonly #blas: Blas;
  readonly #d: number;
  readonly #s: number;
  readonly #r: number;
  /** G [s, r], then U = G L^{-T}; what completes its Gram matrix [rest, r]; and room. */
  readonly #normal: Float64Array;
  readonly #rest: Float64Array;
  readonly #gram: Real;
  readonly #cholesky: CholeskyInverse;
  readonly #corner: Real;
  readonly #weighted: Real;

  constructor(blas: Blas, d: number, s: number, r: number) {
    this.#blas = blas;
    this.#d = d;
    this.#s = s;
    this.#r = r;
    const take = (size: number): Float64Array => blas.allocate('float64', size) as Float64Array;
    this.#normal = take(s * r);
    this.#rest = take(Math.min(r, d - s) * r);
    this.#gram = take(r * r);
    this.#cholesky = new CholeskyInverse(blas, r);
    this.#corner = take(s * r);
    this.#weighted = take(s * r);
  }

  draw(random: Random): void {
    const [blas, s, r] = [this.#blas, this.#s, this.#r];
    const [normal, rest, gram] = [this.#normal, this.#rest, this.#gram];
    random.fillNormal(normal);
    blas.gemm(true, false, r, r, s, 1, normal, r, normal, r, 0, gram, r);
    const others = this.#d - s;
    if (others >= r) fillBartlett(random, others, r, rest);
    else random.fillNormal(rest);
    const rows = rest.length / r;
    if (rows > 0) blas.gemm(true, false, r, r, rows, 1, rest, r, rest, r, 1, gram, r);
    this.#cholesky.of(gram);
    blas.gemm(false, true, s, r, r, 1, normal, r, this.#cholesky.inverse, r, 0, this.#corner, r);
  }

  /** The ratio of C and H from their eigenvalues and the corner U [s, r] of the overlaps. */
  ratio(c: Float64Array, lambda: Float64Array): number {
    const [s, r, corner, weighted, overlap] = [this.#s, this.#r, this.#corner, this.#weighted, this.#gram];
    let productNorm = 0;
    for (let j = 0; j < s; j++) {
      for (let i = 0; i < r; i++) {
        const u = corner[j * r + i];
        productNorm += (c[i] * lambda[j] * u) ** 2;
        weighted[j * r + i] = lambda[j] * u;
      }
    }
    this.#blas.gemm(true, false, r, r, s, 1, corner, r, weighted, r, 0, overlap, r);
    let trace = 0;
    for (let i = 0; i < r; i++) for (let k = 0; k < r; k++) trace += c[i] * c[k] * overlap[i * r + k] ** 2;
    return commutatorRatio(productNorm, trace);
  }

  release(): void {
    for (const array of [this.#normal, this.#rest, this.#gram, this.#corner, this.#weighted]) this.#blas.release(array);
    this.#cholesky.release();
  }
}
