/** Where a user keeps a published data set: a note in the folder of datasets, so that every part of the program reads it from there. */
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import * as v from 'valibot';
import type { DatasetSummary } from '../shared/dataset.ts';
import { InputError } from '../shared/errors.ts';
import { jsonOrNull } from '../shared/validation.ts';
import type { PublishedDataset } from './downloads/catalogue.ts';
import { publishedStatus } from './downloads/published.ts';
import { writeFileAtomic } from './files.ts';
import { makeFolders } from './folders.ts';

const schema = v.object({
  /** Absolute. */
  folder: v.pipe(v.string(), v.minLength(1)),
  /** Of the reading when it was entered (`DatasetSummary`). */
  summary: v.looseObject({ train: v.looseObject({ count: v.number() }) }),
});

export interface DatasetLocation {
  readonly folder: string;
  readonly summary: DatasetSummary;
}

const noteOf = (dataFolder: string, key: string): string => path.join(dataFolder, `${key}.location.json`);

/** Null if the user has named none. */
export async function locationOf(dataFolder: string, key: string): Promise<DatasetLocation | null> {
  let text: string;
  try {
    text = await fs.readFile(noteOf(dataFolder, key), 'utf8');
  } catch {
    return null;
  }
  const result = v.safeParse(schema, jsonOrNull(text));
  if (!result.success)
    throw new InputError(`${noteOf(dataFolder, key)}: not readable; name the folder of the dataset again`);
  return result.output as unknown as DatasetLocation;
}

export async function setLocation(dataFolder: string, key: string, location: DatasetLocation): Promise<void> {
  makeFolders(dataFolder);
  await writeFileAtomic(noteOf(dataFolder, key), JSON.stringify(location));
}

/** Returns whether there was one. */
export async function forgetLocation(dataFolder: string, key: string): Promise<boolean> {
  return fs.rm(noteOf(dataFolder, key)).then(
    () => true,
    () => false,
  );
}

export interface PublishedPlace {
  /** Whether it can be read; else why not. */
  readonly state: 'complete' | 'partial' | 'absent' | 'moved';
  readonly folder: string;
  /** Where the user keeps it; null: where downloads go. */
  readonly location: DatasetLocation | null;
  readonly missing: readonly string[];
  readonly bytesToFetch: number;
}

/** Where a published set is read from: the folder that the user named, else the one that downloads go to. */
export async function publishedPlace(dataset: PublishedDataset, dataFolder: string): Promise<PublishedPlace> {
  const status = await publishedStatus(dataset, path.join(dataFolder, dataset.key));
  const location = await locationOf(dataFolder, dataset.key);
  if (location === null) return { ...status, location };
  const isThere = await fs.stat(location.folder).then(
    (stats) => stats.isDirectory(),
    () => false,
  );
  return { ...status, state: isThere ? 'complete' : 'moved', folder: location.folder, location, missing: [] };
}
