/** One count of the directions that are not drawn: in the window and in figures for papers. */
import { expect, test } from 'vitest';
import { directionsToDraw, undrawnText } from '../../src/shared/drawn-directions.ts';
import { scatterDiagonals } from '../../src/shared/figures/figures/scatter.ts';
import { directionSets, scatterFigure, usablePoints } from '../../src/renderer/run/diagonals.ts';
import { measurement } from './figures/data.ts';

const floors = { H: 1e-12, C: 1e-12, Q: 1e-12 };

test('each direction that is left out has one reason', () => {
  const H = Float64Array.from([1, 0.1, 0.01, 0.001, 1e-9, -1e-3, 1e-5]);
  const C = Float64Array.from([1, 0.1, -0.1, 1e-13, 1e-9, 1e-3, 1e-5]);
  const found = directionsToDraw({ selection: H, H, C, Q: H.map(Math.abs) }, floors);
  expect(found).toEqual({ drawn: [0, 1, 6], total: 7, zero: 1, notPositive: 2, belowFloor: 1 });
  expect(undrawnText([found])).toBe(
    '4 of 7 directions not drawn: 1 numerically zero (at most 10⁻⁸ of the largest), 2 not positive, 1 below the numerical floor',
  );
  expect(undrawnText([{ ...found, zero: 0, notPositive: 0, belowFloor: 0 }])).toBe('');
  // The count is not said twice where there is one reason.
  expect(undrawnText([{ ...found, zero: 0, belowFloor: 0 }])).toBe('2 of 7 directions not drawn: not positive');
});

test.each(['training_set', 'cross_fitted'] as const)(
  'the window and the paper draw the same directions: %s',
  (estimand) => {
    const of = measurement({ d: 400, decades: 11 });
    const sets = directionSets(of.arrays, of.summary, estimand)!;
    const points = usablePoints(sets);
    const spec = scatterDiagonals(of, { estimand });
    const drawn = spec.panels[0].marks.flatMap((mark) => (mark.kind === 'points' ? mark.x : []));
    expect(drawn.toSorted((a, b) => a - b)).toEqual(points.map(({ H }) => H).toSorted((a, b) => a - b));
    const said = Number(/^([\d\u202f]+) of/.exec(spec.notes[0])![1].replace('\u202f', ''));
    const total = sets.sets.reduce((sum, { H }) => sum + H.length, 0);
    expect(said).toBe(total - points.length);
    expect(undrawnText(sets.shown)).toContain(`${said} of`);
  },
);

test.each([
  ['gamma', 'C_H'],
  ['gamma_Q', 'Q_H'],
  ['C_on_Q', 'C_Q'],
] as const)('the window has the figure of the paper: %s', (relation, pair) => {
  const of = measurement({ d: 400, decades: 11 });
  const paper = scatterDiagonals(of, { pair });
  const row = of.summary.gamma.training_set.find(({ cutoff }) => cutoff === paper.provenance.fit['cutoff'])!;
  expect(scatterFigure(of.summary, of.arrays, 'training_set', relation, row)).toEqual(paper);
});
