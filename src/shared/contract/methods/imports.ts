/** Import and export: runs as `.covature` files, and models with weights trained by another program. */
import * as v from 'valibot';
import { measurementSchema } from '../../experiment.ts';
import type { ModelFileCheck } from '../../model-file.ts';
import { integer, positive } from '../../validation.ts';
import { id, method, name, textUpTo } from '../define.ts';
import type { Json } from '../records.ts';

/** A file of this machine: by its path, or by a token of `files.choose` or a similar method. */
const place = v.union(
  [v.strictObject({ path: textUpTo(4096) }), v.strictObject({ token: textUpTo(200) })],
  'expected a path or a token',
);
export type FilePlace = v.InferOutput<typeof place>;

export const weightsLayouts = ['covature', 'torch'] as const;
export type WeightsLayout = (typeof weightsLayouts)[number];

/** One tensor that the model needs, and where it comes from. */
export interface TensorMapping {
  /** Name and shape in the model. */
  readonly target: string;
  readonly targetShape: readonly number[];
  /** Name in the file, and the shape that the tensor must have there. */
  readonly source: string;
  readonly expected: readonly number[];
  /** Null: the file has no tensor of that name. */
  readonly found: readonly number[] | null;
  /** What is wrong with it; null if nothing is. */
  readonly problem: string | null;
}

export interface ProposedModelInfo {
  readonly model: Json;
  /** Names in the file by names of the model. */
  readonly names: Readonly<Record<string, string>>;
  /** Assumptions that the shapes do not settle: "relu between the layers". */
  readonly assumed: readonly string[];
}

export interface ModelPreview {
  readonly layout: WeightsLayout;
  readonly mappings: readonly TensorMapping[];
  /** Tensors of the file, for choosing by hand: name and shape. */
  readonly tensors: readonly { readonly name: string; readonly shape: readonly number[] }[];
  /** Tensors of the file that the model has no place for. */
  readonly unused: readonly string[];
  /** Names by target that fit in the order of the file, if shapes fit but names do not; null if shapes do not fit either. */
  readonly suggested: Readonly<Record<string, string>> | null;
  /** Numbers in all tensors of the model. */
  readonly weights: number;
  /** Parameters that can be measured, in the order of the layers. */
  readonly parameters: readonly string[];
}

export interface ImportedModel {
  readonly run: string;
  /** Over the data, with the weights as they were read; if these numbers are plausible, the import worked. */
  readonly loss: number;
  readonly accuracy: number | null;
  readonly testLoss: number | null;
  readonly testAccuracy: number | null;
  /** Of the measurement that was asked for. */
  readonly job: string | null;
}

export interface ImportedModelFile {
  readonly run: string;
  readonly name: string;
  readonly check: ModelFileCheck;
  /** Over all of the file's data. */
  readonly loss: number;
  readonly accuracy: number | null;
  /** Notes of covature.py for the user: for example, what PyTorch does not train. */
  readonly notes: readonly string[];
}

const weights = {
  /** In the model format (src/shared/model.ts). */
  model: v.unknown(),
  weights: place,
  /** Default: covature where a tensor has a name of the model's, else torch. */
  layout: v.exactOptional(v.picklist(weightsLayouts)),
  /** Names in the file by names of the model, where they differ from what the layout says. */
  names: v.exactOptional(v.record(v.pipe(v.string(), v.maxLength(300)), v.pipe(v.string(), v.maxLength(300)))),
};

export const imports = {
  /**
   * Writes a run with its files as one `.covature` file, as a job. Where it goes is left out in the browser shell: then `token` names it, and
   * GET /files/TOKEN returns it once.
   */
  'runs.export': method<{ readonly name: string; readonly bytes: number; readonly token: string | null }>()(
    v.strictObject({ id, to: v.exactOptional(place) }),
  ),
  /**
   * Writes an archive for a paper's supplement, as a job: the runs, every figure that they have data for, the environment, scripts, checksums. Where it goes and
   * what is answered as in `runs.export`; `omitted`: figures that could not be drawn, a line each.
   */
  'runs.bundle': method<{
    readonly name: string;
    readonly bytes: number;
    readonly token: string | null;
    readonly omitted: readonly string[];
  }>()(
    v.strictObject({
      ids: v.pipe(v.array(id), v.minLength(1, 'expected at least one run'), v.maxLength(100)),
      to: v.exactOptional(place),
    }),
  ),
  /**
   * Adds the run of a `.covature` file; importing the same file again adds nothing (`added` false). A file that covature.Run is still writing is followed as a job: its run
   * is listed at once and grows with the file; a finished one is imported whole.
   */
  'runs.import': method<{
    readonly id: string;
    readonly name: string;
    readonly added: boolean;
    readonly following: boolean;
  }>()(v.strictObject({ from: place, project: v.exactOptional(v.nullable(id)) })),
  /**
   * Stores the model of a `.covature-model` file (covature.export) as a run that is done, to be measured. Its check against PyTorch is computed again; a file that does not agree
   * with it is a `bad-input` fault that names the layer.
   */
  'models.importFile': method<ImportedModelFile>()(
    v.strictObject({ from: place, name: v.exactOptional(name), project: v.exactOptional(v.nullable(id)) }),
  ),
  /** The bridge from PyTorch: one Python file that knows how to call this program. */
  'models.bridge': method<{ readonly name: string; readonly text: string }>()(v.strictObject({})),
  /**
   * The network inferred from the shapes in a file of weights, with the assumptions that were needed. A `bad-input` fault says what prevents
   * that.
   */
  'models.propose': method<ProposedModelInfo>()(v.strictObject({ weights: weights.weights })),
  /** Compares the tensors of a file with a model; reads no numbers and stores nothing. Problems with single tensors are part of the result. */
  'models.preview': method<ModelPreview>()(v.strictObject(weights)),
  /** Stores a model with its weights as a run that is done, to be measured; with `measurement`, a measurement is queued at once. */
  'models.import': method<ImportedModel>()(
    v.strictObject({
      name,
      ...weights,
      dataset: v.unknown(),
      /** How it was trained, as far as is known: for tables and comparisons. */
      training: v.exactOptional(
        v.strictObject({
          lr: v.exactOptional(positive),
          batch_size: v.exactOptional(integer(1)),
          epochs: v.exactOptional(v.pipe(v.number(), v.minValue(0))),
          seed: v.exactOptional(integer(0)),
        }),
      ),
      measurement: v.exactOptional(measurementSchema),
      project: v.exactOptional(v.nullable(id)),
    }),
  ),
};
