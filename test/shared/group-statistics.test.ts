import { describe, expect, test } from 'vitest';
import { intervalQuantiles, statisticsOf } from '../../src/shared/group-statistics.ts';

describe('means over seeds', () => {
  test('mean, deviation, interval and range of five', () => {
    const { n, mean, standard_deviation: deviation, interval, smallest, largest } = statisticsOf([2, 1, 3, 5, 4]);
    expect([n, mean, smallest, largest]).toEqual([5, 3, 1, 5]);
    expect(deviation).toBeCloseTo(Math.sqrt(2.5), 12);
    expect(interval![1] - mean).toBeCloseTo(2.7764451051977987 * Math.sqrt(0.5), 10);
    expect(mean - interval![0]).toBeCloseTo(2.7764451051977987 * Math.sqrt(0.5), 10);
  });

  test('one value has neither deviation nor interval; of none there is no mean', () => {
    expect(statisticsOf([3])).toMatchObject({ n: 1, mean: 3, standard_deviation: null, interval: null });
    expect(() => statisticsOf([])).toThrow('a mean needs at least one value');
  });

  test('lists of equal length share their quantile and stay apart otherwise', () => {
    const quantile = intervalQuantiles();
    const lists = [[1, 2, 3], [4, 5], [7, 9, 11], [3]];
    expect(lists.map((values) => statisticsOf(values, quantile))).toEqual(lists.map((values) => statisticsOf(values)));
  });
});
