/** Training where one table is used twice: a step takes both uses at once, with and without momentum, and with the batch split over threads. */
import { expect, test } from 'vitest';
import { CpuBackend, dataOf } from '../../../src/engine/backend/cpu.ts';
import { openWasmBlas } from '../../../src/engine/blas/wasm.ts';
import { Network } from '../../../src/engine/network/network.ts';
import { Sgd } from '../../../src/engine/training/sgd.ts';
import { loadKernels } from '../../../src/main/blas-module.ts';
import { parseModel } from '../../../src/shared/model.ts';
import { gap, normals } from '../network/support.ts';

const model = parseModel({
  input: [3],
  layers: [
    { type: 'embedding', name: 'wte', tokens: 5, units: 4 },
    {
      type: 'residual',
      layers: [
        { type: 'dense', name: 'fc', units: 4 },
        { type: 'activation', function: 'tanh' },
      ],
    },
    { type: 'dense', name: 'head', units: 5, tied: 'wte', bias: false },
  ],
  loss: 'cross-entropy',
});
const tokens = [0, 3, 3, 4, 1, 0];
const targets = [3, 3, 4, 1, -100, 2];

test.each([
  { title: 'plain', momentum: 0, weightDecay: 0.1 },
  { title: 'momentum', momentum: 0.9, weightDecay: 0.1 },
])('$title: two steps follow differences of the mean loss', async ({ momentum, weightDecay }) => {
  const backend = new CpuBackend(await openWasmBlas(loadKernels()), 'float64');
  const network = new Network(model, backend);
  for (const [i, { name, rows, cols }] of network.parameters.entries())
    network.setWeight(name, normals(i + 1, rows * cols));
  const meanLoss = (): number =>
    backend.scope(() => {
      network.forward(backend.from(tokens, 2, 3));
      const losses = dataOf(network.lossValues(backend.from(targets, 2, 3)));
      return (losses[0] + losses[1]) / 2;
    });
  const table = (): Float64Array => Float64Array.from(dataOf(network.weights.get('wte.kernel')!));
  const differences = (): Float64Array => {
    const at = table();
    const slopes = at.map((value, i) => {
      const moved = (step: number): number => {
        network.setWeight('wte.kernel', at.with(i, value + step));
        return meanLoss();
      };
      return (8 * (moved(1e-3) - moved(-1e-3)) - (moved(2e-3) - moved(-2e-3))) / 12e-3;
    });
    network.setWeight('wte.kernel', at);
    return slopes;
  };
  const sgd = new Sgd(network, { momentum, nesterov: false, weightDecay });
  sgd.learningRate = 0.1;
  let velocity = new Float64Array(20);
  for (let step = 0; step < 2; step++) {
    const before = table();
    const slopes = differences();
    velocity = velocity.map((v, i) => momentum * v + slopes[i] + weightDecay * before[i]);
    backend.scope(() => {
      network.forward(backend.from(tokens, 2, 3));
      network.backward(network.lossAndGradient(backend.from(targets, 2, 3), 1 / 2).gradient, sgd);
    });
    const expected = before.map((value, i) => value - 0.1 * velocity[i]);
    expect(gap(table(), expected)).toBeLessThan(1e-9);
  }
});
