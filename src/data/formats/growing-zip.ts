/**
 * Zip archives that are still being written: entries are found by their own headers, one after the other, not by the directory at the end, which is not there yet.
 * Entries are stored as they are, with their sizes known beforehand (as covature.Run writes them). What is not there whole is left for the next time.
 */
import type * as fs from 'node:fs/promises';
import * as zlib from 'node:zlib';
import { InputError } from '../../shared/errors.ts';
import { readRange } from '../files.ts';

export interface GrowingEntry {
  readonly name: string;
  readonly size: number;
  /** Raises InputError where the checksum differs. */
  read(): Promise<Uint8Array<ArrayBuffer>>;
}

export interface GrowingPart {
  readonly entries: readonly GrowingEntry[];
  /** Where to go on reading. */
  readonly next: number;
  /** Whether the directory has come: nothing follows. */
  readonly complete: boolean;
}

const signature = { local: 0x04034b50, central: 0x02014b50, end: 0x06054b50 };
const headerBytes = 30;

/** The entries from byte `from` on that are there whole. Raises InputError, opening with `name`, for what is no such archive. */
export async function readGrowing(handle: fs.FileHandle, from: number, name: string): Promise<GrowingPart> {
  const { size } = await handle.stat();
  if (size < from) throw new InputError(`${name}: shorter than it was; another file has taken its place`);
  const entries: GrowingEntry[] = [];
  let at = from;
  while (at + headerBytes <= size) {
    const header = await readRange(handle, at, headerBytes, name);
    const view = new DataView(header.buffer);
    const kind = view.getUint32(0, true);
    if (kind === signature.central || kind === signature.end) return { entries, next: at, complete: true };
    if (kind !== signature.local)
      throw new InputError(`${name}: damaged at byte ${at}: no entry of a run file begins there`);
    const [flags, method, crc] = [view.getUint16(6, true), view.getUint16(8, true), view.getUint32(14, true)];
    const [packed, length] = [view.getUint32(18, true), view.getUint32(22, true)];
    const [nameLength, extraLength] = [view.getUint16(26, true), view.getUint16(28, true)];
    if (method !== 0 || packed !== length || (flags & 0x9) !== 0)
      throw new InputError(`${name}: damaged at byte ${at}: expected an entry stored as it is`);
    const begin = at + headerBytes + nameLength + extraLength;
    if (begin + length > size) break;
    const text = new TextDecoder().decode(await readRange(handle, at + headerBytes, nameLength, name));
    entries.push({
      name: text,
      size: length,
      read: async () => {
        const bytes = await readRange(handle, begin, length, name);
        if (zlib.crc32(bytes) !== crc)
          throw new InputError(`${name}: "${text}" is damaged: its checksum does not match`);
        return bytes;
      },
    });
    at = begin + length;
  }
  return { entries, next: at, complete: false };
}
