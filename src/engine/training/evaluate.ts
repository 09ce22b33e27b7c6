/** Loss and accuracy of a network over many samples, in chunks. */
import type { Real } from '../blas/types.ts';
import type { Tensor } from '../backend/types.ts';
import { AffineLayer } from '../network/affine.ts';
import { leaves } from '../network/chain.ts';
import { DenseLayer } from '../network/dense.ts';
import { FlattenLayer } from '../network/flatten.ts';
import { lossValues } from '../network/loss.ts';
import type { Network } from '../network/network.ts';
import type { TrainingData } from './trainer.ts';

export interface Evaluation {
  readonly samples: number;
  /** Mean loss over the samples. */
  readonly loss: number;
  /** Share of samples whose largest output is at the target's largest entry; null unless the loss is cross-entropy or targets are one-hot rows. */
  readonly accuracy: number | null;
}

/** Samples of a pass, at most; fewer where that many would not stay in a processor's cache: numbers in the widest matrix of a pass. */
const mostSamples = 1000;
const cachedNumbers = 2 ** 18;

export async function evaluate(network: Network, data: TrainingData, classes: boolean): Promise<Evaluation> {
  const { backend, inputSize, outputSize } = network;
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
    const targets = data.targets.subarray(start * outputSize, (start + count) * outputSize);
    const { output, losses } = backend.scope(() => {
      const y = network.forward(tensorOf(data.inputs.subarray(start * inputSize, (start + count) * inputSize), count));
      const t = backend.from(targets, count, outputSize);
      return { output: backend.read(y), losses: backend.read(lossValues(backend, network.loss, y, t)) };
    });
    for (const value of await losses) lossSum += value;
    if (classes) correct += countCorrect(await output, targets, outputSize);
  }
  return { samples: size, loss: lossSum / size, accuracy: classes ? correct / size : null };
}

/** Samples of a pass. */
export function chunkOf(network: Network): number {
  const widths = leaves(network.layers).map((layer) => {
    const outputs = layer.outputShape.reduce((product, n) => product * n, 1);
    return layer instanceof AffineLayer ? Math.max(outputs, layer.positions * layer.kernel.rows) : outputs;
  });
  return Math.max(16, Math.min(mostSamples, Math.floor(cachedNumbers / Math.max(network.inputSize, ...widths))));
}

/** Rows in which the largest output stands where the largest target does. */
export function countCorrect(outputs: Real, targets: Real, width: number): number {
  let correct = 0;
  for (let start = 0; start < targets.length; start += width) {
    if (largestAt(outputs, start, width) === largestAt(targets, start, width)) correct++;
  }
  return correct;
}

function largestAt(values: Real, start: number, width: number): number {
  let best = 0;
  for (let j = 1; j < width; j++) if (values[start + j] > values[start + best]) best = j;
  return best;
}
