/**
 * Elementary functions from IEEE additions, multiplications, divisions and square roots alone, so that they are equal bit for bit in every engine on every machine;
 * `Math.log`, `Math.exp`... may differ in the last bit between engines. For what must be reproducible everywhere: generated data, initial weights.
 */

/**
 * Natural logarithm of a positive normal number from IEEE basic operations alone; relative error below 1e-15.
 * x = m 2^e with m in [1/sqrt 2, sqrt 2): log x = e log 2 + 2 atanh((m - 1) / (m + 1)).
 */
export function portableLog(x: number): number {
  if (!(x > 0 && x < Infinity)) throw new Error(`portableLog: expected a positive number, found ${x}`);
  let m = x;
  let e = 0;
  while (m >= 1.4142135623730951) {
    m /= 2;
    e++;
  }
  while (m < 0.7071067811865476) {
    m *= 2;
    e--;
  }
  const s = (m - 1) / (m + 1);
  const s2 = s * s;
  let sum = 0;
  for (let k = 23; k >= 1; k -= 2) sum = sum * s2 + 1 / k;
  return e * 0.6931471805599453 + 2 * s * sum;
}

/**
 * e^x; relative error below 1e-15 where the result is a normal number. x = k log 2 + r with |r| <= log(2) / 2, and e^r by its Taylor series.
 */
export function portableExp(x: number): number {
  if (Number.isNaN(x)) return NaN;
  if (x > 710) return Infinity;
  if (x < -746) return 0;
  const k = Math.round(x * 1.4426950408889634);
  // log 2 in two parts, the first with trailing zeros, so that the product with k is exact.
  const r = x - k * 0.6931471803691238 - k * 1.9082149292705877e-10;
  let sum = 1;
  for (let n = 14; n >= 1; n--) sum = 1 + (r / n) * sum;
  // In two steps: 2^k alone may overflow or underflow where the result does not. Powers of two by repeated squaring are exact.
  const half = Math.trunc(k / 2);
  return sum * powerOfTwo(half) * powerOfTwo(k - half);
}

/** tanh x; relative error below 1e-14. */
export function portableTanh(x: number): number {
  const a = Math.abs(x);
  if (a < 0.08) {
    // The series; the other form would lose digits to cancellation here.
    const s = x * x;
    return x * (1 + s * (-1 / 3 + s * (2 / 15 + s * (-17 / 315 + s * (62 / 2835 - (s * 1382) / 155925)))));
  }
  const t = a > 20 ? 1 : 1 - 2 / (portableExp(2 * a) + 1);
  return x < 0 ? -t : t;
}

function powerOfTwo(k: number): number {
  let result = 1;
  let base = k < 0 ? 0.5 : 2;
  for (let n = Math.abs(k); n > 0; n = Math.floor(n / 2)) {
    if (n % 2 === 1) result *= base;
    base *= base;
  }
  return result;
}

/** Quantile of the standard normal distribution for p in (0, 1): Wichura's PPND16, algorithm AS 241 (1988), about 1 part in 10^16. */
export function inverseNormal(p: number): number {
  const q = p - 0.5;
  if (Math.abs(q) <= 0.425) {
    const r = 0.180625 - q * q;
    return (q * polynomial(centre.above, r)) / polynomial(centre.below, r);
  }
  let r = q < 0 ? p : 1 - p;
  r = Math.sqrt(-portableLog(r));
  const part = r <= 5 ? middle : tail;
  r -= r <= 5 ? 1.6 : 5;
  const x = polynomial(part.above, r) / polynomial(part.below, r);
  return q < 0 ? -x : x;
}

/**
 * `inverseNormal` of every entry of [from, to), in place. Most entries lie in the centre: its formula for all of them first, in a loop without branches, takes a
 * fraction of the time of one call after the other.
 */
export function inverseNormals(p: Float64Array, from: number, to: number): void {
  const { above: a, below: b } = centre;
  const central = new Float64Array(to - from);
  for (let i = 0; i < central.length; i++) {
    const q = p[from + i] - 0.5;
    const r = 0.180625 - q * q;
    const top = ((((((a[7] * r + a[6]) * r + a[5]) * r + a[4]) * r + a[3]) * r + a[2]) * r + a[1]) * r + a[0];
    const bottom = ((((((b[7] * r + b[6]) * r + b[5]) * r + b[4]) * r + b[3]) * r + b[2]) * r + b[1]) * r + b[0];
    central[i] = (q * top) / bottom;
  }
  for (let i = from; i < to; i++) p[i] = Math.abs(p[i] - 0.5) <= 0.425 ? central[i - from] : inverseNormal(p[i]);
}

function polynomial(coefficients: readonly number[], x: number): number {
  let sum = 0;
  for (let i = coefficients.length - 1; i >= 0; i--) sum = sum * x + coefficients[i];
  return sum;
}

// Coefficients of AS 241, lowest power first.
const centre = {
  above: [
    3.387132872796366608, 133.14166789178437745, 1971.5909503065514427, 13731.693765509461125, 45921.953931549871457,
    67265.770927008700853, 33430.575583588128105, 2509.0809287301226727,
  ],
  below: [
    1, 42.313330701600911252, 687.1870074920579083, 5394.1960214247511077, 21213.794301586595867, 39307.89580009271061,
    28729.085735721942674, 5226.495278852545925,
  ],
} as const;
const middle = {
  above: [
    1.42343711074968357734, 4.6303378461565452959, 5.7694972214606914055, 3.64784832476320460504,
    1.27045825245236838258, 0.24178072517745061177, 0.0227238449892691845833, 7.7454501427834140764e-4,
  ],
  below: [
    1, 2.05319162663775882187, 1.6763848301838038494, 0.68976733498510000455, 0.14810397642748007459,
    0.0151986665636164571966, 5.475938084995344946e-4, 1.05075007164441684324e-9,
  ],
} as const;
const tail = {
  above: [
    6.6579046435011037772, 5.4637849111641143699, 1.7848265399172913358, 0.29656057182850489123,
    0.026532189526576123093, 0.0012426609473880784386, 2.71155556874348757815e-5, 2.01033439929228813265e-7,
  ],
  below: [
    1, 0.59983220655588793769, 0.13692988092273580531, 0.0148753612908506148525, 7.868691311456132591e-4,
    1.8463183175100546818e-5, 1.4215117583164458887e-7, 2.04426310338993978564e-15,
  ],
} as const;
