import { beforeAll, describe, expect, it } from 'vitest';
import {
  bootstrap,
  chooseDirections,
  emptySums,
  fitByCutoff,
  fitCrossFitted,
  planBlocks,
  withIntervals,
  type BlockProjections,
  type BootstrapResult,
  type Diagonals,
  type ProjectedDirections,
} from '../../../src/engine/statistics/index.ts';
import { slopeIndex } from '../../../src/engine/statistics/direction-fits.ts';
import { draw, quartersOf, replicate } from '../../../src/engine/statistics/resample.ts';
import { Random } from '../../../src/shared/random.ts';
import { estimators, type Estimator } from '../../../src/shared/results.ts';
import { diagonalsOf, drawProjections, population } from './samples.ts';
import { deviation, mean } from './support.ts';

const floors = { H: 0, C: 0, Q: 0 };
const cutoffs = [1e-1, 1e-2, 1e-8];
const range = (start: number, end: number) => Array.from({ length: end - start }, (_, i) => start + i);

/** Independent route: diagonals by their definition, fits by src/shared/cutoffs.ts (itself held against elimination and listing). */
function diagonals(
  projected: ProjectedDirections,
  sizes: number[],
  parts: number[][],
  weight?: (row: number) => number,
): Diagonals {
  const of = (rows: number[]) => diagonalsOf(projected, sizes, rows, weight);
  const selection = projected.directions.selection;
  return {
    selection,
    ...of(parts.flat()),
    ...(parts.length === 2 && { parts: [of(parts[0]!), of(parts[1]!)] as const }),
  };
}

function directFits(projections: BlockProjections, weight: (block: number) => number = () => 1) {
  const sizes = projections.blocks.map((block) => block.end - block.start);
  const [a1, a2, b1, b2] = quartersOf(projections.blocks).map(([start, end]) => range(start, end)) as number[][];
  const inA = a2!.at(-1)! + 1;
  const moved = (rows: number[]) => rows.map((row) => row - inA);
  return {
    training_set: fitByCutoff(
      diagonals(projections.training_set, sizes, [range(0, sizes.length)], weight),
      floors,
      cutoffs,
    ),
    cross_fitted: fitCrossFitted(
      [
        diagonals(projections.cross_fitted[0], sizes.slice(inA), [moved(b1!), moved(b2!)], (row) => weight(row + inA)),
        diagonals(projections.cross_fitted[1], sizes.slice(0, inA), [a1!, a2!], weight),
      ],
      floors,
      cutoffs,
    ),
  };
}

describe('planBlocks', () => {
  it.each([
    { id: 'even', halves: [128, 128] as const, perQuarter: 16, blocks: 64 },
    { id: 'odd', halves: [101, 100] as const, perQuarter: 7, blocks: 28 },
    { id: 'few samples', halves: [9, 8] as const, perQuarter: 16, blocks: 8 },
  ])('covers every sample once, in order of quarters: $id', ({ halves, perQuarter, blocks: count }) => {
    const blocks = planBlocks(halves, perQuarter);
    expect(blocks.length).toBe(count);
    expect(blocks[0]!.start).toBe(0);
    blocks.forEach((block, b) => {
      expect(block.end).toBe(blocks[b + 1]?.start ?? halves[0] + halves[1]);
      expect(block.quarter < 2).toBe(block.end <= halves[0]);
    });
    for (const quarter of [0, 1, 2, 3]) {
      const sizes = blocks.filter((block) => block.quarter === quarter).map((block) => block.end - block.start);
      expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
      expect(Math.min(...sizes)).toBeGreaterThanOrEqual(2);
    }
  });

  it('refuses too few samples or blocks', () => {
    expect(() => planBlocks([3, 4])).toThrow(/at least 4 samples/);
    expect(() => planBlocks([40, 40], 1)).toThrow(/at least 2 blocks/);
  });
});

describe('replicates', () => {
  const random = new Random(1);
  const projections = drawProjections(
    random,
    { samples: 320, blocksPerQuarter: 8, common: 0.5, own: 1 },
    population(random, 60, 3, 1.3, 1.2, 0.2),
  );
  const draws = draw(quartersOf(projections.blocks), 200, 5);
  const replicates = replicate(projections, draws, floors, cutoffs);
  const exact = (estimator: Estimator) => estimator !== 'theil_sen';

  const compare = (
    found: (estimand: 'training_set' | 'cross_fitted', index: number) => number,
    weight: ((block: number) => number) | undefined,
    which: (estimator: Estimator) => boolean,
    tolerance: number,
  ) => {
    const expected = directFits(projections, weight);
    for (const estimand of ['training_set', 'cross_fitted'] as const)
      for (const relation of ['gamma', 'gamma_Q', 'C_on_Q'] as const)
        for (const estimator of estimators.filter(which))
          cutoffs.forEach((_, cutoff) => {
            const value = found(estimand, slopeIndex(cutoff, relation, estimator));
            const reference = expected[estimand][cutoff]![relation][estimator];
            if (reference === undefined || reference === null) expect(value).toBeNaN();
            else expect(Math.abs(value - reference)).toBeLessThan(tolerance);
          });
  };

  it('have the fits along the directions as their estimate, every estimator', () => {
    compare(
      (estimand, at) => replicates[estimand].estimate[at]!,
      undefined,
      () => true,
      1e-7,
    );
  });

  it('equal fits of the resampled diagonals', () => {
    const blocks = projections.blocks.length;
    for (const r of [0, 17, 199]) {
      expect(range(0, 8).reduce((sum, b) => sum + draws.counts[r * blocks + b]!, 0)).toBe(7);
      const weight = (b: number) => draws.counts[r * blocks + b]!;
      compare((estimand, at) => replicates[estimand].resampled[at]![r]!, weight, exact, 1e-7);
    }
  });

  it('equal fits without one block', () => {
    for (const left of [0, 9, 31]) {
      const quarter = projections.blocks[left]!.quarter;
      const weight = (b: number) => (b === left ? 0 : projections.blocks[b]!.quarter === quarter ? 8 / 7 : 1);
      compare((estimand, at) => replicates[estimand].without[at]![left]!, weight, exact, 1e-7);
    }
  });

  it('follow the exact Theil-Sen slopes', () => {
    const blocks = projections.blocks.length;
    const at = slopeIndex(2, 'gamma', 'theil_sen');
    for (const estimand of ['training_set', 'cross_fitted'] as const) {
      const found = replicates[estimand].resampled[at]!;
      const reference = Float64Array.from({ length: 60 }, (_, r) => {
        const rows = directFits(projections, (b) => draws.counts[r * blocks + b]!);
        return rows[estimand][2]!.gamma.theil_sen!;
      });
      const spread = deviation(reference);
      const misses = reference.map((value, r) => found[r]! - value);
      expect(Math.abs(mean(misses))).toBeLessThan(0.3 * spread);
      expect(deviation(misses)).toBeLessThan(0.4 * spread);
      expect(Math.abs(deviation(found) / spread - 1)).toBeLessThan(0.15);
    }
  });
});

describe('weights and clusters', () => {
  /** Projections with directions of `base` in the order of `pick`. */
  const pickDirections = (
    base: BlockProjections,
    pick: number[],
    directions: ProjectedDirections['directions'],
  ): BlockProjections => {
    const k = base.training_set.directions.indices.length;
    const take = ({ sums }: ProjectedDirections) => ({
      directions,
      sums: Object.fromEntries(
        Object.entries(sums).map(([name, array]: [string, Float64Array]) => {
          const rows = array.length / k;
          return [
            name,
            Float64Array.from(
              { length: rows * pick.length },
              (_, at) => array[Math.floor(at / pick.length) * k + pick[at % pick.length]!]!,
            ),
          ];
        }),
      ) as unknown as ProjectedDirections['sums'],
    });
    return {
      blocks: base.blocks,
      training_set: take(base.training_set),
      cross_fitted: [take(base.cross_fitted[0]), take(base.cross_fitted[1])],
    };
  };
  const random = new Random(2);
  const k = 30;
  const base = drawProjections(
    random,
    { samples: 160, blocksPerQuarter: 5, common: 0.5, own: 0.8 },
    population(random, k, 2, 1.2, 1.2, 0.3),
  );
  const options = { seed: 1, resamples: 200, cutoffs: [1e-8], floors };
  const plain = base.training_set.directions;

  it('a direction of weight 3 counts like three copies of it', () => {
    const weights = Float64Array.from({ length: k }, (_, i) => (i % 4 === 0 ? 3 : 1));
    const weighted = pickDirections(base, range(0, k), { ...plain, weights });
    const pick = range(0, k).flatMap((i) => Array<number>(weights[i]!).fill(i));
    const copies = pickDirections(base, pick, {
      indices: Uint32Array.from(pick.keys()),
      starts: Uint32Array.from([...pick.keys(), pick.length]),
      selection: Float64Array.from(pick, (i) => plain.selection[i]!),
      weights: new Float64Array(pick.length).fill(1),
      largest: plain.largest,
    });
    const [a, b] = [bootstrap(weighted, options), bootstrap(copies, options)];
    for (const estimand of ['training_set', 'cross_fitted'] as const)
      for (const estimator of ['ols', 'ols_inverse', 'orthogonal', 'iv'] as const) {
        const [x, y] = [a[estimand][0]!.gamma[estimator], b[estimand][0]!.gamma[estimator]];
        expect(x === undefined).toBe(estimator === 'iv' && estimand === 'training_set');
        if (!x || !y) continue;
        expect(x.estimate).toBeCloseTo(y.estimate, 10);
        expect(x.interval[0]).toBeCloseTo(y.interval[0], 7);
        expect(x.interval[1]).toBeCloseTo(y.interval[1], 7);
      }
  });

  it('a cluster counts as its mean', () => {
    const grouped = pickDirections(base, range(0, k), {
      ...plain,
      starts: Uint32Array.from([...range(0, 10), ...range(11, k + 1)].filter((s) => s !== 20)),
      selection: plain.selection.filter((_, i) => i !== 10 && i !== 20),
      weights: new Float64Array(k - 2).fill(1),
    });
    const sizes = base.blocks.map((block) => block.end - block.start);
    const values = diagonalsOf(base.training_set, sizes, range(0, sizes.length));
    const groups = [
      ...range(0, 9).map((i) => [i]),
      [9, 10],
      ...range(11, 19).map((i) => [i]),
      [19, 20],
      ...range(21, k).map((i) => [i]),
    ];
    const means = (array: Float64Array) => Float64Array.from(groups, (group) => mean(group.map((i) => array[i]!)));
    const [H, C, Q] = [means(values.H), means(values.C), means(values.Q)];
    const expected = fitByCutoff({ selection: H.slice().sort().reverse(), H, C, Q }, floors, [0])[0]!;
    const found = bootstrap(grouped, options).training_set[0]!;
    expect(found.groups).toBe(28);
    expect(found.gamma.ols!.estimate).toBeCloseTo(expected.gamma.ols!, 9);
    expect(found.C_on_Q.orthogonal!.estimate).toBeCloseTo(expected.C_on_Q.orthogonal!, 9);
  });
});

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
      const [a, b] = [result.cross_fitted[2]!.gamma[estimator]!, other.cross_fitted[2]!.gamma[estimator]!];
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
      const training = result.training_set[2]!.gamma[estimator]!;
      expect(training.correction).toBe(0);
      expect((training.interval[0] + training.interval[1]) / 2).toBeCloseTo(training.estimate, 10);
    }
    const ols = result.cross_fitted[2]!.gamma.ols!;
    const inverse = result.cross_fitted[2]!.gamma.ols_inverse!;
    // Noise flattens the one and steepens the other.
    expect(ols.correction).toBeLessThan(0);
    expect(inverse.correction).toBeGreaterThan(0);
    expect((ols.interval[0] + ols.interval[1]) / 2).toBeCloseTo(ols.estimate - ols.correction, 10);
  });

  it('pairs the differences', () => {
    const row = result.training_set[2]!;
    const difference = row.gamma_minus_gamma_Q.ols!;
    expect(difference.estimate).toBeCloseTo(row.gamma.ols!.estimate - row.gamma_Q.ols!.estimate, 12);
    // H's noise is common to both slopes and leaves their difference.
    expect(difference.standard_error).toBeLessThan(
      Math.hypot(row.gamma.ols!.standard_error, row.gamma_Q.ols!.standard_error),
    );
    const estimands = result.difference[2]!.gamma.ols!;
    expect(estimands.estimate).toBeCloseTo(row.gamma.ols!.estimate - result.cross_fitted[2]!.gamma.ols!.estimate, 12);
    expect(estimands.standard_error).toBeLessThan(0.5 * row.gamma.ols!.standard_error);
    expect(result.difference[2]!.gamma.iv).toBeUndefined();
  });

  it('moves its intervals onto the slopes over all directions', () => {
    const rows = directFits(projections);
    const shifted = {
      training_set: rows.training_set.map((row) => ({ ...row, gamma: { ...row.gamma, ols: row.gamma.ols! + 0.25 } })),
      cross_fitted: rows.cross_fitted.map((row) => {
        const { iv: _, ...gamma } = row.gamma;
        return { ...row, gamma };
      }),
    };
    const joined = withIntervals(shifted, result, projections);
    const found = joined.gamma.training_set[2]!.gamma.interval!.ols!;
    const before = result.training_set[2]!.gamma.ols!.interval;
    expect(found[0] - before[0]).toBeCloseTo(0.25, 8);
    expect(found[1] - before[1]).toBeCloseTo(0.25, 8);
    expect(joined.gamma.cross_fitted[2]!.gamma.iv).toBe(result.cross_fitted[2]!.gamma.iv!.estimate);
    expect(joined.gamma.cross_fitted[2]!.gamma.interval!.iv).toEqual(result.cross_fitted[2]!.gamma.iv!.interval);
    const difference = joined.gamma.training_set[2]!.gamma_minus_gamma_Q!;
    expect(difference.ols).toBeCloseTo(
      rows.training_set[2]!.gamma.ols! + 0.25 - rows.training_set[2]!.gamma_Q.ols!,
      12,
    );
    expect(difference.interval!.ols![0]).toBeLessThan(difference.ols!);
    expect(joined.estimand_difference[2]!.gamma.ols).toBeCloseTo(
      rows.training_set[2]!.gamma.ols! + 0.25 - rows.cross_fitted[2]!.gamma.ols!,
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
      .training_set[2]!;
    expect(found.groups).toBe(50);
    expect(Number.isFinite(found.gamma.ols!.interval[0])).toBe(true);
  });

  it('gives no interval from fewer than four blocks a quarter or three directions', () => {
    const random = new Random(4);
    const model = { samples: 96, common: 0.2, own: 0.5 };
    const few = drawProjections(random, { ...model, blocksPerQuarter: 3 }, population(random, 20, 2, 1, 1));
    expect(bootstrap(few, { seed: 1, resamples: 200, floors }).training_set[7]!.gamma).toEqual({});
    const two = drawProjections(random, { ...model, blocksPerQuarter: 6 }, population(random, 2, 1, 1, 1));
    expect(bootstrap(two, { seed: 1, resamples: 200, floors }).cross_fitted[7]!.gamma).toEqual({});
    const none = { ...two.training_set, directions: chooseDirections([-1]), sums: emptySums(24, 0) };
    expect(
      bootstrap({ ...two, training_set: none }, { seed: 1, resamples: 200, floors }).training_set[0]!.gamma,
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
      const { ols } = found[estimand][0]!.gamma;
      expect(ols!.estimate).toBeCloseTo(1.25, 10);
      expect(ols!.interval[1] - ols!.interval[0]).toBeLessThan(1e-9);
    }
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
