/**
 * Loops over the rows and columns of matrices in the shared memory (see backend/rows.ts, which does the same on any arrays): normalisation, scaling and sums of
 * rows and of columns, exchanged axes. Matrices are row-major, of f64 where `double`, else f32; pointers are bytes. `out` may be an argument of the matrix's own size.
 */
import { axpy, dot, lanes } from './gemv';
import { clear, copy } from './elementwise';

/** Rows whose sum is made before it is added to that of the others: the error of long sums in single precision stays small. */
const RUN: i32 = 256;

/** out = x + row, on every row. */
export function addRow(double: bool, rows: i32, cols: i32, x: usize, row: usize, out: usize): void {
  if (double) addRowOf<f64>(rows, cols, x, row, out);
  else addRowOf<f32>(rows, cols, x, row, out);
}

function addRowOf<T>(rows: i32, cols: i32, x: usize, row: usize, out: usize): void {
  const bytes = <usize>cols * sizeof<T>();
  const whole = bytes & ~15;
  for (let p = 0; p < rows; p++, x += bytes, out += bytes) {
    let j: usize = 0;
    for (; j < whole; j += 16) v128.store(out + j, v128.add<T>(v128.load(x + j), v128.load(row + j)));
    for (; j < bytes; j += sizeof<T>()) store<T>(out + j, load<T>(x + j) + load<T>(row + j));
  }
}

/** out = x times row, entry by entry, on every row. */
export function multiplyRow(double: bool, rows: i32, cols: i32, x: usize, row: usize, out: usize): void {
  if (double) multiplyRowOf<f64>(rows, cols, x, row, out);
  else multiplyRowOf<f32>(rows, cols, x, row, out);
}

function multiplyRowOf<T>(rows: i32, cols: i32, x: usize, row: usize, out: usize): void {
  const bytes = <usize>cols * sizeof<T>();
  const whole = bytes & ~15;
  for (let p = 0; p < rows; p++, x += bytes, out += bytes) {
    let j: usize = 0;
    for (; j < whole; j += 16) v128.store(out + j, v128.mul<T>(v128.load(x + j), v128.load(row + j)));
    for (; j < bytes; j += sizeof<T>()) store<T>(out + j, load<T>(x + j) * load<T>(row + j));
  }
}

/** out = x times scale plus shift, entry by entry, on every row. */
export function scaleShift(double: bool, rows: i32, cols: i32, x: usize, scale: usize, shift: usize, out: usize): void {
  if (double) scaleShiftOf<f64>(rows, cols, x, scale, shift, out);
  else scaleShiftOf<f32>(rows, cols, x, scale, shift, out);
}

function scaleShiftOf<T>(rows: i32, cols: i32, x: usize, scale: usize, shift: usize, out: usize): void {
  const bytes = <usize>cols * sizeof<T>();
  const whole = bytes & ~15;
  for (let p = 0; p < rows; p++, x += bytes, out += bytes) {
    let j: usize = 0;
    for (; j < whole; j += 16) {
      v128.store(out + j, v128.add<T>(v128.mul<T>(v128.load(x + j), v128.load(scale + j)), v128.load(shift + j)));
    }
    for (; j < bytes; j += sizeof<T>()) store<T>(out + j, load<T>(x + j) * load<T>(scale + j) + load<T>(shift + j));
  }
}

/** out = a x + b y + c with rows a, b and c, entry by entry, on every row. */
export function combineRows(
  double: bool,
  rows: i32,
  cols: i32,
  a: usize,
  x: usize,
  b: usize,
  y: usize,
  c: usize,
  out: usize,
): void {
  if (double) combineRowsOf<f64>(rows, cols, a, x, b, y, c, out);
  else combineRowsOf<f32>(rows, cols, a, x, b, y, c, out);
}

function combineRowsOf<T>(rows: i32, cols: i32, a: usize, x: usize, b: usize, y: usize, c: usize, out: usize): void {
  const bytes = <usize>cols * sizeof<T>();
  const whole = bytes & ~15;
  for (let p = 0; p < rows; p++, x += bytes, y += bytes, out += bytes) {
    let j: usize = 0;
    for (; j < whole; j += 16) {
      const first = v128.mul<T>(v128.load(a + j), v128.load(x + j));
      const second = v128.mul<T>(v128.load(b + j), v128.load(y + j));
      v128.store(out + j, v128.add<T>(v128.add<T>(first, second), v128.load(c + j)));
    }
    for (; j < bytes; j += sizeof<T>()) {
      store<T>(out + j, load<T>(a + j) * load<T>(x + j) + load<T>(b + j) * load<T>(y + j) + load<T>(c + j));
    }
  }
}

/** Row p of out = column[p] times row p of x. */
export function scaleRows(double: bool, rows: i32, cols: i32, x: usize, column: usize, out: usize): void {
  if (double) scaleRowsOf<f64>(rows, cols, x, column, out);
  else scaleRowsOf<f32>(rows, cols, x, column, out);
}

function scaleRowsOf<T>(rows: i32, cols: i32, x: usize, column: usize, out: usize): void {
  const bytes = <usize>cols * sizeof<T>();
  const whole = bytes & ~15;
  for (let p = 0; p < rows; p++, x += bytes, out += bytes, column += sizeof<T>()) {
    const factor = load<T>(column);
    const factors = v128.splat<T>(factor);
    let j: usize = 0;
    for (; j < whole; j += 16) v128.store(out + j, v128.mul<T>(factors, v128.load(x + j)));
    for (; j < bytes; j += sizeof<T>()) store<T>(out + j, factor * load<T>(x + j));
  }
}

/** out[p] = sum_j x_pj y_pj. */
export function rowDots(double: bool, rows: i32, cols: i32, x: usize, y: usize, out: usize): void {
  if (double) rowDotsOf<f64>(rows, cols, x, y, out);
  else rowDotsOf<f32>(rows, cols, x, y, out);
}

function rowDotsOf<T>(rows: i32, cols: i32, x: usize, y: usize, out: usize): void {
  const bytes = <usize>cols * sizeof<T>();
  for (let p = 0; p < rows; p++, x += bytes, y += bytes, out += sizeof<T>()) store<T>(out, dot<T>(cols, x, y));
}

/** out[j] = sum_p x_pj; `out` may not be `x`. */
export function columnSums(double: bool, rows: i32, cols: i32, x: usize, out: usize): void {
  if (double) columnSumsOf<f64>(rows, cols, x, 0, out);
  else columnSumsOf<f32>(rows, cols, x, 0, out);
}

/** out[j] = sum_p x_pj y_pj; `out` may not be `x` or `y`. */
export function columnDots(double: bool, rows: i32, cols: i32, x: usize, y: usize, out: usize): void {
  if (double) columnSumsOf<f64>(rows, cols, x, y, out);
  else columnSumsOf<f32>(rows, cols, x, y, out);
}

/** Of x, or of x times y where y is not 0: runs of rows, of each run all columns, as many vectors at once as registers hold. */
function columnSumsOf<T>(rows: i32, cols: i32, x: usize, y: usize, out: usize): void {
  const bytes = <usize>cols * sizeof<T>();
  clear(out, bytes);
  for (let p = 0; p < rows; p += RUN) {
    const count = min(RUN, rows - p);
    let j: usize = 0;
    for (; j + 64 <= bytes; j += 64) sumFour<T>(count, bytes, x + j, y == 0 ? 0 : y + j, out + j);
    for (; j + 16 <= bytes; j += 16) sumOne<T>(count, bytes, x + j, y == 0 ? 0 : y + j, out + j);
    for (; j < bytes; j += sizeof<T>()) {
      let sum = 0 as T;
      const end = x + j + <usize>count * bytes;
      if (y == 0) for (let at = x + j; at < end; at += bytes) sum += load<T>(at);
      else for (let at = x + j, by = y + j; at < end; at += bytes, by += bytes) sum += load<T>(at) * load<T>(by);
      store<T>(out + j, load<T>(out + j) + sum);
    }
    x += <usize>count * bytes;
    if (y != 0) y += <usize>count * bytes;
  }
}

function sumFour<T>(count: i32, bytes: usize, x: usize, y: usize, out: usize): void {
  let s0 = v128.splat<T>(0 as T),
    s1 = s0,
    s2 = s0,
    s3 = s0;
  const end = x + <usize>count * bytes;
  if (y == 0) {
    for (; x < end; x += bytes) {
      s0 = v128.add<T>(s0, v128.load(x));
      s1 = v128.add<T>(s1, v128.load(x, 16));
      s2 = v128.add<T>(s2, v128.load(x, 32));
      s3 = v128.add<T>(s3, v128.load(x, 48));
    }
  } else {
    for (; x < end; x += bytes, y += bytes) {
      s0 = v128.relaxed_madd<T>(v128.load(x), v128.load(y), s0);
      s1 = v128.relaxed_madd<T>(v128.load(x, 16), v128.load(y, 16), s1);
      s2 = v128.relaxed_madd<T>(v128.load(x, 32), v128.load(y, 32), s2);
      s3 = v128.relaxed_madd<T>(v128.load(x, 48), v128.load(y, 48), s3);
    }
  }
  v128.store(out, v128.add<T>(v128.load(out), s0));
  v128.store(out, v128.add<T>(v128.load(out, 16), s1), 16);
  v128.store(out, v128.add<T>(v128.load(out, 32), s2), 32);
  v128.store(out, v128.add<T>(v128.load(out, 48), s3), 48);
}

function sumOne<T>(count: i32, bytes: usize, x: usize, y: usize, out: usize): void {
  let s0 = v128.splat<T>(0 as T),
    s1 = s0;
  let p = 0;
  if (y == 0) {
    for (; p + 2 <= count; p += 2, x += 2 * bytes) {
      s0 = v128.add<T>(s0, v128.load(x));
      s1 = v128.add<T>(s1, v128.load(x + bytes));
    }
    if (p < count) s0 = v128.add<T>(s0, v128.load(x));
  } else {
    for (; p + 2 <= count; p += 2, x += 2 * bytes, y += 2 * bytes) {
      s0 = v128.relaxed_madd<T>(v128.load(x), v128.load(y), s0);
      s1 = v128.relaxed_madd<T>(v128.load(x + bytes), v128.load(y + bytes), s1);
    }
    if (p < count) s0 = v128.relaxed_madd<T>(v128.load(x), v128.load(y), s0);
  }
  v128.store(out, v128.add<T>(v128.load(out), v128.add<T>(s0, s1)));
}

/** hat = (x - mean) rstd and rstd = 1 / sqrt(variance + epsilon), row by row; two passes, divisor cols. */
export function standardise(double: bool, rows: i32, cols: i32, epsilon: f64, x: usize, hat: usize, rstd: usize): void {
  if (double) standardiseOf<f64>(rows, cols, epsilon, x, hat, rstd);
  else standardiseOf<f32>(rows, cols, <f32>epsilon, x, hat, rstd);
}

function standardiseOf<T>(rows: i32, cols: i32, epsilon: T, x: usize, hat: usize, rstd: usize): void {
  const bytes = <usize>cols * sizeof<T>();
  for (let p = 0; p < rows; p++, x += bytes, hat += bytes, rstd += sizeof<T>()) {
    const mean = sum<T>(cols, x) / (cols as T);
    shift<T>(cols, -mean, x, hat);
    const factor = (1 as T) / sqrt<T>(dot<T>(cols, hat, hat) / (cols as T) + epsilon);
    scaleTo<T>(cols, factor, hat);
    store<T>(rstd, factor);
  }
}

/** out = rstd (u - mean(u) - hat mean(u hat)), row by row; `out` may not be `u` or `hat`. */
export function standardiseJacobian(
  double: bool,
  rows: i32,
  cols: i32,
  u: usize,
  hat: usize,
  rstd: usize,
  out: usize,
): void {
  if (double) standardiseJacobianOf<f64>(rows, cols, u, hat, rstd, out);
  else standardiseJacobianOf<f32>(rows, cols, u, hat, rstd, out);
}

function standardiseJacobianOf<T>(rows: i32, cols: i32, u: usize, hat: usize, rstd: usize, out: usize): void {
  const bytes = <usize>cols * sizeof<T>();
  for (let p = 0; p < rows; p++, u += bytes, hat += bytes, rstd += sizeof<T>(), out += bytes) {
    shift<T>(cols, -(sum<T>(cols, u) / (cols as T)), u, out);
    axpy<T>(cols, -(dot<T>(cols, u, hat) / (cols as T)), hat, out);
    scaleTo<T>(cols, load<T>(rstd), out);
  }
}

function sum<T>(n: i32, x: usize): T {
  let s0 = v128.splat<T>(0 as T),
    s1 = s0,
    s2 = s0,
    s3 = s0;
  const end = x + <usize>n * sizeof<T>();
  for (; x + 64 <= end; x += 64) {
    s0 = v128.add<T>(s0, v128.load(x));
    s1 = v128.add<T>(s1, v128.load(x, 16));
    s2 = v128.add<T>(s2, v128.load(x, 32));
    s3 = v128.add<T>(s3, v128.load(x, 48));
  }
  for (; x + 16 <= end; x += 16) s0 = v128.add<T>(s0, v128.load(x));
  let total = lanes<T>(v128.add<T>(v128.add<T>(s0, s1), v128.add<T>(s2, s3)));
  for (; x < end; x += sizeof<T>()) total += load<T>(x);
  return total;
}

/** out = x + s. */
function shift<T>(n: i32, s: T, x: usize, out: usize): void {
  const shifts = v128.splat<T>(s);
  const end = x + <usize>n * sizeof<T>();
  for (; x + 16 <= end; x += 16, out += 16) v128.store(out, v128.add<T>(v128.load(x), shifts));
  for (; x < end; x += sizeof<T>(), out += sizeof<T>()) store<T>(out, load<T>(x) + s);
}

/** x = s x. */
function scaleTo<T>(n: i32, s: T, x: usize): void {
  const factors = v128.splat<T>(s);
  const end = x + <usize>n * sizeof<T>();
  for (; x + 16 <= end; x += 16) v128.store(x, v128.mul<T>(v128.load(x), factors));
  for (; x < end; x += sizeof<T>()) store<T>(x, load<T>(x) * s);
}

/** [outer, a, b, inner] to [outer, b, a, inner], runs of `inner` numbers being `bytes` long (a multiple of 4); `out` may not be `x`. */
export function swapAxes(outer: i32, a: i32, b: i32, bytes: usize, x: usize, out: usize): void {
  const row = <usize>b * bytes;
  for (let o = 0; o < outer; o++, x += <usize>a * row) {
    for (let j = 0; j < b; j++) {
      let from = x + <usize>j * bytes;
      for (let i = 0; i < a; i++, from += row, out += bytes) copy(from, out, bytes);
    }
  }
}

/** `rows` runs of `bytes` bytes (a multiple of 4), stepFrom bytes apart, to places stepTo bytes apart. */
export function copyRows(rows: i32, bytes: usize, from: usize, stepFrom: usize, to: usize, stepTo: usize): void {
  for (let p = 0; p < rows; p++, from += stepFrom, to += stepTo) copy(from, to, bytes);
}

/** out = a (s - sum_j s_j a_j), row by row. */
export function softmaxJacobian(double: bool, rows: i32, cols: i32, a: usize, s: usize, out: usize): void {
  if (double) softmaxJacobianOf<f64>(rows, cols, a, s, out);
  else softmaxJacobianOf<f32>(rows, cols, a, s, out);
}

function softmaxJacobianOf<T>(rows: i32, cols: i32, a: usize, s: usize, out: usize): void {
  const bytes = <usize>cols * sizeof<T>();
  const whole = bytes & ~15;
  for (let p = 0; p < rows; p++, a += bytes, s += bytes, out += bytes) {
    const along = dot<T>(cols, a, s);
    const alongs = v128.splat<T>(along);
    let j: usize = 0;
    for (; j < whole; j += 16) {
      v128.store(out + j, v128.mul<T>(v128.load(a + j), v128.sub<T>(v128.load(s + j), alongs)));
    }
    for (; j < bytes; j += sizeof<T>()) store<T>(out + j, load<T>(a + j) * (load<T>(s + j) - along));
  }
}
