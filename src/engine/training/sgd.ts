/**
 * Stochastic gradient descent on the mean loss over the batch. With g the batch gradient plus weight_decay * w:
 *   plain     w -= lr g
 *   momentum  v = momentum v + g;  w -= lr v
 *   Nesterov  v = momentum v + g;  w -= lr (g + momentum v)
 * (Sutskever et al. 2013, in the form PyTorch uses.) Without Nesterov the product that makes a kernel's gradient is fused into the update: the
 * gradient itself is never stored.
 */
import type { Backend, Tensor, Window2d } from '../backend/types.ts';
import type { Network } from '../network/network.ts';
import type { GradientSink, Parameter } from '../network/types.ts';

export interface SgdOptions {
  readonly momentum: number;
  readonly nesterov: boolean;
  readonly weightDecay: number;
}

export class Sgd implements GradientSink {
  learningRate = 0;
  readonly #backend: Backend;
  readonly #weights: ReadonlyMap<string, Tensor>;
  readonly #options: SgdOptions;
  /** Kept tensors; empty without momentum. */
  readonly velocities = new Map<string, Tensor>();
  readonly #gradients = new Map<string, Tensor>();

  constructor(network: Network, options: SgdOptions) {
    this.#backend = network.backend;
    this.#weights = network.weights;
    this.#options = options;
    for (const { name, rows, cols } of network.parameters) {
      const zeros = (): Tensor => this.#backend.scope(() => this.#backend.keep(this.#backend.zeros(rows, cols)));
      if (options.momentum > 0) this.velocities.set(name, zeros());
      if (options.nesterov) this.#gradients.set(name, zeros());
    }
  }

  /** Frees its tensors. */
  close(): void {
    for (const tensor of [...this.velocities.values(), ...this.#gradients.values()]) this.#backend.release(tensor);
  }

  product(parameter: Parameter, a: Tensor, transposeA: boolean, b: Tensor, transposeB: boolean): void {
    const { target, alpha, beta } = this.#begin(parameter);
    this.#backend.accumulate(target, alpha, a, transposeA, b, transposeB, beta);
    this.#finish(parameter);
  }

  convolution(parameter: Parameter, x: Tensor, dz: Tensor, window: Window2d): void {
    const backend = this.#backend;
    if (backend.accumulateConvolution === undefined) {
      this.product(parameter, backend.patches(x, window), true, dz, false);
      return;
    }
    const { target, alpha, beta } = this.#begin(parameter);
    backend.accumulateConvolution(target, alpha, x, dz, window, beta);
    this.#finish(parameter);
  }

  add(parameter: Parameter, gradient: Tensor): void {
    const { target, alpha, beta } = this.#begin(parameter);
    this.#backend.blend(target, alpha, gradient, beta);
    this.#finish(parameter);
  }

  /** Where the gradient goes: target = alpha * gradient + beta * target. */
  #begin({ name }: Parameter): { target: Tensor; alpha: number; beta: number } {
    const { momentum, nesterov, weightDecay } = this.#options;
    if (nesterov) return { target: found(this.#gradients, name), alpha: 1, beta: 0 };
    if (momentum > 0) return { target: found(this.velocities, name), alpha: 1, beta: momentum };
    return {
      target: found(this.#weights, name),
      alpha: -this.learningRate,
      beta: 1 - this.learningRate * weightDecay,
    };
  }

  #finish({ name }: Parameter): void {
    const { momentum, nesterov, weightDecay } = this.#options;
    if (momentum === 0 && !nesterov) return;
    const weight = found(this.#weights, name);
    if (!nesterov) {
      const velocity = found(this.velocities, name);
      if (weightDecay > 0) this.#backend.blend(velocity, weightDecay, weight, 1);
      this.#backend.blend(weight, -this.learningRate, velocity, 1);
      return;
    }
    const gradient = found(this.#gradients, name);
    if (weightDecay > 0) this.#backend.blend(gradient, weightDecay, weight, 1);
    this.#backend.blend(weight, -this.learningRate, gradient, 1);
    if (momentum === 0) return;
    const velocity = found(this.velocities, name);
    this.#backend.blend(velocity, 1, gradient, momentum);
    this.#backend.blend(weight, -this.learningRate * momentum, velocity, 1);
  }
}

function found(tensors: ReadonlyMap<string, Tensor>, name: string): Tensor {
  const tensor = tensors.get(name);
  if (tensor === undefined) throw new Error(`the optimiser has no state for ${name}`);
  return tensor;
}
