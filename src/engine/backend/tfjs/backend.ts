/**
 * The backend on TensorFlow.js: every operation is enqueued on the device in float32, no tape is kept (gradients are the layers' own maps), and
 * results come back with `read`. One of the library's devices is used (load.ts): CUDA, WebGPU, or libtensorflow on the CPU.
 */
import type { ActivationFunction } from '../../../shared/model.ts';
import type { Backend, Order, Tensor, Window2d } from '../types.ts';
import { activation } from './activations.ts';
import { TfjsMemory } from './memory.ts';
import type { TfjsDevice } from './memory.ts';
import { tfjsTensor } from './tensor.ts';
import type { Matrix, Tf, TfjsTensor } from './tensor.ts';
import { WindowTables } from './windows.ts';
import type * as tfjs from '@tensorflow/tfjs-core';

/** Replaces minus infinity, which a device's compiler may optimise away: softmax maps it to 0, it is never a maximum, and sums with it stay finite. */
const masked = -1e30;

export class TfjsBackend extends TfjsMemory implements Backend {
  readonly name: string;
  readonly precision = 'float32';
  readonly #windows: WindowTables;

  constructor(tf: Tf, device: TfjsDevice) {
    super(tf, device);
    this.name = `${device.title}, float32`;
    this.#windows = new WindowTables(tf);
  }

  /** Device tensors that the backend keeps independently of scopes: places of windows. */
  get residentTensors(): number {
    return this.#windows.count;
  }

  /** Releases the tensors that the backend keeps. The caller's tensors stay. */
  dispose(): void {
    this.#windows.dispose();
  }

  reshape(tensor: Tensor, rows: number, cols: number): TfjsTensor {
    return this.made(this.tf.reshape(tfjsTensor(tensor).value, [rows, cols]));
  }

  matmul(a: Tensor, b: Tensor, transposeA = false, transposeB = false): TfjsTensor {
    return this.made(this.tf.matMul(tfjsTensor(a).value, tfjsTensor(b).value, transposeA, transposeB));
  }

  affine(a: Tensor, b: Tensor, bias: Tensor | null): TfjsTensor {
    if (bias === null) return this.matmul(a, b);
    return this.run((tf) => tf.add(tf.matMul(tfjsTensor(a).value, tfjsTensor(b).value), tfjsTensor(bias).value));
  }

  accumulate(
    target: Tensor,
    alpha: number,
    a: Tensor,
    transposeA: boolean,
    b: Tensor,
    transposeB: boolean,
    beta: number,
  ): void {
    const [x, y] = [tfjsTensor(a).value, tfjsTensor(b).value];
    this.#update(tfjsTensor(target), alpha, (tf) => tf.matMul(x, y, transposeA, transposeB), beta);
  }

  blend(target: Tensor, alpha: number, a: Tensor, beta: number): void {
    const x = tfjsTensor(a).value;
    this.#update(tfjsTensor(target), alpha, () => x, beta);
  }

  add(a: Tensor, b: Tensor): TfjsTensor {
    return this.#pair(a, b, (tf, x, y) => tf.add(x, y));
  }

  subtract(a: Tensor, b: Tensor): TfjsTensor {
    return this.#pair(a, b, (tf, x, y) => tf.sub(x, y));
  }

  multiply(a: Tensor, b: Tensor): TfjsTensor {
    return this.#pair(a, b, (tf, x, y) => tf.mul(x, y));
  }

  multiplyAdd(a: Tensor, b: Tensor, c: Tensor, d: Tensor): TfjsTensor {
    const [u, w] = [tfjsTensor(c).value, tfjsTensor(d).value];
    return this.#pair(a, b, (tf, x, y) => tf.add(tf.mul(x, y), tf.mul(u, w)));
  }

  scale(a: Tensor, factor: number): TfjsTensor {
    return this.run((tf) => tf.mul(tfjsTensor(a).value, factor));
  }

  addRow(a: Tensor, row: Tensor): TfjsTensor {
    return this.run((tf) => tf.add(tfjsTensor(a).value, tfjsTensor(row).value));
  }

  multiplyRow(a: Tensor, row: Tensor): TfjsTensor {
    return this.run((tf) => tf.mul(tfjsTensor(a).value, tfjsTensor(row).value));
  }

  scaleRows(a: Tensor, column: Tensor): TfjsTensor {
    return this.run((tf) => tf.mul(tfjsTensor(a).value, tfjsTensor(column).value));
  }

  rowDot(a: Tensor, b: Tensor): TfjsTensor {
    return this.#pair(a, b, (tf, x, y) => tf.sum(tf.mul(x, y), 1, true));
  }

  columnSums(a: Tensor): TfjsTensor {
    return this.run((tf) => tf.sum(tfjsTensor(a).value, 0, true));
  }

  activate(fn: ActivationFunction, order: Order, z: Tensor, coefficient?: number): TfjsTensor {
    return this.run((tf) => activation(tf, fn, order, tfjsTensor(z).value, coefficient));
  }

  activateBackward(fn: ActivationFunction, z: Tensor, dy: Tensor, coefficient?: number): TfjsTensor {
    return this.#pair(z, dy, (tf, x, y) => tf.mul(activation(tf, fn, 1, x, coefficient), y));
  }

  softmax(y: Tensor): TfjsTensor {
    return this.run((tf) => tf.softmax(tfjsTensor(y).value));
  }

  logSumExp(y: Tensor): TfjsTensor {
    return this.run((tf) => tf.logSumExp(tfjsTensor(y).value, 1, true));
  }

  inverseRoot(a: Tensor, epsilon: number): TfjsTensor {
    return this.run((tf) => tf.rsqrt(tf.add(tfjsTensor(a).value, epsilon)));
  }

  oneHot(a: Tensor, width: number): TfjsTensor {
    const entries = a.rows * a.cols;
    return this.run((tf) => {
      const columns = tf.reshape(tf.range(0, width), [1, width]);
      return tf.cast(tf.equal(tf.reshape(tfjsTensor(a).value, [entries, 1]), columns), 'float32');
    });
  }

  gatherRows(table: Tensor, a: Tensor): TfjsTensor {
    return this.run((tf) => {
      const numbers = tf.reshape(tfjsTensor(a).value, [a.rows * a.cols, 1]);
      const isRow = tf.mul(tf.step(tf.add(numbers, 0.5)), tf.step(tf.sub(table.rows - 0.5, numbers)));
      const rows = tf.cast(tf.clipByValue(tf.reshape(numbers, [a.rows * a.cols]), 0, table.rows - 1), 'int32');
      return tf.mul(tf.gather(tfjsTensor(table).value, rows as tfjs.Tensor1D, 0), isRow);
    });
  }

  scatterRows(y: Tensor, a: Tensor, rows: number, runs: number): TfjsTensor {
    // A device adds the rows up as a product, in an order of its own but without races.
    return this.batchMatmul(this.oneHot(a, rows), y, runs, true);
  }

  runMeans(a: Tensor, count: number): TfjsTensor {
    const { rows, cols } = a;
    return this.run((tf) => tf.mean(tf.reshape(tfjsTensor(a).value, [rows / count, count, cols]), 1));
  }

  repeatRows(a: Tensor, count: number): TfjsTensor {
    const { rows, cols } = a;
    return this.run((tf) =>
      tf.reshape(tf.tile(tf.reshape(tfjsTensor(a).value, [rows, 1, cols]), [1, count, 1]), [rows * count, cols]),
    );
  }

  swapAxes(x: Tensor, outer: number, a: number, b: number, inner: number): TfjsTensor {
    if (x.rows * x.cols !== outer * a * b * inner)
      throw new Error(`swapAxes: [${x.rows}, ${x.cols}] is not [${outer}, ${a}, ${b}, ${inner}]`);
    return this.run((tf) =>
      tf.reshape(tf.transpose(tf.reshape(tfjsTensor(x).value, [outer, a, b, inner]), [0, 2, 1, 3]), [
        outer * b * a,
        inner,
      ]),
    );
  }

  batchMatmul(a: Tensor, b: Tensor, count: number, transposeA = false, transposeB = false): TfjsTensor {
    const [rowsA, rowsB] = [a.rows / count, b.rows / count];
    const m = transposeA ? a.cols : rowsA;
    const n = transposeB ? rowsB : b.cols;
    if ((transposeB ? b.cols : rowsB) !== (transposeA ? rowsA : a.cols))
      throw new Error(`batchMatmul: ${count} products of [${a.rows}, ${a.cols}] and [${b.rows}, ${b.cols}] do not fit`);
    return this.run((tf) => {
      const x = tf.reshape(tfjsTensor(a).value, [count, rowsA, a.cols]);
      const y = tf.reshape(tfjsTensor(b).value, [count, rowsB, b.cols]);
      return tf.reshape(tf.matMul(x, y, transposeA, transposeB), [count * m, n]);
    });
  }

  causalMask(scores: Tensor): TfjsTensor {
    const tokens = scores.cols;
    const mask = new Float32Array(tokens * tokens);
    for (let i = 0; i < tokens; i++) mask.fill(masked, i * tokens + i + 1, (i + 1) * tokens);
    return this.run((tf) => {
      const blocks = tf.reshape(tfjsTensor(scores).value, [scores.rows / tokens, tokens, tokens]);
      return tf.reshape(tf.add(blocks, tf.tensor3d(mask, [1, tokens, tokens])), [scores.rows, tokens]);
    });
  }

  standardise(x: Tensor, epsilon: number): { hat: TfjsTensor; rstd: TfjsTensor } {
    const [hat, rstd] = this.tf.tidy(() => {
      const tf = this.tf;
      const centred = tf.sub(tfjsTensor(x).value, tf.mean(tfjsTensor(x).value, 1, true));
      const factor: Matrix = tf.rsqrt(tf.add(tf.mean(tf.square(centred), 1, true), epsilon));
      return [tf.mul<Matrix>(centred, factor), factor];
    });
    return { hat: this.made(hat), rstd: this.made(rstd) };
  }

  standardiseJacobian(u: Tensor, hat: Tensor, rstd: Tensor): TfjsTensor {
    return this.#pair(u, hat, (tf, x, h) => {
      const along = tf.mul(h, tf.mean(tf.mul(x, h), 1, true));
      return tf.mul(tfjsTensor(rstd).value, tf.sub(tf.sub(x, tf.mean(x, 1, true)), along));
    });
  }

  patches(x: Tensor, window: Window2d): TfjsTensor {
    const { outHeight, outWidth, kernelHeight, kernelWidth, channels } = window;
    return this.run((tf) => {
      const patches = this.#windows.gather(tfjsTensor(x).value, window);
      return tf.reshape(patches, [patches.shape[0] * outHeight * outWidth, kernelHeight * kernelWidth * channels]);
    });
  }

  scatterPatches(columns: Tensor, window: Window2d): TfjsTensor {
    return this.run(() => this.#windows.scatter(tfjsTensor(columns).value, window));
  }

  maxPlaces(x: Tensor, window: Window2d): TfjsTensor {
    const { kernelHeight, kernelWidth, channels } = window;
    const K = kernelHeight * kernelWidth;
    return this.run((tf) => {
      const patches = this.#windows.gather(tfjsTensor(x).value, window, masked);
      const isLargest = tf.equal(patches, tf.max(patches, 2, true));
      // The first: argMax on a GPU leaves open which of several it is.
      const place = tf.min(tf.where(isLargest, tf.reshape(tf.range(0, K), [1, 1, K, 1]), K - 1), 2);
      return tf.reshape(place, [place.size / channels, channels]);
    });
  }

  pick(x: Tensor, places: Tensor, window: Window2d): TfjsTensor {
    return this.run((tf) => {
      const patches = this.#windows.gather(tfjsTensor(x).value, window);
      // A product, not a selection, so that NaN passes on and a diverging run shows.
      return tf.reshape(tf.sum(tf.mul(patches, oneHot(tf, tfjsTensor(places).value, window)), 2), [
        places.rows,
        places.cols,
      ]);
    });
  }

  spread(y: Tensor, places: Tensor, window: Window2d): TfjsTensor {
    return this.run((tf) =>
      this.#windows.scatter(
        tf.mul(byWindow(tf, tfjsTensor(y).value, window), oneHot(tf, tfjsTensor(places).value, window)),
        window,
      ),
    );
  }

  windowMeans(x: Tensor, window: Window2d): TfjsTensor {
    return this.run((tf) => {
      const means = tf.mean(this.#windows.gather(tfjsTensor(x).value, window), 2);
      return tf.reshape(means, [means.size / window.channels, window.channels]);
    });
  }

  spreadMeans(y: Tensor, window: Window2d): TfjsTensor {
    const K = window.kernelHeight * window.kernelWidth;
    return this.run((tf) =>
      this.#windows.scatter(tf.tile(tf.mul(byWindow(tf, tfjsTensor(y).value, window), 1 / K), [1, 1, K, 1]), window),
    );
  }

  rowRange(a: Tensor, start: number, count: number): TfjsTensor {
    return this.made(this.tf.slice(tfjsTensor(a).value, [start, 0], [count, a.cols]));
  }

  columnsOf(a: Tensor, indices: Uint32Array): TfjsTensor {
    return this.run((tf) => tf.gather(tfjsTensor(a).value, tf.tensor1d(Int32Array.from(indices), 'int32'), 1));
  }

  concatColumns(parts: readonly Tensor[]): TfjsTensor {
    return this.made(
      this.tf.concat(
        parts.map((part) => tfjsTensor(part).value),
        1,
      ),
    );
  }

  #pair(a: Tensor, b: Tensor, body: (tf: Tf, x: Matrix, y: Matrix) => Matrix): TfjsTensor {
    if (a.rows !== b.rows || a.cols !== b.cols)
      throw new Error(`tensors [${a.rows}, ${a.cols}] and [${b.rows}, ${b.cols}] differ in size`);
    const [x, y] = [tfjsTensor(a).value, tfjsTensor(b).value];
    return this.run((tf) => body(tf, x, y));
  }

  #update(target: TfjsTensor, alpha: number, value: (tf: Tf) => Matrix, beta: number): void {
    const next = this.tf.tidy(() => {
      const tf = this.tf;
      const x = value(tf);
      const scaled: Matrix = alpha === 1 ? x : tf.mul(x, alpha);
      if (beta === 0) return scaled === x ? tf.clone(x) : scaled;
      return tf.add<Matrix>(scaled, beta === 1 ? target.value : tf.mul(target.value, beta));
    });
    this.replace(target, next);
  }
}

/** Rows a window seen as [n, windows, 1, c]. */
function byWindow(tf: Tf, y: Matrix, { outHeight, outWidth, channels }: Window2d) {
  const windows = outHeight * outWidth;
  return tf.reshape(y, [y.shape[0] / windows, windows, 1, channels]);
}

/** 1 at the place that is named, 0 elsewhere: [n, windows, K, c]. */
function oneHot(tf: Tf, places: Matrix, window: Window2d) {
  const K = window.kernelHeight * window.kernelWidth;
  return tf.cast(tf.equal(byWindow(tf, places, window), tf.reshape(tf.range(0, K), [1, 1, K, 1])), 'float32');
}
