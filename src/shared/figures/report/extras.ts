/**
 * What a report says about a measurement besides its exponents, as far as it was measured: claims, convergence, precision, duality, the old assumption, minibatch noise;
 * each as a table in words, with figures and the definitions of its terms.
 */
import type { Interval } from '../../slopes.ts';
import type { ReportFigure, ReportTable } from './types.ts';
import { estimandNames, estimands, findRow, headlineCutoff } from '../../estimands.ts';
import type { ComparedMatrix } from '../../assumptions.ts';
import { judgeClaims } from '../../claims.ts';
import { judgeConvergence } from '../../convergence.ts';
import { pairKinds } from '../../duality.ts';
import type { DualSlope, RelativeResidual } from '../../duality.ts';
import { comparisonText, modeNames } from '../../minibatch.ts';
import type { TheoryComparison } from '../../minibatch.ts';
import { definitionOf } from '../../glossary.ts';
import type { MeasurementSummary } from '../../results.ts';
import { assumptionSlopes, columnTex } from '../figures/assumptions.ts';
import type { Estimate } from '../../density.ts';
import { powerTex, type FigureOptions } from '../figures/common.ts';
import type { Measurement } from '../figure-data.ts';
import { spectralDensity } from '../figures/density.ts';
import { dualDiagonals } from '../figures/duality.ts';
import { composePanels } from '../figures/panels.ts';
import { integerText, numberText, withInterval, withUncertainty } from '../numbers.ts';
import { plainLabel } from '../text/label.ts';
import { assumptionReason, definedMinibatchNoise } from '../../defined-extras.ts';
import { commutatorAbove, eigenvalueAbove, withoutRounding, zeroReason } from '../../rounding.ts';
import { fluctuationsDefinition, fluctuationTables, noiseFigures } from './noise.ts';

type Definition = readonly [term: string, definition: string];

/** @param cutoff one of the measurement's, `headlineCutoff` by default; what lacks it is left out. */
export function extraTables({ summary }: Measurement, cutoff = headlineCutoff): ReportTable[] {
  return [
    ...claimsTable(summary, cutoff),
    ...convergenceTable(summary, cutoff),
    ...precisionTable(summary),
    ...dualityTables(summary, cutoff),
    ...assumptionTables(summary, cutoff),
    ...minibatchTable(summary),
    ...fluctuationTables(summary),
    ...densityTable(summary),
  ];
}

export function extraFigures(
  measurement: Measurement,
  base: FigureOptions,
  cutoff: { readonly cutoff?: number },
): ReportFigure[] {
  const { summary, arrays } = measurement;
  const figures: ReportFigure[] = [];
  const drawsDuality =
    summary.duality?.moments.all !== undefined &&
    arrays.eigenvalues &&
    arrays.C_diagonal &&
    arrays.C_dual_diagonal &&
    arrays.dual_spread;
  if (drawsDuality) {
    const both = ['C', 'isotropy'] as const;
    figures.push({
      make: () =>
        composePanels(
          both.map((which) => dualDiagonals(measurement, which, { ...base, ...cutoff })),
          { columns: 2, width_mm: 168 },
        ),
      caption:
        "(a) What the duality gives for the noise, $C_{\\text{dual},ii}$, against $C_{ii}$: slope 1 where the argument's step holds. (b) Second moment of the dual changes along the eigenvectors of $H$: level where they are isotropic.",
    });
  }
  if (summary.assumptions !== undefined)
    figures.push({
      make: () => assumptionSlopes(measurement, { ...base, ...cutoff }),
      caption:
        'Slope of the noise covariance on matrices that are often used in its place: 1 where they are proportional.',
    });
  if (summary.density !== undefined && zeroReason(summary, ['H']) === null)
    figures.push({
      make: () => spectralDensity(measurement, base),
      caption: 'Spectral density of $H$ by stochastic Lanczos quadrature, with its error.',
    });
  figures.push(...noiseFigures(measurement, base));
  return figures;
}

/** Of the terms that the tables of these measurements use. */
export function extraDefinitions(measurements: readonly Measurement[]): Definition[] {
  const has = (key: keyof MeasurementSummary): boolean =>
    measurements.some(({ summary }) => summary[key] !== undefined);
  return [
    ...(measurements.some(({ summary }) => hasIntervals(summary)) ? [claimsDefinition] : []),
    ...(has('half_sample') ? [definitionOf('convergence')] : []),
    ...(has('precision_reached') ? [precisionDefinition] : []),
    ...(has('duality') ? [definitionOf('duality'), definitionOf('dual_exactness'), definitionOf('dual_isotropy')] : []),
    ...(has('assumptions') ? [assumptionsDefinition] : []),
    ...(has('minibatch_noise') ? [minibatchDefinition] : []),
    ...(has('weight_fluctuations') ? [fluctuationsDefinition] : []),
    ...(has('density') ? [definitionOf('spectral_density')] : []),
  ];
}

const above = (cutoff: number): string => `directions with $H_{ii} > ${powerTex(cutoff)}\\,H_{11}$`;
const cellOf = (value: number | null, interval: Interval | null | undefined): string =>
  value === null ? '–' : interval ? withInterval(value, ...interval) : numberText(value, 3);

/** "; –: C is 0 up to rounding" if something is. */
function dashNote(reasons: readonly (string | null)[]): string {
  const texts = new Set(reasons.filter((reason) => reason !== null));
  return texts.size === 0 ? '' : `; –: ${[...texts].join(', ')}`;
}

function hasIntervals({ gamma }: MeasurementSummary): boolean {
  return gamma.training_set.some((row) => row.gamma.interval !== undefined);
}

/** In words; without intervals there are no verdicts, because they rest on them. */
function claimsTable(summary: MeasurementSummary, cutoff: number): ReportTable[] {
  const { gamma } = summary;
  const present = estimands.every((estimand) => findRow(gamma[estimand], cutoff) !== undefined);
  if (!present || !hasIntervals(summary)) return [];
  const rows = judgeClaims(summary, { cutoff }).map(({ statement, verdict, reason }) =>
    [statement, verdict, reason].map(plainLabel),
  );
  return [{ caption: `Claims, ${above(cutoff)}`, head: ['claim', 'verdict', 'because'], rows }];
}

function convergenceTable(summary: MeasurementSummary, cutoff: number): ReportTable[] {
  const rows = summary.half_sample?.gamma.training_set ?? [];
  if (findRow(rows, cutoff) === undefined) return [];
  const judged = judgeConvergence(summary, { cutoff });
  if (judged === undefined) return [];
  const number = (value: number | null): string => (value === null ? '–' : numberText(value, 3));
  return [
    {
      caption: `Convergence: ${judged.state}`,
      head: [
        'number',
        `from ${integerText(judged.samples[0])} samples`,
        `from ${integerText(judged.samples[1])}`,
        'change',
        'allowed',
        'state',
      ],
      rows: judged.numbers
        .filter((each) => each.judged)
        .map((each) => [
          plainLabel(each.name.replaceAll('_', ' ')) +
            (each.estimand === null ? '' : `, ${estimandNames[each.estimand]}`),
          number(each.full),
          number(each.part),
          number(each.change),
          number(each.allowed),
          each.state,
        ]),
    },
  ];
}

function precisionTable({ precision_reached: reached }: MeasurementSummary): ReportTable[] {
  if (reached === undefined) return [];
  const { sums, along } = reached;
  const row = (what: string, of: { readonly C: number; readonly H: number; readonly Q: number }): string[] => [
    what,
    ...([of.C, of.H, of.Q] as const).map((error) => (error === 0 ? 'float64' : numberText(error, 2))),
  ];
  return [
    {
      caption: `Precision of float32 on ${plainLabel(reached.device)}, against float64 on ${integerText(reached.samples)} samples`,
      head: ['largest error', '$C$', '$H$', '$Q$'],
      rows: [
        ...(sums ? [row('of the sums, as a share of the largest entry', sums)] : []),
        ...(along ? [row(`relative, along ${integerText(along.directions)} ${above(along.cutoff)}`, along)] : []),
      ],
    },
  ];
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
  const slope = ({ slope: value, interval }: DualSlope): string => cellOf(value, interval);
  const pairs = pairKinds.flatMap((kind) => {
    const residualsOfKind = duality.residuals[kind];
    if (residualsOfKind === undefined) return [];
    const numbers = [residual(residualsOfKind.first_order), residual(residualsOfKind.gradient_difference)];
    return [
      [pairNames[kind], integerText(residualsOfKind.pairs), numberText(residualsOfKind.exactness, 2), ...numbers],
    ];
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
        integerText(row.n),
      ],
    ];
  });
  const tables: ReportTable[] = [
    {
      caption: 'Activity–weight duality: relative residual of $h_p \\Delta_{pq}$, median over pairs of samples',
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
      caption: `What the duality gives for the noise, ${above(cutoff)}${dashNote([zero])}`,
      head: [
        'pairs',
        'tr $C_{\\text{dual}}$ / tr $C$',
        'median of $C_{\\text{dual},ii} / C_{ii}$',
        '$C_{\\text{dual}}$ on $C$',
        'isotropy',
        '$n$',
      ],
      rows: means,
    },
  ];
  return tables.filter(({ rows }) => rows.length > 0);
}

const matrixNames: Readonly<Record<ComparedMatrix, string>> = {
  H: '$H$',
  G: '$G$',
  F: '$F$',
  E: '$E$',
  Q: '$Q$',
  H2: '$H^2$',
};

function assumptionTables(summary: MeasurementSummary, cutoff: number): ReportTable[] {
  const { assumptions } = summary;
  if (assumptions === undefined) return [];
  const { columns, identities, within } = assumptions;
  const rows = columns.map((column) => {
    const slopes = estimands.flatMap((estimand) => {
      const row = findRow(column.rows[estimand], cutoff);
      return row === undefined
        ? ['–', '–']
        : [cellOf(row.slope, row.interval), row.r_squared === null ? '–' : numberText(row.r_squared, 3)];
    });
    if (assumptionReason(summary, column) !== null) return [columnTex(column), '–', '–', ...slopes];
    const random = numberText(commutatorAbove(column.commutator_baseline.mean), 3);
    const commutator = `${numberText(commutatorAbove(column.commutator_ratio), 3)} (${random})`;
    return [columnTex(column), numberText(withoutRounding(column.cosine), 3), commutator, ...slopes];
  });
  const equalities = identities.map(({ matrices: [a, b], difference, equal, expected }) => [
    `${matrixNames[a]} = ${matrixNames[b]}`,
    numberText(difference, 2),
    equal ? 'holds' : expected ? 'does not hold, though theory says it must' : 'does not hold here',
  ]);
  return [
    {
      caption: `$C$ against matrices $M$ that are often used in its place${within === 'span' ? ', within the span of the directions found' : ''}: slopes of $\\log C_{ii}$ on $\\log M_{ii}$, ${above(cutoff)}${dashNote(columns.map((column) => assumptionReason(summary, column)))}`,
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
  return [
    {
      caption: `Noise of drawn minibatches of ${integerText(noise.batch_size)}, along ${integerText(noise.directions.length)} directions, over what $C$ predicts: 1 expected${dashNote([zeroReason(summary, ['C'])])}`,
      head: ['sampling', 'batches', 'covariance / $C$', 'variance', '$|g_B - g|^2$', 'two batches of an epoch / $C$'],
      rows: noise.modes.map((mode) => [
        modeNames[mode.mode],
        integerText(mode.batches),
        numberText(mode.factor, 4),
        compared(mode.variance),
        compared(mode.trace),
        mode.between === null ? '–' : `${compared(mode.between)}, expected ${numberText(mode.between.expected, 3)}`,
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
  return [
    {
      caption: `Spectral density of $H$: ${integerText(density.probes)} random vectors of ${integerText(density.steps)} Lanczos steps; ± 1.96 standard errors`,
      head: [`below −${width}`, `within ± ${width}`, `above ${width}`, 'lowest', 'highest', 'tr $H$ / $d$'],
      rows: [
        [
          share(density.negative),
          share(density.near_zero),
          share(density.positive),
          numberText(eigenvalueAbove(density.lowest, summary), 3),
          numberText(eigenvalueAbove(density.highest, summary), 3),
          `≈ ${withUncertainty(value, 1.96 * error)}`,
        ],
      ],
    },
  ];
}

const claimsDefinition: Definition = ['claims', 'Judged by rules fixed beforehand, on 95 % intervals and on both estimands: pass or fail where both agree, else inconclusive; no verdict from fewer than 30 directions or 1.5 decades.']; // prettier-ignore
const precisionDefinition: Definition = ['precision', 'Where passes and products were computed in float32: the same sums and values against float64, measured with every measurement. Sums of chunks and all that follows are float64.']; // prettier-ignore
const assumptionsDefinition: Definition = ['$G, F, E$', 'Gauss–Newton part of $H$; Fisher matrix, exact over the classes (of a unit Gaussian for squared error); empirical Fisher matrix $\\frac{1}{P} \\sum_p g_p g_p^{\\top} = C + g g^{\\top}$.']; // prettier-ignore
const minibatchDefinition: Definition = ['minibatch noise', 'Gradients $g_B$ of drawn batches less the gradient of all samples, compared with what $C$ predicts for that way of sampling; $z$: distance from the expected value in standard errors.']; // prettier-ignore
