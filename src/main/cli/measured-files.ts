/** The files that `covature measure` names: a `.covature-model` file with everything in it, or model, weights and data one by one. */
import * as path from 'node:path';
import * as v from 'valibot';
import { isModelFile, readModelFile } from '../../data/model-file.ts';
import { weightsLayouts } from '../../shared/contract/index.ts';
import { parseModel } from '../../shared/model.ts';
import { parseWith } from '../../shared/validation.ts';
import type { MeasureRequest } from '../jobs/protocol.ts';
import { choice, UsageError } from './command.ts';
import { datasetFromPath, readJsonFile } from './files.ts';

type Files = Pick<MeasureRequest, 'model' | 'weights' | 'layout' | 'choice' | 'modelFile' | 'dataset' | 'baseFolder'>;

interface FileOptions {
  readonly model?: string | undefined;
  readonly weights?: string | undefined;
  readonly layout?: string | undefined;
  readonly map?: string | undefined;
  readonly match?: string | undefined;
  readonly data?: string | undefined;
}

const names = v.record(v.string(), v.string('expected the name of a module or tensor'));

/** Raises UsageError for options that do not go together, InputError for files that are not what they should be. */
export async function filesToMeasure(values: FileOptions): Promise<Files> {
  const { model, weights, data } = values;
  if (model !== undefined && isModelFile(model)) {
    const stray = (['weights', 'layout', 'map', 'match'] as const).find((name) => values[name] !== undefined);
    if (stray !== undefined)
      throw new UsageError(
        `--${stray}: ${path.basename(model)} has its own weights; give the model as JSON to use others`,
      );
    const file = path.resolve(model);
    const read = await readModelFile(file);
    const own = { spec: read.dataset, baseFolder: process.cwd() };
    const { spec: dataset, baseFolder } = data === undefined ? own : await datasetFromPath(data);
    return { model: read.model, weights: file, modelFile: file, dataset, baseFolder };
  }
  if (model === undefined || weights === undefined || data === undefined)
    throw new UsageError('expected --model with a .covature-model file; or --model, --weights and --data; or --run');
  const { spec: dataset, baseFolder } = await datasetFromPath(data);
  return {
    model: parseModel(await readJsonFile(model), path.basename(model)),
    weights: path.resolve(weights),
    layout: choice(values.layout, 'layout', weightsLayouts) ?? 'covature',
    choice: {
      ...(values.map !== undefined && {
        names: parseWith(names, await readJsonFile(values.map), path.basename(values.map)),
      }),
      inOrder: choice(values.match, 'match', ['names', 'order']) === 'order',
    },
    dataset,
    baseFolder,
  };
}
