/**
 * Straight lines through pairs (x, y): here always natural logarithms of diagonals, so that the slope is an exponent. Pure functions, no
 * allocation beyond their results; undefined slopes (fewer than 2 points, no spread) are NaN.
 *
 * Every estimator but Theil-Sen (theil-sen.ts) is a function of the central moments, so that running sums give all of them at any
 * cutoff (cutoffs.ts) and in any resample. Means are over n points, sums of squares carry no divisor.
 */
import { studentTwoSided } from './distributions.ts';

/** Sums over n points about their means: sxx = sum (x - mean x)^2, sxy and syy alike. */
export interface Moments {
  readonly n: number;
  readonly meanX: number;
  readonly meanY: number;
  readonly sxx: number;
  readonly sxy: number;
  readonly syy: number;
}

/** y = intercept + slope x by least squares, with the coefficient of determination. */
export interface FittedLine {
  readonly slope: number;
  readonly intercept: number;
  readonly rSquared: number;
}

/** Quadratic term of y on x, orthogonal to 1 and x, with the test that it is zero. */
export interface Curvature {
  /**
   * Coefficient c of x^2 in y = a + b x + c x^2 by least squares: per unit of log squared. The local slope changes by 2c per unit of x.
   */
  readonly coefficient: number;
  /** c over its standard error, as if residuals were independent with equal variance. */
  readonly t: number;
  /**
   * Two-sided p-value of t with n - 3 degrees of freedom. Directions share their samples, so residuals are not independent: it
   * describes the picture and is not a test of a hypothesis about the network.
   */
  readonly p: number;
}

/** Two passes over points 0..n-1. */
export function moments(x: ArrayLike<number>, y: ArrayLike<number>, n = x.length): Moments {
  if (!(n <= x.length && n <= y.length))
    throw new Error(`moments: ${n} points asked of ${x.length} x and ${y.length} y`);
  let meanX = 0;
  let meanY = 0;
  for (let i = 0; i < n; i++) {
    meanX += x[i];
    meanY += y[i];
  }
  meanX /= n;
  meanY /= n;
  let sxx = 0;
  let sxy = 0;
  let syy = 0;
  for (let i = 0; i < n; i++) {
    const dx = x[i] - meanX;
    const dy = y[i] - meanY;
    sxx += dx * dx;
    sxy += dx * dy;
    syy += dy * dy;
  }
  return { n, meanX, meanY, sxx, sxy, syy };
}

/** Least squares of y on x. */
export function leastSquares(m: Moments): FittedLine {
  const slope = m.n < 2 || !(m.sxx > 0) ? NaN : m.sxy / m.sxx;
  return { slope, intercept: m.meanY - slope * m.meanX, rSquared: (m.sxy * m.sxy) / (m.sxx * m.syy) };
}

/** Root mean square residual (divisor n) about the least-squares line of y on x. NaN if there is no line. */
export function residualScatter(m: Moments): number {
  return m.n < 2 || !(m.sxx > 0) ? NaN : Math.sqrt(Math.max(m.syy - (m.sxy * m.sxy) / m.sxx, 0) / m.n);
}

/** The same about the best line of slope 1, y = x + mean (y - x). */
export function unitScatter(m: Moments): number {
  return m.n < 2 ? NaN : Math.sqrt(Math.max(m.syy - 2 * m.sxy + m.sxx, 0) / m.n);
}

/** 1 / (least squares of x on y): at least as steep as least squares of y on x. NaN if x and y are uncorrelated. */
export function inverseLeastSquares(m: Moments): number {
  return m.n < 2 || m.sxy === 0 ? NaN : m.syy / m.sxy;
}

/** Total least squares: perpendicular distances, that is equal error variances in x and y. NaN if x and y are uncorrelated. */
export function orthogonal(m: Moments): number {
  if (m.n < 2 || m.sxy === 0) return NaN;
  const difference = m.syy - m.sxx;
  const root = Math.hypot(difference, 2 * m.sxy);
  // The two forms are equal; each is free of cancellation on its side.
  return difference >= 0 ? (difference + root) / (2 * m.sxy) : (2 * m.sxy) / (root - difference);
}

/** Third and fourth central sums that the quadratic term needs besides `Moments`: sxxx = sum dx^3, sxxxx = sum dx^4, sxxy = sum dx^2 dy. */
export interface HigherMoments {
  readonly sxxx: number;
  readonly sxxxx: number;
  readonly sxxy: number;
}

/** The quadratic term and its test. NaN throughout with fewer than 4 points or fewer than 3 distinct x. */
export function curvature(m: Moments, h: HigherMoments): Curvature {
  const none = { coefficient: NaN, t: NaN, p: NaN };
  if (m.n < 4 || !(m.sxx > 0)) return none;
  // z = dx^2 - sxx / n - (sxxx / sxx) dx is orthogonal to 1 and to dx.
  const szz = h.sxxxx - (m.sxx * m.sxx) / m.n - (h.sxxx * h.sxxx) / m.sxx;
  if (!(szz > 1e-12 * h.sxxxx)) return none;
  const szy = h.sxxy - (h.sxxx / m.sxx) * m.sxy;
  const residual = Math.max(m.syy - (m.sxy * m.sxy) / m.sxx - (szy * szy) / szz, 0);
  const freedom = m.n - 3;
  const coefficient = szy / szz;
  const t = coefficient / Math.sqrt(residual / freedom / szz);
  return { coefficient, t, p: studentTwoSided(t, freedom) };
}
