/** A measurement's summary with fits added at a non-standard cutoff, where everything that reads rows by cutoff finds them. */
import { findRow, isSameCutoff, standardCutoffs, type Estimand } from './estimands.ts';
import type { MeasurementSummary } from './results.ts';
import type { CutoffRow } from './slopes.ts';

export type CutoffRows = Readonly<Record<Estimand, CutoffRow>>;

export function isStandardCutoff(cutoff: number): boolean {
  return standardCutoffs.some((each) => isSameCutoff(each, cutoff));
}

/** Rows stay in decreasing order of cutoff. A summary that already has the cutoff is returned unchanged. */
export function withRows<Summary extends Pick<MeasurementSummary, 'gamma'>>(
  summary: Summary,
  rows: CutoffRows,
): Summary {
  const inserted = (estimand: Estimand): readonly CutoffRow[] => {
    const [own, row] = [summary.gamma[estimand], rows[estimand]];
    return findRow(own, row.cutoff) === undefined ? [...own, row].sort((a, b) => b.cutoff - a.cutoff) : own;
  };
  return { ...summary, gamma: { training_set: inserted('training_set'), cross_fitted: inserted('cross_fitted') } };
}
