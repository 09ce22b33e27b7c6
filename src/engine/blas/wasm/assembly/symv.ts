/** The product of a symmetric matrix and a vector that reads half of the matrix: what tridiagonalisation spends its time on. */
import { lanes } from './gemv';

/** y[n] = A x, in double precision, from the upper triangle of A (row i, columns i..n); rows `lda` bytes apart. */
export function symvUpper(n: i32, a: usize, lda: usize, x: usize, y: usize): void {
  memory.fill(y, 0, (<usize>n) << 3);
  let i = 0;
  for (; i + 4 <= n; i += 4) {
    const at = (<usize>i) << 3;
    const corner = a + <usize>i * lda + at;
    for (let r = 0; r < 4; r++)
      triangleRow(4 - r, corner + <usize>r * (lda + 8), x + at + ((<usize>r) << 3), y + at + ((<usize>r) << 3));
    fourRows(n - i - 4, corner + 32, lda, x + at, y + at);
  }
  for (; i < n; i++) {
    const at = (<usize>i) << 3;
    triangleRow(n - i, a + <usize>i * lda + at, x + at, y + at);
  }
}

/** One row from the diagonal on: y_0 += sum_j a_j x_j and, for j > 0, y_j += a_j x_0. */
function triangleRow(n: i32, a: usize, x: usize, y: usize): void {
  const x0 = load<f64>(x);
  let sum = load<f64>(a) * x0;
  for (let j: usize = 8; j < (<usize>n) << 3; j += 8) {
    const v = load<f64>(a + j);
    sum += v * load<f64>(x + j);
    store<f64>(y + j, load<f64>(y + j) + v * x0);
  }
  store<f64>(y, load<f64>(y) + sum);
}

/** Four rows beyond their diagonal block; x and y point at the block, the n columns begin four elements later. */
function fourRows(n: i32, a: usize, lda: usize, x: usize, y: usize): void {
  const x0 = v128.load64_splat(x);
  const x1 = v128.load64_splat(x, 8);
  const x2 = v128.load64_splat(x, 16);
  const x3 = v128.load64_splat(x, 24);
  let s0 = f64x2.splat(0);
  let s1 = s0;
  let s2 = s0;
  let s3 = s0;
  let r1 = a + lda;
  let r2 = r1 + lda;
  let r3 = r2 + lda;
  let from = x + 32;
  let to = y + 32;
  const end = a + ((<usize>n) << 3);
  for (; a + 16 <= end; a += 16, r1 += 16, r2 += 16, r3 += 16, from += 16, to += 16) {
    const v = v128.load(from);
    const a0 = v128.load(a);
    const a1 = v128.load(r1);
    const a2 = v128.load(r2);
    const a3 = v128.load(r3);
    s0 = f64x2.relaxed_madd(a0, v, s0);
    s1 = f64x2.relaxed_madd(a1, v, s1);
    s2 = f64x2.relaxed_madd(a2, v, s2);
    s3 = f64x2.relaxed_madd(a3, v, s3);
    const low = f64x2.relaxed_madd(a1, x1, f64x2.relaxed_madd(a0, x0, v128.load(to)));
    v128.store(to, f64x2.relaxed_madd(a3, x3, f64x2.relaxed_madd(a2, x2, low)));
  }
  let t0 = lanes<f64>(s0);
  let t1 = lanes<f64>(s1);
  let t2 = lanes<f64>(s2);
  let t3 = lanes<f64>(s3);
  if (a < end) {
    const v = load<f64>(from);
    const a0 = load<f64>(a);
    const a1 = load<f64>(r1);
    const a2 = load<f64>(r2);
    const a3 = load<f64>(r3);
    t0 += a0 * v;
    t1 += a1 * v;
    t2 += a2 * v;
    t3 += a3 * v;
    const sum = a0 * load<f64>(x) + a1 * load<f64>(x, 8) + a2 * load<f64>(x, 16) + a3 * load<f64>(x, 24);
    store<f64>(to, load<f64>(to) + sum);
  }
  store<f64>(y, load<f64>(y) + t0);
  store<f64>(y, load<f64>(y, 8) + t1, 8);
  store<f64>(y, load<f64>(y, 16) + t2, 16);
  store<f64>(y, load<f64>(y, 24) + t3, 24);
}
