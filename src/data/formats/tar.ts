/**
 * Tar archives (POSIX ustar), read as a stream. Names are compared with the wanted ones and never used as paths: they may hold "..".
 */
import { InputError } from '../../shared/errors.ts';

export interface TarEntry {
  /** As it stands in the archive. */
  readonly name: string;
  readonly size: number;
  readonly isFile: boolean;
  /** The content. Whatever is not read before the next entry is requested is skipped. */
  readonly body: AsyncIterable<Uint8Array>;
}

const block = 512;

/**
 * The entries of an archive in order. `name` opens every error; `limit` is the most bytes that are read from `source`. Raises an InputError for
 * a header whose checksum does not match, sizes that are no numbers, an archive that ends early or goes beyond the limit.
 */
export async function* readTar(
  source: AsyncIterable<Uint8Array>,
  name: string,
  limit: number,
): AsyncGenerator<TarEntry> {
  const reader = new BlockReader(source, name, limit);
  for (;;) {
    const header = await reader.read(block, true);
    // The end: two blocks of zeros, or (from some writers) nothing.
    if (!header || header.every((byte) => byte === 0)) return;
    const entry = parseHeader(header, name);
    let left = entry.size;
    const body = (async function* () {
      while (left > 0) {
        const chunk = await reader.some(left);
        left -= chunk.length;
        yield chunk;
      }
    })();
    yield { ...entry, body };
    while (left > 0) left -= (await reader.some(left)).length;
    await reader.read((block - (entry.size % block)) % block);
  }
}

function parseHeader(header: Uint8Array, archive: string): Omit<TarEntry, 'body'> {
  const text = (from: number, to: number) => {
    const field = header.subarray(from, to);
    const end = field.indexOf(0);
    return new TextDecoder().decode(end < 0 ? field : field.subarray(0, end));
  };
  const octal = (from: number, to: number, what: string): number => {
    const digits = text(from, to).trim();
    if (!/^[0-7]{1,12}$/.test(digits))
      throw new InputError(`${archive}: not a tar archive, or damaged: ${what} "${digits}" is not a number`);
    return Number.parseInt(digits, 8);
  };
  const written = octal(148, 156, 'a checksum');
  // The checksum counts its own field as spaces.
  const sum = header.reduce((total, byte, i) => total + (i >= 148 && i < 156 ? 0x20 : byte), 0);
  if (sum !== written)
    throw new InputError(
      `${archive}: not a tar archive, or damaged: a header's checksum is ${written}, expected ${sum}`,
    );
  const prefix = text(257, 262) === 'ustar' ? text(345, 500) : '';
  const name = text(0, 100);
  const type = header[156];
  return {
    name: prefix ? `${prefix}/${name}` : name,
    size: octal(124, 136, 'a size'),
    isFile: type === 0 || type === 0x30,
  };
}

class BlockReader {
  readonly #chunks: AsyncIterator<Uint8Array>;
  readonly #name: string;
  #left: number;
  #rest: Uint8Array = new Uint8Array(0);

  constructor(source: AsyncIterable<Uint8Array>, name: string, limit: number) {
    this.#chunks = source[Symbol.asyncIterator]();
    this.#name = name;
    this.#left = limit;
  }

  /** Between 1 and `most` bytes. */
  async some(most: number): Promise<Uint8Array> {
    const chunk = (await this.#fill()) ? this.#rest.subarray(0, most) : undefined;
    if (!chunk) throw new InputError(`${this.#name}: the archive ends early`);
    this.#rest = this.#rest.subarray(chunk.length);
    return chunk;
  }

  /** Exactly `count` bytes; null at the very end of the source if that may be. */
  async read(count: number, mayEnd = false): Promise<Uint8Array | null> {
    const out = new Uint8Array(count);
    for (let at = 0; at < count;) {
      if (at === 0 && mayEnd && !(await this.#fill())) return null;
      const chunk = await this.some(count - at);
      out.set(chunk, at);
      at += chunk.length;
    }
    return out;
  }

  async #fill(): Promise<boolean> {
    while (this.#rest.length === 0) {
      const next = await this.#chunks.next();
      if (next.done) return false;
      this.#rest = next.value;
      this.#left -= next.value.length;
      if (this.#left < 0) throw new InputError(`${this.#name}: the archive is larger than expected`);
    }
    return true;
  }
}
