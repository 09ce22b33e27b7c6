/** The fluctuations of the weights, single steps and the batch sharpness as text. */
import { modeNames } from '../../shared/minibatch.ts';
import type { MeasurementSummary } from '../../shared/results.ts';
import { oneStepChange } from '../../shared/noise-at-work.ts';
import { leastCorrelationTimes, stretchCaveats } from '../../shared/weight-fluctuations.ts';
import type { BatchMean, FluctuationMode, LogSlope } from '../../shared/weight-fluctuations.ts';
import { batchFactor } from '../../shared/noise-at-work.ts';
import { formatFixed, formatNumber, formatTable, indent } from './format.ts';

/** Directions of a mode that the table lists, evenly spaced. */
const listed = 6;

/** Empty where they were not measured. */
export function fluctuationLines(summary: MeasurementSummary): string[] {
  const { weight_fluctuations: found, noise_at_work: work } = summary;
  if (found === undefined) return [];
  const { learning_rate: rate, momentum, batch_size: batch, modes, batch_sharpness: sharpness, one_step: step } = found;
  const predicted =
    work === undefined
      ? null
      : oneStepChange(
          work,
          summary.norm_mean_gradient,
          rate,
          batchFactor(Math.min(batch, found.population), found.population),
        ).total;
  const head = [
    'sampling',
    'steps',
    'answered',
    'too brief',
    'drifting',
    'measured / predicted',
    'slope on H',
    'predicted',
    'loss, first to last quarter',
  ];
  const rows = modes.map((mode) => {
    const of = (state: FluctuationMode['state'][number]): string =>
      String(mode.state.filter((each) => each === state).length);
    return [
      modeNames[mode.mode],
      String(mode.steps),
      of('answered'),
      of('short'),
      of('drifting'),
      formatFixed(mode.median_ratio),
      slopeText(mode.slope),
      slopeText(mode.predicted_slope),
      mode.loss.map((value) => formatNumber(value, 3)).join(' to '),
    ];
  });
  return [
    '',
    `  fluctuations of the weights: SGD continued from here, learning rate ${rate}, momentum ${momentum}, batches of ${batch}, ${found.frozen ? 'the other layers held' : 'all layers moving'} (seed ${found.seed});`,
    `  variance of w . v_i along ${found.directions.length} eigendirections of H, with an answer if it was observed for ${leastCorrelationTimes} correlation times (1 - mu) / (eta h) and does not drift`,
    indent(formatTable(head, rows)),
    ...stretchCaveats(found).map((caveat) => `  ${caveat}`),
    ...modes.flatMap(directionLines),
    ...modes.flatMap(componentLines),
    `  one step of the loss of all samples: measured ${meanText(step.measured)}, to second order over the same ${step.measured.batches} batches ${meanText(step.second_order)}` +
      (predicted === null ? '' : `, expected from C and H ${formatNumber(predicted, 4)}`) +
      `; beyond second order ${meanText(step.difference)}`,
    `  batch sharpness E[g_B . H_B g_B / |g_B|^2]: whole network ${meanText(sharpness.network)}, this parameter alone ${meanText(sharpness.parameter)}; 2 / eta = ${formatNumber(2 / rate, 4)}`,
  ];
}

function directionLines(mode: FluctuationMode): string[] {
  const answered = mode.state.flatMap((state, i) => (state === 'answered' ? [i] : []));
  if (answered.length === 0)
    return [
      `    ${modeNames[mode.mode]}: no direction has an answer; use more steps (--steps) or a larger learning rate`,
    ];
  const shown = Array.from(
    { length: Math.min(listed, answered.length) },
    (_, m) => answered[Math.round((m * (answered.length - 1)) / Math.max(1, Math.min(listed, answered.length) - 1))],
  );
  const text = shown.map((i) => {
    const ratio = mode.measured[i] / (mode.predicted[i] ?? NaN);
    return `${formatNumber(mode.H[i], 2)}: ${ratio.toFixed(3)} ± ${((ratio * mode.standard_error[i]) / mode.measured[i]).toFixed(3)}`;
  });
  return [`    ${modeNames[mode.mode]}, measured / predicted by curvature: ${text.join('; ')}`];
}

function componentLines({ mode, components }: FluctuationMode): string[] {
  if (components === null) return [];
  const {
    snapshots,
    on_flatness,
    random_walk_on_flatness: walk,
    predicted_on_flatness: predicted,
    on_rank,
  } = components;
  return [
    `    ${modeNames[mode]}, ${components.ranks.length} principal components of ${snapshots} snapshots: variance ~ flatness^${slopeText(on_flatness)} (n = ${on_flatness.n}); a random walk along the same ${slopeText(walk)}, predicted from C and H ${slopeText(predicted)}; variance ~ rank^${slopeText(on_rank)} (random walk: -2)`,
  ];
}

function slopeText({ slope, standard_error: error }: LogSlope): string {
  return slope === null ? '-' : `${slope.toFixed(2)} ± ${(error ?? NaN).toFixed(2)}`;
}

function meanText({ value, standard_error: error }: BatchMean): string {
  return `${formatNumber(value, 4)} ± ${formatNumber(error, 1)}`;
}
