/**
 * The eigenvalues of D + rho z z^T, D diagonal, as roots of the secular equation
 *   f(lambda) = 1/rho + sum_i z_i^2 / (d_i - lambda) = 0          (i, j = 0..k-1, d ascending, rho > 0).
 * Root j lies between d_j and d_{j+1}, the last between d_{k-1} and d_{k-1} + rho |z|^2. f rises from -inf to +inf in each interval.
 *
 * Each root is sought as an offset tau from the nearer pole, so that the differences d_i - lambda, on which the eigenvectors rest, keep
 * full relative accuracy. Steps are those of the "middle way" (R.-C. Li, "Solving secular equations stably and efficiently", LAPACK working
 * note 89, 1993): the poles to the left of the root are replaced by one at d_j, those to the right by one at d_{j+1}, each matching value and
 * slope. A bracket around the root is kept; a step that leaves it, or three that do not shrink |f| much, give way to bisection.
 */

const EPSILON = Number.EPSILON / 2;
/** Bisection alone ends within about 1,100 steps (the exponent range and 53 bits); the middle way takes three to six. */
const MAXIMUM_STEPS = 1200;

/**
 * Root j. Writes d_i - lambda to `differences[i]`, i < k, and returns lambda. `zz` holds the squares of z, all positive.
 * Raises an Error when it does not converge (a value that is not finite).
 */
export function secularRoot(
  j: number,
  k: number,
  d: Float64Array,
  zz: Float64Array,
  rho: number,
  differences: Float64Array,
): number {
  const last = j === k - 1;
  const inverse = 1 / rho;
  const gap = last ? rho * sum(zz, k) : d[j + 1] - d[j];

  // Which half of the interval holds the root decides the origin, the pole that tau is measured from.
  let origin = j;
  let low = 0;
  let high = gap;
  let tau = gap / 2;
  if (k === 1) {
    differences[0] = -gap;
    return d[0] + gap;
  }
  let point = evaluate(j, k, d, zz, d[j], tau, inverse);
  if (!last) {
    if (point.value >= 0) {
      high = tau;
    } else {
      origin = j + 1;
      low = -tau;
      high = 0;
      tau = -tau;
    }
  } else {
    // Beyond the last interval f is still rising, and never negative at its right end.
    if (point.value >= 0) high = tau;
    else low = tau;
  }
  const base = d[origin];
  if (origin !== j) point = evaluate(j, k, d, zz, base, tau, inverse);

  let slow = 0;
  for (let step = 0; ; step++) {
    if (Math.abs(point.value) <= EPSILON * point.error) break;
    if (!(step < MAXIMUM_STEPS)) throw new Error(`root ${j} of a secular equation with ${k} poles did not converge`);
    if (point.value < 0) low = Math.max(low, tau);
    else high = Math.min(high, tau);
    const before = Math.abs(point.value);
    let next = slow < 3 ? tau + middleWay(d[j] - base - tau, last ? null : d[j + 1] - base - tau, point) : NaN;
    if (!(next > low && next < high)) {
      next = bisect(low, high);
      if (next === low || next === high) break;
    }
    if (next === tau) break;
    tau = next;
    point = evaluate(j, k, d, zz, base, tau, inverse);
    slow = Math.abs(point.value) > 0.1 * before ? slow + 1 : 0;
    if (slow > 3) slow = 0;
  }
  for (let i = 0; i < k; i++) differences[i] = d[i] - base - tau;
  return base + tau;
}

interface Point {
  /** f(lambda). */
  readonly value: number;
  /** Slopes of the parts with poles to the left (i <= j) and to the right of lambda; both positive. */
  readonly slopeLeft: number;
  readonly slopeRight: number;
  /** Bound of the rounding error of `value`, in units of the rounding error of one operation. */
  readonly error: number;
}

/** f at lambda = base + tau. Each part is summed from the far poles to the near ones. */
function evaluate(
  j: number,
  k: number,
  d: Float64Array,
  zz: Float64Array,
  base: number,
  tau: number,
  inverse: number,
): Point {
  let left = 0;
  let slopeLeft = 0;
  let error = 0;
  for (let i = 0; i <= j; i++) {
    const difference = d[i] - base - tau;
    const term = zz[i] / difference;
    left += term;
    slopeLeft += term / difference;
    error -= left;
  }
  let right = 0;
  let slopeRight = 0;
  for (let i = k - 1; i > j; i--) {
    const difference = d[i] - base - tau;
    const term = zz[i] / difference;
    right += term;
    slopeRight += term / difference;
    error += right;
  }
  error += 8 * (right - left) + 3 * inverse + Math.abs(tau) * (slopeLeft + slopeRight);
  return { value: inverse + left + right, slopeLeft, slopeRight, error };
}

/**
 * The step eta to the root of  c + s / (x - eta) + S / (X - eta),  x = d_j - lambda < 0 < X = d_{j+1} - lambda, which shares value and both
 * slopes with f at eta = 0. Without a right pole (the last root) the right part is constant.
 */
function middleWay(x: number, X: number | null, { value, slopeLeft, slopeRight }: Point): number {
  if (X === null) {
    // c + s / (x - eta) with c = f - x f', s = x^2 f'.
    const c = value - x * slopeLeft;
    return c > 0 ? x + (x * x * slopeLeft) / c : NaN;
  }
  const c = value - x * slopeLeft - X * slopeRight;
  const a = (x + X) * value - x * X * (slopeLeft + slopeRight);
  const b = x * X * value;
  const root = Math.sqrt(Math.max(0, a * a - 4 * b * c));
  return a <= 0 ? (a - root) / (2 * c) : (2 * b) / (a + root);
}

/** The middle of a bracket whose ends have one sign, in the exponent if they are orders of magnitude apart. */
function bisect(low: number, high: number): number {
  const small = Math.min(Math.abs(low), Math.abs(high));
  const large = Math.max(Math.abs(low), Math.abs(high));
  if (large > 1e3 * small) {
    const floor = Math.max(small, large * 1e-32);
    const middle = Math.sqrt(floor) * Math.sqrt(large);
    return low < 0 ? -middle : middle;
  }
  return low + (high - low) / 2;
}

function sum(values: Float64Array, count: number): number {
  let total = 0;
  for (let i = 0; i < count; i++) total += values[i];
  return total;
}
