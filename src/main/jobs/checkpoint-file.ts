/**
 * Checkpoints as safetensors: the weights under their own names (so a checkpoint is a weights file too), "velocity.<name>", "sampler.order", and in
 * the metadata whatever is not an array. Training continues from a checkpoint bit for bit.
 */
import { readSafetensors, tensor, writeSafetensors } from '../../data/formats/safetensors.ts';
import type { StoredTensor } from '../../data/formats/safetensors.ts';
import { InputError } from '../../shared/errors.ts';
import { parseJson } from '../../shared/validation.ts';
import type { RandomState } from '../../shared/random.ts';
import type { Real } from '../../engine/blas/types.ts';
import type { Parameter } from '../../engine/network/types.ts';
import type { TrainerState } from '../../engine/training/trainer.ts';

const format = 'covature-checkpoint 1';

interface Rest {
  readonly step: number;
  readonly random: RandomState;
  readonly position: number;
  readonly losses: { readonly sum: number; readonly count: number };
}

export async function writeCheckpoint(
  path: string,
  state: TrainerState,
  parameters: readonly Pick<Parameter, 'name' | 'shape'>[],
): Promise<void> {
  const tensors: Record<string, StoredTensor> = { 'sampler.order': tensor(state.sampler.order) };
  for (const { name, shape } of parameters) {
    const weights = state.weights.get(name);
    if (weights !== undefined) tensors[name] = tensor(weights, shape);
    const velocity = state.velocities.get(name);
    if (velocity !== undefined) tensors[`velocity.${name}`] = tensor(velocity, shape);
  }
  const rest: Rest = {
    step: state.step,
    random: state.sampler.random,
    position: state.sampler.position,
    losses: state.losses,
  };
  await writeSafetensors(path, tensors, { format, state: JSON.stringify(rest) });
}

/** Raises InputError if the file is no checkpoint or lacks something. */
export async function readCheckpoint(path: string): Promise<TrainerState> {
  const file = await readSafetensors(path);
  if (file.metadata['format'] !== format)
    throw new InputError(`${path}: not a checkpoint of this program (format "${format}" expected)`);
  const rest = parseJson(file.metadata['state'] ?? '', `${path}: state`) as Rest;
  const order = file.tensors.get('sampler.order')?.data;
  if (!(order instanceof Uint32Array)) throw new InputError(`${path}: the sampler's order is missing`);
  const weights = new Map<string, Real>();
  const velocities = new Map<string, Real>();
  for (const [name, { data }] of file.tensors) {
    if (!(data instanceof Float32Array || data instanceof Float64Array)) continue;
    if (name.startsWith('velocity.')) velocities.set(name.slice('velocity.'.length), data);
    else weights.set(name, data);
  }
  return {
    step: rest.step,
    sampler: { random: rest.random, order, position: rest.position },
    weights,
    velocities,
    losses: rest.losses,
  };
}
