/**
 * Windows over images in the shared memory (see backend/windows.ts, which does the same on any arrays): patches and their transpose, maximum pooling and its
 * transpose. Images [images, height, width, channels], results [images, outHeight, outWidth, ...], row-major, of f64 where `double`, else f32.
 */
import { clear, copy } from './elementwise';

/** columns[n, oy, ox, ky, kx, c] = x[n, oy * stride + ky - padTop, ox * stride + kx - padLeft, c]; 0 outside the image. */
export function gatherPatches(
  double: bool,
  images: i32,
  height: i32,
  width: i32,
  channels: i32,
  kernelHeight: i32,
  kernelWidth: i32,
  stride: i32,
  padTop: i32,
  padLeft: i32,
  outHeight: i32,
  outWidth: i32,
  x: usize,
  columns: usize,
): void {
  // Bytes of a place and of a row of an image: the element type does not matter for copies.
  const place = (<usize>channels) << (double ? 3 : 2);
  const row = <usize>width * place;
  const run = <usize>kernelWidth * place;
  const isWhole = (run & 31) == 0;
  for (let n = 0; n < images; n++, x += <usize>height * row) {
    for (let oy = 0; oy < outHeight; oy++) {
      const top = oy * stride - padTop;
      const isTall = top >= 0 && top + kernelHeight <= height;
      for (let ox = 0; ox < outWidth; ox++) {
        const left = ox * stride - padLeft;
        if (isTall && left >= 0 && left + kernelWidth <= width) {
          let from = x + <usize>top * row + <usize>left * place;
          if (isWhole) {
            for (let ky = 0; ky < kernelHeight; ky++, from += row) {
              for (let at = from, end = from + run; at < end; at += 32, columns += 32) {
                v128.store(columns, v128.load(at));
                v128.store(columns, v128.load(at, 16), 16);
              }
            }
          } else for (let ky = 0; ky < kernelHeight; ky++, from += row, columns += run) copy(from, columns, run);
          continue;
        }
        const first = left < 0 ? min<usize>(run, <usize>-left * place) : 0;
        const end = left + kernelWidth > width ? <usize>max(0, width - left) * place : run;
        for (let ky = 0; ky < kernelHeight; ky++, columns += run) {
          const y = top + ky;
          if (y < 0 || y >= height || end <= first) {
            clear(columns, run);
            continue;
          }
          clear(columns, first);
          copy(x + <usize>y * row + <usize>(left + <i32>(first / place)) * place, columns + first, end - first);
          clear(columns + end, run - end);
        }
      }
    }
  }
}

/**
 * The transpose of `gatherPatches`: x = the sum of columns[...] over the same pairs of places. Each place takes its sum in registers, window by window in their order, and is
 * written once: adding patch after patch would wait for what the patch before has just written.
 */
export function scatterPatches(
  double: bool,
  images: i32,
  height: i32,
  width: i32,
  channels: i32,
  kernelHeight: i32,
  kernelWidth: i32,
  stride: i32,
  padTop: i32,
  padLeft: i32,
  outHeight: i32,
  outWidth: i32,
  columns: usize,
  x: usize,
): void {
  const place = (<usize>channels) << (double ? 3 : 2);
  const run = <usize>kernelWidth * place;
  const patch = <usize>kernelHeight * run;
  const row = <usize>outWidth * patch;
  // From a place's numbers in one window to those in the window below, and in the one beside.
  const down = row - <usize>stride * run;
  const across = patch - <usize>stride * place;
  for (let n = 0; n < images; n++, columns += <usize>outHeight * row) {
    for (let y = 0; y < height; y++) {
      const firstY = firstWindow(y + padTop, kernelHeight, stride);
      const rows = min(outHeight - 1, lastWindow(y + padTop, stride)) - firstY + 1;
      const from = columns + <usize>firstY * row + <usize>(y + padTop - firstY * stride) * run;
      for (let left = 0; left < width;) {
        const firstX = firstWindow(left + padLeft, kernelWidth, stride);
        const cols = min(outWidth - 1, lastWindow(left + padLeft, stride)) - firstX + 1;
        const at = from + <usize>firstX * patch + <usize>(left + padLeft - firstX * stride) * place;
        // At stride 1 all places between the edges have as many windows, each place's one further on.
        const isInner = stride == 1 && cols == kernelWidth;
        const count = isInner ? min(outWidth - padLeft, width) - left : 1;
        if (double) sumsOfWindows<f64>(count, rows, cols, at, patch, down, across, place, x);
        else sumsOfWindows<f32>(count, rows, cols, at, patch, down, across, place, x);
        left += count;
        x += <usize>count * place;
      }
    }
  }
}

/** The number of the first window that holds a place, `at` being counted from the padding's edge. */
function firstWindow(at: i32, kernel: i32, stride: i32): i32 {
  return lastWindow(max(0, at - kernel + 1) + stride - 1, stride);
}

/** The number of the last window that begins at a place or before it. */
function lastWindow(at: i32, stride: i32): i32 {
  // A division takes as long as a place's sum.
  return stride == 1 ? at : at / stride;
}

/**
 * Of `count` places side by side, `place` bytes each: to = the sum of the numbers at + i down + j across over i < rows and j < cols; those of the next place lie `patch` bytes
 * further on.
 */
function sumsOfWindows<T>(
  count: i32,
  rows: i32,
  cols: i32,
  at: usize,
  patch: usize,
  down: usize,
  across: usize,
  place: usize,
  to: usize,
): void {
  for (let p = 0; p < count; p++, at += patch) {
    let first = at;
    const end = to + place;
    for (; to + 32 <= end; to += 32, first += 32) {
      let low = v128.splat<T>(0 as T),
        high = low;
      for (let i = rows, beside = first; i > 0; i--, beside += down) {
        let from = beside;
        let j = cols;
        // Three windows side by side, the most usual number, without a branch between.
        for (; j >= 3; j -= 3) {
          low = v128.add<T>(low, v128.load(from));
          high = v128.add<T>(high, v128.load(from, 16));
          from += across;
          low = v128.add<T>(low, v128.load(from));
          high = v128.add<T>(high, v128.load(from, 16));
          from += across;
          low = v128.add<T>(low, v128.load(from));
          high = v128.add<T>(high, v128.load(from, 16));
          from += across;
        }
        for (; j > 0; j--, from += across) {
          low = v128.add<T>(low, v128.load(from));
          high = v128.add<T>(high, v128.load(from, 16));
        }
      }
      v128.store(to, low);
      v128.store(to, high, 16);
    }
    for (; to + 16 <= end; to += 16, first += 16) {
      let sum = v128.splat<T>(0 as T);
      for (let i = rows, beside = first; i > 0; i--, beside += down) {
        for (let j = cols, from = beside; j > 0; j--, from += across) sum = v128.add<T>(sum, v128.load(from));
      }
      v128.store(to, sum);
    }
    for (; to < end; to += sizeof<T>(), first += sizeof<T>()) {
      let sum: T = 0;
      for (let i = rows, beside = first; i > 0; i--, beside += down) {
        for (let j = cols, from = beside; j > 0; j--, from += across) sum += load<T>(from);
      }
      store<T>(to, sum);
    }
  }
}

/**
 * values[n, oy, ox, c] = the maximum of each window (no padding), places[...] = the number ky * kernelWidth + kx of its first place, as a float. A NaN is
 * larger than anything: the first one is the maximum. Where `rectified`, values = max(values, 0), and a maximum of 0 or less has the place -1.
 */
export function maxPool(
  double: bool,
  images: i32,
  height: i32,
  width: i32,
  channels: i32,
  kernelHeight: i32,
  kernelWidth: i32,
  stride: i32,
  outHeight: i32,
  outWidth: i32,
  x: usize,
  values: usize,
  places: usize,
  rectified: bool,
): void {
  const place = (<usize>channels) << (double ? 3 : 2);
  const row = <usize>width * place;
  const isSquare = kernelHeight == 2 && kernelWidth == 2 && (place & 15) == 0;
  const mask = v128.splat<i32>(rectified ? -1 : 0);
  for (let n = 0; n < images; n++, x += <usize>height * row) {
    for (let oy = 0; oy < outHeight; oy++) {
      let corner = x + <usize>(oy * stride) * row;
      for (let ox = 0; ox < outWidth; ox++, corner += <usize>stride * place, values += place, places += place) {
        if (isSquare) {
          if (double) maximumOfFour<f64>(corner, place, row, mask, values, places);
          else maximumOfFour<f32>(corner, place, row, mask, values, places);
        } else if (double) maximum<f64>(kernelHeight, kernelWidth, corner, place, row, mask, values, places);
        else maximum<f32>(kernelHeight, kernelWidth, corner, place, row, mask, values, places);
      }
    }
  }
}

/** One window, all channels (`place` bytes of them); `mask`: all bits where relu follows, else none. */
function maximum<T>(
  kernelHeight: i32,
  kernelWidth: i32,
  corner: usize,
  place: usize,
  row: usize,
  mask: v128,
  values: usize,
  places: usize,
): void {
  let c: usize = 0;
  for (; c + 16 <= place; c += 16) {
    let best = v128.load(corner + c);
    let found = v128.splat<T>(0 as T);
    let number: T = 0;
    for (let ky = 0; ky < kernelHeight; ky++) {
      let at = corner + <usize>ky * row + c;
      for (let kx = 0; kx < kernelWidth; kx++, at += place, number += 1) {
        const value = v128.load(at);
        // value > best or value is NaN, unless best is NaN already.
        const isLarger = v128.andnot(v128.eq<T>(best, best), v128.le<T>(value, best));
        best = v128.bitselect(value, best, isLarger);
        found = v128.bitselect(v128.splat<T>(number), found, isLarger);
      }
    }
    storeMaximum<T>(best, found, mask, values + c, places + c);
  }
  const isRectified = v128.any_true(mask);
  for (; c < place; c += sizeof<T>()) {
    let best = load<T>(corner + c);
    let found: T = 0;
    let number: T = 0;
    for (let ky = 0; ky < kernelHeight; ky++) {
      let at = corner + <usize>ky * row + c;
      for (let kx = 0; kx < kernelWidth; kx++, at += place, number += 1) {
        const value = load<T>(at);
        if (!(value <= best) && best == best) {
          best = value;
          found = number;
        }
      }
    }
    if (isRectified && best <= (0 as T)) {
      found = -1 as T;
      best = 0 as T;
    }
    store<T>(values + c, best);
    store<T>(places + c, found);
  }
}

/** A vector of maxima and their places, behind relu where `mask` says so. */
function storeMaximum<T>(best: v128, found: v128, mask: v128, values: usize, places: usize): void {
  const isLow = v128.and(mask, v128.le<T>(best, v128.splat<T>(0 as T)));
  v128.store(values, v128.andnot(best, isLow));
  v128.store(places, v128.relaxed_laneselect<i32>(v128.splat<T>(-1 as T), found, isLow));
}

/** `maximum` of a window of 2 x 2, of whole vectors of channels: of its rows, then of the two. */
function maximumOfFour<T>(corner: usize, place: usize, row: usize, mask: v128, values: usize, places: usize): void {
  const one = v128.splat<T>(1 as T);
  const two = v128.splat<T>(2 as T);
  for (const end = corner + place; corner < end; corner += 16, values += 16, places += 16) {
    let best = v128.load(corner);
    let value = v128.load(corner + place);
    let isLarger = v128.andnot(v128.eq<T>(best, best), v128.le<T>(value, best));
    best = v128.relaxed_laneselect<i32>(value, best, isLarger);
    const above = v128.and(one, isLarger);
    let low = v128.load(corner + row);
    value = v128.load(corner + row + place);
    isLarger = v128.andnot(v128.eq<T>(low, low), v128.le<T>(value, low));
    low = v128.relaxed_laneselect<i32>(value, low, isLarger);
    const below = v128.add<T>(two, v128.and(one, isLarger));
    isLarger = v128.andnot(v128.eq<T>(best, best), v128.le<T>(low, best));
    best = v128.relaxed_laneselect<i32>(low, best, isLarger);
    storeMaximum<T>(best, v128.relaxed_laneselect<i32>(below, above, isLarger), mask, values, places);
  }
}

/** The transpose of taking the maxima at `places`: x = 0, then each y is added at its place, if it has one. */
export function spreadPlaces(
  double: bool,
  images: i32,
  height: i32,
  width: i32,
  channels: i32,
  kernelHeight: i32,
  kernelWidth: i32,
  stride: i32,
  outHeight: i32,
  outWidth: i32,
  y: usize,
  places: usize,
  x: usize,
): void {
  const place = (<usize>channels) << (double ? 3 : 2);
  const row = <usize>width * place;
  const isSquare = kernelHeight == 2 && kernelWidth == 2 && stride == 2 && (place & 15) == 0;
  // Squares side by side leave no place between them.
  const isWhole = isSquare && height == 2 * outHeight && width == 2 * outWidth;
  for (let n = 0; n < images; n++, x += <usize>height * row) {
    if (!isWhole) clear(x, <usize>height * row);
    for (let oy = 0; oy < outHeight; oy++) {
      let corner = x + <usize>(oy * stride) * row;
      for (let ox = 0; ox < outWidth; ox++, corner += <usize>stride * place, y += place, places += place) {
        if (isSquare) {
          if (double) spreadFour<f64>(corner, place, row, y, places);
          else spreadFour<f32>(corner, place, row, y, places);
        } else if (double) spread<f64>(kernelHeight, kernelWidth, corner, place, row, y, places);
        else spread<f32>(kernelHeight, kernelWidth, corner, place, row, y, places);
      }
    }
  }
}

function spread<T>(
  kernelHeight: i32,
  kernelWidth: i32,
  corner: usize,
  place: usize,
  row: usize,
  y: usize,
  places: usize,
): void {
  let c: usize = 0;
  for (; c + 16 <= place; c += 16) {
    const value = v128.load(y + c);
    const found = v128.load(places + c);
    let number: T = 0;
    for (let ky = 0; ky < kernelHeight; ky++) {
      let at = corner + <usize>ky * row + c;
      for (let kx = 0; kx < kernelWidth; kx++, at += place, number += 1) {
        const here = v128.and(value, v128.eq<T>(found, v128.splat<T>(number)));
        v128.store(at, v128.add<T>(v128.load(at), here));
      }
    }
  }
  for (; c < place; c += sizeof<T>()) {
    const number = <i32>load<T>(places + c);
    if (number < 0) continue;
    const at = corner + <usize>(number / kernelWidth) * row + <usize>(number % kernelWidth) * place + c;
    store<T>(at, load<T>(at) + load<T>(y + c));
  }
}

/** `spread` to a window of 2 x 2 that shares no place with another, of whole vectors of channels. */
function spreadFour<T>(corner: usize, place: usize, row: usize, y: usize, places: usize): void {
  const one = v128.splat<T>(1 as T);
  const two = v128.splat<T>(2 as T);
  const three = v128.splat<T>(3 as T);
  for (const end = corner + place; corner < end; corner += 16, y += 16, places += 16) {
    const value = v128.load(y);
    const found = v128.load(places);
    v128.store(corner, v128.and(value, v128.eq<T>(found, v128.splat<T>(0 as T))));
    v128.store(corner + place, v128.and(value, v128.eq<T>(found, one)));
    v128.store(corner + row, v128.and(value, v128.eq<T>(found, two)));
    v128.store(corner + row + place, v128.and(value, v128.eq<T>(found, three)));
  }
}
