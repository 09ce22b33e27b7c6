/** Rows of `width` numbers, one a label: 1 at the label, the rest as it is in `out` (zeros). Labels are whole numbers from 0 to width - 1. */
export function fillOneHot<T extends Float64Array | Float32Array>(out: T, labels: ArrayLike<number>, width: number): T {
  for (let row = 0; row * width < out.length; row++) out[row * width + labels[row]] = 1;
  return out;
}
