/** A network owned by a task, whose weights it may change. */
import { withLosses } from '../factors.ts';
import type { Problem } from '../factors.ts';
import { CpuBackend, dataOf } from '../../backend/cpu.ts';
import type { Real } from '../../blas/types.ts';
import { Network } from '../../network/network.ts';
import { weightOf } from '../../network/types.ts';
import { spaceOf, wholeNetwork } from '../projected/space.ts';
import type { Space } from '../projected/space.ts';

export interface OwnNetwork {
  readonly network: Network;
  readonly backend: CpuBackend;
  /** Frees its memory. */
  readonly close: () => void;
}

/** The problem's network with weights of its own: changes here affect nothing else. */
export function ownNetwork({ network: theirs, backend: sibling }: Problem): OwnNetwork {
  const backend = new CpuBackend(sibling.blas, 'float64', sibling);
  const network = new Network(theirs.spec, backend);
  for (const [name, tensor] of theirs.weights) dataOf(weightOf(network.weights, { name })).set(dataOf(tensor));
  const close = (): void => {
    network.release();
    backend.releaseLive();
  };
  return { network, backend, close };
}

/** The network's own arrays of a space's parameters, with where each starts in the space's vector. */
export function arraysOf(network: Network, space: Space): readonly { readonly at: number; readonly values: Real }[] {
  return space.parameters.map((parameter) => ({
    at: space.offsets.get(parameter.name) ?? 0,
    values: dataOf(weightOf(network.weights, parameter)),
  }));
}

/** Sets a space's weights to what they are now, at the call, plus a multiple of a vector (its numbers from `from` on). */
export function moveFrom(network: Network, space: Space): (scale: number, vector: Real, from?: number) => void {
  const parts = arraysOf(network, space).map(({ at, values }) => ({ at, values, start: values.slice() }));
  return (scale, vector, from = 0) => {
    for (const { at, values, start } of parts)
      for (let i = 0; i < values.length; i++) values[i] = start[i] + scale * vector[from + at + i];
  };
}

/** What moves: the layer alone, or all parameters. */
export function movingSpace(network: Network, parameter: string, frozen: boolean): Space {
  return spaceOf(network, frozen ? parameter : wholeNetwork);
}

/** The mean loss of samples 0 .. samples - 1. */
export function meanLoss({ network, backend }: OwnNetwork, { inputs, targets }: Problem, samples: number): number {
  const chunk = 512;
  const x = backend.table(inputs, network.inputSize, false);
  const t = backend.table(targets, network.targetSize, false);
  const order = Uint32Array.from({ length: samples }, (_, p) => p);
  let sum = 0;
  for (let start = 0; start < samples; start += chunk) {
    const count = Math.min(chunk, samples - start);
    backend.scope(() => {
      network.forward(backend.rowsOf(x, order, start, count));
      sum = withLosses(sum, network, backend.rowsOf(t, order, start, count));
    });
  }
  return sum / samples;
}
