/**
 * Reading a Python wheel: a zip archive whose RECORD has a SHA-256 for every file. Only the requested files are unpacked, and each is checked
 * against its checksum while it is written.
 */
import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream, mkdirSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createInflateRaw, inflateRawSync } from 'node:zlib';
import { SetupError } from './say.mjs';

/**
 * @typedef {object} Entry a file in the archive
 * @property {number} method 0: stored as it is; 8: deflated
 * @property {number} packed bytes in the archive
 * @property {number} size bytes unpacked
 * @property {number} header where its local header starts
 */

/**
 * @typedef {object} Wheel
 * @property {string} file
 * @property {string} name of the distribution: "tensorflow_cpu"
 * @property {string} version
 * @property {string} platform its tag: "manylinux_2_27_x86_64"
 * @property {ReadonlyMap<string, Entry>} entries by path in the archive
 * @property {ReadonlyMap<string, string>} digests SHA-256 in base64url, by path, from RECORD
 */

/**
 * Opens a wheel. Raises a SetupError if the file is not a wheel, or is truncated.
 * @param {string} file
 * @returns {Promise<Wheel>}
 */
export async function openWheel(file) {
  const match = /^([^-]+)-([^-]+)(?:-[^-]+)?-[^-]+-[^-]+-([^-]+)\.whl$/.exec(basename(file));
  if (match === null)
    throw new SetupError(
      `${file}: expected the name of a wheel as PyPI has it, like tensorflow_cpu-2.21.0-cp312-cp312-manylinux_2_27_x86_64.whl`,
    );
  const [, name = '', version = '', platform = ''] = match;
  const entries = await directoryOf(file);
  const record = entries.get(`${name}-${version}.dist-info/RECORD`);
  if (record === undefined) throw new SetupError(`${file}: ${name}-${version}.dist-info/RECORD is missing from it`);
  const digests = new Map();
  for (const line of (await contentOf(file, record)).toString('utf8').split('\n')) {
    const found = /^"?(.+?)"?,sha256=([^,]+),/.exec(line);
    if (found !== null) digests.set(found[1], found[2]);
  }
  return { file, name, version, platform, entries, digests };
}

/**
 * The text of a file of the wheel; undefined if it has no file of that path.
 * @param {Wheel} wheel @param {string} path
 */
export async function textIn(wheel, path) {
  const entry = wheel.entries.get(path);
  return entry === undefined ? undefined : (await contentOf(wheel.file, entry)).toString('utf8');
}

/**
 * Unpacks files of the wheel below a folder. Raises a SetupError for one that differs from its checksum.
 * @param {Wheel} wheel @param {readonly string[]} paths @param {string} folder @param {AbortSignal} signal
 */
export async function unpack(wheel, paths, folder, signal) {
  for (const path of paths) {
    if (path.split('/').includes('..')) throw new SetupError(`${wheel.file}: the path ${path} leads out of it`);
    const entry = wheel.entries.get(path);
    if (entry === undefined) throw new SetupError(`${wheel.file}: ${path} is missing from it`);
    const target = join(folder, path);
    mkdirSync(dirname(target), { recursive: true });
    const hash = createHash('sha256');
    const hashing = async function* (/** @type {AsyncIterable<Buffer>} */ chunks) {
      for await (const chunk of chunks) {
        hash.update(chunk);
        yield chunk;
      }
    };
    const start = await startOf(wheel.file, entry);
    const packed = createReadStream(wheel.file, { start, end: start + Math.max(entry.packed, 1) - 1 });
    const sink = createWriteStream(target);
    try {
      if (entry.packed === 0) sink.end();
      else if (entry.method === 8) await pipeline(packed, createInflateRaw(), hashing, sink, { signal });
      else await pipeline(packed, hashing, sink, { signal });
    } catch (error) {
      if (/^Z_/.test(String(/** @type {NodeJS.ErrnoException} */ (error).code))) throw damaged(wheel.file, path);
      throw error;
    }
    if (hash.digest('base64url') !== wheel.digests.get(path)) throw damaged(wheel.file, path);
  }
}

/** @param {string} file @param {string} path */
function damaged(file, path) {
  return new SetupError(
    `${file} is damaged: ${path} in it differs from the checksum in its RECORD. Fetch the wheel again`,
  );
}

/**
 * The archive's directory, which is at its end.
 * @param {string} file
 * @returns {Promise<Map<string, Entry>>}
 */
async function directoryOf(file) {
  const handle = await open(file);
  try {
    const { size } = await handle.stat();
    const tail = Buffer.alloc(Math.min(size, 65_557));
    await handle.read(tail, 0, tail.length, size - tail.length);
    const at = tail.lastIndexOf(Buffer.from([0x50, 0x4b, 5, 6]));
    if (at < 0 || at + 22 > tail.length)
      throw new SetupError(`${file} is not a zip archive, or is truncated: its directory is missing from its end`);
    const count = tail.readUInt16LE(at + 10);
    const length = tail.readUInt32LE(at + 12);
    const start = tail.readUInt32LE(at + 16);
    if (count === 0xffff || length === 0xffff_ffff || start === 0xffff_ffff)
      throw new SetupError(`${file}: zip archives of more than 4 GB or 65,534 files are not read`);
    const directory = Buffer.alloc(length);
    const { bytesRead } = await handle.read(directory, 0, length, start);
    const entries = new Map();
    let offset = 0;
    for (let i = 0; i < count; i++) {
      if (bytesRead < offset + 46 || directory.readUInt32LE(offset) !== 0x0201_4b50)
        throw new SetupError(`${file}: its directory is damaged`);
      const [name, extra, comment] = [28, 30, 32].map((place) => directory.readUInt16LE(offset + place));
      entries.set(directory.toString('utf8', offset + 46, offset + 46 + name), {
        method: directory.readUInt16LE(offset + 10),
        packed: directory.readUInt32LE(offset + 20),
        size: directory.readUInt32LE(offset + 24),
        header: directory.readUInt32LE(offset + 42),
      });
      offset += 46 + name + extra + comment;
    }
    return entries;
  } finally {
    await handle.close();
  }
}

/**
 * Where the bytes of an entry start: its local header has its own name and extra fields.
 * @param {string} file @param {Entry} entry
 */
async function startOf(file, entry) {
  const handle = await open(file);
  try {
    const header = Buffer.alloc(30);
    await handle.read(header, 0, 30, entry.header);
    return entry.header + 30 + header.readUInt16LE(26) + header.readUInt16LE(28);
  } finally {
    await handle.close();
  }
}

/** @param {string} file @param {Entry} entry */
async function contentOf(file, entry) {
  const start = await startOf(file, entry);
  const handle = await open(file);
  try {
    const packed = Buffer.alloc(entry.packed);
    await handle.read(packed, 0, entry.packed, start);
    return entry.method === 8 ? inflateRawSync(packed) : packed;
  } finally {
    await handle.close();
  }
}
