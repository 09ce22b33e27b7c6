/** A sample's numbers in one group of channels, over all positions, to mean 0 and variance 1 (Wu & He 2018). */
import { InputError } from '../../shared/errors.ts';
import type { GroupNormSpec } from '../../shared/model.ts';
import type { Backend, Tensor } from '../backend/types.ts';
import { NormLayer } from './norm.ts';
import type { Weights } from './types.ts';

export class GroupNormLayer extends NormLayer {
  readonly #positions: number;
  readonly #groups: number;
  readonly #width: number;

  /** Raises InputError unless the groups divide the channels. */
  constructor(spec: GroupNormSpec, inputShape: readonly number[], weights: Weights) {
    super(spec, inputShape, weights, false);
    const channels = inputShape[inputShape.length - 1];
    if (channels % spec.groups !== 0) {
      throw new InputError(
        `layer "${spec.name}" (groupnorm): ${spec.groups} groups do not divide the ${channels} channels of its input [${inputShape.join(', ')}]`,
      );
    }
    this.#positions = inputShape.slice(0, -1).reduce((product, size) => product * size, 1);
    this.#groups = spec.groups;
    this.#width = channels / spec.groups;
  }

  protected override toGroups(backend: Backend, x: Tensor): Tensor {
    const samples = x.rows / this.#positions;
    const width = this.#positions * this.#width;
    if (this.#groups === 1) return backend.reshape(x, samples, width);
    const swapped = backend.swapAxes(x, samples, this.#positions, this.#groups, this.#width);
    return backend.reshape(swapped, samples * this.#groups, width);
  }

  protected override fromGroups(backend: Backend, x: Tensor): Tensor {
    const samples = x.rows / this.#groups;
    const channels = this.#groups * this.#width;
    const rows = samples * this.#positions;
    if (this.#groups === 1) return backend.reshape(x, rows, channels);
    return backend.reshape(backend.swapAxes(x, samples, this.#groups, this.#positions, this.#width), rows, channels);
  }
}
