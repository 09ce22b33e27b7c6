/**
 * What a measurement holds besides its exponents, each as a table in words: duality, matrices that are used in the place of C, minibatch noise, fluctuations of the
 * weights, spectral density. Reports and the terminal show the same ones.
 */
import { assumptionReason, definedMinibatchNoise } from '../../defined-extras.ts';
import type { Estimate } from '../../density.ts';
import { pairKinds } from '../../duality.ts';
import type { DualSlope, DualitySummary, PairResiduals, RelativeResidual } from '../../duality.ts';
import { estimands, findRow, headlineCutoff } from '../../estimands.ts';
import { comparisonText, modeNames } from '../../minibatch.ts';
import type { TheoryComparison } from '../../minibatch.ts';
import type { MeasurementSummary } from '../../results.ts';
import { commutatorAbove, eigenvalueAbove, traceError, withoutRounding, zeroReason } from '../../rounding.ts';
import type { Interval } from '../../slopes.ts';
import { columnTex } from '../figures/assumptions.ts';
import { powerTex } from '../figures/common.ts';
import { integerText, numberOrDash, numberText, withInterval, withUncertainty } from '../numbers.ts';
import { plainLabel } from '../text/label.ts';
import { fluctuationTables } from './noise.ts';
import type { ReportTable } from './types.ts';

/** @param cutoff one of the measurement's; what lacks it is left out. */
export function measuredTables(summary: MeasurementSummary, cutoff = headlineCutoff): ReportTable[] {
  return [
    ...dualityTables(summary, cutoff),
    ...assumptionTables(summary, cutoff),
    ...minibatchTable(summary),
    ...fluctuationTables(summary),
    ...densityTable(summary),
  ];
}

export const above = (cutoff: number): string => `directions with $H_{ii} > ${powerTex(cutoff)}\\,H_{11}$`;
const cellOf = (value: number | null, interval: Interval | null | undefined): string =>
  value === null ? '–' : interval ? withInterval(value, ...interval) : numberText(value, 3);

/** "; –: C is 0 up to rounding" if something is. */
function dashNote(reasons: readonly (string | null)[]): string {
  const texts = new Set(reasons.filter((reason) => reason !== null));
  return texts.size === 0 ? '' : `; –: ${[...texts].join(', ')}`;
}

const pairNames = { all: 'any two samples', within: 'of one class', across: 'of two classes' } as const;

function dualityTables(summary: MeasurementSummary, cutoff: number): ReportTable[] {
  const { duality, duality_unavailable: why } = summary;
  const zero = zeroReason(summary, ['C']);
  if (duality === undefined)
    return why === undefined
      ? []
      : [{ caption: 'Activity–weight duality', head: ['not measured because'], rows: [[plainLabel(why)]] }];
  const residual = ({ median, median_interval }: RelativeResidual): string => cellOf(median, median_interval);
  const slope = ({ slope: value, interval, r_squared }: DualSlope): string =>
    value === null ? '–' : `${cellOf(value, interval)}, $R^2$ ${numberOrDash(r_squared, 2)}`;
  const pairs = pairKinds.flatMap((kind) => {
    const residualsOfKind = duality.residuals[kind];
    if (residualsOfKind === undefined) return [];
    const numbers = [residual(residualsOfKind.first_order), residual(residualsOfKind.gradient_difference)];
    return [[pairNames[kind], numberOfPairs(residualsOfKind), numberText(residualsOfKind.exactness, 2), ...numbers]];
  });
  const means = pairKinds.flatMap((kind) => {
    const momentsOfKind = duality.moments[kind];
    const row = momentsOfKind && findRow(momentsOfKind.rows, cutoff);
    if (momentsOfKind === undefined || row === undefined) return [];
    return [
      [
        pairNames[kind],
        cellOf(zero === null ? momentsOfKind.trace_ratio : null, momentsOfKind.trace_ratio_interval),
        cellOf(row.median_ratio, undefined),
        slope(row.C_dual_on_C),
        slope(row.isotropy),
        `${integerText(row.n)}, ${row.decades.toFixed(1)}`,
      ],
    ];
  });
  const without = duality.samples_without_input;
  const unused = without > 0 ? `; ${integerText(without)} samples enter the layer as 0 and are no $p$ of a pair` : '';
  const groups = duality.groups > 0 ? `; 95 % intervals from ${duality.groups} groups of samples` : '';
  const ofAll = duality.moments.all?.cosine_C;
  const cosine =
    ofAll === undefined || zero !== null
      ? ''
      : `; cosine of $C_{\\text{dual}}$ and $C$: ${numberText(withoutRounding(ofAll), 3)}`;
  const tables: ReportTable[] = [
    {
      caption: `Activity–weight duality: relative residual of $h_p \\Delta_{pq}$, median over pairs of samples drawn with seed ${duality.seed}${unused}`,
      head: [
        'pairs',
        'number',
        'exactness',
        'against $\\nabla l_p(W + \\Delta) - \\nabla l_p(W)$',
        'against $g_q - g_p$',
      ],
      rows: pairs,
    },
    {
      caption: `What the duality gives for the noise, ${above(cutoff)}${groups}${cosine}${dashNote([zero])}`,
      head: [
        'pairs',
        'tr $C_{\\text{dual}}$ / tr $C$',
        'median of $C_{\\text{dual},ii} / C_{ii}$',
        '$C_{\\text{dual}}$ on $C$',
        'isotropy',
        '$n$, decades',
      ],
      rows: means,
    },
    isotropyTable(duality),
  ];
  return tables.filter(({ rows }) => rows.length > 0);
}

function numberOfPairs({ pairs, skipped, undefined: none }: PairResiduals): string {
  return integerText(pairs) + (skipped + none > 0 ? ` (${integerText(skipped + none)} left out)` : '');
}

/** The slope of log E[(Delta . v_i)^2] on log H_ii at every cutoff: which directions take part decides it. */
function isotropyTable({ moments }: DualitySummary): ReportTable {
  const kinds = pairKinds.filter((kind) => moments[kind] !== undefined);
  const rows = kinds.length === 0 ? [] : (moments[kinds[0]]?.rows ?? []);
  return {
    caption: 'Isotropy by cutoff, 0 for isotropic changes',
    head: ['cutoff', 'directions', 'decades', ...kinds.map((kind) => pairNames[kind])],
    rows: rows.map(({ cutoff, n, decades }, i) => [
      `$${powerTex(cutoff)}$`,
      integerText(n),
      n === 0 ? '–' : decades.toFixed(1),
      ...kinds.map((kind) => {
        const isotropy = moments[kind]?.rows[i].isotropy;
        return cellOf(isotropy?.slope ?? null, isotropy?.interval);
      }),
    ]),
  };
}

function assumptionTables(summary: MeasurementSummary, cutoff: number): ReportTable[] {
  const { assumptions } = summary;
  if (assumptions === undefined) return [];
  const { columns, identities, within } = assumptions;
  const rows = columns.map((column) => {
    const slopes = estimands.flatMap((estimand) => {
      const row = findRow(column.rows[estimand], cutoff);
      return row === undefined ? ['–', '–'] : [cellOf(row.slope, row.interval), numberOrDash(row.r_squared)];
    });
    if (assumptionReason(summary, column) !== null) return [columnTex(column), '–', '–', ...slopes];
    const random = numberText(commutatorAbove(column.commutator_baseline.mean), 3);
    const commutator = `${numberText(commutatorAbove(column.commutator_ratio), 3)} (${random})`;
    return [columnTex(column), numberText(withoutRounding(column.cosine), 3), commutator, ...slopes];
  });
  const equalities = identities.map(({ matrices: [a, b], difference, equal, expected }) => [
    columnTex({ matrices: [a, b] }),
    numberText(difference, 2),
    equal ? 'holds' : expected ? 'does not hold, though theory says it must' : 'does not hold here',
  ]);
  return [
    {
      caption: `$C$ against matrices $M$ that are often used in its place${within === 'span' ? ', within the span of the directions found' : ''}: slopes of $\\log C_{ii}$ on $\\log M_{ii}$, ${above(cutoff)}; $G$: Gauss–Newton, $F$: Fisher, $E$: empirical Fisher${dashNote(columns.map((column) => assumptionReason(summary, column)))}`,
      head: ['$M$', 'cosine', 'commutator (random)', 'training set', '$R^2$', 'cross-fitted', '$R^2$'],
      rows,
    },
    ...(equalities.length === 0
      ? []
      : [
          {
            caption: 'Matrices that may be equal',
            head: ['identity', 'largest relative difference', 'verdict'],
            rows: equalities,
          },
        ]),
  ];
}

function minibatchTable(summary: MeasurementSummary): ReportTable[] {
  const noise = definedMinibatchNoise(summary);
  if (noise === undefined) return [];
  const compared = (found: TheoryComparison | null): string =>
    found === null
      ? '–'
      : `${withUncertainty(found.measured, found.standard_error)} (${plainLabel(comparisonText(found))})`;
  const whole = noise.modes.some((mode) => mode.factor === 0)
    ? 'a batch of all samples has no noise: 0 is measured, 0 predicted, and their ratio is meaningless'
    : null;
  const sums = noise.modes.flatMap(({ epoch_sum: sum }) =>
    sum === null
      ? []
      : `; the noise of the sum over an epoch is ${numberText(sum, 2)} of what independent batches would give`,
  );
  const largest = (z: readonly (number | null)[]): string => {
    const sizes = z.flatMap((each) => (each !== null && Number.isFinite(each) ? Math.abs(each) : []));
    return sizes.length === 0 ? '–' : Math.max(...sizes).toFixed(1);
  };
  return [
    {
      caption: `Noise of drawn minibatches of ${integerText(noise.batch_size)} (seed ${noise.seed}), along ${integerText(noise.directions.length)} eigendirections of $H$, over what $C$ predicts: 1 expected${sums.join('')}${dashNote([zeroReason(summary, ['C']), whole])}`,
      head: [
        'sampling',
        'batches',
        'covariance / $C$',
        'variance',
        '$|g_B - g|^2$',
        'two batches of an epoch / $C$',
        'largest $|z|$',
      ],
      rows: noise.modes.map((mode) => [
        modeNames[mode.mode],
        integerText(mode.batches) + (mode.epochs === null ? '' : ` (${integerText(mode.epochs)} epochs)`),
        numberText(mode.factor, 4),
        compared(mode.variance),
        compared(mode.trace),
        mode.between === null ? '–' : `${compared(mode.between)}, expected ${numberText(mode.between.expected, 3)}`,
        largest(mode.z),
      ]),
    },
  ];
}

function densityTable(summary: MeasurementSummary): ReportTable[] {
  const { density } = summary;
  if (density === undefined) return [];
  const zero = zeroReason(summary, ['H']);
  if (zero !== null) return [{ caption: 'Spectral density of $H$', head: ['not defined because'], rows: [[zero]] }];
  const share = ({ value, standard_error: error }: Estimate): string =>
    `≈ ${(100 * value).toFixed(2)} ± ${(196 * error).toFixed(2)} %`;
  const width = numberText(3 * density.sigma, 2);
  const { value, standard_error: error } = density.mean;
  const { d, trace } = summary;
  const otherError = traceError(summary, 'H');
  const other =
    otherError === null
      ? `measured: ${numberText(trace.H / d, 4)}`
      : `by other random vectors: ≈ ${withUncertainty(trace.H / d, otherError / d)}`;
  return [
    {
      caption: `Spectral density of $H$: ${integerText(density.probes)} random vectors of ${integerText(density.steps)} Lanczos steps (seed ${density.seed}), smoothed by $\\sigma$ = ${numberText(density.sigma, 2)}; ± 1.96 standard errors`,
      head: [`below −${width}`, `within ± ${width}`, `above ${width}`, 'lowest', 'highest', 'tr $H$ / $d$'],
      rows: [
        [
          share(density.negative),
          share(density.near_zero),
          share(density.positive),
          numberText(eigenvalueAbove(density.lowest, summary), 3),
          numberText(eigenvalueAbove(density.highest, summary), 3),
          `≈ ${withUncertainty(value, 1.96 * error)} (${other})`,
        ],
      ],
    },
  ];
}
