/**
 * A small copy of a model: the same kinds of layers in the same order with the same options, few units, filters, heads, tokens and pixels, so that an oracle can
 * take every entry of every sample's Hessian.
 */
import { InputError } from '../../shared/errors.ts';
import type { LayerSpec, ModelSpec } from '../../shared/model.ts';
import { parseModel } from '../../shared/model.ts';

/** Most units of a dense layer (and widths of tokens), filters, channels of the input, outputs, side of a kernel, tokens. */
const most = { units: 4, filters: 2, channels: 2, outputs: 3, kernel: 3, tokens: 3, features: 4 } as const;
/** Sides of an image that are tried: from what leaves several tokens and positions. */
const smallestSide = 4;
const roomySide = 8;
const largestSide = 64;

/** Shapes of the outputs of every layer that a specification builds, or null where it does not build. */
export type BuildShapes = (spec: ModelSpec) => readonly (readonly number[])[] | null;

/**
 * Shapes of the copy are found by trying: of images the smallest side up to 8 at which every image inside has several positions, else the smallest that builds.
 * Raises InputError where no small copy fits (windows that are too large for it).
 */
export function smallCopy(model: ModelSpec, build: BuildShapes): ModelSpec {
  const make = (input: readonly number[]): { readonly spec: ModelSpec; readonly isRoomy: boolean } | null => {
    const layers = shrink(model.layers, input[input.length - 1], lastDense(model.layers));
    const spec = parseModel({ input, layers, loss: model.loss });
    const shapes = build(spec);
    return shapes && { spec, isRoomy: shapes.every((shape) => shape.length !== 3 || shape[0] * shape[1] > 1) };
  };
  const width = Math.min(model.input[model.input.length - 1], model.input.length === 3 ? most.channels : most.features);
  const inputs =
    model.input.length === 1
      ? [[width]]
      : model.input.length === 2
        ? [[Math.min(model.input[0], most.tokens), width]]
        : sides(model.input).map((side) => [Math.min(side, model.input[0]), Math.min(side, model.input[1]), width]);
  let first: ModelSpec | null = null;
  for (const input of inputs) {
    if (first !== null && input[0] > roomySide) break;
    const made = make(input);
    if (made?.isRoomy === true) return made.spec;
    first ??= made?.spec ?? null;
  }
  if (first !== null) return first;
  throw new InputError(
    'no small copy of the model was found that its windows and shortcuts fit: it cannot be verified',
  );
}

function sides([height, across]: readonly number[]): number[] {
  const largest = Math.min(largestSide, Math.max(height, across));
  const smallest = Math.min(smallestSide, largest);
  return Array.from({ length: largest - smallest + 1 }, (_, i) => smallest + i);
}

/** The last dense layer of a chain gives the outputs. */
function lastDense(layers: readonly LayerSpec[]): LayerSpec | undefined {
  return layers.findLast((each) => each.type === 'dense');
}

/** `width`: of what enters, followed through the chain, since heads and groups must divide it. */
function shrink(layers: readonly LayerSpec[], width: number, last: LayerSpec | undefined): LayerSpec[] {
  let current = width;
  return layers.map((layer): LayerSpec => {
    switch (layer.type) {
      case 'dense':
        current = Math.min(layer.units, layer === last ? most.outputs : most.units);
        return { ...layer, units: current };
      case 'conv2d':
        current = Math.min(layer.filters, most.filters);
        return {
          ...layer,
          filters: current,
          kernel: [Math.min(layer.kernel[0], most.kernel), Math.min(layer.kernel[1], most.kernel)],
        };
      case 'patches':
        current = Math.min(layer.units, most.units);
        return { ...layer, units: current, size: Math.min(layer.size, 2) };
      case 'attention':
        return { ...layer, heads: divisor(current, layer.heads) };
      case 'groupnorm':
        // Two channels a group at least: one channel at one position is always 0 after it.
        return { ...layer, groups: divisor(current, Math.min(layer.groups, Math.max(1, current >> 1))) };
      case 'residual': {
        const inner = shrink(layer.layers, current, last);
        const shortcut = layer.shortcut && shrink(layer.shortcut, current, last);
        current = widthAfter(inner, current);
        return { ...layer, layers: inner, ...(shortcut && { shortcut }) };
      }
      default:
        return layer;
    }
  });
}

function widthAfter(layers: readonly LayerSpec[], width: number): number {
  return layers.reduce((current, layer) => {
    if (layer.type === 'dense' || layer.type === 'patches') return layer.units;
    if (layer.type === 'conv2d') return layer.filters;
    return layer.type === 'residual' ? widthAfter(layer.layers, current) : current;
  }, width);
}

/** The largest divisor of `n` up to `limit`. */
function divisor(n: number, limit: number): number {
  for (let each = Math.min(n, limit); each > 1; each--) if (n % each === 0) return each;
  return 1;
}
