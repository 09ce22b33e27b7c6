/** The families of known gamma as files, for `covature measure` and for other programs. */
import * as path from 'node:path';
import { writeFileAtomic } from './files.ts';
import { writeDataset } from './formats/arrays.ts';
import { writeSafetensors } from './formats/safetensors.ts';
import { knownGamma, type KnownGammaOptions } from './generators/known-gamma.ts';
import { prepare } from './prepare.ts';

export interface KnownGammaFiles {
  readonly model: string;
  readonly weights: string;
  readonly data: string;
  readonly parameter: string;
}

/**
 * Writes model.json, weights.safetensors and data.safetensors into `folder` (which exists). Measuring the parameter that comes back, on all samples, must give
 * C_ii = H_ii^gamma to rounding.
 */
export async function writeKnownGamma(folder: string, options: KnownGammaOptions): Promise<KnownGammaFiles> {
  const problem = knownGamma(options);
  const pathOf = (name: string) => path.join(folder, name);
  const files = {
    model: pathOf('model.json'),
    weights: pathOf('weights.safetensors'),
    data: pathOf('data.safetensors'),
    parameter: problem.parameter,
  };
  await writeFileAtomic(files.model, `${JSON.stringify(problem.model, null, 2)}\n`);
  await writeSafetensors(files.weights, problem.weights, { gamma: String(options.gamma) });
  await writeDataset(files.data, prepare(problem.data, {}));
  return files;
}
