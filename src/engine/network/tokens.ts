/**
 * Layers that arrange tokens: positions of an image as tokens, tokens and width exchanged, one token selected, a learned token inserted, a learned vector added
 * at each place. Letters: N samples, T tokens, w width; tensors [N T, w].
 */
import { InputError } from '../../shared/errors.ts';
import type { ClassTokenSpec, PositionsSpec, SelectTokenSpec } from '../../shared/model.ts';
import type { Backend, Tensor } from '../backend/types.ts';
import { LinearLayer } from './linear.ts';
import { imageShape, sequenceShape } from './shapes.ts';
import { sumRows, weightOf } from './types.ts';
import type { Direction, Layer, LayerPlace, Parameter, Sink, Tangent, Weights } from './types.ts';

/** An image's positions as tokens. The numbers stay where they are. */
export class TokensLayer extends LinearLayer {
  constructor(inputShape: readonly number[], place: LayerPlace) {
    const [height, width, channels] = imageShape(inputShape, `${place} (tokens)`);
    super(`${place} (tokens)`, [height * width, channels]);
  }

  protected override map(_backend: Backend, x: Tensor): Tensor {
    return x;
  }

  protected override transpose(_backend: Backend, y: Tensor): Tensor {
    return y;
  }
}

export class TransposeLayer extends LinearLayer {
  readonly #tokens: number;
  readonly #width: number;

  constructor(inputShape: readonly number[], place: LayerPlace) {
    const [tokens, width] = sequenceShape(inputShape, `${place} (transpose)`);
    super(`${place} (transpose)`, [width, tokens]);
    this.#tokens = tokens;
    this.#width = width;
  }

  protected override map(backend: Backend, x: Tensor): Tensor {
    return exchanged(backend, x, this.#tokens, this.#width);
  }

  protected override transpose(backend: Backend, y: Tensor): Tensor {
    return exchanged(backend, y, this.#width, this.#tokens);
  }
}

/** [n * a, b] to [n * b, a], sample by sample. */
function exchanged(backend: Backend, x: Tensor, a: number, b: number): Tensor {
  const n = x.rows / a;
  return backend.reshape(backend.swapAxes(x, n, a, b, 1), n * b, a);
}

export class SelectTokenLayer extends LinearLayer {
  readonly #tokens: number;
  readonly #width: number;
  readonly #index: number;

  /** Raises InputError if the sequence has no such token. */
  constructor(spec: SelectTokenSpec, inputShape: readonly number[], place: LayerPlace) {
    const label = `${place} (selecttoken)`;
    const [tokens, width] = sequenceShape(inputShape, label);
    const index = spec.index < 0 ? tokens + spec.index : spec.index;
    if (index < 0 || index >= tokens)
      throw new InputError(
        `${label}: there is no token ${spec.index} among ${tokens}; expected ${-tokens} to ${tokens - 1}`,
      );
    super(label, [width]);
    this.#tokens = tokens;
    this.#width = width;
    this.#index = index;
  }

  protected override map(backend: Backend, x: Tensor): Tensor {
    const flat = backend.reshape(x, x.rows / this.#tokens, this.#tokens * this.#width);
    return backend.columnsOf(flat, consecutive(this.#index * this.#width, this.#width));
  }

  protected override transpose(backend: Backend, y: Tensor): Tensor {
    const [before, after] = [this.#index, this.#tokens - 1 - this.#index].map((tokens) =>
      tokens === 0 ? [] : [backend.zeros(y.rows, tokens * this.#width)],
    );
    const flat = backend.concatColumns([...before, y, ...after]);
    return backend.reshape(flat, y.rows * this.#tokens, this.#width);
  }
}

/** first, first + 1, ..., `count` of them. */
export function consecutive(first: number, count: number): Uint32Array {
  return Uint32Array.from({ length: count }, (_, i) => first + i);
}

/** y = x plus the table [tokens, width], the same for every sample. */
export class PositionsLayer implements Layer {
  readonly label: string;
  readonly parameters: readonly Parameter[];
  readonly outputShape: readonly number[];
  readonly isPiecewiseLinear = true;
  readonly #table: Parameter;
  readonly #weights: Weights;
  readonly #tokens: number;
  #rows = 0;

  constructor(spec: PositionsSpec, inputShape: readonly number[], weights: Weights) {
    const [tokens, width] = sequenceShape(inputShape, `layer "${spec.name}" (positions)`);
    this.label = `${spec.name} (positions)`;
    this.outputShape = inputShape;
    this.#table = positionTable(`${spec.name}.kernel`, tokens, width, width);
    this.parameters = [this.#table];
    this.#weights = weights;
    this.#tokens = tokens;
  }

  forward(backend: Backend, x: Tensor): Tensor {
    this.#rows = x.rows;
    return addBySample(backend, x, this.#tokens, weightOf(this.#weights, this.#table));
  }

  backward(backend: Backend, dy: Tensor, sink: Sink, needInput: boolean): Tensor | null {
    this.#sink(backend, sink, dy);
    return needInput ? dy : null;
  }

  tangentForward(backend: Backend, xDot: Tangent, direction: Direction): Tangent {
    const tableDot = direction.weights?.get(this.#table.name);
    if (tableDot === undefined) return xDot;
    const zeros = (): Tensor => backend.zeros(this.#rows, this.#table.cols / this.#tokens);
    return addBySample(backend, xDot ?? zeros(), this.#tokens, tableDot);
  }

  tangentBackward(backend: Backend, dyDot: Tangent, _direction: Direction, sink: Sink, needInput: boolean): Tangent {
    if (dyDot !== null) this.#sink(backend, sink, dyDot);
    return needInput ? dyDot : null;
  }

  #sink(backend: Backend, sink: Sink, dy: Tensor): void {
    if (sink !== null) sumRows(backend, sink, this.#table, () => bySample(backend, dy, this.#tokens));
  }
}

/** A table of one vector a place, as one row. */
export function positionTable(name: string, tokens: number, width: number, fanIn: number): Parameter {
  const cols = tokens * width;
  return { name, shape: [tokens, width], rows: 1, cols, initial: 'zeros', fanIn, fanOut: width };
}

/** A row of all of a sample's tokens added to every sample's tokens. */
export function addBySample(backend: Backend, x: Tensor, tokens: number, row: Tensor): Tensor {
  return backend.reshape(backend.addRow(bySample(backend, x, tokens), row), x.rows, x.cols);
}

/** [N T, w] as [N, T w]. */
export function bySample(backend: Backend, x: Tensor, tokens: number): Tensor {
  return backend.reshape(x, x.rows / tokens, tokens * x.cols);
}

/** A learned token before the others. */
export class ClassTokenLayer implements Layer {
  readonly label: string;
  readonly parameters: readonly Parameter[];
  readonly outputShape: readonly number[];
  readonly isPiecewiseLinear = true;
  readonly #token: Parameter;
  readonly #weights: Weights;
  readonly #tokens: number;
  readonly #width: number;
  #samples = 0;

  constructor(spec: ClassTokenSpec, inputShape: readonly number[], weights: Weights) {
    const [tokens, width] = sequenceShape(inputShape, `layer "${spec.name}" (classtoken)`);
    this.label = `${spec.name} (classtoken)`;
    this.outputShape = [tokens + 1, width];
    this.#token = {
      name: `${spec.name}.kernel`,
      shape: [width],
      rows: 1,
      cols: width,
      initial: 'zeros',
      fanIn: width,
      fanOut: width,
    };
    this.parameters = [this.#token];
    this.#weights = weights;
    this.#tokens = tokens;
    this.#width = width;
  }

  forward(backend: Backend, x: Tensor): Tensor {
    this.#samples = x.rows / this.#tokens;
    return this.#joined(backend, backend.repeatRows(weightOf(this.#weights, this.#token), this.#samples), x);
  }

  backward(backend: Backend, dy: Tensor, sink: Sink, needInput: boolean): Tensor | null {
    this.#sink(backend, sink, dy);
    return needInput ? this.#others(backend, dy) : null;
  }

  tangentForward(backend: Backend, xDot: Tangent, direction: Direction): Tangent {
    const tokenDot = direction.weights?.get(this.#token.name);
    if (xDot === null && tokenDot === undefined) return null;
    const first =
      tokenDot === undefined ? backend.zeros(this.#samples, this.#width) : backend.repeatRows(tokenDot, this.#samples);
    return this.#joined(backend, first, xDot ?? backend.zeros(this.#samples * this.#tokens, this.#width));
  }

  tangentBackward(backend: Backend, dyDot: Tangent, _direction: Direction, sink: Sink, needInput: boolean): Tangent {
    if (dyDot === null) return null;
    this.#sink(backend, sink, dyDot);
    return needInput ? this.#others(backend, dyDot) : null;
  }

  /** [N (T + 1), w] from [N, w] and [N T, w]. */
  #joined(backend: Backend, first: Tensor, others: Tensor): Tensor {
    const flat = backend.concatColumns([first, bySample(backend, others, this.#tokens)]);
    return backend.reshape(flat, first.rows * (this.#tokens + 1), this.#width);
  }

  #others(backend: Backend, dy: Tensor): Tensor {
    const flat = bySample(backend, dy, this.#tokens + 1);
    const rest = backend.columnsOf(flat, consecutive(this.#width, this.#tokens * this.#width));
    return backend.reshape(rest, flat.rows * this.#tokens, this.#width);
  }

  #sink(backend: Backend, sink: Sink, dy: Tensor): void {
    if (sink === null) return;
    const flat = bySample(backend, dy, this.#tokens + 1);
    sumRows(backend, sink, this.#token, () => backend.columnsOf(flat, consecutive(0, this.#width)));
  }
}
