/** The data of a comparison: rows, settings, measurements, and series and arrays as they come into view. */
import type { Json, MeasurementInfo, RunRow, SeriesData } from '../../shared/contract/index.ts';
import type { Varied } from '../../shared/varied.ts';
import type { App } from '../state/app.svelte.ts';

/** Runs that one comparison takes. */
export const mostCompared = 500;
/** Points of a curve that are read for drawing: what is shorter comes whole. Of many curves, fewer: charts of them are some 500 pixels wide. */
const drawnPoints = 2000;
const drawnInAll = 200_000;

/** Suffix for the name of a series that was read whole. */
const wholeMark = ' whole';
/** Milliseconds between readings caused by changes: of growing curves, and of rows and measurements. */
const curvesEvery = 1000;
const rowsEvery = 2000;
/** Runs that are asked for the names of their series. */
const mostNamed = 8;

export class Comparison {
  rows = $state.raw<readonly RunRow[]>([]);
  /** Results of each run, by id; apart from the rows, so that what charts show is not drawn again for them. */
  values = $state.raw<ReadonlyMap<string, RunRow['values']>>(new Map());
  differences = $state.raw<Readonly<Record<string, readonly Json[]>>>({});
  /** The settings that distinguish the runs: one value per row. */
  varied = $state.raw<readonly Varied[]>([]);
  measurements = $state.raw<readonly MeasurementInfo[]>([]);
  /** By name of the series; whole if `exact`. */
  series = $state.raw<Readonly<Record<string, Readonly<Record<string, Readonly<Record<string, SeriesData>>>>>>>({});
  names = $state.raw<readonly string[]>([]);
  loaded = $state(false);
  /** Of a curve read for drawing, at most. */
  readonly points: number;
  readonly #app: App;
  /** The runs that exist, once that is known. */
  #ids: readonly string[];
  #asked = new Set<string>();
  #columns: readonly string[] = [];

  constructor(app: App, ids: readonly string[]) {
    this.#app = app;
    this.#ids = ids.slice(0, mostCompared);
    this.points = Math.min(drawnPoints, Math.floor(drawnInAll / Math.max(1, this.#ids.length)));
  }

  async load(): Promise<void> {
    await this.#app.attempt(async () => {
      const { client } = this.#app;
      const asked = this.#ids;
      const rows = client.request('runs.rows', { ids: asked, columns: [] });
      const more = this.#readMore(asked);
      // Refused if some are gone, which the rows show.
      more.catch(() => undefined);
      const ids = (await rows).map(({ id }) => id);
      if (ids.length < asked.length) {
        // Requests that included runs that are gone have failed.
        this.#ids = ids;
        this.#asked.clear();
      }
      if (ids.length === 0) {
        this.rows = [];
        this.loaded = true;
        return;
      }
      const [differences, varied, measurements, names] = await (ids.length < asked.length ? this.#readMore(ids) : more);
      this.#columns = [];
      this.differences = differences;
      this.varied = varied;
      this.measurements = measurements;
      this.names = [...new Set(names.flat().map(({ name }) => name))];
      this.rows = await rows;
      this.loaded = true;
    });
  }

  /** Reads what differs, what was measured, and which series there are. */
  #readMore(ids: readonly string[]) {
    const { client } = this.#app;
    return Promise.all([
      client.request('runs.differences', { ids }),
      client.request('runs.varied', { ids }),
      client.request('measurements.list', { runs: ids }),
      // A run that has just begun may have fewer than the others.
      Promise.all(ids.slice(0, mostNamed).map((run) => client.request('series.names', { run }))),
    ]);
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
      const added = await this.#getSeries(this.#ids, name, exact);
      this.series = { ...this.series, [key]: { ...this.series[key], ...added } };
    });
  }

  #getSeries(
    runs: readonly string[],
    name: string,
    exact: boolean,
  ): Promise<Readonly<Record<string, Readonly<Record<string, SeriesData>>>>> {
    return this.#app.client.request('series.get', { runs, names: [name], ...(!exact && { points: this.points }) });
  }

  /** Reads what has changed again, until the function returned is called: growing curves about once a second, each as it was read, and in its place. */
  listen(): () => void {
    const { client } = this.#app;
    const ids = new Set(this.#ids);
    const grown = new Set<string>();
    let curves: ReturnType<typeof setTimeout> | undefined;
    let rows: ReturnType<typeof setTimeout> | undefined;
    const grow = async (): Promise<void> => {
      const runs = [...grown];
      grown.clear();
      await this.#app.attempt(() => this.#readGrown(runs));
      // What was added while they were being read.
      curves = grown.size === 0 ? undefined : setTimeout(() => void grow(), curvesEvery);
    };
    const growLater = (run: string): void => {
      grown.add(run);
      curves ??= setTimeout(() => void grow(), curvesEvery);
    };
    const running = (): string[] => this.rows.filter(({ status }) => status === 'running').map(({ id }) => id);
    const readAgain = (): void => {
      rows ??= setTimeout(() => {
        rows = undefined;
        void this.load();
      }, rowsEvery);
    };
    const stops = [
      client.on('series.appended', ({ run }) => {
        if (ids.has(run)) growLater(run);
      }),
      client.on('measurements.changed', ({ run }) => {
        if (ids.has(run)) readAgain();
      }),
      client.on('runs.changed', ({ ids: changed }) => {
        const affected = changed === null ? running() : changed.filter((id) => ids.has(id));
        for (const id of affected) growLater(id);
        if (changed === null || affected.length > 0) readAgain();
      }),
    ];
    return () => {
      clearTimeout(curves);
      clearTimeout(rows);
      for (const stop of stops) stop();
    };
  }

  /** Reads again the series of runs that have advanced since. */
  async #readGrown(runs: readonly string[]): Promise<void> {
    const keys = Object.keys(this.series);
    const renewed = await Promise.all(
      keys.map((key) => this.#getSeries(runs, key.replace(wholeMark, ''), key.endsWith(wholeMark))),
    );
    this.series = {
      ...this.series,
      ...Object.fromEntries(keys.map((key, k) => [key, { ...this.series[key], ...renewed[k] }])),
    };
  }
}

export function seriesKey(name: string, exact: boolean): string {
  return exact ? `${name}${wholeMark}` : name;
}
