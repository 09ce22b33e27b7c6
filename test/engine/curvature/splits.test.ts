/** Further random splits against measuring the same halves directly, and the median over splits in the rows. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { measureExact, type ExactResult } from '../../../src/engine/curvature/exact.ts';
import { Pool } from '../../../src/engine/parallel/pool.ts';
import { fitCrossFitted, splitsOf } from '../../../src/shared/cross-fitted.ts';
import { Random } from '../../../src/shared/random.ts';
import { engines } from '../../support/engines.ts';
import { describeWhere } from '../../support/skips.ts';
import { problem } from './support/problem.ts';

for (const engine of engines)
  describeWhere(engine.available, `random splits, ${engine.title}`, () => {
    const input = problem('relu');
    let pool: Pool;
    let measured: ExactResult;
    beforeAll(async () => {
      pool = new Pool(await engine.open(), { threads: 2 });
      measured = await measureExact(pool, input, { parameter: 'fc2.kernel', seed: 3, libraryThreads: 1 });
    });
    afterAll(() => pool.close());

    test('a split is the cross-fitted measurement of its halves', async () => {
      const samples = 700;
      const half = samples / 2;
      const { summary, arrays } = measured;
      expect(summary.splits?.count).toBe(5);
      const m = summary.splits!.directions;
      const splits = splitsOf(arrays, 4);

      // Measured directly: half A of split 2 by itself gives the directions' eigenvalues, and H of half B along them by quadratic forms.
      const order = new Random(3, 'halves 2').permutation(samples);
      const part = (from: number, to: number) => {
        const rows = Array.from(order.subarray(from, to));
        const gather = (values: ArrayLike<number>, width: number): Float64Array => {
          const out = new Float64Array(new SharedArrayBuffer(8 * rows.length * width));
          rows.forEach((p, row) => {
            for (let j = 0; j < width; j++) out[row * width + j] = values[p * width + j];
          });
          return out;
        };
        return { ...input, inputs: gather(input.inputs, 10), targets: gather(input.targets, 4) };
      };
      const direct = async (from: number, to: number) => {
        const found = await measureExact(pool, part(from, to), {
          parameter: 'fc2.kernel',
          seed: 1,
          libraryThreads: 1,
          intervals: false,
        });
        const copy = {
          eigenvalues: Float64Array.from(found.arrays.eigenvalues),
          H: Float64Array.from(found.arrays.H),
          C: Float64Array.from(found.arrays.C),
        };
        found.release();
        return copy;
      };
      const [a, b] = [await direct(0, half), await direct(half, samples)];
      const [fromA] = splits[1];
      for (let i = 0; i < Math.min(m, 20); i++)
        expect(Math.abs(fromA.selection[i] / a.eigenvalues[i] - 1), `eigenvalue ${i}`).toBeLessThan(2e-3);
      // Along all directions of A together: the leading values of B's forms add up alike however single vectors are turned.
      const { d } = summary;
      const blas = pool.blas;
      const vectors = blas.allocate('float64', d * d) as Float64Array;
      const { H } = a;
      vectors.set(H);
      blas.eigh(d, vectors, blas.allocate('float64', d) as Float64Array);
      const form = (matrix: Float64Array, i: number): number => {
        const row = vectors.subarray((d - 1 - i) * d, (d - i) * d);
        let sum = 0;
        for (let x = 0; x < d; x++) for (let y = 0; y < d; y++) sum += row[x] * matrix[x * d + y] * row[y];
        return sum;
      };
      for (const [key, matrix] of [
        ['H', b.H],
        ['C', b.C],
      ] as const) {
        const direct = Array.from({ length: 10 }, (_, i) => form(matrix, i)).reduce((sum, x) => sum + x, 0);
        const found = fromA[key].subarray(0, 10).reduce((sum, x) => sum + x, 0);
        expect(found / direct, key).toBeCloseTo(1, 2);
      }
    });

    test('rows are the median over the splits that reach the cutoff, and intervals hold their spread', () => {
      const { summary, arrays } = measured;
      const d = summary.d;
      const row = (k: number) => ({
        selection: arrays.cross_fitted_selection.subarray(k * d, (k + 1) * d),
        H: arrays.cross_fitted_H_diagonal.subarray(k * d, (k + 1) * d),
        C: arrays.cross_fitted_C_diagonal.subarray(k * d, (k + 1) * d),
        Q: arrays.cross_fitted_Q_diagonal.subarray(k * d, (k + 1) * d),
      });
      const splits = [[row(0), row(1)] as const, ...splitsOf(arrays, summary.splits!.count - 1)];
      const [cutoff] = [1e-2];
      const single = splits.map((pair) => fitCrossFitted(pair, summary.floor, [cutoff])[0]);
      const found = summary.gamma.cross_fitted.find((each) => each.cutoff === cutoff)!;
      const sorted = single.map((each) => each.gamma.ols!).sort((x, y) => x - y);
      expect(found.splits?.count).toBe(5);
      expect(found.gamma.ols).toBe(sorted[2]);
      const squares = sorted.map((x) => (x - sorted[2]) ** 2).sort((x, y) => x - y);
      expect(found.splits!.spread.gamma).toBeCloseTo(Math.sqrt(squares[2]), 12);
      const [low, high] = found.gamma.interval!.ols!;
      expect((high - low) / 2).toBeGreaterThan(1.96 * found.splits!.spread.gamma);
      // Down to where the further splits have directions, and no further.
      const reach = Math.max(
        ...splits.slice(1).flatMap((pair) => pair.map(({ selection }) => selection.at(-1) / selection[0])),
      );
      for (const each of summary.gamma.cross_fitted)
        if (each.cutoff < 0.99 * reach) expect(each.splits?.count ?? 1).toBeLessThan(5);
        else if (each.cutoff > 1.01 * reach) expect(each.splits?.count).toBe(5);
    });
  });
