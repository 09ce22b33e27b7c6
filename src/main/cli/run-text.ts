/** A stored run as text and as a JSON document. */
import type { RunRecord, Store } from '../store/index.ts';
import { formatNumber } from './format.ts';
import { measurementText } from './measurement-text.ts';
import { formatDuration } from './format.ts';

/** What `--json` prints of a run: the record, its measurements' summaries, checkpoints and the names of its series. */
export function runDocument(store: Store, run: RunRecord): unknown {
  return {
    ...run,
    measurements: store.measurements(run.id),
    checkpoints: store.checkpoints(run.id),
    series: store.seriesNames(run.id),
  };
}

export function runText(store: Store, run: RunRecord): string {
  const value = (key: string): number | null => run.values[key]?.value ?? null;
  const percent = (share: number | null): string => (share === null ? '-' : `${(100 * share).toFixed(2)} %`);
  const lines = [
    `run ${run.id}  ${run.name}`,
    `  ${run.status}${run.error === null ? '' : ` (${run.error})`}, step ${run.step}${run.steps === null ? '' : ` of ${run.steps}`}, seed ${run.seed ?? '-'}, ${formatDuration(run.seconds)}`,
    `  loss ${formatNumber(value('loss'))}, accuracy ${percent(value('accuracy'))}; test loss ${formatNumber(value('test_loss'))}, test accuracy ${percent(value('test_accuracy'))}`,
  ];
  const speed = value('steps_per_second');
  if (speed !== null) lines.push(`  trained at ${formatNumber(Math.round(speed))} steps a second`);
  for (const measurement of store.measurements(run.id)) {
    lines.push('', `measured at step ${measurement.step}:`);
    if (measurement.summary !== null) lines.push(measurementText(measurement.summary));
    else lines.push(`  ${measurement.parameter} was not measured: ${measurement.error ?? ''}`);
  }
  return lines.join('\n');
}
