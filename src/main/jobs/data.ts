/** Bringing a dataset and a model together: inputs and targets as the network takes them, in memory that threads share. */
import { channelsLast } from '../../data/raw.ts';
import { resolveDataset } from '../../data/resolve.ts';
import type { WeightsLayout } from '../../shared/contract/index.ts';
import type { Dataset, Part } from '../../data/dataset.ts';
import { summarise } from '../../data/dataset.ts';
import type { DatasetSpec, DatasetSummary } from '../../shared/dataset.ts';
import { InputError } from '../../shared/errors.ts';
import type { ModelSpec } from '../../shared/model.ts';
import { shared } from '../../engine/parallel/shared.ts';
import type { Real } from '../../engine/blas/types.ts';

export interface NetworkData {
  /** [n, inputs] and [n, outputs] (one-hot rows for classes). */
  readonly inputs: Real;
  readonly targets: Real;
}

export interface PreparedData {
  readonly train: NetworkData;
  readonly test: NetworkData | null;
  /** Whether an accuracy exists. */
  readonly classes: boolean;
  readonly summary: DatasetSummary;
  /** Whether images had their channels first and were turned. */
  readonly turned: boolean;
}

/** Raises InputError where the data's shapes do not fit the model. */
export async function prepareData(
  spec: DatasetSpec,
  model: ModelSpec,
  outputs: number,
  folders: { readonly baseFolder: string; readonly dataFolder: string },
  layout: WeightsLayout = 'covature',
): Promise<PreparedData> {
  const given = await resolveDataset(spec, folders);
  const dataset = withChannelsLast(given, model, layout);
  checkFit(dataset, model, outputs);
  return {
    train: networkData(dataset.train, outputs),
    test: dataset.test === null ? null : networkData(dataset.test, outputs),
    classes: dataset.classes !== null,
    summary: summarise(dataset),
    turned: dataset !== given,
  };
}

/**
 * Images as the model takes them, [height, width, channels]. Data of a PyTorch model come channels first and are turned; without `layout` torch they are refused,
 * since they would pass through the network as noise.
 */
function withChannelsLast(dataset: Dataset, model: ModelSpec, layout: WeightsLayout): Dataset {
  const { shape } = dataset;
  if (shape.length !== 3 || model.input.length !== 3) return dataset;
  const [height, width, channels] = model.input;
  const isFirst = shape[0] === channels && shape[1] === height && shape[2] === width;
  const isLast = shape.join() === model.input.join();
  // One channel: the same numbers either way.
  if (channels === 1 || !isFirst || (isLast && layout === 'covature')) return dataset;
  if (layout === 'covature') {
    throw new InputError(
      `the dataset ${dataset.name} has images of shape [${shape.join(', ')}], channels first as PyTorch has them; the model takes [${model.input.join(', ')}]. ` +
        'Use --layout torch, write "channels_first": true into the dataset, or save the data as [n, height, width, channels]',
    );
  }
  const turn = (part: Part): Part => ({ ...part, inputs: channelsLast(part.inputs, shape) });
  return { ...dataset, shape: model.input, train: turn(dataset.train), test: dataset.test && turn(dataset.test) };
}

function checkFit(dataset: Dataset, model: ModelSpec, outputs: number): void {
  const features = dataset.shape.reduce((product, size) => product * size, 1);
  const expected = model.input.reduce((product, size) => product * size, 1);
  if (features !== expected) {
    throw new InputError(
      `model.input [${model.input.join(', ')}] takes ${expected} numbers a sample; the dataset ${dataset.name} has ${features} ([${dataset.shape.join(', ')}])`,
    );
  }
  if (dataset.outputs !== outputs) {
    const kind = dataset.train.targets.kind === 'classes' ? 'classes' : 'target values a sample';
    throw new InputError(
      `the model has ${outputs} outputs; the dataset ${dataset.name} has ${dataset.outputs} ${kind}`,
    );
  }
  if (model.loss === 'cross-entropy' && dataset.train.targets.kind !== 'classes') {
    throw new InputError(
      `the loss cross-entropy needs classes; the dataset ${dataset.name} has vectors as targets (use "mse")`,
    );
  }
}

function networkData(part: Part, outputs: number): NetworkData {
  const inputs = shared(part.inputs);
  const length = part.count * outputs;
  const bytes = new SharedArrayBuffer(length * inputs.BYTES_PER_ELEMENT);
  const targets = inputs instanceof Float64Array ? new Float64Array(bytes) : new Float32Array(bytes);
  if (part.targets.kind === 'classes') {
    for (let p = 0; p < part.count; p++) targets[p * outputs + part.targets.values[p]] = 1;
  } else targets.set(part.targets.values);
  return { inputs, targets };
}
