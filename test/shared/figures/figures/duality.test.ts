/** The directions that the figures of duality draw. */
import { expect, test } from 'vitest';
import { dualDiagonals } from '../../../../src/shared/figures/figures/duality.ts';
import { scatterDiagonals } from '../../../../src/shared/figures/figures/scatter.ts';
import { extendedMeasurement } from '../data.ts';

const drawn = (marks: readonly { readonly kind: string }[]): number[] =>
  marks.flatMap((mark) => (mark.kind === 'points' && 'x' in mark ? (mark.x as number[]) : []));

test('directions that the scatters leave out are left out and counted the same: none stretches the axes', () => {
  const measurement = extendedMeasurement({ d: 300, seed: 2, negative: 4 });
  const dual = dualDiagonals(measurement, 'C');
  const scatter = scatterDiagonals(measurement, { pair: 'C_Q' });
  expect(dual.notes).toEqual(scatter.notes);
  expect(dual.notes[0]).toMatch(/^4 of 300 directions not drawn/);
  const x = drawn(dual.panels[0].marks);
  expect(x).toHaveLength(296);
  expect(Math.min(...x)).toBeGreaterThan(1e-12);
  expect(drawn(dualDiagonals(measurement, 'isotropy').panels[0].marks)).toHaveLength(296);
});
