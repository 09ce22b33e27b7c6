/** z = W^T a + b on every position: as matrices Z = A W + b. W [in, out], b [1, out]. */
import { InputError } from '../../shared/errors.ts';
import type { DenseSpec } from '../../shared/model.ts';
import type { Backend, Tensor } from '../backend/types.ts';
import { addTangents } from './types.ts';
import type { Direction, GradientSink, Layer, Parameter, Weights } from './types.ts';

export class DenseLayer implements Layer {
  readonly label: string;
  readonly name: string;
  readonly kernel: Parameter;
  readonly bias: Parameter | null;
  readonly parameters: readonly Parameter[];
  readonly outputShape: readonly number[];
  readonly isPiecewiseLinear = true;
  /** Vectors a sample: 1 unless the input is a sequence. */
  readonly positions: number;
  readonly #weights: Weights;
  #input: Tensor | null = null;
  #delta: Tensor | null = null;
  #inputTangent: Tensor | null = null;
  #deltaTangent: Tensor | null = null;

  /** Raises InputError for an image input (a flatten is missing). */
  constructor(spec: DenseSpec, inputShape: readonly number[], weights: Weights) {
    if (inputShape.length === 3) {
      throw new InputError(
        `layer "${spec.name}" (dense) got images of shape [${inputShape.join(', ')}]; expected vectors or a sequence: put {"type": "flatten"} before it`,
      );
    }
    const fanIn = inputShape[inputShape.length - 1];
    const fanOut = spec.units;
    this.label = `${spec.name} (dense)`;
    this.name = spec.name;
    this.positions = inputShape.length === 2 ? inputShape[0] : 1;
    this.outputShape = [...inputShape.slice(0, -1), fanOut];
    const shared = { fanIn, fanOut, cols: fanOut };
    this.kernel = { name: `${spec.name}.kernel`, shape: [fanIn, fanOut], rows: fanIn, initial: 'kernel', ...shared };
    this.bias = spec.bias ? { name: `${spec.name}.bias`, shape: [fanOut], rows: 1, initial: 'zeros', ...shared } : null;
    this.parameters = this.bias === null ? [this.kernel] : [this.kernel, this.bias];
    this.#weights = weights;
  }

  /** a of the last forward pass, [samples * positions, in]. */
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
    this.#input = x;
    return backend.affine(x, this.#weight(this.kernel), this.bias === null ? null : this.#weight(this.bias));
  }

  backward(backend: Backend, dy: Tensor, sink: GradientSink | null, needInput: boolean): Tensor | null {
    this.#delta = dy;
    const dx = needInput ? backend.matmul(dy, this.#weight(this.kernel), false, true) : null;
    if (sink !== null) {
      sink.product(this.kernel, this.input, true, dy, false);
      if (this.bias !== null) sink.add(this.bias, backend.columnSums(dy));
    }
    return dx;
  }

  tangentForward(backend: Backend, xDot: Tensor | null, direction: Direction): Tensor | null {
    this.#inputTangent = xDot;
    let yDot = xDot === null ? null : backend.matmul(xDot, this.#weight(this.kernel));
    const kernelDot = direction.weights?.get(this.kernel.name);
    if (kernelDot !== undefined) yDot = addTangents(backend, yDot, backend.matmul(this.input, kernelDot));
    const biasDot = this.bias === null ? undefined : direction.weights?.get(this.bias.name);
    if (biasDot !== undefined) {
      yDot = backend.addRow(yDot ?? backend.zeros(this.input.rows, this.kernel.cols), biasDot);
    }
    return addTangents(backend, yDot, direction.seeds?.get(this.name) ?? null);
  }

  tangentBackward(
    backend: Backend,
    dyDot: Tensor | null,
    direction: Direction,
    sink: GradientSink | null,
    needInput: boolean,
  ): Tensor | null {
    this.#deltaTangent = dyDot;
    if (sink !== null) {
      if (dyDot !== null) {
        sink.product(this.kernel, this.input, true, dyDot, false);
        if (this.bias !== null) sink.add(this.bias, backend.columnSums(dyDot));
      }
      if (this.#inputTangent !== null && direction.gaussNewton !== true)
        sink.product(this.kernel, this.#inputTangent, true, this.delta, false);
    }
    if (!needInput) return null;
    const kernelDot = direction.gaussNewton === true ? undefined : direction.weights?.get(this.kernel.name);
    const moved = kernelDot === undefined ? null : backend.matmul(this.delta, kernelDot, false, true);
    const passed = dyDot === null ? null : backend.matmul(dyDot, this.#weight(this.kernel), false, true);
    return addTangents(backend, passed, moved);
  }

  #weight(parameter: Parameter): Tensor {
    const tensor = this.#weights.get(parameter.name);
    if (tensor === undefined) throw new Error(`the weights of ${parameter.name} are not set`);
    return tensor;
  }
}

function present(tensor: Tensor | null, label: string): Tensor {
  if (tensor === null) throw new Error(`${label}: no pass has been made`);
  return tensor;
}
