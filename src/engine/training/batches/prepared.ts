/**
 * Batches prepared in parallel: another thread draws the samples that the sampler will draw, from the same state, and gathers their inputs and targets into a ring
 * while this one trains. The numbers are those that the training thread would have gathered, so results do not change by a bit.
 */
import { Worker } from 'node:worker_threads';
import type { SamplingMode } from '../../../shared/experiment.ts';
import { CpuBackend, dataOf } from '../../backend/cpu.ts';
import type { CpuTensor } from '../../backend/cpu.ts';
import type { Backend, Tensor } from '../../backend/types.ts';
import type { ArrayReference, BlasShare, Precision, Real } from '../../blas/types.ts';
import type { SamplerState } from '../sampling.ts';
import { tableReference } from '../shards/sharded.ts';
import { BatchRing, ringMemory } from './ring.ts';
import type { RingMemory } from './ring.ts';

/** Bytes that all slots take together, if there are more than two: what a core's cache holds. */
const mostBytes = 2 ** 21;
const mostSlots = 8;
/**
 * The rule, measured on two cores with 784-50-50-10 (docs/training.md): a smaller batch costs as much to hand over as to gather, a smaller table stays in
 * the training core's cache, and with fewer bytes left to gather, starting the thread costs as much as it saves.
 */
const leastBatchBytes = 24 * 2 ** 10;
const leastTableBytes = 2 ** 24;
const leastBytes = 2 ** 30;

export interface Batch {
  readonly inputs: Tensor;
  readonly targets: Tensor;
}

export interface SamplerSetup {
  readonly sampling: SamplingMode;
  readonly size: number;
  readonly batchSize: number;
  /** Before the first batch that is to be prepared. */
  readonly state: SamplerState;
}

/** What the preparing thread is started with. */
export interface PreparerSetup {
  readonly share: BlasShare;
  readonly precision: Precision;
  readonly sampler: SamplerSetup;
  readonly ring: RingMemory;
  /** Tables of samples, and their width. */
  readonly tables: readonly { readonly array: ArrayReference; readonly cols: number; readonly slots: ArrayReference }[];
}

/**
 * Whether batches are worth a thread that prepares them: there are two threads or more, batches take longer to gather than to hand over, and enough of
 * them are left for its start. The tables must lie in memory that threads share.
 * @param threads that training may use @param steps that are left
 */
export function isWorthPreparing(
  backend: Backend,
  { inputs, targets }: Batch,
  batchSize: number,
  steps: number,
  threads: number,
): backend is CpuBackend {
  if (!(backend instanceof CpuBackend) || backend.blas.loops === undefined || threads < 2) return false;
  const isShared = [inputs, targets].every((table) => dataOf(table).buffer instanceof SharedArrayBuffer);
  const bytes = batchBytes(backend, batchSize, [inputs, targets]);
  const isLarge = bytes >= leastBatchBytes && dataOf(inputs).byteLength >= leastTableBytes;
  return isShared && isLarge && bytes * steps >= leastBytes;
}

export class PreparedBatches {
  /** Batches taken from the ring so far. */
  taken = 0;
  readonly #backend: CpuBackend;
  readonly #ring: BatchRing;
  readonly #arrays: Real[];
  readonly #slots: readonly Batch[];
  readonly #batchSize: number;
  readonly #worker: Worker;
  #failure: unknown = null;

  /** @param tables of all samples, from the backend */
  constructor(backend: CpuBackend, tables: Batch, sampler: SamplerSetup) {
    const { blas, precision } = backend;
    const { batchSize } = sampler;
    const both = [tables.inputs, tables.targets];
    const bytes = batchBytes(backend, batchSize, both);
    let slots = mostSlots;
    while (slots > 2 && slots * bytes > mostBytes) slots /= 2;
    this.#backend = backend;
    this.#batchSize = batchSize;
    this.#arrays = both.map(({ cols }) => blas.allocate(precision, slots * batchSize * cols));
    this.#slots = Array.from({ length: slots }, (_, slot) => {
      const [inputs, targets] = this.#arrays.map((array, i) => slotOf(backend, array, slot, batchSize, both[i].cols));
      return { inputs, targets };
    });
    const memory = ringMemory(slots, batchSize);
    this.#ring = new BatchRing(memory);
    const workerData: PreparerSetup = {
      share: blas.share(),
      precision,
      sampler,
      ring: memory,
      tables: both.map((table, i) => ({
        array: tableReference(blas, table),
        cols: table.cols,
        slots: blas.reference(this.#arrays[i]),
      })),
    };
    const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
    this.#worker = new Worker(new URL(`./worker.${extension}`, import.meta.url), { workerData });
    this.#worker.on('error', (error: unknown) => {
      this.#failure = error;
    });
    // It must not keep a finished process alive.
    this.#worker.unref();
  }

  /**
   * The batch of samples order[start], ..., order[start + count - 1], valid until the next call; null if it is not ready. Called once for each batch that
   * the sampler draws. Raises an Error if the thread failed.
   */
  take(order: Uint32Array, start: number, count: number): Batch | null {
    if (this.#failure !== null) {
      const reason = this.#failure instanceof Error ? this.#failure.message : 'no reason given';
      throw new Error(`the thread that prepares batches failed: ${reason}`, { cause: this.#failure });
    }
    const slot = this.#ring.take(order, start, count);
    if (slot < 0) return null;
    this.taken++;
    const whole = this.#slots[slot];
    if (count === this.#batchSize) return whole;
    return {
      inputs: this.#backend.rowRange(whole.inputs, 0, count),
      targets: this.#backend.rowRange(whole.targets, 0, count),
    };
  }

  /** Ends the thread; it must not be used again. */
  async close(): Promise<void> {
    this.#ring.close();
    // It is not stopped from outside: it may hold the lock of the shared memory.
    if (this.#worker.threadId !== -1) {
      this.#worker.ref();
      await new Promise((resolve) => this.#worker.once('exit', resolve));
    }
    for (const array of this.#arrays) this.#backend.blas.release(array);
  }
}

/** The rows of a slot in the array of all. */
export function slotOf(backend: CpuBackend, array: Real, slot: number, rows: number, cols: number): CpuTensor {
  return backend.wrap(array.subarray(slot * rows * cols, (slot + 1) * rows * cols), rows, cols);
}

function batchBytes({ precision }: CpuBackend, batchSize: number, tables: readonly Tensor[]): number {
  const bytes = precision === 'float64' ? 8 : 4;
  return tables.reduce((sum, { cols }) => sum + batchSize * cols * bytes, 0);
}
