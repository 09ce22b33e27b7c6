/**
 * A PyTorch state dict as weights in the model format. Names and axes differ:
 *   fc.weight [out, in]               fc.kernel [in, out]; also `attn.query.weight` and its sisters
 *   conv.weight [out, in, kh, kw]     conv.kernel [kh, kw, in, out]; also patches
 *   ln.weight, bn.weight              ln.gain, bn.gain
 *   bn.running_var                    bn.running_variance
 *   attn.in_proj_weight [3 w, w]      attn.query.kernel, attn.key.kernel, attn.value.kernel, or attn.qkv.kernel if the layer is packed (nn.MultiheadAttention; its
 *                                     biases likewise, which must be absent or 0 if the layer has none)
 *   attn.out_proj.weight [w, w]       attn.output.kernel
 *   wte.weight [tokens, w]            wte.kernel [tokens, w]: tables of tokens and places keep their order
 * and biases, running means and tables of positions are as they are. A beginning that wrappers put before every name ("module.", "_orig_mod.") is left out. PyTorch flattens images channel by channel, the model format position by position: what
 * belongs to a flattened image is put in that order too.
 */
import { InputError } from '../shared/errors.ts';
import type { WantedTensor } from '../shared/model/wanted-tensor.ts';
import type { StoredTensor } from './formats/tensors.ts';
import { findTensors, namingAdvice } from './tensor-names.ts';
import type { NameChoice } from './tensor-names.ts';

/** Where one tensor of the model comes from: for a preview before an import. */
export interface TorchMapping {
  /** Name in the state dict and the shape it must have there. */
  readonly source: string;
  readonly sourceShape: readonly number[];
  readonly target: WantedTensor;
}

export interface TorchWeights {
  /** By the model's names, in the model's layout; float64. */
  readonly weights: ReadonlyMap<string, Float64Array>;
  readonly mappings: readonly TorchMapping[];
  /** Tensors of the file that the model has no place for. */
  readonly unused: readonly string[];
}

export function torchMapping(target: WantedTensor): TorchMapping {
  const dot = target.name.lastIndexOf('.');
  const layer = target.name.slice(0, dot);
  const role = target.name.slice(dot + 1);
  const { shape } = target;
  switch (role) {
    case 'kernel':
      return {
        source: `${layer}.weight`,
        sourceShape:
          target.isTable === true
            ? shape
            : shape.length === 4
              ? [shape[3], shape[2], shape[0], shape[1]]
              : [...shape].reverse(),
        target,
      };
    case 'gain':
      return { source: `${layer}.weight`, sourceShape: shape, target };
    case 'running_variance':
      return { source: `${layer}.running_var`, sourceShape: shape, target };
    default:
      return { source: target.name, sourceShape: shape, target };
  }
}

/**
 * The model's weights from a state dict. Raises InputError listing every tensor that is missing, of another shape or not of a floating-point type, with what was
 * expected and what was found.
 */
export function fromTorch(
  state: ReadonlyMap<string, StoredTensor>,
  wanted: readonly WantedTensor[],
  choice: NameChoice = {},
): TorchWeights {
  const tensors = stateDict(state, wanted);
  const mappings = findTensors(wanted.map(torchMapping), tensors, choice);
  const faults: string[] = [];
  const weights = new Map<string, Float64Array>();
  for (const mapping of mappings) {
    const { source, sourceShape, target } = mapping;
    const tensor = tensors.get(source);
    const asked = `expected [${sourceShape.join(', ')}] for ${target.name} [${target.shape.join(', ')}]`;
    if (target.untorchable !== undefined) faults.push(`${source}: ${target.untorchable}`);
    else if (tensor === undefined) faults.push(`${source}: missing; ${asked}`);
    else if (tensor.shape.join() !== sourceShape.join())
      faults.push(`${source}: ${asked}, found [${tensor.shape.join(', ')}]`);
    else if (!(tensor.data instanceof Float32Array || tensor.data instanceof Float64Array))
      faults.push(`${source}: expected floating-point numbers, found ${tensor.dtype}`);
    else weights.set(target.name, rearranged(Float64Array.from(tensor.data), mapping));
  }
  if (faults.length > 0) {
    const used = new Set(mappings.map((each) => each.source));
    const list = (names: readonly string[]): string =>
      `${names.slice(0, 20).join(', ')}${names.length > 20 ? ` and ${names.length - 20} more` : ''}`;
    const left = [...tensors].filter(([name]) => !used.has(name) && !isCounter(name));
    const advice = !faults.some((each) => each.includes(': missing; '))
      ? ''
      : left.length === 0
        ? `\nit has ${tensors.size === 0 ? 'no tensors' : list([...tensors.keys()])}`
        : `\nleft over in it: ${list(left.map(([name, { shape }]) => `${name} [${shape.join(', ')}]`))}\n${namingAdvice}`;
    throw new InputError(`the state dict does not fit the model:\n${faults.join('\n')}${advice}`);
  }
  const used = new Set(mappings.map((each) => each.source));
  return { weights, mappings, unused: [...tensors.keys()].filter((name) => !used.has(name) && !isCounter(name)) };
}

/** Of nn.BatchNorm: how many batches it saw, which the model format has no use for. */
export const isCounter = (name: string): boolean => name.endsWith('.num_batches_tracked');

/** Beginnings of names that DistributedDataParallel and torch.compile add. */
const wrappers = ['module.', '_orig_mod.'];

/** The tensors by the names that `torchMapping` asks for: no wrappers' beginnings, the projections of nn.MultiheadAttention apart. Again: the same. */
export function stateDict(
  state: ReadonlyMap<string, StoredTensor>,
  wanted: readonly WantedTensor[],
): ReadonlyMap<string, StoredTensor> {
  return unfused(
    unwrapped(state),
    wanted,
    (value, shape, i) => ({
      ...value,
      shape,
      data: value.data.subarray((i * value.data.length) / 3, ((i + 1) * value.data.length) / 3),
    }),
    ({ data }) => Array.from<number | bigint>(data).every((x) => Number(x) === 0),
  );
}

/** `stateDict` of shapes alone, before the numbers are read; biases of attention are not looked at. */
export function stateDictShapes<T extends Shaped>(
  state: ReadonlyMap<string, T>,
  wanted: readonly WantedTensor[],
): ReadonlyMap<string, T> {
  return unfused(
    unwrapped(state),
    wanted,
    (value, shape) => ({ ...value, shape }),
    () => true,
  );
}

interface Shaped {
  readonly shape: readonly number[];
}

function unwrapped<T>(state: ReadonlyMap<string, T>): ReadonlyMap<string, T> {
  const wrapper = state.size > 0 && wrappers.find((each) => [...state.keys()].every((name) => name.startsWith(each)));
  return wrapper === undefined || wrapper === false
    ? state
    : unwrapped(new Map([...state].map(([name, value]) => [name.slice(wrapper.length), value])));
}

/** The projections of nn.MultiheadAttention apart, or under one name if the model has them packed. Raises InputError for biases other than 0 that the model has no place for. */
function unfused<T extends Shaped>(
  state: ReadonlyMap<string, T>,
  wanted: readonly WantedTensor[],
  third: (value: T, shape: readonly number[], i: number) => T,
  isZero: (value: T) => boolean,
): ReadonlyMap<string, T> {
  const out = new Map<string, T>();
  // By the end of a name, since the file's may have a beginning more.
  const wants = (layer: string, role: string): boolean =>
    wanted.some(({ name }) => name.endsWith(`.${role}`) && `.${layer}`.endsWith(`.${name.slice(0, -role.length - 1)}`));
  for (const [name, value] of state) {
    const [, layer, role] = /^(.*)\.(in_proj_weight|in_proj_bias|out_proj\.weight|out_proj\.bias)$/.exec(name) ?? [];
    if (layer === undefined || !state.has(`${layer}.in_proj_weight`)) out.set(name, value);
    else if (role === 'out_proj.weight') out.set(`${layer}.output.weight`, value);
    else if (role === 'out_proj.bias' && wants(layer, 'output.bias')) out.set(`${layer}.output.bias`, value);
    else if (role === 'in_proj_weight' && wants(layer, 'qkv.kernel')) out.set(`${layer}.qkv.weight`, value);
    else if (role === 'in_proj_bias' && wants(layer, 'qkv.bias')) out.set(`${layer}.qkv.bias`, value);
    else if (role === 'in_proj_bias' && wants(layer, 'query.bias')) {
      for (const [i, part] of ['query', 'key', 'value'].entries())
        out.set(`${layer}.${part}.bias`, third(value, [(value.shape[0] ?? 0) / 3], i));
    } else if (role === 'in_proj_weight') {
      const [rows, width] = value.shape;
      if (value.shape.length !== 2 || rows !== 3 * (width ?? 0))
        throw new InputError(`${name}: expected [3 width, width], found [${value.shape.join(', ')}]`);
      for (const [i, part] of ['query', 'key', 'value'].entries())
        out.set(`${layer}.${part}.weight`, third(value, [rows / 3, rows / 3], i));
    } else if (!isZero(value)) {
      throw new InputError(
        `${name}: holds biases other than 0, and the attention layer of the model has none: write "bias": true into it`,
      );
    }
  }
  return out;
}

function rearranged(values: Float64Array, { target }: TorchMapping): Float64Array {
  const { name, shape, flattened } = target;
  if (!name.endsWith('.kernel') || target.isTable === true)
    return flattened === undefined ? values : byPosition(values, 1, flattened);
  if (shape.length === 4) {
    const [kh, kw, inner] = shape as readonly [number, number, number];
    // [o, i, y, x] to [y, x, i, o].
    return permuted(shape, (y, x, i, o) => values[((o * inner + i) * kh + y) * kw + x]);
  }
  const [inner, outer] = shape as readonly [number, number];
  const kernel = new Float64Array(values.length);
  for (let i = 0; i < inner; i++) for (let o = 0; o < outer; o++) kernel[i * outer + o] = values[o * inner + i]!;
  return flattened === undefined ? kernel : byPosition(kernel, outer, flattened);
}

/** Rows of `width` numbers from the order [channels, height, width] to [height, width, channels]. */
function byPosition(
  values: Float64Array,
  width: number,
  [height, across, channels]: readonly [number, number, number],
): Float64Array {
  const out = new Float64Array(values.length);
  let at = 0;
  for (let y = 0; y < height; y++)
    for (let x = 0; x < across; x++)
      for (let c = 0; c < channels; c++, at += width) {
        const from = ((c * height + y) * across + x) * width;
        out.set(values.subarray(from, from + width), at);
      }
  return out;
}

function permuted(shape: readonly number[], at: (a: number, b: number, c: number, d: number) => number): Float64Array {
  const [A, B, C, D] = shape as readonly [number, number, number, number];
  const out = new Float64Array(A * B * C * D);
  let i = 0;
  for (let a = 0; a < A; a++)
    for (let b = 0; b < B; b++) for (let c = 0; c < C; c++) for (let d = 0; d < D; d++) out[i++] = at(a, b, c, d);
  return out;
}
