/**
 * How often nominal 95 % intervals hold what they should: 90 % to 98 %, over 400 simulated measurements with fixed directions. What they
 * should hold: cross-fitted, the slope that the same directions have with unlimited samples; training set, the mean of the slope over
 * measurements of the same size (docs/statistics.md, which says where Theil-Sen's interval falls short).
 */
import { estimators, type Estimator } from '../../../src/shared/slopes.ts';
import { describe, expect, it } from 'vitest';
import { bootstrap, fitByCutoff } from '../../../src/engine/statistics/index.ts';
import { Random } from '../../../src/shared/random.ts';
import { drawProjections, population, type SampleModel } from './samples.ts';
import { deviation, mean } from './support.ts';

const replicates = 400;
const floors = { H: 0, C: 0, Q: 0 };

interface Case extends SampleModel {
  readonly id: string;
  readonly directions: number;
  readonly decades: number;
  readonly gamma: number;
  readonly scatter: number;
}

const cases: readonly Case[] = [
  {
    id: 'moderate noise',
    samples: 512,
    blocksPerQuarter: 10,
    common: 0.7,
    own: 0.7,
    directions: 32,
    decades: 3,
    gamma: 1.3,
    scatter: 0,
  },
  {
    id: 'heavy tails: few samples carry most of C',
    samples: 1024,
    blocksPerQuarter: 12,
    common: 1.5,
    own: 0.5,
    directions: 32,
    decades: 3,
    gamma: 1.2,
    scatter: 0.2,
  },
  {
    id: 'noise that flattens least squares',
    samples: 256,
    blocksPerQuarter: 12,
    common: 0.5,
    own: 1.3,
    directions: 60,
    decades: 2,
    gamma: 1.5,
    scatter: 0,
  },
];

describe('coverage of the 95 % intervals', () => {
  it.each(cases)(
    '$id',
    (test) => {
      const random = new Random(7, test.id);
      const truth = population(random, test.directions, test.decades, test.gamma, 1.1, test.scatter);
      const limit = fitByCutoff({ selection: truth.H, ...truth }, floors, [0])[0];
      const found = Array.from({ length: replicates }, (_, seed) =>
        bootstrap(drawProjections(random, test, truth), { seed, resamples: 200, cutoffs: [1e-8], floors }),
      );
      const target = (estimator: Estimator) => (estimator === 'iv' ? 'ols' : estimator);
      for (const relation of ['gamma', 'gamma_Q', 'C_on_Q', 'gamma_minus_gamma_Q'] as const) {
        for (const estimator of estimators) {
          for (const estimand of ['training_set', 'cross_fitted'] as const) {
            if (estimator === 'iv' && estimand === 'training_set') continue;
            const slopes = found.map((result) => result[estimand][0][relation][estimator]!);
            const unlimited =
              relation === 'gamma_minus_gamma_Q'
                ? limit.gamma[target(estimator)]! - limit.gamma_Q[target(estimator)]!
                : limit[relation][target(estimator)]!;
            const aim = estimand === 'training_set' ? mean(slopes.map((s) => s.estimate)) : unlimited;
            const covered =
              slopes.filter(({ interval }) => interval[0] <= aim && aim <= interval[1]).length / replicates;
            const where = `${estimand} ${relation} ${estimator}: ${covered}`;
            expect(covered, where).toBeGreaterThanOrEqual(0.9);
            expect(covered, where).toBeLessThanOrEqual(0.98);
          }
        }
      }
      // The flattening is there, and the instrument is free of it.
      if (test.own > 1) {
        const miss = (estimator: Estimator) => {
          const estimates = found.map((result) => result.cross_fitted[0].gamma[estimator]!.estimate);
          return (mean(estimates) - test.gamma) / (deviation(estimates) / Math.sqrt(replicates));
        };
        expect(miss('ols')).toBeLessThan(-10);
        expect(Math.abs(miss('iv'))).toBeLessThan(3);
      }
    },
    600_000,
  );
});
