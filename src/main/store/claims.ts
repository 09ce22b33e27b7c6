/**
 * Which process trains a run: the one that holds the file running/<id>.lock. A run in the state "running" whose file nobody holds was left by a process that is gone.
 */
import { join } from 'node:path';
import { StoreError } from './errors.ts';
import { isLocked, lockFile, type FileLock } from './lock.ts';
import { storeNames } from './location.ts';

export class Claims {
  readonly #folder: string;
  readonly #held = new Map<string, FileLock>();

  constructor(folder: string) {
    this.#folder = join(folder, storeNames.running);
  }

  /** Takes a run for this process; returns whether it was not its own before. Raises `StoreError` `in-use` if another process has it. */
  take(id: string): boolean {
    if (this.#held.has(id)) return false;
    const lock = lockFile(this.#pathOf(id));
    if (lock === null)
      throw new StoreError('in-use', `the run ${id} is being trained by another process; nothing was changed`);
    this.#held.set(id, lock);
    return true;
  }

  giveBack(id: string): void {
    this.#held.get(id)?.release();
    this.#held.delete(id);
  }

  /** Whether any process, this one among them, trains the run. */
  isTaken(id: string): boolean {
    return this.#held.has(id) || isLocked(this.#pathOf(id));
  }

  isOwn(id: string): boolean {
    return this.#held.has(id);
  }

  close(): void {
    for (const id of [...this.#held.keys()]) this.giveBack(id);
  }

  #pathOf(id: string): string {
    return join(this.#folder, `${id}.lock`);
  }
}
