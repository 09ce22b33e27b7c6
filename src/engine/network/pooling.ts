/** Pooling of images over windows (maximum, mean), and the mean over all positions of an image or tokens of a sequence. */
import { pairOf, sidesOf } from '../../shared/model.ts';
import type { AdaptivePoolSpec, PoolingSpec } from '../../shared/model.ts';
import { isWithin } from '../backend/windows.ts';
import type { Backend, Tensor, Window2d } from '../backend/types.ts';
import { InputError } from '../../shared/errors.ts';
import type { ActivationLayer } from './activation.ts';
import { LinearLayer } from './linear.ts';
import { imageShape, sequenceShape, sizeOf, windowOver } from './shapes.ts';
import { present } from './types.ts';
import type { LayerPlace, TrainingPass } from './types.ts';

/** Raises InputError if a window might have no place of the image at all. */
function poolingWindow(spec: PoolingSpec, inputShape: readonly number[], place: LayerPlace): Window2d {
  const { size, stride = size, padding = 0, ceil } = spec;
  const who = `${place} (${spec.type})`;
  for (const [axis, sides] of sidesOf(padding).entries()) {
    const side = pairOf(size)[axis];
    if (Math.max(...sides) >= side)
      throw new InputError(
        `${who}: a padding of ${Math.max(...sides)} is as wide as the window (${side}); expected less`,
      );
  }
  return windowOver(inputShape, { kernel: size, stride, padding, ceil }, who);
}

export class MaxPoolLayer extends LinearLayer {
  /** The relu right behind it, whose work a pass in training does in the same loop if the backend can. */
  relu: ActivationLayer | null = null;
  readonly #window: Window2d;
  #places: Tensor | null = null;

  constructor(spec: PoolingSpec, inputShape: readonly number[], place: LayerPlace) {
    const window = poolingWindow(spec, inputShape, place);
    super(`${place} (maxpool2d)`, [window.outHeight, window.outWidth, window.channels]);
    this.#window = window;
  }

  override forward(backend: Backend, x: Tensor, training?: TrainingPass): Tensor {
    const isRectified = this.relu !== null && training !== undefined && backend.maxPool !== undefined;
    if (this.relu !== null) this.relu.isDone = isRectified;
    if (backend.maxPool !== undefined) {
      const { values, places } = backend.maxPool(x, this.#window, isRectified);
      this.#places = places;
      return values;
    }
    this.#places = backend.maxPlaces(x, this.#window);
    return this.map(backend, x);
  }

  protected override map(backend: Backend, x: Tensor): Tensor {
    return backend.pick(x, present(this.#places, this.label), this.#window);
  }

  protected override transpose(backend: Backend, y: Tensor): Tensor {
    return backend.spread(y, present(this.#places, this.label), this.#window);
  }
}

/** Means over whole windows within the image. */
class WindowMeanLayer extends LinearLayer {
  readonly #window: Window2d;

  constructor(window: Window2d, label: string) {
    super(label, [window.outHeight, window.outWidth, window.channels]);
    this.#window = window;
  }

  protected override map(backend: Backend, x: Tensor): Tensor {
    return backend.windowMeans(x, this.#window);
  }

  protected override transpose(backend: Backend, y: Tensor): Tensor {
    return backend.spreadMeans(y, this.#window);
  }
}

/** Weighted sums over rows and over columns of an image, the same for every channel: y = (D (x) A) x, D [rows out, rows in], A [columns out, columns in]. */
class PlaceSumLayer extends LinearLayer {
  readonly #down: Float64Array;
  readonly #across: Float64Array;
  readonly #from: readonly [number, number, number];
  readonly #to: readonly [number, number];

  constructor(down: Float64Array, across: Float64Array, inputShape: readonly number[], label: string) {
    const from = imageShape(inputShape, label);
    const to = [down.length / from[0], across.length / from[1]] as const;
    super(label, [...to, from[2]]);
    this.#down = down;
    this.#across = across;
    this.#from = from;
    this.#to = to;
  }

  protected override map(backend: Backend, x: Tensor): Tensor {
    const [height, width, channels] = this.#from;
    const [outHeight, outWidth] = this.#to;
    const n = x.rows / (height * width);
    const wide = along(backend, x, [n * height, width, channels], this.#across, outWidth, true);
    const y = along(backend, wide, [n, height, outWidth * channels], this.#down, outHeight, true);
    return backend.reshape(y, n * outHeight * outWidth, channels);
  }

  protected override transpose(backend: Backend, y: Tensor): Tensor {
    const [height, width, channels] = this.#from;
    const [outHeight, outWidth] = this.#to;
    const n = y.rows / (outHeight * outWidth);
    const tall = along(backend, y, [n, outHeight, outWidth * channels], this.#down, height, false);
    const x = along(backend, tall, [n * height, outWidth, channels], this.#across, width, false);
    return backend.reshape(x, n * height * width, channels);
  }
}

/** x [outer, from, inner] to [outer, to, inner] by a matrix [to, from], or [from, to] if it is not transposed. */
function along(
  backend: Backend,
  x: Tensor,
  [outer, from, inner]: readonly [number, number, number],
  matrix: Float64Array,
  to: number,
  transposed: boolean,
): Tensor {
  const factor = transposed ? backend.from(matrix, to, from) : backend.from(matrix, from, to);
  const rows = backend.reshape(backend.swapAxes(x, outer, from, inner, 1), outer * inner, from);
  return backend.swapAxes(backend.matmul(rows, factor, false, transposed), outer, inner, to, 1);
}

/**
 * Means over windows. Those that reach over an edge are divided by their places in the image and the padding, or in the image alone; places beyond
 * the padding (of a window that `ceil` let in) never count.
 */
export function averagePool(
  spec: Extract<PoolingSpec, { readonly type: 'avgpool2d' }>,
  inputShape: readonly number[],
  place: LayerPlace,
): LinearLayer {
  const window = poolingWindow(spec, inputShape, place);
  const label = `${place} (avgpool2d)`;
  if (isWithin(window)) return new WindowMeanLayer(window, label);
  const [down, across] = sidesOf(spec.padding ?? 0);
  const { height, width, kernelHeight, kernelWidth, strideY, strideX, outHeight, outWidth } = window;
  const countsPadding = spec.count_padding !== false;
  return new PlaceSumLayer(
    spread(height, outHeight, (i) => [i * strideY - down[0], kernelHeight], countsPadding ? down : [0, 0]),
    spread(width, outWidth, (i) => [i * strideX - across[0], kernelWidth], countsPadding ? across : [0, 0]),
    inputShape,
    label,
  );
}

/** Raises InputError for other than images. */
export function adaptiveAveragePool(
  spec: AdaptivePoolSpec,
  inputShape: readonly number[],
  place: LayerPlace,
): LinearLayer {
  const label = `${place} (adaptiveavgpool2d)`;
  const [height, width] = imageShape(inputShape, label);
  const [outHeight, outWidth] = pairOf(spec.size);
  if (height % outHeight === 0 && width % outWidth === 0) {
    const size = [height / outHeight, width / outWidth] as const;
    return new WindowMeanLayer(windowOver(inputShape, { kernel: size, stride: size, padding: 'valid' }, label), label);
  }
  const bin = (n: number, out: number) => (i: number) => {
    const start = Math.floor((i * n) / out);
    return [start, Math.ceil(((i + 1) * n) / out) - start] as const;
  };
  return new PlaceSumLayer(
    spread(height, outHeight, bin(height, outHeight), [0, 0]),
    spread(width, outWidth, bin(width, outWidth), [0, 0]),
    inputShape,
    label,
  );
}

/** [out, n]: 1 / (places that count) where window i has place j. A window's number of places is the product of those along both axes. */
function spread(
  n: number,
  out: number,
  windowOf: (i: number) => readonly [start: number, size: number],
  [before, after]: readonly [number, number],
): Float64Array {
  const matrix = new Float64Array(out * n);
  for (let i = 0; i < out; i++) {
    const [start, size] = windowOf(i);
    const counted = Math.min(start + size, n + after) - Math.max(start, -before);
    for (let j = Math.max(start, 0); j < Math.min(start + size, n); j++) matrix[i * n + j] = 1 / counted;
  }
  return matrix;
}

/** The mean over a sample's positions. */
export class MeanPoolLayer extends LinearLayer {
  readonly #positions: number;

  constructor(kind: 'globalavgpool2d' | 'meanpool', inputShape: readonly number[], place: LayerPlace) {
    const label = `${place} (${kind})`;
    const shape = kind === 'meanpool' ? sequenceShape(inputShape, label) : imageShape(inputShape, label);
    super(label, shape.slice(-1));
    this.#positions = sizeOf(shape.slice(0, -1));
  }

  protected override map(backend: Backend, x: Tensor): Tensor {
    return backend.runMeans(x, this.#positions);
  }

  protected override transpose(backend: Backend, y: Tensor): Tensor {
    return backend.repeatRows(backend.scale(y, 1 / this.#positions), this.#positions);
  }
}
