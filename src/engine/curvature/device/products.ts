/** Sums of h_p v over ranges of samples from a device: tangent passes in float32 over chunks, whose sums the host adds in float64. */
import type { Backend, Tensor } from '../../backend/types.ts';
import type { Real } from '../../blas/types.ts';
import { rowSum } from '../../network/types.ts';
import type { GradientSink, Parameter } from '../../network/types.ts';
import type { Space } from '../projected/space.ts';
import { linearisedBytes, directionOn, lineariseOn } from './linearised.ts';
import type { DeviceSession } from './session.ts';

export class DeviceProducts {
  readonly #session: DeviceSession;
  readonly #space: Space;
  readonly #order: Uint32Array;

  constructor(session: DeviceSession, space: Space, order: Uint32Array) {
    this.#session = session;
    this.#space = space;
    this.#order = order;
  }

  get title(): string {
    return this.#session.title;
  }

  get fallbacks(): readonly string[] {
    return this.#session.fallbacks;
  }

  /** out += sum of h_p v over samples [from, to) of the order; v and out [d]. */
  async add(v: Real, out: Real, from: number, to: number): Promise<void> {
    const space = this.#space;
    const limit = (): number => {
      const { bytes, largest } = linearisedBytes(this.#session.problem.network);
      return this.#session.fitting(bytes, largest);
    };
    await this.#session.run<ReadonlyMap<string, Tensor>, Real[]>(from, to, limit, {
      prepare: ({ backend }) =>
        backend.scope(() => {
          const weights = directionOn(space, backend, v);
          for (const tensor of weights.values()) backend.keep(tensor);
          return weights;
        }),
      enqueue: (problem, weights, start, count) => {
        const { network, backend } = problem;
        const { stop } = lineariseOn(problem, space, this.#order, start, count);
        const sums = new TensorSums(space, backend);
        network.tangent({ weights }, sums, stop);
        return Promise.all(space.parameters.map((parameter) => sums.read(parameter)));
      },
      settle: (parts) => {
        for (const [i, { name }] of space.parameters.entries()) {
          const offset = space.offsets.get(name) ?? 0;
          for (let j = 0; j < parts[i].length; j++) out[offset + j] += parts[i][j];
        }
      },
      finish: ({ backend }, weights) => {
        for (const tensor of weights.values()) backend.release(tensor);
      },
    });
  }
}

/** Adds gradients up on the backend; parameters outside the space are ignored. */
class TensorSums implements GradientSink {
  readonly #space: Space;
  readonly #backend: Backend;
  readonly #sums = new Map<string, Tensor>();

  constructor(space: Space, backend: Backend) {
    this.#space = space;
    this.#backend = backend;
  }

  product(parameter: Parameter, a: Tensor, transposeA: boolean, b: Tensor, transposeB: boolean): void {
    if (this.#space.offsets.has(parameter.name))
      this.add(parameter, this.#backend.matmul(a, b, transposeA, transposeB));
  }

  add({ name }: Parameter, gradient: Tensor): void {
    if (!this.#space.offsets.has(name)) return;
    const sum = this.#sums.get(name);
    this.#sums.set(name, sum === undefined ? gradient : this.#backend.add(sum, gradient));
  }

  addRows(parameter: Parameter, rows: () => Tensor, sum?: () => Tensor): void {
    if (!this.#space.offsets.has(parameter.name)) return;
    this.add(parameter, sum?.() ?? rowSum(this.#backend, parameter, rows()));
  }

  read({ name, rows, cols }: Parameter): Promise<Real> {
    return this.#backend.read(this.#sums.get(name) ?? this.#backend.zeros(rows, cols));
  }
}
