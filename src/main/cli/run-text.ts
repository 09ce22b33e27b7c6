/** A stored run as text and as a JSON document. */
import type { RunRecord, Store } from '../store/index.ts';
import { formatNumber } from './format.ts';
import { measurementText } from './measurement-text.ts';
import { findRow, headlineCutoff } from '../../shared/estimands.ts';
import type { MeasurementSummary } from '../../shared/results.ts';
import { familyLines } from '../../shared/claim-families.ts';
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
    if (measurement.summary !== null) {
      lines.push(measurementText(measurement.summary));
      if (measurement.step === run.step)
        lines.push(...gapLines(measurement.summary, value('loss'), value('test_loss')));
    } else lines.push(`  ${measurement.parameter} was not measured: ${measurement.error ?? ''}`);
  }
  lines.push(...familyText(store, run));
  return lines.join('\n');
}

/** The run's generalisation gap beside this layer's part of the Takeuchi criterion. */
function gapLines(
  { noise_at_work: noise, samples }: MeasurementSummary,
  train: number | null,
  test: number | null,
): string[] {
  const row = noise && findRow(noise.takeuchi, headlineCutoff);
  if (row === undefined || train === null || test === null) return [];
  const [gap, part] = [test - train, row.sum / samples];
  return [
    `  the run's generalisation gap, test minus training loss, is ${formatNumber(gap, 3)}; this layer's part of the Takeuchi criterion, ${formatNumber(part, 3)}, is ${formatNumber(part / gap, 2)} of it`,
  ];
}

/** The verdicts over all layers with intervals at the last step that was measured, corrected for their number. */
function familyText(store: Store, run: RunRecord): string[] {
  const all = store.measurements(run.id);
  const last = Math.max(...all.map(({ step }) => step));
  const members = all.flatMap(({ step, parameter, summary }) =>
    step === last && summary?.bootstrap !== undefined ? [{ name: parameter, measurement: summary }] : [],
  );
  const lines = familyLines(members, `over ${members.length} measurements at step ${last}`);
  return lines.length === 0
    ? []
    : [
        '',
        "verdicts corrected for their number (Holm's procedure, 5 % for the family):",
        ...lines.map((line) => `  ${line}`),
      ];
}
