/**
 * What a report says about a measurement besides its exponents, as far as it was measured: claims, convergence, precision, duality, the old assumption, minibatch noise;
 * each as a table in words, with figures and the definitions of its terms.
 */
import type { ReportFigure, ReportTable } from './types.ts';
import { estimandNames, estimands, findRow, headlineCutoff } from '../../estimands.ts';
import { judgeClaims } from '../../claims.ts';
import { judgeConvergence } from '../../convergence.ts';
import { definitionOf } from '../../glossary.ts';
import type { MeasurementSummary } from '../../results.ts';
import { zeroReason } from '../../rounding.ts';
import { assumptionSlopes } from '../figures/assumptions.ts';
import type { FigureOptions } from '../figures/common.ts';
import type { Measurement } from '../figure-data.ts';
import { spectralDensity } from '../figures/density.ts';
import { dualDiagonals } from '../figures/duality.ts';
import { composePanels } from '../figures/panels.ts';
import { integerText, numberOrDash, numberText } from '../numbers.ts';
import { plainLabel } from '../text/label.ts';
import { above, measuredTables } from './measured.ts';
import { fluctuationsDefinition, noiseFigures } from './noise.ts';

type Definition = readonly [term: string, definition: string];

/** @param cutoff one of the measurement's, `headlineCutoff` by default; what lacks it is left out. */
export function extraTables({ summary }: Measurement, cutoff = headlineCutoff): ReportTable[] {
  return [
    ...claimsTable(summary, cutoff),
    ...convergenceTable(summary, cutoff),
    ...precisionTable(summary),
    ...measuredTables(summary, cutoff),
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
        "(a) What the duality gives for the noise, $C_{\\text{dual},ii}$, against $C_{ii}$: slope 1 if the argument's step holds. (b) Second moment of the dual changes along the eigenvectors of $H$: level where they are isotropic.",
    });
  }
  if (summary.assumptions !== undefined)
    figures.push({
      make: () => assumptionSlopes(measurement, { ...base, ...cutoff }),
      caption:
        'Slope of the noise covariance on matrices that are often used in its place: 1 if they are proportional.',
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
          ...[each.full, each.part, each.change, each.allowed].map((value) => numberOrDash(value)),
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

const claimsDefinition: Definition = ['claims', 'Judged by rules fixed beforehand, on 95 % intervals and on both estimands: pass or fail where both agree, else inconclusive; no verdict from fewer than 30 directions or 1.5 decades.']; // prettier-ignore
const precisionDefinition: Definition = ['precision', 'Where passes and products were computed in float32: the same sums and values against float64, measured with every measurement. Sums of chunks and all that follows are float64.']; // prettier-ignore
const assumptionsDefinition: Definition = ['$G, F, E$', 'Gauss–Newton part of $H$; Fisher matrix, exact over the classes (of a unit Gaussian for squared error); empirical Fisher matrix $\\frac{1}{P} \\sum_p g_p g_p^{\\top} = C + g g^{\\top}$.']; // prettier-ignore
const minibatchDefinition: Definition = ['minibatch noise', 'Gradients $g_B$ of drawn batches less the gradient of all samples, compared with what $C$ predicts for that way of sampling; $z$: distance from the expected value in standard errors.']; // prettier-ignore
