/**
 * The table of runs. One query sorts and filters the `seq` of all runs; a page of rows, with its summary values and tags, is read for the
 * window asked for alone.
 */
import { InputError } from '../../shared/errors.ts';
import { fold, type StoreContext } from './context.ts';
import { compileFilter } from './filter/compile.ts';
import { fieldOf, keySql, tagsSql, type Sql } from './filter/fields.ts';
import type { ProjectTable } from './projects.ts';
import { readRows } from './rows.ts';
import type { SummaryTable } from './summary.ts';
import {
  runStatuses,
  type RunList,
  type RunListQuery,
  type RunQuery,
  type RunRow,
  type RunSort,
  type RunStatus,
} from './types.ts';

const mostSorts = 8;
const mostRows = 10_000;
const mostValues = 50;

export function listMethods(context: StoreContext, projects: ProjectTable, summary: SummaryTable) {
  const { prepare } = context;

  /** Matching runs in order, by `seq`. */
  function sortedSeqs(query: RunListQuery): number[] {
    const where = whereOf(context, projects, query);
    const order = orderOf(context, query.sort ?? []);
    return context
      .pluck(`SELECT r.seq FROM runs r ${order.joins} WHERE ${where.sql} ORDER BY ${order.terms}`)
      .all(...order.parameters, ...where.parameters) as number[];
  }

  return {
    /** Raises `FilterError` (an InputError with the column) on a filter, InputError on a sort key or grouping that cannot be understood. */
    listRuns(query: RunListQuery = {}): RunList {
      const { offset = 0, limit = 100, columns = [] } = query;
      if (!(Number.isInteger(offset) && offset >= 0))
        throw new InputError(`offset: expected a whole number >= 0, got ${offset}`);
      if (!(Number.isInteger(limit) && limit >= 0 && limit <= mostRows)) {
        throw new InputError(`limit: expected a whole number from 0 to ${mostRows}, got ${limit}`);
      }
      const all = sortedSeqs(query);
      const page = all.slice(offset, offset + limit);
      const anchor =
        query.anchor === undefined
          ? undefined
          : (context.pluck('SELECT seq FROM runs WHERE id = ?').get(query.anchor) as number | undefined);
      const place = anchor === undefined ? -1 : all.indexOf(anchor);
      return {
        total: all.length,
        rows: readRows(context, page, summary.valuesOf(page, columns)),
        place: place < 0 ? null : place,
      };
    },

    /** Some runs, in the order asked, with the asked summary keys; those that are gone are left out. */
    rowsOf(ids: readonly string[], columns: readonly string[] = []): RunRow[] {
      const seqs = context
        .pluck('SELECT r.seq FROM json_each(?) w CROSS JOIN runs r ON r.id = w.value ORDER BY w.key')
        .all(JSON.stringify(ids)) as number[];
      return readRows(context, seqs, summary.valuesOf(seqs, columns));
    },

    /** Ids of all matching runs, in order: for selecting everything, or finding a run's place. */
    listRunIds(query: RunListQuery = {}): string[] {
      const seqs = JSON.stringify(sortedSeqs(query));
      return context
        .pluck('SELECT r.id FROM json_each(?) w CROSS JOIN runs r ON r.seq = w.value ORDER BY w.key')
        .all(seqs) as string[];
    },

    /** Values that runs outside the bin have of a field, most frequent first. Raises InputError on an unknown field. */
    fieldValues(name: string): { readonly value: number | string; readonly runs: number }[] {
      const field = fieldOf(context, name, 'values');
      if (field.kind === 'tags') {
        return context
          .prepare(
            `SELECT g.name AS value, count(*) AS runs FROM tags g JOIN run_tags rt ON rt.tag = g.seq JOIN runs r ON r.seq = rt.run
             WHERE r.deleted IS NULL GROUP BY g.seq ORDER BY runs DESC, value LIMIT ${mostValues}`,
          )
          .all() as { value: string; runs: number }[];
      }
      if (field.kind === 'value') {
        return context
          .prepare(
            `SELECT coalesce(s.text, s.value) AS value, count(*) AS runs FROM summary s JOIN runs r ON r.seq = s.run
             WHERE s.key = ? AND r.deleted IS NULL AND coalesce(s.text, s.value) IS NOT NULL
             GROUP BY 1 ORDER BY runs DESC, value LIMIT ${mostValues}`,
          )
          .all(field.key) as { value: number | string; runs: number }[];
      }
      const { sql } = field;
      return context
        .prepare(
          `SELECT ${sql} AS value, count(*) AS runs FROM runs r WHERE r.deleted IS NULL AND ${sql} IS NOT NULL
           GROUP BY 1 ORDER BY runs DESC, value LIMIT ${mostValues}`,
        )
        .all() as { value: number | string; runs: number }[];
    },

    /** How many runs match, by status. */
    countRuns(query: RunQuery = {}): {
      readonly total: number;
      readonly byStatus: Readonly<Record<RunStatus, number>>;
    } {
      const where = whereOf(context, projects, query);
      const rows = prepare(`SELECT r.status, count(*) AS runs FROM runs r WHERE ${where.sql} GROUP BY r.status`).all(
        ...where.parameters,
      ) as { status: RunStatus; runs: number }[];
      const byStatus = Object.fromEntries(runStatuses.map((status) => [status, 0])) as Record<RunStatus, number>;
      for (const { status, runs } of rows) byStatus[status] = runs;
      return { total: rows.reduce((sum, row) => sum + row.runs, 0), byStatus };
    },
  };
}

/** The condition of a query over `runs r`. */
export function whereOf(context: StoreContext, projects: ProjectTable, query: RunQuery): Sql {
  const conditions: string[] = [];
  const parameters: (number | string | null)[] = [];
  const add = (sql: string, ...values: (number | string | null)[]): void => {
    conditions.push(sql);
    parameters.push(...values);
  };
  add(query.deleted === true ? 'r.deleted IS NOT NULL' : 'r.deleted IS NULL');
  const archived = query.archived ?? false;
  if (archived !== 'any') add('r.archived = ?', archived ? 1 : 0);
  if (query.project === null) add('r.project IS NULL');
  else if (query.project !== undefined) add('r.project = ?', projects.projectSeq(query.project));
  if (query.status !== undefined) add('r.status IN (SELECT value FROM json_each(?))', JSON.stringify(query.status));
  if (query.ids !== undefined) add('r.id IN (SELECT value FROM json_each(?))', JSON.stringify(query.ids));
  const words = fold(query.text ?? '')
    .split(/\s+/)
    .filter((word) => word !== '')
    .slice(0, 20);
  if (words.length > 0) {
    // "2x2" is written "2×2" too.
    const spellings = words.map((word) => [word, word.replace(/(?<=\d)x(?=\d)/g, '×'), word.replaceAll('×', 'x')]);
    const all = spellings.map((forms) => `(${forms.map(() => 'instr(f.folded, ?) > 0').join(' OR ')})`).join(' AND ');
    add(`r.seq IN (SELECT f.run FROM run_search f WHERE ${all})`, ...spellings.flat());
  }
  for (const tag of query.tags ?? []) {
    add('r.seq IN (SELECT rt.run FROM run_tags rt JOIN tags g ON g.seq = rt.tag WHERE g.name = ?)', tag);
  }
  const { group } = query;
  if (group !== undefined) {
    if (group.by.length !== group.key.length) {
      throw new InputError(`group: expected one value a field, got ${group.key.length} for ${group.by.length} fields`);
    }
    group.by.forEach((name, i) => {
      const { sql, parameters } = keySql(fieldOf(context, name, 'group'));
      add(`${sql} IS ?`, ...parameters, group.key[i]);
    });
  }
  const filter = compileFilter(context, query.filter ?? '');
  add(filter.sql, ...filter.parameters);
  return { sql: conditions.join(' AND '), parameters };
}

/** A summary key sorts by its numbers, then its texts; runs without it come last in either direction. */
function orderOf(context: StoreContext, sorts: readonly RunSort[]) {
  if (sorts.length > mostSorts) throw new InputError(`at most ${mostSorts} sort keys, got ${sorts.length}`);
  const joins: string[] = [];
  const terms: string[] = [];
  const parameters: number[] = [];
  sorts.forEach(({ key, descending = false }, i) => {
    const field = fieldOf(context, key, 'sort');
    const direction = `${descending ? 'DESC' : 'ASC'} NULLS LAST`;
    if (field.kind === 'value') {
      joins.push(`LEFT JOIN summary s${i} ON s${i}.key = ? AND s${i}.run = r.seq`);
      parameters.push(field.key);
      // A comparison that cannot tell runs apart would still cost its time.
      if (field.numbers === 1) terms.push(`s${i}.${field.part} ${direction}`);
      if (field.texts === 1 && field.part === 'value') terms.push(`s${i}.text COLLATE NOCASE ${direction}`);
    } else if (field.kind === 'tags') {
      terms.push(`${tagsSql} COLLATE NOCASE ${direction}`);
    } else {
      terms.push(`${field.sql} ${field.kind === 'text' ? 'COLLATE NOCASE ' : ''}${direction}`);
    }
  });
  const ties = terms.length === 0 ? ['r.created DESC', 'r.seq DESC'] : ['r.seq DESC'];
  return { joins: joins.join(' '), terms: [...terms, ...ties].join(', '), parameters };
}
