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

/** Number of classes; default: the largest label + 1. */
const classes = v.optional(integer(1, 1_000_000));

/** The kinds of source. */
export const datasetSchema = v.variant(
  'source',
  [
    /** src/data/generators/glyphs.ts. */
    v.strictObject({ source: v.literal('glyphs'), ...sizes(8000, 2000), ...common }),
    /** A folder with the usual IDX names, or one images file. */
    v.strictObject({ source: v.literal('idx'), path, classes, ...common }),
    /** Published sets. Without a path: the folder that `covature datasets` downloads to. */
    v.strictObject({ source: v.literal('mnist'), path: v.optional(path), ...common }),
    v.strictObject({ source: v.literal('fashion-mnist'), path: v.optional(path), ...common }),
  ],
  (issue) => `expected one of the sources ${issue.expected}, received ${issue.received}`,
);

/** As a person writes it: defaults may be left out. */
export type DatasetInput = v.InferInput<typeof datasetSchema>;
/** With every default filled in. */
export type DatasetSpec = v.InferOutput<typeof datasetSchema>;
export type SubsetSpec = v.InferOutput<typeof subset>;
export type DatasetSource = DatasetSpec['source'];

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
}
