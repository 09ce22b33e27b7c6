/** Values of a series between its points. */

/** Values at each of `at` (increasing) of a series (xs increasing), linear between its points; NaN outside them. */
export function interpolated(xs: ArrayLike<number>, ys: ArrayLike<number>, at: ArrayLike<number>): Float64Array {
  const out = new Float64Array(at.length).fill(NaN);
  const last = xs.length - 1;
  for (let i = 0, k = 0; i < out.length; i++) {
    const x = at[i];
    while (k < last && xs[k + 1] <= x) k++;
    if (xs[k] === x) out[i] = ys[k];
    else if (k < last && x > xs[k]) out[i] = ys[k] + ((x - xs[k]) / (xs[k + 1] - xs[k])) * (ys[k + 1] - ys[k]);
  }
  return out;
}
