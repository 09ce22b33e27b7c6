/**
 * Layers that are one product: Z = A W + b, with a row of A for every position. Dense layers take the input's rows as they are; convolutions
 * and patch embeddings gather the places of a window first. W [in, out], b [1, out].
 */
import type { Backend, Tensor } from '../backend/types.ts';
import { addTangents, present, productOf, sumRows, weightOf } from './types.ts';
import type { Direction, Layer, Parameter, Sink, Tangent, Weights } from './types.ts';

/** What each kind of affine layer defines. */
export interface AffineShape {
  readonly name: string;
  readonly kind: string;
  readonly kernelShape: readonly number[];
  /** Rows of W. */
  readonly inner: number;
  readonly outer: number;
  readonly fanIn: number;
  readonly fanOut: number;
  readonly bias: boolean;
  /** Rows of A per sample. */
  readonly positions: number;
  readonly outputShape: readonly number[];
}

export abstract class AffineLayer implements Layer {
  readonly label: string;
  readonly name: string;
  readonly kernel: Parameter;
  readonly bias: Parameter | null;
  readonly parameters: readonly Parameter[];
  readonly outputShape: readonly number[];
  readonly isPiecewiseLinear = true;
  /** Vectors per sample: 1 if the weights are not shared. */
  readonly positions: number;
  readonly workspace: number;
  readonly #weights: Weights;
  #input: Tensor | null = null;
  #delta: Tensor | null = null;
  #inputTangent: Tensor | null = null;
  #deltaTangent: Tensor | null = null;

  constructor(shape: AffineShape, weights: Weights) {
    const { name, kind, kernelShape, inner, outer, fanIn, fanOut } = shape;
    this.label = `${name} (${kind})`;
    this.name = name;
    this.positions = shape.positions;
    this.workspace = shape.positions * inner;
    this.outputShape = shape.outputShape;
    const shared = { fanIn, fanOut, cols: outer };
    this.kernel = { name: `${name}.kernel`, shape: kernelShape, rows: inner, initial: 'kernel', ...shared };
    this.bias = shape.bias ? { name: `${name}.bias`, shape: [outer], rows: 1, initial: 'zeros', ...shared } : null;
    this.parameters = this.bias === null ? [this.kernel] : [this.kernel, this.bias];
    this.#weights = weights;
  }

  /** A from the layer's input. */
  protected abstract gather(backend: Backend, x: Tensor): Tensor;
  /** The transpose of `gather`. */
  protected abstract scatter(backend: Backend, columns: Tensor): Tensor;

  /** A of the last forward pass, [samples * positions, in]. */
  get input(): Tensor {
    return present(this.#input, this.label);
  }

  /** delta = dl/dz of the last backward pass, [samples * positions, out]. */
  get delta(): Tensor {
    return present(this.#delta, this.label);
  }

  /** The derivative of delta of the last tangent pass; null: zero. */
  get deltaTangent(): Tensor | null {
    return this.#deltaTangent;
  }

  forward(backend: Backend, x: Tensor): Tensor {
    this.#input = this.gather(backend, x);
    const bias = this.bias === null ? null : weightOf(this.#weights, this.bias);
    return backend.affine(this.#input, weightOf(this.#weights, this.kernel), bias);
  }

  backward(backend: Backend, dy: Tensor, sink: Sink, needInput: boolean): Tensor | null {
    this.#delta = dy;
    const kernel = weightOf(this.#weights, this.kernel);
    const dx = needInput ? this.scatter(backend, backend.matmul(dy, kernel, false, true)) : null;
    if (sink !== null) {
      sink.product(this.kernel, this.input, true, dy, false);
      if (this.bias !== null) sumRows(backend, sink, this.bias, () => dy);
    }
    return dx;
  }

  tangentForward(backend: Backend, xDot: Tangent, direction: Direction): Tangent {
    this.#inputTangent = xDot === null ? null : this.gather(backend, xDot);
    const kernelDot = direction.weights?.get(this.kernel.name);
    const passed = productOf(backend, this.#inputTangent, weightOf(this.#weights, this.kernel));
    let yDot = addTangents(backend, passed, productOf(backend, this.input, kernelDot));
    const biasDot = this.bias === null ? undefined : direction.weights?.get(this.bias.name);
    if (biasDot !== undefined) {
      yDot = backend.addRow(yDot ?? backend.zeros(this.input.rows, this.kernel.cols), biasDot);
    }
    return addTangents(backend, yDot, direction.seeds?.get(this.name) ?? null);
  }

  tangentBackward(backend: Backend, dyDot: Tangent, direction: Direction, sink: Sink, needInput: boolean): Tangent {
    this.#deltaTangent = dyDot;
    const isGaussNewton = direction.gaussNewton === true;
    if (sink !== null) {
      if (dyDot !== null) {
        sink.product(this.kernel, this.input, true, dyDot, false);
        if (this.bias !== null) sumRows(backend, sink, this.bias, () => dyDot);
      }
      if (this.#inputTangent !== null && !isGaussNewton)
        sink.product(this.kernel, this.#inputTangent, true, this.delta, false);
    }
    if (!needInput) return null;
    const kernelDot = isGaussNewton ? undefined : direction.weights?.get(this.kernel.name);
    const moved = kernelDot === undefined ? null : backend.matmul(this.delta, kernelDot, false, true);
    const columns = addTangents(backend, productOf(backend, dyDot, weightOf(this.#weights, this.kernel), true), moved);
    return columns === null ? null : this.scatter(backend, columns);
  }
}
