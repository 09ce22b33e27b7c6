/** The subject of the bench's measurements: a network trained briefly on the data, so that its spectra are typical of training, not of initialisation. */
import { fillOneHot } from '../../shared/one-hot.ts';
import type { MeasurementInput } from '../../engine/curvature/measurement-input.ts';
import { resolveDataset } from '../../data/resolve.ts';
import { CpuBackend, dataOf } from '../../engine/backend/cpu.ts';
import type { Blas } from '../../engine/blas/types.ts';
import { Network } from '../../engine/network/network.ts';
import { shared } from '../../engine/parallel/shared.ts';
import { initialValues } from '../../engine/training/initialise.ts';
import { Trainer } from '../../engine/training/trainer.ts';
import type { TrainingData } from '../../engine/training/trainer.ts';
import { parseDataset } from '../../shared/dataset.ts';
import { InputError } from '../../shared/errors.ts';
import { benchModel } from './bench.ts';

const steps = 1600;

/**
 * Samples of 784 numbers in 10 classes, in shared memory: drawn digits, or MNIST's training images from a folder.
 * Raises InputError if the folder does not hold them or has fewer.
 */
export async function benchData(samples: number, folder: string | undefined): Promise<TrainingData> {
  const least = Math.max(2000, samples);
  const spec = folder === undefined ? { source: 'glyphs', train: least, test: 0 } : { source: 'mnist', path: folder };
  const { train, outputs } = await resolveDataset(parseDataset(spec));
  if (train.count < samples) throw new InputError(`${samples} samples were asked for; ${folder} holds ${train.count}`);
  const count = Math.min(train.count, least);
  const width = train.inputs.length / train.count;
  const inputs = new Float32Array(new SharedArrayBuffer(4 * count * width));
  inputs.set(train.inputs.subarray(0, count * width));
  const targets = new Float32Array(new SharedArrayBuffer(4 * count * outputs));
  fillOneHot(targets, train.targets.values, outputs);
  return { inputs, targets };
}

/** He's random weights of every parameter. */
export function firstWeights(network: Network): Map<string, Float64Array> {
  const spec = { kind: 'he', distribution: 'normal', scale: 1, standard_deviation: 1 } as const;
  return new Map(network.parameters.map((each) => [each.name, shared(initialValues(each, spec, 1))]));
}

/** Plain SGD from random weights, batches of 50. @param totalSteps enough of them, and a thread prepares batches if that pays */
export function benchTrainer(
  network: Network,
  data: TrainingData,
  options: { readonly lr: number; readonly totalSteps: number; readonly threads?: number },
): Trainer {
  for (const [name, values] of firstWeights(network)) network.setWeight(name, values);
  const { lr, ...rest } = options;
  const schedule = { kind: 'constant', warm_up_steps: 0 } as const;
  const optimiser = { lr, momentum: 0, nesterov: false, weight_decay: 0, schedule };
  return new Trainer(network, data, { optimiser, batchSize: 50, sampling: 'epoch', seed: 1, ...rest });
}

/** 784-n-n-10 after 1,600 steps of SGD on the data. */
export function trainedInput(blas: Blas, width: number, data: TrainingData): MeasurementInput {
  const model = benchModel(width);
  const network = new Network(model, new CpuBackend(blas, 'float32'));
  const trainer = benchTrainer(network, data, { lr: 0.1, totalSteps: steps });
  for (let i = 0; i < steps; i++) trainer.advance();
  const weights = new Map(
    [...network.weights].map(([name, tensor]) => [name, shared(Float64Array.from(dataOf(tensor)))] as const),
  );
  return { model, weights, inputs: data.inputs, targets: data.targets, classes: true };
}
