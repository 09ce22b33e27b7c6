/** Long training on the real TensorFlow, whose memory is not the garbage collector's, and calibration against it. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { OpenDevice } from '../../../src/engine/backend/tfjs/device.ts';
import { openWasmBlas } from '../../../src/engine/blas/wasm.ts';
import { DeviceSession } from '../../../src/engine/curvature/device/session.ts';
import { Network } from '../../../src/engine/network/network.ts';
import { initialValues } from '../../../src/engine/training/initialise.ts';
import { Pool } from '../../../src/engine/parallel/pool.ts';
import { Trainer } from '../../../src/engine/training/trainer.ts';
import { backendTrainingRate, measuringTimes } from '../../../src/main/jobs/calibration.ts';
import { RateBook } from '../../../src/main/forecast/rates.ts';
import { loadKernels } from '../../../src/main/blas-module.ts';
import { parseExperiment } from '../../../src/shared/experiment.ts';
import { tensorflow } from '../../support/devices.ts';
import { describeWhere } from '../../support/skips.ts';
import { deviceProblems, inputOf } from '../curvature/device/problems.ts';

describeWhere(tensorflow.available, 'training on tfjs-node', () => {
  let open: OpenDevice;
  let pool: Pool;
  beforeAll(async () => {
    open = await tensorflow.open();
    pool = new Pool(await openWasmBlas(loadKernels()), { threads: 1 });
  });
  afterAll(async () => {
    await pool.close();
    open.close();
  });

  const row = deviceProblems[0];
  const experiment = parseExperiment({
    name: 'e',
    dataset: { source: 'glyphs' },
    model: row.model,
    optimiser: { lr: 0.01, momentum: 0.9 },
    batch_size: 20,
    epochs: 1,
  });

  test('10,000 steps take no more memory than 2,000', async () => {
    const backend = open.backend();
    const network = new Network(experiment.model, backend);
    for (const parameter of network.parameters)
      network.setWeight(parameter.name, initialValues(parameter, experiment.initialisation, 1));
    const { optimiser, sampling } = experiment;
    const options = { optimiser, batchSize: 20, sampling, seed: 1, totalSteps: 10_000 };
    const trainer = new Trainer(network, await inputOf(row, 200), options);
    const { binding } = open.tf.backend() as unknown as { binding: { getNumOfTensors(): number } };
    const counted: { tensors: number; inLibrary: number; resident: number }[] = [];
    for (let step = 1; step <= 10_000; step++) {
      trainer.advance();
      if (step % 200 !== 0) continue;
      const loss = await trainer.takeMeanLoss();
      expect(loss).toBeGreaterThan(0);
      if (step % 2000 !== 0) continue;
      const { numTensors: tensors } = open.tf.memory();
      counted.push({ tensors, inLibrary: binding.getNumOfTensors(), resident: process.memoryUsage().rss });
    }
    const [first] = counted;
    for (const each of counted) {
      expect(each.tensors).toBe(first.tensors);
      expect(each.inLibrary).toBe(first.inLibrary);
    }
    // A leak of one tensor [20, 16] a step would be 10 MB; what the collector keeps of 8,000 steps' handles is less.
    expect((counted[4].resident - first.resident) / 1e6).toBeLessThan(32);
    await trainer.close();
  });

  test('calibration measures training and both methods on it, once', async () => {
    const book = new RateBook('machine', {});
    const data = await inputOf(row, 100);
    const rate = await backendTrainingRate(book, open.backend(), experiment, data);
    expect(rate.step).toBeGreaterThan(0);
    const again = new RateBook('machine', { machine: book.measured });
    expect(await backendTrainingRate(again, open.backend(), experiment, data)).toEqual(rate);
    for (const [index, parameter, method] of [
      [0, row.parameter, 'exact'],
      [3, 'c.kernel', 'projected'],
    ] as const) {
      const input = await inputOf(deviceProblems[index], 100);
      const session = new DeviceSession(open, input);
      const books = { device: new RateBook('device', {}), cpu: new RateBook('cpu', {}) };
      const times = await measuringTimes(books, session, pool, input, parameter, method);
      expect(times.device, method).toBeGreaterThan(0);
      expect(times.cpu, method).toBeGreaterThan(0);
      session.close();
    }
  });
});
