/** Products of weights and tables for the bootstrap: by BLAS in a worker thread, by plain loops if there is none. */
import type { Blas } from '../blas/types.ts';

export interface RowProducts {
  allocate(length: number): Float64Array;
  release(array: Float64Array): void;
  /**
   * out [rows, width] = left right, left rows of `inner` weights `leftWidth` apart, right [inner, width]. All but `left` from `allocate`
   * (subarrays too).
   */
  multiply(
    rows: number,
    inner: number,
    width: number,
    left: Float64Array,
    leftWidth: number,
    right: Float64Array,
    out: Float64Array,
  ): void;
}

export const plainProducts: RowProducts = {
  allocate: (length) => new Float64Array(length),
  release: () => undefined,
  multiply: (rows, inner, width, left, leftWidth, right, out) => {
    for (let r = 0; r < rows; r++) {
      const weights = left.subarray(r * leftWidth, r * leftWidth + inner);
      weightedSum(right, width, weights, out.subarray(r * width, (r + 1) * width));
    }
  },
};

export function blasProducts(blas: Blas): RowProducts {
  return {
    allocate: (length) => blas.allocate('float64', length) as Float64Array,
    release: (array) => {
      blas.release(array);
    },
    multiply: (rows, inner, width, left, leftWidth, right, out) => {
      if (rows * width === 0) return;
      const weights = blas.allocate('float64', rows * inner);
      for (let r = 0; r < rows; r++) weights.set(left.subarray(r * leftWidth, r * leftWidth + inner), r * inner);
      blas.gemm(false, false, rows, width, inner, 1, weights, inner, right, width, 0, out, width);
      blas.release(weights);
    },
  };
}

/** out = sum of weights[row] times the row of `table` [rows, width]; four rows of weight a pass over `out`. */
function weightedSum(table: Float64Array, width: number, weights: Float64Array, out: Float64Array): void {
  out.fill(0);
  const end = weights.length;
  let row = 0;
  const next = (): number => {
    while (row < end && weights[row] === 0) row++;
    return row < end ? row++ : -1;
  };
  for (;;) {
    const r0 = next();
    if (r0 < 0) return;
    const [r1, r2, r3] = [next(), next(), next()];
    // A missing row counts as zero: the first with weight 0.
    const [w0, a0] = [weights[r0], r0 * width];
    const [w1, a1] = r1 < 0 ? [0, a0] : [weights[r1], r1 * width];
    const [w2, a2] = r2 < 0 ? [0, a0] : [weights[r2], r2 * width];
    const [w3, a3] = r3 < 0 ? [0, a0] : [weights[r3], r3 * width];
    for (let c = 0; c < width; c++)
      out[c] += w0 * table[a0 + c] + w1 * table[a1 + c] + (w2 * table[a2 + c] + w3 * table[a3 + c]);
  }
}
