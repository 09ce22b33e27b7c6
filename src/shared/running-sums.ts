/** Sums over the first n of a sequence of points, kept for every n, so that fits over any leading part take constant time. */
import type { HigherMoments, Moments } from './fits.ts';

/** Central moments up to the fourth of the first n points (x_i, y_i). */
export class RunningMoments {
  /** [8 (n + 1)]: sums of x, y, xx, xy, yy, xxx, xxxx, xxy about (centreX, centreY). */
  readonly #sums: Float64Array;
  readonly #centreX: number;
  readonly #centreY: number;

  constructor(x: ArrayLike<number>, y: ArrayLike<number>) {
    const n = x.length;
    this.#centreX = mean(x);
    this.#centreY = mean(y);
    const sums = new Float64Array(8 * (n + 1));
    for (let i = 0, at = 0; i < n; i++, at += 8) {
      const dx = x[i] - this.#centreX;
      const dy = y[i] - this.#centreY;
      const square = dx * dx;
      sums[at + 8] = sums[at] + dx;
      sums[at + 9] = sums[at + 1] + dy;
      sums[at + 10] = sums[at + 2] + square;
      sums[at + 11] = sums[at + 3] + dx * dy;
      sums[at + 12] = sums[at + 4] + dy * dy;
      sums[at + 13] = sums[at + 5] + square * dx;
      sums[at + 14] = sums[at + 6] + square * square;
      sums[at + 15] = sums[at + 7] + square * dy;
    }
    this.#sums = sums;
  }

  /** Moments of the first n points; n = 0 gives NaN means. */
  first(n: number): Moments & HigherMoments {
    const [x, y, xx, xy, yy, xxx, xxxx, xxy] = this.#sums.subarray(8 * n, 8 * n + 8) as unknown as Eight;
    const mx = x / n;
    const my = y / n;
    const sxx = Math.max(xx - x * mx, 0);
    return {
      n,
      meanX: this.#centreX + mx,
      meanY: this.#centreY + my,
      sxx,
      sxy: xy - x * my,
      syy: Math.max(yy - y * my, 0),
      sxxx: xxx - 3 * mx * xx + 2 * x * mx * mx,
      sxxxx: xxxx - 4 * mx * xxx + 6 * mx * mx * xx - 3 * x * mx * mx * mx,
      sxxy: xxy - 2 * mx * xy + mx * mx * y - my * sxx,
    };
  }
}

/** Sums of products about the means of the first n points of two sequences. */
export class RunningProduct {
  /** [3 (n + 1)]: sums of x, y, xy. */
  readonly #sums: Float64Array;

  constructor(x: ArrayLike<number>, y: ArrayLike<number>) {
    const n = x.length;
    const centreX = mean(x);
    const centreY = mean(y);
    const sums = new Float64Array(3 * (n + 1));
    for (let i = 0, at = 0; i < n; i++, at += 3) {
      const dx = x[i] - centreX;
      const dy = y[i] - centreY;
      sums[at + 3] = sums[at] + dx;
      sums[at + 4] = sums[at + 1] + dy;
      sums[at + 5] = sums[at + 2] + dx * dy;
    }
    this.#sums = sums;
  }

  first(n: number): number {
    const first = 3 * n;
    return this.#sums[first + 2] - (this.#sums[first] * this.#sums[first + 1]) / n;
  }
}

type Eight = readonly [number, number, number, number, number, number, number, number];

function mean(values: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i];
  return values.length === 0 ? 0 : sum / values.length;
}
