/** The product's own verification: it agrees for every kind of layer, and it notices when what it checks is wrong. */
import { readdirSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CpuBackend, dataOf } from '../../../src/engine/backend/cpu.ts';
import { openWasmBlas } from '../../../src/engine/blas/wasm.ts';
import { Network } from '../../../src/engine/network/network.ts';
import { Pool } from '../../../src/engine/parallel/pool.ts';
import type { BuildShapes } from '../../../src/engine/verify/copy.ts';
import { leaves } from '../../../src/engine/network/chain.ts';
import { smallCopy } from '../../../src/engine/verify/copy.ts';
import { forwardOutput } from '../../../src/engine/verify/forward.ts';
import { constant } from '../../../src/engine/verify/hyper-dual.ts';
import { oracleMatrices } from '../../../src/engine/verify/oracle.ts';
import { verifyModel } from '../../../src/engine/verify/verify.ts';
import { loadKernels } from '../../../src/main/blas-module.ts';
import { allLayers, layerKinds, parseModel } from '../../../src/shared/model.ts';
import {
  dataOf as referenceData,
  disagreement,
  flat,
  modelOf,
  readReference,
  referenceAvailable,
  referenceNames,
} from '../../support/reference.ts';
import { describeWhere } from '../../support/skips.ts';
import { normals } from '../network/support.ts';

const blas = await openWasmBlas(loadKernels());
const backend = new CpuBackend(blas, 'float64');
const builds: BuildShapes = (spec) => {
  try {
    return leaves(new Network(spec, backend).layers).map(({ outputShape }) => outputShape);
  } catch {
    return null;
  }
};

/** Each kind of layer stands in one of these. */
const models = {
  images: {
    input: [12, 12, 3],
    layers: [
      { type: 'conv2d', name: 'c1', filters: 16, kernel: [5, 5], padding: 'same', stride: 2 },
      { type: 'batchnorm', name: 'bn' },
      { type: 'activation', function: 'softplus' },
      { type: 'maxpool2d', size: 2 },
      {
        type: 'residual',
        shortcut: [{ type: 'conv2d', name: 's', filters: 32, kernel: [1, 1], bias: false }],
        layers: [
          { type: 'groupnorm', name: 'gn', groups: 4 },
          { type: 'conv2d', name: 'c2', filters: 32, kernel: [3, 3], padding: 'same' },
        ],
      },
      { type: 'avgpool2d', size: 2, stride: 1 },
      { type: 'globalavgpool2d' },
      { type: 'dropout', rate: 0.3 },
      { type: 'dense', name: 'head', units: 10 },
    ],
    loss: 'cross-entropy',
  },
  tokens: {
    input: [28, 28, 1],
    layers: [
      { type: 'patches', name: 'p', size: 7, units: 32 },
      {
        type: 'residual',
        layers: [
          { type: 'layernorm', name: 'ln' },
          { type: 'attention', name: 'a', heads: 4, causal: true },
        ],
      },
      { type: 'activation', function: 'gelu' },
      { type: 'meanpool' },
      { type: 'dense', name: 'head', units: 10 },
    ],
    loss: 'mse',
  },
  vectors: {
    input: [784],
    layers: [
      { type: 'flatten' },
      { type: 'dense', name: 'fc1', units: 50 },
      { type: 'activation', function: 'relu' },
      { type: 'dense', name: 'fc2', units: 50, bias: false },
      { type: 'activation', function: 'sigmoid' },
      { type: 'dense', name: 'fc3', units: 10 },
    ],
    loss: 'cross-entropy',
  },
  // A small language model: token numbers, a tied head, a loss over every token.
  text: {
    input: [16],
    layers: [
      { type: 'embedding', name: 'wte', tokens: 65, units: 32 },
      { type: 'positions', name: 'wpe' },
      {
        type: 'residual',
        layers: [
          { type: 'rmsnorm', name: 'ln' },
          { type: 'attention', name: 'a', heads: 4, causal: true, packed: true, bias: true, rotary: {} },
        ],
      },
      {
        type: 'residual',
        layers: [
          { type: 'layernorm', name: 'ln2', bias: false },
          { type: 'dense', name: 'up', units: 128 },
          { type: 'activation', function: 'gelu-tanh' },
          { type: 'dense', name: 'down', units: 32 },
          { type: 'layerscale', name: 'ls' },
        ],
      },
      { type: 'dense', name: 'head', units: 65, tied: 'wte' },
    ],
    loss: {
      type: 'cross-entropy',
      label_smoothing: 0.1,
      class_weights: Array.from({ length: 65 }, (_, k) => 1 + (k % 3)),
    },
  },
  vision: {
    input: [16, 16, 3],
    layers: [
      { type: 'conv2d', name: 'stem', filters: 24, kernel: [4, 4], stride: 4, padding: [1, 0] },
      {
        type: 'residual',
        layers: [
          { type: 'conv2d', name: 'dw', filters: 24, kernel: [7, 7], padding: 3, groups: 24 },
          { type: 'layernorm', name: 'ln' },
          { type: 'conv2d', name: 'pw', filters: 24, kernel: [1, 1] },
          { type: 'activation', function: 'silu' },
        ],
        branches: [[{ type: 'maxpool2d', size: 3, stride: 1, padding: 1 }]],
      },
      { type: 'concat', branches: [[], [{ type: 'activation', function: 'softsign' }]] },
      {
        type: 'residual',
        layers: [{ type: 'conv2d', name: 'wide', filters: 64, kernel: [1, 1] }],
        shortcut: [{ type: 'padchannels', before: 8, after: 8 }],
      },
      { type: 'adaptiveavgpool2d', size: 3 },
      { type: 'tokens' },
      { type: 'classtoken', name: 'cls' },
      { type: 'positions', name: 'pos' },
      {
        type: 'residual',
        layers: [{ type: 'transpose' }, { type: 'dense', name: 'mix', units: 10 }, { type: 'transpose' }],
      },
      { type: 'selecttoken', index: 0 },
      { type: 'dense', name: 'head', units: 5 },
    ],
    loss: { type: 'binary-cross-entropy', mean_over_outputs: true },
  },
};

test('the models here have every kind of layer', () => {
  const kinds = new Set(
    Object.values(models).flatMap((each) => allLayers(parseModel(each).layers).map(({ type }) => type)),
  );
  expect([...kinds].sort()).toEqual([...layerKinds].sort());
});

describe('verification', () => {
  let pool: Pool;
  beforeAll(() => {
    pool = new Pool(blas, { threads: 1 });
  });
  afterAll(() => pool.close());

  test.each([
    ['images', ['c1.kernel', 'bn.gain', 's.kernel', 'head.kernel']],
    ['tokens', ['p.positions', 'ln.gain', 'a.query.kernel', 'head.bias']],
    ['vectors', ['fc1.kernel', 'fc2.kernel', 'fc3.bias']],
    ['text', ['wte.kernel', 'wpe.kernel', 'ln.gain', 'a.qkv.kernel', 'a.output.bias', 'ls.gain', 'head.bias']],
    ['vision', ['stem.kernel', 'dw.kernel', 'cls.kernel', 'pos.kernel', 'mix.kernel', 'head.kernel']],
  ] as const)('%s: every quantity agrees with the oracle', async (name, parameters) => {
    const report = await verifyModel(pool, parseModel(models[name]), { parameters, seed: 3 });
    expect(report.left_out).toEqual([]);
    expect(new Set(report.parameters.map(({ parameter }) => parameter))).toEqual(new Set(parameters));
    for (const { parameter, quantities } of report.parameters)
      for (const { quantity, disagreement: found, tolerance } of quantities)
        expect(found, `${parameter} ${quantity}`).toBeLessThan(tolerance);
    expect(report.agrees).toBe(true);
    // Of a sequence every layer's weights are shared over its tokens.
    expect(report.parameters.some(({ method, quantities }) => method === 'exact' && quantities.length === 12)).toBe(
      name !== 'text',
    );
  });

  test('a bias that a normalisation takes away has matrices that vanish, and that is said', async () => {
    const model = parseModel({
      input: [6],
      layers: [
        { type: 'dense', name: 'fc', units: 1 },
        { type: 'activation', function: 'tanh' },
        { type: 'dense', name: 'out', units: 4 },
        { type: 'layernorm', name: 'n' },
        { type: 'dense', name: 'head', units: 3 },
      ],
      loss: 'cross-entropy',
    });
    const report = await verifyModel(
      pool,
      parseModel({
        ...model,
        layers: [...model.layers.slice(0, 1), { type: 'layernorm', name: 'one' }, ...model.layers.slice(1)],
      }),
      { parameters: ['fc.bias', 'head.kernel'] },
    );
    const [first] = report.parameters;
    expect(first.quantities.map(({ quantity }) => quantity)).toEqual(['all vanish', 'loss']);
    expect(report.agrees).toBe(true);
  });

  test('a change of 1e-6 in one weight is noticed by every matrix', async () => {
    const copy = smallCopy(parseModel(models.vectors), builds);
    const network = new Network(copy, backend);
    const weights = Object.fromEntries(
      network.parameters.map(({ name, rows, cols }, i) => [name, [...normals(i, rows * cols)]]),
    );
    const problem = {
      model: copy,
      weights,
      inputs: [50, 51, 52].map((seed) => [...normals(seed, 4)]),
      targets: [0, 1, 2].map((label) => [0, 1, 2].map((k) => (k === label ? 1 : 0))),
    };
    const moved = { ...weights, 'fc1.bias': weights['fc1.bias'].map((x) => x + 1e-6) };
    const [right, wrong] = await Promise.all(
      [problem, { ...problem, weights: moved }].map((each) => oracleMatrices(each, 'fc2.kernel')),
    );
    for (const key of ['C', 'H', 'Q'] as const) expect(disagreement(wrong[key], right[key]), key).toBeGreaterThan(1e-9);
  });

  test('progress rises to the last parameter, and a cancel stops it', async () => {
    const seen: (readonly [string, number])[] = [];
    await verifyModel(pool, parseModel(models.tokens), {
      parameters: ['a.query.kernel', 'head.kernel'],
      onProgress: (parameter, share) => seen.push([parameter, share]),
    });
    const shares = seen.map(([, share]) => share);
    expect(shares[0]).toBe(0);
    expect(shares).toEqual([...shares].sort((a, b) => a - b));
    expect(shares.at(-1)).toBeLessThanOrEqual(1);
    expect([...new Set(seen.map(([parameter]) => parameter))]).toEqual(['a.query.kernel', 'head.kernel']);
    const abort = new AbortController();
    const stopped = verifyModel(pool, parseModel(models.images), {
      signal: abort.signal,
      onProgress: () => {
        abort.abort(new Error('enough'));
      },
    });
    await expect(stopped).rejects.toThrow('enough');
  });

  test('a parameter that does not exist, and a model without a small copy, are refused', async () => {
    await expect(verifyModel(pool, parseModel(models.vectors), { parameters: ['fc9.kernel'] })).rejects.toThrow(
      /no parameter "fc9.kernel"; it has fc1.kernel/,
    );
    const odd = parseModel({
      input: [70, 70, 1],
      layers: [{ type: 'avgpool2d', size: 66 }, { type: 'flatten' }, { type: 'dense', name: 'fc', units: 2 }],
      loss: 'mse',
    });
    await expect(verifyModel(pool, odd)).rejects.toThrow(/no small copy of the model/);
  });
});

describe('the forward pass of the oracle', () => {
  test.each(Object.entries(models))('%s: gives what the network gives', (name, spec) => {
    const model = smallCopy(parseModel(spec), builds);
    const network = new Network(model, backend);
    const weights = Object.fromEntries(
      [...network.parameters, ...network.states].map(({ name, rows, cols }, i) => [
        name,
        [...normals(i, rows * cols)].map((x) => (name.endsWith('variance') ? 1 + x * x : x)),
      ]),
    );
    for (const [name, values] of Object.entries(weights)) network.setWeight(name, values);
    const input = [...normals(77, network.inputSize)].map((x) => (name === 'text' ? Math.floor(Math.abs(x)) : x));
    const found = backend.scope(() => [...dataOf(network.forward(backend.from(input, 1, network.inputSize)))]);
    const duals = Object.fromEntries(Object.entries(weights).map(([name, values]) => [name, values.map(constant)]));
    expect(
      disagreement(
        found,
        forwardOutput(model, duals, input).x.map(({ a }) => a),
      ),
    ).toBeLessThan(1e-13);
  });

  test.each(
    readdirSync(new URL('../../../resources/examples/', import.meta.url)).filter((name) => name.endsWith('.json')),
  )('a small copy of the example %s is found', (name) => {
    const { model } = JSON.parse(
      readFileSync(new URL(`../../../resources/examples/${name}`, import.meta.url), 'utf8'),
    ) as { model: unknown };
    const copy = smallCopy(parseModel(model), builds);
    expect(allLayers(copy.layers).map(({ type }) => type)).toEqual(
      allLayers(parseModel(model).layers).map(({ type }) => type),
    );
    for (const { name: parameter, rows, cols } of new Network(copy, backend).parameters)
      expect(rows * cols, parameter).toBeLessThanOrEqual(160);
  });
});

describeWhere(referenceAvailable, 'the oracle against reference values', () => {
  test.each(['mlp-', 'transformer-'].flatMap(referenceNames))('%s', async (name) => {
    const file = readReference(name);
    const model = modelOf(file);
    const reference = file.measurements.toSorted((a, b) => a.eigenvalues.length - b.eigenvalues.length)[0];
    const network = new Network(model, backend);
    const { inputs, targets } = referenceData(file, network.outputSize);
    const rows = (values: Float64Array, width: number): number[][] =>
      Array.from({ length: values.length / width }, (_, p) => [...values.subarray(p * width, (p + 1) * width)]);
    const found = await oracleMatrices(
      {
        model,
        weights: Object.fromEntries(Object.entries(file.weights).map(([key, values]) => [key, [...flat(values)]])),
        inputs: rows(inputs, network.inputSize),
        targets: rows(targets, network.outputSize),
      },
      reference.parameter,
    );
    for (const key of ['C', 'H', 'Q', 'gauss_newton', 'mean_gradient'] as const)
      expect(disagreement(found[key], flat(reference[key])), key).toBeLessThan(1e-9);
  });
});
