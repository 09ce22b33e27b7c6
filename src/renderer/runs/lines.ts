/** The lines of the table, runs or groups that open to their runs, as far as they have been read. Pure. */
import type { Params, RunGroup, RunRow } from '../../shared/contract/index.ts';
import type { Sort } from './view.ts';

export type RunWhere = Omit<Params<'runs.counts'>, 'group'>;

export interface RunsWanted {
  readonly where: RunWhere;
  readonly sort: Sort;
  readonly columns: readonly string[];
  /** Fields grouped by. */
  readonly by: readonly string[];
}

export type Key = readonly (number | string | null)[];

export type TableLine =
  /** `row` is undefined until it has been read. */
  | { readonly kind: 'run'; readonly row: RunRow | undefined; readonly group: string | null }
  | { readonly kind: 'group'; readonly group: RunGroup | undefined; readonly key: string; readonly open: boolean };

/** A group that is open: its place among the groups, and its runs as far as they have been read. */
export interface Opened {
  readonly index: number;
  readonly count: number;
  readonly pages: ReadonlyMap<number, readonly RunRow[]>;
}

export interface Lines {
  /** Whether they are groups. */
  readonly grouped: boolean;
  /** Runs, or groups. */
  readonly total: number;
  /** Runs that match. */
  readonly runs: number;
  readonly rows: ReadonlyMap<number, readonly RunRow[]>;
  readonly groups: ReadonlyMap<number, readonly RunGroup[]>;
  readonly opened: ReadonlyMap<string, Opened>;
}

/** Runs and groups of one page. A group costs as much as its runs, so only slightly more are read than are in view. */
export const runPage = 100;
export const groupPage = 12;
/** The place of a line: a group, or a run inside a group. */
export type PlaceOfLine =
  { readonly child: null; readonly index: number } | { readonly child: number; readonly opened: OpenGroup };

export type OpenGroup = Opened & { readonly key: string };

/** Groups that are open, in the order of the list. */
export function openGroups(lines: Lines | null): OpenGroup[] {
  return [...(lines?.opened ?? [])].map(([key, opened]) => ({ key, ...opened })).sort((a, b) => a.index - b.index);
}

/** The place of a line, given the groups that are open in the order of the list. */
export function placeOfLine(open: readonly OpenGroup[], index: number): PlaceOfLine {
  let before = 0;
  for (const opened of open) {
    const start = opened.index + before + 1;
    if (index < start) break;
    if (index < start + opened.count) return { child: index - start, opened };
    before += opened.count;
  }
  return { child: null, index: index - before };
}

/** Pages that lines [from, to) of `total` are on. */
export function pagesOf(from: number, to: number, size: number, total: number): number[] {
  const first = Math.max(0, Math.floor(from / size));
  const last = Math.max(first, Math.floor(Math.min(Math.max(from, to - 1), Math.max(0, total - 1)) / size));
  return Array.from({ length: last - first + 1 }, (_, i) => first + i);
}

/** Pages in increasing order, divided into stretches without a gap. */
export function stretchesOf(pages: readonly number[]): number[][] {
  const stretches: number[][] = [];
  for (const page of pages) {
    const last = stretches.at(-1);
    if (last?.at(-1) === page - 1) last.push(page);
    else stretches.push([page]);
  }
  return stretches;
}

/** Whether the lines in view are the same, in the same places. */
export function samePlaces(old: Lines, next: Lines): boolean {
  if (old.grouped !== next.grouped || old.total !== next.total || old.runs !== next.runs) return false;
  const same = <T>(
    a: ReadonlyMap<number, readonly T[]>,
    b: ReadonlyMap<number, readonly T[]>,
    id: (item: T) => string,
  ): boolean =>
    [...b].every(([page, items]) => {
      const before = a.get(page);
      return before === undefined || items.every((item, i) => before[i] !== undefined && id(before[i]) === id(item));
    });
  if (!same(old.rows, next.rows, ({ id }) => id) || !same(old.groups, next.groups, keyOf)) return false;
  return [...next.opened].every(([key, opened]) => {
    const before = old.opened.get(key);
    return (
      before !== undefined &&
      before.index === opened.index &&
      before.count === opened.count &&
      same(before.pages, opened.pages, ({ id }) => id)
    );
  });
}

/** Names a group; begins with "[". */
export function keyOf({ key }: RunGroup): string {
  return JSON.stringify(Object.values(key));
}
