/** A network built from its specification: a chain of layers, its weights, and the passes through all of it. */
import { InputError } from '../../shared/errors.ts';
import type { ModelSpec } from '../../shared/model.ts';
import type { Backend, Tensor } from '../backend/types.ts';
import { buildLayers } from './build.ts';
import {
  backwardChain,
  forwardChain,
  holds,
  layersAbove,
  leaves,
  tangentBackwardChain,
  tangentForwardChain,
} from './chain.ts';
import { SampleLoss } from './loss.ts';
import { sizeOf } from './shapes.ts';
import type { Direction, Layer, Parameter, Sink, TrainingPass } from './types.ts';

export class Network {
  readonly spec: ModelSpec;
  readonly loss: SampleLoss;
  readonly layers: readonly Layer[];
  /** The trained parameters, in the order of the layers. */
  readonly parameters: readonly Parameter[];
  /** Tensors kept with the weights but not trained: the running statistics of batchnorm. */
  readonly states: readonly Parameter[];
  /** Numbers a sample at the input and at the output, and of its targets. */
  readonly inputSize: number;
  readonly outputSize: number;
  readonly targetSize: number;
  readonly backend: Backend;
  readonly #weights: Map<string, Tensor>;
  readonly #isShared: boolean;
  #output: Tensor | null = null;

  /**
   * Raises InputError, naming the layer, if shapes do not fit.
   * @param shared the `weights` of a network of the same specification, to use instead of tensors of its own; they must outlive this one.
   */
  constructor(spec: ModelSpec, backend: Backend, shared?: ReadonlyMap<string, Tensor>) {
    this.spec = spec;
    this.backend = backend;
    this.#weights = new Map<string, Tensor>(shared);
    this.#isShared = shared !== undefined;
    this.layers = buildLayers(spec, this.#weights);
    const { outputShape } = this.layers[this.layers.length - 1];
    this.loss = new SampleLoss(spec.loss, outputShape);
    this.parameters = this.layers.flatMap((layer) => layer.parameters);
    this.states = this.layers.flatMap((layer) => layer.states ?? []);
    this.inputSize = sizeOf(spec.input);
    this.outputSize = sizeOf(outputShape);
    this.targetSize = this.loss.targetSize;
  }

  /**
   * Kept tensors by name, of parameters and states, each of its parameter's matrix shape. They are made when they are first used, so that a network of which
   * only shapes and names are asked takes no memory.
   */
  get weights(): ReadonlyMap<string, Tensor> {
    if (this.#isShared || this.#weights.size > 0) return this.#weights;
    const { backend } = this;
    for (const { name, rows, cols, initial } of [...this.parameters, ...this.states]) {
      const zeros = (): Tensor =>
        initial === 'ones' ? backend.from(new Float32Array(cols).fill(1), rows, cols) : backend.zeros(rows, cols);
      this.#weights.set(
        name,
        backend.scope(() => backend.keep(zeros())),
      );
    }
    return this.#weights;
  }

  /** Gives the memory of the weights back, unless they are another network's. */
  release(): void {
    if (!this.#isShared) for (const tensor of this.#weights.values()) this.backend.release(tensor);
    this.#weights.clear();
  }

  /** The parameter of that name. Raises InputError naming those there are. */
  parameter(name: string): Parameter {
    const parameter = this.parameters.find((each) => each.name === name);
    if (parameter === undefined) {
      const names = this.parameters.map((each) => each.name).join(', ');
      throw new InputError(`the model has no parameter "${name}"; it has ${names}`);
    }
    return parameter;
  }

  /** The layer that owns a parameter, inside a residual block too. */
  layerOf(parameter: Parameter): Layer {
    const layer = leaves(this.layers).find((each) => each.parameters.includes(parameter));
    if (layer === undefined) throw new Error(`no layer owns ${parameter.name}`);
    return layer;
  }

  /** Sets a parameter or a state, in its flat order. */
  setWeight(name: string, values: ArrayLike<number>): void {
    const parameter = this.states.find((each) => each.name === name) ?? this.parameter(name);
    const size = parameter.rows * parameter.cols;
    if (values.length !== size) {
      throw new InputError(
        `weights of ${name}: expected ${size} values ([${parameter.shape.join(', ')}]), found ${values.length}`,
      );
    }
    const target = this.#weight(name);
    this.backend.scope(() => {
      this.backend.assign(target, this.backend.from(values, parameter.rows, parameter.cols));
    });
  }

  /** y [samples * positions, outputs] (one position for vectors) from inputs [samples, inputSize]. Call inside a scope. Without `training` the pass evaluates or measures. */
  forward(inputs: Tensor, training?: TrainingPass): Tensor {
    this.loss.reset();
    this.#output = forwardChain(this.layers, this.backend, this.#rows(inputs, this.spec.input), training);
    return this.#output;
  }

  /** What enters layer `index` of the outer chain (1 and more), one row a position, from inputs [samples, inputSize]. Call inside a scope; evaluates. */
  enteringLayer(index: number, inputs: Tensor): Tensor {
    return forwardChain(this.layers.slice(0, index), this.backend, this.#rows(inputs, this.spec.input));
  }

  /** `forward` from layer `index` of the outer chain on, from what enters it [samples, numbers a sample]. A backward pass must stop there or above. */
  forwardFrom(index: number, entering: Tensor): Tensor {
    const shape = index === 0 ? this.spec.input : this.layers[index - 1].outputShape;
    this.loss.reset();
    this.#output = forwardChain(this.layers.slice(index), this.backend, this.#rows(entering, shape));
    return this.#output;
  }

  /** Samples of a shape, one row each, as one row a position. */
  #rows(samples: Tensor, shape: readonly number[]): Tensor {
    const positions = sizeOf(shape) / shape[shape.length - 1];
    return positions === 1
      ? samples
      : this.backend.reshape(samples, samples.rows * positions, samples.cols / positions);
  }

  /** l_p [samples, 1] of the last forward pass, from targets [samples, targetSize]. */
  lossValues(targets: Tensor): Tensor {
    return this.loss.values(this.backend, this.output, targets);
  }

  /** dl_p/dy of the last forward pass times `factor`, one row a row of the output. */
  lossGradient(targets: Tensor, factor = 1): Tensor {
    return this.loss.gradient(this.backend, this.output, targets, factor);
  }

  /** `lossValues` and `lossGradient` in one pass if the backend has one. No tangent pass may follow. */
  lossAndGradient(targets: Tensor, factor: number): { readonly losses: Tensor; readonly gradient: Tensor } {
    return this.loss.both(this.backend, this.output, targets, factor);
  }

  /** Sends dl/dy down to layer `stop` (inclusive; default: all). */
  backward(dy: Tensor, sink: Sink, stop?: Layer): void {
    backwardChain(this.layers, this.backend, dy, sink, false, stop);
  }

  /**
   * Computes now what tangent passes need in every direction, so that each may have a scope of its own; after a backward pass. Layers below
   * `stop` are left out.
   */
  linearise(stop?: Layer): void {
    const all = leaves(this.layers);
    const first = stop === undefined ? 0 : all.findIndex((layer) => holds(stop, layer));
    if (first < 0) throw new Error(`${stop?.label ?? ''} is not a layer of this network`);
    for (const layer of all.slice(first)) layer.linearise?.(this.backend);
  }

  /**
   * The R-operator: derivatives along `direction` of the output and then of every delta and gradient, after a forward and a backward pass. Returns
   * y dot (null: zero). `weights` [samples, 1] multiply the samples' losses, if the backward pass had them too.
   */
  tangent(direction: Direction, sink: Sink, stop?: Layer, weights?: Tensor): Tensor | null {
    const yDot = this.outputTangent(direction);
    let dyDot = yDot === null ? null : this.loss.curvature(this.backend, this.output, yDot);
    if (dyDot !== null && weights !== undefined)
      dyDot = this.backend.scaleRows(dyDot, this.backend.repeatRows(weights, dyDot.rows / weights.rows));
    tangentBackwardChain(this.layers, this.backend, dyDot, direction, sink, false, stop);
    return yDot;
  }

  /** The Jacobian times a direction: y dot [samples, outputs]; null: zero. */
  outputTangent(direction: Direction): Tensor | null {
    return tangentForwardChain(this.layers, this.backend, null, direction);
  }

  get output(): Tensor {
    if (this.#output === null) throw new Error('the network has made no pass');
    return this.#output;
  }

  /** What a layer's output passes through, if that is a plain chain; null for a layer inside a residual block. */
  chainAbove(layer: Layer): readonly Layer[] | null {
    const index = this.layers.indexOf(layer);
    return index < 0 ? null : this.layers.slice(index + 1);
  }

  /** True where everything above a layer is piecewise linear, so that the Gauss-Newton part is the whole Hessian there. */
  isPiecewiseLinearAbove(layer: Layer): boolean {
    return layersAbove(this.layers, layer).every((each) => each.isPiecewiseLinear);
  }

  #weight(name: string): Tensor {
    const tensor = this.weights.get(name);
    if (tensor === undefined) throw new Error(`the weights of ${name} are not set`);
    return tensor;
  }
}
