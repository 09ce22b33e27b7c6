/**
 * A small copy of a model: the same kinds of layers in the same order with the same options, few units, filters, heads, tokens and pixels, so that an oracle can
 * take every entry of every sample's Hessian.
 */
import { InputError } from '../../shared/errors.ts';
import { allLayers, pairOf, parseModel, sidesOf } from '../../shared/model.ts';
import type { Conv2dSpec, LayerSpec, ModelSpec } from '../../shared/model.ts';
import { buildChain } from '../network/build.ts';

/** Most units of a dense layer (and widths of tokens), filters, channels of the input, outputs, side of a kernel, tokens. */
const most = { units: 4, filters: 2, channels: 2, outputs: 3, kernel: 3, tokens: 3, features: 4 } as const;
/** Sides of an image that are tried: from what leaves several tokens and positions. */
const smallestSide = 4;
const roomySide = 8;
const largestSide = 64;

/** Shapes of the outputs of every layer that a specification builds, or null if it does not build. */
export type BuildShapes = (spec: ModelSpec) => readonly (readonly number[])[] | null;

/**
 * Shapes of the copy are found by trying: of images the smallest side up to 8 at which every image inside has several positions, else the smallest that builds.
 * Raises InputError if no small copy fits (windows that are too large for it).
 */
export function smallCopy(model: ModelSpec, build: BuildShapes): ModelSpec {
  const make = (input: readonly number[]): { readonly spec: ModelSpec; readonly isRoomy: boolean } | null => {
    const shrunk = new Shrinking(model.layers).chain(model.layers, { from: model.input, to: input });
    if (shrunk === null) return null;
    const spec = parseModel({ input, layers: shrunk.layers, loss: smallLoss(model.loss, shrunk.ends.to) });
    const shapes = build(spec);
    return shapes && { spec, isRoomy: shapes.every((shape) => shape.length !== 3 || shape[0] * shape[1] > 1) };
  };
  let first: ModelSpec | null = null;
  for (const input of inputsOf(model)) {
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

function inputsOf({ input, layers }: ModelSpec): readonly (readonly number[])[] {
  if (layers[0].type === 'embedding') return [[Math.min(input[0], most.tokens)]];
  const width = Math.min(input[input.length - 1], input.length === 3 ? most.channels : most.features);
  if (input.length === 1) return [[width]];
  if (input.length === 2) return [[Math.min(input[0], most.tokens), width]];
  return sides(input).map((side) => [Math.min(side, input[0]), Math.min(side, input[1]), width]);
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

/** As many class weights as the copy has outputs. */
function smallLoss(loss: ModelSpec['loss'], output: readonly number[]): ModelSpec['loss'] {
  if (typeof loss === 'string' || loss.type !== 'cross-entropy' || loss.class_weights === undefined) return loss;
  const weights = loss.class_weights;
  return {
    ...loss,
    class_weights: Array.from({ length: output[output.length - 1] }, (_, k) => weights[k % weights.length]),
  };
}

/** Shapes of a sample in the model and in its copy. */
interface Shapes {
  readonly from: readonly number[];
  readonly to: readonly number[];
}

interface Shrunk {
  readonly layers: LayerSpec[];
  readonly ends: Shapes;
}

class Shrinking {
  readonly #last: LayerSpec | undefined;
  /** Most filters of a convolution. */
  readonly #filters: number;
  /** Token numbers of embeddings by name, in the copy. */
  readonly #embeddings = new Map<string, number>();
  /** Numbers of tokens that stand as widths, since tokens and width were exchanged: in the model, and in the copy. */
  readonly #exchanged = new Map<number, number>();

  constructor(layers: readonly LayerSpec[]) {
    this.#last = lastDense(layers);
    // Two numbers of mean 0 and variance 1 are always 1 and -1, and nothing but rounding is left of what lies before a layernorm of two.
    this.#filters = allLayers(layers).some(({ type }) => type === 'layernorm') ? most.filters + 1 : most.filters;
  }

  /** null if a layer does not fit the output of the ones before it. */
  chain(layers: readonly LayerSpec[], shapes: Shapes): Shrunk | null {
    const small: LayerSpec[] = [];
    let ends = shapes;
    for (const layer of layers) {
      const copy = this.#layer(layer, ends);
      const after = copy && this.#after(layer, copy, ends);
      if (copy === null || after === null) return null;
      small.push(copy);
      ends = after;
    }
    return { layers: small, ends };
  }

  #layer(layer: LayerSpec, { from, to }: Shapes): LayerSpec | null {
    const width = to[to.length - 1];
    switch (layer.type) {
      case 'dense': {
        const largest = layer === this.#last ? most.outputs : most.units;
        const known = layer.tied === undefined ? this.#exchanged.get(layer.units) : this.#embeddings.get(layer.tied);
        return { ...layer, units: known ?? Math.min(layer.units, largest) };
      }
      case 'conv2d':
        return smallConvolution(layer, from[from.length - 1], width, this.#filters);
      case 'adaptiveavgpool2d': {
        const [height, across] = pairOf(layer.size);
        return { ...layer, size: [Math.min(height, 2), Math.min(across, 2)] };
      }
      case 'patches':
        return { ...layer, units: Math.min(layer.units, most.units), size: Math.min(layer.size, 2) };
      case 'embedding': {
        const tokens = Math.min(layer.tokens, most.units);
        this.#embeddings.set(layer.name, tokens);
        return { ...layer, tokens, units: Math.min(layer.units, most.units) };
      }
      case 'selecttoken':
        return { ...layer, index: layer.index < 0 ? -1 : Math.min(layer.index, to[0] - 1) };
      case 'padchannels':
        return {
          ...layer,
          ...(layer.before !== undefined && { before: Math.min(layer.before, 1) }),
          ...(layer.after !== undefined && { after: Math.min(layer.after, 1) }),
        };
      case 'transpose':
        if (from.length === 2) this.#exchanged.set(from[0], to[0]);
        return layer;
      case 'attention': {
        const size = layer.rotary === undefined ? 1 : 2;
        if (layer.head_width !== undefined) return { ...layer, heads: Math.min(layer.heads, 2), head_width: size };
        return { ...layer, heads: divisor(Math.floor(width / size), layer.heads) };
      }
      case 'groupnorm':
        // Two channels a group at least: one channel at one position is always 0 after it.
        return { ...layer, groups: divisor(width, Math.min(layer.groups, Math.max(1, width >> 1))) };
      case 'residual': {
        const chains = [layer.layers, layer.shortcut ?? [], ...(layer.branches ?? [])];
        const shrunk = chains.map((each) => this.chain(each, { from, to }));
        // Zeros for channels leave a width of their own, which the other chains take.
        const padded = chains.findIndex((each) => each.some(({ type }) => type === 'padchannels'));
        const known = shrunk[padded]?.ends.to.at(-1);
        const [main, shortcut, ...branches] = shrunk.map((each) =>
          each === null || known === undefined ? each?.layers : ofWidth(each.layers, known),
        );
        if (main === undefined || shortcut === undefined || branches.includes(undefined)) return null;
        return {
          ...layer,
          layers: main,
          ...(layer.shortcut && { shortcut }),
          ...(layer.branches && { branches: branches.filter((each) => each !== undefined) }),
        };
      }
      case 'concat': {
        const branches = layer.branches.map((each) => this.chain(each, { from, to })?.layers);
        return branches.includes(undefined)
          ? null
          : { ...layer, branches: branches.filter((each) => each !== undefined) };
      }
      default:
        return layer;
    }
  }

  /** Shapes behind a layer and its copy. */
  #after(layer: LayerSpec, copy: LayerSpec, { from, to }: Shapes): Shapes | null {
    const ends = [shapeBehind(layer, from), shapeBehind(copy, to)];
    return ends[0] && ends[1] && { from: ends[0], to: ends[1] };
  }
}

function shapeBehind(layer: LayerSpec, input: readonly number[]): readonly number[] | null {
  // A tied layer follows from its embedding.
  if (layer.type === 'dense') return [...input.slice(0, -1), layer.units];
  try {
    return buildChain([layer], input, new Map())[0].outputShape;
  } catch (error) {
    if (error instanceof InputError) return null;
    throw error;
  }
}

/** A chain whose last convolution has as many filters as `width`, unless it pads its channels itself. */
function ofWidth(layers: readonly LayerSpec[], width: number): LayerSpec[] {
  const lastConvolution = layers.findLastIndex(({ type }) => type === 'conv2d');
  if (layers.some(({ type }) => type === 'padchannels')) return [...layers];
  return layers.map((layer, i) =>
    i === lastConvolution && layer.type === 'conv2d' ? { ...layer, filters: width } : layer,
  );
}

/** A window of at most 3 x 3 places, with so much less padding that as many positions remain. */
function smallConvolution(layer: Conv2dSpec, channels: number, width: number, limit: number): Conv2dSpec {
  const kernel = layer.kernel.map((side) => Math.min(side, most.kernel)) as [number, number];
  const { groups = 1, padding } = layer;
  const dilation = pairOf(layer.dilation ?? 1);
  const lost = kernel.map((side, axis) => (layer.kernel[axis] - side) * dilation[axis]);
  const less = (sides: readonly [number, number], axis: number): [number, number] => [
    Math.max(0, sides[0] - Math.floor(lost[axis] / 2)),
    Math.max(0, sides[1] - Math.ceil(lost[axis] / 2)),
  ];
  const isSame = lost.every((places) => places === 0);
  const [rows, columns] = typeof padding === 'string' ? [null, null] : sidesOf(padding);
  // Depthwise layers stay so.
  const few = groups === channels ? width : divisor(width, Math.min(groups, limit));
  const filters = groups === 1 ? Math.min(layer.filters, limit) : few * Math.min(layer.filters / groups, 2);
  return {
    ...layer,
    kernel,
    filters,
    ...(groups > 1 && { groups: few }),
    ...(rows && columns && !isSame && { padding: [less(rows, 0), less(columns, 1)] }),
  };
}

/** The largest divisor of `n` up to `limit`. */
function divisor(n: number, limit: number): number {
  for (let each = Math.min(n, limit); each > 1; each--) if (n % each === 0) return each;
  return 1;
}
