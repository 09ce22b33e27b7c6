/**
 * A ring of batches between a thread that prepares them and the one that trains. The training thread draws the samples of each batch itself, as without a ring,
 * and takes a prepared batch only if it holds those very samples: a ring can be late, never wrong. It does not wait: if a batch is not ready, it gathers the batch itself.
 */
import type { BatchSampler } from '../sampling.ts';

/** Words of `words`. Numbers of batches wrap around at 2^32: they are compared by their difference. */
const READY = 0;
/** The batch that is currently trained on; those before it are free. */
const TAKEN = 1;
const ASLEEP = 2;
const CLOSED = 3;

/** Structured-cloneable; shared. */
export interface RingMemory {
  readonly words: Int32Array;
  /** Samples of each slot's batch. */
  readonly counts: Int32Array;
  /** Their numbers [slots, batch]. */
  readonly indices: Uint32Array;
}

/** @param slots a power of two >= 2 */
export function ringMemory(slots: number, batch: number): RingMemory {
  return {
    words: new Int32Array(new SharedArrayBuffer(64)),
    counts: new Int32Array(new SharedArrayBuffer(4 * slots)),
    indices: new Uint32Array(new SharedArrayBuffer(4 * slots * batch)),
  };
}

export class BatchRing {
  readonly #words: Int32Array;
  readonly #counts: Int32Array;
  readonly #indices: Uint32Array;
  readonly #slots: number;
  readonly #batch: number;
  #drawn = 0;

  constructor({ words, counts, indices }: RingMemory) {
    this.#words = words;
    this.#counts = counts;
    this.#indices = indices;
    this.#slots = counts.length;
    this.#batch = indices.length / counts.length;
  }

  /** Training thread: the slot that holds the batch drawn now, valid until the next call; -1 if it is not ready. */
  take(order: Uint32Array, start: number, count: number): number {
    const words = this.#words;
    const number = this.#drawn;
    this.#drawn = (number + 1) | 0;
    Atomics.store(words, TAKEN, number);
    const ahead = (Atomics.load(words, READY) - number) | 0;
    // The thread is woken only for half a ring of batches, because waking costs as much as gathering a small one.
    if (2 * ahead <= this.#slots && Atomics.load(words, ASLEEP) === 1) this.#wake();
    if (ahead <= 0) return -1;
    const slot = number & (this.#slots - 1);
    if (this.#counts[slot] !== count) return -1;
    const begin = slot * this.#batch;
    for (let p = 0; p < count; p++) if (this.#indices[begin + p] !== order[start + p]) return -1;
    return slot;
  }

  /** Preparing thread: fills slots with the sampler's next batches until the ring is closed. */
  serve(
    sampler: BatchSampler,
    gather: (slot: number, indices: Uint32Array, start: number, count: number) => void,
  ): void {
    for (let number = 0; ; number = (number + 1) | 0) {
      sampler.next();
      while (this.#before(number) >= this.#slots) this.#sleep(number);
      if (Atomics.load(this.#words, CLOSED) === 1) return;
      // A batch that the training thread has already passed is only drawn, not gathered.
      if (this.#before(number) >= 0) {
        const { order, start, count } = sampler;
        const slot = number & (this.#slots - 1);
        this.#counts[slot] = count;
        for (let p = 0; p < count; p++) this.#indices[slot * this.#batch + p] = order[start + p];
        gather(slot, order, start, count);
      }
      Atomics.store(this.#words, READY, (number + 1) | 0);
    }
  }

  /** Training thread: lets the preparing thread end. */
  close(): void {
    Atomics.store(this.#words, CLOSED, 1);
    // Nothing is awaited any more: no slot counts as full.
    Atomics.store(this.#words, TAKEN, (Atomics.load(this.#words, READY) + this.#slots) | 0);
    this.#wake();
  }

  /** How many batches lie between the one trained on and this one. */
  #before(number: number): number {
    return (number - Atomics.load(this.#words, TAKEN)) | 0;
  }

  #sleep(number: number): void {
    Atomics.store(this.#words, ASLEEP, 1);
    if (this.#before(number) >= this.#slots) Atomics.wait(this.#words, ASLEEP, 1);
    Atomics.store(this.#words, ASLEEP, 0);
  }

  #wake(): void {
    Atomics.store(this.#words, ASLEEP, 0);
    Atomics.notify(this.#words, ASLEEP);
  }
}
