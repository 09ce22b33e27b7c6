/**
 * Measurements on a device against the cpu in float64 (reference-suite.ts holds them and training against the reference files), and its memory.
 *
 * Tolerances: a measurement's passes chain some twenty single-precision operations and its sums have at most 512 terms on the device: 2e-5 of the largest
 * entry of C, H and Q; Q squares S_p, which doubles relative errors. Eigenvalues move by at most the norm of the change of H.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { OpenDevice } from '../../../src/engine/backend/tfjs/device.ts';
import { openWasmBlas } from '../../../src/engine/blas/wasm.ts';
import { DeviceSession } from '../../../src/engine/curvature/device/session.ts';
import { measureExact } from '../../../src/engine/curvature/exact.ts';
import { measureProjected } from '../../../src/engine/curvature/projected/measure.ts';
import { Pool } from '../../../src/engine/parallel/pool.ts';
import { loadKernels } from '../../../src/main/blas-module.ts';
import { expectSameAssumptions } from '../curvature/device/assumptions.ts';
import { deviceProblems, inputOf } from '../curvature/device/problems.ts';
import type { DeviceUnderTest } from '../../support/devices.ts';
import { describeWhere } from '../../support/skips.ts';
import { gap } from '../network/support.ts';

const tolerance = 2e-5;

export function measuringSuite(device: DeviceUnderTest): void {
  describeWhere(device.available, `measuring and training, ${device.title}`, () => {
    let open: OpenDevice;
    let pool: Pool;
    beforeAll(async () => {
      open = await device.open();
      pool = new Pool(await openWasmBlas(loadKernels()), { threads: 1 });
    });
    afterAll(async () => {
      await pool.close();
      open.close();
    });

    test.each(deviceProblems)('exact: $title', async (row) => {
      const input = await inputOf(row, 300);
      // On a slow device once: curvature/device/on-cpu.test.ts takes every row through the same sums.
      const intervals = !device.isSlow || row === deviceProblems[0];
      const options = { parameter: row.parameter, seed: 4, libraryThreads: 1, intervals };
      const own = await measureExact(pool, input, options);
      const before = open.tf.memory().numTensors;
      const session = new DeviceSession(open, input, { chunk: 200 });
      const found = await measureExact(pool, input, { ...options, device: session });
      session.close();
      // Places of windows stay with the backend.
      expect(open.tf.memory().numTensors - before).toBeLessThanOrEqual(4);
      for (const name of ['C', 'H', 'Q', 'gauss_newton', 'mean_gradient', 'eigenvalues'] as const)
        expect(gap(found.arrays[name], own.arrays[name]), name).toBeLessThan(tolerance);
      const { summary } = found;
      expect(summary.precision).toBe('float32');
      expect(summary.engine.backend).toBe(open.title);
      for (const key of ['C', 'H', 'Q'] as const) {
        expect(summary.precision_reached?.sums?.[key]).toBeGreaterThan(0);
        expect(summary.precision_reached?.sums?.[key]).toBeLessThan(tolerance);
      }
      expect(summary.floor.H).toBeGreaterThan(own.summary.floor.H);
      expect(summary.accuracy).toBe(own.summary.accuracy);
      own.release();
      found.release();
    });

    test('projected: the leading directions of a convolution', async () => {
      const row = { ...deviceProblems[3], parameter: 'c.kernel' };
      const input = await inputOf(row, 60);
      const options = { parameter: row.parameter, seed: 4, top: 2, maxProducts: 12, probes: 2, intervals: false };
      const own = await measureProjected(pool, input, options);
      const session = new DeviceSession(open, input);
      const found = await measureProjected(pool, input, { ...options, device: session });
      session.close();
      expect(gap(found.arrays.eigenvalues, own.arrays.eigenvalues)).toBeLessThan(tolerance);
      const error = found.summary.precision_reached?.along?.H ?? NaN;
      expect(error).toBeGreaterThan(1e-12);
      expect(error).toBeLessThan(tolerance);
    });

    // What a slow device leaves out: curvature/device/on-cpu.test.ts takes all of them through the same sums.
    test.each(device.isSlow ? deviceProblems.slice(0, 1) : deviceProblems)(
      'the old assumption, exact: $title',
      async (row) => {
        const samples = device.isSlow ? 60 : 300;
        const input = await inputOf(row, samples);
        const options = { parameter: row.parameter, seed: 4, libraryThreads: 1, assumptions: true };
        const intervals = !device.isSlow;
        const own = await measureExact(pool, input, { ...options, intervals });
        const before = open.tf.memory().numTensors;
        const session = new DeviceSession(open, input, { chunk: Math.ceil(samples / 3) });
        const found = await measureExact(pool, input, { ...options, intervals, device: session });
        session.close();
        expect(open.tf.memory().numTensors - before).toBeLessThanOrEqual(4);
        expectSameAssumptions(found, own, tolerance, 1e-3);
        own.release();
        found.release();
      },
    );

    test('the old assumption, projected: a convolution', async () => {
      const row = { ...deviceProblems[3], parameter: 'c.kernel' };
      const input = await inputOf(row, device.isSlow ? 40 : 300);
      const shorter = device.isSlow ? { maxProducts: 12, probes: 2, intervals: false } : {};
      const options = { parameter: row.parameter, seed: 4, top: device.isSlow ? 2 : 4, assumptions: true, ...shorter };
      const own = await measureProjected(pool, input, options);
      const session = new DeviceSession(open, input, { chunk: 100 });
      const found = await measureProjected(pool, input, { ...options, device: session });
      session.close();
      expectSameAssumptions(found, own, tolerance, 1e-3);
    });

    // Ten chunks of each half: what a chunk leaves behind would be seen ten times.
    const tensorsDoNotGrow = async (): Promise<void> => {
      const input = await inputOf(deviceProblems[0], 320);
      const counts = new Map<string, number[]>();
      const onProgress = (stage: string): void => {
        const found = counts.get(stage) ?? [];
        counts.set(stage, [...found, open.tf.memory().numTensors]);
      };
      const { parameter } = deviceProblems[0];
      const extras = { duality: true, assumptions: true };
      const options = { parameter, seed: 4, libraryThreads: 1, onProgress, ...extras } as const;
      const before = open.tf.memory().numTensors;
      const session = new DeviceSession(open, input, { chunk: 16 });
      const exact = await measureExact(pool, input, { ...options, device: session });
      expect(exact.summary.duality).toBeDefined();
      exact.release();
      await measureProjected(pool, input, { ...options, device: session, top: 2, probes: 2 });
      expect(open.tf.memory().numTensors - before, 'weights, inputs and targets').toBe(3 + 2);
      session.close();
      expect(open.tf.memory().numTensors, 'at the end').toBe(before);
      for (const [stage, least] of [
        ['moments', 20],
        ['projections', 40],
      ] as const) {
        const seen = counts.get(stage) ?? [];
        expect(seen.length, stage).toBeGreaterThanOrEqual(least);
        const half = Math.floor(seen.length / 2);
        expect(Math.max(...seen.slice(half)), stage).toBeLessThanOrEqual(Math.max(...seen.slice(0, half)));
      }
    };
    if (!device.isSlow) test('device tensors do not grow from chunk to chunk', tensorsDoNotGrow);
  });
}
