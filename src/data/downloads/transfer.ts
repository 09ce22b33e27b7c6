/** One file over HTTP: resumed where it was cut off, given up if the server stops sending, and kept only if its checksum is right. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { messageOf } from '../../shared/errors.ts';
import { codeOf, reasonOf, syncFolder } from '../files.ts';
import type { PublishedFile } from './catalogue.ts';

export interface TransferOptions {
  /** Ends the transfer with the signal's reason; what has come stays for the next time. */
  readonly signal?: AbortSignal;
  /** Bytes of this file that are there, what was there before included; called at most every 100 ms, and at the end. */
  readonly progress?: (received: number) => void;
  /** Give up after this many milliseconds without a byte, over all mirrors together; default 10,000. */
  readonly silence?: number;
}

/** All mirrors failed; `failures` says how, one line each. Caught where the advice for working offline is added (published.ts). */
export class TransferError extends Error {
  override readonly name = 'TransferError';
  readonly failures: readonly string[];
  constructor(failures: readonly string[]) {
    super(failures.join('; '));
    this.failures = failures;
  }
}

/** The name that a file has in its folder until it is complete. */
export function partialName(name: string): string {
  return `.${name}.part`;
}

/**
 * Fetches `file` into `folder` (which exists), unless it is there already with the right checksum. The bytes gather in a hidden ".part" file, which a later
 * call continues; it gets the final name when size and SHA-256 agree. Raises a TransferError when no mirror gives the right bytes, the signal's
 * reason when cancelled, and a plain Error that names the file when the disk does not take it.
 */
export async function transfer(file: PublishedFile, folder: string, options: TransferOptions = {}): Promise<void> {
  const target = path.join(folder, file.name);
  const part = path.join(folder, partialName(file.name));
  if ((await fileSize(target)) === file.size && (await sha256Of(target)) === file.sha256) {
    options.progress?.(file.size);
    return;
  }
  const silence = options.silence ?? 10_000;
  const clock = { deadline: Date.now() + silence, silence };
  const failures: string[] = [];
  for (const [i, url] of file.urls.entries()) {
    options.signal?.throwIfAborted();
    const mirrorsLeft = file.urls.length - i;
    try {
      await fetchInto(part, file, url, clock, mirrorsLeft, options);
      const digest = await sha256Of(part);
      if (digest !== file.sha256) {
        // Resuming cannot repair wrong bytes.
        await fs.rm(part, { force: true });
        throw new Error(`wrong checksum: expected SHA-256 ${file.sha256}, found ${digest}`);
      }
      await fs.rename(part, target);
      await syncFolder(folder);
      options.progress?.(file.size);
      return;
    } catch (error) {
      options.signal?.throwIfAborted();
      if (isDiskError(error)) throw new Error(`${part}: cannot be written: ${reasonOf(error)}`, { cause: error });
      failures.push(`${new URL(url).host}: ${describe(error)}`);
    }
  }
  throw new TransferError(failures);
}

interface Clock {
  /** The time (Date.now) at which waiting ends. */
  deadline: number;
  readonly silence: number;
}

/** Completes `part` from one mirror. */
async function fetchInto(
  part: string,
  file: PublishedFile,
  url: string,
  clock: Clock,
  mirrorsLeft: number,
  options: TransferOptions,
): Promise<void> {
  let have = (await fileSize(part)) ?? 0;
  if (have > file.size) have = 0;
  if (have === file.size) return;

  const quiet = new AbortController();
  // The remaining waiting time is shared among the mirrors still to be tried, so that together they take no longer than one.
  const watch = { timer: setTimeout(() => quiet.abort(), Math.max(0, clock.deadline - Date.now()) / mirrorsLeft) };
  const heard = () => {
    clock.deadline = Date.now() + clock.silence;
    clearTimeout(watch.timer);
    watch.timer = setTimeout(() => quiet.abort(), clock.silence / mirrorsLeft);
  };
  const signal = options.signal ? AbortSignal.any([options.signal, quiet.signal]) : quiet.signal;
  let handle: fs.FileHandle | undefined;
  try {
    const response = await fetch(url, {
      signal,
      // Without "identity" a server may pack what is packed already, and fetch would unpack it.
      headers: { 'accept-encoding': 'identity', ...(have > 0 ? { range: `bytes=${have}-` } : {}) },
    });
    heard();
    have = startOf(response, have, file.size);
    if (!response.body) throw new Error('the answer has no content');
    handle = await fs.open(part, have > 0 ? 'r+' : 'w');
    await handle.truncate(have);
    let told = 0;
    for await (const chunk of response.body as AsyncIterable<Uint8Array>) {
      heard();
      if (have + chunk.length > file.size) throw new WrongBytes(`sends more than the ${file.size} bytes expected`);
      await writeWhole(handle, chunk, have);
      have += chunk.length;
      if (Date.now() - told >= 100) {
        told = Date.now();
        options.progress?.(have);
      }
    }
    await handle.sync();
    if (have < file.size) throw new Error(`the connection ended after ${have} of ${file.size} bytes`);
  } catch (error) {
    if (error instanceof WrongBytes) await handle?.truncate(0);
    if (quiet.signal.aborted && !options.signal?.aborted) throw new Error('no answer in time', { cause: error });
    throw error;
  } finally {
    clearTimeout(watch.timer);
    await handle?.close();
    // Ends a connection that is still sending.
    quiet.abort();
  }
}

/** Content that cannot be a part of the file. */
class WrongBytes extends Error {}

/**
 * A mirror that reports another size has another file (the same images packed otherwise, say): none of its bytes are kept, and what came from
 * elsewhere stays. Ranges beyond its end are answered 416, with the number.
 */
function checkTotal(response: Response, size: number): void {
  const total =
    response.status === 200
      ? response.headers.get('content-length')
      : (/\/(\d+)$/.exec(response.headers.get('content-range') ?? '')?.[1] ?? null);
  if (total !== null && Number(total) !== size) throw new Error(`has a file of ${total} bytes; expected ${size}`);
}

/** From which byte the answer's content counts. */
function startOf(response: Response, asked: number, size: number): number {
  const encoding = response.headers.get('content-encoding');
  if (encoding !== null && encoding !== 'identity') throw new Error(`answered in the encoding "${encoding}"`);
  checkTotal(response, size);
  if (response.status === 200) return 0;
  if (response.status === 206 && asked > 0) {
    const range = /^bytes (\d+)-/.exec(response.headers.get('content-range') ?? '');
    if (range && Number(range[1]) === asked) return asked;
    throw new Error(`answered with another range (${response.headers.get('content-range')}) than was asked for`);
  }
  throw new Error(`answered ${response.status} ${response.statusText}`);
}

async function writeWhole(handle: fs.FileHandle, chunk: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < chunk.length;) {
    const { bytesWritten } = await handle.write(chunk, done, chunk.length - done, position + done);
    done += bytesWritten;
  }
}

function isDiskError(error: unknown): boolean {
  return ['ENOSPC', 'EDQUOT', 'EROFS', 'EACCES', 'EPERM', 'ENOENT', 'ENOTDIR', 'EIO', 'EFBIG'].includes(codeOf(error));
}

/** A failed fetch says "fetch failed"; what failed is its cause. */
function describe(error: unknown): string {
  const cause = error instanceof TypeError ? error.cause : undefined;
  return cause instanceof Error ? cause.message || codeOf(cause) : messageOf(error);
}

/** The size of a file, or undefined if there is none. */
export async function fileSize(file: string): Promise<number | undefined> {
  try {
    return (await fs.stat(file)).size;
  } catch (error) {
    if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR') return undefined;
    throw error;
  }
}

/** SHA-256 of a file, in hexadecimal. */
export async function sha256Of(file: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(file) as AsyncIterable<Buffer>) hash.update(chunk);
  return hash.digest('hex');
}
