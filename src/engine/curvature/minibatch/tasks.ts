/** Gradients of drawn batches, by a worker thread: noise along given directions and its squared length. */
import { openedProblem } from '../factors.ts';
import type { ArrayReference } from '../../blas/types.ts';
import { defineTask, type TaskContext } from '../../parallel/task.ts';
import { SumSink } from '../projected/sinks.ts';
import { lowestLayer, spaceOf } from '../projected/space.ts';

export interface BatchGradientsArgument {
  /** What g is the gradient of: a parameter, or all of them. */
  readonly parameter: string;
  /** The samples of batch a: sizes[a] of `indices`, in order. */
  readonly indices: Uint32Array;
  readonly sizes: readonly number[];
  /** v_i [k, d], and the mean gradient g over all samples [d]. */
  readonly vectors: ArrayReference;
  readonly k: number;
  readonly gradient: ArrayReference;
  /** [batches, k + 1]: row `row` + a receives (g_B - g) . v_i for every i, then |g_B - g|^2. */
  readonly out: ArrayReference;
  readonly row: number;
}

export const batchGradientsTask = defineTask(
  'batchGradients',
  (context: TaskContext, argument: BatchGradientsArgument): void => {
    const { blas } = context;
    const problem = openedProblem(context);
    const { network, backend } = problem;
    const { k, indices, sizes } = argument;
    const [vectors, gradient, out] = [argument.vectors, argument.gradient, argument.out].map((each) => blas.open(each));
    const space = spaceOf(network, argument.parameter);
    const { d } = space;
    const lowest = lowestLayer(network, space);
    const rows = problem.inputs.length / network.inputSize;
    const inputs = backend.wrap(problem.inputs, rows, network.inputSize);
    const targets = backend.wrap(problem.targets, rows, network.targetSize);
    const noise = blas.allocate('float64', d);
    try {
      const sink = new SumSink(space, backend, noise);
      for (let a = 0, start = 0; a < sizes.length; start += sizes[a], a++) {
        noise.fill(0);
        backend.scope(() => {
          network.forward(backend.rowsOf(inputs, indices, start, sizes[a]));
          const t = backend.rowsOf(targets, indices, start, sizes[a]);
          network.backward(network.lossGradient(t, 1 / sizes[a]), sink, lowest);
        });
        let squares = 0;
        for (let i = 0; i < d; i++) {
          noise[i] -= gradient[i];
          squares += noise[i] * noise[i];
        }
        const offset = (argument.row + a) * (k + 1);
        if (k > 0) blas.gemv(false, k, d, 1, vectors, d, noise, 0, out.subarray(offset, offset + k));
        out[offset + k] = squares;
      }
    } finally {
      blas.release(noise);
    }
  },
);
