/** gamma of one estimand along something (cutoffs, steps), as a chart takes it. */
import type { CutoffRow } from '../../shared/slopes.ts';
import { estimands, type Estimand } from '../../shared/estimands.ts';
import type { IntervalCurve } from '../charts/IntervalCurves.svelte';
import { intervalOf } from './diagonals.ts';

export function estimandCurve(
  estimand: Estimand,
  rows: readonly { readonly x: number; readonly row: CutoffRow }[],
): IntervalCurve {
  const set = estimands.indexOf(estimand);
  const sorted = rows.toSorted((a, b) => a.x - b.x);
  return {
    colour: set,
    symbol: set === 0 ? 'circle' : 'diamond',
    barShift: set === 0 ? -4 : 4,
    points: sorted.flatMap(({ x, row }) =>
      row.gamma.ols === null ? [] : [{ x, y: row.gamma.ols, interval: intervalOf(row, 'gamma') }],
    ),
    dashed: sorted.flatMap(({ x, row }) => (row.gamma_Q.ols === null ? [] : [[x, row.gamma_Q.ols] as const])),
  };
}
