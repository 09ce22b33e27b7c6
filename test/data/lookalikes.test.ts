/** Files that are given in place of what is read: what they are and what mends it is said, and nothing of them is read. */
import { mkdir, writeFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { zipSync } from 'fflate';
import { readInputFile } from '../../src/data/files.ts';
import { readCifar10 } from '../../src/data/formats/cifar10.ts';
import { parseArrays } from '../../src/data/formats/arrays.ts';
import { lookalikeAt, lookalikeOf } from '../../src/data/lookalikes.ts';
import { recognise } from '../../src/data/recognise.ts';
import { readTensors } from '../../src/data/weights.ts';
import { InputError } from '../../src/shared/errors.ts';
import { temporaryFolder } from './support.ts';

const folder = temporaryFolder();
const bytes = (text: string): Uint8Array => Buffer.from(text, 'latin1');

const byBeginning: [string, string, RegExp][] = [
  [
    'a Git LFS pointer',
    'version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n',
    /Git LFS pointer.*git lfs pull/,
  ],
  ['a web page', '<!DOCTYPE html>\n<html>', /web page.*download the file itself/],
  ['a web page without a doctype', '\n <HTML lang="en">', /web page/],
  ['an answer in XML', '<?xml version="1.0"?><Error>', /web page/],
  ['HDF5', '\x89HDF\r\n\x1a\n', /HDF5 file \(h5py, Keras.*np\.savez/],
  ['a MATLAB file', 'MATLAB 5.0 MAT-file, Platform: GLNXA64', /scipy\.io\.loadmat/],
  ['Parquet', 'PAR1\x15\x04', /Parquet table; pandas\.read_parquet.*to_csv/],
  ['Feather', 'ARROW1\0\0', /Arrow or Feather/],
  ['SQLite', 'SQLite format 3\0', /SQLite database/],
  ['PNG', '\x89PNG\r\n\x1a\n', /PNG image/],
  ['JPEG', '\xff\xd8\xff\xe0', /JPEG image/],
  [
    'an index of shards',
    '{"metadata": {}, "weight_map": {"a": "model-00001-of-00002.safetensors"}}',
    /\(shards\).*\.safetensors files that it names/,
  ],
  ['GGUF', 'GGUF\x03\0\0\0', /GGUF/],
];

describe('what a file is by its beginning', () => {
  it.each(byBeginning)('%s', async (title, beginning, message) => {
    expect(lookalikeOf(bytes(beginning))).toMatch(message);
    const file = folder.at(`${title}.npz`);
    await writeFile(file, bytes(beginning));
    await expect(readInputFile(file)).rejects.toThrow(message);
    await expect(readInputFile(file)).rejects.toThrow(InputError);
    expect(await lookalikeAt(file)).toMatch(message);
  });

  const ours: [string, string | Uint8Array][] = [
    ['safetensors', '\x08\0\0\0\0\0\0\0{}      '],
    ['NumPy', '\x93NUMPY\x01\0'],
    ['an archive', zipSync({ 'inputs.npy': bytes('x') })],
    ['IDX', '\0\0\x08\x03'],
    ['gzip', '\x1f\x8b\x08'],
    ['a table', 'label,a,b\n0,1,2\n'],
    ['a table with words like those', 'version,html,PAR1\n1,2,0\n'],
    ['CIFAR-10', '\x03\x80\x80'],
    ['nothing', ''],
  ];
  it.each(ours)('%s is none of them', (_, beginning) => {
    expect(lookalikeOf(typeof beginning === 'string' ? bytes(beginning) : beginning)).toBeNull();
  });
});

describe('what a file or folder is by its name, or by what lies in it', () => {
  const files: [string, string, RegExp][] = [
    ['events.out.tfevents.1700000000.host', '\x18\0\0\0', /log of TensorBoard.*covature\.Run/],
    ['run-abc123.wandb', ':W&B', /Weights & Biases/],
    ['model.pt', 'x', /pickle of Python objects, which may run any program.*safetensors/],
    ['model.ckpt', 'x', /pickle/],
    ['weights.h5', 'x', /HDF5/],
    ['table.xlsx', 'PK', /spreadsheet; save it as CSV/],
    ['data.tfrecord', 'x', /records of TensorFlow/],
    ['set.tar.gz', 'x', /archive; unpack it first/],
    ['curves.csv', 'Step,train/loss\n1,0.5\n', /table of curves.*covature\.Run/],
    ['metrics.csv', '"Wall time","Step","Value"\n', /table of curves/],
  ];
  it.each(files)('%s', async (name, content, message) => {
    await writeFile(folder.at(name), bytes(content));
    expect(await lookalikeAt(folder.at(name))).toMatch(message);
  });

  it('folders of MLflow, TensorBoard, Weights & Biases and Aim', async () => {
    await mkdir(folder.at('tracking/0'), { recursive: true });
    await writeFile(folder.at('tracking/0/meta.yaml'), 'name: Default\n');
    expect(await lookalikeAt(folder.at('tracking'))).toMatch(/a log of MLflow's runs/);
    await mkdir(folder.at('logs'));
    await writeFile(folder.at('logs/events.out.tfevents.1.a'), '');
    expect(await lookalikeAt(folder.at('logs'))).toMatch(/TensorBoard/);
    await mkdir(folder.at('wandb'));
    expect(await lookalikeAt(folder.at('wandb'))).toMatch(/Weights & Biases/);
    await mkdir(folder.at('.aim'));
    expect(await lookalikeAt(folder.at('.aim'))).toMatch(/a log of Aim's runs/);
  });

  it('a folder of images by class, archives, and rows as JSON', async () => {
    await mkdir(folder.at('pets/cat'), { recursive: true });
    await writeFile(folder.at('pets/cat/0.png'), bytes('\x89PNG\r\n'));
    await expect(recognise(folder.at('pets'))).rejects.toThrow(
      /pets: this is a folder of images \(cat\/0\.png\), one folder a class as torchvision's ImageFolder reads it; save the arrays with np\.savez/,
    );
    await mkdir(folder.at('tf'));
    await writeFile(folder.at('tf/model.ckpt-1.index'), bytes('x'));
    expect(await lookalikeAt(folder.at('tf'))).toMatch(/a checkpoint of TensorFlow/);
    await writeFile(folder.at('w.onnx'), bytes('\x08\x08'));
    await expect(readTensors(folder.at('w.onnx'))).rejects.toThrow(/w\.onnx: this is by its name a model of another/);
    await writeFile(folder.at('w.keras'), zipSync({ 'config.json': bytes('{}') }));
    await expect(readTensors(folder.at('w.keras'))).rejects.toThrow(/w\.keras: this is by its name an HDF5 file/);
    for (const [name, message] of [
      ['rows.zip', /an archive; unpack it first/],
      ['rows.jsonl', /rows as JSON, a line each; pandas\.read_json/],
    ] as const) {
      await writeFile(folder.at(name), bytes('PK'));
      await expect(recognise(folder.at(name))).rejects.toThrow(message);
    }
    await mkdir(folder.at('a run of ours'));
    expect(await lookalikeAt(folder.at('a run of ours'))).toBeNull();
    await expect(lookalikeAt(folder.at('not there'))).rejects.toThrow(/no such file or folder/);
  });
});

describe('pickles in the place of data', () => {
  it('an archive of torch.save, and a bare pickle, are named', () => {
    const saved = zipSync({ 'archive/data.pkl': bytes('x'), 'archive/data/0': bytes('y') });
    expect(() => parseArrays('npz', saved, 'd.npz')).toThrow(
      /d\.npz: this is a file of torch\.save.*may run any program/,
    );
    expect(() => parseArrays('npz', bytes('\x80\x04\x95\x10'), 'd.npz')).toThrow(/Python pickle.*np\.savez/);
  });

  it('the Python version of CIFAR-10, and CIFAR-100, are named', async () => {
    await mkdir(folder.at('cifar-10-batches-py'));
    await writeFile(folder.at('cifar-10-batches-py/data_batch_1'), bytes('\x80\x02'));
    await expect(readCifar10(folder.at('cifar-10-batches-py'))).rejects.toThrow(
      /"python version" of CIFAR-10, pickles.*cifar-10-binary\.tar\.gz/,
    );
    await expect(readCifar10(folder.at())).rejects.toThrow(/"python version"/);
    await mkdir(folder.at('hundred'));
    for (const name of ['train.bin', 'test.bin']) await writeFile(folder.at(`hundred/${name}`), new Uint8Array(3074));
    await expect(readCifar10(folder.at('hundred'))).rejects.toThrow(/CIFAR-100, which is not read.*np\.savez/);
  });
});
