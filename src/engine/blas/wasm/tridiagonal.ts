/**
 * Householder reduction of a symmetric matrix to tridiagonal form and the way back, both in blocks (Dongarra, Hammarling and Sorensen,
 * "Block reduction of matrices to condensed forms", 1989; compact WY of Schreiber and Van Loan, 1989; LAPACK's dlatrd and dlarft).
 *
 *   A = Q T Q^T,   Q = H_0 H_1 ... H_{n-2},   H_j = I - tau_j v_j v_j^T,   v_j zero up to element j and 1 at j + 1.
 * All matrices are row-major [n, n] in shared memory; only the upper triangle of A is used. v_j replaces row j right of the diagonal.
 */
import type { Kernels } from './kernels.ts';

/** Columns that are reduced before the rest of the matrix is updated by one product. */
const PANEL = 32;
/** Rows of a block of that update; blocks on the diagonal compute their lower half needlessly. */
const UPDATE_ROWS = 192;
/** Reflectors applied at once on the way back. */
const BLOCK = 96;
/** A column whose remainder is below this (of a matrix of size 1) counts as zero: its squares would underflow. */
const NEGLIGIBLE = 1e-140;

/** Elements of workspace for a matrix of size n. */
export function tridiagonalWorkspace(n: number): number {
  return 4 * PANEL * n + 4 * PANEL;
}

/** Elements of workspace for the way back. */
export function reflectorWorkspace(n: number): number {
  return 3 * BLOCK * n + 2 * BLOCK * BLOCK;
}

export interface Tridiagonal {
  /** Diagonal [n] and off-diagonal [n-1] of T. */
  readonly d: Float64Array;
  readonly e: Float64Array;
  /** tau_j [n-1]; 0: H_j is the identity. */
  readonly tau: Float64Array;
}

/** Reduces A, of size about 1, overwriting its upper triangle as said above. */
export function tridiagonalise(
  n: number,
  a: Float64Array,
  work: Float64Array,
  kernels: Kernels,
  scratch: number,
): Tridiagonal {
  const d = new Float64Array(n);
  const e = new Float64Array(Math.max(0, n - 1));
  const tau = new Float64Array(Math.max(0, n - 1));
  // Rows 2i, 2i+1 of X hold v, w of the panel's column i, those of Y w, v, so that X^T Y = sum_i v_i w_i^T + w_i v_i^T.
  const x = work.subarray(0, 2 * PANEL * n);
  const y = work.subarray(2 * PANEL * n, 4 * PANEL * n);
  const small = work.subarray(4 * PANEL * n, 4 * PANEL * n + 4 * PANEL);
  const A = a.byteOffset;
  const X = x.byteOffset;
  const Y = y.byteOffset;
  const S = small.byteOffset;

  for (let start = 0; start < n; start += PANEL) {
    const end = Math.min(n, start + PANEL);
    for (let j = start; j < end; j++) {
      const rows = 2 * (j - start);
      const row = a.subarray(j * n, (j + 1) * n);
      if (rows > 0) {
        for (let r = 0; r < rows; r++) small[r] = x[r * n + j]!;
        kernels.gemv(1, 1, rows, n - j, -1, Y + 8 * j, n, S, 1, A + 8 * (j * n + j));
      }
      d[j] = row[j]!;
      if (j === n - 1) break;
      [e[j], tau[j]] = reflector(row.subarray(j + 1), kernels, small);
      const rest = n - j - 1;
      const v = A + 8 * (j * n + j + 1);
      const next = rows * n + j + 1;
      const w = X + 8 * (next + n);
      const remaining = x.subarray(next + n, next + n + rest);
      if (tau[j] === 0) {
        row.fill(0, j + 1);
        remaining.fill(0);
      } else {
        kernels.symv64(rest, A + 8 * ((j + 1) * n + j + 1), n, v, w);
        if (rows > 0) {
          kernels.gemv(1, 0, rows, rest, 1, Y + 8 * (j + 1), n, v, 0, S);
          kernels.gemv(1, 1, rows, rest, -1, X + 8 * (j + 1), n, S, 1, w);
        }
        kernels.gemv(1, 0, 1, rest, 1, w, n, v, 0, S);
        const t = tau[j];
        const shift = 0.5 * t * t * small[0];
        for (let i = 0; i < rest; i++) remaining[i] = t * remaining[i] - shift * row[j + 1 + i];
      }
      x.set(row.subarray(j + 1), next);
      y.set(remaining, next);
      y.set(row.subarray(j + 1), next + n);
    }
    // A -= X^T Y on the upper triangle of what remains.
    for (let i = end; i < n; i += UPDATE_ROWS) {
      const m = Math.min(UPDATE_ROWS, n - i);
      const [left, right, to] = [X + 8 * i, Y + 8 * i, A + 8 * (i * n + i)];
      kernels.gemm(1, 1, 0, m, n - i, 2 * (end - start), -1, left, n, right, n, 1, to, n, scratch);
    }
  }
  return { d, e, tau };
}

/**
 * The reflector that maps x to (beta, 0, ..., 0), x in shared memory. Overwrites x by v with v_0 = 1 and returns beta and tau; tau = 0
 * leaves x as it is, beta being x_0.
 */
function reflector(x: Float64Array, kernels: Kernels, result: Float64Array): [beta: number, tau: number] {
  const alpha = x[0];
  const tail = x.byteOffset + 8;
  if (x.length === 1) return [alpha, 0];
  kernels.gemv(1, 0, 1, x.length - 1, 1, tail, x.length, tail, 0, result.byteOffset);
  const square = result[0];
  if (!(square > NEGLIGIBLE * NEGLIGIBLE)) return [alpha, 0];
  const norm = Math.sqrt(alpha * alpha + square);
  const beta = alpha >= 0 ? -norm : norm;
  const scale = 1 / (alpha - beta);
  for (let i = 1; i < x.length; i++) x[i] = x[i] * scale;
  x[0] = 1;
  return [beta, (beta - alpha) / beta];
}

/** Z = Z Q^T for the reflectors that `tridiagonalise` left in A: rows of Z, eigenvectors of T, become eigenvectors of A. */
export function applyReflectors(
  n: number,
  a: Float64Array,
  tau: Float64Array,
  z: Float64Array,
  work: Float64Array,
  kernels: Kernels,
  scratch: number,
): void {
  const v = work.subarray(0, BLOCK * n);
  const V = v.byteOffset;
  const ZV = V + 8 * BLOCK * n;
  const ZVT = ZV + 8 * BLOCK * n;
  const gram = new Float64Array(work.buffer, ZVT + 8 * BLOCK * n, BLOCK * BLOCK);
  const t = new Float64Array(work.buffer, gram.byteOffset + 8 * BLOCK * BLOCK, BLOCK * BLOCK);
  const reflectors = n - 1;
  for (let start = BLOCK * Math.floor((reflectors - 1) / BLOCK); start >= 0; start -= BLOCK) {
    const count = Math.min(BLOCK, reflectors - start);
    const first = start + 1;
    const width = n - first;
    for (let i = 0; i < count; i++) {
      const row = start + i;
      v.fill(0, i * width, i * width + i);
      v.set(a.subarray(row * n + row + 1, (row + 1) * n), i * width + i);
    }
    kernels.gemm(1, 0, 1, count, count, width, 1, V, width, V, width, 0, gram.byteOffset, count, scratch);
    compactFactor(count, gram, tau.subarray(start, start + count), t);
    const Z = z.byteOffset + 8 * first;
    kernels.gemm(1, 0, 1, n, count, width, 1, Z, n, V, width, 0, ZV, count, scratch);
    kernels.gemm(1, 0, 1, n, count, count, 1, ZV, count, t.byteOffset, count, 0, ZVT, count, scratch);
    kernels.gemm(1, 0, 0, n, width, count, -1, ZVT, count, V, width, 1, Z, n, scratch);
  }
}

/** T [count, count], upper triangular, with H_0 ... H_{count-1} = I - V^T T V, from G = V V^T. */
function compactFactor(count: number, gram: Float64Array, tau: Float64Array, t: Float64Array): void {
  t.fill(0, 0, count * count);
  for (let i = 0; i < count; i++) {
    t[i * count + i] = tau[i]!;
    for (let r = 0; r < i; r++) {
      let sum = 0;
      for (let l = r; l < i; l++) sum += t[r * count + l] * gram[l * count + i];
      t[r * count + i] = -tau[i] * sum;
    }
  }
}
