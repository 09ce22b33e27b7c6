/** Snapshots of a running member, as run files on the shared disk: writing them, keeping them, and resuming from the newest complete one. */
import { randomBytes } from 'node:crypto';
import { copyFileSync, createReadStream, linkSync, mkdirSync } from 'node:fs';
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { isTemporaryName, writeFileAtomic } from '../../data/files.ts';
import { messageOf } from '../../shared/errors.ts';
import { importRunFile, writeRunFile } from '../services/run-file.ts';
import type { ExportedRun, Store } from '../store/index.ts';
import { fileHash, namesIn } from './layout.ts';
import type { MemberPlaces } from './layout.ts';

/** Complete snapshots that are kept: the newest, and the one before in case the newest is damaged. */
const snapshotsKept = 2;
const pattern = /^snapshot-(\d{12})-(\d{6})-[0-9a-f]{8}\.covature$/;

export interface Snapshot {
  readonly file: string;
  readonly step: number;
  readonly measurements: number;
}

/** The furthest first. */
export async function listSnapshots(folder: string): Promise<Snapshot[]> {
  return (await namesIn(folder))
    .flatMap((name) => {
      const [, step, measurements] = pattern.exec(name) ?? [];
      if (step === undefined) return [];
      return [{ file: path.join(folder, name), step: Number(step), measurements: Number(measurements) }];
    })
    .sort((a, b) => b.step - a.step || b.measurements - a.measurements || b.file.localeCompare(a.file));
}

/** Exports a run as it is now, holding its files by hard links, because the run continues and removes older checkpoints meanwhile. */
export function frozenRun(store: Store, run: string): { readonly exported: ExportedRun; readonly folder: string } {
  const exported = store.exportRun(run);
  const folder = store.stagingPath('snapshot');
  mkdirSync(folder, { recursive: true });
  const files = exported.files.map((file, i) => {
    const place = path.join(folder, String(i));
    try {
      linkSync(file.path, place);
    } catch {
      // A file system without hard links.
      copyFileSync(file.path, place);
    }
    return { ...file, path: place };
  });
  return { exported: { ...exported, files }, folder };
}

/**
 * Writes a snapshot of a run and removes the oldest. A snapshot holds what changes: the run's document, with all its series and results, and the newest
 * checkpoint. Measured arrays never change and are large; they are written once each, beside the snapshots. Raises an Error if it cannot be written.
 */
export async function writeSnapshot(
  store: Store,
  run: string,
  { folder, arrays }: Pick<MemberPlaces, 'folder' | 'arrays'>,
): Promise<Snapshot> {
  const { exported, folder: held } = frozenRun(store, run);
  try {
    const { measurements, checkpoints } = exported.document;
    const step = Math.max(0, ...checkpoints.map((each) => each.step));
    const document = { ...exported.document, checkpoints: checkpoints.filter((each) => each.step === step) };
    const changing = new Set(document.checkpoints.map(({ file }) => file.name));
    const older = new Set(checkpoints.map(({ file }) => file.name));
    for (const file of exported.files) if (!older.has(file.name)) await keepOnce(file, arrays);
    const digits = [String(step).padStart(12, '0'), String(measurements.length).padStart(6, '0')];
    const file = path.join(folder, `snapshot-${digits.join('-')}-${randomBytes(4).toString('hex')}.covature`);
    await writeRunFile({ document, files: exported.files.filter(({ name }) => changing.has(name)) }, file);
    for (const old of (await listSnapshots(folder)).slice(snapshotsKept)) await fs.rm(old.file, { force: true });
    return { file, step, measurements: measurements.length };
  } finally {
    await fs.rm(held, { recursive: true, force: true });
  }
}

/** Copies a file under its SHA-256, unless it lies there already. */
async function keepOnce({ path: place, bytes, sha256 }: ExportedRun['files'][number], arrays: string): Promise<void> {
  const target = path.join(arrays, sha256);
  const there = await fs.stat(target).catch(() => null);
  if (there?.size === bytes) return;
  await fs.mkdir(arrays, { recursive: true });
  await writeFileAtomic(target, createReadStream(place, { highWaterMark: 2 ** 20 }));
}

/** Imports the furthest complete snapshot into the store; `onDamage` is called for each that is damaged. Null if there is none. */
export async function restoreSnapshot(
  store: Store,
  { folder, arrays }: Pick<MemberPlaces, 'folder' | 'arrays'>,
  onDamage: (text: string) => void,
): Promise<Snapshot | null> {
  for (const snapshot of await listSnapshots(folder)) {
    try {
      await importRunFile(store, snapshot.file, arrays);
      return snapshot;
    } catch (error) {
      onDamage(`the snapshot ${path.basename(snapshot.file)} cannot be used: ${messageOf(error)}`);
      // The next snapshot writes it again.
      for (const name of await namesIn(arrays))
        if ((await fileHash(path.join(arrays, name))) !== name) await fs.rm(path.join(arrays, name), { force: true });
    }
  }
  return null;
}

/** Removes the snapshots of a finished run, of which only the run's file is needed. */
export async function removeSnapshots({ folder, arrays }: Pick<MemberPlaces, 'folder' | 'arrays'>): Promise<void> {
  for (const { file } of await listSnapshots(folder)) await fs.rm(file, { force: true });
  for (const name of await namesIn(folder))
    if (isTemporaryName(name)) await fs.rm(path.join(folder, name), { force: true });
  await fs.rm(arrays, { recursive: true, force: true });
}
