/** A forecast as text. */
import type { JobForecast } from '../forecast/types.ts';
import { formatBytes } from '../../engine/curvature/forecast.ts';
import { formatTable } from './format.ts';
import { formatDuration } from './format.ts';

/** One line: "about 1 min 20 s (training 20 s, ...), up to 0.9 GB of memory (14 GB free), 120 MB on disk". */
export function forecastLine(forecast: JobForecast): string {
  const { seconds, memory, disk } = forecast;
  const parts = (['training', 'evaluating', 'measuring'] as const)
    .filter((part) => seconds[part] > 0)
    .map((part) => `${part} ${formatDuration(seconds[part])}`);
  const made = parts.length > 1 ? ` (${parts.join(', ')})` : '';
  const peak = Math.max(memory.training, memory.measuring ?? 0);
  return `about ${formatDuration(seconds.total)}${made}, up to ${formatBytes(peak)} of memory (${formatBytes(memory.available)} free), ${formatBytes(disk)} on disk`;
}

/** The line, then each measurement. */
export function forecastText(forecast: JobForecast): string {
  const { measurements, warnings, steps, weights } = forecast;
  const lines = [forecastLine(forecast)];
  if (steps > 0) lines.push(`${steps} steps of ${weights} weights`);
  if (measurements.length > 0) {
    const rows = measurements.map((each) => [
      each.parameter,
      String(each.size),
      each.method,
      String(each.times),
      each.refusal === null ? formatDuration(each.seconds) : 'does not fit',
      formatBytes(each.memory),
      formatBytes(each.disk),
    ]);
    lines.push('', formatTable(['measured', 'd', 'method', 'times', 'each', 'memory', 'disk, each'], rows));
  }
  return [...lines, ...warnings.map((warning) => `warning: ${warning}`)].join('\n');
}
