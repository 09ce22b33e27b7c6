/**
 * Products of many small matrices, and convolutions of few filters, where packing operands (gemm.ts) would cost as much as multiplying them. T is f32 or f64,
 * L = 16 / sizeof(T) elements a vector. Sums run in the order of the inner index, with fused multiply-adds.
 */
import { clear, copy } from './elementwise';
import { packAcross } from './tile';

/** C_i = op(A_i) op(B_i), i < count, all contiguous one after the other; op is the transpose where the flag is set. `scratch` holds k n numbers. */
export function batch<T>(
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
  const size = sizeof<T>();
  const stepA = <usize>(transposeA ? 1 : k) * size;
  const innerA = <usize>(transposeA ? m : 1) * size;
  const rowC = <usize>n * size;
  for (let i = 0; i < count; i++) {
    if (transposeB) packAcross<T>(n, n, k, b, <usize>k * size, scratch);
    product<T>(m, n, k, a, stepA, innerA, transposeB ? scratch : b, rowC, c, rowC);
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

/**
 * z[n, oy, ox, f] = bias[f] + sum over ky, kx, c of x[n, oy * stride + ky, ox * stride + kx, c] w[ky, kx, c, f]: windows within the images, `filters` a multiple
 * of 2 L. `bias` 0: none. `row` and `image`: bytes from a row of an image to the next, and from an image to the next.
 */
export function convolve<T>(
  images: i32,
  channels: i32,
  kernelHeight: i32,
  kernelWidth: i32,
  stride: i32,
  outHeight: i32,
  outWidth: i32,
  filters: i32,
  row: usize,
  image: usize,
  x: usize,
  w: usize,
  bias: usize,
  z: usize,
): void {
  const size = sizeof<T>();
  const rowZ = <usize>filters * size;
  const step = <usize>(stride * channels) * size;
  const run = kernelWidth * channels;
  for (let n = 0; n < images; n++, x += image) {
    for (let oy = 0; oy < outHeight; oy++, z += <usize>outWidth * rowZ) {
      const from = x + <usize>(oy * stride) * row;
      for (let f: usize = 0; f < rowZ; f += 32) {
        const shift = bias == 0 ? 0 : bias + f;
        let ox = 0;
        for (; ox + 4 <= outWidth; ox += 4) {
          fourPlaces<T>(
            kernelHeight,
            run,
            row,
            from + <usize>ox * step,
            step,
            w + f,
            rowZ,
            shift,
            z + <usize>ox * rowZ + f,
          );
        }
        if (ox < outWidth && outWidth >= 4) {
          // The last four once more: the same sums in the same order.
          ox = outWidth - 4;
          fourPlaces<T>(
            kernelHeight,
            run,
            row,
            from + <usize>ox * step,
            step,
            w + f,
            rowZ,
            shift,
            z + <usize>ox * rowZ + f,
          );
          continue;
        }
        for (; ox < outWidth; ox++) {
          onePlace<T>(kernelHeight, run, row, from + <usize>ox * step, w + f, rowZ, shift, z + <usize>ox * rowZ + f);
        }
      }
    }
  }
}

/** Four windows side by side (`step` bytes apart), two vectors of filters. */
function fourPlaces<T>(
  kernelHeight: i32,
  run: i32,
  row: usize,
  x: usize,
  step: usize,
  w: usize,
  rowW: usize,
  bias: usize,
  z: usize,
): void {
  let c00 = v128.splat<T>(0 as T),
    c01 = c00;
  if (bias != 0) {
    c00 = v128.load(bias);
    c01 = v128.load(bias, 16);
  }
  let c10 = c00,
    c11 = c01,
    c20 = c00,
    c21 = c01,
    c30 = c00,
    c31 = c01;
  for (let ky = 0; ky < kernelHeight; ky++, x += row) {
    let a0 = x,
      a1 = a0 + step,
      a2 = a1 + step,
      a3 = a2 + step;
    for (const end = a0 + <usize>run * sizeof<T>(); a0 < end; w += rowW) {
      const b0 = v128.load(w);
      const b1 = v128.load(w, 16);
      let s = v128.load_splat<T>(a0);
      c00 = v128.relaxed_madd<T>(s, b0, c00);
      c01 = v128.relaxed_madd<T>(s, b1, c01);
      s = v128.load_splat<T>(a1);
      c10 = v128.relaxed_madd<T>(s, b0, c10);
      c11 = v128.relaxed_madd<T>(s, b1, c11);
      s = v128.load_splat<T>(a2);
      c20 = v128.relaxed_madd<T>(s, b0, c20);
      c21 = v128.relaxed_madd<T>(s, b1, c21);
      s = v128.load_splat<T>(a3);
      c30 = v128.relaxed_madd<T>(s, b0, c30);
      c31 = v128.relaxed_madd<T>(s, b1, c31);
      a0 += sizeof<T>();
      a1 += sizeof<T>();
      a2 += sizeof<T>();
      a3 += sizeof<T>();
    }
  }
  v128.store(z, c00);
  v128.store(z, c01, 16);
  v128.store(z + rowW, c10);
  v128.store(z + rowW, c11, 16);
  v128.store(z + 2 * rowW, c20);
  v128.store(z + 2 * rowW, c21, 16);
  v128.store(z + 3 * rowW, c30);
  v128.store(z + 3 * rowW, c31, 16);
}

function onePlace<T>(
  kernelHeight: i32,
  run: i32,
  row: usize,
  x: usize,
  w: usize,
  rowW: usize,
  bias: usize,
  z: usize,
): void {
  let c0 = v128.splat<T>(0 as T),
    c1 = c0;
  if (bias != 0) {
    c0 = v128.load(bias);
    c1 = v128.load(bias, 16);
  }
  for (let ky = 0; ky < kernelHeight; ky++, x += row) {
    for (let a = x, end = x + <usize>run * sizeof<T>(); a < end; a += sizeof<T>(), w += rowW) {
      const s = v128.load_splat<T>(a);
      c0 = v128.relaxed_madd<T>(s, v128.load(w), c0);
      c1 = v128.relaxed_madd<T>(s, v128.load(w, 16), c1);
    }
  }
  v128.store(z, c0);
  v128.store(z, c1, 16);
}

/**
 * dw[ky, kx, c, f] = sum over n, oy, ox of x[n, oy * stride + ky, ox * stride + kx, c] dz[n, oy, ox, f]: the transpose of `convolve` with respect to w; the same
 * arguments, of at least four weights a filter.
 */
export function convolveWeights<T>(
  images: i32,
  channels: i32,
  kernelHeight: i32,
  kernelWidth: i32,
  stride: i32,
  outHeight: i32,
  outWidth: i32,
  filters: i32,
  row: usize,
  image: usize,
  x: usize,
  dz: usize,
  dw: usize,
): void {
  const size = sizeof<T>();
  const rowZ = <usize>filters * size;
  const step = <usize>(stride * channels) * size;
  const run = kernelWidth * channels;
  const inner = kernelHeight * run;
  clear(dw, <usize>inner * rowZ);
  for (let f: usize = 0; f < rowZ; f += 32) {
    for (let p = 0; p < inner; p += 4) {
      // Where fewer than four weights are left, those before them are summed once more and not added.
      const known = max(0, p + 4 - inner);
      p -= known;
      fourWeights<T>(
        images,
        outHeight,
        outWidth,
        <usize>stride * row,
        image,
        step,
        x + offsetOf(p, run, row, size),
        x + offsetOf(p + 1, run, row, size),
        x + offsetOf(p + 2, run, row, size),
        x + offsetOf(p + 3, run, row, size),
        dz + f,
        rowZ,
        known,
        dw + <usize>p * rowZ + f,
      );
    }
  }
}

/** Bytes from a window's corner to its p-th number. */
function offsetOf(p: i32, run: i32, row: usize, size: usize): usize {
  return <usize>(p / run) * row + <usize>(p % run) * size;
}

/** The sums of four weights by two vectors of filters, added to dw run by run of some 512 places; the first `known` of them are left out. */
function fourWeights<T>(
  images: i32,
  outHeight: i32,
  outWidth: i32,
  row: usize,
  image: usize,
  step: usize,
  x0: usize,
  x1: usize,
  x2: usize,
  x3: usize,
  dz: usize,
  rowZ: usize,
  known: i32,
  dw: usize,
): void {
  const zero = v128.splat<T>(0 as T);
  const rowsARun = max(1, 512 / outWidth);
  const rows = images * outHeight;
  for (let first = 0; first < rows; first += rowsARun) {
    let c00 = zero,
      c01 = zero,
      c10 = zero,
      c11 = zero,
      c20 = zero,
      c21 = zero,
      c30 = zero,
      c31 = zero;
    const last = min(rows, first + rowsARun);
    for (let r = first; r < last; r++) {
      let at = <usize>(r / outHeight) * image + <usize>(r % outHeight) * row;
      for (const end = at + <usize>outWidth * step; at < end; at += step, dz += rowZ) {
        const b0 = v128.load(dz);
        const b1 = v128.load(dz, 16);
        let s = v128.load_splat<T>(x0 + at);
        c00 = v128.relaxed_madd<T>(s, b0, c00);
        c01 = v128.relaxed_madd<T>(s, b1, c01);
        s = v128.load_splat<T>(x1 + at);
        c10 = v128.relaxed_madd<T>(s, b0, c10);
        c11 = v128.relaxed_madd<T>(s, b1, c11);
        s = v128.load_splat<T>(x2 + at);
        c20 = v128.relaxed_madd<T>(s, b0, c20);
        c21 = v128.relaxed_madd<T>(s, b1, c21);
        s = v128.load_splat<T>(x3 + at);
        c30 = v128.relaxed_madd<T>(s, b0, c30);
        c31 = v128.relaxed_madd<T>(s, b1, c31);
      }
    }
    if (known < 1) addPair<T>(c00, c01, dw);
    if (known < 2) addPair<T>(c10, c11, dw + rowZ);
    if (known < 3) addPair<T>(c20, c21, dw + 2 * rowZ);
    addPair<T>(c30, c31, dw + 3 * rowZ);
  }
}

function addPair<T>(first: v128, second: v128, to: usize): void {
  v128.store(to, v128.add<T>(v128.load(to), first));
  v128.store(to, v128.add<T>(v128.load(to, 16), second), 16);
}

/** Images of `height` rows of `rowBytes` bytes each, with zeros around: `left` and `right` bytes beside a row, `top` and `bottom` before and after all of them. */
export function pad(
  images: i32,
  height: i32,
  rowBytes: usize,
  top: usize,
  left: usize,
  right: usize,
  bottom: usize,
  x: usize,
  padded: usize,
): void {
  for (let n = 0; n < images; n++) {
    clear(padded, top);
    padded += top;
    for (let y = 0; y < height; y++, x += rowBytes) {
      clear(padded, left);
      copy(x, padded + left, rowBytes);
      clear(padded + left + rowBytes, right);
      padded += left + rowBytes + right;
    }
    clear(padded, bottom);
    padded += bottom;
  }
}
