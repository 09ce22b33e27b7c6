/**
 * Every channel to mean 0 and variance 1 (Ioffe & Szegedy 2015). A training pass takes mean and variance of the batch and moves the running
 * ones towards them; any other pass takes the running ones, which are constants there: samples then do not interact, and the layer is linear.
 */
import { InputError } from '../../shared/errors.ts';
import type { BatchNormSpec } from '../../shared/model.ts';
import type { Backend, Tensor } from '../backend/types.ts';
import { NormLayer } from './norm.ts';
import type { Standardised } from './norm.ts';
import { present, weightOf } from './types.ts';
import type { Parameter, TrainingPass, Weights } from './types.ts';

export class BatchNormLayer extends NormLayer {
  readonly states: readonly Parameter[];
  readonly #mean: Parameter;
  readonly #variance: Parameter;
  readonly #momentum: number;
  readonly #width: number;
  /** [1, channels]: 1 / sqrt(running variance + epsilon) of the last pass that took it; null in training. */
  #constant: Tensor | null = null;

  constructor(spec: BatchNormSpec, inputShape: readonly number[], weights: Weights) {
    super(spec, inputShape, weights, true);
    this.#width = inputShape[inputShape.length - 1];
    const shared = { shape: [this.#width], rows: 1, cols: this.#width, fanIn: this.#width, fanOut: this.#width };
    this.#mean = { name: `${spec.name}.running_mean`, initial: 'zeros', ...shared };
    this.#variance = { name: `${spec.name}.running_variance`, initial: 'ones', ...shared };
    this.states = [this.#mean, this.#variance];
    this.#momentum = spec.momentum;
  }

  protected override standardise(backend: Backend, x: Tensor, training: TrainingPass | undefined): Standardised {
    const mean = weightOf(this.weights, this.#mean);
    const variance = weightOf(this.weights, this.#variance);
    if (training === undefined) {
      this.#constant = backend.inverseRoot(variance, this.epsilon);
      const centred = backend.addRow(x, backend.scale(mean, -1));
      return { hat: backend.multiplyRow(centred, this.#constant), rstd: null };
    }
    if (x.rows < 2)
      throw new InputError(`${this.label}: a batch of one position has no variance; train with a larger batch`);
    this.#constant = null;
    const batchMean = backend.scale(backend.columnSums(x), 1 / x.rows);
    const centred = backend.addRow(x, backend.scale(batchMean, -1));
    const squares = backend.columnSums(backend.multiply(centred, centred));
    backend.blend(mean, this.#momentum, batchMean, 1 - this.#momentum);
    backend.blend(variance, this.#momentum / (x.rows - 1), squares, 1 - this.#momentum);
    return backend.standardise(this.toGroups(backend, x), this.epsilon);
  }

  protected override constantJacobian(backend: Backend, u: Tensor): Tensor {
    return backend.multiplyRow(u, present(this.#constant, this.label));
  }

  protected override toGroups(backend: Backend, x: Tensor): Tensor {
    if (this.#constant !== null) return x;
    return backend.reshape(backend.swapAxes(x, 1, x.rows, this.#width, 1), this.#width, x.rows);
  }

  protected override fromGroups(backend: Backend, x: Tensor): Tensor {
    if (this.#constant !== null) return x;
    return backend.reshape(backend.swapAxes(x, 1, this.#width, x.cols, 1), x.cols, this.#width);
  }
}
