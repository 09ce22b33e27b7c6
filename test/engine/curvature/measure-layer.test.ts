/** How far a measurement says it is, with everything that may come after the two methods. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openWasmBlas } from '../../../src/engine/blas/wasm.ts';
import { measureLayer } from '../../../src/engine/curvature/measure-layer.ts';
import { Pool } from '../../../src/engine/parallel/pool.ts';
import { loadKernels } from '../../../src/main/blas-module.ts';
import { problem } from './support/problem.ts';

let pool: Pool;
beforeAll(async () => {
  pool = new Pool(await openWasmBlas(loadKernels()), { threads: 1 });
});
afterAll(() => pool.close());

test.each(['exact', 'projected'] as const)('progress goes onward through every part, %s', async (method) => {
  const told: { readonly stage: string; readonly share: number }[] = [];
  const { release } = await measureLayer(pool, problem(), {
    parameter: 'fc3.kernel',
    method,
    samples: 200,
    top: 4,
    seed: 1,
    libraryThreads: 1,
    convergence: 'full',
    density: { probes: 2, steps: 4, seed: 1 },
    weight_fluctuations: {
      modes: ['with_replacement'],
      learning_rate: 0.01,
      batch_size: 10,
      steps: 640,
      burn_in: 10,
      directions: 2,
      frozen: true,
      seed: 1,
    },
    onProgress: (stage, share) => told.push({ stage, share }),
  });
  release();
  const backwards = told.filter(({ share }, i) => i > 0 && share < told[i - 1].share);
  expect(backwards).toEqual([]);
  expect(told.every(({ share }) => share >= 0 && share <= 1)).toBe(true);
  const first = (name: string): number => told.find(({ stage }) => stage.startsWith(name))!.share;
  // Parts that take long have room for it.
  expect(first('weight_fluctuations')).toBeLessThan(0.5);
  expect(first('half of the samples')).toBeLessThan(0.8);
  expect(new Set(told.map(({ stage }) => stage))).toContain('density');
});
