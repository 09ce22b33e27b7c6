/** Small networks that take the device's code through all its ways: both recursions, tangents through a normalisation, a convolution, biases. */
import type { MeasurementInput } from '../../../../src/engine/curvature/measurement-input.ts';
import { CpuBackend } from '../../../../src/engine/backend/cpu.ts';
import { openWasmBlas } from '../../../../src/engine/blas/wasm.ts';
import { Network } from '../../../../src/engine/network/network.ts';
import { shared } from '../../../../src/engine/parallel/shared.ts';
import { initialValues } from '../../../../src/engine/training/initialise.ts';
import { loadKernels } from '../../../../src/main/blas-module.ts';
import { parseModel } from '../../../../src/shared/model.ts';
import { Random } from '../../../../src/shared/random.ts';

export interface DeviceProblemRow {
  readonly title: string;
  readonly model: unknown;
  readonly parameter: string;
}

const dense = (name: string, units: number, bias = false): unknown => ({ type: 'dense', name, units, bias });
const act = (fn: string): unknown => ({ type: 'activation', function: fn });

export const deviceProblems: readonly DeviceProblemRow[] = [
  {
    title: 'ReLU, cross-entropy',
    model: {
      input: [6],
      loss: 'cross-entropy',
      layers: [dense('fc1', 5), act('relu'), dense('fc2', 6), act('relu'), dense('fc3', 3)],
    },
    parameter: 'fc2.kernel',
  },
  {
    title: 'tanh, MSE: a Gauss-Newton part of its own',
    model: { input: [6], loss: 'mse', layers: [dense('fc1', 5), act('tanh'), dense('fc2', 3, true)] },
    parameter: 'fc1.kernel',
  },
  {
    title: 'a bias below a normalisation: by tangents',
    model: {
      input: [6],
      loss: 'cross-entropy',
      layers: [dense('fc1', 5, true), { type: 'layernorm', name: 'n' }, act('tanh'), dense('fc2', 3)],
    },
    parameter: 'fc1.bias',
  },
  {
    title: 'above a convolution',
    model: {
      input: [5, 4, 1],
      loss: 'cross-entropy',
      layers: [
        { type: 'conv2d', name: 'c', filters: 2, kernel: [2, 2] },
        act('relu'),
        { type: 'maxpool2d', size: 2 },
        { type: 'flatten' },
        dense('fc', 3),
      ],
    },
    parameter: 'fc.kernel',
  },
];

export async function inputOf(row: DeviceProblemRow, samples: number): Promise<MeasurementInput> {
  const model = parseModel(row.model);
  const network = new Network(model, new CpuBackend(await openWasmBlas(loadKernels()), 'float64'));
  const random = new Random(5, 'device');
  const rounded = (n: number): Float64Array =>
    shared(Float64Array.from({ length: n }, () => Math.fround(random.normal())));
  const targets = shared(new Float64Array(samples * network.outputSize));
  for (let p = 0; p < samples; p++) targets[p * network.outputSize + random.below(network.outputSize)] = 1;
  const weights = network.parameters.map((each) => {
    const values = initialValues(each, { kind: 'he', distribution: 'normal', scale: 1, standard_deviation: 1 }, 2);
    return [each.name, shared(values.map(Math.fround))] as const;
  });
  return { model, weights: new Map(weights), inputs: rounded(samples * network.inputSize), targets, classes: true };
}
