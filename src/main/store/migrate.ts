/** Bringing a database to the version of this program, step by step, each step in a transaction. */
import type Database from 'better-sqlite3';
import { join } from 'node:path';
import { makeFolders } from '../../data/folders.ts';
import { messageOf } from '../../shared/errors.ts';
import { syncFile, syncFolderNow } from './durable.ts';
import { asStoreError, StoreError } from './errors.ts';
import { storeNames } from './location.ts';
import { applicationId, type Migration } from './schema.ts';

/** The version of an opened database; 0: empty. Reads only. Raises `not-a-store` and `newer-version`. */
export function versionOf(db: Database.Database, folder: string, known: number): number {
  // One look: another process may be making the database at this moment.
  const { version, application, empty } = db.transaction(() => ({
    version: db.pragma('user_version', { simple: true }) as number,
    application: db.pragma('application_id', { simple: true }) as number,
    empty: db.prepare('SELECT count(*) FROM sqlite_schema').pluck().get() === 0,
  }))();
  if (empty && version === 0) return 0;
  if (application !== applicationId) {
    throw new StoreError(
      'not-a-store',
      `the database in ${folder} is not one of Covature's; nothing was changed. Choose another folder (COVATURE_HOME)`,
    );
  }
  if (version > known) {
    throw new StoreError(
      'newer-version',
      `the store in ${folder} has version ${version}, written by a newer Covature; this one knows versions up to ${known}. ` +
        `Nothing was changed. Use the newer Covature, or choose another store (COVATURE_HOME)`,
    );
  }
  return version;
}

/**
 * Runs the steps above `version`, in order, and stops at the first that fails: the database then stays at the version that the last good one led
 * to. An existing database is copied to backups/ first. Returns the path of that copy, or undefined for a new database.
 */
export function migrate(
  db: Database.Database,
  folder: string,
  version: number,
  steps: readonly Migration[],
  now: number,
): string | undefined {
  const pending = steps.filter((step) => step.version > version);
  if (pending.length === 0) return undefined;
  const backup = version === 0 ? undefined : backupBefore(db, folder, version, now);
  let reached = version;
  // Has no effect inside a transaction; a step that rebuilds a table needs it off, and is checked as a whole instead.
  db.pragma('foreign_keys = OFF');
  try {
    for (const step of pending) {
      if (step.version !== reached + 1) throw new Error(`no migration leads from version ${reached} to ${reached + 1}`);
      db.transaction(() => {
        db.exec(step.sql);
        step.run?.(db);
        const broken = db.pragma('foreign_key_check') as unknown[];
        if (broken.length > 0) throw new Error(`${broken.length} rows refer to rows that do not exist`);
        db.pragma(`application_id = ${applicationId}`);
        db.pragma(`user_version = ${step.version}`);
      }).immediate();
      reached = step.version;
    }
  } catch (error) {
    const known = asStoreError(error, folder);
    if (known instanceof StoreError && (known.code === 'disk-full' || known.code === 'read-only')) throw known;
    throw new StoreError(
      'migration-failed',
      `bringing the store in ${folder} from version ${reached} to ${reached + 1} failed (${messageOf(error)}); its data are as they were at version ${reached}` +
        (backup === undefined ? '' : `, and a copy from before is ${backup}`) +
        `. Use the Covature that wrote it, and report this message`,
      { cause: error },
    );
  } finally {
    db.pragma('foreign_keys = ON');
  }
  return backup;
}

function backupBefore(db: Database.Database, folder: string, version: number, now: number): string {
  const backups = join(folder, storeNames.backups);
  makeFolders(backups);
  const path = join(backups, `before-migration-from-${version}-${fileTime(now)}.db`);
  db.prepare('VACUUM INTO ?').run(path);
  syncFile(path);
  syncFolderNow(backups);
  return path;
}

/** 20261123-052154-123: sorts by time, fits every file system. */
export function fileTime(time: number): string {
  return new Date(time).toISOString().replace(/[-:Z]/g, '').replace(/[T.]/g, '-');
}
