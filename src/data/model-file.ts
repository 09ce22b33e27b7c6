/**
 * A `.covature-model` file, as resources/python/covature.py writes it: a safetensors file with a model, its weights, the data to measure it over, and what PyTorch
 * computed for some samples (docs/own-model.md has the format). Letters: n samples of the data, m of the check (the first m of the data).
 */
import * as v from 'valibot';
import type { DatasetSpec } from '../shared/dataset.ts';
import { parseDataset } from '../shared/dataset.ts';
import { InputError } from '../shared/errors.ts';
import { lossOf, parseModel } from '../shared/model.ts';
import type { ModelSpec } from '../shared/model.ts';
import type { RecordedPass } from '../shared/model-file.ts';
import { parseJson, parseWith } from '../shared/validation.ts';
import { openSafetensors } from './formats/safetensors.ts';
import type { OpenSafetensors } from './formats/safetensors.ts';
import { toFloat64 } from './formats/tensors.ts';

export const modelFileExtension = '.covature-model';
export const modelFileFormat = 'covature-model';
/** Names of its tensors begin so. */
export const modelFileParts = { weights: 'weights/', inputs: 'data/inputs', targets: 'data/targets' } as const;

export interface ModelFile {
  readonly file: string;
  readonly name: string;
  readonly model: ModelSpec;
  /** What the user should know: biases that PyTorch lacks, tables that it does not train. */
  readonly notes: readonly string[];
  /** Version of PyTorch that wrote it, and the class of the module. */
  readonly torch: string;
  readonly source: string;
  /** n. */
  readonly samples: number;
  /** The file's data, as a dataset. */
  readonly dataset: DatasetSpec;
  readonly pass: RecordedPass;
}

const texts = v.array(v.string());
const places = v.array(v.strictObject({ place: v.string(), module: v.string() }));

export function isModelFile(file: string): boolean {
  return file.toLowerCase().endsWith(modelFileExtension);
}

/** Raises InputError, beginning with the path, for damage and for a file that is not a model file. */
export async function readModelFile(file: string): Promise<ModelFile> {
  await using opened = await openSafetensors(file);
  const { metadata } = opened;
  if (metadata['format'] !== modelFileFormat)
    throw new InputError(
      `${file}: not a model file of Covature (covature.export of resources/python/covature.py writes one)`,
    );
  if (metadata['version'] !== '1')
    throw new InputError(
      `${file}: written by another version of covature.py (format ${metadata['version'] ?? 'unknown'}); this one reads format 1`,
    );
  const json = (key: string): unknown => parseJson(metadata[key] ?? 'null', `${file}: ${key}`);
  const model = parseModel(json('model'), `${file}: model`);
  const layers = parseWith(places, json('layers'), `${file}: layers`);
  const tolerance = Number(metadata['tolerance'] ?? '1e-9');
  if (!(tolerance > 0 && tolerance <= 1e-3))
    throw new InputError(`${file}: tolerance: expected a number above 0 and at most 1e-3`);
  const outputs = await doubles(opened, 'check/outputs');
  const losses = await doubles(opened, 'check/losses');
  const gradients = new Map<string, { readonly values: Float64Array }>();
  for (const key of opened.places.keys()) {
    const name = /^check\/gradients\/(.+)$/.exec(key)?.[1];
    if (name !== undefined) gradients.set(name, { values: await doubles(opened, key) });
  }
  const passed: RecordedPass['layers'][number][] = [];
  for (const { place, module } of layers)
    passed.push({ place, module, values: await doubles(opened, `check/layers/${place}`) });
  const samples = opened.places.get(modelFileParts.inputs)?.shape[0] ?? 0;
  if (!(losses.length >= 1 && losses.length <= samples))
    throw new InputError(`${file}: a check of ${losses.length} samples over data of ${samples}`);
  const { shape } = opened.places.get('check/outputs') ?? { shape: [] };
  const targets = opened.places.get(modelFileParts.targets);
  const isClasses =
    lossOf(model.loss).type === 'cross-entropy' && targets?.dtype === 'I64' && targets.shape.length === 1;
  const name = metadata['name'] ?? 'model';
  return {
    file,
    dataset: parseDataset({
      source: 'safetensors',
      path: file,
      inputs: modelFileParts.inputs,
      targets_array: modelFileParts.targets,
      name,
      // A class may have no sample.
      ...(isClasses && { classes: shape.at(-1) }),
    }),
    name,
    model,
    notes: parseWith(texts, json('notes'), `${file}: notes`),
    torch: metadata['torch'] ?? 'unknown',
    source: metadata['source'] ?? 'unknown',
    samples,
    pass: { samples: losses.length, outputs, losses, gradients, layers: passed, tolerance },
  };
}

async function doubles(opened: OpenSafetensors, key: string): Promise<Float64Array> {
  return toFloat64((await opened.read(key)).data);
}
