/**
 * Normalisation: hat = (x - mean) / sqrt(variance + epsilon) over groups of numbers, y = gain hat + bias channel by channel (both, the gain alone, or
 * neither). The kinds differ in what a group is; each brings a group's numbers into one row and back. With r = 1 / sqrt(variance + epsilon), n numbers a
 * group and J the (symmetric) Jacobian of x -> hat, u = gain dy and a dot for the tangent:
 *   J u  = r (u - mean(u) - hat mean(u hat)),  dx = J u,  hat' = J x'
 *   dx'  = J u' - r mean(hat x') dx - r (hat' mean(u hat) + hat mean(u hat'))
 * Without centring (rmsnorm) mean and mean(u) are left out, and the rest stays as it is.
 */
import type { Backend, Tensor } from '../backend/types.ts';
import { addTangents, present, sumRows, weightOf } from './types.ts';
import type { Direction, Layer, Parameter, Sink, Tangent, TrainingPass, Weights } from './types.ts';

/** hat by rows of groups, with what its derivatives need. */
export interface Standardised {
  readonly hat: Tensor;
  /** [rows, 1], or [1, columns] if a group is a column; null if mean and variance are constants. */
  readonly rstd: Tensor | null;
}

/** Of a gradient dy by rows of positions: its sums over rows, those of dy hat, and dx (null if it was not asked for). */
export interface WholeGradient {
  readonly sums: Tensor;
  readonly dots: Tensor;
  readonly dx: Tensor | null;
}

export abstract class NormLayer implements Layer {
  readonly label: string;
  readonly gain: Parameter | null;
  readonly bias: Parameter | null;
  readonly parameters: readonly Parameter[];
  readonly outputShape: readonly number[];
  readonly isPiecewiseLinear: boolean;
  protected readonly weights: Weights;
  protected readonly epsilon: number;
  /** By rows of groups, and by rows of positions with a column a channel. */
  #hat: Standardised | null = null;
  #channels: Tensor | null = null;
  #dy: Tensor | null = null;
  #u: Tensor | null = null;
  #dx: Tensor | null = null;
  /** x dot and hat dot by rows of groups; hat dot by positions. */
  #xDot: Tangent = null;
  #hatDot: Tangent = null;
  #channelsDot: Tangent = null;

  constructor(
    spec: {
      readonly name: string;
      readonly type: string;
      readonly epsilon?: number;
      readonly affine?: boolean | undefined;
      readonly bias?: boolean | undefined;
    },
    inputShape: readonly number[],
    weights: Weights,
    isPiecewiseLinear: boolean,
  ) {
    const width = inputShape[inputShape.length - 1];
    this.label = `${spec.name} (${spec.type})`;
    this.outputShape = inputShape;
    this.isPiecewiseLinear = isPiecewiseLinear;
    const shared = { shape: [width], rows: 1, cols: width, fanIn: width, fanOut: width };
    const { name, affine = true, bias = true } = spec;
    this.gain = affine ? { name: `${name}.gain`, initial: 'ones', ...shared } : null;
    this.bias = affine && bias ? { name: `${name}.bias`, initial: 'zeros', ...shared } : null;
    this.parameters = [this.gain, this.bias].filter((each) => each !== null);
    this.weights = weights;
    this.epsilon = spec.epsilon ?? 0;
  }

  /** From rows of positions [samples * positions, channels] to rows of groups, and back. */
  protected abstract toGroups(backend: Backend, x: Tensor): Tensor;
  protected abstract fromGroups(backend: Backend, x: Tensor): Tensor;

  /** `x` by rows of positions, `groups` the same by rows of groups. */
  protected standardise(backend: Backend, x: Tensor, _training: TrainingPass | undefined): Standardised {
    return backend.standardise(this.toGroups(backend, x), this.epsilon);
  }

  /** J u if mean and variance are constants. */
  protected constantJacobian(_backend: Backend, _u: Tensor): Tensor {
    throw new Error(`${this.label}: has no constant Jacobian`);
  }

  forward(backend: Backend, x: Tensor, training?: TrainingPass): Tensor {
    this.#hat = this.standardise(backend, x, training);
    this.#channels = this.fromGroups(backend, this.#hat.hat);
    this.#u = null;
    this.#dx = null;
    if (this.gain !== null && this.bias !== null && backend.scaleShift !== undefined)
      return backend.scaleShift(this.#channels, weightOf(this.weights, this.gain), weightOf(this.weights, this.bias));
    const scaled = this.#scaled(backend, this.#channels);
    return this.bias === null ? scaled : backend.addRow(scaled, weightOf(this.weights, this.bias));
  }

  /** A kind's own way to the gradients, in fewer passes over the numbers; null: it has none. */
  protected wholeGradient(_backend: Backend, _dy: Tensor, _needInput: boolean): WholeGradient | null {
    return null;
  }

  backward(backend: Backend, dy: Tensor, sink: Sink, needInput: boolean): Tensor | null {
    this.#dy = dy;
    const whole = this.wholeGradient(backend, dy, needInput);
    let dx: Tensor | null = whole?.dx ?? null;
    if (needInput && whole === null) {
      this.#u = this.toGroups(backend, this.#scaled(backend, dy));
      this.#dx = this.#jacobian(backend, this.#u);
      dx = this.fromGroups(backend, this.#dx);
    }
    if (sink !== null) {
      const hat = present(this.#channels, this.label);
      const dots = (): Tensor =>
        whole?.dots ?? backend.columnDots?.(dy, hat) ?? backend.columnSums(backend.multiply(dy, hat));
      const sums = (): Tensor => whole?.sums ?? backend.columnSums(dy);
      if (this.gain !== null) sumRows(backend, sink, this.gain, () => backend.multiply(dy, hat), dots);
      if (this.bias !== null) sumRows(backend, sink, this.bias, () => dy, sums);
    }
    return dx;
  }

  tangentForward(backend: Backend, xDot: Tangent, direction: Direction): Tangent {
    const hat = present(this.#channels, this.label);
    this.#xDot = xDot === null ? null : this.toGroups(backend, xDot);
    this.#hatDot = this.#xDot === null ? null : this.#jacobian(backend, this.#xDot);
    this.#channelsDot = this.#hatDot === null ? null : this.fromGroups(backend, this.#hatDot);
    const passed = this.#channelsDot === null ? null : this.#scaled(backend, this.#channelsDot);
    const gainDot = this.#directionOf(direction, this.gain);
    const yDot = addTangents(backend, passed, gainDot === undefined ? null : backend.multiplyRow(hat, gainDot));
    const biasDot = this.#directionOf(direction, this.bias);
    return biasDot === undefined ? yDot : backend.addRow(yDot ?? backend.zeros(hat.rows, hat.cols), biasDot);
  }

  tangentBackward(backend: Backend, dyDot: Tangent, direction: Direction, sink: Sink, needInput: boolean): Tangent {
    const isGaussNewton = direction.gaussNewton === true;
    const dy = present(this.#dy, this.label);
    const channelsDot = isGaussNewton ? null : this.#channelsDot;
    if (sink !== null) {
      const hat = present(this.#channels, this.label);
      if (dyDot !== null) {
        if (this.gain !== null) sumRows(backend, sink, this.gain, () => backend.multiply(dyDot, hat));
        if (this.bias !== null) sumRows(backend, sink, this.bias, () => dyDot);
      }
      if (channelsDot !== null && this.gain !== null)
        sumRows(backend, sink, this.gain, () => backend.multiply(dy, channelsDot));
    }
    if (!needInput) return null;
    const gainDot = isGaussNewton ? undefined : this.#directionOf(direction, this.gain);
    const passed = dyDot === null ? null : this.#scaled(backend, dyDot);
    const moved = gainDot === undefined ? null : backend.multiplyRow(dy, gainDot);
    const uDot = addTangents(backend, passed, moved);
    const straight = uDot === null ? null : this.#jacobian(backend, this.toGroups(backend, uDot));
    const dxDot = isGaussNewton ? straight : addTangents(backend, straight, this.#bent(backend, dy));
    return dxDot === null ? null : this.fromGroups(backend, dxDot);
  }

  /** J u if mean and variance move with x. */
  protected movingJacobian(backend: Backend, u: Tensor, hat: Tensor, rstd: Tensor): Tensor {
    return backend.standardiseJacobian(u, hat, rstd);
  }

  #jacobian(backend: Backend, u: Tensor): Tensor {
    const { hat, rstd } = present(this.#hat, this.label);
    return rstd === null ? this.constantJacobian(backend, u) : this.movingJacobian(backend, u, hat, rstd);
  }

  /** Times the gain, channel by channel. */
  #scaled(backend: Backend, x: Tensor): Tensor {
    return this.gain === null ? x : backend.multiplyRow(x, weightOf(this.weights, this.gain));
  }

  #directionOf(direction: Direction, parameter: Parameter | null): Tensor | undefined {
    return parameter === null ? undefined : direction.weights?.get(parameter.name);
  }

  /** (dJ) u, the part of dx dot that comes from the movement of mean and variance. */
  #bent(backend: Backend, dy: Tensor): Tensor | null {
    const { hat, rstd } = present(this.#hat, this.label);
    if (this.#xDot === null || this.#hatDot === null || rstd === null) return null;
    const u = this.#u ?? this.toGroups(backend, this.#scaled(backend, dy));
    const dx = this.#dx ?? this.#jacobian(backend, u);
    // -r mean(a b), one number a group.
    const column = (a: Tensor, b: Tensor): Tensor =>
      backend.multiply(backend.scale(this.groupMeans(backend, a, b), -1), rstd);
    const shrunk = this.scaleGroups(backend, dx, column(hat, this.#xDot));
    const turned = this.scaleGroups(backend, this.#hatDot, column(u, hat));
    const tilted = this.scaleGroups(backend, hat, column(u, this.#hatDot));
    return backend.add(shrunk, backend.add(turned, tilted));
  }

  /** mean(a b), one number a group, of rstd's shape. */
  protected groupMeans(backend: Backend, a: Tensor, b: Tensor): Tensor {
    return backend.scale(backend.rowDot(a, b), 1 / a.cols);
  }

  /** a times a number a group. */
  protected scaleGroups(backend: Backend, a: Tensor, numbers: Tensor): Tensor {
    return backend.scaleRows(a, numbers);
  }
}
