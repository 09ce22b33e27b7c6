/** The fields of a format as Markdown tables, from the schema that checks it and the comments in its sources. */
import * as v from 'valibot';
import { shapeKey, type CommentTable } from './schema-comments.ts';

/** What the tables need to know about any valibot schema; all of these are plain properties of it. */
interface Schema {
  readonly type: string;
  readonly entries?: Readonly<Record<string, Schema>>;
  readonly wrapped?: Schema;
  readonly default?: unknown;
  readonly item?: Schema;
  readonly options?: readonly unknown[];
  readonly literal?: unknown;
  readonly getter?: (input: unknown) => Schema;
}

export interface FieldRow {
  /** "optimiser.schedule.kind", "measurements[].top". */
  readonly path: string;
  /** What it takes, in words. */
  readonly takes: string;
  readonly required: boolean;
  readonly standard: string;
  readonly about: string;
}

/** Objects distinguished by one field, such as layers by their `type`, each with its own heading and rows. */
export interface Section {
  readonly title: string;
  readonly about: string;
  readonly rows: readonly FieldRow[];
}

const isOptional = (schema: Schema): boolean => schema.type === 'optional' || schema.type === 'exact_optional';
const isObject = (schema: Schema): boolean => schema.entries !== undefined;

/** The schema inside wrappers that only say whether a field may be left out. */
function inner(schema: Schema): Schema {
  return schema.wrapped === undefined ? schema : inner(schema.wrapped);
}

/** Every field of an object, with those of the objects in it. Alternatives of a union have the names of their kinds before their fields. */
export function fieldRows(schema: v.GenericSchema, comments: CommentTable, prefix = ''): FieldRow[] {
  return rowsOf(schema, comments, prefix);
}

function rowsOf(schema: Schema, comments: CommentTable, prefix: string): FieldRow[] {
  const { fields } = commentsOf(schema, comments);
  return Object.entries(schema.entries ?? {}).flatMap(([name, entry]) => {
    const path = `${prefix}${name}`;
    const row: FieldRow = {
      path,
      takes: takes(inner(entry)),
      required: !isOptional(entry),
      standard:
        isOptional(entry) && entry.default !== undefined && !isEmpty(entry.default)
          ? JSON.stringify(entry.default)
          : '',
      about: fields.get(name) ?? '',
    };
    return [row, ...nestedRows(inner(entry), comments, path)];
  });
}

const isEmpty = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && Object.keys(value).length === 0;

function nestedRows(schema: Schema, comments: CommentTable, path: string): FieldRow[] {
  if (isObject(schema)) return rowsOf(schema, comments, `${path}.`);
  if (schema.type === 'array' && schema.item !== undefined)
    return nestedRows(inner(schema.item), comments, `${path}[]`);
  // A few kinds are listed in place; a catalogue of many (datasets, layers, losses) has its own sections.
  const kinds = kindsOf(schema);
  if (kinds.length === 0 || kinds.length > 3) return [];
  return kinds.flatMap(({ kind, schema: each }) =>
    rowsOf(each, comments, `${path}.`)
      .filter(({ path: field }) => field !== `${path}.${kind.name}`)
      .map((row) => ({ ...row, about: `Of ${kind.name} "${kind.value}". ${row.about}`.trim() })),
  );
}

interface Kind {
  readonly kind: { readonly name: string; readonly value: string };
  readonly schema: Schema;
}

/** The alternatives of a union of objects, each with the field whose literal names it. */
function kindsOf(schema: Schema): Kind[] {
  const settings = schema.type === 'lazy' && schema.getter !== undefined ? schema.getter({}) : schema;
  if (isObject(settings) && schema.type === 'lazy') return [];
  return (settings.options ?? []).flatMap((option) => {
    const each = option as Schema;
    if (typeof option !== 'object' || option === null || !isObject(each)) return [];
    const found = Object.entries(each.entries ?? {}).find(([, entry]) => entry.type === 'literal');
    return found === undefined ? [] : [{ kind: { name: found[0], value: String(found[1].literal) }, schema: each }];
  });
}

/** A section for every alternative of a union of objects. Raises an Error if the schema is not such a union. */
export function kindSections(schema: v.GenericSchema, comments: CommentTable): Section[] {
  const kinds = kindsOf(schema);
  if (kinds.length === 0) throw new Error('expected a union of objects that a literal distinguishes');
  return kinds.map(({ kind, schema: each }) => ({
    title: kind.value,
    about: commentsOf(each, comments).about,
    rows: rowsOf(each, comments, '').filter(({ path }) => path !== kind.name),
  }));
}

function commentsOf(schema: Schema, comments: CommentTable): { about: string; fields: ReadonlyMap<string, string> } {
  const key = shapeKey(
    Object.entries(schema.entries ?? {}).map(
      ([name, entry]) => [name, entry.type === 'literal' ? String(entry.literal) : undefined] as const,
    ),
  );
  return comments.get(key) ?? { about: '', fields: new Map() };
}

/** What a schema takes, in words. */
export function takesText(schema: v.GenericSchema): string {
  return takes(inner(schema));
}

/** In the words of the message that a wrong value gets: "a number above 0", "an integer from 1 to 1000", "\"he\" or \"glorot\"". */
function takes(schema: Schema): string {
  switch (schema.type) {
    case 'picklist':
      return (schema.options ?? []).map((option) => JSON.stringify(option)).join(', ');
    case 'literal':
      return JSON.stringify(schema.literal);
    case 'boolean':
      return 'true or false';
    case 'nullable':
      return `${takes(inner(schema))}, or null`;
    case 'array':
      return schema.item === undefined ? 'a list' : `a list: ${takes(inner(schema.item))}`;
    case 'unknown':
      return 'any JSON';
    default:
  }
  if (isObject(schema)) return 'an object';
  const kinds = kindsOf(schema);
  if (kinds.length > 0)
    return `an object: ${kinds[0].kind.name} ${kinds.map(({ kind }) => JSON.stringify(kind.value)).join(', ')}`;
  // The schema's own message for values that no field accepts.
  for (const probe of [Infinity, {}, [], null, '']) {
    const result = v.safeParse(schema as unknown as v.GenericSchema, probe);
    const message = result.success ? undefined : result.issues[0].message;
    const found = message === undefined ? null : /^expected (.+?)(?:, received .*)?$/.exec(message);
    if (found !== null) return found[1];
  }
  return schema.type === 'string' ? 'text' : schema.type === 'number' ? 'a number' : 'a value';
}

const cell = (text: string): string => text.replaceAll('|', '\\|').replace(/[<>{}]/g, (c) => `&#${c.charCodeAt(0)};`);
const code = (text: string): string => (text === '' ? '' : `\`${text}\``);

/** A Markdown table. */
export function tableText(rows: readonly FieldRow[]): string {
  if (rows.length === 0) return 'No fields of its own.\n';
  return [
    '| field | |',
    '| --- | --- |',
    ...rows.map(({ path, takes: what, required, standard, about }) => {
      const without = required
        ? '; **needed**'
        : standard === ''
          ? ''
          : `; default ${code(standard.replaceAll('|', '\\|'))}`;
      return `| ${code(path)} | ${cell(what)}${without}${about === '' ? '' : `<br>${cell(about)}`} |`;
    }),
    '',
  ].join('\n');
}

/** A sentence of a comment as it can stand in a page. */
export const proseText = (text: string): string => text.replace(/[<>{}]/g, (c) => `&#${c.charCodeAt(0)};`);
