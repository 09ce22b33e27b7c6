/** What a comparison shows; survives a restart. */
import * as v from 'valibot';
import { estimands, headlineCutoff } from '../../shared/estimands.ts';
import type { App } from '../state/app.svelte.ts';
import { Kept } from '../state/kept.svelte.ts';
import { readerOf } from '../state/reader.ts';
import { quantities } from './members.ts';
import { curveUnits } from './smoothing.ts';

export const compareView = v.object({
  /** Whether the seeds of one setup are combined. */
  seeds: v.fallback(v.boolean(), true),
  series: v.fallback(v.string(), 'loss'),
  parameter: v.fallback(v.string(), ''),
  estimand: v.fallback(v.picklist(estimands), 'training_set'),
  quantity: v.fallback(v.picklist(quantities), 'gamma'),
  cutoff: v.fallback(v.number(), headlineCutoff),
  /** Whether the table of settings has only those that differ. */
  differing: v.fallback(v.boolean(), true),
  setting: v.fallback(v.string(), ''),
  logSteps: v.fallback(v.boolean(), false),
  /** x of curves. */
  unit: v.fallback(v.picklist(curveUnits), 'step'),
  /** Points that curves are smoothed over; 0: as measured. */
  span: v.fallback(v.pipe(v.number(), v.minValue(0)), 0),
  /** Runs that are drawn direction by direction, if chosen by hand; empty: the first ones. */
  drawn: v.fallback(v.pipe(v.array(v.string()), v.readonly()), []),
});
export type CompareView = Readonly<v.InferOutput<typeof compareView>>;

const firstCompareView: CompareView = v.parse(compareView, {});
const readCompareView = readerOf(compareView);

/** The view as the screen was last left. */
export function keptCompareView(app: App): Kept<CompareView> {
  return Kept.of<CompareView>(app, 'compare.view', firstCompareView, (stored) => {
    const view = readCompareView(stored);
    // The cutoff belongs to the current comparison: one set for another must not be used silently.
    return view === undefined ? undefined : { ...view, cutoff: headlineCutoff };
  });
}
