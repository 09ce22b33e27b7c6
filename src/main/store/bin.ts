/** The bin: what is deleted stays there, and comes back, until the bin is emptied. */
import { InputError } from '../../shared/errors.ts';
import type { ArtifactRow, ArtifactTable } from './artifacts.ts';
import type { StoreContext } from './context.ts';
import type { RunTable } from './runs.ts';
import type { RunStatus } from './types.ts';

export interface Purged {
  readonly runs: number;
  readonly projects: number;
  readonly figures: number;
  /** Bytes of artifacts given back to the disk. */
  readonly bytes: number;
}

export function binMethods(context: StoreContext, runs: RunTable, artifacts: ArtifactTable) {
  const { prepare, pluck } = context;

  /** Removes a run with all that belongs to it inside the open transaction. Returns the bytes of its files. */
  function purgeRun(seq: number): number {
    const files = prepare('SELECT seq, path, bytes FROM artifacts WHERE run = ?').all(seq) as ArtifactRow[];
    prepare('DELETE FROM runs WHERE seq = ?').run(seq);
    for (const { path } of files) context.onCommit(() => artifacts.removeFile(path));
    return files.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  function dropUnusedTags(): void {
    prepare('DELETE FROM tags WHERE NOT EXISTS (SELECT 1 FROM run_tags rt WHERE rt.tag = tags.seq)').run();
  }

  return {
    /** Moves runs to the bin. Running and queued ones are refused (InputError): cancel them first. Returns those that were moved, for the undo. */
    deleteRuns(ids: readonly string[]): string[] {
      return context.write(() => {
        const now = context.now();
        const put: string[] = [];
        for (const id of ids) {
          const status = pluck('SELECT status FROM runs WHERE seq = ?').get(runs.runSeq(id)) as RunStatus;
          if (status === 'running' || status === 'queued') {
            throw new InputError(`the run ${id} is ${status}; cancel it before deleting it`);
          }
          const { changes } = prepare('UPDATE runs SET deleted = ? WHERE id = ? AND deleted IS NULL').run(now, id);
          if (changes === 1) put.push(id);
        }
        return put;
      });
    },

    /** Takes runs out of the bin; a project that lies there comes back with them. */
    restoreRuns(ids: readonly string[]): void {
      context.write(() => {
        for (const seq of runs.runSeqs(ids)) {
          prepare('UPDATE runs SET deleted = NULL WHERE seq = ?').run(seq);
          prepare('UPDATE projects SET deleted = NULL WHERE seq = (SELECT project FROM runs WHERE seq = ?)').run(seq);
        }
      });
    },

    /** Removes runs that are in the bin, with their files. Cannot be undone. Raises InputError for a run outside the bin. */
    purgeRuns(ids: readonly string[]): Purged {
      return context.write(() => {
        let bytes = 0;
        for (const id of ids) {
          const seq = runs.runSeq(id);
          if (pluck('SELECT deleted FROM runs WHERE seq = ?').get(seq) === null) {
            throw new InputError(`the run ${id} is not in the bin; delete it first`);
          }
          bytes += purgeRun(seq);
        }
        dropUnusedTags();
        return { runs: ids.length, projects: 0, figures: 0, bytes };
      });
    },

    /** Empties the bin of what was put there before a time (default: all of it). Cannot be undone. */
    emptyBin(options: { readonly before?: number } = {}): Purged {
      const before = options.before ?? Number.MAX_SAFE_INTEGER;
      return context.write(() => {
        const seqs = pluck('SELECT seq FROM runs WHERE deleted < ?').all(before) as number[];
        let bytes = 0;
        for (const seq of seqs) bytes += purgeRun(seq);
        dropUnusedTags();
        const figures = prepare('DELETE FROM figures WHERE deleted < ?').run(before).changes;
        const emptyProject = 'deleted < ? AND NOT EXISTS (SELECT 1 FROM runs r WHERE r.project = projects.seq)';
        prepare(
          `UPDATE figures SET project = NULL WHERE project IN (SELECT seq FROM projects WHERE ${emptyProject})`,
        ).run(before);
        const projects = prepare(`DELETE FROM projects WHERE ${emptyProject}`).run(before).changes;
        return { runs: seqs.length, projects, figures, bytes };
      });
    },
  };
}
