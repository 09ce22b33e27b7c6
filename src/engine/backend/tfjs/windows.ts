/**
 * Windows over images as gathers: where each number of a patch comes from is a table of places, made once a window and kept on the device.
 * Letters: n images, K = kernelHeight * kernelWidth places of a window, c channels. Place height * width (one past the image) holds zeros: what
 * padding reads.
 */
import type { Window2d } from '../types.ts';
import type * as tfjs from '@tensorflow/tfjs-core';
import type { Matrix, Tf } from './tensor.ts';

/** Tables of one window, on the device until `dispose`. */
interface Places {
  /** [outHeight * outWidth * K]: the image's place of each place of each window. */
  readonly gather: tfjs.Tensor1D;
  /**
   * [height * width * M]: for each place of the image the window places (number of the window * K + place in it) that it belongs to, filled up with
   * outHeight * outWidth * K; M is the most that any belongs to.
   */
  readonly scatter: tfjs.Tensor1D;
  readonly most: number;
}

export class WindowTables {
  readonly #tf: Tf;
  readonly #places = new Map<string, Places>();

  constructor(tf: Tf) {
    this.#tf = tf;
  }

  /** Device tensors held. */
  get count(): number {
    return 2 * this.#places.size;
  }

  dispose(): void {
    for (const { gather, scatter } of this.#places.values()) {
      gather.dispose();
      scatter.dispose();
    }
    this.#places.clear();
  }

  /** [n, windows, K, c] from x [n * height * width, c]; `outside` for places outside the image. */
  gather(x: Matrix, window: Window2d, outside = 0): tfjs.Tensor4D {
    const tf = this.#tf;
    const { height, width, channels, outHeight, outWidth, kernelHeight, kernelWidth } = window;
    const n = x.shape[0] / (height * width);
    const image: tfjs.Tensor3D = tf.reshape(x, [n, height * width, channels]);
    const source = isPadded(window) ? padded(tf, image, outside) : image;
    const patches = tf.gather(source, this.#of(window).gather, 1);
    return tf.reshape(patches, [n, outHeight * outWidth, kernelHeight * kernelWidth, channels]);
  }

  /** The transpose: [n * height * width, c] from patches [n, windows, K, c] of any shape of that size. */
  scatter(patches: tfjs.Tensor, window: Window2d): Matrix {
    const tf = this.#tf;
    const { height, width, channels, outHeight, outWidth, kernelHeight, kernelWidth } = window;
    const size = outHeight * outWidth * kernelHeight * kernelWidth;
    const n = patches.size / (size * channels);
    const { scatter, most } = this.#of(window);
    const flat: tfjs.Tensor3D = tf.reshape(patches, [n, size, channels]);
    const rows = padded(tf, flat);
    const parts = tf.gather(rows, scatter, 1);
    if (most === 1) return tf.reshape(parts, [n * height * width, channels]);
    const sum = tf.sum(tf.reshape(parts, [n * height * width, most, channels]), 1);
    return tf.reshape(sum, [n * height * width, channels]);
  }

  #of(window: Window2d): Places {
    const key = JSON.stringify(window);
    const known = this.#places.get(key);
    if (known !== undefined) return known;
    const tf = this.#tf;
    const { gather, scatter, most } = placesOf(window);
    // Created outside the library's own scopes, so that they persist.
    const tensors = {
      gather: tf.keep(tf.tensor1d(gather, 'int32')),
      scatter: tf.keep(tf.tensor1d(scatter, 'int32')),
      most,
    };
    this.#places.set(key, tensors);
    return tensors;
  }
}

/** Appends one row to every image. */
function padded(tf: Tf, image: tfjs.Tensor3D, value = 0): tfjs.Tensor3D {
  const sides: [[number, number], [number, number], [number, number]] = [
    [0, 0],
    [0, 1],
    [0, 0],
  ];
  return tf.pad(image, sides, value);
}

function isPadded(w: Window2d): boolean {
  return (
    w.padTop > 0 ||
    w.padLeft > 0 ||
    (w.outHeight - 1) * w.strideY + (w.kernelHeight - 1) * w.dilationY >= w.height ||
    (w.outWidth - 1) * w.strideX + (w.kernelWidth - 1) * w.dilationX >= w.width
  );
}

function placesOf(w: Window2d): { gather: Int32Array; scatter: Int32Array; most: number } {
  const K = w.kernelHeight * w.kernelWidth;
  const size = w.outHeight * w.outWidth * K;
  const places = w.height * w.width;
  const gather = new Int32Array(size);
  const owners: number[][] = Array.from({ length: places }, () => []);
  let at = 0;
  for (let oy = 0; oy < w.outHeight; oy++) {
    for (let ox = 0; ox < w.outWidth; ox++) {
      for (let ky = 0; ky < w.kernelHeight; ky++) {
        for (let kx = 0; kx < w.kernelWidth; kx++, at++) {
          const y = oy * w.strideY + ky * w.dilationY - w.padTop;
          const x = ox * w.strideX + kx * w.dilationX - w.padLeft;
          const isInside = y >= 0 && y < w.height && x >= 0 && x < w.width;
          gather[at] = isInside ? y * w.width + x : places;
          if (isInside) owners[y * w.width + x].push(at);
        }
      }
    }
  }
  const most = owners.reduce((largest, each) => Math.max(largest, each.length), 1);
  const scatter = new Int32Array(places * most).fill(size);
  for (const [place, each] of owners.entries()) scatter.set(each, place * most);
  return { gather, scatter, most };
}
