/**
 * A run's own data: a dataset whose path begins with "run:" is a file that is kept with the run, so that it moves with it. Whoever hands the dataset to a
 * process or to another run names the file as it lies in the store.
 */
import type { DatasetSpec } from '../../shared/dataset.ts';
import { InputError } from '../../shared/errors.ts';
import type { Json, Store } from '../store/index.ts';

const runPrefix = 'run:';
/** The name under which a run keeps the model file that it came from. */
export const modelFileName = 'model.covature-model';
export const ownModelFile = `${runPrefix}${modelFileName}`;

/** The dataset with paths that any process can open. Raises InputError if the run's file is gone. */
export function withOwnFiles<T extends DatasetSpec>(store: Pick<Store, 'artifacts'>, run: string, dataset: T): T {
  const path = 'path' in dataset ? dataset.path : undefined;
  if (path?.startsWith(runPrefix) !== true) return dataset;
  const name = path.slice(runPrefix.length);
  const artifact = store.artifacts(run).find((each) => each.kind === 'file' && each.name === name);
  if (artifact?.state !== 'present')
    throw new InputError(`the run's own file ${name}, which holds its data, no longer exists`);
  return { ...dataset, path: artifact.path };
}

/** A run's record with the paths of its own files, for a window to look at and to clone; as it is if they are gone. */
export function recordWithOwnFiles(store: Pick<Store, 'artifacts'>, run: string, experiment: Json): Json {
  if (typeof experiment !== 'object' || experiment === null || !('dataset' in experiment)) return experiment;
  const { dataset } = experiment as { readonly dataset: unknown };
  try {
    return { ...experiment, dataset: withOwnFiles(store, run, dataset as DatasetSpec) as unknown as Json };
  } catch (error) {
    // Whatever reads the data will report that they are gone.
    if (error instanceof InputError) return experiment;
    throw error;
  }
}
