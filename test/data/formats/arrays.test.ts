import * as fs from 'node:fs/promises';
import { crc32, deflateRawSync } from 'node:zlib';
import { zipSync } from 'fflate';
import { describe, expect, it } from 'vitest';
import { parseArrays, readArrays } from '../../../src/data/formats/arrays.ts';
import { parseNpy, parseNpz } from '../../../src/data/formats/npy.ts';
import { encodeSafetensors, tensor } from '../../../src/data/formats/safetensors.ts';
import type { StoredTensor } from '../../../src/data/formats/tensors.ts';
import { readZip } from '../../../src/data/formats/zip.ts';
import { prepare } from '../../../src/data/prepare.ts';
import { resolveDataset } from '../../../src/data/resolve.ts';
import { parseDataset } from '../../../src/shared/dataset.ts';
import { InputError } from '../../../src/shared/errors.ts';
import { numpyDeflated, numpyObjects, numpyStored, numpyTable } from '../numpy-files.ts';
import { npyBytes, range, temporaryFolder, writeDataset, zipBytes } from '../support.ts';

const folder = temporaryFolder();

describe('NumPy files', () => {
  it('as NumPy writes them, stored', () => {
    const set = parseArrays('npz', numpyStored, 'a.npz');
    expect(set.shape).toEqual([4]);
    expect(set.train.inputs).toEqual(Float32Array.from(range(12), (i) => i / 4));
    expect(set.train.targets).toEqual({ kind: 'classes', values: Int32Array.of(2, 0, 1) });
    expect(set.classes).toEqual(['0', '1', '2']);
    expect(set.test).toBeNull();
  });

  it('inputs of one axis are one number a sample, where there are as many targets', () => {
    const bytes = (count: number): Uint8Array =>
      Buffer.concat(
        encodeSafetensors({ inputs: tensor(Float64Array.of(5, 6, 7)), targets: tensor(new Int32Array(count)) }),
      );
    const set = parseArrays('safetensors', bytes(3), 'a');
    expect([set.shape, set.train.count, set.train.inputs]).toEqual([[1], 3, Float64Array.of(5, 6, 7)]);
    expect(set.notes).toEqual(['inputs: inputs of [3] read as 3 samples of one number']);
    expect(() => parseArrays('safetensors', bytes(2), 'a')).toThrow(
      'a: inputs: expected [samples, ...], found shape [3] beside 2 targets',
    );
  });

  it('as NumPy writes them, deflated: Fortran order, big-endian, every kind of number, a test part', () => {
    const set = parseArrays('npz', numpyDeflated, 'dir/b.npz', { shape: [12] });
    expect([set.name, set.shape, set.classes]).toEqual(['b', [12], null]);
    expect(set.train.inputs).toEqual(Float64Array.from(range(24)));
    expect(set.train.targets).toEqual({ kind: 'vectors', width: 2, values: Float64Array.of(0.5, -1, 2, 1e300) });
    expect(set.test!.inputs).toEqual(Float64Array.from(range(12)));
    const arrays = parseNpz(numpyDeflated, 'b');
    expect(arrays.get('scalar')!()).toEqual({ dtype: 'I16', shape: [], data: Int16Array.of(-3) });
    expect(arrays.get('flags')!().data).toEqual(Uint8Array.of(1, 0));
    expect(arrays.get('half')!().data).toEqual(Float32Array.of(1.5));
    expect(arrays.get('big')!().data).toEqual(BigUint64Array.of(2n ** 63n));
    expect(arrays.get('names')).toThrow(/b: names: expected numbers .* found the type "<U2"/);
  });

  const header = "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }";
  const eight = Buffer.alloc(8);
  it.each([
    ['version 2', npyBytes(header, eight, 2)],
    ['version 3', npyBytes(header, eight, 3)],
    [
      'other quotes, order and Python 2 integers',
      npyBytes(`{"shape":(2L,),"fortran_order":False,"descr":"<f4"}`, eight),
    ],
  ])('reads %s', (_, bytes) => {
    expect(parseNpy(bytes, 'x').data).toEqual(new Float32Array(2));
  });
  it('keeps the order of a Fortran matrix of three axes that are not alike', () => {
    // a[i, j, k] = 100 i + 10 j + k, stored with i fastest.
    const stored = range(24).map((n) => 100 * (n % 2) + 10 * (Math.floor(n / 2) % 3) + Math.floor(n / 6));
    const bytes = npyBytes("{'descr': '|u1', 'fortran_order': True, 'shape': (2, 3, 4), }", Buffer.from(stored));
    const expected = range(24).map((n) => 100 * Math.floor(n / 12) + 10 * (Math.floor(n / 4) % 3) + (n % 4));
    expect([...parseNpy(bytes, 'x').data]).toEqual(expected);
  });

  const bad: [string, Buffer, RegExp][] = [
    ['nothing', Buffer.alloc(0), /not NumPy's format/],
    ['another format', Buffer.from('PK\x03\x04 and more'), /not NumPy's format/],
    ['version 4', npyBytes(header, eight, 4), /expected format version 1 to 3, found 4/],
    ['Python objects', numpyObjects, /found the type "\|O" \(Python objects, which are never unpickled\)/],
    ['a table', numpyTable, /found a table with named columns/],
    ['complex numbers', npyBytes(header.replace('f4', 'c8'), eight), /found the type "<c8"/],
    ['a header cut short', npyBytes(header, eight).subarray(0, 40), /cut short: its header claims \d+ bytes, found 30/],
    ['a header of 4 GB', npyBytes(header, eight, 2).fill(0xff, 8, 12), /expected a header of at most 65536 bytes/],
    ['data cut short', npyBytes(header, eight.subarray(1)), /expected 8 bytes for \(2\) of <f4, found 7/],
    ['data left over', npyBytes(header, Buffer.alloc(9)), /expected 8 bytes .* found 9/],
    [
      'a shape that overflows',
      npyBytes(header.replace('2,', '9007199254740992, 4'), eight),
      /fewer than 2\^53 elements/,
    ],
    ['a negative shape', npyBytes(header.replace('2,', '-2,'), eight), /expected the header of a NumPy array/],
    ['code in place of the header', npyBytes('__import__("os")', eight), /expected the header of a NumPy array/],
    ['no shape', npyBytes("{'descr': '<f4', 'fortran_order': False}", eight), /expected the header of a NumPy array/],
  ];
  it.each(bad)('refuses %s', (_, bytes, message) => {
    expect(() => parseNpy(bytes, 'bad.npy')).toThrow(message);
    expect(() => parseNpy(bytes, 'bad.npy')).toThrow(InputError);
    expect(() => parseNpy(bytes, 'bad.npy')).toThrow(/^bad\.npy: /);
  });
});

describe('zip archives', () => {
  const one = (changes: Partial<Parameters<typeof zipBytes>[0][number]> = {}) =>
    zipBytes([{ name: 'a', data: Buffer.from('hello hello hello hello'), deflate: true, ...changes }]);
  it('reads stored and deflated entries, a comment and bytes before the archive', () => {
    const bytes = zipBytes(
      [
        { name: 'a', data: Buffer.from('hello'), deflate: false },
        { name: 'ü', data: Buffer.alloc(10_000), deflate: true },
        { name: 'empty', data: Buffer.alloc(0), deflate: false },
      ],
      'a comment',
    );
    const entries = readZip(bytes, 'z');
    expect(entries.map(({ name, size }) => [name, size])).toEqual([
      ['a', 5],
      ['ü', 10_000],
      ['empty', 0],
    ]);
    expect(Buffer.from(entries[0].read()).toString()).toBe('hello');
    expect(entries[1].read()).toHaveLength(10_000);
    expect(readZip(zipBytes([]), 'z')).toEqual([]);
  });
  const bomb = deflateRawSync(Buffer.alloc(5_000_000));
  const bad: [string, () => Buffer, RegExp][] = [
    ['nothing', () => Buffer.alloc(0), /its end record is missing/],
    ['one cut short', () => one().subarray(0, -1), /its end record is missing/],
    ['a wrong checksum', () => one({ crc: 1 }), /"a" is damaged: its checksum does not match/],
    ['a size too small', () => one({ size: 5 }), /"a" is damaged: unpacks to more than the 5 bytes it claims/],
    ['a size too large', () => one({ size: 50 }), /"a" is damaged: expected 50 bytes, found 23/],
    ['a size no deflate can reach', () => one({ size: 2 ** 31 }), /claims 2147483648 bytes, more than its/],
    [
      'a bomb with a small size',
      () => one({ data: Buffer.alloc(5_000_000), packed: bomb, size: 10 }),
      /more than the 10 bytes it claims/,
    ],
    ['an entry beyond the data', () => one({ packedSize: 5000 }), /"a" reaches beyond the data/],
    ['an offset out of range', () => one({ offset: 2 ** 31 }), /"a" is not where the directory says/],
    ['an encrypted entry', () => one({ flags: 1 }), /"a" is encrypted/],
    ['an unknown method', () => one({ method: 12 }), /packed by method 12/],
    [
      'a name twice',
      () =>
        zipBytes([
          { name: 'a', data: Buffer.of(1) },
          { name: 'a', data: Buffer.of(2) },
        ]),
      /"a" is repeated/,
    ],
    [
      'overlapping entries',
      () =>
        zipBytes([
          { name: 'a', data: Buffer.of(1) },
          { name: 'b', data: Buffer.of(1), offset: 0, localName: 'b' },
        ]),
      /two entries overlap/,
    ],
    ['stored sizes that differ', () => one({ method: 0, size: 7 }), /its sizes \d+ and 7 differ/],
  ];
  it.each(bad)('refuses %s', (_, make, message) => {
    const act = () => readZip(make(), 'bad.zip').map((entry) => entry.read());
    expect(act).toThrow(message);
    expect(act).toThrow(InputError);
  });
  it('checks with the checksum of zip, not another', () => {
    expect(crc32(Buffer.from('123456789'))).toBe(0xcbf43926);
  });
});

describe('datasets of named arrays', () => {
  const file = (tensors: Record<string, StoredTensor>) => Buffer.concat(encodeSafetensors(tensors));
  const inputs = tensor(Float32Array.from(range(6)), [3, 2]);
  const cases: [string, StoredTensor, unknown][] = [
    ['bytes', tensor(Uint8Array.of(0, 1, 2)), { kind: 'classes', values: Int32Array.of(0, 1, 2) }],
    ['64-bit integers', tensor(BigInt64Array.of(4n, 0n, 1n)), { kind: 'classes', values: Int32Array.of(4, 0, 1) }],
    [
      'a column of integers',
      tensor(Int32Array.of(4, 0, 1), [3, 1]),
      { kind: 'classes', values: Int32Array.of(4, 0, 1) },
    ],
    [
      'integers of which one is negative',
      tensor(Int32Array.of(0, -1, 2)),
      { kind: 'vectors', values: Float64Array.of(0, -1, 2), width: 1 },
    ],
    [
      'identifiers',
      tensor(BigInt64Array.of(0n, 1n, 10n ** 12n)),
      { kind: 'vectors', values: Float64Array.of(0, 1, 1e12), width: 1 },
    ],
    ['floats', tensor(Float32Array.of(0, 1, 2)), { kind: 'vectors', values: Float64Array.of(0, 1, 2), width: 1 }],
    [
      'a matrix',
      tensor(Float64Array.from(range(6)), [3, 2]),
      { kind: 'vectors', values: Float64Array.from(range(6)), width: 2 },
    ],
    [
      'a matrix of integers',
      tensor(Int8Array.from(range(6)), [3, 2]),
      { kind: 'vectors', values: Float64Array.from(range(6)), width: 2 },
    ],
  ];
  it.each(cases)('takes targets of %s', (_, targets, expected) => {
    expect(parseArrays('safetensors', file({ inputs, targets }), 'd').train.targets).toEqual(expected);
  });
  const kinds: [string, StoredTensor, ArrayBufferView][] = [
    ['bytes stay bytes', tensor(Uint8Array.of(255), [1, 1]), Uint8Array.of(255)],
    ['flags become 0 and 1', { dtype: 'BOOL', shape: [1, 2], data: Uint8Array.of(0, 1) }, Float32Array.of(0, 1)],
    ['small integers become single precision', tensor(Int16Array.of(-3), [1, 1]), Float32Array.of(-3)],
    ['large integers become double precision', tensor(BigInt64Array.of(2n ** 40n), [1, 1]), Float64Array.of(2 ** 40)],
    ['doubles stay doubles', tensor(Float64Array.of(0.1), [1, 1]), Float64Array.of(0.1)],
  ];
  it.each(kinds)('of inputs, %s', (_, given, expected) => {
    const set = parseArrays('safetensors', file({ inputs: given, targets: tensor(Uint8Array.of(0)) }), 'd');
    expect(set.train.inputs).toEqual(expected);
  });

  const targets = tensor(Int32Array.of(0, 1, 2));
  const bad: [string, Record<string, StoredTensor>, RegExp, Parameters<typeof parseArrays>[3]?][] = [
    ['no inputs', { x: inputs, targets }, /there is no array "inputs"; found: targets, x/],
    ['fewer targets', { inputs, targets: tensor(Int32Array.of(0)) }, /3 inputs but 1 targets/],
    [
      'inputs of one axis',
      { inputs: tensor(Float32Array.of(1)), targets },
      /inputs: expected \[samples, \.\.\.\], found shape \[1\]/,
    ],
    [
      'targets of three axes',
      { inputs, targets: tensor(Float32Array.from(range(3)), [3, 1, 1]) },
      /targets: expected shape \[samples\] or/,
    ],
    [
      'a label beyond 2^53',
      { inputs, targets: tensor(BigInt64Array.of(0n, 1n, 2n ** 60n)) },
      /element 2 \(1152921504606846976\) is beyond 2\^53/,
    ],
    ['a shape that does not fit', { inputs, targets }, /samples of \[2\] cannot take the shape \[3\]/, { shape: [3] }],
    [
      'a test part of another shape',
      { inputs, targets, test_inputs: tensor(Float32Array.of(1), [1, 1]), test_targets: tensor(Int32Array.of(0)) },
      /expected samples of \[2\].*found \[1\]/,
    ],
    [
      'a test part of another kind',
      { inputs, targets, test_inputs: inputs, test_targets: tensor(new Float32Array(6), [3, 2]) },
      /targets of the same kind/,
    ],
    ['test inputs without test targets named', { inputs, targets }, /there is no array "y"/, { targets: 'y' }],
  ];
  it.each(bad)('refuses %s', (_, tensors, message, options) => {
    expect(() => parseArrays('safetensors', file(tensors), 'd.safetensors', options)).toThrow(message);
    expect(() => parseArrays('safetensors', file(tensors), 'd.safetensors', options)).toThrow(InputError);
  });

  it('come back as they were written, hash and class names included', async () => {
    const train = {
      count: 3,
      inputs: Uint8Array.from(range(6)),
      targets: { kind: 'classes', values: Int32Array.of(0, 2, 0) },
      source: 's',
    } as const;
    const raw = { name: 'n', shape: [1, 2, 1], classes: ['a', 'b', 'c', 'd'], train, test: train };
    for (const targets of ['as-given', 'one-hot'] as const) {
      const set = prepare(raw, { targets });
      const path = folder.at(`${targets}.safetensors`);
      await writeDataset(path, set);
      const back = await resolveDataset(parseDataset({ source: 'safetensors', path: `${targets}.safetensors` }), {
        baseFolder: folder.at(),
      });
      expect(back.hash).toBe(set.hash);
      expect(back.classes).toEqual(targets === 'as-given' ? ['a', 'b', 'c', 'd'] : null);
      expect(back.test!.inputs).toEqual(set.test!.inputs);
    }
  });

  it('take their test part from a second file', async () => {
    await fs.writeFile(folder.at('train.npz'), numpyStored);
    await fs.writeFile(folder.at('test.npz'), numpyStored);
    const set = await readArrays('npz', folder.at('train.npz'), { testPath: folder.at('test.npz') });
    expect(set.test!.inputs).toEqual(set.train.inputs);
    const spec = parseDataset({ source: 'npz', path: folder.at('train.npz'), test_path: folder.at('none.npz') });
    await expect(resolveDataset(spec)).rejects.toThrow(/none\.npz: no such file/);
  });
});

const npyOf = (descr: string, shape: string, data: Uint8Array): Buffer =>
  npyBytes(`{'descr': '${descr}', 'fortran_order': False, 'shape': ${shape}, }`, data);

describe('arrays by their usual names', () => {
  const npz = (arrays: Record<string, Buffer>) =>
    Buffer.from(zipSync(Object.fromEntries(Object.entries(arrays).map(([name, value]) => [`${name}.npy`, value]))));
  const x = npyOf('<f8', '(2, 2)', new Uint8Array(Float64Array.of(1, 2, 3, 4).buffer));
  const y = npyOf('<i8', '(2,)', new Uint8Array(BigInt64Array.of(1n, 0n).buffer));
  const word = (text: string) =>
    Buffer.concat([...text.padEnd(3, '\0')].map((c) => Buffer.from(Uint32Array.of(c.charCodeAt(0)).buffer)));
  const words = npyOf('<U3', '(2,)', Buffer.concat([word('dog'), word('ox')]));

  const cases: [string, Record<string, Buffer>, boolean, string | null][] = [
    [
      'of Keras',
      { x_train: x, y_train: y, x_test: x, y_test: y },
      true,
      'arrays: x_train and y_train; test part: x_test and y_test, by their names',
    ],
    ['of scikit-learn', { X: x, y }, false, 'arrays: X and y, by their names'],
    ['of nobody', { arr_0: x, arr_1: y }, false, 'arrays: arr_0 and arr_1, by their names'],
    [
      'of images',
      { train_images: x, train_labels: y, test_images: x, test_labels: y },
      true,
      'arrays: train_images and train_labels; test part: test_images and test_labels, by their names',
    ],
    ['of ours', { inputs: x, targets: y, test_inputs: x, test_targets: y }, true, null],
  ];
  it.each(cases)('%s', (_, arrays, hasTest, note) => {
    const set = parseArrays('npz', npz(arrays), 'd.npz');
    expect([...set.train.inputs]).toEqual([1, 2, 3, 4]);
    expect(set.train.targets).toEqual({ kind: 'classes', values: Int32Array.of(1, 0) });
    expect(set.test !== null).toBe(hasTest);
    expect(set.notes).toEqual(note === null ? [] : [note]);
  });

  it('take the test part beside a training part that was named', () => {
    const arrays = { x_train: x, y_train: y, x_test: x, y_test: y };
    const set = parseArrays('npz', npz(arrays), 'd.npz', { inputs: 'x_train', targets: 'y_train' });
    expect(set.test!.count).toBe(2);
  });

  it('where none are: the error lists those there are, and the fields that name them', () => {
    expect(() => parseArrays('npz', npz({ a: x, b: y }), 'd.npz')).toThrow(
      /there is no array "targets"; found: a, b\. The specification of a dataset names them: "inputs" and "targets_array"/,
    );
  });

  it('whose labels are words: classes in the order of the words', () => {
    const set = parseArrays('npz', npz({ inputs: x, targets: words }), 'd.npz');
    expect(set).toMatchObject({
      classes: ['dog', 'ox'],
      numbered: 'by-name',
      train: { targets: { values: Int32Array.of(0, 1) } },
    });
    const bytes = npyOf('|S3', '(2, 1)', Buffer.from('ox\0dog'));
    expect(parseArrays('npz', npz({ inputs: x, targets: bytes }), 'd.npz').train.targets.values).toEqual(
      Int32Array.of(1, 0),
    );
    expect(() => parseArrays('npz', npz({ inputs: words, targets: y }), 'd.npz')).toThrow(
      /"<U3" \(text, which can only be labels\)/,
    );
    const mixed = { inputs: x, targets: words, test_inputs: x, test_targets: y };
    expect(() => parseArrays('npz', npz(mixed), 'd.npz')).toThrow(
      /expected labels that are words as in the other part, found numbers/,
    );
  });

  it('each in a file of its own', async () => {
    const put = (name: string, value: Buffer) => fs.writeFile(folder.at(name), value);
    await Promise.all([put('X.npy', x), put('y.npy', y), put('x_train.npy', x), put('y_train.npy', words), put('x_test.npy', x), put('y_test.npy', words), put('alone.npy', x), put('of alone.npy', y)]); // prettier-ignore
    const read = (spec: object) =>
      resolveDataset(parseDataset({ source: 'npz', ...spec }), { baseFolder: folder.at() });
    const pair = await read({ path: 'X.npy' });
    expect([[...pair.train.inputs], [...pair.train.targets.values], pair.test]).toEqual([[1, 2, 3, 4], [1, 0], null]);
    expect(pair.notes).toEqual(['arrays: inputs from X.npy, targets from y.npy']);
    const split = await read({ path: 'x_train.npy' });
    expect([split.classes, split.test!.count]).toEqual([['dog', 'ox'], 2]);
    expect([...(await read({ path: 'alone.npy', targets_path: 'of alone.npy' })).train.targets.values]).toEqual([1, 0]);
    await expect(read({ path: 'alone.npy' })).rejects.toThrow(
      /holds one array of \[2, 2\], taken as the inputs; the file with its targets cannot be told from its name\. .*"targets_path".*np\.savez/,
    );
  });
});
