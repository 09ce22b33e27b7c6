/** Checkpoints: what a run resumes from, and what is measured again later. */
import { InputError } from '../../shared/errors.ts';
import type { ArtifactRow, ArtifactTable } from './artifacts.ts';
import { storedJson, type StoreContext } from './context.ts';
import { jsonText } from './experiments.ts';
import { checkStep } from './measurements.ts';
import type { RunTable } from './runs.ts';
import type { Checkpoint, Json, NewCheckpoint } from './types.ts';

interface Row extends ArtifactRow {
  readonly checkpoint: number;
  readonly id: string;
  readonly run: string;
  readonly step: number;
  readonly epoch: number | null;
  readonly saved: string;
  readonly created: number;
}

const select = `SELECT c.seq AS checkpoint, c.id, r.id AS run, c.step, c.epoch, c.state AS saved, c.created,
    a.seq, a.kind, a.name, a.path, a.bytes, a.sha256, a.state
  FROM checkpoints c JOIN runs r ON r.seq = c.run JOIN artifacts a ON a.seq = c.artifact`;

export function checkpointMethods(context: StoreContext, runs: RunTable, artifacts: ArtifactTable) {
  const { prepare } = context;

  function checkpointOf(row: Row): Checkpoint {
    const { id, run, step, epoch, saved, created } = row;
    return { id, run, step, epoch, state: storedJson<Json>(saved), file: artifacts.artifactOf(row), created };
  }

  function drop(row: Row): void {
    prepare('DELETE FROM checkpoints WHERE seq = ?').run(row.checkpoint);
    artifacts.drop(row);
  }

  function rowsOf(run: number): Row[] {
    return prepare(`${select} WHERE c.run = ? ORDER BY c.step`).all(run) as Row[];
  }

  return {
    /** Stores a checkpoint; one at the same step is replaced. Returns its id. */
    addCheckpoint(runId: string, checkpoint: NewCheckpoint): string {
      const { step } = checkpoint;
      checkStep(step);
      return context.write(() => {
        const run = runs.runSeq(runId);
        const old = prepare(`${select} WHERE c.run = ? AND c.step = ?`).get(run, step) as Row | undefined;
        if (old !== undefined) drop(old);
        const id = context.newId();
        const file = `checkpoint-step-${step}-${id}.safetensors`;
        const artifact = artifacts.place(run, runId, 'checkpoint', String(step), file, checkpoint.file);
        prepare(
          'INSERT INTO checkpoints (id, run, step, epoch, state, artifact, created) VALUES (?, ?, ?, ?, ?, ?, ?)',
        ).run(
          id,
          run,
          step,
          checkpoint.epoch ?? null,
          jsonText(checkpoint.state ?? null, 'state'),
          artifact,
          checkpoint.created ?? context.now(),
        );
        return id;
      });
    },

    /** By step. */
    checkpoints(runId: string): Checkpoint[] {
      return rowsOf(runs.runSeq(runId)).map(checkpointOf);
    },

    /** The last one whose file is neither missing nor damaged as far as the doctor knows; what a run resumes from. */
    lastCheckpoint(runId: string): Checkpoint | undefined {
      const row = prepare(`${select} WHERE c.run = ? AND a.state = 'present' ORDER BY c.step DESC LIMIT 1`).get(
        runs.runSeq(runId),
      ) as Row | undefined;
      return row && checkpointOf(row);
    },

    getCheckpoint(id: string): Checkpoint | undefined {
      const row = prepare(`${select} WHERE c.id = ?`).get(id) as Row | undefined;
      return row && checkpointOf(row);
    },

    deleteCheckpoint(id: string): void {
      context.write(() => {
        const row = prepare(`${select} WHERE c.id = ?`).get(id) as Row | undefined;
        if (row === undefined) throw new InputError(`no checkpoint has the id ${JSON.stringify(id)}`);
        drop(row);
      });
    },

    /** Removes all but the last `keep` (>= 0) of a run. */
    pruneCheckpoints(runId: string, keep: number): void {
      if (!(Number.isInteger(keep) && keep >= 0))
        throw new InputError(`keep: expected a whole number >= 0, got ${keep}`);
      context.write(() => {
        const rows = rowsOf(runs.runSeq(runId));
        for (const row of rows.slice(0, Math.max(0, rows.length - keep))) drop(row);
      });
    },
  };
}

export type CheckpointTable = ReturnType<typeof checkpointMethods>;
