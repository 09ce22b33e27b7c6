/**
 * What a layer kind is: its parameters and four maps. With them exact Hessian-vector products need no automatic differentiation (Pearlmutter,
 * "Fast exact multiplication by the Hessian", Neural Computation 6, 1994: the R-operator).
 *
 * Letters: x input, y output, dx = dl/dx, dy = dl/dy (l: loss summed over the batch), a dot: derivative along the direction
 * in which weights and seeds move. All are matrices [samples * positions, width]: a layer sees `positions` vectors a sample.
 *
 * A layer keeps the tensors of the last pass that its later maps need; they are valid until the scope of that pass ends. The order is
 * forward, backward, tangentForward, tangentBackward; the last two may be repeated for other directions.
 */
import type { Backend, Tensor } from '../backend/types.ts';

export interface Parameter {
  /** "fc1.kernel". */
  readonly name: string;
  readonly shape: readonly number[];
  /** The matrix in which the backend holds it; row-major, so the flat order is that of `shape`. */
  readonly rows: number;
  readonly cols: number;
  /** kernel: random initialisation with these fans; zeros, ones: constants. */
  readonly initial: 'kernel' | 'zeros' | 'ones';
  readonly fanIn: number;
  readonly fanOut: number;
}

/** Takes gradients where they arise. An optimiser may fuse the product into its update, so nothing need be stored. */
export interface GradientSink {
  /** Adds op(a) op(b) to the gradient of the parameter. */
  product(parameter: Parameter, a: Tensor, transposeA: boolean, b: Tensor, transposeB: boolean): void;
  /** Adds a gradient of the parameter's matrix shape. */
  add(parameter: Parameter, gradient: Tensor): void;
}

/** The direction of a tangent pass. */
export interface Direction {
  /** The derivative of a parameter, of its matrix shape; undefined: zero. */
  readonly weights?: ReadonlyMap<string, Tensor>;
  /** Added to the derivative of the output of the layer of that name, one row a row of that output. */
  readonly seeds?: ReadonlyMap<string, Tensor>;
  /** Leave out every second derivative but the loss's own: products with the Gauss-Newton part J^T S_out J of the Hessian. Default false. */
  readonly gaussNewton?: boolean;
}

export interface Layer {
  /** For messages: "fc1 (dense)". */
  readonly label: string;
  readonly parameters: readonly Parameter[];
  /** Shape of one sample's output. */
  readonly outputShape: readonly number[];
  /** True where second derivatives of y with respect to x vanish almost everywhere (dense, relu, flatten, max pooling). */
  readonly isPiecewiseLinear: boolean;

  forward(backend: Backend, x: Tensor): Tensor;
  /** dx, or null unless `needInput`. Gradients of the parameters go to the sink, after dx is computed (a sink may change the weights). */
  backward(backend: Backend, dy: Tensor, sink: GradientSink | null, needInput: boolean): Tensor | null;
  /** y dot; null stands for zero, in the argument and in the answer. */
  tangentForward(backend: Backend, xDot: Tensor | null, direction: Direction): Tensor | null;
  /** dx dot, or null for zero or unless `needInput`; derivatives of the gradients go to the sink. */
  tangentBackward(
    backend: Backend,
    dyDot: Tensor | null,
    direction: Direction,
    sink: GradientSink | null,
    needInput: boolean,
  ): Tensor | null;
}

/** The weights as a layer sees them: kept tensors by parameter name. */
export type Weights = ReadonlyMap<string, Tensor>;

/** a + b where null is zero. */
export function addTangents(backend: Backend, a: Tensor | null, b: Tensor | null): Tensor | null {
  if (a === null) return b;
  return b === null ? a : backend.add(a, b);
}
