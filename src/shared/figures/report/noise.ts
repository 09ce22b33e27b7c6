/** What a report says about the weights' fluctuations and about single steps, if a measurement holds them. */
import { modeNames } from '../../minibatch.ts';
import type { MeasurementSummary } from '../../results.ts';
import { leastCorrelationTimes, stretchCaveats } from '../../weight-fluctuations.ts';
import type { BatchMean, LogSlope } from '../../weight-fluctuations.ts';
import { weightVariances, varianceFlatness } from '../figures/fluctuations.ts';
import { curvatureRatio } from '../figures/mechanism.ts';
import type { FigureOptions } from '../figures/common.ts';
import type { Measurement } from '../figure-data.ts';
import { composePanels } from '../figures/panels.ts';
import { integerText, numberText, withUncertainty } from '../numbers.ts';
import type { ReportFigure, ReportTable } from './types.ts';

export function fluctuationTables({ weight_fluctuations: found }: MeasurementSummary): ReportTable[] {
  if (found === undefined) return [];
  const slope = ({ slope: value, standard_error: error }: LogSlope): string =>
    value === null ? '–' : withUncertainty(value, 1.96 * (error ?? 0));
  const mean = ({ value, standard_error: error }: BatchMean): string => withUncertainty(value, 1.96 * error);
  const answered = (states: readonly string[]): string =>
    `${integerText(states.filter((state) => state === 'answered').length)} of ${integerText(states.length)}`;
  return [
    {
      caption: `Variance of the weights as SGD goes on: learning rate ${numberText(found.learning_rate, 3)}, momentum ${numberText(found.momentum, 3)}, batches of ${integerText(found.batch_size)}, ${found.frozen ? 'the other layers held' : 'all layers moving'}; directions watched for ${leastCorrelationTimes} correlation times that do not drift; ± 1.96 standard errors${stretchCaveats(
        found,
      )
        .map((caveat) => `. ${caveat.replace(/\.$/, '')}`)
        .join('')}`,
      head: [
        'sampling',
        'steps',
        'answered',
        'measured / predicted',
        'slope on $H$',
        'predicted',
        'on flatness',
        'a random walk',
      ],
      rows: found.modes.map((mode) => [
        modeNames[mode.mode],
        integerText(mode.steps),
        answered(mode.state),
        mode.median_ratio === null ? '–' : mode.median_ratio.toFixed(3),
        slope(mode.slope),
        slope(mode.predicted_slope),
        mode.components === null ? '–' : slope(mode.components.on_flatness),
        mode.components === null ? '–' : slope(mode.components.random_walk_on_flatness),
      ]),
    },
    {
      caption: 'Single steps from these weights, and the curvature that batches see; ± 1.96 standard errors',
      head: [
        'change of the loss',
        'to second order',
        'beyond it',
        'batch sharpness, network',
        'of this parameter',
        '$2 / \\eta$',
      ],
      rows: [
        [
          mean(found.one_step.measured),
          mean(found.one_step.second_order),
          mean(found.one_step.difference),
          mean(found.batch_sharpness.network),
          mean(found.batch_sharpness.parameter),
          numberText(2 / found.learning_rate, 3),
        ],
      ],
    },
  ];
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
