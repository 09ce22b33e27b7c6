/** What a user can get wrong, through the command line: exit status 2, a message that names what and where, nothing stored. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { encodeSafetensors, tensor } from '../../../src/data/formats/safetensors.ts';
import type { StoredTensor } from '../../../src/data/formats/safetensors.ts';
import { cli, temporaryFolder } from '../../support/cli.ts';

const folder = temporaryFolder();
const at = (name: string): string => path.join(folder, name);

const model = {
  input: [3],
  loss: 'cross-entropy',
  layers: [
    { type: 'dense', name: 'fc1', units: 4 },
    { type: 'activation', function: 'tanh' },
    { type: 'dense', name: 'fc2', units: 2 },
  ],
};

function bytes(tensors: Record<string, StoredTensor>): Buffer {
  return Buffer.concat(encodeSafetensors(tensors));
}

const weights = (): Record<string, StoredTensor> => ({
  'fc1.kernel': tensor(new Float64Array(12).fill(0.1), [3, 4]),
  'fc1.bias': tensor(new Float64Array(4), [4]),
  'fc2.kernel': tensor(new Float64Array(8).fill(0.2), [4, 2]),
  'fc2.bias': tensor(new Float64Array(2), [2]),
});
const inputs = (n: number): Float64Array => Float64Array.from({ length: 3 * n }, (_, i) => Math.sin(i));
const data = (
  n: number,
  change: Partial<Record<'inputs' | 'targets', StoredTensor>> = {},
): Record<string, StoredTensor> => ({
  inputs: tensor(inputs(n), [n, 3]),
  targets: tensor(
    Int32Array.from({ length: n }, (_, i) => i % 2),
    [n],
  ),
  ...change,
});

/** The file with its first bytes replaced by a header length that lies. */
function lyingLength(file: Buffer, length: bigint): Buffer {
  const copy = Buffer.from(file);
  copy.writeBigUInt64LE(length, 0);
  return copy;
}

/** The header with one text replaced by another of the same length. */
function edited(file: Buffer, from: string, to: string): Buffer {
  if (from.length !== to.length) throw new Error('texts of different length');
  return Buffer.from(file.toString('latin1').replace(from, to), 'latin1');
}

function idx(type: number, sizes: readonly number[], values: readonly number[]): Buffer {
  const head = Buffer.alloc(4 + 4 * sizes.length);
  head[2] = type;
  head[3] = sizes.length;
  for (const [i, size] of sizes.entries()) head.writeUInt32BE(size, 4 + 4 * i);
  return Buffer.concat([head, Buffer.from(values)]);
}

beforeAll(() => {
  writeFileSync(at('model.json'), JSON.stringify(model));
  writeFileSync(at('w.safetensors'), bytes(weights()));
  writeFileSync(at('d.safetensors'), bytes(data(8)));
});

interface MeasureCase {
  readonly title: string;
  readonly files?: Readonly<Record<string, string | Buffer>>;
  /** In place of the usual arguments. */
  readonly args?: Readonly<Record<string, string>>;
  readonly message: RegExp;
}

const measureCases: readonly MeasureCase[] = [
  {
    title: 'weights cut short',
    files: { 'x.safetensors': bytes(weights()).subarray(0, 300) },
    args: { weights: 'x.safetensors' },
    message: /x\.safetensors/,
  },
  {
    title: 'weights with a header length that lies',
    files: { 'x.safetensors': lyingLength(bytes(weights()), 2n ** 40n) },
    args: { weights: 'x.safetensors' },
    message: /x\.safetensors.*header/,
  },
  {
    title: 'weights with offsets out of range',
    files: { 'x.safetensors': edited(bytes(weights()), '"data_offsets":[0,', '"data_offsets":[9,') },
    args: { weights: 'x.safetensors' },
    message: /x\.safetensors/,
  },
  {
    title: 'weights of a wrong shape, naming tensor, found and expected',
    files: { 'x.safetensors': bytes({ ...weights(), 'fc2.kernel': tensor(new Float64Array(8), [2, 4]) }) },
    args: { weights: 'x.safetensors' },
    message: /x\.safetensors: the weights do not fit the model:\nfc2\.kernel: expected \[4, 2\], found \[2, 4\]/,
  },
  {
    title: 'weights that lack a tensor',
    files: { 'x.safetensors': bytes({ 'fc1.kernel': weights()['fc1.kernel'] }) },
    args: { weights: 'x.safetensors' },
    message: /fc1\.bias: missing; expected \[4\][^]*the file has fc1\.kernel/,
  },
  {
    title: 'weights that are not finite',
    files: { 'x.safetensors': bytes({ ...weights(), 'fc1.bias': tensor(Float64Array.from([0, 0, NaN, 0]), [4]) }) },
    args: { weights: 'x.safetensors' },
    message: /fc1\.bias holds NaN at position 2/,
  },
  {
    title: 'inputs that are not finite',
    files: { 'x.safetensors': bytes(data(8, { inputs: tensor(inputs(8).fill(NaN, 7, 8), [8, 3]) })) },
    args: { data: 'x.safetensors' },
    message: /NaN/,
  },
  {
    title: 'labels out of range',
    files: { 'x.safetensors': bytes(data(8, { targets: tensor(Int32Array.from([0, 1, 0, 1, 0, 1, 0, 7]), [8]) })) },
    args: { data: 'x.safetensors' },
    message:
      /training part: sample 7 has the label 7; the model has 2 outputs, for the labels 0 to 1\. The labels run from 0 to 7/,
  },
  {
    title: 'a negative label',
    files: { 'x.safetensors': bytes(data(8, { targets: tensor(Int32Array.from([0, 1, 0, -1, 0, 1, 0, 1]), [8]) })) },
    args: { data: 'x.safetensors' },
    message: /sample 3 has the label -1; .*labels 0 to 1.*run from -1 to 1: a negative label often marks/,
  },
  {
    title: 'targets of another length than inputs',
    files: { 'x.safetensors': bytes(data(8, { targets: tensor(new Int32Array(7), [7]) })) },
    args: { data: 'x.safetensors' },
    message: /7/,
  },
  {
    title: 'inputs that do not fit the model',
    files: { 'x.safetensors': bytes(data(8, { inputs: tensor(new Float64Array(40), [8, 5]) })) },
    args: { data: 'x.safetensors' },
    message: /model\.input \[3\] takes 3 numbers a sample; the dataset .* has 5/,
  },
  {
    title: '0 samples asked for',
    args: { samples: '0' },
    message: /--samples: expected an integer of at least 1, received "0"/,
  },
  {
    title: 'a parameter that does not exist, naming those that do',
    args: { parameter: 'fc3.kernel' },
    message: /"fc3\.kernel"; the model has fc1\.kernel, fc1\.bias, fc2\.kernel, fc2\.bias/,
  },
  {
    title: 'an unknown layer',
    files: { 'm.json': JSON.stringify({ ...model, layers: [{ type: 'convolution' }] }) },
    args: { model: 'm.json' },
    message: /m\.json\.layers\[0\].*known layers: dense/,
  },
  {
    title: 'an unknown field',
    files: { 'm.json': JSON.stringify({ ...model, layers: [{ type: 'dense', name: 'fc1', units: 4, unit: 3 }] }) },
    args: { model: 'm.json' },
    message: /m\.json\.layers\[0\]\.unit: unknown field/,
  },
  {
    title: 'a number of units that is none',
    files: { 'm.json': JSON.stringify({ ...model, layers: [{ type: 'dense', name: 'fc1', units: -4 }] }) },
    args: { model: 'm.json' },
    message: /m\.json\.layers\[0\]\.units: expected an integer.*-4/,
  },
  {
    title: 'a model that is not JSON',
    files: { 'm.json': '{"input": [3],' },
    args: { model: 'm.json' },
    message: /m\.json: not valid JSON/,
  },
  {
    title: 'a model that is a list',
    files: { 'm.json': '[]' },
    args: { model: 'm.json' },
    message: /m\.json: expected an object, received an array/,
  },
  {
    title: 'a layer that is a number',
    files: { 'm.json': JSON.stringify({ ...model, layers: [3] }) },
    args: { model: 'm.json' },
    message: /m\.json\.layers\[0\]: expected (an object|a layer)/,
  },
  { title: 'a model that does not exist', args: { model: 'nowhere.json' }, message: /nowhere\.json: no such file/ },
  {
    title: 'two layers of one name',
    files: { 'm.json': JSON.stringify({ ...model, layers: [model.layers[0], model.layers[0]] }) },
    args: { model: 'm.json' },
    message: /two layers are named "fc1"/,
  },
  {
    title: 'a BLAS library that does not exist',
    args: { blas: '/nowhere/libblas.so' },
    message: /\/nowhere\/libblas\.so: cannot be loaded/,
  },
];

describe('covature measure refuses', () => {
  test.each(measureCases)('$title', async ({ files = {}, args = {}, message }) => {
    for (const [name, content] of Object.entries(files)) writeFileSync(at(name), content);
    const values = {
      model: 'model.json',
      weights: 'w.safetensors',
      data: 'd.safetensors',
      parameter: 'fc2.kernel',
      blas: 'wasm',
      threads: '1',
      ...args,
    };
    const inFolder = new Set(['model', 'weights', 'data']);
    const argv = Object.entries(values).flatMap(([key, value]) => [`--${key}`, inFolder.has(key) ? at(value) : value]);
    const result = await cli(['measure', ...argv, '--json']);
    expect(result.stderr).toMatch(message);
    expect(result.status, result.stderr).toBe(args['blas'] === undefined ? 2 : 1);
    const document = JSON.parse(result.stdout) as { error: { code: string; message: string } };
    expect(document.error.message).toMatch(message);
    expect(result.stderr).not.toMatch(/\n {4}at /);
  });
});

const experiment = {
  name: 'bad',
  dataset: { source: 'idx', path: 'idx' },
  model: { ...model, input: [4] },
  optimiser: { lr: 0.1 },
  batch_size: 2,
  epochs: 2,
};

const wide = { type: 'conv2d', name: 'wide', filters: 2, kernel: [3, 3] };

const images = idx(
  8,
  [6, 2, 2],
  Array.from({ length: 24 }, (_, i) => i),
);
const labels = idx(8, [6], [0, 1, 0, 1, 0, 1]);

interface RunCase {
  readonly title: string;
  readonly experiment?: unknown;
  readonly images?: Buffer;
  readonly labels?: Buffer;
  readonly message: RegExp;
}

const runCases: readonly RunCase[] = [
  { title: 'IDX images cut short', images: images.subarray(0, 30), message: /train-images.*30|24/ },
  {
    title: 'IDX images whose header promises more than memory holds',
    images: idx(8, [2 ** 31, 2 ** 15, 2 ** 15], [1]),
    message: /train-images/,
  },
  { title: 'IDX labels of another number than images', labels: idx(8, [5], [0, 1, 0, 1, 0]), message: /5/ },
  {
    title: 'IDX labels out of range for the model',
    labels: idx(8, [6], [0, 1, 0, 1, 0, 9]),
    message: /sample 5 has the label 9; the model has 2 outputs, for the labels 0 to 1/,
  },
  { title: 'a file that is no IDX', images: Buffer.from('this is no IDX file at all'), message: /train-images/ },
  {
    title: 'an unknown field of the experiment',
    experiment: { ...experiment, epoch: 3 },
    message: /\.epoch: unknown field/,
  },
  {
    title: 'a learning rate below 0',
    experiment: { ...experiment, optimiser: { lr: -0.1 } },
    message: /optimiser\.lr: expected a number above 0, received -0\.1/,
  },
  {
    title: 'a batch larger than the data',
    experiment: { ...experiment, batch_size: 7 },
    message: /batch_size 7 is more than the 6 training samples/,
  },
  {
    title: 'a measurement of a parameter that does not exist',
    experiment: { ...experiment, measurements: [{ parameters: ['conv*'] }] },
    message: /no parameter is named "conv\*"; the model has fc1\.kernel/,
  },
  {
    title: 'a dataset that does not exist',
    experiment: { ...experiment, dataset: { source: 'idx', path: 'nowhere' } },
    message: /nowhere/,
  },
  {
    title: 'an unknown source of data',
    experiment: { ...experiment, dataset: { source: 'imagenet' } },
    message: /dataset.*source/,
  },
];

describe('covature run refuses', () => {
  test.each(runCases)('$title', async (row) => {
    mkdirSync(at('idx'), { recursive: true });
    writeFileSync(at('idx/train-images-idx3-ubyte'), row.images ?? images);
    writeFileSync(at('idx/train-labels-idx1-ubyte'), row.labels ?? labels);
    writeFileSync(at('experiment.json'), JSON.stringify(row.experiment ?? experiment));
    const result = await cli([
      'run',
      at('experiment.json'),
      '--store',
      at('store'),
      '--blas',
      'wasm',
      '--threads',
      '1',
    ]);
    expect(result.stderr).toMatch(row.message);
    expect(result.status, result.stderr).toBe(2);
    expect(result.stderr).not.toMatch(/\n {4}at /);
  });

  test.each([
    [
      'layers',
      { model: { ...model, input: [2, 2, 1], layers: [wide, ...model.layers] }, dataset: { source: 'glyphs' } },
      /layer "wide" \(conv2d\): a window of 3 x 3 does not fit images of shape \[2, 2, 1\]/,
    ],
    ['the data that it reads', { model }, /model\.input \[3\] takes 3 numbers a sample; the dataset .* has 4/],
    [
      'data whose shape is known unread',
      { model, dataset: { source: 'cifar-10' } },
      /model\.input \[3\] takes 3 numbers a sample; the dataset CIFAR-10 has 3072 \(\[32, 32, 3\]\)/,
    ],
    ['a measurement', { measurements: [{ parameters: ['fc9.kernel'] }] }, /no parameter is named "fc9\.kernel"/],
  ])('of an experiment that does not fit %s nothing is stored', async (_, change, message) => {
    writeFileSync(at('idx/train-images-idx3-ubyte'), images);
    writeFileSync(at('idx/train-labels-idx1-ubyte'), labels);
    writeFileSync(at('experiment.json'), JSON.stringify({ ...experiment, ...change }));
    const store = ['--store', at('unfit')];
    const result = await cli(['run', at('experiment.json'), ...store, '--blas', 'wasm']);
    expect(result.stderr).toMatch(message);
    expect(result.status).toBe(2);
    expect(JSON.parse((await cli(['list', ...store, '--json'])).stdout)).toMatchObject({ total: 0 });
  });

  test('a diverging run: it is stored as such, with what was reached and what to try', async () => {
    writeFileSync(at('idx/train-images-idx3-ubyte'), images);
    writeFileSync(at('idx/train-labels-idx1-ubyte'), labels);
    const steep = {
      ...experiment,
      model: { ...model, input: [4], loss: 'mse' },
      dataset: { ...experiment.dataset, targets: 'one-hot', scale: 1 },
      optimiser: { lr: 1e9 },
      epochs: 200,
    };
    writeFileSync(at('experiment.json'), JSON.stringify(steep));
    const result = await cli(['run', at('experiment.json'), '--store', at('store'), '--blas', 'wasm', '--json']);
    expect(result.status, result.stderr).toBe(1);
    const document = JSON.parse(result.stdout) as { status: string; error: string };
    expect(document.status).toBe('diverged');
    expect(document.error).toMatch(
      /the loss became (NaN|Infinity) by step \d+ \(learning rate 1000000000\); try a smaller one/,
    );
  });

  test('a run whose loss explodes but stays finite has diverged too, and resuming it says so again', async () => {
    writeFileSync(at('idx/train-images-idx3-ubyte'), images);
    writeFileSync(at('idx/train-labels-idx1-ubyte'), labels);
    const steep = {
      ...experiment,
      model: { ...model, input: [4], loss: 'mse' },
      dataset: { ...experiment.dataset, targets: 'one-hot', scale: 1 },
      optimiser: { lr: 1 },
      epochs: 1,
    };
    writeFileSync(at('experiment.json'), JSON.stringify(steep));
    const store = ['--store', at('store'), '--blas', 'wasm', '--json'];
    const result = await cli(['run', at('experiment.json'), ...store]);
    expect(result.status, result.stderr).toBe(1);
    const document = JSON.parse(result.stdout) as { id: string; status: string; error: string };
    expect(document.status).toBe('diverged');
    expect(document.error).toMatch(
      /the loss rose to \S+, over 10 times the loss \S.* \(\S+\), by step \d+ \(learning rate 1\); try a smaller one/,
    );
    const again = await cli(['run', '--resume', document.id, ...store]);
    expect(again.status, again.stderr).toBe(1);
    expect((JSON.parse(again.stdout) as { error: string }).error).toBe(document.error);
  });
});

describe('usage', () => {
  test.each([
    [['frobnicate'], /unknown command "frobnicate"; the commands are demo, run, measure/],
    [['run'], /expected an experiment file, or --resume/],
    [['list', '--colour'], /unknown option --colour; expected one of --columns, --filter, .*--json/],
    [['show'], /expected 1 argument, found 0/],
    [['list', '--sort', 'seeed'], /^covature list: sort: no run has a field "seeed"; did you mean seed\?/],
    [['list', '--filter', 'gamma >'], /filter, column 8: expected a value, found the end/],
    [['measure', '--parameter', 'fc1.kernel', '--density-steps', '9'], /--density-steps is an option of --density/],
    [['measure', '--parameter', 'fc1.kernel', '--batches', '9'], /--batches is an option of --minibatch-noise/],
    [['measure', '--parameter', 'x', '--minibatch-noise', '--sampling', 'odd'], /--sampling: .*"odd"|--sampling.*odd/],
    [
      ['measure', '--parameter', 'fc1.kernel'],
      /expected --model with a .covature-model file; or --model, --weights and --data; or --run/,
    ],
  ])('%j', async (args, message) => {
    const result = await cli([...args], { COVATURE_HOME: at('store') });
    expect(result.stderr).toMatch(message);
    expect(result.status).toBe(2);
    expect(result.stdout).toBe('');
  });

  test('every command has a help text that names its options', async () => {
    for (const command of ['run', 'measure', 'list', 'show', 'export']) {
      const result = await cli([command, '--help']);
      expect(result.status).toBe(0);
      expect(result.stdout).toMatch(new RegExp(`Usage: covature ${command}`));
      expect(result.stdout).toMatch(/--json/);
    }
  });

  test('the version is that of package.json', async () => {
    const { version } = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8')) as {
      version: string;
    };
    expect((await cli(['--version'])).stdout).toBe(`${version}\n`);
  });
});
