/** The gradient of the weights of convolution.ts' convolutions. Sums run in the order of the places; as many of them at once as there are registers for. */
import { clear } from './elementwise';

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
  const rowX = <usize>stride * row;
  clear(dw, <usize>inner * rowZ);
  for (let f: usize = 0; f < rowZ; f += 32) {
    let p = 0;
    while (p < inner) {
      const left = inner - p;
      // Where fewer than four weights are left, those before them are summed once more and not added.
      const known = max(0, 4 - left);
      p -= known;
      const x0 = x + offsetOf(p, run, row, size);
      const x1 = x + offsetOf(p + 1, run, row, size);
      const x2 = x + offsetOf(p + 2, run, row, size);
      const x3 = x + offsetOf(p + 3, run, row, size);
      const to = dw + <usize>p * rowZ + f;
      if (left == 5 || left >= 9) {
        const x4 = x + offsetOf(p + 4, run, row, size);
        fiveWeights<T>(images, outHeight, outWidth, rowX, image, step, x0, x1, x2, x3, x4, dz + f, rowZ, to);
        p += 5;
      } else {
        fourWeights<T>(images, outHeight, outWidth, rowX, image, step, x0, x1, x2, x3, dz + f, rowZ, known, to);
        p += 4;
      }
    }
  }
}

/** Bytes from a window's corner to its p-th number. */
function offsetOf(p: i32, run: i32, row: usize, size: usize): usize {
  return <usize>(p / run) * row + <usize>(p % run) * size;
}

/** The sums of five weights by two vectors of filters, added to dw run by run of some 512 places. */
function fiveWeights<T>(
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
  x4: usize,
  dz: usize,
  rowZ: usize,
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
      c31 = zero,
      c40 = zero,
      c41 = zero;
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
        s = v128.load_splat<T>(x4 + at);
        c40 = v128.relaxed_madd<T>(s, b0, c40);
        c41 = v128.relaxed_madd<T>(s, b1, c41);
      }
    }
    addPair<T>(c00, c01, dw);
    addPair<T>(c10, c11, dw + rowZ);
    addPair<T>(c20, c21, dw + 2 * rowZ);
    addPair<T>(c30, c31, dw + 3 * rowZ);
    addPair<T>(c40, c41, dw + 4 * rowZ);
  }
}

/** `fiveWeights` of four, of which the first `known` are left out. */
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
