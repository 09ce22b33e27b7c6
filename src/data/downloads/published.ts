/** Published data sets on this machine: which are there, downloading those that are not, and what to do without a network. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { InputError, messageOf } from '../../shared/errors.ts';
import { writeFileAtomic } from '../files.ts';
import { makeFolders } from '../folders.ts';
import { readTar } from '../formats/tar.ts';
import type { PublishedDataset, PublishedFile } from './catalogue.ts';
import { partialName, sha256Of, fileSize, transfer, TransferError, type TransferOptions } from './transfer.ts';

export interface DownloadProgress {
  /** "downloading", or "unpacking" an archive. */
  readonly stage: 'downloading' | 'unpacking';
  /** The file it is about. */
  readonly file: string;
  /** Bytes of the whole data set that are here, and that there will be. */
  readonly received: number;
  readonly total: number;
}

export interface DownloadOptions extends Omit<TransferOptions, 'progress'> {
  readonly progress?: (progress: DownloadProgress) => void;
}

export interface PublishedStatus {
  /** `complete`: every file is there with a plausible size; `partial`: some are, or a download was cut off; `absent`. */
  readonly state: 'complete' | 'partial' | 'absent';
  readonly folder: string;
  /** Names of the files that are missing. */
  readonly missing: readonly string[];
  /** Bytes to fetch, without what a cut-off download has already. */
  readonly bytesToFetch: number;
}

/** Which files of a data set are in `folder` (by sizes and names only, which is quick). A plain IDX file counts as its .gz. */
export async function publishedStatus(dataset: PublishedDataset, folder: string): Promise<PublishedStatus> {
  const missing: string[] = [];
  let present = 0;
  for (const { name, size } of dataset.unpacked ?? []) {
    const presentSize =
      (await fileSize(path.join(folder, name))) ?? (await fileSize(path.join(folder, 'cifar-10-batches-bin', name)));
    if (presentSize === size) present++;
    else missing.push(name);
  }
  let bytesToFetch = 0;
  let started = false;
  for (const file of dataset.files) {
    const got = (await fileSize(path.join(folder, partialName(file.name)))) ?? 0;
    if (got > 0) started = true;
    if (dataset.unpacked) {
      if (missing.length > 0 && (await fileSize(path.join(folder, file.name))) !== file.size)
        bytesToFetch += file.size - got;
    } else if (await isThere(file, folder)) {
      present++;
    } else {
      missing.push(file.name);
      bytesToFetch += file.size - got;
    }
  }
  const state = missing.length === 0 ? 'complete' : present > 0 || started ? 'partial' : 'absent';
  return { state, folder, missing, bytesToFetch };
}

async function isThere(file: PublishedFile, folder: string): Promise<boolean> {
  for (const name of [file.name, file.name.replace(/\.gz$/, '')])
    if (((await fileSize(path.join(folder, name))) ?? 0) > 0) return true;
  return false;
}

/**
 * Downloads what is missing of `dataset` into `folder` (created if needed), continues an earlier download, checks sizes and SHA-256, and unpacks an archive. Files
 * that are there and hold the right bytes are left alone; wrong ones are replaced once the right ones have arrived.
 * Raises the signal's reason when cancelled (partial downloads are kept), and, if no mirror answers, an Error whose message says which files to
 * put where.
 */
export async function downloadPublished(
  dataset: PublishedDataset,
  folder: string,
  options: DownloadOptions = {},
): Promise<void> {
  const { signal, progress } = options;
  makeFolders(folder);
  const total = dataset.files.reduce((sum, file) => sum + file.size, 0);
  if (dataset.unpacked && (await publishedStatus(dataset, folder)).state === 'complete') return;
  let before = 0;
  for (const file of dataset.files) {
    const tell = (stage: DownloadProgress['stage'], received: number) =>
      progress?.({ stage, file: file.name, received: before + received, total });
    if (await hasContent(file, folder)) {
      tell('downloading', file.size);
    } else {
      try {
        await transfer(file, folder, { ...options, progress: (received) => tell('downloading', received) });
      } catch (error) {
        if (error instanceof TransferError)
          throw new Error(
            `${dataset.title} could not be downloaded (${error.message}).\n${offlineAdvice(dataset, folder)}`,
            {
              cause: error,
            },
          );
        throw error;
      }
    }
    before += file.size;
    if (dataset.unpacked) {
      tell('unpacking', 0);
      await unpack(dataset, file, folder, signal);
    }
  }
}

/** Whether a .gz file, or its plain form, holds the published content in another packing. */
async function hasContent(file: PublishedFile, folder: string): Promise<boolean> {
  if (file.contentSha256 === undefined) return false;
  const packed = path.join(folder, file.name);
  const plain = packed.replace(/\.gz$/, '');
  for (const name of [plain, packed]) {
    if ((await fileSize(name)) === undefined) continue;
    const hash = createHash('sha256');
    try {
      const source = createReadStream(name);
      if (name === packed) await pipeline(source, createGunzip(), hash);
      else await pipeline(source, hash);
    } catch {
      // Damaged: it will be fetched again.
      continue;
    }
    if (hash.digest('hex') === file.contentSha256) return true;
  }
  return false;
}

/**
 * Unpacks the archive of a data set if someone put it into `folder` (the checksum is verified) and its contents are not there yet. Needs no network.
 */
export async function unpackIfThere(dataset: PublishedDataset, folder: string, signal?: AbortSignal): Promise<void> {
  const archive = dataset.files[0];
  if (!dataset.unpacked || !archive || (await publishedStatus(dataset, folder)).state === 'complete') return;
  const file = path.join(folder, archive.name);
  const size = await fileSize(file);
  if (size === undefined) return;
  const actual = size === archive.size ? await sha256Of(file) : `${size} bytes`;
  if (actual !== archive.sha256)
    throw new InputError(`${file}: expected ${archive.size} bytes with SHA-256 ${archive.sha256}, found ${actual}`);
  await unpack(dataset, archive, folder, signal);
}

/** Takes the wanted files out of a tar.gz archive that has the right checksum, then removes it. */
async function unpack(
  dataset: PublishedDataset,
  file: PublishedFile,
  folder: string,
  signal?: AbortSignal,
): Promise<void> {
  const archive = path.join(folder, file.name);
  const sizes = new Map((dataset.unpacked ?? []).map(({ name, size }) => [name, size]));
  const limit = 2 * [...sizes.values()].reduce((sum, size) => sum + size, 2 ** 20);
  const source = createReadStream(archive);
  const gunzip = createGunzip();
  // A failure of the source must end the reading loop below.
  source.on('error', (error) => gunzip.destroy(error));
  source.pipe(gunzip);
  try {
    for await (const entry of readTar(gunzip as AsyncIterable<Buffer>, archive, limit)) {
      signal?.throwIfAborted();
      const name = entry.name.split('/').at(-1);
      if (!entry.isFile || sizes.get(name) === undefined) continue;
      if (entry.size !== sizes.get(name))
        throw new InputError(`${archive}: ${name}: expected ${sizes.get(name)} bytes, found ${entry.size}`);
      await writeFileAtomic(path.join(folder, name), entry.body);
      sizes.delete(name);
    }
  } catch (error) {
    signal?.throwIfAborted();
    throw error instanceof InputError
      ? error
      : new Error(`${archive}: cannot be unpacked: ${messageOf(error)}`, { cause: error });
  } finally {
    source.destroy();
    gunzip.destroy();
  }
  if (sizes.size > 0)
    throw new InputError(`${archive}: expected ${[...sizes.keys()].join(', ')} in it; they are not there`);
  await fs.rm(archive, { force: true });
}

/** Which files to put where on a machine without a network, for a message. */
export function offlineAdvice(dataset: PublishedDataset, folder: string): string {
  const lines = dataset.files.map(
    (file) => `  ${file.name}  ${megabytes(file.size)}  ${file.urls[0]}\n    SHA-256 ${file.sha256}`,
  );
  const unpacked = dataset.unpacked
    ? `\nor what it holds: ${dataset.unpacked.map(({ name }) => name).join(', ')}`
    : '\n(each may be unpacked, then without .gz)';
  return `Without a network, fetch on another machine and put into the folder ${folder}\n${lines.join('\n')}${unpacked}`;
}

function megabytes(bytes: number): string {
  return bytes < 1e5 ? `${(bytes / 1e3).toFixed(1)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}
