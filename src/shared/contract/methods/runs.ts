/** Runs: the table, single runs, starting them, and bulk actions. */
import * as v from 'valibot';
import { integer } from '../../validation.ts';
import { id, ids, key, keys, method, name, none, tags, textUpTo } from '../define.ts';
import type { Varied } from '../../varied.ts';
import { runStatuses } from '../records.ts';
import type { ColumnInfo, GroupPage, Json, RunDetail, RunPage, RunRow, RunStatus } from '../records.ts';

/** One value for each field that is grouped by; null if a run has none. */
const groupKey = v.pipe(
  v.array(v.nullable(v.union([v.number(), textUpTo(10_000)])), 'expected a list of values'),
  v.minLength(1),
  v.maxLength(8),
);

const query = {
  /** Id of a project; null: runs of none; left out: all. */
  project: v.exactOptional(v.nullable(id)),
  status: v.exactOptional(v.pipe(v.array(v.picklist(runStatuses)), v.maxLength(runStatuses.length))),
  /** Words that must all occur in name, id, notes, tags, error or the experiment's texts. */
  text: v.exactOptional(textUpTo(1000)),
  /** All of them. */
  tags: v.exactOptional(tags),
  /** An expression (src/main/store/filter/parse.ts): `gamma.fc2 > 1.1 and loss = "mse"`. A mistake is `bad-input` with details { column, length }. */
  filter: v.exactOptional(textUpTo(4000)),
  /** Only archived, only others (default), or "any". */
  archived: v.exactOptional(v.union([v.boolean(), v.literal('any')])),
  /** Only the bin, or only what is outside it (default). */
  deleted: v.exactOptional(v.boolean()),
  /** Runs of one group of `runs.groups`. */
  group: v.exactOptional(v.strictObject({ by: keys(8), key: groupKey })),
};

const sort = v.exactOptional(
  v.pipe(v.array(v.strictObject({ key, descending: v.exactOptional(v.boolean(), false) })), v.maxLength(8)),
);

/** Runs for which a bulk action failed, and why; it was done for the others. */
export interface BulkOutcome {
  readonly done: readonly string[];
  readonly refused: readonly { readonly id: string; readonly message: string }[];
}

export interface StartedRuns {
  readonly runs: readonly string[];
}

const filing = {
  project: v.exactOptional(v.nullable(id), null),
  tags: v.exactOptional(tags, []),
  notes: v.exactOptional(textUpTo(100_000), ''),
  /** Higher ones first; default 0. */
  priority: v.exactOptional(integer(-1000, 1000), 0),
};

export const runs = {
  'runs.list': method<RunPage>()(
    v.strictObject({
      ...query,
      sort,
      offset: v.exactOptional(integer(0), 0),
      limit: v.exactOptional(integer(0, 2000), 200),
      /** Summary keys wanted in `values`. */
      columns: v.exactOptional(keys(100), []),
      /** A run whose place in the whole list is wanted. */
      anchor: v.exactOptional(id),
    }),
  ),
  /** Ids of all matching runs, in order: for selecting everything, or finding a run's place. */
  'runs.ids': method<readonly string[]>()(v.strictObject({ ...query, sort })),
  'runs.counts': method<{ readonly total: number; readonly byStatus: Readonly<Record<RunStatus, number>> }>()(
    v.strictObject(query),
  ),
  /** Runs that agree in the fields `by` (`setup`: that differ by seed alone), with mean and interval of `values`, a page of groups at a time. */
  'runs.groups': method<GroupPage>()(
    v.strictObject({
      ...query,
      by: keys(8),
      values: keys(100),
      /** A field, or "runs" for their number; default: the group with the newest run first. */
      sort: v.exactOptional(v.strictObject({ key, descending: v.exactOptional(v.boolean(), false) })),
      offset: v.exactOptional(integer(0), 0),
      limit: v.exactOptional(integer(0, 2000), 200),
      /** Groups whose places in the whole list are wanted. */
      open: v.exactOptional(v.pipe(v.array(groupKey), v.maxLength(200)), []),
    }),
  ),
  /** The values of a field, most frequent first, 50 at most: for completing a filter. */
  'runs.values': method<readonly { readonly value: number | string; readonly runs: number }[]>()(
    v.strictObject({ field: key }),
  ),
  /** What the table can show, sort and filter by. */
  'runs.columns': method<readonly ColumnInfo[]>()(none),
  /** Some rows again, in the order asked; those that are gone are left out. */
  'runs.rows': method<readonly RunRow[]>()(
    v.strictObject({ ids: v.pipe(v.array(id), v.maxLength(500)), columns: v.exactOptional(keys(100), []) }),
  ),
  'runs.get': method<RunDetail>()(v.strictObject({ id })),
  /** The parameters in which experiments differ (`all`: every one): path -> one value a run (null if it has none), in the order asked. */
  'runs.differences': method<Readonly<Record<string, readonly Json[]>>>()(
    v.strictObject({
      ids: v.pipe(v.array(id), v.minLength(1), v.maxLength(500)),
      all: v.exactOptional(v.boolean(), false),
    }),
  ),
  /** The settings that distinguish the runs, in everyday terms (src/shared/varied.ts): one value a run, in the order asked. */
  'runs.varied': method<readonly Varied[]>()(
    v.strictObject({ ids: v.pipe(v.array(id), v.minLength(1), v.maxLength(500)) }),
  ),
  /** Changes many runs at once. If an id or project is unknown, none of them is changed. */
  'runs.update': method<null>()(
    v.strictObject({
      ids,
      name: v.exactOptional(name),
      notes: v.exactOptional(textUpTo(100_000)),
      /** The whole new set. */
      tags: v.exactOptional(tags),
      addTags: v.exactOptional(tags),
      removeTags: v.exactOptional(tags),
      colour: v.exactOptional(integer(0)),
      project: v.exactOptional(v.nullable(id)),
      archived: v.exactOptional(v.boolean()),
      priority: v.exactOptional(integer(-1000, 1000)),
    }),
  ),
  /** Moves runs to the bin; running and queued ones are refused. `done` is the argument for the undo (`runs.restore`). */
  'runs.delete': method<BulkOutcome>()(v.strictObject({ ids })),
  'runs.restore': method<null>()(v.strictObject({ ids })),
  /** Empties the bin (runs, projects, figures), for good. */
  'bin.empty': method<{
    readonly runs: number;
    readonly projects: number;
    readonly figures: number;
    readonly bytes: number;
  }>()(none),
  /**
   * Stores and queues the runs of an experiment; lists of values on any field make a sweep of all their combinations (src/shared/sweep.ts), stored
   * all together or not at all.
   */
  'runs.start': method<StartedRuns>()(v.strictObject({ experiment: v.unknown(), ...filing })),
  /** The same for a changed copy of a run's experiment (default: unchanged except for the next seed), with the run as parent. */
  'runs.clone': method<StartedRuns>()(v.strictObject({ id, experiment: v.exactOptional(v.unknown()), ...filing })),
  /** Ends running runs (asked first, and killed after a second) and removes waiting ones from the queue. */
  'runs.cancel': method<BulkOutcome>()(v.strictObject({ ids })),
  /** Takes a checkpoint and stops; a queued run is held back. */
  'runs.pause': method<BulkOutcome>()(v.strictObject({ ids })),
  /** Continues from the last checkpoint; the result is the same, bit for bit, as without the pause. */
  'runs.resume': method<BulkOutcome>()(v.strictObject({ ids })),
  /** Starts again from the first step; what an unfinished run had recorded and measured is replaced. */
  'runs.retry': method<BulkOutcome>()(v.strictObject({ ids })),
};
