/**
 * The lines of the table, as far as they have been looked at: runs, or groups that open to their runs. Pages are read when they come into view. What
 * changes by itself never moves what the user points at: see `refresh`.
 */
import type { RunGroup, RunRow } from '../../shared/contract/index.ts';
import { faultOf } from '../state/app.svelte.ts';
import type { App } from '../state/app.svelte.ts';
import { whenIdle } from '../idle.ts';
import { groupPage, keyOf, openGroups, pagesOf, placeOfLine, runPage, samePlaces, stretchesOf } from './lines.ts';
import type { Key, TableLine, Lines, PlaceOfLine, RunsWanted } from './lines.ts';
import { RunsReader } from './reading.ts';

/** Milliseconds between two readings because of changes. */
const refreshEvery = 500;

/** What the user is using: nothing moves under the pointer; with the keyboard the list scrolls with the active line. */
export type Hold = 'pointer' | 'keyboard' | 'none';

export class TableRows {
  #lines = $state.raw<Lines | null>(null);
  /** What is wrong with the filter. */
  problem = $state<string | null>(null);
  /** Lines came, went or changed places while the pointer was on the table: not shown yet. */
  held = $state(false);
  chosen = $state.raw<ReadonlySet<string>>(new Set());
  /** Keys of open groups, in the order of their opening. */
  open = $state.raw<readonly string[]>([]);
  /** Id of the active run, or key of the active group. */
  active = $state<string | null>(null);
  /** Index of the active line. */
  activeIndex = $state(0);
  /** Called when the active line moved to another place by itself. */
  onmoved: ((from: number, to: number) => void) | null = null;
  hold: () => Hold = () => 'none';
  readonly #app: App;
  readonly #reader: RunsReader;
  #wanted: RunsWanted | null = null;
  #number = 0;
  #asked = new Set<string>();
  #visible: readonly [number, number] = [0, 0];
  /** Of these, those in view. */
  #inView: readonly [number, number] = [0, 0];
  #timer: ReturnType<typeof setTimeout> | undefined;
  #filling: (() => void) | undefined;
  #revision = 0;
  #forced = false;
  #idsOf: { readonly of: string; readonly ids: Promise<readonly string[]> } | null = null;

  constructor(app: App) {
    this.#app = app;
    this.#reader = new RunsReader(app.client);
  }

  /** Groups that are open, in the order of the list. */
  readonly #openList = $derived.by(() => openGroups(this.#lines));

  /** Lines; null until the first answer. */
  readonly count = $derived.by(() =>
    this.#lines === null ? null : this.#lines.total + this.#openList.reduce((sum, { count }) => sum + count, 0),
  );
  readonly total = $derived(this.#lines?.total ?? null);
  readonly runs = $derived(this.#lines?.runs ?? null);

  /** Of the lines on show, which stay until those asked for are there. */
  get grouped(): boolean {
    return this.#lines?.grouped ?? false;
  }

  listen(): () => void {
    const stop = this.#app.client.on('runs.changed', ({ revision }) => {
      if (revision <= this.#revision) return;
      this.#timer ??= setTimeout(() => {
        this.#timer = undefined;
        void this.refresh();
      }, refreshEvery);
    });
    return () => {
      stop();
      clearTimeout(this.#timer);
      this.#filling?.();
    };
  }

  /** The line at a place, and for a run of a group which of the group's it is. */
  line(index: number): TableLine {
    const lines = this.#lines;
    if (lines === null) return { kind: 'run', row: undefined, group: null };
    if (!this.grouped) {
      return { kind: 'run', row: lines.rows.get(Math.floor(index / runPage))?.[index % runPage], group: null };
    }
    const place = this.#placeOf(index);
    if (place.child !== null) {
      const { child, opened } = place;
      const row = opened.pages.get(Math.floor(child / runPage))?.[child % runPage];
      return { kind: 'run', row, group: opened.key };
    }
    const group = lines.groups.get(Math.floor(place.index / groupPage))?.[place.index % groupPage];
    const key = group === undefined ? '' : keyOf(group);
    return { kind: 'group', group, key, open: lines.opened.has(key) };
  }

  #placeOf(index: number): PlaceOfLine {
    return placeOfLine(this.#openList, index);
  }

  /** Where a group stands among the lines. */
  #lineOfGroup(index: number): number {
    return index + this.#openList.reduce((sum, each) => (each.index < index ? sum + each.count : sum), 0);
  }

  /** Id of the run, or key of the group, at a place; undefined until it has been read. */
  idAt(index: number): string | undefined {
    const line = this.line(index);
    return line.kind === 'run' ? line.row?.id : line.group === undefined ? undefined : line.key;
  }

  /** The runs of a line: one, or a group's. */
  runsAt(index: number): readonly string[] {
    const line = this.line(index);
    return line.kind === 'run' ? (line.row === undefined ? [] : [line.row.id]) : (line.group?.runs ?? []);
  }

  activate(index: number): void {
    this.activeIndex = index;
    this.active = this.idAt(index) ?? null;
  }

  ask(wanted: RunsWanted): void {
    const before = this.#wanted;
    this.#wanted = wanted;
    if (before !== null && before.by.join() !== wanted.by.join()) {
      this.open = [];
    }
    void this.refresh(true);
  }

  /** Changes with what any line shows. */
  get shown(): unknown {
    return this.#lines;
  }

  /** Lines [from, to) stand in the table, [first, last) of them in view. */
  show([from, to]: readonly [number, number], inView: readonly [number, number]): void {
    this.#visible = [from, to];
    this.#inView = inView;
    if (this.#lines !== null && !this.held) void this.#fill();
  }

  /** Opens or closes a group. */
  async toggle(index: number): Promise<void> {
    const line = this.line(index);
    const lines = this.#lines;
    if (line.kind !== 'group' || line.group === undefined || lines === null) return;
    const opened = new Map(lines.opened);
    if (opened.delete(line.key)) this.open = this.open.filter((key) => key !== line.key);
    else {
      this.open = [...this.open.slice(-199), line.key];
      const place = this.#placeOf(index);
      opened.set(line.key, {
        index: place.child === null ? place.index : 0,
        count: line.group.runs.length,
        pages: new Map(),
      });
    }
    this.#asked.clear();
    this.#lines = { ...lines, opened };
    await this.#fill();
  }

  /**
   * Reads what is on show again; the old lines stay until the new ones are there. Unless `force` (the user did something), lines keep their places while
   * the pointer is on the table: values change, and `held` says that places would.
   */
  async refresh(force = false): Promise<void> {
    const wanted = this.#wanted;
    if (wanted === null) return;
    const number = ++this.#number;
    this.#idsOf = null;
    // A newer request also answers for the earlier one.
    this.#forced ||= force;
    try {
      const { open, active } = this;
      // Lines around those in view follow (`#fill`).
      const next = await this.#reader.read(wanted, { lines: this.#lines, visible: this.#inView, active, open });
      this.#revision = Math.max(this.#revision, next.revision);
      if (number !== this.#number) return;
      // A group was opened or closed in the meantime.
      if (this.open !== open) return await this.refresh();
      const old = this.#lines;
      const wasForced = this.#forced;
      this.#forced = false;
      this.problem = null;
      if (!wasForced && old !== null && this.hold() === 'pointer' && !samePlaces(old, next.lines)) {
        this.#lines = await this.#inPlace(old, next.lines, wanted);
        this.held = true;
        return;
      }
      this.#asked.clear();
      this.held = false;
      this.#lines = next.lines;
      const from = this.activeIndex;
      const to = next.place === null ? from : next.place;
      if (to !== from) {
        this.activeIndex = to;
        if (!wasForced && this.hold() === 'keyboard') this.onmoved?.(from, to);
      }
      const count = this.count ?? 0;
      if (this.activeIndex >= count) this.activeIndex = Math.max(0, count - 1);
      if (next.place === null) this.active = this.idAt(this.activeIndex) ?? null;
      // Those in view at once, those around them once these are on the screen.
      await this.#fill(this.#inView);
      this.#filling?.();
      this.#filling = whenIdle(() => void this.#fill());
    } catch (error) {
      if (number !== this.#number) return;
      const fault = faultOf(error);
      if (fault.code === 'bad-input') this.problem = fault.message;
      else await this.#app.attempt(() => Promise.reject(error instanceof Error ? error : new Error(String(error))));
    }
  }

  /** Ids of all runs that match, in order. */
  ids(): Promise<readonly string[]> {
    const wanted = this.#wanted;
    if (wanted === null) return Promise.resolve([]);
    const of = JSON.stringify([wanted.where, wanted.sort]);
    if (this.#idsOf?.of !== of) {
      this.#idsOf = { of, ids: this.#app.client.request('runs.ids', { ...wanted.where, sort: [wanted.sort] }) };
    }
    return this.#idsOf.ids;
  }

  /** Runs of the lines from one place to another, both included. */
  async range(a: number, b: number): Promise<readonly string[]> {
    const [low, high] = [Math.min(a, b), Math.max(a, b)];
    const known = [];
    for (let index = low; index <= high; index++) {
      const runs = this.runsAt(index);
      if (runs.length === 0) return this.grouped ? known : (await this.ids()).slice(low, high + 1);
      known.push(...runs);
    }
    return known;
  }

  choose(ids: Iterable<string>): void {
    this.chosen = new Set(ids);
  }

  /** Selects runs, or unselects them where all of them are. */
  toggleChosen(ids: readonly string[]): void {
    const next = new Set(this.chosen);
    if (ids.every((id) => next.has(id))) for (const id of ids) next.delete(id);
    else for (const id of ids) next.add(id);
    this.chosen = next;
  }

  /** Reads pages of lines [from, to) that were not read yet; of all that stand in the table unless said. */
  async #fill([from, to] = this.#visible): Promise<void> {
    const [wanted, lines, number] = [this.#wanted, this.#lines, this.#number];
    if (wanted === null || lines === null || lines.grouped !== wanted.by.length > 0) return;
    try {
      if (!this.grouped) {
        const missing = pagesOf(from, to, runPage, lines.total).filter(
          (page) => !lines.rows.has(page) && this.#claim(`runs ${page}`),
        );
        if (missing.length === 0) return;
        // Pages that follow on each other come by one request.
        const stretches = stretchesOf(missing);
        const lists = await Promise.all(stretches.map((pages) => this.#reader.pages(wanted, pages, null)));
        if (number !== this.#number || this.#lines === null) return;
        const rows = new Map(this.#lines.rows);
        lists.forEach((each, s) => each.rows.forEach((list, i) => rows.set(stretches[s][i], list)));
        this.#lines = { ...this.#lines, rows };
      } else {
        const missingGroups = new Set<number>();
        const missingRuns: { readonly key: string; readonly page: number }[] = [];
        for (let index = from; index < to; index++) {
          const place = this.#placeOf(index);
          if (place.child === null) {
            const page = Math.floor(place.index / groupPage);
            if (place.index < lines.total && !lines.groups.has(page) && this.#claim(`groups ${page}`)) {
              missingGroups.add(page);
            }
          } else {
            const page = Math.floor(place.child / runPage);
            const { key } = place.opened;
            if (!place.opened.pages.has(page) && this.#claim(`${key} ${page}`)) missingRuns.push({ key, page });
          }
        }
        if (missingGroups.size === 0 && missingRuns.length === 0) return;
        const stretches = stretchesOf([...missingGroups]);
        const [groups, runs] = await Promise.all([
          Promise.all(stretches.map((pages) => this.#reader.groupPages(wanted, pages, []))),
          Promise.all(
            missingRuns.map(({ key, page }) => this.#reader.pages(wanted, [page], null, JSON.parse(key) as Key)),
          ),
        ]);
        if (number !== this.#number || this.#lines === null) return;
        const pages = new Map(this.#lines.groups);
        groups.forEach((each, s) => each.groups.forEach((list, i) => pages.set(stretches[s][i], list)));
        const opened = new Map(this.#lines.opened);
        missingRuns.forEach(({ key, page }, i) => {
          const known = opened.get(key);
          if (known !== undefined) {
            opened.set(key, { ...known, pages: new Map(known.pages).set(page, runs[i].rows[0]) });
          }
        });
        this.#lines = { ...this.#lines, groups: pages, opened };
      }
      this.active ??= this.idAt(this.activeIndex) ?? null;
    } catch (error) {
      if (number === this.#number) {
        await this.#app.attempt(() => Promise.reject(error instanceof Error ? error : new Error(String(error))));
      }
    }
  }

  #claim(name: string): boolean {
    if (this.#asked.has(name)) return false;
    this.#asked.add(name);
    return true;
  }

  /** The old lines with new values, each in its old place. */
  async #inPlace(old: Lines, next: Lines, wanted: RunsWanted): Promise<Lines> {
    const rows = new Map<string, RunRow>();
    for (const page of next.rows.values()) for (const row of page) rows.set(row.id, row);
    for (const { pages } of next.opened.values()) {
      for (const page of pages.values()) for (const row of page) rows.set(row.id, row);
    }
    const [from, to] = this.#visible;
    const missing = new Set<string>();
    for (let index = from; index < to; index++) {
      const line = this.line(index);
      if (line.kind === 'run' && line.row !== undefined && !rows.has(line.row.id)) missing.add(line.row.id);
    }
    if (missing.size > 0) {
      const answer = await this.#app.client.request('runs.rows', {
        ids: [...missing].slice(0, 500),
        columns: wanted.columns,
      });
      for (const row of answer) rows.set(row.id, row);
    }
    const groups = new Map<string, RunGroup>();
    for (const page of next.groups.values()) for (const group of page) groups.set(keyOf(group), group);
    const renewed = (pages: ReadonlyMap<number, readonly RunRow[]>): ReadonlyMap<number, readonly RunRow[]> =>
      new Map([...pages].map(([page, list]) => [page, list.map((row) => rows.get(row.id) ?? row)]));
    return {
      ...old,
      rows: renewed(old.rows),
      groups: new Map([...old.groups].map(([page, list]) => [page, list.map((g) => groups.get(keyOf(g)) ?? g)])),
      opened: new Map([...old.opened].map(([key, opened]) => [key, { ...opened, pages: renewed(opened.pages) }])),
    };
  }

  /** Moves to the line of a group or run that was active before, where it can be found. */
  restore(active: string | null, open: readonly string[]): void {
    this.active = active;
    this.open = open;
  }

  /** Whether a place is a run inside a group; then the place of its group. */
  groupLineOf(index: number): number | null {
    const place = this.#placeOf(index);
    return place.child === null ? null : this.#lineOfGroup(place.opened.index);
  }
}
