/** The rows of the table, as far as they have been looked at: pages that are read when they come into view. */
import { SvelteSet } from 'svelte/reactivity';
import type { Params, RunPage, RunRow } from '../../shared/contract/index.ts';
import { faultOf } from '../state/app.svelte.ts';
import type { App } from '../state/app.svelte.ts';

export type RunQuery = Omit<Params<'runs.list'>, 'offset' | 'limit'>;

const pageSize = 200;
/** Milliseconds between two readings because of changes. */
const refreshEvery = 500;

export class Rows {
  total = $state<number | null>(null);
  /** What is wrong with the filter. */
  problem = $state<string | null>(null);
  readonly chosen = new SvelteSet<string>();
  #pages = $state.raw<ReadonlyMap<number, readonly RunRow[]>>(new Map());
  readonly #app: App;
  #query: RunQuery = {};
  #number = 0;
  #asked = new Set<number>();
  #visible: readonly [number, number] = [0, 0];
  #timer: ReturnType<typeof setTimeout> | undefined;
  #revision = 0;

  constructor(app: App) {
    this.#app = app;
  }

  listen(): () => void {
    const stop = this.#app.client.on('runs.changed', ({ revision }) => {
      if (revision <= this.#revision) return;
      this.#timer ??= setTimeout(() => {
        this.#timer = undefined;
        this.refresh();
      }, refreshEvery);
    });
    return () => {
      stop();
      clearTimeout(this.#timer);
    };
  }

  row(index: number): RunRow | undefined {
    return this.#pages.get(Math.floor(index / pageSize))?.[index % pageSize];
  }

  ask(query: RunQuery): void {
    this.#query = query;
    this.refresh();
  }

  /** Reads what is on show again; the old rows stay until the new ones are there. */
  refresh(): void {
    this.#number++;
    this.#asked = new Set();
    void this.#read(true);
  }

  /** Rows [from, to) came into view. */
  show(from: number, to: number): void {
    this.#visible = [from, to];
    void this.#read(false);
  }

  async #read(fresh: boolean): Promise<void> {
    const number = this.#number;
    const [from, to] = this.#visible;
    const first = Math.floor(from / pageSize);
    const last = Math.max(first, Math.floor(Math.max(from, to - 1) / pageSize));
    const wanted: number[] = [];
    for (let page = first; page <= last; page++) if (!this.#asked.has(page)) wanted.push(page);
    if (wanted.length === 0) return;
    for (const page of wanted) this.#asked.add(page);
    try {
      const pages = await Promise.all(
        wanted.map(async (page): Promise<[number, RunPage]> => [
          page,
          await this.#app.client.request('runs.list', { ...this.#query, offset: page * pageSize, limit: pageSize }),
        ]),
      );
      if (number !== this.#number) return;
      const kept = fresh ? [] : this.#pages;
      this.#pages = new Map([...kept, ...pages.map(([page, { rows }]) => [page, rows] as const)]);
      this.total = pages[0][1].total;
      this.#revision = Math.max(this.#revision, ...pages.map(([, { revision }]) => revision));
      this.problem = null;
    } catch (error) {
      if (number !== this.#number) return;
      const fault = faultOf(error);
      if (fault.code === 'bad-input') this.problem = fault.message;
      else await this.#app.attempt(() => Promise.reject(error instanceof Error ? error : new Error(String(error))));
    }
  }
}
