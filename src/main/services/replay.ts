/** Runs a stored experiment again, and compares the result with the run that it repeats. */
import { readSafetensors } from '../../data/formats/safetensors.ts';
import { InputError } from '../../shared/errors.ts';
import { parseExperiment, parseRecorded } from '../../shared/experiment.ts';
import type { EngineOptions, JobEvent } from '../jobs/protocol.ts';
import type { RunRecord, Store } from '../store/index.ts';
import { engineAsRecorded, startRun, type StartedRun } from './runs.ts';

export interface Replay {
  readonly original: string;
  readonly rerun: string;
  /** Of the final checkpoints; null if one has none. */
  readonly weights_equal: boolean | null;
  readonly largest_weight_difference: number | null;
  /** Largest relative difference among the results that are equal up to rounding. */
  readonly rounding: number;
  /** Results that differ by more than rounding, apart from durations. */
  readonly differences: Readonly<Record<string, readonly [number | null, number | null]>>;
}

/**
 * Starts the experiment of a run again: same seed, same threads of the library, datasets from the same folder. Raises InputError for a run whose training is
 * not known, because it was imported with its weights.
 */
export function startRerun(
  store: Store,
  original: RunRecord,
  engine: EngineOptions,
  onEvent: (event: JobEvent) => void,
): StartedRun {
  const what = `experiment of run ${original.id}`;
  if (parseRecorded(original.experiment, what).optimiser === undefined)
    throw new InputError(
      `run ${original.id} (${original.name}) was imported with its weights: how it was trained is not known`,
    );
  return startRun(store, parseExperiment(original.experiment, what), {
    engine: engineAsRecorded(original, engine),
    baseFolder: original.values['base_folder']?.text ?? process.cwd(),
    parent: { run: original.id, relation: 'rerun' },
    onEvent,
  });
}

/** Whether nothing differs by more than rounding. */
export function isEqual({ weights_equal: weights, differences }: Replay): boolean {
  return weights !== false && Object.keys(differences).length === 0;
}

/** Durations, speeds and memory are not results. */
const isTiming = (key: string): boolean =>
  key.startsWith('seconds') || key === 'steps_per_second' || key === 'peak_memory';

/** Relative: what the order of summation within an eigendecomposition may change. */
const roundingLimit = 1e-9;

function relativeDifference(a: number | null, b: number | null): number {
  if (a === b || Object.is(a, b)) return 0;
  if (a === null || b === null) return Infinity;
  const difference = Math.abs(a - b) / Math.max(Math.abs(a), Math.abs(b));
  return Number.isNaN(difference) ? Infinity : difference;
}

/** Final weights and all results but durations. */
export async function compareRuns(store: Store, original: RunRecord, again: RunRecord): Promise<Replay> {
  const weights = await Promise.all([original, again].map((run) => finalWeights(store, run)));
  const [first, second] = weights;
  let largest: number | null = null;
  if (first !== null && second !== null) {
    largest = 0;
    for (const [name, values] of first) {
      const others = second.get(name);
      if (others?.length !== values.length) largest = Infinity;
      else for (let i = 0; i < values.length; i++) largest = Math.max(largest, Math.abs(values[i] - others[i]));
    }
  }
  const keys = new Set([...Object.keys(original.values), ...Object.keys(again.values)]);
  const differences: Record<string, [number | null, number | null]> = {};
  let rounding = 0;
  for (const key of keys) {
    const pair: [number | null, number | null] = [
      original.values[key]?.value ?? null,
      again.values[key]?.value ?? null,
    ];
    if (isTiming(key)) continue;
    const difference = relativeDifference(...pair);
    if (difference > roundingLimit) differences[key] = pair;
    else rounding = Math.max(rounding, difference);
  }
  return {
    original: original.id,
    rerun: again.id,
    weights_equal: largest === null ? null : largest === 0,
    largest_weight_difference: largest,
    rounding,
    differences,
  };
}

async function finalWeights(store: Store, run: RunRecord): Promise<Map<string, ArrayLike<number>> | null> {
  const checkpoint = store.lastCheckpoint(run.id);
  if (checkpoint === undefined) return null;
  const { tensors } = await readSafetensors(checkpoint.file.path);
  const names = [...tensors].filter(([, { dtype }]) => dtype === 'F32' || dtype === 'F64');
  return new Map(names.map(([name, { data }]) => [name, data as Float32Array | Float64Array]));
}
