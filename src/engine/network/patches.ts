/** An image as a sequence: each square of it one row, times a kernel, plus a learned vector for its place. */
import { InputError } from '../../shared/errors.ts';
import type { PatchesSpec } from '../../shared/model.ts';
import type { Backend, Tensor, Window2d } from '../backend/types.ts';
import { AffineLayer } from './affine.ts';
import { imageShape, windowOver } from './shapes.ts';
import { addBySample, bySample, positionTable } from './tokens.ts';
import { sumRows, weightOf } from './types.ts';
import type { Direction, Parameter, Sink, Tangent, Weights } from './types.ts';

export class PatchesLayer extends AffineLayer {
  override readonly parameters: readonly Parameter[];
  readonly #window: Window2d;
  readonly #table: Parameter | null;
  readonly #values: Weights;

  /** Raises InputError unless the input is images whose sides are multiples of the patch's. */
  constructor(spec: PatchesSpec, inputShape: readonly number[], weights: Weights) {
    const who = `layer "${spec.name}" (patches)`;
    const [height, width] = imageShape(inputShape, who);
    if (height % spec.size !== 0 || width % spec.size !== 0) {
      throw new InputError(
        `${who}: squares of side ${spec.size} do not tile images of shape [${inputShape.join(', ')}]; expected a common divisor of ${height} and ${width}`,
      );
    }
    const window = windowOver(inputShape, { kernel: [spec.size, spec.size], stride: spec.size, padding: 'valid' }, who);
    const tokens = window.outHeight * window.outWidth;
    const inner = spec.size * spec.size * window.channels;
    super(
      {
        name: spec.name,
        kind: 'patches',
        kernelShape: [spec.size, spec.size, window.channels, spec.units],
        inner,
        outer: spec.units,
        fanIn: inner,
        fanOut: spec.units,
        bias: spec.bias,
        positions: tokens,
        outputShape: [tokens, spec.units],
      },
      weights,
    );
    this.#window = window;
    this.#values = weights;
    this.#table = spec.positions ? positionTable(`${spec.name}.positions`, tokens, spec.units, inner) : null;
    this.parameters = [...(this.bias === null ? [this.kernel] : [this.kernel, this.bias])].concat(this.#table ?? []);
  }

  override forward(backend: Backend, x: Tensor): Tensor {
    const tokens = super.forward(backend, x);
    return this.#table === null
      ? tokens
      : addBySample(backend, tokens, this.positions, weightOf(this.#values, this.#table));
  }

  override backward(backend: Backend, dy: Tensor, sink: Sink, needInput: boolean): Tensor | null {
    const dx = super.backward(backend, dy, sink, needInput);
    this.#sink(backend, sink, dy);
    return dx;
  }

  override tangentForward(backend: Backend, xDot: Tangent, direction: Direction): Tangent {
    const yDot = super.tangentForward(backend, xDot, direction);
    const tableDot = this.#table === null ? undefined : direction.weights?.get(this.#table.name);
    if (tableDot === undefined) return yDot;
    return addBySample(backend, yDot ?? backend.zeros(this.input.rows, this.kernel.cols), this.positions, tableDot);
  }

  override tangentBackward(
    backend: Backend,
    dyDot: Tangent,
    direction: Direction,
    sink: Sink,
    needInput: boolean,
  ): Tangent {
    const dxDot = super.tangentBackward(backend, dyDot, direction, sink, needInput);
    if (dyDot !== null) this.#sink(backend, sink, dyDot);
    return dxDot;
  }

  protected override gather(backend: Backend, x: Tensor): Tensor {
    return backend.patches(x, this.#window);
  }

  protected override scatter(backend: Backend, columns: Tensor): Tensor {
    return backend.scatterPatches(columns, this.#window);
  }

  #sink(backend: Backend, sink: Sink, dy: Tensor): void {
    if (sink === null || this.#table === null) return;
    sumRows(backend, sink, this.#table, () => bySample(backend, dy, this.positions));
  }
}
