/** One vector a sample from an image or a sequence. The values stay where they are; only the view changes. */
import type { Backend, Tensor } from '../backend/types.ts';
import { LinearLayer } from './linear.ts';

export class FlattenLayer extends LinearLayer {
  /** [height, width, channels] of the images that are flattened; null if sequences or vectors are. */
  readonly image: readonly [number, number, number] | null;
  readonly #positions: number;
  readonly #width: number;

  constructor(inputShape: readonly number[]) {
    const width = inputShape[inputShape.length - 1];
    const positions = inputShape.slice(0, -1).reduce((product, size) => product * size, 1);
    super('flatten', [positions * width]);
    this.image = inputShape.length === 3 ? (inputShape as unknown as readonly [number, number, number]) : null;
    this.#positions = positions;
    this.#width = width;
  }

  protected override map(backend: Backend, x: Tensor): Tensor {
    return backend.reshape(x, x.rows / this.#positions, this.#positions * this.#width);
  }

  protected override transpose(backend: Backend, y: Tensor): Tensor {
    return backend.reshape(y, y.rows * this.#positions, this.#width);
  }
}
