/** What readers and generators yield, before subsets, scaling and the rest (prepare.ts) make a `Dataset` of it. */
import { InputError } from '../shared/errors.ts';

export type RawInputs = Uint8Array | Float32Array | Float64Array;

/** One target a sample: a class number, or a vector of `width` numbers (row-major [count, width]). */
export type Targets =
  | { readonly kind: 'classes'; readonly values: Int32Array }
  | { readonly kind: 'vectors'; readonly values: Float64Array; readonly width: number };

export interface RawPart {
  readonly count: number;
  /** [count, ...shape], row-major. */
  readonly inputs: RawInputs;
  readonly targets: Targets;
  /** Where it came from (a path, or the generator's name), for errors. */
  readonly source: string;
}

export interface RawDataset {
  readonly name: string;
  /** Of one sample: [height, width, channels], [tokens, width] or [features]. */
  readonly shape: readonly number[];
  /** Names of the classes; null if the targets are vectors. */
  readonly classes: readonly string[] | null;
  /** `by-name`: the numbers of the classes are places in the sorted list of their names, not numbers of the source's own. */
  readonly numbered?: 'by-name' | undefined;
  /** The source has the channels of an image first; they were turned to be last. */
  readonly channelsFirst?: true | undefined;
  /** How the source was read if there was a choice, in words: shown to people with the dataset. */
  readonly notes?: readonly string[];
  readonly train: RawPart;
  readonly test: RawPart | null;
}

/** "0", "1", ...: the names of classes that have none. */
export function classNames(count: number): string[] {
  return Array.from({ length: count }, (_, i) => String(i));
}

/** If the number of classes is not given, labels from here on count as damage, because they would require as many classes. */
const mostClasses = 65_536;

/** Whether numbers can be labels without a number of classes given: whole, and 0 to 65,535. */
export function areLabels(values: ArrayLike<number>): boolean {
  for (let i = 0; i < values.length; i++)
    if (!(Number.isInteger(values[i]) && values[i] >= 0 && values[i] < mostClasses)) return false;
  return true;
}

/**
 * The number of classes that labels ask for: the largest + 1 over all parts. Raises an InputError if that is more than 65,536.
 */
export function countFromLabels(parts: readonly { readonly labels: Int32Array; readonly source: string }[]): number {
  let largest = 0;
  for (const { labels, source } of parts) {
    labels.forEach((label, i) => {
      if (label >= mostClasses)
        throw new InputError(
          `${source}: sample ${i} has label ${label}; expected at most ${mostClasses - 1} unless the number of classes is given`,
        );
      if (label > largest) largest = label;
    });
  }
  return largest + 1;
}

/** Images [n, height, width, channels] with each sample's channels first (channel, row, column), in a new array. */
export function channelsFirst<T extends RawInputs>(inputs: T, [height, width, channels]: readonly number[]): T {
  const area = height * width;
  const turned = inputs.slice() as T;
  for (let at = 0; at < inputs.length; at += area * channels)
    for (let c = 0; c < channels; c++)
      for (let i = 0; i < area; i++) turned[at + c * area + i] = inputs[at + i * channels + c];
  return turned;
}

/** Images [n, channels, height, width] as [n, height, width, channels], in a new array. */
export function channelsLast<T extends RawInputs>(inputs: T, [channels, height, width]: readonly number[]): T {
  const area = height * width;
  const turned = inputs.slice() as T;
  for (let at = 0; at < inputs.length; at += area * channels)
    for (let c = 0; c < channels; c++)
      for (let i = 0; i < area; i++) turned[at + i * channels + c] = inputs[at + c * area + i];
  return turned;
}

/** A dataset whose images have their channels first, turned. Raises an InputError if its samples have no three axes. */
export function withChannelsLast(dataset: RawDataset): RawDataset {
  const { shape, name } = dataset;
  if (shape.length !== 3)
    throw new InputError(
      `dataset ${name}: channels_first: expected images [channels, height, width], found samples of [${shape.join(', ')}]`,
    );
  const turn = (part: RawPart): RawPart => ({ ...part, inputs: channelsLast(part.inputs, shape) });
  return {
    ...dataset,
    shape: [shape[1], shape[2], shape[0]],
    channelsFirst: true,
    train: turn(dataset.train),
    test: dataset.test === null ? null : turn(dataset.test),
  };
}
