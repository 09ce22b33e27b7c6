/** Weights from another program: the mapping of names, and the weights in the model's own names and layout. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import * as path from 'node:path';
import { tensor, writeSafetensors } from '../../../data/formats/safetensors.ts';
import { findTensors, orderedNames } from '../../../data/tensor-names.ts';
import type { ExpectedTensor } from '../../../data/tensor-names.ts';
import { isCounter, stateDictShapes, torchMapping } from '../../../data/torch-layout.ts';
import type { WantedTensor } from '../../../shared/model/wanted-tensor.ts';
import { readShapes, readTensors, takeWeights } from '../../../data/weights.ts';
import { CpuBackend } from '../../../engine/backend/cpu.ts';
import type { Blas } from '../../../engine/blas/types.ts';
import { Network } from '../../../engine/network/network.ts';
import { withNetwork } from '../../../engine/network/with-network.ts';
import { wantedTensors } from '../../../engine/network/wanted.ts';
import { evaluate } from '../../../engine/training/evaluate.ts';
import type { ModelPreview, TensorMapping, WeightsLayout } from '../../../shared/contract/index.ts';
import { parseDataset } from '../../../shared/dataset.ts';
import type { DatasetSpec, DatasetSummary } from '../../../shared/dataset.ts';
import type { ModelSpec } from '../../../shared/model.ts';
import { prepareData } from '../../jobs/data.ts';

export interface WeightsChoice {
  readonly model: ModelSpec;
  readonly file: string;
  readonly layout: WeightsLayout | null;
  /** Names in the file by names of the model. */
  readonly names: Readonly<Record<string, string>>;
}

/** Raises InputError if the model's layers do not fit together or the file is neither safetensors nor npz. */
export async function previewModel(blas: Blas, choice: WeightsChoice): Promise<ModelPreview> {
  const network = new Network(choice.model, new CpuBackend(blas, 'float64'));
  const expected = wantedTensors(network);
  const inFile = await readShapes(choice.file);
  const layout = choice.layout ?? layoutOf(inFile, expected);
  const places = layout === 'torch' ? stateDictShapes(inFile, expected) : inFile;
  const sources = findTensors(expectedOf(expected, layout), places, { names: choice.names });
  const mappings = sources.map(({ target, source, sourceShape }): TensorMapping => {
    const place = places.get(source);
    return {
      target: target.name,
      targetShape: target.shape,
      source,
      expected: sourceShape,
      found: place?.shape ?? null,
      problem:
        layout === 'torch' && target.untorchable !== undefined
          ? target.untorchable
          : place === undefined
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
    suggested: mappings.every(({ problem }) => problem === null)
      ? null
      : orderedNames(places, expectedOf(expected, layout)),
    weights: expected.reduce((sum, { shape }) => sum + shape.reduce((product, size) => product * size, 1), 0),
    parameters: network.parameters.map(({ name }) => name),
  };
}

export interface ReadModel {
  /** With the weights under the model's names, float64. */
  readonly weights: string;
  readonly sha256: string;
  readonly layout: WeightsLayout;
  readonly parameters: number;
  /** The dataset's, which says that images have their channels first if they were found so. */
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
  return withNetwork(blas, choice.model, async (network) => {
    const expected = wantedTensors(network);
    const inFile = await readTensors(choice.file);
    const layout = choice.layout ?? layoutOf(inFile, expected);
    const { weights } = takeWeights(inFile, path.basename(choice.file), layout, expected, { names: choice.names });
    let spec = dataset;
    let data = await prepareData(spec, choice.model, network.loss, folders, layout);
    if (data.reading !== null) {
      // From now on the run's data are read this way.
      spec = parseDataset({ ...spec, ...data.reading });
      data = await prepareData(spec, choice.model, network.loss, folders);
    }
    for (const [name, values] of weights) network.setWeight(name, values);
    const train = await evaluate(network, data.train, data.classes);
    const test = data.test === null ? null : await evaluate(network, data.test, data.classes);
    await writeSafetensors(
      target,
      Object.fromEntries(
        expected.map(({ name, shape }) => [name, tensor(Float64Array.from(weights.get(name)!), shape)]),
      ),
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
  });
}

function expectedOf(wanted: readonly WantedTensor[], layout: WeightsLayout): ExpectedTensor<WantedTensor>[] {
  return wanted.map((target) =>
    layout === 'torch' ? torchMapping(target) : { target, source: target.name, sourceShape: target.shape },
  );
}

function layoutOf(names: { readonly has: (name: string) => boolean }, wanted: readonly WantedTensor[]): WeightsLayout {
  return wanted.some(({ name }) => name.endsWith('.kernel') && names.has(name)) ? 'covature' : 'torch';
}

async function hashOf(file: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(file)) hash.update(chunk as Buffer);
  return hash.digest('hex');
}
