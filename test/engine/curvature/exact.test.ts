/** Properties of the exact measurement on a layer large enough for blocked products: threads do not change a bit, traces, commutator by a dense loop. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { measureExact } from '../../../src/engine/curvature/exact.ts';
import type { ExactResult } from '../../../src/engine/curvature/exact.ts';
import { measureLayer } from '../../../src/engine/curvature/measure-layer.ts';
import { Pool } from '../../../src/engine/parallel/pool.ts';
import { InputError } from '../../../src/shared/errors.ts';
import { engines } from '../../support/engines.ts';
import { describeWhere } from '../../support/skips.ts';
import { problem } from './support/problem.ts';

for (const engine of engines) {
  describeWhere(engine.available, `exact measurement of 624 weights, ${engine.title}`, () => {
    const input = problem();
    const results: ExactResult[] = [];
    const pools: Pool[] = [];
    beforeAll(async () => {
      for (const threads of [1, 3]) {
        const pool = new Pool(await engine.open(), { threads });
        pools.push(pool);
        results.push(await measureExact(pool, input, { parameter: 'fc2.kernel', seed: 3, libraryThreads: 1 }));
      }
    });
    afterAll(() => Promise.all(pools.map((pool) => pool.close())));

    test('one thread and three give the same bits', () => {
      const [one, three] = results;
      for (const key of Object.keys(one.arrays) as (keyof typeof one.arrays)[]) {
        expect(Buffer.compare(bytes(one.arrays[key]!), bytes(three.arrays[key]!)), key).toBe(0);
      }
      expect(three.summary.commutator_ratio).toBe(one.summary.commutator_ratio);
      expect(three.summary.commutator_baseline).toEqual(one.summary.commutator_baseline);
      expect(three.summary.gamma).toEqual(one.summary.gamma);
    });

    test('diagonals in an orthonormal basis add up to the traces', () => {
      const { arrays, summary } = results[0];
      expect(sum(arrays.C_diagonal) / summary.trace.C).toBeCloseTo(1, 11);
      expect(sum(arrays.Q_diagonal) / summary.trace.Q).toBeCloseTo(1, 11);
      expect(sum(arrays.eigenvalues)).toBeCloseTo(summary.trace.H, 10);
    });

    test('the commutator ratio is that of the matrices themselves', () => {
      const { arrays, summary } = results[0];
      const d = summary.d;
      const CH = dense(arrays.C, arrays.H, d);
      let difference = 0;
      let norm = 0;
      for (let i = 0; i < d; i++) {
        for (let j = 0; j < d; j++) {
          difference += (CH[i * d + j] - CH[j * d + i]) ** 2;
          norm += CH[i * d + j] ** 2;
        }
      }
      expect(summary.commutator_ratio).toBeCloseTo(Math.sqrt(difference / norm) / 2, 9);
    });

    test('half A by itself is what measuring its samples alone gives, and the verdict rests on it', async () => {
      const { summary } = await measureLayer(pools[0], input, {
        parameter: 'fc2.kernel',
        seed: 3,
        libraryThreads: 1,
        convergence: 'full',
        splits: 'one',
      });
      const [quick, alone] = [results[0].summary.half_sample!, summary.half_sample!];
      expect(quick.samples).toBe(350);
      expect(alone.samples).toBe(350);
      for (const key of ['largest_eigenvalue', 'cosine_CH', 'cosine_CQ', 'commutator_ratio'] as const)
        expect(quick[key]! / alone[key]!, key).toBeCloseTo(1, 9);
      for (const key of ['C', 'H', 'Q'] as const) expect(quick.trace[key]! / alone.trace[key]!, key).toBeCloseTo(1, 9);
      for (const [i, row] of quick.gamma.training_set.entries()) {
        const other = alone.gamma.training_set[i];
        if (row.cutoff < 1e-6) continue;
        for (const relation of ['gamma', 'gamma_Q', 'C_on_Q'] as const)
          for (const estimator of ['ols', 'ols_inverse', 'theil_sen', 'orthogonal'] as const)
            expect(Math.abs((row[relation][estimator] ?? 0) - (other[relation][estimator] ?? 0))).toBeLessThan(1e-5);
      }
      expect(quick.gamma.cross_fitted).toBeUndefined();
      expect(alone.gamma.cross_fitted!.length).toBe(summary.gamma.cross_fitted.length);
      expect(results[0].summary.convergence!.numbers.every((n) => n.estimand !== 'cross_fitted')).toBe(true);
      expect(summary.convergence!.numbers.some((n) => n.estimand === 'cross_fitted' && n.judged)).toBe(true);
    });

    test('standard errors of the traces are those of their samples', () => {
      const { standard_errors: errors, trace } = results[0].summary;
      for (const key of ['C', 'H', 'Q'] as const) {
        expect(errors!.trace[key]!, key).toBeGreaterThan(0);
        expect(errors!.trace[key]!, key).toBeLessThan(0.5 * trace[key]);
      }
      expect(errors!.largest_eigenvalue).toBeGreaterThan(0);
    });

    test('nothing is measured again where that was declined', async () => {
      const options = { parameter: 'fc3.kernel', seed: 3, libraryThreads: 1 };
      const usual = await measureExact(pools[0], input, options);
      const declined = await measureExact(pools[0], input, { ...options, convergence: 'none' });
      expect(usual.summary.half_sample).toBeDefined();
      expect(declined.summary.half_sample).toBeUndefined();
      expect(declined.summary.convergence).toBeUndefined();
      expect(declined.summary.gamma).toEqual(usual.summary.gamma);
      usual.release();
      declined.release();
    });

    test('the baseline of random rotations is close to its expectation', () => {
      // For Haar rotations E t1 = tr(C^2) tr(H^2) / d; by Weingarten's formula t2 follows from traces of C, C^2, H and H^2. The ratio concentrates about sqrt((1 - Et2/Et1)/2).
      const { arrays, summary } = results[0];
      const d = summary.d;
      const traces = (m: Float64Array): [number, number] => [trace(m, d), m.reduce((total, x) => total + x * x, 0)];
      const [c1, c2] = traces(arrays.C);
      const [h1, h2] = traces(arrays.H);
      const product = (c2 * h2) / d;
      const scale = d * (d + 2) * (d - 1);
      // E[C'_ij C'_kl] = alpha delta_ij delta_kl + beta (delta_ik delta_jl + delta_il delta_jk).
      const alpha = ((d + 1) * c1 * c1 - 2 * c2) / scale;
      const beta = (d * c2 - c1 * c1) / scale;
      const t2 = alpha * h2 + beta * (h2 + h1 * h1);
      const expected = Math.sqrt((1 - t2 / product) / 2);
      const { mean, standard_deviation, rotations, percentile_1, median } = summary.commutator_baseline;
      expect(rotations).toBe(200);
      expect(Math.abs(mean - expected)).toBeLessThan(0.01);
      expect(percentile_1).toBeLessThan(median);
      expect(standard_deviation).toBeLessThan(0.01);
      expect(summary.commutator_ratio).toBeLessThan(percentile_1);
    });
  });
}

describe('measurements that are refused', () => {
  let pool: Pool;
  beforeAll(async () => {
    pool = new Pool(await engines[1].open(), { threads: 1 });
  });
  afterAll(() => pool.close());

  const refused: readonly {
    title: string;
    options: { parameter?: string; samples?: number; memoryLimit?: number };
    message: RegExp;
  }[] = [
    {
      title: 'a parameter that does not exist, naming those that do',
      options: { parameter: 'fc9.kernel' },
      message: /no parameter "fc9\.kernel"; it has fc1\.kernel, fc2\.kernel, fc3\.kernel/,
    },
    { title: '0 samples', options: { samples: 0 }, message: /at least 4 samples/ },
    { title: '1 sample', options: { samples: 1 }, message: /at least 4 samples .*there are 1/ },
    {
      title: 'more samples than there are',
      options: { samples: 701 },
      message: /701 samples were asked for; the data has 700/,
    },
    {
      title: 'more memory than allowed, with the figures and the alternative',
      options: { memoryLimit: 1e6 },
      message: /d = 624 weights would take .*MB.*1\.00 MB are allowed.*projected/,
    },
  ];
  test.each(refused)('$title', async ({ options, message }) => {
    const attempt = measureExact(pool, problem(), { parameter: 'fc2.kernel', seed: 1, libraryThreads: 1, ...options });
    await expect(attempt).rejects.toThrow(message);
    await expect(attempt).rejects.toBeInstanceOf(InputError);
  });
});

function bytes(array: Float64Array): Buffer {
  return Buffer.from(array.buffer, array.byteOffset, array.byteLength);
}

function sum(values: Float64Array): number {
  return values.reduce((total, x) => total + x, 0);
}

function trace(m: Float64Array, d: number): number {
  let total = 0;
  for (let i = 0; i < d; i++) total += m[i * d + i];
  return total;
}

function dense(a: Float64Array, b: Float64Array, d: number): Float64Array {
  const out = new Float64Array(d * d);
  for (let i = 0; i < d; i++) {
    for (let k = 0; k < d; k++) {
      const x = a[i * d + k];
      for (let j = 0; j < d; j++) out[i * d + j] += x * b[k * d + j];
    }
  }
  return out;
}
