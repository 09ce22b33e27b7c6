/** The noise of drawn minibatches as text. */
import { definedMinibatchNoise } from '../../shared/defined-extras.ts';
import { comparisonText, modeNames } from '../../shared/minibatch.ts';
import type { TheoryComparison } from '../../shared/minibatch.ts';
import type { MeasurementSummary } from '../../shared/results.ts';
import { isRounding } from '../../shared/rounding.ts';
import { formatNumber, formatTable, indent } from './format.ts';

/** A table with one row per mode, and the direction of the worst disagreement. Empty if it was not measured. */
export function minibatchLines(summary: MeasurementSummary): string[] {
  const noise = definedMinibatchNoise(summary);
  if (noise === undefined) return [];
  const { batch_size: batch, directions, modes, seed } = noise;
  const head = [
    'sampling',
    'batches',
    'cov / C',
    'variance / predicted',
    '|noise|^2 / predicted',
    'between batches / C',
    'largest |z|',
  ];
  const rows = modes.map((each) => [
    modeNames[each.mode],
    `${each.batches}${each.epochs === null ? '' : ` (${each.epochs} epochs)`}`,
    formatNumber(each.factor, 4),
    compared(each.variance),
    compared(each.trace),
    each.between === null ? '-' : `${compared(each.between)}, expected ${each.between.expected.toExponential(2)}`,
    directions.length === 0 ? '-' : largest(each.z),
  ]);
  const sums = modes.flatMap(({ epoch_sum: sum }) =>
    sum === null
      ? []
      : [`    the noise of the sum over an epoch is ${sum.toExponential(1)} of what independent batches would give`],
  );
  return [
    '',
    `  noise of minibatches of ${batch}, along ${directions.length} eigendirections of H (seed ${seed}; ratios to what C predicts: 1 expected)`,
    indent(formatTable(head, rows)),
    ...sums,
    ...(isRounding(summary, 'C') ? ['    -: C is 0 up to rounding, and nothing can be compared with it'] : []),
    ...(modes.some((each) => each.factor === 0)
      ? ['    -: a batch of all samples has no noise: 0 is measured, 0 predicted, and their ratio is meaningless']
      : []),
  ];
}

/** "1.012 ± 0.009 (z = 1.3)" */
function compared(found: TheoryComparison | null): string {
  if (found === null) return '-';
  const small = Math.abs(found.expected) < 0.01;
  const text = (x: number): string => (small ? x.toExponential(2) : x.toFixed(4));
  return `${text(found.measured)} ± ${text(found.standard_error)} (${comparisonText(found)})`;
}

function largest(z: readonly (number | null)[]): string {
  const sizes = z.flatMap((value) => (value !== null && Number.isFinite(value) ? [Math.abs(value)] : []));
  return sizes.length === 0 ? '-' : Math.max(...sizes).toFixed(1);
}
