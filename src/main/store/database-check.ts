/** What SQLite itself finds wrong with a database: its structure, and references between its rows. */
import type { StoreProblem } from './problems.ts';
import type Database from 'better-sqlite3';
import { messageOf } from '../../shared/errors.ts';
import { connect } from './database.ts';
import { databasePath } from './location.ts';

/** Reads all of the database, in one go: some seconds for gigabytes. */
export function databaseProblems(db: Database.Database): StoreProblem[] {
  try {
    const lines = (db.pragma('integrity_check(100)') as { integrity_check: string }[])
      .map((row) => row.integrity_check)
      .filter((line) => line !== 'ok');
    const broken = db.pragma('foreign_key_check') as { table: string; rowid: number; parent: string }[];
    return [
      ...lines.map((line) => ({
        code: 'database' as const,
        message: `the database is inconsistent: ${line}. Restore a backup`,
        mended: false,
      })),
      ...broken.map(({ table, rowid, parent }) => ({
        code: 'reference' as const,
        message: `row ${rowid} of ${table} refers to a row of ${parent} that is not there`,
        mended: false,
      })),
    ];
  } catch (error) {
    return [unreadable(error)];
  }
}

/** The same of a store's folder, which another process may have open meanwhile. */
export function checkDatabase(folder: string): StoreProblem[] {
  let db: Database.Database;
  try {
    db = connect(databasePath(folder), { readonly: true, fileMustExist: true });
  } catch (error) {
    return [unreadable(error)];
  }
  try {
    return databaseProblems(db);
  } finally {
    db.close();
  }
}

function unreadable(error: unknown): StoreProblem {
  return {
    code: 'database',
    message: `the database cannot be read: ${messageOf(error)}. Restore a backup`,
    mended: false,
  };
}
