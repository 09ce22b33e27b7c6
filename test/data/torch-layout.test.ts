/** State dicts of PyTorch: names, axes, and the order of flattened images, which decides whether a network computes the same function. */
import { expect, test } from 'vitest';
import { fromTorch } from '../../src/data/torch-layout.ts';
import type { StoredTensor } from '../../src/data/formats/tensors.ts';
import { CpuBackend, dataOf } from '../../src/engine/backend/cpu.ts';
import { Network } from '../../src/engine/network/network.ts';
import { wantedTensors } from '../../src/engine/network/wanted.ts';
import { openWasmBlas } from '../../src/engine/blas/wasm.ts';
import { loadKernels } from '../../src/main/blas-module.ts';
import { InputError } from '../../src/shared/errors.ts';
import { parseModel } from '../../src/shared/model.ts';
import { normals } from '../engine/network/support.ts';

const blas = await openWasmBlas(loadKernels());

function tensor(shape: readonly number[], seed: number): StoredTensor {
  return {
    dtype: 'F64',
    shape,
    data: normals(
      seed,
      shape.reduce((product, n) => product * n, 1),
    ),
  };
}

test('a convolution, a flatten and two dense layers compute what PyTorch does', () => {
  // Conv2d(2, 3, (2, 3)) -> Flatten -> Linear(12, 4), on one image [2, 3, 4] (channels first), written out by hand.
  const model = parseModel({
    input: [3, 4, 2],
    layers: [
      { type: 'conv2d', name: 'conv', filters: 3, kernel: [2, 3] },
      { type: 'activation', function: 'tanh' },
      { type: 'flatten' },
      { type: 'dense', name: 'fc', units: 4 },
    ],
    loss: 'mse',
  });
  const state = new Map([
    ['conv.weight', tensor([3, 2, 2, 3], 1)],
    ['conv.bias', tensor([3], 2)],
    ['fc.weight', tensor([4, 12], 3)],
    ['fc.bias', tensor([4], 4)],
    ['head.weight', tensor([1], 5)],
  ]);
  const x = normals(9, 24);
  const of = (name: string): ArrayLike<number> => (state.get(name)?.data ?? []) as Float64Array;
  const hidden: number[] = [];
  for (let o = 0; o < 3; o++)
    for (let y = 0; y < 2; y++)
      for (let u = 0; u < 2; u++) {
        let sum = of('conv.bias')[o];
        for (let c = 0; c < 2; c++)
          for (let ky = 0; ky < 2; ky++)
            for (let kx = 0; kx < 3; kx++)
              sum += x[(c * 3 + y + ky) * 4 + u + kx] * of('conv.weight')[((o * 2 + c) * 2 + ky) * 3 + kx];
        hidden.push(Math.tanh(sum));
      }
  const expected = [0, 1, 2, 3].map((k) =>
    hidden.reduce((sum, h, i) => sum + h * of('fc.weight')[k * 12 + i], of('fc.bias')[k]),
  );

  const backend = new CpuBackend(blas, 'float64');
  const network = new Network(model, backend);
  const { weights, unused, mappings } = fromTorch(state, wantedTensors(network));
  for (const [name, values] of weights) network.setWeight(name, values);
  const channelsLast = Float64Array.from({ length: 24 }, (_, i) => x[(i % 2) * 12 + Math.floor(i / 2)]);
  const y = backend.scope(() => Float64Array.from(dataOf(network.forward(backend.from(channelsLast, 1, 24)))));
  for (const [k, value] of expected.entries()) expect(y[k]).toBeCloseTo(value, 13);
  expect(unused).toEqual(['head.weight']);
  expect(mappings[0]).toMatchObject({
    source: 'conv.weight',
    sourceShape: [3, 2, 2, 3],
    target: { name: 'conv.kernel' },
  });
});

test('normalisation, attention and running statistics have their names', () => {
  const model = parseModel({
    input: [4, 4, 1],
    layers: [
      { type: 'batchnorm', name: 'bn' },
      { type: 'patches', name: 'embed', size: 2, units: 4 },
      {
        type: 'residual',
        layers: [
          { type: 'layernorm', name: 'ln' },
          { type: 'attention', name: 'attn', heads: 2 },
        ],
      },
      { type: 'meanpool' },
      { type: 'dense', name: 'head', units: 3 },
    ],
    loss: 'mse',
  });
  const network = new Network(model, new CpuBackend(blas, 'float64'));
  const square = ['query', 'key', 'value', 'output'].map(
    (role, i) => [`attn.${role}.weight`, tensor([4, 4], 20 + i)] as const,
  );
  const state = new Map<string, StoredTensor>([
    ['bn.weight', tensor([1], 1)],
    ['bn.bias', tensor([1], 2)],
    ['bn.running_mean', tensor([1], 3)],
    ['bn.running_var', tensor([1], 4)],
    ['bn.num_batches_tracked', { dtype: 'I64', shape: [], data: BigInt64Array.of(7n) }],
    ['embed.weight', tensor([4, 1, 2, 2], 5)],
    ['embed.bias', tensor([4], 6)],
    ['embed.positions', tensor([4, 4], 7)],
    ['ln.weight', tensor([4], 8)],
    ['ln.bias', tensor([4], 9)],
    ...square,
    ['head.weight', tensor([3, 4], 10)],
    ['head.bias', tensor([3], 11)],
  ]);
  const { weights, unused } = fromTorch(state, wantedTensors(network));
  expect(unused).toEqual([]);
  expect(weights.get('ln.gain')).toEqual(state.get('ln.weight')?.data);
  expect(weights.get('bn.running_variance')).toEqual(state.get('bn.running_var')?.data);
  expect(weights.get('attn.key.kernel')?.[1]).toBe(state.get('attn.key.weight')?.data[4]);
  for (const [name, values] of weights) network.setWeight(name, values);
});

test('every misfit is named with what was expected and what was found', () => {
  const wanted = [
    { name: 'fc1.kernel', shape: [784, 50] },
    { name: 'fc1.bias', shape: [50] },
    { name: 'fc2.kernel', shape: [50, 10] },
  ];
  const state = new Map<string, StoredTensor>([
    ['fc1.weight', tensor([784, 50], 1)],
    ['fc1.bias', { dtype: 'I32', shape: [50], data: new Int32Array(50) }],
  ]);
  const attempt = (): unknown => fromTorch(state, wanted);
  expect(attempt).toThrow(InputError);
  expect(attempt).toThrow('fc1.weight: expected [50, 784] for fc1.kernel [784, 50], found [784, 50]');
  expect(attempt).toThrow('fc1.bias: expected floating-point numbers, found I32');
  expect(attempt).toThrow('fc2.weight: missing; expected [10, 50] for fc2.kernel [50, 10]');
  expect(attempt).toThrow('it has fc1.weight, fc1.bias');
  // What it has helps only where something is missing, and what is left over is not listed twice.
  expect(() => fromTorch(new Map([...state, ['fc2.weight', tensor([50, 10], 1)]]), wanted)).not.toThrow('it has');
  const other = (): unknown => fromTorch(new Map([...state, ['head.weight', tensor([10, 50], 1)]]), wanted);
  expect(other).toThrow('left over in it: head.weight [10, 50]');
  expect(other).not.toThrow('it has');
});

test.each([
  {
    title: 'apart',
    layer: { type: 'attention', name: 'attn', heads: 1, bias: true },
    // Rows 4 ... 7 of in_proj_weight are the keys', turned round.
    expected: { 'attn.key.bias': [3, 4], 'attn.key.kernel': [4, 6, 5, 7], 'attn.output.bias': [7, 8] },
  },
  {
    title: 'packed',
    layer: { type: 'attention', name: 'attn', heads: 1, bias: true, packed: true },
    expected: {
      'attn.qkv.bias': [1, 2, 3, 4, 5, 6],
      'attn.qkv.kernel': [0, 2, 4, 6, 8, 10, 1, 3, 5, 7, 9, 11],
      'attn.output.bias': [7, 8],
    },
  },
])('nn.MultiheadAttention with its biases, $title', ({ layer, expected }) => {
  const model = parseModel({ input: [3, 2], layers: [layer, { type: 'meanpool' }], loss: 'mse' });
  const network = new Network(model, new CpuBackend(blas, 'float64'));
  const given = (shape: number[], values: number[]): StoredTensor => ({
    dtype: 'F64',
    shape,
    data: Float64Array.from(values),
  });
  const state = new Map<string, StoredTensor>([
    ['encoder.attn.in_proj_weight', given([6, 2], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11])],
    ['encoder.attn.in_proj_bias', given([6], [1, 2, 3, 4, 5, 6])],
    ['encoder.attn.out_proj.weight', given([2, 2], [20, 21, 22, 23])],
    ['encoder.attn.out_proj.bias', given([2], [7, 8])],
  ]);
  const { weights, unused } = fromTorch(state, wantedTensors(network));
  expect(unused).toEqual([]);
  for (const [name, values] of Object.entries(expected)) expect([...(weights.get(name) ?? [])], name).toEqual(values);
});

test('tables of tokens and places keep their order; a kernel of a group of channels is turned', () => {
  const text = parseModel({
    input: [3],
    layers: [
      { type: 'embedding', name: 'wte', tokens: 4, units: 2 },
      { type: 'positions', name: 'wpe' },
      { type: 'dense', name: 'head', units: 4, tied: 'wte', bias: false },
    ],
    loss: 'cross-entropy',
  });
  const [table, places] = [tensor([4, 2], 1), tensor([3, 2], 2)];
  const found = fromTorch(
    new Map([
      ['wte.weight', table],
      ['wpe.weight', places],
    ]),
    wantedTensors(new Network(text, new CpuBackend(blas, 'float64'))),
  ).weights;
  expect([...found.keys()]).toEqual(['wte.kernel', 'wpe.kernel']);
  expect(found.get('wte.kernel')).toEqual(table.data);
  expect(found.get('wpe.kernel')).toEqual(places.data);
  const grouped = parseModel({
    input: [2, 2, 4],
    layers: [{ type: 'conv2d', name: 'c', filters: 2, kernel: [1, 1], groups: 2, bias: false }, { type: 'flatten' }],
    loss: 'mse',
  });
  const kernel = tensor([2, 2, 1, 1], 3);
  const { weights } = fromTorch(
    new Map([['c.weight', kernel]]),
    wantedTensors(new Network(grouped, new CpuBackend(blas, 'float64'))),
  );
  const [a, b, c, d] = kernel.data;
  expect([...(weights.get('c.kernel') ?? [])]).toEqual([a, c, b, d]);
});

test.each([
  { stride: 2, size: 8, padding: 'same', message: /conv1\.weight: "padding": "same" at stride 2 puts 0 and 1 zeros above and below.*"padding": 1 for padding=1/ }, // prettier-ignore
  { stride: 2, size: 7, padding: 'same', message: null },
  { stride: 1, size: 8, padding: 'same', message: null },
  { stride: 2, size: 8, padding: 1, message: null },
])(
  'weights of PyTorch for "same" at stride $stride of $size places: $padding',
  ({ stride, size, padding, message }) => {
    const model = parseModel({
      input: [size, size, 1],
      layers: [
        { type: 'conv2d', name: 'conv1', filters: 2, kernel: [3, 3], stride, padding, bias: false },
        { type: 'flatten' },
      ],
      loss: 'mse',
    });
    const wanted = wantedTensors(new Network(model, new CpuBackend(blas, 'float64')));
    const attempt = (): unknown => fromTorch(new Map([['conv1.weight', tensor([2, 1, 3, 3], 1)]]), wanted);
    if (message === null) expect(attempt).not.toThrow();
    else expect(attempt).toThrow(message);
  },
);
