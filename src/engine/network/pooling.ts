/** Pooling of images over windows (maximum, mean), and the mean over all positions of an image or tokens of a sequence. */
import type { PoolingSpec } from '../../shared/model.ts';
import type { Backend, Tensor, Window2d } from '../backend/types.ts';
import { imageShape, sequenceShape, windowOver } from './shapes.ts';
import { present } from './types.ts';
import type { Direction, GradientSink, Layer, Place } from './types.ts';

/** A layer y = M x without parameters, M fixed by the last forward pass. */
abstract class LinearLayer implements Layer {
  readonly label: string;
  readonly parameters = [];
  readonly outputShape: readonly number[];
  readonly isPiecewiseLinear = true;

  constructor(label: string, outputShape: readonly number[]) {
    this.label = label;
    this.outputShape = outputShape;
  }

  abstract forward(backend: Backend, x: Tensor): Tensor;
  /** M x. */
  protected abstract map(backend: Backend, x: Tensor): Tensor;
  /** M^T y. */
  protected abstract transpose(backend: Backend, y: Tensor): Tensor;

  backward(backend: Backend, dy: Tensor, _sink: GradientSink | null, needInput: boolean): Tensor | null {
    return needInput ? this.transpose(backend, dy) : null;
  }

  tangentForward(backend: Backend, xDot: Tensor | null, _direction: Direction): Tensor | null {
    return xDot === null ? null : this.map(backend, xDot);
  }

  tangentBackward(
    backend: Backend,
    dyDot: Tensor | null,
    _direction: Direction,
    _sink: GradientSink | null,
    needInput: boolean,
  ): Tensor | null {
    return needInput && dyDot !== null ? this.transpose(backend, dyDot) : null;
  }
}

function poolingWindow(spec: PoolingSpec, inputShape: readonly number[], place: Place): Window2d {
  const { size, stride = size, padding = 0, ceil } = spec;
  return windowOver(inputShape, { kernel: size, stride, padding, ceil }, `${place} (${spec.type})`);
}

export class MaxPoolLayer extends LinearLayer {
  readonly #window: Window2d;
  #places: Tensor | null = null;

  constructor(spec: PoolingSpec, inputShape: readonly number[], place: Place) {
    const window = poolingWindow(spec, inputShape, place);
    super(`${place} (maxpool2d)`, [window.outHeight, window.outWidth, window.channels]);
    this.#window = window;
  }

  override forward(backend: Backend, x: Tensor): Tensor {
    if (backend.maxPool !== undefined) {
      const { values, places } = backend.maxPool(x, this.#window);
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

export class AveragePoolLayer extends LinearLayer {
  readonly #window: Window2d;

  constructor(spec: PoolingSpec, inputShape: readonly number[], place: Place) {
    const window = poolingWindow(spec, inputShape, place);
    super(`${place} (avgpool2d)`, [window.outHeight, window.outWidth, window.channels]);
    this.#window = window;
  }

  override forward(backend: Backend, x: Tensor): Tensor {
    return this.map(backend, x);
  }

  protected override map(backend: Backend, x: Tensor): Tensor {
    return backend.windowMeans(x, this.#window);
  }

  protected override transpose(backend: Backend, y: Tensor): Tensor {
    return backend.spreadMeans(y, this.#window);
  }
}

/** The mean over a sample's positions. */
export class MeanPoolLayer extends LinearLayer {
  readonly #positions: number;

  constructor(kind: 'globalavgpool2d' | 'meanpool', inputShape: readonly number[], place: Place) {
    const label = `${place} (${kind})`;
    const shape = kind === 'meanpool' ? sequenceShape(inputShape, label) : imageShape(inputShape, label);
    super(label, shape.slice(-1));
    this.#positions = shape.slice(0, -1).reduce((product, size) => product * size, 1);
  }

  override forward(backend: Backend, x: Tensor): Tensor {
    return this.map(backend, x);
  }

  protected override map(backend: Backend, x: Tensor): Tensor {
    return backend.runMeans(x, this.#positions);
  }

  protected override transpose(backend: Backend, y: Tensor): Tensor {
    return backend.repeatRows(backend.scale(y, 1 / this.#positions), this.#positions);
  }
}
