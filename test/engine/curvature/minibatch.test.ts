/** Minibatch noise through the measurement: closed forms where a batch is one sample or all, and the factors of docs/theory.md within standard errors. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openWasmBlas } from '../../../src/engine/blas/wasm.ts';
import { measureLayer } from '../../../src/engine/curvature/measure-layer.ts';
import { noiseDirectionNumbers } from '../../../src/engine/curvature/minibatch/measure.ts';
import { wholeNetwork } from '../../../src/engine/curvature/projected/space.ts';
import { Pool } from '../../../src/engine/parallel/pool.ts';
import { loadKernels } from '../../../src/main/blas-module.ts';
import { samplingModes } from '../../../src/shared/minibatch.ts';
import type { MinibatchNoiseSpec, MinibatchNoiseSummary } from '../../../src/shared/minibatch.ts';
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

async function noiseOf(
  parameter: string,
  spec: Partial<MinibatchNoiseSpec>,
  method: 'exact' | 'projected' = 'exact',
  workers = pool,
): Promise<MinibatchNoiseSummary> {
  const result = await measureLayer(workers, input, {
    parameter,
    method,
    top: 12,
    samples,
    seed: 1,
    libraryThreads: 1,
    intervals: false,
    minibatch_noise: { modes: [...samplingModes], batches: 600, directions: 10, seed: 5, batch_size: 16, ...spec },
  });
  result.release();
  expect(result.summary.minibatch_noise).toBeDefined();
  expect(result.summary.seconds['minibatch_noise']).toBeGreaterThan(0);
  return result.summary.minibatch_noise!;
}

describe.each([
  ['exact', 'fc3.kernel'],
  ['projected', 'fc2.kernel'],
  ['projected', wholeNetwork],
] as const)('%s, %s', (method, parameter) => {
  test('batches of one sample, in epochs, have the covariance C itself, exactly', async () => {
    const { modes, directions, C } = await noiseOf(parameter, { batch_size: 1, modes: ['epoch'], batches: 2 }, method);
    const [epoch] = modes;
    expect([epoch.batches, epoch.epochs, epoch.factor]).toEqual([4 * samples, 4, 1]);
    expect(directions.length).toBe(10);
    for (const [i, value] of epoch.measured.entries()) expect(value / C[i]).toBeCloseTo(1, 8);
    expect(epoch.variance?.measured).toBeCloseTo(1, 8);
    expect(epoch.trace?.measured).toBeCloseTo(1, 8);
    expect(epoch.between?.measured).toBeCloseTo(-1 / (samples - 1), 8);
    expect(epoch.epoch_sum).toBeLessThan(1e-8);
  });

  test('each mode has the covariance of docs/theory.md, within standard errors', async () => {
    const { modes, batch_size: batch } = await noiseOf(parameter, {}, method);
    expect(modes.map((each) => each.mode)).toEqual(samplingModes);
    for (const each of modes) {
      const finite = (samples - batch) / (batch * (samples - 1));
      expect(each.factor).toBeCloseTo(each.mode === 'with_replacement' ? 1 / batch : finite, 14);
      expect(Math.abs(each.variance!.z)).toBeLessThan(3.5);
      expect(Math.abs(each.trace!.z)).toBeLessThan(3.5);
      expect(each.trace!.standard_error).toBeLessThan(0.05);
      // The factors differ by 13 %: the wrong one is seen.
      const other = each.mode === 'with_replacement' ? finite : 1 / batch;
      expect(
        Math.abs(each.trace!.measured * each.factor - other) / (each.trace!.standard_error * each.factor),
      ).toBeGreaterThan(3);
      for (const z of each.z) expect(Math.abs(z)).toBeLessThan(5);
      if (each.mode !== 'epoch') expect([each.epochs, each.between, each.epoch_sum]).toEqual([null, null, null]);
    }
  });
});

test('a batch of all samples has no noise', async () => {
  const { modes } = await noiseOf('fc3.kernel', {
    batch_size: samples,
    modes: ['epoch', 'without_replacement'],
    batches: 3,
  });
  for (const each of modes) {
    expect([each.factor, each.variance, each.trace, each.between]).toEqual([0, null, null, null]);
  }
});

test('threads do not change a bit', async () => {
  const spec = { batches: 100 };
  const one = await noiseOf('fc3.kernel', spec);
  expect(await noiseOf('fc3.kernel', spec, 'exact', three)).toEqual(one);
});

test('a batch larger than the samples leaves the rest, and says what serves where samples are not put back', async () => {
  const { summary, release } = await measureLayer(pool, input, {
    parameter: 'fc3.kernel',
    samples,
    seed: 1,
    libraryThreads: 1,
    intervals: false,
    minibatch_noise: { modes: [...samplingModes], batches: 60, directions: 10, seed: 5, batch_size: samples + 1 },
  });
  release();
  expect(summary.minibatch_noise).toBeUndefined();
  expect(summary.minibatch_noise_unavailable).toMatch(
    /^a batch of 121 \(epoch\) is more than the 120 samples measured; /,
  );
  expect(summary.trace.H).not.toBe(0);
});

describe('directions', () => {
  test('are spaced evenly in the logarithm, above the floor and outside clusters', () => {
    const eigenvalues = Float64Array.from({ length: 41 }, (_, i) => 10 ** (-i / 10));
    expect(noiseDirectionNumbers(eigenvalues, 5, 0)).toEqual([0, 10, 20, 30, 40]);
    expect(noiseDirectionNumbers(eigenvalues, 4, 0.12)).toEqual([0, 3, 6, 9]);
    expect(noiseDirectionNumbers(Float64Array.of(3, 2, 2, 1, 0, -1), 9, 0)).toEqual([0, 3]);
    expect(noiseDirectionNumbers(Float64Array.of(-1, -2), 9, 0)).toEqual([]);
    expect(noiseDirectionNumbers(Float64Array.of(4, 3, 2, 1), 9, 0, false, (i) => i !== 2)).toEqual([0, 1, 3]);
  });
});
