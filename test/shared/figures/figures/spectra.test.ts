/** Spectra end where the arithmetic tells no more, at a line. */
import { expect, test } from 'vitest';
import { loadFonts } from '../../../../src/main/figures/fonts.ts';
import { spectra } from '../../../../src/shared/figures/figures/spectra.ts';
import { layoutFigure } from '../../../../src/shared/figures/layout/layout.ts';
import { measurement } from '../data.ts';

const fonts = loadFonts({ system: false });

test('a spectrum that reaches its floor ends there, and the floor is a line on the axis', () => {
  // Eigenvalues over 20 decades: most lie below the floor of 1e-14.
  const spec = spectra(measurement({ d: 400, decades: 20 }));
  const [panel] = spec.panels;
  const lines = panel.marks.filter((mark) => mark.kind === 'line');
  const { floor } = measurement({ d: 400, decades: 20 }).summary;
  for (const line of lines) {
    expect(Math.min(...line.y)).toBeGreaterThanOrEqual(floor[line.name as 'H' | 'C' | 'Q']);
    expect(line.y.length).toBeLessThan(400);
  }
  const rules = panel.marks.filter((mark) => mark.kind === 'rule');
  expect(rules.map(({ value }) => value)).toEqual([floor.H, floor.C, floor.Q]);
  const scene = layoutFigure(spec, fonts);
  expect(scene.warnings).toEqual([]);
  expect(scene.panels[0].y.min).toBeGreaterThan(1e-20);
  expect(scene.panels[0].y.min).toBeLessThanOrEqual(floor.C);
  expect(spec.notes[0]).toMatch(/^\d+ of H, \d+ of C, \d+ of Q not drawn: below the numerical floor or not positive$/);
});

test('a spectrum that stays above its floor is whole, without a line', () => {
  const { marks } = spectra(measurement({ d: 100, decades: 6 })).panels[0];
  expect(marks.map(({ kind }) => kind)).toEqual(['line', 'line', 'line']);
  for (const mark of marks) if (mark.kind === 'line') expect(mark.y).toHaveLength(100);
});

test('by the directions of H the values of one direction stand over each other, unsorted', () => {
  const of = measurement({ d: 400, decades: 20 });
  const { floor } = of.summary;
  const { marks, x } = spectra(of, { order: 'direction', eigenvalues: { C: [1, 2, 3] } }).panels[0];
  expect(x.label).toBe('direction $i$');
  const arrays = { H: of.arrays.eigenvalues!, C: of.arrays.C_diagonal!, Q: of.arrays.Q_diagonal! };
  for (const quantity of ['H', 'C', 'Q'] as const) {
    const line = marks.find((mark) => mark.kind === 'line' && mark.name === quantity);
    if (line?.kind !== 'line') throw new Error(`no line of ${quantity}`);
    const drawn = new Map(line.x.map((i, k) => [i, line.y[k]]));
    arrays[quantity].forEach((value, i) =>
      expect(drawn.get(i + 1)).toBe(value > 0 && value >= floor[quantity] ? value : undefined),
    );
  }
});
