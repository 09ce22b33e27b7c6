/** What a name in a filter, a sort or a grouping stands for, as SQL over `runs r`. User text reaches SQL as parameters alone. */
import type { StoreContext } from '../context.ts';
import { InputError } from '../../../shared/errors.ts';
import { FilterError } from './tokens.ts';

export interface Sql {
  readonly sql: string;
  readonly parameters: readonly (number | string | null)[];
}

/** A key of the summary table, and whether some run has had a number or a text under it. */
interface Key {
  readonly key: number;
  readonly numbers: 0 | 1;
  readonly texts: 0 | 1;
}

export type Field =
  /** A key of the summary table: number, text or both. */
  | ({ readonly kind: 'value'; readonly name: string; readonly part: 'value' | 'low' | 'high' } & Key)
  | { readonly kind: 'number' | 'text' | 'time' | 'flag'; readonly name: string; readonly sql: string }
  | { readonly kind: 'tags'; readonly name: string };

const text = (sql: string) => ({ kind: 'text', sql }) as const;
const number = (sql: string) => ({ kind: 'number', sql }) as const;
const time = (sql: string) => ({ kind: 'time', sql }) as const;

/** Fields of every run; they go before summary keys of the same name. */
export const runFields = {
  id: text('r.id'),
  name: text('r.name'),
  project: text('(SELECT p.name FROM projects p WHERE p.seq = r.project)'),
  status: text('r.status'),
  setup: text('r.setup'),
  parent: text('r.parent'),
  relation: text('r.relation'),
  host: text('r.host'),
  notes: text('(SELECT t.notes FROM run_texts t WHERE t.run = r.seq)'),
  error: text('(SELECT t.error FROM run_texts t WHERE t.run = r.seq)'),
  seed: number('r.seed'),
  colour: number('r.colour'),
  priority: number('r.priority'),
  /** Seconds spent running. */
  seconds: number('r.seconds'),
  step: number('r.step'),
  steps: number('r.steps'),
  created: time('r.created'),
  started: time('r.started'),
  ended: time('r.ended'),
  updated: time('r.updated'),
  archived: { kind: 'flag', sql: 'r.archived' },
} as const satisfies Record<string, { kind: Field['kind']; sql: string }>;

/**
 * The field that a name means: a field of every run, a summary key; a summary key's `.low` or `.high` (ends of its interval); a key that
 * differs in case alone; or the one key that ends in `.name`, as `lr` for `optimiser.lr`. Raises `FilterError` otherwise, naming near ones;
 * InputError where the name stands outside a filter: `place` then says where, as "sort".
 */
export function fieldOf(
  context: StoreContext,
  name: string,
  place: { readonly column: number; readonly length: number } | string,
): Field {
  const fault = (message: string): InputError =>
    typeof place === 'string'
      ? new InputError(`${place}: ${message}`)
      : new FilterError(message, place.column, place.length);
  const plain = name === 'tag' || name === 'tags' ? undefined : lookUp(runFields, name);
  if (name === 'tag' || name === 'tags') return { kind: 'tags', name };
  if (plain !== undefined) return { ...plain, name };
  const exact = keyOf(context, name);
  if (exact !== undefined) return { kind: 'value', ...exact, name, part: 'value' };
  const part = name.endsWith('.low') ? 'low' : name.endsWith('.high') ? 'high' : undefined;
  const whole = part === undefined ? undefined : keyOf(context, name.slice(0, -part.length - 1));
  if (part !== undefined && whole !== undefined) return { kind: 'value', ...whole, name, part };

  const keys = context
    .prepare('SELECT seq AS "key", key AS name, numbers, texts FROM summary_keys ORDER BY name')
    .all() as (Key & { name: string })[];
  const lower = name.toLowerCase();
  const alike = keys.filter((each) => each.name.toLowerCase() === lower);
  const suggestions = alike.length > 0 ? alike : keys.filter((each) => each.name.toLowerCase().endsWith(`.${lower}`));
  if (suggestions.length === 1) return { kind: 'value', ...suggestions[0], name, part: 'value' };
  if (suggestions.length > 1) {
    throw fault(
      `${name} may be ${suggestions
        .slice(0, 4)
        .map((each) => each.name)
        .join(', ')}${suggestions.length > 4 ? ', ...' : ''}; write one of them`,
    );
  }
  const near = nearest(name, [...Object.keys(runFields), 'tag', ...keys.map((each) => each.name)]);
  const hint = near.length === 0 ? '' : `; did you mean ${near.join(' or ')}?`;
  throw fault(`no run has a field ${JSON.stringify(name)}${hint}`);
}

/** Runs whose value of a summary key satisfies a condition on `s`: one stretch of the table is read, once. */
export function runsWhere(
  field: Extract<Field, { kind: 'value' }>,
  condition: string,
  parameters: Sql['parameters'],
): Sql {
  return {
    sql: `(r.seq IN (SELECT s.run FROM summary s WHERE s.key = ? AND ${condition}))`,
    parameters: [field.key, ...parameters],
  };
}

/** Number of a field, for comparing with numbers; undefined for fields without. */
export function numberSql(field: Field): Sql | undefined {
  if (field.kind === 'value') {
    return {
      sql: `(SELECT s.${field.part} FROM summary s WHERE s.key = ? AND s.run = r.seq)`,
      parameters: [field.key],
    };
  }
  return field.kind === 'number' || field.kind === 'time' ? { sql: field.sql, parameters: [] } : undefined;
}

/** Text of a field; undefined for fields without. */
export function textSql(field: Field): Sql | undefined {
  if (field.kind === 'value') {
    if (field.part !== 'value') return undefined;
    return { sql: '(SELECT s.text FROM summary s WHERE s.key = ? AND s.run = r.seq)', parameters: [field.key] };
  }
  return field.kind === 'text' ? { sql: field.sql, parameters: [] } : undefined;
}

/** What a field groups by: its number, else its text; tags as one text. */
export function keySql(field: Field): Sql {
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
      return { sql: tagsSql, parameters: [] };
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

/** The tags of a run as one text, by name. */
export const tagsSql = `(SELECT group_concat(g.name, ', ' ORDER BY g.name) FROM run_tags rt JOIN tags g ON g.seq = rt.tag WHERE rt.run = r.seq)`;

function keyOf(context: StoreContext, name: string): Key | undefined {
  return context.prepare('SELECT seq AS "key", numbers, texts FROM summary_keys WHERE key = ?').get(name) as
    Key | undefined;
}

function lookUp(table: typeof runFields, name: string): (typeof runFields)[keyof typeof runFields] | undefined {
  return Object.hasOwn(table, name) ? table[name as keyof typeof runFields] : undefined;
}

/** At most three names within a third of their length in edits. */
function nearest(name: string, names: readonly string[]): string[] {
  const limit = Math.max(1, Math.floor(name.length / 3));
  return names
    .filter((each) => Math.abs(each.length - name.length) <= limit)
    .map((each) => ({ each, distance: editDistance(name.toLowerCase(), each.toLowerCase()) }))
    .filter(({ distance }) => distance <= limit)
    .sort((a, b) => a.distance - b.distance)
    .slice(0, 3)
    .map(({ each }) => each);
}

/** Insertions, deletions and replacements that turn a into b. */
function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      row.push(Math.min(previous[j] + 1, row[j - 1] + 1, previous[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1)));
    }
    previous = row;
  }
  return previous[b.length];
}
