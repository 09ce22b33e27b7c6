/** While training, y = x * mask with entries 0 (probability `rate`) or 1 / (1 - rate), drawn by seed, step and place; else y = x. */
import type { DropoutSpec } from '../../shared/model.ts';
import { Random } from '../../shared/random.ts';
import type { Backend, Tensor } from '../backend/types.ts';
import { LinearLayer } from './linear.ts';
import type { LayerPlace, TrainingPass } from './types.ts';

export class DropoutLayer extends LinearLayer {
  readonly #rate: number;
  readonly #place: LayerPlace;
  #mask: Tensor | null = null;

  constructor(spec: DropoutSpec, inputShape: readonly number[], place: LayerPlace) {
    super(`${place} (dropout)`, inputShape);
    this.#rate = spec.rate;
    this.#place = place;
  }

  override forward(backend: Backend, x: Tensor, training?: TrainingPass): Tensor {
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

  protected override map(backend: Backend, x: Tensor): Tensor {
    return this.#mask === null ? x : backend.multiply(x, this.#mask);
  }

  protected override transpose(backend: Backend, y: Tensor): Tensor {
    return this.map(backend, y);
  }
}
