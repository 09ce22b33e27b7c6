/**
 * The allocator of the memory that all threads share. Its whole state (lock, list of free blocks) lies in that memory, so that any thread
 * that has the memory can allocate and release: the main thread its arrays, each worker its scratch and the workspace of an eigendecomposition.
 *
 * Layout, in units of 64 bytes: unit 0 holds the control words, every block is one unit of header followed by its payload. Free blocks
 * form a list in the order of their addresses; neighbours are merged on release. Memory beyond END was never handed out and is therefore still zero.
 */
const UNIT = 64;
const WORDS = UNIT / 4;
const PAGE = 65536;
/** Memory is asked of the system in steps of 16 MiB; untouched pages cost nothing. */
const GROWTH_PAGES = 256;

/** Control words (indices of 32-bit words in unit 0). */
const LOCK = 0;
/** Unit of the first free block; 0: none. */
const FIRST = 1;
/** The first unit that belongs to no block; 0 before `prepare`. */
const END = 2;
/** The largest number of pages that the memory may have. */
const LIMIT = 3;

/** Words of a block's header. */
const SIZE = 0;
const STATE = 1;
const NEXT = 2;
const USED = 0x55534544;
const FREE = 0x46524545;

/** After this time a lock can only be held by a thread that was killed while it held it. */
const LOCK_MILLISECONDS = 10_000;

export class Heap {
  readonly memory: WebAssembly.Memory;
  #words: Int32Array;

  /** Opens the heap of a memory that `createMemory` made, in any thread. */
  constructor(memory: WebAssembly.Memory) {
    this.memory = memory;
    this.#words = new Int32Array(memory.buffer);
    if (this.#words[END] === 0) throw new Error('the WebAssembly memory has no heap: it was not made by createMemory');
  }

  /**
   * Byte offset of `bytes` zeroed bytes, 64-byte aligned.
   * Raises an Error naming the bytes asked for and the limit when there is no room.
   */
  allocate(bytes: number): number {
    if (!(Number.isSafeInteger(bytes) && bytes >= 0)) throw new Error(`cannot allocate ${bytes} bytes`);
    const units = 1 + Math.ceil(bytes / UNIT);
    const [unit, used] = this.#locked((words) => {
      const end = words[END];
      return [this.#take(units) ?? this.#extend(units, bytes), end] as const;
    });
    const offset = (unit + 1) * UNIT;
    const dirty = Math.min(offset + bytes, used * UNIT) - offset;
    if (dirty > 0) new Uint8Array(this.buffer(offset + dirty), offset, dirty).fill(0);
    return offset;
  }

  /** Gives back what `allocate` returned. Raises an Error when nothing is allocated at this offset. */
  release(offset: number): void {
    this.#locked((words) => {
      const unit = offset / UNIT - 1;
      const inside = Number.isInteger(unit) && unit >= 1 && unit < words[END];
      if (!inside || this.#header(unit)[unit * WORDS + STATE] !== USED) {
        throw new Error(`no array is allocated at offset ${offset}`);
      }
      this.#free(unit);
    });
  }

  /** The memory's buffer, refreshed until it covers `end` bytes (another thread may have made the memory grow). */
  buffer(end: number): ArrayBufferLike {
    if (this.memory.buffer.byteLength < end) this.memory.grow(0);
    if (this.memory.buffer.byteLength < end) {
      throw new Error(`byte ${end} lies outside the WebAssembly memory of ${this.memory.buffer.byteLength} bytes`);
    }
    return this.memory.buffer;
  }

  /** First fit; the unit of the block's header, or null if no free block is large enough. */
  #take(units: number): number | null {
    let words = this.#words;
    let previous = 0;
    for (let unit = words[FIRST]; unit !== 0; unit = words[unit * WORDS + NEXT]!) {
      words = this.#header(unit);
      const rest = words[unit * WORDS + SIZE] - units;
      if (rest >= 0) {
        let next = words[unit * WORDS + NEXT];
        if (rest >= 2) {
          this.#write(unit + units, rest, FREE, next);
          next = unit + units;
          this.#write(unit, units, USED, 0);
        } else {
          this.#write(unit, units + rest, USED, 0);
        }
        this.#link(previous, next);
        return unit;
      }
      previous = unit;
    }
    return null;
  }

  /** A block at the end of the heap, beginning in the last free block if that reaches the end. */
  #extend(units: number, bytes: number): number {
    let words = this.#words;
    let previous = 0;
    let last = 0;
    for (let unit = words[FIRST]; unit !== 0; unit = words[unit * WORDS + NEXT]!) {
      words = this.#header(unit);
      previous = last;
      last = unit;
    }
    const end = words[END];
    const adjoins = last !== 0 && last + words[last * WORDS + SIZE] === end;
    const unit = adjoins ? last : end;
    this.#grow((unit + units) * UNIT, bytes);
    words = this.#header(unit);
    if (adjoins) this.#link(previous, 0);
    this.#write(unit, units, USED, 0);
    words[END] = unit + units;
    return unit;
  }

  /** Makes the memory at least `end` bytes long. */
  #grow(end: number, bytes: number): void {
    const limit = this.#words[LIMIT];
    const have = this.memory.buffer.byteLength / PAGE;
    const need = Math.ceil(end / PAGE);
    const refused = (reason: string): Error => {
      const mebibytes = (value: number): string => (value / 1048576).toFixed(1);
      return new Error(
        `no room for ${bytes} bytes (${mebibytes(bytes)} MiB) in the WebAssembly memory: ${reason} ` +
          `(${mebibytes(this.#words[END] * UNIT)} MiB reached of a limit of ${mebibytes(limit * PAGE)} MiB)`,
      );
    };
    if (need > limit) throw refused('the limit would be passed');
    if (need <= have) return;
    try {
      this.memory.grow(Math.min(limit, Math.max(need, have + GROWTH_PAGES)) - have);
    } catch (error) {
      throw refused(error instanceof Error ? error.message : String(error));
    }
  }

  #free(unit: number): void {
    let words = this.#header(unit);
    let before = 0;
    let after = words[FIRST];
    while (after !== 0 && after < unit) {
      before = after;
      after = this.#header(after)[after * WORDS + NEXT]!;
    }
    words = this.#words;
    let size = words[unit * WORDS + SIZE];
    let next = after;
    if (after !== 0 && unit + size === after) {
      size += words[after * WORDS + SIZE];
      next = words[after * WORDS + NEXT]!;
    }
    if (before !== 0 && before + words[before * WORDS + SIZE] === unit) {
      this.#write(unit, 0, FREE, 0);
      this.#write(before, words[before * WORDS + SIZE] + size, FREE, next);
    } else {
      this.#write(unit, size, FREE, next);
      this.#link(before, unit);
    }
  }

  #link(previous: number, next: number): void {
    if (previous === 0) this.#words[FIRST] = next;
    else this.#words[previous * WORDS + NEXT] = next;
  }

  #write(unit: number, size: number, state: number, next: number): void {
    const words = this.#header(unit);
    words[unit * WORDS + SIZE] = size;
    words[unit * WORDS + STATE] = state;
    words[unit * WORDS + NEXT] = next;
  }

  /** The words of the memory, covering the header of this unit. */
  #header(unit: number): Int32Array {
    const end = (unit + 1) * UNIT;
    if (this.#words.byteLength < end) this.#words = new Int32Array(this.buffer(end));
    return this.#words;
  }

  #locked<Result>(action: (words: Int32Array) => Result): Result {
    const words = this.#words;
    while (Atomics.compareExchange(words, LOCK, 0, 1) !== 0) {
      if (Atomics.wait(words, LOCK, 1, LOCK_MILLISECONDS) === 'timed-out') {
        throw new Error('the heap of the WebAssembly memory is locked by a thread that ended while allocating');
      }
    }
    try {
      return action(words);
    } finally {
      Atomics.store(words, LOCK, 0);
      Atomics.notify(words, LOCK, 1);
    }
  }
}

/** 4 GiB less a page: no address that a kernel computes, one vector past the end of an array included, wraps around 2^32. */
const MAXIMUM_PAGES = 65535;

/**
 * A shared memory with an empty heap. Address space for `maximumPages` (default 4 GiB) is reserved, memory itself is taken as it is used;
 * if the system refuses that much address space (a container's limit), half as much is tried, down to 256 MiB.
 */
export function createMemory(maximumPages = MAXIMUM_PAGES): WebAssembly.Memory {
  for (let maximum = maximumPages; ; maximum = Math.floor(maximum / 2)) {
    try {
      const memory = new WebAssembly.Memory({ initial: 1, maximum, shared: true });
      const words = new Int32Array(memory.buffer);
      words[LIMIT] = maximum;
      words[END] = 1;
      return memory;
    } catch (error) {
      if (!(error instanceof RangeError) || maximum <= 4096) throw error;
    }
  }
}
