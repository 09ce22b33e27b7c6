/**
 * Files on disk: whole or not at all. Everything the program writes goes to a temporary name in the same folder, is synced, and is
 * renamed over the target; then the folder is synced. A crash leaves either the old file or the new one, and perhaps a temporary
 * file, which `isTemporaryName` recognises and `covature doctor` removes.
 */
import { randomBytes } from 'node:crypto';
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { InputError, messageOf } from '../shared/errors.ts';
import { refuseLookalike } from './lookalikes.ts';

/** ".result.safetensors.3f9a0c11d2e4.partial": hidden, in the target's folder. */
const temporaryPattern = /^\..+\.[0-9a-f]{12}\.partial$/;

/** Whether a file name (without its folder) is one that `writeFileAtomic` left behind when it was killed. */
export function isTemporaryName(name: string): boolean {
  return temporaryPattern.test(name);
}

export type Chunks = string | Uint8Array | Iterable<Uint8Array> | AsyncIterable<Uint8Array>;

/**
 * Writes `content` to `target` atomically (see above); an existing file keeps its content until the rename. Chunks may be of any size.
 * The folder must exist. Raises an Error that names the file and the reason (disk full, read-only, no such folder), and
 * leaves no temporary file behind unless the process is killed.
 */
export async function writeFileAtomic(target: string, content: Chunks): Promise<void> {
  const folder = path.dirname(target);
  const temporary = path.join(folder, `.${path.basename(target)}.${randomBytes(6).toString('hex')}.partial`);
  let file: fs.FileHandle | undefined;
  try {
    file = await fs.open(temporary, 'wx');
    for await (const chunk of chunksOf(content)) await writeAll(file, chunk);
    await file.sync();
    await file.close();
    file = undefined;
    await fs.rename(temporary, target);
  } catch (error) {
    await file?.close().catch(() => undefined);
    await fs.rm(temporary, { force: true }).catch(() => undefined);
    throw new Error(`${target}: cannot be written: ${reasonOf(error)}`, { cause: error });
  }
  await syncFolder(folder);
}

function chunksOf(content: Chunks): Iterable<Uint8Array> | AsyncIterable<Uint8Array> {
  if (typeof content === 'string') return [Buffer.from(content, 'utf8')];
  return content instanceof Uint8Array ? [content] : content;
}

/** One write call takes less than 2 GiB and may take less than it was given. */
async function writeAll(file: fs.FileHandle, chunk: Uint8Array): Promise<void> {
  const largest = 1 << 28;
  for (let start = 0; start < chunk.length;) {
    const { bytesWritten } = await file.write(chunk, start, Math.min(largest, chunk.length - start));
    if (bytesWritten === 0) throw new Error('no bytes were taken');
    start += bytesWritten;
  }
}

/** Faults of network file systems that refuse to sync a folder; the file itself is synced. */
export const cannotSyncFolders: ReadonlySet<string> = new Set(['EINVAL', 'ENOTSUP', 'EOPNOTSUPP', 'EBADF', 'EISDIR']);

/** Makes a rename in `folder` durable. Windows cannot sync a folder and does not need it. */
export async function syncFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return;
  const handle = await fs.open(folder, 'r');
  try {
    await handle.sync();
  } catch (error) {
    if (!cannotSyncFolders.has(codeOf(error))) throw error;
  } finally {
    await handle.close();
  }
}

/**
 * The bytes of a file a user named. Raises an InputError naming the file when it is not there, is a folder or cannot be read, or is larger than
 * `limit` bytes (default 2 GiB), and for one that is clearly something else (a Git LFS pointer, a web page; lookalikes.ts).
 */
export async function readInputFile(file: string, limit = 2 ** 31): Promise<Uint8Array<ArrayBuffer>> {
  let handle: fs.FileHandle | undefined;
  try {
    handle = await fs.open(file, 'r');
    const stats = await handle.stat();
    if (!stats.isFile())
      throw new InputError(`${file}: expected a file, found ${stats.isDirectory() ? 'a folder' : 'something else'}`);
    if (stats.size > limit) throw new InputError(`${file}: expected at most ${limit} bytes, found ${stats.size}`);
    const bytes = await readRange(handle, 0, stats.size, file);
    refuseLookalike(bytes, file);
    return bytes;
  } catch (error) {
    throw inputErrorOf(error, file);
  } finally {
    await handle?.close();
  }
}

/** `length` bytes from `position`, in a buffer of its own that starts at offset 0. Raises an InputError when the file ends before. */
export async function readRange(
  handle: fs.FileHandle,
  position: number,
  length: number,
  name: string,
): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new Uint8Array(length);
  const largest = 1 << 28;
  for (let done = 0; done < length;) {
    const { bytesRead } = await handle.read(bytes, done, Math.min(largest, length - done), position + done);
    if (bytesRead === 0)
      throw new InputError(`${name}: ends early: expected ${length} bytes from byte ${position}, found ${done}`);
    done += bytesRead;
  }
  return bytes;
}

/** An InputError for failures to open a file that the user named; other errors are returned unchanged. */
export function inputErrorOf(error: unknown, file: string): unknown {
  const known = ['ENOENT', 'EACCES', 'EPERM', 'EISDIR', 'ENOTDIR', 'ELOOP', 'ENAMETOOLONG', 'ERR_INVALID_ARG_VALUE'];
  if (!known.includes(codeOf(error))) return error;
  return new InputError(`${file}: ${reasonOf(error)}`, { cause: error });
}

/** The `code` of a system error ("ENOENT"), or the empty string. */
export function codeOf(error: unknown): string {
  const code: unknown = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? code : '';
}

/** A system error in words, its code in brackets. */
export function reasonOf(error: unknown): string {
  const code = codeOf(error);
  const words: Record<string, string> = {
    ENOSPC: 'the disk is full',
    EDQUOT: 'the disk quota is used up',
    EROFS: 'the file system is read-only',
    EACCES: 'permission denied',
    EPERM: 'operation not permitted',
    ENOENT: 'no such file or folder',
    ENOTDIR: 'a part of the path is not a folder',
    EISDIR: 'is a folder',
    EFBIG: 'the file would be too large for this file system',
    EIO: 'the disk reports an error',
    EMFILE: 'too many open files',
    ENAMETOOLONG: 'the name is too long',
    ELOOP: 'too many symbolic links',
  };
  return code in words ? `${words[code]} (${code})` : messageOf(error);
}
