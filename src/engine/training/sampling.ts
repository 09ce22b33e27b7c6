/**
 * Which samples make a batch. Three modes, each with its own covariance of the batch gradient (docs/theory.md, "Sampling minibatches"):
 *   epoch                every sample once per epoch, in a fresh random order; the last batch of an epoch may be smaller
 *   without_replacement  each batch a random subset, batches independent
 *   with_replacement     each sample of each batch drawn independently
 * In every mode an epoch is ceil(n / batchSize) steps.
 */
import type { SamplingMode } from '../../shared/experiment.ts';
import { Random } from '../../shared/random.ts';
import type { RandomState } from '../../shared/random.ts';

export interface SamplerState {
  readonly random: RandomState;
  /** epoch: the current order, else the pool that is partly shuffled. */
  readonly order: Uint32Array;
  readonly position: number;
}

export class BatchSampler {
  readonly stepsPerEpoch: number;
  /** The batch: samples order[start], ..., order[start + count - 1]. */
  readonly order: Uint32Array;
  start = 0;
  count = 0;
  readonly #mode: SamplingMode;
  readonly #size: number;
  readonly #batchSize: number;
  #random: Random;
  #position = 0;

  /** @param size samples to draw from, >= 1 @param batchSize 1 to size (any number >= 1 with replacement) */
  constructor(mode: SamplingMode, size: number, batchSize: number, seed: number) {
    this.#mode = mode;
    this.#size = size;
    this.#batchSize = batchSize;
    this.#random = new Random(seed, 'batches');
    this.stepsPerEpoch = Math.ceil(size / batchSize);
    this.order = new Uint32Array(mode === 'with_replacement' ? batchSize : size);
    for (let i = 0; i < this.order.length; i++) this.order[i] = i;
  }

  /** Draws the next batch into `order`, `start`, `count`. */
  next(): void {
    switch (this.#mode) {
      case 'epoch':
        if (this.#position === 0) this.#random.shuffle(this.order);
        this.start = this.#position;
        this.count = Math.min(this.#batchSize, this.#size - this.#position);
        this.#position = (this.#position + this.count) % this.#size;
        return;
      case 'without_replacement':
        // The first batchSize steps of a Fisher-Yates shuffle; any starting order gives a uniform subset.
        for (let i = 0; i < this.#batchSize; i++) {
          const j = i + this.#random.below(this.#size - i);
          const held = this.order[i];
          this.order[i] = this.order[j];
          this.order[j] = held;
        }
        break;
      case 'with_replacement':
        for (let i = 0; i < this.#batchSize; i++) this.order[i] = this.#random.below(this.#size);
        break;
      default:
        this.#mode satisfies never;
    }
    this.start = 0;
    this.count = this.#batchSize;
  }

  state(): SamplerState {
    return { random: this.#random.state(), order: this.order.slice(), position: this.#position };
  }

  restore(state: SamplerState): void {
    if (state.order.length !== this.order.length) {
      throw new Error(`sampler state for ${state.order.length} samples; expected ${this.order.length}`);
    }
    this.#random = Random.from(state.random);
    this.order.set(state.order);
    this.#position = state.position;
  }
}
