/** Measurements of 1 to 7 samples: all that is over the samples themselves, by the oracle; what rests on halves of them is left out and named. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openWasmBlas } from '../../../src/engine/blas/wasm.ts';
import { CpuBackend } from '../../../src/engine/backend/cpu.ts';
import { measureLayer } from '../../../src/engine/curvature/measure-layer.ts';
import { Network } from '../../../src/engine/network/network.ts';
import { Pool } from '../../../src/engine/parallel/pool.ts';
import { shared } from '../../../src/engine/parallel/shared.ts';
import { oracleMatrices } from '../../../src/engine/verify/oracle.ts';
import { loadKernels } from '../../../src/main/blas-module.ts';
import { parseModel } from '../../../src/shared/model.ts';
import { disagreement } from '../../support/reference.ts';
import { normals } from '../network/support.ts';

const model = parseModel({
  input: [3],
  layers: [
    { type: 'dense', name: 'fc1', units: 3 },
    { type: 'activation', function: 'tanh' },
    { type: 'dense', name: 'fc2', units: 2 },
  ],
  loss: 'cross-entropy',
});

let pool: Pool;
beforeAll(async () => {
  pool = new Pool(await openWasmBlas(loadKernels()), { threads: 1 });
});
afterAll(() => pool.close());

test.each([
  { samples: 1, method: 'exact' },
  { samples: 3, method: 'exact' },
  { samples: 1, method: 'projected' },
  { samples: 2, method: 'projected' },
  { samples: 5, method: 'projected' },
  { samples: 7, method: 'projected' },
] as const)('$samples of 9 samples, $method', async ({ samples, method }) => {
  const network = new Network(model, new CpuBackend(pool.blas, 'float64'));
  const weights = Object.fromEntries(
    network.parameters.map(({ name, rows, cols }, i) => [name, [...normals(i + 1, rows * cols)]]),
  );
  const inputs = Array.from({ length: 9 }, (_, p) => [...normals(p + 30, 3)]);
  const targets = inputs.map((_, p) => [p % 2, 1 - (p % 2)]);
  const input = {
    model,
    weights: new Map(Object.entries(weights).map(([name, values]) => [name, shared(Float64Array.from(values))])),
    inputs: shared(Float64Array.from(inputs.flat())),
    targets: shared(Float64Array.from(targets.flat())),
    classes: true,
  };
  const oracle = await oracleMatrices(
    { model, weights, inputs: inputs.slice(0, samples), targets: targets.slice(0, samples) },
    'fc1.kernel',
  );
  const { summary, arrays, release } = await measureLayer(pool, input, {
    parameter: 'fc1.kernel',
    method,
    samples,
    seed: 1,
    libraryThreads: 1,
    top: 9,
    density: true,
  });
  const trace = (matrix: Float64Array): number => matrix.reduce((sum, x, at) => sum + (at % 10 === 0 ? x : 0), 0);
  for (const key of ['C', 'H', 'Q'] as const) {
    if ('C' in arrays && samples > 1) expect(disagreement(arrays[key], oracle[key]), key).toBeLessThan(1e-9);
    expect(Math.abs(summary.trace[key] - trace(oracle[key]))).toBeLessThan(1e-12);
  }
  expect(disagreement(arrays.mean_gradient, oracle.mean_gradient)).toBeLessThan(1e-12);
  expect(summary.loss).toBeCloseTo(oracle.loss, 12);
  expect(summary.samples).toBe(samples);
  expect(summary.population).toBe(9);
  expect(summary.density).toBeDefined();
  expect(summary.gamma.training_set.length).toBe(summary.gamma.cross_fitted.length);
  expect(summary.gamma.cross_fitted.every(({ n }) => n === 0)).toBe(true);
  expect(arrays.cross_fitted_selection).toHaveLength(0);
  expect(summary.left_out?.[0]).toMatch(/too few for the cross-fitted estimand/);
  expect(summary.half_sample).toBeUndefined();
  expect(summary.bootstrap).toBeUndefined();
  release();
});
