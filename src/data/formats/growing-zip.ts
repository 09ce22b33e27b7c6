/**
 * Zip archives that are still being written: entries are found by their own headers, one after the other, not by the directory at the end, which is not there yet.
 * Entries are stored as they are, with their sizes known beforehand (as covature.Run writes them). Incomplete entries are left for the next time.
 */
import type * as fs from 'node:fs/promises';
import * as zlib from 'node:zlib';
import { InputError } from '../../shared/errors.ts';
import { readRange } from '../files.ts';

export interface GrowingEntry {
  readonly name: string;
  readonly size: number;
  /** Raises InputError if the checksum differs. */
  read(): Promise<Uint8Array<ArrayBuffer>>;
}

export interface GrowingPart {
  readonly entries: readonly GrowingEntry[];
  /** Where to continue reading. */
  readonly next: number;
  /** Whether the directory has come: nothing follows. */
  readonly complete: boolean;
}

const signature = { local: 0x04034b50, central: 0x02014b50, end: 0x06054b50, end64: 0x06064b50 };
const headerBytes = 30;
/** In place of a size that takes 64 bits. */
const wide = 0xffffffff;

/** The entries from byte `from` on that are complete. Raises InputError, beginning with `name`, for anything that is not such an archive. */
export async function readGrowing(handle: fs.FileHandle, from: number, name: string): Promise<GrowingPart> {
  const { size } = await handle.stat();
  if (size < from) throw new InputError(`${name}: shorter than it was; another file has taken its place`);
  const entries: GrowingEntry[] = [];
  let at = from;
  while (at + headerBytes <= size) {
    const header = await readRange(handle, at, headerBytes, name);
    const view = new DataView(header.buffer);
    const kind = view.getUint32(0, true);
    if (kind === signature.central || kind === signature.end || kind === signature.end64)
      return { entries, next: at, complete: true };
    if (kind !== signature.local)
      throw new InputError(`${name}: damaged at byte ${at}: no entry of a run file begins there`);
    const [flags, method, crc] = [view.getUint16(6, true), view.getUint16(8, true), view.getUint32(14, true)];
    const [nameLength, extraLength] = [view.getUint16(26, true), view.getUint16(28, true)];
    const begin = at + headerBytes + nameLength + extraLength;
    if (begin > size) break;
    const rest = await readRange(handle, at + headerBytes, nameLength + extraLength, name);
    const text = new TextDecoder().decode(rest.subarray(0, nameLength));
    const [packed, length] = sizesOf(view, rest.subarray(nameLength));
    if (method !== 0 || packed !== length || (flags & 0x9) !== 0)
      throw new InputError(`${name}: damaged at byte ${at}: expected an entry stored as it is`);
    if (begin + length > size) break;
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

/** Packed and unpacked, from the header or, where those are 2^32 - 1, from its zip64 field (unpacked first); NaN if that is missing. */
function sizesOf(header: DataView, extra: Uint8Array): readonly [packed: number, length: number] {
  const [packed, length] = [header.getUint32(18, true), header.getUint32(22, true)];
  if (packed !== wide && length !== wide) return [packed, length];
  const view = new DataView(extra.buffer, extra.byteOffset, extra.byteLength);
  for (let at = 0; at + 4 <= extra.length; at += 4 + view.getUint16(at + 2, true)) {
    if (view.getUint16(at, true) !== 1 || at + 20 > extra.length) continue;
    return [Number(view.getBigUint64(at + 12, true)), Number(view.getBigUint64(at + 4, true))];
  }
  return [NaN, NaN];
}
