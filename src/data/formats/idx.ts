/**
 * The IDX format of MNIST (http://yann.lecun.com/exdb/mnist, "The IDX file format"), plain or gzip: two zero bytes, a byte for the type of the elements, a byte
 * for the number of dimensions, the sizes as big-endian 32-bit integers, then the elements, row-major, big-endian.
 */
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { InputError } from '../../shared/errors.ts';
import { inputErrorOf, readInputFile } from '../files.ts';
import { classNames, countFromLabels, type RawDataset, type RawInputs, type RawPart } from '../raw.ts';
import { gunzip, gunzipStart, isGzip, largestRatio } from './gzip.ts';

export type IdxData = Uint8Array | Int8Array | Int16Array | Int32Array | Float32Array | Float64Array;

export interface IdxArray {
  readonly shape: readonly number[];
  readonly data: IdxData;
}

const types = new Map<number, { readonly name: string; readonly bytes: 1 | 2 | 4 | 8 }>([
  [0x08, { name: 'unsigned bytes', bytes: 1 }],
  [0x09, { name: 'signed bytes', bytes: 1 }],
  [0x0b, { name: '16-bit integers', bytes: 2 }],
  [0x0c, { name: '32-bit integers', bytes: 4 }],
  [0x0d, { name: 'floats', bytes: 4 }],
  [0x0e, { name: 'doubles', bytes: 8 }],
]);

/**
 * Reads one IDX file from its bytes (gzip is recognised by its first bytes); `name` opens every error. Raises an InputError for a wrong start, an unknown
 * type, a length that is not what the header says, damaged gzip. At most 8 dimensions.
 */
export function parseIdx(bytes: Uint8Array, name: string): IdxArray {
  const packed = isGzip(bytes);
  const start = packed ? gunzipStart(bytes, name) : bytes;
  const { type, shape, headerBytes, totalBytes } = parseHeader(start, name);
  if (packed && totalBytes > bytes.length * largestRatio + 4096)
    throw new InputError(
      `${name}: the header claims ${totalBytes} bytes, more than ${bytes.length} bytes of gzip can hold`,
    );
  const all = packed ? gunzip(bytes, totalBytes, name) : bytes;
  if (all.length !== totalBytes)
    throw new InputError(
      `${name}: expected ${totalBytes} bytes for [${shape.join(', ')}] ${types.get(type)!.name}, found ${all.length}`,
    );
  return { shape, data: decode(type, all.subarray(headerBytes)) };
}

function parseHeader(bytes: Uint8Array, name: string) {
  if (bytes.length < 4) throw new InputError(`${name}: not IDX: expected at least 4 bytes, found ${bytes.length}`);
  const [zero, zero2, type, dimensions] = bytes as unknown as [number, number, number, number];
  const element = types.get(type);
  if (zero !== 0 || zero2 !== 0 || !element) {
    const magic = [...bytes.subarray(0, 4)].map((byte) => byte.toString(16).padStart(2, '0')).join(' ');
    throw new InputError(
      `${name}: not IDX: expected it to begin with 00 00 and a type (08, 09, 0b to 0e), found ${magic}`,
    );
  }
  if (!(dimensions >= 1 && dimensions <= 8))
    throw new InputError(`${name}: expected 1 to 8 dimensions, found ${dimensions}`);
  const headerBytes = 4 + 4 * dimensions;
  if (bytes.length < headerBytes)
    throw new InputError(`${name}: cut short in its header: expected ${headerBytes} bytes, found ${bytes.length}`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const shape = Array.from({ length: dimensions }, (_, i) => view.getUint32(4 + 4 * i));
  const totalBytes = headerBytes + shape.reduce((product, size) => product * size, element.bytes);
  return { type, shape, headerBytes, totalBytes };
}

function decode(type: number, bytes: Uint8Array): IdxData {
  const { bytes: size } = types.get(type)!;
  // A copy: of its own, aligned, and turned from big-endian in place.
  const aligned = size === 1 ? bytes : new Uint8Array(bytes);
  const place = [aligned.buffer, aligned.byteOffset, aligned.byteLength / size] as const;
  if (size > 1) {
    const buffer = Buffer.from(aligned.buffer, aligned.byteOffset, aligned.byteLength);
    if (size === 2) buffer.swap16();
    else if (size === 4) buffer.swap32();
    else buffer.swap64();
  }
  switch (type) {
    case 0x08:
      return new Uint8Array(...place);
    case 0x09:
      return new Int8Array(...place);
    case 0x0b:
      return new Int16Array(...place);
    case 0x0c:
      return new Int32Array(...place);
    case 0x0d:
      return new Float32Array(...place);
    default:
      return new Float64Array(...place);
  }
}

/** The file names of MNIST and its successors: "train-images-idx3-ubyte.gz", "t10k-labels.idx1-ubyte", "emnist-letters-test-images-idx3-ubyte"... */
const pattern = /^(.*?)(train|t10k|test)[-_](images|labels)[-.]idx\d-ubyte(\.gz)?$/;

/** Folders below the given one that torchvision and Keras put the files in. */
const subfolders = ['', 'raw', 'MNIST/raw', 'FashionMNIST/raw'];

export interface IdxOptions {
  /** Number of classes; a label at or above it is an error. Default: the largest label of both parts + 1. */
  readonly classes?: number;
}

/**
 * Images and labels by the usual names in `place` (a folder, or one images file, whose labels file has "labels" for "images" in its
 * name). Both plain and gzip: the plain one is read. Images [n, height, width] become [n, height, width, 1]; other inputs keep their shape.
 * The test part (t10k or test) may be absent, the training part may not. Raises an InputError that lists what was looked for.
 */
export async function readIdxDataset(place: string, options: IdxOptions = {}): Promise<RawDataset> {
  const files = await findIdxFiles(place);
  const read = async ({ images, labels }: IdxPaths): Promise<Pair> =>
    pairOf(
      images,
      parseIdx(await readInputFile(images), images),
      labels,
      parseIdx(await readInputFile(labels), labels),
    );
  const train = await read(files.train);
  return datasetOfPairs(path.basename(path.resolve(place)), train, files.test && (await read(files.test)), options);
}

/** Images and labels that belong together, as a training part. */
export function idxDataset(name: string, images: Uint8Array, labels: Uint8Array, options: IdxOptions = {}): RawDataset {
  const [imagesName, labelsName] = [`${name} images`, `${name} labels`];
  const pair = pairOf(imagesName, parseIdx(images, imagesName), labelsName, parseIdx(labels, labelsName));
  return datasetOfPairs(name, pair, null, options);
}

interface Pair {
  readonly inputs: RawInputs;
  readonly labels: Int32Array;
  readonly shape: readonly number[];
  readonly source: string;
}

function pairOf(imagesFile: string, images: IdxArray, labelsFile: string, labels: IdxArray): Pair {
  if (labels.shape.length !== 1 || labels.data instanceof Float32Array || labels.data instanceof Float64Array)
    throw new InputError(
      `${labelsFile}: expected one row of integer labels, found an array [${labels.shape.join(', ')}]`,
    );
  if (images.shape.length < 2)
    throw new InputError(`${imagesFile}: expected images, found an array [${images.shape.join(', ')}]`);
  if (images.shape[0] !== labels.shape[0])
    throw new InputError(
      `${imagesFile}: ${images.shape[0]} images but ${labels.shape[0]} labels in ${labelsFile}; expected as many of both`,
    );
  const size = images.shape.slice(1);
  const { data } = images;
  const isTyped = data instanceof Uint8Array || data instanceof Float32Array || data instanceof Float64Array;
  return {
    inputs: isTyped ? data : Float32Array.from(data),
    labels: Int32Array.from(labels.data),
    shape: size.length === 2 ? [...size, 1] : size,
    source: imagesFile,
  };
}

function datasetOfPairs(name: string, train: Pair, test: Pair | null, options: IdxOptions): RawDataset {
  if (test && String(test.shape) !== String(train.shape))
    throw new InputError(
      `${test.source}: expected images of ${train.shape.join(' x ')} as in ${train.source}, found ${test.shape.join(' x ')}`,
    );
  const classes = options.classes ?? countFromLabels(test ? [train, test] : [train]);
  const part = (pair: Pair): RawPart => ({
    count: pair.labels.length,
    inputs: pair.inputs,
    targets: { kind: 'classes', values: pair.labels },
    source: pair.source,
  });
  return { name, shape: train.shape, classes: classNames(classes), train: part(train), test: test && part(test) };
}

interface IdxPaths {
  readonly images: string;
  readonly labels: string;
}

interface IdxFiles {
  readonly train: IdxPaths;
  readonly test: IdxPaths | null;
}

/** The files that `readIdxDataset` would read. */
export async function findIdxFiles(place: string): Promise<IdxFiles> {
  let isFile: boolean;
  try {
    isFile = (await fs.stat(place)).isFile();
  } catch (error) {
    throw inputErrorOf(error, place);
  }
  if (isFile) {
    const name = path.basename(place);
    if (!name.includes('images'))
      throw new InputError(`${place}: expected a folder, or an images file with "images" in its name`);
    const labels = path.join(path.dirname(place), name.replace('images', 'labels').replace('idx3', 'idx1'));
    return { train: { images: place, labels }, test: null };
  }
  for (const subfolder of subfolders) {
    const folder = path.join(place, subfolder);
    const names = await usualNames(folder);
    const parts = (role: 'train' | 'test') => {
      const images = names.get(`${role} images`);
      const labels = names.get(`${role} labels`);
      if (images && !labels) throw new InputError(`${folder}: ${path.basename(images)} is there but not its labels`);
      if (labels && !images) throw new InputError(`${folder}: ${path.basename(labels)} is there but not its images`);
      return images && labels ? { images, labels } : null;
    };
    const [train, test] = [parts('train'), parts('test')];
    if (train) return { train, test };
  }
  throw new InputError(
    `${place}: no IDX files: expected train-images-idx3-ubyte and train-labels-idx1-ubyte (and t10k-...), each plain or with .gz, ` +
      `here or in ${subfolders.slice(1).join(', ')}`,
  );
}

async function usualNames(folder: string): Promise<Map<string, string>> {
  const paths = new Map<string, string>();
  let names: string[];
  try {
    names = await fs.readdir(folder);
  } catch {
    // Not there: the next place is tried, and the caller lists them all.
    return paths;
  }
  const prefixes = new Set<string>();
  // Sorted, a plain file comes before the same name with .gz, and the first one is kept.
  for (const name of names.sort()) {
    const match = pattern.exec(name);
    if (!match) continue;
    prefixes.add(match[1]);
    const key = `${match[2] === 'train' ? 'train' : 'test'} ${match[3]}`;
    if (!paths.has(key)) paths.set(key, path.join(folder, name));
  }
  if (prefixes.size > 1)
    throw new InputError(
      `${folder}: holds more than one data set (names beginning with ${[...prefixes].map((p) => `"${p}"`).join(', ')}); give the images file instead`,
    );
  return paths;
}
