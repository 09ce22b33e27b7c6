/** Results as a LaTeX table (booktabs) with uncertainties: one row a layer, mean over seeds where there are several. */
import { type Estimand, type Estimator, type Slopes } from '../results.ts';
import { estimandNames, estimatorNames, type Measurement } from './figures/common.ts';
import { cutoffRow, estimateOf } from './figures/scatter.ts';
import { spreadOf } from './figures/statistics.ts';
import { integerText, uncertaintyTex } from './numbers.ts';

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
  const estimands = options.estimands ?? (['training_set', 'cross_fitted'] as const);
  const parameters = [...new Set(measurements.map(({ summary }) => summary.parameter))];
  let most = 1;
  const used = new Set<string>();
  const cutoffs = new Set<number>();
  const rows = parameters.map((parameter) => {
    const group = measurements.filter(({ summary }) => summary.parameter === parameter);
    most = Math.max(most, group.length);
    const cells = estimands.flatMap((estimand) => {
      const found = group.flatMap((measurement) => cutoffRow(measurement, estimand, options.cutoff) ?? []);
      for (const row of found) cutoffs.add(row.cutoff);
      const n =
        found.length > 0
          ? integerText(found.reduce((sum, row) => sum + row.n, 0) / found.length).replace('\u2009', '\\,')
          : '--';
      return [
        n,
        ...columns.map(({ key }) => {
          const estimates = found.flatMap((row) => {
            const slopes: Slopes = row[key];
            const estimate = estimateOf(slopes, estimand, options.estimator);
            if (estimate) used.add(`${estimandNames[estimand]}: ${estimatorNames[estimate.estimator]}`);
            return estimate ? [estimate] : [];
          });
          if (estimates.length === 0) return '--';
          if (estimates.length > 1) {
            const spread = spreadOf(estimates.map(({ value }) => value));
            return uncertaintyTex(spread.mean, spread.standardDeviation, options.brackets);
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
      : 'Uncertainties are half of the 95\\,\\% interval';
  const caption =
    options.caption ??
    `Exponents by layer: directions with $H_{ii}$ above ${[...cutoffs].map(cutoffTex).join(', ')} of the largest. ${meaning}. Estimators: ${[...used].join('; ')}.`;
  const each = columns.length + 1;
  return [
    '% Needs \\usepackage{booktabs}',
    '\\begin{table}',
    '  \\centering',
    `  \\caption{${caption}}`,
    ...(options.label === undefined ? [] : [`  \\label{${options.label}}`]),
    `  \\begin{tabular}{l${'rrrr'.repeat(estimands.length)}}`,
    '    \\toprule',
    `     & ${estimands.map((estimand) => `\\multicolumn{${each}}{c}{${estimandNames[estimand]}}`).join(' & ')} \\\\`,
    `    ${estimands.map((_, k) => `\\cmidrule(lr){${2 + k * each}-${1 + (k + 1) * each}}`).join(' ')}`,
    `    layer & ${estimands.map(() => `$n$ & ${columns.map(({ head }) => head).join(' & ')}`).join(' & ')} \\\\`,
    '    \\midrule',
    ...rows.map((row) => `    ${row}`),
    '    \\bottomrule',
    '  \\end{tabular}',
    '\\end{table}',
    '',
  ].join('\n');
}

function cutoffTex(cutoff: number): string {
  const exponent = Math.round(Math.log10(cutoff));
  return Math.abs(cutoff / 10 ** exponent - 1) < 1e-9 ? `$10^{${exponent}}$` : `$${cutoff}$`;
}
