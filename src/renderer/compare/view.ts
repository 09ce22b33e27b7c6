/** What a comparison shows; survives a restart. */
import { headlineCutoff, type Estimand } from '../../shared/estimands.ts';
import type { App } from '../state/app.svelte.ts';
import { Kept } from '../state/kept.svelte.ts';
import type { Quantity } from './members.ts';
import type { Unit } from './smoothing.ts';

export interface CompareView {
  /** Whether the seeds of one setup are combined. */
  readonly seeds: boolean;
  readonly series: string;
  readonly parameter: string;
  readonly estimand: Estimand;
  readonly quantity: Quantity;
  readonly cutoff: number;
  /** Whether the table of settings has only those that differ. */
  readonly differing: boolean;
  readonly setting: string;
  readonly logSteps: boolean;
  /** x of curves. */
  readonly unit: Unit;
  /** Points that curves are smoothed over; 0: as measured. */
  readonly span: number;
  /** Runs that are drawn direction by direction, if chosen by hand; empty: the first ones. */
  readonly drawn: readonly string[];
}

export const firstCompareView: CompareView = {
  seeds: true,
  series: 'loss',
  parameter: '',
  estimand: 'training_set',
  quantity: 'gamma',
  cutoff: headlineCutoff,
  differing: true,
  setting: '',
  logSteps: false,
  unit: 'step',
  span: 0,
  drawn: [],
};

/** Reads what any version stored; undefined if it is not a view. */
export function readCompareView(stored: unknown): CompareView | undefined {
  return typeof stored === 'object' && stored !== null ? { ...firstCompareView, ...stored } : undefined;
}

/** The view as the screen was last left. */
export function keptCompareView(app: App): Kept<CompareView> {
  return Kept.of<CompareView>(app, 'compare.view', firstCompareView, (stored) => {
    const view = readCompareView(stored);
    // The cutoff belongs to the current comparison: one set for another must not be used silently.
    return view === undefined ? undefined : { ...view, cutoff: headlineCutoff };
  });
}
