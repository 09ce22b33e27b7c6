/**
 * Locks between processes. Each is a transaction on a small SQLite file: the operating system drops it when its process dies, however it dies, so there is never
 * anything to clean up by hand.
 *
 * The store's own lock is held by every process that writes, together with the others (`shared`); whoever changes the whole at once (migrates it, puts a backup in
 * its place) holds it alone. A JSON file beside it names the process that took it last, for the message alone. Rows are guarded by SQLite itself.
 */
import Database from 'better-sqlite3';
import { readFileSync, rmdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { dirname, join } from 'node:path';
import { makeFolders } from '../../data/folders.ts';
import { connect } from './database.ts';
import { asStoreError, StoreError } from './errors.ts';
import { storeNames } from './location.ts';

export interface WriterLock {
  release(): void;
}

interface Holder {
  readonly pid: number;
  readonly host: string;
  readonly since: string;
}

/** `shared`: beside other writers; `alone`: no other writer is there, and none comes. */
export type LockKind = 'shared' | 'alone';

/** Waits at most `patience` milliseconds for a holder that is just ending. Raises `StoreError` `in-use`. */
export function acquireWriterLock(folder: string, kind: LockKind, patience = 250): WriterLock {
  const holderPath = join(folder, storeNames.lockHolder);
  let db: Database.Database | undefined;
  try {
    db = connect(join(folder, storeNames.lock), { timeout: patience });
    if (kind === 'alone') db.exec('BEGIN EXCLUSIVE');
    else {
      // A read inside a transaction keeps the shared lock until its end.
      db.exec('BEGIN');
      db.prepare('SELECT count(*) FROM sqlite_schema').get();
    }
    const holder: Holder = { pid: process.pid, host: hostname(), since: new Date().toISOString() };
    writeFileSync(holderPath, JSON.stringify(holder));
  } catch (error) {
    db?.close();
    if (isBusy(error)) throw new StoreError('in-use', inUseMessage(folder, readHolder(holderPath)), { cause: error });
    throw asStoreError(error, folder);
  }
  const held = db;
  return {
    release() {
      if (!held.open) return;
      try {
        const last = readHolder(holderPath);
        if (last === undefined || (last.pid === process.pid && last.host === hostname()))
          rmSync(holderPath, { force: true });
      } finally {
        held.close();
      }
    },
  };
}

function isBusy(error: unknown): boolean {
  return error instanceof Database.SqliteError && error.code.startsWith('SQLITE_BUSY');
}

function inUseMessage(folder: string, holder: Holder | undefined): string {
  const who =
    holder === undefined
      ? 'another Covature'
      : holder.host === hostname()
        ? `another Covature (pid ${holder.pid}${holder.pid === process.pid ? ', this very process' : ''}, since ${holder.since})`
        : `another Covature (pid ${holder.pid} on ${holder.host}, since ${holder.since})`;
  return `${who} has this store open; nothing was changed in ${folder}. Quit it first, or choose another store with COVATURE_HOME; reading (list, show, export) works meanwhile`;
}

/** The holder on record; undefined if the record is missing, half-written, or names a process of this machine that is gone. */
function readHolder(path: string): Holder | undefined {
  try {
    const holder = JSON.parse(readFileSync(path, 'utf8')) as Partial<Holder>;
    if (!Number.isInteger(holder.pid) || typeof holder.host !== 'string' || typeof holder.since !== 'string')
      return undefined;
    if (holder.host === hostname() && !isAlive(holder.pid!)) return undefined;
    return holder as Holder;
  } catch {
    // The record only decorates the message; the lock itself is what counts.
    return undefined;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** A file that one process holds at a time; it is gone once nobody does. */
export interface FileLock {
  release(): void;
}

/** Attempts at a file, or its folder, that others take away just then. */
const attempts = 50;

/** Null if another process has the file and keeps it for longer than `patience` milliseconds. The folder is made if it is missing. */
export function lockFile(path: string, patience = 1000): FileLock | null {
  for (let attempt = 0; attempt < attempts; attempt++) {
    let db: Database.Database | undefined;
    try {
      makeFolders(dirname(path));
      const before = inodeOf(path);
      db = connect(path, { timeout: patience });
      db.exec('BEGIN EXCLUSIVE');
      const after = inodeOf(path);
      // Whoever had the file removed it while this one waited: what was locked is nobody's path.
      if (after === undefined || (before !== undefined && before !== after)) {
        db.close();
        continue;
      }
    } catch (error) {
      db?.close();
      if (isBusy(error)) return null;
      // SQLite asks for the file's mode by its path when it makes a journal beside it.
      const isGone =
        (error instanceof Database.SqliteError && /^SQLITE_(CANTOPEN|IOERR_FSTAT$)/.test(error.code)) ||
        (error as NodeJS.ErrnoException).code === 'ENOENT';
      if (!isGone || attempt === attempts - 1) throw error;
      continue;
    }
    const held = db;
    return {
      release() {
        if (!held.open) return;
        removeQuietly(path);
        held.close();
        // Where a file that is open cannot be removed.
        removeQuietly(path);
        try {
          rmdirSync(dirname(path));
        } catch (error) {
          if (!(error instanceof Error && 'syscall' in error)) throw error;
        }
      },
    };
  }
  return null;
}

/** Whether a process has the file; false for one that is not there. */
export function isLocked(path: string): boolean {
  if (inodeOf(path) === undefined) return false;
  const lock = lockFile(path, 0);
  lock?.release();
  return lock === null;
}

function inodeOf(path: string): number | undefined {
  return statSync(path, { throwIfNoEntry: false })?.ino;
}

/** A lock file that stays is in nobody's way. */
function removeQuietly(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch (error) {
    if (!(error instanceof Error && 'syscall' in error)) throw error;
  }
}
