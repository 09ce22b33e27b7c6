/** Loss and accuracy over chunks against one sample at a time, where the first layer's product reads the data in place and where it reads a copy. */
import { beforeAll, expect, test } from 'vitest';
import { CpuBackend, dataOf } from '../../../src/engine/backend/cpu.ts';
import type { Real } from '../../../src/engine/blas/types.ts';
import { Network } from '../../../src/engine/network/network.ts';
import { evaluate } from '../../../src/engine/training/evaluate.ts';
import { initialValues } from '../../../src/engine/training/initialise.ts';
import { parseModel } from '../../../src/shared/model.ts';
import { Random } from '../../../src/shared/random.ts';
import { trainingEngines } from '../../support/engines.ts';
import { describeWhere } from '../../support/skips.ts';

const dense = { type: 'dense', name: 'fc', units: 4 };
const models = {
  'dense first, 1,030 samples': { input: [12, 12, 1], layers: [{ type: 'flatten' }, dense], samples: 1030 },
  'convolution first, chunks of 72': {
    input: [12, 12, 1],
    layers: [{ type: 'conv2d', name: 'conv', filters: 2, kernel: [7, 7], padding: 'same' }, { type: 'flatten' }, dense],
    samples: 100,
  },
};

for (const engine of trainingEngines) {
  describeWhere(engine.available, `evaluation, ${engine.title}`, () => {
    let backend: CpuBackend;
    beforeAll(async () => {
      backend = new CpuBackend(await engine.open(), 'float64');
    });

    for (const [name, { input, layers, samples }] of Object.entries(models)) {
      for (const loss of ['cross-entropy', 'mse'] as const) {
        // Data of the other precision must be copied.
        for (const precision of ['float64', 'float32'] as const) {
          test(`${name}, ${loss}, ${precision}`, async () => {
            const network = new Network(parseModel({ input, layers, loss }), backend);
            for (const parameter of network.parameters) {
              const spec = { kind: 'he', distribution: 'normal', scale: 1, standard_deviation: 1 } as const;
              network.setWeight(parameter.name, initialValues(parameter, spec, 2));
            }
            const random = new Random(5, 'evaluate');
            const make = (values: Float64Array): Real => (precision === 'float32' ? Float32Array.from(values) : values);
            const inputs = make(Float64Array.from({ length: samples * 144 }, () => random.normal()));
            const targets = make(
              Float64Array.from({ length: samples * 4 }, (_, i) => (i % 4 === (i >> 3) % 4 ? 1 : 0)),
            );
            let sum = 0;
            let correct = 0;
            for (let p = 0; p < samples; p++) {
              backend.scope(() => {
                const y = network.forward(backend.from(inputs.subarray(p * 144, (p + 1) * 144), 1, 144));
                const t = targets.subarray(p * 4, (p + 1) * 4);
                sum += dataOf(network.lossValues(backend.from(t, 1, 4)))[0];
                const outputs = [...dataOf(y)];
                if (outputs.indexOf(Math.max(...outputs)) === t.indexOf(1)) correct++;
              });
            }
            const found = await evaluate(network, { inputs, targets }, true);
            expect(found.samples).toBe(samples);
            expect(found.loss).toBeCloseTo(sum / samples, 12);
            expect(found.accuracy).toBe(correct / samples);
          });
        }
      }
    }
  });
}
