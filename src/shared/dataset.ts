/**
 * A dataset as an experiment names it: where it comes from (`source`) and what is done with it. Resolved by `resolveDataset`
 * (src/data/resolve.ts), which applies the options in this order: split, subset, scale, standardise, label noise, targets.
 */
import * as v from 'valibot';
import { integer, parseWith, positive, real } from './validation.ts';

const seed = v.optional(integer(0), 0);
const text = v.pipe(v.string('expected text'), v.nonEmpty('expected text that is not empty'));
/** A file or folder; relative ones are taken from the folder of the experiment (the command line: the current folder). */
const path = text;

/** Fewer samples of a part. */
const subset = v.strictObject({
  /** How many to keep, at least 1, at most what there is. */
  count: integer(1),
  /** `first`: the first ones, in the order of the source; `random`: drawn without replacement with `seed`, then kept in the order of the source. Default first. */
  order: v.optional(v.picklist(['first', 'random'], 'expected "first" or "random"'), 'first'),
  /** As many of every class (to within one). Default false. */
  balanced: v.optional(v.boolean('expected true or false'), false),
  seed,
});

/** Options that every source takes. */
const common = {
  /** Shown to people; default: the source's own name. */
  name: v.optional(text),
  /** Sets aside a share of the training part, drawn at random, as the test part. Only where the source has no test part of its own. */
  split: v.optional(v.strictObject({ test: v.pipe(positive, v.maxValue(0.95, 'expected at most 0.95')), seed })),
  subset: v.optional(subset),
  test_subset: v.optional(subset),
  /** Inputs are multiplied by this. Default: bytes are divided by 255, numbers stay as they are; 1 keeps bytes as they are too. */
  scale: v.optional(positive),
  /**
   * Mean 0 and standard deviation 1, with means and deviations of the training part (after subset and split): of every feature by itself, of
   * every channel (the last axis), or of all together. Constant features are only centred. Default none.
   */
  standardise: v.optional(
    v.picklist(['none', 'feature', 'channel', 'global'], 'expected "none", "feature", "channel" or "global"'),
    'none',
  ),
  /**
   * `channels-first`: images [height, width, channels] become one row of numbers, channel by channel, as PyTorch flattens them: for networks of flat inputs that
   * were trained so. Default: images stay images, and a network that flattens them reads row, column, channel.
   */
  flatten: v.optional(v.picklist(['channels-first'], 'expected "channels-first"')),
  /** Gives round(share * count) training samples, drawn at random, another class, each of the others equally likely. Class targets only. */
  label_noise: v.optional(v.strictObject({ share: real(0, 1), seed })),
  /** `as-given`, or `one-hot`: classes become vectors of 0 and 1, for a mean squared error. Default as-given. */
  targets: v.optional(v.picklist(['as-given', 'one-hot'], 'expected "as-given" or "one-hot"'), 'as-given'),
};

/** Counts of generated samples; test 0 for no test part. */
const sizes = (train: number, test: number) => ({
  seed,
  train: v.optional(integer(1, 10_000_000), train),
  test: v.optional(integer(0, 10_000_000), test),
});

/** Shape of one sample, where the file's own is not the wanted one; the product must agree. */
const shape = v.optional(
  v.pipe(v.array(integer(1), 'expected a list of sizes'), v.nonEmpty('expected at least one size')),
);

/** Number of classes; default: the largest label + 1. */
const classes = v.optional(integer(1, 1_000_000));

/** Images are stored [channels, height, width], as PyTorch has them; they are turned to [height, width, channels]. Default false. */
const channels_first = v.optional(v.boolean('expected true or false'));

const arrays = {
  path,
  /** A second file with the test part. Default: arrays `test_inputs` and `test_targets` of the first file where it has them. */
  test_path: v.optional(path),
  /** Of an .npy file, which holds the inputs alone: the file with the targets. Default: beside it, by usual names. */
  targets_path: v.optional(path),
  /** Names of the arrays. Default "inputs", "targets", or the usual ones that are there (x_train and y_train, X and y, ...). */
  inputs: v.optional(text, 'inputs'),
  targets_array: v.optional(text, 'targets'),
  shape,
  channels_first,
  classes,
};

const column = v.union([text, integer(0)], 'expected the name of a column or its number from 0');

/** The kinds of source. */
export const datasetSchema = v.variant(
  'source',
  [
    /** Digits drawn here, 28 x 28 in one row of 784 numbers, of 10 classes: no download (src/data/generators/glyphs.ts). */
    v.strictObject({ source: v.literal('glyphs'), ...sizes(8000, 2000), ...common }),
    /** A folder with the usual IDX names, or one images file. */
    v.strictObject({ source: v.literal('idx'), path, classes, ...common }),
    /** Published sets. Without a path: the folder that `covature datasets` downloads to. */
    v.strictObject({ source: v.literal('mnist'), path: v.optional(path), ...common }),
    v.strictObject({ source: v.literal('fashion-mnist'), path: v.optional(path), ...common }),
    v.strictObject({ source: v.literal('cifar-10'), path: v.optional(path), ...common }),
    v.strictObject({ source: v.literal('npz'), ...arrays, ...common }),
    v.strictObject({ source: v.literal('safetensors'), ...arrays, ...common }),
    v.strictObject({
      source: v.literal('csv'),
      path,
      test_path: v.optional(path),
      /** The column of the classes, or the columns of the regression targets; all others are inputs. Default: the one called label, target, class or y, else the last. */
      target: v.optional(
        v.union([column, v.array(column, 'expected columns')], 'expected a column or a list of columns'),
      ),
      /** `classes`: the target's texts are class names; `regression`: numbers. Default: numbers where they cannot be classes, and the loss decides on the rest. */
      task: v.optional(v.picklist(['classes', 'regression'], 'expected "classes" or "regression"')),
      /** Whether the first line names the columns. Default: where any of its fields is not a number and some field below it is. */
      header: v.optional(v.boolean('expected true or false')),
      /** Columns that are left out. Default: one without a name that counts 0, 1, 2, ... under a line of names. */
      ignore: v.optional(v.array(column, 'expected columns')),
      /** One character, a blank for any run of blanks and tabs. Default: the one of , ; tab | that is most frequent in the first line, blanks where it has none. */
      delimiter: v.optional(v.pipe(v.string('expected one character'), v.length(1, 'expected one character'))),
      /** What parts whole from decimals: "." or ",". Default: a comma where fields are parted otherwise and numbers have commas. */
      decimal: v.optional(v.picklist(['.', ','], 'expected "." or ","')),
      shape,
      channels_first,
      ...common,
    }),
    /** Gaussian clusters around drawn centres (src/data/generators/mixture.ts). */
    v.strictObject({
      source: v.literal('gaussian-mixture'),
      ...sizes(2000, 500),
      dimensions: v.optional(integer(1, 100_000), 20),
      classes: v.optional(integer(2, 10_000), 4),
      /** Clusters a class. */
      clusters: v.optional(integer(1, 1000), 1),
      /** Standard deviation of the clusters' centres in every dimension; the samples' around their centre is 1. */
      separation: v.optional(real(0), 1.5),
      ...common,
    }),
    /** Gaussian inputs, and the outputs of a random network for them (src/data/generators/teacher.ts). */
    v.strictObject({
      source: v.literal('teacher-student'),
      ...sizes(2000, 500),
      dimensions: v.optional(integer(1, 100_000), 20),
      /** Widths of the teacher's hidden layers. */
      hidden: v.optional(v.array(integer(1, 100_000), 'expected a list of widths'), [10]),
      outputs: v.optional(integer(1, 10_000), 5),
      activation: v.optional(v.picklist(['tanh', 'relu'], 'expected "tanh" or "relu"'), 'tanh'),
      task: v.optional(v.picklist(['classes', 'regression'], 'expected "classes" or "regression"'), 'regression'),
      /** Standard deviation of the noise added to the teacher's outputs (for classes: before the largest is taken). */
      noise: v.optional(real(0), 0.1),
      ...common,
    }),
    /** Samples whose exponent is exactly 1 or 2, with the network that shows it (src/data/generators/known-gamma.ts). */
    v.strictObject({
      source: v.literal('known-gamma'),
      gamma: v.picklist([1, 2], 'expected 1 or 2'),
      seed,
      /** Weights of the measured parameter, each with an eigenvalue of its own. */
      dimensions: v.optional(integer(2, 4096), 64),
      /** Decades from the largest to the smallest eigenvalue of H. */
      decades: v.optional(v.pipe(positive, v.maxValue(8, 'expected at most 8')), 4),
      /** At least so many: the next multiple of twice the power of two from `dimensions` on. */
      samples: v.optional(integer(1, 10_000_000), 4096),
      ...common,
    }),
  ],
  (issue) => `expected one of the sources ${issue.expected}, received ${issue.received}`,
);

/** With every default filled in. */
export type DatasetSpec = v.InferOutput<typeof datasetSchema>;
export type SubsetSpec = v.InferOutput<typeof subset>;

/** Checks a specification and fills in its defaults. Raises an InputError naming each field that is wrong ("dataset.subset.count: ..."). */
export function parseDataset(input: unknown, what = 'dataset'): DatasetSpec {
  return parseWith(datasetSchema, input, what);
}

/** One part of a dataset in numbers. */
export interface PartSummary {
  readonly count: number;
  /** Samples of every class; null for vector targets. */
  readonly per_class: readonly number[] | null;
  /** SHA-256 of the part's inputs and targets as used. */
  readonly hash: string;
}

/** A resolved dataset without its arrays: for lists, provenance and the window. */
export interface DatasetSummary {
  readonly name: string;
  /** Of one sample. */
  readonly shape: readonly number[];
  /** Numbers a sample holds: the product of `shape`. */
  readonly features: number;
  /** Classes, or the width of the target vectors: the number of outputs of a network for it. */
  readonly outputs: number;
  readonly targets: 'classes' | 'vectors';
  readonly classes: readonly string[] | null;
  readonly precision: 'float32' | 'float64';
  readonly train: PartSummary;
  readonly test: PartSummary | null;
  /** SHA-256 over shape, kind of targets, and both parts: equal for equal numbers, whatever file they came from. */
  readonly hash: string;
  /** Of all training inputs. */
  readonly inputs: {
    readonly minimum: number;
    readonly maximum: number;
    readonly mean: number;
    readonly deviation: number;
  };
  /** How the source was read where there was a choice, in words; absent where there was none. */
  readonly notes?: readonly string[];
}
