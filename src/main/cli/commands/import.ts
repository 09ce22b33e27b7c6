/** covature import, and the folder that `covature export --format run` writes for it. */
import { copyFileSync, existsSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import * as path from 'node:path';
import { writeFileAtomic } from '../../../data/files.ts';
import { InputError } from '../../../shared/errors.ts';
import type { Imported, RunRecord, Store } from '../../store/index.ts';
import { makeFolder, openStoreFor, parse, printJson, storeHelp, storeOptions } from '../command.ts';
import type { Command } from '../command.ts';
import { importRunFile, runFileExtension } from '../../services/run-file.ts';
import { readJsonFile } from '../files.ts';

const help = `Usage: covature import PLACE [PLACE ...] [options]

Adds runs that were exported on this machine or another: a folder ("covature export RUN --format run") or a file with the ending .covature
("--format covature", or "Export" in the workbench). Files are checked against their checksums; the same run twice is added once.

${storeHelp}`;

export const documentName = 'run.json';

export const importCommand: Command = {
  help,
  run: async (argv) => {
    const { values, positionals } = parse(argv, storeOptions, [1, Infinity]);
    using store = openStoreFor(values, false);
    const results: ({ id: string; added: boolean } & ({ folder: string } | { file: string }))[] = [];
    for (const given of positionals) {
      const place = path.resolve(given);
      const isFile = await isRunFile(place);
      const { id, added } = isFile ? await importRunFile(store, place) : await importRunFolder(store, place);
      results.push({ ...(isFile ? { file: place } : { folder: place }), id, added });
      if (values.json !== true) process.stdout.write(`${id}${added ? '' : ' (was there)'}  ${place}\n`);
    }
    if (values.json === true) printJson(results);
    return 0;
  },
};

/** What is no folder is taken as a file; a name that is not there by its ending. */
async function isRunFile(place: string): Promise<boolean> {
  return stat(place).then(
    (found) => !found.isDirectory(),
    () => place.toLowerCase().endsWith(runFileExtension),
  );
}

async function importRunFolder(store: Store, folder: string): Promise<Imported> {
  const document = await readJsonFile(path.join(folder, documentName));
  return store.importRun(document, { locate: (name) => inside(folder, name) });
}

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
    makeFolder(path.dirname(place));
    copyFileSync(file.path, place);
  }
  makeFolder(target);
  await writeFileAtomic(path.join(target, documentName), `${JSON.stringify(document)}\n`);
  return [path.join(target, documentName), ...files.map((file) => path.join(target, file.name))];
}
