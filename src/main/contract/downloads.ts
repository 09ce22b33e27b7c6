/** Files that were made for a window to fetch: each by a token that is good once, and gone afterwards. */
import { randomBytes } from 'node:crypto';
import { rm } from 'node:fs/promises';

export interface Download {
  readonly file: string;
  /** What the user's copy is called. */
  readonly name: string;
}

/** A file that nobody fetched in this time is removed. */
const keptMilliseconds = 10 * 60_000;

export class Downloads {
  readonly #kept = new Map<string, Download & { readonly timer: NodeJS.Timeout }>();

  /** @param file becomes this object's own: removed once it was fetched, or was not for ten minutes, or at the end of the program */
  add({ file, name }: Download): string {
    const token = randomBytes(18).toString('base64url');
    const timer = setTimeout(() => {
      this.#kept.delete(token);
      void remove(file);
    }, keptMilliseconds);
    timer.unref();
    this.#kept.set(token, { file, name, timer });
    return token;
  }

  /** The file is the caller's from now on, to be removed with `remove`; undefined for a token that is not known or was used. */
  take(token: string): Download | undefined {
    const file = this.#kept.get(token);
    if (file === undefined) return undefined;
    clearTimeout(file.timer);
    this.#kept.delete(token);
    return { file: file.file, name: file.name };
  }

  async close(): Promise<void> {
    const all = [...this.#kept.values()];
    this.#kept.clear();
    for (const { timer } of all) clearTimeout(timer);
    await Promise.all(all.map(({ file }) => remove(file)));
  }
}

export async function remove(file: string): Promise<void> {
  await rm(file, { force: true });
}
