/** The tensors that make up a network's weights, with what an import must know about the order of their numbers. */
import { pairOf } from '../../shared/model.ts';
import { AffineLayer } from './affine.ts';
import { leaves } from './chain.ts';
import { Conv2dLayer } from './conv2d.ts';
import { EmbeddingLayer } from './embedding.ts';
import { FlattenLayer } from './flatten.ts';
import { GroupedConv2dLayer } from './grouped-conv2d.ts';
import type { Network } from './network.ts';
import { ClassTokenLayer, PositionsLayer } from './tokens.ts';
import type { Layer } from './types.ts';
import type { WantedTensor } from '../../shared/model/wanted-tensor.ts';

/** Parameters and states, in the order of the layers. */
export function wantedTensors(network: Network): WantedTensor[] {
  const tensors: WantedTensor[] = [];
  let image: readonly [number, number, number] | undefined;
  const layers: readonly Layer[] = leaves(network.layers);
  for (const layer of layers) {
    const states = layer.states ?? [];
    if (layer instanceof FlattenLayer) image = layer.image ?? undefined;
    for (const { name, shape } of [...layer.parameters, ...states]) {
      const isOutput = layer instanceof AffineLayer && name !== layer.kernel.name;
      const isTable =
        layer instanceof EmbeddingLayer || layer instanceof PositionsLayer || layer instanceof ClassTokenLayer;
      const isConvolution = layer instanceof Conv2dLayer || layer instanceof GroupedConv2dLayer;
      const untorchable = isConvolution && name === layer.kernel.name ? unevenPadding(layer) : undefined;
      tensors.push({ name, shape, flattened: isOutput ? undefined : image, isTable, untorchable });
    }
    // Normalisation, activations and dropout leave the order of the numbers as it is.
    if (layer instanceof AffineLayer) image = undefined;
  }
  return tensors;
}

/**
 * PyTorch's strided convolutions pad both sides of an image alike; "same" may need one zero more at the bottom and the right. The shapes are the same as with a padding by
 * numbers, so nothing else would reveal that the windows are elsewhere. undefined if the two agree.
 */
function unevenPadding({ spec, window }: Conv2dLayer | GroupedConv2dLayer): string | undefined {
  if (spec.padding !== 'same') return undefined;
  const axes = [
    { sides: 'above and below', n: window.height, out: window.outHeight, before: window.padTop, at: 0 },
    { sides: 'left and right', n: window.width, out: window.outWidth, before: window.padLeft, at: 1 },
  ] as const;
  for (const { sides, n, out, before, at } of axes) {
    const stride = pairOf(spec.stride)[at];
    const span = (spec.kernel[at] - 1) * pairOf(spec.dilation ?? 1)[at] + 1;
    const after = Math.max(0, (out - 1) * stride + span - n) - before;
    if (stride > 1 && before !== after)
      return `"padding": "same" at stride ${stride} puts ${before} and ${after} zeros ${sides}; PyTorch puts the same number on both sides, so its windows lie elsewhere: write the number that it was trained with ("padding": ${after} for padding=${after})`;
  }
  return undefined;
}
