/** The four maps through a chain of layers, and the position of a layer in nested chains. */
import type { Backend, Tensor } from '../backend/types.ts';
import type { Direction, Layer, Sink, Tangent, TrainingPass } from './types.ts';

export function forwardChain(layers: readonly Layer[], backend: Backend, x: Tensor, training?: TrainingPass): Tensor {
  let y = x;
  for (const layer of layers) y = layer.forward(backend, y, training);
  return y;
}

/** dx, or null unless `needInput` or where `stop` (in this chain at any depth) was reached. */
export function backwardChain(
  layers: readonly Layer[],
  backend: Backend,
  dy: Tensor,
  sink: Sink,
  needInput: boolean,
  stop?: Layer,
): Tensor | null {
  let delta = dy;
  for (let i = layers.length - 1; i >= 0; i--) {
    const layer = layers[i];
    const isLast = stop !== undefined && holds(layer, stop);
    const inner = isLast && layer !== stop ? stop : undefined;
    const dx = layer.backward(backend, delta, sink, !isLast && (i > 0 || needInput), inner);
    if (isLast || dx === null) return null;
    delta = dx;
  }
  return delta;
}

export function tangentForwardChain(
  layers: readonly Layer[],
  backend: Backend,
  xDot: Tangent,
  direction: Direction,
): Tensor | null {
  let yDot = xDot;
  for (const layer of layers) yDot = layer.tangentForward(backend, yDot, direction);
  return yDot;
}

export function tangentBackwardChain(
  layers: readonly Layer[],
  backend: Backend,
  dyDot: Tangent,
  direction: Direction,
  sink: Sink,
  needInput: boolean,
  stop?: Layer,
): Tensor | null {
  let delta = dyDot;
  for (let i = layers.length - 1; i >= 0; i--) {
    const layer = layers[i];
    const isLast = stop !== undefined && holds(layer, stop);
    const needed = !isLast && (i > 0 || needInput);
    const inner = isLast && layer !== stop ? stop : undefined;
    delta = layer.tangentBackward(backend, delta, direction, sink, needed, inner);
    if (isLast) return null;
  }
  return delta;
}

/** Whether `inner` is this layer or is inside it. */
export function holds(layer: Layer, inner: Layer): boolean {
  return layer === inner || (layer.chains?.some((chain) => chain.some((each) => holds(each, inner))) ?? false);
}

/** Every layer that has no layers inside, in the order of a forward pass. */
export function leaves(layers: readonly Layer[]): Layer[] {
  return layers.flatMap((layer) => (layer.chains === undefined ? [layer] : layer.chains.flatMap(leaves)));
}

/**
 * What a layer's output passes through: the layers after it in its own chain, then those after the block that holds it, and so on outwards.
 * (The other branch of a residual block is added to it, which is no layer.)
 */
export function layersAbove(layers: readonly Layer[], inner: Layer): Layer[] {
  const index = layers.findIndex((layer) => holds(layer, inner));
  if (index < 0) throw new Error(`${inner.label} is not in the chain`);
  const holder = layers[index];
  const rest = layers.slice(index + 1);
  if (holder === inner) return rest;
  const chain = holder.chains?.find((each) => each.some((layer) => holds(layer, inner))) ?? [];
  return [...layersAbove(chain, inner), ...rest];
}
