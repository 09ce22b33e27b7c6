/** Reading the files that a command line names. */
import { readFile } from 'node:fs/promises';
import * as path from 'node:path';
import { expandHome } from '../../data/home.ts';
import { recognise } from '../../data/recognise.ts';
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
 * The dataset that --data names: a JSON specification, a safetensors, npz, npy or CSV file, or a folder, which is recognised for what it holds (src/data/recognise.ts). A
 * relative path in a specification starts from the folder of its file; "~" is the home folder.
 */
export async function datasetFromPath(place: string): Promise<{ spec: DatasetSpec; baseFolder: string }> {
  const file = expandHome(place);
  if (path.extname(file).toLowerCase() === '.json') {
    const content = await readJsonFile(file);
    if (Array.isArray(content))
      throw new InputError(
        `${place}: this is a list, but a .json file of data is a specification ({"source": "npz", "path": ...}). Rows are read from CSV, npz or safetensors`,
      );
    return { spec: parseDataset(content, place), baseFolder: path.dirname(path.resolve(file)) };
  }
  const { source, path: found } = await recognise(file);
  return { spec: parseDataset({ source, path: found }, place), baseFolder: process.cwd() };
}
