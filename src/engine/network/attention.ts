/**
 * Multi-head scaled dot-product self-attention (Vaswani et al. 2017) without biases. Letters: N samples, T tokens, h heads, e = width / h,
 * c = 1 / sqrt(e). Q, K, V = x W_Q, x W_K, x W_V, one [T, e] matrix a sample and head; Q is kept times c.
 *   A = softmax(Q K^T) by rows (future tokens left out where causal),  O = A V,  y = O W_O with the heads side by side.
 * Backwards, with dO = dy W_O^T:
 *   dV = A^T dO,  dA = dO V^T,  dS = A * (dA - rowsum(dA A)),  dQ = c dS K,  dK = dS^T Q,  dx = dQ W_Q^T + dK W_K^T + dV W_V^T.
 */
import { InputError } from '../../shared/errors.ts';
import type { AttentionSpec } from '../../shared/model.ts';
import type { Backend, Tensor } from '../backend/types.ts';
import { sequenceShape } from './shapes.ts';
import { addTangents, present, productOf, weightOf } from './types.ts';
import type { Direction, GradientSink, Layer, Parameter, Weights } from './types.ts';

const roles = ['query', 'key', 'value'] as const;
type Role = (typeof roles)[number];
type ByRole<T> = Record<Role, T>;

/** The forward pass: by heads [N h T, e] but x and O [N T, width]; A [N h T, T]. */
interface Pass {
  readonly x: Tensor;
  /** Q times c, K, V. */
  readonly heads: ByRole<Tensor>;
  readonly A: Tensor;
  readonly O: Tensor;
}

/** The backward pass. */
interface Back {
  readonly dy: Tensor;
  /** By heads. */
  readonly dO: Tensor;
  /** dA - rowsum(dA A), dA and dS [N h T, T]. */
  readonly dA: Tensor;
  readonly centred: Tensor;
  readonly dS: Tensor;
  /** [N T, width]. */
  readonly deltas: ByRole<Tensor>;
}

/** The tangents of the forward pass; null: zero. */
interface Moved {
  readonly xDot: Tensor | null;
  readonly heads: ByRole<Tensor | null>;
  readonly ADot: Tensor | null;
  readonly ODot: Tensor | null;
}

export class AttentionLayer implements Layer {
  readonly label: string;
  readonly parameters: readonly Parameter[];
  readonly outputShape: readonly number[];
  readonly isPiecewiseLinear = false;
  readonly #kernels: ByRole<Parameter> & { readonly output: Parameter };
  readonly #weights: Weights;
  readonly #tokens: number;
  readonly #heads: number;
  readonly #size: number;
  readonly #isCausal: boolean;
  #pass: Pass | null = null;
  #back: Back | null = null;
  #moved: Moved | null = null;

  /** Raises InputError unless the input is a sequence whose width the heads divide. */
  constructor(spec: AttentionSpec, inputShape: readonly number[], weights: Weights) {
    const who = `layer "${spec.name}" (attention)`;
    const [tokens, width] = sequenceShape(inputShape, who);
    if (width % spec.heads !== 0)
      throw new InputError(`${who}: ${spec.heads} heads do not divide the width ${width} of its input`);
    const kernel = (role: string): Parameter => ({
      name: `${spec.name}.${role}.kernel`,
      shape: [width, width],
      rows: width,
      cols: width,
      initial: 'kernel',
      fanIn: width,
      fanOut: width,
    });
    this.#kernels = { query: kernel('query'), key: kernel('key'), value: kernel('value'), output: kernel('output') };
    this.label = `${spec.name} (attention)`;
    this.parameters = Object.values(this.#kernels);
    this.outputShape = inputShape;
    this.#weights = weights;
    this.#tokens = tokens;
    this.#heads = spec.heads;
    this.#size = width / spec.heads;
    this.#isCausal = spec.causal;
  }

  forward(backend: Backend, x: Tensor): Tensor {
    const project = (role: Role): Tensor => backend.matmul(x, this.#weight(role));
    const heads = {
      query: this.#split(backend, backend.scale(project('query'), this.#factor)),
      key: this.#split(backend, project('key')),
      value: this.#split(backend, project('value')),
    };
    const scores = backend.batchMatmul(heads.query, heads.key, this.#blocks(heads.key), false, true);
    const A = backend.softmax(this.#isCausal ? backend.causalMask(scores) : scores);
    const O = this.#join(backend, backend.batchMatmul(A, heads.value, this.#blocks(A)));
    this.#pass = { x, heads, A, O };
    return backend.matmul(O, this.#weight('output'));
  }

  backward(backend: Backend, dy: Tensor, sink: GradientSink | null, needInput: boolean): Tensor | null {
    const { x, heads, A, O } = present(this.#pass, this.label);
    const blocks = this.#blocks(A);
    const dO = this.#split(backend, backend.matmul(dy, this.#weight('output'), false, true));
    const dA = backend.batchMatmul(dO, heads.value, blocks, false, true);
    const centred = backend.subtract(dA, this.#spread(backend, backend.rowDot(dA, A)));
    const dS = backend.multiply(A, centred);
    const deltas = {
      query: this.#join(backend, backend.scale(backend.batchMatmul(dS, heads.key, blocks), this.#factor)),
      key: this.#join(backend, backend.batchMatmul(dS, heads.query, blocks, true)),
      value: this.#join(backend, backend.batchMatmul(A, dO, blocks, true)),
    };
    this.#back = { dy, dO, dA, centred, dS, deltas };
    let dx: Tensor | null = null;
    if (needInput)
      for (const role of roles)
        dx = addTangents(backend, dx, backend.matmul(deltas[role], this.#weight(role), false, true));
    if (sink !== null) {
      for (const role of roles) sink.product(this.#kernels[role], x, true, deltas[role], false);
      sink.product(this.#kernels.output, O, true, dy, false);
    }
    return dx;
  }

  tangentForward(backend: Backend, xDot: Tensor | null, direction: Direction): Tensor | null {
    const { x, heads, A, O } = present(this.#pass, this.label);
    const blocks = this.#blocks(A);
    const project = (role: Role): Tensor | null => {
      const dot = addTangents(
        backend,
        productOf(backend, xDot, this.#weight(role)),
        productOf(backend, x, direction.weights?.get(this.#kernels[role].name)),
      );
      return dot === null ? null : this.#split(backend, role === 'query' ? backend.scale(dot, this.#factor) : dot);
    };
    const moved = { query: project('query'), key: project('key'), value: project('value') };
    const scoresDot = addTangents(
      backend,
      moved.query === null ? null : backend.batchMatmul(moved.query, heads.key, blocks, false, true),
      moved.key === null ? null : backend.batchMatmul(heads.query, moved.key, blocks, false, true),
    );
    const ADot = scoresDot === null ? null : this.#softmaxJacobian(backend, A, scoresDot);
    const headsDot = addTangents(
      backend,
      ADot === null ? null : backend.batchMatmul(ADot, heads.value, blocks),
      moved.value === null ? null : backend.batchMatmul(A, moved.value, blocks),
    );
    const ODot = headsDot === null ? null : this.#join(backend, headsDot);
    this.#moved = { xDot, heads: moved, ADot, ODot };
    return addTangents(
      backend,
      productOf(backend, ODot, this.#weight('output')),
      productOf(backend, O, direction.weights?.get(this.#kernels.output.name)),
    );
  }

  tangentBackward(
    backend: Backend,
    dyDot: Tensor | null,
    direction: Direction,
    sink: GradientSink | null,
    needInput: boolean,
  ): Tensor | null {
    const { x, heads, A, O } = present(this.#pass, this.label);
    const { dy, deltas } = present(this.#back, this.label);
    const isGaussNewton = direction.gaussNewton === true;
    const kernelDot = (parameter: Parameter): Tensor | undefined =>
      isGaussNewton ? undefined : direction.weights?.get(parameter.name);
    const { xDot, ODot } = present(this.#moved, this.label);
    const dots = this.#deltaTangents(backend, dyDot, kernelDot(this.#kernels.output), isGaussNewton, { heads, A });
    let dxDot: Tensor | null = null;
    if (needInput) {
      for (const role of roles) {
        dxDot = addTangents(backend, dxDot, productOf(backend, dots[role], this.#weight(role), true));
        dxDot = addTangents(backend, dxDot, productOf(backend, deltas[role], kernelDot(this.#kernels[role]), true));
      }
    }
    if (sink !== null) {
      for (const role of roles) {
        const dot = dots[role];
        if (dot !== null) sink.product(this.#kernels[role], x, true, dot, false);
        if (xDot !== null && !isGaussNewton) sink.product(this.#kernels[role], xDot, true, deltas[role], false);
      }
      if (dyDot !== null) sink.product(this.#kernels.output, O, true, dyDot, false);
      if (ODot !== null && !isGaussNewton) sink.product(this.#kernels.output, ODot, true, dy, false);
    }
    return dxDot;
  }

  /** The tangents of dQ, dK, dV, [N T, width]. */
  #deltaTangents(
    backend: Backend,
    dyDot: Tensor | null,
    outputDot: Tensor | undefined,
    isGaussNewton: boolean,
    { heads, A }: Pick<Pass, 'heads' | 'A'>,
  ): ByRole<Tensor | null> {
    const blocks = this.#blocks(A);
    const { dy, dO, dA, centred, dS } = present(this.#back, this.label);
    const moved = present(this.#moved, this.label);
    const still: Pick<Moved, 'heads' | 'ADot'> = { heads: { query: null, key: null, value: null }, ADot: null };
    const { heads: headsDot, ADot } = isGaussNewton ? still : moved;
    /** op(a_i) op(b_i), null where one is. */
    const times = (a: Tensor | null, b: Tensor | null, transposeA = false, transposeB = false): Tensor | null =>
      a === null || b === null ? null : backend.batchMatmul(a, b, blocks, transposeA, transposeB);
    const sum = (a: Tensor | null, b: Tensor | null): Tensor | null => addTangents(backend, a, b);
    const joined = (a: Tensor | null): Tensor | null => (a === null ? null : this.#join(backend, a));

    const wide = sum(productOf(backend, dyDot, this.#weight('output'), true), productOf(backend, dy, outputDot, true));
    const dODot = wide === null ? null : this.#split(backend, wide);
    const dADot = sum(times(dODot, heads.value, false, true), times(dO, headsDot.value, false, true));
    let dSDot = dADot === null ? null : this.#softmaxJacobian(backend, A, dADot);
    if (ADot !== null) {
      const turned = backend.multiply(A, this.#spread(backend, backend.rowDot(dA, ADot)));
      dSDot = sum(dSDot, backend.subtract(backend.multiply(ADot, centred), turned));
    }
    const query = sum(times(dSDot, heads.key), times(dS, headsDot.key));
    return {
      query: joined(query === null ? null : backend.scale(query, this.#factor)),
      key: joined(sum(times(dSDot, heads.query, true), times(dS, headsDot.query, true))),
      value: joined(sum(times(A, dODot, true), times(ADot, dO, true))),
    };
  }

  /** A * (s - rowsum(s A)): the Jacobian of softmax at A, which is symmetric, times s. */
  #softmaxJacobian(backend: Backend, A: Tensor, s: Tensor): Tensor {
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

  #weight(role: Role | 'output'): Tensor {
    return weightOf(this.#weights, this.#kernels[role]);
  }
}
