/** gamma against settings: where its points stand. */
import { expect, test } from 'vitest';
import { loadFonts } from '../../../../src/main/figures/fonts.ts';
import { gammaAgainstHyperparameter } from '../../../../src/shared/figures/figures/gamma.ts';
import { layoutFigure } from '../../../../src/shared/figures/layout/layout.ts';
import { plottedRows } from '../../../../src/shared/figures/plotted.ts';
import { measurement } from '../data.ts';

const values = [0, 30, 120];
const spec = gammaAgainstHyperparameter(
  values.map((value, k) => ({ value, measurements: [measurement({ d: 120, gamma: 1 + 0.1 * k, seed: k + 1 })] })),
  { parameter: 'step' },
);

test('every point of every series stands at its number, and only error bars step aside', () => {
  const series = spec.panels[0].marks.filter((mark) => mark.kind === 'points');
  expect(series.map(({ name }) => name)).toHaveLength(4);
  for (const mark of series) expect(mark.x).toEqual(values);
  expect(new Set(series.map(({ barShift }) => barShift)).size).toBe(4);
  const rows = plottedRows(spec, layoutFigure(spec, loadFonts({ system: false }))).filter(
    ({ mark }) => mark === 'points',
  );
  expect(new Set(rows.map(({ x }) => x))).toEqual(new Set(values));
});

test('a setting of names has its series side by side', () => {
  const named = gammaAgainstHyperparameter(
    ['ReLU', 'tanh'].map((value, k) => ({ value, measurements: [measurement({ d: 120, seed: k + 1 })] })),
    { parameter: 'activation' },
  );
  const [first, last] = named.panels[0].marks.filter((mark) => mark.kind === 'points').map(({ x }) => x);
  expect(last.every((x, k) => x > first[k] && x - first[k] < 0.5)).toBe(true);
});
