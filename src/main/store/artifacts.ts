/**
 * Files that belong to rows: arrays of measurements, checkpoints, files of a run. A file is complete and synced under its final name before
 * its row is committed, and is removed only after the row is gone; so that a crash leaves at worst a file without a row, which the doctor finds.
 */
import { createHash } from 'node:crypto';
import { closeSync, existsSync, openSync, readSync, renameSync, rmdirSync, rmSync, statSync } from 'node:fs';
import { extname, join } from 'node:path';
import { InputError } from '../../shared/errors.ts';
import type { StoreContext } from './context.ts';
import { copyDurably, renameDurably, syncFile, writeNewFile } from './durable.ts';
import { storeNames } from './location.ts';
import type { RunTable } from './runs.ts';
import type { Artifact, ArtifactKind, ArtifactSource } from './types.ts';

export interface ArtifactRow {
  readonly seq: number;
  readonly kind: ArtifactKind;
  readonly name: string;
  readonly path: string;
  readonly bytes: number;
  readonly sha256: string;
  readonly state: Artifact['state'];
}

export const artifactColumns = 'a.seq, a.kind, a.name, a.path, a.bytes, a.sha256, a.state';

export function artifactMethods(context: StoreContext, runs: RunTable) {
  const { prepare } = context;
  const root = join(context.folder, storeNames.artifacts);

  function stagingPath(name = 'file'): string {
    return join(context.staging.folder(), `${context.newId()}-${safeName(name)}`);
  }

  function artifactOf({ kind, name, path, bytes, sha256, state }: ArtifactRow): Artifact {
    return { kind, name, path: join(root, ...path.split('/')), bytes, sha256, state };
  }

  function removeFile(path: string): void {
    rmSync(join(root, ...path.split('/')), { force: true });
    try {
      rmdirSync(join(root, path.split('/')[0]));
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code ?? '';
      // The run has other files, or the folder is gone.
      if (!['ENOTEMPTY', 'EEXIST', 'ENOENT'].includes(code)) throw error;
    }
  }

  /** Brings a file into the store inside the open transaction and returns the `seq` of its row. `file`: its name there, without folder. */
  function place(
    run: number,
    runId: string,
    kind: ArtifactKind,
    name: string,
    file: string,
    source: ArtifactSource,
  ): number {
    const staged = 'chunks' in source ? stage(source.chunks, file) : adopt(source, file);
    const path = `${runId}/${file}`;
    const target = join(root, runId, file);
    if (existsSync(target)) throw new Error(`${target} exists already`);
    renameDurably(staged.path, target);
    // Moved back: a file that could not be stored stays with the caller.
    context.onRollback(() => renameSync(target, staged.path));
    return Number(
      prepare('INSERT INTO artifacts (run, kind, name, path, bytes, sha256, created) VALUES (?, ?, ?, ?, ?, ?, ?)').run(
        run,
        kind,
        name,
        path,
        staged.bytes,
        staged.sha256,
        context.now(),
      ).lastInsertRowid,
    );
  }

  function stage(chunks: Iterable<Uint8Array>, name: string): { path: string; bytes: number; sha256: string } {
    const path = stagingPath(name);
    const hash = createHash('sha256');
    const bytes = writeNewFile(path, hashed(chunks, hash));
    context.onRollback(() => rmSync(path, { force: true }));
    return { path, bytes, sha256: hash.digest('hex') };
  }

  function adopt(source: Extract<ArtifactSource, { file: string }>, name: string) {
    const stats = statSync(source.file, { throwIfNoEntry: false });
    if (stats === undefined || !stats.isFile()) throw new InputError(`${source.file}: expected a file, found none`);
    if (source.bytes !== undefined && source.bytes !== stats.size) {
      throw new InputError(`${source.file}: expected ${source.bytes} bytes, found ${stats.size}; it was not stored`);
    }
    const sha256 = source.sha256 ?? hashFile(source.file);
    if (!/^[0-9a-f]{64}$/.test(sha256))
      throw new InputError(`${source.file}: the SHA-256 given for it is not valid: ${sha256}`);
    syncFile(source.file);
    if (stats.dev === statSync(context.folder).dev) return { path: source.file, bytes: stats.size, sha256 };
    const path = stagingPath(name);
    copyDurably(source.file, path);
    context.onRollback(() => rmSync(path, { force: true }));
    context.onCommit(() => rmSync(source.file, { force: true }));
    return { path, bytes: stats.size, sha256 };
  }

  /** Removes a row inside the open transaction, and its file once that is through. */
  function drop(row: Pick<ArtifactRow, 'seq' | 'path'>): void {
    prepare('DELETE FROM artifacts WHERE seq = ?').run(row.seq);
    context.onCommit(() => removeFile(row.path));
  }

  return {
    place,
    drop,
    artifactOf,
    removeFile,

    /** A path on the store's disk for a worker to write an artifact to; what is left there is removed with this process, or when the store is next opened for writing. */
    stagingPath,

    /** Keeps a file with a run under a name (weights that it starts from, a patch of the source); replaces the one of that name. */
    addFile(runId: string, name: string, source: ArtifactSource): Artifact {
      if (name === '' || name.length > 200) throw new InputError('the name of a file has 1 to 200 characters');
      return context.write(() => {
        const run = runs.runSeq(runId);
        const find = prepare(
          `SELECT ${artifactColumns} FROM artifacts a WHERE a.run = ? AND a.kind = 'file' AND a.name = ?`,
        );
        const old = find.get(run, name) as ArtifactRow | undefined;
        if (old !== undefined) drop(old);
        const stem = safeName(name.slice(0, name.length - extname(name).length));
        place(run, runId, 'file', name, `${stem}-${context.newId()}${safeName(extname(name))}`, source);
        return artifactOf(find.get(run, name) as ArtifactRow);
      });
    },

    /** Every file of a run. */
    artifacts(runId: string): Artifact[] {
      const rows = prepare(`SELECT ${artifactColumns} FROM artifacts a WHERE a.run = ? ORDER BY a.seq`).all(
        runs.runSeq(runId),
      );
      return (rows as ArtifactRow[]).map(artifactOf);
    },

    /** Bytes that the files of runs take. */
    artifactBytes(runIds?: readonly string[]): number {
      const sum = 'SELECT coalesce(sum(bytes), 0) FROM artifacts';
      return (
        runIds === undefined
          ? context.pluck(sum).get()
          : context
              .pluck(`${sum} WHERE run IN (SELECT value FROM json_each(?))`)
              .get(JSON.stringify(runs.runSeqs(runIds)))
      ) as number;
    },
  };
}

export type ArtifactTable = ReturnType<typeof artifactMethods>;

/** Letters, digits, ".", "_" and "-" of ASCII, 80 characters at most; anything else becomes "_". */
export function safeName(name: string): string {
  return name
    .replace(/[^A-Za-z0-9._-]/g, '_')
    .replace(/^\.+(?=.*\.)/, '_')
    .slice(0, 80);
}

/** SHA-256 of a file's content, in hexadecimal. */
export function hashFile(path: string): string {
  const hash = createHash('sha256');
  const buffer = Buffer.allocUnsafe(1 << 20);
  const file = openSync(path, 'r');
  try {
    for (let read = readSync(file, buffer); read > 0; read = readSync(file, buffer))
      hash.update(buffer.subarray(0, read));
  } finally {
    closeSync(file);
  }
  return hash.digest('hex');
}

function* hashed(chunks: Iterable<Uint8Array>, hash: ReturnType<typeof createHash>): Generator<Uint8Array> {
  for (const chunk of chunks) {
    hash.update(chunk);
    yield chunk;
  }
}
