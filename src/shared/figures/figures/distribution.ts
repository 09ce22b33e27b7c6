/** How the curvature of single samples is spread: v_i . h_p v_i over the samples p, for some directions i. */
import { integerText } from '../numbers.ts';
import type { FigureSpec, Mark } from '../types.ts';
import { finish, type FigureOptions } from './common.ts';
import { quantileOf } from '../../group-statistics.ts';
import { defineFigure } from '../define.ts';
import { choice, number, numbers } from '../options.ts';
import * as v from 'valibot';
import { integer, real } from '../../validation.ts';
import type { SampleCurvatures } from '../figure-data.ts';

export interface DistributionOptions extends FigureOptions {
  readonly parameter: string;
  /** 'density' (default): share of samples per decade, one curve per direction. 'quantiles': the median and the 50 % and 90 % ranges against the direction. */
  readonly kind?: 'density' | 'quantiles';
  /** Bins per decade; 6 by default. */
  readonly bins?: number;
}

/** Values of zero or below have no logarithm: they are counted in the small print. Shares are of all samples, so they need not add up to 1. */
export function sampleCurvature(directions: readonly SampleCurvatures[], options: DistributionOptions): FigureSpec {
  if (directions.length === 0) throw new Error('the distribution of sample curvatures needs at least one direction');
  const samples = directions[0].values.length;
  const symbol = '$v_i \\cdot h_p v_i$';
  const draft = {
    kind: 'sampleCurvature',
    title: `Curvature of single samples: ${options.parameter}`,
    description: `Distribution of v_i . h_p v_i over ${integerText(samples)} samples for ${directions.length} directions of ${options.parameter}.`,
  };
  if (options.kind === 'quantiles') {
    const sorted = directions.map(({ values }) => Float64Array.from(values).sort());
    const x = directions.map(({ direction }) => direction);
    const at = (share: number): number[] => sorted.map((values) => quantileOf(values, share));
    const marks: Mark[] = [
      {
        kind: 'band',
        name: 'range_90',
        x,
        low: at(0.05),
        high: at(0.95),
        colour: 0,
        opacity: 0.15,
        label: '5 % to 95 % of the samples',
        order: 2,
      },
      {
        kind: 'band',
        name: 'range_50',
        x,
        low: at(0.25),
        high: at(0.75),
        colour: 0,
        opacity: 0.3,
        label: '25 % to 75 %',
        order: 1,
      },
      { kind: 'line', name: 'median', x, y: at(0.5), colour: 0, label: 'median', what: 'medians' },
      {
        kind: 'line',
        name: 'mean',
        x,
        y: sorted.map((values) => values.reduce((sum, value) => sum + value, 0) / values.length),
        colour: 1,
        label: 'mean, $H_{ii}$',
        what: 'means',
      },
    ];
    return finish(
      {
        ...draft,
        x: { scale: 'log', label: 'direction $i$' },
        y: { scale: 'log', label: symbol },
        marks,
      },
      options,
    );
  }
  const bins = options.bins ?? 6;
  const undrawn: { readonly direction: number; readonly count: number }[] = [];
  const marks: Mark[] = directions.map(({ direction, values }, slot): Mark => {
    const logs: number[] = [];
    for (let p = 0; p < values.length; p++) if (values[p] > 0) logs.push(Math.log10(values[p]) * bins);
    if (logs.length < values.length) undrawn.push({ direction, count: values.length - logs.length });
    const first = Math.floor(Math.min(...logs, Infinity));
    const last = Math.floor(Math.max(...logs, -Infinity));
    const counts = logs.length > 0 ? new Array<number>(last - first + 1).fill(0) : [];
    for (const value of logs) counts[Math.floor(value) - first]++;
    // Middles of the bins, with an empty one at both ends so that the curve comes down to zero.
    const x =
      counts.length > 0 ? Array.from({ length: counts.length + 2 }, (_, k) => 10 ** ((first + k - 0.5) / bins)) : [];
    const y = counts.length > 0 ? [0, ...counts.map((count) => (count / values.length) * bins), 0] : [];
    return {
      kind: 'line',
      name: `direction_${direction}`,
      x,
      y,
      colour: slot,
      label: `$i = ${direction}$`,
      what: 'bins',
    };
  });
  return finish(
    {
      ...draft,
      x: { scale: 'log', label: symbol },
      y: { scale: 'linear', label: 'share of samples per decade', zero: true },
      marks,
      notes: undrawnNote(undrawn, samples),
    },
    options,
  );
}

/** Directions that are counted one by one in the small print; of more, the fewest and the most samples. */
const mostCounts = 4;

function undrawnNote(
  undrawn: readonly { readonly direction: number; readonly count: number }[],
  samples: number,
): string[] {
  if (undrawn.length === 0) return [];
  const why = 'not positive, so not drawn';
  const of = `of ${integerText(samples)} samples along`;
  const counts = undrawn.map(({ count }) => count);
  const [least, most] = [Math.min(...counts), Math.max(...counts)];
  if (undrawn.length > mostCounts)
    return [`${why}: ${integerText(least)}${least === most ? '' : ` to ${integerText(most)}`} ${of} ${undrawn.length} directions`]; // prettier-ignore
  const each = undrawn.map(({ direction, count }, k) => `${integerText(count)} ${k === 0 ? of : 'along'} $i = ${direction}$`); // prettier-ignore
  return [`${why}: ${each.join(', ')}`];
}

export const samplesFigure = defineFigure({
  title: 'Curvature of single samples',
  about: 'How v · h v is spread over the samples, along some directions.',
  needs: 'samples',
  takes: 'measurement',
  options: {
    // Which directions, 1 the largest.
    directions: numbers('Directions', v.pipe(v.array(integer(1)), v.minLength(1), v.maxLength(200)), '1, 3, 10, 30'),
    kind: choice(
      'As',
      { density: 'distribution of each direction', quantiles: 'quantiles against the direction' },
      'density',
    ),
    bins: number('Bins a decade', real(1, 100), '6'),
  },
  draw: ({ directions, parameter = '' }, options) => sampleCurvature(directions, { ...options, parameter }),
});
