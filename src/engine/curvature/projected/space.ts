/**
 * What the projected method measures: one parameter tensor, or all of them as one vector. The vector w [d] holds the parameters in the
 * network's order, each row-major.
 */
import { InputError } from '../../../shared/errors.ts';
import type { CpuBackend } from '../../backend/cpu.ts';
import type { Tensor } from '../../backend/types.ts';
import type { Real } from '../../blas/types.ts';
import type { Network } from '../../network/network.ts';
import type { Layer, Parameter } from '../../network/types.ts';

/** Stands for all parameters as one vector where a parameter's name is expected (names of parameters hold a dot). */
export const wholeNetwork = 'network';

export interface Space {
  readonly name: string;
  readonly shape: readonly number[];
  readonly d: number;
  readonly parameters: readonly Parameter[];
  /** Where each parameter starts in w, by name. */
  readonly offsets: ReadonlyMap<string, number>;
}

/** Raises InputError if there is no such parameter. */
export function spaceOf(network: Network, name: string): Space {
  const isWhole = name === wholeNetwork;
  const parameters = isWhole ? network.parameters : [network.parameter(name)];
  if (parameters.length === 0) throw new InputError('the model has no parameters');
  const offsets = new Map<string, number>();
  let d = 0;
  for (const { name: each, rows, cols } of parameters) {
    offsets.set(each, d);
    d += rows * cols;
  }
  return { name, shape: isWhole ? [d] : parameters[0].shape, d, parameters, offsets };
}

/** The lowest layer of a network that has one of the space's parameters: passes need not go below. */
export function lowestLayer(network: Network, { name, parameters }: Space): Layer {
  const lowest = network.layers.find((layer) => layer.parameters.length > 0);
  return name === wholeNetwork && lowest !== undefined
    ? lowest
    : network.layerOf(network.parameter(parameters[0].name));
}

/** A vector w as the tensors of a direction, without a copy. */
export function directionOf(space: Space, backend: CpuBackend, w: Real): ReadonlyMap<string, Tensor> {
  return new Map(
    space.parameters.map(({ name, rows, cols }) => {
      const offset = space.offsets.get(name) ?? 0;
      return [name, backend.wrap(w.subarray(offset, offset + rows * cols), rows, cols)] as const;
    }),
  );
}
