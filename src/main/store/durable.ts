/**
 * Writing files so that a named file is always complete: temporary name, sync, rename, sync of the folder. Synchronous, unlike
 * src/data/files.ts, because a file and the row that registers it change together.
 */
import {
  closeSync,
  constants,
  copyFileSync,
  fsyncSync,
  linkSync,
  openSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { cannotSyncFolders, codeOf } from '../../data/files.ts';
import { makeFolders } from '../../data/folders.ts';

/** `syncFolder` of src/data/files.ts, before the next statement. */
export function syncFolderNow(folder: string): void {
  if (process.platform === 'win32') return;
  withFile(folder, 'r', (file) => {
    try {
      fsyncSync(file);
    } catch (error) {
      if (!cannotSyncFolders.has(codeOf(error))) throw error;
    }
  });
}

export function syncFile(path: string): void {
  withFile(path, 'r+', fsyncSync);
}

/** Writes the chunks one after another to a new file and syncs it; on failure nothing is left of it. Returns the bytes written. */
export function writeNewFile(path: string, chunks: Iterable<Uint8Array>): number {
  let bytes = 0;
  try {
    withFile(path, 'wx', (file) => {
      for (const chunk of chunks) {
        for (let start = 0; start < chunk.byteLength;) {
          start += writeSync(file, chunk, start, chunk.byteLength - start);
        }
        bytes += chunk.byteLength;
      }
      fsyncSync(file);
    });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') rmSync(path, { force: true });
    throw error;
  }
  return bytes;
}

/** Moves a complete, synced file to its final name (same file system). */
export function renameDurably(from: string, to: string): void {
  const firstMade = makeFolders(dirname(to));
  if (firstMade !== undefined) syncFolderNow(dirname(firstMade));
  renameSync(from, to);
  syncFolderNow(dirname(to));
}

/** A second name for an immutable file if the file system has hard links, else a synced copy. Refuses an existing target. */
export function linkOrCopy(from: string, to: string): void {
  makeFolders(dirname(to));
  try {
    linkSync(from, to);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code !== 'EXDEV' && code !== 'EPERM' && code !== 'ENOTSUP' && code !== 'EMLINK' && code !== 'ENOSYS')
      throw error;
    copyDurably(from, to);
  }
}

/** A synced copy; refuses an existing target, leaves nothing behind on failure. */
export function copyDurably(from: string, to: string): void {
  makeFolders(dirname(to));
  try {
    copyFileSync(from, to, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
    syncFile(to);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') rmSync(to, { force: true });
    throw error;
  }
}

function withFile(path: string, flags: string, use: (file: number) => void): void {
  const file = openSync(path, flags);
  try {
    use(file);
  } finally {
    closeSync(file);
  }
}
