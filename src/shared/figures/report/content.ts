/**
 * The content of a report of a run, or of a comparison of runs: configuration, results with intervals, all figures, definitions. Plain data, laid out as
 * HTML (html.ts) and as pages (pages.ts). Texts are labels: plain text with TeX mathematics between dollar signs.
 */
import type { Report, ReportedRun, ReportOptions, ReportSection, ReportTable } from './types.ts';
import { comparisonLines } from '../../claim-families.ts';
import { cutoffInForce } from '../../slopes.ts';
import { intervalDoubts, intervalLabel } from '../../interval-trust.ts';
import { estimands } from '../../estimands.ts';
import { definitionOf, type TermName } from '../../glossary.ts';
import { estimandNames, estimatorNames, powerTex } from '../figures/common.ts';
import { cutoffRow, estimateOf } from '../figures/scatter.ts';
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
import { extraDefinitions } from './extras.ts';
import { comparison, runFigures } from './figures.ts';

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
