/**
 * Token numbers as rows of a learned table E [tokens, units], and a dense layer that uses the same table transposed: z = x E^T + b. The table is one parameter of
 * the embedding; the tied layer leaves its share of a gradient with the embedding, which hands all of it over when a pass reaches it. Letters: N samples,
 * L tokens a sample.
 */
import { InputError } from '../../shared/errors.ts';
import type { DenseSpec, EmbeddingSpec } from '../../shared/model.ts';
import type { Backend, Tensor } from '../backend/types.ts';
import { addTangents, present, productOf, sumRows, weightOf } from './types.ts';
import type { Direction, Layer, LayerPlace, Parameter, Sink, Tangent, Weights } from './types.ts';

/** a^T b: a share of the table's gradient. */
interface Share {
  readonly a: Tensor;
  readonly b: Tensor;
}

export class EmbeddingLayer implements Layer {
  readonly label: string;
  readonly kernel: Parameter;
  readonly parameters: readonly Parameter[];
  readonly outputShape: readonly number[];
  readonly isPiecewiseLinear = true;
  /** Of the samples' own gradients, each as large as the table. */
  readonly workspace: number;
  readonly #weights: Weights;
  readonly #tokens: number;
  #input: Tensor | null = null;
  /** Contributions of tied layers in the current pass. */
  #shares: Share[] = [];

  /** Raises InputError unless the input is one number a token and the layer is the model's first. */
  constructor(spec: EmbeddingSpec, inputShape: readonly number[], weights: Weights, place: LayerPlace) {
    const who = `layer "${spec.name}" (embedding)`;
    if (place !== 'layers[0]')
      throw new InputError(`${who}: it takes token numbers, which only the model's input holds; put it first`);
    if (inputShape.length !== 1)
      throw new InputError(
        `${who} got an input of shape [${inputShape.join(', ')}]; expected token numbers: "input": [length]`,
      );
    const { name, tokens, units } = spec;
    this.label = `${name} (embedding)`;
    this.kernel = {
      name: `${name}.kernel`,
      shape: [tokens, units],
      rows: tokens,
      cols: units,
      initial: 'kernel',
      fanIn: units,
      fanOut: units,
    };
    this.parameters = [this.kernel];
    this.outputShape = [inputShape[0], units];
    this.workspace = tokens * units;
    this.#weights = weights;
    this.#tokens = tokens;
  }

  /** How many token numbers there are. */
  get tokens(): number {
    return this.#tokens;
  }

  /** Leaves a share of the table's gradient, a^T b, for this pass. */
  share(a: Tensor, b: Tensor): void {
    this.#shares.push({ a, b });
  }

  forward(backend: Backend, x: Tensor): Tensor {
    this.#input = x;
    this.#shares = [];
    return backend.gatherRows(weightOf(this.#weights, this.kernel), x);
  }

  backward(backend: Backend, dy: Tensor, sink: Sink, _needInput: boolean): null {
    this.#sink(backend, dy, sink);
    return null;
  }

  tangentForward(backend: Backend, _xDot: Tangent, direction: Direction): Tangent {
    this.#shares = [];
    const kernelDot = direction.weights?.get(this.kernel.name);
    return kernelDot === undefined ? null : backend.gatherRows(kernelDot, present(this.#input, this.label));
  }

  tangentBackward(backend: Backend, dyDot: Tangent, _direction: Direction, sink: Sink): null {
    this.#sink(backend, dyDot, sink);
    return null;
  }

  #sink(backend: Backend, dy: Tensor | null, sink: Sink): void {
    const shares = this.#shares.splice(0);
    if (sink === null) return;
    const x = present(this.#input, this.label);
    const { rows, cols } = this.kernel;
    const scattered = (runs: number): Tensor => {
      if (dy === null) throw new Error(`${this.label}: no derivative`);
      return backend.scatterRows(dy, x, rows, runs);
    };
    const bySample = (): Tensor => backend.reshape(scattered(x.rows), x.rows, rows * cols);
    if (sink.addRows !== undefined) {
      for (const { a, b } of shares) sink.product(this.kernel, a, true, b, false);
      if (dy !== null) sumRows(backend, sink, this.kernel, bySample, () => scattered(1));
      return;
    }
    let sum = dy === null ? null : scattered(1);
    for (const { a, b } of shares) sum = addTangents(backend, sum, backend.matmul(a, b, true));
    if (sum !== null) sink.add(this.kernel, sum);
  }
}

/** z = x E^T + b with the table E of an embedding. */
export class TiedDenseLayer implements Layer {
  readonly label: string;
  readonly bias: Parameter | null;
  readonly parameters: readonly Parameter[];
  readonly outputShape: readonly number[];
  readonly isPiecewiseLinear = true;
  readonly #embedding: EmbeddingLayer;
  readonly #weights: Weights;
  #input: Tensor | null = null;
  #delta: Tensor | null = null;
  #inputTangent: Tensor | null = null;

  /** Raises InputError if the table does not fit. */
  constructor(spec: DenseSpec, inputShape: readonly number[], weights: Weights, embedding: EmbeddingLayer) {
    const who = `layer "${spec.name}" (dense)`;
    const width = inputShape[inputShape.length - 1];
    const { rows, cols, name } = embedding.kernel;
    if (inputShape.length > 2 || width !== cols)
      throw new InputError(
        `${who} got an input of shape [${inputShape.join(', ')}]; ${name}, to which it is tied, has a width of ${cols}`,
      );
    if (spec.units !== rows)
      throw new InputError(`${who}: ${spec.units} units; ${name}, to which it is tied, has ${rows} tokens`);
    this.label = `${spec.name} (dense)`;
    this.bias = spec.bias
      ? { name: `${spec.name}.bias`, shape: [rows], rows: 1, cols: rows, initial: 'zeros', fanIn: cols, fanOut: rows }
      : null;
    this.parameters = this.bias === null ? [] : [this.bias];
    this.outputShape = [...inputShape.slice(0, -1), rows];
    this.#embedding = embedding;
    this.#weights = weights;
  }

  forward(backend: Backend, x: Tensor): Tensor {
    this.#input = x;
    const z = backend.matmul(x, this.#table, false, true);
    return this.bias === null ? z : backend.addRow(z, weightOf(this.#weights, this.bias));
  }

  backward(backend: Backend, dy: Tensor, sink: Sink, needInput: boolean): Tensor | null {
    this.#delta = dy;
    const dx = needInput ? backend.matmul(dy, this.#table) : null;
    if (sink !== null) {
      this.#embedding.share(dy, present(this.#input, this.label));
      if (this.bias !== null) sumRows(backend, sink, this.bias, () => dy);
    }
    return dx;
  }

  tangentForward(backend: Backend, xDot: Tangent, direction: Direction): Tangent {
    this.#inputTangent = xDot;
    const tableDot = direction.weights?.get(this.#embedding.kernel.name);
    const x = present(this.#input, this.label);
    const zDot = addTangents(
      backend,
      productOf(backend, xDot, this.#table, true),
      productOf(backend, x, tableDot, true),
    );
    const biasDot = this.bias === null ? undefined : direction.weights?.get(this.bias.name);
    if (biasDot === undefined) return zDot;
    return backend.addRow(zDot ?? backend.zeros(x.rows, biasDot.cols), biasDot);
  }

  tangentBackward(backend: Backend, dyDot: Tangent, direction: Direction, sink: Sink, needInput: boolean): Tangent {
    const isGaussNewton = direction.gaussNewton === true;
    const dy = present(this.#delta, this.label);
    if (sink !== null) {
      if (dyDot !== null) {
        this.#embedding.share(dyDot, present(this.#input, this.label));
        if (this.bias !== null) sumRows(backend, sink, this.bias, () => dyDot);
      }
      if (this.#inputTangent !== null && !isGaussNewton) this.#embedding.share(dy, this.#inputTangent);
    }
    if (!needInput) return null;
    const tableDot = isGaussNewton ? undefined : direction.weights?.get(this.#embedding.kernel.name);
    return addTangents(backend, productOf(backend, dyDot, this.#table), productOf(backend, dy, tableDot));
  }

  get #table(): Tensor {
    return weightOf(this.#weights, this.#embedding.kernel);
  }
}
