/** C against matrices that are often used in its place: the slope of log C_ii on log M_ii for each, 1 if C is proportional to M. */
import { estimands } from '../../estimands.ts';
import { headlineRow, rowAt, type Estimand } from '../../estimands.ts';
import { InputError } from '../../errors.ts';
import type { AssumptionColumn, AssumptionRow, ComparedMatrix } from '../../assumptions.ts';
import type { FigureSpec, Mark } from '../types.ts';
import { estimandNames, finish, type FigureOptions } from './common.ts';
import { defineFigure } from '../define.ts';
import { cutoff, severalEstimands } from '../options.ts';
import type { Measurement } from '../figure-data.ts';

export interface AssumptionOptions extends FigureOptions {
  readonly estimands?: readonly Estimand[];
  /** One of the summary's cutoffs; by default `headlineRow`. */
  readonly cutoff?: number;
}

const symbols: Readonly<Record<ComparedMatrix, string>> = { H: 'H', G: 'G', F: 'F', E: 'E', Q: 'Q', H2: 'H^2' };

/** "$H = G = F$": matrices that are equal stand together. */
export function columnTex({ matrices }: Pick<AssumptionColumn, 'matrices'>): string {
  return `$${matrices.map((matrix) => symbols[matrix]).join(' = ')}$`;
}

/** The row of a cutoff, by default `headlineRow`; undefined if that has no fit. Raises InputError for a cutoff that was not measured. */
export function assumptionRow(
  column: AssumptionColumn,
  estimand: Estimand,
  cutoff: number | undefined,
): AssumptionRow | undefined {
  const rows = column.rows[estimand];
  return cutoff === undefined ? headlineRow(rows, (row) => row.slope !== null) : rowAt(rows, cutoff);
}

/** What the bars are, and why a slope has none. */
function intervalNotes(marks: readonly Mark[]): string[] {
  const lows = marks.flatMap((mark) => (mark.kind === 'points' ? [...(mark.yLow ?? [])] : []));
  const known = lows.filter(Number.isFinite).length;
  return [
    ...(known > 0 ? ['bars are 95 % intervals'] : []),
    ...(known < lows.length ? ['without a bar: no interval was computed'] : []),
  ];
}

/** Raises InputError for a measurement without the comparison. */
export function assumptionSlopes(measurement: Measurement, options: AssumptionOptions = {}): FigureSpec {
  const { summary } = measurement;
  const compared = summary.assumptions;
  if (compared === undefined)
    throw new InputError(
      `the measurement of ${summary.parameter} holds no comparison with F, E and others; measure again with assumptions`,
    );
  const shown = options.estimands ?? estimands;
  const marks: Mark[] = [
    { kind: 'rule', name: 'proportional', axis: 'y', value: 1, colour: 'muted', dash: 'dashed', label: '$C \\propto M$', order: 5 },
  ]; // prettier-ignore
  const cutoffs = new Set<number>();
  shown.forEach((estimand, slot) => {
    const points = compared.columns.flatMap((column, at) => {
      const row = assumptionRow(column, estimand, options.cutoff);
      if (row?.slope === null || row === undefined) return [];
      cutoffs.add(row.cutoff);
      return [{ at, slope: row.slope, low: row.interval?.[0] ?? NaN, high: row.interval?.[1] ?? NaN }];
    });
    marks.push({
      kind: 'points',
      name: `slope_${estimand}`,
      x: points.map(({ at }) => at + 0.14 * (slot - (shown.length - 1) / 2)),
      y: points.map(({ slope }) => slope),
      yLow: points.map(({ low }) => low),
      yHigh: points.map(({ high }) => high),
      colour: slot,
      label: estimandNames[estimand],
      what: 'slopes',
      order: slot,
    });
  });
  return finish(
    {
      kind: 'assumptions',
      title: `C against other matrices: ${summary.parameter}`,
      description: `Slope of log C_ii on log M_ii of ${summary.parameter} for M = ${compared.columns.map(({ matrices }) => matrices.join(' = ')).join(', ')}; 1 if C is proportional to M.`,
      x: { scale: 'category', label: 'matrix $M$', categories: compared.columns.map(columnTex) },
      y: { scale: 'linear', label: 'slope of $\\log C_{ii}$ on $\\log M_{ii}$' },
      marks,
      frameAspect: 0.62,
      notes: intervalNotes(marks),
      fit: { estimands: shown.join(', '), cutoff: [...cutoffs].join(', '), estimator: 'ols' },
    },
    options,
  );
}

export const assumptionsFigure = defineFigure({
  title: 'C against H, G, F, E, Q, H²',
  about: 'Slope of C on each matrix that is used in its place: 1 if C is proportional to it.',
  needs: 'measurement',
  takes: 'measurement',
  options: { estimands: severalEstimands, cutoff },
  draw: ({ measurement }, options) => assumptionSlopes(measurement, options),
});
