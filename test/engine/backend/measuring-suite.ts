/**
 * Training and exact measurements on a device against the cpu in float64, and against the reference values where they are.
 *
 * Tolerances: a measurement's passes chain some twenty single-precision operations and its sums have at most 512 terms on the device: 2e-5 of the largest
 * entry of C, H and Q; Q squares S_p, which doubles relative errors. Eigenvalues move by at most the norm of the change of H. Reference runs take 30 to
 * 200 steps; their losses stay within 1e-4, since training amplifies rounding.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { OpenDevice } from '../../../src/engine/backend/tfjs/device.ts';
import { openWasmBlas } from '../../../src/engine/blas/wasm.ts';
import { DeviceSession } from '../../../src/engine/curvature/device/session.ts';
import { measureExact } from '../../../src/engine/curvature/exact.ts';
import { measureProjected } from '../../../src/engine/curvature/projected/measure.ts';
import { Network } from '../../../src/engine/network/network.ts';
import { Pool } from '../../../src/engine/parallel/pool.ts';
import { Trainer } from '../../../src/engine/training/trainer.ts';
import { loadKernels } from '../../../src/main/blas-module.ts';
import { deviceProblems, inputOf } from '../curvature/device/problems.ts';
import type { DeviceUnderTest } from '../../support/devices.ts';
import { dataOf, disagreement, flat, modelOf, readReference, referenceAvailable } from '../../support/reference.ts';
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
      const options = { parameter: row.parameter, seed: 4, libraryThreads: 1 };
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

    const reference = referenceAvailable === true ? test : test.skip;
    reference('a reference training run', async () => {
      const file = readReference('training-mlp-momentum');
      const before = open.tf.memory().numTensors;
      const network = new Network(modelOf(file), open.backend());
      for (const [key, values] of Object.entries(file.initial_weights)) network.setWeight(key, flat(values));
      const { lr, momentum = 0, nesterov = false, weight_decay = 0 } = file.optimiser;
      const trainer = new Trainer(network, dataOf(file, network.outputSize), {
        optimiser: { lr, momentum, nesterov, weight_decay, schedule: { kind: 'constant', warm_up_steps: 0 } },
        batchSize: file.batches[0].length,
        sampling: 'epoch',
        seed: 0,
        totalSteps: file.batches.length,
      });
      const held = open.tf.memory().numTensors;
      const losses: number[] = [];
      for (const batch of file.batches) {
        trainer.advanceOn(Uint32Array.from(batch), 0, batch.length);
        losses.push(await trainer.takeMeanLoss());
      }
      expect(open.tf.memory().numTensors, 'tensors after training').toBe(held);
      expect(held - before).toBeGreaterThan(4);
      expect(disagreement(losses, file.batch_losses)).toBeLessThan(1e-4);
      const { weights } = await trainer.state();
      for (const [key, values] of Object.entries(file.final_weights))
        expect(disagreement(weights.get(key) ?? [], flat(values)), key).toBeLessThan(1e-4);
    });
  });
}
