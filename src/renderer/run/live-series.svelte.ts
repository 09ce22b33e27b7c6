/** The series of one run as they come: a snapshot, then the batches that follow it; a gap asks for what is missing. */
import type { SeriesData, SeriesUpdate } from '../../shared/contract/index.ts';
import type { App } from '../state/app.svelte.ts';

type AllSeries = Readonly<Record<string, SeriesData>>;

/** `more` after `old`. Points at or before the last one of `old` are there already and left out: a curve never runs backwards. */
export function joinedSeries(old: SeriesData | undefined, more: SeriesData): SeriesData {
  if (old === undefined || old.steps.length === 0) return more;
  const last = old.steps[old.steps.length - 1];
  const from = more.steps.findIndex((step) => step > last);
  if (from < 0) return old;
  const steps = new Float64Array(old.steps.length + more.steps.length - from);
  const values = new Float64Array(steps.length);
  steps.set(old.steps);
  steps.set(more.steps.subarray(from), old.steps.length);
  values.set(old.values);
  values.set(more.values.subarray(from), old.steps.length);
  return { steps, values };
}

export class LiveSeries {
  all = $state.raw<AllSeries>({});
  loaded = $state(false);
  readonly #app: Pick<App, 'client' | 'attempt'>;
  readonly #run: string;
  #last: { readonly revision: number; readonly nextBatch: number } | undefined;
  /** One request at a time: two answers to the same question would be added twice. */
  #asking = false;
  /** Something arrived that the pending request may not include. */
  #missed = false;

  constructor(app: Pick<App, 'client' | 'attempt'>, run: string) {
    this.#app = app;
    this.#run = run;
  }

  /** Returns a function that stops it. */
  listen(): () => void {
    void this.#catchUp();
    return this.#app.client.on('series.appended', ({ run, revision, batch, series }) => {
      if (run !== this.#run) return;
      if (this.#asking || this.#last === undefined) {
        this.#missed = true;
        void this.#catchUp();
        return;
      }
      if (revision === this.#last.revision && batch < this.#last.nextBatch) return;
      if (revision !== this.#last.revision || batch !== this.#last.nextBatch) void this.#catchUp();
      else {
        this.#add(series);
        this.#last = { revision, nextBatch: batch + 1 };
      }
    });
  }

  async #catchUp(): Promise<void> {
    if (this.#asking) return;
    this.#asking = true;
    let update: SeriesUpdate | undefined;
    do {
      this.#missed = false;
      const last = this.#last;
      update = await this.#app.attempt(() =>
        this.#app.client.request('series.since', { run: this.#run, ...(last !== undefined && { last }) }),
      );
      if (update === undefined) break;
      if (update.reset || last === undefined) this.all = update.series;
      else this.#add(update.series);
      this.#last = { revision: update.revision, nextBatch: update.nextBatch };
      this.loaded = true;
    } while (this.#missed);
    this.#asking = false;
  }

  #add(more: AllSeries): void {
    const next = { ...this.all };
    for (const [name, data] of Object.entries(more)) next[name] = joinedSeries(next[name], data);
    this.all = next;
  }
}
