/** A WebGPU device that is lost in the middle of a measurement: it is opened anew, chunks become smaller, and the result is the same. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { OpenDevice } from '../../../src/engine/backend/tfjs/device.ts';
import { openWasmBlas } from '../../../src/engine/blas/wasm.ts';
import { DeviceSession } from '../../../src/engine/curvature/device/session.ts';
import { measureExact } from '../../../src/engine/curvature/exact.ts';
import { Pool } from '../../../src/engine/parallel/pool.ts';
import { loadKernels } from '../../../src/main/blas-module.ts';
import { deviceProblems, inputOf } from '../curvature/device/problems.ts';
import { gap } from '../network/support.ts';
import { webGpu } from '../../support/devices.ts';
import { describeWhere } from '../../support/skips.ts';

describeWhere(webGpu.available, 'a WebGPU device that is lost', () => {
  let open: OpenDevice;
  let pool: Pool;
  beforeAll(async () => {
    open = await webGpu.open();
    pool = new Pool(await openWasmBlas(loadKernels()), { threads: 1 });
  });
  afterAll(() => pool.close());

  test('the measurement goes on with what was not yet added', async () => {
    const input = await inputOf(deviceProblems[0], 400);
    const options = { parameter: deviceProblems[0].parameter, seed: 4, libraryThreads: 1, intervals: false };
    const own = await measureExact(pool, input, options);
    const session = new DeviceSession(open, input, { chunk: 128 });
    const { device } = open.tf.backend() as unknown as { device: { destroy(): void } };
    let settled = 0;
    const found = await measureExact(pool, input, {
      ...options,
      device: session,
      onProgress: (stage) => {
        if (stage === 'moments' && ++settled === 2) device.destroy();
      },
    });
    expect(session.chunk).toBe(64);
    expect(session.fallbacks[0]).toContain('going on in chunks of 64 samples');
    for (const name of ['C', 'H', 'Q', 'mean_gradient'] as const)
      expect(gap(found.arrays[name], own.arrays[name]), name).toBeLessThan(2e-5);
    expect(found.summary.loss).toBeCloseTo(own.summary.loss, 5);
    expect(found.summary.precision_reached?.fallbacks).toEqual(session.fallbacks);
    own.release();
    found.release();
  });
});
