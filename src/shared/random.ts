/**
 * Random numbers that are the same on every machine, in every engine and in every process.
 *
 * Generator: xoshiro128** 1.1 (Blackman & Vigna, "Scrambled linear pseudorandom number generators", ACM TOMS 47, 2021), 32-bit integer
 * arithmetic only, period 2^128 - 1. Seeding: a 32-bit mix (the finaliser of MurmurHash3) of seed and stream name, expanded by splitmix32.
 * Normal deviates come from the inverse distribution function with IEEE additions, multiplications, divisions and square roots alone
 * (`Math.log`, `Math.sin`... may differ in the last bit between engines), so they too are equal bit for bit everywhere.
 */

import { inverseNormal, inverseNormals } from './portable.ts';

export { inverseNormal } from './portable.ts';

/** The whole state of a `Random`: four 32-bit words, not all zero. JSON-safe, for checkpoints. */
export type RandomState = readonly [number, number, number, number];

export class Random {
  #a: number;
  #b: number;
  #c: number;
  #d: number;

  /**
   * @param seed a safe integer >= 0.
   * @param stream names an independent sequence under the same seed ("initialisation", "order", ...), so that drawing more from one
   *   leaves the others as they were.
   */
  constructor(seed: number, stream = '') {
    if (!(Number.isSafeInteger(seed) && seed >= 0))
      throw new Error(`invalid seed: expected an integer from 0 to 2^53 - 1, found ${seed}`);
    let hash = mix((seed >>> 0) ^ 0x9e3779b9);
    hash = mix(hash ^ (Math.floor(seed / 2 ** 32) >>> 0));
    for (let i = 0; i < stream.length; i++) hash = mix((hash + Math.imul(stream.charCodeAt(i) + 1, 0x85ebca6b)) | 0);
    const next = () => {
      hash = (hash + 0x9e3779b9) | 0;
      return mix(hash);
    };
    this.#a = next();
    this.#b = next();
    this.#c = next();
    this.#d = next();
    if ((this.#a | this.#b | this.#c | this.#d) === 0) this.#a = 1;
  }

  /** A generator that goes on exactly where `state()` was taken. */
  static from(state: RandomState): Random {
    const valid =
      Array.isArray(state) &&
      state.length === 4 &&
      state.every((word) => Number.isInteger(word) && word >= 0 && word < 2 ** 32) &&
      state.some((word) => word !== 0);
    if (!valid)
      throw new Error(`invalid random state: expected four 32-bit words, not all zero, found ${String(state)}`);
    const random = new Random(0);
    [random.#a, random.#b, random.#c, random.#d] = [state[0] | 0, state[1] | 0, state[2] | 0, state[3] | 0];
    return random;
  }

  state(): RandomState {
    return [this.#a >>> 0, this.#b >>> 0, this.#c >>> 0, this.#d >>> 0];
  }

  /** An integer in [0, 2^32). */
  uint32(): number {
    const m = Math.imul(this.#b, 5);
    const result = Math.imul((m << 7) | (m >>> 25), 9) >>> 0;
    const t = this.#b << 9;
    this.#c ^= this.#a;
    this.#d ^= this.#b;
    this.#b ^= this.#c;
    this.#a ^= this.#d;
    this.#c ^= t;
    this.#d = (this.#d << 11) | (this.#d >>> 21);
    return result;
  }

  /** A multiple of 2^-53 in [0, 1). Two draws. */
  uniform(): number {
    const high = this.uint32() >>> 5;
    const low = this.uint32() >>> 6;
    return (high * 67108864 + low) / 9007199254740992;
  }

  /** Uniform in [low, high). */
  between(low: number, high: number): number {
    return low + (high - low) * this.uniform();
  }

  /** An integer in [0, n), without bias; n in 1..2^32. */
  below(n: number): number {
    if (!(Number.isInteger(n) && n >= 1 && n <= 2 ** 32))
      throw new Error(`invalid bound: expected 1 to 2^32, found ${n}`);
    const limit = 2 ** 32 - (2 ** 32 % n);
    for (;;) {
      const draw = this.uint32();
      if (draw < limit) return draw % n;
    }
  }

  /** A standard normal deviate, |x| < 8.3. Two draws. */
  normal(): number {
    const high = this.uint32() >>> 6;
    const low = this.uint32() >>> 6;
    // The midpoint of one of 2^52 cells: never 0 or 1, and exact in 53 bits.
    return inverseNormal((high * 67108864 + low + 0.5) / 4503599627370496);
  }

  /** Entries [from, to) become what as many calls of `normal` would give, in a fraction of their time. */
  fillNormal(out: Float64Array, from = 0, to = out.length): void {
    let [a, b, c, d] = [this.#a, this.#b, this.#c, this.#d];
    for (let i = from; i < to; i++) {
      const first = Math.imul(b, 5);
      const high = Math.imul((first << 7) | (first >>> 25), 9) >>> 6;
      const s = b << 9;
      c ^= a;
      d ^= b;
      b ^= c;
      a ^= d;
      c ^= s;
      d = (d << 11) | (d >>> 21);
      const second = Math.imul(b, 5);
      const low = Math.imul((second << 7) | (second >>> 25), 9) >>> 6;
      const t = b << 9;
      c ^= a;
      d ^= b;
      b ^= c;
      a ^= d;
      c ^= t;
      d = (d << 11) | (d >>> 21);
      out[i] = (high * 67108864 + low + 0.5) / 4503599627370496;
    }
    [this.#a, this.#b, this.#c, this.#d] = [a, b, c, d];
    inverseNormals(out, from, to);
  }

  /** Fisher-Yates, in place; returns its argument. */
  shuffle<T extends { length: number; [index: number]: number }>(values: T): T {
    for (let i = values.length - 1; i > 0; i--) {
      const j = this.below(i + 1);
      const held = values[i];
      values[i] = values[j];
      values[j] = held;
    }
    return values;
  }

  /** A random order of 0..n-1. */
  permutation(n: number): Uint32Array<ArrayBuffer> {
    return this.shuffle(Uint32Array.from({ length: n }, (_, i) => i));
  }
}

/** The finaliser of MurmurHash3: a bijection of 32-bit words. */
function mix(word: number): number {
  let h = word | 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}
