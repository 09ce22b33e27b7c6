/** What each kind of layer computes, by another route; and shapes that do not fit. */
import { expect, test } from 'vitest';
import { parseModel } from '../../../src/shared/model.ts';
import { InputError } from '../../../src/shared/errors.ts';
import { CpuBackend, dataOf } from '../../../src/engine/backend/cpu.ts';
import type { Tensor } from '../../../src/engine/backend/types.ts';
import { Network } from '../../../src/engine/network/network.ts';
import { openWasmBlas } from '../../../src/engine/blas/wasm.ts';
import { loadKernels } from '../../../src/main/blas-module.ts';
import { Random } from '../../../src/shared/random.ts';
import { gap, normals, Subject } from './support.ts';

const backend = new CpuBackend(await openWasmBlas(loadKernels()), 'float64');

const convolutions = [
  { size: [5, 6, 2], kernel: [3, 2], stride: 1, padding: 'valid', pad: [0, 0], out: [3, 5] },
  { size: [7, 6, 3], kernel: [2, 3], stride: 2, padding: 'valid', pad: [0, 0], out: [3, 2] },
  { size: [5, 4, 2], kernel: [3, 3], stride: 1, padding: 'same', pad: [1, 1], out: [5, 4] },
  // ceil(6 / 4) = 2 positions: (2 - 1) 4 + 3 - 6 = 1 zero in all, none above; ceil(9 / 4) = 3: 2 in all, one to the left.
  { size: [6, 9, 1], kernel: [3, 3], stride: 4, padding: 'same', pad: [0, 1], out: [2, 3] },
] as const;

test.each(convolutions)('conv2d is the sum over its window: $size $padding $stride', (row) => {
  const [height, width, channels] = row.size;
  const filters = 3;
  const spec = { type: 'conv2d', name: 'c', filters, kernel: row.kernel, stride: row.stride, padding: row.padding };
  const subject = new Subject(backend, spec, row.size, 2);
  const point = subject.random(5);
  const kernel = point.weights.get('c.kernel') ?? [];
  const bias = point.weights.get('c.bias') ?? [];
  const expected: number[] = [];
  for (let n = 0; n < 2; n++)
    for (let oy = 0; oy < row.out[0]; oy++)
      for (let ox = 0; ox < row.out[1]; ox++)
        for (let f = 0; f < filters; f++) {
          let sum = bias[f];
          for (let ky = 0; ky < row.kernel[0]; ky++)
            for (let kx = 0; kx < row.kernel[1]; kx++)
              for (let c = 0; c < channels; c++) {
                const y = oy * row.stride + ky - row.pad[0];
                const x = ox * row.stride + kx - row.pad[1];
                if (y < 0 || y >= height || x < 0 || x >= width) continue;
                const value = point.x[((n * height + y) * width + x) * channels + c];
                sum += value * kernel[((ky * row.kernel[1] + kx) * channels + c) * filters + f];
              }
          expected.push(sum);
        }
  expect(subject.layer.outputShape).toEqual([...row.out, filters]);
  expect(gap(subject.maps(point).y, expected)).toBeLessThan(1e-14);
});

test('dense on an image is the same product at every place', () => {
  const subject = new Subject(backend, { type: 'dense', name: 'd', units: 3 }, [2, 4, 2], 2);
  const point = subject.random(6);
  const [kernel, bias] = [point.weights.get('d.kernel') ?? [], point.weights.get('d.bias') ?? []];
  const expected = Array.from({ length: 2 * 2 * 4 }, (_, place) =>
    [0, 1, 2].map((k) => bias[k] + point.x[2 * place] * kernel[k] + point.x[2 * place + 1] * kernel[3 + k]),
  ).flat();
  expect(subject.layer.outputShape).toEqual([2, 4, 3]);
  expect(gap(subject.maps(point).y, expected)).toBeLessThan(1e-14);
});

test('groupnorm and layernorm leave mean 0 and variance 1 in every group', () => {
  const subject = new Subject(backend, { type: 'groupnorm', name: 'n', groups: 2, epsilon: 1e-12 }, [3, 2, 4], 2);
  subject.set(
    new Map([
      ['n.gain', [1, 1, 1, 1]],
      ['n.bias', [0, 0, 0, 0]],
    ]),
  );
  const y = subject.maps({ ...subject.random(3), weights: new Map() }).y;
  for (const [sample, group] of [
    [0, 0],
    [0, 1],
    [1, 0],
    [1, 1],
  ]) {
    const values = [...y].filter((_, i) => Math.floor(i / 24) === sample && Math.floor((i % 4) / 2) === group);
    const mean = values.reduce((sum, v) => sum + v, 0) / 12;
    expect(mean).toBeCloseTo(0, 12);
    expect(values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / 12).toBeCloseTo(1, 9);
  }
});

test('batchnorm trains on the batch, moves the running statistics, and measures with them', () => {
  const subject = new Subject(backend, { type: 'batchnorm', name: 'n', momentum: 0.25 }, [2, 2, 1], 3);
  const weights = new Map([
    ['n.gain', [2]],
    ['n.bias', [-1]],
    ['n.running_mean', [0.5]],
    ['n.running_variance', [4]],
  ]);
  subject.set(weights);
  const point = { ...subject.random(3), weights: new Map<string, Float64Array>() };
  const n = point.x.length;
  const mean = point.x.reduce((sum, v) => sum + v, 0) / n;
  const squares = point.x.reduce((sum, v) => sum + (v - mean) ** 2, 0);
  const trained = subject.maps(point, { seed: 1, step: 0 }).y;
  expect(
    gap(
      trained,
      point.x.map((v) => (2 * (v - mean)) / Math.sqrt(squares / n + 1e-5) - 1),
    ),
  ).toBeLessThan(1e-13);
  expect(subject.get('n.running_mean')[0]).toBeCloseTo(0.75 * 0.5 + 0.25 * mean, 14);
  expect(subject.get('n.running_variance')[0]).toBeCloseTo(0.75 * 4 + (0.25 * squares) / (n - 1), 13);
  subject.set(weights);
  const measured = subject.maps(point).y;
  expect(
    gap(
      measured,
      point.x.map((v) => (2 * (v - 0.5)) / Math.sqrt(4 + 1e-5) - 1),
    ),
  ).toBeLessThan(1e-14);
  expect(subject.get('n.running_mean')[0]).toBe(0.5);
});

test.each([
  // Products of the same matrices in both passes: the same bits.
  ['a relu and the pooling behind it exchanged', [{ type: 'dense', name: 'a', units: 5 }], 0],
  [
    'convolutions without their patches',
    [{ type: 'conv2d', name: 'a', filters: 8, kernel: [3, 3], padding: 'same' }],
    1e-13,
  ],
] as const)('a pass in training gives the loss and gradients of one that measures: %s', (_what, first, tolerance) => {
  const relu = { type: 'activation', function: 'relu' };
  const pooling = { type: 'maxpool2d', size: 2 };
  const last = [{ type: 'flatten' }, { type: 'dense', name: 'z', units: 3 }];
  const model = parseModel({ input: [6, 4, 2], layers: [...first, relu, pooling, ...last], loss: 'mse' });
  const network = new Network(model, backend);
  const random = new Random(8, 'training');
  const drawn = (length: number): Float64Array => Float64Array.from({ length }, () => random.normal());
  for (const { name, rows, cols } of network.parameters) network.setWeight(name, drawn(rows * cols));
  const [x, targets] = [drawn(5 * 48), drawn(5 * 3)];
  const pass = (training?: { seed: number; step: number }): Float64Array[] =>
    backend.scope(() => {
      const gradients: Float64Array[] = [];
      const keep = (gradient: Tensor): void => {
        gradients.push(Float64Array.from(dataOf(gradient)));
      };
      network.forward(backend.from(x, 5, 48), training);
      const { losses, gradient } = network.lossAndGradient(backend.from(targets, 5, 3), 1);
      keep(losses);
      network.backward(gradient, {
        product: (_parameter, a, transposeA, b, transposeB) => {
          keep(backend.matmul(a, b, transposeA, transposeB));
        },
        add: (_parameter, each) => {
          keep(each);
        },
      });
      return gradients;
    });
  const [measuring, inTraining] = [pass(), pass({ seed: 1, step: 1 })];
  expect(inTraining.length).toBe(5);
  for (const [i, values] of inTraining.entries()) expect(gap(values, measuring[i])).toBeLessThanOrEqual(tolerance);
});

test('dropout keeps the mean while training, repeats with seed and step, and is off while measuring', () => {
  const subject = new Subject(backend, { type: 'dropout', rate: 0.25 }, [4000], 1);
  const point = {
    x: new Float64Array(4000).fill(1),
    dy: new Float64Array(4000),
    weights: new Map<string, Float64Array>(),
  };
  const y = subject.maps(point, { seed: 3, step: 7 }).y;
  const zeros = y.filter((v) => v === 0).length;
  // Standard error of a proportion of 1/4 among 4,000: 27.4.
  expect(Math.abs(zeros - 1000)).toBeLessThan(4 * 27.4);
  expect(y.every((v) => v === 0 || Math.abs(v - 4 / 3) < 1e-6)).toBe(true);
  expect(subject.maps(point, { seed: 3, step: 7 }).y).toEqual(y);
  expect(subject.maps(point, { seed: 3, step: 8 }).y).not.toEqual(y);
  expect(subject.maps(point).y).toEqual(point.x);
});

test('causal attention: a later token changes nothing before it; without the mask it does', () => {
  for (const causal of [true, false]) {
    const subject = new Subject(backend, { type: 'attention', name: 'a', heads: 2, causal }, [4, 4], 1);
    const point = subject.random(9);
    const changed = { ...point, x: point.x.map((v, i) => (i < 8 ? v : v + 1)) };
    const [before, after] = [subject.maps(point).y.subarray(0, 8), subject.maps(changed).y.subarray(0, 8)];
    if (causal) expect(after).toEqual(before);
    else expect(gap(after, before)).toBeGreaterThan(1e-3);
  }
});

test('attention of one head by its formula', () => {
  const subject = new Subject(backend, { type: 'attention', name: 'a', heads: 1 }, [3, 2], 1);
  const point = subject.random(4);
  const kernel = (role: string): Float64Array => point.weights.get(`a.${role}.kernel`) ?? new Float64Array();
  const times = (a: ArrayLike<number>, b: ArrayLike<number>, n: number, k: number, m: number): Float64Array =>
    Float64Array.from({ length: n * m }, (_, at) => {
      let sum = 0;
      for (let l = 0; l < k; l++) sum += a[Math.floor(at / m) * k + l] * b[l * m + (at % m)];
      return sum;
    });
  const [q, k, v] = ['query', 'key', 'value'].map((role) => times(point.x, kernel(role), 3, 2, 2));
  const kT = Float64Array.from({ length: 6 }, (_, i) => k[(i % 3) * 2 + Math.floor(i / 3)]);
  const weights = times(q, kT, 3, 2, 3).map((s) => Math.exp(s / Math.SQRT2));
  const rows = [0, 1, 2].map((i) => weights[3 * i] + weights[3 * i + 1] + weights[3 * i + 2]);
  const expected = times(
    times(
      weights.map((w, i) => w / rows[Math.floor(i / 3)]),
      v,
      3,
      3,
      2,
    ),
    kernel('output'),
    3,
    2,
    2,
  );
  expect(gap(subject.maps(point).y, expected)).toBeLessThan(1e-13);
});

const misfits = [
  {
    input: [9],
    layers: [{ type: 'conv2d', name: 'c1', filters: 2, kernel: [2, 2] }],
    message: /layer "c1" \(conv2d\) got an input of shape \[9\]; expected images/,
  },
  {
    input: [3, 3, 1],
    layers: [{ type: 'conv2d', name: 'c1', filters: 2, kernel: [4, 2] }],
    message: /layer "c1" \(conv2d\): a window of 4 x 2 does not fit/,
  },
  {
    input: [3, 3, 1],
    layers: [{ type: 'maxpool2d', size: 4 }],
    message: /layers\[0\] \(maxpool2d\): a window of 4 x 4 does not fit/,
  },
  {
    input: [8],
    layers: [{ type: 'meanpool' }],
    message: /layers\[0\] \(meanpool\) got an input of shape \[8\]; expected a sequence/,
  },
  {
    input: [3, 4],
    layers: [{ type: 'globalavgpool2d' }],
    message: /layers\[0\] \(globalavgpool2d\) got an input of shape \[3, 4\]; expected images/,
  },
  {
    input: [3, 4],
    layers: [{ type: 'attention', name: 'a', heads: 3 }],
    message: /layer "a" \(attention\): 3 heads do not divide the width 4/,
  },
  {
    input: [4],
    layers: [{ type: 'attention', name: 'a', heads: 2 }],
    message: /layer "a" \(attention\) got an input of shape \[4\]; expected a sequence/,
  },
  {
    input: [4],
    layers: [{ type: 'groupnorm', name: 'n', groups: 3 }],
    message: /layer "n" \(groupnorm\): 3 groups do not divide the 4 channels/,
  },
  {
    input: [5, 4, 1],
    layers: [{ type: 'patches', name: 'p', size: 2, units: 3 }],
    message: /layer "p" \(patches\): squares of side 2 do not tile images of shape \[5, 4, 1\]/,
  },
  {
    input: [4],
    layers: [{ type: 'flatten' }, { type: 'residual', layers: [{ type: 'dense', name: 'fc', units: 3 }] }],
    message: /layers\[1\] \(residual\): its layers end in shape \[3\], its input has \[4\]/,
  },
  {
    input: [4],
    layers: [
      {
        type: 'residual',
        layers: [{ type: 'dense', name: 'a', units: 3 }],
        shortcut: [{ type: 'dense', name: 'b', units: 2 }],
      },
    ],
    message: /its shortcut ends in \[2\]/,
  },
  {
    input: [4, 4, 1],
    layers: [{ type: 'conv2d', name: 'c', filters: 2, kernel: [2, 2] }],
    message: /the model's output has shape \[3, 3, 2\]/,
  },
  {
    input: [4, 4, 3],
    layers: [{ type: 'conv2d', name: 'c', filters: 4, kernel: [1, 1], groups: 2 }],
    message: /layer "c" \(conv2d\): 2 groups do not divide its 3 channels and 4 filters/,
  },
  {
    input: [4, 4, 1],
    layers: [{ type: 'maxpool2d', size: 2, padding: 2 }],
    message: /layers\[0\] \(maxpool2d\): a padding of 2 is as wide as the window \(2\)/,
  },
  {
    input: [4],
    layers: [{ type: 'activation', function: 'gelu', slope: 0.1 }],
    message: /layers\[0\] \(activation\): "slope" belongs to leaky-relu; gelu has none/,
  },
  {
    input: [3, 4],
    layers: [{ type: 'embedding', name: 'e', tokens: 5, units: 2 }],
    message: /layer "e" \(embedding\) got an input of shape \[3, 4\]; expected token numbers/,
  },
  {
    input: [3],
    layers: [
      { type: 'embedding', name: 'e', tokens: 5, units: 2 },
      { type: 'dense', name: 'head', units: 4, tied: 'e' },
    ],
    message: /layer "head" \(dense\): 4 units; e\.kernel, to which it is tied, has 5 tokens/,
  },
  {
    input: [3, 2],
    layers: [{ type: 'dense', name: 'head', units: 5, tied: 'wte' }],
    message: /layer "head" \(dense\) is tied to "wte", which is no embedding before it/,
  },
  {
    input: [3, 6],
    layers: [{ type: 'attention', name: 'a', heads: 2, rotary: {} }],
    message: /layer "a" \(attention\): rotary positions turn pairs of numbers; a head has 3/,
  },
  {
    input: [3, 2],
    layers: [{ type: 'selecttoken', index: 3 }],
    message: /layers\[0\] \(selecttoken\): there is no token 3 among 3; expected -3 to 2/,
  },
  {
    input: [3, 2],
    layers: [{ type: 'concat', branches: [[], [{ type: 'meanpool' }]] }],
    message: /layers\[0\] \(concat\): branches\[0\] ends in shape \[3, 2\], branches\[1\] in \[2\]/,
  },
];

test.each(misfits)('shapes that do not fit: $message', ({ input, layers, message }) => {
  const build = (): Network => new Network(parseModel({ input, layers, loss: 'mse' }), backend);
  expect(build).toThrow(InputError);
  expect(build).toThrow(message);
});

const malformed = [
  {
    layer: { type: 'conv2d', name: 'c', filters: 2, kernel: [2, 2], padding: 'full' },
    message: /expected "valid" or "same"/,
  },
  {
    layer: { type: 'activation', function: 'softmax' },
    message: /cross-entropy takes the outputs before it \(logits\)/,
  },
  {
    layer: { type: 'conv2d', name: 'c', filters: 2, kernel: [2, 2], padding: [1, 2, 3] },
    message: /padding: expected a whole number, \[rows, columns\] or \[\[top, bottom\], \[left, right\]\]/,
  },
  { layer: { type: 'dropout', rate: 1 }, message: /layers\[0\]\.rate: expected a number of at least 0 and below 1/ },
  {
    layer: { type: 'residual', layers: [{ type: 'residual', layers: [{ type: 'dens' }] }] },
    message: /layers\[0\]\.layers\[0\]\.layers\[0\]/,
  },
  {
    layer: {
      type: 'residual',
      layers: [
        { type: 'dense', name: 'x', units: 2 },
        { type: 'dense', name: 'x', units: 2 },
      ],
    },
    message: /two layers are named "x"/,
  },
  { layer: { type: 'layernorm', name: 'n', epsilon: 0 }, message: /epsilon: expected a number above 0/ },
];

test.each(malformed)('specifications that are wrong: $message', ({ layer, message }) => {
  expect(() => parseModel({ input: [4], layers: [layer], loss: 'mse' })).toThrow(message);
});

test('weights and running statistics inside residual blocks are found, set and unknown ones named', () => {
  const spec = parseModel({
    input: [4],
    layers: [
      {
        type: 'residual',
        layers: [
          { type: 'batchnorm', name: 'bn' },
          { type: 'dense', name: 'fc', units: 4 },
        ],
      },
    ],
    loss: 'mse',
  });
  const network = new Network(spec, backend);
  expect(network.parameters.map((each) => each.name)).toEqual(['bn.gain', 'bn.bias', 'fc.kernel', 'fc.bias']);
  expect(network.states.map((each) => each.name)).toEqual(['bn.running_mean', 'bn.running_variance']);
  expect(network.layerOf(network.parameter('fc.kernel')).label).toBe('fc (dense)');
  network.setWeight('bn.running_mean', normals(1, 4));
  expect(() => {
    network.setWeight('bn.running_mean', [1]);
  }).toThrow(/bn.running_mean: expected 4 values/);
  expect(() => network.parameter('fc9.kernel')).toThrow(/no parameter "fc9.kernel"; it has bn.gain/);
});
