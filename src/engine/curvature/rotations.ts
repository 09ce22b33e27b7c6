/**
 * The commutator ratio of H with random rotations of C: what it would be if the two knew nothing of each other.
 *
 * With C = sum_i c_i u_i u_i^T rotated by a Haar-distributed R and H = sum_j lambda_j v_j v_j^T,
 *   t1 = ||CH||_F^2 = sum_ij c_i^2 lambda_j^2 U_ji^2,  t2 = trace(CHCH) = sum_ik c_i c_k (sum_j lambda_j U_ji U_jk)^2,
 *   ratio = sqrt((1 - t2 / t1) / 2),
 * where U_ji = v_j . R u_i is a Haar matrix. Only the rows and columns with c_i and lambda_j that matter are needed, and an s x r corner of a
 * Haar matrix can be drawn by itself: columns of a Gaussian matrix Z [d, r] orthonormalised, U = G L^{-T} with G the s first rows of Z
 * and L L^T = Z^T Z = G^T G + W, W Wishart with d - s degrees of freedom (drawn by Bartlett's decomposition). So 200 rotations cost
 * a fraction of one product of d x d matrices. What is left out of C and H is stated with the result.
 */
import type { ArrayReference, Blas, Real } from '../blas/types.ts';
import type { RotationBaseline } from '../../shared/results.ts';
import { Random } from '../../shared/random.ts';
import type { TaskContext } from '../parallel/tasks.ts';
import { sumOfSquares } from './dense-tasks.ts';

/** Leading directions of C and of H that the rotations act on. */
const leading = 96;
const subspaceIterations = 4;

export interface RotationsArgument {
  readonly d: number;
  /** C [d, d]. */
  readonly matrix: ArrayReference;
  /** Rows of eigenvectors of H with their eigenvalues, ascending. */
  readonly vectors: ArrayReference;
  readonly eigenvalues: ArrayReference;
  readonly rotations: number;
  readonly seed: number;
}

export function rotationsTask({ blas }: TaskContext, argument: RotationsArgument): RotationBaseline {
  const { d, rotations, seed } = argument;
  const count = d <= 2 * leading ? d : leading;
  const vectors = blas.open(argument.vectors);
  const lambda = largestByMagnitude(blas.open(argument.eigenvalues), count);
  const matrix = blas.open(argument.matrix);
  const c = leadingEigenvalues(blas, d, matrix, vectors, count);
  const totalC = sumOfSquares(matrix, 0, d * d);
  const eigenvalues = blas.open(argument.eigenvalues);
  const totalH = sumOfSquares(eigenvalues, 0, d);
  const random = new Random(seed, 'rotations');
  const ratios = new Float64Array(rotations);
  for (let i = 0; i < rotations; i++)
    ratios[i] = rotatedRatio(c, lambda, haarCorner(random, d, lambda.length, c.length));
  ratios.sort();
  const mean = ratios.reduce((sum, x) => sum + x, 0) / rotations;
  const variance = ratios.reduce((sum, x) => sum + (x - mean) ** 2, 0) / (rotations - 1);
  return {
    mean,
    standard_deviation: Math.sqrt(variance),
    percentile_1: quantile(ratios, 0.01),
    median: quantile(ratios, 0.5),
    rotations,
    seed,
    truncated_C: leftOut(totalC, c),
    truncated_H: leftOut(totalH, lambda),
  };
}

/** Share of a sum of squares that the values do not hold. */
function leftOut(total: number, values: Float64Array): number {
  return total > 0 ? Math.max(0, 1 - sumOfSquares(values, 0, values.length) / total) : 0;
}

/** Linear interpolation between order statistics. */
function quantile(sorted: Float64Array, share: number): number {
  const position = share * (sorted.length - 1);
  const low = Math.floor(position);
  const high = Math.min(low + 1, sorted.length - 1);
  return sorted[low] + (position - low) * (sorted[high] - sorted[low]);
}

function largestByMagnitude(values: Real, count: number): Float64Array {
  return Float64Array.from(values)
    .sort((a, b) => Math.abs(b) - Math.abs(a))
    .slice(0, count);
}

/** The leading eigenvalues of C by subspace iteration from the leading eigenvectors of H (exact where count = d). */
function leadingEigenvalues(blas: Blas, d: number, matrix: Real, vectors: Real, count: number): Float64Array {
  const basis = blas.allocate('float64', count * d);
  const moved = blas.allocate('float64', count * d);
  const small = blas.allocate('float64', count * count) as Float64Array;
  const values = blas.allocate('float64', count) as Float64Array;
  basis.set(vectors.subarray((d - count) * d));
  const iterations = count === d ? 0 : subspaceIterations;
  for (let i = 0; i <= iterations; i++) {
    blas.gemm(false, false, count, d, d, 1, basis, d, matrix, d, 0, moved, d);
    if (i === iterations) break;
    orthonormaliseRows(moved, count, d);
    basis.set(moved);
  }
  blas.gemm(false, true, count, count, d, 1, moved, d, basis, d, 0, small, count);
  for (let i = 0; i < count; i++) for (let j = 0; j < i; j++) small[i * count + j] = small[j * count + i];
  blas.eigh(count, small, values);
  const result = Float64Array.from(values);
  for (const array of [basis, moved, small, values]) blas.release(array);
  return result;
}

/** Modified Gram-Schmidt; a row that vanishes becomes zero. */
function orthonormaliseRows(rows: Real, count: number, d: number): void {
  for (let i = 0; i < count; i++) {
    for (let j = 0; j < i; j++) {
      let dot = 0;
      for (let k = 0; k < d; k++) dot += rows[i * d + k] * rows[j * d + k];
      for (let k = 0; k < d; k++) rows[i * d + k] -= dot * rows[j * d + k];
    }
    const norm = Math.sqrt(sumOfSquares(rows, i * d, d));
    for (let k = 0; k < d; k++) rows[i * d + k] = norm > 0 ? rows[i * d + k] / norm : 0;
  }
}

/** ratio of C and H from their eigenvalues and the corner U [s, r] of the overlaps. */
function rotatedRatio(c: Float64Array, lambda: Float64Array, corner: Float64Array): number {
  const r = c.length;
  const s = lambda.length;
  const overlap = new Float64Array(r * r);
  let productNorm = 0;
  for (let j = 0; j < s; j++) {
    const row = j * r;
    for (let i = 0; i < r; i++) {
      const u = corner[row + i];
      productNorm += (c[i] * lambda[j] * u) ** 2;
      const weighted = lambda[j] * u;
      for (let k = i; k < r; k++) overlap[i * r + k] += weighted * corner[row + k];
    }
  }
  let trace = 0;
  for (let i = 0; i < r; i++) {
    for (let k = i; k < r; k++) trace += (i === k ? 1 : 2) * c[i] * c[k] * overlap[i * r + k] ** 2;
  }
  return commutatorRatio(productNorm, trace);
}

/** ||CH - HC||_F / (2 ||CH||_F) from ||CH||_F^2 and trace(CHCH); 0 where CH = 0. */
export function commutatorRatio(productNorm: number, trace: number): number {
  return productNorm > 0 ? Math.sqrt(Math.max(0, (1 - trace / productNorm) / 2)) : 0;
}

/** The s x r corner of a Haar-distributed d x d orthogonal matrix. */
function haarCorner(random: Random, d: number, s: number, r: number): Float64Array {
  const corner = new Float64Array(s * r);
  for (let i = 0; i < corner.length; i++) corner[i] = random.normal();
  const gram = new Float64Array(r * r);
  addGram(gram, corner, s, r);
  const rest = d - s;
  if (rest >= r) addGram(gram, bartlett(random, rest, r), r, r);
  else {
    const others = new Float64Array(rest * r);
    for (let i = 0; i < others.length; i++) others[i] = random.normal();
    addGram(gram, others, rest, r);
  }
  choleskyInPlace(gram, r);
  // U L^T = G, row by row: forward substitution.
  for (let j = 0; j < s; j++) {
    for (let i = 0; i < r; i++) {
      let sum = corner[j * r + i];
      for (let k = 0; k < i; k++) sum -= corner[j * r + k] * gram[i * r + k];
      corner[j * r + i] = sum / gram[i * r + i];
    }
  }
  return corner;
}

/** gram += M^T M (lower triangle), M [rows, r]. */
function addGram(gram: Float64Array, m: Float64Array, rows: number, r: number): void {
  for (let p = 0; p < rows; p++) {
    for (let i = 0; i < r; i++) {
      const x = m[p * r + i];
      if (x === 0) continue;
      for (let j = 0; j <= i; j++) gram[i * r + j] += x * m[p * r + j];
    }
  }
}

/** B upper triangular with B^T B Wishart of `degrees` degrees of freedom (Bartlett 1933). */
function bartlett(random: Random, degrees: number, r: number): Float64Array {
  const b = new Float64Array(r * r);
  for (let i = 0; i < r; i++) {
    b[i * r + i] = Math.sqrt(2 * gamma(random, (degrees - i) / 2));
    for (let j = i + 1; j < r; j++) b[i * r + j] = random.normal();
  }
  return b;
}

/** A gamma variate of the given shape (>= 1/2) and scale 1: Marsaglia & Tsang 2000. */
function gamma(random: Random, shape: number): number {
  if (shape < 1) return gamma(random, shape + 1) * random.uniform() ** (1 / shape);
  const d = shape - 1 / 3;
  const c = 1 / Math.sqrt(9 * d);
  for (;;) {
    const x = random.normal();
    const v = (1 + c * x) ** 3;
    if (v > 0 && Math.log(1 - random.uniform()) < 0.5 * x * x + d - d * v + d * Math.log(v)) return d * v;
  }
}

/** L of L L^T in the lower triangle. */
function choleskyInPlace(a: Float64Array, n: number): void {
  for (let i = 0; i < n; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = a[i * n + j];
      for (let k = 0; k < j; k++) sum -= a[i * n + k] * a[j * n + k];
      if (i === j) {
        if (!(sum > 0)) throw new Error('random rotation: the Gram matrix is not positive definite');
        a[i * n + i] = Math.sqrt(sum);
      } else a[i * n + j] = sum / a[j * n + j];
    }
  }
}
