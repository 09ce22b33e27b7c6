/** Groups of runs that agree in some fields, as the seeds of one setup, with mean and interval of their results. */
import { studentQuantile } from '../../shared/distributions.ts';
import { InputError } from '../../shared/errors.ts';
import type { StoreContext } from './context.ts';
import { fieldOf, numberSql, textSql, type Field, type Sql } from './filter/fields.ts';
import { whereOf } from './list.ts';
import type { ProjectTable } from './projects.ts';
import type { GroupStatistics, RunGroup, RunQuery } from './types.ts';

const mostFields = 8;

export interface GroupQuery extends RunQuery {
  /** Fields as in filters; `setup` puts together runs that differ by seed alone. */
  readonly by: readonly string[];
  /** Fields with numbers to take statistics of. */
  readonly values: readonly string[];
}

export function groupMethods(context: StoreContext, projects: ProjectTable) {
  return {
    /** Groups in the order of their newest run. Raises `FilterError` on unknown fields. */
    groupRuns(query: GroupQuery): RunGroup[] {
      if (query.by.length === 0 || query.by.length > mostFields) {
        throw new InputError(`group by 1 to ${mostFields} fields, got ${query.by.length}`);
      }
      const where = whereOf(context, projects, query);
      const keys = query.by.map((name) => keySql(fieldOf(context, name, { column: 1, length: name.length })));
      const rows = context
        .prepare(
          `SELECT r.seq, r.id, json_array(${keys.map(({ sql }) => sql).join(', ')}) AS key
           FROM runs r WHERE ${where.sql} ORDER BY r.created DESC, r.seq DESC`,
        )
        .all(...keys.flatMap(({ parameters }) => parameters), ...where.parameters) as {
        seq: number;
        id: string;
        key: string;
      }[];

      const groups = new Map<string, { seqs: number[]; ids: string[] }>();
      for (const { seq, id, key } of rows) {
        const group = groups.get(key);
        if (group === undefined) groups.set(key, { seqs: [seq], ids: [id] });
        else {
          group.seqs.push(seq);
          group.ids.push(id);
        }
      }
      // The quantile costs more than the rest of a group; groups have few sizes.
      const quantiles = new Map<number, number>();
      const quantile = (freedom: number): number => {
        const known = quantiles.get(freedom);
        if (known !== undefined) return known;
        const computed = studentQuantile(0.975, freedom);
        quantiles.set(freedom, computed);
        return computed;
      };
      const columns = query.values.map((name) => ({ name, numbers: numbersOf(name) }));
      return [...groups].map(([key, { seqs, ids }]) => {
        const parts = JSON.parse(key) as (number | string | null)[];
        const values: Record<string, GroupStatistics> = {};
        for (const { name, numbers } of columns) {
          const present: number[] = [];
          for (const seq of seqs) {
            const value = numbers[seq];
            // NaN where a run has none.
            if (value === value && value !== undefined) present.push(value);
          }
          if (present.length > 0) values[name] = statisticsOf(present, quantile);
        }
        return { key: Object.fromEntries(query.by.map((name, i) => [name, parts[i]!])), runs: ids, values };
      });
    },
  };

  /** A field's number by `seq`, NaN for runs without. */
  function numbersOf(name: string): Float64Array {
    const field = fieldOf(context, name, { column: 1, length: name.length });
    const numbers = new Float64Array(
      ((context.pluck('SELECT max(seq) FROM runs').get() as number | null) ?? 0) + 1,
    ).fill(NaN);
    let rows: [seq: number, value: number | null][];
    if (field.kind === 'value') {
      const values = context.prepare(`SELECT run, ${field.part} FROM summary WHERE key = ?`).raw();
      rows = values.all(field.key) as typeof rows;
    } else {
      const number = numberSql(field);
      if (number === undefined) throw new InputError(`${name} has no numbers to take a mean of`);
      rows = context.prepare(`SELECT r.seq, ${number.sql} FROM runs r`).raw().all() as typeof rows;
    }
    for (const [seq, value] of rows) if (value !== null) numbers[seq] = value;
    return numbers;
  }
}

/** What a field groups by: its number, else its text; tags as one text. */
function keySql(field: Field): Sql {
  switch (field.kind) {
    case 'value': {
      const number = numberSql(field)!;
      const text = textSql(field);
      if (text === undefined) return number;
      return {
        sql: `coalesce(${number.sql}, ${text.sql})`,
        parameters: [...number.parameters, ...text.parameters],
      };
    }
    case 'tags':
      return {
        sql: `(SELECT group_concat(g.name, ', ' ORDER BY g.name) FROM run_tags rt JOIN tags g ON g.seq = rt.tag WHERE rt.run = r.seq)`,
        parameters: [],
      };
    case 'number':
    case 'text':
    case 'time':
    case 'flag':
      return { sql: field.sql, parameters: [] };
    default:
      field satisfies never;
      throw new Error('unknown field');
  }
}

/**
 * Mean, standard deviation (divisor n - 1) and 95 % interval of the mean, mean +- t s / sqrt(n) with t the 97.5 % quantile of Student's
 * distribution with n - 1 degrees of freedom.
 */
export function statisticsOf(
  values: readonly number[],
  quantile = (freedom: number) => studentQuantile(0.975, freedom),
): GroupStatistics {
  const n = values.length;
  const mean = values.reduce((sum, value) => sum + value, 0) / n;
  if (n < 2) return { n, mean, standard_deviation: null, interval: null };
  const deviation = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (n - 1));
  const half = (quantile(n - 1) * deviation) / Math.sqrt(n);
  return { n, mean, standard_deviation: deviation, interval: [mean - half, mean + half] };
}
