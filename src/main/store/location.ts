/** Where the store is, and what lies in it. */
import { homedir } from 'node:os';
import { isAbsolute, join, posix, win32 } from 'node:path';

/** Names inside a store's folder. */
export const storeNames = {
  database: 'covature.db',
  artifacts: 'artifacts',
  /** Files being written; renamed out of here once complete and synced. */
  staging: 'staging',
  /** Locks of the runs that a process trains. */
  running: 'running',
  backups: 'backups',
  lock: 'writer.lock',
  lockHolder: 'writer.json',
} as const;

/** The parts of the process that decide on the default folder. */
export interface ProcessPlace {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly platform: NodeJS.Platform;
  readonly home: string;
}

/**
 * $COVATURE_HOME, else the platform's folder for application data: $XDG_DATA_HOME/covature (default ~/.local/share/covature),
 * ~/Library/Application Support/covature, %APPDATA%\covature.
 */
export function defaultStoreFolder(
  { env, platform, home }: ProcessPlace = { env: process.env, platform: process.platform, home: homedir() },
): string {
  const named = env['COVATURE_HOME'];
  if (named !== undefined && named !== '') return named;
  if (platform === 'win32') {
    return win32.join(env['APPDATA'] || win32.join(home, 'AppData', 'Roaming'), 'covature');
  }
  if (platform === 'darwin') return posix.join(home, 'Library', 'Application Support', 'covature');
  const data = env['XDG_DATA_HOME'];
  // The XDG specification tells programs to ignore relative paths.
  return posix.join(data !== undefined && isAbsolute(data) ? data : posix.join(home, '.local', 'share'), 'covature');
}

export function databasePath(folder: string): string {
  return join(folder, storeNames.database);
}
