/** Estimators through pairs of points in their textbook form, two passes each: what the program computes from running sums is held against them. */
import { curvature, moments, type Curvature } from '../../src/shared/fits.ts';

/**
 * Instrumental variable: cov(z, y) / cov(z, x). Errors of x do not flatten it where they are independent of z.
 * NaN where cov(z, x) is not positive: z is then no instrument for x.
 */
export function instrumental(z: ArrayLike<number>, x: ArrayLike<number>, y: ArrayLike<number>): number {
  if (z.length < 2) return NaN;
  const xx = moments(z, x).sxy;
  return xx > 0 ? moments(z, y).sxy / xx : NaN;
}

/**
 * Split-half instrument over two independent measurements of the same points, each serving once as the instrument of the other:
 *   1/2 [cov(x2, y1) / cov(x2, x1) + cov(x1, y2) / cov(x1, x2)].
 */
export function splitHalf(
  x1: ArrayLike<number>,
  y1: ArrayLike<number>,
  x2: ArrayLike<number>,
  y2: ArrayLike<number>,
): number {
  return (instrumental(x2, x1, y1) + instrumental(x1, x2, y2)) / 2;
}

/** The quadratic term of y on x with its test. */
export function curvatureOf(x: ArrayLike<number>, y: ArrayLike<number>): Curvature {
  const m = moments(x, y);
  const sum = (of: (dx: number, dy: number) => number): number =>
    Array.from(x).reduce((total, value, i) => total + of(value - m.meanX, y[i] - m.meanY), 0);
  return curvature(m, {
    sxxx: sum((dx) => dx ** 3),
    sxxxx: sum((dx) => dx ** 4),
    sxxy: sum((dx, dy) => dx ** 2 * dy),
  });
}
