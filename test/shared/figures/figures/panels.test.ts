/** Where composed panels stand in their grid. */
import { describe, expect, test } from 'vitest';
import { loadFonts } from '../../../../src/main/figures/fonts.ts';
import { composePanels, figureLetters } from '../../../../src/shared/figures/figures/panels.ts';
import { letterOf } from '../../../../src/shared/figures/layout/frames.ts';
import { layoutFigure } from '../../../../src/shared/figures/layout/layout.ts';
import type { PresetName } from '../../../../src/shared/figures/presets.ts';
import { pairFigures } from '../pairs.ts';

const fonts = loadFonts({ system: false });
const wide: readonly PresetName[] = ['neurips', 'prl-2', 'slides', 'jmlr', 'icml-2', 'nature-2'];

describe.each(wide)('training over time beside one figure at %s', (preset) => {
  test.each([
    ['before', ['C_H', 'evolution'] as const, 4],
    ['after', ['evolution', 'duality'] as const, 0],
  ])(
    'the figure %s: no cell of the grid is empty, and the quantity that is wide ends with its row',
    (_, names, widest) => {
      const spec = composePanels(
        names.map((name, k) => pairFigures[name](preset, k + 1)),
        { preset },
      );
      const cells = spec.panels.flatMap(({ row, column, span = 1 }) => Array.from({ length: span }, (__, c) => `${row},${column + c}`)); // prettier-ignore
      expect(new Set(cells).size).toBe(cells.length);
      expect(cells).toHaveLength(spec.rows * spec.columns);
      const { panels, warnings } = layoutFigure(spec, fonts);
      expect(warnings).toEqual([]);
      const ends = panels.map(({ frame }) => frame.x + frame.width);
      const right = Math.max(...ends);
      for (const [k, { column, span = 1, square }] of spec.panels.entries())
        if (square !== true && column + span === spec.columns) expect(ends[k]).toBeCloseTo(right, 6);
      const widths = panels.map(({ frame }) => frame.width);
      if (spec.panels.some(({ span }) => span !== undefined)) expect(widths.indexOf(Math.max(...widths))).toBe(widest);
    },
  );
});

describe('the letters of figures', () => {
  const [scatter, history] = [pairFigures.C_H('jmlr', 1), pairFigures.evolution('jmlr', 1)];

  test('are those of their panels, in the description and in the settings of fits', () => {
    const spec = composePanels([scatter, history, pairFigures.C_Q('jmlr', 1)]);
    const last = spec.panels.length - 1;
    expect(last).toBe(5);
    expect(figureLetters(spec)).toEqual(['(a)', '(b)–(e)', '(f)']);
    expect(spec.description).toContain(`(b)–(e) ${history.description} (f) `);
    expect(letterOf(last, spec.style.panelLabels)).toBe('(f)');
    const { fit } = spec.provenance;
    expect(Object.keys(fit).filter((key) => key.endsWith('estimand'))).toEqual(['a.estimand', 'f.estimand']);
    expect(fit['b–e.estimands']).toBe(history.provenance.fit['estimands']);
  });

  test('go on beyond 26: no setting of a fit is lost', () => {
    const figures = Array.from({ length: 28 }, (_, k) => ({
      ...scatter,
      provenance: { ...scatter.provenance, fit: { slope: k } },
    }));
    const { description, provenance } = composePanels(figures);
    expect(provenance.fit).toMatchObject({ 'a.slope': 0, 'z.slope': 25, 'aa.slope': 26, 'ab.slope': 27 });
    expect(Object.keys(provenance.fit)).toHaveLength(28);
    expect(description).toContain(`(ab) ${scatter.description}`);
  });
});
