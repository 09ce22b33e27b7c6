/** The density of a measurement's summary against the eigenvalues of H that the exact method finds, and the same bits with any number of threads. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openWasmBlas } from '../../../src/engine/blas/wasm.ts';
import { measureLayer } from '../../../src/engine/curvature/measure-layer.ts';
import { wholeNetwork } from '../../../src/engine/curvature/projected/space.ts';
import { Pool } from '../../../src/engine/parallel/pool.ts';
import { loadKernels } from '../../../src/main/blas-module.ts';
import type { DensitySpec, DensitySummary, Estimate } from '../../../src/shared/density.ts';
import { problem } from './support/problem.ts';

const samples = 120;
const input = problem();
let pool: Pool;
let three: Pool;
beforeAll(async () => {
  pool = new Pool(await openWasmBlas(loadKernels()), { threads: 1 });
  three = new Pool(await openWasmBlas(loadKernels()), { threads: 3 });
});
afterAll(() => Promise.all([pool.close(), three.close()]));

async function measure(
  parameter: string,
  density: DensitySpec | boolean,
  method: 'exact' | 'projected',
  workers = pool,
): Promise<{ density: DensitySummary; eigenvalues: Float64Array; trace: number; d: number }> {
  const { summary, arrays, release } = await measureLayer(workers, input, {
    parameter,
    method,
    top: 6,
    samples,
    seed: 1,
    libraryThreads: 1,
    intervals: false,
    density,
  });
  const eigenvalues = arrays.eigenvalues.slice();
  release();
  expect(summary.seconds['density']).toBeGreaterThan(0);
  return { density: summary.density!, eigenvalues, trace: summary.trace.H, d: summary.d };
}

const spec = { probes: 40, steps: 60, seed: 3 };
const near = ({ value, standard_error: error }: Estimate, truth: number): void => {
  expect(Math.abs(value - truth)).toBeLessThan(4 * error + 1e-12);
};

describe('the density of a measurement', () => {
  test.each(['fc2.kernel', 'fc3.kernel'])('%s: moments, parts and curve agree with the eigenvalues', async (name) => {
    const { density, eigenvalues, trace, d } = await measure(name, spec, 'exact');
    expect([density.probes, density.seed]).toEqual([40, 3]);
    expect(density.steps).toBeLessThanOrEqual(Math.min(60, d));
    const share = (isInside: (x: number) => boolean): number => eigenvalues.filter(isInside).length / d;
    const { sigma, grid } = density;
    near(density.mean, trace / d);
    near(density.mean_square, eigenvalues.reduce((sum, x) => sum + x * x, 0) / d);
    near(
      density.positive,
      share((x) => x > 3 * sigma),
    );
    near(
      density.near_zero,
      share((x) => Math.abs(x) <= 3 * sigma),
    );
    near(
      density.negative,
      share((x) => x < -3 * sigma),
    );
    expect(density.negative.value + density.near_zero.value + density.positive.value).toBeCloseTo(1, 10);
    expect(density.highest / eigenvalues[0]).toBeCloseTo(1, 6);
    const truth = grid.map((x) =>
      eigenvalues.reduce(
        (sum, each) => sum + Math.exp(-0.5 * ((x - each) / sigma) ** 2) / (sigma * Math.sqrt(2 * Math.PI) * d),
        0,
      ),
    );
    const highest = Math.max(...truth);
    const far = truth.filter(
      (y, i) => Math.abs(y - density.density[i]) > 3 * density.standard_error[i] + 1e-3 * highest,
    );
    expect(far.length / grid.length).toBeLessThan(0.05);
  });

  test('the projected method gives the same, bit for bit, with any number of threads', async () => {
    const few = { probes: 2, steps: 8, seed: 3 };
    const exact = await measure('fc3.kernel', few, 'exact');
    const projected = await measure('fc3.kernel', few, 'projected', three);
    expect(projected.density).toEqual(exact.density);
  });

  test('of the whole network, with the defaults', async () => {
    const { density, trace, d } = await measure(wholeNetwork, true, 'projected');
    expect([density.probes, density.seed, density.grid.length]).toEqual([8, 1, 512]);
    const step = density.grid[1] - density.grid[0];
    expect(density.density.reduce((sum, y) => sum + y * step, 0)).toBeCloseTo(1, 3);
    // Both are estimates here: the trace by random probes of its own.
    expect(Math.abs(density.mean.value - trace / d)).toBeLessThan(6 * density.mean.standard_error);
  });

  test('of few samples it is that of their mean Hessian all the same', async () => {
    const options = { parameter: 'fc3.kernel', seed: 1, libraryThreads: 1, intervals: false } as const;
    const { summary, release } = await measureLayer(pool, input, { ...options, samples: 7, density: true });
    const { grid = [], density = [] } = summary.density ?? {};
    expect(density.length).toBe(grid.length);
    expect(density.length).toBeGreaterThan(0);
    const mass = grid.slice(1).reduce((sum, x, k) => sum + ((x - grid[k]) * (density[k] + density[k + 1])) / 2, 0);
    expect(mass).toBeCloseTo(1, 2);
    release();
  });
});
