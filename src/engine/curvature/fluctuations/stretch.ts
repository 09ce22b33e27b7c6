/**
 * Steps of SGD from given weights, by a worker thread, in double precision and as the measurement sees the network (no dropout, running statistics of batchnorm):
 *   u <- mu u + g_B,  w <- w - eta u.
 * A stretch is done in pieces, so that it can be cancelled and report its progress; the state between pieces is in shared memory. Letters: d weights of the layer
 * that is observed, D weights that move (d if the others are frozen), k directions.
 */
import { openedProblem } from '../factors.ts';
import { dataOf } from '../../backend/cpu.ts';
import type { ArrayReference, Real } from '../../blas/types.ts';
import { defineTask, type TaskContext } from '../../parallel/task.ts';
import { BatchSampler } from '../../training/sampling.ts';
import type { SamplerState } from '../../training/sampling.ts';
import { SumSink } from '../projected/sinks.ts';
import { lowestLayer, spaceOf } from '../projected/space.ts';
import { sizeOf } from '../../network/shapes.ts';
import { lowestIndex } from './entering.ts';
import { arraysOf, movingSpace, ownNetwork } from './own-network.ts';
import type { StretchSetting } from '../../../shared/weight-fluctuations.ts';

/** Rows of weights that are projected at once. */
const bufferedSteps = 64;

export interface StretchArgument {
  readonly parameter: string;
  readonly frozen: boolean;
  readonly setting: StretchSetting;
  readonly seed: number;
  /** What enters the lowest layer that moves [P, numbers a sample] (entering.ts); null: steps go through all layers. */
  readonly entering: ArrayReference | null;
  /** Null: the first piece. */
  readonly sampler: SamplerState | null;
  /** This piece: steps [from, to) of the whole stretch, the burn-in included. */
  readonly from: number;
  readonly to: number;
  readonly burnIn: number;
  readonly blockLength: number;
  /** w and u [D]: read and written; where the sum of w over the observed steps goes [D]. */
  readonly weights: ArrayReference;
  readonly velocity: ArrayReference;
  readonly mean: ArrayReference;
  /** The layer's weights at the end of the burn-in [d]; v_i [k, d]. */
  readonly reference: ArrayReference;
  readonly vectors: ArrayReference;
  readonly k: number;
  /** [blocks, 2, k]: sums of x_i and of x_i^2 over the steps of a block, x_i = (w_t - reference) . v_i. */
  readonly sums: ArrayReference;
  /** [snapshots, d]: w_t - reference at every `stride`-th observed step; null: not wanted. */
  readonly snapshots: ArrayReference | null;
  readonly stride: number;
}

export interface StretchResult {
  readonly sampler: SamplerState;
  /** Sums of the batch losses over the steps of each quarter of the observed steps. */
  readonly losses: readonly number[];
  /** The step at which the loss was no longer a number; null: none. */
  readonly diverged: number | null;
}

export const stretchTask = defineTask('stretch', (context: TaskContext, argument: StretchArgument): StretchResult => {
  const { blas } = context;
  const problem = openedProblem(context);
  const { setting, k, burnIn, blockLength, stride } = argument;
  const { rate, momentum } = setting;
  const { network, backend, close } = ownNetwork(problem);
  const open = (reference: ArrayReference): Real => blas.open(reference);
  const [weights, velocity, mean, reference, vectors, sums] = [
    open(argument.weights),
    open(argument.velocity),
    open(argument.mean),
    open(argument.reference),
    open(argument.vectors),
    open(argument.sums),
  ];
  const snapshots = argument.snapshots === null ? null : open(argument.snapshots);
  const moving = movingSpace(network, argument.parameter, argument.frozen);
  const watched = spaceOf(network, argument.parameter);
  const parts = arraysOf(network, moving);
  const seen = arraysOf(network, watched);
  for (const { at, values } of parts) values.set(weights.subarray(at, at + values.length));
  const lowest = lowestLayer(network, moving);
  const sampler = new BatchSampler(setting.mode, setting.population, setting.batch, argument.seed);
  if (argument.sampler !== null) sampler.restore(argument.sampler);
  const first = argument.entering === null ? 0 : lowestIndex(network, argument.parameter, argument.frozen);
  const entering = argument.entering === null ? problem.inputs : open(argument.entering);
  const inputs = backend.table(
    entering,
    first === 0 ? network.inputSize : sizeOf(network.layers[first - 1].outputShape),
    false,
  );
  const targets = backend.table(problem.targets, network.targetSize, false);
  const gradient = blas.allocate('float64', moving.d);
  const sink = new SumSink(moving, backend, gradient);
  const { d } = watched;
  const rows = blas.allocate('float64', bufferedSteps * d);
  const along = blas.allocate('float64', bufferedSteps * k);
  const losses = [0, 0, 0, 0];
  const watchedSteps = (sums.length / (2 * k)) * blockLength;
  let [buffered, block] = [0, 0];
  const flush = (): void => {
    if (buffered === 0) return;
    blas.gemm(false, true, buffered, k, d, 1, rows, d, vectors, d, 0, along, k);
    const begin = block * 2 * k;
    for (let r = 0; r < buffered; r++)
      for (let i = 0; i < k; i++) {
        const x = along[r * k + i];
        sums[begin + i] += x;
        sums[begin + k + i] += x * x;
      }
    buffered = 0;
  };
  let diverged: number | null = null;
  try {
    for (let step = argument.from; step < argument.to; step++) {
      if (step === burnIn)
        for (const { at, values } of seen) for (let i = 0; i < values.length; i++) reference[at + i] = values[i];
      sampler.next();
      gradient.fill(0);
      const { order, start, count } = sampler;
      const loss = backend.scope(() => {
        network.forwardFrom(first, backend.rowsOf(inputs, order, start, count));
        const batch = network.lossAndGradient(backend.rowsOf(targets, order, start, count), 1 / count);
        let sum = 0;
        for (const value of dataOf(batch.losses)) sum += value;
        network.backward(batch.gradient, sink, lowest);
        return sum / count;
      });
      if (!Number.isFinite(loss)) {
        diverged = step;
        break;
      }
      for (const { at, values } of parts)
        for (let i = 0; i < values.length; i++)
          values[i] -= rate * (velocity[at + i] = momentum * velocity[at + i] + gradient[at + i]);
      const t = step - burnIn;
      if (t < 0) continue;
      losses[Math.min(3, Math.floor((4 * t) / watchedSteps))] += loss;
      for (const { at, values } of parts) for (let i = 0; i < values.length; i++) mean[at + i] += values[i];
      const here = Math.floor(t / blockLength);
      if (here !== block) flush();
      block = here;
      const row = rows.subarray(buffered * d, (buffered + 1) * d);
      for (const { at, values } of seen)
        for (let i = 0; i < values.length; i++) row[at + i] = values[i] - reference[at + i];
      if (snapshots !== null && t % stride === 0 && (t / stride + 1) * d <= snapshots.length)
        snapshots.set(row, (t / stride) * d);
      if (++buffered === bufferedSteps) flush();
    }
    flush();
    for (const { at, values } of parts) weights.set(values, at);
    return { sampler: sampler.state(), losses, diverged };
  } finally {
    for (const array of [gradient, rows, along]) blas.release(array);
    close();
  }
});
