/**
 * Single steps of SGD from given weights: the curvature along batch gradients, and the change of the loss of all samples in a step, measured. Letters: B samples of a batch,
 * g_B and H_B gradient and Hessian of its mean loss, d weights of a space.
 */
import { openedProblem } from '../factors.ts';
import type { ArrayReference, Real } from '../../blas/types.ts';
import type { Pool } from '../../parallel/pool.ts';
import { defineTask, type TaskContext } from '../../parallel/task.ts';
import { BatchSampler } from '../../training/sampling.ts';
import type { ProjectedSession } from '../projected/session.ts';
import { SumSink } from '../projected/sinks.ts';
import { directionOf, lowestLayer, spaceOf } from '../projected/space.ts';
import { moveFrom, meanLoss, ownNetwork } from './own-network.ts';
import type { BatchMean, MeasuredStep } from '../../../shared/weight-fluctuations.ts';
import { dot } from '../vectors.ts';

/** Batches behind the batch sharpness and behind the change of the loss: each of the latter takes a pass and a product over all samples. */
const sharpnessBatches = 256;
export const stepBatches = 32;
/** Batches of one task: fixed, so that results do not depend on the number of threads. */
const taskBatches = 16;

export interface DrawnBatchesArgument {
  readonly parameter: string;
  /** [n, B]: samples of n batches. */
  readonly indices: Uint32Array;
  readonly batch: number;
  /** [n, d]: receives g_B; null: not wanted. */
  readonly gradients: ArrayReference | null;
}

/** g_B^T H_B g_B / |g_B|^2 of every batch; NaN without a gradient. */
export const batchSharpnessTask = defineTask(
  'batchSharpness',
  (context: TaskContext, { parameter, indices, batch, gradients }: DrawnBatchesArgument): Float64Array => {
    const problem = openedProblem(context);
    const { network, backend } = problem;
    const space = spaceOf(network, parameter);
    const stop = lowestLayer(network, space);
    const inputs = backend.table(problem.inputs, network.inputSize, false);
    const targets = backend.table(problem.targets, network.targetSize, false);
    const stored = gradients === null ? null : context.blas.open(gradients);
    const g = context.blas.allocate('float64', space.d);
    const moved = context.blas.allocate('float64', space.d);
    const results = new Float64Array(indices.length / batch);
    try {
      for (let n = 0; n < results.length; n++) {
        g.fill(0);
        moved.fill(0);
        backend.scope(() => {
          network.forward(backend.rowsOf(inputs, indices, n * batch, batch));
          network.backward(
            network.lossGradient(backend.rowsOf(targets, indices, n * batch, batch)),
            new SumSink(space, backend, g),
            stop,
          );
          for (let i = 0; i < g.length; i++) g[i] /= batch;
          if (stored !== null) stored.set(g, n * space.d);
          network.linearise(stop);
          network.tangent({ weights: directionOf(space, backend, g) }, new SumSink(space, backend, moved), stop);
        });
        results[n] = dot(g, moved) / batch / dot(g, g);
      }
      return results;
    } finally {
      for (const array of [g, moved]) context.blas.release(array);
    }
  },
);

export interface StepLossArgument {
  readonly parameter: string;
  /** Samples 0 .. samples - 1 behind the loss. */
  readonly samples: number;
  /** Rows g_B [n, d], and eta. */
  readonly gradients: ArrayReference;
  readonly rate: number;
}

/** L(w - eta g_B) - L(w) for every row. */
export const stepLossTask = defineTask('stepLoss', (context: TaskContext, argument: StepLossArgument): Float64Array => {
  const problem = openedProblem(context);
  const copy = ownNetwork(problem);
  try {
    const space = spaceOf(copy.network, argument.parameter);
    const gradients = context.blas.open(argument.gradients);
    const move = moveFrom(copy.network, space);
    const before = meanLoss(copy, problem, argument.samples);
    const changes = new Float64Array(gradients.length / space.d);
    for (let n = 0; n < changes.length; n++) {
      move(-argument.rate, gradients, n * space.d);
      changes[n] = meanLoss(copy, problem, argument.samples) - before;
    }
    return changes;
  } finally {
    copy.close();
  }
});

export interface StepsTask {
  readonly parameter: string;
  readonly samples: number;
  readonly batch: number;
  readonly rate: number;
  readonly seed: number;
}

function drawBatches(count: number, { samples, batch, seed }: StepsTask): Uint32Array {
  const sampler = new BatchSampler('without_replacement', samples, batch, seed);
  const indices = new Uint32Array(count * batch);
  for (let n = 0; n < count; n++) {
    sampler.next();
    indices.set(sampler.order.subarray(0, batch), n * batch);
  }
  return indices;
}

/** Of a parameter, or of all of them; worker threads must hold the problem. */
export async function batchSharpness(pool: Pool, task: StepsTask): Promise<BatchMean> {
  const indices = drawBatches(sharpnessBatches, task);
  const values = await Promise.all(
    pieces(sharpnessBatches).map(([from, to]) =>
      pool.run(batchSharpnessTask, {
        parameter: task.parameter,
        indices: indices.slice(from * task.batch, to * task.batch),
        batch: task.batch,
        gradients: null,
      }),
    ),
  );
  return meanOf(values.flatMap((each) => [...each]).filter((value) => Number.isFinite(value)));
}

/** The session must be open at the weights that the steps start from, over the same samples. */
export async function measureStep(pool: Pool, session: ProjectedSession, task: StepsTask): Promise<MeasuredStep> {
  const { d } = session.space;
  const { rate, batch, parameter, samples } = task;
  const indices = drawBatches(stepBatches, task);
  const held = pool.allocate('float64', stepBatches * d);
  const product = pool.allocate('float64', d);
  const row = (n: number, to = n + 1): Real => held.subarray(n * d, to * d);
  try {
    await Promise.all(
      pieces(stepBatches).map(([from, to]) =>
        pool.run(batchSharpnessTask, {
          parameter,
          indices: indices.slice(from * batch, to * batch),
          batch,
          gradients: pool.reference(row(from, to)),
        }),
      ),
    );
    const changes = await Promise.all(
      pieces(stepBatches).map(([from, to]) =>
        pool.run(stepLossTask, { parameter, samples, gradients: pool.reference(row(from, to)), rate }),
      ),
    );
    const { gradients } = await session.gradients(false);
    const g = gradients.all;
    const square = dot(g, g);
    const measured: number[] = [];
    const expected: number[] = [];
    const differences: number[] = [];
    for (const [n, change] of changes.flatMap((each) => [...each]).entries()) {
      const gB = row(n);
      await session.operator.apply(gB, product);
      const curvature = (rate ** 2 / 2) * dot(gB, product);
      const along = dot(g, gB);
      measured.push(change + rate * (along - square));
      expected.push(curvature - rate * square);
      differences.push(change - (curvature - rate * along));
    }
    return {
      measured: meanOf(measured),
      second_order: meanOf(expected),
      difference: meanOf(differences),
      largest_difference: Math.max(...differences.map(Math.abs)),
    };
  } finally {
    for (const array of [held, product]) pool.blas.release(array);
  }
}

function pieces(count: number): (readonly [from: number, to: number])[] {
  return Array.from({ length: Math.ceil(count / taskBatches) }, (_, a) => [
    a * taskBatches,
    Math.min(count, (a + 1) * taskBatches),
  ]);
}

function meanOf(values: readonly number[]): BatchMean {
  const n = values.length;
  const value = values.reduce((sum, each) => sum + each, 0) / n;
  const squares = values.reduce((sum, each) => sum + (each - value) ** 2, 0);
  return { value, standard_error: Math.sqrt(squares / (n - 1) / n), batches: n };
}
