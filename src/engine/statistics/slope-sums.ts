/** Weighted sums over leading groups of directions from which every slope but Theil-Sen's follows, for one sample or resample. */
import { estimators } from '../../shared/slopes.ts';
import { inverseLeastSquares, leastSquares, orthogonal, unitScatter, type Moments } from '../../shared/fits.ts';
import type { Triple } from '../../shared/cutoffs.ts';

/** Weighted sums of one relation over the leading groups. */
export class PairSums {
  #count = 0;
  #w = 0;
  #x = 0;
  #y = 0;
  #xx = 0;
  #xy = 0;
  #yy = 0;

  add(w: number, x: number, y: number): void {
    this.#count++;
    this.#w += w;
    this.#x += w * x;
    this.#y += w * y;
    this.#xx += w * x * x;
    this.#xy += w * x * y;
    this.#yy += w * y * y;
  }

  /** Puts the slopes that are functions of the moments where they belong, from `at` on; leaves NaN with fewer than 3 groups. */
  write(out: Float64Array, at: number): void {
    if (this.#count < 3) return;
    const m = this.#moments();
    out[at + estimators.indexOf('ols')] = leastSquares(m).slope;
    out[at + estimators.indexOf('ols_inverse')] = inverseLeastSquares(m);
    out[at + estimators.indexOf('orthogonal')] = orthogonal(m);
  }

  /** NaN with fewer than 3 groups. */
  leastSquares(): number {
    return this.#count < 3 ? NaN : leastSquares(this.#moments()).slope;
  }

  /** Root mean square distance, weighted, from the best line of slope 1; NaN with fewer than 3 groups. */
  unitScatter(): number {
    if (this.#count < 3) return NaN;
    return unitScatter({ ...this.#moments(), n: this.#w });
  }

  #moments(): Moments {
    const meanX = this.#x / this.#w;
    const meanY = this.#y / this.#w;
    return {
      n: this.#count,
      meanX,
      meanY,
      sxx: this.#xx - this.#x * meanX,
      sxy: this.#xy - this.#x * meanY,
      syy: this.#yy - this.#y * meanY,
    };
  }
}

/** Weighted sums behind the split-half instrument of all three relations; the parts are numbered 1 and 2. */
export class InstrumentSums {
  readonly #one: Triple;
  readonly #two: Triple;
  #count = 0;
  readonly #sums = new Float64Array(15);

  constructor(one: Triple, two: Triple) {
    this.#one = one;
    this.#two = two;
  }

  add(u: number, w: number): void {
    const h1 = this.#one.H[u];
    const c1 = this.#one.C[u];
    const q1 = this.#one.Q[u];
    const h2 = this.#two.H[u];
    const c2 = this.#two.C[u];
    const q2 = this.#two.Q[u];
    const all = h1 + c1 + q1 + h2 + c2 + q2;
    if (all !== all) return;
    this.#count++;
    const s = this.#sums;
    s[0] += w;
    s[1] += w * h1;
    s[2] += w * h2;
    s[3] += w * c1;
    s[4] += w * c2;
    s[5] += w * q1;
    s[6] += w * q2;
    s[7] += w * h1 * h2;
    s[8] += w * h2 * c1;
    s[9] += w * h1 * c2;
    s[10] += w * h2 * q1;
    s[11] += w * h1 * q2;
    s[12] += w * q1 * q2;
    s[13] += w * q2 * c1;
    s[14] += w * q1 * c2;
  }

  /** The instrument's slopes of the three relations; NaN if the parts do not vary together. */
  write(out: Float64Array, at: number): void {
    if (this.#count < 3) return;
    const s = this.#sums;
    const product = (xy: number, x: number, y: number) => s[xy] - (s[x] * s[y]) / s[0];
    const ratio = (above: number, below: number) => (below > 0 ? above / (2 * below) : NaN);
    const HH = product(7, 1, 2);
    const iv = at + estimators.indexOf('iv');
    out[iv] = ratio(product(8, 2, 3) + product(9, 1, 4), HH);
    out[iv + estimators.length] = ratio(product(10, 2, 5) + product(11, 1, 6), HH);
    out[iv + 2 * estimators.length] = ratio(product(13, 6, 3) + product(14, 5, 4), product(12, 5, 6));
  }
}
