/** What a report says about the weights' fluctuations and about single steps, if a measurement holds them. */
import { modeNames } from '../../minibatch.ts';
import type { MeasurementSummary } from '../../results.ts';
import { leastCorrelationTimes, stretchCaveats } from '../../weight-fluctuations.ts';
import type { BatchMean, DirectionState, FluctuationMode, LogSlope } from '../../weight-fluctuations.ts';
import { batchFactor, oneStepChange } from '../../noise-at-work.ts';
import { weightVariances, varianceFlatness } from '../figures/fluctuations.ts';
import { curvatureRatio } from '../figures/mechanism.ts';
import type { FigureOptions } from '../figures/common.ts';
import type { Measurement } from '../figure-data.ts';
import { composePanels } from '../figures/panels.ts';
import { integerText, numberOrDash, numberText, withUncertainty } from '../numbers.ts';
import type { ReportFigure, ReportTable } from './types.ts';

export function fluctuationTables({
  weight_fluctuations: found,
  noise_at_work: work,
  norm_mean_gradient,
}: MeasurementSummary): ReportTable[] {
  if (found === undefined) return [];
  const slope = ({ slope: value, standard_error: error }: LogSlope): string =>
    value === null ? '–' : withUncertainty(value, 1.96 * (error ?? 0));
  const mean = ({ value, standard_error: error }: BatchMean): string => withUncertainty(value, 1.96 * error);
  const count = ({ state: all }: FluctuationMode, state: DirectionState): string =>
    integerText(all.filter((each) => each === state).length);
  const predicted =
    work === undefined
      ? null
      : oneStepChange(
          work,
          norm_mean_gradient,
          found.learning_rate,
          batchFactor(Math.min(found.batch_size, found.population), found.population),
        ).total;
  return [
    {
      caption: `Variance of the weights as SGD goes on: learning rate ${numberText(found.learning_rate, 3)}, momentum ${numberText(found.momentum, 3)}, batches of ${integerText(found.batch_size)}, ${found.frozen ? 'the other layers held' : 'all layers moving'} (seed ${found.seed}); along ${integerText(found.directions.length)} eigendirections of $H$, with an answer if watched for ${leastCorrelationTimes} correlation times $(1 - \\mu) / (\\eta h)$ without a drift; ± 1.96 standard errors${stretchCaveats(
        found,
      )
        .map((caveat) => `. ${caveat.replace(/\.$/, '')}`)
        .join('')}`,
      head: [
        'sampling',
        'steps',
        'answered',
        'too brief',
        'drifting',
        'measured / predicted',
        'slope on $H$',
        'predicted',
        'loss, first to last quarter',
      ],
      rows: found.modes.map((mode) => [
        modeNames[mode.mode],
        integerText(mode.steps),
        count(mode, 'answered'),
        count(mode, 'short'),
        count(mode, 'drifting'),
        mode.median_ratio === null ? '–' : mode.median_ratio.toFixed(3),
        slope(mode.slope),
        slope(mode.predicted_slope),
        mode.loss.map((value) => numberText(value, 3)).join(' to '),
      ]),
    },
    {
      caption: 'Measured / predicted variance by curvature $H_{ii}$, some of the directions with an answer',
      head: ['sampling', ...Array.from({ length: listed }, (_, k) => (k === 0 ? 'largest curvature' : ''))],
      rows: found.modes.map((mode) => [modeNames[mode.mode], ...listedRatios(mode)]),
    },
    {
      caption:
        'Principal components of snapshots of the weights: slope of $\\log$ variance on $\\log$ flatness and on $\\log$ rank',
      head: [
        'sampling',
        'components',
        'snapshots',
        'on flatness',
        'predicted',
        'a random walk',
        'on rank',
        'a random walk',
      ],
      rows: found.modes.flatMap(({ mode, components }) =>
        components === null
          ? []
          : [
              [
                modeNames[mode],
                integerText(components.ranks.length),
                integerText(components.snapshots),
                `${slope(components.on_flatness)} ($n$ = ${integerText(components.on_flatness.n)})`,
                slope(components.predicted_on_flatness),
                slope(components.random_walk_on_flatness),
                slope(components.on_rank),
                '−2',
              ],
            ],
      ),
    },
    {
      caption: 'Single steps from these weights, and the curvature that batches see; ± 1.96 standard errors',
      head: [
        'change of the loss',
        'to second order',
        'beyond it',
        'expected from $C$ and $H$',
        'batch sharpness, network',
        'of this parameter',
        '$2 / \\eta$',
      ],
      rows: [
        [
          mean(found.one_step.measured),
          mean(found.one_step.second_order),
          mean(found.one_step.difference),
          numberOrDash(predicted, 4),
          mean(found.batch_sharpness.network),
          mean(found.batch_sharpness.parameter),
          numberText(2 / found.learning_rate, 4),
        ],
      ],
    },
  ].filter(({ rows }) => rows.length > 0);
}

/** Directions of a mode that are listed, evenly spaced among those with an answer. */
const listed = 6;

function listedRatios(mode: FluctuationMode): string[] {
  const answered = mode.state.flatMap((state, i) => (state === 'answered' ? [i] : []));
  const count = Math.min(listed, answered.length);
  return Array.from({ length: listed }, (_, m) => {
    if (m >= count) return m === 0 ? 'none: more steps or a larger learning rate would help' : '';
    const i = answered[Math.round((m * (answered.length - 1)) / Math.max(1, count - 1))];
    const ratio = mode.measured[i] / (mode.predicted[i] ?? NaN);
    const error = (ratio * mode.standard_error[i]) / mode.measured[i];
    return `${numberText(mode.H[i], 2)}: ${withUncertainty(ratio, 1.96 * error)}`;
  });
}

export function noiseFigures(measurement: Measurement, base: FigureOptions): ReportFigure[] {
  const { summary, arrays } = measurement;
  const figures: ReportFigure[] = [];
  if (summary.mechanism?.profile !== undefined && arrays.eigenvalues && arrays.Q_diagonal)
    figures.push({
      make: () => curvatureRatio(measurement, base),
      caption:
        'Curvature of single samples along the spectrum, $R_i = Q_{ii} / H_{ii}$, whose slope is the predicted exponent less one, beside the same with the eigenvalues of single samples permuted over samples.',
    });
  const modes = summary.weight_fluctuations?.modes ?? [];
  const variances = modes.some(({ state }) => state.includes('answered'));
  const flatness = modes.some(({ components }) => components !== null);
  const made = [...(variances ? [weightVariances] : []), ...(flatness ? [varianceFlatness] : [])];
  if (made.length > 0)
    figures.push({
      make: () =>
        made.length === 1
          ? made[0](measurement, base)
          : composePanels(
              made.map((draw) => draw(measurement, base)),
              { columns: 2, width_mm: 168 },
            ),
      caption:
        'Variance of the weights while SGD goes on from here: along eigenvectors of $H$ beside what $C$ and $H$ predict, and along principal components against the flatness of the loss beside a random walk.',
    });
  return figures;
}

export const fluctuationsDefinition: readonly [string, string] = [
  'variance of the weights',
  'Variance over the steps of $w_t \\cdot v_i$ while SGD goes on at a constant learning rate $\\eta$. Predicted for independent batches by $S = (1 - \\eta h)^2 S + \\eta^2 p\\,C_{ii}$; under epoch shuffling batches of one epoch cancel, which alone makes flat directions quieter. Batch sharpness: $E_B[g_B^{\\top} H_B g_B / |g_B|^2]$.',
];
