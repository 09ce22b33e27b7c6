import { describe, expect, it } from 'vitest';
import { summariseDataset } from '../../src/data/dataset.ts';
import { prepare, type PrepareOptions } from '../../src/data/prepare.ts';
import type { RawDataset, RawInputs, Targets } from '../../src/data/raw.ts';
import { resolveDataset } from '../../src/data/resolve.ts';
import { parseDataset } from '../../src/shared/dataset.ts';
import { InputError } from '../../src/shared/errors.ts';
import { range } from './support.ts';

/** Options with the defaults of the schema. */
const options = (some: Record<string, unknown> = {}): PrepareOptions => parseDataset({ source: 'glyphs', ...some });

const classTargets = (...values: number[]): Targets => ({ kind: 'classes', values: Int32Array.from(values) });

function raw(inputs: RawInputs, targets: Targets, more: Partial<RawDataset> = {}): RawDataset {
  const count = targets.kind === 'classes' ? targets.values.length : targets.values.length / targets.width;
  return {
    name: 'small',
    shape: [2],
    classes: targets.kind === 'classes' ? ['a', 'b', 'c'] : null,
    train: { count, inputs, targets, source: 'small.bin' },
    test: null,
    ...more,
  };
}
/** Nine samples of two bytes, three of each class. */
const nine = () => raw(Uint8Array.from(range(18)), classTargets(0, 0, 0, 1, 1, 1, 2, 2, 2));
const rowsOf = (set: { inputs: ArrayLike<number> }) =>
  range(set.inputs.length / 2).map((i) => Math.round(set.inputs[2 * i] / 2));
const unscaled = { scale: 1 };

describe('scaling', () => {
  it('divides bytes by 255 in single precision and leaves numbers', () => {
    const bytes = prepare(raw(Uint8Array.of(0, 51, 255, 1), classTargets(0, 1)), options());
    expect(bytes.train.inputs).toEqual(Float32Array.of(0, 51 / 255, 1, 1 / 255));
    const doubles = prepare(raw(Float64Array.of(0.1, 2, -3, 1e-300), classTargets(0, 1)), options());
    expect(doubles.train.inputs).toEqual(Float64Array.of(0.1, 2, -3, 1e-300));
    expect(prepare(raw(Float32Array.of(1, 2, 3, 4), classTargets(0, 1)), options({ scale: 0.5 })).train.inputs).toEqual(
      Float32Array.of(0.5, 1, 1.5, 2),
    );
  });
});

describe('standardising', () => {
  const values = () => Float64Array.of(1, 10, 3, 10, 5, 10);
  const test = () => ({ count: 1, inputs: Float64Array.of(7, 12), targets: classTargets(0), source: 'test' });
  const make = (standardise: string, shape = [2]) =>
    prepare({ ...raw(values(), classTargets(0, 1, 2)), shape, test: test() }, options({ standardise }));

  it('by feature, with the training part, leaving a constant feature without a scale', () => {
    const set = make('feature');
    const s = Math.sqrt(8 / 3);
    expect(set.train.inputs).toEqual(Float64Array.of(-2 / s, 0, 0, 0, 2 / s, 0));
    expect(set.test!.inputs).toEqual(Float64Array.of(4 / s, 2));
  });
  it('over all features', () => {
    const set = make('global');
    const mean = 39 / 6;
    const s = Math.sqrt([1, 10, 3, 10, 5, 10].reduce((sum, x) => sum + (x - mean) ** 2, 0) / 6);
    expect(set.train.inputs[0]).toBeCloseTo((1 - mean) / s, 14);
    expect(set.test!.inputs[1]).toBeCloseTo((12 - mean) / s, 14);
  });
  it('by channel is over all places of the last axis', () => {
    expect(make('channel', [2, 1]).train.inputs).toEqual(make('global').train.inputs);
    expect(make('channel', [1, 2]).train.inputs).toEqual(make('feature').train.inputs);
  });
  it('uses the kept samples alone', () => {
    const set = prepare(
      raw(values(), classTargets(0, 1, 2)),
      options({ standardise: 'feature', subset: { count: 2 } }),
    );
    expect([...set.train.inputs]).toEqual([-1, 0, 1, 0]);
  });
});

describe('subsets', () => {
  it('takes the first ones', () => {
    const set = prepare(nine(), options({ ...unscaled, subset: { count: 4 } }));
    expect(rowsOf(set.train)).toEqual([0, 1, 2, 3]);
    expect([...set.train.targets.values]).toEqual([0, 0, 0, 1]);
  });
  it('draws at random without repeats, by seed, in the order of the source', () => {
    const draw = (seed: number) =>
      rowsOf(prepare(nine(), options({ ...unscaled, subset: { count: 5, order: 'random', seed } })).train);
    expect(draw(1)).toEqual(draw(1));
    const all = range(40).map(draw);
    for (const rows of all) {
      expect(new Set(rows).size).toBe(5);
      expect(rows).toEqual([...rows].sort((a, b) => a - b));
    }
    expect(new Set(all.map(String)).size).toBeGreaterThan(20);
    // Every sample comes in 5/9 of the draws: 40 draws, within 4 standard errors.
    for (const i of range(9)) {
      const share = all.filter((rows) => rows.includes(i)).length / 40;
      expect(Math.abs(share - 5 / 9)).toBeLessThan(4 * Math.sqrt(((5 / 9) * (4 / 9)) / 40));
    }
  });
  it('balances the classes to within one', () => {
    const set = prepare(nine(), options({ ...unscaled, subset: { count: 5, balanced: true } }));
    expect(rowsOf(set.train)).toEqual([0, 1, 3, 4, 6]);
    expect(summariseDataset(set).train.per_class).toEqual([2, 2, 1]);
  });
  it('applies to the test part separately', () => {
    const set = prepare({ ...nine(), test: nine().train }, options({ ...unscaled, test_subset: { count: 2 } }));
    expect([set.train.count, set.test!.count]).toEqual([9, 2]);
  });
});

describe('splitting', () => {
  it('parts the samples, each once', () => {
    const set = prepare(nine(), options({ ...unscaled, split: { test: 0.33, seed: 4 } }));
    expect(set.test!.count).toBe(3);
    expect([...rowsOf(set.train), ...rowsOf(set.test!)].sort()).toEqual(range(9));
  });
});

describe('label noise', () => {
  const many = () => raw(new Uint8Array(6000), { kind: 'classes', values: Int32Array.from(range(3000), (i) => i % 3) });
  it('gives exactly the share another class, each other one about as often', () => {
    const set = prepare(many(), options({ label_noise: { share: 0.2, seed: 3 } }));
    const moved = [...set.train.targets.values].map((label, i) => (label - (i % 3) + 3) % 3);
    const counts = [0, 1, 2].map((k) => moved.filter((m) => m === k).length);
    expect(counts[0]).toBe(2400);
    expect(Math.abs(counts[1] - 300)).toBeLessThan(4 * Math.sqrt(150));
  });
  it('leaves the test part and the given arrays alone', () => {
    const source = { ...many(), test: many().train };
    const set = prepare(source, options({ label_noise: { share: 1 } }));
    expect([...set.test!.targets.values]).toEqual(range(3000).map((i) => i % 3));
    expect([...source.train.targets.values]).toEqual(range(3000).map((i) => i % 3));
    expect([...set.train.targets.values].every((label, i) => label !== i % 3)).toBe(true);
  });
});

describe('targets', () => {
  it('become vectors of 0 and 1', () => {
    const set = prepare(raw(new Uint8Array(4), classTargets(2, 0)), options({ targets: 'one-hot' }));
    expect(set.train.targets).toEqual({ kind: 'vectors', width: 3, values: Float64Array.of(0, 0, 1, 1, 0, 0) });
    expect(set.outputs).toBe(3);
  });
});

describe('the hash', () => {
  const hash = (set: RawDataset, some = {}) => prepare(set, options(some)).hash;
  it('is equal for equal numbers, wherever they came from', () => {
    const floats = raw(
      Float32Array.from(range(18), (x) => x / 255),
      nine().train.targets,
    );
    expect(hash(nine())).toBe(hash({ ...floats, name: 'other' }));
    expect(hash(nine(), { subset: { count: 9 } })).toBe(hash(nine()));
  });
  it('differs for another number, label, shape, precision, split or order', () => {
    const floats = Float32Array.from(range(18));
    const moved = floats.slice();
    moved[17] += 1;
    const all = [
      hash(raw(floats, nine().train.targets)),
      hash(raw(moved, nine().train.targets)),
      hash(raw(Float64Array.from(floats), nine().train.targets)),
      hash(raw(floats, classTargets(0, 0, 0, 1, 1, 1, 2, 2, 1))),
      hash({ ...raw(floats, nine().train.targets), shape: [2, 1] }),
      hash({ ...raw(floats, nine().train.targets), classes: ['a', 'b', 'c', 'd'] }),
      hash(raw(floats, nine().train.targets), { targets: 'one-hot' }),
      hash(raw(floats, nine().train.targets), { split: { test: 0.2, seed: 1 } }),
      hash(raw(floats, nine().train.targets), { split: { test: 0.2, seed: 2 } }),
    ];
    expect(new Set(all).size).toBe(all.length);
  });
});

describe('bad data', () => {
  const vectors = (width: number, ...values: number[]): Targets => ({
    kind: 'vectors',
    width,
    values: Float64Array.from(values),
  });
  const six = Float32Array.of(1, 2, 3, 4, 5, 6);
  const bad: [string, RawDataset, RegExp, Record<string, unknown>?][] = [
    [
      'NaN',
      raw(Float32Array.of(1, 2, 3, NaN), classTargets(0, 1)),
      /small\.bin: inputs: expected finite numbers, found NaN in sample 1, feature 1/,
    ],
    [
      'infinity',
      raw(Float64Array.of(1, 2, -Infinity, 0), classTargets(0, 1)),
      /found -Infinity in sample 1, feature 0/,
    ],
    [
      'NaN among the targets',
      raw(Float32Array.of(1, 2), vectors(2, 0, NaN)),
      /targets: .* found NaN in sample 0, output 1/,
    ],
    ['a label too large', raw(six, classTargets(0, 3, 1)), /sample 1 has label 3; expected 0 to 2/],
    ['a negative label', raw(six, classTargets(0, 1, -1)), /sample 2 has label -1; expected 0 to 2/],
    ['fewer inputs', raw(six.subarray(0, 4), classTargets(0, 1, 2)), /expected 3 x 2 inputs, found 4/],
    ['fewer targets', { ...nine(), train: { ...nine().train, targets: classTargets(0) } }, /9 inputs but 1 targets/],
    ['no samples', raw(new Float32Array(0), classTargets()), /expected at least 1 sample, found 0/],
    [
      'empty samples',
      { ...raw(new Float32Array(0), classTargets(0)), shape: [0] },
      /at least 1 number a sample, found shape \[0\]/,
    ],
    [
      'a subset larger than the set',
      nine(),
      /subset: expected a count of at most 9.*found 10/,
      { subset: { count: 10 } },
    ],
    [
      'a balanced subset that is not there',
      nine(),
      /expected 4 samples of class "a", 1 are missing/,
      { subset: { count: 9, balanced: true } },
    ],
    [
      'balance without classes',
      raw(six, vectors(1, 1, 2, 0.5)),
      /balanced: expected targets that are classes/,
      { subset: { count: 2, balanced: true } },
    ],
    [
      'a second split',
      { ...nine(), test: nine().train },
      /split: the source has a test part of its own/,
      { split: { test: 0.5 } },
    ],
    ['a split that leaves nothing', nine(), /leaves one part empty/, { split: { test: 0.01 } }],
    ['a test subset without a test part', nine(), /test_subset: there is no test part/, { test_subset: { count: 1 } }],
    [
      'label noise on vectors',
      raw(six, vectors(1, 1, 2, 0.5)),
      /label_noise: expected targets that are classes/,
      { label_noise: { share: 0.1 } },
    ],
    [
      'label noise with one class',
      { ...raw(six, classTargets(0, 0, 0)), classes: ['a'] },
      /at least 2 classes/,
      { label_noise: { share: 0.1 } },
    ],
    [
      'one-hot vectors',
      raw(six, vectors(1, 1, 2, 0.5)),
      /one-hot: expected targets that are classes/,
      { targets: 'one-hot' },
    ],
  ];
  // Nine samples, four wanted of "a" where it has three.
  bad[10][1] = raw(new Uint8Array(20), classTargets(0, 0, 0, 1, 1, 1, 1, 2, 2, 2));
  bad[10][3] = { subset: { count: 10, balanced: true } };
  it.each(bad)('refuses %s', (_, source, message, some) => {
    expect(() => prepare(source, options(some))).toThrow(message);
    expect(() => prepare(source, options(some))).toThrow(InputError);
  });
});

describe('what is told with a dataset', () => {
  it('says how bytes were scaled, and nothing of numbers', () => {
    const bytes = (some: Record<string, unknown>) =>
      prepare(raw(Uint8Array.of(0, 51, 255, 1), classTargets(0, 1)), options(some)).notes;
    expect(bytes({})).toEqual(['inputs: bytes, divided by 255 ("scale": 1 in the specification keeps 0 to 255)']);
    expect(bytes({ scale: 1 })).toEqual(['inputs: bytes, taken as the numbers 0 to 255']);
    expect(bytes({ scale: 0.5 })).toEqual(['inputs: bytes, times 0.5']);
    expect(prepare(raw(Float64Array.of(0, 1), classTargets(0)), options()).notes).toEqual([]);
  });

  it('takes whole numbers stored as floats as classes where classes are needed', () => {
    const source = raw(Float64Array.from(range(6)), { kind: 'vectors', width: 1, values: Float64Array.of(2, 0, 1) });
    const { train, classes } = prepare(source, options({ targets: 'one-hot' }));
    expect(classes).toEqual(['0', '1', '2']);
    expect(train.targets).toEqual({ kind: 'vectors', width: 3, values: Float64Array.of(0, 0, 1, 1, 0, 0, 0, 1, 0) });
  });

  it('flattens images channel by channel where it is asked to', () => {
    const source = { ...raw(Float64Array.from(range(12)), classTargets(0)), shape: [2, 3, 2] };
    const { shape, train } = prepare(source, options({ flatten: 'channels-first' }));
    expect(shape).toEqual([12]);
    expect([...train.inputs]).toEqual([0, 2, 4, 6, 8, 10, 1, 3, 5, 7, 9, 11]);
  });
});

describe('the specification', () => {
  it('fills in its defaults', () => {
    expect(parseDataset({ source: 'glyphs' })).toEqual({
      source: 'glyphs',
      seed: 0,
      train: 8000,
      test: 2000,
      standardise: 'none',
      targets: 'as-given',
    });
  });
  it.each([
    [{ source: 'mnits' }, /dataset\.source: expected one of the sources .*"glyphs".*received "mnits"/],
    [{}, /dataset\.source: expected one of the sources/],
    ['glyphs', /dataset: expected/i],
    [{ source: 'idx' }, /dataset\.path: .*expected/i],
    [{ source: 'idx', path: '' }, /dataset\.path: expected text that is not empty/],
    [{ source: 'glyphs', sead: 1 }, /dataset\.sead: unknown field/],
    [{ source: 'glyphs', train: 0 }, /dataset\.train: expected an integer from 1 to/],
    [{ source: 'glyphs', subset: { count: 1.5 } }, /dataset\.subset\.count: expected an integer/],
    [{ source: 'glyphs', subset: { count: 1, order: 'last' } }, /dataset\.subset\.order: expected "first" or "random"/],
    [{ source: 'glyphs', split: { test: 1 } }, /dataset\.split\.test: expected at most 0\.95/],
    [{ source: 'glyphs', scale: 0 }, /dataset\.scale: expected a number above 0/],
    [{ source: 'glyphs', label_noise: { share: 1.1 } }, /dataset\.label_noise\.share: expected a number from 0 to 1/],
    [{ source: 'glyphs', standardise: 'yes' }, /dataset\.standardise: expected "none", "feature"/],
  ])('refuses %j', (spec, message) => {
    expect(() => parseDataset(spec)).toThrow(message);
    expect(() => parseDataset(spec)).toThrow(InputError);
  });
});

describe('resolving', () => {
  it('reports its stages, obeys its signal, and gives the same set twice', async () => {
    const spec = parseDataset({ source: 'glyphs', train: 20, test: 10, seed: 5 });
    const stages: string[] = [];
    const set = await resolveDataset(spec, { progress: (stage) => stages.push(stage) });
    expect(stages).toEqual(['reading', 'preparing']);
    expect((await resolveDataset(spec)).hash).toBe(set.hash);
    expect(summariseDataset(set)).toMatchObject({
      name: 'glyphs',
      features: 784,
      outputs: 10,
      targets: 'classes',
      precision: 'float32',
    });
    await expect(resolveDataset(spec, { signal: AbortSignal.abort(new Error('stopped')) })).rejects.toThrow('stopped');
  });
  it('says where a published set is expected', async () => {
    await expect(resolveDataset(parseDataset({ source: 'mnist' }))).rejects.toThrow(/folder that holds MNIST/);
  });
});
