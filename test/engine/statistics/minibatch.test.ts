import { describe, expect, it } from 'vitest';
import { compareBatchNoise, samplingFactors } from '../../../src/engine/statistics/index.ts';
import type { SamplingMode } from '../../../src/shared/experiment.ts';
import { Random } from '../../../src/shared/random.ts';
import { mean } from './support.ts';

const population = 60;
const k = 6;

/** P gradients along k directions, skewed, of very different sizes, with their mean taken off; and C_ii. */
function gradients(): { g: Float64Array[]; C: Float64Array } {
  const random = new Random(1);
  const g = Array.from({ length: k }, (_, i) => {
    const values = Float64Array.from({ length: population }, () => 10 ** -i * Math.exp(random.normal()));
    const centre = mean(values);
    return values.map((value) => value - centre);
  });
  return { g, C: Float64Array.from(g, (values) => mean(values.map((v) => v * v))) };
}

/** Batches drawn by the definition of each mode; rows of samples. */
function drawBatches(mode: SamplingMode, sizes: number[], rounds: number, random: Random): Uint32Array[] {
  return Array.from({ length: rounds }, () => {
    if (mode === 'with_replacement') return [Uint32Array.from({ length: sizes[0] }, () => random.below(population))];
    const order = random.permutation(population);
    if (mode === 'without_replacement') return [order.subarray(0, sizes[0])];
    let start = 0;
    return sizes.map((size) => order.subarray(start, (start += size)));
  }).flat();
}

function project(batches: Uint32Array[], g: Float64Array[]): Float64Array {
  return Float64Array.from(
    batches.flatMap((batch) => g.map((values) => mean(Float64Array.from(batch, (p) => values[p])))),
  );
}

const cases = [
  { mode: 'with_replacement', sizes: [20], rounds: 2000 },
  { mode: 'without_replacement', sizes: [20], rounds: 2000 },
  { mode: 'without_replacement', sizes: [45], rounds: 2000 },
  { mode: 'epoch', sizes: [20, 20, 20], rounds: 1000 },
  { mode: 'epoch', sizes: [25, 25, 10], rounds: 1000 },
] as const;

describe('samplingFactors', () => {
  it('agree with all subsets of a small population, by enumeration', () => {
    const values = [3, -1, 4, -1, -5];
    const C = mean(values.map((v) => v * v));
    const subsets = Array.from({ length: 32 }, (_, bits) => values.filter((_, i) => (bits >> i) & 1));
    for (const size of [1, 2, 3, 4, 5]) {
      const means = subsets.filter((subset) => subset.length === size).map(mean);
      expect(samplingFactors('without_replacement', size, 5).variance * C).toBeCloseTo(
        mean(means.map((m) => m * m)),
        12,
      );
      expect(samplingFactors('epoch', size, 5).variance).toBe(samplingFactors('without_replacement', size, 5).variance);
    }
    // Two batches of an epoch: all ways to split into {a, b} and {c}.
    const products: number[] = [];
    for (let c = 0; c < 5; c++)
      for (let a = 0; a < 5; a++)
        for (let b = 0; b < a; b++) if (a !== c && b !== c) products.push(((values[a] + values[b]) / 2) * values[c]);
    expect(samplingFactors('epoch', 2, 5).between * C).toBeCloseTo(mean(products), 12);
    expect(samplingFactors('with_replacement', 10, 5)).toEqual({ variance: 0.1, between: 0 });
  });

  it.each([[20], [10], [30], [1]])('leave no noise in the sum of an epoch of batches of %i', (batch) => {
    const { variance, between } = samplingFactors('epoch', batch, population);
    const batches = population / batch;
    expect(batches * variance + batches * (batches - 1) * between).toBeCloseTo(0, 14);
  });

  it('has no noise where the batch is everything', () => {
    expect(samplingFactors('without_replacement', 7, 7)).toEqual({ variance: 0, between: 0 });
    expect(samplingFactors('epoch', 1, 1)).toEqual({ variance: 0, between: 0 });
  });

  it.each([
    ['without_replacement', 8, 7],
    ['epoch', 0, 7],
    ['with_replacement', 1.5, 7],
    ['with_replacement', 1, NaN],
  ] as const)('refuses %s, %d of %d', (mode, batch, samples) => {
    expect(() => samplingFactors(mode, batch, samples)).toThrow(/expected/);
  });
});

describe('compareBatchNoise', () => {
  const { g, C } = gradients();

  it.each(cases)('finds the predicted noise: $mode, $sizes', ({ mode, sizes, rounds }) => {
    const random = new Random(7, `${mode} ${sizes.join()}`);
    const batches = drawBatches(mode, [...sizes], rounds, random);
    const found = compareBatchNoise({ mode, population, sizes, projections: project(batches, g), C });
    expect([found.batches, found.directions, found.left_out]).toEqual([batches.length, k, 0]);
    expect(Math.abs(found.variance!.z)).toBeLessThan(3);
    expect(found.variance!.standard_error).toBeLessThan(0.05);
    for (let i = 0; i < k; i++) expect(Math.abs(found.measured[i] / found.predicted[i] - 1)).toBeLessThan(0.15);
    if (mode === 'epoch') {
      expect(found.epochs).toBe(rounds);
      expect(found.between!.expected).toBe(-1 / 59);
      expect(Math.abs(found.between!.z)).toBeLessThan(3);
      // It is there: not zero.
      expect(Math.abs(found.between!.measured / found.between!.standard_error)).toBeGreaterThan(5);
      expect(found.epoch_sum).toBeLessThan(1e-12);
    } else {
      expect([found.epochs, found.between, found.epoch_sum]).toEqual([null, null, null]);
    }
  });

  it('tells the modes apart', () => {
    const batches = project(drawBatches('with_replacement', [20], 2000, new Random(8)), g);
    const wrong = compareBatchNoise({ mode: 'without_replacement', population, sizes: [20], projections: batches, C });
    expect(wrong.variance!.measured).toBeGreaterThan(1.3);
    expect(wrong.variance!.z).toBeGreaterThan(10);
    // Independent batches passed off as epochs: no anticorrelation, and a noisy sum.
    const loose = project(drawBatches('without_replacement', [20], 3000, new Random(9)), g);
    const epochs = compareBatchNoise({ mode: 'epoch', population, sizes: [20, 20, 20], projections: loose, C });
    expect(Math.abs(epochs.variance!.z)).toBeLessThan(3);
    expect(epochs.between!.z).toBeGreaterThan(5);
    expect(epochs.epoch_sum).toBeGreaterThan(0.9);
  });

  it('leaves out directions at the floor and says nothing of a batch of everything', () => {
    const random = new Random(10);
    const none = [...g, new Float64Array(population)];
    const projections = project(drawBatches('without_replacement', [20], 50, random), none);
    const found = compareBatchNoise({
      mode: 'without_replacement',
      population,
      sizes: [20],
      projections,
      C: Float64Array.from([...C, 0]),
    });
    expect([found.directions, found.left_out]).toEqual([k, 1]);
    expect(found.measured[k]).toBeNaN();
    const whole = compareBatchNoise({
      mode: 'epoch',
      population,
      sizes: [population],
      projections: new Float64Array(4 * k),
      C,
    });
    expect([whole.variance, whole.between, whole.epoch_sum]).toEqual([null, null, null]);
  });

  it.each([
    { id: 'sizes', change: { sizes: [20, 20] }, message: /hold 40 samples of 60/ },
    { id: 'half an epoch', change: { projections: new Float64Array(5 * k) }, message: /whole epochs/ },
    { id: 'NaN', change: { projections: new Float64Array(6 * k).fill(NaN, 4, 5) }, message: /projection\[4\] is NaN/ },
    { id: 'no C', change: { C: new Float64Array(k) }, message: /not above its floor/ },
    { id: 'mode', change: { mode: 'with_replacement' as const }, message: /expected one size/ },
    { id: 'floor', change: { floor: NaN }, message: /floor/ },
  ])('refuses bad input: $id', ({ change, message }) => {
    const input = { mode: 'epoch' as const, population, sizes: [20, 20, 20], projections: new Float64Array(6 * k), C };
    expect(() => compareBatchNoise({ ...input, ...change })).toThrow(message);
  });
});
