/** Series of one run: each with its name and look, as they were recorded. */
import { expect, test } from 'vitest';
import { runCurves } from '../../../../src/shared/figures/figures/run-curves.ts';

const series = {
  loss: { steps: Float64Array.from([0, 10]), values: Float64Array.from([2, 1]) },
  batch_loss: { steps: [0, 1, 2], values: [2, 2.5, 1.5] },
  test_loss: { steps: [], values: [] },
  accuracy: { steps: [10], values: [0.5] },
};

test('a metric has the series that the run has, batches under the rest; empty ones are left out', () => {
  const [panel] = runCurves(series, 'loss', { scale: 'log' }).panels;
  expect([panel.x.label, panel.y.label, panel.y.scale]).toEqual(['step', 'loss', 'log']);
  expect(panel.marks.map((mark) => mark.kind === 'line' && [mark.name, mark.label, mark.x, mark.y])).toEqual([
    ['batch_loss', 'batches', [0, 1, 2], [2, 2.5, 1.5]],
    ['loss', 'training set', [0, 10], [2, 1]],
  ]);
  expect(runCurves(series, 'accuracy').panels[0].marks.map(({ name }) => name)).toEqual(['accuracy']);
  expect(runCurves(series, 'learning rate').panels[0].marks).toEqual([]);
});
