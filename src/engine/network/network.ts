/** A network built from its specification: a chain of layers, its weights, and the passes through all of it. */
import { InputError } from '../../shared/errors.ts';
import type { LayerSpec, LossName, ModelSpec } from '../../shared/model.ts';
import type { Backend, Tensor } from '../backend/types.ts';
import { ActivationLayer } from './activation.ts';
import { DenseLayer } from './dense.ts';
import { FlattenLayer } from './flatten.ts';
import { lossCurvature } from './loss.ts';
import type { Direction, GradientSink, Layer, Parameter } from './types.ts';

export class Network {
  readonly spec: ModelSpec;
  readonly loss: LossName;
  readonly layers: readonly Layer[];
  readonly parameters: readonly Parameter[];
  /** Numbers a sample at the input and at the output. */
  readonly inputSize: number;
  readonly outputSize: number;
  readonly backend: Backend;
  /** Kept tensors by parameter name, each of its parameter's matrix shape. */
  readonly weights: ReadonlyMap<string, Tensor>;
  /** Rows a sample of the matrix that enters the first layer. */
  readonly #inputPositions: number;
  #output: Tensor | null = null;

  /** Raises InputError, naming the layer, where shapes do not fit. */
  constructor(spec: ModelSpec, backend: Backend) {
    this.spec = spec;
    this.loss = spec.loss;
    this.backend = backend;
    const weights = new Map<string, Tensor>();
    this.layers = buildChain(spec.layers, spec.input, weights);
    this.parameters = this.layers.flatMap((layer) => layer.parameters);
    const outputShape = this.layers[this.layers.length - 1].outputShape;
    if (outputShape.length !== 1) {
      throw new InputError(
        `the model's output has shape [${outputShape.join(', ')}] a sample; expected one vector (end with flatten or a pooling)`,
      );
    }
    this.inputSize = spec.input.reduce((product, size) => product * size, 1);
    this.outputSize = outputShape[0];
    this.#inputPositions = this.inputSize / spec.input[spec.input.length - 1];
    for (const parameter of this.parameters) {
      weights.set(
        parameter.name,
        backend.scope(() => backend.keep(backend.zeros(parameter.rows, parameter.cols))),
      );
    }
    this.weights = weights;
  }

  /** The parameter of that name. Raises InputError naming those there are. */
  parameter(name: string): Parameter {
    const found = this.parameters.find((each) => each.name === name);
    if (found === undefined) {
      const names = this.parameters.map((each) => each.name).join(', ');
      throw new InputError(`the model has no parameter "${name}"; it has ${names}`);
    }
    return found;
  }

  /** The layer that owns a parameter. */
  layerOf(parameter: Parameter): Layer {
    const layer = this.layers.find((each) => each.parameters.includes(parameter));
    if (layer === undefined) throw new Error(`no layer owns ${parameter.name}`);
    return layer;
  }

  setWeight(name: string, values: ArrayLike<number>): void {
    const parameter = this.parameter(name);
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

  /** y [samples, outputs] from inputs [samples, inputSize]. Call inside a scope. */
  forward(inputs: Tensor): Tensor {
    let x = inputs;
    if (this.#inputPositions !== 1) {
      x = this.backend.reshape(x, inputs.rows * this.#inputPositions, inputs.cols / this.#inputPositions);
    }
    for (const layer of this.layers) x = layer.forward(this.backend, x);
    this.#output = x;
    return x;
  }

  /** Sends dl/dy down to layer `stop` (inclusive; 0: all). */
  backward(dy: Tensor, sink: GradientSink | null, stop = 0): void {
    let delta: Tensor | null = dy;
    for (let i = this.layers.length - 1; i >= stop && delta !== null; i--) {
      delta = this.layers[i].backward(this.backend, delta, sink, i > stop);
    }
  }

  /**
   * The R-operator: derivatives along `direction` of the output and then of every delta and gradient, after a forward and a backward pass.
   */
  tangent(direction: Direction, sink: GradientSink | null, stop = 0): void {
    const dyDot = this.outputTangent(direction);
    let delta = dyDot === null ? null : lossCurvature(this.backend, this.loss, this.output, dyDot);
    for (let i = this.layers.length - 1; i >= stop; i--) {
      delta = this.layers[i].tangentBackward(this.backend, delta, direction, sink, i > stop);
    }
  }

  /** The Jacobian times a direction: y dot [samples, outputs]; null: zero. */
  outputTangent(direction: Direction): Tensor | null {
    let xDot: Tensor | null = null;
    for (const layer of this.layers) xDot = layer.tangentForward(this.backend, xDot, direction);
    return xDot;
  }

  get output(): Tensor {
    if (this.#output === null) throw new Error('the network has made no pass');
    return this.#output;
  }

  /** True where everything above layer `index` is piecewise linear, so that the Gauss-Newton part is the whole Hessian there. */
  isPiecewiseLinearAbove(index: number): boolean {
    return this.layers.slice(index + 1).every((layer) => layer.isPiecewiseLinear);
  }

  #weight(name: string): Tensor {
    const tensor = this.weights.get(name);
    if (tensor === undefined) throw new Error(`the weights of ${name} are not set`);
    return tensor;
  }
}

/** The layers of a chain, each built on the shape that the one before leaves. */
export function buildChain(
  specs: readonly LayerSpec[],
  inputShape: readonly number[],
  weights: ReadonlyMap<string, Tensor>,
): Layer[] {
  const layers: Layer[] = [];
  let shape = inputShape;
  for (const spec of specs) {
    const layer = buildLayer(spec, shape, weights);
    layers.push(layer);
    shape = layer.outputShape;
  }
  return layers;
}

function buildLayer(spec: LayerSpec, inputShape: readonly number[], weights: ReadonlyMap<string, Tensor>): Layer {
  switch (spec.type) {
    case 'dense':
      return new DenseLayer(spec, inputShape, weights);
    case 'activation':
      return new ActivationLayer(spec, inputShape);
    case 'flatten':
      return new FlattenLayer(inputShape);
    default:
      spec satisfies never;
      throw new Error('unknown layer');
  }
}
