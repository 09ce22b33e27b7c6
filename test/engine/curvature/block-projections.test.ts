/** Block sums along directions against the diagonals from the full matrices: two routes to the same numbers. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { blockProjections, directionMatrix } from '../../../src/engine/curvature/block-projections.ts';
import { measureExact } from '../../../src/engine/curvature/exact.ts';
import { factorLayout } from '../../../src/engine/curvature/factors.ts';
import { meanGradient, momentSums, unpackMatrix } from '../../../src/engine/curvature/moments.ts';
import { decompose, decreasing } from '../../../src/engine/curvature/spectrum.ts';
import { CpuBackend } from '../../../src/engine/backend/cpu.ts';
import { Network } from '../../../src/engine/network/network.ts';
import { Pool } from '../../../src/engine/parallel/pool.ts';
import { chooseDirections } from '../../../src/engine/statistics/index.ts';
import type { ProjectedDirections } from '../../../src/engine/statistics/index.ts';
import { engines } from '../../support/engines.ts';
import { disagreement } from '../../support/reference.ts';
import { describeWhere } from '../../support/skips.ts';
import { problem } from './support/problem.ts';

for (const engine of engines) {
  describeWhere(engine.available, `projections over sample blocks, ${engine.title}`, () => {
    let pool: Pool;
    beforeAll(async () => {
      pool = new Pool(await engine.open(), { threads: 2 });
    });
    afterAll(() => pool.close());

    // With relu S_p has a factor of 4 columns, with tanh it has none.
    test.each(['tanh', 'relu'] as const)(
      'their totals are the diagonals of the measurement, %s',
      async (activation) => {
        const input = problem(activation);
        const seed = 3;
        const { arrays, summary } = await measureExact(pool, input, {
          parameter: 'fc2.kernel',
          seed,
          libraryThreads: 1,
          intervals: false,
        });
        const d = summary.d;
        const network = new Network(input.model, new CpuBackend(pool.blas, 'float64'));
        const layout = factorLayout(network, 'fc2.kernel');
        if (typeof layout === 'string') throw new Error(layout);
        const moments = await momentSums(pool, layout, {
          samples: summary.samples,
          seed,
          seconds: { factors: 0, products: 0 },
        });
        const matrices = [];
        for (const halves of [['A', 'B'], ['A'], ['B']] as const) {
          const matrix = pool.allocate('float64', d * d);
          await unpackMatrix(pool, moments, 'H', halves, matrix);
          const spectrum = await decompose(pool, d, matrix, 1);
          matrices.push(
            directionMatrix(pool.blas, layout, spectrum, chooseDirections(decreasing(spectrum), { count: 100 })),
          );
        }
        const [trainingSet, a, b] = matrices;
        const { order, sizes } = moments;
        const gradient = meanGradient(moments, ['A', 'B']);
        const result = await blockProjections(pool, {
          layout,
          order,
          sizes,
          meanGradient: gradient,
          trainingSet,
          halves: [a, b],
        });
        const check = (
          projected: ProjectedDirections,
          size: number,
          offset: number,
          H: Float64Array,
          C: Float64Array,
          Q: Float64Array,
        ): void => {
          const totals = totalsOf(projected, size);
          const { indices } = projected.directions;
          const pick = (values: Float64Array): number[] => [...indices].map((i) => values[offset + i]);
          expect(indices.length).toBeGreaterThan(40);
          expect(disagreement(totals.H, pick(H))).toBeLessThan(1e-10);
          expect(disagreement(totals.C, pick(C))).toBeLessThan(1e-10);
          expect(disagreement(totals.Q, pick(Q))).toBeLessThan(1e-10);
        };
        check(result.training_set, summary.samples, 0, arrays.eigenvalues, arrays.C_diagonal, arrays.Q_diagonal);
        const { blocks, traces } = result;
        expect(blocks.length).toBe(64);
        const total = (values: Float64Array): number => values.reduce((sum, x) => sum + x, 0) / summary.samples;
        expect(total(traces!.H) / summary.trace.H).toBeCloseTo(1, 10);
        expect(total(traces!.Q) / summary.trace.Q).toBeCloseTo(1, 10);
        const norm = summary.norm_mean_gradient ** 2;
        expect((total(traces!.C) - norm) / summary.trace.C).toBeCloseTo(1, 10);
        const crossed = [
          arrays.cross_fitted_H_diagonal,
          arrays.cross_fitted_C_diagonal,
          arrays.cross_fitted_Q_diagonal,
        ] as const;
        check(result.cross_fitted[0], sizes.B, 0, ...crossed);
        check(result.cross_fitted[1], sizes.A, d, ...crossed);
      },
    );

    test('intervals come with the summary and hold the slopes', async () => {
      const options = { parameter: 'fc2.kernel', seed: 3, libraryThreads: 1, splits: 'one' } as const;
      const { summary } = await measureExact(pool, problem(), options);
      expect(summary.bootstrap?.blocks).toBe(64);
      const row = summary.gamma.training_set.find((each) => each.cutoff === 1e-2);
      const interval = row?.gamma.interval?.ols;
      expect(row?.gamma.ols).toBeGreaterThan(interval?.[0] ?? Infinity);
      expect(row?.gamma.ols).toBeLessThan(interval?.[1] ?? -Infinity);
      const plain = await measureExact(pool, problem(), { ...options, intervals: false });
      expect(plain.summary.bootstrap).toBeUndefined();
      expect(plain.summary.gamma.training_set[1].gamma.ols).toBe(summary.gamma.training_set[1].gamma.ols);
    });
  });
}

/** Means over all blocks: v.Hv, the variance of g.v, E|hv|^2. */
function totalsOf({ directions, sums }: ProjectedDirections, samples: number): Record<'H' | 'C' | 'Q', Float64Array> {
  const k = directions.indices.length;
  const total = (values: Float64Array): Float64Array => {
    const out = new Float64Array(k);
    for (let i = 0; i < values.length; i++) out[i % k] += values[i] / samples;
    return out;
  };
  const mean = total(sums.gradient);
  return {
    H: total(sums.curvature),
    C: total(sums.squaredGradient).map((x, i) => x - mean[i] ** 2),
    Q: total(sums.squaredCurvature),
  };
}
