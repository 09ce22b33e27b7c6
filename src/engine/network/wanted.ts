/** The tensors that a network's weights are made of, with what an import must know about the order of their numbers. */
import { AffineLayer } from './affine.ts';
import { leaves } from './chain.ts';
import { FlattenLayer } from './flatten.ts';
import type { Network } from './network.ts';
import type { Layer } from './types.ts';

export interface Wanted {
  readonly name: string;
  readonly shape: readonly number[];
  /** [height, width, channels] where the tensor's first axis runs over the numbers of a flattened image. */
  readonly flattened?: readonly [number, number, number];
}

/** Parameters and states, in the order of the layers. */
export function wantedTensors(network: Network): Wanted[] {
  const wanted: Wanted[] = [];
  let image: readonly [number, number, number] | null = null;
  const layers: readonly Layer[] = leaves(network.layers);
  for (const layer of layers) {
    const states = layer.states ?? [];
    if (layer instanceof FlattenLayer) image = layer.image;
    const flattened = image === null ? {} : { flattened: image };
    for (const { name, shape } of [...layer.parameters, ...states]) {
      const isOutput = layer instanceof AffineLayer && name !== layer.kernel.name;
      wanted.push({ name, shape, ...(isOutput ? {} : flattened) });
    }
    // Normalisation, activations and dropout leave the order of the numbers as it is.
    if (layer instanceof AffineLayer) image = null;
  }
  return wanted;
}
