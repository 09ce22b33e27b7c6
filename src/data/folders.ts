/** Creating folders; Node's own recursive mkdir never ends in places that allow no folders (under /proc, for example). */
import { existsSync, mkdirSync } from 'node:fs';
import * as path from 'node:path';

/**
 * Makes `folder` and whatever of its path is missing, one after another. Returns the topmost folder that was created, undefined if the folder existed.
 * Raises the system's error if one cannot be made: ENOENT or EACCES, say, ENOTDIR where a part of the path is a file, EEXIST where the
 * folder itself is one.
 */
export function makeFolders(folder: string): string | undefined {
  const missing: string[] = [];
  for (let at = path.resolve(folder); !existsSync(at) && path.dirname(at) !== at; at = path.dirname(at))
    missing.unshift(at);
  for (const each of missing) makeFolder(each);
  // Fails with that reason if the name is taken by a file.
  if (missing.length === 0) mkdirSync(folder, { recursive: true });
  return missing[0];
}

/** Another process may have made it meanwhile. */
function makeFolder(folder: string): void {
  try {
    mkdirSync(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST' || !existsSync(folder)) throw error;
  }
}
