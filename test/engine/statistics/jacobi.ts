/** Eigendecomposition of a small symmetric matrix by cyclic Jacobi rotations; for tests alone. */
export interface Eigen {
  /** In decreasing order. */
  readonly values: Float64Array;
  /** Row i is the unit eigenvector of values[i]. */
  readonly vectors: Float64Array;
}

/** @param matrix [d, d] row-major, symmetric. */
export function eigenOf(matrix: Float64Array, d: number): Eigen {
  const a = matrix.slice();
  const v = new Float64Array(d * d);
  for (let i = 0; i < d; i++) v[i * d + i] = 1;
  const size = Math.hypot(...a);
  for (let sweep = 0; sweep < 100; sweep++) {
    let off = 0;
    for (let i = 0; i < d; i++) for (let j = 0; j < i; j++) off += a[i * d + j] ** 2;
    if (Math.sqrt(off) <= 1e-14 * size) break;
    for (let p = 0; p < d; p++) {
      for (let q = p + 1; q < d; q++) {
        if (a[p * d + q] === 0) continue;
        const theta = (a[q * d + q] - a[p * d + p]) / (2 * a[p * d + q]);
        const t = (theta < 0 ? -1 : 1) / (Math.abs(theta) + Math.hypot(theta, 1));
        const c = 1 / Math.hypot(t, 1);
        const s = t * c;
        for (const m of [a, v]) {
          // Rows of `v` are eigenvectors, so it is rotated from the left alone.
          for (let k = 0; k < d; k++) {
            const [x, y] = [m[p * d + k], m[q * d + k]];
            m[p * d + k] = c * x - s * y;
            m[q * d + k] = s * x + c * y;
          }
        }
        for (let k = 0; k < d; k++) {
          const [x, y] = [a[k * d + p], a[k * d + q]];
          a[k * d + p] = c * x - s * y;
          a[k * d + q] = s * x + c * y;
        }
      }
    }
  }
  const order = Array.from({ length: d }, (_, i) => i).sort((i, j) => a[j * d + j] - a[i * d + i]);
  return {
    values: Float64Array.from(order, (i) => a[i * d + i]),
    vectors: Float64Array.from(order.flatMap((i) => [...v.subarray(i * d, (i + 1) * d)])),
  };
}
