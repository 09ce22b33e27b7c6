/**
 * Writing zip archives as a stream, of any size: zip64 (PKWARE's APPNOTE 6.3.9, 4.3.14 and 4.5.3) if a size or an offset needs it. Entries are stored as they
 * are, or deflated if they come whole. Checksums follow each entry (a data descriptor), so nothing is read twice.
 */
import * as zlib from 'node:zlib';

export type ZipSource =
  /** Deflated. */
  | { readonly name: string; readonly content: Uint8Array }
  /** Stored. `size`: bytes that the chunks will be, which is checked. */
  | { readonly name: string; readonly size: number; readonly chunks: () => AsyncIterable<Uint8Array> };

export interface ZipWriting {
  /** Sizes, offsets and numbers of entries from here on take zip64's fields; default what 32 and 16 bits cannot hold. For tests. */
  readonly wideFrom?: number;
}

const marker32 = 0xffffffff;
const marker16 = 0xffff;
/** Bit 3: sizes and checksum follow the data; bit 11: names are UTF-8. */
const flags = 0x0808;
const versionNeeded = 45;

interface Written {
  readonly name: Buffer;
  readonly method: 0 | 8;
  readonly crc: number;
  readonly packed: number;
  readonly size: number;
  readonly offset: number;
}

/** Raises an Error if an entry's chunks do not have the stated size. */
export async function* writeZip(
  sources: Iterable<ZipSource>,
  { wideFrom = marker32 }: ZipWriting = {},
): AsyncGenerator<Uint8Array> {
  const written: Written[] = [];
  let at = 0;
  for (const source of sources) {
    const name = Buffer.from(source.name);
    const offset = at;
    const whole = 'content' in source ? zlib.deflateRawSync(source.content) : null;
    const size = 'content' in source ? source.content.length : source.size;
    const method = whole === null ? 0 : 8;
    const isWide = size >= wideFrom || (whole?.length ?? 0) >= wideFrom;
    const head = localHeader(name, method, isWide);
    yield head;
    at += head.length;
    let crc = 0;
    let packed = 0;
    if ('content' in source) {
      crc = zlib.crc32(source.content);
      packed = whole?.length ?? 0;
      yield whole ?? new Uint8Array(0);
    } else {
      for await (const chunk of source.chunks()) {
        crc = zlib.crc32(chunk, crc);
        packed += chunk.length;
        yield chunk;
      }
      if (packed !== size)
        throw new Error(`${source.name}: expected ${size} bytes, found ${packed}: it was changed meanwhile`);
    }
    at += packed;
    const descriptor = dataDescriptor(crc, packed, size, isWide);
    yield descriptor;
    at += descriptor.length;
    written.push({ name, method, crc, packed, size, offset });
  }
  const directory = Buffer.concat(written.map((entry) => centralEntry(entry, wideFrom)));
  yield directory;
  yield endRecords(written.length, directory.length, at, wideFrom);
}

function localHeader(name: Buffer, method: 0 | 8, isWide: boolean): Buffer {
  const extra = isWide ? 20 : 0;
  const head = Buffer.alloc(30 + name.length + extra);
  head.writeUInt32LE(0x04034b50, 0);
  head.writeUInt16LE(versionNeeded, 4);
  head.writeUInt16LE(flags, 6);
  head.writeUInt16LE(method, 8);
  // 1980-01-01, the format's first day; the run itself records when it was made.
  head.writeUInt16LE(0x21, 12);
  if (isWide) {
    head.writeUInt32LE(marker32, 18);
    head.writeUInt32LE(marker32, 22);
  }
  head.writeUInt16LE(name.length, 26);
  head.writeUInt16LE(extra, 28);
  name.copy(head, 30);
  if (isWide) {
    head.writeUInt16LE(1, 30 + name.length);
    head.writeUInt16LE(16, 32 + name.length);
  }
  return head;
}

function dataDescriptor(crc: number, packed: number, size: number, isWide: boolean): Buffer {
  const record = Buffer.alloc(isWide ? 24 : 16);
  record.writeUInt32LE(0x08074b50, 0);
  record.writeUInt32LE(crc, 4);
  if (isWide) {
    record.writeBigUInt64LE(BigInt(packed), 8);
    record.writeBigUInt64LE(BigInt(size), 16);
  } else {
    record.writeUInt32LE(packed, 8);
    record.writeUInt32LE(size, 12);
  }
  return record;
}

function centralEntry({ name, method, crc, packed, size, offset }: Written, wideFrom: number): Buffer {
  // The zip64 field holds, in this order, those that are too large.
  const wide = [size, packed, offset].filter((value) => value >= wideFrom);
  const extra = wide.length === 0 ? 0 : 4 + 8 * wide.length;
  const narrow = (value: number): number => (value >= wideFrom ? marker32 : value);
  const entry = Buffer.alloc(46 + name.length + extra);
  entry.writeUInt32LE(0x02014b50, 0);
  entry.writeUInt16LE(versionNeeded, 4);
  entry.writeUInt16LE(versionNeeded, 6);
  entry.writeUInt16LE(flags, 8);
  entry.writeUInt16LE(method, 10);
  entry.writeUInt16LE(0x21, 14);
  entry.writeUInt32LE(crc, 16);
  entry.writeUInt32LE(narrow(packed), 20);
  entry.writeUInt32LE(narrow(size), 24);
  entry.writeUInt16LE(name.length, 28);
  entry.writeUInt16LE(extra, 30);
  entry.writeUInt32LE(narrow(offset), 42);
  name.copy(entry, 46);
  if (extra > 0) {
    const field = 46 + name.length;
    entry.writeUInt16LE(1, field);
    entry.writeUInt16LE(8 * wide.length, field + 2);
    wide.forEach((value, i) => {
      entry.writeBigUInt64LE(BigInt(value), field + 4 + 8 * i);
    });
  }
  return entry;
}

function endRecords(entries: number, length: number, offset: number, wideFrom: number): Buffer {
  const isWide = entries >= Math.min(wideFrom, marker16) || length >= wideFrom || offset >= wideFrom;
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(isWide ? marker16 : entries, 8);
  end.writeUInt16LE(isWide ? marker16 : entries, 10);
  end.writeUInt32LE(isWide ? marker32 : length, 12);
  end.writeUInt32LE(isWide ? marker32 : offset, 16);
  if (!isWide) return end;
  const end64 = Buffer.alloc(56 + 20);
  end64.writeUInt32LE(0x06064b50, 0);
  end64.writeBigUInt64LE(44n, 4);
  end64.writeUInt16LE(versionNeeded, 12);
  end64.writeUInt16LE(versionNeeded, 14);
  end64.writeBigUInt64LE(BigInt(entries), 24);
  end64.writeBigUInt64LE(BigInt(entries), 32);
  end64.writeBigUInt64LE(BigInt(length), 40);
  end64.writeBigUInt64LE(BigInt(offset), 48);
  end64.writeUInt32LE(0x07064b50, 56);
  end64.writeBigUInt64LE(BigInt(offset + length), 64);
  end64.writeUInt32LE(1, 72);
  return Buffer.concat([end64, end]);
}
