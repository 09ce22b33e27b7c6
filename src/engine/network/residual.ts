/** y = shortcut(x) + f(x), f a chain of layers, the shortcut another or x itself. */
import { InputError } from '../../shared/errors.ts';
import type { Backend, Tensor } from '../backend/types.ts';
import { backwardChain, forwardChain, holds, tangentBackwardChain, tangentForwardChain } from './chain.ts';
import { addTangents } from './types.ts';
import type { Direction, GradientSink, Layer, Parameter, Place, TrainingPass } from './types.ts';

export class ResidualLayer implements Layer {
  readonly label: string;
  readonly parameters: readonly Parameter[];
  readonly states: readonly Parameter[];
  readonly outputShape: readonly number[];
  readonly isPiecewiseLinear: boolean;
  readonly chains: readonly (readonly Layer[])[];
  readonly #shortcut: readonly Layer[];
  readonly #layers: readonly Layer[];

  /**
   * @param shortcut empty: x itself.
   * Raises InputError where the two branches end in different shapes.
   */
  constructor(shortcut: readonly Layer[], layers: readonly Layer[], inputShape: readonly number[], place: Place) {
    const shape = layers[layers.length - 1].outputShape;
    const other = shortcut.length === 0 ? inputShape : shortcut[shortcut.length - 1].outputShape;
    if (shape.join() !== other.join()) {
      throw new InputError(
        `${place} (residual): its layers end in shape [${shape.join(', ')}], its ${shortcut.length === 0 ? 'input has' : 'shortcut ends in'} [${other.join(', ')}]; the two are added, so they must be the same`,
      );
    }
    this.label = `${place} (residual)`;
    this.chains = shortcut.length === 0 ? [layers] : [shortcut, layers];
    const all = [...shortcut, ...layers];
    this.parameters = all.flatMap((layer) => layer.parameters);
    this.states = all.flatMap((layer) => layer.states ?? []);
    this.outputShape = shape;
    this.isPiecewiseLinear = all.every((layer) => layer.isPiecewiseLinear);
    this.#shortcut = shortcut;
    this.#layers = layers;
  }

  forward(backend: Backend, x: Tensor, training?: TrainingPass): Tensor {
    const straight = forwardChain(this.#shortcut, backend, x, training);
    return backend.add(straight, forwardChain(this.#layers, backend, x, training));
  }

  backward(backend: Backend, dy: Tensor, sink: GradientSink | null, needInput: boolean, stop?: Layer): Tensor | null {
    if (stop !== undefined) return backwardChain(this.#branchOf(stop), backend, dy, sink, false, stop);
    const bent = backwardChain(this.#layers, backend, dy, sink, needInput);
    const straight = backwardChain(this.#shortcut, backend, dy, sink, needInput);
    return needInput ? addTangents(backend, straight, bent) : null;
  }

  tangentForward(backend: Backend, xDot: Tensor | null, direction: Direction): Tensor | null {
    const straight = tangentForwardChain(this.#shortcut, backend, xDot, direction);
    return addTangents(backend, straight, tangentForwardChain(this.#layers, backend, xDot, direction));
  }

  tangentBackward(
    backend: Backend,
    dyDot: Tensor | null,
    direction: Direction,
    sink: GradientSink | null,
    needInput: boolean,
    stop?: Layer,
  ): Tensor | null {
    if (stop !== undefined)
      return tangentBackwardChain(this.#branchOf(stop), backend, dyDot, direction, sink, false, stop);
    const bent = tangentBackwardChain(this.#layers, backend, dyDot, direction, sink, needInput);
    const straight = tangentBackwardChain(this.#shortcut, backend, dyDot, direction, sink, needInput);
    return needInput ? addTangents(backend, straight, bent) : null;
  }

  #branchOf(stop: Layer): readonly Layer[] {
    return this.#shortcut.some((layer) => holds(layer, stop)) ? this.#shortcut : this.#layers;
  }
}
