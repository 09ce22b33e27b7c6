/** The shared state of all parts of the store. One per opened store; there is no state outside it. */
import type Database from 'better-sqlite3';
import { randomBytes } from 'node:crypto';
import { Claims } from './claims.ts';
import { asStoreError, StoreError } from './errors.ts';
import { Staging } from './staging.ts';

export interface StoreContext {
  readonly db: Database.Database;
  readonly folder: string;
  readonly readOnly: boolean;
  /** Runs that processes train; of a store that is only read nobody asks. */
  readonly claims: Claims;
  readonly staging: Staging;
  /** Milliseconds since 1970. */
  now(): number;
  /** A prepared statement, kept for the next call. */
  prepare(sql: string): Database.Statement;
  /** The same, returning only the first column. Never share the text of a statement between the two. */
  pluck(sql: string): Database.Statement;
  /** All of the work or nothing, in one transaction; joins the one that is open. */
  write<T>(work: () => T): T;
  /** Names the state of what the store holds but for settings, which change with every scroll: what is kept from it is good while this stays. */
  contents(): string;
  /** A statement that changes settings alone has changed so many rows. */
  settled(rows: number): void;
  /** Runs once the open transaction is through, at once if none is open: removing files whose rows are gone. */
  onCommit(action: () => void): void;
  /** Runs if the open transaction fails: removing files whose rows never came to be. */
  onRollback(action: () => void): void;
  /** `write` with a lazier sync: survives a crash of the program, and the computer's once the next ordinary `write` is through. */
  writeLightly<T>(work: () => T): T;
  /** 16 characters that sort by time of creation. */
  newId(): string;
}

const alphabet = '0123456789abcdefghjkmnpqrstvwxyz';
/** Statements kept: those of fixed text are some 100; filters and sorts add as many as users think of. */
const keptStatements = 400;

export function createContext(
  db: Database.Database,
  folder: string,
  readOnly: boolean,
  now: () => number,
): StoreContext {
  db.function('covature_fold', { deterministic: true }, (text: unknown) =>
    typeof text === 'string' ? fold(text) : null,
  );
  const statements = new Map<string, Database.Statement>();
  const transaction = db.transaction((work: () => unknown) => work());
  let onCommit: (() => void)[] = [];
  let onRollback: (() => void)[] = [];
  let rowsOfSettings = 0;
  let lastTime = 0;
  let lastTail = 0n;

  function kept(kind: string, sql: string, make: () => Database.Statement): Database.Statement {
    const name = kind + sql;
    let statement = statements.get(name);
    if (statement === undefined) {
      statement = make();
      if (statements.size >= keptStatements) statements.delete(statements.keys().next().value!);
    } else {
      statements.delete(name);
    }
    statements.set(name, statement);
    return statement;
  }

  function write<T>(work: () => T): T {
    if (readOnly) {
      throw new StoreError('read-only', `the store in ${folder} was opened for reading only; nothing was changed`);
    }
    const isOutermost = !db.inTransaction;
    if (isOutermost) {
      onCommit = [];
      onRollback = [];
    }
    const [commits, rollbacks] = [onCommit.length, onRollback.length];
    let result: T;
    try {
      result = (isOutermost ? transaction.immediate(work) : transaction(work)) as T;
    } catch (error) {
      // Only the inner work is rolled back: an outer transaction may continue.
      onCommit.length = commits;
      for (const action of onRollback.splice(rollbacks).reverse()) onFiles(action);
      throw error;
    }
    if (isOutermost) for (const action of onCommit.splice(0)) onFiles(action);
    return result;
  }

  const pluck = (sql: string): Database.Statement => kept('pluck ', sql, () => db.prepare(sql).pluck());

  return {
    db,
    folder,
    readOnly,
    claims: new Claims(folder),
    staging: new Staging(folder),
    now,
    prepare: (sql) => kept('', sql, () => db.prepare(sql)),
    pluck,
    write,
    contents() {
      const changes = pluck('SELECT total_changes()').get() as number;
      return `${db.pragma('data_version', { simple: true }) as number}.${changes - rowsOfSettings}`;
    },
    settled(rows) {
      rowsOfSettings += rows;
    },
    onCommit(action) {
      if (db.inTransaction) onCommit.push(action);
      else onFiles(action);
    },
    onRollback(action) {
      onRollback.push(action);
    },
    writeLightly(work) {
      if (db.inTransaction) return write(work);
      db.pragma('synchronous = NORMAL');
      try {
        return write(work);
      } finally {
        db.pragma('synchronous = FULL');
      }
    },
    newId() {
      const time = now();
      // Within one millisecond (or with the clock set back) the tail counts up, so that ids sort in the order of their making.
      if (time > lastTime) {
        lastTime = time;
        lastTail = BigInt(`0x${randomBytes(4).toString('hex')}`);
      } else {
        lastTail += 1n;
      }
      return inBase32(BigInt(lastTime), 9) + inBase32(lastTail, 7);
    },
  };
}

/**
 * Moves or removes a file after the database has committed. If that fails, the change stands nevertheless, and the doctor finds the
 * file.
 */
function onFiles(action: () => void): void {
  try {
    action();
  } catch (error) {
    if (!(error instanceof Error && 'syscall' in error)) throw error;
  }
}

function inBase32(value: bigint, digits: number): string {
  let text = '';
  for (let i = 0; i < digits; i++) {
    text = alphabet[Number(value & 31n)] + text;
    value >>= 5n;
  }
  return text;
}

/** Functions (and nothing else) as they are, except that SQLite's and the file system's failures come out as `StoreError`. */
export function withStoreErrors<T extends object>(context: StoreContext, methods: T): T {
  const guarded: Record<string, unknown> = {};
  for (const [name, method] of Object.entries(methods) as [string, (...args: unknown[]) => unknown][]) {
    guarded[name] = (...args: unknown[]): unknown => {
      try {
        const result = method(...args);
        return result instanceof Promise ? result.catch(rethrow) : result;
      } catch (error) {
        return rethrow(error);
      }
    };
  }
  return guarded as T;

  function rethrow(error: unknown): never {
    throw asStoreError(error, context.folder);
  }
}

/** A text for comparing and searching, ignoring case and accents. */
export function fold(text: string): string {
  // Most names are ASCII, and a search folds thousands of them.
  if (/^[\0-\x7f]*$/.test(text)) return text.toLowerCase();
  return text.normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase();
}

export function storedJson<T>(text: string): T {
  return JSON.parse(text) as T;
}
