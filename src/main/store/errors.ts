/**
 * Errors of the store that are not the caller's fault: each says what happened, what it means for the data and what to do. Bad input (an
 * unknown run, a malformed filter) is an `InputError` instead.
 */
import Database from 'better-sqlite3';

export const storeErrorCodes = [
  /** There is no store in the folder. */
  'not-found',
  /** The folder's database belongs to another program. */
  'not-a-store',
  /** Another process writes this store. */
  'in-use',
  /** The database was written by a newer version of Covature. */
  'newer-version',
  /** Opened read-only, and the database needs a migration first. */
  'older-version',
  /** A migration failed; the database stays at the version before it. */
  'migration-failed',
  /** Not a database, or a damaged one. */
  'corrupt',
  /** The folder or the file cannot be written, or the store was opened read-only. */
  'read-only',
  /** No space left. */
  'disk-full',
  /** Another connection holds the database for longer than the time-out. */
  'busy',
  /** The file system has no working locks (some network file systems). */
  'locking-unsupported',
  /** A numbered batch came out of order, or twice with different content. */
  'batch-order',
  /** Reading or writing failed in some other way. */
  'io',
  /** The store has been closed. */
  'closed',
] as const;
export type StoreErrorCode = (typeof storeErrorCodes)[number];

export class StoreError extends Error {
  override readonly name = 'StoreError';
  readonly code: StoreErrorCode;

  /** `message`: what happened; what it means for the data; what to do. */
  constructor(code: StoreErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** SQLite's and the file system's failures as a `StoreError`; anything else as it came. `place`: the store's folder, for the message. */
export function asStoreError(error: unknown, place: string): unknown {
  if (error instanceof StoreError) return error;
  if (error instanceof Database.SqliteError) return fromSqlite(error, place) ?? error;
  const code = error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
  if (code !== undefined) return fromFileSystem(code, error as Error, place) ?? error;
  if (error instanceof TypeError && error.message === 'The database connection is not open') {
    return new StoreError('closed', `the store in ${place} has been closed; open it again`, { cause: error });
  }
  return error;
}

function fromSqlite(error: InstanceType<typeof Database.SqliteError>, place: string): StoreError | undefined {
  const options = { cause: error };
  const code = error.code;
  if (code.startsWith('SQLITE_FULL')) return diskFull(place, options);
  if (code.startsWith('SQLITE_READONLY')) return readOnlyPlace(place, options);
  if (code.startsWith('SQLITE_CORRUPT') || code.startsWith('SQLITE_NOTADB')) {
    return new StoreError(
      'corrupt',
      `the database in ${place} is damaged or not a database (${error.message}); nothing was written to it. ` +
        `Keep a copy of the folder, then restore a backup (folder "backups" in the store)`,
      options,
    );
  }
  if (code.startsWith('SQLITE_IOERR_LOCK') || code === 'SQLITE_PROTOCOL' || code === 'SQLITE_NOLFS') {
    return new StoreError(
      'locking-unsupported',
      `the file system of ${place} cannot lock files (${code}); nothing was written. Put the store on a local disk (COVATURE_HOME) and import results from there`,
      options,
    );
  }
  if (code.startsWith('SQLITE_BUSY') || code.startsWith('SQLITE_LOCKED')) {
    return new StoreError(
      'busy',
      `another program keeps the database in ${place} locked; nothing was written. Close it (a database browser?) and try again`,
      options,
    );
  }
  if (code.startsWith('SQLITE_CANTOPEN')) {
    return new StoreError(
      'io',
      `the database in ${place} cannot be opened (${error.message}); nothing was changed. Check the folder's permissions`,
      options,
    );
  }
  if (code.startsWith('SQLITE_IOERR') || code === 'SQLITE_PERM' || code === 'SQLITE_AUTH') {
    return new StoreError(
      'io',
      `reading or writing the store in ${place} failed (${code}: ${error.message}); what was stored before is unharmed. Check the disk, then try again`,
      options,
    );
  }
  return undefined;
}

function fromFileSystem(code: string, cause: Error, place: string): StoreError | undefined {
  switch (code) {
    case 'ENOSPC':
    case 'EDQUOT':
      return diskFull(place, { cause });
    case 'EROFS':
    case 'EACCES':
    case 'EPERM':
      return readOnlyPlace(place, { cause });
    case 'EIO':
    case 'EFBIG':
    case 'EMFILE':
    case 'ENFILE':
      return new StoreError(
        'io',
        `reading or writing the store in ${place} failed (${cause.message}); what was stored before is unharmed. Check the disk and the limits of the system, then try again`,
        { cause },
      );
    default:
      return undefined;
  }
}

function diskFull(place: string, options: ErrorOptions): StoreError {
  return new StoreError(
    'disk-full',
    `no space left on the disk of ${place}; this change was not stored, everything before it was. Free some space, then try again`,
    options,
  );
}

function readOnlyPlace(place: string, options: ErrorOptions): StoreError {
  return new StoreError(
    'read-only',
    `the store in ${place} cannot be written (read-only folder, file or disk); nothing was changed. Change its permissions, or choose another place with COVATURE_HOME`,
    options,
  );
}
