/** What a comparison has read: rows, settings, measurements, and series and arrays as they come into view. */
import type { Json, MeasurementInfo, RunRow, SeriesData } from '../../shared/contract/index.ts';
import type { App } from '../state/app.svelte.ts';

/** Runs that one comparison takes. */
export const mostCompared = 500;
/** Points of a curve that are read for drawing: what is shorter comes whole. */
export const drawnPoints = 2000;

export class Comparison {
  rows = $state.raw<readonly RunRow[]>([]);
  /** Results of each run, by id; apart from the rows, so that what charts show is not drawn again for them. */
  values = $state.raw<ReadonlyMap<string, RunRow['values']>>(new Map());
  differences = $state.raw<Readonly<Record<string, readonly Json[]>>>({});
  measurements = $state.raw<readonly MeasurementInfo[]>([]);
  /** By name of the series; whole where `exact`. */
  series = $state.raw<Readonly<Record<string, Readonly<Record<string, Readonly<Record<string, SeriesData>>>>>>>({});
  names = $state.raw<readonly string[]>([]);
  loaded = $state(false);
  readonly #app: App;
  readonly #ids: readonly string[];
  #asked = new Set<string>();
  #columns: readonly string[] = [];

  constructor(app: App, ids: readonly string[]) {
    this.#app = app;
    this.#ids = ids.slice(0, mostCompared);
  }

  async load(): Promise<void> {
    await this.#app.attempt(async () => {
      const { client } = this.#app;
      const ids = this.#ids;
      const [rows, differences, measurements, names] = await Promise.all([
        client.request('runs.rows', { ids, columns: [] }),
        client.request('runs.differences', { ids }),
        client.request('measurements.list', { runs: ids }),
        client.request('series.names', { run: ids[0] }),
      ]);
      this.#columns = [];
      this.differences = differences;
      this.measurements = measurements;
      this.names = names.map(({ name }) => name);
      this.rows = rows;
      this.loaded = true;
    });
  }

  /** Results of the runs, by summary keys. */
  async readColumns(columns: readonly string[]): Promise<void> {
    if (columns.join() === this.#columns.join() || columns.length === 0) return;
    this.#columns = columns;
    await this.#app.attempt(async () => {
      const rows = await this.#app.client.request('runs.rows', { ids: this.#ids, columns: columns.slice(0, 100) });
      if (this.#columns === columns) this.values = new Map(rows.map(({ id, values }) => [id, values]));
    });
  }

  /** Reads a series of all runs once: for drawing, or whole, for means over runs. */
  async readSeries(name: string, exact: boolean): Promise<void> {
    const key = seriesKey(name, exact);
    if (this.#asked.has(key)) return;
    this.#asked.add(key);
    await this.#app.attempt(async () => {
      const found = await this.#app.client.request('series.get', {
        runs: this.#ids,
        names: [name],
        ...(!exact && { points: drawnPoints }),
      });
      this.series = { ...this.series, [key]: found };
    });
  }
}

export function seriesKey(name: string, exact: boolean): string {
  return exact ? `${name} whole` : name;
}
