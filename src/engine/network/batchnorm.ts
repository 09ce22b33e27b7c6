/**
 * Every channel to mean 0 and variance 1 (Ioffe & Szegedy 2015). A training pass takes mean and variance of the batch and moves the running
 * ones towards them; any other pass takes the running ones, which are constants there: samples then do not interact, and the layer is linear.
 */
import { InputError } from '../../shared/errors.ts';
import type { BatchNormSpec } from '../../shared/model.ts';
import type { Backend, Tensor } from '../backend/types.ts';
import { NormLayer } from './norm.ts';
import type { Standardised, WholeGradient } from './norm.ts';
import { present, weightOf } from './types.ts';
import type { Parameter, TrainingPass, Weights } from './types.ts';

export class BatchNormLayer extends NormLayer {
  readonly states: readonly Parameter[];
  readonly #mean: Parameter;
  readonly #variance: Parameter;
  readonly #momentum: number;
  /** [1, channels]: 1 / sqrt(running variance + epsilon) of the last pass that took it; null in training. */
  #constant: Tensor | null = null;
  /** Of the last pass in training: by rows of positions, and [1, channels]. */
  #hat: Tensor | null = null;
  #rstd: Tensor | null = null;

  constructor(spec: BatchNormSpec, inputShape: readonly number[], weights: Weights) {
    super(spec, inputShape, weights, true);
    const width = inputShape[inputShape.length - 1];
    const shared = { shape: [width], rows: 1, cols: width, fanIn: width, fanOut: width };
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
    const squares = this.#dots(backend, centred, centred);
    backend.blend(mean, this.#momentum, batchMean, 1 - this.#momentum);
    backend.blend(variance, this.#momentum / (x.rows - 1), squares, 1 - this.#momentum);
    const rstd = backend.inverseRoot(backend.scale(squares, 1 / x.rows), this.epsilon);
    this.#rstd = rstd;
    this.#hat = backend.multiplyRow(centred, rstd);
    return { hat: this.#hat, rstd };
  }

  /** With n rows, gain g and sums over rows: dx = g r (dy - sum(dy) / n - hat sum(dy hat) / n). */
  protected override wholeGradient(backend: Backend, dy: Tensor, needInput: boolean): WholeGradient | null {
    if (this.#constant !== null || backend.combineRows === undefined) return null;
    const [hat, rstd] = [present(this.#hat, this.label), present(this.#rstd, this.label)];
    const sums = backend.columnSums(dy);
    const dots = this.#dots(backend, dy, hat);
    if (!needInput) return { sums, dots, dx: null };
    const factor = this.gain === null ? rstd : backend.multiply(rstd, weightOf(this.weights, this.gain));
    const share = backend.scale(factor, -1 / dy.rows);
    const dx = backend.combineRows(factor, dy, backend.multiply(share, dots), hat, backend.multiply(share, sums));
    return { sums, dots, dx };
  }

  protected override movingJacobian(backend: Backend, u: Tensor, hat: Tensor, rstd: Tensor): Tensor {
    const centred = backend.addRow(u, backend.scale(backend.columnSums(u), -1 / u.rows));
    const along = backend.multiplyRow(hat, this.groupMeans(backend, u, hat));
    return backend.multiplyRow(backend.subtract(centred, along), rstd);
  }

  protected override groupMeans(backend: Backend, a: Tensor, b: Tensor): Tensor {
    return backend.scale(this.#dots(backend, a, b), 1 / a.rows);
  }

  protected override scaleGroups(backend: Backend, a: Tensor, numbers: Tensor): Tensor {
    return backend.multiplyRow(a, numbers);
  }

  protected override constantJacobian(backend: Backend, u: Tensor): Tensor {
    return backend.multiplyRow(u, present(this.#constant, this.label));
  }

  /** A group is a column. */
  protected override toGroups(_backend: Backend, x: Tensor): Tensor {
    return x;
  }

  protected override fromGroups(_backend: Backend, x: Tensor): Tensor {
    return x;
  }

  /** [1, channels]: sum over rows of a b. */
  #dots(backend: Backend, a: Tensor, b: Tensor): Tensor {
    return backend.columnDots?.(a, b) ?? backend.columnSums(backend.multiply(a, b));
  }
}
