/** The rule for diverged runs: its reference in closed form, and its limits. */
import { describe, expect, test } from 'vitest';
import { SampleLoss } from '../../../src/engine/network/loss.ts';
import { divergence } from '../../../src/engine/training/divergence.ts';

describe('the loss of the best constant prediction', () => {
  test('cross-entropy: the entropy of the class frequencies', () => {
    // Classes 0, 0, 0, 1 of three.
    const targets = Float32Array.of(1, 0, 0, 1, 0, 0, 1, 0, 0, 0, 1, 0);
    expect(new SampleLoss('cross-entropy', [3]).constant(targets)).toBeCloseTo(
      -0.75 * Math.log(0.75) - 0.25 * Math.log(0.25),
      12,
    );
    expect(new SampleLoss('cross-entropy', [2]).constant(Float32Array.of(0, 1, 0, 1))).toBe(0);
  });

  test('mean squared error: half the summed variances, which no other constant beats', () => {
    const targets = Float64Array.of(1, 5, 2, 7, 6, -3);
    const lossOf = (a: number, b: number): number =>
      [0, 2, 4].reduce((sum, i) => sum + ((targets[i] - a) ** 2 + (targets[i + 1] - b) ** 2) / 6, 0);
    const best = new SampleLoss('mse', [2]).constant(targets);
    expect(best).toBeCloseTo(lossOf(3, 3), 12);
    expect(best).toBeLessThan(lossOf(3.1, 3));
    expect(best).toBeLessThan(lossOf(3, 2.9));
  });
});

describe('diverged', () => {
  test.each([
    [NaN, 2, 1, false, 'became NaN'],
    [Infinity, 2, 1, true, 'became Infinity'],
    [1999, 2, 1, false, null],
    [2001, 2, 1, false, 'rose to 2.00e+3, over 1000 times the loss before training (2.00),'],
    [19.9, 2, 1, true, null],
    [20.1, 2, 1, true, 'rose to 20.1, over 10 times the loss before training (2.00),'],
    [20.1, 2, 3, true, null],
    [31, 2, 3, true, 'rose to 31.0, over 10 times the loss of a constant prediction (3.00),'],
    [31, NaN, 3, true, 'rose to 31.0, over 10 times the loss of a constant prediction (3.00),'],
    [5, 0, 0, true, null],
  ])('loss %d, before training %d, constant %d, at the end: %s', (loss, initial, constant, isEnd, expected) => {
    expect(divergence(loss, initial, constant, isEnd)).toBe(expected);
  });
});
