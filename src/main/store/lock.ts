/**
 * One writer at a time. The lock is an exclusive transaction on a small SQLite file: the operating system drops it when its process
 * dies, however it dies, so there is never anything to clean up by hand. A JSON file beside it names the holder, for the message alone.
 */
import Database from 'better-sqlite3';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
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

/** Waits at most `patience` milliseconds for a holder that is just ending. Raises `StoreError` `in-use`. */
export function acquireWriterLock(folder: string, patience = 250): WriterLock {
  const holderPath = join(folder, storeNames.lockHolder);
  let db: Database.Database | undefined;
  try {
    db = connect(join(folder, storeNames.lock), { timeout: patience });
    db.exec('BEGIN EXCLUSIVE');
    const holder: Holder = { pid: process.pid, host: hostname(), since: new Date().toISOString() };
    writeFileSync(holderPath, JSON.stringify(holder));
  } catch (error) {
    db?.close();
    if (error instanceof Database.SqliteError && error.code.startsWith('SQLITE_BUSY')) {
      throw new StoreError('in-use', inUseMessage(folder, readHolder(holderPath)), { cause: error });
    }
    throw asStoreError(error, folder);
  }
  const held = db;
  return {
    release() {
      if (!held.open) return;
      try {
        rmSync(holderPath, { force: true });
      } finally {
        held.close();
      }
    },
  };
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

/** The holder on record; undefined where the record is missing, half-written, or names a process of this machine that is gone. */
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
