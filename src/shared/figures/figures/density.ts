/** The spectral density of H as stochastic Lanczos quadrature estimated it, with its band of error. */
import { InputError } from '../../errors.ts';
import { finish, type FigureOptions } from './common.ts';
import { numberText } from '../numbers.ts';
import type { FigureSpec } from '../types.ts';
import { defineFigure } from '../define.ts';
import { choice } from '../options.ts';
import type { Measurement } from '../figure-data.ts';

export interface SpectralDensityOptions extends FigureOptions {
  /** Of the density; 'log' by default. */
  readonly scale?: 'linear' | 'log';
}

/**
 * Density of the eigenvalues [1 / eigenvalue], which integrates to 1, with 1.96 standard errors over the random vectors. On a logarithmic axis it ends a
 * decade below the height of one eigenvalue by itself, 1 / (d sigma sqrt(2 pi)): beneath are the tails of the smoothing alone. Raises InputError for a
 * measurement without it.
 */
export function spectralDensity(measurement: Measurement, options: SpectralDensityOptions = {}): FigureSpec {
  const { summary } = measurement;
  const estimate = summary.density;
  if (estimate === undefined)
    throw new InputError(
      `the measurement of ${summary.parameter} holds no spectral density; measure again with the density`,
    );
  const { grid, density, standard_error: errors, sigma, probes, steps } = estimate;
  const linear = options.scale === 'linear';
  const floor = linear ? -Infinity : 0.1 / (summary.d * sigma * Math.sqrt(2 * Math.PI));
  const within = (value: number): number => Math.max(value, floor);
  const name = 'density';
  return finish(
    {
      kind: 'density',
      title: `Spectral density of H: ${summary.parameter}`,
      description: `Density of the eigenvalues of H of ${summary.parameter} from ${numberText(estimate.lowest, 3)} to ${numberText(estimate.highest, 3)}, by stochastic Lanczos quadrature.`,
      x: { scale: 'linear', label: 'eigenvalue of $H$' },
      y: { scale: linear ? 'linear' : 'log', label: 'density', zero: linear, min: linear ? undefined : floor },
      marks: [
        {
          kind: 'band',
          name,
          x: [...grid],
          low: density.map((value, k) => within(value - 1.96 * errors[k])),
          high: density.map((value, k) => within(value + 1.96 * errors[k])),
          colour: 0,
          opacity: 0.25,
        },
        { kind: 'line', name, x: [...grid], y: density.map(within), colour: 0, what: 'values' },
      ],
      frameAspect: 0.62,
      notes: [
        `${probes} random vectors of ${steps} Lanczos steps; the band is a 95 % interval`,
        `smoothed by $\\sigma$\u00a0=\u00a0${numberText(sigma, 2).replaceAll(' ', '\u00a0')}`,
      ],
      fit: { probes, lanczos_steps: steps, seed: estimate.seed, sigma },
    },
    options,
  );
}

export const densityFigure = defineFigure({
  title: 'Spectral density',
  about: 'Density of the eigenvalues of H by stochastic Lanczos quadrature, with its error.',
  needs: 'measurement',
  takes: 'measurement',
  options: { scale: choice('Scale', { log: 'logarithmic', linear: 'linear' }, 'log') },
  draw: ({ measurement }, options) => spectralDensity(measurement, options),
});
