/**
 * The gradient of a batch by several threads: the batch is split into parts (rule.ts), threads compute the gradients of parts side by side, each product on one
 * thread of the library, and the parts are added in a fixed order. The same bits whatever the number of threads, one included.
 */
import { Worker } from 'node:worker_threads';
import { endWhenLoaded } from '../../parallel/loading.ts';
import type { ModelSpec } from '../../../shared/model.ts';
import { CpuBackend, dataOf } from '../../backend/cpu.ts';
import type { CpuTensor } from '../../backend/cpu.ts';
import type { Tensor } from '../../backend/types.ts';
import type { ArrayReference, Blas, BlasShare, Precision, Real } from '../../blas/types.ts';
import type { Network } from '../../network/network.ts';
import { Exchange, exchangeMemory } from './exchange.ts';
import type { ExchangeMemory } from './exchange.ts';
import { gradientViews, ShardGradient } from './gradient.ts';

/** What a helping thread is started with. */
export interface HelperSetup {
  readonly share: BlasShare;
  readonly precision: Precision;
  readonly model: ModelSpec;
  readonly weights: readonly {
    readonly name: string;
    readonly rows: number;
    readonly cols: number;
    readonly array: ArrayReference;
  }[];
  readonly inputs: ArrayReference;
  readonly targets: ArrayReference;
  /** [shards, d] */
  readonly gradients: ArrayReference;
  readonly shards: number;
  readonly exchange: ExchangeMemory;
}

export interface ShardedOptions {
  readonly batchSize: number;
  /** > 1 */
  readonly shards: number;
  /** The main thread included, >= 1. */
  readonly threads: number;
}

export class ShardedGradient {
  readonly #exchange: Exchange;
  readonly #views: ReadonlyMap<string, readonly CpuTensor[]>;
  readonly #backend: CpuBackend;
  readonly #ends: readonly (() => Promise<unknown>)[];
  readonly #release: () => void;

  /** @param inputs, targets tables of samples, from the network's backend */
  constructor(network: Network, inputs: Tensor, targets: Tensor, options: ShardedOptions) {
    const { backend } = network;
    if (!(backend instanceof CpuBackend)) throw new Error('batches are split on the cpu backend alone');
    const { blas, precision } = backend;
    const { batchSize, shards, threads } = options;
    const d = network.parameters.reduce((sum, { rows, cols }) => sum + rows * cols, 0);
    const gradients = blas.allocate(precision, shards * d);
    this.#backend = backend;
    this.#views = gradientViews(network, backend, gradients, shards);
    const memory = exchangeMemory(batchSize, shards);
    const mainShare = new ShardGradient(network, inputs, targets, gradients, shards);
    this.#exchange = new Exchange(memory, (...part) => mainShare.compute(...part));
    this.#release = () => {
      blas.release(gradients);
    };
    const setup: HelperSetup = {
      share: blas.share(),
      precision,
      model: network.spec,
      weights: [...network.weights].map(([name, tensor]) => ({
        name,
        rows: tensor.rows,
        cols: tensor.cols,
        array: blas.reference(dataOf(tensor)),
      })),
      inputs: tableReference(blas, inputs),
      targets: tableReference(blas, targets),
      gradients: blas.reference(gradients),
      shards,
      exchange: memory,
    };
    this.#ends = Array.from({ length: Math.min(threads, shards) - 1 }, () => endWhenLoaded(helper(setup)));
  }

  get helpers(): number {
    return this.#exchange.helpers;
  }

  /** The gradient of the batch's mean loss, given to `take` parameter by parameter; returns the sum of the samples' losses. */
  compute(
    network: Network,
    indices: Uint32Array,
    start: number,
    count: number,
    take: (parameter: Network['parameters'][number], gradient: Tensor) => void,
  ): number {
    const sum = this.#exchange.run(indices, start, count);
    for (const parameter of network.parameters) {
      const views = this.#views.get(parameter.name) ?? [];
      // The other parts are added to the first part's vector.
      for (let shard = 1; shard < views.length; shard++) this.#backend.blend(views[0], 1, views[shard], 1);
      take(parameter, views[0]);
    }
    return sum;
  }

  /** Ends the helping threads; it must not be used again. */
  async close(): Promise<void> {
    this.#exchange.close();
    await Promise.all(this.#ends.map((end) => end()));
    this.#release();
  }
}

/** Tables may lie outside the library's memory: then in shared memory of any kind (an array that is not shared is copied). */
export function tableReference(blas: Blas, table: Tensor): ArrayReference {
  const array = dataOf(table);
  const isOutside = blas.loops !== undefined && blas.loops.offset(array) < 0;
  return isOutside ? { kind: 'native', array } : blas.reference(array);
}

export function openTable(blas: Blas, reference: ArrayReference): Real {
  return reference.kind === 'native' ? reference.array : blas.open(reference);
}

function helper(workerData: HelperSetup): Worker {
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
  const worker = new Worker(new URL(`./worker.${extension}`, import.meta.url), { workerData });
  // The step that waits for it learns of its failure through the exchange.
  worker.on('error', () => undefined);
  // It must not keep a finished process alive.
  worker.unref();
  return worker;
}
