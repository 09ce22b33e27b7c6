/** Spectra of H, C and Q: eigenvalues in decreasing order against their rank. */
import type { Optional } from '../../defined.ts';
import { integerText } from '../numbers.ts';
import type { FigureSpec, Line, Rule } from '../types.ts';
import { arrayOf, finish, type FigureOptions } from './common.ts';
import type { Measurement } from '../figure-data.ts';
import { defineFigure } from '../define.ts';
import { check, choice, choices } from '../options.ts';

export interface SpectraOptions extends FigureOptions {
  /** Which, in the order of the legend; all three by default. */
  readonly quantities?: readonly ('H' | 'C' | 'Q')[];
  /**
   * Eigenvalues of C and of Q themselves. Where they are not given, the sorted diagonal in the eigenbasis of H stands for them, and the legend says so.
   */
  readonly eigenvalues?: Optional<Record<'C' | 'Q', ArrayLike<number>>> | undefined;
  /**
   * What the axis counts: 'rank' (default): each spectrum in decreasing order; 'direction': the directions of H, so that the values of one direction stand over
   * each other (the diagonals, then).
   */
  readonly order?: 'rank' | 'direction';
  /** Scale of the ranks; 'log' by default, which shows the few large ones. */
  readonly ranks?: 'log' | 'linear';
  /** Divide each spectrum by its largest value; false by default. */
  readonly normalised?: boolean;
}

export function spectra(measurement: Measurement, options: SpectraOptions = {}): FigureSpec {
  const { summary } = measurement;
  const quantities = options.quantities ?? ['H', 'C', 'Q'];
  /** Where a spectrum ends because the rest is below the numerical floor. */
  const floors: { value: number; colour: number; quantity: string }[] = [];
  const below: string[] = [];
  const byDirection = options.order === 'direction';
  const marks: Line[] = quantities.map((quantity, slot) => {
    const spectrum =
      quantity === 'H'
        ? arrayOf(measurement, 'eigenvalues')
        : byDirection
          ? undefined
          : options.eigenvalues?.[quantity];
    const values = Float64Array.from(spectrum ?? arrayOf(measurement, quantity === 'C' ? 'C_diagonal' : 'Q_diagonal'));
    if (!byDirection) values.sort().reverse();
    const unit = options.normalised ? values.reduce((largest, value) => Math.max(largest, value), 0) || 1 : 1;
    const floor = summary.floor[quantity];
    const shown = Array.from(values.keys()).filter((k) => values[k] > 0 && values[k] >= floor);
    const left = values.length - shown.length;
    if (left > 0) below.push(`${integerText(left)} of ${quantity}`);
    if (floor > 0 && left > 0) floors.push({ value: floor / unit, colour: slot, quantity });
    const isSpectrum = spectrum !== undefined && !byDirection;
    return {
      kind: 'line',
      name: quantity,
      x: shown.map((k) => k + 1),
      y: shown.map((k) => values[k] / unit),
      colour: slot,
      label: isSpectrum ? `$${quantity}$` : `$${quantity}_{ii}$${byDirection ? '' : ', sorted'}`,
      what: isSpectrum ? `eigenvalues of $${quantity}$` : `$${quantity}_{ii}$`,
    };
  });
  return finish(
    {
      kind: 'spectra',
      title: `Spectra: ${summary.parameter}`,
      description: `Eigenvalues of ${quantities.join(', ')} of ${summary.parameter} (${integerText(summary.d)} weights) ${byDirection ? 'by the directions of H' : 'in decreasing order against their rank'}, on a logarithmic axis.`,
      x: { scale: options.ranks ?? 'log', label: byDirection ? 'direction $i$' : 'rank $i$' },
      y: {
        scale: 'log',
        label: `${byDirection ? 'value' : 'eigenvalue'}${options.normalised ? ' / largest' : ''}`,
      },
      marks: [...marks, ...floorLines(floors)],
      notes: below.length > 0 ? [`${below.join(', ')} not drawn: below the numerical floor or not positive`] : [],
    },
    options,
  );
}

/** The floor of each spectrum that reaches it, in its colour; one entry in the legend. */
function floorLines(
  floors: readonly { readonly value: number; readonly colour: number; readonly quantity: string }[],
): Rule[] {
  return floors.map(({ value, colour, quantity }, k) => ({
    kind: 'rule',
    name: `floor_${quantity}`,
    axis: 'y',
    value,
    colour,
    dash: 'dotted',
    width: 1.2,
    order: 5,
    label: k === 0 ? 'numerical floor' : undefined,
  }));
}

export const spectraFigure = defineFigure({
  title: 'Spectra of H, C and Q',
  about: 'Eigenvalues in decreasing order against their rank.',
  needs: 'measurement',
  takes: 'measurement',
  options: {
    quantities: choices('Show', { H: 'H', C: 'C', Q: 'Q' }, 'quantity'),
    spectrum: choice(
      'C and Q as',
      { eigenvalues: 'eigenvalues', diagonals: 'diagonals in the eigenbasis of H' },
      'eigenvalues',
    ),
    order: choice('Order', { rank: 'each by its rank', direction: 'by the directions of H' }, 'rank'),
    ranks: choice('Ranks', { log: 'logarithmic', linear: 'linear' }, 'log'),
    normalised: check('Divide by the largest', false),
  },
  draw: ({ measurement, eigenvalues }, options) => spectra(measurement, { ...options, eigenvalues }),
});
