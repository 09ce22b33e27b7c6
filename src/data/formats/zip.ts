/**
 * Zip archives, as NumPy writes them (stored or deflated, zip64 if needed; PKWARE's APPNOTE 6.3.9). The central directory is authoritative and
 * is checked: ranges inside the file, no two entries in one place, sizes that deflate can reach, checksums. No memory beyond the file's
 * size times what deflate can do (1,032) is taken, and that only for entries that are asked for.
 */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import * as path from 'node:path';
import * as zlib from 'node:zlib';
import { Inflate } from 'fflate';
import { InputError, messageOf } from '../../shared/errors.ts';
import { codeOf, inputErrorOf } from '../files.ts';
import { largestRatio } from './gzip.ts';

export interface ZipEntry {
  readonly name: string;
  /** Unpacked, in bytes. */
  readonly size: number;
  /** Unpacks and checks the checksum; raises an InputError for damage. */
  read(): Uint8Array;
  /** The same in pieces, of which no more than a few are in memory at a time; damage is found at the latest at the end. */
  chunks(): Iterable<Uint8Array>;
}

const signature = { local: 0x04034b50, central: 0x02014b50, end: 0x06054b50, end64: 0x06064b50, locator64: 0x07064b50 };

/** The bytes of an archive, wherever they lie. */
interface ZipBytes {
  readonly size: number;
  /** Bytes [at, at + length), which lie inside. */
  read(at: number, length: number): Uint8Array;
}

export interface ZipFile {
  readonly entries: readonly ZipEntry[];
  close(): void;
}

/** The entries of an archive in the order of its directory; `name` opens every error. */
export function readZip(bytes: Uint8Array, name: string): ZipEntry[] {
  return entriesOf({ size: bytes.length, read: (at, length) => bytes.subarray(at, at + length) }, name);
}

/** The entries of an archive of any size, of which no more is read than is asked for. Raises InputError as `readZip` does, and if it cannot be read. */
export function openZip(file: string, name = path.basename(file)): ZipFile {
  let handle: number;
  let size: number;
  try {
    handle = openSync(file, 'r');
    const stats = fstatSync(handle);
    ({ size } = stats);
    if (!stats.isFile()) {
      closeSync(handle);
      throw new InputError(`${file}: is no file`);
    }
  } catch (error) {
    throw inputErrorOf(error, file);
  }
  const close = (): void => {
    closeSync(handle);
  };
  const read = (at: number, length: number): Uint8Array => {
    const bytes = Buffer.allocUnsafe(length);
    for (let done = 0; done < length;) {
      const count = readSync(handle, bytes, done, Math.min(length - done, 2 ** 30), at + done);
      if (count === 0) throw new InputError(`${name}: was cut short while it was read`);
      done += count;
    }
    return bytes;
  };
  try {
    return { entries: entriesOf({ size, read }, name), close };
  } catch (error) {
    close();
    throw error;
  }
}

function entriesOf(bytes: ZipBytes, name: string): ZipEntry[] {
  const fail = (what: string): never => {
    throw new InputError(`${name}: not a valid zip file, or cut short: ${what}`);
  };
  const directory = findDirectory(bytes, fail);
  if (directory.length > largestDirectory) fail(`its directory of ${directory.length} bytes is too long`);
  const listed = bytes.read(directory.offset, directory.length);
  const view = new DataView(listed.buffer, listed.byteOffset, listed.byteLength);
  const entries: ZipEntry[] = [];
  const seen = new Set<string>();
  const ranges: [number, number][] = [];
  let at = 0;
  for (let i = 0; i < directory.entries; i++) {
    if (at + 46 > listed.length || view.getUint32(at, true) !== signature.central)
      fail(`entry ${i} of its directory is missing`);
    const entry = centralEntry(view, listed, at, fail);
    at = entry.next;
    if (seen.has(entry.name)) fail(`the name "${entry.name}" is repeated`);
    seen.add(entry.name);
    const begin = dataBegin(bytes, entry.offset, directory.offset, entry.name, fail);
    if (begin + entry.packed > directory.offset) fail(`"${entry.name}" reaches beyond the data`);
    ranges.push([entry.offset, begin + entry.packed]);
    if (entry.size > entry.packed * largestRatio + 64)
      fail(`"${entry.name}" claims ${entry.size} bytes, more than its ${entry.packed} packed bytes can hold`);
    entries.push({
      name: entry.name,
      size: entry.size,
      read: () => unpack(bytes.read(begin, entry.packed), entry, name),
      chunks: () => chunksOf(bytes, begin, entry, name),
    });
  }
  ranges.sort((a, b) => a[0] - b[0]);
  ranges.forEach(([begin], i) => {
    if (i > 0 && begin < ranges[i - 1][1]) fail('two entries overlap');
  });
  return entries;
}

/** Bytes of a directory that are held in memory. */
const largestDirectory = 2 ** 28;
/** Bytes of a piece of a stored entry. */
const chunkBytes = 2 ** 22;
/** An entry of more bytes is unpacked in pieces; zlib, which unpacks all at once, is faster. */
const atOnceBytes = 2 ** 26;
/** Packed bytes that are unpacked at a time: deflate makes at most 66 MB of them. */
const packedBytes = 2 ** 16;

function* chunksOf(bytes: ZipBytes, begin: number, entry: CentralEntry, name: string): Generator<Uint8Array> {
  if (entry.method !== 0 && entry.size <= atOnceBytes) {
    yield unpack(bytes.read(begin, entry.packed), entry, name);
    return;
  }
  let crc = 0;
  let size = 0;
  for (const chunk of entry.method === 0
    ? piecesOf(bytes, begin, entry.packed, chunkBytes)
    : inflated(bytes, begin, entry, name)) {
    size += chunk.length;
    if (size > entry.size) throw damaged(entry, name, `unpacks to more than the ${entry.size} bytes it claims`);
    crc = zlib.crc32(chunk, crc);
    yield chunk;
  }
  if (size !== entry.size) throw damaged(entry, name, `expected ${entry.size} bytes, found ${size}`);
  if (crc !== entry.crc) throw damaged(entry, name, 'its checksum does not match');
}

function* piecesOf(bytes: ZipBytes, begin: number, length: number, piece: number): Generator<Uint8Array> {
  for (let done = 0; done < length; done += piece) yield bytes.read(begin + done, Math.min(piece, length - done));
}

function* inflated(bytes: ZipBytes, begin: number, entry: CentralEntry, name: string): Generator<Uint8Array> {
  let ready: Uint8Array[] = [];
  const inflate = new Inflate((chunk) => ready.push(chunk));
  let left = entry.packed;
  for (const piece of piecesOf(bytes, begin, entry.packed, packedBytes)) {
    left -= piece.length;
    try {
      inflate.push(piece, left === 0);
    } catch (error) {
      throw damaged(entry, name, messageOf(error));
    }
    yield* ready;
    ready = [];
  }
}

function damaged(entry: CentralEntry, name: string, what: string): InputError {
  return new InputError(`${name}: "${entry.name}" is damaged: ${what}`);
}

type Fail = (what: string) => never;

function findDirectory(bytes: ZipBytes, fail: Fail): { offset: number; length: number; entries: number } {
  // The end record with its comment, and the locator before it.
  const from = Math.max(0, bytes.size - 22 - 65535 - 20);
  const tail = bytes.read(from, bytes.size - from);
  const view = new DataView(tail.buffer, tail.byteOffset, tail.byteLength);
  let at = tail.length - 22;
  while (
    at >= 0 &&
    !(view.getUint32(at, true) === signature.end && at + 22 + view.getUint16(at + 20, true) === tail.length)
  )
    at--;
  if (at < 0) return fail('its end record is missing');
  let entries = view.getUint16(at + 10, true);
  let length = view.getUint32(at + 12, true);
  let offset = view.getUint32(at + 16, true);
  let end = from + at;
  if (entries === 0xffff || length === 0xffffffff || offset === 0xffffffff) {
    const locator = at - 20;
    if (locator < 0 || view.getUint32(locator, true) !== signature.locator64)
      return fail('its zip64 record is missing');
    const at64 = uint64(view, locator + 8);
    if (!(at64 + 56 <= from + locator)) return fail('its zip64 record is missing');
    const record = bytes.read(at64, 56);
    const view64 = new DataView(record.buffer, record.byteOffset, record.byteLength);
    if (view64.getUint32(0, true) !== signature.end64) return fail('its zip64 record is missing');
    entries = uint64(view64, 32);
    length = uint64(view64, 40);
    offset = uint64(view64, 48);
    end = at64;
  }
  if (!(offset + length <= end)) return fail(`its directory of ${length} bytes at ${offset} is not inside the file`);
  return { offset, length, entries };
}

interface CentralEntry {
  readonly name: string;
  readonly method: number;
  readonly crc: number;
  readonly packed: number;
  readonly size: number;
  readonly offset: number;
  readonly next: number;
}

function centralEntry(view: DataView, bytes: Uint8Array, at: number, fail: Fail): CentralEntry {
  const flags = view.getUint16(at + 8, true);
  const method = view.getUint16(at + 10, true);
  const nameLength = view.getUint16(at + 28, true);
  const extraLength = view.getUint16(at + 30, true);
  const next = at + 46 + nameLength + extraLength + view.getUint16(at + 32, true);
  if (next > bytes.length) return fail('its directory is cut short');
  const name = new TextDecoder().decode(bytes.subarray(at + 46, at + 46 + nameLength));
  if (flags & 1) return fail(`"${name}" is encrypted`);
  if (method !== 0 && method !== 8)
    return fail(`"${name}" is packed by method ${method}; expected 0 (stored) or 8 (deflated)`);
  let packed = view.getUint32(at + 20, true);
  let size = view.getUint32(at + 24, true);
  let offset = view.getUint32(at + 42, true);
  // The zip64 field holds, in this order, those of the three that are 2^32 - 1 above.
  for (let e = at + 46 + nameLength, end = e + extraLength; e + 4 <= end; e += 4 + view.getUint16(e + 2, true)) {
    if (view.getUint16(e, true) !== 1) continue;
    let field = e + 4;
    const take = (): number => {
      if (field + 8 > Math.min(end, e + 4 + view.getUint16(e + 2, true)))
        return fail(`"${name}" has a zip64 field cut short`);
      field += 8;
      return uint64(view, field - 8);
    };
    if (size === 0xffffffff) size = take();
    if (packed === 0xffffffff) packed = take();
    if (offset === 0xffffffff) offset = take();
    break;
  }
  if (method === 0 && size !== packed) return fail(`"${name}" is stored, but its sizes ${packed} and ${size} differ`);
  return { name, method, crc: view.getUint32(at + 16, true), packed, size, offset, next };
}

function dataBegin(bytes: ZipBytes, offset: number, limit: number, name: string, fail: Fail): number {
  if (!(offset + 30 <= limit)) return fail(`"${name}" is not where the directory says`);
  const head = bytes.read(offset, 30);
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  if (view.getUint32(0, true) !== signature.local) return fail(`"${name}" is not where the directory says`);
  return offset + 30 + view.getUint16(26, true) + view.getUint16(28, true);
}

/** As a number; what is beyond 2^53 loses digits and fails every range check. */
function uint64(view: DataView, at: number): number {
  return Number(view.getBigUint64(at, true));
}

function unpack(packed: Uint8Array, entry: CentralEntry, name: string): Uint8Array {
  let out = packed;
  if (entry.method === 8) {
    try {
      out = zlib.inflateRawSync(packed, { maxOutputLength: Math.max(1, entry.size) });
    } catch (error) {
      const what =
        codeOf(error) === 'ERR_BUFFER_TOO_LARGE'
          ? `unpacks to more than the ${entry.size} bytes it claims`
          : messageOf(error);
      throw damaged(entry, name, what);
    }
  }
  if (out.length !== entry.size) throw damaged(entry, name, `expected ${entry.size} bytes, found ${out.length}`);
  if (zlib.crc32(out) !== entry.crc) throw damaged(entry, name, 'its checksum does not match');
  return out;
}
