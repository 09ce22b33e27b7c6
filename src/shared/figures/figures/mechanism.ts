/** R_i = Q_ii / H_ii along the spectrum of H, beside its null: the eigenvalues of single samples' Hessians permuted over samples. */
import { directionsToDraw } from '../../drawn-directions.ts';
import { headlineCutoff, findRow } from '../../estimands.ts';
import { correlationShare } from '../../mechanism.ts';
import { defineFigure } from '../define.ts';
import { integerTex, integerText } from '../numbers.ts';
import type { FigureSpec, Mark } from '../types.ts';
import { arrayOf, finish, undrawnNotes, type FigureOptions } from './common.ts';
import type { Measurement } from '../figure-data.ts';

/** Over all samples from the stored diagonals, and where the mechanism was measured its samples and their null (mean and two standard deviations). */
export function curvatureRatio(measurement: Measurement, options: FigureOptions = {}): FigureSpec {
  const { summary } = measurement;
  const { mechanism, floor } = summary;
  const H = arrayOf(measurement, 'eigenvalues');
  const Q = arrayOf(measurement, 'Q_diagonal');
  // As in every figure of diagonals; C takes no part.
  const directions = directionsToDraw({ selection: H, H, C: Q, Q }, { ...floor, C: floor.Q });
  const { drawn } = directions;
  const marks: Mark[] = [
    {
      kind: 'points',
      name: 'ratio',
      x: drawn.map((i) => H[i]),
      y: drawn.map((i) => Q[i] / H[i]),
      colour: 0,
      what: 'directions',
      label: `$n = ${integerTex(drawn.length)}$ directions`,
      shared: 'directions',
    },
  ];
  const profile = mechanism?.profile;
  if (profile !== undefined && profile.length > 1) {
    const x = profile.map((row) => row.H);
    const edge = (sign: number): number[] =>
      profile.map(({ permuted, permuted_deviation: deviation }) => Math.max(permuted / 10, permuted + 2 * sign * deviation)); // prettier-ignore
    marks.push({ kind: 'band', name: 'permuted', x, low: edge(-1), high: edge(1), colour: 1, opacity: 0.2 });
    marks.push({ kind: 'line', name: 'permuted', x, y: profile.map((row) => row.permuted), colour: 1, order: 1, what: 'directions', label: 'eigenvalues permuted over samples' }); // prettier-ignore
  }
  const row = mechanism === undefined ? undefined : findRow(mechanism.rows, headlineCutoff);
  const share = row === undefined ? null : correlationShare(row);
  return finish(
    {
      kind: 'curvatureRatio',
      title: `Curvature of single samples along the spectrum: ${summary.parameter}`,
      description: `R_i = Q_ii / H_ii against H_ii for ${integerText(drawn.length)} directions of ${summary.parameter}, with the eigenvalues of single samples' Hessians permuted over samples as the null.`,
      x: { scale: 'log', label: '$H_{ii}$' },
      y: { scale: 'log', label: '$R_i = Q_{ii} / H_{ii}$' },
      marks,
      frameAspect: 0.78,
      notes: [
        ...undrawnNotes([directions]),
        mechanism === undefined
          ? 'no null: the spectra of single samples are measured for dense layers, by the exact method'
          : `band: two standard deviations over 20 permutations of ${integerText(mechanism.samples)} samples` +
            (share === null
              ? ''
              : `; the correlation with the samples carries ${Math.round(100 * share)} % of $\\gamma_Q - 1$`),
      ],
      fit: row?.slope === null || row?.slope === undefined ? {} : { slope: row.slope, ...(row.permuted === null ? {} : { permuted: row.permuted }) }, // prettier-ignore
    },
    options,
  );
}

export const mechanismFigure = defineFigure({
  title: 'Curvature of single samples along the spectrum',
  about: 'R = Q / H along the eigenvectors of H, whose slope is the predicted exponent less one, beside its null.',
  needs: 'measurement',
  takes: 'measurement',
  options: {},
  draw: ({ measurement }, options) => curvatureRatio(measurement, options),
});
