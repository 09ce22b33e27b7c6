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

/** What a dataset's samples are, without its numbers; of a `DatasetSummary` or known before anything is read. */
export type DataShape = Pick<DatasetSummary, 'name' | 'shape' | 'outputs' | 'targets'>;

export function shapeOfDataset({ name, shape, outputs, train }: Dataset): DataShape {
  return { name, shape, outputs, targets: train.targets.kind };
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
  checkFit(shapeOfDataset(dataset), model, outputs);
  return {
    train: networkData(dataset.train, outputs),
    test: dataset.test === null ? null : networkData(dataset.test, outputs),
    classes: dataset.classes !== null,
    summary: summarise(dataset),
    turned: dataset !== given,
  };
}

/**
 * Images as the model takes them, [height, width, channels]. Data of a PyTorch model come channels first and are turned; without `layout` torch they are left as
 * they are, to be refused by `checkFit`.
 */
function withChannelsLast(dataset: Dataset, model: ModelSpec, layout: WeightsLayout): Dataset {
  const { shape } = dataset;
  if (layout === 'covature' || !areChannelsFirst(shape, model)) return dataset;
  const turn = (part: Part): Part => ({ ...part, inputs: channelsLast(part.inputs, shape) });
  return { ...dataset, shape: model.input, train: turn(dataset.train), test: dataset.test && turn(dataset.test) };
}

/** One channel is the same either way round, and not meant here. */
function areChannelsFirst(shape: readonly number[], { input }: ModelSpec): boolean {
  if (shape.length !== 3 || input.length !== 3) return false;
  const [height, width, channels] = input;
  return channels > 1 && shape[0] === channels && shape[1] === height && shape[2] === width;
}

/** Raises InputError where a dataset does not fit a model of so many outputs: input, outputs, targets; images with channels first among them. */
export function checkFit(dataset: DataShape, model: ModelSpec, outputs: number): void {
  if (areChannelsFirst(dataset.shape, model) && dataset.shape.join() !== model.input.join()) {
    // They would pass through the network as noise.
    throw new InputError(
      `the dataset ${dataset.name} has images of shape [${dataset.shape.join(', ')}], channels first as PyTorch has them; the model takes [${model.input.join(', ')}]. ` +
        'Use --layout torch, write "channels_first": true into the dataset, or save the data as [n, height, width, channels]',
    );
  }
  const features = dataset.shape.reduce((product, size) => product * size, 1);
  const expected = model.input.reduce((product, size) => product * size, 1);
  if (features !== expected) {
    throw new InputError(
      `model.input [${model.input.join(', ')}] takes ${expected} numbers a sample; the dataset ${dataset.name} has ${features} ([${dataset.shape.join(', ')}])`,
    );
  }
  if (dataset.outputs !== outputs) {
    const kind = dataset.targets === 'classes' ? 'classes' : 'target values a sample';
    throw new InputError(
      `the model has ${outputs} outputs; the dataset ${dataset.name} has ${dataset.outputs} ${kind}`,
    );
  }
  if (model.loss === 'cross-entropy' && dataset.targets !== 'classes') {
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
