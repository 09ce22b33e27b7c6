/** Opening a store: version check, writer lock, pragmas, migration, and what the last process left behind. */
import Database from 'better-sqlite3';
import { accessSync, constants, existsSync, readFileSync, readdirSync, rmSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { makeFolders } from '../../data/folders.ts';
import { createContext, type StoreContext } from './context.ts';
import { connect } from './database.ts';
import { asStoreError, StoreError } from './errors.ts';
import { databasePath, storeNames } from './location.ts';
import { acquireWriterLock, type WriterLock } from './lock.ts';
import { migrate, versionOf } from './migrate.ts';
import { migrations, type Migration } from './schema.ts';

export interface OpenOptions {
  /** Only look: any number of processes at once, beside one that writes. Default false. */
  readonly readOnly?: boolean;
  /** Milliseconds to wait for another connection before `busy`. Default 5000. */
  readonly timeout?: number;
  /** The largest size of the database in bytes, beyond which there is `disk-full`. Default none. */
  readonly databaseLimit?: number;
  /** The clock. Default Date.now. */
  readonly now?: () => number;
  /** The schema's steps; for tests of migrations. */
  readonly migrations?: readonly Migration[];
}

export interface OpenedStore {
  readonly context: StoreContext;
  /** The copy made before migrating, if there was anything to migrate. */
  readonly backup: string | undefined;
  /** Closes the connection and gives the lock back. */
  close(): void;
}

/** Raises `StoreError`: not-found, not-a-store, in-use, newer-version, older-version, migration-failed, corrupt, read-only, disk-full, busy, locking-unsupported, io. */
export function openContext(place: string, options: OpenOptions = {}): OpenedStore {
  const folder = resolve(place);
  try {
    return options.readOnly === true ? openForReading(folder, options) : openForWriting(folder, options);
  } catch (error) {
    throw asStoreError(error, folder);
  }
}

function openForReading(folder: string, options: OpenOptions): OpenedStore {
  const path = databasePath(folder);
  if (!existsSync(path)) {
    throw new StoreError(
      'not-found',
      `there is no store in ${folder}; a first run makes one, or COVATURE_HOME names another`,
    );
  }
  const db = connectForReading(path, options.timeout ?? 5000);
  try {
    db.pragma('query_only = ON');
    const steps = options.migrations ?? migrations;
    const known = steps.at(-1)!.version;
    const version = versionOf(db, folder, known);
    if (version < known) {
      throw new StoreError(
        'older-version',
        `the store in ${folder} has version ${version} and is brought to version ${known} when it is next opened for writing; nothing was changed. ` +
          'Run "covature doctor", or start the workbench once',
      );
    }
    const context = createContext(db, folder, true, options.now ?? Date.now);
    return { context, backup: undefined, close: () => db.close() };
  } catch (error) {
    db.close();
    throw error;
  }
}

/**
 * A reader of a database with a write-ahead log needs two helper files, and cannot make them in a folder that it must not write. Where no
 * log is pending the database file is complete by itself and is read into memory.
 */
function connectForReading(path: string, timeout: number): Database.Database {
  let db: Database.Database | undefined;
  try {
    db = connect(path, { readonly: true, fileMustExist: true, timeout });
    db.prepare('SELECT count(*) FROM sqlite_schema').get();
    return db;
  } catch (error) {
    db?.close();
    const code = error instanceof Database.SqliteError ? error.code : '';
    const cannotPrepare = code.startsWith('SQLITE_CANTOPEN') || code.startsWith('SQLITE_READONLY');
    if (!cannotPrepare || isWritable(join(path, '..'))) throw error;
    const log = statSync(`${path}-wal`, { throwIfNoEntry: false });
    if (log !== undefined && log.size > 0) {
      throw new StoreError(
        'read-only',
        `the database ${path} has a log of changes beside it that can only be read where the folder can be written; nothing is lost. ` +
          'Copy the whole folder to a place where you may write, and open it there',
        { cause: error },
      );
    }
    const image = readFileSync(path);
    // "Write-ahead log" in the header's two version bytes becomes "none", which is what memory has.
    if (image[18] === 2 && image[19] === 2) image.fill(1, 18, 20);
    return connect(image, { readonly: true, timeout });
  }
}

function isWritable(folder: string): boolean {
  try {
    accessSync(folder, constants.W_OK);
    return true;
  } catch {
    // The answer is the point, not the reason.
    return false;
  }
}

function openForWriting(folder: string, options: OpenOptions): OpenedStore {
  const steps = options.migrations ?? migrations;
  const known = steps.at(-1)!.version;
  const now = options.now ?? Date.now;
  const timeout = options.timeout ?? 5000;
  makeFolder(folder);
  const path = databasePath(folder);
  refuseEmptied(folder, path);
  // Before anything is written, the lock included: a store that this program must not touch stays as it is.
  if (existsSync(path)) checkVersion(path, folder, known, timeout);

  const lock: WriterLock = acquireWriterLock(folder);
  let db: Database.Database | undefined;
  try {
    db = connect(path, { timeout });
    const version = versionOf(db, folder, known);
    if ((db.pragma('journal_mode = WAL', { simple: true }) as string) !== 'wal') {
      throw new StoreError(
        'locking-unsupported',
        `the file system of ${folder} cannot share memory between programs, which the database needs; nothing was written. Put the store on a local disk (COVATURE_HOME)`,
      );
    }
    db.pragma('synchronous = FULL');
    // Only macOS has a sync that does not reach the disk's platters otherwise.
    db.pragma('fullfsync = ON');
    db.pragma('journal_size_limit = 67108864');
    db.pragma('cache_size = -65536');
    db.pragma('foreign_keys = ON');
    if (options.databaseLimit !== undefined) {
      db.pragma(`max_page_count = ${Math.ceil(options.databaseLimit / 4096)}`);
    }
    const backup = migrate(db, folder, version, steps, now());
    clearStaging(folder);
    makeFolders(join(folder, storeNames.artifacts));
    const opened = db;
    return {
      context: createContext(opened, folder, false, now),
      backup,
      close() {
        try {
          if (opened.open) tune(opened);
        } finally {
          opened.close();
          lock.release();
        }
      },
    };
  } catch (error) {
    db?.close();
    lock.release();
    throw error;
  }
}

/** Keeps the plans of filters and sorts good as the store grows. Only a hint: a full disk must not keep a store from closing. */
function tune(db: Database.Database): void {
  try {
    db.pragma('optimize');
  } catch (error) {
    if (!(error instanceof Database.SqliteError)) throw error;
  }
}

function checkVersion(path: string, folder: string, known: number, timeout: number): void {
  const db = connect(path, { fileMustExist: true, timeout });
  try {
    versionOf(db, folder, known);
  } finally {
    db.close();
  }
}

function makeFolder(folder: string): void {
  try {
    makeFolders(folder);
    accessSync(folder, constants.W_OK);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    // On a read-only disk Node says only that the folder is not there; its nearest ancestor knows why.
    if (code === 'ENOENT') {
      const ancestor = existingAncestor(folder);
      accessSync(ancestor, constants.W_OK);
      throw new StoreError(
        'io',
        `${folder} cannot be a store: no folder can be made in ${ancestor}. Choose another place (COVATURE_HOME)`,
        { cause: error },
      );
    }
    if (code !== 'EEXIST' && code !== 'ENOTDIR') throw error;
    throw new StoreError(
      'io',
      `${folder} cannot be a store: it, or a part of its path, is a file; nothing was changed. Choose another place (COVATURE_HOME)`,
      { cause: error },
    );
  }
}

function existingAncestor(path: string): string {
  const parent = dirname(path);
  return existsSync(parent) || parent === path ? parent : existingAncestor(parent);
}

/** SQLite takes an empty file for a new database; beside artifacts it is one that was lost. */
function refuseEmptied(folder: string, path: string): void {
  const size = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  const artifacts = join(folder, storeNames.artifacts);
  if (size > 0 || !existsSync(artifacts) || readdirSync(artifacts).length === 0) return;
  throw new StoreError(
    'corrupt',
    `the database in ${folder} is ${existsSync(path) ? 'empty' : 'gone'}, but files of its runs are there; nothing was changed. ` +
      'Restore a backup (folder "backups" in the store), or move the folder away to begin anew',
  );
}

/** Files that a process ended in the middle of writing. The lock is held, so nobody writes them now. */
function clearStaging(folder: string): void {
  rmSync(join(folder, storeNames.staging), { recursive: true, force: true });
}
