/** v . h_p v of single samples, held against second differences of their losses. */
import { expect, it } from 'vitest';
import { CpuBackend, dataOf } from '../../../src/engine/backend/cpu.ts';
import { sampleCurvatures } from '../../../src/engine/curvature/sample-curvatures.ts';
import { Network } from '../../../src/engine/network/network.ts';
import { parseModel } from '../../../src/shared/model.ts';
import { openWasmBlas } from '../../../src/engine/blas/wasm.ts';
import { loadKernels } from '../../../src/main/blas-module.ts';
import { normal } from '../../shared/figures/data.ts';

it('equals the second difference of every sample’s loss, for more samples than one pass takes', async () => {
  const backend = new CpuBackend(await openWasmBlas(loadKernels()), 'float64');
  const model = parseModel({
    input: [5],
    layers: [
      { type: 'dense', name: 'fc1', units: 4 },
      { type: 'activation', function: 'tanh' },
      { type: 'dense', name: 'fc2', units: 3 },
    ],
    loss: 'cross-entropy',
  });
  const network = new Network(model, backend);
  const noise = normal(4);
  const weights = new Map(network.parameters.map(({ name, rows, cols }) => [name, Float64Array.from({ length: rows * cols }, () => 0.7 * noise())])); // prettier-ignore
  for (const [name, values] of weights) network.setWeight(name, values);
  const samples = 300;
  const inputs = Float64Array.from({ length: samples * 5 }, noise);
  const targets = new Float64Array(samples * 3);
  for (let p = 0; p < samples; p++) targets[p * 3 + (p % 3)] = 1;
  const name = 'fc1.kernel';
  const w = weights.get(name)!;
  const directions = Float64Array.from({ length: 2 * w.length }, noise);
  const found = sampleCurvatures({ network, backend, parameter: name, inputs, targets, directions });
  const lossesAt = (direction: Float64Array, step: number): Float64Array => {
    network.setWeight(name, w.map((value, j) => value + step * direction[j])); // prettier-ignore
    return backend.scope(() => {
      network.forward(backend.from(inputs, samples, 5));
      return Float64Array.from(dataOf(network.lossValues(backend.from(targets, samples, 3))));
    });
  };
  const step = 1e-4;
  for (let i = 0; i < 2; i++) {
    const direction = directions.subarray(i * w.length, (i + 1) * w.length);
    const [before, here, after] = [-step, 0, step].map((by) => lossesAt(direction, by));
    for (let p = 0; p < samples; p++) {
      const expected = (before[p] - 2 * here[p] + after[p]) / step ** 2;
      expect(Math.abs(found[i * samples + p] - expected)).toBeLessThan(1e-5 * (1 + Math.abs(expected)));
    }
  }
});
