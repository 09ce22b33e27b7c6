/** Compares a `.covature-model` file with PyTorch: its own check, recomputed in double precision before anything is taken from it. */
import { readModelFile } from '../../data/model-file.ts';
import type { ModelFile } from '../../data/model-file.ts';
import { tensor, writeSafetensors } from '../../data/formats/safetensors.ts';
import { toFloat64 } from '../../data/formats/tensors.ts';
import { readTensors, readWeights } from '../../data/weights.ts';
import type { Blas } from '../../engine/blas/types.ts';
import { withNetwork } from '../../engine/network/with-network.ts';
import { wantedTensors } from '../../engine/network/wanted.ts';
import { compareRecorded } from '../../engine/verify/recorded.ts';
import type { Agreement } from '../../engine/verify/recorded.ts';
import { evaluate } from '../../engine/training/evaluate.ts';
import type { Evaluation } from '../../engine/training/evaluate.ts';
import type { DatasetSummary } from '../../shared/dataset.ts';
import { InputError } from '../../shared/errors.ts';
import type { ModelFileCheck } from '../../shared/model-file.ts';
import { prepareData } from '../jobs/data.ts';

export interface CheckedModel {
  readonly file: ModelFile;
  readonly check: ModelFileCheck;
  /** Of the file's data. */
  readonly dataset: DatasetSummary;
  readonly parameters: readonly { readonly name: string; readonly size: number }[];
  readonly train: Evaluation;
}

/**
 * Reads a file and recomputes its check. Raises InputError if the two disagree, naming the layer at which they first do.
 * @param evaluates whether loss and accuracy over all of its data are wanted
 */
export async function checkModelFile(blas: Blas, path: string, evaluates = true): Promise<CheckedModel> {
  const file = await readModelFile(path);
  return withNetwork(blas, file.model, async (network) => {
    const { weights } = await readWeights(path, 'covature', wantedTensors(network));
    for (const [name, values] of weights) network.setWeight(name, values);
    const data = await prepareData(file.dataset, file.model, network.loss, {
      baseFolder: '.',
      dataFolder: '.',
    });
    const comparison = await compareRecorded(network, data.train, file.pass, file.pass.tolerance);
    if (!comparison.agrees) throw new InputError(disagreementText(file, comparison));
    const { error, outputs, losses, gradients } = comparison;
    return {
      file,
      check: { error, outputs, losses, gradients, samples: file.pass.samples, torch: file.torch },
      dataset: data.summary,
      parameters: network.parameters.map(({ name, rows, cols }) => ({ name, size: rows * cols })),
      train: evaluates
        ? await evaluate(network, data.train, data.classes)
        : { samples: 0, loss: Number.NaN, accuracy: null },
    };
  });
}

function disagreementText(file: ModelFile, found: Agreement): string {
  const e = (x: number): string => x.toExponential(1);
  const what = `outputs by ${e(found.outputs)}, losses by ${e(found.losses)}, gradients by ${e(found.gradients)}`;
  const head = `${file.file}: departs from PyTorch ${file.torch} (${what}, relative; allowed ${file.pass.tolerance.toExponential(0)})`;
  if (found.departs !== null) {
    const { place, layer, module, error } = found.departs;
    return `${head}: first at ${place}, ${layer}${module === '' ? '' : `, the module ${module} of PyTorch`}, by ${e(error)}. Nothing was taken from the file`;
  }
  const where =
    found.outputs <= file.pass.tolerance && found.parameter !== null
      ? `, first in the gradient of ${found.parameter}`
      : '';
  return `${head}${where}; every layer's output agrees, so targets, loss or gradients differ. Nothing was taken from the file`;
}

/** Writes the weights of a model file, float64, by the model's names: a checkpoint. */
export async function writeModelWeights(file: string, target: string): Promise<void> {
  const tensors = [...(await readTensors(file))].map(
    ([name, { data, shape }]) => [name, tensor(Float64Array.from(toFloat64(data)), shape)] as const,
  );
  await writeSafetensors(target, Object.fromEntries(tensors), { format: 'covature-weights 1' });
}
