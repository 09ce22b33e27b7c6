/**
 * The input of the lowest moving layer, for every sample: while the layers below are held fixed it never changes, and steps of SGD need not pass through them again. For the 784-50-50-10
 * network's last layer this leaves a tenth of the work.
 */
import { openedProblem } from '../factors.ts';
import { lowestLayer } from '../projected/space.ts';
import { movingSpace } from './own-network.ts';
import { CpuBackend, dataOf } from '../../backend/cpu.ts';
import type { ArrayReference, Real } from '../../blas/types.ts';
import type { MeasurementInput } from '../measurement-input.ts';
import { holds } from '../../network/chain.ts';
import { Network } from '../../network/network.ts';
import type { Pool } from '../../parallel/pool.ts';
import { defineTask, type TaskContext } from '../../parallel/task.ts';
import { sizeOf } from '../../network/shapes.ts';

/** If it would take more bytes than this it is not kept, and steps go through all layers. */
const mostBytes = 2 ** 29;
const chunk = 512;

/** Index in the outer chain of the layer that moves lowest, or that holds it. */
export function lowestIndex(network: Network, parameter: string, frozen: boolean): number {
  const lowest = lowestLayer(network, movingSpace(network, parameter, frozen));
  return network.layers.findIndex((layer) => holds(layer, lowest));
}

export interface EnteringArgument {
  readonly index: number;
  readonly from: number;
  readonly to: number;
  /** [P, numbers a sample]; rows [from, to) are written. */
  readonly out: ArrayReference;
}

export const enteringTask = defineTask('entering', (context: TaskContext, argument: EnteringArgument): void => {
  const { index, from, to } = argument;
  const { network, backend, inputs } = openedProblem(context);
  const out = context.blas.open(argument.out);
  const table = backend.table(inputs, network.inputSize, false);
  const width = sizeOf(network.layers[index - 1].outputShape);
  const order = Uint32Array.from({ length: to - from }, (_, p) => from + p);
  backend.scope(() => {
    const entering = network.enteringLayer(index, backend.rowsOf(table, order, 0, order.length));
    out.set(dataOf(entering), from * width);
  });
});

/** In the pool's memory [P, numbers a sample], to be released; null if nothing lies below, or too much would be kept. Worker threads hold the problem. */
export async function enteringOf(
  pool: Pool,
  { model }: MeasurementInput,
  { parameter, samples, frozen }: { readonly parameter: string; readonly samples: number; readonly frozen: boolean },
): Promise<Real | null> {
  const network = new Network(model, new CpuBackend(pool.blas, 'float64'));
  const index = lowestIndex(network, parameter, frozen);
  if (index === 0) return null;
  const width = sizeOf(network.layers[index - 1].outputShape);
  if (8 * samples * width > mostBytes) return null;
  const out = pool.allocate('float64', samples * width);
  await Promise.all(
    Array.from({ length: Math.ceil(samples / chunk) }, (_, k) =>
      pool.run(enteringTask, {
        index,
        from: k * chunk,
        to: Math.min(samples, (k + 1) * chunk),
        out: pool.reference(out),
      }),
    ),
  );
  return out;
}
