/**
 * Multi-head scaled dot-product self-attention (Vaswani et al. 2017). Letters: N samples, T tokens, h heads of e numbers, c = 1 / sqrt(e). Q, K, V are products of x
 * with weights (projections.ts), one [T, e] matrix a sample and head, Q and K turned by their positions if the layer is rotary; Q is kept times c.
 *   A = softmax(Q K^T) by rows (future tokens left out if causal),  O = A V,  y = O W_O + b_O with the heads side by side.
 * Backwards, with dO = dy W_O^T:
 *   dV = A^T dO,  dA = dO V^T,  dS = A * (dA - rowsum(dA A)),  dQ = c dS K,  dK = dS^T Q.
 */
import { InputError } from '../../shared/errors.ts';
import type { AttentionSpec } from '../../shared/model.ts';
import type { Backend, Tensor } from '../backend/types.ts';
import { DenseLayer } from './dense.ts';
import { projectionsOf } from './projections.ts';
import type { ByRole, Projections, Role } from './projections.ts';
import { Rotation } from './rotary.ts';
import { sequenceShape } from './shapes.ts';
import { addTangents, present } from './types.ts';
import type { Direction, Layer, Parameter, Sink, Tangent, TrainingPass, Weights } from './types.ts';

/** The forward pass by heads: Q times c, K, V [N h T, e]; A [N h T, T]. */
interface Pass {
  readonly heads: ByRole<Tensor>;
  readonly A: Tensor;
}

/** The backward pass by heads: dO [N h T, e]; dA, dA - rowsum(dA A) (null in training, which takes no tangents) and dS [N h T, T]. */
interface Back {
  readonly dO: Tensor;
  readonly dA: Tensor;
  readonly centred: Tensor | null;
  readonly dS: Tensor;
}

/** The tangents of the forward pass; null: zero. */
interface Moved {
  readonly heads: ByRole<Tensor | null>;
  readonly ADot: Tangent;
}

export class AttentionLayer implements Layer {
  readonly label: string;
  readonly parameters: readonly Parameter[];
  readonly outputShape: readonly number[];
  readonly isPiecewiseLinear = false;
  readonly #projections: Projections;
  readonly #output: DenseLayer;
  readonly #rotation: Rotation | null;
  readonly #tokens: number;
  readonly #heads: number;
  readonly #size: number;
  readonly #isCausal: boolean;
  #pass: Pass | null = null;
  #back: Back | null = null;
  #moved: Moved | null = null;
  #isTraining = false;

  /** Raises InputError unless the input is a sequence whose width the heads divide, or their own width is given. */
  constructor(spec: AttentionSpec, inputShape: readonly number[], weights: Weights) {
    const who = `layer "${spec.name}" (attention)`;
    const [tokens, width] = sequenceShape(inputShape, who);
    if (spec.head_width === undefined && width % spec.heads !== 0)
      throw new InputError(`${who}: ${spec.heads} heads do not divide the width ${width} of its input`);
    const size = spec.head_width ?? width / spec.heads;
    if (spec.rotary !== undefined && size % 2 !== 0)
      throw new InputError(
        `${who}: rotary positions turn pairs of numbers; a head has ${size}, expected an even number`,
      );
    const inner = spec.heads * size;
    const output = { type: 'dense', name: `${spec.name}.output`, units: width, bias: spec.bias ?? false } as const;
    this.#projections = projectionsOf(spec, inner, inputShape, weights);
    this.#output = new DenseLayer(output, [tokens, inner], weights);
    this.#rotation = spec.rotary === undefined ? null : new Rotation(spec.rotary, tokens, size);
    this.label = `${spec.name} (attention)`;
    this.parameters = [...this.#projections.parameters, ...this.#output.parameters];
    this.outputShape = inputShape;
    this.#tokens = tokens;
    this.#heads = spec.heads;
    this.#size = size;
    this.#isCausal = spec.causal;
  }

  forward(backend: Backend, x: Tensor, training?: TrainingPass): Tensor {
    this.#isTraining = training !== undefined;
    const projected = this.#projections.forward(backend, x);
    const heads = {
      query: this.#enter(backend, 'query', projected.query),
      key: this.#enter(backend, 'key', projected.key),
      value: this.#enter(backend, 'value', projected.value),
    };
    const scores = backend.batchMatmul(heads.query, heads.key, this.#blocks(heads.key), false, true);
    const A = this.#isCausal
      ? (backend.causalSoftmax?.(scores) ?? backend.softmax(backend.causalMask(scores)))
      : backend.softmax(scores);
    this.#pass = { heads, A };
    const O = backend.batchMatmul(A, heads.value, this.#blocks(A));
    return this.#output.forward(backend, this.#join(backend, O));
  }

  backward(backend: Backend, dy: Tensor, sink: Sink, needInput: boolean): Tensor | null {
    const { heads, A } = present(this.#pass, this.label);
    const blocks = this.#blocks(A);
    const dO = this.#split(backend, present(this.#output.backward(backend, dy, sink, true), this.label));
    const dA = backend.batchMatmul(dO, heads.value, blocks, false, true);
    const isWhole = this.#isTraining && backend.softmaxJacobian !== undefined;
    const centred = isWhole ? null : backend.subtract(dA, this.#spread(backend, backend.rowDot(dA, A)));
    const dS = centred === null ? this.#softmaxJacobian(backend, A, dA) : backend.multiply(A, centred);
    this.#back = { dO, dA, centred, dS };
    const deltas = {
      query: this.#leave(backend, 'query', backend.batchMatmul(dS, heads.key, blocks)),
      key: this.#leave(backend, 'key', backend.batchMatmul(dS, heads.query, blocks, true)),
      value: this.#leave(backend, 'value', backend.batchMatmul(A, dO, blocks, true)),
    };
    return this.#projections.backward(backend, deltas, sink, needInput);
  }

  tangentForward(backend: Backend, xDot: Tangent, direction: Direction): Tangent {
    const { heads, A } = present(this.#pass, this.label);
    const blocks = this.#blocks(A);
    const dots = this.#projections.tangentForward(backend, xDot, direction);
    const entered = (role: Role): Tensor | null => {
      const dot = dots[role];
      return dot === null ? null : this.#enter(backend, role, dot);
    };
    const moved = { query: entered('query'), key: entered('key'), value: entered('value') };
    const scoresDot = addTangents(
      backend,
      moved.query === null ? null : backend.batchMatmul(moved.query, heads.key, blocks, false, true),
      moved.key === null ? null : backend.batchMatmul(heads.query, moved.key, blocks, false, true),
    );
    const ADot = scoresDot === null ? null : this.#softmaxJacobian(backend, A, scoresDot);
    const ODot = addTangents(
      backend,
      ADot === null ? null : backend.batchMatmul(ADot, heads.value, blocks),
      moved.value === null ? null : backend.batchMatmul(A, moved.value, blocks),
    );
    this.#moved = { heads: moved, ADot };
    return this.#output.tangentForward(backend, ODot === null ? null : this.#join(backend, ODot), direction);
  }

  tangentBackward(backend: Backend, dyDot: Tangent, direction: Direction, sink: Sink, needInput: boolean): Tangent {
    const { heads, A } = present(this.#pass, this.label);
    const wide = this.#output.tangentBackward(backend, dyDot, direction, sink, true);
    const dots = this.#deltaTangents(backend, wide, direction.gaussNewton === true, { heads, A });
    return this.#projections.tangentBackward(backend, dots, direction, sink, needInput);
  }

  /** The tangents of dQ, dK, dV, [N T, inner], from that of dO. */
  #deltaTangents(
    backend: Backend,
    wide: Tensor | null,
    isGaussNewton: boolean,
    { heads, A }: Pass,
  ): ByRole<Tensor | null> {
    const blocks = this.#blocks(A);
    const { dO, dA, centred, dS } = present(this.#back, this.label);
    const still: Moved = { heads: { query: null, key: null, value: null }, ADot: null };
    const { heads: headsDot, ADot } = isGaussNewton ? still : present(this.#moved, this.label);
    /** op(a_i) op(b_i), null if one is. */
    const times = (a: Tensor | null, b: Tensor | null, transposeA = false, transposeB = false): Tensor | null =>
      a === null || b === null ? null : backend.batchMatmul(a, b, blocks, transposeA, transposeB);
    const sum = (a: Tensor | null, b: Tensor | null): Tensor | null => addTangents(backend, a, b);
    const left = (role: Role, a: Tensor | null): Tensor | null => (a === null ? null : this.#leave(backend, role, a));

    const dODot = wide === null ? null : this.#split(backend, wide);
    const dADot = sum(times(dODot, heads.value, false, true), times(dO, headsDot.value, false, true));
    let dSDot = dADot === null ? null : this.#softmaxJacobian(backend, A, dADot);
    if (ADot !== null) {
      const turned = backend.multiply(A, this.#spread(backend, backend.rowDot(dA, ADot)));
      dSDot = sum(dSDot, backend.subtract(backend.multiply(ADot, present(centred, this.label)), turned));
    }
    return {
      query: left('query', sum(times(dSDot, heads.key), times(dS, headsDot.key))),
      key: left('key', sum(times(dSDot, heads.query, true), times(dS, headsDot.query, true))),
      value: left('value', sum(times(A, dODot, true), times(ADot, dO, true))),
    };
  }

  /** [N T, inner] as it enters the scores: by heads, times c, turned. */
  #enter(backend: Backend, role: Role, x: Tensor): Tensor {
    const heads = this.#split(backend, role === 'query' ? backend.scale(x, this.#factor) : x);
    return role === 'value' || this.#rotation === null ? heads : this.#rotation.turn(backend, heads);
  }

  /** The transpose of `#enter`. */
  #leave(backend: Backend, role: Role, byHeads: Tensor): Tensor {
    const isTurned = role !== 'value' && this.#rotation !== null;
    const heads = isTurned ? this.#rotation.turn(backend, byHeads, true) : byHeads;
    return this.#join(backend, role === 'query' ? backend.scale(heads, this.#factor) : heads);
  }

  /** A * (s - rowsum(s A)): the Jacobian of softmax at A, which is symmetric, times s. */
  #softmaxJacobian(backend: Backend, A: Tensor, s: Tensor): Tensor {
    if (backend.softmaxJacobian !== undefined) return backend.softmaxJacobian(A, s);
    return backend.multiply(A, backend.subtract(s, this.#spread(backend, backend.rowDot(s, A))));
  }

  /** [rows, 1] to [rows, T]. */
  #spread(backend: Backend, column: Tensor): Tensor {
    return backend.reshape(backend.repeatRows(column, this.#tokens), column.rows, this.#tokens);
  }

  /** [N T, width] to [N h T, e]. */
  #split(backend: Backend, x: Tensor): Tensor {
    return backend.swapAxes(x, x.rows / this.#tokens, this.#tokens, this.#heads, this.#size);
  }

  /** The inverse of `#split`. */
  #join(backend: Backend, x: Tensor): Tensor {
    const samples = x.rows / (this.#heads * this.#tokens);
    const joined = backend.swapAxes(x, samples, this.#heads, this.#tokens, this.#size);
    return backend.reshape(joined, samples * this.#tokens, this.#heads * this.#size);
  }

  /** N h: matrices in a tensor by heads. */
  #blocks(byHeads: Tensor): number {
    return byHeads.rows / this.#tokens;
  }

  get #factor(): number {
    return 1 / Math.sqrt(this.#size);
  }
}
