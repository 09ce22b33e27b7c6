/** The products with weights before attention: queries, keys and values, each by a dense layer of its own or all three by one (packed). */
import type { AttentionSpec } from '../../shared/model.ts';
import type { Backend, Tensor } from '../backend/types.ts';
import { DenseLayer } from './dense.ts';
import { addTangents } from './types.ts';
import type { Direction, Parameter, Sink, Tangent, Weights } from './types.ts';

export const roles = ['query', 'key', 'value'] as const;
export type Role = (typeof roles)[number];
export type ByRole<T> = Record<Role, T>;

/** The four maps from x to the three, which are [rows, inner]. */
export interface Projections {
  readonly parameters: readonly Parameter[];
  forward(backend: Backend, x: Tensor): ByRole<Tensor>;
  backward(backend: Backend, deltas: ByRole<Tensor>, sink: Sink, needInput: boolean): Tensor | null;
  tangentForward(backend: Backend, xDot: Tangent, direction: Direction): ByRole<Tensor | null>;
  tangentBackward(
    backend: Backend,
    dots: ByRole<Tensor | null>,
    direction: Direction,
    sink: Sink,
    needInput: boolean,
  ): Tangent;
}

export function projectionsOf(
  { name, bias = false, packed = false }: AttentionSpec,
  inner: number,
  inputShape: readonly number[],
  weights: Weights,
): Projections {
  const dense = (role: string, units: number): DenseLayer =>
    new DenseLayer({ type: 'dense', name: `${name}.${role}`, units, bias }, inputShape, weights);
  if (packed) return new PackedProjections(dense('qkv', 3 * inner), inner);
  return new SeparateProjections({
    query: dense('query', inner),
    key: dense('key', inner),
    value: dense('value', inner),
  });
}

class SeparateProjections implements Projections {
  readonly parameters: readonly Parameter[];
  readonly #layers: ByRole<DenseLayer>;

  constructor(layers: ByRole<DenseLayer>) {
    this.#layers = layers;
    this.parameters = roles.flatMap((role) => layers[role].parameters);
  }

  forward(backend: Backend, x: Tensor): ByRole<Tensor> {
    return byRole((role) => this.#layers[role].forward(backend, x));
  }

  backward(backend: Backend, deltas: ByRole<Tensor>, sink: Sink, needInput: boolean): Tensor | null {
    let dx: Tensor | null = null;
    for (const role of roles)
      dx = addTangents(backend, dx, this.#layers[role].backward(backend, deltas[role], sink, needInput));
    return dx;
  }

  tangentForward(backend: Backend, xDot: Tangent, direction: Direction): ByRole<Tensor | null> {
    return byRole((role) => this.#layers[role].tangentForward(backend, xDot, direction));
  }

  tangentBackward(
    backend: Backend,
    dots: ByRole<Tensor | null>,
    direction: Direction,
    sink: Sink,
    needInput: boolean,
  ): Tangent {
    let dxDot: Tangent = null;
    for (const role of roles) {
      const dxDotOfRole = this.#layers[role].tangentBackward(backend, dots[role], direction, sink, needInput);
      dxDot = addTangents(backend, dxDot, dxDotOfRole);
    }
    return dxDot;
  }
}

class PackedProjections implements Projections {
  readonly parameters: readonly Parameter[];
  readonly #layer: DenseLayer;
  readonly #inner: number;

  constructor(layer: DenseLayer, inner: number) {
    this.#layer = layer;
    this.#inner = inner;
    this.parameters = layer.parameters;
  }

  forward(backend: Backend, x: Tensor): ByRole<Tensor> {
    return this.#parts(backend, this.#layer.forward(backend, x));
  }

  backward(backend: Backend, deltas: ByRole<Tensor>, sink: Sink, needInput: boolean): Tensor | null {
    return this.#layer.backward(backend, backend.concatColumns(roles.map((role) => deltas[role])), sink, needInput);
  }

  tangentForward(backend: Backend, xDot: Tangent, direction: Direction): ByRole<Tensor | null> {
    const dot = this.#layer.tangentForward(backend, xDot, direction);
    return dot === null ? { query: null, key: null, value: null } : this.#parts(backend, dot);
  }

  tangentBackward(
    backend: Backend,
    dots: ByRole<Tensor | null>,
    direction: Direction,
    sink: Sink,
    needInput: boolean,
  ): Tangent {
    const known = roles.map((role) => dots[role]).find((dot) => dot !== null);
    const all =
      known === undefined || known === null
        ? null
        : backend.concatColumns(roles.map((role) => dots[role] ?? backend.zeros(known.rows, this.#inner)));
    return this.#layer.tangentBackward(backend, all, direction, sink, needInput);
  }

  /** [rows, 3 inner] as three [rows, inner]. */
  #parts(backend: Backend, all: Tensor): ByRole<Tensor> {
    const apart = backend.swapAxes(all, 1, all.rows, 3, this.#inner);
    return byRole((_, part) => backend.rowRange(apart, part * all.rows, all.rows));
  }
}

function byRole<T>(make: (role: Role, part: number) => T): ByRole<T> {
  return { query: make('query', 0), key: make('key', 1), value: make('value', 2) };
}
