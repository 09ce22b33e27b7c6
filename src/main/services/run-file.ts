/**
 * A run as one file, `.covature`: a zip archive of run.json (src/main/store/transfer.ts) and the files it names, stored as they are, to open with a double
 * click or send by mail. Names in an archive from elsewhere never become paths, and every file is held against the checksum that the document states.
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, rename, rm, writeFile } from 'node:fs/promises';
import * as path from 'node:path';
import { Zip, ZipDeflate, ZipPassThrough } from 'fflate';
import { readInputFile, writeFileAtomic } from '../../data/files.ts';
import { makeFolders } from '../../data/folders.ts';
import { readZip } from '../../data/formats/zip.ts';
import { InputError } from '../../shared/errors.ts';
import { parseJson } from '../../shared/validation.ts';
import type { ExportedRun, Imported, Store } from '../store/index.ts';

export const runFileExtension = '.covature';
const documentName = 'run.json';
/** What an archive may hold in all: beyond, it would need zip64 to write and more memory to read than one should take. */
const largestFile = 2 ** 31 - 2 ** 20;

/** Raises InputError where the run is larger than 2 GB. */
export async function writeRunFile(
  { document, files }: ExportedRun,
  target: string,
  onProgress: (share: number) => void = () => undefined,
  signal?: AbortSignal,
): Promise<void> {
  const text = Buffer.from(JSON.stringify(document));
  const total = files.reduce((sum, { bytes }) => sum + bytes, text.length);
  if (total > largestFile)
    throw new InputError(
      `the run with its files takes ${total} bytes; a .covature file holds ${largestFile}. "covature export --format run" writes a folder of any size`,
    );
  async function* chunks(): AsyncGenerator<Uint8Array> {
    let ready: Uint8Array[] = [];
    const zip = new Zip((error, chunk) => {
      if (error !== null) throw error;
      ready.push(chunk);
    });
    const taken = function* (): Generator<Uint8Array> {
      yield* ready;
      ready = [];
    };
    const head = new ZipDeflate(documentName, { level: 6 });
    zip.add(head);
    head.push(text, true);
    yield* taken();
    let done = text.length;
    for (const file of files) {
      const entry = new ZipPassThrough(file.name);
      zip.add(entry);
      for await (const chunk of createReadStream(file.path, { highWaterMark: 2 ** 20, ...(signal && { signal }) })) {
        entry.push(chunk as Buffer);
        done += (chunk as Buffer).length;
        onProgress(done / total);
        yield* taken();
      }
      entry.push(new Uint8Array(0), true);
      yield* taken();
    }
    zip.end();
    yield* taken();
  }
  await writeFileAtomic(target, chunks());
}

export interface UnpackedRun {
  /** As it was found; `importRun` checks it. */
  readonly document: unknown;
  /** Where the files lie now, by the names that the document gives them; their checksums were compared. */
  readonly places: Readonly<Record<string, string>>;
}

/** Unpacks into `folder`, under names of its own. Raises InputError naming what is wrong; then the files that were written so far are left to whoever owns the folder. */
export async function unpackRunFile(file: string, folder: string): Promise<UnpackedRun> {
  const name = path.basename(file);
  const entries = new Map(readZip(await readInputFile(file), name).map((entry) => [entry.name, entry]));
  const first = entries.get(documentName);
  if (first === undefined) throw new InputError(`${name}: no run of Covature (it has no ${documentName})`);
  const document = parseJson(new TextDecoder().decode(first.read()), `${name}: ${documentName}`);
  makeFolders(folder);
  const places: Record<string, string> = {};
  let number = 0;
  for (const [entryName, sha256] of namedFiles(document)) {
    const entry = entries.get(entryName);
    if (entry === undefined) throw new InputError(`${name}: its file ${entryName} is not there`);
    const bytes = entry.read();
    if (createHash('sha256').update(bytes).digest('hex') !== sha256)
      throw new InputError(`${name}: the checksum of its file ${entryName} differs`);
    const place = path.join(folder, `${number++}.part`);
    await writeSynced(place, bytes);
    places[entryName] = place;
  }
  return { document, places };
}

/** Adds what was unpacked to the store. Raises InputError as `Store.importRun` does. @param project its id; null: none */
export function importUnpacked(
  store: Store,
  { document, places }: UnpackedRun,
  project: string | null = null,
): Imported {
  return store.importRun(document, {
    locate: (name) => {
      const place = Object.hasOwn(places, name) ? places[name] : undefined;
      if (place === undefined) throw new InputError(`run: its file ${name} is not there`);
      return place;
    },
    verified: true,
    project,
  });
}

/** Unpacks a file within the store and adds its run. Raises InputError as `unpackRunFile` and `importUnpacked` do; then nothing is added. */
export async function importRunFile(store: Store, file: string): Promise<Imported> {
  const folder = store.stagingPath('import');
  try {
    return importUnpacked(store, await unpackRunFile(file, folder));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function writeSynced(place: string, bytes: Uint8Array): Promise<void> {
  const temporary = `${place}.tmp`;
  await writeFile(temporary, bytes);
  const handle = await open(temporary, 'r+');
  await handle.sync();
  await handle.close();
  await rename(temporary, place);
}

/** Every { name, bytes, sha256 } of a document of which nothing is known yet. */
function namedFiles(value: unknown): Map<string, string> {
  const found = new Map<string, string>();
  const visit = (part: unknown, depth: number): void => {
    if (typeof part !== 'object' || part === null || depth > 6) return;
    const { name, bytes, sha256 } = part as Record<string, unknown>;
    if (typeof name === 'string' && typeof bytes === 'number' && typeof sha256 === 'string') found.set(name, sha256);
    else for (const inner of Object.values(part)) visit(inner, depth + 1);
  };
  const { measurements, checkpoints, files } = (value ?? {}) as Record<string, unknown>;
  for (const part of [measurements, checkpoints, files]) visit(part, 0);
  return found;
}
