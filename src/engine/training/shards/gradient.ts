/** The gradient of one part of a batch, into one vector [d]: the parameters in the network's order, each row-major. */
import { CpuBackend, dataOf } from '../../backend/cpu.ts';
import type { CpuTensor } from '../../backend/cpu.ts';
import type { Tensor, Window2d } from '../../backend/types.ts';
import type { Real } from '../../blas/types.ts';
import type { Network } from '../../network/network.ts';
import type { GradientSink, Parameter, TrainingPass } from '../../network/types.ts';

/** Of a pass in training without layers that draw or take the batch's statistics (rule.ts). */
const noDraws: TrainingPass = { seed: 0, step: 0 };

export class ShardGradient implements GradientSink {
  readonly #network: Network;
  readonly #backend: CpuBackend;
  readonly #inputs: Tensor;
  readonly #targets: Tensor;
  /** By parameter name, for every shard a view of its vector. */
  readonly #views: ReadonlyMap<string, readonly CpuTensor[]>;
  /** Parameters that this pass has written already. */
  readonly #written = new Set<string>();
  #shard = 0;

  /**
   * @param network on a cpu backend @param inputs, targets tables of samples
   * @param gradients [shards, d]
   */
  constructor(network: Network, inputs: Tensor, targets: Tensor, gradients: Real, shards: number) {
    const { backend } = network;
    if (!(backend instanceof CpuBackend)) throw new Error('batches are split on the cpu backend alone');
    this.#network = network;
    this.#backend = backend;
    this.#inputs = inputs;
    this.#targets = targets;
    this.#views = gradientViews(network, backend, gradients, shards);
  }

  /** Of samples indices[from] .. indices[to - 1], each with the weight 1 / batch. Returns the sum of their losses. */
  compute(shard: number, indices: Uint32Array, from: number, to: number, batch: number): number {
    if (to <= from) {
      for (const views of this.#views.values()) views[shard].data.fill(0);
      return 0;
    }
    this.#shard = shard;
    this.#written.clear();
    const backend = this.#backend;
    return backend.scope(() => {
      this.#network.forward(backend.rowsOf(this.#inputs, indices, from, to - from), noDraws);
      const targets = backend.rowsOf(this.#targets, indices, from, to - from);
      const { losses, gradient } = this.#network.lossAndGradient(targets, 1 / batch);
      this.#network.backward(gradient, this);
      let sum = 0;
      for (const value of dataOf(losses)) sum += value;
      return sum;
    });
  }

  product(parameter: Parameter, a: Tensor, transposeA: boolean, b: Tensor, transposeB: boolean): void {
    const { target, beta } = this.#begin(parameter);
    this.#backend.accumulate(target, 1, a, transposeA, b, transposeB, beta);
  }

  convolution(parameter: Parameter, x: Tensor, dz: Tensor, window: Window2d): void {
    const { target, beta } = this.#begin(parameter);
    this.#backend.accumulateConvolution(target, 1, x, dz, window, beta);
  }

  add(parameter: Parameter, gradient: Tensor): void {
    const { target, beta } = this.#begin(parameter);
    if (beta === 0) this.#backend.assign(target, gradient);
    else this.#backend.blend(target, 1, gradient, 1);
  }

  #begin({ name }: Parameter): { target: CpuTensor; beta: number } {
    const beta = this.#written.has(name) ? 1 : 0;
    this.#written.add(name);
    const target = this.#views.get(name)?.[this.#shard];
    if (target === undefined) throw new Error(`no gradient of ${name} was expected`);
    return { target, beta };
  }
}

/** Where each parameter's gradient lies in the vectors of the shards. */
export function gradientViews(
  network: Network,
  backend: CpuBackend,
  gradients: Real,
  shards: number,
): Map<string, CpuTensor[]> {
  const views = new Map<string, CpuTensor[]>();
  const d = gradients.length / shards;
  let offset = 0;
  for (const { name, rows, cols } of network.parameters) {
    const size = rows * cols;
    const begin = offset;
    views.set(
      name,
      Array.from({ length: shards }, (_, shard) =>
        backend.wrap(gradients.subarray(shard * d + begin, shard * d + begin + size), rows, cols),
      ),
    );
    offset += size;
  }
  return views;
}
