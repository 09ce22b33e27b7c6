/**
 * Files being written: staging/<name>/ is a process's own, held by staging/<name>.lock. What a process that is gone left there is removed by the next that opens
 * the store.
 */
import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync, rmdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { makeFolders } from '../../data/folders.ts';
import { isLocked, lockFile, type FileLock } from './lock.ts';
import { storeNames } from './location.ts';

export class Staging {
  readonly #root: string;
  #own: { readonly path: string; readonly lock: FileLock } | null = null;

  constructor(folder: string) {
    this.#root = join(folder, storeNames.staging);
  }

  /** The folder of this process, made if it is missing. */
  folder(): string {
    if (this.#own === null) {
      const path = join(this.#root, randomBytes(6).toString('hex'));
      // The lock first: a folder without one is nobody's.
      const lock = lockFile(`${path}.lock`);
      if (lock === null) throw new Error(`${path}.lock is held by another process`);
      this.#own = { path, lock };
    }
    makeFolders(this.#own.path);
    return this.#own.path;
  }

  /** Removes what processes that are gone left. */
  clear(): void {
    if (!existsSync(this.#root)) return;
    for (const entry of readdirSync(this.#root)) {
      const name = entry.replace(/\.lock$/, '');
      const lock = join(this.#root, `${name}.lock`);
      if (isLocked(lock)) continue;
      rmSync(join(this.#root, name), { recursive: true, force: true });
      rmSync(lock, { force: true });
    }
    this.#removeRoot();
  }

  close(): void {
    if (this.#own === null) return;
    rmSync(this.#own.path, { recursive: true, force: true });
    this.#own.lock.release();
    this.#own = null;
  }

  #removeRoot(): void {
    try {
      rmdirSync(this.#root);
    } catch (error) {
      // Another process is at work there, or it is gone.
      if (!(error instanceof Error && 'syscall' in error)) throw error;
    }
  }
}
