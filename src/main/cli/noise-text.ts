/** What the noise does, as text: noise scaled by the loss, stability under sampling, the Takeuchi criterion. */
import { definedNoise } from '../../shared/defined-extras.ts';
import { batchFactor, lossScaledByGaussNewton, residualSlope, stableRate } from '../../shared/noise-at-work.ts';
import { correlationShare } from '../../shared/mechanism.ts';
import { headlineCutoff, findRow } from '../../shared/estimands.ts';
import type { MeasurementSummary } from '../../shared/results.ts';
import { zeroReason } from '../../shared/rounding.ts';
import { formatNumber } from './format.ts';

const batches = [1, 10, 50, 100] as const;

/** The spectra of single samples' Hessians, and the part of gamma_Q - 1 that comes from their alignment. */
export function mechanismLines(summary: MeasurementSummary): string[] {
  const { mechanism } = summary;
  if (mechanism === undefined) return [];
  const zero = zeroReason(summary, ['Q']);
  if (zero !== null) return ['', `  the mechanism: -, since ${zero}`];
  const number = (value: number): string => formatNumber(value, 3);
  const [all] = mechanism.spectra;
  const row = findRow(mechanism.rows, headlineCutoff);
  const share = row === undefined ? null : correlationShare(row);
  return [
    '',
    `  the mechanism, over ${mechanism.samples} samples: the largest eigenvalue of h_p ${number(all.largest.median)} (5 to 95 % of samples: ${number(all.largest.low)} to ${number(all.largest.high)}), effective rank ${number(all.effective_rank.median)} (${number(all.effective_rank.low)} to ${number(all.effective_rank.high)})`,
    ...(row?.slope === null || row?.slope === undefined || row.permuted === null
      ? []
      : [
          `    R_i = Q_ii / H_ii grows as H_ii to the power ${row.slope.toFixed(3)} (gamma_Q - 1 of these samples) above ${headlineCutoff.toExponential(0)} H_11; with the eigenvalues permuted over samples ${row.permuted.toFixed(3)} ± ${(row.permuted_deviation ?? 0).toFixed(3)}` +
            (share === null
              ? ''
              : `: their correlation with the alignment accounts for ${Math.round(100 * share)} % of it`),
        ]),
  ];
}

export function noiseLines(summary: MeasurementSummary): string[] {
  const { noise_at_work: noise, trace, loss, samples } = summary;
  if (noise === undefined) return [];
  const number = (value: number | null): string => formatNumber(value, 3);
  const defined = definedNoise(summary, noise);
  const { sharpness, curvatureVariance } = defined;
  const rate = (factor: number): string => number(stableRate(sharpness ?? 0, curvatureVariance ?? 0, factor));
  const rates = batches
    .filter((batch) => batch <= samples)
    .map((batch) => `${rate(batchFactor(batch, samples))} (B = ${batch})`);
  const row = findRow(noise.takeuchi, headlineCutoff);
  const byG = lossScaledByGaussNewton(noise, trace.C, loss);
  const left = residualSlope(summary);
  const { linear_stability: stability } = noise;
  const linear = (stability?.rates ?? [])
    .filter(({ batch }) => batches.some((each) => each === batch) || batch === samples)
    .map(({ batch, rate }) => `${number(rate)} (B = ${batch})`);
  return [
    '',
    '  noise at work (this layer alone, the others held fixed):',
    `    scaled by the loss: tr C / ((2 L / K) tr H) = ${number(defined.scaledTrace)}, alignment K tr(CH) / (2 L |H|^2) = ${number(defined.alignment)}, K = ${noise.outputs} outputs (1 for isotropic residuals under mean squared error)`,
    ...(byG === null || defined.scaledTrace === null
      ? []
      : [`      with the Gauss-Newton part for H: ${number(byG.trace)}, alignment ${number(byG.alignment)}`]),
    ...(left === null
      ? []
      : [
          `      what that leaves of the slope: log C_ii / ((2 L / K) H_ii) on log H_ii, gamma - 1 = ${left.toFixed(3)} (0 if C is proportional to H)`,
        ]),
    `    stable learning rates by eta <= 2 a / (a^2 + p s^2), a = ${number(sharpness)}, s^2 = lambda_max(Q - H^2) = ${number(curvatureVariance)}: ${rates.join(', ')}; without sampling ${rate(0)}`,
    ...(stability === undefined || linear.length === 0
      ? []
      : [
          `      by lambda_max[(I - eta H)^2 + eta^2 p (Q - H^2)] <= 1 over ${stability.directions} directions of positive curvature: ${linear.join(', ')}` +
            (stability.negative > 0
              ? `; along ${stability.negative} directions of negative curvature no rate is stable`
              : '') +
            (stability.converged ? '' : '; not all converged: slightly too large'),
        ]),
    `    second-order change of the loss in one step: eta^2 / 2 (g^T H g + p tr(CH)) with g^T H g = ${number(defined.gradientCurvature)}, tr(CH) = ${number(defined.traceCH)}`,
    ...(row === undefined
      ? []
      : [
          `    Takeuchi: sum C_ii / H_ii / P = ${number(row.n === 0 ? null : row.sum / samples)} over ${row.n} directions above ${headlineCutoff.toExponential(0)} H_11`,
        ]),
    ...(defined.reason === null ? [] : [`    -: ${defined.reason}`]),
  ];
}
