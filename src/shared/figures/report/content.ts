/**
 * The content of a report of a run, or of a comparison of runs: configuration, results with intervals, all figures, definitions. Plain data, laid out as
 * HTML (html.ts) and as pages (pages.ts). Texts are labels: plain text with TeX mathematics between dollar signs.
 */
import type { ReportFigure, ReportTable } from './types.ts';
import { comparisonLines } from '../../claim-families.ts';
import { cutoffInForce } from '../../slopes.ts';
import { intervalDoubts, intervalLabel } from '../../interval-trust.ts';
import { estimands } from '../../estimands.ts';
import { definitionOf, type TermName } from '../../glossary.ts';
import { gammaAgainstCutoff, gammaPerLayer } from '../figures/gamma.ts';
import { estimandNames, estimatorNames, powerTex, type FigureOptions } from '../figures/common.ts';
import type { Measurement } from '../figure-data.ts';
import { composePanels } from '../figures/panels.ts';
import { cutoffRow, estimateOf, scatterDiagonals, type ScatterOptions } from '../figures/scatter.ts';
import { spectra } from '../figures/spectra.ts';
import { learningCurves, trainingEvolution } from '../figures/training.ts';
import type { CurveGroup, TrainingHistory } from '../figure-data.ts';
import { letterOf } from '../layout/frames.ts';
import { integerText, numberOrDash, numberText, pageStyle, withInterval } from '../numbers.ts';
import type { MeasurementSummary } from '../../results.ts';
import {
  commutatorAbove,
  definedPair,
  definedSharpness,
  traceError,
  traceText,
  zeroReason,
  type PairQuantity,
} from '../../rounding.ts';
import { plainLabel } from '../text/label.ts';
import type { FigureSpec, FigureProvenance } from '../types.ts';
import { extraDefinitions, extraFigures, extraTables } from './extras.ts';

export interface ReportSection {
  readonly heading: string;
  readonly paragraphs?: readonly string[];
  readonly tables?: readonly ReportTable[];
  readonly figures?: readonly ReportFigure[];
  /** Term and its definition. */
  readonly definitions?: readonly (readonly [term: string, definition: string])[];
}

export interface Report {
  readonly title: string;
  readonly subtitle: string;
  readonly sections: readonly ReportSection[];
  readonly provenance: FigureProvenance;
}

export interface ReportedRun {
  readonly id: string;
  readonly name: string;
  /** The same for runs that differ in their seeds alone. */
  readonly setup?: string;
  /** "learning rate" -> "0.1": what the run was made with, in the order to show. */
  readonly configuration: Readonly<Record<string, string>>;
  readonly measurements: readonly Measurement[];
  /** Curves over training by metric ("training loss"). */
  readonly curves?: Readonly<Record<string, CurveGroup['runs'][number]>>;
  /** Measurements of one parameter over training. */
  readonly history?: TrainingHistory;
}

export interface ReportOptions {
  readonly title?: string;
  readonly provenance: FigureProvenance;
  /** Sizes, font and palette of the figures; the width of a page's text by default. */
  readonly figures?: Pick<FigureOptions, 'preset' | 'font' | 'palette'>;
  readonly cutoff?: number;
}

/** One run: everything it has. Several: what differs first, then results and figures of each. */
export function reportOf(runs: readonly ReportedRun[], options: ReportOptions): Report {
  if (runs.length === 0) throw new Error('a report needs at least one run');
  const title = options.title ?? (runs.length === 1 ? runs[0].name : `Comparison of ${runs.length} runs`);
  const sections: ReportSection[] = [configuration(runs)];
  const results = runs.flatMap((run) =>
    run.measurements.length > 0 ? [resultsTable(run, runs.length > 1, options)] : [],
  );
  const doubts = [
    ...new Set(
      runs.flatMap((run) =>
        run.measurements.flatMap((measurement) =>
          estimands.flatMap((estimand) => {
            const row = cutoffRow(measurement, estimand, options.cutoff);
            return row === undefined ? [] : intervalDoubts(row, measurement.summary);
          }),
        ),
      ),
    ),
  ];
  sections.push({
    heading: 'Results',
    paragraphs:
      results.length > 0
        ? [
            `Values with ${intervalLabel(doubts)} intervals where they were computed${doubts.length === 0 ? '' : `, which cover less than 95 % here and there: ${doubts.map(plainLabel).join('; ')}`}. Both estimands are shown: they answer different questions.`,
            ...corrected(runs, options.cutoff),
          ]
        : ['No measurement has been made.'],
    tables: [...results, ...facts(runs)],
  });
  if (runs.length > 1) sections.push(...comparison(runs, options));
  for (const run of runs) sections.push(...runFigures(run, runs.length > 1, options));
  const all = runs.flatMap((run) => run.measurements);
  sections.push({ heading: 'Definitions', definitions: [...definedTerms.map(definitionOf), ...extraDefinitions(all)] });
  return {
    title,
    subtitle: runs.map((run) => `${run.name} (${run.id})`).join(', '),
    sections,
    provenance: options.provenance,
  };
}

/** Verdicts over all layers and runs, corrected for their number. A run named apart from others by its seed alone counts with them as one setup. */
function corrected(runs: readonly ReportedRun[], cutoff: number | undefined): string[] {
  const setups = Map.groupBy(runs, ({ name, setup }) => setup ?? name);
  const lines = comparisonLines(
    [...setups.values()].map((group) => ({
      name: group[0].name.replace(/, seed .*$/, ''),
      runs: group.map(({ measurements }) =>
        measurements.flatMap(({ summary }) =>
          summary.bootstrap === undefined ? [] : [{ parameter: summary.parameter, measurement: summary }],
        ),
      ),
    })),
    cutoff,
  );
  return lines.length === 0
    ? []
    : [
        `Verdicts${cutoff === undefined ? '' : ` at the cutoff ${cutoff}`} corrected for their number (Holm's procedure, 5 % for the family); over several runs of one setup the run is the unit. ${lines.map((line) => plainLabel(`${line}.`)).join(' ')}`,
      ];
}

function configuration(runs: readonly ReportedRun[]): ReportSection {
  const keys = [...new Set(runs.flatMap((run) => Object.keys(run.configuration)))];
  if (runs.length === 1)
    return {
      heading: 'Configuration',
      tables: [
        {
          caption: '',
          head: ['setting', 'value'],
          rows: keys.map((key) => [plainLabel(key), plainLabel(runs[0].configuration[key])]),
        },
      ],
    };
  const value = (run: ReportedRun, key: string): string => plainLabel(run.configuration[key] ?? '–');
  const differing = keys.filter((key) => runs.some((run) => run.configuration[key] !== runs[0].configuration[key]));
  const common = keys.filter((key) => !differing.includes(key));
  return {
    heading: 'Configuration',
    tables: [
      {
        caption: 'What differs',
        head: ['setting', ...runs.map((run) => plainLabel(run.name))],
        rows: differing.map((key) => [plainLabel(key), ...runs.map((run) => value(run, key))]),
      },
      {
        caption: 'What all share',
        head: ['setting', 'value'],
        rows: common.map((key) => [plainLabel(key), value(runs[0], key)]),
      },
    ].filter((table) => table.rows.length > 0),
  };
}

function resultsTable(run: ReportedRun, named: boolean, options: ReportOptions): ReportTable {
  const rows = run.measurements.flatMap((measurement) =>
    estimands.flatMap((estimand) => {
      const row = cutoffRow(measurement, estimand, options.cutoff);
      if (!row) return [];
      const cell = (which: 'gamma' | 'gamma_Q' | 'C_on_Q'): string => {
        const estimate = estimateOf(row[which], undefined);
        if (!estimate) return '–';
        return estimate.interval ? withInterval(estimate.value, ...estimate.interval) : numberText(estimate.value, 4);
      };
      const estimator = estimateOf(row.gamma, undefined)?.estimator;
      return [
        [
          plainLabel(measurement.summary.parameter) +
            (measurement.name === undefined ? '' : `, ${plainLabel(measurement.name)}`),
          estimandNames[estimand],
          `$${powerTex(row.cutoff)}$${cutoffInForce(row) > row.cutoff ? `, in force ${numberText(cutoffInForce(row), 2)}` : ''}`,
          integerText(row.n),
          cell('gamma'),
          cell('gamma_Q'),
          cell('C_on_Q'),
          row.gamma.r_squared === null ? '–' : numberText(row.gamma.r_squared, 3),
          estimator ? estimatorNames[estimator] : '–',
        ],
      ];
    }),
  );
  return {
    caption: named ? plainLabel(run.name) : 'Exponents',
    head: ['layer', 'estimand', 'cutoff', '$n$', '$\\gamma$', '$\\gamma_Q$', 'C on Q', '$R^2$', 'estimator'],
    rows,
  };
}

/** A dash where a matrix is 0 up to rounding. */
function pairText(summary: MeasurementSummary, quantity: PairQuantity): string {
  return numberOrDash(definedPair(summary, quantity));
}

function facts(runs: readonly ReportedRun[]): ReportTable[] {
  const rows = runs.flatMap((run) =>
    run.measurements.map(({ summary }) => [
      (runs.length > 1 ? `${plainLabel(run.name)}: ` : '') + plainLabel(summary.parameter),
      integerText(summary.d),
      integerText(summary.samples),
      numberText(summary.loss, 3),
      summary.accuracy === null ? '–' : `${(100 * summary.accuracy).toFixed(1)} %`,
      numberOrDash(definedSharpness(summary)),
      `${integerText(summary.eigenvalues.positive)} / ${integerText(summary.eigenvalues.zero)} / ${integerText(summary.eigenvalues.negative)}`,
      pairText(summary, 'commutator_ratio'),
      definedPair(summary, 'commutator_ratio') === null
        ? '–'
        : `${numberText(commutatorAbove(summary.commutator_baseline.mean), 3)} ± ${numberText(summary.commutator_baseline.standard_deviation, 2)}`,
      pairText(summary, 'cosine_CH'),
      pairText(summary, 'cosine_CQ'),
      (['C', 'H', 'Q'] as const).map((matrix) => traceText(summary, matrix, pageStyle)).join(' / '),
      `${summary.method}, ${summary.precision}`,
    ]),
  );
  if (rows.length === 0) return [];
  const all = runs.flatMap((run) => run.measurements.map(({ summary }) => summary));
  const notes = new Set(all.flatMap((summary) => summary.evaluation ?? []));
  if (all.some((summary) => traceError(summary, 'H') !== null))
    notes.add('traces with ≈ are estimated from random vectors, ± 1.96 standard errors');
  for (const summary of all) {
    const reason = zeroReason(summary, ['C', 'H', 'Q']);
    if (reason !== null) notes.add(`– of ${plainLabel(summary.parameter)}: ${reason}`);
  }
  return [
    {
      caption: ['Measurements', ...notes].join('; '),
      head: [
        'layer',
        '$d$',
        '$P$',
        'loss',
        'right',
        '$H_{11}$',
        '$H_{ii}$ + / 0 / −',
        'commutator',
        'random',
        'cos(C, H)',
        'cos(C, Q)',
        'traces C / H / Q',
        'method',
      ],
      rows,
    },
  ];
}

function figureOptions(options: ReportOptions): FigureOptions {
  return { preset: 'neurips', ...options.figures, provenance: options.provenance };
}

function comparison(runs: readonly ReportedRun[], options: ReportOptions): ReportSection[] {
  const figures: ReportFigure[] = [];
  const metrics = [...new Set(runs.flatMap((run) => Object.keys(run.curves ?? {})))];
  const curves = (metric: string): FigureSpec => {
    const groups = runs.flatMap((run) =>
      run.curves?.[metric] ? [{ label: plainLabel(run.name), runs: [run.curves[metric]] }] : [],
    );
    return learningCurves(groups, { ...figureOptions(options), metric });
  };
  if (metrics.length > 0)
    figures.push({
      make: () => inColumns(metrics.map(curves)),
      caption: `The runs over training: ${lettered(metrics)}.`,
    });
  const all = runs.flatMap((run) => run.measurements);
  if (all.length > 1)
    figures.push({
      make: () => gammaPerLayer(all, { ...figureOptions(options), ...cutoffOf(options) }),
      caption: 'Exponent per layer; runs that share a layer are averaged.',
    });
  return figures.length > 0 ? [{ heading: 'Side by side', figures }] : [];
}

/** Figures side by side in the width of the text; one alone keeps its size. */
function inColumns(figures: readonly FigureSpec[], options: { readonly legend?: 'none' } = {}): FigureSpec {
  return figures.length === 1 ? figures[0] : composePanels(figures, { columns: 2, width_mm: 168, ...options });
}

/** "(a) training loss, (b) test loss"; a single one by itself. */
function lettered(names: readonly string[]): string {
  return names.length === 1 ? names[0] : names.map((name, k) => `${letterOf(k, 'parentheses')} ${name}`).join(', ');
}

function cutoffOf(options: ReportOptions): { cutoff?: number } {
  return options.cutoff === undefined ? {} : { cutoff: options.cutoff };
}

function runFigures(run: ReportedRun, named: boolean, options: ReportOptions): ReportSection[] {
  const base = figureOptions(options);
  const sections: ReportSection[] = [];
  const prefix = named ? `${plainLabel(run.name)}: ` : '';
  const training: ReportFigure[] = [];
  const curves = Object.entries(named ? {} : (run.curves ?? {}));
  if (curves.length > 0)
    training.push({
      make: () =>
        inColumns(
          curves.map(([metric, points]) =>
            learningCurves([{ label: plainLabel(run.name), runs: [points] }], { ...base, metric, legend: 'none' }),
          ),
          { legend: 'none' },
        ),
      caption: `Over training: ${lettered(curves.map(([metric]) => metric))}.`,
    });
  const { history } = run;
  if (history)
    training.push({
      make: () => trainingEvolution(history, { ...base, ...cutoffOf(options) }),
      caption: 'Exponent, sharpness, traces and loss over training.',
    });
  if (training.length > 0) sections.push({ heading: `${prefix}Training`, figures: training });
  if (!named && new Set(run.measurements.map(({ summary }) => summary.parameter)).size > 1)
    sections.push({
      heading: 'Layers',
      figures: [
        {
          make: () => gammaPerLayer(run.measurements, { ...base, ...cutoffOf(options) }),
          caption: 'Exponent per layer.',
        },
      ],
    });
  for (const measurement of run.measurements) {
    const figures: ReportFigure[] = [];
    const { arrays, summary } = measurement;
    const diagonals = arrays.eigenvalues && arrays.C_diagonal && arrays.Q_diagonal;
    const cutoff = cutoffOf(options);
    const scatter = (choice: ScatterOptions): FigureSpec =>
      scatterDiagonals(measurement, { ...base, ...cutoff, ...choice });
    if (diagonals) {
      const four = (): FigureSpec[] => [
        scatter({}),
        scatter({ pair: 'C_Q' }),
        scatter({ pair: 'Q_H' }),
        gammaAgainstCutoff(measurement, base),
      ];
      figures.push({
        make: () => composePanels(four(), { columns: 2, width_mm: 168 }),
        caption:
          '(a) Noise covariance against curvature. (b) Noise covariance against the mean squared per-sample Hessian: slope 1 where they are proportional. (c) Mean squared per-sample Hessian against curvature: the slope that the theory predicts. (d) Exponents as functions of the cutoff. Panels (a) to (c): training set.',
      });
      const crossed =
        arrays.cross_fitted_selection &&
        arrays.cross_fitted_H_diagonal &&
        arrays.cross_fitted_C_diagonal &&
        arrays.cross_fitted_Q_diagonal;
      const spectrum = (): FigureSpec => spectra(measurement, base);
      figures.push(
        crossed
          ? {
              make: () =>
                composePanels([scatter({ estimand: 'cross_fitted' }), spectrum()], { columns: 2, width_mm: 168 }),
              caption:
                '(a) Noise covariance against curvature, cross-fitted: directions from one half of the samples, values from the other. (b) Spectrum of H, and the diagonals of C and Q in its eigenbasis in decreasing order.',
            }
          : {
              make: spectrum,
              caption: 'Spectrum of H, and the diagonals of C and Q in its eigenbasis in decreasing order.',
            },
      );
    } else
      figures.push({
        make: () => gammaAgainstCutoff(measurement, base),
        caption: 'Exponents as functions of the cutoff.',
      });
    figures.push(...extraFigures(measurement, base, cutoff));
    sections.push({
      tables: extraTables(measurement, options.cutoff),
      heading: `${prefix}${plainLabel(summary.parameter)}${measurement.name === undefined ? '' : `, ${plainLabel(measurement.name)}`}`,
      figures,
    });
  }
  return sections;
}

const definedTerms: readonly TermName[] = [
  'C',
  'H',
  'Q',
  'H_ii',
  'C_ii',
  'Q_ii',
  'gamma',
  'gamma_Q',
  'C_on_Q',
  'training_set',
  'cross_fitted',
  'commutator',
];
