/**
 * Random numbers that are the same on every machine, in every engine and in every process.
 *
 * Generator: xoshiro128** 1.1 (Blackman & Vigna, "Scrambled linear pseudorandom number generators", ACM TOMS 47, 2021), 32-bit integer
 * arithmetic only, period 2^128 - 1. Seeding: a 32-bit mix (the finaliser of MurmurHash3) of seed and stream name, expanded by splitmix32.
 * Normal deviates come from the inverse distribution function with IEEE additions, multiplications, divisions and square roots alone
 * (`Math.log`, `Math.sin`... may differ in the last bit between engines), so they too are equal bit for bit everywhere.
 */

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

  /** Fisher-Yates, in place; returns its argument. */
  shuffle<T extends { length: number; [index: number]: number }>(values: T): T {
    for (let i = values.length - 1; i > 0; i--) {
      const j = this.below(i + 1);
      const held = values[i] as number;
      values[i] = values[j] as number;
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

/**
 * Natural logarithm of a positive normal number from IEEE basic operations alone; relative error below 1e-15.
 * x = m 2^e with m in [1/sqrt 2, sqrt 2): log x = e log 2 + 2 atanh((m - 1) / (m + 1)).
 */
export function portableLog(x: number): number {
  if (!(x > 0 && x < Infinity)) throw new Error(`portableLog: expected a positive number, found ${x}`);
  let m = x;
  let e = 0;
  while (m >= 1.4142135623730951) {
    m /= 2;
    e++;
  }
  while (m < 0.7071067811865476) {
    m *= 2;
    e--;
  }
  const s = (m - 1) / (m + 1);
  const s2 = s * s;
  let sum = 0;
  for (let k = 23; k >= 1; k -= 2) sum = sum * s2 + 1 / k;
  return e * 0.6931471805599453 + 2 * s * sum;
}

/** Quantile of the standard normal distribution for p in (0, 1): Wichura's PPND16, algorithm AS 241 (1988), about 1 part in 10^16. */
export function inverseNormal(p: number): number {
  const q = p - 0.5;
  if (Math.abs(q) <= 0.425) {
    const r = 0.180625 - q * q;
    return (q * polynomial(centre.above, r)) / polynomial(centre.below, r);
  }
  let r = q < 0 ? p : 1 - p;
  r = Math.sqrt(-portableLog(r));
  const part = r <= 5 ? middle : tail;
  r -= r <= 5 ? 1.6 : 5;
  const x = polynomial(part.above, r) / polynomial(part.below, r);
  return q < 0 ? -x : x;
}

function polynomial(coefficients: readonly number[], x: number): number {
  let sum = 0;
  for (let i = coefficients.length - 1; i >= 0; i--) sum = sum * x + coefficients[i]!;
  return sum;
}

// Coefficients of AS 241, lowest power first.
const centre = {
  above: [
    3.387132872796366608, 133.14166789178437745, 1971.5909503065514427, 13731.693765509461125, 45921.953931549871457,
    67265.770927008700853, 33430.575583588128105, 2509.0809287301226727,
  ],
  below: [
    1, 42.313330701600911252, 687.1870074920579083, 5394.1960214247511077, 21213.794301586595867, 39307.89580009271061,
    28729.085735721942674, 5226.495278852545925,
  ],
} as const;
const middle = {
  above: [
    1.42343711074968357734, 4.6303378461565452959, 5.7694972214606914055, 3.64784832476320460504,
    1.27045825245236838258, 0.24178072517745061177, 0.0227238449892691845833, 7.7454501427834140764e-4,
  ],
  below: [
    1, 2.05319162663775882187, 1.6763848301838038494, 0.68976733498510000455, 0.14810397642748007459,
    0.0151986665636164571966, 5.475938084995344946e-4, 1.05075007164441684324e-9,
  ],
} as const;
const tail = {
  above: [
    6.6579046435011037772, 5.4637849111641143699, 1.7848265399172913358, 0.29656057182850489123,
    0.026532189526576123093, 0.0012426609473880784386, 2.71155556874348757815e-5, 2.01033439929228813265e-7,
  ],
  below: [
    1, 0.59983220655588793769, 0.13692988092273580531, 0.0148753612908506148525, 7.868691311456132591e-4,
    1.8463183175100546818e-5, 1.4215117583164458887e-7, 2.04426310338993978564e-15,
  ],
} as const;
