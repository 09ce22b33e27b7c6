/** Noise of minibatches over its prediction: a point a direction, with its interval; none where nothing is predicted. */
import { expect, test } from 'vitest';
import { minibatchNoise } from '../../../../src/shared/figures/figures/minibatches.ts';
import type { MinibatchModeSummary } from '../../../../src/shared/minibatch.ts';
import { measurement } from '../data.ts';

const mode = (name: MinibatchModeSummary['mode']): MinibatchModeSummary => ({
  mode: name,
  batches: 1000,
  epochs: null,
  factor: 0.02,
  between_factor: 0,
  variance: null,
  trace: null,
  between: null,
  epoch_sum: null,
  measured: [4, 0, 3],
  predicted: [2, 0, 3],
  standard_error: [0.5, 0, 0.3],
  z: [4, 0, 0],
});

test('it is measured over predicted with 1.96 standard errors; bars of the modes stand side by side', () => {
  const of = measurement({ d: 20 });
  const noise = { batch_size: 50, seed: 1, directions: [0, 3, 9], eigenvalues: [1, 0.1, 0.01], C: [100, 0, 150] };
  const modes = [mode('epoch'), mode('with_replacement'), mode('without_replacement')];
  const summary = { ...of.summary, minibatch_noise: { ...noise, modes } };
  const { marks } = minibatchNoise({ ...of, summary }).panels[0];
  const points = marks.flatMap((each) => (each.kind === 'points' ? [each] : []));
  expect(points.map(({ label }) => label)).toEqual(['epoch shuffling', 'with replacement', 'without replacement']);
  expect(points[0]).toMatchObject({ x: [1, 0.01], y: [2, 1] });
  expect(points[0].yLow![0]).toBeCloseTo(2 - 1.96 * 0.25, 12);
  expect(points[0].yHigh![1]).toBeCloseTo(1 + 1.96 * 0.1, 12);
  expect(points.map(({ barShift = 0 }) => Math.sign(barShift))).toEqual([-1, 0, 1]);
});

test('a measurement without it is refused in words', () => {
  expect(() => minibatchNoise(measurement({ d: 20 }))).toThrow(/holds no minibatch noise; measure again/);
});
