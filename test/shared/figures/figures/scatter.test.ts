import { describe, expect, test } from 'vitest';
import { loadFonts } from '../../../../src/main/figures/fonts.ts';
import { scatterDiagonals } from '../../../../src/shared/figures/figures/scatter.ts';
import { layoutFigure } from '../../../../src/shared/figures/layout/layout.ts';
import { renderSvg } from '../../../../src/shared/figures/svg.ts';
import { measurement } from '../data.ts';

const fonts = loadFonts({ system: false });

describe('scatter of diagonals', () => {
  test('every direction is drawn, or counted in the small print', () => {
    const spec = scatterDiagonals(measurement({ d: 2500, negative: 12 }));
    const scene = layoutFigure(spec, fonts);
    expect(scene.notes).toEqual([
      '12 of 2\u202f500 directions not drawn: 6 numerically zero (at most $10^{-8}$ of the largest), 6 not positive',
    ]);
    expect(scene.warnings).toEqual([]);
    const drawn = JSON.stringify(scene.nodes, (key, value: unknown) =>
      key === 'box' || key === 'rgba' ? undefined : value,
    );
    expect(drawn).toContain('markers');
    const svg = renderSvg(spec, fonts);
    // Two series of markers, each point one <use>; the legend adds one for each.
    expect(svg.match(/<use xlink:href="#m-/g)).toHaveLength(2500 - 12 + 2);
    expect(svg).toContain('width="82.55mm"');
  });

  test('the fit of the summary is the line that is drawn', () => {
    const data = measurement({ d: 300 });
    const row = data.summary.gamma.training_set.find(({ cutoff }) => cutoff === 1e-4);
    const spec = scatterDiagonals(data, { cutoff: 1e-4 });
    const line = spec.panels[0].marks.find((mark) => mark.kind === 'slope' && mark.name === 'fit');
    if (line?.kind !== 'slope' || !row) throw new Error('no fit drawn');
    expect(line.slope).toBe(row.gamma.ols);
    const [x0, y0] = line.through;
    expect(Math.log(y0) - line.slope * Math.log(x0)).toBeCloseTo(row.gamma.intercept ?? NaN, 10);
    expect(spec.provenance.fit).toMatchObject({ estimand: 'training_set', cutoff: 1e-4, estimator: 'ols', n: row.n });
  });

  test('a cutoff that was not measured is refused', () => {
    expect(() => scatterDiagonals(measurement(), { cutoff: 0.03 })).toThrow(/no fit at the cutoff 0.03/);
  });
});
