/** Opening a store: version check, locks, pragmas, migration, and what processes that are gone left behind. */
import Database from 'better-sqlite3';
import { accessSync, constants, existsSync, readFileSync, readdirSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { makeFolders } from '../../data/folders.ts';
import { createContext, type StoreContext } from './context.ts';
import { connect } from './database.ts';
import { asStoreError, StoreError } from './errors.ts';
import { databasePath, storeNames } from './location.ts';
import { acquireWriterLock, type WriterLock } from './lock.ts';
import { migrate, versionOf } from './migrate.ts';
import { networkWarning } from './network.ts';
import { migrations, type Migration } from './schema.ts';

export interface OpenOptions {
  /** Only look: any number of processes at once, beside one that writes. Default false. */
  readonly readOnly?: boolean;
  /** Milliseconds to wait for another connection before `busy`. Default 30,000, for reading 5000. */
  readonly timeout?: number;
  /** The type of the folder's file system, as Linux numbers them; default: asked of the system. */
  readonly fileSystem?: number;
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
        `the database ${path} has a log of changes beside it that can only be read if the folder can be written; nothing is lost. ` +
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
  const timeout = options.timeout ?? 30_000;
  makeFolder(folder);
  const path = databasePath(folder);
  refuseEmptied(folder, path);
  // Before anything is written, the locks included: a store that this program must not touch stays as it is.
  if (existsSync(path)) checkVersion(path, folder, known, timeout);

  const { lock, backup } = lockCurrent(folder, path, steps, now, timeout, options.fileSystem);
  let db: Database.Database | undefined;
  try {
    db = connect(path, { timeout });
    db.pragma('synchronous = FULL');
    // Only macOS has a sync that does not reach the disk's platters otherwise.
    db.pragma('fullfsync = ON');
    db.pragma('journal_size_limit = 67108864');
    db.pragma('cache_size = -65536');
    db.pragma('foreign_keys = ON');
    if (options.databaseLimit !== undefined) {
      db.pragma(`max_page_count = ${Math.ceil(options.databaseLimit / 4096)}`);
    }
    makeFolders(join(folder, storeNames.artifacts));
    const opened = db;
    const context = createContext(opened, folder, false, now);
    context.staging.clear();
    return {
      context,
      backup,
      close() {
        try {
          context.staging.close();
          context.claims.close();
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

/** How long to wait for another process that makes the store, or puts a backup in its place. */
const makingMilliseconds = 30_000;
/** How long for one that may be migrating an older one, or just have it open. */
const migratingMilliseconds = 5000;

/**
 * The lock of a store that has the version of this program: of several processes that open a new or older one at once, one makes or migrates it, alone, and the
 * others wait. On a disk of another machine a writer stays alone: the memory that writers share there does not reach the other machine.
 */
function lockCurrent(
  folder: string,
  path: string,
  steps: readonly Migration[],
  now: () => number,
  timeout: number,
  fileSystem: number | undefined,
): { readonly lock: WriterLock; readonly backup: string | undefined } {
  const known = steps.at(-1)!.version;
  const isNetwork = networkWarning(folder, fileSystem) !== undefined;
  const isCurrent = (): boolean => existsSync(path) && checkVersion(path, folder, known, timeout) === known;
  const began = Date.now();
  for (;;) {
    if (isCurrent() && !isNetwork) {
      const lock = acquireWriterLock(folder, 'shared', migratingMilliseconds);
      // A backup may have taken its place meanwhile.
      if (isCurrent()) return { lock, backup: undefined };
      lock.release();
    }
    let lock: WriterLock;
    try {
      lock = acquireWriterLock(folder, 'alone');
    } catch (error) {
      if (!(error instanceof StoreError && error.code === 'in-use') || isNetwork) throw error;
      const isMade = isCurrent() || versionAt(path, folder, known, timeout) === 0;
      if (Date.now() - began > (isMade ? makingMilliseconds : migratingMilliseconds)) throw error;
      continue;
    }
    try {
      const backup = bringUp(folder, path, steps, now, timeout);
      if (isNetwork) return { lock, backup };
      lock.release();
      const shared = acquireWriterLock(folder, 'shared', migratingMilliseconds);
      return { lock: shared, backup };
    } catch (error) {
      lock.release();
      throw error;
    }
  }
}

function versionAt(path: string, folder: string, known: number, timeout: number): number {
  return existsSync(path) ? checkVersion(path, folder, known, timeout) : 0;
}

/** Makes or migrates the database; no other process may use it. Returns the copy of an older one. */
function bringUp(
  folder: string,
  path: string,
  steps: readonly Migration[],
  now: () => number,
  timeout: number,
): string | undefined {
  const db = connect(path, { timeout });
  try {
    const version = versionOf(db, folder, steps.at(-1)!.version);
    if ((db.pragma('journal_mode = WAL', { simple: true }) as string) !== 'wal') {
      throw new StoreError(
        'locking-unsupported',
        `the file system of ${folder} cannot share memory between programs, which the database needs; nothing was written. Put the store on a local disk (COVATURE_HOME)`,
      );
    }
    db.pragma('synchronous = FULL');
    db.pragma('fullfsync = ON');
    return migrate(db, folder, version, steps, now());
  } finally {
    db.close();
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

function checkVersion(path: string, folder: string, known: number, timeout: number): number {
  const db = connect(path, { fileMustExist: true, timeout });
  try {
    return versionOf(db, folder, known);
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
      'Restore a backup (folder "backups" in the store), or move the folder away to start afresh',
  );
}
