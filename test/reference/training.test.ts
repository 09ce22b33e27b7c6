/** SGD over fixed batches against the reference runs: batch losses and final weights to 1e-9, on every BLAS. */
import { expect, test } from 'vitest';
import { CpuBackend } from '../../src/engine/backend/cpu.ts';
import { Network } from '../../src/engine/network/network.ts';
import { Trainer } from '../../src/engine/training/trainer.ts';
import { trainingEngines } from '../support/engines.ts';
import {
  dataOf,
  disagreement,
  flat,
  modelOf,
  readReference,
  referenceAvailable,
  referenceNames,
} from '../support/reference.ts';
import { describeWhere } from '../support/skips.ts';

for (const engine of trainingEngines) {
  const available = referenceAvailable === true ? engine.available : referenceAvailable;
  describeWhere(available, `training against reference runs, ${engine.title}`, () => {
    for (const name of referenceNames('training-')) {
      test(name, async () => {
        const file = readReference(name);
        const backend = new CpuBackend(await engine.open(), 'float64');
        const network = new Network(modelOf(file), backend);
        for (const [key, values] of Object.entries(file.initial_weights)) network.setWeight(key, flat(values));
        const { lr, momentum = 0, nesterov = false, weight_decay = 0 } = file.optimiser;
        const trainer = new Trainer(network, dataOf(file, network.outputSize), {
          optimiser: { lr, momentum, nesterov, weight_decay, schedule: { kind: 'constant', warm_up_steps: 0 } },
          batchSize: file.batches[0].length,
          sampling: 'epoch',
          seed: 0,
          totalSteps: file.batches.length,
        });
        const losses: number[] = [];
        for (const batch of file.batches) {
          trainer.advanceOn(Uint32Array.from(batch), 0, batch.length);
          losses.push(await trainer.takeMeanLoss());
        }
        expect(disagreement(losses, file.batch_losses)).toBeLessThan(1e-9);
        const { weights } = await trainer.state();
        for (const [key, values] of Object.entries(file.final_weights)) {
          expect(disagreement(weights.get(key) ?? [], flat(values)), key).toBeLessThan(1e-9);
        }
      });
    }
  });
}
