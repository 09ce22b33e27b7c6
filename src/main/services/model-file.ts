/** Models from PyTorch as runs: a `.covature-model` file is checked and becomes a finished run that can be measured. */
import { copyFile, rm } from 'node:fs/promises';
import * as path from 'node:path';
import { describeModel } from '../../shared/model.ts';
import type { ModelFileCheck } from '../../shared/model-file.ts';
import type { Json, Store } from '../store/index.ts';
import type { CheckedModel } from './model-check.ts';
import { modelFileName, ownModelFile } from './own-files.ts';

export interface StoredModelFile {
  readonly id: string;
  readonly name: string;
  readonly check: ModelFileCheck;
  readonly loss: number;
  readonly accuracy: number | null;
  readonly notes: readonly string[];
}

export interface ModelImport {
  /** Default: the name in the file. */
  readonly name?: string;
  readonly project?: string | null;
  readonly provenance: Json;
}

/** What a run's record says of a checked model file whose data it keeps as its own. */
export function recordOf(
  checked: CheckedModel,
  name: string,
): { readonly experiment: Json; readonly fields: Record<string, string | number>; readonly imported: Json } {
  const { file, dataset, parameters, check } = checked;
  const spec = { ...file.dataset, path: ownModelFile };
  return {
    experiment: { name, dataset: spec, model: file.model } as unknown as Json,
    fields: {
      dataset: dataset.name,
      model: describeModel(file.model),
      parameters: parameters.reduce((sum, { size }) => sum + size, 0),
    },
    imported: {
      file: path.basename(file.file),
      torch: file.torch,
      module: file.source,
      check: check as unknown as Json,
      notes: [...file.notes],
    },
  };
}

/**
 * Stores a checked file as a run; the file itself is copied into the store.
 * @param weights its weights, on the store's disk (`writeModelWeights`); moved into the store
 */
export async function importModelFile(
  store: Store,
  checked: CheckedModel,
  weights: string,
  options: ModelImport,
): Promise<StoredModelFile> {
  const { file, train, check } = checked;
  const name = options.name ?? file.name;
  const copy = store.stagingPath(modelFileName);
  try {
    await copyFile(file.file, copy);
    const { experiment, fields, imported } = recordOf(checked, name);
    const id = store.transaction(() => {
      const made = store.createRun({
        name,
        experiment,
        status: 'done',
        project: options.project ?? null,
        relation: 'import',
        fields: { ...fields, loss: train.loss, ...(train.accuracy !== null && { accuracy: train.accuracy }) },
        provenance: {
          ...(options.provenance as Record<string, Json>),
          imported,
          dataset: checked.dataset as unknown as Json,
        },
      });
      store.addFile(made, modelFileName, { file: copy });
      store.addCheckpoint(made, { step: 0, epoch: null, file: { file: weights } });
      return made;
    });
    return { id, name, check, loss: train.loss, accuracy: train.accuracy, notes: file.notes };
  } finally {
    await rm(weights, { force: true });
    await rm(copy, { force: true });
  }
}
