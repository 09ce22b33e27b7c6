/** Noise of drawn minibatches along eigendirections of H over what C predicts, by mode of sampling: 1 if C accounts for all of it. */
import { InputError } from '../../errors.ts';
import { definedMinibatchNoise } from '../../defined-extras.ts';
import { modeNames } from '../../minibatch.ts';
import { integerText } from '../numbers.ts';
import type { FigureSpec, Points } from '../types.ts';
import { finish, type FigureOptions } from './common.ts';
import type { Measurement } from '../figure-data.ts';

/** Points of the page between the error bars of two modes at one direction. */
const betweenBars = 4;

/** Measured over predicted variance, with 1.96 standard errors, against the eigenvalue. Raises InputError for a measurement without it. */
export function minibatchNoise(measurement: Measurement, options: FigureOptions = {}): FigureSpec {
  const { summary } = measurement;
  const noise = definedMinibatchNoise(summary);
  if (noise === undefined)
    throw new InputError(
      `the measurement of ${summary.parameter} holds no minibatch noise; measure again with minibatch noise`,
    );
  const marks = noise.modes.map((mode, slot): Points => {
    const used = mode.predicted.flatMap((value, i) => (value > 0 ? [i] : []));
    const ratio = (i: number, errors: number): number =>
      (mode.measured[i] + errors * mode.standard_error[i]) / mode.predicted[i];
    return {
      kind: 'points',
      name: mode.mode,
      x: used.map((i) => noise.eigenvalues[i]),
      y: used.map((i) => ratio(i, 0)),
      yLow: used.map((i) => ratio(i, -1.96)),
      yHigh: used.map((i) => ratio(i, 1.96)),
      barShift: betweenBars * (slot - (noise.modes.length - 1) / 2),
      colour: slot,
      join: 'solid',
      what: 'directions',
      label: modeNames[mode.mode],
    };
  });
  return finish(
    {
      kind: 'minibatchNoise',
      title: `Noise of minibatches: ${summary.parameter}`,
      description: `Variance of the noise of drawn batches of ${integerText(noise.batch_size)} along eigendirections of H of ${summary.parameter}, over what C predicts, by mode of sampling.`,
      x: { scale: 'log', label: 'curvature $H_{ii}$' },
      y: { scale: 'linear', label: 'measured / predicted' },
      marks: [{ kind: 'rule', name: 'equal', axis: 'y', value: 1, colour: 'muted', dash: 'dashed' }, ...marks],
    },
    options,
  );
}
