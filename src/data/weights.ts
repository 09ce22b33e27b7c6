/** Weights files: safetensors or npz (told apart by their first bytes), in the model's layout or as a PyTorch state dict. */
import type { WeightsLayout } from '../shared/contract/index.ts';
import { InputError } from '../shared/errors.ts';
import { readInputFile } from './files.ts';
import { parseNpz } from './formats/npy.ts';
import { lookalikeAt } from './lookalikes.ts';
import { modelFileFormat, modelFileParts } from './model-file.ts';
import { openSafetensors, parseSafetensors } from './formats/safetensors.ts';
import type { StoredTensor } from './formats/tensors.ts';
import { fromTorch } from './torch-layout.ts';
import type { NameChoice } from './tensor-names.ts';
import { findTensors } from './tensor-names.ts';
import type { WantedTensor } from '../shared/model/wanted-tensor.ts';
import type { TorchMapping } from './torch-layout.ts';

export interface ReadWeights {
  /** By the model's names, in the model's layout; all finite. */
  readonly weights: ReadonlyMap<string, Float32Array | Float64Array>;
  /** Tensors of the file that the model has no place for. */
  readonly unused: readonly string[];
  /** Where each tensor came from; null in the layout covature, where names are the model's own. */
  readonly mappings: readonly TorchMapping[] | null;
}

/** Every tensor of a safetensors or npz file. Raises InputError, opening with the path, for damage and unknown kinds of file. */
export async function readTensors(file: string): Promise<ReadonlyMap<string, StoredTensor>> {
  if (!/\.(safetensors|npz|covature-model|bin|pt|pth|ckpt)$/i.test(file)) {
    const other = await lookalikeAt(file);
    if (other !== null) throw new InputError(`${file}: this is ${other}`);
  }
  const bytes = await readInputFile(file);
  // npz is a zip archive; torch.save writes one too, of pickled objects, or a bare pickle as it did long ago.
  const isArchive = bytes[0] === 0x50 && bytes[1] === 0x4b;
  if (isArchive ? includesText(bytes, 'data.pkl') : bytes[0] === 0x80 && (bytes[1] === 2 || bytes[1] === 0x8a))
    throw new InputError(
      `${file}: a file of torch.save, a pickle of Python objects, which may run any program when it is read; save the state dict as safetensors or npz ` +
        'instead (docs/own-model.md has the lines)',
    );
  if (isArchive) return new Map([...parseNpz(bytes, file)].map(([name, read]) => [name, read()]));
  const { tensors, metadata } = parseSafetensors(bytes, file);
  return metadata['format'] === modelFileFormat ? weightsIn(tensors) : tensors;
}

/** Of a `.covature-model` file the weights alone, by the model's names. */
function weightsIn<T>(tensors: ReadonlyMap<string, T>): ReadonlyMap<string, T> {
  const { weights } = modelFileParts;
  return new Map(
    [...tensors].flatMap(([name, value]) => (name.startsWith(weights) ? [[name.slice(weights.length), value]] : [])),
  );
}

/** Types and shapes of every tensor of a weights file: of safetensors from its header alone, whatever its size. */
export async function readShapes(file: string): Promise<ReadonlyMap<string, Pick<StoredTensor, 'dtype' | 'shape'>>> {
  if (/\.safetensors$/i.test(file)) {
    await using opened = await openSafetensors(file);
    return opened.places;
  }
  return readTensors(file);
}

function includesText(bytes: Uint8Array, text: string): boolean {
  return Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, 2 ** 16)).includes(text);
}

/**
 * The weights of a model from a file. Raises InputError listing every tensor that is missing, of another shape, not of floating-point type or not finite, with what
 * was expected and what was found.
 */
export async function readWeights(
  file: string,
  layout: WeightsLayout,
  wanted: readonly WantedTensor[],
  choice: NameChoice = {},
): Promise<ReadWeights> {
  return takeWeights(await readTensors(file), file, layout, wanted, choice);
}

/** `readWeights` from tensors that were read; `file` is for messages. */
export function takeWeights(
  tensors: ReadonlyMap<string, StoredTensor>,
  file: string,
  layout: WeightsLayout,
  wanted: readonly WantedTensor[],
  choice: NameChoice = {},
): ReadWeights {
  if (layout === 'torch') {
    let read;
    try {
      read = fromTorch(tensors, wanted, choice);
    } catch (error) {
      throw error instanceof InputError ? new InputError(`${file}: ${error.message}`) : error;
    }
    const { weights, unused, mappings } = read;
    for (const [name, values] of weights) checkFinite(file, name, values);
    return { weights, unused, mappings };
  }
  const faults: string[] = [];
  const weights = new Map<string, Float32Array | Float64Array>();
  const sources = findTensors(
    wanted.map((target) => ({ target, source: target.name, sourceShape: target.shape })),
    tensors,
    choice,
  );
  for (const { target, source, sourceShape: shape } of sources) {
    const tensor = tensors.get(source);
    const asked = `[${shape.join(', ')}]`;
    if (tensor === undefined) faults.push(`${source}: missing; expected ${asked}`);
    else if (tensor.shape.join() !== shape.join())
      faults.push(`${source}: expected ${asked}, found [${tensor.shape.join(', ')}]`);
    else if (!(tensor.data instanceof Float32Array || tensor.data instanceof Float64Array))
      faults.push(`${source}: expected floating-point numbers, found ${tensor.dtype}`);
    else weights.set(target.name, tensor.data);
  }
  if (faults.length > 0) {
    const isTorch =
      faults.some((each) => each.includes('missing')) && [...tensors.keys()].some((name) => name.endsWith('.weight'));
    throw new InputError(
      `${file}: the weights do not fit the model:\n${faults.join('\n')}\nthe file has ${[...tensors.keys()].slice(0, 20).join(', ') || 'no tensors'}` +
        (isTorch ? '\nthese are names of a PyTorch state dict: use --layout torch' : ''),
    );
  }
  for (const [name, values] of weights) checkFinite(file, name, values);
  const names = new Set(sources.map(({ source }) => source));
  return { weights, unused: [...tensors.keys()].filter((name) => !names.has(name)), mappings: null };
}

function checkFinite(file: string, name: string, values: Float32Array | Float64Array): void {
  const bad = values.findIndex((x) => !Number.isFinite(x));
  if (bad >= 0)
    throw new InputError(`${file}: tensor ${name} holds ${values[bad]} at position ${bad}; expected finite numbers`);
}
