import { describe, expect, it } from 'vitest';
import { proposeModel } from '../../src/data/propose-model.ts';
import { CpuBackend } from '../../src/engine/backend/cpu.ts';
import { loadKernels } from '../../src/main/blas-module.ts';
import { openWasmBlas } from '../../src/engine/blas/wasm.ts';
import { Network } from '../../src/engine/network/network.ts';
import { wantedTensors } from '../../src/engine/network/wanted.ts';
import { torchMapping } from '../../src/data/torch-layout.ts';
import { parseModel } from '../../src/shared/model.ts';

type Shapes = Readonly<Record<string, readonly number[]>>;
const places = (shapes: Shapes) => new Map(Object.entries(shapes).map(([name, shape]) => [name, { shape }]));

const rows: readonly (readonly [string, Shapes, readonly string[], readonly number[]])[] = [
  [
    'nn.Sequential of dense layers',
    {
      '0.weight': [50, 784],
      '0.bias': [50],
      '2.weight': [50, 50],
      '2.bias': [50],
      '4.weight': [10, 50],
      '4.bias': [10],
    },
    ['dense', 'activation', 'dense', 'activation', 'dense'],
    [784],
  ],
  ['layers with names', { 'fc1.weight': [20, 6], 'head.weight': [3, 20] }, ['dense', 'activation', 'dense'], [6]],
  [
    'more than ten layers, in the order of their numbers',
    { '10.weight': [3, 4], '0.weight': [8, 6], '2.weight': [4, 8] },
    ['dense', 'activation', 'dense', 'activation', 'dense'],
    [6],
  ],
  [
    'LeNet on 28 x 28',
    {
      '0.weight': [6, 1, 5, 5],
      '0.bias': [6],
      '3.weight': [16, 6, 5, 5],
      '3.bias': [16],
      '7.weight': [120, 256],
      '7.bias': [120],
      '9.weight': [10, 120],
      '9.bias': [10],
    },
    [
      'conv2d',
      'activation',
      'maxpool2d',
      'conv2d',
      'activation',
      'maxpool2d',
      'flatten',
      'dense',
      'activation',
      'dense',
    ],
    [28, 28, 1],
  ],
  [
    'convolutions with batch norm on 32 x 32, padded',
    {
      'conv1.weight': [8, 3, 3, 3],
      'conv2.weight': [16, 8, 3, 3],
      'fc.weight': [10, 16 * 64],
    },
    ['conv2d', 'activation', 'maxpool2d', 'conv2d', 'activation', 'maxpool2d', 'flatten', 'dense'],
    [32, 32, 3],
  ],
  [
    'batch norm between',
    {
      '0.weight': [20, 6],
      '1.weight': [20],
      '1.bias': [20],
      '1.running_mean': [20],
      '1.running_var': [20],
      '1.num_batches_tracked': [],
      '3.weight': [3, 20],
    },
    ['dense', 'batchnorm', 'activation', 'dense'],
    [6],
  ],
  ['the model format', { 'fc1.kernel': [6, 20], 'fc2.kernel': [20, 3] }, ['dense', 'activation', 'dense'], [6]],
];

describe('a network read off shapes', () => {
  it.each(rows)('%s', async (_, shapes, kinds, input) => {
    const { model, names, assumed } = proposeModel(places(shapes));
    const parsed = parseModel(model);
    expect(parsed.layers.map(({ type }) => type)).toEqual(kinds);
    expect(parsed.input).toEqual(input);
    expect(assumed.join()).toContain('relu');
    // Every tensor that the proposed network needs is in the file, in the shape that it needs.
    const network = new Network(parsed, new CpuBackend(await openWasmBlas(loadKernels()), 'float64'));
    const isTorch = Object.keys(shapes).some((name) => name.endsWith('.weight'));
    const needed = wantedTensors(network).map((target) => ({
      name: target.name,
      shape: isTorch ? torchMapping(target).sourceShape : target.shape,
    }));
    expect(Object.keys(names).sort()).toEqual(needed.map(({ name }) => name).sort());
    for (const { name, shape } of needed) expect(shapes[names[name]], name).toEqual(shape);
  });

  it.each([
    ['an attention', { 'attn.in_proj_weight': [12, 4], 'fc.weight': [3, 4] }, /attn holds in_proj_weight/],
    [
      'branches',
      { 'a.weight': [8, 6], 'b.weight': [4, 6], 'c.weight': [3, 12] },
      /b takes 6 numbers, the layer before gives 8/,
    ],
    ['convolutions alone', { '0.weight': [6, 1, 5, 5] }, /no dense layer/],
    [
      'an image of no usual size',
      { '0.weight': [6, 1, 5, 5], '3.weight': [10, 6 * 7] },
      /no usual image gives the 42 numbers/,
    ],
  ] as const)('is refused for %s, with the reason', (_, shapes, words) => {
    expect(() => proposeModel(places(shapes))).toThrow(words);
  });
});
