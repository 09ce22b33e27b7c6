/** Eigenvalues and eigenvectors of a small symmetric tridiagonal matrix: the implicit QL iteration (Golub and Van Loan, 8.3; EISPACK tql2). */

/** Iterations per eigenvalue after which it counts as failed; two or three are usual. */
const MAXIMUM_ITERATIONS = 60;

/**
 * Replaces d[from..to) by eigenvalues (in no particular order) and the identity block of Z by eigenvectors: row i of Z, columns
 * from..to, belongs to d[i]. `e[i]` couples i and i + 1; e[from..to-1) is destroyed. Rows of Z are `ld` elements apart.
 * Raises an Error when an eigenvalue does not converge.
 */
export function solveByQL(
  from: number,
  to: number,
  d: Float64Array,
  e: Float64Array,
  z: Float64Array,
  ld: number,
): void {
  for (let i = from; i < to; i++) {
    z.fill(0, i * ld + from, i * ld + to);
    z[i * ld + i] = 1;
  }
  let largest = 0;
  for (let i = from; i < to; i++) largest = Math.max(largest, Math.abs(d[i]), i < to - 1 ? Math.abs(e[i]) : 0);
  // Measured against the whole matrix: against its two neighbours a coupling of a badly graded matrix might never become small.
  const negligible = (Number.EPSILON / 2) * largest;
  for (let l = from; l < to; l++) {
    for (let iteration = 0; ; iteration++) {
      let m = l;
      while (m < to - 1 && Math.abs(e[m]) > negligible) m++;
      if (m === l) break;
      if (iteration === MAXIMUM_ITERATIONS) {
        throw new Error(
          `eigenvalue ${l} of a tridiagonal matrix did not converge in ${MAXIMUM_ITERATIONS} QL iterations`,
        );
      }
      sweep(l, m, from, to, d, e, z, ld);
    }
  }
}

/** One QL sweep with Wilkinson's shift over the unreduced block l..m. */
function sweep(
  l: number,
  m: number,
  from: number,
  to: number,
  d: Float64Array,
  e: Float64Array,
  z: Float64Array,
  ld: number,
): void {
  let g = (d[l + 1] - d[l]) / (2 * e[l]);
  let r = Math.sqrt(g * g + 1);
  g = d[m] - d[l] + e[l] / (g + (g >= 0 ? r : -r));
  let s = 1;
  let c = 1;
  let p = 0;
  for (let i = m - 1; i >= l; i--) {
    const f = s * e[i];
    const b = c * e[i];
    r = hypotenuse(f, g);
    if (i + 1 < m) e[i + 1] = r;
    if (r === 0) {
      // The rotation underflowed: the matrix has split at i + 1.
      d[i + 1] = d[i + 1] - p;
      if (m < to - 1) e[m] = 0;
      return;
    }
    s = f / r;
    c = g / r;
    g = d[i + 1] - p;
    r = (d[i] - g) * s + 2 * c * b;
    p = s * r;
    d[i + 1] = g + p;
    g = c * r - b;
    const upper = i * ld;
    const lower = upper + ld;
    for (let j = from; j < to; j++) {
      const x = z[lower + j];
      const y = z[upper + j];
      z[lower + j] = s * y + c * x;
      z[upper + j] = c * y - s * x;
    }
  }
  d[l] = d[l] - p;
  e[l] = g;
  if (m < to - 1) e[m] = 0;
}

/** sqrt(x^2 + y^2) for numbers of size 1 at most, without loss where the squares underflow: a rotation must stay orthogonal. */
function hypotenuse(x: number, y: number): number {
  const square = x * x + y * y;
  if (square > 1e-280) return Math.sqrt(square);
  const large = Math.max(Math.abs(x), Math.abs(y));
  return large === 0 ? 0 : large * Math.sqrt((x / large) ** 2 + (y / large) ** 2);
}
