import { estimators, type Estimator } from '../../../src/shared/slopes.ts';
import { describe, expect, it } from 'vitest';
import {
  bootstrap,
  fitByCutoff,
  planBlocks,
  type BlockProjections,
  type ProjectedDirections,
} from '../../../src/engine/statistics/index.ts';
import { slopeIndex } from '../../../src/engine/statistics/direction-fits.ts';
import { combine, draw, quartersOf, replicateSet, setsOf } from '../../../src/engine/statistics/resample.ts';
import { blasProducts, plainProducts } from '../../../src/engine/statistics/row-products.ts';
import { openWasmBlas } from '../../../src/engine/blas/wasm.ts';
import { loadKernels } from '../../../src/main/blas-module.ts';
import { Random } from '../../../src/shared/random.ts';
import { diagonalsOf, directFits, drawProjections, floors, population, range } from './samples.ts';
import { deviation, mean } from './support.ts';

const cutoffs = [1e-1, 1e-2, 1e-8];

describe('planBlocks', () => {
  it.each([
    { id: 'even', halves: [128, 128] as const, perQuarter: 16, blocks: 64 },
    { id: 'odd', halves: [101, 100] as const, perQuarter: 7, blocks: 28 },
    { id: 'few samples', halves: [9, 8] as const, perQuarter: 16, blocks: 8 },
  ])('covers every sample once, in order of quarters: $id', ({ halves, perQuarter, blocks: count }) => {
    const blocks = planBlocks(halves, perQuarter);
    expect(blocks.length).toBe(count);
    expect(blocks[0].start).toBe(0);
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

const byBlas = blasProducts(await openWasmBlas(loadKernels()));

describe.each([
  { id: 'plain loops', products: plainProducts },
  { id: 'BLAS', products: byBlas },
])('replicates by $id', ({ products }) => {
  const random = new Random(1);
  const projections = drawProjections(
    random,
    { samples: 320, blocksPerQuarter: 8, common: 0.5, own: 1 },
    population(random, 60, 3, 1.3, 1.2, 0.2),
  );
  const draws = draw(quartersOf(projections.blocks), 200, 5);
  const replicates = combine(
    setsOf(projections, draws, floors, cutoffs).map((set) => replicateSet(set, products)),
    draws.resamples,
  );
  const exact = (estimator: Estimator) => estimator !== 'theil_sen';

  const compare = (
    found: (estimand: 'training_set' | 'cross_fitted', index: number) => number,
    weight: ((block: number) => number) | undefined,
    which: (estimator: Estimator) => boolean,
    tolerance: number,
  ) => {
    const expected = directFits(projections, cutoffs, weight);
    for (const estimand of ['training_set', 'cross_fitted'] as const)
      for (const relation of ['gamma', 'gamma_Q', 'C_on_Q'] as const)
        for (const estimator of estimators.filter(which))
          cutoffs.forEach((_, cutoff) => {
            const value = found(estimand, slopeIndex(cutoff, relation, estimator));
            const reference = expected[estimand][cutoff][relation][estimator];
            if (reference === undefined || reference === null) expect(value).toBeNaN();
            else expect(Math.abs(value - reference)).toBeLessThan(tolerance);
          });
  };

  it('have the fits along the directions as their estimate, every estimator', () => {
    compare(
      (estimand, at) => replicates[estimand].estimate[at],
      undefined,
      () => true,
      1e-7,
    );
  });

  it('equal fits of the resampled diagonals', () => {
    const blocks = projections.blocks.length;
    for (const r of [0, 17, 199]) {
      expect(range(0, 8).reduce((sum, b) => sum + draws.counts[r * blocks + b], 0)).toBe(7);
      const weight = (b: number) => draws.counts[r * blocks + b];
      compare((estimand, at) => replicates[estimand].resampled[at][r], weight, exact, 1e-7);
    }
  });

  it('equal fits without one block', () => {
    for (const left of [0, 9, 31]) {
      const quarter = projections.blocks[left].quarter;
      const weight = (b: number) => (b === left ? 0 : projections.blocks[b].quarter === quarter ? 8 / 7 : 1);
      compare((estimand, at) => replicates[estimand].without[at][left], weight, exact, 1e-7);
    }
  });

  it('are the same to the last bit where least squares of C on Q is all that is wanted', () => {
    const alone = combine(
      setsOf(projections, draws, floors, cutoffs, 'C_on_Q').map((set) => replicateSet(set, products)),
      draws.resamples,
    );
    for (const estimand of ['training_set', 'cross_fitted'] as const)
      cutoffs.forEach((_, cutoff) => {
        const at = slopeIndex(cutoff, 'C_on_Q', 'ols');
        for (const key of ['resampled', 'without'] as const)
          expect(alone[estimand][key][at]).toEqual(replicates[estimand][key][at]);
        expect(alone[estimand].estimate[at]).toEqual(replicates[estimand].estimate[at]);
        expect(alone[estimand].estimate[slopeIndex(cutoff, 'gamma', 'ols')]).toBeNaN();
      });
  });

  it('follow the exact Theil-Sen slopes', () => {
    const blocks = projections.blocks.length;
    const at = slopeIndex(2, 'gamma', 'theil_sen');
    for (const estimand of ['training_set', 'cross_fitted'] as const) {
      const found = replicates[estimand].resampled[at];
      const reference = Float64Array.from({ length: 60 }, (_, r) => {
        const rows = directFits(projections, cutoffs, (b) => draws.counts[r * blocks + b]);
        return rows[estimand][2].gamma.theil_sen!;
      });
      const spread = deviation(reference);
      const misses = reference.map((value, r) => found[r] - value);
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
              (_, at) => array[Math.floor(at / pick.length) * k + pick[at % pick.length]],
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
    const pick = range(0, k).flatMap((i) => Array<number>(weights[i]).fill(i));
    const copies = pickDirections(base, pick, {
      indices: Uint32Array.from(pick.keys()),
      starts: Uint32Array.from([...pick.keys(), pick.length]),
      selection: Float64Array.from(pick, (i) => plain.selection[i]),
      weights: new Float64Array(pick.length).fill(1),
      largest: plain.largest,
    });
    const [a, b] = [bootstrap(weighted, options), bootstrap(copies, options)];
    for (const estimand of ['training_set', 'cross_fitted'] as const)
      for (const estimator of ['ols', 'ols_inverse', 'orthogonal', 'iv'] as const) {
        const [x, y] = [a[estimand][0].gamma[estimator], b[estimand][0].gamma[estimator]];
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
    const means = (array: Float64Array) => Float64Array.from(groups, (group) => mean(group.map((i) => array[i])));
    const [H, C, Q] = [means(values.H), means(values.C), means(values.Q)];
    const expected = fitByCutoff({ selection: H.slice().sort().reverse(), H, C, Q }, floors, [0])[0];
    const found = bootstrap(grouped, options).training_set[0];
    expect(found.groups).toBe(28);
    expect(found.gamma.ols!.estimate).toBeCloseTo(expected.gamma.ols!, 9);
    expect(found.C_on_Q.orthogonal!.estimate).toBeCloseTo(expected.C_on_Q.orthogonal!, 9);
  });
});
