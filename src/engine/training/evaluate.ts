/** Loss and accuracy of a network over many samples, in chunks. */
import type { Real } from '../blas/types.ts';
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

const chunk = 1000;

export async function evaluate(network: Network, data: TrainingData, classes: boolean): Promise<Evaluation> {
  const { backend, inputSize, outputSize } = network;
  const size = data.inputs.length / inputSize;
  let lossSum = 0;
  let correct = 0;
  for (let start = 0; start < size; start += chunk) {
    const count = Math.min(chunk, size - start);
    const targets = data.targets.subarray(start * outputSize, (start + count) * outputSize);
    const { output, losses } = backend.scope(() => {
      const y = network.forward(
        backend.from(data.inputs.subarray(start * inputSize, (start + count) * inputSize), count, inputSize),
      );
      const t = backend.from(targets, count, outputSize);
      return { output: backend.read(y), losses: backend.read(lossValues(backend, network.loss, y, t)) };
    });
    for (const value of await losses) lossSum += value;
    if (classes) correct += countCorrect(await output, targets, outputSize);
  }
  return { samples: size, loss: lossSum / size, accuracy: classes ? correct / size : null };
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
