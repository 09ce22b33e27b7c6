/** The spectral density of H as text: how it was estimated, and its parts and moments with 95 % intervals; `--json` has the curve. */
import type { Estimate } from '../../shared/density.ts';
import type { MeasurementSummary } from '../../shared/results.ts';
import { traceError } from '../../shared/rounding.ts';
import { formatNumber } from './format.ts';

/** Empty where it was not measured. */
export function densityLines(summary: MeasurementSummary): string[] {
  const { density, d, trace } = summary;
  const error = traceError(summary, 'H');
  if (density === undefined) return [];
  const { probes, steps, seed, sigma, negative, near_zero: zero, positive, mean, lowest, highest } = density;
  const percent = ({ value, standard_error: error }: Estimate): string =>
    `${(100 * value).toFixed(2)} ± ${(196 * error).toFixed(2)} %`;
  return [
    '',
    `  spectral density of H, ${probes} random vectors of ${steps} Lanczos steps (seed ${seed}), smoothed by ${formatNumber(sigma, 2)}; ± 1.96 standard errors`,
    `    eigenvalues below ${formatNumber(-3 * sigma, 2)}: ${percent(negative)}, within ± ${formatNumber(3 * sigma, 2)}: ${percent(zero)}, above: ${percent(positive)}; from ${formatNumber(lowest, 3)} to ${formatNumber(highest, 3)}`,
    `    tr H / d = ${formatNumber(mean.value, 4)} ± ${formatNumber(1.96 * mean.standard_error, 2)} (${error === null ? 'measured:' : 'by other random vectors: ≈'} ${formatNumber(trace.H / d, 4)}${error === null ? '' : ` ± ${formatNumber(error / d, 2)}`})`,
  ];
}
