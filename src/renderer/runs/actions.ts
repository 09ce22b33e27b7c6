/** Bulk actions on runs, each with its undo and a report of refusals. */
import type { BulkOutcome, Params, Project, RunRow } from '../../shared/contract/index.ts';
import { csvOf } from '../charts/table.ts';
import { plural } from '../format.ts';
import type { App } from '../state/app.svelte.ts';
import { saveFile } from '../state/files.ts';

type Ids = readonly string[];

export class RunActions {
  readonly #app: App;
  /** Called after each change, so that the table follows at once. */
  readonly #changed: () => void;

  constructor(app: App, changed: () => void) {
    this.#app = app;
    this.#changed = changed;
  }

  async #do<T>(work: () => Promise<T>): Promise<T | undefined> {
    const result = await this.#app.attempt(work);
    this.#changed();
    return result;
  }

  #done(text: string, undo: () => Promise<unknown>): void {
    this.#app.tell('info', text, { label: 'Undo', run: () => void this.#do(undo) });
  }

  #refused({ refused }: BulkOutcome, what: string): void {
    if (refused.length === 0) return;
    this.#app.tell('warning', `${plural(refused.length, 'run')} not ${what}. ${refused[0].message}`);
  }

  async remove(ids: Ids): Promise<void> {
    if (ids.length === 0) return;
    const outcome = await this.#do(() => this.#app.client.request('runs.delete', { ids }));
    if (outcome === undefined) return;
    this.#refused(outcome, 'put into the bin');
    const { done } = outcome;
    if (done.length === 0) return;
    this.#done(`${plural(done.length, 'run')} put into the bin.`, () =>
      this.#app.client.request('runs.restore', { ids: done }),
    );
  }

  async restore(ids: Ids): Promise<void> {
    if (ids.length === 0) return;
    const done = await this.#do(() => this.#app.client.request('runs.restore', { ids }));
    if (done === undefined) return;
    this.#done(`${plural(ids.length, 'run')} taken out of the bin.`, () =>
      this.#app.client.request('runs.delete', { ids }),
    );
  }

  async act(method: 'runs.cancel' | 'runs.pause' | 'runs.resume' | 'runs.retry', ids: Ids): Promise<void> {
    const outcome = await this.#do(() => this.#app.client.request(method, { ids }));
    const words = {
      'runs.cancel': 'cancelled',
      'runs.pause': 'paused',
      'runs.resume': 'resumed',
      'runs.retry': 'retried',
    };
    if (outcome !== undefined) this.#refused(outcome, words[method]);
  }

  /** Before, or after, every other run that waits. */
  async first(ids: Ids): Promise<void> {
    await this.#queue(ids, Math.max, 1, 'run before all others that wait');
  }

  async last(ids: Ids): Promise<void> {
    await this.#queue(ids, Math.min, -1, 'run after all others that wait');
  }

  async #queue(ids: Ids, of: (...values: number[]) => number, step: number, what: string): Promise<void> {
    await this.#do(async () => {
      const { client } = this.#app;
      const before = new Map<number, string[]>();
      for (const { id, priority } of await this.#rows(ids)) before.set(priority, [...(before.get(priority) ?? []), id]);
      const sort = [{ key: 'priority', descending: step > 0 }];
      const { rows } = await client.request('runs.list', { status: ['queued'], sort, limit: 1 });
      const edge = of(0, ...rows.map(({ priority }) => priority)) + step;
      await client.request('runs.update', { ids, priority: Math.max(-1000, Math.min(1000, edge)) });
      this.#done(`${plural(ids.length, 'run')} will ${what}.`, async () => {
        for (const [priority, some] of before) await client.request('runs.update', { ids: some, priority });
      });
    });
  }

  async archive(ids: Ids, archived: boolean): Promise<void> {
    const set = (to: boolean) => this.#app.client.request('runs.update', { ids, archived: to });
    if ((await this.#do(() => set(archived))) === undefined) return;
    this.#done(`${plural(ids.length, 'run')} ${archived ? 'archived' : 'taken out of the archive'}.`, () =>
      set(!archived),
    );
  }

  /** Files runs under a project; null: under none. The undo puts each back where it was. */
  async move(ids: Ids, project: Pick<Project, 'id' | 'name'> | null): Promise<void> {
    await this.#do(async () => {
      const { client } = this.#app;
      const before = new Map<string | null, string[]>();
      for (const row of await this.#rows(ids)) {
        before.set(row.project, [...(before.get(row.project) ?? []), row.id]);
      }
      await client.request('runs.update', { ids, project: project?.id ?? null });
      this.#done(
        `${plural(ids.length, 'run')} moved ${project === null ? 'out of their projects' : `to ${project.name}`}.`,
        async () => {
          for (const [from, some] of before) await client.request('runs.update', { ids: some, project: from });
        },
      );
    });
  }

  async tag(ids: Ids, change: { readonly add: Ids; readonly remove: Ids }): Promise<void> {
    if (change.add.length === 0 && change.remove.length === 0) return;
    await this.#do(async () => {
      const { client } = this.#app;
      // A run that already had a tag keeps it when the action is undone.
      const rows = await this.#rows(ids);
      await client.request('runs.update', { ids, addTags: change.add, removeTags: change.remove });
      const parts = [
        ...change.add.map((tag) => `tagged ${tag}`),
        ...change.remove.map((tag) => `no longer tagged ${tag}`),
      ];
      this.#done(`${plural(ids.length, 'run')} ${parts.join(', ')}.`, async () => {
        for (const tag of change.add) {
          const without = rows.filter(({ tags }) => !tags.includes(tag)).map(({ id }) => id);
          if (without.length > 0) await client.request('runs.update', { ids: without, removeTags: [tag] });
        }
        for (const tag of change.remove) {
          const had = rows.filter(({ tags }) => tags.includes(tag)).map(({ id }) => id);
          if (had.length > 0) await client.request('runs.update', { ids: had, addTags: [tag] });
        }
      });
    });
  }

  /** Downloads the runs, as the table shows them but with all digits, as comma-separated values. */
  async exportCsv(ids: Ids, columns: readonly string[], projects: ReadonlyMap<string, string>): Promise<void> {
    await this.#app.attempt(async () => {
      const keys = columns.filter((key) => !['name', 'id'].includes(key));
      const rows = await this.#rows(ids, keys);
      const names = ['id', 'name', ...keys.flatMap((key) => [key, `${key}.low`, `${key}.high`])];
      const cells = rows.map((row) => [
        row.id,
        row.name,
        ...keys.flatMap((key): (string | number | null)[] => plainCells(row, key, projects)),
      ]);
      // Ends of intervals only if some run has one.
      const filled = names.flatMap((name, k) =>
        !/\.(low|high)$/.test(name) || cells.some((line) => line[k] !== null) ? [k] : [],
      );
      saveFile(
        'runs.csv',
        'text/csv',
        csvOf({
          columns: filled.map((k) => names[k]),
          count: cells.length,
          row: (index) => filled.map((k) => cells[index][k]),
        }),
      );
      this.#app.tell('info', `${plural(rows.length, 'run')} exported to runs.csv.`);
    });
  }

  async #rows(ids: Ids, columns: readonly string[] = []): Promise<RunRow[]> {
    const rows: RunRow[] = [];
    for (let from = 0; from < ids.length; from += 500) {
      rows.push(
        ...(await this.#app.client.request('runs.rows', {
          ids: ids.slice(from, from + 500),
          columns: columns.slice(0, 100),
        } satisfies Params<'runs.rows'>)),
      );
    }
    return rows;
  }
}

/** A column of a run as numbers and texts: value, ends of the interval. Times as ISO 8601. */
function plainCells(
  row: RunRow,
  key: string,
  projects: ReadonlyMap<string, string>,
): [value: string | number | null, low: number | null, high: number | null] {
  if (key === 'tags') return [row.tags.join(' '), null, null];
  if (key === 'project') return [row.project === null ? null : (projects.get(row.project) ?? row.project), null, null];
  if (key === 'created' || key === 'started' || key === 'ended' || key === 'updated') {
    const time = row[key];
    return [time === null ? null : new Date(time).toISOString(), null, null];
  }
  const value = row.values[key];
  if (value !== undefined) return [value.value ?? value.text, value.low, value.high];
  const property = (row as unknown as Readonly<Record<string, unknown>>)[key];
  return [typeof property === 'number' || typeof property === 'string' ? property : null, null, null];
}
