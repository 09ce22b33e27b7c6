/** Wishart matrices by Bartlett's decomposition, from seeded random numbers. */
import type { Random } from '../../shared/random.ts';

/** B [r, r] upper triangular with B^T B Wishart of `degrees` >= r degrees of freedom (Bartlett 1933). What lies below the diagonal is left alone. */
export function fillBartlett(random: Random, degrees: number, r: number, b: Float64Array): void {
  for (let i = 0; i < r; i++) {
    b[i * r + i] = Math.sqrt(2 * gamma(random, (degrees - i) / 2));
    random.fillNormal(b, i * r + i + 1, (i + 1) * r);
  }
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
