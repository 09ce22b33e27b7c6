/** Runs: making them, their states, changes by hand, tags. */
import { hostname } from 'node:os';
import { InputError } from '../../shared/errors.ts';
import { fold, storedJson, type StoreContext } from './context.ts';
import { fieldsOf, jsonText, seedOf, setupOf, textsOf } from './experiments.ts';
import { nameOf, type ProjectTable } from './projects.ts';
import { readRows } from './rows.ts';
import type { SummaryTable } from './summary.ts';
import {
  finalStatuses,
  runStatuses,
  type Json,
  type NewRun,
  type RunUpdate,
  type RunRecord,
  type RunStatus,
  type StatusChange,
  type SummaryInput,
} from './types.ts';

/** Of an id, for `findRun`. */
const shortestPart = 4;

export function runMethods(context: StoreContext, projects: ProjectTable, summary: SummaryTable) {
  const { prepare, pluck } = context;

  /** `seq` of a run. Raises InputError if there is none. */
  function runSeq(id: string): number {
    const seq = pluck('SELECT seq FROM runs WHERE id = ?').get(id) as number | undefined;
    if (seq === undefined) throw new InputError(`no run has the id ${JSON.stringify(id)}`);
    return seq;
  }

  function runSeqs(ids: readonly string[]): number[] {
    return ids.map(runSeq);
  }

  function getRun(id: string): RunRecord | undefined {
    const seq = pluck('SELECT seq FROM runs WHERE id = ?').get(id) as number | undefined;
    if (seq === undefined) return undefined;
    const row = readRows(context, [seq])[0];
    const more = prepare(
      `SELECT t.experiment, t.provenance, r.pid, r.host, r.next_batch AS nextBatch, r.revision
       FROM runs r JOIN run_texts t ON t.run = r.seq WHERE r.seq = ?`,
    ).get(seq) as { experiment: string; provenance: string } & Pick<
      RunRecord,
      'pid' | 'host' | 'nextBatch' | 'revision'
    >;
    return {
      ...row,
      ...more,
      values: summary.allValuesOf(seq),
      experiment: storedJson<Json>(more.experiment),
      provenance: storedJson<Json>(more.provenance),
    };
  }

  function setTags(seq: number, tags: readonly string[]): void {
    prepare('DELETE FROM run_tags WHERE run = ?').run(seq);
    for (const tag of new Set(tags.map((text) => nameOf(text, 'tag')))) {
      prepare('INSERT INTO tags (name) VALUES (?) ON CONFLICT DO NOTHING').run(tag);
      prepare('INSERT INTO run_tags (run, tag) SELECT ?, seq FROM tags WHERE name = ?').run(seq, tag);
    }
  }

  function refreshSearch(seq: number): void {
    const row = prepare(
      `SELECT r.name, t.notes, t.error, t.experiment,
         (SELECT group_concat(g.name, ' ') FROM run_tags rt JOIN tags g ON g.seq = rt.tag WHERE rt.run = r.seq) AS tags
       FROM runs r JOIN run_texts t ON t.run = r.seq WHERE r.seq = ?`,
    ).get(seq) as {
      name: string;
      notes: string;
      error: string | null;
      experiment: string;
      tags: string | null;
    };
    const texts = [row.name, row.tags, row.notes, row.error, textsOf(storedJson<Json>(row.experiment))];
    prepare(
      'INSERT INTO run_search (run, folded) VALUES (?, ?) ON CONFLICT DO UPDATE SET folded = excluded.folded',
    ).run(seq, fold(texts.filter((text) => text !== null).join('\n')));
  }

  return {
    runSeq,
    runSeqs,
    getRun,

    /** Stores a new run and returns its id. Raises InputError on a name, project, id or JSON that will not do. */
    createRun(run: NewRun): string {
      const name = nameOf(run.name, 'run');
      const experiment = jsonText(run.experiment, 'experiment');
      const provenance = jsonText(run.provenance ?? null, 'provenance');
      const status = run.status ?? 'queued';
      checkStatus(status);
      const seed = run.seed === undefined ? seedOf(run.experiment) : run.seed;
      if (seed !== null && !Number.isSafeInteger(seed))
        throw new InputError(`seed: expected a whole number, got ${seed}`);
      return context.write(() => {
        const now = context.now();
        const id = run.id ?? context.newId();
        if (!/^[0-9a-z][0-9a-z_-]{5,63}$/.test(id)) {
          throw new InputError(
            `a run's id has 6 to 64 of the characters a-z, 0-9, "-" and "_", got ${JSON.stringify(id)}`,
          );
        }
        if (pluck('SELECT 1 FROM runs WHERE id = ?').get(id) !== undefined) {
          throw new InputError(`a run with the id ${id} exists already`);
        }
        const project = run.project === undefined || run.project === null ? null : projects.projectSeq(run.project);
        if (status === 'running') take(id);
        const seq = Number(
          prepare(
            `INSERT INTO runs (id, name, project, status, colour, seed, setup, priority, created, started, resumed, updated, parent, relation)
             VALUES (?, ?, ?, ?, coalesce(?, (SELECT coalesce(max(seq), 0) FROM runs)), ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
          ).run(
            id,
            name,
            project,
            status,
            run.colour ?? null,
            seed,
            setupOf(run.experiment),
            run.priority ?? 0,
            run.created ?? now,
            status === 'running' ? now : null,
            status === 'running' ? now : null,
            now,
            run.parent ?? null,
            run.relation ?? null,
          ).lastInsertRowid,
        );
        prepare('INSERT INTO run_texts (run, experiment, provenance, notes, error) VALUES (?, ?, ?, ?, ?)').run(
          seq,
          experiment,
          provenance,
          run.notes ?? '',
          run.error ?? null,
        );
        setTags(seq, run.tags ?? []);
        summary.setValues(seq, { ...fieldsOf(run.experiment), ...run.fields }, null);
        refreshSearch(seq);
        return id;
      });
    },

    /**
     * The run meant by a text: its id, the beginning or end of it (4 characters or more), or its name. Raises InputError if none or several fit,
     * naming those.
     */
    findRun(text: string): RunRecord {
      const exact = getRun(text);
      if (exact !== undefined) return exact;
      const byName = pluck('SELECT id FROM runs WHERE name = ? AND deleted IS NULL ORDER BY seq DESC LIMIT 6').all(
        text.normalize('NFC').trim(),
      ) as string[];
      const byPart =
        byName.length > 0 || text.length < shortestPart || !/^[0-9a-z_-]+$/.test(text)
          ? []
          : (pluck(
              `SELECT id FROM runs WHERE substr(id, 1, length(@text)) = @text OR substr(id, -length(@text)) = @text
               ORDER BY seq DESC LIMIT 6`,
            ).all({ text }) as string[]);
      const matches = [...byName, ...byPart];
      if (matches.length === 1) return getRun(matches[0])!;
      if (matches.length === 0) throw new InputError(`no run has the id or name ${JSON.stringify(text)}`);
      const more = matches.length > 5 ? ', ...' : '';
      throw new InputError(
        `several runs fit ${JSON.stringify(text)}: ${matches.slice(0, 5).join(', ')}${more}; give an id`,
      );
    },

    /**
     * Moves a run to a state, keeping its times: the first start, the seconds spent running, the end. Returns false, having done
     * nothing, if `change.from` excludes the state it is in. A run that runs is this process's. Raises `StoreError` `in-use` if another trains it.
     */
    setRunStatus(id: string, status: RunStatus, change: StatusChange = {}): boolean {
      checkStatus(status);
      return context.write(() => {
        const seq = runSeq(id);
        const before = prepare('SELECT status, resumed FROM runs WHERE seq = ?').get(seq) as {
          status: RunStatus;
          resumed: number | null;
        };
        if (change.from !== undefined && !change.from.includes(before.status)) return false;
        if (status === 'running') take(id);
        else if (before.status === 'running') context.onCommit(() => context.claims.giveBack(id));
        changeStatus(seq, before, status, context.now(), change);
        return true;
      });
    },

    /**
     * Runs left in the state "running" by a process that is gone become "interrupted", ended at their last sign of life. Those that a living process trains stay.
     * Returns their ids.
     */
    markInterrupted(): string[] {
      return context.write(() => {
        const left = (
          prepare("SELECT seq, id, status, resumed, updated FROM runs WHERE status = 'running'").all() as {
            seq: number;
            id: string;
            status: RunStatus;
            resumed: number | null;
            updated: number;
          }[]
        ).filter(({ id }) => !context.claims.isTaken(id));
        for (const run of left) {
          const error =
            'Covature ended while this ran; what was stored is kept, and the run resumes from its last checkpoint';
          changeStatus(run.seq, run, 'interrupted', run.updated, { error });
        }
        return left.map((run) => run.id);
      });
    },

    /** Gives a run another specification, and the fields that are read off it: one whose model came after its first steps. */
    setExperiment(id: string, experiment: Json): void {
      context.write(() => {
        const seq = runSeq(id);
        prepare('UPDATE run_texts SET experiment = ? WHERE run = ?').run(jsonText(experiment, 'experiment'), seq);
        prepare('UPDATE runs SET setup = ? WHERE seq = ?').run(setupOf(experiment), seq);
        summary.setValues(seq, fieldsOf(experiment), null);
        refreshSearch(seq);
      });
    },

    /** Whether this process trains the run. */
    isOwnRun(id: string): boolean {
      return context.claims.isOwn(id);
    },

    updateRun(id: string, changes: RunUpdate): void {
      context.write(() => {
        const seq = runSeq(id);
        const set = (column: string, value: unknown): void => {
          prepare(`UPDATE runs SET ${column} = ? WHERE seq = ?`).run(value, seq);
        };
        if (changes.name !== undefined) set('name', nameOf(changes.name, 'run'));
        if (changes.project !== undefined) {
          set('project', changes.project === null ? null : projects.projectSeq(changes.project));
        }
        if (changes.colour !== undefined) set('colour', changes.colour);
        if (changes.archived !== undefined) set('archived', changes.archived ? 1 : 0);
        if (changes.priority !== undefined) set('priority', changes.priority);
        if (changes.steps !== undefined) set('steps', changes.steps);
        if (changes.notes !== undefined) {
          prepare('UPDATE run_texts SET notes = ? WHERE run = ?').run(changes.notes, seq);
        }
        if (changes.provenance !== undefined) {
          prepare('UPDATE run_texts SET provenance = ? WHERE run = ?').run(
            jsonText(changes.provenance, 'provenance'),
            seq,
          );
        }
        if (changes.tags !== undefined) setTags(seq, changes.tags);
        if (changes.name !== undefined || changes.notes !== undefined || changes.tags !== undefined) refreshSearch(seq);
      });
    },

    /** Adds and removes tags of many runs. */
    tagRuns(
      ids: readonly string[],
      change: { readonly add?: readonly string[]; readonly remove?: readonly string[] },
    ): void {
      context.write(() => {
        for (const seq of runSeqs(ids)) {
          const tags = new Set(
            pluck('SELECT g.name FROM run_tags rt JOIN tags g ON g.seq = rt.tag WHERE rt.run = ?').all(seq) as string[],
          );
          for (const tag of change.add ?? []) tags.add(nameOf(tag, 'tag'));
          for (const tag of change.remove ?? []) tags.delete(nameOf(tag, 'tag'));
          setTags(seq, [...tags]);
          refreshSearch(seq);
        }
      });
    },

    /** Tags in use outside the bin, with the number of runs that carry each. */
    listTags(): { readonly name: string; readonly runs: number }[] {
      return prepare(
        `SELECT g.name, count(*) AS runs FROM tags g JOIN run_tags rt ON rt.tag = g.seq JOIN runs r ON r.seq = rt.run
         WHERE r.deleted IS NULL GROUP BY g.seq ORDER BY g.name`,
      ).all() as { name: string; runs: number }[];
    },

    /** Sets results of a run in the summary table, as the last loss and accuracy. */
    setSummary(id: string, values: Readonly<Record<string, SummaryInput>>): void {
      context.write(() => summary.setValues(runSeq(id), values, null));
    },

    /** Queued runs in the order in which they should start. */
    queuedRuns(): string[] {
      return pluck(
        "SELECT id FROM runs WHERE status = 'queued' AND deleted IS NULL ORDER BY priority DESC, seq",
      ).all() as string[];
    },

    /** The experiments of runs, in the order asked. */
    experimentsOf(ids: readonly string[]): Json[] {
      return runSeqs(ids).map((seq) =>
        storedJson<Json>(pluck('SELECT experiment FROM run_texts WHERE run = ?').get(seq) as string),
      );
    },
  };

  /** A run is taken before it is said to run, so that nobody finds it running without a process. */
  function take(id: string): void {
    if (context.claims.take(id)) context.onRollback(() => context.claims.giveBack(id));
  }

  function changeStatus(
    seq: number,
    before: { readonly status: RunStatus; readonly resumed: number | null },
    status: RunStatus,
    now: number,
    change: StatusChange,
  ): void {
    const running = status === 'running';
    const spent = before.resumed === null ? 0 : Math.max(0, now - before.resumed) / 1000;
    const ended = (finalStatuses as readonly RunStatus[]).includes(status) ? now : null;
    prepare(
      `UPDATE runs SET status = ?, started = CASE WHEN ? THEN coalesce(started, ?) ELSE started END, resumed = ?, ended = ?,
         updated = ?, seconds = seconds + ?, pid = ?, host = ? WHERE seq = ?`,
    ).run(
      status,
      running ? 1 : 0,
      now,
      running ? now : null,
      ended,
      now,
      spent,
      running ? (change.pid ?? null) : null,
      running ? (change.host ?? (change.pid === undefined ? null : hostname())) : null,
      seq,
    );
    prepare('UPDATE run_texts SET error = ? WHERE run = ?').run(change.error ?? null, seq);
    refreshSearch(seq);
  }
}

export type RunTable = ReturnType<typeof runMethods>;

function checkStatus(status: RunStatus): void {
  if (!runStatuses.includes(status)) {
    throw new InputError(`status: expected one of ${runStatuses.join(', ')}, got ${JSON.stringify(status)}`);
  }
}
