/** covature import, and the folder that `covature export --format run` writes for it. */
import { copyFileSync, existsSync, mkdirSync } from 'node:fs';
import * as path from 'node:path';
import { writeFileAtomic } from '../../../data/files.ts';
import { InputError } from '../../../shared/errors.ts';
import type { RunRecord, Store } from '../../store/index.ts';
import { openStoreFor, parse, printJson, storeHelp, storeOptions } from '../command.ts';
import type { Command } from '../command.ts';
import { readJsonFile } from '../files.ts';

const help = `Usage: covature import FOLDER [FOLDER ...] [options]

Adds runs that "covature export RUN --format run" wrote, on this machine or another. Files are checked against their checksums; the same run twice
is added once.

${storeHelp}`;

export const documentName = 'run.json';

export const importCommand: Command = {
  help,
  run: async (argv) => {
    const { values, positionals } = parse(argv, storeOptions, [1, Infinity]);
    using store = openStoreFor(values, false);
    const results: { folder: string; id: string; added: boolean }[] = [];
    for (const place of positionals) {
      const folder = path.resolve(place);
      const document = await readJsonFile(path.join(folder, documentName));
      const { id, added } = store.importRun(document, { locate: (name) => inside(folder, name) });
      results.push({ folder, id, added });
      if (values.json !== true) process.stdout.write(`${id}${added ? '' : ' (was there)'}  ${folder}\n`);
    }
    if (values.json === true) printJson(results);
    return 0;
  },
};

/** A file named by a document from elsewhere; never one outside its folder. */
function inside(folder: string, name: string): string {
  const file = path.resolve(folder, name);
  if (!file.startsWith(folder + path.sep)) throw new InputError(`${name}: lies outside ${folder}`);
  return file;
}

/** Writes a run as a folder: run.json and the files it names. Answers their paths. */
export async function writeRunFolder(store: Store, run: RunRecord, folder: string): Promise<string[]> {
  const target = path.join(folder, run.id);
  if (existsSync(path.join(target, documentName))) throw new InputError(`${target} holds a run already`);
  const { document, files } = store.exportRun(run.id);
  for (const file of files) {
    const place = inside(target, file.name);
    mkdirSync(path.dirname(place), { recursive: true });
    copyFileSync(file.path, place);
  }
  mkdirSync(target, { recursive: true });
  await writeFileAtomic(path.join(target, documentName), `${JSON.stringify(document)}\n`);
  return [path.join(target, documentName), ...files.map((file) => path.join(target, file.name))];
}
