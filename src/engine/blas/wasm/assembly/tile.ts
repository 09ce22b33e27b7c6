/**
 * The register-blocked kernel of the matrix product and the two ways of packing its operands. Everything here works on one element type T
 * (f32 or f64) with 128-bit vectors; L = 16 / sizeof(T) elements a vector.
 *
 * A strip of A holds `ROWS` rows: for each inner index p the ROWS values A[i..i+ROWS, p] lie side by side.
 * A strip of B holds 2 L columns: for each p the values B[p, j..j+2L] lie side by side.
 * Rows or columns beyond the matrix are filled with zeros; the values computed from them are dropped by the caller.
 */

/** Rows of a tile. Twelve accumulators, two vectors of B and one value of A fill the 15 vector registers V8 has to give on x86-64. */
export const ROWS: i32 = 6;

/**
 * C[0..6, 0..2L] = alpha * A B + beta * C for packed strips `a` and `b` of inner length k. Rows of C are `ldc` bytes apart.
 * C is not read if beta = 0. The products are summed in order of p with fused multiply-adds (see index.ts).
 */
export function tile<T>(k: i32, alpha: T, a: usize, b: usize, beta: T, c: usize, ldc: usize): void {
  let c00 = v128.splat<T>(0 as T),
    c01 = c00;
  let c10 = c00,
    c11 = c00,
    c20 = c00,
    c21 = c00,
    c30 = c00,
    c31 = c00,
    c40 = c00,
    c41 = c00,
    c50 = c00,
    c51 = c00;
  for (let end = a + <usize>k * (6 * sizeof<T>()); a < end; a += 6 * sizeof<T>(), b += 32) {
    const b0 = v128.load(b);
    const b1 = v128.load(b, 16);
    let x = v128.load_splat<T>(a);
    c00 = v128.relaxed_madd<T>(x, b0, c00);
    c01 = v128.relaxed_madd<T>(x, b1, c01);
    x = v128.load_splat<T>(a, sizeof<T>());
    c10 = v128.relaxed_madd<T>(x, b0, c10);
    c11 = v128.relaxed_madd<T>(x, b1, c11);
    x = v128.load_splat<T>(a, 2 * sizeof<T>());
    c20 = v128.relaxed_madd<T>(x, b0, c20);
    c21 = v128.relaxed_madd<T>(x, b1, c21);
    x = v128.load_splat<T>(a, 3 * sizeof<T>());
    c30 = v128.relaxed_madd<T>(x, b0, c30);
    c31 = v128.relaxed_madd<T>(x, b1, c31);
    x = v128.load_splat<T>(a, 4 * sizeof<T>());
    c40 = v128.relaxed_madd<T>(x, b0, c40);
    c41 = v128.relaxed_madd<T>(x, b1, c41);
    x = v128.load_splat<T>(a, 5 * sizeof<T>());
    c50 = v128.relaxed_madd<T>(x, b0, c50);
    c51 = v128.relaxed_madd<T>(x, b1, c51);
  }
  storeRow<T>(alpha, c00, c01, beta, c);
  storeRow<T>(alpha, c10, c11, beta, c + ldc);
  storeRow<T>(alpha, c20, c21, beta, c + 2 * ldc);
  storeRow<T>(alpha, c30, c31, beta, c + 3 * ldc);
  storeRow<T>(alpha, c40, c41, beta, c + 4 * ldc);
  storeRow<T>(alpha, c50, c51, beta, c + 5 * ldc);
}

function storeRow<T>(alpha: T, x0: v128, x1: v128, beta: T, c: usize): void {
  const scale = v128.splat<T>(alpha);
  if (beta == (0 as T)) {
    v128.store(c, v128.mul<T>(scale, x0));
    v128.store(c, v128.mul<T>(scale, x1), 16);
  } else {
    const keep = v128.splat<T>(beta);
    v128.store(c, v128.relaxed_madd<T>(scale, x0, v128.mul<T>(keep, v128.load(c))));
    v128.store(c, v128.relaxed_madd<T>(scale, x1, v128.mul<T>(keep, v128.load(c, 16))), 16);
  }
}

/** C = A + beta * C for the valid corner of a tile that was computed apart (already times alpha, rows of 32 bytes). */
export function storeEdge<T>(rows: i32, columns: i32, from: usize, beta: T, c: usize, ldc: usize): void {
  for (let i = 0; i < rows; i++, from += 32, c += ldc) {
    for (let j: usize = 0; j < <usize>columns * sizeof<T>(); j += sizeof<T>()) {
      const x = load<T>(from + j);
      store<T>(c + j, beta == (0 as T) ? x : x + beta * load<T>(c + j));
    }
  }
}

/**
 * Packs a strip from `count` rows that are contiguous along p (rows `ld` bytes apart): out[p * width + r] = row_r[p], zero for r >= count.
 * Width is 6 (A as stored) or 2 L (B to be transposed).
 */
export function packAcross<T>(width: i32, count: i32, k: i32, from: usize, ld: usize, to: usize): void {
  const stride = <usize>width * sizeof<T>();
  let r = 0;
  if (sizeof<T>() == 8) {
    for (; r + 2 <= count; r += 2) packPair(k, from + <usize>r * ld, ld, to + ((<usize>r) << 3), stride);
  } else {
    for (; r + 4 <= count; r += 4) packQuad(k, from + <usize>r * ld, ld, to + ((<usize>r) << 2), stride);
  }
  for (; r < width; r++) {
    let source = from + <usize>r * ld;
    let target = to + <usize>r * sizeof<T>();
    for (let p = 0; p < k; p++, source += sizeof<T>(), target += stride) {
      store<T>(target, r < count ? load<T>(source) : (0 as T));
    }
  }
}

function packPair(k: i32, from: usize, ld: usize, to: usize, stride: usize): void {
  let p = 0;
  for (; p + 2 <= k; p += 2, from += 16, to += 2 * stride) {
    const x = v128.load(from);
    const y = v128.load(from + ld);
    v128.store(to, v128.shuffle<f64>(x, y, 0, 2));
    v128.store(to + stride, v128.shuffle<f64>(x, y, 1, 3));
  }
  if (p < k) {
    store<f64>(to, load<f64>(from));
    store<f64>(to, load<f64>(from + ld), 8);
  }
}

function packQuad(k: i32, from: usize, ld: usize, to: usize, stride: usize): void {
  let p = 0;
  for (; p + 4 <= k; p += 4, from += 16, to += 4 * stride) {
    const w = v128.load(from);
    const x = v128.load(from + ld);
    const y = v128.load(from + 2 * ld);
    const z = v128.load(from + 3 * ld);
    const wx0 = v128.shuffle<f32>(w, x, 0, 4, 1, 5);
    const wx1 = v128.shuffle<f32>(w, x, 2, 6, 3, 7);
    const yz0 = v128.shuffle<f32>(y, z, 0, 4, 1, 5);
    const yz1 = v128.shuffle<f32>(y, z, 2, 6, 3, 7);
    v128.store(to, v128.shuffle<f64>(wx0, yz0, 0, 2));
    v128.store(to + stride, v128.shuffle<f64>(wx0, yz0, 1, 3));
    v128.store(to + 2 * stride, v128.shuffle<f64>(wx1, yz1, 0, 2));
    v128.store(to + 3 * stride, v128.shuffle<f64>(wx1, yz1, 1, 3));
  }
  for (; p < k; p++, from += 4, to += stride) {
    store<f32>(to, load<f32>(from));
    store<f32>(to, load<f32>(from + ld), 4);
    store<f32>(to, load<f32>(from + 2 * ld), 8);
    store<f32>(to, load<f32>(from + 3 * ld), 12);
  }
}

/**
 * Packs a strip from rows that run across it (row p holds the `count` values of inner index p, rows `ld` bytes apart):
 * out[p * width + r] = row_p[r], zero for r >= count.
 */
export function packAlong<T>(width: i32, count: i32, k: i32, from: usize, ld: usize, to: usize): void {
  const bytes = <usize>width * sizeof<T>();
  if (count == width) {
    if (bytes == 32) {
      for (let p = 0; p < k; p++, from += ld, to += 32) {
        v128.store(to, v128.load(from));
        v128.store(to, v128.load(from, 16), 16);
      }
    } else if (bytes == 48) {
      for (let p = 0; p < k; p++, from += ld, to += 48) {
        v128.store(to, v128.load(from));
        v128.store(to, v128.load(from, 16), 16);
        v128.store(to, v128.load(from, 32), 32);
      }
    } else {
      for (let p = 0; p < k; p++, from += ld, to += 24) {
        v128.store(to, v128.load(from));
        store<u64>(to, load<u64>(from, 16), 16);
      }
    }
    return;
  }
  const valid = <usize>count * sizeof<T>();
  for (let p = 0; p < k; p++, from += ld, to += bytes) {
    for (let r: usize = 0; r < bytes; r += sizeof<T>()) store<T>(to + r, r < valid ? load<T>(from + r) : (0 as T));
  }
}
