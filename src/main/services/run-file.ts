/**
 * A run as one file, `.covature`: a zip archive of run.json (src/main/store/transfer.ts) and the files it names, stored as they are, to open with a double
 * click or send by mail. Names in an archive from elsewhere never become paths, and every file is compared with the checksum that the document states.
 */
import { createHash } from 'node:crypto';
import type { Hash } from 'node:crypto';
import { createReadStream, existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import * as path from 'node:path';
import { writeFileAtomic } from '../../data/files.ts';
import { makeFolders } from '../../data/folders.ts';
import { writeZip } from '../../data/formats/zip-write.ts';
import type { ZipSource } from '../../data/formats/zip-write.ts';
import { openZip } from '../../data/formats/zip.ts';
import type { ZipEntry } from '../../data/formats/zip.ts';
import { InputError } from '../../shared/errors.ts';
import { parseJson } from '../../shared/validation.ts';
import type { ExportedRun, Imported, Store } from '../store/index.ts';

export const runFileExtension = '.covature';
const documentName = 'run.json';

/** Of any size. */
export async function writeRunFile(
  { document, files }: ExportedRun,
  target: string,
  onProgress: (share: number) => void = () => undefined,
  signal?: AbortSignal,
): Promise<void> {
  const text = Buffer.from(JSON.stringify(document));
  const total = files.reduce((sum, { bytes }) => sum + bytes, text.length);
  let done = text.length;
  async function* chunksOf(file: string): AsyncGenerator<Uint8Array> {
    for await (const chunk of createReadStream(file, { highWaterMark: 2 ** 20, ...(signal && { signal }) })) {
      done += (chunk as Buffer).length;
      onProgress(done / total);
      yield chunk as Buffer;
    }
  }
  const sources: ZipSource[] = [
    { name: documentName, content: text },
    ...files.map(({ name, bytes, path: place }) => ({ name, size: bytes, chunks: () => chunksOf(place) })),
  ];
  await writeFileAtomic(target, writeZip(sources));
}

export interface UnpackedRun {
  /** As it was found; `importRun` checks it. */
  readonly document: unknown;
  /** Where the files lie now, by the names that the document gives them; their checksums were compared. */
  readonly places: Readonly<Record<string, string>>;
}

/**
 * Unpacks into `folder`, under names of its own. Raises InputError naming what is wrong; then the files that were written so far are left to whoever owns the folder.
 * @param beside where files that the archive does not hold lie under their SHA-256; default: every file must be in it
 */
export async function unpackRunFile(file: string, folder: string, beside?: string): Promise<UnpackedRun> {
  const name = path.basename(file);
  const zip = openZip(file, name);
  try {
    return await unpackEntries(new Map(zip.entries.map((entry) => [entry.name, entry])), name, folder, beside);
  } finally {
    zip.close();
  }
}

async function unpackEntries(
  entries: ReadonlyMap<string, ZipEntry>,
  name: string,
  folder: string,
  beside: string | undefined,
): Promise<UnpackedRun> {
  const first = entries.get(documentName);
  if (first === undefined) throw new InputError(`${name}: not a run of Covature (it has no ${documentName})`);
  const document = parseJson(new TextDecoder().decode(first.read()), `${name}: ${documentName}`);
  makeFolders(folder);
  const places: Record<string, string> = {};
  let number = 0;
  for (const [entryName, sha256] of namedFiles(document)) {
    const entry = entries.get(entryName);
    const other = beside === undefined ? undefined : path.join(beside, sha256);
    if (entry === undefined && (other === undefined || !existsSync(other)))
      throw new InputError(`${name}: its file ${entryName} is not there`);
    const hash = createHash('sha256');
    const place = path.join(folder, `${number++}.part`);
    const chunks = entry?.chunks() ?? createReadStream(other ?? '', { highWaterMark: 2 ** 20 });
    await writeFileAtomic(place, hashed(chunks, hash)).catch((error: unknown) => {
      // Damage in the archive is not a failure to write.
      throw error instanceof Error && error.cause instanceof InputError ? error.cause : error;
    });
    if (hash.digest('hex') !== sha256) throw new InputError(`${name}: the checksum of its file ${entryName} differs`);
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

/** Unpacks a file within the store and adds its run. Raises InputError as `unpackRunFile` and `importUnpacked` do; then nothing is added. @param beside as for `unpackRunFile` */
export async function importRunFile(store: Store, file: string, beside?: string): Promise<Imported> {
  const folder = store.stagingPath('import');
  try {
    return importUnpacked(store, await unpackRunFile(file, folder, beside));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function* hashed(
  chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  hash: Hash,
): AsyncGenerator<Uint8Array> {
  for await (const chunk of chunks) {
    hash.update(chunk);
    yield chunk;
  }
}

/** Every { name, bytes, sha256 } of a document of which nothing is known yet; an invalid checksum could be a path. */
function namedFiles(value: unknown): Map<string, string> {
  const checksums = new Map<string, string>();
  const visit = (part: unknown, depth: number): void => {
    if (typeof part !== 'object' || part === null || depth > 6) return;
    const { name, bytes, sha256 } = part as Record<string, unknown>;
    if (typeof name === 'string' && typeof bytes === 'number' && typeof sha256 === 'string') {
      if (!/^[0-9a-f]{64}$/.test(sha256)) throw new InputError(`run: the checksum of its file ${name} is not valid`);
      checksums.set(name, sha256);
    } else for (const inner of Object.values(part)) visit(inner, depth + 1);
  };
  const { measurements, checkpoints, files } = (value ?? {}) as Record<string, unknown>;
  for (const part of [measurements, checkpoints, files]) visit(part, 0);
  return checksums;
}
