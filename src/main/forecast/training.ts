/** What a step of training and the evaluation of a sample take, by doing some of both on a network of the same shape. */
import type { Experiment } from '../../shared/experiment.ts';
import { CpuBackend } from '../../engine/backend/cpu.ts';
import type { Blas } from '../../engine/blas/types.ts';
import { Network } from '../../engine/network/network.ts';
import { evaluate } from '../../engine/training/evaluate.ts';
import { initialValues } from '../../engine/training/initialise.ts';
import { Trainer } from '../../engine/training/trainer.ts';
import type { TrainingData } from '../../engine/training/trainer.ts';
import { digest } from './rates.ts';
import type { RateBook } from './rates.ts';

export interface TrainingRate {
  /** Seconds of a step, and of the evaluation of one sample. */
  readonly step: number;
  readonly evaluation: number;
}

/** Until compiled code runs; then measured for so long. Slow networks take one step for each. */
const warmUpMilliseconds = 150;
const measuredMilliseconds = 300;
const sliceMilliseconds = 30;
/** Evaluated at once (as in a run), and the least for a slow network. */
const evaluated = 1000;

/** @param data of the training part, or any of that shape: speed does not depend on the values */
export async function trainingRate(
  book: RateBook,
  blas: Blas,
  experiment: Experiment,
  data: TrainingData,
  threads: number,
): Promise<TrainingRate> {
  const { model, precision, batch_size: batch, optimiser, sampling } = experiment;
  const rate = await book.rate(trainingRateName(experiment), async () => {
    const backend = new CpuBackend(blas, precision);
    const network = new Network(model, backend);
    for (const parameter of network.parameters)
      network.setWeight(parameter.name, initialValues(parameter, experiment.initialisation, experiment.seed));
    const samples = data.inputs.length / network.inputSize;
    const trainer = new Trainer(network, data, {
      // Values that stay finite whatever the data are.
      optimiser: { ...optimiser, lr: 1e-6, schedule: { kind: 'constant', warm_up_steps: 0 } },
      batchSize: Math.min(batch, samples),
      sampling,
      seed: experiment.seed,
      totalSteps: 1e9,
      threads,
    });
    const step = usual(() => {
      trainer.advance();
    });
    const count = Math.max(1, Math.min(samples, evaluated, Math.ceil((0.3 * batch) / step)));
    const part = {
      inputs: data.inputs.subarray(0, count * network.inputSize),
      targets: data.targets.subarray(0, count * network.targetSize),
    };
    await evaluate(network, part, true);
    const begun = performance.now();
    await evaluate(network, part, true);
    const evaluation = (performance.now() - begun) / 1000 / count;
    await trainer.close();
    for (const tensor of network.weights.values()) backend.release(tensor);
    backend.releaseLive();
    backend.trim();
    return { step, evaluation };
  });
  return { step: rate['step'], evaluation: rate['evaluation'] };
}

/** Of all that decides how long a step takes. */
export function trainingRateName(experiment: Experiment): string {
  const { model, precision, batch_size: batch, optimiser, sampling } = experiment;
  const kind = [optimiser.momentum > 0, optimiser.nesterov, optimiser.weight_decay > 0, sampling];
  return `train/${digest([model, precision, batch, kind])}`;
}

/** Seconds of one call, the median over slices of time. */
function usual(body: () => void): number {
  const slice = (milliseconds: number): number => {
    const begun = performance.now();
    let calls = 0;
    do {
      body();
      calls++;
    } while (performance.now() - begun < milliseconds);
    return (performance.now() - begun) / 1000 / calls;
  };
  slice(warmUpMilliseconds);
  const seconds: number[] = [];
  const begun = performance.now();
  do seconds.push(slice(sliceMilliseconds));
  while (performance.now() - begun < measuredMilliseconds);
  return seconds.sort((a, b) => a - b)[Math.floor(seconds.length / 2)];
}

/** Data of a shape, for a forecast before any are read: at most so many samples, which is enough to leave the cache. */
export function dataLike(network: Network, samples: number, double: boolean): TrainingData {
  const { inputSize, targetSize, loss, spec } = network;
  const count = Math.max(8, Math.min(samples, Math.max(256, Math.ceil(4e6 / inputSize))));
  const array = (length: number): Float32Array | Float64Array => {
    const bytes = new SharedArrayBuffer(length * (double ? 8 : 4));
    return double ? new Float64Array(bytes) : new Float32Array(bytes);
  };
  const inputs = array(count * inputSize);
  // Any values: a short stretch of a low-discrepancy sequence, again and again.
  const stretch = Float64Array.from({ length: 997 }, (_, i) => 2 * ((i * 0.618034) % 1) - 1);
  const [first] = spec.layers;
  if (first.type === 'embedding') for (let i = 0; i < inputs.length; i++) inputs[i] = i % first.tokens;
  else for (let i = 0; i < inputs.length; i++) inputs[i] = stretch[i % 997];
  const targets = array(count * targetSize);
  // Of a sequence a class at each place.
  if (loss.positions > 1) for (let i = 0; i < targets.length; i++) targets[i] = i % loss.width;
  else for (let p = 0; p < count; p++) targets[p * targetSize + (p % targetSize)] = 1;
  return { inputs, targets };
}
