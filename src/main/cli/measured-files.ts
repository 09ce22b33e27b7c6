/** The files that `covature measure` names: a `.covature-model` file with everything in it, or model, weights and data one by one. */
import * as path from 'node:path';
import * as v from 'valibot';
import { isModelFile, readModelFile } from '../../data/model-file.ts';
import { weightsLayouts } from '../../shared/contract/index.ts';
import { parseModel } from '../../shared/model.ts';
import { parseWith } from '../../shared/validation.ts';
import type { MeasureRequest } from '../jobs/protocol.ts';
import type { Flags, FlagValues } from './flags.ts';
import { UsageError } from './usage-error.ts';
import { datasetFromPath, readJsonFile } from './files.ts';

type Files = Pick<MeasureRequest, 'model' | 'weights' | 'layout' | 'choice' | 'modelFile' | 'dataset' | 'baseFolder'>;

export const fileFlags = {
  model: {
    schema: v.string(),
    value: 'FILE',
    help: 'a file that covature.export wrote in PyTorch ("covature python"): model, weights, data and a check against PyTorch, which is computed again first; or the model as JSON, with',
  },
  weights: { schema: v.string(), value: 'FILE', help: 'safetensors or npz with a tensor for every parameter' },
  layout: {
    schema: v.optional(v.picklist(weightsLayouts)),
    value: 'NAME',
    help: 'of the weights',
    meanings: {
      covature: 'default',
      torch: 'a PyTorch state dict as it is: "fc1.weight" [out, in], images channels first',
    },
  },
  map: {
    schema: v.string(),
    value: 'FILE',
    help: 'JSON that maps layers to modules or tensors of the weights file: {"fc1": "encoder.0", "head.kernel": "classifier.weight"}',
  },
  match: {
    schema: v.optional(v.picklist(['names', 'order'])),
    value: 'NAME',
    help: 'how layers find their weights',
    meanings: { names: 'default', order: 'one tensor after the other, by their shapes' },
  },
  data: {
    schema: v.string(),
    value: 'PLACE',
    help: 'safetensors, npz or CSV with inputs and targets, a folder of IDX files, or a JSON specification of a dataset',
  },
} as const satisfies Flags;

const names = v.record(v.string(), v.string('expected the name of a module or tensor'));

/** Raises UsageError for options that do not go together, InputError for files that are not what they should be. */
export async function filesToMeasure(values: FlagValues<typeof fileFlags>): Promise<Files> {
  const { model, weights, data, map } = values;
  if (model !== undefined && isModelFile(model)) {
    const stray = (['weights', 'layout', 'map', 'match'] as const).find((name) => values[name] !== undefined);
    if (stray !== undefined)
      throw new UsageError(
        `--${stray}: ${path.basename(model)} has its own weights; give the model as JSON to use others`,
      );
    const file = path.resolve(model);
    const read = await readModelFile(file);
    const recorded = { spec: read.dataset, baseFolder: process.cwd() };
    const { spec: dataset, baseFolder } = data === undefined ? recorded : await datasetFromPath(data);
    return { model: read.model, weights: file, modelFile: file, dataset, baseFolder };
  }
  if (model === undefined || weights === undefined || data === undefined)
    throw new UsageError('expected --model with a .covature-model file; or --model, --weights and --data; or --run');
  const { spec: dataset, baseFolder } = await datasetFromPath(data);
  return {
    model: parseModel(await readJsonFile(model), path.basename(model)),
    weights: path.resolve(weights),
    layout: values.layout ?? 'covature',
    choice: {
      names: map === undefined ? undefined : parseWith(names, await readJsonFile(map), path.basename(map)),
      inOrder: values.match === 'order',
    },
    dataset,
    baseFolder,
  };
}
