/** One vector a sample from an image or a sequence. The values stay where they are; only the view changes. */
import type { Backend, Tensor } from '../backend/types.ts';
import type { Direction, GradientSink, Layer } from './types.ts';

export class FlattenLayer implements Layer {
  readonly label = 'flatten';
  readonly parameters = [];
  readonly outputShape: readonly number[];
  readonly isPiecewiseLinear = true;
  /** [height, width, channels] of the images that are flattened; null if sequences or vectors are. */
  readonly image: readonly [number, number, number] | null;
  readonly #positions: number;
  readonly #width: number;

  constructor(inputShape: readonly number[]) {
    this.image = inputShape.length === 3 ? (inputShape as unknown as readonly [number, number, number]) : null;
    this.#width = inputShape[inputShape.length - 1];
    this.#positions = inputShape.slice(0, -1).reduce((product, size) => product * size, 1);
    this.outputShape = [this.#positions * this.#width];
  }

  forward(backend: Backend, x: Tensor): Tensor {
    return this.#flat(backend, x);
  }

  backward(backend: Backend, dy: Tensor, _sink: GradientSink | null, needInput: boolean): Tensor | null {
    return needInput ? this.#unflat(backend, dy) : null;
  }

  tangentForward(backend: Backend, xDot: Tensor | null, _direction: Direction): Tensor | null {
    return xDot === null ? null : this.#flat(backend, xDot);
  }

  tangentBackward(
    backend: Backend,
    dyDot: Tensor | null,
    _direction: Direction,
    _sink: GradientSink | null,
    needInput: boolean,
  ): Tensor | null {
    return needInput && dyDot !== null ? this.#unflat(backend, dyDot) : null;
  }

  #flat(backend: Backend, x: Tensor): Tensor {
    return backend.reshape(x, x.rows / this.#positions, this.#positions * this.#width);
  }

  #unflat(backend: Backend, y: Tensor): Tensor {
    return backend.reshape(y, y.rows * this.#positions, this.#width);
  }
}
