/** How the table of runs is set up; survives a restart. */
import * as v from 'valibot';
import { runStatuses } from '../../shared/contract/index.ts';
import { readerOf } from '../state/reader.ts';
import { firstColumns } from './columns.ts';

const texts = v.pipe(v.array(v.string()), v.readonly());
const text = (first: string) => v.fallback(v.string(), first);
const flag = (first: boolean) => v.fallback(v.boolean(), first);
const noneOr = <S extends v.GenericSchema>(schema: S) => v.fallback(v.nullable(schema), null);

const tableView = v.object({
  columns: v.fallback(
    v.pipe(
      texts,
      v.check((columns) => columns.includes('name')),
      v.transform((columns): readonly string[] => [...new Set(columns)]),
    ),
    firstColumns,
  ),
  /** Settings that get no column though the runs differ in them: taken out by hand. */
  without: v.fallback(texts, []),
  /** CSS pixels, where they were changed. */
  widths: v.fallback(
    v.pipe(
      v.record(v.string(), v.unknown()),
      v.transform((widths): Readonly<Record<string, number>> =>
        Object.fromEntries(
          Object.entries(widths).filter(
            (entry): entry is [string, number] => typeof entry[1] === 'number' && entry[1] >= 40,
          ),
        ),
      ),
    ),
    {},
  ),
  sort: v.fallback(v.pipe(v.object({ key: v.string(), descending: v.boolean() }), v.readonly()), {
    key: 'created',
    descending: true,
  }),
  inspector: flag(false),
  /** The sidebar of projects. */
  sidebar: flag(true),
  /** Id of a project; 'none': runs of no project; null: all. */
  project: noneOr(v.string()),
  /** Fields that runs are grouped by; none: a plain table. */
  groups: v.fallback(
    v.pipe(
      texts,
      v.transform((groups): readonly string[] => groups.slice(0, 8)),
    ),
    [],
  ),
  filter: text(''),
  status: noneOr(v.picklist(runStatuses)),
  tags: v.fallback(texts, []),
  archived: flag(false),
});
export type TableView = Readonly<v.InferOutput<typeof tableView>>;
export type Sort = TableView['sort'];

const tablePosition = v.object({
  scroll: v.fallback(v.pipe(v.number(), v.minValue(0)), 0),
  /** Id of the run, or key of the group, that was active. */
  active: noneOr(v.string()),
  chosen: v.fallback(texts, []),
  open: v.fallback(texts, []),
});
/** Where the table stood. */
export type Position = Readonly<v.InferOutput<typeof tablePosition>>;

export const firstView: TableView = v.parse(tableView, {});
export const firstPosition: Position = v.parse(tablePosition, {});
export const readView = readerOf(tableView);
export const readPosition = readerOf(tablePosition);

/** Words are searched as text; operators make an expression. */
export function isExpression(filter: string): boolean {
  return /[<>=~]|\b(has|not|in)\s+\S/.test(filter);
}
