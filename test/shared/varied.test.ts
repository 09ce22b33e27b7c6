/** What tells runs apart, and the names that it gives them. */
import { describe, expect, it } from 'vitest';
import { settingName, settingText, settingValue } from '../../src/shared/settings.ts';
import { datasetName, defaultAxis, namesByDifference, variedSettings } from '../../src/shared/varied.ts';
import type { Named } from '../../src/shared/varied.ts';

const layers = (units: number, activation: string): object[] => [
  { type: 'dense', name: 'fc1', units, bias: false },
  { type: 'activation', function: activation },
  { type: 'dense', name: 'fc2', units, bias: false },
  { type: 'activation', function: activation },
  { type: 'dense', name: 'fc3', units: 10, bias: false },
];
interface Changes {
  readonly lr?: number;
  readonly batch?: number;
  readonly seed?: number;
  readonly units?: number;
  readonly activation?: string;
  readonly dataset?: object;
  readonly name?: string;
  readonly measured?: number;
}
const experiment = (changes: Changes = {}): object => ({
  name: changes.name ?? 'mnist',
  dataset: changes.dataset ?? { source: 'mnist', subset: { count: 8000 } },
  model: { input: [784], layers: layers(changes.units ?? 50, changes.activation ?? 'relu'), loss: 'cross-entropy' },
  optimiser: { lr: changes.lr ?? 0.1 },
  batch_size: changes.batch ?? 50,
  epochs: 10,
  seed: changes.seed ?? 1,
  measurements: [{ parameters: ['fc2.kernel'], samples: changes.measured ?? 1000 }],
});
const named = (experiments: readonly object[]): Named[] => experiments as unknown as Named[];
const names = (list: readonly Changes[], seeds = true): string[] => {
  const experiments = list.map(experiment);
  return namesByDifference(named(experiments), variedSettings(experiments), seeds);
};

describe('names of runs', () => {
  it.each<[string, readonly Changes[], readonly string[]]>([
    ['one setting', [{ lr: 0.1 }, { lr: 0.05 }], ['learning rate 0.1', 'learning rate 0.05']],
    [
      'a sweep of two by two',
      [
        { lr: 0.1, batch: 50 },
        { lr: 0.1, batch: 100 },
        { lr: 0.2, batch: 50 },
        { lr: 0.2, batch: 100 },
      ],
      [
        'learning rate 0.1, batch 50',
        'learning rate 0.1, batch 100',
        'learning rate 0.2, batch 50',
        'learning rate 0.2, batch 100',
      ],
    ],
    ['seeds alone', [{ seed: 1 }, { seed: 2 }], ['seed 1', 'seed 2']],
    [
      'a setting and seeds',
      [
        { lr: 0.1, seed: 1 },
        { lr: 0.1, seed: 2 },
        { lr: 0.2, seed: 1 },
      ],
      ['learning rate 0.1, seed 1', 'learning rate 0.1, seed 2', 'learning rate 0.2, seed 1'],
    ],
    ['the same experiment twice', [{}, {}], ['mnist', 'mnist (2)']],
    ['names alone', [{ name: 'first' }, { name: 'second' }], ['first', 'second']],
    ['widths, which change several layers', [{ units: 50 }, { units: 100 }], ['784-50-50-10', '784-100-100-10']],
    ['the activation of every layer', [{ activation: 'relu' }, { activation: 'tanh' }], ['ReLU', 'tanh']],
    [
      'datasets by name, not by kind and path',
      [{ dataset: { source: 'mnist' } }, { dataset: { source: 'idx', path: '/data/kuzushiji' } }],
      ['MNIST', 'kuzushiji'],
    ],
    [
      'two folders of one name by their paths',
      [{ dataset: { source: 'idx', path: '/a/set' } }, { dataset: { source: 'idx', path: '/b/set' } }],
      ['/a/set', '/b/set'],
    ],
    [
      'samples',
      [
        { dataset: { source: 'mnist', subset: { count: 8000 } } },
        { dataset: { source: 'mnist', subset: { count: 60000 } } },
      ],
      ['training samples 8\u202f000', 'training samples 60\u202f000'],
    ],
    [
      'what was measured, where nothing else differs',
      [{ measured: 1000 }, { measured: 2000 }],
      ['samples of measurement 1 1\u202f000', 'samples of measurement 1 2\u202f000'],
    ],
    [
      'what was measured says nothing where training differs',
      [
        { lr: 0.1, measured: 1000 },
        { lr: 0.2, measured: 2000 },
      ],
      ['learning rate 0.1', 'learning rate 0.2'],
    ],
  ])('say %s', (_, list, expected) => {
    expect(names(list)).toEqual(expected);
  });

  it('are the own ones where much differs, and none is given twice', () => {
    const many = [
      { lr: 0.1, batch: 50, units: 50, activation: 'relu', dataset: { source: 'mnist' } },
      { lr: 0.2, batch: 60, units: 60, activation: 'tanh', dataset: { source: 'glyphs' } },
    ];
    expect(names(many.map((each, k) => ({ ...each, name: `net ${k}` })))).toEqual(['net 0', 'net 1']);
    expect(names(many)).toEqual([
      'mnist, MNIST, 784-50-50-10, learning rate 0.1',
      'mnist, glyphs, 784-60-60-10, learning rate 0.2',
    ]);
  });

  it('leave the seeds out where they are taken together', () => {
    expect(
      names(
        [
          { lr: 0.1, seed: 1 },
          { lr: 0.2, seed: 2 },
        ],
        false,
      ),
    ).toEqual(['learning rate 0.1', 'learning rate 0.2']);
  });
});

describe('the axis of a comparison', () => {
  it.each<[string, readonly Changes[], string | undefined]>([
    [
      'the number in most values',
      [
        { lr: 0.1, batch: 50 },
        { lr: 0.2, batch: 50 },
        { lr: 0.3, batch: 60 },
      ],
      'optimiser.lr',
    ],
    [
      'a number before names',
      [
        { activation: 'relu', batch: 50 },
        { activation: 'tanh', batch: 60 },
        { activation: 'gelu', batch: 60 },
      ],
      'batch_size',
    ],
    ['names where there is no number', [{ activation: 'relu' }, { activation: 'tanh' }], 'activation'],
    ['none where only the seed differs', [{ seed: 1 }, { seed: 2 }], undefined],
  ])('is %s', (_, list, expected) => {
    expect(defaultAxis(variedSettings(list.map(experiment)))).toBe(expected);
  });
});

describe('settings in words', () => {
  it.each([
    ['optimiser.lr', 'learning rate'],
    ['model.layers[2].units', 'units of layer 3'],
    ['model.layers[1].layers[0].filters', 'filters of layer 1 in layer 2'],
    ['measurements[0].when.kind', 'moments of measurement 1'],
    ['something_of.another_version', 'something of another version'],
  ])('%s is called "%s"', (path, expected) => {
    expect(settingName(path)).toBe(expected);
  });

  it.each<[string, unknown, string]>([
    ['optimiser.lr', 0.1, 'learning rate 0.1'],
    ['optimiser.lr', 0.0001, 'learning rate 1 × 10⁻⁴'],
    ['optimiser.lr', 0.123456, 'learning rate 0.123456'],
    ['batch_size', 8000, 'batch 8\u202f000'],
    ['seed', 12345, 'seed 12345'],
    ['optimiser.nesterov', true, 'Nesterov momentum on'],
    ['model.loss', 'mse', 'mean squared error'],
    ['stop_at_loss', null, 'loss to stop at none'],
  ])('%s of %s reads "%s"', (path, value, expected) => {
    expect(settingText(path, value)).toBe(expected);
  });

  it('never read the same where they differ', () => {
    const values = [0.1, 0.10000000000000002, 0.1000001, 1e-7, 1.5e-7, 123456.789, 1e21];
    expect(new Set(values.map((value) => settingValue('optimiser.lr', value))).size).toBe(values.length);
  });

  it('name a dataset by itself, its publication or its place', () => {
    expect(datasetName({ source: 'mnist', path: '/x/y' })).toBe('MNIST');
    expect(datasetName({ source: 'csv', path: 'data\\iris.csv' })).toBe('iris.csv');
    expect(datasetName({ source: 'idx', path: '/x/y/', name: 'mine' })).toBe('mine');
    expect(datasetName(undefined)).toBeUndefined();
  });
});
