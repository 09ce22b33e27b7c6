/**
 * Windows over images on plain arrays: gathering patches (im2col), its transpose, and pooling. Images [n, height, width, channels], results
 * [n, outHeight, outWidth, ...], all row-major; a place outside the image (padding) counts as 0 in a patch and never arises in pooling.
 */
import type { Real } from '../blas/types.ts';
import type { Window2d } from './types.ts';

/** columns[n, oy, ox, ky, kx, c] = x[n, oy * stride + ky - padTop, ox * stride + kx - padLeft, c]. */
export function gatherPatches(x: Real, w: Window2d, columns: Real): void {
  if (isWithin(w)) gatherWithin(x, w, columns);
  else gatherPadded(x, w, columns);
}

/** Without padding: for each row of the kernel, runs of kernelWidth * channels numbers. */
function gatherWithin(x: Real, w: Window2d, columns: Real): void {
  const { height, width, channels, kernelHeight, kernelWidth, stride, outHeight, outWidth } = w;
  const images = x.length / (height * width * channels);
  const run = kernelWidth * channels;
  const patch = kernelHeight * run;
  const step = stride * channels;
  for (let n = 0, corner = 0; n < images; n++) {
    for (let oy = 0; oy < outHeight; oy++, corner += outWidth * patch) {
      for (let ky = 0; ky < kernelHeight; ky++) {
        let from = (n * height + oy * stride + ky) * width * channels;
        let to = corner + ky * run;
        for (let ox = 0; ox < outWidth; ox++, from += step, to += patch)
          for (let j = 0; j < run; j++) columns[to + j] = x[from + j];
      }
    }
  }
}

function gatherPadded(x: Real, w: Window2d, columns: Real): void {
  const { height, width, channels, kernelHeight, kernelWidth, stride, padTop, padLeft, outHeight, outWidth } = w;
  const images = x.length / (height * width * channels);
  const run = kernelWidth * channels;
  columns.fill(0);
  let at = 0;
  for (let n = 0; n < images; n++) {
    for (let oy = 0; oy < outHeight; oy++) {
      for (let ox = 0; ox < outWidth; ox++) {
        const left = ox * stride - padLeft;
        for (let ky = 0; ky < kernelHeight; ky++, at += run) {
          const y = oy * stride + ky - padTop;
          if (y < 0 || y >= height) continue;
          const row = ((n * height + y) * width + left) * channels;
          const first = left < 0 ? -left * channels : 0;
          const end = left + kernelWidth > width ? (width - left) * channels : run;
          for (let j = first; j < end; j++) columns[at + j] = x[row + j];
        }
      }
    }
  }
}

/** The transpose: x = 0, then x[...] += columns[...] over the same pairs of places. */
export function scatterPatches(columns: Real, w: Window2d, x: Real): void {
  x.fill(0);
  if (isWithin(w)) scatterWithin(columns, w, x);
  else scatterPadded(columns, w, x);
}

function scatterWithin(columns: Real, w: Window2d, x: Real): void {
  const { height, width, channels, kernelHeight, kernelWidth, stride, outHeight, outWidth } = w;
  const images = x.length / (height * width * channels);
  const run = kernelWidth * channels;
  const patch = kernelHeight * run;
  const step = stride * channels;
  for (let n = 0, corner = 0; n < images; n++) {
    for (let oy = 0; oy < outHeight; oy++, corner += outWidth * patch) {
      for (let ky = 0; ky < kernelHeight; ky++) {
        let to = (n * height + oy * stride + ky) * width * channels;
        let from = corner + ky * run;
        for (let ox = 0; ox < outWidth; ox++, to += step, from += patch)
          for (let j = 0; j < run; j++) x[to + j] += columns[from + j];
      }
    }
  }
}

function scatterPadded(columns: Real, w: Window2d, x: Real): void {
  const { height, width, channels, kernelHeight, kernelWidth, stride, padTop, padLeft, outHeight, outWidth } = w;
  const images = x.length / (height * width * channels);
  const run = kernelWidth * channels;
  let at = 0;
  for (let n = 0; n < images; n++) {
    for (let oy = 0; oy < outHeight; oy++) {
      for (let ox = 0; ox < outWidth; ox++) {
        const left = ox * stride - padLeft;
        for (let ky = 0; ky < kernelHeight; ky++, at += run) {
          const y = oy * stride + ky - padTop;
          if (y < 0 || y >= height) continue;
          const row = ((n * height + y) * width + left) * channels;
          const first = left < 0 ? -left * channels : 0;
          const end = left + kernelWidth > width ? (width - left) * channels : run;
          for (let j = first; j < end; j++) x[row + j] += columns[at + j];
        }
      }
    }
  }
}

/** out[n, oy, ox, c] = the place ky * kernelWidth + kx of the window's (first) maximum; a NaN is the maximum. */
export function findMaxima(x: Real, w: Window2d, out: Real): void {
  if (w.kernelHeight === 2 && w.kernelWidth === 2) {
    findMaximaOfFour(x, w, out);
    return;
  }
  const { height, width, channels, kernelHeight, kernelWidth, stride, outHeight, outWidth } = w;
  const images = x.length / (height * width * channels);
  let at = 0;
  for (let n = 0; n < images; n++) {
    for (let oy = 0; oy < outHeight; oy++) {
      for (let ox = 0; ox < outWidth; ox++) {
        const corner = ((n * height + oy * stride) * width + ox * stride) * channels;
        for (let c = 0; c < channels; c++, at++) {
          let best = x[corner + c];
          let place = 0;
          for (let ky = 0; ky < kernelHeight; ky++) {
            for (let kx = ky === 0 ? 1 : 0; kx < kernelWidth; kx++) {
              const value = x[corner + (ky * width + kx) * channels + c];
              // Negated, so that NaN wins and a diverging run is seen.
              if (!(value <= best) && best === best) {
                best = value;
                place = ky * kernelWidth + kx;
              }
            }
          }
          out[at] = place;
        }
      }
    }
  }
}

/** Windows of 2 x 2, the usual ones. */
function findMaximaOfFour(x: Real, w: Window2d, out: Real): void {
  const { height, width, channels, stride, outHeight, outWidth } = w;
  const images = x.length / (height * width * channels);
  const below = width * channels;
  let at = 0;
  for (let n = 0; n < images; n++) {
    for (let oy = 0; oy < outHeight; oy++) {
      let corner = (n * height + oy * stride) * below;
      for (let ox = 0; ox < outWidth; ox++, corner += stride * channels) {
        for (let i = corner; i < corner + channels; i++, at++) {
          let best = x[i];
          let place = 0;
          if (!(x[i + channels] <= best) && best === best) {
            best = x[i + channels];
            place = 1;
          }
          if (!(x[i + below] <= best) && best === best) {
            best = x[i + below];
            place = 2;
          }
          if (!(x[i + below + channels] <= best) && best === best) place = 3;
          out[at] = place;
        }
      }
    }
  }
}

/** out[n, oy, ox, c] = x at the place that `places` names in the window. */
export function pickPlaces(x: Real, places: Real, w: Window2d, out: Real): void {
  const { height, width, channels, stride, outHeight, outWidth } = w;
  const images = x.length / (height * width * channels);
  const offsets = placeOffsets(w);
  let at = 0;
  for (let n = 0; n < images; n++) {
    for (let oy = 0; oy < outHeight; oy++) {
      let corner = (n * height + oy * stride) * width * channels;
      for (let ox = 0; ox < outWidth; ox++, corner += stride * channels) {
        for (let c = 0; c < channels; c++, at++) out[at] = x[corner + offsets[places[at]] + c];
      }
    }
  }
}

/** The transpose of `pickPlaces`. */
export function spreadPlaces(y: Real, places: Real, w: Window2d, x: Real): void {
  const { height, width, channels, stride, outHeight, outWidth } = w;
  const images = x.length / (height * width * channels);
  const offsets = placeOffsets(w);
  x.fill(0);
  let at = 0;
  for (let n = 0; n < images; n++) {
    for (let oy = 0; oy < outHeight; oy++) {
      let corner = (n * height + oy * stride) * width * channels;
      for (let ox = 0; ox < outWidth; ox++, corner += stride * channels) {
        for (let c = 0; c < channels; c++, at++) x[corner + offsets[places[at]] + c] += y[at];
      }
    }
  }
}

/** out[n, oy, ox, c] = mean over the window. */
export function averageWindows(x: Real, w: Window2d, out: Real): void {
  const { channels } = w;
  const factor = 1 / (w.kernelHeight * w.kernelWidth);
  out.fill(0);
  forEachCell(x.length, w, (from, to) => {
    for (let c = 0; c < channels; c++) out[to + c] += factor * x[from + c];
  });
}

/** The transpose of `averageWindows`. */
export function spreadAverages(y: Real, w: Window2d, x: Real): void {
  const { channels } = w;
  const factor = 1 / (w.kernelHeight * w.kernelWidth);
  x.fill(0);
  forEachCell(x.length, w, (from, to) => {
    for (let c = 0; c < channels; c++) x[from + c] += factor * y[to + c];
  });
}

/** Every pair of a place of the image and a window that it belongs to, as offsets of their first channel. */
function forEachCell(size: number, w: Window2d, visit: (image: number, window: number) => void): void {
  const { height, width, channels, kernelHeight, kernelWidth, stride, outHeight, outWidth } = w;
  const images = size / (height * width * channels);
  let to = 0;
  for (let n = 0; n < images; n++) {
    for (let oy = 0; oy < outHeight; oy++) {
      for (let ox = 0; ox < outWidth; ox++, to += channels) {
        for (let ky = 0; ky < kernelHeight; ky++) {
          let from = ((n * height + oy * stride + ky) * width + ox * stride) * channels;
          for (let kx = 0; kx < kernelWidth; kx++, from += channels) visit(from, to);
        }
      }
    }
  }
}

/** Where each place of a window lies, from the window's corner. */
function placeOffsets(w: Window2d): Int32Array {
  const offsets = new Int32Array(w.kernelHeight * w.kernelWidth);
  for (let ky = 0; ky < w.kernelHeight; ky++)
    for (let kx = 0; kx < w.kernelWidth; kx++) offsets[ky * w.kernelWidth + kx] = (ky * w.width + kx) * w.channels;
  return offsets;
}

/** Whether every window lies within the image. */
function isWithin(w: Window2d): boolean {
  return (
    w.padTop === 0 &&
    w.padLeft === 0 &&
    (w.outHeight - 1) * w.stride + w.kernelHeight <= w.height &&
    (w.outWidth - 1) * w.stride + w.kernelWidth <= w.width
  );
}
