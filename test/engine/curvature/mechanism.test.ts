/** The spectra of single samples and the slope of R_i against dense Hessians of every sample, built and decomposed one by one. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { measureExact } from '../../../src/engine/curvature/exact.ts';
import { Pool } from '../../../src/engine/parallel/pool.ts';
import { shared } from '../../../src/engine/parallel/shared.ts';
import { correlationShare } from '../../../src/shared/mechanism.ts';
import { parseModel } from '../../../src/shared/model.ts';
import { Random } from '../../../src/shared/random.ts';
import { engines } from '../../support/engines.ts';
import { describeWhere } from '../../support/skips.ts';

const [inner, hidden, outputs, samples] = [3, 4, 2, 60];
const d = inner * hidden;

for (const engine of engines)
  describeWhere(engine.available, `the mechanism, ${engine.title}`, () => {
    let pool: Pool;
    beforeAll(async () => {
      pool = new Pool(await engine.open(), { threads: 1 });
    });
    afterAll(() => pool.close());

    test.each(['relu', 'tanh'] as const)('of a small network, %s', async (f) => {
      const random = new Random(2, 'mechanism test');
      const matrix = (rows: number, cols: number) =>
        Array.from({ length: rows }, () => Array.from({ length: cols }, () => random.normal()));
      const [W1, W2, x, t] = [
        matrix(inner, hidden),
        matrix(hidden, outputs),
        matrix(samples, inner),
        matrix(samples, outputs),
      ];
      const { summary, arrays, release } = await measureExact(
        pool,
        {
          model: parseModel({
            input: [inner],
            loss: 'mse',
            layers: [
              { type: 'dense', name: 'fc1', units: hidden, bias: false },
              { type: 'activation', function: f },
              { type: 'dense', name: 'fc2', units: outputs, bias: false },
            ],
          }),
          weights: new Map([
            ['fc1.kernel', Float64Array.from(W1.flat())],
            ['fc2.kernel', Float64Array.from(W2.flat())],
          ]),
          inputs: shared(Float64Array.from(x.flat())),
          targets: shared(Float64Array.from(t.flat())),
          classes: false,
        },
        { parameter: 'fc1.kernel', seed: 1, libraryThreads: 1 },
      );
      const found = summary.mechanism!;
      expect(found.samples).toBe(samples);
      expect(found.spectra).toHaveLength(1);

      // h_p of every sample by hand, decomposed as a dense matrix.
      const norms: number[] = [];
      const ranks: number[] = [];
      const blas = pool.blas;
      let least = 0;
      for (const [p, row] of x.entries()) {
        const z = W1[0].map((_, j) => row.reduce((sum, v, i) => sum + v * W1[i][j], 0));
        const h = z.map((v) => (f === 'relu' ? Math.max(v, 0) : Math.tanh(v)));
        const first = z.map((v) => (f === 'relu' ? (v > 0 ? 1 : 0) : 1 - Math.tanh(v) ** 2));
        const second = z.map((v) => (f === 'relu' ? 0 : -2 * Math.tanh(v) * (1 - Math.tanh(v) ** 2)));
        const y = W2[0].map((_, k) => h.reduce((sum, v, j) => sum + v * W2[j][k], 0));
        const above = W2.map((w) => w.reduce((sum, v, k) => sum + v * (y[k] - t[p][k]), 0));
        const dense = blas.allocate('float64', d * d) as Float64Array;
        for (let i = 0; i < d; i++)
          for (let j = 0; j < d; j++) {
            const [a, u, b, v] = [Math.floor(i / hidden), i % hidden, Math.floor(j / hidden), j % hidden];
            const S =
              first[u] * W2[u].reduce((sum, w, k) => sum + w * W2[v][k], 0) * first[v] +
              (u === v ? second[u] * above[u] : 0);
            dense[i * d + j] = row[a] * row[b] * S;
          }
        const values = blas.allocate('float64', d) as Float64Array;
        blas.eigh(d, dense, values);
        norms.push(values.reduce((most, value) => Math.max(most, Math.abs(value)), 0));
        const trace = values.reduce((sum, value) => sum + value, 0);
        ranks.push(trace ** 2 / values.reduce((sum, value) => sum + value * value, 0));
        least = Math.min(least, values[0]);
      }
      const sorted = (of: number[]) => of.toSorted((a, b) => a - b);
      const at = (of: number[], share: number) => sorted(of)[Math.round(share * (of.length - 1))];
      for (const [key, share] of [
        ['low', 0.05],
        ['median', 0.5],
        ['high', 0.95],
      ] as const) {
        expect(found.spectra[0].largest[key] / at(norms, share)).toBeCloseTo(1, 9);
        expect(found.spectra[0].effective_rank[key] / at(ranks, share)).toBeCloseTo(1, 9);
      }
      expect(found.largest_norm / Math.max(...norms)).toBeCloseTo(1, 9);
      expect(found.positive).toBe(least > -1e-9);
      // The samples are all there are: the slope of R_i is gamma_Q - 1 of the measurement, and the envelope holds.
      for (const row of found.rows) {
        const fit = summary.gamma.training_set.find(({ cutoff }) => cutoff === row.cutoff)!;
        if (row.slope !== null && fit.n === row.n && fit.gamma_Q.ols !== null)
          expect(row.slope).toBeCloseTo(fit.gamma_Q.ols - 1, 4);
      }
      if (found.positive)
        for (const [i, h] of arrays.eigenvalues.entries())
          expect(arrays.Q_diagonal[i]).toBeLessThanOrEqual(found.largest_norm * Math.max(h, 0) + 1e-9);
      release();
    });

    test('classes by a single output: yes and no have spectra of their own', async () => {
      const random = new Random(5, 'mechanism test');
      const numbers = (count: number): Float64Array => Float64Array.from({ length: count }, () => random.normal());
      const { summary, release } = await measureExact(
        pool,
        {
          model: parseModel({
            input: [inner],
            loss: 'binary-cross-entropy',
            layers: [
              { type: 'dense', name: 'fc1', units: hidden, bias: false },
              { type: 'activation', function: 'tanh' },
              { type: 'dense', name: 'fc2', units: 1, bias: false },
            ],
          }),
          weights: new Map([
            ['fc1.kernel', numbers(inner * hidden)],
            ['fc2.kernel', numbers(hidden)],
          ]),
          inputs: shared(numbers(samples * inner)),
          targets: shared(Float64Array.from({ length: samples }, (_, p) => Number(p % 3 === 0))),
          classes: true,
        },
        { parameter: 'fc1.kernel', seed: 1, libraryThreads: 1 },
      );
      expect(summary.mechanism!.spectra.map(({ label, samples: count }) => [label, count])).toEqual([
        [null, 60],
        [0, 40],
        [1, 20],
      ]);
      release();
    });

    test('the share that the correlation carries', () => {
      expect(correlationShare({ slope: 0.2, permuted: 0.05 })).toBeCloseTo(0.75, 12);
      expect(correlationShare({ slope: 0.01, permuted: 0 })).toBeNull();
    });
  });
