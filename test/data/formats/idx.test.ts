import { createHash } from 'node:crypto';
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { parseIdx, readIdxDataset } from '../../../src/data/formats/idx.ts';
import { InputError } from '../../../src/shared/errors.ts';
import { describeWhere } from '../../support/skips.ts';
import { idxBytes, range, sharedData, temporaryFolder } from '../support.ts';

const folder = temporaryFolder();

describe('one IDX file', () => {
  it.each([
    ['u8', [2, 3], [0, 1, 2, 253, 254, 255]],
    ['i8', [3], [-128, 0, 127]],
    ['i16', [2], [-32768, 32767]],
    ['i32', [2, 1, 1], [-(2 ** 31), 2 ** 31 - 1]],
    ['f32', [3], [1.5, -0.25, 2 ** 100]],
    ['f64', [1, 2], [Math.PI, -1e300]],
  ] as const)('reads %s %j, plain and gzip', (type, shape, values) => {
    const bytes = idxBytes(type, shape, values);
    for (const file of [bytes, gzipSync(bytes), new Uint8Array([9, ...bytes]).subarray(1)]) {
      const array = parseIdx(file, 'x');
      expect(array.shape).toEqual(shape);
      expect([...array.data]).toEqual(values);
    }
  });

  const good = idxBytes('u8', [2, 2], [1, 2, 3, 4]);
  const packed = gzipSync(good);
  const change = (bytes: Buffer, at: number, value: number) => {
    const copy = Buffer.from(bytes);
    copy[at] = value;
    return copy;
  };
  const zeros = gzipSync(Buffer.concat([idxBytes('u8', [4], [1, 2, 3, 4]), Buffer.alloc(50_000_000)]));
  const bad: [string, Buffer, RegExp][] = [
    ['nothing', Buffer.alloc(0), /at least 4 bytes, found 0/],
    ['text', Buffer.from('label,x\n1,2\n'), /expected it to begin with 00 00.*found 6c 61 62 65/],
    ['an unknown type', change(good, 2, 0x0a), /a type \(08, 09, 0b to 0e\), found 00 00 0a 02/],
    ['no dimensions', change(good, 3, 0), /expected 1 to 8 dimensions, found 0/],
    ['255 dimensions', change(good, 3, 255), /expected 1 to 8 dimensions, found 255/],
    ['a header cut short', good.subarray(0, 10), /cut short in its header: expected 12 bytes, found 10/],
    ['data cut short', good.subarray(0, 15), /expected 16 bytes for \[2, 2\] unsigned bytes, found 15/],
    ['data left over', Buffer.concat([good, Buffer.of(0)]), /expected 16 bytes .* found 17/],
    ['a length that lies', change(good, 4, 255), /expected 8556380176 bytes/],
    ['gzip cut short', packed.subarray(0, packed.length - 9), /not a valid gzip file, or cut short/],
    ['gzip with a wrong checksum', change(packed, packed.length - 6, packed.at(-6) ^ 1), /not a valid gzip file/],
    ['gzip of something else', gzipSync(Buffer.from('hello world')), /not IDX/],
    ['gzip that holds far more than the header says', zeros, /unpacks to more than the 12 bytes expected/],
    ['gzip whose header claims 4 GB', gzipSync(change(good, 4, 255)), /claims 8556380176 bytes, more than/],
  ];
  it.each(bad)('refuses %s', (_, bytes, message) => {
    expect(() => parseIdx(bytes, 'bad-idx')).toThrow(message);
    expect(() => parseIdx(bytes, 'bad-idx')).toThrow(/^bad-idx: /);
    expect(() => parseIdx(bytes, 'bad-idx')).toThrow(InputError);
  });
});

describe('a folder of IDX files', () => {
  const images = (n: number) => idxBytes('u8', [n, 2, 3], range(6 * n));
  const labels = (n: number) =>
    idxBytes(
      'u8',
      [n],
      range(n).map((i) => i % 3),
    );
  const write = async (name: string, files: Record<string, Buffer>) => {
    for (const [file, bytes] of Object.entries(files)) {
      await fs.mkdir(path.dirname(folder.at(name, file)), { recursive: true });
      await fs.writeFile(folder.at(name, file), bytes);
    }
    return folder.at(name);
  };
  const full = {
    'train-images-idx3-ubyte.gz': gzipSync(images(4)),
    'train-labels-idx1-ubyte': labels(4),
    't10k-images.idx3-ubyte': images(2),
    't10k-labels-idx1-ubyte.gz': gzipSync(labels(2)),
  };

  it('finds both parts, packed or not, and ignores the rest', async () => {
    const set = await readIdxDataset(await write('full', { ...full, 'notes.txt': Buffer.from('x') }));
    expect(set.shape).toEqual([2, 3, 1]);
    expect(set.classes).toEqual(['0', '1', '2']);
    expect([...set.train.inputs]).toEqual(range(24));
    expect(set.train.targets).toEqual({ kind: 'classes', values: Int32Array.of(0, 1, 2, 0) });
    expect(set.test!.count).toBe(2);
    expect(set.name).toBe('full');
  });

  it.each(['raw', 'MNIST/raw', 'FashionMNIST/raw'])(
    'finds them in %s, a training part alone, a single images file',
    async (sub) => {
      const at = await write(`sub-${sub.replace('/', '-')}`, {
        [`${sub}/train-images-idx3-ubyte`]: images(3),
        [`${sub}/train-labels-idx1-ubyte`]: labels(3),
      });
      expect((await readIdxDataset(at)).test).toBeNull();
      const single = await readIdxDataset(path.join(at, sub, 'train-images-idx3-ubyte'));
      expect(single.train.count).toBe(3);
    },
  );

  it('prefers the plain file where both are there, and keeps names with a prefix', async () => {
    const at = await write('both', {
      'emnist-digits-train-images-idx3-ubyte': images(3),
      'emnist-digits-train-images-idx3-ubyte.gz': gzipSync(images(4)),
      'emnist-digits-train-labels-idx1-ubyte.gz': gzipSync(labels(3)),
    });
    expect((await readIdxDataset(at)).train.count).toBe(3);
  });

  it.each([
    ['an empty folder', { 'a.txt': Buffer.of(1) }, /no IDX files: expected train-images-idx3-ubyte.*MNIST\/raw/],
    [
      'images without labels',
      { 'train-images-idx3-ubyte': images(2) },
      /train-images-idx3-ubyte is there but not its labels/,
    ],
    [
      'labels without images',
      { 'train-labels-idx1-ubyte': labels(2) },
      /train-labels-idx1-ubyte is there but not its images/,
    ],
    ['fewer labels', { ...full, 'train-labels-idx1-ubyte': labels(3) }, /4 images but 3 labels/],
    [
      'test images of another size',
      { ...full, 't10k-images.idx3-ubyte': idxBytes('u8', [2, 3, 3], range(18)) },
      /expected images of 2 x 3 x 1.*found 3 x 3 x 1/,
    ],
    [
      'labels that are images',
      { ...full, 'train-labels-idx1-ubyte': images(4) },
      /expected one row of integer labels, found an array \[4, 2, 3\]/,
    ],
    [
      'images that are labels',
      { ...full, 'train-images-idx3-ubyte.gz': labels(4) },
      /expected images, found an array \[4\]/,
    ],
    [
      'two sets',
      { ...full, 'emnist-train-images-idx3-ubyte': images(2) },
      /more than one data set \(names beginning with "emnist-", ""\)/,
    ],
  ])('refuses %s', async (name, files, message) => {
    const at = await write(`bad ${name}`, files);
    await expect(readIdxDataset(at)).rejects.toThrow(message);
    await expect(readIdxDataset(at)).rejects.toThrow(InputError);
    await expect(readIdxDataset(at)).rejects.toThrow(at);
  });

  it('refuses a path that is not there and a file that is no images file', async () => {
    await expect(readIdxDataset(folder.at('none'))).rejects.toThrow(/none: no such file or folder/);
    await write('single', { labels: labels(2) });
    await expect(readIdxDataset(folder.at('single', 'labels'))).rejects.toThrow(/"images" in its name/);
  });
});

const mnist = sharedData('mnist');
describeWhere(mnist.available, 'MNIST itself', () => {
  it('has 60,000 + 10,000 images of 28 x 28, the counts of each digit as published, and the published test bytes', async () => {
    const set = await readIdxDataset(mnist.folder);
    expect(set.shape).toEqual([28, 28, 1]);
    const counts = (values: ArrayLike<number>) =>
      Array.from(values).reduce((c, x) => (c[x]++, c), new Array<number>(10).fill(0));
    expect(counts(set.train.targets.values)).toEqual([5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]);
    expect(counts(set.test!.targets.values)).toEqual([980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]);
    expect([...set.train.targets.values.subarray(0, 10)]).toEqual([5, 0, 4, 1, 9, 2, 1, 3, 1, 4]);
    const packed = await fs.readFile(path.join(mnist.folder, 't10k-images-idx3-ubyte.gz'));
    const sha = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
    expect(sha(gunzipSync(packed).subarray(16))).toBe(sha(set.test!.inputs as Uint8Array));
  });
});
