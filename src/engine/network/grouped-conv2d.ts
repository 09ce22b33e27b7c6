/**
 * Convolution by groups of channels: group g of the filters sees group g of the channels alone (depthwise if every channel is a group). Letters: N samples, P
 * positions, G groups, k places of a window, c channels and f filters of a group; the kernel W [k c, G f]. A pass works group by group on
 *   A [G, N P, k c],  W [G, k c, f],  Z = A W [G, N P, f].
 */
import { InputError } from '../../shared/errors.ts';
import type { Conv2dSpec } from '../../shared/model.ts';
import type { Backend, Tensor, Window2d } from '../backend/types.ts';
import { windowOver } from './shapes.ts';
import { addTangents, present, sumRows, weightOf } from './types.ts';
import type { Direction, GradientSink, Layer, Parameter, Sink, Tangent, Weights } from './types.ts';

export class GroupedConv2dLayer implements Layer {
  readonly label: string;
  readonly kernel: Parameter;
  readonly bias: Parameter | null;
  readonly parameters: readonly Parameter[];
  readonly outputShape: readonly number[];
  readonly isPiecewiseLinear = true;
  readonly workspace: number;
  readonly spec: Conv2dSpec;
  readonly window: Window2d;
  readonly #groups: number;
  readonly #weights: Weights;
  /** A, W and dl/dZ by groups, and the tangent of A. */
  #A: Tensor | null = null;
  #W: Tensor | null = null;
  #delta: Tensor | null = null;
  #ADot: Tangent = null;

  /** Raises InputError unless the input is images that hold a window and the groups divide channels and filters. */
  constructor(spec: Conv2dSpec, inputShape: readonly number[], weights: Weights, groups: number) {
    const who = `layer "${spec.name}" (conv2d)`;
    const window = windowOver(inputShape, spec, who);
    const { channels, outHeight, outWidth } = window;
    if (channels % groups !== 0 || spec.filters % groups !== 0)
      throw new InputError(
        `${who}: ${groups} groups do not divide its ${channels} channels and ${spec.filters} filters; expected a common divisor`,
      );
    const area = spec.kernel[0] * spec.kernel[1];
    const rows = (area * channels) / groups;
    const shared = { fanIn: rows, fanOut: (area * spec.filters) / groups, cols: spec.filters };
    const shape = [...spec.kernel, channels / groups, spec.filters];
    this.kernel = { name: `${spec.name}.kernel`, shape, rows, initial: 'kernel', ...shared };
    this.bias = spec.bias
      ? { name: `${spec.name}.bias`, shape: [spec.filters], rows: 1, initial: 'zeros', ...shared }
      : null;
    this.parameters = this.bias === null ? [this.kernel] : [this.kernel, this.bias];
    this.label = `${spec.name} (conv2d)`;
    this.outputShape = [outHeight, outWidth, spec.filters];
    this.workspace = outHeight * outWidth * area * channels + rows * spec.filters;
    this.spec = spec;
    this.window = window;
    this.#groups = groups;
    this.#weights = weights;
  }

  forward(backend: Backend, x: Tensor): Tensor {
    this.#A = this.#gather(backend, x);
    this.#W = this.#byGroups(backend, weightOf(this.#weights, this.kernel));
    const z = this.#joined(backend, backend.batchMatmul(this.#A, this.#W, this.#groups));
    return this.bias === null ? z : backend.addRow(z, weightOf(this.#weights, this.bias));
  }

  backward(backend: Backend, dy: Tensor, sink: Sink, needInput: boolean): Tensor | null {
    this.#delta = this.#byGroups(backend, dy);
    const W = present(this.#W, this.label);
    const dx = needInput ? this.#scatter(backend, this.#times(backend, this.#delta, W, true)) : null;
    if (sink !== null) {
      this.#sink(backend, sink, present(this.#A, this.label), this.#delta);
      if (this.bias !== null) sumRows(backend, sink, this.bias, () => dy);
    }
    return dx;
  }

  tangentForward(backend: Backend, xDot: Tangent, direction: Direction): Tangent {
    const A = present(this.#A, this.label);
    this.#ADot = xDot === null ? null : this.#gather(backend, xDot);
    const kernelDot = direction.weights?.get(this.kernel.name);
    const passed = this.#ADot === null ? null : this.#times(backend, this.#ADot, present(this.#W, this.label), false);
    const moved = kernelDot === undefined ? null : this.#times(backend, A, this.#byGroups(backend, kernelDot), false);
    const zDot = addTangents(backend, passed, moved);
    const yDot = zDot === null ? null : this.#joined(backend, zDot);
    const biasDot = this.bias === null ? undefined : direction.weights?.get(this.bias.name);
    if (biasDot === undefined) return yDot;
    return backend.addRow(yDot ?? backend.zeros(A.rows / this.#groups, this.kernel.cols), biasDot);
  }

  tangentBackward(backend: Backend, dyDot: Tangent, direction: Direction, sink: Sink, needInput: boolean): Tangent {
    const isGaussNewton = direction.gaussNewton === true;
    const [A, W, delta] = [this.#A, this.#W, this.#delta].map((each) => present(each, this.label));
    const deltaDot = dyDot === null ? null : this.#byGroups(backend, dyDot);
    if (sink !== null) {
      if (deltaDot !== null) this.#sink(backend, sink, A, deltaDot);
      if (dyDot !== null && this.bias !== null) sumRows(backend, sink, this.bias, () => dyDot);
      if (this.#ADot !== null && !isGaussNewton) this.#sink(backend, sink, this.#ADot, delta);
    }
    if (!needInput) return null;
    const kernelDot = isGaussNewton ? undefined : direction.weights?.get(this.kernel.name);
    const passed = deltaDot === null ? null : this.#times(backend, deltaDot, W, true);
    const moved =
      kernelDot === undefined ? null : this.#times(backend, delta, this.#byGroups(backend, kernelDot), true);
    const columns = addTangents(backend, passed, moved);
    return columns === null ? null : this.#scatter(backend, columns);
  }

  /** The gradient A^T delta: of each sample by itself, or over all of them. */
  #sink(backend: Backend, sink: GradientSink, A: Tensor, delta: Tensor): void {
    const { rows, cols } = this.kernel;
    const G = this.#groups;
    const product = (samples: number): Tensor => {
      const byGroup = backend.batchMatmul(A, delta, G * samples, true);
      const bySample = backend.swapAxes(byGroup, 1, G, samples, (rows * cols) / G);
      return backend.reshape(backend.swapAxes(bySample, samples, G, rows, cols / G), samples, rows * cols);
    };
    const samples = A.rows / (G * this.window.outHeight * this.window.outWidth);
    const sum = (): Tensor => backend.reshape(product(1), rows, cols);
    sumRows(backend, sink, this.kernel, () => product(samples), sum);
  }

  /** a b, or a b^T, group by group. */
  #times(backend: Backend, a: Tensor, b: Tensor, transposed: boolean): Tensor {
    return backend.batchMatmul(a, b, this.#groups, false, transposed);
  }

  /** [rows, G n] to [G rows, n]. */
  #byGroups(backend: Backend, x: Tensor): Tensor {
    return backend.swapAxes(x, 1, x.rows, this.#groups, x.cols / this.#groups);
  }

  /** The inverse of `#byGroups`. */
  #joined(backend: Backend, x: Tensor): Tensor {
    const rows = x.rows / this.#groups;
    return backend.reshape(backend.swapAxes(x, 1, this.#groups, rows, x.cols), rows, x.cols * this.#groups);
  }

  /** A from images. */
  #gather(backend: Backend, x: Tensor): Tensor {
    const { kernelHeight, kernelWidth, channels } = this.window;
    const area = kernelHeight * kernelWidth;
    const G = this.#groups;
    const patches = backend.patches(x, this.window);
    const grouped = backend.swapAxes(patches, patches.rows, area, G, channels / G);
    return backend.swapAxes(grouped, 1, patches.rows, G, (area * channels) / G);
  }

  /** The transpose of `#gather`. */
  #scatter(backend: Backend, columns: Tensor): Tensor {
    const { kernelHeight, kernelWidth, channels } = this.window;
    const area = kernelHeight * kernelWidth;
    const G = this.#groups;
    const rows = columns.rows / G;
    const grouped = backend.swapAxes(columns, 1, G, rows, columns.cols);
    const patches = backend.swapAxes(grouped, rows, G, area, channels / G);
    return backend.scatterPatches(backend.reshape(patches, rows, area * channels), this.window);
  }
}
