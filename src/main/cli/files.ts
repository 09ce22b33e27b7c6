/** Reading what a command line names. */
import { readdir, readFile, stat } from 'node:fs/promises';
import * as path from 'node:path';
import { lookalikeAt } from '../../data/lookalikes.ts';
import { parseDataset } from '../../shared/dataset.ts';
import type { DatasetSpec } from '../../shared/dataset.ts';
import { InputError } from '../../shared/errors.ts';
import { parseJson } from '../../shared/validation.ts';

/** The JSON document in a file; "-": standard input. InputError names the file. */
export async function readJsonFile(file: string): Promise<unknown> {
  if (file === '-') return parseJson(await readStandardInput(), 'standard input');
  let text;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT') throw new InputError(`${file}: no such file`);
    if (code === 'EISDIR') throw new InputError(`${file}: is a folder; expected a JSON file`);
    throw error;
  }
  return parseJson(text, file);
}

async function readStandardInput(): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}

/**
 * The dataset that --data names: a JSON specification, a safetensors, npz, npy or CSV file, or a folder of IDX or CIFAR-10 files. A relative path in a
 * specification starts from the folder of its file.
 */
export async function datasetFromPath(place: string): Promise<{ spec: DatasetSpec; baseFolder: string }> {
  const baseFolder = process.cwd();
  const extension = path.extname(place).toLowerCase();
  if (extension === '.json') {
    return { spec: parseDataset(await readJsonFile(place), place), baseFolder: path.dirname(path.resolve(place)) };
  }
  const stats = await stat(place).catch(() => null);
  if (stats === null) throw new InputError(`${place}: no such file or folder`);
  const spec = stats.isDirectory()
    ? { source: await folderSource(place), path: place }
    : { source: await sourceOf(extension, place), path: place };
  return { spec: parseDataset(spec, place), baseFolder };
}

/** The binary files of CIFAR-10, or what is often taken for them; else IDX. */
async function folderSource(place: string): Promise<string> {
  const names = await readdir(place);
  const isCifar = names.some((name) => /^(data_batch_\d(\.bin)?|cifar-10-batches-(bin|py)|train\.bin)$/.test(name));
  return isCifar ? 'cifar-10' : 'idx';
}

async function sourceOf(extension: string, place: string): Promise<string> {
  switch (extension) {
    case '.safetensors':
      return 'safetensors';
    case '.npz':
    case '.npy':
      return 'npz';
    case '.csv':
    case '.tsv':
    case '.txt':
    case '.data':
      return 'csv';
    case '.bin':
      return 'cifar-10';
    case '.gz':
    case '':
      return 'idx';
    default: {
      if (/\.idx\d-ubyte$/i.test(place)) return 'idx';
      const found = await lookalikeAt(place);
      throw new InputError(
        found === null
          ? `${place}: unknown kind of data; expected .safetensors, .npz, .npy, a table (.csv, .tsv, .txt, .data), .json (a specification) or a folder`
          : `${place}: this is ${found}`,
      );
    }
  }
}
