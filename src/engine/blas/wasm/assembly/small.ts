/**
 * Products of many small matrices, where packing operands (gemm.ts) would cost as much as multiplying them. Of f64 where `double`, else f32: T, L = 16 / sizeof(T)
 * elements a vector. Sums run in the order of the inner index, with fused multiply-adds.
 */
import { packAcross } from './tile';

/** C_i = op(A_i) op(B_i), i < count, all contiguous one after the other; op is the transpose where the flag is set. `scratch` holds k n numbers. */
export function batchGemm(
  double: bool,
  transposeA: bool,
  transposeB: bool,
  count: i32,
  m: i32,
  n: i32,
  k: i32,
  a: usize,
  b: usize,
  c: usize,
  scratch: usize,
): void {
  const size: usize = double ? 8 : 4;
  const stepA = <usize>(transposeA ? 1 : k) * size;
  const innerA = <usize>(transposeA ? m : 1) * size;
  const rowC = <usize>n * size;
  for (let i = 0; i < count; i++) {
    const right = transposeB ? scratch : b;
    if (double) {
      if (transposeB) packAcross<f64>(n, n, k, b, <usize>k * size, scratch);
      product<f64>(m, n, k, a, stepA, innerA, right, rowC, c, rowC);
    } else {
      if (transposeB) packAcross<f32>(n, n, k, b, <usize>k * size, scratch);
      product<f32>(m, n, k, a, stepA, innerA, right, rowC, c, rowC);
    }
    a += <usize>(m * k) * size;
    b += <usize>(k * n) * size;
    c += <usize>m * rowC;
  }
}

/** C [m, n] = A B: entry (i, p) of A at a + i stepA + p innerA, rows of B [k, n] `rowB` bytes apart, rows of C `rowC`. */
function product<T>(
  m: i32,
  n: i32,
  k: i32,
  a: usize,
  stepA: usize,
  innerA: usize,
  b: usize,
  rowB: usize,
  c: usize,
  rowC: usize,
): void {
  const size = sizeof<T>();
  const bytes = <usize>n * size;
  let i = 0;
  for (; i + 4 <= m; i += 4, a += 4 * stepA, c += 4 * rowC) {
    let j: usize = 0;
    for (; j + 32 <= bytes; j += 32) fourByTwo<T>(k, a, stepA, innerA, b + j, rowB, c + j, rowC);
    for (; j < bytes; j += size) {
      for (let r: usize = 0; r < 4; r++) single<T>(k, a + r * stepA, innerA, b + j, rowB, c + r * rowC + j);
    }
  }
  for (; i < m; i++, a += stepA, c += rowC) {
    let j: usize = 0;
    for (; j + 16 <= bytes; j += 16) oneByOne<T>(k, a, innerA, b + j, rowB, c + j);
    for (; j < bytes; j += size) single<T>(k, a, innerA, b + j, rowB, c + j);
  }
}

/** Four rows, two vectors of columns. */
function fourByTwo<T>(
  k: i32,
  a: usize,
  stepA: usize,
  innerA: usize,
  b: usize,
  rowB: usize,
  c: usize,
  rowC: usize,
): void {
  let c00 = v128.splat<T>(0 as T),
    c01 = c00,
    c10 = c00,
    c11 = c00,
    c20 = c00,
    c21 = c00,
    c30 = c00,
    c31 = c00;
  let a1 = a + stepA,
    a2 = a1 + stepA,
    a3 = a2 + stepA;
  for (let p = 0; p < k; p++, a += innerA, a1 += innerA, a2 += innerA, a3 += innerA, b += rowB) {
    const b0 = v128.load(b);
    const b1 = v128.load(b, 16);
    let x = v128.load_splat<T>(a);
    c00 = v128.relaxed_madd<T>(x, b0, c00);
    c01 = v128.relaxed_madd<T>(x, b1, c01);
    x = v128.load_splat<T>(a1);
    c10 = v128.relaxed_madd<T>(x, b0, c10);
    c11 = v128.relaxed_madd<T>(x, b1, c11);
    x = v128.load_splat<T>(a2);
    c20 = v128.relaxed_madd<T>(x, b0, c20);
    c21 = v128.relaxed_madd<T>(x, b1, c21);
    x = v128.load_splat<T>(a3);
    c30 = v128.relaxed_madd<T>(x, b0, c30);
    c31 = v128.relaxed_madd<T>(x, b1, c31);
  }
  v128.store(c, c00);
  v128.store(c, c01, 16);
  v128.store(c + rowC, c10);
  v128.store(c + rowC, c11, 16);
  v128.store(c + 2 * rowC, c20);
  v128.store(c + 2 * rowC, c21, 16);
  v128.store(c + 3 * rowC, c30);
  v128.store(c + 3 * rowC, c31, 16);
}

function oneByOne<T>(k: i32, a: usize, innerA: usize, b: usize, rowB: usize, c: usize): void {
  let sum = v128.splat<T>(0 as T);
  for (let p = 0; p < k; p++, a += innerA, b += rowB) {
    sum = v128.relaxed_madd<T>(v128.load_splat<T>(a), v128.load(b), sum);
  }
  v128.store(c, sum);
}

function single<T>(k: i32, a: usize, innerA: usize, b: usize, rowB: usize, c: usize): void {
  let sum = 0 as T;
  for (let p = 0; p < k; p++, a += innerA, b += rowB) sum += load<T>(a) * load<T>(b);
  store<T>(c, sum);
}
