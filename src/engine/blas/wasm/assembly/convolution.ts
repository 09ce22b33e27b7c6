/**
 * Convolutions of few filters over few numbers, by kernels that read the images themselves: patches (windows.ts) would cost as much as multiplying them. Of f64 where
 * `double`, else f32: T, L = 16 / sizeof(T) elements a vector. Sums run in the order of a window's numbers, with fused multiply-adds; as many of them at once as there are
 * registers for.
 */
import { clear, copy } from './elementwise';

/**
 * z[n, oy, ox, f] = bias[f] + sum over ky, kx, c of x[n, oy * stride + ky, ox * stride + kx, c] w[ky, kx, c, f]: windows within the images, `filters` a multiple
 * of 2 L. `bias` 0: none. `row` and `image`: bytes from a row of an image to the next, and from an image to the next.
 */
export function convolution(
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
  w: usize,
  bias: usize,
  z: usize,
): void {
  const size: usize = double ? 8 : 4;
  const rowZ = <usize>filters * size;
  const step = <usize>(stride * channels) * size;
  const run = kernelWidth * channels;
  for (let n = 0; n < images; n++, x += image) {
    for (let oy = 0; oy < outHeight; oy++, z += <usize>outWidth * rowZ) {
      const from = x + <usize>(oy * stride) * row;
      for (let f: usize = 0; f < rowZ; f += 32) {
        const shift = bias == 0 ? 0 : bias + f;
        let ox = 0;
        while (ox < outWidth) {
          let left = outWidth - ox;
          // The last four once more rather than fewer one by one: the same sums in the same order.
          if (left < 4 && outWidth >= 4) {
            ox = outWidth - 4;
            left = 4;
          }
          const at = from + <usize>ox * step;
          const to = z + <usize>ox * rowZ + f;
          if (left >= 10 || left == 6) {
            if (double) places<f64, Six>(kernelHeight, run, row, at, step, w + f, rowZ, shift, to);
            else places<f32, Six>(kernelHeight, run, row, at, step, w + f, rowZ, shift, to);
            ox += 6;
          } else if (left >= 4) {
            if (double) places<f64, Four>(kernelHeight, run, row, at, step, w + f, rowZ, shift, to);
            else places<f32, Four>(kernelHeight, run, row, at, step, w + f, rowZ, shift, to);
            ox += 4;
          } else {
            if (double) onePlace<f64>(kernelHeight, run, row, at, w + f, rowZ, shift, to);
            else onePlace<f32>(kernelHeight, run, row, at, w + f, rowZ, shift, to);
            ox++;
          }
        }
      }
    }
  }
}

/** Numbers of windows as types of different sizes, so that the compiler leaves out what four windows do without. */
type Six = i64;
type Four = i32;

/** Six or four windows side by side (`step` bytes apart), two vectors of filters. */
function places<T, N>(
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
  const isSix = sizeof<N>() == sizeof<Six>();
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
    c31 = c01,
    c40 = c00,
    c41 = c01,
    c50 = c00,
    c51 = c01;
  for (let ky = 0; ky < kernelHeight; ky++, x += row) {
    let a0 = x,
      a1 = a0 + step,
      a2 = a1 + step,
      a3 = a2 + step,
      a4 = a3 + step,
      a5 = a4 + step;
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
      if (isSix) {
        s = v128.load_splat<T>(a4);
        c40 = v128.relaxed_madd<T>(s, b0, c40);
        c41 = v128.relaxed_madd<T>(s, b1, c41);
        s = v128.load_splat<T>(a5);
        c50 = v128.relaxed_madd<T>(s, b0, c50);
        c51 = v128.relaxed_madd<T>(s, b1, c51);
      }
      a0 += sizeof<T>();
      a1 += sizeof<T>();
      a2 += sizeof<T>();
      a3 += sizeof<T>();
      a4 += sizeof<T>();
      a5 += sizeof<T>();
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
  if (!isSix) return;
  v128.store(z + 4 * rowW, c40);
  v128.store(z + 4 * rowW, c41, 16);
  v128.store(z + 5 * rowW, c50);
  v128.store(z + 5 * rowW, c51, 16);
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
