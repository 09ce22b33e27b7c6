/** Checking a store, and repairing what can be repaired: what `covature doctor` and the settings page show. */
import type { StoreProblemCode, StoreProblem } from './problems.ts';
import { createHash } from 'node:crypto';
import { createReadStream, readdirSync, rmdirSync, rmSync, statSync, type Dirent } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { setImmediate } from 'node:timers/promises';
import { crc32 } from 'node:zlib';
import { isTemporaryName } from '../../data/files.ts';
import { artifactColumns, type ArtifactRow } from './artifacts.ts';
import type { StoreContext } from './context.ts';
import { databaseProblems } from './database-check.ts';
import { databasePath, storeNames } from './location.ts';

export interface DoctorOptions {
  /** Repair what can be repaired; needs a store opened for writing. Default false. */
  readonly repair?: boolean;
  /** Read every artifact and compare its SHA-256 (default), or look at sizes alone. */
  readonly checksums?: boolean;
  /** Checks the database file elsewhere (`checkDatabase`), since it takes all of a thread for seconds; here by default. */
  readonly database?: () => Promise<readonly StoreProblem[]>;
  /** Told after every artifact. */
  readonly progress?: (done: number, total: number) => void;
}

export interface StoreReport {
  readonly problems: readonly StoreProblem[];
  readonly runs: number;
  readonly artifacts: number;
  readonly chunks: number;
  /** Bytes of artifacts read for their checksums. */
  readonly bytesRead: number;
}

export interface StoreSize {
  readonly database: number;
  readonly artifacts: number;
  readonly backups: number;
  /** Bytes of files whose runs are in the bin. */
  readonly bin: number;
}

const chunksAtOnce = 200;

export function doctorMethods(context: StoreContext) {
  const { prepare, pluck } = context;
  const root = join(context.folder, storeNames.artifacts);

  return {
    /** Checks database, series and files. Takes as long as reading all artifacts does; other calls may be made meanwhile. */
    async doctor(options: DoctorOptions = {}): Promise<StoreReport> {
      const { repair = false, checksums = true } = options;
      const problems: StoreProblem[] = [];
      const mend = (
        code: StoreProblemCode,
        message: string,
        where: { path?: string; run?: string },
        action?: () => void,
      ) => {
        if (repair && action !== undefined) action();
        problems.push({ code, message, ...where, mended: repair && action !== undefined });
      };

      problems.push(...(await (options.database?.() ?? databaseProblems(context.db))));
      const chunks = await checkChunks(mend);
      // Files before rows: a file that comes in between has its row; one that goes in between took its row along.
      const files = filesBelow(root);
      const rows = prepare(
        `SELECT ${artifactColumns}, r.id AS run FROM artifacts a JOIN runs r ON r.seq = a.run ORDER BY a.seq`,
      ).all() as (ArtifactRow & { run: string })[];
      let bytesRead = 0;
      for (const [i, row] of rows.entries()) {
        const path = join(root, ...row.path.split('/'));
        const checked = await stateOf(path, row, checksums);
        bytesRead += checked.bytesRead;
        options.progress?.(i + 1, rows.length);
        const isThere = pluck('SELECT 1 FROM artifacts WHERE seq = ?').get(row.seq) !== undefined;
        if (!isThere) continue;
        const mark = (): void => {
          context.write(() => prepare('UPDATE artifacts SET state = ? WHERE seq = ?').run(checked.state, row.seq));
        };
        if (checked.state === 'missing') {
          mend(
            'artifact-missing',
            `${describe(row)} is gone: ${path}. The numbers taken from it are kept; measure again to get the arrays`,
            { path, run: row.run },
            mark,
          );
        } else if (checked.state === 'damaged') {
          mend(
            'artifact-damaged',
            `${describe(row)} is not what was stored (${checked.reason}): ${path}. Restore it from a backup, or measure again`,
            { path, run: row.run },
            mark,
          );
        } else if (row.state !== 'present' && repair) {
          // Someone put the file back.
          mark();
        }
      }

      const named = new Set(rows.map((row) => row.path));
      for (const path of files) {
        const name = relative(root, path).split(sep).join('/');
        if (named.has(name)) continue;
        const code = isTemporaryName(name.slice(name.lastIndexOf('/') + 1)) ? 'temporary' : 'orphan';
        const message =
          code === 'temporary'
            ? `a file that was never finished: ${path}`
            : `a file that no run knows, as a crash between writing and registering leaves: ${path}`;
        // Once nobody else writes, a file that is being registered has its row.
        const isStill = (): boolean => pluck('SELECT 1 FROM artifacts WHERE path = ?').get(name) === undefined;
        if (!isStill()) continue;
        mend(code, message, { path }, () => {
          context.write(() => {
            if (isStill()) rmSync(path, { force: true });
          });
        });
      }
      if (repair) removeEmptyFolders(root);
      return { problems, runs: count('runs'), artifacts: rows.length, chunks, bytesRead };
    },

    /** Bytes on disk. */
    storeSize(): StoreSize {
      const database = ['', '-wal', '-shm'].reduce(
        (sum, suffix) => sum + sizeOf(databasePath(context.folder) + suffix),
        0,
      );
      const below = (name: string): number =>
        filesBelow(join(context.folder, name)).reduce((sum, path) => sum + sizeOf(path), 0);
      const bin = pluck(
        'SELECT coalesce(sum(a.bytes), 0) FROM artifacts a JOIN runs r ON r.seq = a.run WHERE r.deleted IS NOT NULL',
      ).get() as number;
      return { database, artifacts: below(storeNames.artifacts), backups: below(storeNames.backups), bin };
    },
  };

  function count(table: 'runs'): number {
    return pluck(`SELECT count(*) FROM ${table}`).get() as number;
  }

  /** Checksums of all chunks, page by page so that others are served between, and the counts that series keep. Returns the number of chunks. */
  async function checkChunks(
    mend: (code: StoreProblemCode, message: string, where: { run: string }, action?: () => void) => void,
  ): Promise<number> {
    interface Row {
      readonly seq: number;
      readonly number: number;
      readonly crc: number;
      readonly data: Uint8Array;
      readonly name: string;
      readonly run: string;
    }
    let chunks = 0;
    const page = prepare(
      `SELECT c.rowid AS seq, c.number, c.crc, c.data, s.name, r.id AS run
       FROM chunks c JOIN series s ON s.seq = c.series JOIN runs r ON r.seq = s.run WHERE c.rowid > ? ORDER BY c.rowid LIMIT ?`,
    );
    let last = 0;
    for (;;) {
      const rows = page.all(last, chunksAtOnce) as Row[];
      for (const { seq, number, crc, data, name, run } of rows) {
        last = seq;
        if (crc32(data) === crc) continue;
        mend('chunk', `run ${run}: points of ${name} (batch ${number}) have changed on the disk. Restore a backup`, {
          run,
        });
      }
      chunks += rows.length;
      if (rows.length < chunksAtOnce) break;
      await setImmediate();
    }
    const wrong = prepare(
      `SELECT s.seq, s.name, r.id AS run FROM series s JOIN runs r ON r.seq = s.run
       LEFT JOIN (SELECT series, sum(points) AS points, max(last_step) AS last_step FROM chunks GROUP BY series) c ON c.series = s.seq
       WHERE s.points <> coalesce(c.points, 0) OR s.last_step IS NOT c.last_step`,
    ).all() as { seq: number; name: string; run: string }[];
    for (const { seq, name, run } of wrong) {
      mend('count', `run ${run}: the count of points of ${name} is wrong`, { run }, () => {
        context.write(() =>
          prepare(
            `UPDATE series SET points = (SELECT coalesce(sum(points), 0) FROM chunks WHERE series = series.seq),
               last_step = (SELECT max(last_step) FROM chunks WHERE series = series.seq) WHERE seq = ?`,
          ).run(seq),
        );
      });
    }
    return chunks;
  }
}

function describe(row: ArtifactRow & { run: string }): string {
  const what =
    row.kind === 'measurement'
      ? `the arrays of a measurement of ${row.name}`
      : row.kind === 'checkpoint'
        ? `the checkpoint at step ${row.name}`
        : `the file ${row.name}`;
  return `run ${row.run}: ${what}`;
}

async function stateOf(
  path: string,
  row: ArtifactRow,
  checksums: boolean,
): Promise<{ state: ArtifactRow['state']; bytesRead: number; reason?: string }> {
  const stats = statSync(path, { throwIfNoEntry: false });
  if (stats === undefined || !stats.isFile()) return { state: 'missing', bytesRead: 0 };
  if (stats.size !== row.bytes) {
    return { state: 'damaged', bytesRead: 0, reason: `${stats.size} bytes instead of ${row.bytes}` };
  }
  if (!checksums)
    return { state: row.state === 'damaged' ? 'damaged' : 'present', bytesRead: 0, reason: 'as found before' };
  const hash = createHash('sha256');
  await pipeline(createReadStream(path, { highWaterMark: 1 << 20 }), hash);
  const same = hash.digest('hex') === row.sha256;
  return { state: same ? 'present' : 'damaged', bytesRead: stats.size, reason: 'its checksum differs' };
}

function filesBelow(folder: string): string[] {
  let entries: Dirent[];
  try {
    entries = readdirSync(folder, { withFileTypes: true, recursive: true });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
  return entries.filter((entry) => !entry.isDirectory()).map((entry) => join(entry.parentPath, entry.name));
}

/** Removes folders in which there is no file, at any depth. */
function removeEmptyFolders(folder: string): void {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (!entry.isDirectory()) continue;
    const path = join(folder, entry.name);
    removeEmptyFolders(path);
    if (readdirSync(path).length === 0) rmdirSync(path);
  }
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}
