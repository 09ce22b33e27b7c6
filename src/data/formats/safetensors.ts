/**
 * The safetensors format (https://github.com/huggingface/safetensors, README, "Format"), read with every check and written in one way:
 *   8 bytes   N, the header's length, unsigned little-endian
 *   N bytes   JSON: name -> {"dtype", "shape", "data_offsets": [begin, end]}, and "__metadata__": string -> string
 *   the rest  the arrays, little-endian, row-major, end to end without gaps
 * Whatever a header claims, no memory is taken beyond the file's own size times a constant. NaN and infinities are left to the caller.
 */
import { headBytes, refuseLookalike } from '../lookalikes.ts';
import * as fs from 'node:fs/promises';
import { InputError, messageOf } from '../../shared/errors.ts';
import { inputErrorOf, readInputFile, readRange, writeFileAtomic } from '../files.ts';
import { parseStrictJson } from './strict-json.ts';
import {
  bytesOf,
  decodeElements,
  dtypeBytes,
  dtypes,
  elementsOf,
  isDtype,
  type Dtype,
  type StoredTensor,
} from './tensors.ts';

export { tensor, type Dtype, type StoredTensor } from './tensors.ts';

export interface Safetensors {
  /** In the order of the data. */
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  readonly metadata: Readonly<Record<string, string>>;
}

/** Where one tensor lies; `begin` and `end` count from the start of the file. */
export interface TensorPlace {
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  readonly begin: number;
  readonly end: number;
}

export interface SafetensorsHeader {
  readonly places: ReadonlyMap<string, TensorPlace>;
  readonly metadata: Readonly<Record<string, string>>;
}

/** The format's own limit on the header. */
const largestHeader = 100_000_000;

/**
 * Reads a whole file from `bytes`; `name` (its path) opens every error. Arrays are views into `bytes` if the alignment allows it.
 * Raises an InputError for anything the format does not allow: a header length beyond the file or 100 MB, invalid UTF-8 or JSON, a repeated key, unknown
 * fields or dtypes, a shape that does not fit its byte range, ranges out of the file, overlapping or with gaps.
 */
export function parseSafetensors(bytes: Uint8Array, name: string): Safetensors {
  const length = headerLength(bytes.subarray(0, 8), bytes.length, name);
  const { places, metadata } = parseHeader(bytes.subarray(8, 8 + length), bytes.length, name);
  const tensors = new Map<string, StoredTensor>();
  for (const [key, place] of places) tensors.set(key, decode(place, bytes.subarray(place.begin, place.end)));
  return { tensors, metadata };
}

/** `parseSafetensors` of a file; InputErrors also for a file that cannot be read. Files from 2 GiB on: `openSafetensors`. */
export async function readSafetensors(path: string): Promise<Safetensors> {
  return parseSafetensors(await readInputFile(path), path);
}

/** A file of any size whose tensors are read one by one. `close` it. */
export interface OpenSafetensors extends SafetensorsHeader, AsyncDisposable {
  readonly path: string;
  /** Raises an InputError that lists the names there are if `key` is none of them. */
  read(key: string): Promise<StoredTensor>;
  /** Elements `from` to `to` (exclusive) of the flattened tensor, as a tensor of one dimension. */
  readElements(key: string, from: number, to: number): Promise<StoredTensor>;
  close(): Promise<void>;
}

/** Reads and checks the header alone (as `parseSafetensors` does) and keeps the file open. */
export async function openSafetensors(path: string): Promise<OpenSafetensors> {
  let handle: fs.FileHandle;
  try {
    handle = await fs.open(path, 'r');
  } catch (error) {
    throw inputErrorOf(error, path);
  }
  const close = () => handle.close();
  try {
    const stats = await handle.stat();
    if (!stats.isFile()) throw new InputError(`${path}: expected a file`);
    refuseLookalike(await readRange(handle, 0, Math.min(headBytes, stats.size), path), path);
    const length = headerLength(await readRange(handle, 0, Math.min(8, stats.size), path), stats.size, path);
    const header = parseHeader(await readRange(handle, 8, length, path), stats.size, path);
    const placeOf = (key: string): TensorPlace => {
      const place = header.places.get(key);
      if (!place) throw missingTensor(path, key, [...header.places.keys()]);
      return place;
    };
    const readElements = async (key: string, from: number, to: number): Promise<StoredTensor> => {
      const place = placeOf(key);
      const size = dtypeBytes(place.dtype);
      const count = (place.end - place.begin) / size;
      if (!(Number.isInteger(from) && Number.isInteger(to) && 0 <= from && from <= to && to <= count))
        throw new Error(`${path}: ${key} has elements 0 to ${count}, asked for ${from} to ${to}`);
      const part = { ...place, shape: [to - from], begin: place.begin + from * size, end: place.begin + to * size };
      return decode(part, await readRange(handle, part.begin, part.end - part.begin, path));
    };
    const read = async (key: string): Promise<StoredTensor> => {
      const place = placeOf(key);
      return decode(place, await readRange(handle, place.begin, place.end - place.begin, path));
    };
    return { ...header, path, read, readElements, close, [Symbol.asyncDispose]: close };
  } catch (error) {
    await close();
    throw inputErrorOf(error, path);
  }
}

function missingTensor(path: string, key: string, list: readonly string[]): InputError {
  const shown = list.length === 0 ? 'none' : list.slice(0, 20).join(', ') + (list.length > 20 ? ', ...' : '');
  return new InputError(`${path}: there is no tensor "${key}"; found: ${shown}`);
}

/**
 * The bytes of a file, in chunks that need not be joined (the arrays' own memory). Deterministic: tensors by decreasing size of their elements and then
 * by name, metadata by name, the header padded with spaces so that the data start at a multiple of 8 bytes; every array is then aligned.
 */
export function encodeSafetensors(
  tensors: Readonly<Record<string, StoredTensor>> | ReadonlyMap<string, StoredTensor>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array[] {
  const entries: [string, StoredTensor][] = isMap(tensors) ? [...tensors] : Object.entries(tensors);
  entries.sort(([a, s], [b, t]) => storedBytes(t) - storedBytes(s) || (a < b ? -1 : 1));
  const header: [string, unknown][] = [];
  const notes = Object.entries(metadata).sort(([a], [b]) => (a < b ? -1 : 1));
  if (notes.length > 0) header.push(['__metadata__', Object.fromEntries(notes)]);
  const chunks: Uint8Array[] = [];
  let offset = 0;
  for (const [key, { dtype, shape, data }] of entries) {
    if (key === '__metadata__') throw new Error('a tensor cannot be called __metadata__');
    if (dtype === 'F16' || dtype === 'BF16')
      throw new Error(`${key}: ${dtype} is read but not written; write it as F32`);
    if (elementsOf(shape) !== data.length || dtypeBytes(dtype) !== data.BYTES_PER_ELEMENT)
      throw new Error(
        `${key}: shape [${shape.join(', ')}] of ${dtype} does not fit an array of ${data.byteLength} bytes`,
      );
    const end = offset + data.byteLength;
    header.push([key, { dtype, shape, data_offsets: [offset, end] }]);
    chunks.push(bytesOf(data));
    offset = end;
  }
  const text = `{${header.map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`).join(',')}}`;
  const bytes = Buffer.from(text, 'utf8');
  const length = Math.ceil(bytes.length / 8) * 8;
  if (length > largestHeader) throw new Error(`the header would take ${length} bytes, more than the format's 100 MB`);
  const start = new Uint8Array(8 + length).fill(0x20, 8);
  new DataView(start.buffer).setBigUint64(0, BigInt(length), true);
  start.set(bytes, 8);
  return [start, ...chunks];
}

function isMap(tensors: object): tensors is ReadonlyMap<string, StoredTensor> {
  return tensors instanceof Map;
}

function storedBytes(value: StoredTensor): number {
  return dtypeBytes(value.dtype);
}

/** Writes `encodeSafetensors` atomically (files.ts). Errors name the file. */
export async function writeSafetensors(
  path: string,
  tensors: Readonly<Record<string, StoredTensor>> | ReadonlyMap<string, StoredTensor>,
  metadata: Readonly<Record<string, string>> = {},
): Promise<void> {
  await writeFileAtomic(path, encodeSafetensors(tensors, metadata));
}

function headerLength(first8: Uint8Array, fileSize: number, name: string): number {
  if (fileSize === 0) throw new InputError(`${name}: the file is empty`);
  if (fileSize < 8) throw new InputError(`${name}: not safetensors: expected at least 8 bytes, found ${fileSize}`);
  const length = new DataView(first8.buffer, first8.byteOffset, 8).getBigUint64(0, true);
  if (length > largestHeader || length > fileSize - 8)
    throw new InputError(
      `${name}: not safetensors, or cut short: its header claims ${length} bytes; expected at most ${Math.min(fileSize - 8, largestHeader)} ` +
        `(the file has ${fileSize} bytes)`,
    );
  return Number(length);
}

function parseHeader(bytes: Uint8Array, fileSize: number, name: string): SafetensorsHeader {
  let header: unknown;
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    if (!text.startsWith('{')) throw new SyntaxError('it does not begin with {');
    header = parseStrictJson(text);
  } catch (error) {
    throw new InputError(`${name}: the safetensors header is not valid JSON in UTF-8: ${messageOf(error)}`);
  }
  const start = 8 + bytes.length;
  let metadata: Record<string, string> = {};
  const places: [string, TensorPlace][] = [];
  for (const [key, value] of Object.entries(header as Record<string, unknown>)) {
    if (key === '__metadata__') metadata = parseMetadata(value, name);
    else places.push([key, parsePlace(key, value, start, fileSize, name)]);
  }
  places.sort(([, a], [, b]) => a.begin - b.begin || a.end - b.end);
  let expected = start;
  for (const [key, { begin, end }] of places) {
    if (begin !== expected) {
      const what = begin < expected ? 'overlaps the tensor before it' : 'leaves a gap before it';
      throw new InputError(
        `${name}: tensor "${key}" ${what}: expected to begin at ${expected - start}, found ${begin - start}`,
      );
    }
    expected = end;
  }
  if (expected !== fileSize)
    throw new InputError(
      `${name}: expected ${expected} bytes by the header, found ${fileSize} (${fileSize - expected} left over)`,
    );
  return { places: new Map(places), metadata };
}

function parseMetadata(value: unknown, name: string): Record<string, string> {
  const valid = isRecord(value) && Object.values(value).every((text) => typeof text === 'string');
  if (!valid) throw new InputError(`${name}: __metadata__: expected an object of strings, found ${shorten(value)}`);
  return Object.fromEntries(Object.entries(value as Record<string, string>));
}

function parsePlace(key: string, value: unknown, start: number, fileSize: number, name: string): TensorPlace {
  const place = `${name}: tensor ${shorten(key)}`;
  if (!isRecord(value)) throw new InputError(`${place}: expected an object, found ${shorten(value)}`);
  for (const field of Object.keys(value))
    if (!['dtype', 'shape', 'data_offsets'].includes(field))
      throw new InputError(`${place}: unknown field ${shorten(field)}`);
  const { dtype, shape, data_offsets: offsets } = value;
  if (!isDtype(dtype))
    throw new InputError(`${place}: dtype: expected one of ${dtypes.join(', ')}, found ${shorten(dtype)}`);
  const elements = elementsOf(shape);
  if (elements === undefined)
    throw new InputError(
      `${place}: shape: expected non-negative integers with a product below 2^53, found ${shorten(shape)}`,
    );
  if (!isPair(offsets))
    throw new InputError(`${place}: data_offsets: expected two integers, found ${shorten(offsets)}`);
  const [begin, end] = offsets;
  if (begin <= end && end > fileSize - start)
    throw new InputError(
      `${place}: the file is cut short: expected ${start + end} bytes or more, found ${fileSize} (data_offsets [${begin}, ${end}])`,
    );
  if (!(begin <= end))
    throw new InputError(
      `${place}: data_offsets: expected 0 <= begin <= end <= ${fileSize - start}, found [${begin}, ${end}]`,
    );
  if (end - begin !== elements * dtypeBytes(dtype))
    throw new InputError(
      `${place}: shape ${shorten(shape)} of ${dtype} takes ${elements * dtypeBytes(dtype)} bytes, found ${end - begin}`,
    );
  return { dtype, shape: shape as number[], begin: start + begin, end: start + end };
}

function decode(place: TensorPlace, bytes: Uint8Array): StoredTensor {
  return { dtype: place.dtype, shape: place.shape, data: decodeElements(place.dtype, bytes) };
}

function isPair(value: unknown): value is [number, number] {
  return (
    Array.isArray(value) &&
    value.length === 2 &&
    value.every((x) => typeof x === 'number' && Number.isSafeInteger(x) && x >= 0)
  );
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A value of a file in an error message: JSON, cut to 80 characters. */
function shorten(value: unknown): string {
  const text = JSON.stringify(value) ?? 'nothing';
  return text.length > 80 ? `${text.slice(0, 80)}...` : text;
}
