import { describe, expect, it } from 'vitest';
import { inverseNormal, portableExp, portableLog, portableTanh } from '../../src/shared/portable.ts';
import { Random, type RandomState } from '../../src/shared/random.ts';

/** xoshiro128** written a second time, in exact integers, from the published C source. */
function* reference(seed: readonly bigint[]): Generator<number> {
  const mask = 0xffffffffn;
  const rotate = (x: bigint, k: bigint) => ((x << k) | (x >> (32n - k))) & mask;
  const s = [...seed];
  for (;;) {
    yield Number((rotate((s[1] * 5n) & mask, 7n) * 9n) & mask);
    const t = (s[1] << 9n) & mask;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotate(s[3], 11n);
  }
}

describe('Random', () => {
  it('is xoshiro128**', () => {
    const random = Random.from([1, 2, 3, 4]);
    const other = reference([1n, 2n, 3n, 4n]);
    for (let i = 0; i < 1000; i++) expect(random.uint32()).toBe(other.next().value);
  });

  it('never changes what a seed means', () => {
    const random = new Random(2026, 'order');
    const seen = [random.uint32(), random.uniform(), random.normal(), random.below(1000), [...random.permutation(6)]];
    expect(seen).toMatchInlineSnapshot(`
      [
        3957632163,
        0.6941732860438944,
        -1.6961584333635742,
        680,
        [
          3,
          5,
          0,
          2,
          1,
          4,
        ],
      ]
    `);
  });

  it.each([[0], [1], [2 ** 32], [2 ** 53 - 1]])('separates seed %i from its neighbours and its streams', (seed) => {
    const first = (random: Random) => Array.from({ length: 4 }, () => random.uint32()).join();
    const near = [new Random(seed), new Random(seed, 'a'), new Random(seed, 'b'), new Random(seed, 'aa')];
    if (seed < 2 ** 53 - 1) near.push(new Random(seed + 1));
    expect(new Set(near.map(first)).size).toBe(near.length);
    expect(first(new Random(seed, 'a'))).toBe(first(new Random(seed, 'a')));
  });

  it('goes on where its state was taken', () => {
    const random = new Random(5);
    random.normal();
    const again = Random.from(JSON.parse(JSON.stringify(random.state())) as RandomState);
    for (let i = 0; i < 10; i++) expect(again.normal()).toBe(random.normal());
  });

  it('fills an array with the numbers that one call after the other gives', () => {
    const [one, all] = [new Random(6), new Random(6)];
    const found = new Float64Array(20_000).fill(7);
    all.fillNormal(found, 1, 19_999);
    expect([found[0], found[19_999]]).toEqual([7, 7]);
    expect(found.slice(1, 19_999)).toEqual(Float64Array.from({ length: 19_998 }, () => one.normal()));
    expect(all.state()).toEqual(one.state());
  });

  it.each([[-1], [0.5], [NaN], [2 ** 53]])('refuses the seed %d', (seed) => {
    expect(() => new Random(seed)).toThrow(/invalid seed/);
  });
  it.each([[[0, 0, 0, 0]], [[1, 2, 3]], [[1, 2, 3, -4]], [[1, 2, 3, NaN]]])('refuses the state %j', (state) => {
    expect(() => Random.from(state as unknown as [number, number, number, number])).toThrow(/invalid random state/);
  });

  it('has the moments of its distributions within 4 standard errors', () => {
    const random = new Random(3);
    const n = 400_000;
    let sum = 0;
    let squares = 0;
    let fourth = 0;
    let uniforms = 0;
    const bins = new Float64Array(7);
    for (let i = 0; i < n; i++) {
      const x = random.normal();
      sum += x;
      squares += x * x;
      fourth += x ** 4;
      uniforms += random.uniform();
      bins[random.below(7)]++;
    }
    expect(Math.abs(sum / n)).toBeLessThan(4 / Math.sqrt(n));
    expect(Math.abs(squares / n - 1)).toBeLessThan(4 * Math.sqrt(2 / n));
    expect(Math.abs(fourth / n - 3)).toBeLessThan(4 * Math.sqrt(96 / n));
    expect(Math.abs(uniforms / n - 0.5)).toBeLessThan(4 * Math.sqrt(1 / 12 / n));
    for (const count of bins) expect(Math.abs(count - n / 7)).toBeLessThan(4 * Math.sqrt(n * (1 / 7) * (6 / 7)));
  });

  it('shuffles every order equally often', () => {
    const random = new Random(11);
    const counts = new Map<string, number>();
    for (let i = 0; i < 24_000; i++) {
      const key = random.permutation(4).join('');
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
    expect(counts.size).toBe(24);
    for (const count of counts.values()) expect(Math.abs(count - 1000)).toBeLessThan(5 * Math.sqrt(1000));
  });
});

describe('portable functions', () => {
  it('log agrees with Math.log to 1e-15', () => {
    for (let k = -300; k <= 300; k++) {
      const x = 1.2345678 * 10 ** k;
      expect(Math.abs(portableLog(x) - Math.log(x))).toBeLessThanOrEqual(1e-15 * Math.abs(Math.log(x)) + 1e-16);
    }
    for (const x of [0, -1, NaN, Infinity]) expect(() => portableLog(x)).toThrow(/positive/);
  });

  it('exp and tanh agree with Math.exp and Math.tanh', () => {
    for (let k = -7400; k <= 7099; k += 7) {
      const x = k / 10 + 0.0123;
      const [found, wanted] = [portableExp(x), Math.exp(x)];
      expect(Math.abs(found - wanted)).toBeLessThanOrEqual(Math.max(2e-15 * wanted, 1e-323));
    }
    expect([portableExp(0), portableExp(-Infinity), portableExp(Infinity), portableExp(NaN)]).toEqual([
      1,
      0,
      Infinity,
      NaN,
    ]);
    for (let k = -2500; k <= 2500; k++) {
      const x = k / 99;
      expect(Math.abs(portableTanh(x) - Math.tanh(x))).toBeLessThanOrEqual(1e-14 * Math.abs(Math.tanh(x)));
      const tiny = k / 99999;
      expect(Math.abs(portableTanh(tiny) - Math.tanh(tiny))).toBeLessThanOrEqual(1e-14 * Math.abs(tiny));
    }
  });

  // As Python's statistics.NormalDist().inv_cdf gives them.
  it.each([
    [1e-10, -6.361340902404056],
    [0.001, -3.090232306167813],
    [0.025, -1.959963984540054],
    [0.5, 0],
    [0.75, 0.6744897501960817],
    [0.999, 3.090232306167813],
  ])('the normal quantile of %d', (p, expected) => {
    expect(inverseNormal(p)).toBeCloseTo(expected, 13);
  });
});
