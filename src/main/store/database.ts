/** Connections to SQLite: the one place that opens them. */
import Database from 'better-sqlite3';

/**
 * @param file path of the database, or the bytes of one, which is then kept in memory
 * @param options those of better-sqlite3. COVATURE_SQLITE names another build of its native module than the package's own, for an Electron whose
 *   Node-API is older than that one needs
 */
export function connect(file: string | Buffer, options: Database.Options = {}): Database.Database {
  const nativeBinding = process.env['COVATURE_SQLITE'];
  return new Database(file, nativeBinding ? { ...options, nativeBinding } : options);
}
