/** The exponent gamma per layer, against a hyperparameter, and as a function of the cutoff. */
import { definedOf } from '../../defined.ts';
import type { Estimator, Slopes } from '../../slopes.ts';
import { estimands, type Estimand } from '../../estimands.ts';
import type { Axis, FigureSpec, Mark, Region, Rule } from '../types.ts';
import { estimandNames, estimatorNames, finish, type FigureOptions } from './common.ts';
import { cutoffRow, estimateOf } from './scatter.ts';
import { statisticsOf } from '../../group-statistics.ts';
import { defineFigure } from '../define.ts';
import { cutoff, estimator, predicted, scaleByValues, severalEstimands, text, type Option } from '../options.ts';
import * as v from 'valibot';
import type { HyperparameterPoint, Measurement } from '../figure-data.ts';

export interface GammaOptions extends FigureOptions {
  /** Both by default: they answer different questions, and their difference is part of the result. */
  readonly estimands?: readonly Estimand[];
  /** By default least squares on the training set and the split-half instrument, if there is one, cross-fitted. */
  readonly estimator?: Estimator;
  readonly cutoff?: number;
  /** Draw gamma_Q, what C ~ Q predicts, with open markers; true by default. */
  readonly predicted?: boolean;
}

/** The interval [1, 2] that the theory bounds gamma by, and a line at gamma = 1. */
function bound(): [Region, Rule] {
  return [
    {
      kind: 'region',
      name: 'bound',
      axis: 'y',
      from: 1,
      to: 2,
      colour: 'muted',
      opacity: 0.1,
      label: '$1 \\leq \\gamma \\leq 2$',
      order: 5,
    },
    { kind: 'rule', name: 'gamma_1', axis: 'y', value: 1, colour: 'muted', dash: 'dashed' },
  ];
}

interface Estimate {
  readonly value: number;
  readonly low: number;
  readonly high: number;
  readonly n: number;
}

/** One measurement: its own estimate and interval. Several: their mean with a 95 % interval by Student's t. */
function pooledEstimate(
  measurements: readonly Measurement[],
  which: 'gamma' | 'gamma_Q',
  estimand: Estimand,
  options: GammaOptions,
): Estimate | undefined {
  const estimated = measurements.flatMap((measurement) => {
    const slopes: Slopes | undefined = cutoffRow(measurement, estimand, options.cutoff)?.[which];
    const estimate = slopes && estimateOf(slopes, options.estimator);
    return estimate ? [estimate] : [];
  });
  if (estimated.length === 0) return undefined;
  if (estimated.length === 1) {
    const [{ value, interval }] = estimated;
    return { value, low: interval?.[0] ?? NaN, high: interval?.[1] ?? NaN, n: 1 };
  }
  const { mean, interval } = statisticsOf(estimated.map(({ value }) => value));
  return { value: mean, low: interval?.[0] ?? NaN, high: interval?.[1] ?? NaN, n: estimated.length };
}

interface Group {
  readonly at: number;
  readonly measurements: readonly Measurement[];
}

/** Measurements of runs that differ in the axis and the seed alone. */
interface Setup {
  /** What distinguishes it from the others; empty if it is the only one. */
  readonly label: string;
  readonly groups: readonly Group[];
}

/** Points of the page between the error bars of two series over one number. */
const betweenBars = 1.6;

/**
 * Points of every estimand (filled: gamma; open: gamma_Q) of every setup; with several setups gamma_Q is drawn only if asked for. Over names (`span` > 0: the
 * room of a name that they take) series stand side by side; over numbers each point stands at its number, and only its error bar moves aside.
 */
function estimates(setups: readonly Setup[], options: GammaOptions, span: number): { marks: Mark[]; seeds: number } {
  const shown = options.estimands ?? estimands;
  const several = setups.length > 1;
  const predicted = options.predicted ?? !several;
  const series = setups.flatMap((setup, slot) =>
    shown.flatMap((estimand, k) =>
      (predicted ? (['gamma', 'gamma_Q'] as const) : (['gamma'] as const)).map((which) => ({
        ...setup,
        estimand,
        which,
        first: k === 0,
        colour: several ? slot : k,
        suffix: several ? `_${slot + 1}` : '',
      })),
    ),
  );
  const marks: Mark[] = [];
  let seeds = 1;
  series.forEach(({ label, groups, estimand, which, first, colour, suffix }, k) => {
    const aside = k - (series.length - 1) / 2;
    const points = groups.flatMap(({ at, measurements }) => {
      const estimate = pooledEstimate(measurements, which, estimand, options);
      if (estimate) seeds = Math.max(seeds, estimate.n);
      return estimate ? [{ x: at + (span * aside) / series.length, ...estimate }] : [];
    });
    if (points.length === 0) return;
    const symbol = which === 'gamma' ? '\\gamma' : '\\gamma_Q';
    const seriesName = several && shown.length === 1 && !predicted ? '' : `$${symbol}$, ${estimandNames[estimand]}`;
    marks.push({
      kind: 'points',
      name: `${which}_${estimand}${suffix}`,
      x: points.map((point) => point.x),
      y: points.map((point) => point.value),
      yLow: points.map((point) => point.low),
      yHigh: points.map((point) => point.high),
      barShift: span === 0 && aside !== 0 ? betweenBars * aside : undefined,
      colour,
      marker: which === 'gamma' ? (first ? 'circle' : 'square') : first ? 'circle-open' : 'square-open',
      join: span !== 0 || which !== 'gamma' ? undefined : first ? 'solid' : 'dashed',
      label: [label, seriesName].filter((part) => part !== '').join(': '),
      what: 'estimates',
      order: k,
    });
  });
  return { marks, seeds };
}

/** Setups by label, in the order of their first entry. */
function setupsOf<T>(
  entries: readonly T[],
  labelOf: (entry: T) => string,
  groups: (own: readonly T[]) => Group[],
): Setup[] {
  const labels = [...new Set(entries.map(labelOf))];
  return labels.map((label) => ({
    label: labels.length > 1 ? label : '',
    groups: groups(entries.filter((entry) => labelOf(entry) === label)),
  }));
}

function statement(seeds: number, hasIntervals: boolean): string[] {
  if (seeds > 1) return [`means of up to ${seeds} runs with 95 % intervals`];
  return hasIntervals ? ['bars are 95 % intervals'] : [];
}

function anyInterval(marks: readonly Mark[]): boolean {
  return marks.some((mark) => mark.kind === 'points' && mark.yLow?.some((low) => Number.isFinite(low)));
}

/** Settings for the provenance; the cutoff as it was chosen. */
function settings(measurements: readonly Measurement[], options: GammaOptions): Record<string, string | number> {
  const shown = options.estimands ?? estimands;
  const cutoffs = new Set(
    measurements.flatMap((measurement) => cutoffRow(measurement, shown[0], options.cutoff)?.cutoff ?? []),
  );
  return definedOf({
    estimands: shown.join(', '),
    cutoff: [...cutoffs].join(', '),
    estimator: options.estimator,
  });
}

/** gamma of each layer, layers in the order given. Measurements of one parameter and one name (several seeds) are averaged; each name is a series of its own. */
export function gammaPerLayer(measurements: readonly Measurement[], options: GammaOptions = {}): FigureSpec {
  const layers = [...new Set(measurements.map(({ summary }) => summary.parameter))];
  const setups = setupsOf(
    measurements,
    ({ name }) => name ?? '',
    (own) =>
      layers.map((layer, at) => ({ at, measurements: own.filter(({ summary }) => summary.parameter === layer) })),
  );
  const { marks, seeds } = estimates(setups, options, setups.length > 1 ? 0.7 : 0.44);
  return finish(
    {
      kind: 'gammaPerLayer',
      title: 'Exponent per layer',
      description: `gamma of ${layers.join(', ')}, with 95 % intervals; the band marks 1 to 2.`,
      x: { scale: 'category', label: '', categories: layers.map((layer) => layer.replace(/\$/g, '\\$')) },
      y: { scale: 'linear', label: 'exponent $\\gamma$' },
      marks: [...bound(), ...marks],
      frameAspect: 0.62,
      notes: statement(seeds, anyInterval(marks)),
      fit: settings(measurements, options),
    },
    options,
  );
}

export interface HyperparameterOptions extends GammaOptions {
  /** "learning rate". */
  readonly parameter: string;
  /** By default logarithmic where the values are positive and span a factor of 8 or more. */
  readonly scale?: 'linear' | 'log';
}

/** gamma against a hyperparameter; several measurements of one value and group (seeds) are averaged. With several groups gamma_Q is drawn only if asked for. */
export function gammaAgainstHyperparameter(
  rows: readonly HyperparameterPoint[],
  options: HyperparameterOptions,
): FigureSpec {
  const names = rows.some((row) => typeof row.value === 'string');
  const numbers = rows.map((row) => Number(row.value));
  const low = Math.min(...numbers);
  const high = Math.max(...numbers);
  const scale = names ? 'category' : (options.scale ?? (low > 0 && high / low >= 8 ? 'log' : 'linear'));
  const categories = [...new Set(rows.map((row) => String(row.value)))];
  const setups = setupsOf(
    rows,
    ({ group }) => group ?? '',
    (own) =>
      own
        .map(({ value, measurements }) => ({
          at: names ? categories.indexOf(String(value)) : Number(value),
          measurements,
        }))
        .sort((a, b) => a.at - b.at),
  );
  const { marks, seeds } = estimates(setups, options, names ? (setups.length > 1 ? 0.7 : 0.4) : 0);
  const x: Axis = names
    ? { scale: 'category', label: options.parameter, categories }
    : { scale, label: options.parameter, at: [...new Set(numbers)].sort((a, b) => a - b) };
  return finish(
    {
      kind: 'gammaAgainstHyperparameter',
      title: `Exponent against ${options.parameter}`,
      description: `gamma against ${options.parameter} for ${categories.length} values, with 95 % intervals; the band marks 1 to 2.`,
      x,
      y: { scale: 'linear', label: 'exponent $\\gamma$' },
      marks: [...bound(), ...marks],
      frameAspect: 0.66,
      notes: statement(seeds, anyInterval(marks)),
      fit: {
        ...settings(
          rows.flatMap((row) => row.measurements),
          options,
        ),
        hyperparameter: options.parameter,
      },
    },
    options,
  );
}

/** gamma and gamma_Q as functions of the cutoff, with bands of 95 %. The further to the left, the more directions take part. */
export function gammaAgainstCutoff(measurement: Measurement, options: Omit<GammaOptions, 'cutoff'> = {}): FigureSpec {
  const shown = options.estimands ?? estimands;
  const bands: Mark[] = [];
  const lines: Mark[] = [];
  for (const [slot, estimand] of shown.entries())
    for (const which of options.predicted === false ? (['gamma'] as const) : (['gamma', 'gamma_Q'] as const)) {
      const rows = measurement.summary.gamma[estimand].flatMap((row) => {
        const estimate = estimateOf(row[which], options.estimator);
        return estimate ? [{ cutoff: row.cutoff, ...estimate }] : [];
      });
      if (rows.length === 0) continue;
      const x = rows.map((row) => row.cutoff);
      if (which === 'gamma' && rows.some((row) => row.interval))
        bands.push({
          kind: 'band',
          name: `interval_${estimand}`,
          x,
          low: rows.map((row) => row.interval?.[0] ?? NaN),
          high: rows.map((row) => row.interval?.[1] ?? NaN),
          colour: slot,
        });
      lines.push({
        kind: 'points',
        name: `${which}_${estimand}`,
        x,
        y: rows.map((row) => row.value),
        colour: slot,
        marker: which === 'gamma' ? (slot === 0 ? 'circle' : 'square') : slot === 0 ? 'circle-open' : 'square-open',
        join: which === 'gamma' ? 'solid' : 'dotted',
        label: `$${which === 'gamma' ? '\\gamma' : '\\gamma_Q'}$, ${estimandNames[estimand]}`,
        what: 'estimates',
      });
    }
  const { summary } = measurement;
  const used = [estimatorNames[options.estimator ?? 'ols']];
  return finish(
    {
      kind: 'gammaAgainstCutoff',
      title: `Exponent against the cutoff: ${summary.parameter}`,
      description: `gamma and gamma_Q of ${summary.parameter} fitted over the directions with H_ii above the cutoff times the largest, for cutoffs from 0.1 to 1e-8; ${used.join(' and ')}.`,
      x: { scale: 'log', label: 'cutoff on $H_{ii}/H_{11}$' },
      y: { scale: 'linear', label: 'exponent $\\gamma$' },
      marks: [...bound(), ...bands, ...lines],
      frameAspect: 0.7,
      notes: bands.length > 0 ? ['bands are 95 % intervals'] : [],
      fit: { estimands: shown.join(', '), estimator: used.join(', ') },
    },
    options,
  );
}

export const gammaLayersFigure = defineFigure({
  title: 'Exponent per layer',
  about: 'gamma of every measured layer with 95 % intervals; seeds are averaged.',
  needs: 'measurements',
  takes: 'measurements',
  options: { estimands: severalEstimands, cutoff, estimator, predicted },
  draw: ({ measurements }, options) => gammaPerLayer(measurements, options),
});

export const gammaCutoffFigure = defineFigure({
  title: 'Exponent against the cutoff',
  about: 'gamma as a function of how many directions take part.',
  needs: 'measurement',
  takes: 'measurement',
  options: { estimands: severalEstimands, estimator, predicted },
  draw: ({ measurement }, options) => gammaAgainstCutoff(measurement, options),
});

/** The setting in which the runs differ, by its path in the experiment ("optimiser.lr"). */
const field: Option<string> = { schema: v.string(), control: { kind: 'field', label: 'Against' } };

export const gammaHyperparameterFigure = defineFigure({
  title: 'Exponent against a hyperparameter',
  about: 'gamma of one layer against a setting in which the runs differ, with error bars over seeds.',
  needs: 'hyperparameter',
  takes: 'runs',
  options: {
    field,
    parameter: text('Its name', 'learning rate'),
    estimands: severalEstimands,
    cutoff,
    estimator,
    predicted,
    scale: scaleByValues,
  },
  draw: ({ rows, parameter }, options) =>
    gammaAgainstHyperparameter(rows, { parameter: parameter ?? 'hyperparameter', ...options }),
});
