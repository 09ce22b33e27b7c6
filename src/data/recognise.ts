/** What a file or folder of a user holds, found from names and, where names are shared by several data sets, from the labels themselves. */
import { createHash } from 'node:crypto';
import type { Dirent } from 'node:fs';
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { arrayEndings, tableEndings } from '../shared/dataset-files.ts';
import type { FileSource } from '../shared/dataset.ts';
import { InputError } from '../shared/errors.ts';
import { publishedDataset, publishedDatasets } from './downloads/catalogue.ts';
import { codeOf, inputErrorOf, readInputFile } from './files.ts';
import { gunzip, isGzip } from './formats/gzip.ts';
import { findIdxFiles } from './formats/idx.ts';
import { lookalikeAt } from './lookalikes.ts';

export interface Recognised {
  readonly source: FileSource;
  /** What a specification of that source names; absolute if `place` is. */
  readonly path: string;
  /** For people: "MNIST", "IDX images", "npz". */
  readonly title: string;
}

const inFolders: ReadonlySet<string> = new Set(Object.keys(arrayEndings));
const byEnding: ReadonlyMap<string, FileSource> = new Map(Object.entries({ ...arrayEndings, ...tableEndings }));
const cifarArchive = publishedDataset('cifar-10').files[0].name;
const isCifarBatch = (name: string): boolean => /^data_batch_[1-5]\.bin$/.test(name);
/** Often confused with it: the Python version, CIFAR-100. Its reader says what to do. */
const isLikeCifar = (name: string): boolean => /^(data_batch_\d|cifar-10-batches-py|train\.bin)$/.test(name);
const isIdx = (name: string): boolean => /(images|labels).*ubyte(\.gz)?$/.test(name);

/** Folders inside a folder that are looked into: as archives unpack, and as other tools lay them out. */
const mostSubfolders = 40;

/** Raises an InputError that says what was expected and what was found. */
export async function recognise(place: string): Promise<Recognised> {
  let isFolder: boolean;
  try {
    isFolder = (await fs.stat(place)).isDirectory();
  } catch (error) {
    if (codeOf(error) === 'ENOENT') throw new InputError(`${place}: no such file or folder`);
    throw inputErrorOf(error, place);
  }
  if (!isFolder) return recogniseFile(place);
  const entries = await fs.readdir(place, { withFileTypes: true });
  const here = await recogniseNames(place, entries);
  if (here !== null) return here;
  const recognised: Recognised[] = [];
  for (const entry of entries.filter(isVisibleFolder).slice(0, mostSubfolders)) {
    for (const folder of [path.join(place, entry.name), path.join(place, entry.name, 'raw')]) {
      const inside = await fs.readdir(folder, { withFileTypes: true }).catch((): Dirent[] => []);
      const one = await recogniseNames(folder, inside);
      if (one !== null) recognised.push(one);
    }
  }
  if (recognised.length === 1) return recognised[0];
  if (recognised.length > 1)
    throw new InputError(
      `${place}: holds more than one dataset (${recognised.map((one) => `${one.title} in ${path.relative(place, one.path)}`).join(', ')}); choose one of these folders`,
    );
  if (entries.some(({ name }) => isLikeCifar(name))) return { source: 'cifar-10', path: place, title: 'CIFAR-10' };
  const other = await lookalikeAt(place);
  if (other !== null) throw new InputError(`${place}: this is ${other}`);
  throw new InputError(
    `${place}: contains no dataset: expected the files of MNIST or Fashion-MNIST (train-images-idx3-ubyte ...), of CIFAR-10 (data_batch_1.bin ...), IDX images with ` +
      `their labels, or one .npz, .safetensors or .csv file; found ${listText(entries)}`,
  );
}

/** The same from the names in a folder alone, for lists of folders: null if nothing is recognised. */
export function titleOfNames(names: readonly string[]): string | null {
  if (names.some(isCifarBatch) || names.includes(cifarArchive)) return 'CIFAR-10';
  if (names.some((name) => isIdx(name) && name.includes('images'))) return 'IDX images';
  return null;
}

const isVisibleFolder = (entry: Dirent): boolean =>
  (entry.isDirectory() || entry.isSymbolicLink()) && !entry.name.startsWith('.');

async function recogniseFile(place: string): Promise<Recognised> {
  const extension = path.extname(place).toLowerCase();
  const source = byEnding.get(extension);
  if (source !== undefined) return { source, path: place, title: extension.slice(1) };
  const name = path.basename(place);
  // The batches of CIFAR-10 belong together.
  if (isCifarBatch(name) || name === 'test_batch.bin' || name === cifarArchive)
    return { source: 'cifar-10', path: path.dirname(place), title: 'CIFAR-10' };
  if (isIdx(name) || extension === '.gz' || extension === '')
    return { source: 'idx', path: place, title: 'IDX images' };
  if (extension === '.bin') return { source: 'cifar-10', path: place, title: 'CIFAR-10' };
  const other = await lookalikeAt(place);
  throw new InputError(
    other === null
      ? `${place}: unknown kind of data; expected .safetensors, .npz, .npy, a table (.csv, .tsv, .txt, .data), .json (a specification), IDX or CIFAR-10 files, or a folder`
      : `${place}: this is ${other}`,
  );
}

async function recogniseNames(folder: string, entries: readonly Dirent[]): Promise<Recognised | null> {
  const names = entries.filter((entry) => !entry.isDirectory()).map(({ name }) => name);
  if (names.some(isCifarBatch) || names.includes(cifarArchive))
    return { source: 'cifar-10', path: folder, title: 'CIFAR-10' };
  if (names.some((name) => isIdx(name) && name.includes('images'))) return recogniseIdx(folder);
  const arrays = names.filter((name) => inFolders.has(path.extname(name).toLowerCase()));
  if (arrays.length === 1) return recogniseFile(path.join(folder, arrays[0]));
  if (arrays.length > 1)
    throw new InputError(
      `${folder}: holds ${arrays.length} files of arrays (${arrays.slice(0, 4).join(', ')}${arrays.length > 4 ? ' ...' : ''}); choose one of them`,
    );
  return null;
}

/** MNIST and Fashion-MNIST have files of the same names; their labels tell them apart. */
async function recogniseIdx(folder: string): Promise<Recognised> {
  const { train, test } = await findIdxFiles(folder);
  const other: Recognised = { source: 'idx', path: folder, title: 'IDX images' };
  for (const file of [train.labels, ...(test === null ? [] : [test.labels])]) {
    const bytes = await readInputFile(file);
    const packed = sha256(bytes);
    const plain = isGzip(bytes) ? sha256(gunzip(bytes, mostLabels, file)) : packed;
    for (const { key, title, files } of publishedDatasets) {
      const isThis = files.some(
        (known) =>
          known.name.includes('labels') &&
          (known.sha256 === packed || ('contentSha256' in known && known.contentSha256 === plain)),
      );
      if (isThis) return { source: key, path: folder, title };
    }
  }
  return other;
}

/** Bytes that a file of labels may unpack to. */
const mostLabels = 2 ** 28;

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

function listText(entries: readonly Dirent[]): string {
  if (entries.length === 0) return 'nothing';
  const names = entries.map((entry) => (entry.isDirectory() ? `${entry.name}/` : entry.name)).sort();
  return names.length <= 5 ? names.join(', ') : `${names.slice(0, 4).join(', ')} and ${names.length - 4} more`;
}
