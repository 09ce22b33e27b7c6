/** Chunks of samples on a device, ready for tangent passes; directions on the device; and the memory that a pass needs. */
import type { Backend, Tensor } from '../../backend/types.ts';
import type { Real } from '../../blas/types.ts';
import { leaves } from '../../network/chain.ts';
import type { Network } from '../../network/network.ts';
import type { Layer } from '../../network/types.ts';
import { lowestLayer } from '../projected/space.ts';
import type { Space } from '../projected/space.ts';
import { sampleNumbers } from './sample-sink.ts';
import type { DeviceProblem } from './session.ts';

export interface DeviceLinearised {
  /** dl_p/dy, one row a row of the output. */
  readonly lossDelta: Tensor;
  /** Where passes end in this network. */
  readonly stop: Layer;
}

/** Forward and backward over the samples order[start ... start + count), ready for tangent passes in scopes of their own. Call inside a scope. */
export function lineariseOn(
  { network, backend, inputs, targets }: DeviceProblem,
  space: Space,
  order: Uint32Array,
  start: number,
  count: number,
): DeviceLinearised {
  network.forward(backend.rowsOf(inputs, order, start, count));
  const lossDelta = network.lossGradient(backend.rowsOf(targets, order, start, count));
  const stop = lowestLayer(network, space);
  network.backward(lossDelta, null, stop);
  network.linearise(stop);
  return { lossDelta, stop };
}

/** A vector w [d] as the tensors of a direction, in the scope that is open. */
export function directionOn(space: Space, backend: Backend, w: Real): Map<string, Tensor> {
  return new Map(
    space.parameters.map(({ name, rows, cols }) => {
      const offset = space.offsets.get(name) ?? 0;
      return [name, backend.from(w.subarray(offset, offset + rows * cols), rows, cols)] as const;
    }),
  );
}

/**
 * Bytes of a sample's tensors in a forward, a backward and a tangent pass, and of the largest of them.
 * @param bySample the space whose samples' own vectors are made too
 */
export function linearisedBytes(
  network: Network,
  bySample?: Space,
): { readonly bytes: number; readonly largest: number } {
  let numbers = network.inputSize;
  let largest = network.inputSize;
  for (const layer of leaves(network.layers)) {
    const size = layer.outputShape.reduce((product, n) => product * n, 1);
    const columns = layer.workspace ?? 0;
    numbers += 8 * size + 3 * columns;
    largest = Math.max(largest, size, columns);
  }
  for (const parameter of bySample?.parameters ?? []) {
    const layer = network.layerOf(network.parameter(parameter.name));
    const shape = layer.outputShape;
    const layerNumbers = sampleNumbers(
      parameter,
      shape.slice(0, -1).reduce((product, n) => product * n, 1),
    );
    numbers += layerNumbers;
    largest = Math.max(largest, layerNumbers);
  }
  return { bytes: 4 * numbers, largest: 4 * largest };
}
