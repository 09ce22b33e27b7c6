import * as fs from 'node:fs/promises';
import * as os from 'node:os';
import * as path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  encodeSafetensors,
  openSafetensors,
  parseSafetensors,
  readSafetensors,
  tensor,
  writeSafetensors,
} from '../../../src/data/formats/safetensors.ts';
import { InputError } from '../../../src/shared/errors.ts';

let folder: string;
beforeAll(async () => {
  folder = await fs.mkdtemp(path.join(os.tmpdir(), 'covature-safetensors-'));
});
afterAll(async () => {
  await fs.rm(folder, { recursive: true });
});

/** A file with any header over any data; `length` is what the first 8 bytes claim. */
function raw(header: string | Uint8Array, data: Uint8Array = new Uint8Array(0), length?: bigint): Uint8Array {
  const text = typeof header === 'string' ? new TextEncoder().encode(header) : header;
  const bytes = new Uint8Array(8 + text.length + data.length);
  new DataView(bytes.buffer).setBigUint64(0, length ?? BigInt(text.length), true);
  bytes.set(text, 8);
  bytes.set(data, 8 + text.length);
  return bytes;
}

const everyKind = {
  float64: tensor(Float64Array.of(1.5, -0, NaN, Infinity, 5e-324, 1 / 3), [2, 3]),
  float32: tensor(Float32Array.of(1.5, -2.25, 3e38), [3, 1]),
  int64: tensor(BigInt64Array.of(-(2n ** 63n), 7n)),
  uint64: tensor(BigUint64Array.of(2n ** 64n - 1n)),
  int32: tensor(Int32Array.of(-5, 2 ** 31 - 1)),
  uint32: tensor(Uint32Array.of(2 ** 32 - 1)),
  int16: tensor(Int16Array.of(-32768)),
  uint16: tensor(Uint16Array.of(65535)),
  int8: tensor(Int8Array.of(-128, 127, 0)),
  uint8: tensor(Uint8Array.of(0, 255)),
  flags: { dtype: 'BOOL', shape: [2], data: Uint8Array.of(0, 1) } as const,
  scalar: tensor(Float64Array.of(42), []),
  'empty "quoted" ünïcode': tensor(new Float32Array(0), [0, 4]),
};

describe('safetensors', () => {
  it('gives back every kind of array, bit for bit, with its metadata', async () => {
    const file = path.join(folder, 'all.safetensors');
    await writeSafetensors(file, everyKind, { note: 'C = mean g g^T', a: 'ä' });
    const back = await readSafetensors(file);
    expect([...back.tensors.keys()].sort()).toEqual(Object.keys(everyKind).sort());
    for (const [name, value] of Object.entries(everyKind)) expect(back.tensors.get(name), name).toEqual(value);
    expect(Object.is((back.tensors.get('float64')!.data as Float64Array)[1], -0)).toBe(true);
    expect(back.metadata).toEqual({ note: 'C = mean g g^T', a: 'ä' });
  });

  it('writes the same bytes whatever the order of the names, data aligned to 8', () => {
    const a = Buffer.concat(encodeSafetensors(everyKind, { x: '1', y: '2' }));
    const b = Buffer.concat(
      encodeSafetensors(Object.fromEntries(Object.entries(everyKind).reverse()), { y: '2', x: '1' }),
    );
    expect(a.equals(b)).toBe(true);
    expect((8 + Number(a.readBigUInt64LE(0))) % 8).toBe(0);
  });

  it('reads a file byte for byte as the format describes it, unaligned data and half precision included', () => {
    // 1, -2, 65504 (largest), 2^-24 (smallest), infinity in F16; 1, -3 in BF16; pi in F64 at an odd offset.
    const data = new Uint8Array(10 + 4 + 1 + 8);
    const view = new DataView(data.buffer);
    [0x3c00, 0xc000, 0x7bff, 0x0001, 0x7c00].forEach((bits, i) => view.setUint16(2 * i, bits, true));
    [0x3f80, 0xc040].forEach((bits, i) => view.setUint16(10 + 2 * i, bits, true));
    data[14] = 1;
    view.setFloat64(15, Math.PI, true);
    const header =
      '{"half":{"dtype":"F16","shape":[5],"data_offsets":[0,10]},"pi":{"dtype":"F64","shape":[],"data_offsets":[15,23]},' +
      '"brain":{"dtype":"BF16","shape":[2],"data_offsets":[10,14]},"flag":{"dtype":"BOOL","shape":[1],"data_offsets":[14,15]}}  ';
    const bytes = raw(header, data);
    for (const file of [bytes, Buffer.from(bytes)]) checkOdd(parseSafetensors(file, 'odd'));
  });
  function checkOdd({ tensors }: ReturnType<typeof parseSafetensors>) {
    expect([...tensors.get('half')!.data]).toEqual([1, -2, 65504, 2 ** -24, Infinity]);
    expect([...tensors.get('brain')!.data]).toEqual([1, -3]);
    expect(tensors.get('pi')!.data).toEqual(Float64Array.of(Math.PI));
    expect(tensors.get('flag')!.data).toEqual(Uint8Array.of(1));
  }

  it('opens a file and reads one tensor or a part of it', async () => {
    const file = path.join(folder, 'parts.safetensors');
    await writeSafetensors(file, {
      a: tensor(
        Float64Array.from({ length: 12 }, (_, i) => i),
        [3, 4],
      ),
      b: tensor(Uint8Array.of(9)),
    });
    await using open = await openSafetensors(file);
    expect(open.places.get('a')!.shape).toEqual([3, 4]);
    expect((await open.read('b')).data).toEqual(Uint8Array.of(9));
    expect((await open.readElements('a', 5, 8)).data).toEqual(Float64Array.of(5, 6, 7));
    await expect(open.read('c')).rejects.toThrow(/no tensor "c"; found: a, b/);
  });

  it('reports a missing file, a folder and an empty file by name', async () => {
    await expect(readSafetensors(path.join(folder, 'none'))).rejects.toThrow(/none: no such file/);
    await expect(readSafetensors(folder)).rejects.toThrow(InputError);
    await expect(openSafetensors(folder)).rejects.toThrow(InputError);
    await fs.writeFile(path.join(folder, 'empty'), '');
    await expect(readSafetensors(path.join(folder, 'empty'))).rejects.toThrow(/the file is empty/);
    await expect(openSafetensors(path.join(folder, 'empty'))).rejects.toThrow(/the file is empty/);
  });

  const one = (fields: string) => `{"w":{${fields}}}`;
  const good = '"dtype":"F32","shape":[2],"data_offsets":[0,8]';
  const eight = new Uint8Array(8);
  const bad: [string, Uint8Array, RegExp][] = [
    ['header longer than the file', raw(one(good), eight, 1000n), /claims 1000 bytes/],
    ['header of 2^63 bytes', raw(one(good), eight, 2n ** 63n), /claims 9223372036854775808 bytes/],
    ['header cut in the middle', raw(one(good), eight, 10n), /not valid JSON/],
    ['header not an object', raw('[1]', eight), /does not begin with \{/],
    ['invalid UTF-8', raw(Uint8Array.of(0x7b, 0x22, 0xff, 0x22, 0x7d)), /not valid JSON in UTF-8/],
    ['a name twice', raw(`{"w":{${good}},"w":{${good}}}`, eight), /the key "w" is repeated/],
    ['a name twice, once escaped', raw(`{"w":{${good}},"\\u0077":{${good}}}`, eight), /the key "w" is repeated/],
    ['a field twice', raw(one(`"dtype":"F32",${good}`), eight), /the key "dtype" is repeated/],
    ['deep nesting', raw(`{"w":${'['.repeat(5000)}${']'.repeat(5000)}}`, eight), /nested deeper/],
    ['unknown field', raw(one(`${good},"extra":1`), eight), /tensor "w": unknown field "extra"/],
    [
      'unknown dtype',
      raw(one('"dtype":"F8_E4M3","shape":[8],"data_offsets":[0,8]'), eight),
      /dtype: expected one of F64.*found "F8_E4M3"/,
    ],
    [
      'dtype of the prototype',
      raw(one('"dtype":"toString","shape":[8],"data_offsets":[0,8]'), eight),
      /dtype: expected/,
    ],
    ['no dtype', raw(one('"shape":[2],"data_offsets":[0,8]'), eight), /dtype: expected .* found nothing/],
    [
      'negative shape',
      raw(one('"dtype":"F32","shape":[-2],"data_offsets":[0,8]'), eight),
      /shape: expected non-negative/,
    ],
    [
      'shape that overflows',
      raw(one('"dtype":"F32","shape":[9007199254740991,9007199254740991],"data_offsets":[0,8]'), eight),
      /shape: expected/,
    ],
    [
      'shape that does not fit',
      raw(one('"dtype":"F32","shape":[3],"data_offsets":[0,8]'), eight),
      /shape \[3\] of F32 takes 12 bytes, found 8/,
    ],
    ['fractional shape', raw(one('"dtype":"F32","shape":[2.5],"data_offsets":[0,8]'), eight), /shape: expected/],
    [
      'offsets out of range',
      raw(one('"dtype":"F32","shape":[4],"data_offsets":[0,16]'), eight),
      /cut short: expected 79 bytes or more, found 71 \(data_offsets \[0, 16\]\)/,
    ],
    ['offsets reversed', raw(one('"dtype":"F32","shape":[0],"data_offsets":[8,0]'), eight), /begin <= end/],
    ['three offsets', raw(one('"dtype":"F32","shape":[2],"data_offsets":[0,8,8]'), eight), /expected two integers/],
    [
      'overlap',
      raw(`{"w":{${good}},"x":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}`, eight),
      /tensor "x" overlaps/,
    ],
    ['gap', raw(`{"w":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}`, eight), /tensor "w" leaves a gap/],
    ['bytes left over', raw(one(good), new Uint8Array(9)), /1 left over/],
    ['truncated data', raw(one(good), new Uint8Array(7)), /cut short: expected 70 bytes or more, found 69/],
    ['metadata that is no text', raw('{"__metadata__":{"a":1}}'), /__metadata__: expected an object of strings/],
    ['tensor that is null', raw('{"w":null}'), /tensor "w": expected an object, found null/],
  ];
  it.each(bad)('refuses: %s', (_, bytes, message) => {
    expect(() => parseSafetensors(bytes, 'bad.safetensors')).toThrow(message);
    expect(() => parseSafetensors(bytes, 'bad.safetensors')).toThrow(InputError);
    expect(() => parseSafetensors(bytes, 'bad.safetensors')).toThrow(/^bad\.safetensors: /);
  });

  it('accepts a file without tensors', () => {
    expect(parseSafetensors(raw('{}'), 'none').tensors.size).toBe(0);
  });

  it('does not write what it could not read back', () => {
    expect(() => encodeSafetensors({ w: { dtype: 'F64', shape: [3], data: Float64Array.of(1, 2) } })).toThrow(
      /w: shape \[3\]/,
    );
    expect(() => encodeSafetensors({ w: { dtype: 'F64', shape: [2], data: Float32Array.of(1, 2) } })).toThrow(
      /does not fit/,
    );
    expect(() => encodeSafetensors({ __metadata__: tensor(Float64Array.of(1)) })).toThrow(/__metadata__/);
  });
});
