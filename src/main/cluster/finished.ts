/** The end of a member: run.covature, and then done.json with its SHA-256, which means that the run is complete. */
import { randomBytes } from 'node:crypto';
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { codeOf } from '../../data/files.ts';
import { unpackRunFile, writeRunFile } from '../services/run-file.ts';
import type { Store } from '../store/index.ts';
import { fileHash } from './layout.ts';
import type { MemberPlaces } from './layout.ts';
import { frozenRun } from './snapshots.ts';
import { readDone, writeJson } from './state.ts';
import type { MemberDone } from './state.ts';

/** Whether a finished run is there and complete. */
export async function isDone(places: MemberPlaces): Promise<boolean> {
  const done = await readDone(places);
  if (done === null) return false;
  try {
    return (await fs.stat(places.run)).size === done.bytes && (await fileHash(places.run)) === done.sha256;
  } catch {
    return false;
  }
}

/**
 * Writes the files of a finished run. Another attempt may end at the same time: the first one counts, and both runs are the same. Raises an Error if
 * they cannot be written; existing files then remain.
 */
export async function writeFinished(
  store: Store,
  run: string,
  places: MemberPlaces,
  facts: Pick<MemberDone, 'status' | 'job' | 'node' | 'metrics'>,
): Promise<void> {
  if (!(await isWhole(store, run, places.run))) {
    const { exported, folder: held } = frozenRun(store, run);
    const temporary = path.join(places.folder, `.run-${randomBytes(6).toString('hex')}`);
    try {
      await writeRunFile(exported, temporary);
      await fs.link(temporary, places.run).catch(async (error: unknown) => {
        if (codeOf(error) !== 'EEXIST') await fs.rename(temporary, places.run);
        else if (!(await isWhole(store, run, places.run))) await fs.rename(temporary, places.run);
      });
    } finally {
      await fs.rm(temporary, { force: true });
      await fs.rm(held, { recursive: true, force: true });
    }
  }
  await writeJson(places.done, {
    format: 'covature-member-done',
    version: 1,
    run,
    file: 'run.covature',
    bytes: (await fs.stat(places.run)).size,
    sha256: await fileHash(places.run),
    step: store.getRun(run)?.step ?? 0,
    time: Date.now(),
    ...facts,
  } satisfies MemberDone);
}

/** Whether a file holds this run, and can be read to its end. */
async function isWhole(store: Store, run: string, file: string): Promise<boolean> {
  const folder = store.stagingPath('check');
  try {
    const { document } = await unpackRunFile(file, folder);
    return (document as { readonly id?: unknown }).id === run;
  } catch {
    return false;
  } finally {
    await fs.rm(folder, { recursive: true, force: true });
  }
}
