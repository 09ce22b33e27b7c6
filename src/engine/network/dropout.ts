/** While training, y = x * mask with entries 0 (probability `rate`) or 1 / (1 - rate), drawn by seed, step and place; else y = x. */
import type { DropoutSpec } from '../../shared/model.ts';
import { Random } from '../../shared/random.ts';
import type { Backend, Tensor } from '../backend/types.ts';
import type { Direction, GradientSink, Layer, LayerPlace, TrainingPass } from './types.ts';

export class DropoutLayer implements Layer {
  readonly label: string;
  readonly parameters = [];
  readonly outputShape: readonly number[];
  readonly isPiecewiseLinear = true;
  readonly #rate: number;
  readonly #place: LayerPlace;
  #mask: Tensor | null = null;

  constructor(spec: DropoutSpec, inputShape: readonly number[], place: LayerPlace) {
    this.label = `${place} (dropout)`;
    this.outputShape = inputShape;
    this.#rate = spec.rate;
    this.#place = place;
  }

  forward(backend: Backend, x: Tensor, training?: TrainingPass): Tensor {
    this.#mask = null;
    if (training === undefined || this.#rate === 0) return x;
    const random = new Random(training.seed, `dropout ${this.#place} ${training.step}`);
    const values = new Float32Array(x.rows * x.cols);
    // A 32-bit draw decides: the probability is a multiple of 2^-32.
    const threshold = this.#rate * 2 ** 32;
    const scale = 1 / (1 - this.#rate);
    for (let i = 0; i < values.length; i++) values[i] = random.uint32() < threshold ? 0 : scale;
    this.#mask = backend.from(values, x.rows, x.cols);
    return backend.multiply(x, this.#mask);
  }

  backward(backend: Backend, dy: Tensor, _sink: GradientSink | null, needInput: boolean): Tensor | null {
    return needInput ? this.#masked(backend, dy) : null;
  }

  tangentForward(backend: Backend, xDot: Tensor | null, _direction: Direction): Tensor | null {
    return xDot === null ? null : this.#masked(backend, xDot);
  }

  tangentBackward(
    backend: Backend,
    dyDot: Tensor | null,
    _direction: Direction,
    _sink: GradientSink | null,
    needInput: boolean,
  ): Tensor | null {
    return needInput && dyDot !== null ? this.#masked(backend, dyDot) : null;
  }

  #masked(backend: Backend, x: Tensor): Tensor {
    return this.#mask === null ? x : backend.multiply(x, this.#mask);
  }
}
