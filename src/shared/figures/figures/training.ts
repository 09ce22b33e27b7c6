/** Training: learning curves over seeds, and gamma, sharpness, traces and loss over the steps. */
import { definedOf } from '../../defined.ts';
import { definedSharpness, definedTrace, traceError, type MainMatrix } from '../../rounding.ts';
import type { CutoffRow, Estimator } from '../../slopes.ts';
import { estimands, findRow, rowAt, type Estimand } from '../../estimands.ts';
import { stabilityLimit } from '../../noise-at-work.ts';
import type { MeasurementSummary } from '../../results.ts';
import type { Axis, FigureSpec, Mark, Panel, Points } from '../types.ts';
import { estimandNames, finish, type FigureOptions } from './common.ts';
import { cutoffRow, estimateOf } from './scatter.ts';
import { intervalQuantiles, statisticsOf } from '../../group-statistics.ts';
import { interpolated } from '../../interpolation.ts';
import { defineFigure } from '../define.ts';
import {
  check,
  choice,
  choices,
  cutoff,
  estimator,
  scaleByValues,
  severalEstimands,
  stepScale,
  stepUnit,
  type Option,
} from '../options.ts';
import * as v from 'valibot';
import type { CurveGroup, TrainingHistory } from '../figure-data.ts';

export interface LearningCurveOptions extends FigureOptions {
  /** "training loss"; label of the y axis. */
  readonly metric: string;
  /** Around the mean: 95 % interval of the mean (default), one standard deviation, or the range. */
  readonly band?: 'interval' | 'deviation' | 'range';
  /** Of the values; 'log' by default where all are positive and span a decade. */
  readonly scale?: 'linear' | 'log';
  /** Of the steps; 'linear' by default. */
  readonly steps?: 'linear' | 'log';
  /** "step" by default. */
  readonly unit?: string;
}

const bandNames = {
  interval: '95 % intervals of the mean',
  deviation: 'one standard deviation',
  range: 'the range',
} as const;

/** Mean over the runs of a group with a band, at all steps that any of them has (linear between its own points), while at least two runs last. */
export function learningCurves(groups: readonly CurveGroup[], options: LearningCurveOptions): FigureSpec {
  const kind = options.band ?? 'interval';
  const all = groups.flatMap((group) => group.runs.flatMap((run) => run.map((point) => point.value)));
  const positive = all.every((value) => !(value <= 0));
  const span = Math.max(...all) / Math.min(...all);
  const scale = options.scale ?? (positive && span >= 10 ? 'log' : 'linear');
  const bands: Mark[] = [];
  const lines: Mark[] = [];
  let several = false;
  const quantile = intervalQuantiles();
  groups.forEach((group, slot) => {
    const steps = [...new Set(group.runs.flatMap((run) => run.map((point) => point.step)))].sort((a, b) => a - b);
    const table = group.runs.map((run) => {
      const points = run.toSorted((a, b) => a.step - b.step);
      return interpolated(
        points.map(({ step }) => step),
        points.map(({ value }) => value),
        steps,
      );
    });
    const values = steps.map((_, k) => table.map((run) => run[k]).filter((value) => Number.isFinite(value)));
    const shown = steps.flatMap((step, k) =>
      values[k].length >= Math.min(2, group.runs.length) && values[k].length > 0 ? [{ step, values: values[k] }] : [],
    );
    const spreads = shown.map((row) => statisticsOf(row.values, quantile));
    const rows = shown.map(({ step }, k) => ({ step, spread: spreads[k] }));
    const edge = (end: 0 | 1): number[] =>
      rows.map(({ spread }) =>
        kind === 'interval'
          ? (spread.interval?.[end] ?? spread.mean)
          : kind === 'range'
            ? [spread.smallest, spread.largest][end]
            : spread.mean + (end === 0 ? -1 : 1) * (spread.standard_deviation ?? 0),
      );
    const x = rows.map((row) => row.step);
    if (group.runs.length > 1) {
      several = true;
      bands.push({ kind: 'band', name: `band_${slot + 1}`, x, low: edge(0), high: edge(1), colour: slot });
    }
    const count = group.runs.length > 1 ? ` (${group.runs.length} seeds)` : '';
    lines.push({
      kind: 'line',
      name: `mean_${slot + 1}`,
      x,
      y: rows.map((row) => row.spread.mean),
      colour: slot,
      label: `${group.label}${count}`,
      what: 'values',
    });
  });
  const x: Axis = { scale: options.steps ?? 'linear', label: options.unit ?? 'step' };
  return finish(
    {
      kind: 'learningCurves',
      title: `Learning curves: ${options.metric}`,
      description: `${options.metric} over training for ${groups.map((group) => `${group.label} (${group.runs.length})`).join(', ')}.`,
      x,
      y: { scale, label: options.metric },
      marks: [...bands, ...lines],
      frameAspect: 0.66,
      notes: several ? [`lines are means over seeds, bands ${bandNames[kind]}`] : [],
    },
    options,
  );
}

export interface EvolutionOptions extends FigureOptions {
  /** Panels from top to bottom; all by default. */
  readonly quantities?: readonly ('gamma' | 'sharpness' | 'stability' | 'trace' | 'loss')[];
  readonly estimands?: readonly Estimand[];
  readonly estimator?: Estimator;
  readonly cutoff?: number;
  /** gamma: draw gamma_Q besides, what C ~ Q predicts, with open markers; false by default. */
  readonly predicted?: boolean;
  readonly steps?: 'linear' | 'log';
  readonly unit?: string;
}

/** The fit at a cutoff, by default `headlineRow`; undefined if a measurement has none there. */
function fitOf(summary: MeasurementSummary, estimand: Estimand, cutoff: number | undefined): CutoffRow | undefined {
  return cutoff === undefined
    ? cutoffRow({ summary, arrays: {} }, estimand, cutoff)
    : findRow(summary.gamma[estimand], cutoff);
}

/** Ends of a logarithmic axis that leave room about all values that can stand on it. */
function around(values: readonly number[]): { readonly min: number; readonly max: number } {
  const shown = values.filter((value) => value > 0 && Number.isFinite(value));
  return { min: Math.min(...shown) / 1.5, max: Math.max(...shown) * 1.5 };
}

/** Traces with the bars of those that were estimated; NaN, which is not drawn, where a trace is 0 up to rounding. */
function traces(
  rows: TrainingHistory['measurements'],
  matrix: MainMatrix,
): { readonly values: number[]; readonly bars: Pick<Points, 'yLow' | 'yHigh'> } {
  const values = rows.map(({ summary }) => definedTrace(summary, matrix) ?? NaN);
  const errors = rows.map(({ summary }) => traceError(summary, matrix) ?? NaN);
  if (!errors.some(Number.isFinite)) return { values, bars: {} };
  return {
    values,
    bars: { yLow: values.map((value, k) => value - errors[k]), yHigh: values.map((value, k) => value + errors[k]) },
  };
}

/** Logarithmic where every value is positive: the trace of H and its largest eigenvalue need not be. */
function scaleOf(values: readonly number[]): 'linear' | 'log' {
  return values.some((value) => value <= 0) ? 'linear' : 'log';
}

/** gamma, the largest eigenvalue, the traces and the loss over training, one panel each above a shared axis of steps. */
export function trainingEvolution(history: TrainingHistory, options: EvolutionOptions = {}): FigureSpec {
  const rows = history.measurements.toSorted((a, b) => a.step - b.step);
  const steps = rows.map((row) => row.step);
  const quantities =
    options.quantities ?? (history.loss ? ['gamma', 'sharpness', 'trace', 'loss'] : ['gamma', 'sharpness', 'trace']);
  const x: Axis = { scale: options.steps ?? 'linear', label: options.unit ?? 'step' };
  const series = (name: string, y: readonly number[], colour: number, label?: string): Points =>
    definedOf({
      kind: 'points',
      name,
      x: steps,
      y,
      colour,
      join: colour === 0 ? 'solid' : 'dashed',
      what: 'measurements',
      label,
    });
  const shown = options.estimands ?? estimands;
  const { cutoff: asked } = options;
  if (
    asked !== undefined &&
    rows.length > 0 &&
    !rows.some(({ summary }) => shown.some((each) => fitOf(summary, each, asked)))
  )
    rowAt(rows[0].summary.gamma[shown[0]], asked);
  const isEstimated = rows.some(({ summary }) => traceError(summary, 'H') !== null);
  const panels = quantities.map((quantity, row): Panel => {
    const base = { row, column: 0, x };
    switch (quantity) {
      case 'gamma': {
        const marks: Mark[] = [{ kind: 'rule', name: 'gamma_1', axis: 'y', value: 1, colour: 'muted', dash: 'dashed' }];
        for (const [slot, estimand] of shown.entries()) {
          const estimatesOf = (which: 'gamma' | 'gamma_Q') =>
            rows.map(({ summary }) => {
              const slopes = fitOf(summary, estimand, options.cutoff)?.[which];
              return slopes && estimateOf(slopes, options.estimator);
            });
          const estimates = estimatesOf('gamma');
          if (estimates.every((estimate) => estimate === undefined)) continue;
          if (estimates.some((estimate) => estimate?.interval))
            marks.push({
              kind: 'band',
              name: `interval_${estimand}`,
              x: steps,
              low: estimates.map((estimate) => estimate?.interval?.[0] ?? NaN),
              high: estimates.map((estimate) => estimate?.interval?.[1] ?? NaN),
              colour: slot,
            });
          marks.push(series(`gamma_${estimand}`, estimates.map((estimate) => estimate?.value ?? NaN), slot, `${options.predicted === true ? '$\\gamma$, ' : ''}${estimandNames[estimand]}`)); // prettier-ignore
          if (options.predicted === true)
            marks.push({
              ...series(`gamma_Q_${estimand}`, estimatesOf('gamma_Q').map((estimate) => estimate?.value ?? NaN), slot, `$\\gamma_Q$, ${estimandNames[estimand]}`), // prettier-ignore
              marker: slot === 0 ? 'circle-open' : 'square-open',
              join: 'dotted',
              order: 1,
            });
        }
        return { ...base, y: { scale: 'linear', label: '$\\gamma$' }, marks };
      }
      case 'sharpness': {
        const largest = rows.map(({ summary }) => definedSharpness(summary) ?? NaN);
        return { ...base, y: { scale: scaleOf(largest), label: '$H_{11}$' }, marks: [series('largest_eigenvalue', largest, 0)] }; // prettier-ignore
      }
      case 'stability': {
        const { rates = [], momentum = 0, network = [] } = history;
        const times = (value: number | undefined, step: number): number => {
          const rate = rates.find((each) => each.step === step)?.value;
          return value === undefined || rate === undefined ? NaN : rate * value;
        };
        const sharpnesses = rows.map(({ step, summary }) => times(definedSharpness(summary) ?? undefined, step));
        const batches = rows.map(({ step, summary }) => times(summary.weight_fluctuations?.batch_sharpness.network.value, step)); // prettier-ignore
        const whole = network.toSorted((a, b) => a.step - b.step);
        const ofNetwork = whole.map(({ step, summary }) => times(definedSharpness(summary) ?? undefined, step));
        const isWhole = rows.every(({ summary }) => summary.parameter === 'network');
        return {
          ...base,
          y: {
            scale: 'log',
            label: '$\\eta H_{11}$',
            ...around([...sharpnesses, ...batches, ...ofNetwork, stabilityLimit(momentum)]),
          },
          marks: [
            series('eta_H11', sharpnesses, 0, isWhole ? '$\\eta H_{11}$' : '$\\eta H_{11}$ of this layer'),
            ...(whole.length > 0
              ? [{ ...series('eta_H11_network', ofNetwork, 2, '$\\eta H_{11}$ of the whole network'), x: whole.map(({ step }) => step) }] // prettier-ignore
              : []),
            ...(batches.some((value) => Number.isFinite(value))
              ? [series('eta_batch_sharpness', batches, 1, '$\\eta$ batch sharpness, whole network')]
              : []),
            { kind: 'rule', name: 'stability', axis: 'y', value: stabilityLimit(momentum), colour: 'muted', dash: 'dashed', label: momentum > 0 ? '$2 (1 + \\mu)$' : '2' }, // prettier-ignore
          ],
        };
      }
      case 'trace': {
        const [H, C] = (['H', 'C'] as const).map((matrix) => traces(rows, matrix));
        return {
          ...base,
          y: { scale: scaleOf([...H.values, ...C.values]), label: 'trace' },
          marks: [
            {
              ...series('trace_H', H.values, 0, `$\\operatorname{tr} H$${isEstimated ? ' (estimate)' : ''}`),
              ...H.bars,
            },
            { ...series('trace_C', C.values, 1, '$\\operatorname{tr} C$'), ...C.bars },
          ],
        };
      }
      case 'loss': {
        const loss = history.loss ?? rows.map(({ step, summary }) => ({ step, value: summary.loss }));
        return {
          ...base,
          y: { scale: 'log', label: 'loss' },
          marks: [
            {
              kind: 'line',
              name: 'loss',
              x: loss.map((point) => point.step),
              y: loss.map((point) => point.value),
              colour: 0,
              dash: 'solid',
              what: 'values of the loss',
            },
          ],
        };
      }
      default:
        quantity satisfies never;
        throw new Error(`unknown quantity: ${String(quantity)}`);
    }
  });
  const parameter = rows[0]?.summary.parameter ?? 'no measurement';
  return finish(
    {
      kind: 'trainingEvolution',
      title: `Over training: ${parameter}`,
      description: `${quantities.join(', ')} of ${parameter} at ${rows.length} times during training.`,
      panels,
      rows: panels.length,
      shareX: true,
      letters: false,
      frameAspect: 0.3,
      notes: [
        ...(panels.some(({ marks }) => marks.some(({ kind }) => kind === 'band')) ? ['bands are 95 % intervals'] : []),
        ...(isEstimated && quantities.includes('trace')
          ? ['tr H is estimated from random vectors; its bars are 95 % intervals (1.96 standard errors)']
          : []),
      ],
      fit: definedOf({ cutoff: options.cutoff, estimands: shown.join(', ') }),
    },
    options,
  );
}

export const evolutionFigure = defineFigure({
  title: 'Over training',
  about: 'gamma, sharpness, traces and loss over the steps of one run.',
  needs: 'history',
  takes: 'run',
  options: {
    quantities: choices(
      'Show',
      {
        gamma: 'gamma',
        sharpness: 'largest eigenvalue',
        stability: 'learning rate times largest eigenvalue',
        trace: 'traces',
        loss: 'loss',
      },
      'quantity',
    ),
    estimands: severalEstimands,
    cutoff,
    estimator,
    predicted: check('What Q predicts (open markers)', false),
    steps: stepScale,
    unit: stepUnit,
  },
  draw: ({ history }, options) => trainingEvolution(history, options),
});

/** Name of the stored series ("loss"). */
const metric: Option<string> = { schema: v.string(), control: { kind: 'metric', label: 'Metric' } };

export const curvesFigure = defineFigure({
  title: 'Learning curves',
  about: 'A metric over training: mean over seeds with a band.',
  needs: 'curves',
  takes: 'runs',
  options: {
    metric,
    band: choice(
      'Band',
      { interval: '95 % interval of the mean', deviation: 'one standard deviation', range: 'range' },
      'interval',
    ),
    scale: scaleByValues,
    steps: stepScale,
    unit: stepUnit,
  },
  draw: ({ groups, metric: name = 'loss', notes = [] }, options) => {
    const spec = learningCurves(groups, { ...options, metric: name });
    return { ...spec, notes: [...spec.notes, ...notes] };
  },
});
