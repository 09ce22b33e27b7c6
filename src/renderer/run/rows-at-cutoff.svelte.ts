/** Fits with intervals of measurements at a cutoff between the standard ones, which are computed when they are asked for. */
import type { MeasurementInfo } from '../../shared/contract/index.ts';
import { isStandardCutoff, withRows } from '../../shared/cutoff-rows.ts';
import type { CutoffRows } from '../../shared/cutoff-rows.ts';
import type { MeasurementSummary } from '../../shared/results.ts';
import type { App } from '../state/app.svelte.ts';

export class RowsAtCutoff {
  /** By measurement; null if it does not keep what intervals are made from. */
  #found = $state.raw<ReadonlyMap<string, CutoffRows | null>>(new Map());
  readonly #app: Pick<App, 'client' | 'attempt'>;
  readonly #asked = new Set<string>();

  constructor(app: Pick<App, 'client' | 'attempt'>) {
    this.#app = app;
  }

  /** Computes what is missing; nothing at a standard cutoff, which every summary has. */
  read(measurements: readonly MeasurementInfo[], cutoff: number): void {
    if (isStandardCutoff(cutoff)) return;
    for (const { id, state } of measurements) {
      const key = keyOf(id, cutoff);
      if (state !== 'done' || this.#asked.has(key)) continue;
      this.#asked.add(key);
      void (async () => {
        const rows = await this.#app.attempt(() => this.#app.client.request('measurements.atCutoff', { id, cutoff }));
        this.#found = new Map(this.#found).set(key, rows ?? null);
      })();
    }
  }

  /** Undefined until they have been computed. */
  of(id: string, cutoff: number): CutoffRows | null | undefined {
    return this.#found.get(keyOf(id, cutoff));
  }

  /** The summary with the fits at the cutoff, as soon as they are there. */
  summaryOf({ id, summary }: Pick<MeasurementInfo, 'id' | 'summary'>, cutoff: number): MeasurementSummary | null {
    const rows = this.of(id, cutoff);
    return summary === null || rows === undefined || rows === null ? summary : withRows(summary, rows);
  }
}

const keyOf = (id: string, cutoff: number): string => `${id} ${cutoff}`;
