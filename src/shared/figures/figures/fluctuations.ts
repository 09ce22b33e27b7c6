/** The weights' fluctuations while SGD goes on: variance against curvature beside what C and H predict, and variance against flatness along principal components. */
import { InputError } from '../../errors.ts';
import { modeNames } from '../../minibatch.ts';
import type { WeightFluctuationsSummary } from '../../weight-fluctuations.ts';
import { leastCorrelationTimes } from '../../weight-fluctuations.ts';
import { defineFigure } from '../define.ts';
import { settingText } from '../../settings.ts';
import { integerText } from '../numbers.ts';
import type { FigureSpec, Mark } from '../types.ts';
import { finish, type FigureOptions } from './common.ts';
import type { Measurement } from '../figure-data.ts';

function fluctuationsOf({ summary }: Measurement): WeightFluctuationsSummary {
  const fluctuations = summary.weight_fluctuations;
  if (fluctuations === undefined)
    throw new InputError(
      `the measurement of ${summary.parameter} does not include the weights' fluctuations; measure again with weight fluctuations`,
    );
  return fluctuations;
}

function settingOf({ learning_rate, momentum, batch_size, frozen }: WeightFluctuationsSummary): string {
  return [
    settingText('optimiser.lr', learning_rate),
    ...(momentum > 0 ? [settingText('optimiser.momentum', momentum)] : []),
    settingText('batch_size', batch_size),
    frozen ? 'the other layers held' : 'all layers moving',
  ].join(', ');
}

/** Var_t(w_t . v_i) against v_i^T H v_i at the mean weights, by mode of sampling, of the directions that have an answer; lines: predicted. Raises InputError if they were not followed. */
export function weightVariances(measurement: Measurement, options: FigureOptions = {}): FigureSpec {
  const { summary } = measurement;
  const fluctuations = fluctuationsOf(measurement);
  const lines: Mark[] = [];
  const points: Mark[] = [];
  let unanswered = 0;
  for (const [slot, mode] of fluctuations.modes.entries()) {
    const used = mode.state.flatMap((state, i) => (state === 'answered' ? [i] : []));
    unanswered = Math.max(unanswered, mode.state.length - used.length);
    const order = used.toSorted((a, b) => mode.H[a] - mode.H[b]);
    const name = modeNames[mode.mode];
    const x = order.map((i) => mode.H[i]);
    lines.push({ kind: 'line', name: `predicted_${mode.mode}`, x, y: order.map((i) => mode.predicted[i] ?? NaN), colour: slot, dash: 'solid', width: 0.8, what: 'directions', order: 2, label: slot === 0 ? 'lines: predicted from $C$ and $H$' : undefined }); // prettier-ignore
    points.push({
      kind: 'points',
      name: `variance_${mode.mode}`,
      x,
      y: order.map((i) => mode.measured[i]),
      yLow: order.map((i) => mode.measured[i] - 1.96 * mode.standard_error[i]),
      yHigh: order.map((i) => mode.measured[i] + 1.96 * mode.standard_error[i]),
      colour: slot,
      what: 'directions',
      label: mode.median_ratio === null ? name : `${name}, ratio ${mode.median_ratio.toFixed(3)}`,
      shared: name,
    });
  }
  if (fluctuations.modes.every(({ state }) => !state.includes('answered')))
    throw new InputError(
      `no direction of ${summary.parameter} was observed for ${leastCorrelationTimes} correlation times without drifting; use more steps or a larger learning rate`,
    );
  return finish(
    {
      kind: 'weightVariances',
      title: `Variance of the weights: ${summary.parameter}`,
      description: `Variance of w . v_i over the steps of SGD against the curvature along v_i for ${summary.parameter}, by mode of sampling, with what the noise covariance and the Hessian predict.`,
      x: { scale: 'log', label: 'curvature $h_i = v_i^{\\top} H v_i$' },
      y: { scale: 'log', label: '$\\operatorname{Var}_t(w_t \\cdot v_i)$' },
      marks: [...points, ...lines],
      frameAspect: 0.78,
      notes: [
        settingOf(fluctuations),
        ...(fluctuations.modes.some(({ median_ratio: ratio }) => ratio !== null)
          ? ['ratio: median of measured over predicted']
          : []),
        'bars are 95 % intervals',
        ...(unanswered > 0
          ? [`${integerText(unanswered)} of ${integerText(fluctuations.directions.length)} directions not drawn: observed for less than ${leastCorrelationTimes} correlation times or drifting`] // prettier-ignore
          : []),
      ],
      fit: { learning_rate: fluctuations.learning_rate, momentum: fluctuations.momentum, batch_size: fluctuations.batch_size, seed: fluctuations.seed }, // prettier-ignore
    },
    options,
  );
}

export const fluctuationsFigure = defineFigure({
  title: 'Variance of the weights',
  about: 'How far the weights move along eigenvectors of H while SGD continues, beside what C and H predict.',
  needs: 'measurement',
  takes: 'measurement',
  options: {},
  draw: ({ measurement }, options) => weightVariances(measurement, options),
});

/** Variance along principal components of the weights against the width of the loss along them; dashed: a random walk's variances at the same flatness. */
export function varianceFlatness(measurement: Measurement, options: FigureOptions = {}): FigureSpec {
  const { summary } = measurement;
  const fluctuations = fluctuationsOf(measurement);
  const marks: Mark[] = [];
  let undrawn = 0;
  for (const [slot, { mode, components }] of fluctuations.modes.entries()) {
    if (components === null) continue;
    const used = components.flatness.flatMap((width, i) => (width !== null && width > 0 ? [i] : []));
    undrawn += components.ranks.length - used.length;
    const x = used.map((i) => components.flatness[i] ?? NaN);
    const { slope, standard_error: error } = components.on_flatness;
    const name = modeNames[mode];
    marks.push({
      kind: 'points',
      name: `variance_${mode}`,
      x,
      y: used.map((i) => components.variances[i]),
      colour: slot,
      what: 'components',
      label: slope === null ? name : `${name}, slope ${slope.toFixed(2)} ± ${(1.96 * (error ?? 0)).toFixed(2)}`,
      shared: name,
    });
    const { slope: walk } = components.random_walk_on_flatness;
    const centre = (of: (i: number) => number): number =>
      Math.exp(used.reduce((sum, i) => sum + Math.log(of(i)), 0) / used.length);
    if (walk !== null)
      marks.push({
        kind: 'slope',
        name: `random_walk_${mode}`,
        slope: walk,
        through: [centre((i) => components.flatness[i] ?? NaN), centre((i) => components.random_walk[i])],
        between: [Math.min(...x), Math.max(...x)],
        colour: slot,
        dash: 'dashed',
        width: 0.8,
        order: 2,
        label: slot === 0 ? 'dashed: a random walk' : undefined,
      });
  }
  if (marks.length === 0) throw new InputError(`no principal components of the weights of ${summary.parameter} were kept: too many weights for enough snapshots`); // prettier-ignore
  return finish(
    {
      kind: 'varianceFlatness',
      title: `Variance and flatness: ${summary.parameter}`,
      description: `Variance of the weights of ${summary.parameter} along their principal components over the steps of SGD against the width of the loss along them, with what a random walk would show.`,
      x: { scale: 'log', label: 'flatness: width to $e\\,L$' },
      y: { scale: 'log', label: 'variance $\\sigma_k^2$' },
      marks,
      frameAspect: 0.78,
      notes: [
        settingOf(fluctuations),
        ...(fluctuations.modes.some(({ components }) => typeof components?.on_flatness.slope === 'number')
          ? ['slopes with 95 % intervals']
          : []),
        ...(undrawn > 0 ? [`${integerText(undrawn)} components not drawn: the loss does not reach $e\\,L$ along them`] : []), // prettier-ignore
      ],
      fit: { learning_rate: fluctuations.learning_rate, momentum: fluctuations.momentum, batch_size: fluctuations.batch_size, seed: fluctuations.seed }, // prettier-ignore
    },
    options,
  );
}

export const flatnessFigure = defineFigure({
  title: 'Variance and flatness',
  about:
    'Variance of the weights along their principal components against the flatness of the loss, beside a random walk.',
  needs: 'measurement',
  takes: 'measurement',
  options: {},
  draw: ({ measurement }, options) => varianceFlatness(measurement, options),
});
