/** Reads the lines of the table from the services, a page at a time. */
import type { GroupPage, RunPage } from '../../shared/contract/index.ts';
import type { WorkbenchClient } from '../client.ts';
import { groupPage, openGroups, pagesOf, placeOfLine, runPage } from './lines.ts';
import type { Key, Lines, Opened, RunsWanted } from './lines.ts';

/** What is on show when the lines are read again. */
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

export class Reader {
  readonly #client: WorkbenchClient;

  constructor(client: WorkbenchClient) {
    this.#client = client;
  }

  read(wanted: RunsWanted, standing: Standing): Promise<Reading> {
    return wanted.by.length === 0 ? this.#readRuns(wanted, standing) : this.#readGroups(wanted, standing);
  }

  /** A page of runs: of all that match, or of one group. */
  async page(wanted: RunsWanted, page: number, anchor: string | null, group?: Key): Promise<RunPage> {
    return this.#client.request('runs.list', {
      ...wanted.where,
      sort: [wanted.sort],
      columns: wanted.columns,
      offset: page * runPage,
      limit: runPage,
      ...(anchor !== null && !anchor.startsWith('[') && { anchor }),
      ...(group !== undefined && { group: { by: [...wanted.by], key: [...group] } }),
    });
  }

  async groupPage(wanted: RunsWanted, page: number, open: readonly string[]): Promise<GroupPage> {
    return this.#client.request('runs.groups', {
      ...wanted.where,
      by: wanted.by,
      values: wanted.columns.slice(0, 100),
      ...(wanted.sort.key !== 'created' && { sort: wanted.sort }),
      offset: page * groupPage,
      limit: groupPage,
      open: open.map((key) => [...(JSON.parse(key) as Key)]),
    });
  }

  async #readRuns(wanted: RunsWanted, { lines: old, visible, active }: Standing): Promise<Reading> {
    const [from, to] = visible;
    const pages = pagesOf(from, to, runPage, old?.total ?? to);
    const found = await Promise.all(pages.map((page, i) => this.page(wanted, page, i === 0 ? active : null)));
    const revision = Math.max(...found.map(({ revision }) => revision));
    const { total, place } = found[0];
    const rows = new Map(found.map(({ rows }, i) => [pages[i], rows]));
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
    const found = await Promise.all(pages.map((page, i) => this.groupPage(wanted, page, i === 0 ? asked : [])));
    const revision = Math.max(...found.map(({ revision }) => revision));
    const { total, runs, places } = found[0];
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
            const { rows } = await this.page(wanted, page, null, JSON.parse(key) as Key);
            return [page, rows] as const;
          }),
        );
        return { key, opened: { index: at, count, pages: new Map(read) } };
      }),
    );
    for (const each of children) if (each !== null) opened.set(each.key, each.opened);
    const groups = new Map(found.map(({ groups }, i) => [pages[i], groups]));
    const place = active === null ? null : (places[asked.indexOf(active)]?.index ?? null);
    const lines = { grouped: true, total, runs, rows: new Map(), groups, opened };
    const before = [...opened.values()].reduce(
      (sum, each) => (place !== null && each.index < place ? sum + each.count : sum),
      0,
    );
    return { lines, place: place === null ? null : place + before, revision };
  }
}
