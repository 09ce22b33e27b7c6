/** Standard normal distribution function, absolute error below 1e-14 (series near 0, continued fraction in the tails). */
export function normalCdf(x: number): number {
  if (Number.isNaN(x)) return NaN;
  const z = Math.abs(x);
  if (z > 38) return x > 0 ? 1 : 0;
  const density = Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI);
  let upper: number;
  if (z < 3) {
    // Phi(z) - 1/2 = density * sum_k z^(2k+1) / (1 3 5 ... (2k+1))  (Abramowitz & Stegun 26.2.11)
    let term = z;
    let sum = z;
    for (let k = 3; term > 1e-17 * sum; k += 2) {
      term *= (z * z) / k;
      sum += term;
    }
    upper = 0.5 - density * sum;
  } else {
    // 1 - Phi(z) = density / (z + 1/(z + 2/(z + ...)))  (26.2.14)
    let fraction = z;
    for (let k = 60; k >= 1; k--) fraction = z + k / fraction;
    upper = density / fraction;
  }
  return x > 0 ? 1 - upper : upper;
}
