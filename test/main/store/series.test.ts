import { describe, expect, it } from 'vitest';
import { StoreError } from '../../../src/main/store/index.ts';
import { packPoints, unpackPoints, emptySeries } from '../../../src/main/store/packing.ts';
import { downsample } from '../../../src/shared/downsample.ts';
import { InputError } from '../../../src/shared/errors.ts';
import { Random } from '../../../src/shared/random.ts';
import { errorOf, workplace } from './support/stores.ts';

const range = (from: number, to: number) => Float64Array.from({ length: to - from }, (_, i) => from + i);
const squares = (steps: Float64Array) => steps.map((step) => step * step);

describe('points as bytes', () => {
  const rows: [string, number[], number[], 4 | 8][] = [
    ['small steps', [0, 1, 5], [1, -0, 1e-300], 4],
    ['not a number and infinities', [-3, 2], [NaN, -Infinity], 4],
    ['the largest 32-bit step', [2 ** 31 - 1], [Math.PI], 4],
    ['beyond 32 bits', [-(2 ** 40), 2 ** 31, 2 ** 53 - 1], [1, 2, 3], 8],
  ];
  it.each(rows)('%s come back bit for bit', (_, steps, values, stepBytes) => {
    const packed = packPoints('loss', { steps, values });
    expect(packed.stepBytes).toBe(stepBytes);
    expect(packed.data.length).toBe(steps.length * (stepBytes + 8));
    // The format is little-endian whatever the machine.
    const view = new DataView(packed.data.buffer, packed.data.byteOffset);
    expect(stepBytes === 4 ? view.getInt32(0, true) : Number(view.getBigInt64(0, true))).toBe(steps[0]);
    expect(view.getFloat64(stepBytes * steps.length, true)).toBe(values[0]);
    const into = emptySeries(steps.length + 1);
    unpackPoints({ points: packed.points, step_bytes: stepBytes, data: packed.data }, into, 1);
    expect(Array.from(into.steps.subarray(1))).toEqual(steps);
    values.forEach((value, i) => expect(Object.is(into.values[i + 1], value)).toBe(true));
  });

  const bad: [string, ArrayLike<number>, ArrayLike<number>][] = [
    ['no points', [], []],
    ['more steps than values', [1, 2], [1]],
    ['steps that stay', [1, 1], [1, 2]],
    ['steps that fall', [2, 1], [1, 2]],
    ['a step that is no whole number', [0.5], [1]],
    ['a step that is NaN', [NaN], [1]],
    ['a step beyond 2^53', [2 ** 53], [1]],
    ['a value that is no number', [1], ['1' as unknown as number]],
  ];
  it.each(bad)('refuses %s', (_, steps, values) => {
    expect(errorOf(() => packPoints('loss', { steps, values }))).toBeInstanceOf(InputError);
  });
});

describe('downsampling', () => {
  /** The same by the definition: for every bucket of steps, search all points. */
  function slowly(steps: Float64Array, values: Float64Array, limit: number): number[] {
    const n = steps.length;
    const inner = Array.from({ length: n - 2 }, (_, i) => i + 1);
    const buckets = Math.floor((limit - 2) / (values.some(Number.isNaN) ? 3 : 2));
    const width = (steps[n - 2] - steps[1]) / buckets;
    const kept = new Set([0, n - 1]);
    for (let bucket = 0; bucket < buckets; bucket++) {
      const members = inner.filter(
        (i) =>
          (bucket === 0 || steps[i] >= steps[1] + width * bucket) &&
          (bucket === buckets - 1 || steps[i] < steps[1] + width * (bucket + 1)),
      );
      const numbers = members.filter((i) => !Number.isNaN(values[i]));
      if (numbers.length > 0) {
        kept.add(numbers.reduce((best, i) => (values[i] < values[best] ? i : best)));
        kept.add(numbers.reduce((best, i) => (values[i] > values[best] ? i : best)));
      }
      const missing = members.find((i) => Number.isNaN(values[i]));
      if (missing !== undefined) kept.add(missing);
    }
    return [...kept].sort((a, b) => a - b);
  }

  const rows = [
    { n: 1000, limit: 5, gaps: false, missing: 0 },
    { n: 1000, limit: 100, gaps: false, missing: 0 },
    { n: 1000, limit: 101, gaps: true, missing: 0 },
    { n: 5000, limit: 37, gaps: true, missing: 100 },
    { n: 50, limit: 49, gaps: true, missing: 5 },
    { n: 7, limit: 5, gaps: false, missing: 7 },
  ];
  it.each(rows)('of $n points to $limit (gaps: $gaps, missing: $missing)', ({ n, limit, gaps, missing }) => {
    const random = new Random(n + limit, 'downsampling');
    let step = 0;
    const steps = Float64Array.from({ length: n }, () => (step += gaps ? 1 + random.below(1 + random.below(50)) : 1));
    const values = Float64Array.from({ length: n }, () => random.normal());
    for (let i = 0; i < missing; i++) values[missing === n ? i : random.below(n)] = NaN;
    const result = downsample({ steps, values }, limit);
    expect(result.steps.length).toBeLessThanOrEqual(limit);
    expect(Array.from(result.steps)).toEqual(slowly(steps, values, limit).map((i) => steps[i]));
  });

  it('keeps a spike of one point among 100,000, and infinities', () => {
    const steps = range(0, 100_000);
    const values = new Float64Array(100_000);
    values[54_321] = 1e6;
    values[77_777] = -Infinity;
    const { values: kept, steps: at } = downsample({ steps, values }, 500);
    expect(at[kept.indexOf(1e6)]).toBe(54_321);
    expect(at[kept.indexOf(-Infinity)]).toBe(77_777);
  });

  it('leaves short series as they are', () => {
    const series = { steps: range(0, 10), values: range(0, 10) };
    expect(downsample(series, 10)).toBe(series);
    for (const limit of [4, 0, NaN, 7.5]) expect(errorOf(() => downsample(series, limit))).toBeInstanceOf(InputError);
  });
});

describe('batches', () => {
  const { open, folder } = workplace();

  it('are stored once each, in order', () => {
    const store = open();
    const id = store.createRun({ name: 'a', experiment: {} });
    const batch = (n: number, value = n) =>
      store.appendMetrics(id, n, { loss: { steps: [2 * n, 2 * n + 1], values: [value, value] } });
    expect(batch(0)).toBe(true);
    expect(batch(0)).toBe(false);
    expect(batch(1)).toBe(true);
    expect(batch(0)).toBe(false);
    expect(batch(1)).toBe(false);
    const gap = errorOf(() => batch(3));
    expect(gap).toBeInstanceOf(StoreError);
    expect(gap.code).toBe('batch-order');
    expect(gap.message).toContain('batch 3 came where 2 was due');
    expect(errorOf(() => batch(1, 99)).code).toBe('batch-order');
    expect(batch(2)).toBe(true);
    expect(store.series(id)).toEqual({
      loss: { steps: Float64Array.of(0, 1, 2, 3, 4, 5), values: Float64Array.of(0, 0, 1, 1, 2, 2) },
    });
    expect(store.getRun(id)!.nextBatch).toBe(3);
  });

  it('are stored whole or not at all', () => {
    const store = open();
    const id = store.createRun({ name: 'a', experiment: {} });
    store.appendMetrics(id, 0, { b: { steps: [10], values: [1] } });
    const error = errorOf(() =>
      store.appendBatch(id, {
        number: 1,
        metrics: { a: { steps: [1], values: [1] }, b: { steps: [10], values: [2] } },
        log: [{ time: 1, level: 'info', text: 'x' }],
        step: 11,
      }),
    );
    expect(error).toBeInstanceOf(InputError);
    expect(error.message).toContain('series b: steps increase, got 10 after 10');
    expect(store.seriesNames(id)).toEqual([{ name: 'b', points: 1, lastStep: 10 }]);
    expect(store.logs(id)).toEqual([]);
    expect(store.getRun(id)).toMatchObject({ nextBatch: 1, step: 0 });
  });

  it.each([-1, 0.5, NaN, Infinity])('with the number %s are refused', (number) => {
    const store = open();
    const id = store.createRun({ name: 'a', experiment: {} });
    expect(errorOf(() => store.appendBatch(id, { number }))).toBeInstanceOf(InputError);
  });

  it('keep log lines, of which the last can be read alone', () => {
    const store = open();
    const id = store.createRun({ name: 'a', experiment: {} });
    const line = (i: number) => ({ time: i, level: 'info' as const, text: `Zeile ${i} ✓` });
    store.appendBatch(id, { number: 0, log: [line(0), line(1), line(2)] });
    store.appendBatch(id, { number: 1, metrics: { loss: { steps: [1], values: [1] } } });
    store.appendBatch(id, { number: 2, log: [line(3), line(4)] });
    const texts = (options: Parameters<typeof store.logs>[1]) => store.logs(id, options).map((each) => each.time);
    expect(store.logs(id)[4]).toEqual(line(4));
    expect([texts({}), texts({ last: 3 }), texts({ last: 1 }), texts({ last: 0 }), texts({ since: 1 })]).toEqual([
      [0, 1, 2, 3, 4],
      [2, 3, 4],
      [4],
      [],
      [3, 4],
    ]);
  });

  it('show what came since', () => {
    const store = open();
    const id = store.createRun({ name: 'a', experiment: {} });
    store.appendMetrics(id, 0, { loss: { steps: [1, 2], values: [1, 2] } });
    const first = store.seriesSince(id);
    expect(first).toMatchObject({ reset: true, nextBatch: 1 });
    store.appendMetrics(id, 1, { loss: { steps: [3], values: [3] }, accuracy: { steps: [3], values: [0.5] } });
    const second = store.seriesSince(id, first);
    expect(second).toMatchObject({ reset: false, nextBatch: 2 });
    expect(second.series).toEqual({
      accuracy: { steps: Float64Array.of(3), values: Float64Array.of(0.5) },
      loss: { steps: Float64Array.of(3), values: Float64Array.of(3) },
    });
    expect(store.seriesSince(id, second)).toMatchObject({ reset: false, series: {} });
    expect(Object.keys(store.seriesSince(id, first, ['accuracy']).series)).toEqual(['accuracy']);
    store.rewind(id, 2);
    expect(store.seriesSince(id, second)).toMatchObject({ reset: true, nextBatch: 2 });
    expect(store.seriesSince(id, second).series).toEqual({
      loss: { steps: Float64Array.of(1, 2), values: Float64Array.of(1, 2) },
    });
  });

  it('can be taken back to a step, and go on from there with higher numbers', () => {
    const store = open();
    const id = store.createRun({ name: 'a', experiment: {} });
    for (let n = 0; n < 10; n++) {
      const steps = range(10 * n, 10 * n + 10);
      store.appendBatch(id, { number: n, metrics: { loss: { steps, values: squares(steps) } }, step: 10 * n + 9 });
    }
    expect(store.rewind(id, 44)).toBe(10);
    expect(Array.from(store.series(id)['loss'].steps)).toEqual(Array.from(range(0, 45)));
    expect(store.seriesNames(id)).toEqual([{ name: 'loss', points: 45, lastStep: 44 }]);
    expect(store.getRun(id)!.step).toBe(44);
    expect(store.rewind(id, 44)).toBe(10);
    expect(store.getRun(id)!.revision).toBe(1);
    const steps = range(45, 100);
    store.appendMetrics(id, 10, { loss: { steps, values: squares(steps) } });
    expect(store.series(id)['loss']).toEqual({ steps: range(0, 100), values: squares(range(0, 100)) });
    expect(store.rewind(id, -1)).toBe(11);
    expect(store.series(id)).toEqual({});
  });

  it('can be read by range, downsampled, and for many runs at once', () => {
    const store = open();
    const ids = ['a', 'b', 'c'].map((name, k) => {
      const id = store.createRun({ name, experiment: {} });
      for (let n = 0; n < 5; n++) {
        const steps = range(100 * n, 100 * n + 100);
        store.appendMetrics(id, n, {
          loss: { steps, values: steps.map((step) => Math.sin(step) + k) },
          other: { steps, values: steps },
        });
      }
      return id;
    });
    expect(Array.from(store.series(ids[0], { names: ['loss'], from: 95, to: 203 })['loss'].steps)).toEqual(
      Array.from(range(95, 204)),
    );
    expect(store.series(ids[0], { from: 1000 })).toEqual({});
    expect(store.series(ids[0], { from: 250.5, to: 250.9 })['loss'].steps.length).toBe(0);
    const many = store.seriesOfRuns([ids[2], ids[0]], { names: ['loss'], points: 50 });
    expect(Object.keys(many)).toEqual([ids[2], ids[0]]);
    const whole = store.series(ids[2])['loss'];
    expect(many[ids[2]]['loss']).toEqual(downsample(whole, 50));
    expect(Object.keys(many[ids[0]])).toEqual(['loss']);
    expect(errorOf(() => store.seriesOfRuns(['nope']))).toBeInstanceOf(InputError);
  });

  it('are packed into large chunks without a change of a bit', () => {
    const place = folder();
    let store = open(place);
    const id = store.createRun({ name: 'a', experiment: {} });
    const random = new Random(3, 'packing');
    store.transaction(() => {
      for (let n = 0; n < 300; n++) {
        const steps = range(30 * n, 30 * n + 30);
        store.appendMetrics(id, n, {
          loss: { steps, values: steps.map(() => (random.below(50) === 0 ? NaN : random.normal())) },
          rare: { steps: [n], values: [n] },
        });
      }
    });
    const before = store.series(id);
    const seen = store.seriesSince(id);
    store.packSeries(id);
    expect(store.series(id)).toEqual(before);
    expect(store.seriesSince(id, seen).reset).toBe(true);
    const { revision } = store.getRun(id)!;
    store.packSeries(id);
    expect(store.getRun(id)!.revision).toBe(revision);
    // The last batch again, its answer having been lost.
    expect(store.appendMetrics(id, 299, { rare: { steps: [299], values: [299] } })).toBe(false);
    store.appendMetrics(id, 300, { loss: { steps: [9000], values: [1] } });
    store.close();
    store = open(place);
    expect(store.series(id)['loss'].steps.length).toBe(9001);
    expect(store.series(id, { names: ['loss'], to: 8999 })['loss']).toEqual(before['loss']);
  });
});
