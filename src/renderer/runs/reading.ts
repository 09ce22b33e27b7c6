/** Reads the lines of the table from the services, a page at a time. */
import type { Arguments, GroupPage, Method, Result, RunGroup, RunPage, RunRow } from '../../shared/contract/index.ts';
import { groupPage, openGroups, pagesOf, placeOfLine, runPage } from './lines.ts';
import type { Key, Lines, Opened, RunsWanted } from './lines.ts';

/** What is displayed when the lines are read again. */
export interface Standing {
  readonly lines: Lines | null;
  /** Lines [from, to) in view. */
  readonly visible: readonly [number, number];
  /** Id of the active run, or key of the active group. */
  readonly active: string | null;
  /** Keys of open groups. */
  readonly open: readonly string[];
}

export interface Reading {
  readonly lines: Lines;
  /** Of the active line, where it was found. */
  readonly place: number | null;
  /** Of the store when they were read. */
  readonly revision: number;
}

/** The part of the client that sends requests. */
export interface Asking {
  request<M extends Method>(method: M, ...args: Arguments<M>): Promise<Result<M>>;
}

export class RunsReader {
  readonly #client: Asking;

  constructor(client: Asking) {
    this.#client = client;
  }

  read(wanted: RunsWanted, standing: Standing): Promise<Reading> {
    return wanted.by.length === 0 ? this.#readRuns(wanted, standing) : this.#readGroups(wanted, standing);
  }

  /** Pages of runs that follow on each other, in one request: of all that match, or of one group. */
  async pages(
    wanted: RunsWanted,
    pages: readonly number[],
    anchor: string | null,
    group?: Key,
  ): Promise<Omit<RunPage, 'rows'> & { readonly rows: readonly (readonly RunRow[])[] }> {
    const answer = await this.#client.request('runs.list', {
      ...wanted.where,
      sort: [wanted.sort],
      columns: wanted.columns,
      offset: pages[0] * runPage,
      limit: pages.length * runPage,
      ...(anchor !== null && !anchor.startsWith('[') && { anchor }),
      ...(group !== undefined && { group: { by: [...wanted.by], key: [...group] } }),
    });
    return { ...answer, rows: pages.map((_, i) => answer.rows.slice(i * runPage, (i + 1) * runPage)) };
  }

  /** Pages of groups that follow on each other, in one request: all runs are grouped for each. */
  async groupPages(
    wanted: RunsWanted,
    pages: readonly number[],
    open: readonly string[],
  ): Promise<Omit<GroupPage, 'groups'> & { readonly groups: readonly (readonly RunGroup[])[] }> {
    const answer = await this.#client.request('runs.groups', {
      ...wanted.where,
      by: wanted.by,
      values: wanted.columns.slice(0, 100),
      ...(wanted.sort.key !== 'created' && { sort: wanted.sort }),
      offset: pages[0] * groupPage,
      limit: pages.length * groupPage,
      open: open.map((key) => [...(JSON.parse(key) as Key)]),
    });
    return { ...answer, groups: pages.map((_, i) => answer.groups.slice(i * groupPage, (i + 1) * groupPage)) };
  }

  async #readRuns(wanted: RunsWanted, { lines: old, visible, active }: Standing): Promise<Reading> {
    const [from, to] = visible;
    const pages = pagesOf(from, to, runPage, old?.total ?? to);
    const rowsOfPages = await this.pages(wanted, pages, active);
    const { total, place, revision } = rowsOfPages;
    const rows = new Map(rowsOfPages.rows.map((list, i) => [pages[i], list]));
    return {
      lines: { grouped: false, total, runs: total, rows, groups: new Map(), opened: new Map() },
      place,
      revision,
    };
  }

  async #readGroups(wanted: RunsWanted, { lines: old, visible, active: last, open }: Standing): Promise<Reading> {
    const [from, to] = visible;
    const first = old === null ? { child: null, index: from } : placeOfLine(openGroups(old), from);
    const index = first.child === null ? first.index : first.opened.index;
    const pages = pagesOf(index, index + (to - from), groupPage, old?.total ?? to);
    const active = last?.startsWith('[') === true ? last : null;
    const asked = active === null || open.includes(active) ? open : [...open, active];
    const groupsOfPages = await this.groupPages(wanted, pages, asked);
    const { total, runs, places, revision } = groupsOfPages;
    const opened = new Map<string, Opened>();
    const children = await Promise.all(
      open.map(async (key, i) => {
        const { index: at, runs: count } = places[i] ?? { index: null, runs: 0 };
        if (at === null) return null;
        // The children on show are read again, the first page of others.
        const known = old?.opened.get(key);
        const wantedPages = known === undefined || known.pages.size === 0 ? [0] : [...known.pages.keys()];
        const read = await Promise.all(
          wantedPages.map(async (page) => {
            const { rows } = await this.pages(wanted, [page], null, JSON.parse(key) as Key);
            return [page, rows[0]] as const;
          }),
        );
        return { key, opened: { index: at, count, pages: new Map(read) } };
      }),
    );
    for (const each of children) if (each !== null) opened.set(each.key, each.opened);
    const groups = new Map(groupsOfPages.groups.map((list, i) => [pages[i], list]));
    const place = active === null ? null : (places[asked.indexOf(active)]?.index ?? null);
    const lines = { grouped: true, total, runs, rows: new Map(), groups, opened };
    const before = [...opened.values()].reduce(
      (sum, each) => (place !== null && each.index < place ? sum + each.count : sum),
      0,
    );
    return { lines, place: place === null ? null : place + before, revision };
  }
}
