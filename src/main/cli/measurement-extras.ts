/** Duality and assumptions of a measurement as text, at one cutoff; `--json` has all of them. */
import type { Interval } from '../../shared/slopes.ts';
import { findRow, headlineCutoff } from '../../shared/estimands.ts';
import { pairKinds } from '../../shared/duality.ts';
import type { DualitySummary, DualSlope, RelativeResidual } from '../../shared/duality.ts';
import type { AssumptionRow, AssumptionsSummary, ComparedMatrix } from '../../shared/assumptions.ts';
import type { MeasurementSummary } from '../../shared/results.ts';
import { assumptionReason } from '../../shared/defined-extras.ts';
import { commutatorAbove, withoutRounding, zeroReason } from '../../shared/rounding.ts';
import { formatNumber, formatTable, indent } from './format.ts';

const cutoff = headlineCutoff;

/** Empty where neither was asked for. */
export function extraLines(summary: MeasurementSummary): string[] {
  const { duality, duality_unavailable, assumptions } = summary;
  return [
    ...(duality === undefined ? [] : ['', ...dualityLines(duality, zeroReason(summary, ['C']))]),
    ...(duality_unavailable === undefined ? [] : ['', `  duality: not measured, ${duality_unavailable}`]),
    ...(assumptions === undefined ? [] : ['', ...assumptionLines(assumptions, summary)]),
  ];
}

/** @param zero why no ratio to C is defined; null where they are. */
function dualityLines(
  { residuals, moments, seed, groups, samples_without_input }: DualitySummary,
  zero: string | null,
): string[] {
  const pairs = pairKinds.flatMap((kind) => {
    const residual = residuals[kind];
    if (residual === undefined) return [];
    const left = residual.skipped + residual.undefined;
    return [
      [
        kind,
        String(residual.pairs) + (left > 0 ? ` (${left} left out)` : ''),
        residual.exactness.toExponential(1),
        residualText(residual.first_order),
        residualText(residual.gradient_difference),
      ],
    ];
  });
  const means = pairKinds.flatMap((kind) => {
    const moment = moments[kind];
    const row = moment && findRow(moment.rows, cutoff);
    if (moment === undefined || row === undefined) return [];
    return [
      [
        kind,
        zero === null ? withInterval(moment.trace_ratio, moment.trace_ratio_interval) : '-',
        formatNumber(row.median_ratio, 3),
        slopeText(row.C_dual_on_C),
        slopeText(row.isotropy),
        `${row.n}, ${row.decades.toFixed(1)}`,
      ],
    ];
  });
  const cosine = moments.all?.cosine_C;
  return [
    `  activity-weight duality, pairs drawn with seed ${seed}: relative residual of h_p Delta, median (95 % interval)`,
    indent(formatTable(['pairs', 'number', 'exactness', 'against the change of grad l_p', 'against g_q - g_p'], pairs)),
    `  over all pairs, C_dual = 1/2 E[h_p Delta Delta^T h_p], along directions above ${cutoff.toExponential(0)} H_11` +
      (groups > 0 ? ` (95 % intervals from ${groups} groups of samples)` : ''),
    indent(
      formatTable(
        [
          'pairs',
          'tr C_dual / tr C',
          'median C_dual,ii / C_ii',
          'C_dual on C',
          'isotropy (0: isotropic)',
          'n, decades',
        ],
        means,
      ),
    ),
    '  isotropy by cutoff: which directions take part decides the slope',
    indent(isotropyTable(moments)),
    ...(cosine === undefined || zero !== null
      ? []
      : [`  cosine of C_dual and C ${formatNumber(withoutRounding(cosine), 3)}`]),
    ...(zero === null ? [] : [`  -: ${zero}`]),
    ...(samples_without_input > 0
      ? [`  ${samples_without_input} samples enter the layer as 0 and are no p of a pair`]
      : []),
  ];
}

/** The slope of log E[(Delta . v_i)^2] on log H_ii at every cutoff, by kind of pair. */
function isotropyTable(moments: DualitySummary['moments']): string {
  const kinds = pairKinds.flatMap((kind) => {
    const moment = moments[kind];
    return moment === undefined ? [] : [{ kind, found: moment }];
  });
  const rows = (kinds[0]?.found.rows ?? []).map((row, i) => [
    row.cutoff.toExponential(0),
    String(row.n),
    row.n === 0 ? '-' : row.decades.toFixed(1),
    ...kinds.map(({ found }) => {
      const { slope, interval } = found.rows[i].isotropy;
      return withInterval(slope, interval);
    }),
  ]);
  return formatTable(['cutoff', 'directions', 'decades', ...kinds.map(({ kind }) => kind)], rows);
}

const names: Readonly<Record<ComparedMatrix, string>> = {
  H: 'H',
  G: 'Gauss-Newton',
  F: 'Fisher',
  E: 'empirical Fisher',
  Q: 'Q',
  H2: 'H^2',
};

function assumptionLines({ columns, identities, within }: AssumptionsSummary, summary: MeasurementSummary): string[] {
  const rows = columns.map((column) => {
    const row = (estimand: 'training_set' | 'cross_fitted'): AssumptionRow | undefined =>
      findRow(column.rows[estimand], cutoff);
    const training = row('training_set');
    return [
      column.matrices.map((name) => names[name]).join(' = '),
      ...(assumptionReason(summary, column) === null
        ? [
            formatNumber(withoutRounding(column.cosine), 3),
            `${formatNumber(commutatorAbove(column.commutator_ratio), 3)} (${formatNumber(commutatorAbove(column.commutator_baseline.mean), 3)})`,
          ]
        : ['-', '-']),
      withInterval(training?.slope ?? null, training?.interval),
      formatNumber(training?.r_squared, 3),
      withInterval(row('cross_fitted')?.slope ?? null, row('cross_fitted')?.interval),
      formatNumber(row('cross_fitted')?.r_squared, 3),
    ];
  });
  return [
    `  C against${within === 'span' ? ' (within the span of the found directions)' : ''}; slopes of log C_ii on log M_ii above ${cutoff.toExponential(0)} H_11`,
    indent(formatTable(['M', 'cosine', 'commutator (random)', 'training set', 'R^2', 'cross-fitted', 'R^2'], rows)),
    ...(columns.some((column) => assumptionReason(summary, column) !== null)
      ? [`  -: ${zeroReason(summary, ['C', 'H', 'Q']) ?? ''}`]
      : []),
    ...identities.map(({ matrices: [a, b], difference, equal, expected }) => {
      const verdict = equal ? 'holds' : expected ? 'DOES NOT HOLD, though theory says it must' : 'does not hold here';
      return `  ${names[a]} = ${names[b]} ${verdict} (largest relative difference ${difference.toExponential(1)})`;
    }),
  ];
}

function residualText({ median, median_interval: [low, high] }: RelativeResidual): string {
  return `${formatNumber(median, 3)} (${formatNumber(low, 3)} to ${formatNumber(high, 3)})`;
}

function slopeText({ slope, r_squared, interval }: DualSlope): string {
  return slope === null ? '-' : `${withInterval(slope, interval)}, R^2 ${formatNumber(r_squared, 2)}`;
}

function withInterval(value: number | null, interval: Interval | undefined): string {
  if (value === null) return '-';
  return interval === undefined
    ? formatNumber(value, 3)
    : `${formatNumber(value, 3)} (${formatNumber(interval[0], 3)} to ${formatNumber(interval[1], 3)})`;
}
