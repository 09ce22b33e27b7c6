/**
 * Diagonals against each other in the eigenbasis of H, on logarithmic axes: C_ii against H_ii (its slope is gamma), C_ii against Q_ii (slope 1 if
 * C ~ Q) and Q_ii against H_ii (slope gamma_Q). With reference slopes, the cutoff and the fit.
 */
import { definedOf } from '../../defined.ts';
import type { CutoffRow, Estimator, Slopes } from '../../slopes.ts';
import { directionsToDraw, type DrawnDirections } from '../../drawn-directions.ts';
import { diagonalArrays, headlineRow, rowAt, smallestCutoff, type Estimand } from '../../estimands.ts';
import { integerTex, integerText, withInterval } from '../numbers.ts';
import type { FigureSpec, Mark } from '../types.ts';
import {
  arrayOf,
  estimandNames,
  estimatorNames,
  finish,
  powerTex,
  undrawnNotes,
  type FigureOptions,
} from './common.ts';
import type { Measurement } from '../figure-data.ts';
import { defineFigure } from '../define.ts';
import { check, cutoff, estimand, estimator, fitLine, number, numbers } from '../options.ts';
import * as v from 'valibot';
import { real } from '../../validation.ts';

export type DiagonalPair = 'C_H' | 'C_Q' | 'Q_H';

export interface ScatterOptions extends FigureOptions {
  /** What against what; 'C_H' by default. */
  readonly pair?: DiagonalPair;
  /** 'training_set' by default. 'cross_fitted' draws the directions of both halves. */
  readonly estimand?: Estimand;
  /** One of the summary's cutoffs: directions with H_ii > cutoff H_11 are selected. By default `headlineRow`. */
  readonly cutoff?: number;
  /** A fit at any cutoff, in place of those of the summary: the window fits as the cutoff is dragged. */
  readonly row?: CutoffRow;
  /** Cross-fitted: directions of the two halves in marks of their own; false by default. */
  readonly halves?: boolean;
  /** Whose line and number are drawn: 'ols' by default, as in every table and claim. */
  readonly estimator?: Estimator;
  /** Reference slopes; [1, 2] by default, [1] for C against Q. */
  readonly slopes?: readonly number[];
  /** Draw the line of the fit; true by default. */
  readonly fit?: boolean;
  /** Q against H, training set: draw H_ii^2 and, if no sample has negative curvature, max_p ||h_p|| H_ii, between which Q_ii lies; true by default. */
  readonly envelopes?: boolean;
  /**
   * Directions with |H_ii| at or below this share of H_11, or below the numerical floor, are left out and counted: their eigenvectors are arbitrary
   * and their diagonals are means over a cluster. 1e-8 by default; 0 draws all.
   */
  readonly smallest?: number;
}

const axes: Readonly<
  Record<
    DiagonalPair,
    {
      readonly x: 'H' | 'Q';
      readonly y: 'C' | 'Q';
      readonly fit: 'gamma' | 'gamma_Q' | 'C_on_Q';
      /** Of the slope, in TeX; none: "slope". */
      readonly symbol?: string;
      readonly title: string;
    }
  >
> = {
  C_H: { x: 'H', y: 'C', fit: 'gamma', symbol: '\\gamma', title: 'Noise covariance against curvature' },
  C_Q: {
    x: 'Q',
    y: 'C',
    fit: 'C_on_Q',
    title: 'Noise covariance against mean squared per-sample Hessian',
  },
  Q_H: {
    x: 'H',
    y: 'Q',
    fit: 'gamma_Q',
    symbol: '\\gamma_Q',
    title: 'Mean squared per-sample Hessian against curvature',
  },
};

/** Diagonals of an estimand: [H, C, Q, eigenvalues that select]. Cross-fitted: both halves one after the other, each selected by its own. */
function diagonals(
  measurement: Measurement,
  estimand: Estimand,
): { H: Float64Array; C: Float64Array; Q: Float64Array; selection: Float64Array; half: number } {
  const names = diagonalArrays[estimand];
  const selection = arrayOf(measurement, names.selection);
  return {
    H: arrayOf(measurement, names.H),
    C: arrayOf(measurement, names.C),
    Q: arrayOf(measurement, names.Q),
    selection,
    half: estimand === 'training_set' ? selection.length : selection.length / 2,
  };
}

/** The row of the summary for a cutoff, by default `headlineRow`. Raises InputError for a cutoff that was not measured. */
export function cutoffRow(
  measurement: Measurement,
  estimand: Estimand,
  cutoff: number | undefined,
): CutoffRow | undefined {
  const rows = measurement.summary.gamma[estimand];
  return cutoff === undefined ? headlineRow(rows, (row) => row.gamma.ols !== null) : rowAt(rows, cutoff);
}

/** The estimate that figures and tables show, with its name: least squares unless another is asked for, as in the claims. */
export function estimateOf(
  slopes: Slopes,
  estimator: Estimator | undefined,
): { estimator: Estimator; value: number; interval: readonly [number, number] | undefined } | undefined {
  const which = estimator ?? 'ols';
  const value = slopes[which];
  if (typeof value !== 'number') return undefined;
  return { estimator: which, value, interval: slopes.interval?.[which] };
}

export function scatterDiagonals(measurement: Measurement, options: ScatterOptions = {}): FigureSpec {
  const pair = options.pair ?? 'C_H';
  const estimand = options.estimand ?? 'training_set';
  const { x: xName, y: yName, fit: fitName, symbol, title } = axes[pair];
  const arrays = diagonals(measurement, estimand);
  const row = options.row ?? cutoffRow(measurement, estimand, options.cutoff);
  const xs = arrays[xName];
  const ys = arrays[yName];

  const inside: Coordinates = { x: [], y: [] };
  /** Where the directions of the second half begin in it. */
  let second = 0;
  const outside: Coordinates = { x: [], y: [] };
  let threshold = NaN;
  const smallest = options.smallest ?? smallestCutoff;
  const sets: DrawnDirections[] = [];
  for (let from = 0; from < xs.length; from += arrays.half) {
    const part = (values: Float64Array): Float64Array => values.subarray(from, from + arrays.half);
    const selection = part(arrays.selection);
    const set = directionsToDraw(
      { selection, H: part(arrays.H), C: part(arrays.C), Q: part(arrays.Q) },
      measurement.summary.floor,
      smallest,
    );
    sets.push(set);
    second = inside.x.length;
    const least = (row?.cutoff ?? 0) * largestOf(selection);
    threshold = Number.isNaN(threshold) ? least : Math.sqrt(threshold * least);
    for (const i of set.drawn) {
      const list = selection[i] > least ? inside : outside;
      list.x.push(xs[from + i]);
      list.y.push(ys[from + i]);
    }
  }

  const slopes = row?.[fitName];
  const estimate = slopes && estimateOf(slopes, options.estimator);
  const marks: Mark[] = [];
  const centre = geometricCentre(inside) ?? geometricCentre(outside);
  if (centre)
    for (const slope of options.slopes ?? (pair === 'C_Q' ? [1] : [1, 2]))
      marks.push({
        kind: 'slope',
        name: `slope_${slope}`,
        slope,
        through: centre,
        colour: 'muted',
        dash: slope === 1 ? 'dashed' : 'dotted',
        width: 0.7,
        order: 3,
        label: `slope ${slope}`,
      });
  if (pair === 'Q_H' && estimand === 'training_set' && options.envelopes !== false) {
    const { mechanism } = measurement.summary;
    // H_ii^2 <= Q_ii always; Q_ii <= max ||h_p|| H_ii if no h_p has a negative eigenvalue.
    marks.push({ kind: 'slope', name: 'lower_envelope', slope: 2, through: [1, 1], colour: 2, dash: 'solid', width: 0.7, order: 5, label: '$H_{ii}^2 \\leq Q_{ii}$' }); // prettier-ignore
    if (mechanism?.positive === true && mechanism.samples === measurement.summary.samples)
      marks.push({ kind: 'slope', name: 'upper_envelope', slope: 1, through: [1, mechanism.largest_norm], colour: 2, dash: 'dashed', width: 0.7, order: 6, label: '$Q_{ii} \\leq \\max_p \\|h_p\\| H_{ii}$' }); // prettier-ignore
  }
  marks.push(...belowCutoff(outside, inside.x.length > 0 ? 'below the cutoff' : undefined));
  const selected = { kind: 'points', name: 'selected', ...inside, colour: 0, marker: 'circle', what: 'directions' } as const; // prettier-ignore
  if (options.halves === true && sets.length > 1) {
    const part = (from: number, to?: number): Coordinates => ({
      x: inside.x.slice(from, to),
      y: inside.y.slice(from, to),
    });
    marks.push({ ...selected, ...part(0, second), label: 'directions of half A' });
    marks.push({ ...selected, ...part(second), name: 'selected_B', colour: 2, marker: 'diamond', label: 'directions of half B' }); // prettier-ignore
  } else
    marks.push({
      ...selected,
      label: row ? `$n = ${integerTex(row.n)}$ direction${row.n === 1 ? '' : 's'}` : 'directions',
      shared: 'above the cutoff',
    });
  // The cutoff acts on H_ii: a line in these axes only if H_ii is one of them.
  if (row && xName === 'H' && threshold > 0)
    marks.push({
      kind: 'rule',
      name: 'cutoff',
      axis: 'x',
      value: threshold,
      colour: 'muted',
      dash: 'solid',
      order: 4,
      label: `cutoff $${powerTex(row.cutoff)}\\,H_{11}$`,
    });
  const positive = positiveX(inside);
  if (estimate && centre && positive.length > 1 && options.fit !== false) {
    // Least squares has an intercept of its own; the others go through the centre of the points.
    const through =
      estimate.estimator === 'ols' && typeof slopes.intercept === 'number'
        ? ([1, Math.exp(slopes.intercept)] as const)
        : centre;
    const anchored: readonly [number, number] = [centre[0], through[1] * (centre[0] / through[0]) ** estimate.value];
    const text = estimate.interval ? withInterval(estimate.value, ...estimate.interval) : estimate.value.toFixed(3);
    const label =
      symbol === undefined
        ? `slope ${text}`
        : `$${symbol} = ${text.split(' ')[0].replace('−', '-')}$${text.includes(' ') ? ` ${text.slice(text.indexOf(' ') + 1)}` : ''}`;
    marks.push(fitMark(estimate.value, anchored, positive, label));
  }

  const { summary } = measurement;
  const number = estimate
    ? `${fitName.replace('_', ' ')} = ${estimate.value.toFixed(3)} (${estimatorNames[estimate.estimator]})`
    : 'no fit';
  return finish(
    {
      kind: 'scatterDiagonals',
      title: `${title}: ${summary.parameter}`,
      description: `${yName}_ii against ${xName}_ii on logarithmic axes for the ${integerText(arrays.half)} directions of ${summary.parameter}, ${estimandNames[estimand]}; ${number}${row ? ` over ${integerText(row.n)} directions above ${row.cutoff} of the largest eigenvalue` : ''}.`,
      x: { scale: 'log', label: `$${xName}_{ii}$` },
      y: { scale: 'log', label: `$${yName}_{ii}$` },
      marks,
      frameAspect: 0.78,
      notes: undrawnNotes(sets, smallest),
      fit: definedOf({
        estimand,
        cutoff: row?.cutoff,
        n: row?.n,
        estimator: estimate?.estimator,
        slope: estimate?.value,
      }),
    },
    options,
  );
}

/** Of points, one for each direction. */
export interface Coordinates {
  readonly x: number[];
  readonly y: number[];
}

/** The directions that the fit leaves out; no mark for none. */
export function belowCutoff(points: Coordinates, label: string | undefined): Mark[] {
  if (points.x.length === 0) return [];
  return [{ kind: 'points', name: 'below_cutoff', ...points, colour: 'faint', marker: 'circle', what: 'directions', order: 1, label }]; // prettier-ignore
}

/** The line of a fit, over the span of its points. */
export function fitMark(slope: number, through: readonly [number, number], xs: readonly number[], label: string): Mark {
  return { kind: 'slope', name: 'fit', slope, through, between: extremes(xs), colour: 1, dash: 'solid', width: 1.3, order: 2, shared: 'fit', label }; // prettier-ignore
}

/** x of the points that have a place on logarithmic axes. */
export function positiveX({ x, y }: Coordinates): number[] {
  return x.filter((value, k) => value > 0 && y[k] > 0);
}

/** Geometric means of the positive points. */
export function geometricCentre(points: Coordinates): readonly [number, number] | undefined {
  let sx = 0;
  let sy = 0;
  let n = 0;
  points.x.forEach((x, k) => {
    if (!(x > 0 && points.y[k] > 0)) return;
    sx += Math.log(x);
    sy += Math.log(points.y[k]);
    n++;
  });
  return n > 0 ? [Math.exp(sx / n), Math.exp(sy / n)] : undefined;
}

function largestOf(values: Float64Array): number {
  return values.reduce((largest, value) => Math.max(largest, value), 0) || 1;
}

function extremes(values: readonly number[]): readonly [number, number] {
  let low = Infinity;
  let high = -Infinity;
  for (const value of values) {
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  return [low, high];
}

const ownOptions = {
  estimand,
  cutoff,
  estimator,
  slopes: numbers('Slopes shown', v.array(real()), '1, 2'),
  fit: fitLine,
  smallest: number(
    'Leave out below',
    real(0, 1),
    '1e-8',
    'Share of the largest eigenvalue below which curvature counts as numerically zero; 0 draws all directions.',
  ),
};

export const againstCurvature = defineFigure({
  title: 'C against H',
  about: 'Noise covariance against curvature along the eigenvectors of H; the slope is gamma.',
  needs: 'measurement',
  takes: 'measurement',
  options: ownOptions,
  draw: ({ measurement }, options) => scatterDiagonals(measurement, { ...options, pair: 'C_H' }),
});

export const noiseAgainstQ = defineFigure({
  title: 'C against Q',
  about: 'Noise covariance against the mean squared per-sample Hessian: slope 1 if they are proportional.',
  needs: 'measurement',
  takes: 'measurement',
  options: ownOptions,
  draw: ({ measurement }, options) => scatterDiagonals(measurement, { ...options, pair: 'C_Q' }),
});

export const qAgainstCurvature = defineFigure({
  title: 'Q against H',
  about: 'Mean squared per-sample Hessian against curvature: the slope that the theory predicts for gamma.',
  needs: 'measurement',
  takes: 'measurement',
  options: { ...ownOptions, envelopes: check('Bounds of Q', true) },
  draw: ({ measurement }, options) => scatterDiagonals(measurement, { ...options, pair: 'Q_H' }),
});
