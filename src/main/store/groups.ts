/** Groups of runs that agree in some fields, as the seeds of one setup, with mean and interval of their results. */
import { InputError } from '../../shared/errors.ts';
import { intervalQuantiles, statisticsOf } from '../../shared/group-statistics.ts';
import type { GroupStatistics } from '../../shared/group-statistics.ts';
import type { StoreContext } from './context.ts';
import { fieldOf, keySql, numberSql, tagsSql, textSql, type Field } from './filter/fields.ts';
import { whereOf } from './list.ts';
import type { ProjectTable } from './projects.ts';
import type { Params } from '../../shared/contract/index.ts';
import type { GroupList, RunGroup, RunStatus } from './types.ts';

const mostFields = 8;
const mostGroups = 10_000;
/** Above this many runs a field is read for all of them at once. */
const manyRuns = 8000;

type Key = readonly (number | string | null)[];

/** As the contract describes it; `limit`: default all. Groups without the field that they are sorted by come last. */
export type GroupQuery = Params<'runs.groups'>;

/** As the database groups them: `seqs` is JSON, read where a group is looked at alone. */
interface StoredGroup {
  readonly key: string;
  readonly runs: number;
  readonly seqs: string;
}

/** A field's values of runs, by their places in the list that was asked for; undefined for a run without. */
type Column<T> = readonly (T | undefined)[];

interface Group {
  readonly key: string;
  /** Newest first. */
  readonly seqs: readonly number[];
}

const opened = ({ key, seqs }: StoredGroup): Group => ({ key, seqs: JSON.parse(seqs) as number[] });

interface Grouped {
  /** What they were asked for, and the state of the store then. */
  readonly of: string;
  readonly stored: readonly StoredGroup[];
  readonly groups: readonly Group[] | null;
}

export function groupMethods(context: StoreContext, projects: ProjectTable) {
  let last: Grouped | null = null;
  // A quantile costs more than the rest of a group; groups have few sizes.
  const quantile = intervalQuantiles();
  return {
    /** Raises InputError on unknown fields and on numbers of fields or a page that cannot be. */
    groupRuns(query: GroupQuery): GroupList {
      const { by, offset = 0, limit = mostGroups, open = [] } = query;
      if (by.length === 0 || by.length > mostFields) {
        throw new InputError(`group by 1 to ${mostFields} fields, got ${by.length}`);
      }
      if (!(Number.isInteger(offset) && offset >= 0)) {
        throw new InputError(`offset: expected a whole number >= 0, got ${offset}`);
      }
      if (!(Number.isInteger(limit) && limit >= 0 && limit <= mostGroups)) {
        throw new InputError(`limit: expected a whole number from 0 to ${mostGroups}, got ${limit}`);
      }
      const { stored, groups } = grouped(query);
      const keyOf = (at: number): string => (groups ?? stored)[at].key;
      const index = new Map(open.length === 0 ? [] : stored.map((_, i) => [keyOf(i), i]));
      const runsOf = new Map(open.length === 0 ? [] : stored.map(({ key, runs }) => [key, runs]));
      const page = groups?.slice(offset, offset + limit) ?? stored.slice(offset, offset + limit).map(opened);
      return {
        total: stored.length,
        runs: stored.reduce((sum, { runs }) => sum + runs, 0),
        groups: describe(page, query),
        places: open.map((parts) => {
          const key = JSON.stringify(parts);
          return { index: index.get(key) ?? null, runs: runsOf.get(key) ?? 0 };
        }),
      };
    },
  };

  /** All groups in order; `groups` if they had to be looked at for that. A page that follows another in an unchanged store finds them made. */
  function grouped({ by, sort, ...query }: GroupQuery): Grouped {
    const where = whereOf(context, projects, query);
    const keys = by.map((name) => keySql(field(name)));
    const of = JSON.stringify([context.contents(), by, sort, where]);
    if (last?.of === of) return last;
    const columns = keys.map((_, i) => `k${i}`).join(', ');
    // The newest run of a group, and of equally new ones the one that came last, stands for it.
    const stored = context
      .prepare(
        `SELECT json_array(${columns}) AS key, count(*) AS runs,
           json_group_array(seq ORDER BY created DESC, seq DESC) AS seqs
         FROM (SELECT r.seq, r.created, ${keys.map(({ sql }, i) => `${sql} AS k${i}`).join(', ')}
               FROM runs r WHERE ${where.sql})
         GROUP BY ${columns} ORDER BY max(created) DESC, max(seq) DESC`,
      )
      .all(...keys.flatMap(({ parameters }) => parameters), ...where.parameters) as StoredGroup[];
    last = { of, stored, groups: sort === undefined ? null : sorted(stored.map(opened), sort) };
    return last;
  }

  function field(name: string): Field {
    return fieldOf(context, name, 'group');
  }

  /** A column that no run has (yet) is empty, in groups as in the plain table. */
  function isKnown(name: string): boolean {
    try {
      field(name);
      return true;
    } catch (error) {
      if (error instanceof InputError) return false;
      throw error;
    }
  }

  function describe(groups: readonly Group[], query: GroupQuery): RunGroup[] {
    const seqs = groups.flatMap((group) => group.seqs);
    const plain = new Map(
      (
        context
          .prepare('SELECT r.seq, r.id, r.status FROM json_each(?) w CROSS JOIN runs r ON r.seq = w.value')
          .raw()
          .all(JSON.stringify(seqs)) as [number, string, RunStatus][]
      ).map(([seq, id, status]) => [seq, { id, status }]),
    );
    const face = context.prepare('SELECT name, colour FROM runs WHERE seq = ?');
    const faceOf = (seq: number): { name: string; colour: number } => face.get(seq) as { name: string; colour: number };
    const columns = query.values.filter(isKnown).map((name) => {
      let texts: Column<string> | undefined;
      return {
        name,
        numbers: numbersOf(name, seqs),
        // Read only if some group has no number.
        texts: () => (texts ??= textsOf(name, seqs) ?? []),
      };
    });
    let end = 0;
    return groups.map(({ key, seqs: own }) => {
      const start = end;
      end += own.length;
      const parts = JSON.parse(key) as Key;
      const values: Record<string, GroupStatistics> = {};
      const texts: Record<string, { text: string; distinct: number }> = {};
      for (const { name, numbers, texts: held } of columns) {
        const present = numbers === undefined ? [] : presentIn(numbers, start, end);
        if (present.length > 0) {
          values[name] = statisticsOf(present, quantile);
          continue;
        }
        const different = new Set(presentIn(held(), start, end));
        if (different.size > 0) texts[name] = { text: [...different].sort()[0], distinct: different.size };
      }
      const statuses: Partial<Record<RunStatus, number>> = {};
      for (const seq of own) {
        const { status } = plain.get(seq)!;
        statuses[status] = (statuses[status] ?? 0) + 1;
      }
      return {
        key: Object.fromEntries(query.by.map((name, i) => [name, parts[i]!])),
        runs: own.map((seq) => plain.get(seq)!.id),
        name: faceOf(own[0]).name,
        colour: faceOf(own[own.length - 1]).colour,
        statuses,
        values,
        texts,
      };
    });
  }

  /** Equal groups stay in the order of their newest run. */
  function sorted(groups: Group[], { key, descending = false }: NonNullable<GroupQuery['sort']>): Group[] {
    const sign = descending ? -1 : 1;
    if (key === 'runs') return groups.sort((a, b) => sign * (a.seqs.length - b.seqs.length));
    const seqs = groups.flatMap((group) => group.seqs);
    const numbers = numbersOf(key, seqs);
    const texts = textsOf(key, seqs);
    let end = 0;
    const rank = new Map(
      groups.map((group): [Group, number | string | undefined] => {
        let sum = 0;
        let count = 0;
        let text: string | undefined;
        const start = end;
        end += group.seqs.length;
        for (let i = start; i < end; i++) {
          const number = numbers?.[i];
          if (number !== undefined) {
            sum += number;
            count++;
          }
          const held = texts?.[i];
          if (held !== undefined && (text === undefined || held < text)) text = held;
        }
        return [group, count > 0 ? sum / count : text?.toLowerCase()];
      }),
    );
    return groups.sort((a, b) => {
      const [x, y] = [rank.get(a), rank.get(b)];
      if (x === undefined || y === undefined) return (x === undefined ? 1 : 0) - (y === undefined ? 1 : 0);
      if (typeof x !== typeof y) return typeof x === 'number' ? -1 : 1;
      return x < y ? -sign : x > y ? sign : 0;
    });
  }

  /** A field's numbers; undefined for a field without. */
  function numbersOf(name: string, seqs: readonly number[]): Column<number> | undefined {
    const of = field(name);
    if (of.kind === 'value') return of.numbers === 1 ? summaryOf(of.key, of.part, seqs) : undefined;
    const number = numberSql(of);
    return number && (plainOf(number.sql, seqs) as Column<number>);
  }

  function textsOf(name: string, seqs: readonly number[]): Column<string> | undefined {
    const of = field(name);
    if (of.kind === 'value') return of.texts === 1 && of.part === 'value' ? summaryOf(of.key, 'text', seqs) : undefined;
    if (of.kind === 'tags') return plainOf(tagsSql, seqs) as Column<string>;
    const text = textSql(of);
    return text && (plainOf(text.sql, seqs) as Column<string>);
  }

  function summaryOf<T extends number | string>(key: number, part: string, seqs: readonly number[]): Column<T> {
    if (seqs.length > manyRuns) {
      const rows = context.prepare(`SELECT run, ${part} FROM summary WHERE key = ?`).raw().all(key);
      return placed(rows as [number, T | null][], seqs);
    }
    const rows = context
      .prepare(`SELECT w.key, s.${part} FROM json_each(?) w CROSS JOIN summary s ON s.key = ? AND s.run = w.value`)
      .raw()
      .all(JSON.stringify(seqs), key);
    return inPlaces(rows as [number, T | null][], seqs.length);
  }

  function plainOf(sql: string, seqs: readonly number[]): Column<number | string> {
    if (seqs.length > manyRuns) {
      const rows = context.prepare(`SELECT r.seq, ${sql} FROM runs r`).raw().all();
      return placed(rows as [number, number | string | null][], seqs);
    }
    const rows = context
      .prepare(`SELECT w.key, ${sql} FROM json_each(?) w CROSS JOIN runs r ON r.seq = w.value`)
      .raw()
      .all(JSON.stringify(seqs));
    return inPlaces(rows as [number, number | string | null][], seqs.length);
  }
}

const isPresent = (value: number | string | null): boolean => value !== null && value !== '';

/** From places and values. */
function inPlaces<T extends number | string>(rows: readonly [number, T | null][], count: number): Column<T> {
  const column = new Array<T | undefined>(count);
  column.fill(undefined);
  for (const [place, value] of rows) if (isPresent(value)) column[place] = value!;
  return column;
}

/** From the `seq` of runs and values. */
function placed<T extends number | string>(rows: readonly [number, T | null][], seqs: readonly number[]): Column<T> {
  const held = new Map<number, T>();
  for (const [seq, value] of rows) if (isPresent(value)) held.set(seq, value!);
  return seqs.map((seq) => held.get(seq));
}

/** The values of places [from, to) that are there. */
function presentIn<T>(column: Column<T>, from: number, to: number): T[] {
  const list: T[] = [];
  for (let i = from; i < to; i++) {
    const value = column[i];
    if (value !== undefined) list.push(value);
  }
  return list;
}
