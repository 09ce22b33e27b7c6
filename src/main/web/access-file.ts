/** What lets open windows in again after a restart: kept in the store's folder, for the same user alone. */
import { chmodSync, lstatSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';
import * as v from 'valibot';

const secret = v.pipe(v.string(), v.regex(/^[A-Za-z0-9_-]{43}$/));
const schema = v.strictObject({
  /** In the address that is printed. */
  token: secret,
  /** Name of the cookie: one a store, because cookies do not tell ports apart. */
  cookie: v.pipe(v.string(), v.regex(/^covature-[0-9a-f]{12}$/)),
  /** SHA-256 of the cookies that were given out, hexadecimal, oldest first. */
  sessions: v.pipe(v.array(v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/))), v.maxLength(1000)),
  /** Where open windows look for the program. */
  port: v.nullable(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(65_535))),
});
export type KeptAccess = v.InferOutput<typeof schema>;

export class AccessFile {
  readonly #path: string;

  constructor(storeFolder: string) {
    this.#path = path.join(storeFolder, 'access.json');
  }

  /** Null if there is none, if another user could have written or read it, and where it is damaged: a new token is made then. */
  read(): KeptAccess | null {
    try {
      const { uid, mode } = lstatSync(this.#path);
      const isOwn = process.getuid === undefined || (uid === process.getuid() && (mode & 0o177_077) === 0o100_000);
      if (!isOwn) return null;
      const parsed = v.safeParse(schema, JSON.parse(readFileSync(this.#path, 'utf8')));
      return parsed.success ? parsed.output : null;
    } catch {
      // Missing or no JSON: the program starts as if for the first time.
      return null;
    }
  }

  /** A full disk or a folder that cannot be written costs the windows their way back, nothing else. */
  write(access: KeptAccess): void {
    const made = `${this.#path}.${process.pid}.new`;
    try {
      writeFileSync(made, JSON.stringify(access), { mode: 0o600 });
      chmodSync(made, 0o600);
      renameSync(made, this.#path);
    } catch {
      rmSync(made, { force: true });
    }
  }
}
