/** Reading what a command line names. */
import { readFile, stat } from 'node:fs/promises';
import * as path from 'node:path';
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
 * The dataset that --data names: a JSON specification, a safetensors, npz or CSV file, or a folder of IDX or CIFAR-10 files. A relative path in a
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
    ? { source: 'idx', path: place }
    : { source: sourceOf(extension, place), path: place };
  return { spec: parseDataset(spec, place), baseFolder };
}

function sourceOf(extension: string, place: string): string {
  switch (extension) {
    case '.safetensors':
      return 'safetensors';
    case '.npz':
      return 'npz';
    case '.csv':
      return 'csv';
    case '.bin':
      return 'cifar-10';
    case '.gz':
    case '':
      return 'idx';
    default:
      throw new InputError(
        `${place}: unknown kind of data; expected .safetensors, .npz, .csv, .json (a specification) or a folder`,
      );
  }
}
