/**
 * Exponential functions in single precision, four numbers at a time, and what networks make of them: activations with their derivatives, softmax and cross-entropy
 * by rows. Within a few units in the last place of the correctly rounded value; double precision is JavaScript's (backend/elementwise.ts, backend/rows.ts).
 * Pointers are bytes, n counts elements; `out` may be an argument.
 */
import { lanes } from './gemv';

// Numbers of the functions that `activate` and `activateBackward` know (backend/cpu-loops.ts has the same).
const SIGMOID: i32 = 0;
const TANH: i32 = 1;
const SILU: i32 = 2;
const GELU: i32 = 3;
const GELU_TANH: i32 = 4;

/** sqrt(2/pi), and the factor of the cubic term in the approximation of gelu by tanh. */
const ROOT: f32 = 0.7978845608;
const CUBIC: f32 = 0.044715;

/**
 * e^x: x = n ln 2 + r with n a whole number and |r| <= ln 2 / 2, a polynomial for e^r (S. L. Moshier, Cephes, expf), and two factors that make 2^n, so that results
 * below the smallest normal number come out right too. 0 from -104 down, infinite from 89 up, NaN for NaN.
 */
function exp4(value: v128): v128 {
  const x = f32x4.max(f32x4.min(value, f32x4.splat(89)), f32x4.splat(-104));
  // Adding 1.5 * 2^23 rounds to a whole number, which then stands in the low bits.
  const big = f32x4.splat(12582912);
  const shifted = f32x4.relaxed_madd(x, f32x4.splat(1.44269504088896341), big);
  const n = f32x4.sub(shifted, big);
  let r = f32x4.relaxed_madd(n, f32x4.splat(-0.693359375), x);
  r = f32x4.relaxed_madd(n, f32x4.splat(2.1219444e-4), r);
  let p = f32x4.splat(1.98756915e-4);
  p = f32x4.relaxed_madd(p, r, f32x4.splat(1.3981999507e-3));
  p = f32x4.relaxed_madd(p, r, f32x4.splat(8.3334519073e-3));
  p = f32x4.relaxed_madd(p, r, f32x4.splat(4.1665795894e-2));
  p = f32x4.relaxed_madd(p, r, f32x4.splat(1.6666665459e-1));
  p = f32x4.relaxed_madd(p, r, f32x4.splat(5.0000001201e-1));
  p = f32x4.relaxed_madd(p, f32x4.mul(r, r), f32x4.add(r, f32x4.splat(1)));
  const whole = i32x4.sub(shifted, i32x4.splat(0x4b400000));
  const half = i32x4.shr_s(whole, 1);
  const bias = i32x4.splat(127);
  const first = i32x4.shl(i32x4.add(half, bias), 23);
  const second = i32x4.shl(i32x4.add(i32x4.sub(whole, half), bias), 23);
  return f32x4.mul(f32x4.mul(p, first), second);
}

/** With e = exp(-|x|): e / (1 + e) where x < 0, else 1 / (1 + e). */
function logistic4(x: v128): v128 {
  const e = exp4(f32x4.neg(f32x4.abs(x)));
  const part = f32x4.div(f32x4.splat(1), f32x4.add(f32x4.splat(1), e));
  return v128.bitselect(f32x4.mul(e, part), part, f32x4.lt(x, f32x4.splat(0)));
}

/** The derivative of the logistic function: e / (1 + e)^2 with e = exp(-|x|), accurate in the tails. */
function logisticSlope4(x: v128): v128 {
  const e = exp4(f32x4.neg(f32x4.abs(x)));
  const part = f32x4.div(f32x4.splat(1), f32x4.add(f32x4.splat(1), e));
  return f32x4.mul(f32x4.mul(e, part), part);
}

/** tanh x: a polynomial where |x| < 0.625 (Cephes, tanhf), else 1 - 2 / (1 + exp(2 |x|)) with the sign of x. */
function tanh4(x: v128): v128 {
  const size = f32x4.abs(x);
  const z = f32x4.mul(x, x);
  let p = f32x4.splat(-5.70498872745e-3);
  p = f32x4.relaxed_madd(p, z, f32x4.splat(2.06390887954e-2));
  p = f32x4.relaxed_madd(p, z, f32x4.splat(-5.37397155531e-2));
  p = f32x4.relaxed_madd(p, z, f32x4.splat(1.33314422036e-1));
  p = f32x4.relaxed_madd(p, z, f32x4.splat(-3.33332819422e-1));
  const small = f32x4.relaxed_madd(f32x4.mul(p, z), x, x);
  const e = exp4(f32x4.add(size, size));
  const large = f32x4.sub(f32x4.splat(1), f32x4.div(f32x4.splat(2), f32x4.add(f32x4.splat(1), e)));
  const sign = v128.and(x, i32x4.splat(<i32>0x80000000));
  return v128.bitselect(small, v128.or(large, sign), f32x4.lt(size, f32x4.splat(0.625)));
}

/**
 * The standard normal distribution function: with x = |z| / sqrt 2 and t = 1 / (1 + x / 2), erfc(x) = t exp(-x^2 + P(t)), P of degree 9, relative error below
 * 1.2e-7 (Press et al., Numerical Recipes, 2nd ed., section 6.2).
 */
function normal4(z: v128): v128 {
  const x = f32x4.mul(f32x4.abs(z), f32x4.splat(0.70710678118654752));
  const t = f32x4.div(f32x4.splat(1), f32x4.relaxed_madd(x, f32x4.splat(0.5), f32x4.splat(1)));
  let p = f32x4.splat(0.17087277);
  p = f32x4.relaxed_madd(p, t, f32x4.splat(-0.82215223));
  p = f32x4.relaxed_madd(p, t, f32x4.splat(1.48851587));
  p = f32x4.relaxed_madd(p, t, f32x4.splat(-1.13520398));
  p = f32x4.relaxed_madd(p, t, f32x4.splat(0.27886807));
  p = f32x4.relaxed_madd(p, t, f32x4.splat(-0.18628806));
  p = f32x4.relaxed_madd(p, t, f32x4.splat(0.09678418));
  p = f32x4.relaxed_madd(p, t, f32x4.splat(0.37409196));
  p = f32x4.relaxed_madd(p, t, f32x4.splat(1.00002368));
  p = f32x4.relaxed_madd(p, t, f32x4.splat(-1.26551223));
  const tail = f32x4.mul(f32x4.mul(f32x4.splat(0.5), t), exp4(f32x4.relaxed_madd(x, f32x4.neg(x), p)));
  return v128.bitselect(tail, f32x4.sub(f32x4.splat(1), tail), f32x4.lt(z, f32x4.splat(0)));
}

/** exp(-z^2 / 2) / sqrt(2 pi). */
function density4(z: v128): v128 {
  return f32x4.mul(exp4(f32x4.mul(f32x4.mul(z, z), f32x4.splat(-0.5))), f32x4.splat(0.3989422804));
}

/** 2 u with u = sqrt(2/pi) (z + 0.044715 z^3): gelu by tanh is z times the logistic function of it. */
function twiceRoot4(z: v128): v128 {
  const inner = f32x4.relaxed_madd(f32x4.mul(z, z), f32x4.splat(CUBIC), f32x4.splat(1));
  return f32x4.mul(f32x4.mul(z, f32x4.splat(2 * ROOT)), inner);
}

function value4(fn: i32, z: v128): v128 {
  if (fn == SIGMOID) return logistic4(z);
  if (fn == TANH) return tanh4(z);
  if (fn == SILU) return f32x4.mul(z, logistic4(z));
  if (fn == GELU) return f32x4.mul(z, normal4(z));
  return f32x4.mul(z, logistic4(twiceRoot4(z)));
}

function slope4(fn: i32, z: v128): v128 {
  if (fn == SIGMOID) return logisticSlope4(z);
  if (fn == TANH) return f32x4.mul(f32x4.splat(4), logisticSlope4(f32x4.add(z, z)));
  if (fn == GELU) return f32x4.relaxed_madd(z, density4(z), normal4(z));
  // z s(v) with v = z, or twice the root: s + z s (1 - s) v'.
  const v = fn == SILU ? z : twiceRoot4(z);
  const e = exp4(f32x4.neg(f32x4.abs(v)));
  const part = f32x4.div(f32x4.splat(1), f32x4.add(f32x4.splat(1), e));
  const other = f32x4.mul(e, part);
  const s = v128.bitselect(other, part, f32x4.lt(v, f32x4.splat(0)));
  let bent = f32x4.mul(z, f32x4.mul(part, other));
  if (fn == GELU_TANH) {
    const slope = f32x4.relaxed_madd(f32x4.mul(z, z), f32x4.splat(6 * CUBIC * ROOT), f32x4.splat(2 * ROOT));
    // Where |z| is so large that z^2 slope overflows, the factor before it is 0.
    bent = f32x4.mul(bent, f32x4.min(slope, f32x4.splat(1e30)));
  }
  return f32x4.add(s, bent);
}

/** out = f(z), or f'(z) where `order` is 1. */
export function activate32(fn: i32, order: i32, n: i32, z: usize, out: usize): void {
  const end = z + (((<usize>n) << 2) & ~15);
  for (; z < end; z += 16, out += 16) {
    const x = v128.load(z);
    v128.store(out, order == 0 ? value4(fn, x) : slope4(fn, x));
  }
  for (const last = end + (((<usize>n) << 2) & 15); z < last; z += 4, out += 4) {
    const x = v128.load32_splat(z);
    v128.store32_lane(out, order == 0 ? value4(fn, x) : slope4(fn, x), 0);
  }
}

/** out = f'(z) dy. */
export function activateBackward32(fn: i32, n: i32, z: usize, dy: usize, out: usize): void {
  const end = z + (((<usize>n) << 2) & ~15);
  for (; z < end; z += 16, dy += 16, out += 16) {
    v128.store(out, f32x4.mul(slope4(fn, v128.load(z)), v128.load(dy)));
  }
  for (const last = end + (((<usize>n) << 2) & 15); z < last; z += 4, dy += 4, out += 4) {
    v128.store32_lane(out, f32x4.mul(slope4(fn, v128.load32_splat(z)), v128.load32_splat(dy)), 0);
  }
}

/** softmax of every row; an entry of -Infinity gives 0. */
export function softmax32(rows: i32, cols: i32, x: usize, out: usize): void {
  const bytes = (<usize>cols) << 2;
  for (let p = 0; p < rows; p++, x += bytes, out += bytes) {
    const factor = <f32>1 / exponentials(cols, maximum(cols, x), x, out);
    scaleRow(cols, factor, out);
  }
}

/**
 * softmax of every row of [rows, tokens] whose columns after the row (in its block of `tokens` rows) are left out: they give 0. `out` may not be `x`.
 */
export function causalSoftmax32(rows: i32, tokens: i32, x: usize, out: usize): void {
  const bytes = (<usize>tokens) << 2;
  for (let p = 0; p < rows; p++, x += bytes, out += bytes) {
    const cols = (p % tokens) + 1;
    const factor = <f32>1 / exponentials(cols, maximum(cols, x), x, out);
    scaleRow(cols, factor, out);
    for (let j = (<usize>cols) << 2; j < bytes; j += 4) store<f32>(out + j, 0);
  }
}

/** With W the sum of a row's targets: losses[p] = W log sum_j exp(y_pj) - sum_j y_pj t_pj and gradient = factor (W softmax(y) - t). `gradient` may not be `y`. */
export function crossEntropy32(
  rows: i32,
  cols: i32,
  factor: f32,
  y: usize,
  t: usize,
  losses: usize,
  gradient: usize,
): void {
  const bytes = (<usize>cols) << 2;
  for (let p = 0; p < rows; p++, y += bytes, t += bytes, losses += 4, gradient += bytes) {
    const largest = maximum(cols, y);
    const sum = exponentials(cols, largest, y, gradient);
    let mass: f32 = 0;
    let fit: f32 = 0;
    for (let j: usize = 0; j < bytes; j += 4) {
      mass += load<f32>(t + j);
      fit += (load<f32>(y + j) - largest) * load<f32>(t + j);
    }
    store<f32>(losses, mass * logarithm(sum) - fit);
    const share = v128.splat<f32>((factor * mass) / sum);
    const minus = v128.splat<f32>(-factor);
    let j: usize = 0;
    for (; j + 16 <= bytes; j += 16) {
      const q = f32x4.mul(share, v128.load(gradient + j));
      v128.store(gradient + j, f32x4.relaxed_madd(minus, v128.load(t + j), q));
    }
    for (; j < bytes; j += 4) {
      const q = f32x4.mul(share, v128.load32_splat(gradient + j));
      v128.store32_lane(gradient + j, f32x4.relaxed_madd(minus, v128.load32_splat(t + j), q), 0);
    }
  }
}

/** out = exp(x - largest); returns the sum. */
function exponentials(n: i32, largest: f32, x: usize, out: usize): f32 {
  const shift = v128.splat<f32>(largest);
  let sums = v128.splat<f32>(0);
  const end = x + (((<usize>n) << 2) & ~15);
  for (; x < end; x += 16, out += 16) {
    const e = exp4(f32x4.sub(v128.load(x), shift));
    v128.store(out, e);
    sums = f32x4.add(sums, e);
  }
  let sum = lanes<f32>(sums);
  for (const last = end + (((<usize>n) << 2) & 15); x < last; x += 4, out += 4) {
    const e = exp4(f32x4.sub(v128.load32_splat(x), shift));
    v128.store32_lane(out, e, 0);
    sum += f32x4.extract_lane(e, 0);
  }
  return sum;
}

function maximum(n: i32, x: usize): f32 {
  let largest = load<f32>(x);
  const end = x + ((<usize>n) << 2);
  if (n >= 4) {
    let most = v128.load(x);
    for (x += 16; x + 16 <= end; x += 16) most = f32x4.max(most, v128.load(x));
    largest = max(
      max(f32x4.extract_lane(most, 0), f32x4.extract_lane(most, 1)),
      max(f32x4.extract_lane(most, 2), f32x4.extract_lane(most, 3)),
    );
  }
  for (; x < end; x += 4) largest = max(largest, load<f32>(x));
  return largest;
}

function scaleRow(n: i32, s: f32, x: usize): void {
  const factors = v128.splat<f32>(s);
  const end = x + ((<usize>n) << 2);
  for (; x + 16 <= end; x += 16) v128.store(x, f32x4.mul(v128.load(x), factors));
  for (; x < end; x += 4) store<f32>(x, load<f32>(x) * s);
}

/** log x for x >= 1: x = 2^n m with m in [sqrt 1/2, sqrt 2), and 2 artanh((m - 1) / (m + 1)) by its series, in double precision. */
function logarithm(x: f32): f32 {
  if (!(x < Infinity)) return x;
  const bits = reinterpret<u64>(<f64>x);
  let n = <f64>(<i32>(bits >> 52) - 1023);
  let m = reinterpret<f64>((bits & 0x000fffffffffffff) | 0x3ff0000000000000);
  if (m > 1.4142135623730951) {
    m *= 0.5;
    n += 1;
  }
  const s = (m - 1) / (m + 1);
  const z = s * s;
  const series = 1 + z * (1.0 / 3 + z * (1.0 / 5 + z * (1.0 / 7 + z * (1.0 / 9 + z * (1.0 / 11)))));
  return <f32>(n * 0.6931471805599453 + 2 * s * series);
}
