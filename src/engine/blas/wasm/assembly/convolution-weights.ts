/** The gradient of the weights of convolution.ts' convolutions, of f64 where `double`, else f32. Sums run in the order of the places; as many of them at once as there are registers for. */
import { clear } from './elementwise';

/**
 * dw[ky, kx, c, f] = sum over n, oy, ox of x[n, oy * stride + ky, ox * stride + kx, c] dz[n, oy, ox, f]: the transpose of `convolution` with respect to w; the same
 * arguments, of at least four weights a filter.
 */
export function convolutionWeights(
  double: bool,
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
  const size: usize = double ? 8 : 4;
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
      const from = dz + f;
      const to = dw + <usize>p * rowZ + f;
      if (left == 5 || left >= 9) {
        const x4 = x + offsetOf(p + 4, run, row, size);
        if (double)
          weights<f64, Five>(images, outHeight, outWidth, rowX, image, step, x0, x1, x2, x3, x4, from, rowZ, 0, to);
        else weights<f32, Five>(images, outHeight, outWidth, rowX, image, step, x0, x1, x2, x3, x4, from, rowZ, 0, to);
        p += 5;
      } else {
        if (double)
          weights<f64, Four>(images, outHeight, outWidth, rowX, image, step, x0, x1, x2, x3, 0, from, rowZ, known, to);
        else
          weights<f32, Four>(images, outHeight, outWidth, rowX, image, step, x0, x1, x2, x3, 0, from, rowZ, known, to);
        p += 4;
      }
    }
  }
}

/** Bytes from a window's corner to its p-th number. */
function offsetOf(p: i32, run: i32, row: usize, size: usize): usize {
  return <usize>(p / run) * row + <usize>(p % run) * size;
}

/** Numbers of weights as types of different sizes, so that the compiler leaves out what four weights do without. */
type Five = i64;
type Four = i32;

/** The sums of five or four weights by two vectors of filters, added to dw run by run of some 512 places; of four the first `known` are left out. */
function weights<T, N>(
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
  known: i32,
  dw: usize,
): void {
  const isFive = sizeof<N>() == sizeof<Five>();
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
        if (isFive) {
          s = v128.load_splat<T>(x4 + at);
          c40 = v128.relaxed_madd<T>(s, b0, c40);
          c41 = v128.relaxed_madd<T>(s, b1, c41);
        }
      }
    }
    if (isFive || known < 1) addPair<T>(c00, c01, dw);
    if (isFive || known < 2) addPair<T>(c10, c11, dw + rowZ);
    if (isFive || known < 3) addPair<T>(c20, c21, dw + 2 * rowZ);
    addPair<T>(c30, c31, dw + 3 * rowZ);
    if (isFive) addPair<T>(c40, c41, dw + 4 * rowZ);
  }
}

function addPair<T>(first: v128, second: v128, to: usize): void {
  v128.store(to, v128.add<T>(v128.load(to), first));
  v128.store(to, v128.add<T>(v128.load(to, 16), second), 16);
}
