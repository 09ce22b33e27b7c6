/** `covature measure --layout torch`: state dicts and data as PyTorch lays them out, in files that NumPy itself wrote, against the reference values. */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import * as path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { readSafetensors, tensor, writeSafetensors } from '../../../src/data/formats/safetensors.ts';
import { takeWeights } from '../../../src/data/weights.ts';
import type { StoredTensor } from '../../../src/data/formats/tensors.ts';
import { CpuBackend } from '../../../src/engine/backend/cpu.ts';
import { openWasmBlas } from '../../../src/engine/blas/wasm.ts';
import { Network } from '../../../src/engine/network/network.ts';
import { wantedTensors } from '../../../src/engine/network/wanted.ts';
import { loadKernels } from '../../../src/main/blas-module.ts';
import { cli, temporaryFolder } from '../../support/cli.ts';
import {
  disagreement,
  flat,
  modelOf,
  readReference,
  referenceAvailable,
  referenceFolder,
} from '../../support/reference.ts';
import { describeWhere } from '../../support/skips.ts';
import { TestWorkbench } from '../contract/support.ts';
import { until } from '../queue/support.ts';

const folder = temporaryFolder();
const at = (name: string): string => path.join(folder, name);

/** What a user of PyTorch would save, from a reference file: names and axes of nn.Conv2d, nn.Linear, nn.LayerNorm and nn.MultiheadAttention. */
const script = `
import json, sys
import numpy as np
source, out = sys.argv[1:]
file = json.load(open(source))
state, shape = {}, None
weights = {k: np.array(v, dtype=np.float64) for k, v in file['weights'].items()}
images = len(file['model']['input']) == 3
def layers(chain):
    for layer in chain:
        if layer['type'] == 'residual': yield from layers(layer['layers'])
        else: yield layer
size = list(file['model']['input'])
for layer in layers(file['model']['layers']):
    name, kind = layer.get('name'), layer['type']
    if kind == 'conv2d':
        k = weights[name + '.kernel']
        size = [size[0] - k.shape[0] + 1, size[1] - k.shape[1] + 1, k.shape[3]]
        state[name + '.weight'] = k.transpose(3, 2, 0, 1)
    elif kind == 'maxpool2d': size = [size[0] // layer['size'], size[1] // layer['size'], size[2]]
    elif kind == 'flatten': shape = size
    elif kind == 'dense':
        k = weights[name + '.kernel']
        if shape is not None: k = k.reshape(*shape, -1).transpose(2, 0, 1, 3).reshape(k.shape)
        shape = None
        state[name + '.weight'] = k.T
    elif kind == 'layernorm': state[name + '.weight'] = weights[name + '.gain']
    elif kind == 'attention':
        state[name + '.in_proj_weight'] = np.concatenate([weights[f'{name}.{part}.kernel'].T for part in ('query', 'key', 'value')])
        state[name + '.in_proj_bias'] = np.zeros(3 * len(weights[name + '.query.kernel']))
        state[name + '.out_proj.weight'] = weights[name + '.output.kernel'].T
    if name and name + '.bias' in weights: state[name + '.bias'] = weights[name + '.bias']
inputs = np.array(file['inputs'])
if images: inputs = inputs.transpose(0, 3, 1, 2)
np.savez(out + '.weights.npz', **{'module.' + k: v for k, v in state.items()})
np.savez(out + '.data.npz', inputs=inputs, targets=np.array(file['targets']))
`;

const numpy = ((): true | string => {
  try {
    execFileSync('python3', ['-c', 'import numpy'], { stdio: 'ignore' });
    return true;
  } catch {
    return 'no python3 with numpy on this machine';
  }
})();

describeWhere(referenceAvailable === true ? numpy : referenceAvailable, 'state dicts in files of NumPy', () => {
  const rows = [
    { name: 'cnn-relu-cross-entropy', parameters: ['conv1.kernel', 'fc1.kernel'] },
    { name: 'transformer-cross-entropy', parameters: ['attn.value.kernel', 'head.kernel'] },
    { name: 'mlp-tanh-mse-bias', parameters: ['fc2.kernel'] },
  ];
  test.each(rows)('$name', async ({ name, parameters }) => {
    const file = readReference(name);
    execFileSync('python3', ['-c', script, fileURLToPath(new URL(`${name}.json`, referenceFolder)), at(name)]);
    writeFileSync(at(`${name}.model.json`), JSON.stringify(file.model));
    const out = at(`${name}.result.safetensors`);
    const given = [
      '--model',
      at(`${name}.model.json`),
      '--weights',
      at(`${name}.weights.npz`),
      '--data',
      at(`${name}.data.npz`),
    ];
    const named = parameters.flatMap((each) => ['--parameter', each]);
    const result = await cli([
      'measure',
      ...given,
      '--layout',
      'torch',
      ...named,
      '--top',
      '100',
      '--out',
      out,
      '--json',
    ]);
    expect(result.status, result.stderr).toBe(0);
    expect(result.stderr).not.toMatch(/no place for/);
    for (const parameter of parameters) {
      const reference = file.measurements.find((each) => each.parameter === parameter)!;
      const stored = await readSafetensors(
        parameters.length === 1 ? out : out.replace(/\.safetensors$/, `-${parameter}.safetensors`),
      );
      for (const key of ['eigenvalues', 'mean_gradient'] as const) {
        const found = stored.tensors.get(key)?.data as Float64Array;
        expect(disagreement(found, flat(reference[key])), `${parameter} ${key}`).toBeLessThan(1e-9);
      }
    }
    // The window imports the same files: names without wrappers, attention's projections apart, images turned, for measurements of the run too.
    const bench = new TestWorkbench();
    try {
      const asked = { model: file.model, weights: { path: at(`${name}.weights.npz`) } };
      const preview = await bench.request('models.preview', asked);
      expect(preview).toMatchObject({ layout: 'torch', unused: [] });
      expect(preview.mappings.filter(({ problem }) => problem !== null)).toEqual([]);
      const done = await bench.request('models.import', {
        ...asked,
        name,
        dataset: { source: 'npz', path: at(`${name}.data.npz`) },
        measurement: { parameters: [parameters[parameters.length - 1]] },
      });
      const { loss } = file.measurements[0];
      expect(done.loss).toBeCloseTo(loss, 10);
      const list = async () => bench.request('measurements.list', { runs: [done.run] });
      await until(async () => (await list())[0]?.state === 'done', 'the measurement');
      expect((await list())[0].summary!.loss).toBeCloseTo(loss, 10);
    } finally {
      await bench.remove();
    }
    // Read as it is, the same file is refused with what to do.
    const native = await cli(['measure', ...given, ...named, '--json']);
    expect(native.status).toBe(2);
    expect(native.stderr).toMatch(/weights\.npz: the weights do not fit the model:\n.*missing; expected \[.*\n/);
    expect(native.stderr).toContain('these are names of a PyTorch state dict: use --layout torch');
  });
});

describe('weights files that do not fit', () => {
  const model = {
    input: [4, 4, 2],
    layers: [
      { type: 'conv2d', name: 'conv', filters: 3, kernel: [3, 3], bias: false },
      { type: 'flatten' },
      { type: 'dense', name: 'fc', units: 2 },
    ],
    loss: 'cross-entropy',
  };
  const zeros = (...shape: number[]): StoredTensor =>
    tensor(new Float32Array(shape.reduce((product, n) => product * n, 1)), shape);
  const write = async (weights: Record<string, StoredTensor>, inputs: readonly number[]): Promise<string[]> => {
    writeFileSync(at('small.json'), JSON.stringify(model));
    await writeSafetensors(at('small.safetensors'), weights);
    await writeSafetensors(at('small-data.safetensors'), {
      inputs: tensor(
        Float64Array.from({ length: 20 * 32 }, (_, i) => Math.sin(i)),
        [20, ...inputs],
      ),
      targets: tensor(Int32Array.from({ length: 20 }, (_, i) => i % 2)),
    });
    return [
      'measure',
      '--model',
      at('small.json'),
      '--weights',
      at('small.safetensors'),
      '--data',
      at('small-data.safetensors'),
      '--parameter',
      'fc.kernel',
      '--json',
    ];
  };
  const fits = { 'conv.weight': zeros(3, 2, 3, 3), 'fc.weight': zeros(2, 12), 'fc.bias': zeros(2) };

  test('every tensor that does not fit is named, with the shapes expected and found', async () => {
    const args = await write(
      { 'conv.weight': zeros(3, 3, 3, 2), 'fc.weight': zeros(2, 12), other: zeros(1) },
      [2, 4, 4],
    );
    const { status, stderr } = await cli([...args, '--layout', 'torch']);
    expect(status).toBe(2);
    expect(stderr).toContain('conv.weight: expected [3, 2, 3, 3] for conv.kernel [3, 3, 2, 3], found [3, 3, 3, 2]');
    expect(stderr).toContain('fc.bias: missing; expected [2] for fc.bias [2]');
    expect(stderr).toContain('small.safetensors: the state dict does not fit the model');
  });

  test('tensors without a place are named, and the rest is measured; channels first without torch is refused', async () => {
    const args = await write({ ...fits, 'head.weight': zeros(5) }, [2, 4, 4]);
    const { status, stdout, stderr } = await cli([...args, '--layout', 'torch']);
    expect(status, stderr).toBe(0);
    expect(stderr).toMatch(/the model has no place for head\.weight; left out/);
    expect((JSON.parse(stdout) as { parameter: string }).parameter).toBe('fc.kernel');
    const wrong = await cli([...args, '--layout', 'tourch']);
    expect(wrong.status).toBe(2);
    expect(wrong.stderr).toContain('--layout: expected one of covature, torch; received "tourch"');
    const native = { 'conv.kernel': zeros(3, 3, 2, 3), 'fc.kernel': zeros(12, 2), 'fc.bias': zeros(2) };
    const turned = await cli(await write(native, [2, 4, 4]));
    expect(turned.status).toBe(2);
    expect(turned.stderr).toMatch(
      /images of shape \[2, 4, 4\], channels first as PyTorch has them; the model takes \[4, 4, 2\]. Use --layout torch/,
    );
  });

  test('layers that are not known are said before anything runs', async () => {
    const args = await write(fits, [2, 4, 4]);
    writeFileSync(
      at('small.json'),
      JSON.stringify({ ...model, layers: [{ type: 'lstm', name: 'l', units: 3 }, ...model.layers.slice(1)] }),
    );
    const { status, stderr } = await cli([...args, '--layout', 'torch']);
    expect(status).toBe(2);
    expect(stderr).toMatch(/small\.json.*layers\[0\].*known layers: dense, activation.*lstm/s);
  });
});

describe('attention as nn.MultiheadAttention keeps it', () => {
  test('projections come apart; biases other than 0 are refused', async () => {
    const spec = {
      input: [3, 2],
      layers: [{ type: 'attention', name: 'attn', heads: 1 }, { type: 'meanpool' }],
      loss: 'mse',
    };
    const network = new Network(
      modelOf({ model: spec } as never),
      new CpuBackend(await openWasmBlas(loadKernels()), 'float64'),
    );
    const values = Float64Array.from({ length: 12 }, (_, i) => i);
    const state = new Map<string, StoredTensor>([
      ['_orig_mod.module.attn.in_proj_weight', tensor(values, [6, 2])],
      ['_orig_mod.module.attn.out_proj.weight', tensor(Float64Array.of(20, 21, 22, 23), [2, 2])],
      ['_orig_mod.module.attn.out_proj.bias', tensor(new Float64Array(2))],
    ]);
    const { weights, unused } = takeWeights(state, 'w', 'torch', wantedTensors(network));
    expect([...weights.get('attn.key.kernel')!]).toEqual([4, 6, 5, 7]);
    expect([...weights.get('attn.output.kernel')!]).toEqual([20, 22, 21, 23]);
    expect(unused).toEqual([]);
    state.set('_orig_mod.module.attn.in_proj_bias', tensor(Float64Array.of(0, 0, 1, 0, 0, 0)));
    expect(() => takeWeights(state, 'w.npz', 'torch', wantedTensors(network))).toThrow(
      /w\.npz: attn\.in_proj_bias: holds biases other than 0/,
    );
  });
});
