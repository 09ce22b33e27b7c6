/** Stores in temporary folders. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach } from 'vitest';
import { openStore, type OpenOptions, type Store } from '../../../../src/main/store/index.ts';

export { experiment, summaryOf } from './samples.ts';

export interface Workplace {
  /** A new folder, removed after the test. */
  folder(name?: string): string;
  /** A store that is closed after the test. */
  open(folder?: string, options?: OpenOptions): Store;
}

/** Call at the top of a suite. */
export function workplace(): Workplace {
  let folders: string[] = [];
  let stores: Store[] = [];
  afterEach(() => {
    for (const store of stores) store.close();
    for (const folder of folders) rmSync(folder, { recursive: true, force: true });
    folders = [];
    stores = [];
  });
  const folder = (name = 'store'): string => {
    const outer = mkdtempSync(join(tmpdir(), 'covature-store-'));
    folders.push(outer);
    const inner = join(outer, name);
    mkdirSync(inner);
    return inner;
  };
  return {
    folder,
    open(place = folder(), options = {}) {
      const store = openStore(place, options);
      stores.push(store);
      return store;
    },
  };
}

/** The error that a call raises; fails where it raises none. */
export function errorOf(call: () => unknown): Error & { code?: string; column?: number } {
  try {
    call();
  } catch (error) {
    if (error instanceof Error) return error;
    throw error;
  }
  throw new Error('expected an error, and there was none');
}
