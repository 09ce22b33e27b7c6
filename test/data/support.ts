/** Folders, and files of every format, made by the tests themselves. */
import { existsSync } from 'node:fs';
import * as fs from 'node:fs/promises';
import * as os from 'node:os';
import * as path from 'node:path';
import { fileURLToPath } from 'node:url';
import { crc32, deflateRawSync } from 'node:zlib';
import { afterAll, beforeAll } from 'vitest';
import type { Dataset } from '../../src/data/dataset.ts';
import { tensor, writeSafetensors } from '../../src/data/formats/safetensors.ts';
import type { StoredTensor } from '../../src/data/formats/tensors.ts';

/** A folder for one test file, removed at its end. Its name has a space and a letter beyond ASCII. */
export function temporaryFolder(): { at(...names: string[]): string } {
  let folder = '';
  beforeAll(async () => {
    folder = await fs.mkdtemp(path.join(os.tmpdir(), 'covature dätä '));
  });
  afterAll(async () => {
    await fs.rm(folder, { recursive: true, force: true });
  });
  return { at: (...names) => path.join(folder, ...names) };
}

/** A folder of data sets beside the checkout, or why its tests cannot run. */
export function sharedData(name: string): { folder: string; available: true | string } {
  const folder = fileURLToPath(new URL(`../../../shared/data/${name}`, import.meta.url));
  return { folder, available: existsSync(folder) || `../shared/data/${name} is not beside the checkout` };
}

const idxTypes = {
  u8: [0x08, 1],
  i8: [0x09, 1],
  i16: [0x0b, 2],
  i32: [0x0c, 4],
  f32: [0x0d, 4],
  f64: [0x0e, 8],
} as const;

/** An IDX file, written from the format's description. */
export function idxBytes(type: keyof typeof idxTypes, shape: readonly number[], values: readonly number[]): Buffer {
  const [code, size] = idxTypes[type];
  const bytes = Buffer.alloc(4 + 4 * shape.length + size * values.length);
  bytes[2] = code;
  bytes[3] = shape.length;
  shape.forEach((n, i) => bytes.writeUInt32BE(n, 4 + 4 * i));
  values.forEach((x, i) => {
    const at = 4 + 4 * shape.length + size * i;
    if (type === 'u8') bytes.writeUInt8(x, at);
    else if (type === 'i8') bytes.writeInt8(x, at);
    else if (type === 'i16') bytes.writeInt16BE(x, at);
    else if (type === 'i32') bytes.writeInt32BE(x, at);
    else if (type === 'f32') bytes.writeFloatBE(x, at);
    else bytes.writeDoubleBE(x, at);
  });
  return bytes;
}

export const range = (n: number) => Array.from({ length: n }, (_, i) => i);

/** A .npy file with any header over any data. */
export function npyBytes(header: string, data: Uint8Array, version = 1): Buffer {
  const start = version === 1 ? 10 : 12;
  const length = Math.ceil((start + header.length + 1) / 64) * 64 - start;
  const bytes = Buffer.alloc(start + length, ' ');
  bytes.write('\x93NUMPY', 'latin1');
  bytes[6] = version;
  bytes[7] = 0;
  if (version === 1) bytes.writeUInt16LE(length, 8);
  else bytes.writeUInt32LE(length, 8);
  bytes.write(header, start);
  bytes[bytes.length - 1] = 0x0a;
  return Buffer.concat([bytes, data]);
}

export interface ZipPart {
  readonly name: string;
  readonly data: Buffer;
  readonly deflate?: boolean;
  /** What the directory says where it is not the truth. */
  readonly size?: number;
  readonly packedSize?: number;
  readonly offset?: number;
  readonly crc?: number;
  readonly flags?: number;
  readonly method?: number;
  readonly packed?: Buffer;
  readonly localName?: string;
}

/** A zip archive, written from the format's description; fields of its parts make it lie. */
export function zipBytes(parts: readonly ZipPart[], comment = ''): Buffer {
  const chunks: Buffer[] = [];
  const directory: Buffer[] = [];
  let at = 0;
  for (const part of parts) {
    const packed = part.packed ?? (part.deflate ? deflateRawSync(part.data) : part.data);
    const name = Buffer.from(part.name);
    const local = Buffer.alloc(30);
    local.writeUInt32LE(0x04034b50, 0);
    local.writeUInt16LE(name.length, 26);
    const central = Buffer.alloc(46);
    central.writeUInt32LE(0x02014b50, 0);
    central.writeUInt16LE(part.flags ?? 0, 8);
    central.writeUInt16LE(part.method ?? (part.deflate ? 8 : 0), 10);
    central.writeUInt32LE(part.crc ?? crc32(part.data), 16);
    central.writeUInt32LE(part.packedSize ?? packed.length, 20);
    central.writeUInt32LE(part.size ?? part.data.length, 24);
    central.writeUInt16LE(name.length, 28);
    central.writeUInt32LE(part.offset ?? at, 42);
    chunks.push(local, name, packed);
    directory.push(central, name);
    at += 30 + name.length + packed.length;
  }
  const length = directory.reduce((sum, chunk) => sum + chunk.length, 0);
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(parts.length, 10);
  end.writeUInt32LE(length, 12);
  end.writeUInt32LE(at, 16);
  end.writeUInt16LE(comment.length, 20);
  return Buffer.concat([...chunks, ...directory, end, Buffer.from(comment)]);
}

export interface TarPart {
  readonly name: string;
  readonly data: string | Buffer;
  /** Default "0", a file; "5" is a folder. */
  readonly type?: string;
  readonly prefix?: string;
}

/** A tar archive (ustar), written from the format's description. */
export function tarBytes(parts: readonly TarPart[]): Buffer {
  const chunks: Buffer[] = [];
  for (const { name, data, type = '0', prefix = '' } of parts) {
    const content = Buffer.from(data as string);
    const header = Buffer.alloc(512);
    header.write(name, 0);
    header.write('0000644\0', 100);
    header.write(`${content.length.toString(8).padStart(11, '0')}\0`, 124);
    header.write('        ', 148);
    header.write(type, 156);
    header.write('ustar\x0000', 257);
    header.write(prefix, 345);
    const sum = header.reduce((total, byte) => total + byte, 0);
    header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
    chunks.push(header, content, Buffer.alloc((512 - (content.length % 512)) % 512));
  }
  return Buffer.concat([...chunks, Buffer.alloc(1024)]);
}

/**
 * Writes a dataset so that `readArrays('safetensors', ...)` gives the same numbers back: `inputs`, `targets` and, where there is a test part, `test_inputs`, `test_targets`;
 * name, class names and hash in the metadata.
 */
export async function writeDataset(file: string, dataset: Dataset): Promise<void> {
  const tensors: Record<string, StoredTensor> = {};
  for (const [prefix, part] of [
    ['', dataset.train],
    ['test_', dataset.test],
  ] as const) {
    if (!part) continue;
    tensors[`${prefix}inputs`] = tensor(part.inputs, [part.count, ...dataset.shape]);
    const { targets } = part;
    const shape = targets.kind === 'classes' ? [part.count] : [part.count, targets.width];
    tensors[`${prefix}targets`] = tensor(targets.values, shape);
  }
  const metadata = { format: 'covature-dataset', name: dataset.name, hash: dataset.hash };
  const classes = dataset.classes ? { classes: JSON.stringify(dataset.classes) } : {};
  await writeSafetensors(file, tensors, { ...metadata, ...classes });
}
