/** A measurement as text: what `measure`, `show` and the demo print. */
import type { CutoffRow, Slopes } from '../../shared/slopes.ts';
import { estimandNames, estimands, headlineCutoff, rowAt, type Estimand } from '../../shared/estimands.ts';
import { calibrationTested, notCalibrated, oneSplit } from '../../shared/calibration-notes.ts';
import { cutoffInForce } from '../../shared/slopes.ts';
import { fewSamples, intervalDoubts, intervalLabel } from '../../shared/interval-trust.ts';
import { judgeClaims } from '../../shared/claims.ts';
import type { Estimated, MeasurementSummary } from '../../shared/results.ts';
import {
  commutatorAbove,
  definedPair,
  definedSharpness,
  isRounding,
  traceText,
  undefinedReason,
  type PairQuantity,
} from '../../shared/rounding.ts';
import { whereComputed } from '../../shared/where-computed.ts';
import { measuredTables } from '../../shared/figures/report/measured.ts';
import { formatDuration, formatFixed, formatNumber, formatTable, indent, tableLines, terminalStyle } from './format.ts';
import { mechanismLines, noiseLines as workLines } from './noise-text.ts';
import { slopeLines } from './slope-text.ts';

export function measurementText(summary: MeasurementSummary): string {
  const { commutator_baseline: baseline, eigenvalues } = summary;
  const hasRatio = definedPair(summary, 'commutator_ratio') !== null;
  const pair = (quantity: PairQuantity): string => formatNumber(definedPair(summary, quantity), 3);
  const lines = [
    `${summary.parameter}  [${summary.shape.join(' x ')}], d = ${summary.d}, ${summary.samples} samples, ${summary.method}, ${summary.precision}`,
    `  loss ${formatNumber(summary.loss)}${summary.accuracy === null ? '' : `, accuracy ${(100 * summary.accuracy).toFixed(2)} %`}` +
      `, largest eigenvalue of H ${formatNumber(definedSharpness(summary))}, trace ${traceText(summary, 'H', terminalStyle)}`,
    `  eigenvalues: ${eigenvalues.positive} positive, ${eigenvalues.zero} zero within the numerical floor ${formatNumber(summary.floor.H, 2)}, ${eigenvalues.negative} negative`,
    `  cosine (C, H) ${pair('cosine_CH')}, (C, Q) ${pair('cosine_CQ')}; ` +
      `commutator ratio of C and H ${pair('commutator_ratio')}${hasRatio ? ` (${nullsText(summary)}${baseline.rotations} random rotations: ${formatNumber(commutatorAbove(baseline.mean), 3)})` : ''}`,
    ...noiseLines(summary),
    ...undefinedLines(summary),
    ...methodLines(summary),
    ...(summary.left_out ?? []).map((note) => `  ${note}`),
    ...(summary.evaluation ?? []).map((note) => `  ${note}`),
    ...(summary.data_notes ?? []).map((note) => `  ${note}`),
    '',
    gammaTable(summary),
    ...(summary.bootstrap === undefined
      ? []
      : [
          `  least squares; in brackets ${labelOf(summary)} intervals from ${summary.bootstrap.resamples} resamples of ${summary.bootstrap.blocks} blocks of samples; scatter: residuals of C on H and of C on Q, in decades`,
          ...fewSampleLines(summary),
        ]),
    ...splitLines(summary),
    ...calibrationLines(summary),
    ...slopeLines(summary),
    ...mechanismLines(summary),
    ...workLines(summary),
    ...(summary.bootstrap === undefined ? [] : claimLines(summary)),
    ...convergenceLines(summary),
    ...measuredTables(summary).flatMap(tableLines),
    ...unavailableLines(summary),
    '',
    ...precisionLines(summary),
    `  ${formatDuration(summary.seconds['total'] ?? 0)} on ${summary.engine.backend === 'cpu' ? '' : `${summary.engine.backend} and `}${summary.engine.blas}, ${summary.engine.threads} threads`,
  ];
  return lines.join('\n');
}

/** What was asked for but could not be computed, with what would help. */
function unavailableLines(summary: MeasurementSummary): string[] {
  const reasons = [
    ['minibatch noise', summary.minibatch_noise_unavailable],
    ['weight fluctuations', summary.weight_fluctuations_unavailable],
  ] as const;
  const lines = reasons.flatMap(([what, reason]) =>
    reason === undefined ? [] : [`  ${what}: not measured: ${reason}`],
  );
  return lines.length === 0 ? [] : ['', ...lines];
}

/** Which numbers are undefined, and why. */
function undefinedLines(summary: MeasurementSummary): string[] {
  const zero = (['C', 'H', 'Q'] as const).filter((matrix) => isRounding(summary, matrix));
  if (zero.length === 0) return [];
  const reason = undefinedReason(summary, 'cosine_CH') ?? undefinedReason(summary, 'cosine_CQ');
  return [
    `  ${zero.join(', ')} ${zero.length === 1 ? 'is' : 'are'} 0 up to rounding (numerical floors: ${zero.map((matrix) => `${matrix} ${formatNumber(summary.floor[matrix], 2)}`).join(', ')})` +
      (reason === null ? '' : `; "-": not defined, since ${reason}`),
  ];
}

/** What was computed in single precision, and the precision that it reached. */
function precisionLines(summary: MeasurementSummary): string[] {
  const { precision_reached: reached } = summary;
  const where = whereComputed(summary);
  if (reached === undefined || where === null) return [];
  const three = (of: { readonly H: number; readonly C: number; readonly Q: number }): string =>
    (['H', 'C', 'Q'] as const)
      .map((name) => `${name} ${of[name] === 0 ? 'float64' : formatNumber(of[name], 2)}`)
      .join(', ');
  const lines = [
    `  in float32 by ${reached.device}: ${where.single.join(', ')}`,
    `  in float64 by the cpu: ${where.double.join(', ')}`,
    `  precision reached, against float64 on ${reached.samples} samples:`,
  ];
  if (reached.sums !== undefined) lines.push(`    sums, of the largest entry: ${three(reached.sums)}`);
  if (reached.along !== undefined)
    lines.push(
      `    along ${reached.along.directions} directions with H_ii > ${reached.along.cutoff} H_11, relative: ${three(reached.along)}`,
    );
  if (reached.products !== undefined)
    lines.push(
      `    products with H over all samples, along ${reached.products.directions} directions, of the largest eigenvalue: ${formatNumber(reached.products.H, 2)}`,
    );
  for (const fallback of reached.fallbacks ?? []) lines.push(`    ${fallback}`);
  return lines;
}

/** Why this method, and of the projected one how good the found pairs are. */
function methodLines({ method_reason, projected }: MeasurementSummary): string[] {
  const lines = method_reason === undefined ? [] : [`  method: ${method_reason}`];
  if (projected === undefined) return lines;
  const {
    k,
    which,
    converged,
    iterations,
    restarts,
    breakdowns,
    orthogonality,
    largest_relative_residual: residual,
  } = projected;
  const ends = which === 'largest' ? 'largest' : which === 'magnitude' ? 'largest by size' : 'both ends';
  return [
    ...lines,
    `  ${k} directions (${ends}), ${converged ? 'converged' : 'NOT CONVERGED'}: largest residual |Hv - lambda v| ${formatNumber(residual, 2)} |lambda|, ` +
      `orthogonal to ${formatNumber(orthogonality, 2)}; ${iterations} products, ${restarts} restarts, ${breakdowns} breakdowns`,
  ];
}

/** Whether there is a cross-fitted exponent at all, of which something can be said. */
const isCrossFitted = ({ gamma }: MeasurementSummary): boolean =>
  gamma.cross_fitted.some((row) => row.gamma.ols !== null);

/** How far the cross-fitted slopes scatter over random splits. */
function splitLines(summary: MeasurementSummary): string[] {
  const { gamma } = summary;
  if (!isCrossFitted(summary)) return [];
  const row = gamma.cross_fitted.filter(({ splits }) => splits !== undefined).at(-1);
  if (row?.splits === undefined) return [`  cross-fitted: ${oneSplit(summary) ?? 'one random split into halves'}`];
  const { count, spread } = row.splits;
  return [
    `  cross-fitted: the median over ${count} random splits down to the cutoff ${row.cutoff.toExponential(0)} (one split below); gamma scatters over them by ${spread.gamma.toFixed(3)} there, which its interval holds`,
  ];
}

/** The cross-fitted exponent without leakage, if it was simulated. */
function calibrationLines(summary: MeasurementSummary): string[] {
  const { calibration } = summary;
  if (!isCrossFitted(summary)) return [];
  const rows =
    calibration?.rows.filter(({ simulated, extrapolated }) => simulated !== null || extrapolated !== null) ?? [];
  const missing = notCalibrated(summary);
  if (missing !== null) return summary.bootstrap === undefined ? [] : ['', `  ${missing}`];
  if (calibration === undefined || rows.length === 0) return [];
  const text = (found: Estimated | null): string =>
    found === null
      ? '-'
      : `${found.value.toFixed(3)} (${found.interval[0].toFixed(2)} to ${found.interval[1].toFixed(2)})`;
  const table = formatTable(
    ['cutoff', 'cross-fitted, noise removed', 'calibrated'],
    rows.map((row) => [row.cutoff.toExponential(0), text(row.measured), text(row.simulated)]),
  );
  return [
    '',
    `  gamma without the leakage of directions found from finitely many samples (simulated at this spectrum, ${calibration.draws} halves of ${calibration.effective_samples} samples ${
      calibration.tail === undefined
        ? 'as Gaussian ones'
        : `whose sizes scatter by a factor of ${Math.exp(calibration.tail).toFixed(1)}`
    } each):`,
    indent(table, '    '),
    `    ${calibrationTested(calibration)}`,
  ];
}

/** At the cutoff of the claims. */
function fewSampleLines(summary: MeasurementSummary): string[] {
  return estimands.flatMap((estimand) => {
    const few = fewSamples(rowAt(summary.gamma[estimand], headlineCutoff), summary);
    return few === null
      ? []
      : [`  ${estimandNames[estimand]}, at the cutoff ${headlineCutoff.toExponential(0)}: ${few}`];
  });
}

/** The paper's claims, judged by rules fixed beforehand. */
function claimLines(summary: MeasurementSummary): string[] {
  const judged = judgeClaims(summary);
  return [
    '',
    `  claims, at the cutoff ${headlineCutoff.toExponential(0)}:`,
    ...judged.map(({ statement, verdict, reason }) => `    ${statement}: ${verdict} (${reason})`),
  ];
}

/** The verdict on the half-sample, and each number's change beside the change that sampling explains. */
function convergenceLines({ convergence }: MeasurementSummary): string[] {
  if (convergence === undefined) return [];
  const { state, reason, samples, numbers } = convergence;
  const shown = numbers.filter((n) => n.estimator === null || n.judged);
  const rows = shown.map(({ name, estimand, full, part, change, allowed }) => [
    estimand === null ? name.replaceAll('_', ' ') : `${name}, ${estimandNames[estimand]}`,
    formatNumber(full),
    formatNumber(part),
    formatNumber(change, 2),
    formatNumber(allowed, 2),
  ]);
  const table = formatTable(['', `${samples[0]} samples`, `${samples[1]}`, 'change', 'allowed'], rows);
  return ['', `  convergence: ${state} (${reason})`, indent(table, '    ')];
}

/** gamma, gamma_Q and the slope of C on Q of both estimands by cutoff. */
function gammaTable(summary: MeasurementSummary): string {
  const head = [
    'cutoff',
    'estimand',
    'directions',
    'decades',
    'gamma',
    'gamma_Q',
    'C on Q',
    'R^2',
    'scatter',
    'omitted',
  ];
  const rows = summary.gamma.training_set.flatMap((row, i) => [
    cells(row, 'training_set'),
    cells(summary.gamma.cross_fitted[i], 'cross_fitted'),
  ]);
  return indent(formatTable(head, rows));
}

function cells(row: CutoffRow, estimand: Estimand): string[] {
  return [
    cutoffText(row),
    estimandNames[estimand],
    // A mean over two halves, so it may end in .5.
    String(row.n),
    row.decades === 0 || !Number.isFinite(row.decades) ? '-' : row.decades.toFixed(1),
    slopeText(row.gamma),
    slopeText(row.gamma_Q),
    slopeText(row.C_on_Q),
    formatFixed(row.C_on_Q.r_squared),
    `${formatFixed(row.gamma.scatter, 2)}, ${formatFixed(row.C_on_Q.scatter, 2)}`,
    formatNumber(row.non_positive + row.below_floor),
  ];
}

/** Least squares with its 95 % interval: "1.144 (1.12 to 1.16)". */
function slopeText(slopes: Slopes): string {
  const interval = slopes.interval?.ols;
  return slopes.ols === null || interval === undefined
    ? formatFixed(slopes.ols)
    : `${slopes.ols.toFixed(3)} (${interval[0].toFixed(2)} to ${interval[1].toFixed(2)})`;
}

/** The one asked for, and the one in force if a projected measurement stops above it: "1e-4 (in force 2.1e-2)". */
function cutoffText(row: CutoffRow): string {
  const inForce = cutoffInForce(row);
  return inForce > row.cutoff * (1 + 1e-9)
    ? `${row.cutoff.toExponential(0)} (in force ${inForce.toExponential(1)})`
    : row.cutoff.toExponential(0);
}

function nullsText({ commutator_nulls: nulls }: MeasurementSummary): string {
  return nulls === undefined
    ? ''
    : `shuffled delta: ${formatNumber(commutatorAbove(nulls.delta.mean), 3)}, shuffled S: ${formatNumber(commutatorAbove(nulls.hessian.mean), 3)}, `;
}

/** The share of one sample and one block in the noise. */
function noiseLines({ noise_share: share }: MeasurementSummary): string[] {
  if (share === undefined || (share.sample === null && share.block === null)) return [];
  const percent = (value: number | null): string => (value === null ? 'unknown' : `${(100 * value).toFixed(1)} %`);
  return [`  largest share in sum |g_p|^2: one sample ${percent(share.sample)}, one block ${percent(share.block)}`];
}

/** "95 %", or "nominal 95 %" if the coverage is known to be less at the headline cutoff. */
function labelOf(summary: MeasurementSummary): string {
  return intervalLabel(
    estimands.flatMap((estimand) => intervalDoubts(rowAt(summary.gamma[estimand], headlineCutoff), summary)),
  );
}
