/** Everything for making an experiment: datasets, examples, and forecasts of time and memory. */
import * as v from 'valibot';
import { integer } from '../../validation.ts';
import type { DatasetSummary } from '../../dataset.ts';
import type { FieldRemark } from '../../plausible.ts';
import type { Verification } from '../../verification.ts';
import { id, method, name, none, textUpTo, token } from '../define.ts';
import type { Json } from '../records.ts';

export interface DatasetInfo {
  readonly name: string;
  /** The specification that an experiment names. */
  readonly spec: Json;
  /** generated: by this program whenever needed; file: read from the user's files; published: downloaded. */
  readonly kind: 'generated' | 'file' | 'published';
  /** True if it can be used now; else why not, and what to do. */
  readonly available: true | string;
  /** From the last time it was read. */
  readonly summary: DatasetSummary | null;
  /** Whether the user entered it (and can remove it). */
  readonly own: boolean;
  /** Of a published set: the folder that the user named for it; null if it is read from where downloads go. */
  readonly folder: string | null;
}

export interface DatasetPreview {
  readonly summary: DatasetSummary;
  readonly part: 'train' | 'test';
  readonly from: number;
  /** [count, ...summary.shape], row-major. */
  readonly inputs: Float32Array;
  /** Class numbers [count], or target vectors [count, outputs]. */
  readonly targets: Float64Array;
  /** Of the part; `inputs` holds at most as many as were asked for. */
  readonly total: number;
}

export interface Example {
  /** Name of the file without its ending. */
  readonly id: string;
  readonly name: string;
  readonly experiment: Json;
}

export interface ParameterForecast {
  readonly name: string;
  readonly shape: readonly number[];
  readonly size: number;
  /** How often it is measured; 0: never. */
  readonly times: number;
  /** Peak memory of one exact measurement; null if it is not measured exactly. */
  readonly memory: number | null;
  /** Of the arrays it stores, once. */
  readonly disk: number | null;
}

export interface Forecast {
  /** Number of runs that the lists of values make. */
  readonly runs: number;
  /** The fields with lists: path and number of values. */
  readonly axes: readonly { readonly path: string; readonly values: number }[];
  /** Of one run (the first of the sweep). */
  readonly parameters: readonly ParameterForecast[];
  readonly weights: number;
  readonly outputShape: readonly number[];
  /** Peak memory in bytes: of training, and of the largest measurement; null if the dataset's size is not known. */
  readonly memory: { readonly training: number | null; readonly measuring: number | null; readonly available: number };
  /** Bytes that all runs will store: checkpoints and arrays; and free on the store's disk. */
  readonly disk: { readonly needed: number; readonly available: number | null };
  readonly steps: number | null;
  /** Of all runs one after the other, from rates measured on this machine; null before there are any. */
  readonly seconds: number | null;
  /** Of each run of a small sweep, in the order of `parseSweep`; null for large ones, for one run alone, and before there are rates. */
  readonly secondsEach: readonly number[] | null;
  /** Warnings of what will fail or needs attention: "fc1.kernel needs 39200 x 39200 matrices, 49 GB". */
  readonly warnings: readonly string[];
}

/** The outcome of checking an experiment that is being written. */
export interface ExperimentCheck {
  /** With every default filled in, where it is right: the first run of the sweep. */
  readonly experiment: Json | null;
  /** One line each, beginning with the place: "experiment.model.layers[2].units: expected ...". */
  readonly problems: readonly string[];
  /** Remarks on values that are allowed but rarely intended, by field. */
  readonly remarks: readonly FieldRemark[];
  readonly forecast: Forecast | null;
}

const spec = v.unknown();

export const making = {
  /** Generators, published sets (found or not), and what the user entered. */
  'datasets.list': method<readonly DatasetInfo[]>()(none),
  /** Reads or generates a dataset in a process of its own and returns some samples. */
  'datasets.preview': method<DatasetPreview>()(
    v.strictObject({
      spec,
      part: v.exactOptional(v.picklist(['train', 'test']), 'train'),
      from: v.exactOptional(integer(0), 0),
      count: v.exactOptional(integer(1, 1000), 60),
      /** Allows the request to be followed and stopped (`request.progress`, `requests.cancel`). */
      token: v.exactOptional(token),
    }),
  ),
  /**
   * Recognises what a file or folder holds and adds it. A published set (MNIST, CIFAR-10 ...) becomes the one of that name: whatever names it reads it from
   * there. Anything else is added under the name of its file or folder.
   */
  'datasets.add': method<DatasetInfo>()(
    v.union(
      [v.strictObject({ path: textUpTo(4096) }), v.strictObject({ token: textUpTo(200) })],
      'expected a path or a token',
    ),
  ),
  /** Reads it once and adds it under a name, replacing an entry of the same name. Files stay where they are. */
  'datasets.save': method<DatasetInfo>()(v.strictObject({ name, spec })),
  /** Forgets the entry, or where the user keeps a published set; files stay where they are. */
  'datasets.remove': method<null>()(v.strictObject({ name })),
  /** Fetches a published set (its `source`) into the store's folder of datasets, as a job; continues an earlier, interrupted download. */
  'datasets.download': method<{ readonly job: string }>()(v.strictObject({ source: textUpTo(100) })),
  /** Guesses the specification of a file or folder, named by a path or by a token of `files.choose`. */
  'datasets.identify': method<Json>()(
    v.union(
      [v.strictObject({ path: textUpTo(4096) }), v.strictObject({ token: textUpTo(200) })],
      'expected a path or a token',
    ),
  ),

  /**
   * Checks the measurement of a model, or of a stored run's model, against a dense oracle on a small copy of it, in a process of its own: some
   * seconds. With a token, `request.progress` names the parameter under way, and `requests.cancel` stops it.
   */
  'models.verify': method<Verification>()(
    v.union(
      [
        v.strictObject({ model: v.unknown(), seed: v.exactOptional(integer(0), 1), token: v.exactOptional(token) }),
        v.strictObject({ run: id, seed: v.exactOptional(integer(0), 1), token: v.exactOptional(token) }),
      ],
      'expected a model or a run',
    ),
  ),

  /** Examples that can start at once and finish soon come first. */
  'experiments.examples': method<readonly Example[]>()(none),
  /**
   * Checks an experiment, lists of values included, and forecasts what it will take. Nothing is started. Without `timed` the answer comes at once with its time
   * null; with it, rates that are not known yet are measured first, which takes seconds. With a token, `requests.cancel` stops the wait for it.
   */
  'experiments.check': method<ExperimentCheck>()(
    v.strictObject({
      experiment: v.unknown(),
      timed: v.exactOptional(v.boolean(), true),
      token: v.exactOptional(token),
    }),
  ),
};
