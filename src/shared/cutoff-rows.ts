/** A measurement's summary with fits at a cutoff that is none of the standard ones: whatever reads rows by cutoff finds them there. */
import { findRow, isSameCutoff, standardCutoffs, type Estimand } from './estimands.ts';
import type { MeasurementSummary } from './results.ts';
import type { CutoffRow } from './slopes.ts';

export type CutoffRows = Readonly<Record<Estimand, CutoffRow>>;

export function isStandardCutoff(cutoff: number): boolean {
  return standardCutoffs.some((each) => isSameCutoff(each, cutoff));
}

/** Rows stay in the order of falling cutoffs. A summary that has the cutoff stays as it is. */
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
