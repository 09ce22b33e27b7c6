/** Loss and accuracy of a network over many samples, in chunks. */
import type { Real } from '../blas/types.ts';
import type { Tensor } from '../backend/types.ts';
import { leaves } from '../network/chain.ts';
import { DenseLayer } from '../network/dense.ts';
import { FlattenLayer } from '../network/flatten.ts';
import type { Network } from '../network/network.ts';
import type { TrainingData } from './trainer.ts';

export interface Evaluation {
  readonly samples: number;
  /** Mean loss over the samples. */
  readonly loss: number;
  /** Share of samples (of a sequence: of its positions) whose prediction is correct; null unless the targets are classes. */
  readonly accuracy: number | null;
}

/** Samples of a pass, at most; fewer if that many would not stay in a processor's cache: numbers in the widest matrix of a pass. */
const mostSamples = 1000;
const cachedNumbers = 2 ** 18;

export async function evaluate(network: Network, data: TrainingData, classes: boolean): Promise<Evaluation> {
  const { backend, inputSize, targetSize } = network;
  // A product reads the samples where they lie; loops over windows are faster on a copy in their own memory.
  const first = leaves(network.layers).find((layer) => !(layer instanceof FlattenLayer));
  const isProduct = first instanceof DenseLayer;
  const tensorOf = (values: Real, count: number): Tensor =>
    isProduct && backend.borrow !== undefined
      ? backend.borrow(values, count, inputSize)
      : backend.from(values, count, inputSize);
  const size = data.inputs.length / inputSize;
  const chunk = chunkOf(network);
  let lossSum = 0;
  let correct = 0;
  for (let start = 0; start < size; start += chunk) {
    const count = Math.min(chunk, size - start);
    const targets = data.targets.subarray(start * targetSize, (start + count) * targetSize);
    const { output, losses } = backend.scope(() => {
      const y = network.forward(tensorOf(data.inputs.subarray(start * inputSize, (start + count) * inputSize), count));
      const t = backend.from(targets, count, targetSize);
      return { output: backend.read(y), losses: backend.read(network.lossValues(t)) };
    });
    for (const value of await losses) lossSum += value;
    if (classes) correct += network.loss.correct(await output, targets);
  }
  return { samples: size, loss: lossSum / size, accuracy: classes ? correct / size : null };
}

/** Samples of a pass. */
export function chunkOf(network: Network): number {
  const widths = leaves(network.layers).map((layer) => {
    const outputs = layer.outputShape.reduce((product, n) => product * n, 1);
    return Math.max(outputs, layer.workspace ?? 0);
  });
  return Math.max(16, Math.min(mostSamples, Math.floor(cachedNumbers / Math.max(network.inputSize, ...widths))));
}
