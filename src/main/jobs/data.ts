/** Bringing a dataset and a model together: inputs and targets as the network takes them, in memory that threads share. */
import { channelsFirst, channelsLast } from '../../data/raw.ts';
import { resolveDataset } from '../../data/resolve.ts';
import type { WeightsLayout } from '../../shared/contract/index.ts';
import type { Dataset, Part } from '../../data/dataset.ts';
import { summariseDataset } from '../../data/dataset.ts';
import { targetsFor } from '../../data/targets.ts';
import type { WantedTargets } from '../../data/targets.ts';
import type { DatasetSpec, DatasetSummary } from '../../shared/dataset.ts';
import { InputError } from '../../shared/errors.ts';
import { fillOneHot } from '../../shared/one-hot.ts';
import type { ModelSpec } from '../../shared/model.ts';
import { shared } from '../../engine/parallel/shared.ts';
import type { TrainingData } from '../../engine/training/trainer.ts';

export interface PreparedData {
  readonly train: TrainingData;
  readonly test: TrainingData | null;
  /** Whether an accuracy exists. */
  readonly classes: boolean;
  readonly summary: DatasetSummary;
  /** What the specification has to say so that the inputs are read the same way without `layout` torch; null if nothing. */
  readonly reading: ReadingFields | null;
}

/** Fields of a specification that say how images lie in a file. */
export interface ReadingFields {
  readonly shape?: number[];
  readonly channels_first?: true;
  readonly flatten?: 'channels-first';
}

/** What a dataset's samples are, without its numbers; of a `DatasetSummary` or known before anything is read. */
export type DataShape = Pick<DatasetSummary, 'name' | 'shape' | 'outputs' | 'targets'>;

/** Raises InputError if the data's shapes or targets do not fit the model. */
export async function prepareData(
  spec: DatasetSpec,
  model: ModelSpec,
  wanted: WantedTargets,
  folders: { readonly baseFolder: string; readonly dataFolder: string },
  layout: WeightsLayout = 'covature',
): Promise<PreparedData> {
  const given = await resolveDataset(spec, folders);
  const { dataset: placed, reading } = inputsFor(given, model, layout);
  const dataset = fitted(placed, model, wanted);
  return {
    train: networkData(dataset.train, wanted, dataset.name),
    test: dataset.test === null ? null : networkData(dataset.test, wanted, dataset.name),
    classes: dataset.classes !== null,
    summary: summariseDataset(dataset),
    reading,
  };
}

/** A dataset whose inputs and targets fit a model; raises InputError if they do not. */
export function fitted(dataset: Dataset, model: ModelSpec, wanted: WantedTargets): Dataset {
  checkInputs(dataset, model);
  checkTokens(dataset, model);
  return targetsFor(wanted, dataset);
}

/** Raises InputError if a model that begins with an embedding meets other numbers than those of its tokens. */
function checkTokens({ name, train, test }: Dataset, { layers: [first] }: ModelSpec): void {
  if (first?.type !== 'embedding') return;
  const parts = [[train, 'training'] as const, ...(test === null ? [] : [[test, 'test'] as const])];
  for (const [{ inputs, count }, role] of parts) {
    const wrong = inputs.findIndex((token) => !(Number.isInteger(token) && token >= 0 && token < first.tokens));
    if (wrong < 0) continue;
    const length = inputs.length / count;
    throw new InputError(
      `the dataset ${name}, ${role} part: sample ${Math.floor(wrong / length)}, place ${wrong % length} holds ${inputs[wrong]}; ` +
        `the embedding ${first.name} takes token numbers, whole from 0 to ${first.tokens - 1}` +
        (inputs.some((token) => token > 0 && token < 1)
          ? ' (bytes are divided by 255: "scale": 1 in the specification of the dataset keeps them)'
          : ''),
    );
  }
}

interface PlacedInputs {
  readonly dataset: Dataset;
  readonly reading: ReadingFields | null;
}

/**
 * Inputs in the order in which the model takes them: images [height, width, channels], rows of numbers as its first layer was trained on. A PyTorch model (`layout`
 * torch) has the channels first, in images and in what it flattens; such data are turned, and the dataset's notes say so. One channel is the same either way.
 */
function inputsFor(dataset: Dataset, model: ModelSpec, layout: WeightsLayout): PlacedInputs {
  const { shape } = dataset;
  const { input } = model;
  const [height, width, channels] = input;
  const takesImages = input.length === 3 && channels > 1;
  const turn = (order: readonly number[]): Dataset => {
    const turned = (part: Part): Part => ({ ...part, inputs: channelsLast(part.inputs, order) });
    return { ...dataset, shape: input, train: turned(dataset.train), test: dataset.test && turned(dataset.test) };
  };
  if (layout === 'torch') {
    if (areChannelsFirst(shape, model)) {
      const square = shape.join() === input.join() ? ' (the shape alone cannot tell)' : '';
      const note = `images: read as [channels, height, width] of [${shape.join(', ')}], as PyTorch has them${square}`;
      return { dataset: withNote(turn(shape), note), reading: { channels_first: true } };
    }
    if (takesImages && shape.length === 1 && shape[0] === height * width * channels) {
      const order = [channels, height, width];
      const note = `inputs: each row of ${shape[0]} numbers read as [${order.join(', ')}]: channel, row, column, as PyTorch flattens images`;
      return { dataset: withNote(turn(order), note), reading: { shape: order, channels_first: true } };
    }
    if (input.length === 1 && shape.length === 3 && shape[2] > 1 && dataset.channelsFirst === true) {
      const flat = (part: Part): Part => ({ ...part, inputs: channelsFirst(part.inputs, shape) });
      const note = `images: flattened channel by channel, as PyTorch flattens them`;
      const turned = { ...dataset, shape: input, train: flat(dataset.train), test: dataset.test && flat(dataset.test) };
      return { dataset: withNote(turned, note), reading: { flatten: 'channels-first' } };
    }
  }
  if (takesImages && shape.length === 1 && shape[0] === height * width * channels) {
    const note = `inputs: each row of ${shape[0]} numbers read as [${input.join(', ')}]: row, column, channel ("shape" and "channels_first" in the specification say otherwise)`;
    return { dataset: withNote(dataset, note), reading: null };
  }
  return { dataset, reading: null };
}

function withNote(dataset: Dataset, note: string): Dataset {
  return { ...dataset, notes: [...(dataset.notes ?? []), note] };
}

function areChannelsFirst(shape: readonly number[], { input }: ModelSpec): boolean {
  if (shape.length !== 3 || input.length !== 3) return false;
  const [height, width, channels] = input;
  return channels > 1 && shape[0] === channels && shape[1] === height && shape[2] === width;
}

/** Raises InputError if the samples of a dataset do not fit the input of a model; images with channels first among them. */
function checkInputs({ name, shape }: Pick<DataShape, 'name' | 'shape'>, model: ModelSpec): void {
  if (areChannelsFirst(shape, model) && shape.join() !== model.input.join()) {
    // They would pass through the network as noise.
    throw new InputError(
      `the dataset ${name} has images of shape [${shape.join(', ')}], channels first as PyTorch has them; the model takes [${model.input.join(', ')}]. ` +
        'Use --layout torch, write "channels_first": true into the dataset, or save the data as [n, height, width, channels]',
    );
  }
  const features = shape.reduce((product, size) => product * size, 1);
  const expected = model.input.reduce((product, size) => product * size, 1);
  if (features !== expected) {
    throw new InputError(
      `model.input [${model.input.join(', ')}] takes ${expected} numbers a sample; the dataset ${name} has ${features} ([${shape.join(', ')}])`,
    );
  }
}

/**
 * Raises InputError if a dataset does not fit a model, as far as that is known before anything is read: inputs, the number of classes or target values. `fitted`
 * looks at the targets themselves.
 */
export function checkFit(dataset: DataShape, model: ModelSpec, { type, positions, width }: WantedTargets): void {
  checkInputs(dataset, model);
  const outputs = positions > 1 ? positions : width;
  const isFewer = dataset.targets === 'classes' ? dataset.outputs > outputs : dataset.outputs !== outputs;
  // One output takes the numbers of the classes.
  const areNumbers = type !== 'cross-entropy' && width === 1 && dataset.targets === 'classes';
  if (isFewer && !areNumbers) {
    const kind = dataset.targets === 'classes' ? 'classes' : 'target values a sample';
    throw new InputError(
      `the model has ${outputs} outputs; the dataset ${dataset.name} has ${dataset.outputs} ${kind}`,
    );
  }
}

/** In memory that threads share. Raises InputError for a target that single precision cannot hold. */
function networkData(part: Part, { positions, width }: WantedTargets, name: string): TrainingData {
  const outputs = positions > 1 ? positions : width;
  const inputs = shared(part.inputs);
  const length = part.count * outputs;
  const bytes = new SharedArrayBuffer(length * inputs.BYTES_PER_ELEMENT);
  const targets = inputs instanceof Float64Array ? new Float64Array(bytes) : new Float32Array(bytes);
  if (part.targets.kind === 'classes') {
    fillOneHot(targets, part.targets.values, outputs);
  } else {
    targets.set(part.targets.values);
    const wrong = targets.findIndex((value) => !Number.isFinite(value));
    if (wrong >= 0)
      throw new InputError(
        `the dataset ${name}: sample ${Math.floor(wrong / outputs)} has the target ${part.targets.values[wrong]}, which is beyond single precision (3.4e38); ` +
          'save the inputs as doubles (float64), and all is read so',
      );
  }
  return { inputs, targets };
}
