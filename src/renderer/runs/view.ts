/** How the table of runs is set up; survives a restart. */
import { runStatuses } from '../../shared/contract/index.ts';
import type { RunStatus } from '../../shared/contract/index.ts';
import { firstColumns } from './columns.ts';

export interface Sort {
  readonly key: string;
  readonly descending: boolean;
}

export interface TableView {
  readonly columns: readonly string[];
  /** Settings that get no column though the runs differ in them: taken out by hand. */
  readonly without: readonly string[];
  /** CSS pixels, where they were changed. */
  readonly widths: Readonly<Record<string, number>>;
  readonly sort: Sort;
  readonly inspector: boolean;
  /** The sidebar of projects. */
  readonly sidebar: boolean;
  /** Id of a project; 'none': runs of no project; null: all. */
  readonly project: string | null;
  /** Fields that runs are grouped by; none: a plain table. */
  readonly groups: readonly string[];
  readonly filter: string;
  readonly status: RunStatus | null;
  readonly tags: readonly string[];
  readonly archived: boolean;
}

/** Where the table stood. */
export interface Position {
  readonly scroll: number;
  /** Id of the run, or key of the group, that was active. */
  readonly active: string | null;
  readonly chosen: readonly string[];
  readonly open: readonly string[];
}

export const firstView: TableView = {
  columns: firstColumns,
  without: [],
  widths: {},
  sort: { key: 'created', descending: true },
  inspector: false,
  sidebar: true,
  project: null,
  groups: [],
  filter: '',
  status: null,
  tags: [],
  archived: false,
};

export const firstPosition: Position = { scroll: 0, active: null, chosen: [], open: [] };

const isTexts = (value: unknown): value is readonly string[] =>
  Array.isArray(value) && value.every((each) => typeof each === 'string');

/** The stored view may come from another version: each part is used if it is valid. */
export function readView(stored: unknown): TableView | undefined {
  if (typeof stored !== 'object' || stored === null) return undefined;
  const from = stored as Partial<Record<keyof TableView, unknown>>;
  const sort = from.sort as Partial<Sort> | null | undefined;
  const flag = (name: 'inspector' | 'sidebar' | 'archived'): boolean =>
    typeof from[name] === 'boolean' ? from[name] : firstView[name];
  return {
    columns: isTexts(from.columns) && from.columns.includes('name') ? [...new Set(from.columns)] : firstView.columns,
    without: isTexts(from.without) ? from.without : [],
    widths:
      typeof from.widths === 'object' && from.widths !== null
        ? Object.fromEntries(
            Object.entries(from.widths as Record<string, unknown>).filter(
              (entry): entry is [string, number] => typeof entry[1] === 'number' && entry[1] >= 40,
            ),
          )
        : {},
    sort:
      typeof sort?.key === 'string' && typeof sort.descending === 'boolean'
        ? { key: sort.key, descending: sort.descending }
        : firstView.sort,
    inspector: flag('inspector'),
    sidebar: flag('sidebar'),
    project: typeof from.project === 'string' ? from.project : null,
    groups: isTexts(from.groups) ? from.groups.slice(0, 8) : [],
    filter: typeof from.filter === 'string' ? from.filter : '',
    status: runStatuses.find((status) => status === from.status) ?? null,
    tags: isTexts(from.tags) ? from.tags : [],
    archived: flag('archived'),
  };
}

export function readPosition(stored: unknown): Position | undefined {
  if (typeof stored !== 'object' || stored === null) return undefined;
  const from = stored as Partial<Record<keyof Position, unknown>>;
  return {
    scroll: typeof from.scroll === 'number' && from.scroll >= 0 ? from.scroll : 0,
    active: typeof from.active === 'string' ? from.active : null,
    chosen: isTexts(from.chosen) ? from.chosen : [],
    open: isTexts(from.open) ? from.open : [],
  };
}

/** Words are searched as text; operators make an expression. */
export function isExpression(filter: string): boolean {
  return /[<>=~]|\b(has|not|in)\s+\S/.test(filter);
}
