/** The spectral density of H as text: how it was estimated, and its parts and moments with 95 % intervals; `--json` has the curve. */
import type { Estimate } from '../../shared/density.ts';
import type { MeasurementSummary } from '../../shared/results.ts';
import { eigenvalueAbove, traceError, zeroReason } from '../../shared/rounding.ts';
import { formatNumber, formatUncertain } from './format.ts';

/** Empty where it was not measured. */
export function densityLines(summary: MeasurementSummary): string[] {
  const { density, d, trace } = summary;
  if (density === undefined) return [];
  const { probes, steps, seed, sigma, negative, near_zero: zero, positive, mean, lowest, highest } = density;
  const zeroHere = zeroReason(summary, ['H']);
  const title = `  spectral density of H, ${probes} random vectors of ${steps} Lanczos steps (seed ${seed})`;
  if (zeroHere !== null) return ['', `${title}: -, since ${zeroHere}`];
  const error = traceError(summary, 'H');
  const percent = ({ value, standard_error: error }: Estimate): string =>
    `≈ ${(100 * value).toFixed(2)} ± ${(196 * error).toFixed(2)} %`;
  const other =
    error === null
      ? `measured: ${formatNumber(trace.H / d, 4)}`
      : `by other random vectors: ≈ ${formatUncertain(trace.H / d, error / d)}`;
  return [
    '',
    `${title}, smoothed by ${formatNumber(sigma, 2)}; ± 1.96 standard errors`,
    `    eigenvalues below ${formatNumber(-3 * sigma, 2)}: ${percent(negative)}, within ± ${formatNumber(3 * sigma, 2)}: ${percent(zero)}, above: ${percent(positive)}; from ${formatNumber(eigenvalueAbove(lowest, summary), 3)} to ${formatNumber(eigenvalueAbove(highest, summary), 3)}`,
    `    tr H / d ≈ ${formatUncertain(mean.value, 1.96 * mean.standard_error)} (${other})`,
  ];
}
