/**
 * The predictions of activity-weight duality along the eigenvectors of H: the diagonal of C_dual = 1/2 E_pq[h_p Delta Delta^T h_p] against that of C (slope 1 if
 * the argument's step holds), and the second moment of Delta . v_i against H_ii (slope 0 if Delta is isotropic).
 */
import { definedOf } from '../../defined.ts';
import { directionsToDraw } from '../../drawn-directions.ts';
import { headlineRow, rowAt, smallestCutoff } from '../../estimands.ts';
import { InputError } from '../../errors.ts';
import type { DualSlope } from '../../duality.ts';
import { integerTex, integerText, withInterval } from '../numbers.ts';
import type { FigureSpec, Line, Mark } from '../types.ts';
import { arrayOf, finish, undrawnNotes, type FigureOptions } from './common.ts';
import { defineFigure } from '../define.ts';
import { cutoff, fitLine } from '../options.ts';
import type { Measurement } from '../figure-data.ts';
import { belowCutoff, fitMark, geometricCentre, positiveX, type Coordinates } from './scatter.ts';

export interface DualityOptions extends FigureOptions {
  /** One of the summary's cutoffs; by default `headlineRow`. */
  readonly cutoff?: number;
  /** Draw the line of the fit; true by default. */
  readonly fit?: boolean;
}

/** C_dual,ii against C_ii ('C') or the second moment of Delta against H_ii ('isotropy'). Raises InputError for a measurement without duality. */
export function dualDiagonals(
  measurement: Measurement,
  which: 'C' | 'isotropy',
  options: DualityOptions = {},
): FigureSpec {
  const { summary } = measurement;
  const moments = summary.duality?.moments.all;
  if (moments === undefined)
    throw new InputError(
      `the measurement of ${summary.parameter} holds no results for the duality; measure again with duality`,
    );
  const rows = moments.rows;
  const slopeOf = (row: (typeof rows)[number]): DualSlope => (which === 'C' ? row.C_dual_on_C : row.isotropy);
  const row =
    options.cutoff === undefined
      ? headlineRow(rows, (each) => slopeOf(each).slope !== null)
      : rowAt(rows, options.cutoff);
  if (row === undefined) throw new InputError(`the duality of ${summary.parameter} was fitted at no cutoff`);
  const H = arrayOf(measurement, 'eigenvalues');
  const x = which === 'C' ? arrayOf(measurement, 'C_diagonal') : H;
  const y = arrayOf(measurement, which === 'C' ? 'C_dual_diagonal' : 'dual_spread');
  const selected: Coordinates = { x: [], y: [] };
  const below: Coordinates = { x: [], y: [] };
  // As in the view and in the scatters: what is numerically zero, or has no logarithm, is counted and not drawn.
  const { floor } = summary;
  const set = directionsToDraw(
    { selection: H, H, C: x, Q: y },
    { H: floor.H, C: which === 'C' ? floor.C : floor.H, Q: 0 },
  );
  for (const i of set.drawn) {
    const list = H[i] > row.cutoff * H[0] ? selected : below;
    list.x.push(x[i]);
    list.y.push(y[i]);
  }
  const marks: Mark[] = [];
  const centre = geometricCentre(selected);
  if (which === 'C' && centre)
    marks.push({ kind: 'slope', name: 'equal', slope: 1, through: [1, 1], colour: 'muted', dash: 'dashed', width: 0.7, order: 3, label: '$C_{\\text{dual}} = C$' }); // prettier-ignore
  if (which === 'isotropy' && centre)
    marks.push({ kind: 'slope', name: 'isotropic', slope: 0, through: centre, colour: 'muted', dash: 'dashed', width: 0.7, order: 3, label: 'isotropic' }); // prettier-ignore
  marks.push(...belowCutoff(below, 'below the cutoff'));
  marks.push({
    kind: 'points',
    name: 'selected',
    ...selected,
    colour: 0,
    marker: 'circle',
    what: 'directions',
    label: `$n = ${integerTex(row.n)}$ directions`,
    shared: 'above the cutoff',
  });
  const { slope, interval } = slopeOf(row);
  const positive = positiveX(selected);
  if (slope !== null && centre && positive.length > 1 && options.fit !== false)
    marks.push(fitMark(slope, centre, positive, `slope ${interval === undefined ? slope.toFixed(3) : withInterval(slope, ...interval)}`)); // prettier-ignore
  const what = which === 'C' ? 'C_dual,ii against C_ii' : 'second moment of Delta . v_i against H_ii';
  return finish(
    {
      kind: which === 'C' ? 'duality' : 'isotropy',
      title: `${which === 'C' ? 'Duality' : 'Isotropy of the dual changes'}: ${summary.parameter}`,
      description: `${what} on logarithmic axes for the ${integerText(H.length)} directions of ${summary.parameter}; slope ${slope === null ? 'not fitted' : slope.toFixed(3)} over ${integerText(row.n)} directions above ${row.cutoff} of the largest eigenvalue.`,
      x: { scale: 'log', label: which === 'C' ? '$C_{ii}$' : '$H_{ii}$' },
      y: {
        scale: 'log',
        label: which === 'C' ? '$C_{\\text{dual},ii}$' : '$\\mathbb{E}_{pq}[(\\Delta_{pq} \\cdot v_i)^2]$',
      },
      marks,
      frameAspect: 0.78,
      notes: undrawnNotes([set]),
      fit: definedOf({ cutoff: row.cutoff, n: row.n, estimator: 'ols', slope: slope ?? undefined }),
    },
    options,
  );
}

/**
 * Diagonals of C and of C_dual and the second moments of Delta (over all pairs, and within a class) by the number of the direction, for directions above
 * `smallestCutoff`: below it nothing is fitted, and clusters of zero eigenvalues stand on one mean. Arrays that a measurement lacks are left out.
 */
export function dualByDirection({ summary, arrays }: Measurement, options: FigureOptions = {}): FigureSpec {
  const H = arrays.eigenvalues;
  const curves = [
    { name: 'C', values: arrays.C_diagonal, colour: 1, dash: 'solid', label: '$C_{ii}$' },
    { name: 'C_dual', values: arrays.C_dual_diagonal, colour: 0, dash: 'solid', label: '$C_{\\text{dual},ii}$' },
    { name: 'spread', values: arrays.dual_spread, colour: 2, dash: 'dashed', label: 'spread of $\\Delta$' },
    { name: 'spread_within', values: arrays.dual_within_spread, colour: 3, dash: 'dashed', label: 'spread of $\\Delta$ within a class' }, // prettier-ignore
  ] as const;
  const marks = curves.flatMap(({ values, ...look }): Line[] => {
    if (values === undefined) return [];
    const used = Array.from(values.keys()).filter(
      (i) => values[i] > 0 && (H === undefined || H[i] > smallestCutoff * H[0]),
    );
    return used.length === 0
      ? []
      : [{ kind: 'line', x: used.map((i) => i + 1), y: used.map((i) => values[i]), what: 'directions', ...look }];
  });
  return finish(
    {
      kind: 'dualByDirection',
      title: `Duality by direction: ${summary.parameter}`,
      description: `C, dual C and the spread of dual weight changes of ${summary.parameter} by direction.`,
      x: { scale: 'log', label: 'direction $i$' },
      y: { scale: 'log', label: 'value' },
      marks,
    },
    options,
  );
}

export const dualityFigure = defineFigure({
  title: 'Duality: C_dual against C',
  about: 'The covariance that activity-weight duality predicts, against C: on the line where the argument holds.',
  needs: 'measurement',
  takes: 'measurement',
  options: { cutoff, fit: fitLine },
  draw: ({ measurement }, options) => dualDiagonals(measurement, 'C', options),
});

export const isotropyFigure = defineFigure({
  title: 'Duality: isotropy',
  about: 'Second moment of the dual weight changes along the eigenvectors of H: slope 0 if they are isotropic.',
  needs: 'measurement',
  takes: 'measurement',
  options: { cutoff, fit: fitLine },
  draw: ({ measurement }, options) => dualDiagonals(measurement, 'isotropy', options),
});
