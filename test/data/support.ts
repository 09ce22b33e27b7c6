/** Folders, and files of every format, made by the tests themselves. */
import { existsSync } from 'node:fs';
import * as fs from 'node:fs/promises';
import * as os from 'node:os';
import * as path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll } from 'vitest';

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
