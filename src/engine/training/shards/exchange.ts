/**
 * How the threads of a step coordinate: by a few words in shared memory. The main thread writes a batch and opens it; every thread, including the main one, claims
 * parts by counting up until none is left; the main thread waits until all are done. Who computes a part does not change its bits.
 */

/** Words of `words`. */
const GENERATION = 0;
const NEXT = 1;
const DONE = 2;
const BATCH = 3;
const STATE = 4;
const HELPERS = 5;
const RUNNING = 0;
const CLOSED = 1;
const FAILED = 2;

/**
 * How long a thread looks before it sleeps. Between two batches the main thread adds the parts' gradients and draws the next, some hundredth of a millisecond, and the last part
 * ends some tenths after the last but one: waking a thread that sleeps takes longer than either.
 */
const spinMilliseconds = 0.2;
/** Looks between two glances at the clock. */
const looks = 100;
/** After waiting this long for a part, a thread is assumed to have died. */
const patienceMilliseconds = 600_000;

/** Structured-cloneable; shared. */
export interface ExchangeMemory {
  readonly words: Int32Array;
  /** Sample numbers of the batch. */
  readonly indices: Uint32Array;
  /** Sum of the losses of each part. */
  readonly losses: Float64Array;
}

export function exchangeMemory(batch: number, shards: number): ExchangeMemory {
  const words = new Int32Array(new SharedArrayBuffer(64));
  // Nothing to claim before the first batch.
  words[NEXT] = shards;
  return {
    words,
    indices: new Uint32Array(new SharedArrayBuffer(4 * batch)),
    losses: new Float64Array(new SharedArrayBuffer(8 * shards)),
  };
}

/** Computes a part of the samples indices[from] .. indices[to - 1] of a batch; returns the sum of their losses. */
export type ShardBody = (shard: number, indices: Uint32Array, from: number, to: number, batch: number) => number;

export class Exchange {
  readonly memory: ExchangeMemory;
  readonly #body: ShardBody;

  constructor(memory: ExchangeMemory, body: ShardBody) {
    this.memory = memory;
    this.#body = body;
  }

  /** Main thread: one batch. Returns the sum of all losses, added in the order of the parts. Raises an Error if a thread failed. */
  run(indices: Uint32Array, start: number, count: number): number {
    const { words, losses } = this.memory;
    for (let p = 0; p < count; p++) this.memory.indices[p] = indices[start + p];
    words[BATCH] = count;
    Atomics.store(words, DONE, 0);
    Atomics.store(words, NEXT, 0);
    Atomics.add(words, GENERATION, 1);
    Atomics.notify(words, GENERATION);
    this.#claim();
    this.#await(losses.length);
    let sum = 0;
    for (const loss of losses) sum += loss;
    return sum;
  }

  /** Helping thread: works until the exchange is closed. */
  serve(): void {
    const { words } = this.memory;
    Atomics.add(words, HELPERS, 1);
    while (Atomics.load(words, STATE) === RUNNING) {
      const generation = Atomics.load(words, GENERATION);
      this.#claim();
      if (!spin(() => Atomics.load(words, GENERATION) !== generation) && Atomics.load(words, STATE) === RUNNING)
        Atomics.wait(words, GENERATION, generation);
    }
  }

  /** Number of helping threads that are ready. */
  get helpers(): number {
    return Atomics.load(this.memory.words, HELPERS);
  }

  /** Helping thread: reports that it cannot continue. */
  fail(): void {
    const { words } = this.memory;
    Atomics.store(words, STATE, FAILED);
    Atomics.add(words, DONE, 1);
    Atomics.notify(words, DONE);
  }

  /** Main thread: lets the helping threads end. */
  close(): void {
    const { words } = this.memory;
    Atomics.store(words, STATE, CLOSED);
    Atomics.add(words, GENERATION, 1);
    Atomics.notify(words, GENERATION);
  }

  #claim(): void {
    const { words, indices, losses } = this.memory;
    const shards = losses.length;
    for (;;) {
      const shard = Atomics.add(words, NEXT, 1);
      if (shard >= shards) return;
      const batch = words[BATCH];
      const from = Math.floor((shard * batch) / shards);
      const to = Math.floor(((shard + 1) * batch) / shards);
      losses[shard] = this.#body(shard, indices, from, to, batch);
      Atomics.add(words, DONE, 1);
      Atomics.notify(words, DONE);
    }
  }

  #await(shards: number): void {
    const { words } = this.memory;
    const isOver = (): boolean => Atomics.load(words, DONE) >= shards || Atomics.load(words, STATE) === FAILED;
    if (!spin(isOver)) {
      for (let done = Atomics.load(words, DONE); !isOver(); done = Atomics.load(words, DONE)) {
        if (Atomics.wait(words, DONE, done, patienceMilliseconds) === 'timed-out')
          throw new Error(`a part of a batch was not done within ${patienceMilliseconds / 1000} s`);
      }
    }
    if (Atomics.load(words, STATE) === FAILED) throw new Error('a thread that shares the training step failed');
  }
}

/** Looks for a while whether something has come about; false if it has not. */
function spin(isOver: () => boolean): boolean {
  const until = performance.now() + spinMilliseconds;
  do {
    for (let i = 0; i < looks; i++) if (isOver()) return true;
  } while (performance.now() < until);
  return false;
}
