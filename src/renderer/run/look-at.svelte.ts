/**
 * How a run is displayed: the cutoff belongs to the run, is the same in its overview, its measurements and the figures made from them, and is part of the address; a run that is
 * opened for itself, or after a restart, is at the default. The view and the estimand are the user's preference, and are kept.
 */
import { headlineCutoff, isSameCutoff, type Estimand } from '../../shared/estimands.ts';
import type { MeasurementInfo } from '../../shared/contract/index.ts';
import type { App } from '../state/app.svelte.ts';
import { Kept } from '../state/kept.svelte.ts';
import { placeText } from '../state/place.ts';

/** The cutoff that a run is looked at with. */
export function cutoffOf(app: App, run: string): number {
  return app.cutoffs.get(run) ?? headlineCutoff;
}

/** The address of a measurement of a run (of all of them if it is left out), as the run is looked at. */
export function measurementAddress(
  app: App,
  run: string,
  one: Pick<MeasurementInfo, 'id' | 'parameter'> | undefined,
  view?: string,
): string {
  const { layer, cutoff } = app.lookOf(run);
  const place = { measurement: one?.id, layer: one?.parameter ?? layer, cutoff, view };
  return placeText({ screen: 'run', run, tab: 'measurements', ...place });
}

export function setCutoff(app: App, run: string, cutoff: number): void {
  if (isSameCutoff(cutoff, headlineCutoff)) app.cutoffs.delete(run);
  else app.cutoffs.set(run, cutoff);
  app.refine(run, { cutoff: app.cutoffs.get(run) });
}

interface Kind<View extends string> {
  readonly view: View;
  readonly estimand: Estimand;
  readonly cutoff: number;
}

export class LookAt<View extends string> {
  readonly #app: App;
  readonly #run: string;
  readonly #views: readonly View[];
  readonly #kept: Kept<Omit<Kind<View>, 'cutoff'>>;

  constructor(app: App, run: string, views: readonly View[]) {
    this.#app = app;
    this.#run = run;
    this.#views = views;
    const start = { view: views[0], estimand: 'training_set' } as const;
    this.#kept = Kept.of<Omit<Kind<View>, 'cutoff'>>(app, 'measurement.view', start, (stored) => {
      const { view, estimand } = stored as Partial<Kind<View>>;
      return {
        view: views.find((each) => each === view) ?? start.view,
        estimand: estimand === 'cross_fitted' ? estimand : start.estimand,
      };
    });
  }

  readonly value = $derived.by((): Kind<View> => {
    const { view, estimand } = this.#kept.value;
    const { place } = this.#app;
    const asked = place.screen === 'run' ? this.#views.find((each) => each === place.view) : undefined;
    return { view: asked ?? view, estimand, cutoff: cutoffOf(this.#app, this.#run) };
  });

  change({ cutoff, ...kept }: Partial<Kind<View>>): void {
    if (kept.view !== undefined || kept.estimand !== undefined) this.#kept.value = { ...this.#kept.value, ...kept };
    if (kept.view !== undefined) this.#app.refine(this.#run, { view: kept.view });
    if (cutoff !== undefined) setCutoff(this.#app, this.#run, cutoff);
  }
}
