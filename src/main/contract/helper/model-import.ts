/** Weights from another program: what maps to what, and the weights in the model's own names and layout. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import * as path from 'node:path';
import { openSafetensors, readSafetensors, tensor, writeSafetensors } from '../../../data/formats/safetensors.ts';
import type { Tensor } from '../../../data/formats/safetensors.ts';
import { fromTorch, torchMapping } from '../../../data/torch-layout.ts';
import type { WantedTensor } from '../../../data/torch-layout.ts';
import { takeWeights } from '../../../data/weights.ts';
import { CpuBackend } from '../../../engine/backend/cpu.ts';
import type { Blas, Real } from '../../../engine/blas/types.ts';
import { Network } from '../../../engine/network/network.ts';
import { wantedTensors } from '../../../engine/network/wanted.ts';
import { evaluate } from '../../../engine/training/evaluate.ts';
import type { ModelPreview, TensorMapping, WeightsLayout } from '../../../shared/contract/index.ts';
import type { DatasetSpec, DatasetSummary } from '../../../shared/dataset.ts';
import { InputError } from '../../../shared/errors.ts';
import type { ModelSpec } from '../../../shared/model.ts';
import { prepareData } from '../../jobs/data.ts';

export interface WeightsChoice {
  readonly model: ModelSpec;
  readonly file: string;
  readonly layout: WeightsLayout | null;
  /** Names in the file by names of the model. */
  readonly names: Readonly<Record<string, string>>;
}

interface Source {
  readonly target: WantedTensor;
  readonly source: string;
  readonly sourceShape: readonly number[];
}

/** Raises InputError where the model's layers do not fit together or the file is no safetensors file. */
export async function previewModel(blas: Blas, choice: WeightsChoice): Promise<ModelPreview> {
  await refusePickle(choice.file);
  const network = new Network(choice.model, new CpuBackend(blas, 'float64'));
  const wanted = wantedTensors(network);
  await using file = await openSafetensors(choice.file);
  const layout = choice.layout ?? layoutOf(file.places, wanted);
  const sources = sourcesOf(wanted, layout, choice.names);
  const mappings = sources.map(({ target, source, sourceShape }): TensorMapping => {
    const place = file.places.get(source);
    return {
      target: target.name,
      targetShape: target.shape,
      source,
      expected: sourceShape,
      found: place?.shape ?? null,
      problem:
        place === undefined
          ? `the file has no tensor ${source}`
          : place.shape.join() !== sourceShape.join()
            ? `expected [${sourceShape.join(', ')}], found [${place.shape.join(', ')}]`
            : !['F16', 'BF16', 'F32', 'F64'].includes(place.dtype)
              ? `expected floating-point numbers, found ${place.dtype}`
              : null,
    };
  });
  const used = new Set(sources.map(({ source }) => source));
  return {
    layout,
    mappings,
    tensors: [...file.places].map(([name, { shape }]) => ({ name, shape })),
    unused: [...file.places.keys()].filter((name) => !used.has(name)),
    suggested: mappings.every(({ problem }) => problem === null) ? null : byOrder(file.places, sources),
    weights: wanted.reduce((sum, { shape }) => sum + shape.reduce((product, size) => product * size, 1), 0),
    parameters: network.parameters.map(({ name }) => name),
  };
}

export interface ReadModel {
  /** With the weights under the model's names, float64. */
  readonly weights: string;
  readonly sha256: string;
  readonly layout: WeightsLayout;
  readonly parameters: number;
  readonly dataset: DatasetSummary;
  readonly train: { readonly loss: number; readonly accuracy: number | null };
  readonly test: { readonly loss: number; readonly accuracy: number | null } | null;
}

/** Reads the weights, evaluates the model on the data and writes the weights to `target`. Raises InputError naming tensor, expected and found. */
export async function readModel(
  blas: Blas,
  choice: WeightsChoice,
  dataset: DatasetSpec,
  folders: { readonly baseFolder: string; readonly dataFolder: string },
  target: string,
): Promise<ReadModel> {
  await refusePickle(choice.file);
  const network = new Network(choice.model, new CpuBackend(blas, 'float64'));
  const wanted = wantedTensors(network);
  const file = await readSafetensors(choice.file);
  const layout = choice.layout ?? layoutOf(file.tensors, wanted);
  const tensors = new Map<string, Tensor>(file.tensors);
  for (const { name } of wanted) {
    const given = choice.names[name];
    if (given === undefined) continue;
    const found = file.tensors.get(given);
    if (found === undefined)
      throw new InputError(`${path.basename(choice.file)}: there is no tensor "${given}" for ${name}`);
    const own = wanted.find((each) => each.name === name);
    if (own !== undefined) tensors.set(layout === 'torch' ? torchMapping(own).source : name, found);
  }
  const weights: ReadonlyMap<string, Real> =
    layout === 'torch'
      ? fromTorch(tensors, wanted).weights
      : takeWeights(tensors, path.basename(choice.file), layout, wanted).weights;
  for (const [name, values] of weights) {
    const bad = values.findIndex((x) => !Number.isFinite(x));
    if (bad >= 0)
      throw new InputError(
        `${path.basename(choice.file)}: ${name} holds ${values[bad]} at position ${bad}; expected finite numbers`,
      );
  }
  const data = await prepareData(dataset, choice.model, network.outputSize, folders);
  for (const [name, values] of weights) network.setWeight(name, values);
  const train = await evaluate(network, data.train, data.classes);
  const test = data.test === null ? null : await evaluate(network, data.test, data.classes);
  await writeSafetensors(
    target,
    Object.fromEntries(wanted.map(({ name, shape }) => [name, tensor(Float64Array.from(weights.get(name)!), shape)])),
    { format: 'covature-weights 1' },
  );
  return {
    weights: target,
    sha256: await hashOf(choice.file),
    layout,
    parameters: network.parameters.reduce((sum, { rows, cols }) => sum + rows * cols, 0),
    dataset: data.summary,
    train,
    test,
  };
}

function sourcesOf(
  wanted: readonly WantedTensor[],
  layout: WeightsLayout,
  names: Readonly<Record<string, string>>,
): Source[] {
  return wanted.map((target) => {
    const { source, sourceShape } =
      layout === 'torch' ? torchMapping(target) : { source: target.name, sourceShape: target.shape };
    return { target, source: names[target.name] ?? source, sourceShape };
  });
}

function layoutOf(names: { readonly has: (name: string) => boolean }, wanted: readonly WantedTensor[]): WeightsLayout {
  return wanted.some(({ name }) => name.endsWith('.kernel') && names.has(name)) ? 'covature' : 'torch';
}

/**
 * Names for the layers one after the other where the file calls them otherwise ("0.weight", "2.weight"): its tensors are taken in groups of one prefix, in the
 * order of the numbers in them (files are sorted by letters), and a layer takes the next group that has what it needs in the right shapes.
 */
function byOrder(
  places: ReadonlyMap<string, { readonly shape: readonly number[] }>,
  sources: readonly Source[],
): Record<string, string> | null {
  const groups = grouped([...places.keys()]).toSorted(([a], [b]) => a.localeCompare(b, 'en', { numeric: true }));
  const names: Record<string, string> = {};
  let at = 0;
  for (const [, layer] of grouped(sources.map(({ source }) => source))) {
    const wanted = sources.filter(({ source }) => layer.includes(source));
    const nameIn = (prefix: string, source: string): string => `${prefix}${source.slice(source.lastIndexOf('.'))}`;
    const fits = (prefix: string): boolean =>
      wanted.every(
        ({ source, sourceShape }) => places.get(nameIn(prefix, source))?.shape.join() === sourceShape.join(),
      );
    while (at < groups.length && !fits(groups[at][0])) at++;
    if (at === groups.length) return null;
    for (const { target, source } of wanted) names[target.name] = nameIn(groups[at][0], source);
    at++;
  }
  return names;
}

/** Names by what stands before their last dot, in the order of their first. */
function grouped(names: readonly string[]): [string, string[]][] {
  const groups = new Map<string, string[]>();
  for (const name of names) {
    const prefix = name.slice(0, Math.max(0, name.lastIndexOf('.')));
    groups.set(prefix, [...(groups.get(prefix) ?? []), name]);
  }
  return [...groups];
}

/** A pickle may run any program when it is read; it is named for what it is instead. */
async function refusePickle(file: string): Promise<void> {
  let start: Buffer;
  try {
    const handle = await open(file, 'r');
    try {
      start = (await handle.read(Buffer.alloc(2), 0, 2, 0)).buffer;
    } finally {
      await handle.close();
    }
  } catch {
    // The reader of safetensors files says what is wrong with it.
    return;
  }
  if (start.toString('latin1') === 'PK' || start[0] === 0x80)
    throw new InputError(
      `${path.basename(file)}: is a PyTorch pickle, which can run any program when it is read. Save the state dict as safetensors: ` +
        'from safetensors.torch import save_file; save_file(model.state_dict(), "weights.safetensors")',
    );
}

async function hashOf(file: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(file)) hash.update(chunk as Buffer);
  return hash.digest('hex');
}
