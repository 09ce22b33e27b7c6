/**
 * Backups: a folder with a copy of the database, and the artifacts beside it, as hard links if the disk allows (artifacts never change) and copies
 * elsewhere. A backup is a store by itself: it can be opened, and restored over another.
 */
import type Database from 'better-sqlite3';
import { existsSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { makeFolders } from '../../data/folders.ts';
import { InputError } from '../../shared/errors.ts';
import type { StoreContext } from './context.ts';
import { connect } from './database.ts';
import { copyDurably, linkOrCopy, syncFile, syncFolderNow, writeNewFile } from './durable.ts';
import { asStoreError, StoreError } from './errors.ts';
import { databasePath, storeNames } from './location.ts';
import { acquireWriterLock } from './lock.ts';
import { fileTime, versionOf } from './migrate.ts';
import { schemaVersion } from './schema.ts';

const manifestName = 'backup.json';
const partialSuffix = '.partial';

export interface BackupInfo {
  readonly path: string;
  readonly created: number;
  readonly runs: number;
  /** Bytes of the database and of the artifacts it names. */
  readonly bytes: number;
}

export function backupMethods(context: StoreContext) {
  const backups = join(context.folder, storeNames.backups);

  return {
    /**
     * Makes a backup in a new folder, by default backups/<time> in the store. The store can be used meanwhile; the backup is its state at some moment in
     * between. On failure nothing is left behind.
     */
    async backup(
      destination?: string,
      options: { readonly progress?: (share: number) => void } = {},
    ): Promise<BackupInfo> {
      const created = context.now();
      const target = resolve(destination ?? join(backups, fileTime(created)));
      if (existsSync(target)) throw new InputError(`${target} exists already; a backup goes into a new folder`);
      const partial = target + partialSuffix;
      rmSync(partial, { recursive: true, force: true });
      makeFolders(partial);
      try {
        const done = new Set<string>();
        const before = artifactPaths(context.db);
        await copyArtifacts(context.folder, partial, before, done, (share) => options.progress?.(0.8 * share));
        await context.db.backup(databasePath(partial), {
          progress: ({ totalPages, remainingPages }) => {
            options.progress?.(0.8 + 0.2 * (totalPages === 0 ? 1 : 1 - remainingPages / totalPages));
            return 1000;
          },
        });
        // The copy names what was there at its moment: artifacts may have come since the first pass, or gone.
        const copy = connect(databasePath(partial));
        let info: BackupInfo;
        try {
          copy.pragma('journal_mode = DELETE');
          const named = new Set(artifactPaths(copy));
          await copyArtifacts(context.folder, partial, [...named], done);
          for (const path of done)
            if (!named.has(path)) rmSync(join(partial, storeNames.artifacts, ...path.split('/')));
          const runs = copy.prepare('SELECT count(*) FROM runs').pluck().get() as number;
          const artifactBytes = copy.prepare('SELECT coalesce(sum(bytes), 0) FROM artifacts').pluck().get() as number;
          info = { path: target, created, runs, bytes: artifactBytes + statSync(databasePath(partial)).size };
        } finally {
          copy.close();
        }
        syncFile(databasePath(partial));
        const { path: _, ...manifest } = info;
        writeNewFile(join(partial, manifestName), [
          Buffer.from(JSON.stringify({ format: 'covature-backup', ...manifest })),
        ]);
        syncFolderNow(partial);
        renameSync(partial, target);
        syncFolderNow(dirname(target));
        options.progress?.(1);
        return info;
      } catch (error) {
        rmSync(partial, { recursive: true, force: true });
        throw error;
      }
    },

    /** Backups in the store's own folder, newest first. */
    listBackups(): BackupInfo[] {
      if (!existsSync(backups)) return [];
      const listed: BackupInfo[] = [];
      for (const entry of readdirSync(backups, { withFileTypes: true })) {
        const path = join(backups, entry.name);
        const manifest = join(path, manifestName);
        if (!entry.isDirectory() || entry.name.endsWith(partialSuffix) || !existsSync(manifest)) continue;
        const { created, runs, bytes } = JSON.parse(readFileSync(manifest, 'utf8')) as BackupInfo;
        listed.push({ path, created, runs, bytes });
      }
      return listed.sort((a, b) => b.created - a.created);
    },
  };
}

/**
 * Puts a backup in the place of the store in `folder`, which nobody may have open. What was there is moved to backups/replaced-<time>, whose path is
 * the answer (undefined: nothing was there). `backup`: a backup's folder, or a database alone, as kept before a migration; then the
 * artifacts stay. Raises InputError for something that is no sound backup, `StoreError` `in-use` while the store is open.
 */
export async function restoreStore(folder: string, backup: string, now = Date.now()): Promise<string | undefined> {
  const place = resolve(folder);
  const stats = statSync(backup, { throwIfNoEntry: false });
  const isFolder = stats?.isDirectory() === true;
  const source = isFolder ? databasePath(backup) : backup;
  if (stats === undefined || !existsSync(source)) throw new InputError(`${backup}: expected a backup, found none`);
  try {
    checkBackup(source, backup);
    makeFolders(place);
    const lock = acquireWriterLock(place, 'alone');
    try {
      return await replace(place, isFolder ? backup : undefined, source, now);
    } finally {
      lock.release();
    }
  } catch (error) {
    throw asStoreError(error, place);
  }
}

async function replace(
  place: string,
  folder: string | undefined,
  source: string,
  now: number,
): Promise<string | undefined> {
  const aside = join(place, storeNames.backups, `replaced-${fileTime(now)}`);
  const database = storeNames.database;
  const moved = [
    database,
    `${database}-wal`,
    `${database}-shm`,
    ...(folder === undefined ? [] : [storeNames.artifacts]),
  ].filter((name) => existsSync(join(place, name)));
  const incoming = join(place, `${database}${partialSuffix}`);
  rmSync(incoming, { force: true });
  copyDurably(source, incoming);
  if (moved.length > 0) makeFolders(aside);
  const done: string[] = [];
  try {
    for (const name of moved) {
      renameSync(join(place, name), join(aside, name));
      done.push(name);
    }
    if (folder !== undefined) {
      const copy = connect(incoming);
      let paths: string[];
      try {
        paths = artifactPaths(copy);
      } finally {
        copy.close();
      }
      await copyArtifacts(folder, place, paths, new Set());
    }
    renameSync(incoming, join(place, database));
    syncFolderNow(place);
  } catch (error) {
    if (folder !== undefined) rmSync(join(place, storeNames.artifacts), { recursive: true, force: true });
    for (const name of done) renameSync(join(aside, name), join(place, name));
    rmSync(incoming, { force: true });
    throw error;
  }
  return moved.length > 0 ? aside : undefined;
}

function checkBackup(source: string, name: string): void {
  let db: Database.Database | undefined;
  try {
    db = connect(source, { fileMustExist: true });
    if (versionOf(db, dirname(source), schemaVersion) === 0)
      throw new InputError(`${name}: expected a backup, found an empty database`);
    const result = db.pragma('integrity_check(1)', { simple: true }) as string;
    if (result !== 'ok') throw new InputError(`${name}: the backup is damaged (${result}); nothing was changed`);
  } catch (error) {
    const known = asStoreError(error, dirname(source));
    if (known instanceof StoreError && known.code === 'corrupt') {
      throw new InputError(`${name}: the backup is damaged (${(error as Error).message}); nothing was changed`, {
        cause: error,
      });
    }
    throw error;
  } finally {
    db?.close();
  }
}

function artifactPaths(db: Database.Database): string[] {
  return db.prepare('SELECT path FROM artifacts ORDER BY seq').pluck().all() as string[];
}

/** Artifacts that are missing in the source stay missing. */
async function copyArtifacts(
  from: string,
  to: string,
  paths: readonly string[],
  done: Set<string>,
  progress?: (share: number) => void,
): Promise<void> {
  const folders = new Set<string>();
  for (const [i, path] of paths.entries()) {
    if (done.has(path)) continue;
    const parts = path.split('/');
    const source = join(from, storeNames.artifacts, ...parts);
    const target = join(to, storeNames.artifacts, ...parts);
    if (existsSync(source)) {
      linkOrCopy(source, target);
      done.add(path);
      folders.add(dirname(target));
    }
    if (i % 50 === 49) {
      progress?.((i + 1) / paths.length);
      await setImmediate();
    }
  }
  for (const folder of folders) syncFolderNow(folder);
}
