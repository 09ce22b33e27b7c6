/** The counts around the table: runs of each state, in each project and in the bin. */
import type { Project, RunStatus } from '../../shared/contract/index.ts';
import type { App } from '../state/app.svelte.ts';
import type { RunWhere } from './lines.ts';

/** Milliseconds between a change and the counting that follows it, and between the list that was asked for and its counts: the lines come first. */
const followAfter = 1000;
const countAfter = 150;

export class Surroundings {
  counts = $state.raw<Readonly<Record<RunStatus, number>> | null>(null);
  /** Runs that match, whatever their state. */
  all = $state<number | null>(null);
  places = $state.raw<{ readonly all: number; readonly none: number; readonly bin: number } | null>(null);
  projects = $state.raw<readonly Project[]>([]);
  readonly projectNames = $derived.by(() => new Map(this.projects.map(({ id, name }) => [id, name])));
  readonly #app: App;
  #where = '';

  constructor(app: App) {
    this.#app = app;
  }

  /** Counts the runs that match, now and after changes, until the function returned is called. */
  count(where: RunWhere): () => void {
    const text = JSON.stringify(where);
    this.#where = text;
    const load = async (): Promise<void> => {
      try {
        const counted = await this.#app.client.request('runs.counts', where);
        if (text !== this.#where) return;
        this.counts = counted.byStatus;
        this.all = counted.total;
      } catch {
        // The table tells what is wrong with the filter.
      }
    };
    return this.#follow(load, this.counts === null ? 0 : countAfter);
  }

  /** Reads the projects and counts what is in them and in the bin, now and after changes. */
  listen(): () => void {
    const { client } = this.#app;
    const load = async (): Promise<void> => {
      await this.#app.attempt(async () => {
        const [list, everything, none, binned] = await Promise.all([
          client.request('projects.list'),
          client.request('runs.counts', { archived: 'any' }),
          client.request('runs.counts', { project: null, archived: 'any' }),
          client.request('runs.counts', { deleted: true, archived: 'any' }),
        ]);
        this.projects = list;
        this.places = { all: everything.total, none: none.total, bin: binned.total };
      });
    };
    const stop = client.on('store.changed', () => void load());
    const end = this.#follow(load);
    return () => {
      stop();
      end();
    };
  }

  #follow(load: () => Promise<void>, after = 0): () => void {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const first = setTimeout(() => void load(), after);
    const stop = this.#app.client.on('runs.changed', () => {
      timer ??= setTimeout(() => {
        timer = undefined;
        void load();
      }, followAfter);
    });
    return () => {
      stop();
      clearTimeout(first);
      clearTimeout(timer);
    };
  }
}
