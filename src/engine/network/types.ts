/**
 * The interface of a layer kind: its parameters and four maps. With them exact Hessian-vector products need no automatic differentiation (Pearlmutter,
 * "Fast exact multiplication by the Hessian", Neural Computation 6, 1994: the R-operator).
 *
 * Letters: x input, y output, dx = dl/dx, dy = dl/dy (l: loss summed over the batch), a dot: derivative along the direction
 * in which weights and seeds move. All are matrices [samples * positions, width]: a layer sees `positions` vectors a sample.
 *
 * A layer keeps the tensors of the last pass that its later maps need; they are valid until the scope of that pass ends. The order is
 * forward, backward, tangentForward, tangentBackward; the last two may be repeated for other directions, each in a scope of its own where
 * `linearise` was called first.
 */
import type { Backend, Tensor, Window2d } from '../backend/types.ts';

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

/**
 * Takes gradients where they arise. An optimiser may fuse the product into its update, so that nothing has to be stored: in a backward pass every parameter is passed
 * on once, unless the sink has `addRows`.
 */
export interface GradientSink {
  /** Adds op(a) op(b) to the gradient of the parameter. */
  product(parameter: Parameter, a: Tensor, transposeA: boolean, b: Tensor, transposeB: boolean): void;
  /** `product` of patches(x) transposed and dz, which the sink makes without all the patches; absent if it needs them. */
  convolution?(parameter: Parameter, x: Tensor, dz: Tensor, window: Window2d): void;
  /** Adds a gradient of the parameter's matrix shape. */
  add(parameter: Parameter, gradient: Tensor): void;
  /**
   * Where there is one, it takes the place of `add` for a gradient that is the sum over the rows of a tensor: positions * samples rows of the parameter's
   * numbers, so that the contributions of the samples are kept apart. `rows` makes that tensor and need not be called; `sum` makes the gradient itself where that
   * takes less.
   */
  addRows?(parameter: Parameter, rows: () => Tensor, sum?: () => Tensor): void;
}

/** null: gradients are not asked for. */
export type Sink = GradientSink | null;

/** A derivative along the direction; null stands for zero. */
export type Tangent = Tensor | null;

/** Which step of training a forward pass belongs to. Without one the pass evaluates or measures: no dropout, running statistics. */
export interface TrainingPass {
  /** Of the training run. */
  readonly seed: number;
  /** Steps done before this one. */
  readonly step: number;
}

/** The direction of a tangent pass. */
export interface Direction {
  /** The derivative of a parameter, of its matrix shape; undefined: zero. */
  readonly weights?: ReadonlyMap<string, Tensor>;
  /** Added to the derivative of the output of the layer of that name, one row a row of that output. */
  readonly seeds?: ReadonlyMap<string, Tensor>;
  /** Leave out every second derivative except the loss's own: products with the Gauss-Newton part J^T S_out J of the Hessian. Default false. */
  readonly gaussNewton?: boolean;
}

export interface Layer {
  /** For messages: "fc1 (dense)", "layers[2] (maxpool2d)". */
  readonly label: string;
  /** Trained, those of inner layers too. */
  readonly parameters: readonly Parameter[];
  /** Kept with the weights but not trained (running statistics). */
  readonly states?: readonly Parameter[];
  /** Shape of one sample's output. */
  readonly outputShape: readonly number[];
  /** Numbers a sample of the largest matrix that a pass makes beside the output (windows as rows, say); 0 if it is left out. */
  readonly workspace?: number;
  /** True where second derivatives of y with respect to x vanish almost everywhere (dense, relu, flatten, max pooling). */
  readonly isPiecewiseLinear: boolean;
  /** Chains inside the layer (a residual block's), each from its input to its output. */
  readonly chains?: readonly (readonly Layer[])[];

  forward(backend: Backend, x: Tensor, training?: TrainingPass): Tensor;
  /**
   * dx, or null unless `needInput`. Gradients of the parameters go to the sink, after dx is computed (a sink may change the weights).
   * `stop`, if it is given, is a layer inside this one below which nothing is needed.
   */
  backward(backend: Backend, dy: Tensor, sink: Sink, needInput: boolean, stop?: Layer): Tensor | null;
  /** y dot. */
  tangentForward(backend: Backend, xDot: Tangent, direction: Direction): Tangent;
  /** dx dot, or null for zero or unless `needInput`; derivatives of the gradients go to the sink. */
  tangentBackward(
    backend: Backend,
    dyDot: Tangent,
    direction: Direction,
    sink: Sink,
    needInput: boolean,
    stop?: Layer,
  ): Tangent;
  /** Computes now what the tangent maps will need in every direction. */
  linearise?(backend: Backend): void;
}

/** The weights as a layer sees them: kept tensors by parameter name. */
export type Weights = ReadonlyMap<string, Tensor>;

/** A layer's place in the specification, for messages: "layers[2]". */
export type LayerPlace = string;

export function weightOf(weights: Weights, parameter: Pick<Parameter, 'name'>): Tensor {
  const tensor = weights.get(parameter.name);
  if (tensor === undefined) throw new Error(`the weights of ${parameter.name} are not set`);
  return tensor;
}

/** Returns what a layer keeps from its last pass; throws if there was none. */
export function present<T>(value: T | null, label: string): T {
  if (value === null) throw new Error(`${label}: no pass has been made`);
  return value;
}

export function addTangents(backend: Backend, a: Tangent, b: Tangent): Tangent {
  if (a === null) return b;
  return b === null ? a : backend.add(a, b);
}

/** op(a) op(b). */
export function productOf(
  backend: Backend,
  a: Tangent | undefined,
  b: Tangent | undefined,
  transposeB = false,
): Tangent {
  return a === null || b === null || a === undefined || b === undefined
    ? null
    : backend.matmul(a, b, false, transposeB);
}

/** Gives a sink a gradient that is a sum over rows; `sum` as in `GradientSink.addRows`. */
export function sumRows(
  backend: Backend,
  sink: GradientSink,
  parameter: Parameter,
  rows: () => Tensor,
  sum?: () => Tensor,
): void {
  if (sink.addRows !== undefined) sink.addRows(parameter, rows, sum);
  else sink.add(parameter, sum?.() ?? rowSum(backend, parameter, rows()));
}

/** The sum over rows as the parameter's matrix. */
export function rowSum(backend: Backend, { rows, cols }: Parameter, of: Tensor): Tensor {
  const sum = backend.columnSums(of);
  return rows === 1 ? sum : backend.reshape(sum, rows, cols);
}
