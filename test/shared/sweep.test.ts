import { describe, expect, it } from 'vitest';
import { parseSweep } from '../../src/shared/sweep.ts';
import { expandSweep } from '../support/sweep.ts';

const base = {
  name: 'sweep',
  dataset: { source: 'glyphs', train: 100, test: 0 },
  model: {
    input: [784],
    layers: [
      { type: 'dense', name: 'fc1', units: 10 },
      { type: 'activation', function: 'relu' },
      { type: 'dense', name: 'fc2', units: 10 },
    ],
    loss: 'cross-entropy',
  },
  optimiser: { lr: 0.1 },
  batch_size: 10,
  epochs: 1,
};
const layers = base.model.layers;

describe('sweeps', () => {
  const rows: [string, object, { path: string; values: number }[]][] = [
    ['none', {}, []],
    ['a seed', { seed: [1, 2, 3] }, [{ path: 'seed', values: 3 }]],
    ['a single value in a list', { batch_size: [20] }, [{ path: 'batch_size', values: 1 }]],
    [
      'two fields, in the order of the document',
      { batch_size: [10, 20], optimiser: { lr: [0.1, 0.2, 0.3] } },
      [
        { path: 'optimiser.lr', values: 3 },
        { path: 'batch_size', values: 2 },
      ],
    ],
    [
      'a field of a layer',
      { model: { ...base.model, layers: [{ ...layers[0], units: [5, 10] }, layers[1], layers[2]] } },
      [{ path: 'model.layers[0].units', values: 2 }],
    ],
    [
      'the activation',
      { model: { ...base.model, layers: [layers[0], { type: 'activation', function: ['relu', 'tanh'] }, layers[2]] } },
      [{ path: 'model.layers[1].function', values: 2 }],
    ],
    ['the loss', { model: { ...base.model, loss: ['cross-entropy', 'mse'] } }, [{ path: 'model.loss', values: 2 }]],
    [
      'lists of layers, where the format has a list',
      { model: { ...base.model, layers: [layers, [layers[2]]] } },
      [{ path: 'model.layers', values: 2 }],
    ],
    [
      'lists of measured parameters',
      { measurements: [{ parameters: [['fc1.kernel'], ['fc2.kernel']] }] },
      [{ path: 'measurements[0].parameters', values: 2 }],
    ],
    [
      'schedules',
      { optimiser: { lr: 0.1, schedule: [{ kind: 'constant' }, { kind: 'cosine' }] } },
      [{ path: 'optimiser.schedule', values: 2 }],
    ],
  ];
  it.each(rows)('%s', (_, change, axes) => {
    const sweep = parseSweep({ ...base, ...change });
    expect(sweep.axes.map(({ path, values }) => ({ path, values: values.length }))).toEqual(axes);
    const runs = expandSweep({ ...base, ...change });
    expect(runs).toHaveLength(axes.reduce((product, { values }) => product * values, 1));
    expect(new Set(runs.map(({ choices }) => JSON.stringify(choices))).size).toBe(runs.length);
  });

  it('changes the last axis fastest, and puts the values in their places', () => {
    const runs = expandSweep({ ...base, optimiser: { lr: [0.1, 0.2] }, seed: [7, 8, 9] });
    expect(runs.map(({ experiment }) => [experiment.optimiser.lr, experiment.seed])).toEqual([
      [0.1, 7],
      [0.1, 8],
      [0.1, 9],
      [0.2, 7],
      [0.2, 8],
      [0.2, 9],
    ]);
  });

  it('takes a whole dataset as a value, and leaves plain lists of the format alone', () => {
    const dataset = [
      { source: 'glyphs', train: 50 },
      { source: 'teacher-student', hidden: [3, 4] },
    ];
    const sweep = parseSweep({ ...base, dataset });
    expect(sweep.axes).toEqual([{ path: 'dataset', values: dataset }]);
    expect(sweep.at(1).experiment.dataset).toMatchObject({ source: 'teacher-student', hidden: [3, 4] });
  });

  it('leaves the input as it was', () => {
    const input = { ...base, seed: [1, 2] };
    const before = JSON.stringify(input);
    expandSweep(input);
    expect(JSON.stringify(input)).toBe(before);
  });

  const faults: [string, object, RegExp][] = [
    ['an empty list', { seed: [] }, /experiment\.seed: the list of values is empty/],
    ['a wrong value in a list', { batch_size: [10, 0] }, /value 2 of batch_size: experiment\.batch_size: expected/],
    ['too many runs', { seed: Array.from({ length: 2001 }, (_, i) => i) }, /make 2001 runs.*at most 2000/],
    [
      'a list of lists for a number',
      { seed: [[1, 2], [3]] },
      /experiment\.seed: a list of values inside a value of seed/,
    ],
    [
      'a list inside a value of another',
      { dataset: [{ source: 'glyphs', train: [50, 60] }, { source: 'glyphs' }] },
      /dataset\.train: a list of values inside a value of dataset/,
    ],
    ['an unknown field with a list', { speed: [1, 2] }, /experiment\.speed: unknown field/],
  ];
  it.each(faults)('%s is refused, naming the place', (_, change, message) => {
    expect(() => expandSweep({ ...base, ...change })).toThrow(message);
  });
});
