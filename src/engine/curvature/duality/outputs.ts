/**
 * Outputs z_p = W^T a_p [n] of a layer over the samples, and their moments over sets of samples q, from which means over all pairs follow:
 *   E_q[u u^T] = Cov_q(z) + (mean_q z - z_p)(mean_q z - z_p)^T,  u = z_q - z_p.
 */
import type { ArrayReference, Blas, Real } from '../../blas/types.ts';
import { dataOf } from '../../backend/cpu.ts';
import type { AffineLayer } from '../../network/affine.ts';
import type { Pool } from '../../parallel/pool.ts';
import { defineTask, type TaskContext } from '../../parallel/task.ts';
import { openedProblem } from '../factors.ts';
import type { FactorLayout } from '../factors.ts';

const pieceSize = 256;

export interface DualOutputsArgument {
  readonly parameter: string;
  /** Sample numbers; this task does order[start ... start + count). */
  readonly order: Uint32Array;
  readonly start: number;
  readonly count: number;
  /** [samples, n]: row `start + i` receives z of sample order[start + i]. */
  readonly out: ArrayReference;
}

export const dualOutputsTask = defineTask(
  'dualOutputs',
  (context: TaskContext, argument: DualOutputsArgument): void => {
    const { network, backend, inputs } = openedProblem(context);
    const { order, start, count } = argument;
    const layer = network.layerOf(network.parameter(argument.parameter)) as AffineLayer;
    const { rows, cols } = layer.kernel;
    const kernel = dataOf(network.weights.get(layer.kernel.name)!);
    const out = context.blas.open(argument.out).subarray(start * cols);
    backend.scope(() => {
      network.forward(backend.rowsOf(backend.table(inputs, network.inputSize, false), order, start, count));
      context.blas.gemm(false, false, count, cols, rows, 1, dataOf(layer.input), rows, kernel, cols, 0, out, cols);
    });
  },
);

/** [samples, n] in the order's rows; release when done. */
export async function layerOutputs(pool: Pool, layout: FactorLayout, order: Uint32Array): Promise<Real> {
  const out = pool.allocate('float64', order.length * layout.outer);
  const tasks: Promise<void>[] = [];
  for (let start = 0; start < order.length; start += pieceSize) {
    const count = Math.min(pieceSize, order.length - start);
    tasks.push(
      pool.run(dualOutputsTask, { parameter: layout.parameter, order, start, count, out: pool.reference(out) }),
    );
  }
  await Promise.all(tasks);
  return out;
}

export interface SampleMoments {
  readonly count: number;
  /** [n]. */
  readonly mean: Float64Array;
  /** [n, n]; divisor `count`. */
  readonly covariance: Float64Array;
}

/** Moments of z over a set of samples, and over each class of it (null: the targets are no classes). */
export interface OutputMoments {
  readonly all: SampleMoments;
  readonly classes: readonly SampleMoments[] | null;
}

/**
 * @param outputs [samples, n]; rows [from, to) are the set.
 * @param classes of every row, or null.
 */
export function outputMoments(
  blas: Blas,
  outputs: Real,
  n: number,
  [from, to]: readonly [number, number],
  classes: Int32Array | null,
): OutputMoments {
  const all = Array.from({ length: to - from }, (_, i) => from + i);
  if (classes === null) return { all: momentsOf(blas, outputs, n, all), classes: null };
  const members: number[][] = [];
  for (const row of all) (members[classes[row]] ??= []).push(row);
  return {
    all: momentsOf(blas, outputs, n, all),
    classes: Array.from(members, (rows) => momentsOf(blas, outputs, n, rows ?? [])),
  };
}

function momentsOf(blas: Blas, outputs: Real, n: number, rows: readonly number[]): SampleMoments {
  const count = rows.length;
  const mean = new Float64Array(n);
  for (const row of rows) for (let k = 0; k < n; k++) mean[k] += outputs[row * n + k];
  if (count > 0) for (let k = 0; k < n; k++) mean[k] /= count;
  const centred = blas.allocate('float64', Math.max(1, count * n));
  const covariance = blas.allocate('float64', n * n);
  for (const [i, row] of rows.entries())
    for (let k = 0; k < n; k++) centred[i * n + k] = outputs[row * n + k] - mean[k];
  if (count > 0) blas.gemm(true, false, n, n, count, 1 / count, centred, n, centred, n, 0, covariance, n);
  const copy = Float64Array.from(covariance);
  blas.release(centred);
  blas.release(covariance);
  return { count, mean, covariance: copy };
}
