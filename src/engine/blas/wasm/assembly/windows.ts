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
  for (let n = 0; n < images; n++, x += <usize>height * row) {
    for (let oy = 0; oy < outHeight; oy++) {
      const top = oy * stride - padTop;
      const isTall = top >= 0 && top + kernelHeight <= height;
      for (let ox = 0; ox < outWidth; ox++) {
        const left = ox * stride - padLeft;
        if (isTall && left >= 0 && left + kernelWidth <= width) {
          let from = x + <usize>top * row + <usize>left * place;
          for (let ky = 0; ky < kernelHeight; ky++, from += row, columns += run) copy(from, columns, run);
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

/** The transpose of `gatherPatches`: x = 0, then x[...] += columns[...] over the same pairs of places. */
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
  const row = <usize>width * place;
  const run = <usize>kernelWidth * place;
  for (let n = 0; n < images; n++, x += <usize>height * row) {
    clear(x, <usize>height * row);
    for (let oy = 0; oy < outHeight; oy++) {
      const top = oy * stride - padTop;
      for (let ox = 0; ox < outWidth; ox++) {
        const left = ox * stride - padLeft;
        const first = left < 0 ? min<usize>(run, <usize>-left * place) : 0;
        const end = left + kernelWidth > width ? <usize>max(0, width - left) * place : run;
        for (let ky = 0; ky < kernelHeight; ky++, columns += run) {
          const y = top + ky;
          if (y < 0 || y >= height || end <= first) continue;
          const to = x + <usize>y * row + <usize>(left + <i32>(first / place)) * place;
          if (double) addRun<f64>(columns + first, to, end - first);
          else addRun<f32>(columns + first, to, end - first);
        }
      }
    }
  }
}

function addRun<T>(from: usize, to: usize, bytes: usize): void {
  const end = from + (bytes & ~15);
  for (; from < end; from += 16, to += 16) v128.store(to, v128.add<T>(v128.load(to), v128.load(from)));
  for (const last = end + (bytes & 15); from < last; from += sizeof<T>(), to += sizeof<T>()) {
    store<T>(to, load<T>(to) + load<T>(from));
  }
}

/**
 * values[n, oy, ox, c] = the maximum of each window (no padding), places[...] = the number ky * kernelWidth + kx of its first place, as a float. A NaN is
 * larger than anything: the first one is the maximum.
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
): void {
  const place = (<usize>channels) << (double ? 3 : 2);
  const row = <usize>width * place;
  const isSquare = kernelHeight == 2 && kernelWidth == 2 && (place & 15) == 0;
  for (let n = 0; n < images; n++, x += <usize>height * row) {
    for (let oy = 0; oy < outHeight; oy++) {
      let corner = x + <usize>(oy * stride) * row;
      for (let ox = 0; ox < outWidth; ox++, corner += <usize>stride * place, values += place, places += place) {
        if (isSquare) {
          if (double) maximumOfFour<f64>(corner, place, row, values, places);
          else maximumOfFour<f32>(corner, place, row, values, places);
        } else if (double) maximum<f64>(kernelHeight, kernelWidth, corner, place, row, values, places);
        else maximum<f32>(kernelHeight, kernelWidth, corner, place, row, values, places);
      }
    }
  }
}

/** One window, all channels (`place` bytes of them). */
function maximum<T>(
  kernelHeight: i32,
  kernelWidth: i32,
  corner: usize,
  place: usize,
  row: usize,
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
    v128.store(values + c, best);
    v128.store(places + c, found);
  }
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
    store<T>(values + c, best);
    store<T>(places + c, found);
  }
}

/** `maximum` of a window of 2 x 2, of whole vectors of channels. */
function maximumOfFour<T>(corner: usize, place: usize, row: usize, values: usize, places: usize): void {
  const one = v128.splat<T>(1 as T);
  const two = v128.splat<T>(2 as T);
  const three = v128.splat<T>(3 as T);
  for (const end = corner + place; corner < end; corner += 16, values += 16, places += 16) {
    let best = v128.load(corner);
    let value = v128.load(corner + place);
    let isLarger = v128.andnot(v128.eq<T>(best, best), v128.le<T>(value, best));
    best = v128.relaxed_laneselect<i32>(value, best, isLarger);
    let found = v128.and(one, isLarger);
    value = v128.load(corner + row);
    isLarger = v128.andnot(v128.eq<T>(best, best), v128.le<T>(value, best));
    best = v128.relaxed_laneselect<i32>(value, best, isLarger);
    found = v128.relaxed_laneselect<i32>(two, found, isLarger);
    value = v128.load(corner + row + place);
    isLarger = v128.andnot(v128.eq<T>(best, best), v128.le<T>(value, best));
    v128.store(values, v128.relaxed_laneselect<i32>(value, best, isLarger));
    v128.store(places, v128.relaxed_laneselect<i32>(three, found, isLarger));
  }
}

/** The transpose of taking the maxima at `places`: x = 0, then each y is added at its place. */
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
