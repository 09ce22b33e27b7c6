/** Traces over training: estimates stand with their error, what is 0 up to rounding is not drawn, and what is not positive is. */
import { describe, expect, test } from 'vitest';
import { loadFonts } from '../../../../src/main/figures/fonts.ts';
import type { TrainingHistory } from '../../../../src/shared/figures/figure-data.ts';
import { trainingEvolution } from '../../../../src/shared/figures/figures/training.ts';
import { layoutFigure } from '../../../../src/shared/figures/layout/layout.ts';
import { plottedRows } from '../../../../src/shared/figures/plotted.ts';
import type { Mark, Panel } from '../../../../src/shared/figures/types.ts';
import type { MeasurementSummary } from '../../../../src/shared/results.ts';
import { history } from '../catalogue.ts';

const fonts = loadFonts({ system: false });

const projected = (error: number) =>
  ({ trace_probes: 64, trace_standard_error: { H: error, Q: error } }) as NonNullable<MeasurementSummary['projected']>;

function changed(change: (summary: MeasurementSummary, k: number) => Partial<MeasurementSummary>): TrainingHistory {
  const { loss: _, ...all } = history(4);
  return {
    ...all,
    measurements: all.measurements.map(({ step, summary }, k) => ({
      step,
      summary: { ...summary, ...change(summary, k) },
    })),
  };
}

function panelOf(of: TrainingHistory, quantity: 'trace' | 'sharpness'): Panel {
  return trainingEvolution(of, { quantities: [quantity] }).panels[0];
}
const points = (panel: Panel, name: string): Extract<Mark, { kind: 'points' }> =>
  panel.marks.find((mark) => mark.kind === 'points' && mark.name === name) as Extract<Mark, { kind: 'points' }>;

describe('traces over training', () => {
  const estimated = changed(({ trace }) => ({ projected: projected(0.05 * trace.H) }));

  test('that were estimated have bars of 1.96 standard errors, in the figure and in its data; tr C is exact', () => {
    const panel = panelOf(estimated, 'trace');
    const H = points(panel, 'trace_H');
    const [value] = H.y;
    expect(H.label).toContain('(estimate)');
    expect(H.yLow?.[0]).toBeCloseTo(value * (1 - 1.96 * 0.05), 12);
    expect(H.yHigh?.[0]).toBeCloseTo(value * (1 + 1.96 * 0.05), 12);
    expect(points(panel, 'trace_C').yLow).toBeUndefined();
    const spec = trainingEvolution(estimated, { quantities: ['trace'] });
    expect(spec.notes?.join()).toMatch(/tr H is estimated from random vectors; its bars are 95 % intervals/);
    const rows = plottedRows(spec, layoutFigure(spec, fonts));
    const drawn = rows.filter(({ series }) => series === 'trace_H');
    expect(drawn).toHaveLength(4);
    expect(drawn.every(({ y_low: low, y_high: high, y }) => low! < y! && y! < high!)).toBe(true);
  });

  test('that are exact have none', () => {
    const panel = panelOf(
      changed(() => ({})),
      'trace',
    );
    expect(points(panel, 'trace_H').yLow).toBeUndefined();
    expect(points(panel, 'trace_H').label).not.toContain('estimate');
    expect(panel.y.scale).toBe('log');
  });

  test('that are negative are drawn, on a linear axis', () => {
    const negative = changed(({ trace }, k) => ({ trace: { ...trace, H: k === 2 ? -0.1 : trace.H } }));
    expect(panelOf(negative, 'trace').y.scale).toBe('linear');
  });

  test('that are 0 up to rounding are left out, as is such a largest eigenvalue', () => {
    const flat = changed(({ trace, eigenvalues }, k) =>
      k === 1
        ? { trace: { ...trace, H: 1e-19, C: 1e-19 }, eigenvalues: { ...eigenvalues, largest: 1e-19, smallest: -1e-19 } }
        : {},
    );
    const panel = panelOf(flat, 'trace');
    expect([points(panel, 'trace_H').y[1], points(panel, 'trace_C').y[1]]).toEqual([NaN, NaN]);
    expect(points(panelOf(flat, 'sharpness'), 'largest_eigenvalue').y[1]).toBeNaN();
    expect(panel.y.scale).toBe('log');
  });
});

describe('gamma over training', () => {
  const gamma = (of: TrainingHistory, cutoff: number): Panel =>
    trainingEvolution(of, { quantities: ['gamma'], cutoff, predicted: true }).panels[0];

  test('has what Q predicts beside it where it is asked for', () => {
    const of = history(4);
    const [{ summary }] = of.measurements;
    const { cutoff } = summary.gamma.training_set[1];
    const panel = gamma(of, cutoff);
    for (const which of ['gamma', 'gamma_Q'] as const)
      expect(points(panel, `${which}_training_set`).y).toEqual(
        of.measurements.map(({ summary: each }) => each.gamma.training_set[1][which].ols),
      );
    expect(points(panel, 'gamma_Q_training_set').marker).toBe('circle-open');
  });

  test('has a gap where a measurement has no fit at the cutoff, and raises where none has one', () => {
    const of = changed(({ gamma: rows }, k) =>
      k === 2 ? { gamma: { ...rows, training_set: rows.training_set.slice(0, 1) } } : {},
    );
    const { cutoff } = of.measurements[0].summary.gamma.training_set[1];
    expect(points(gamma(of, cutoff), 'gamma_training_set').y.map(Number.isNaN)).toEqual([false, false, true, false]);
    expect(() => gamma(of, 0.0123)).toThrow(/no fit at the cutoff 0.0123: the measurement has/);
  });
});

test('the stability of the whole network stands at its own steps', () => {
  const of = history(3);
  const rates = of.measurements.map(({ step }) => ({ step, value: 0.5 }));
  const network = of.measurements.slice(1);
  const [panel] = trainingEvolution({ ...of, rates, network, momentum: 0.9 }, { quantities: ['stability'] }).panels;
  const whole = points(panel, 'eta_H11_network');
  expect(whole.x).toEqual(network.map(({ step }) => step));
  expect(whole.y).toEqual(network.map(({ summary }) => 0.5 * summary.eigenvalues.largest));
});
