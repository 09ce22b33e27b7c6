/** The measurements of a run, kept up to date. */
import type { MeasurementInfo } from '../../shared/contract/index.ts';
import type { App } from '../state/app.svelte.ts';

export class MeasurementList {
  list = $state.raw<readonly MeasurementInfo[] | null>(null);
  readonly #app: App;
  readonly #run: string;

  constructor(app: App, run: string) {
    this.#app = app;
    this.#run = run;
  }

  listen(): () => void {
    void this.#load();
    return this.#app.client.on('measurements.changed', ({ run }) => {
      if (run === this.#run) void this.#load();
    });
  }

  async #load(): Promise<void> {
    this.list =
      (await this.#app.attempt(() => this.#app.client.request('measurements.list', { runs: [this.#run] }))) ??
      this.list;
  }
}
