/** The slopes of a measurement beyond least squares at each cutoff: by every estimator, and one decade of curvature at a time. */
import { estimators } from '../../shared/slopes.ts';
import { estimandNames, estimands, findRow, headlineCutoff } from '../../shared/estimands.ts';
import { relations } from '../../shared/cutoffs.ts';
import type { Relation } from '../../shared/cutoffs.ts';
import type { MeasurementSummary } from '../../shared/results.ts';
import { formatFixed, formatTable, indent } from './format.ts';

const relationTitles: Readonly<Record<Relation, string>> = { gamma: 'gamma', gamma_Q: 'gamma_Q', C_on_Q: 'C on Q' };
const estimatorTitles = ['least squares', 'inverse', 'Theil-Sen', 'orthogonal', 'split-half'];

export function slopeLines(summary: MeasurementSummary): string[] {
  return [...estimatorLines(summary), ...localLines(summary)];
}

function estimatorLines({ gamma }: MeasurementSummary): string[] {
  const rows = estimands.flatMap((estimand) => {
    const row = findRow(gamma[estimand], headlineCutoff);
    if (row === undefined || row.gamma.ols === null) return [];
    return relations.map((relation) => {
      const slopes = row[relation];
      return [
        relationTitles[relation],
        estimandNames[estimand],
        ...estimators.map((estimator) => formatFixed(slopes[estimator])),
        formatFixed(slopes.quadratic),
      ];
    });
  });
  if (rows.length === 0) return [];
  const table = formatTable(['slope', 'estimand', ...estimatorTitles, 'quadratic term'], rows);
  return ['', `  slopes by estimator, at the cutoff ${headlineCutoff.toExponential(0)}:`, indent(table, '    ')];
}

/** Windows that do not overlap; --json has those between them. */
function localLines({ local_slopes: local }: MeasurementSummary): string[] {
  const rows =
    local === undefined
      ? []
      : estimands.flatMap((estimand) =>
          local[estimand]
            .filter(({ high }) => Number.isInteger(Math.log10(high)))
            .map((each) => [
              `${each.high === 1 ? '1' : each.high.toExponential(0)} to ${each.low.toExponential(0)}`,
              estimandNames[estimand],
              String(each.n),
              ...relations.map((relation) => formatFixed(each[relation])),
            ]),
        );
  if (rows.length === 0) return [];
  rows.sort(([a], [b]) => Number.parseFloat(b) - Number.parseFloat(a));
  const table = formatTable(['H_ii / H_11', 'estimand', 'directions', 'gamma', 'gamma_Q', 'C on Q'], rows);
  return ['', '  local slopes, one decade of curvature at a time:', indent(table, '    ')];
}
