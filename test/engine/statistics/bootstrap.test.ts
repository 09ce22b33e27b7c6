import { estimators } from '../../../src/shared/slopes.ts';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  bootstrap,
  chooseDirections,
  emptySums,
  planBlocks,
  withIntervals,
  type BlockProjections,
  type BootstrapResult,
} from '../../../src/engine/statistics/index.ts';
import { packProjections, unpackProjections } from '../../../src/engine/statistics/stored-blocks.ts';
import { Random } from '../../../src/shared/random.ts';
import { directFits, drawProjections, floors, population } from './samples.ts';

const cutoffs = [1e-1, 1e-2, 1e-8];

describe('bootstrap', () => {
  let projections: BlockProjections;
  let result: BootstrapResult;
  beforeAll(() => {
    const random = new Random(3);
    projections = drawProjections(
      random,
      { samples: 640, blocksPerQuarter: 10, common: 0.5, own: 0.7 },
      population(random, 50, 3, 1.4, 1.2),
    );
    result = bootstrap(projections, { seed: 11, floors, cutoffs });
  });

  it('is the same for the same seed and hardly another for another', () => {
    expect(bootstrap(projections, { seed: 11, floors, cutoffs })).toEqual(result);
    const other = bootstrap(projections, { seed: 12, floors, cutoffs });
    const width = ([low, high]: readonly [number, number]) => high - low;
    for (const estimator of estimators) {
      const [a, b] = [result.cross_fitted[2].gamma[estimator]!, other.cross_fitted[2].gamma[estimator]!];
      // Theil-Sen's comes from an expansion whose coefficients are tuned on a few resamples.
      if (estimator === 'theil_sen') expect(Math.abs(a.standard_error / b.standard_error - 1)).toBeLessThan(0.1);
      else expect(a.standard_error).toBe(b.standard_error);
      expect(a.interval).not.toEqual(b.interval);
      expect(Math.abs(width(a.interval) / width(b.interval) - 1)).toBeLessThan(0.1);
    }
    expect([result.seed, result.resamples, result.blocks]).toEqual([11, 2000, 40]);
  });

  it('centres training-set intervals on the slope and takes the bias out of the cross-fitted ones', () => {
    for (const estimator of ['ols', 'ols_inverse', 'orthogonal'] as const) {
      const training = result.training_set[2].gamma[estimator]!;
      expect(training.correction).toBe(0);
      expect((training.interval[0] + training.interval[1]) / 2).toBeCloseTo(training.estimate, 10);
    }
    const ols = result.cross_fitted[2].gamma.ols!;
    const inverse = result.cross_fitted[2].gamma.ols_inverse!;
    // Noise flattens the one and steepens the other.
    expect(ols.correction).toBeLessThan(0);
    expect(inverse.correction).toBeGreaterThan(0);
    expect((ols.interval[0] + ols.interval[1]) / 2).toBeCloseTo(ols.estimate - ols.correction, 10);
  });

  it('pairs the differences', () => {
    const row = result.training_set[2];
    const difference = row.gamma_minus_gamma_Q.ols!;
    expect(difference.estimate).toBeCloseTo(row.gamma.ols!.estimate - row.gamma_Q.ols!.estimate, 12);
    // H's noise is common to both slopes and leaves their difference.
    expect(difference.standard_error).toBeLessThan(
      Math.hypot(row.gamma.ols!.standard_error, row.gamma_Q.ols!.standard_error),
    );
    const estimands = result.difference[2].gamma.ols!;
    expect(estimands.estimate).toBeCloseTo(row.gamma.ols!.estimate - result.cross_fitted[2].gamma.ols!.estimate, 12);
    expect(estimands.standard_error).toBeLessThan(0.5 * row.gamma.ols!.standard_error);
    expect(result.difference[2].gamma.iv).toBeUndefined();
  });

  it('moves its intervals onto the slopes over all directions', () => {
    const rows = directFits(projections, cutoffs);
    const shifted = {
      training_set: rows.training_set.map((row) => ({ ...row, gamma: { ...row.gamma, ols: row.gamma.ols! + 0.25 } })),
      cross_fitted: rows.cross_fitted.map((row) => {
        const { iv: _, ...gamma } = row.gamma;
        return { ...row, gamma };
      }),
    };
    const joined = withIntervals(shifted, result, projections);
    const found = joined.gamma.training_set[2].gamma.interval!.ols!;
    const before = result.training_set[2].gamma.ols!.interval;
    expect(found[0] - before[0]).toBeCloseTo(0.25, 8);
    expect(found[1] - before[1]).toBeCloseTo(0.25, 8);
    expect(joined.gamma.cross_fitted[2].gamma.iv).toBe(result.cross_fitted[2].gamma.iv!.estimate);
    expect(joined.gamma.cross_fitted[2].gamma.interval!.iv).toEqual(result.cross_fitted[2].gamma.iv!.interval);
    const difference = joined.gamma.training_set[2].gamma_minus_gamma_Q!;
    expect(difference.ols).toBeCloseTo(rows.training_set[2].gamma.ols! + 0.25 - rows.training_set[2].gamma_Q.ols!, 12);
    expect(difference.interval!.ols![0]).toBeLessThan(difference.ols!);
    expect(joined.estimand_difference[2].gamma.ols).toBeCloseTo(
      rows.training_set[2].gamma.ols! + 0.25 - rows.cross_fitted[2].gamma.ols!,
      12,
    );
    expect(joined.bootstrap).toEqual({ seed: 11, resamples: 2000, blocks: 40, directions: [50, 50, 50] });
    expect(() => withIntervals({ ...rows, training_set: rows.training_set.slice(1) }, result, projections)).toThrow(
      /cutoff/,
    );
  });

  it('leaves a direction out of the resamples in which its value is not positive', () => {
    const sums = projections.training_set.sums;
    const k = 50;
    const curvature = sums.curvature.slice();
    // Positive in the mean because of one block, negative in most resamples without it.
    for (let b = 0; b < 40; b++) curvature[b * k + 49] = b === 0 ? 1 : -0.001;
    const training_set = { ...projections.training_set, sums: { ...sums, curvature } };
    const found = bootstrap({ ...projections, training_set }, { seed: 1, resamples: 200, floors, cutoffs })
      .training_set[2];
    expect(found.groups).toBe(50);
    expect(Number.isFinite(found.gamma.ols!.interval[0])).toBe(true);
  });

  it('keeps a bounded interval where one block carries all of C, and says so', () => {
    const { sums } = projections.training_set;
    const k = 50;
    const squaredGradient = sums.squaredGradient.slice();
    // Along the flatter half of the directions one block outweighs the other 39 by far.
    for (let i = 25; i < k; i++) squaredGradient[i] *= 1e4;
    const training_set = { ...projections.training_set, sums: { ...sums, squaredGradient } };
    const result = bootstrap({ ...projections, training_set }, { seed: 1, resamples: 400, floors, cutoffs });
    const gamma = result.training_set[2].gamma.ols!;
    expect(gamma.block_share).toBeGreaterThan(0.85);
    const half = (gamma.interval[1] - gamma.interval[0]) / 2;
    // Student's quantile for two degrees of freedom.
    expect(half / gamma.standard_error).toBeCloseTo(4.3027, 3);
    const even = bootstrap(projections, { seed: 1, resamples: 400, floors, cutoffs }).training_set[2].gamma.ols!;
    expect(even.block_share).toBeLessThan(0.3);
    expect((even.interval[1] - even.interval[0]) / 2 / even.standard_error).toBeLessThan(3);
  });

  it('gives no interval from fewer than four blocks a quarter or three directions', () => {
    const random = new Random(4);
    const model = { samples: 96, common: 0.2, own: 0.5 };
    const few = drawProjections(random, { ...model, blocksPerQuarter: 3 }, population(random, 20, 2, 1, 1));
    expect(bootstrap(few, { seed: 1, resamples: 200, floors }).training_set[7].gamma).toEqual({});
    const two = drawProjections(random, { ...model, blocksPerQuarter: 6 }, population(random, 2, 1, 1, 1));
    expect(bootstrap(two, { seed: 1, resamples: 200, floors }).cross_fitted[7].gamma).toEqual({});
    const none = { ...two.training_set, directions: chooseDirections([-1]), sums: emptySums(24, 0) };
    expect(
      bootstrap({ ...two, training_set: none }, { seed: 1, resamples: 200, floors }).training_set[0].gamma,
    ).toEqual({});
  });

  it('has intervals of no width for samples that are all alike', () => {
    const blocks = planBlocks([32, 32], 4);
    const H = [1, 0.1, 0.01];
    const sums = emptySums(16, 3);
    for (let b = 0; b < 16; b++)
      H.forEach((h, i) => {
        sums.curvature[b * 3 + i] = 4 * h;
        sums.squaredCurvature[b * 3 + i] = 4 * h ** 1.5;
        sums.squaredGradient[b * 3 + i] = 4 * h ** 1.25;
      });
    const directions = chooseDirections(H);
    const half = { directions, sums: emptySums(8, 3) };
    for (const key of ['curvature', 'squaredCurvature', 'squaredGradient'] as const)
      half.sums[key].set(sums[key].subarray(0, 24));
    const found = bootstrap(
      { blocks, training_set: { directions, sums }, cross_fitted: [half, half] },
      { seed: 1, resamples: 200, floors, cutoffs: [1e-8] },
    );
    for (const estimand of ['training_set', 'cross_fitted'] as const) {
      const { ols } = found[estimand][0].gamma;
      expect(ols!.estimate).toBeCloseTo(1.25, 10);
      expect(ols!.interval[1] - ols!.interval[0]).toBeLessThan(1e-9);
    }
  });

  it('gives the same from sums that were packed into arrays', () => {
    const { traces: _traces, ...kept } = projections;
    expect(unpackProjections(packProjections(projections))).toEqual(kept);
  });

  it.each([
    { id: 'resamples', change: {}, options: { resamples: 10 }, message: /at least 200 resamples/ },
    {
      id: 'shape',
      change: { curvature: new Float64Array(3) },
      options: {},
      message: /training_set.curvature must be \[40, 50\]/,
    },
    {
      id: 'NaN',
      change: { gradient: new Float64Array(2000).fill(NaN, 7, 8) },
      options: {},
      message: /gradient\[7\] is NaN/,
    },
  ])('refuses bad input: $id', ({ change, options, message }) => {
    const training_set = { ...projections.training_set, sums: { ...projections.training_set.sums, ...change } };
    expect(() => bootstrap({ ...projections, training_set }, { seed: 1, floors, ...options })).toThrow(message);
  });

  it('refuses blocks out of order or empty quarters', () => {
    const blocks = projections.blocks.toReversed();
    expect(() => bootstrap({ ...projections, blocks }, { seed: 1, floors })).toThrow(/order of quarters/);
    expect(() => bootstrap({ ...projections, blocks: projections.blocks.slice(0, 30) }, { seed: 1, floors })).toThrow(
      /2 blocks in every quarter/,
    );
  });
});
