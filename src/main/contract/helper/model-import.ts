/** Weights from another program: what maps to what, and the weights in the model's own names and layout. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import * as path from 'node:path';
import { tensor, writeSafetensors } from '../../../data/formats/safetensors.ts';
import type { Tensor } from '../../../data/formats/tensors.ts';
import { fromTorch, isCounter, stateDict, stateDictShapes, torchMapping } from '../../../data/torch-layout.ts';
import type { WantedTensor } from '../../../data/torch-layout.ts';
import { readShapes, readTensors, takeWeights } from '../../../data/weights.ts';
import { CpuBackend } from '../../../engine/backend/cpu.ts';
import type { Blas, Real } from '../../../engine/blas/types.ts';
import { Network } from '../../../engine/network/network.ts';
import { wantedTensors } from '../../../engine/network/wanted.ts';
import { evaluate } from '../../../engine/training/evaluate.ts';
import type { ModelPreview, TensorMapping, WeightsLayout } from '../../../shared/contract/index.ts';
import { parseDataset } from '../../../shared/dataset.ts';
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

/** Raises InputError where the model's layers do not fit together or the file is neither safetensors nor npz. */
export async function previewModel(blas: Blas, choice: WeightsChoice): Promise<ModelPreview> {
  const network = new Network(choice.model, new CpuBackend(blas, 'float64'));
  const wanted = wantedTensors(network);
  const inFile = await readShapes(choice.file);
  const layout = choice.layout ?? layoutOf(inFile, wanted);
  const places = layout === 'torch' ? stateDictShapes(inFile) : inFile;
  const sources = sourcesOf(wanted, layout, choice.names);
  const mappings = sources.map(({ target, source, sourceShape }): TensorMapping => {
    const place = places.get(source);
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
    tensors: [...places].map(([name, { shape }]) => ({ name, shape })),
    unused: [...places.keys()].filter((name) => !used.has(name) && !isCounter(name)),
    suggested: mappings.every(({ problem }) => problem === null) ? null : byOrder(places, sources),
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
  /** The dataset's, which says that images have their channels first where they were found so. */
  readonly spec: DatasetSpec;
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
  const network = new Network(choice.model, new CpuBackend(blas, 'float64'));
  const wanted = wantedTensors(network);
  const inFile = await readTensors(choice.file);
  const layout = choice.layout ?? layoutOf(inFile, wanted);
  const found = layout === 'torch' ? stateDict(inFile) : inFile;
  const tensors = new Map<string, Tensor>(found);
  for (const { name } of wanted) {
    const given = choice.names[name];
    if (given === undefined) continue;
    const chosen = found.get(given);
    if (chosen === undefined)
      throw new InputError(`${path.basename(choice.file)}: there is no tensor "${given}" for ${name}`);
    const own = wanted.find((each) => each.name === name);
    if (own !== undefined) tensors.set(layout === 'torch' ? torchMapping(own).source : name, chosen);
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
  let spec = dataset;
  let data = await prepareData(spec, choice.model, network.loss, folders, layout);
  if (data.reading !== null) {
    // From now on the run's data are read so.
    spec = parseDataset({ ...spec, ...data.reading });
    data = await prepareData(spec, choice.model, network.loss, folders);
  }
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
    spec,
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

async function hashOf(file: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(file)) hash.update(chunk as Buffer);
  return hash.digest('hex');
}
