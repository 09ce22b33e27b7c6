/** The files of the built window (out/renderer), by the path of their address. Only what the folder was found to hold is ever read. */
import { readdirSync, statSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import * as path from 'node:path';
import { fileURLToPath } from 'node:url';
import { messageOf } from '../../shared/errors.ts';
import { typeOf } from './headers.ts';

/** From src/main/web/ and out/main/web/ alike. */
export const rendererFolder = fileURLToPath(new URL('../../../out/renderer/', import.meta.url));

export interface Page {
  readonly type: string;
  readonly body: Buffer;
  /** Its name holds a hash of its content, so it never changes. */
  readonly immutable: boolean;
}

/** For an unknown name the folder is listed again, but not more often than this. */
const listingMilliseconds = 1000;

export class Pages {
  readonly #folder: string;
  #files: ReadonlyMap<string, string> = new Map();
  #listed = 0;

  /** Raises an Error that says what to do if the window has not been built. */
  constructor(folder = rendererFolder) {
    this.#folder = folder;
    this.#list();
    if (!this.#files.has('/index.html')) {
      throw new Error(`the window has not been built (no index.html in ${folder}): run "npm run build"`);
    }
  }

  /** The page at a path ("/", "/assets/index-D2f9.js"), undefined if there is none. */
  async get(address: string): Promise<Page | undefined> {
    const name = address === '/' ? '/index.html' : address;
    if (!this.#files.has(name) && Date.now() - this.#listed > listingMilliseconds) this.#list();
    const file = this.#files.get(name);
    const type = typeOf(name);
    if (file === undefined || type === undefined) return undefined;
    return { type, body: await readFile(file), immutable: name.startsWith('/assets/') };
  }

  #list(): void {
    this.#listed = Date.now();
    let entries;
    try {
      entries = readdirSync(this.#folder, { recursive: true, encoding: 'utf8' });
    } catch (error) {
      throw new Error(`the window has not been built (${messageOf(error)}): run "npm run build"`, { cause: error });
    }
    this.#files = new Map(
      entries
        .map((entry) => [`/${entry.split(path.sep).join('/')}`, path.join(this.#folder, entry)] as const)
        .filter(([, file]) => statSync(file, { throwIfNoEntry: false })?.isFile() === true),
    );
  }
}
