/**
 * Eigenvalues and eigenvectors of a symmetric tridiagonal matrix by divide and conquer (Cuppen 1981; Gu and Eisenstat, "A divide-and-conquer
 * algorithm for the symmetric tridiagonal eigenproblem", SIAM J. Matrix Anal. Appl. 16, 1995; organised as in LAPACK's dstedc family).
 *
 *   T = diag(T1, T2) + rho u u^T,   T1 = Q1^T D1 Q1, T2 = Q2^T D2 Q2 (rows of Q are eigenvectors)
 *     = diag(Q1, Q2)^T (D + rho z z^T) diag(Q1, Q2),   z = (last column of Q1, first column of Q2)
 * Components of z that are negligible, and pairs of nearly equal d_i, are deflated; the rest is a secular equation (secular.ts). Its
 * eigenvectors are built from a z recomputed from the roots, for which they are exact (Gu and Eisenstat), and multiplied into diag(Q1, Q2)
 * by the matrix-product kernel.
 *
 * Matrices [n, n] lie in shared memory, row-major, leading dimension n.
 */
import type { Kernels } from './kernels.ts';
import { solveByQL } from './ql.ts';
import { secularRoot } from './secular.ts';

/** Subproblems of at most this size are solved by QL. */
const LEAF = 32;
/** Deflation threshold in units of the rounding error of one operation, relative to the largest entry; LAPACK's. */
const DEFLATION = 8;

/** Which half of the columns a row of the matrix of eigenvectors touches, once a problem's halves are merged. */
const FIRST = 0;
const BOTH = 1;
const SECOND = 2;
const DEFLATED = 3;

/** Elements of workspace for a problem of size n. */
export function divideWorkspace(n: number): number {
  return n * n + 2 * n;
}

export class DivideAndConquer {
  readonly #n: number;
  readonly #d: Float64Array;
  readonly #e: Float64Array;
  readonly #q: Float64Array;
  readonly #work: Float64Array;
  readonly #kernels: Kernels;
  readonly #scratch: number;
  /** Positions lo..hi hold the rows of the problem [lo, hi) in ascending order of d. */
  readonly #order: Int32Array;

  /**
   * `d` [n] and `e` [n-1]: diagonal and off-diagonal (both destroyed), of size about 1; `q` [n, n] and `work` (`divideWorkspace`
   * elements) in shared memory.
   */
  constructor(
    n: number,
    d: Float64Array,
    e: Float64Array,
    q: Float64Array,
    work: Float64Array,
    kernels: Kernels,
    scratch: number,
  ) {
    this.#n = n;
    this.#d = d;
    this.#e = e;
    this.#q = q;
    this.#work = work;
    this.#kernels = kernels;
    this.#scratch = scratch;
    this.#order = Int32Array.from({ length: n }, (_, i) => i);
  }

  /**
   * Afterwards d[i] is an eigenvalue and row i of q its eigenvector. Returns the order of the rows in which d ascends.
   * Raises an Error when an iteration does not converge.
   */
  solve(): Int32Array {
    this.#q.fill(0);
    this.#solve(0, this.#n);
    return this.#order;
  }

  #solve(lo: number, hi: number): void {
    const d = this.#d;
    if (hi - lo <= LEAF) {
      solveByQL(lo, hi, d, this.#e, this.#q, this.#n);
    } else {
      const middle = (lo + hi) >> 1;
      const coupling = this.#e[middle - 1];
      d[middle - 1] = d[middle - 1] - Math.abs(coupling);
      d[middle] = d[middle] - Math.abs(coupling);
      this.#solve(lo, middle);
      this.#solve(middle, hi);
      this.#merge(lo, middle, hi, coupling);
    }
    this.#order.subarray(lo, hi).sort((a, b) => d[a] - d[b] || a - b);
  }

  #merge(lo: number, middle: number, hi: number, coupling: number): void {
    const n = this.#n;
    const d = this.#d;
    const q = this.#q;
    const size = hi - lo;
    const order = this.#order.subarray(lo, hi);
    order.sort((a, b) => d[a] - d[b] || a - b);

    // |z| = 1 by the factor 1/sqrt(2), which rho takes up.
    const rho = 2 * Math.abs(coupling);
    const z = new Float64Array(size);
    const type = new Uint8Array(size);
    for (let i = 0; i < size; i++) {
      const first = lo + i < middle;
      z[i] = q[(lo + i) * n + (first ? middle - 1 : middle)] * Math.SQRT1_2 * (!first && coupling < 0 ? -1 : 1);
      type[i] = first ? FIRST : SECOND;
    }
    const remaining = this.#deflate(lo, order, z, type, rho);
    this.#update(lo, middle, hi, remaining, z, type, rho);
  }

  /** Marks what is deflated in `type`, rotating pairs of nearly equal d; returns the other rows in ascending order of d. */
  #deflate(lo: number, order: Int32Array, z: Float64Array, type: Uint8Array, rho: number): number[] {
    const d = this.#d;
    let largest = 0;
    for (let i = 0; i < z.length; i++) largest = Math.max(largest, Math.abs(d[lo + i]), Math.abs(z[i]));
    const tolerance = DEFLATION * (Number.EPSILON / 2) * largest;

    const remaining: number[] = [];
    let pending = -1;
    for (const row of order) {
      const i = row - lo;
      if (rho * Math.abs(z[i]) <= tolerance) {
        type[i] = DEFLATED;
        continue;
      }
      if (pending >= 0) {
        const length = Math.sqrt(z[i] * z[i] + z[pending] * z[pending]);
        const c = z[i] / length;
        const s = -z[pending] / length;
        const gap = d[lo + i] - d[lo + pending];
        if (Math.abs(gap * c * s) <= tolerance) {
          z[i] = length;
          z[pending] = 0;
          if (type[i] !== type[pending]) type[i] = BOTH;
          type[pending] = DEFLATED;
          this.#rotate(lo, lo + z.length, lo + pending, lo + i, c, s);
          const low = d[lo + pending];
          const high = d[lo + i];
          d[lo + pending] = low * c * c + high * s * s;
          d[lo + i] = low * s * s + high * c * c;
        } else {
          remaining.push(lo + pending);
        }
      }
      pending = i;
    }
    if (pending >= 0) remaining.push(lo + pending);
    return remaining;
  }

  /** Rows a and b of q, columns lo..hi: (a, b) becomes (c a + s b, c b - s a). */
  #rotate(lo: number, hi: number, a: number, b: number, c: number, s: number): void {
    const q = this.#q;
    const rowA = a * this.#n;
    const rowB = b * this.#n;
    for (let j = lo; j < hi; j++) {
      const x = q[rowA + j];
      const y = q[rowB + j];
      q[rowA + j] = c * x + s * y;
      q[rowB + j] = c * y - s * x;
    }
  }

  /**
   * Solves the secular equation of the rows kept and multiplies its eigenvectors into theirs. Rows lo..lo+k then hold the new
   * eigenvectors, the deflated ones follow.
   */
  #update(
    lo: number,
    middle: number,
    hi: number,
    kept: readonly number[],
    z: Float64Array,
    type: Uint8Array,
    rho: number,
  ): void {
    const n = this.#n;
    const d = this.#d;
    const k = kept.length;
    if (k === 0) return;
    const n1 = middle - lo;
    const n2 = hi - middle;
    const poles = Float64Array.from(kept, (row) => d[row]);
    const weights = Float64Array.from(kept, (row) => z[row - lo]);

    // Column of each kept row in the secular eigenvectors: rows of the first half, of both, of the second.
    const counts = [0, 0, 0, 0];
    for (const row of kept) counts[type[row - lo]]++;
    const next = [0, counts[FIRST], counts[FIRST] + counts[BOTH]];
    const column = Int32Array.from(kept, (row) => next[type[row - lo]]++);
    const k1 = counts[FIRST] + counts[BOTH];
    const k2 = counts[BOTH] + counts[SECOND];

    // Old eigenvectors, compressed: [k1, n1] and [k2, n2]; and the deflated ones aside, [size - k, size].
    const work = this.#work;
    const q = this.#q;
    const startSecond = k1 * n1;
    const startRest = startSecond + k2 * n2;
    kept.forEach((row, i) => {
      const position = column[i];
      const from = row * n;
      if (position < k1) work.set(q.subarray(from + lo, from + middle), position * n1);
      if (position >= k - k2) work.set(q.subarray(from + middle, from + hi), startSecond + (position - (k - k2)) * n2);
    });
    this.#moveDeflated(lo, hi, k, type, startRest);

    this.#secularVectors(lo, k, poles, weights, rho, column);

    // New rows = secular eigenvectors [k, k] (in the first k columns of their rows) times the old ones, half by half of the columns.
    const copy = (from: number, width: number): void => {
      for (let row = 0; row < k; row++) {
        const start = (lo + row) * n + lo + from;
        work.set(q.subarray(start, start + width), startRest + row * width);
      }
    };
    copy(k - k2, k2);
    this.#product(k, n2, k2, startRest, startSecond, lo * n + middle);
    copy(0, k1);
    this.#product(k, n1, k1, startRest, 0, lo * n + lo);
  }

  /** q[at...] [m, columns] = work[a] [m, inner] work[b] [inner, columns]. */
  #product(m: number, columns: number, inner: number, a: number, b: number, at: number): void {
    const work = this.#work.byteOffset;
    const to = this.#q.byteOffset + 8 * at;
    const ldA = Math.max(1, inner);
    this.#kernels.gemm(
      ...[1, 0, 0, m, columns, inner, 1],
      ...([work + 8 * a, ldA, work + 8 * b, columns] as const),
      ...([0, to, this.#n, this.#scratch] as const),
    );
  }

  /** Moves deflated rows, with their eigenvalues, behind the first k, by way of work[spare...]. */
  #moveDeflated(lo: number, hi: number, k: number, type: Uint8Array, spare: number): void {
    const n = this.#n;
    const size = hi - lo;
    const rows: number[] = [];
    for (let i = 0; i < size; i++) if (type[i] === DEFLATED) rows.push(lo + i);
    const values = rows.map((row) => this.#d[row]);
    rows.forEach((row, i) => {
      this.#work.set(this.#q.subarray(row * n + lo, row * n + hi), spare + i * size);
    });
    rows.forEach((_, i) => {
      this.#q.set(this.#work.subarray(spare + i * size, spare + (i + 1) * size), (lo + k + i) * n + lo);
      this.#d[lo + k + i] = values[i]!;
    });
  }

  /**
   * Writes the k roots to d[lo...] and the secular eigenvectors to the first k columns of rows lo..lo+k: component i of eigenvector j is
   * z_i / (d_i - lambda_j), normalised, stored in column `column[i]`.
   */
  #secularVectors(
    lo: number,
    k: number,
    poles: Float64Array,
    weights: Float64Array,
    rho: number,
    column: Int32Array,
  ): void {
    const n = this.#n;
    const q = this.#q;
    const squares = weights.map((z) => z * z);
    for (let j = 0; j < k; j++) {
      const start = (lo + j) * n + lo;
      this.#d[lo + j] = secularRoot(j, k, poles, squares, rho, q.subarray(start, start + k));
    }
    // The z for which the computed roots are exact: z_i^2 = prod_j (lambda_j - d_i) / prod_{j != i} (d_j - d_i), up to the factor rho.
    const product = new Float64Array(k).fill(1);
    for (let j = 0; j < k; j++) {
      const start = (lo + j) * n + lo;
      const pole = poles[j];
      for (let i = 0; i < k; i++) {
        const difference = q[start + i];
        product[i] = product[i] * (i === j ? difference : difference / (poles[i] - pole));
      }
    }
    const z = product.map((value, i) => Math.sqrt(Math.abs(value)) * Math.sign(weights[i]));
    const vector = new Float64Array(k);
    for (let j = 0; j < k; j++) {
      const start = (lo + j) * n + lo;
      let sum = 0;
      for (let i = 0; i < k; i++) {
        const value = z[i] / q[start + i];
        vector[i] = value;
        sum += value * value;
      }
      const scale = 1 / Math.sqrt(sum);
      for (let i = 0; i < k; i++) q[start + column[i]] = vector[i] * scale;
    }
  }
}
