/** Files made for a window to download: each by a token that is valid once, after which the file is removed. */
import { randomBytes } from 'node:crypto';
import { rm } from 'node:fs/promises';

export interface Download {
  readonly file: string;
  /** File name of the user's copy. */
  readonly name: string;
}

/** A file that is not fetched within this time is removed. */
const keptMilliseconds = 10 * 60_000;

export class Downloads {
  readonly #kept = new Map<string, Download & { readonly timer: NodeJS.Timeout }>();

  /** @param file is owned by this object: removed once it was fetched, after ten minutes, or when the program ends */
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

  /** The caller now owns the file and removes it with `remove`; undefined for a token that is unknown or was used. */
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
