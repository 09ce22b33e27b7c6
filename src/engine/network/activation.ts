/** y = f(z), elementwise. */
import { InputError } from '../../shared/errors.ts';
import { piecewiseLinear } from '../../shared/model.ts';
import type { ActivationFunction, ActivationSpec } from '../../shared/model.ts';
import type { Backend, Tensor } from '../backend/types.ts';
import { addTangents } from './types.ts';
import type { Direction, Layer, LayerPlace, Sink, Tangent, TrainingPass } from './types.ts';

export class ActivationLayer implements Layer {
  readonly label: string;
  readonly parameters = [];
  readonly outputShape: readonly number[];
  readonly isPiecewiseLinear: boolean;
  /** Of a relu: whether the maximum pooling before it has done its work too in this pass in training, forward and backward. */
  isDone = false;
  readonly #function: ActivationFunction;
  readonly #coefficient: number | undefined;
  #z: Tensor | null = null;
  #delta: Tensor | null = null;
  #zDot: Tangent = null;
  /** f'(z) and f''(z) of the last pass, computed when first needed. */
  #first: Tensor | null = null;
  #second: Tensor | null = null;

  /** Raises InputError for a coefficient that the function does not have. */
  constructor(spec: ActivationSpec, inputShape: readonly number[], place: LayerPlace) {
    const { function: name, slope, alpha } = spec;
    if (slope !== undefined && name !== 'leaky-relu')
      throw new InputError(`${place} (activation): "slope" belongs to leaky-relu; ${name} has none`);
    if (alpha !== undefined && name !== 'elu')
      throw new InputError(`${place} (activation): "alpha" belongs to elu; ${name} has none`);
    this.label = `${name} (activation)`;
    this.outputShape = inputShape;
    this.#function = name;
    this.#coefficient = slope ?? alpha;
    this.isPiecewiseLinear = piecewiseLinear.has(name);
  }

  forward(backend: Backend, x: Tensor, training?: TrainingPass): Tensor {
    if (training === undefined) this.isDone = false;
    this.#z = x;
    this.#first = null;
    this.#second = null;
    return this.isDone ? x : backend.activate(this.#function, 0, x, this.#coefficient);
  }

  backward(backend: Backend, dy: Tensor, _sink: Sink, needInput: boolean): Tensor | null {
    this.#delta = dy;
    if (!needInput) return null;
    if (this.isDone) return dy;
    if (this.#first !== null) return backend.multiply(this.#first, dy);
    return backend.activateBackward(this.#function, this.#present(), dy, this.#coefficient);
  }

  tangentForward(backend: Backend, xDot: Tangent, _direction: Direction): Tangent {
    this.#zDot = xDot;
    return xDot === null ? null : backend.multiply(this.firstDerivative(backend), xDot);
  }

  tangentBackward(backend: Backend, dyDot: Tangent, direction: Direction, _sink: Sink, needInput: boolean): Tangent {
    if (!needInput) return null;
    const passed = dyDot === null ? null : backend.multiply(this.firstDerivative(backend), dyDot);
    const isFlat = this.isPiecewiseLinear || direction.gaussNewton === true;
    if (isFlat || this.#zDot === null || this.#delta === null) return passed;
    const bent = backend.multiply(backend.multiply(this.secondDerivative(backend), this.#zDot), this.#delta);
    return addTangents(backend, passed, bent);
  }

  linearise(backend: Backend): void {
    this.firstDerivative(backend);
    if (!this.isPiecewiseLinear) this.secondDerivative(backend);
  }

  get isRelu(): boolean {
    return this.#function === 'relu';
  }

  /** f'(z) at the last pass. */
  firstDerivative(backend: Backend): Tensor {
    this.#first ??= backend.activate(this.#function, 1, this.#present(), this.#coefficient);
    return this.#first;
  }

  /** f''(z) at the last pass. */
  secondDerivative(backend: Backend): Tensor {
    this.#second ??= backend.activate(this.#function, 2, this.#present(), this.#coefficient);
    return this.#second;
  }

  /** dl/dy of the last backward pass. */
  get outputDelta(): Tensor | null {
    return this.#delta;
  }

  #present(): Tensor {
    if (this.#z === null) throw new Error(`${this.label}: no pass has been made`);
    return this.#z;
  }
}
