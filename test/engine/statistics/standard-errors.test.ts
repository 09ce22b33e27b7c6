import { describe, expect, it } from 'vitest';
import { standardErrorOverBlocks } from '../../../src/engine/statistics/index.ts';
import { Random } from '../../../src/shared/random.ts';
import { mean } from './support.ts';

describe('standardErrorOverBlocks', () => {
  it('is the spread of block means over the root of their number where blocks are of one size', () => {
    const sums = [10, 14, 6, 12];
    // Means of 2 samples: 5, 7, 3, 6; their variance is 35 / 12.
    expect(standardErrorOverBlocks(sums, [2, 2, 2, 2])).toBeCloseTo(Math.sqrt(35 / 12 / 4), 12);
  });

  it('estimates the standard deviation of the mean, blocks of unequal sizes included', () => {
    const random = new Random(1);
    const sizes = Array.from({ length: 40 }, (_, b) => 8 + (b % 5));
    const samples = sizes.reduce((total, n) => total + n, 0);
    const variances = Array.from({ length: 400 }, () => {
      const sums = sizes.map((n) => Array.from({ length: n }, () => random.normal()).reduce((a, b) => a + b, 0));
      return standardErrorOverBlocks(sums, sizes) ** 2;
    });
    // 400 variances of 39 degrees of freedom are known to sqrt(2 / 39 / 400) = 1.1 %.
    expect(Math.abs(mean(variances) * samples - 1)).toBeLessThan(0.04);
  });
});
