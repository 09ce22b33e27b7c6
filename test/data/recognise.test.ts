/** What folders of users hold, and that a published set is read from where its user keeps it. */
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';
import { gzipSync } from 'node:zlib';
import { beforeEach, describe, expect, it } from 'vitest';
import { publishedDataset, publishedDatasets } from '../../src/data/downloads/catalogue.ts';
import { summariseDataset } from '../../src/data/dataset.ts';
import { expandHome } from '../../src/data/home.ts';
import { forgetLocation, locationOf, publishedPlace, setLocation } from '../../src/data/location.ts';
import { recognise, titleOfNames } from '../../src/data/recognise.ts';
import { resolveDataset } from '../../src/data/resolve.ts';
import { arrayEndings, tableEndings } from '../../src/shared/dataset-files.ts';
import { datasetSchema, parseDataset } from '../../src/shared/dataset.ts';
import { describeWhere } from '../support/skips.ts';
import { idxBytes, range, sharedData, temporaryFolder } from './support.ts';

const temporary = temporaryFolder();
let folder: string;
let count = 0;
beforeEach(() => {
  folder = temporary.at(`case ${count++}`);
  mkdirSync(folder);
});

const images = idxBytes('u8', [2, 4, 4], range(32));
const labels = idxBytes('u8', [2], [0, 1]);
/** Two images of every class in the layout of CIFAR-10. */
const batch = Buffer.concat(range(20).map((k) => Buffer.concat([Buffer.of(k % 10), Buffer.alloc(3072, 12 * k)])));

function put(files: Readonly<Record<string, Uint8Array | string>>): void {
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
    writeFileSync(path.join(folder, name), content);
  }
}

it('every source of files is recognised, by an ending or by the names in a folder', () => {
  const sources = datasetSchema.options.flatMap(({ entries }) => ('path' in entries ? [entries.source.literal] : []));
  const byNames = ['idx', ...publishedDatasets.map(({ key }) => key)];
  const found = new Set([...Object.values(arrayEndings), ...Object.values(tableEndings), ...byNames]);
  expect([...found].toSorted()).toEqual(sources.toSorted());
});

describe('a folder', () => {
  it.each([
    ['IDX images', { 'train-images-idx3-ubyte': images, 'train-labels-idx1-ubyte': labels }, 'idx', ''],
    [
      'packed ones',
      { 'train-images-idx3-ubyte.gz': gzipSync(images), 'train-labels-idx1-ubyte.gz': gzipSync(labels) },
      'idx',
      '',
    ],
    ['ones inside raw', { 'raw/train-images-idx3-ubyte': images, 'raw/train-labels-idx1-ubyte': labels }, 'idx', 'raw'],
    ['CIFAR-10', { 'data_batch_1.bin': batch, 'test_batch.bin': batch }, 'cifar-10', ''],
    ['CIFAR-10 as it unpacks', { 'cifar-10-batches-bin/data_batch_3.bin': batch }, 'cifar-10', 'cifar-10-batches-bin'],
    ['one file of arrays beside notes', { 'mine.csv': 'a,b\n1,2\n', 'notes.txt': 'x' }, 'csv', 'mine.csv'],
  ] as const)('of %s is recognised', async (_, files, source, inside) => {
    put(files);
    expect(await recognise(folder)).toMatchObject({ source, path: path.join(folder, inside).replace(/\/$/, '') });
  });

  it('is recognised by a batch or a link to it too', async () => {
    put({ 'data_batch_1.bin': batch });
    expect(await recognise(path.join(folder, 'data_batch_1.bin'))).toMatchObject({ source: 'cifar-10', path: folder });
    symlinkSync(folder, `${folder} link`);
    expect(await recognise(`${folder} link`)).toMatchObject({ source: 'cifar-10' });
  });

  it.each([
    ['nothing', {}, /contains no dataset: expected the files of MNIST .* found nothing/s],
    ['other things', { 'a.txt': 'x', 'b.md': 'y' }, /found a\.txt, b\.md/],
    ['two kinds of arrays', { 'a.npz': 'x', 'b.csv': 'y' }, /holds 2 files of arrays \(a\.npz, b\.csv\); choose one/],
    [
      'two datasets',
      { 'one/data_batch_1.bin': batch, 'two/train-images-idx3-ubyte': images, 'two/train-labels-idx1-ubyte': labels },
      /more than one dataset \(CIFAR-10 in one, IDX images in two\)/,
    ],
    ['images without labels', { 'train-images-idx3-ubyte': images }, /is there but not its labels/],
  ] as const)('of %s says so', async (_, files, words) => {
    put(files);
    await expect(recognise(folder)).rejects.toThrow(words);
  });

  it('that is not there says so', async () => {
    await expect(recognise(path.join(folder, 'gone'))).rejects.toThrow(/gone/);
  });

  it('is named from names alone for a list', () => {
    expect(titleOfNames(['data_batch_2.bin'])).toBe('CIFAR-10');
    expect(titleOfNames(['t10k-images-idx3-ubyte.gz'])).toBe('IDX images');
    expect(titleOfNames(['a.txt'])).toBeNull();
  });
});

describe('the home folder', () => {
  it.each([
    ['~', '/home/ada'],
    ['~/data/mnist', '/home/ada/data/mnist'],
    ['~grace/data', '~grace/data'],
    ['/data/~', '/data/~'],
    ['data', 'data'],
  ])('of %s', (given, expected) => {
    expect(expandHome(given, '/home/ada')).toBe(expected);
  });
});

describe('a published set that its user keeps elsewhere', () => {
  it('is read from there, and no longer once forgotten; says so where the folder is gone', async () => {
    put({ 'kept/data_batch_1.bin': batch, 'kept/test_batch.bin': batch });
    const [dataFolder, kept] = [path.join(folder, 'datasets'), path.join(folder, 'kept')];
    const dataset = publishedDataset('cifar-10');
    const spec = parseDataset({ source: 'cifar-10', subset: { count: 10 } });
    await expect(resolveDataset(spec, { dataFolder })).rejects.toThrow(/not on this machine yet/);
    const summary = summariseDataset(await resolveDataset(parseDataset({ source: 'cifar-10', path: kept })));
    await setLocation(dataFolder, 'cifar-10', { folder: kept, summary });
    expect((await locationOf(dataFolder, 'cifar-10'))?.summary.train.count).toBe(20);
    expect(await publishedPlace(dataset, dataFolder)).toMatchObject({ state: 'complete', folder: kept });
    expect((await resolveDataset(spec, { dataFolder })).train.count).toBe(10);
    await setLocation(dataFolder, 'cifar-10', { folder: `${kept} moved`, summary });
    expect(await publishedPlace(dataset, dataFolder)).toMatchObject({ state: 'moved' });
    await expect(resolveDataset(spec, { dataFolder })).rejects.toThrow(/which is no longer there/);
    expect(await forgetLocation(dataFolder, 'cifar-10')).toBe(true);
    expect(await forgetLocation(dataFolder, 'cifar-10')).toBe(false);
    expect(await publishedPlace(dataset, dataFolder)).toMatchObject({ state: 'absent', location: null });
  });
});

const [mnist, cifar] = [sharedData('mnist'), sharedData('cifar-10')];
describeWhere(mnist.available, 'the real MNIST', () => {
  it('is told by its labels', async () => {
    expect(await recognise(mnist.folder)).toMatchObject({ source: 'mnist', title: 'MNIST' });
  });
});
describeWhere(cifar.available === true ? mnist.available : cifar.available, 'a folder of both', () => {
  it('names them', async () => {
    await expect(recognise(path.dirname(mnist.folder))).rejects.toThrow(/CIFAR-10 in cifar-10, MNIST in mnist/);
  });
});
