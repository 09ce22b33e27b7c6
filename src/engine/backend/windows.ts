/**
 * Windows over images on plain arrays: gathering patches (im2col), its transpose, and pooling. Images [n, height, width, channels], results
 * [n, outHeight, outWidth, ...], all row-major; a place outside the image (padding) counts as 0 in a patch and is ignored by a maximum.
 */
import type { Real } from '../blas/types.ts';
import type { Window2d } from './types.ts';

/** columns[n, oy, ox, ky, kx, c] = x[n, oy * strideY + ky * dilationY - padTop, ox * strideX + kx * dilationX - padLeft, c]. */
export function gatherPatches(x: Real, w: Window2d, columns: Real): void {
  if (!isDense(w)) gatherSpaced(x, w, columns);
  else if (isWithin(w)) gatherWithin(x, w, columns);
  else gatherPadded(x, w, columns);
}

/** Without padding: for each row of the kernel, runs of kernelWidth * channels numbers. */
function gatherWithin(x: Real, w: Window2d, columns: Real): void {
  const { height, width, channels, kernelHeight, kernelWidth, strideY, strideX, outHeight, outWidth } = w;
  const images = x.length / (height * width * channels);
  const run = kernelWidth * channels;
  const patch = kernelHeight * run;
  const step = strideX * channels;
  for (let n = 0, corner = 0; n < images; n++) {
    for (let oy = 0; oy < outHeight; oy++, corner += outWidth * patch) {
      for (let ky = 0; ky < kernelHeight; ky++) {
        let from = (n * height + oy * strideY + ky) * width * channels;
        let to = corner + ky * run;
        for (let ox = 0; ox < outWidth; ox++, from += step, to += patch)
          for (let j = 0; j < run; j++) columns[to + j] = x[from + j];
      }
    }
  }
}

/** Places side by side, some of them outside the image. */
function gatherPadded(x: Real, w: Window2d, columns: Real): void {
  const { height, width, channels, kernelHeight, kernelWidth, strideY, strideX, padTop, padLeft } = w;
  const images = x.length / (height * width * channels);
  const run = kernelWidth * channels;
  columns.fill(0);
  let at = 0;
  for (let n = 0; n < images; n++) {
    for (let oy = 0; oy < w.outHeight; oy++) {
      for (let ox = 0; ox < w.outWidth; ox++) {
        const left = ox * strideX - padLeft;
        for (let ky = 0; ky < kernelHeight; ky++, at += run) {
          const y = oy * strideY + ky - padTop;
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

/** Places apart from one another. */
function gatherSpaced(x: Real, w: Window2d, columns: Real): void {
  const { channels } = w;
  columns.fill(0);
  forEachPlace(x.length, w, (from, to) => {
    for (let c = 0; c < channels; c++) columns[to + c] = x[from + c];
  });
}

/** The transpose: x = 0, then x[...] += columns[...] over the same pairs of places. */
export function scatterPatches(columns: Real, w: Window2d, x: Real): void {
  x.fill(0);
  if (!isDense(w)) scatterSpaced(columns, w, x);
  else if (isWithin(w)) scatterWithin(columns, w, x);
  else scatterPadded(columns, w, x);
}

function scatterWithin(columns: Real, w: Window2d, x: Real): void {
  const { height, width, channels, kernelHeight, kernelWidth, strideY, strideX, outHeight, outWidth } = w;
  const images = x.length / (height * width * channels);
  const run = kernelWidth * channels;
  const patch = kernelHeight * run;
  const step = strideX * channels;
  for (let n = 0, corner = 0; n < images; n++) {
    for (let oy = 0; oy < outHeight; oy++, corner += outWidth * patch) {
      for (let ky = 0; ky < kernelHeight; ky++) {
        let to = (n * height + oy * strideY + ky) * width * channels;
        let from = corner + ky * run;
        for (let ox = 0; ox < outWidth; ox++, to += step, from += patch)
          for (let j = 0; j < run; j++) x[to + j] += columns[from + j];
      }
    }
  }
}

function scatterPadded(columns: Real, w: Window2d, x: Real): void {
  const { height, width, channels, kernelHeight, kernelWidth, strideY, strideX, padTop, padLeft } = w;
  const images = x.length / (height * width * channels);
  const run = kernelWidth * channels;
  let at = 0;
  for (let n = 0; n < images; n++) {
    for (let oy = 0; oy < w.outHeight; oy++) {
      for (let ox = 0; ox < w.outWidth; ox++) {
        const left = ox * strideX - padLeft;
        for (let ky = 0; ky < kernelHeight; ky++, at += run) {
          const y = oy * strideY + ky - padTop;
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

function scatterSpaced(columns: Real, w: Window2d, x: Real): void {
  const { channels } = w;
  forEachPlace(x.length, w, (to, from) => {
    for (let c = 0; c < channels; c++) x[to + c] += columns[from + c];
  });
}

/** Every place of every window that lies in the image: offsets of its first channel in the images and in the patches. */
function forEachPlace(size: number, w: Window2d, visit: (image: number, patch: number) => void): void {
  const { height, width, channels, kernelHeight, kernelWidth } = w;
  const images = size / (height * width * channels);
  let at = 0;
  for (let n = 0; n < images; n++) {
    for (let oy = 0; oy < w.outHeight; oy++) {
      for (let ox = 0; ox < w.outWidth; ox++) {
        for (let ky = 0; ky < kernelHeight; ky++) {
          const y = oy * w.strideY + ky * w.dilationY - w.padTop;
          for (let kx = 0; kx < kernelWidth; kx++, at += channels) {
            const column = ox * w.strideX + kx * w.dilationX - w.padLeft;
            if (y >= 0 && y < height && column >= 0 && column < width)
              visit(((n * height + y) * width + column) * channels, at);
          }
        }
      }
    }
  }
}

/** out[n, oy, ox, c] = the place ky * kernelWidth + kx of the window's (first) maximum; a NaN is the maximum. */
export function findMaxima(x: Real, w: Window2d, out: Real): void {
  if (!isWithin(w)) {
    findMaximaPadded(x, w, out);
    return;
  }
  if (w.kernelHeight === 2 && w.kernelWidth === 2 && isDense(w)) {
    findMaximaOfFour(x, w, out);
    return;
  }
  const { height, width, channels, kernelHeight, kernelWidth, strideY, strideX, outHeight, outWidth } = w;
  const images = x.length / (height * width * channels);
  let at = 0;
  for (let n = 0; n < images; n++) {
    for (let oy = 0; oy < outHeight; oy++) {
      for (let ox = 0; ox < outWidth; ox++) {
        const corner = ((n * height + oy * strideY) * width + ox * strideX) * channels;
        for (let c = 0; c < channels; c++, at++) {
          let best = x[corner + c];
          let place = 0;
          for (let ky = 0; ky < kernelHeight; ky++) {
            for (let kx = ky === 0 ? 1 : 0; kx < kernelWidth; kx++) {
              const value = x[corner + (ky * w.dilationY * width + kx * w.dilationX) * channels + c];
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

/** Windows that reach over the edges: their places in the image alone count, of which each has one at least. */
function findMaximaPadded(x: Real, w: Window2d, out: Real): void {
  const { height, width, channels, kernelHeight, kernelWidth, outHeight, outWidth } = w;
  const images = x.length / (height * width * channels);
  let at = 0;
  for (let n = 0; n < images; n++) {
    for (let oy = 0; oy < outHeight; oy++) {
      for (let ox = 0; ox < outWidth; ox++) {
        for (let c = 0; c < channels; c++, at++) {
          let best = NaN;
          let place = -1;
          for (let ky = 0; ky < kernelHeight; ky++) {
            const row = oy * w.strideY + ky * w.dilationY - w.padTop;
            if (row < 0 || row >= height) continue;
            for (let kx = 0; kx < kernelWidth; kx++) {
              const column = ox * w.strideX + kx * w.dilationX - w.padLeft;
              if (column < 0 || column >= width) continue;
              const value = x[((n * height + row) * width + column) * channels + c];
              if (place < 0 || (!(value <= best) && best === best)) {
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
  const { height, width, channels, strideY, strideX, outHeight, outWidth } = w;
  const images = x.length / (height * width * channels);
  const below = width * channels;
  let at = 0;
  for (let n = 0; n < images; n++) {
    for (let oy = 0; oy < outHeight; oy++) {
      let corner = (n * height + oy * strideY) * below;
      for (let ox = 0; ox < outWidth; ox++, corner += strideX * channels) {
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

/** relu of the maxima; those of 0 or less have no place (-1). */
export function rectifyMaxima(values: Real, places: Real): void {
  for (let i = 0; i < values.length; i++) {
    if (!(values[i] <= 0)) continue;
    places[i] = -1;
    values[i] = 0;
  }
}

/** out[n, oy, ox, c] = x at the place that `places` names in the window, 0 without one. */
export function pickPlaces(x: Real, places: Real, w: Window2d, out: Real): void {
  const { height, width, channels, strideY, strideX, padTop, padLeft, outHeight, outWidth } = w;
  const images = x.length / (height * width * channels);
  const offsets = placeOffsets(w);
  let at = 0;
  for (let n = 0; n < images; n++) {
    for (let oy = 0; oy < outHeight; oy++) {
      let corner = ((n * height + oy * strideY - padTop) * width - padLeft) * channels;
      for (let ox = 0; ox < outWidth; ox++, corner += strideX * channels) {
        for (let c = 0; c < channels; c++, at++) out[at] = places[at] < 0 ? 0 : x[corner + offsets[places[at]] + c];
      }
    }
  }
}

/** The transpose of `pickPlaces`. */
export function spreadPlaces(y: Real, places: Real, w: Window2d, x: Real): void {
  const { height, width, channels, strideY, strideX, padTop, padLeft, outHeight, outWidth } = w;
  const images = x.length / (height * width * channels);
  const offsets = placeOffsets(w);
  x.fill(0);
  let at = 0;
  for (let n = 0; n < images; n++) {
    for (let oy = 0; oy < outHeight; oy++) {
      let corner = ((n * height + oy * strideY - padTop) * width - padLeft) * channels;
      for (let ox = 0; ox < outWidth; ox++, corner += strideX * channels) {
        for (let c = 0; c < channels; c++, at++) if (places[at] >= 0) x[corner + offsets[places[at]] + c] += y[at];
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

/** Every pair of a place of the image and a window that contains it, as offsets of their first channel. */
function forEachCell(size: number, w: Window2d, visit: (image: number, window: number) => void): void {
  const { height, width, channels, kernelHeight, kernelWidth, strideY, strideX, outHeight, outWidth } = w;
  const images = size / (height * width * channels);
  let to = 0;
  for (let n = 0; n < images; n++) {
    for (let oy = 0; oy < outHeight; oy++) {
      for (let ox = 0; ox < outWidth; ox++, to += channels) {
        for (let ky = 0; ky < kernelHeight; ky++) {
          let from = ((n * height + oy * strideY + ky) * width + ox * strideX) * channels;
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
    for (let kx = 0; kx < w.kernelWidth; kx++)
      offsets[ky * w.kernelWidth + kx] = (ky * w.dilationY * w.width + kx * w.dilationX) * w.channels;
  return offsets;
}

/** Whether every window lies within the image. */
export function isWithin(w: Window2d): boolean {
  return (
    w.padTop === 0 &&
    w.padLeft === 0 &&
    (w.outHeight - 1) * w.strideY + (w.kernelHeight - 1) * w.dilationY < w.height &&
    (w.outWidth - 1) * w.strideX + (w.kernelWidth - 1) * w.dilationX < w.width
  );
}

/** Whether a window's places lie side by side. */
export function isDense(w: Window2d): boolean {
  return w.dilationY === 1 && w.dilationX === 1;
}
