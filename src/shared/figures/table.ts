/** Results as a LaTeX table (booktabs) with uncertainties: one row a layer, mean over seeds if there are several. */
import { cutoffInForce } from '../slopes.ts';
import { intervalDoubts, intervalLabel } from '../interval-trust.ts';
import type { Estimator, Slopes } from '../slopes.ts';
import { estimands, type Estimand } from '../estimands.ts';
import { assumptionRow, columnTex } from './figures/assumptions.ts';
import { estimandNames, estimatorNames } from './figures/common.ts';
import type { Measurement } from './figure-data.ts';
import { cutoffRow, estimateOf } from './figures/scatter.ts';
import { statisticsOf } from '../group-statistics.ts';
import { integerTex, uncertaintyTex } from './numbers.ts';
import { assumptionReason } from '../defined-extras.ts';
import { commutatorAbove, withoutRounding } from '../rounding.ts';

export interface TableOptions {
  readonly estimands?: readonly Estimand[];
  readonly estimator?: Estimator;
  readonly cutoff?: number;
  /** "1.203(18)" in place of "1.203 \pm 0.018"; false by default. */
  readonly brackets?: boolean;
  readonly caption?: string;
  /** "tab:gamma". */
  readonly label?: string;
}

const columns = [
  { key: 'gamma', head: '$\\gamma$' },
  { key: 'gamma_Q', head: '$\\gamma_Q$' },
  { key: 'C_on_Q', head: '$C$ on $Q$' },
] as const;

/** Characters with a meaning in TeX. */
export function texEscape(text: string): string {
  return text.replace(/[\\{}$&#%_^~]/g, (character) =>
    character === '\\'
      ? '\\textbackslash{}'
      : character === '^'
        ? '\\textasciicircum{}'
        : character === '~'
          ? '\\textasciitilde{}'
          : `\\${character}`,
  );
}

/**
 * A single measurement: plus or minus half its 95 % interval. Several of one parameter: mean and standard deviation over them; the caption says
 * which. A value that was not computed is "--".
 */
export function resultsTable(measurements: readonly Measurement[], options: TableOptions = {}): string {
  const shown = options.estimands ?? estimands;
  const parameters = [...new Set(measurements.map(({ summary }) => summary.parameter))];
  let most = 1;
  const used = new Set<string>();
  const cutoffs = new Set<number>();
  const doubts = new Set<string>();
  /** Layers whose found directions end above the cutoff asked for, and where. */
  const ends = new Map<string, number>();
  const rows = parameters.map((parameter) => {
    const group = measurements.filter(({ summary }) => summary.parameter === parameter);
    most = Math.max(most, group.length);
    const cells = shown.flatMap((estimand) => {
      const cutoffRows = group.flatMap((measurement) => cutoffRow(measurement, estimand, options.cutoff) ?? []);
      for (const row of cutoffRows) {
        cutoffs.add(row.cutoff);
        if (cutoffInForce(row) > row.cutoff)
          ends.set(parameter, Math.max(ends.get(parameter) ?? 0, cutoffInForce(row)));
      }
      for (const { summary } of group)
        for (const row of cutoffRows) for (const doubt of intervalDoubts(row, summary)) doubts.add(doubt);
      const n =
        cutoffRows.length > 0 ? integerTex(cutoffRows.reduce((sum, row) => sum + row.n, 0) / cutoffRows.length) : '--';
      return [
        n,
        ...columns.map(({ key }) => {
          const estimates = cutoffRows.flatMap((row) => {
            const slopes: Slopes = row[key];
            const estimate = estimateOf(slopes, options.estimator);
            if (estimate) used.add(`${estimandNames[estimand]}: ${estimatorNames[estimate.estimator]}`);
            return estimate ? [estimate] : [];
          });
          if (estimates.length === 0) return '--';
          if (estimates.length > 1) {
            const { mean, standard_deviation: deviation } = statisticsOf(estimates.map(({ value }) => value));
            return uncertaintyTex(mean, deviation ?? NaN, options.brackets);
          }
          const [{ value, interval }] = estimates;
          return uncertaintyTex(value, interval ? (interval[1] - interval[0]) / 2 : NaN, options.brackets);
        }),
      ];
    });
    return `${texEscape(parameter)}${group.length > 1 ? ` (${group.length})` : ''} & ${cells.join(' & ')} \\\\`;
  });
  const meaning =
    most > 1
      ? 'Mean and standard deviation over seeds (their number in brackets after the layer)'
      : `Uncertainties are half of the ${intervalLabel([...doubts]).replace(' %', '\\,\\%')} interval${doubts.size === 0 ? '' : `, which covers less: ${texEscape([...doubts].join('; '))}`}`;
  const caption =
    options.caption ??
    `Exponents by layer: directions with $H_{ii}$ above ${[...cutoffs].map(cutoffTex).join(', ')} of the largest${inForce(ends)}. ${meaning}. Estimators: ${[...used].join('; ')}.`;
  const each = columns.length + 1;
  return [
    ...topOf(caption, options.label, `l${'rrrr'.repeat(shown.length)}`),
    `     & ${shown.map((estimand) => `\\multicolumn{${each}}{c}{${estimandNames[estimand]}}`).join(' & ')} \\\\`,
    `    ${shown.map((_, k) => `\\cmidrule(lr){${2 + k * each}-${1 + (k + 1) * each}}`).join(' ')}`,
    `    layer & ${shown.map(() => `$n$ & ${columns.map(({ head }) => head).join(' & ')}`).join(' & ')} \\\\`,
    '    \\midrule',
    ...rows.map((row) => `    ${row}`),
    '    \\bottomrule',
    '  \\end{tabular}',
    '\\end{table}',
    '',
  ].join('\n');
}

/** "; the directions found of fc1.kernel end at 0.13, the cutoff in force there". */
function inForce(ends: ReadonlyMap<string, number>): string {
  return [...ends]
    .map(
      ([parameter, end]) =>
        `; the directions found of ${texEscape(parameter)} end at ${end.toPrecision(2)}, the cutoff in force there`,
    )
    .join('');
}

function cutoffTex(cutoff: number): string {
  const exponent = Math.round(Math.log10(cutoff));
  return Math.abs(cutoff / 10 ** exponent - 1) < 1e-9 ? `$10^{${exponent}}$` : `$${cutoff}$`;
}

/** C against matrices used in its place: cosine, commutator beside its mean over random rotations, and the slope of log C_ii on log M_ii. */
export function assumptionsTable(measurements: readonly Measurement[], options: TableOptions = {}): string {
  const shown = options.estimands ?? estimands;
  const cutoffs = new Set<number>();
  const reasons = new Set<string>();
  const number = (value: number, digits: number): string => `$${value.toFixed(digits)}$`;
  const rows = measurements.flatMap(({ summary }) =>
    (summary.assumptions?.columns ?? []).map((column, k) => {
      const slopes = shown.flatMap((estimand) => {
        const row = assumptionRow(column, estimand, options.cutoff);
        if (row?.slope === null || row === undefined) return ['--', '--'];
        cutoffs.add(row.cutoff);
        const half = row.interval === undefined ? NaN : (row.interval[1] - row.interval[0]) / 2;
        const r = row.r_squared === null ? '--' : number(row.r_squared, 3);
        return [uncertaintyTex(row.slope, half, options.brackets), r];
      });
      const { commutator_ratio: ratio, commutator_baseline: baseline } = column;
      const reason = assumptionReason(summary, column);
      if (reason !== null) reasons.add(`${texEscape(summary.parameter)}: ${reason.replace(/\b([CHQ])\b/g, '$$$1$$')}`);
      return [
        k === 0 ? texEscape(summary.parameter) : '',
        columnTex(column),
        ...(reason === null
          ? [
              number(withoutRounding(column.cosine), 3),
              `${number(commutatorAbove(ratio), 3)} (${number(commutatorAbove(baseline.mean), 3)})`,
            ]
          : ['--', '--']),
        ...slopes,
      ];
    }),
  );
  const caption =
    options.caption ??
    `$C$ against matrices used in its place: cosine; commutator ratio, in brackets its mean over random rotations; slope of $\\log C_{ii}$ on $\\log M_{ii}$ over directions with $H_{ii}$ above ${[...cutoffs].map(cutoffTex).join(', ')} of the largest (1 if $C \\propto M$), with half of its 95\\,\\% interval where one was computed.${[...reasons].map((reason) => ` Not defined (--) of ${reason}.`).join('')}`;
  return [
    ...topOf(caption, options.label, `llrr${'rr'.repeat(shown.length)}`),
    `     & & & & ${shown.map((estimand) => `\\multicolumn{2}{c}{${estimandNames[estimand]}}`).join(' & ')} \\\\`,
    `    ${shown.map((_, k) => `\\cmidrule(lr){${5 + 2 * k}-${6 + 2 * k}}`).join(' ')}`,
    `    layer & $M$ & cosine & commutator & ${shown.map(() => 'slope & $R^2$').join(' & ')} \\\\`,
    '    \\midrule',
    ...rows.map((row) => `    ${row.join(' & ')} \\\\`),
    '    \\bottomrule',
    '  \\end{tabular}',
    '\\end{table}',
    '',
  ].join('\n');
}

/** A table's lines above its heads. */
function topOf(caption: string, label: string | undefined, columns: string): string[] {
  return [
    '% Needs \\usepackage{booktabs}',
    '\\begin{table}',
    '  \\centering',
    `  \\caption{${caption}}`,
    ...(label === undefined ? [] : [`  \\label{${label}}`]),
    `  \\begin{tabular}{${columns}}`,
    '    \\toprule',
  ];
}
