/**
 * The noise of minibatch gradients measured directly: batches are drawn as training draws them, their gradients computed by one pass over each (no per-sample
 * gradients), and their noise along eigendirections of H compared with what C predicts for each mode of sampling.
 */
import type { MeasurementInput } from '../measurement-input.ts';
import { openProblemTask } from '../factors.ts';
import { batchGradientsTask } from './tasks.ts';
import { InputError } from '../../../shared/errors.ts';
import { defaultBatchSize } from '../../../shared/minibatch.ts';
import type {
  MinibatchModeSummary,
  MinibatchNoiseSpec,
  MinibatchNoiseSummary,
  SamplingMode,
} from '../../../shared/minibatch.ts';
import type { Real } from '../../blas/types.ts';
import type { Pool } from '../../parallel/pool.ts';
import { clusterStarts } from '../../statistics/clusters.ts';
import { compareBatchNoise, samplingFactors } from '../../statistics/minibatch.ts';
import { BatchSampler } from '../../training/sampling.ts';

/** Batches of one task: fixed, so that results do not depend on the number of threads. */
export const taskBatches = 32;
const leastEpochs = 4;

export interface NoiseTask {
  readonly parameter: string;
  /** P: samples 0 .. samples - 1. */
  readonly samples: number;
  readonly spec: MinibatchNoiseSpec;
  readonly directions: NoiseDirections;
  /** g over the samples [d], and tr C. */
  readonly gradient: Float64Array;
  readonly traceC: number;
  /** Numerical floor of C: directions at or below are left out of the means. */
  readonly floor: number;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((share: number) => void) | undefined;
}

/** Directions that noise is measured along. */
export interface NoiseDirections {
  /** Numbers in decreasing order of the eigenvalues. */
  readonly numbers: readonly number[];
  readonly eigenvalues: readonly number[];
  /** C_ii. */
  readonly C: readonly number[];
  /** v_i [k, d]. */
  readonly vectors: Float64Array;
}

/** Why batches cannot be drawn this way, and what would help: a batch may be larger than the number of samples only with replacement; null if they can. */
export function noiseImpossible(
  { batch_size: batch = defaultBatchSize, modes }: MinibatchNoiseSpec,
  samples: number,
): string | null {
  const bounded = modes.find((mode) => mode !== 'with_replacement');
  if (bounded !== undefined && batch > samples) {
    return (
      `a batch of ${batch} (${bounded.replaceAll('_', ' ')}) is more than the ${samples} samples measured; ` +
      `a batch_size (--batch-size) of at most ${samples}, or only sampling with_replacement, would work`
    );
  }
  return null;
}

/**
 * Up to `count` eigenvalues above the floor, spaced evenly in the logarithm.
 * @param eigenvalues in decreasing order
 * @param clusters whether those of clusters may take part, where the direction is arbitrary; default not
 * @param serves which may be taken at all; default all
 */
export function noiseDirectionNumbers(
  eigenvalues: Float64Array,
  count: number,
  floor: number,
  clusters = false,
  serves: (i: number) => boolean = () => true,
): number[] {
  const starts = clusterStarts(eigenvalues);
  const alone: number[] = [];
  for (let c = 0; c + 1 < starts.length; c++)
    for (let i = starts[c]; i < (clusters ? starts[c + 1] : starts[c] + 1); i++)
      if ((clusters || starts[c + 1] - starts[c] === 1) && eigenvalues[i] > Math.max(0, floor) && serves(i))
        alone.push(i);
  if (alone.length <= count) return alone;
  const logs = alone.map((i) => Math.log(eigenvalues[i]));
  const [first, last] = [logs[0], logs[logs.length - 1]];
  const taken = new Set<number>();
  for (let t = 0; t < count; t++) {
    const target = first + ((last - first) * t) / Math.max(1, count - 1);
    let best = -1;
    for (let j = 0; j < alone.length; j++) {
      if (taken.has(j)) continue;
      if (best < 0 || Math.abs(logs[j] - target) < Math.abs(logs[best] - target)) best = j;
    }
    taken.add(best);
  }
  return [...taken].sort((a, b) => a - b).map((j) => alone[j]);
}

/** How many batches a mode draws, in units that are independent of one another: epochs in mode epoch, else single batches. */
export function batchesOf(
  mode: SamplingMode,
  samples: number,
  batch: number,
  asked: number,
): { readonly units: number; readonly perUnit: number; readonly batches: number } {
  const perUnit = mode === 'epoch' ? Math.ceil(samples / batch) : 1;
  const units = mode === 'epoch' ? Math.max(leastEpochs, Math.ceil(asked / perUnit)) : asked;
  return { units, perUnit, batches: units * perUnit };
}

/** Raises InputError if `noiseImpossible`. */
export async function measureMinibatchNoise(
  pool: Pool,
  input: MeasurementInput,
  task: NoiseTask,
): Promise<MinibatchNoiseSummary> {
  const { samples, spec, directions } = task;
  const impossible = noiseImpossible(spec, samples);
  if (impossible !== null) throw new InputError(`minibatch noise: ${impossible}`);
  const batch = spec.batch_size ?? defaultBatchSize;
  const { model, weights, inputs, targets } = input;
  await pool.runEverywhere(openProblemTask, { model, weights, inputs, targets });
  const held = [directions.vectors, task.gradient].map((values): Real => {
    const array = pool.allocate('float64', values.length);
    array.set(values);
    return array;
  });
  try {
    const modes: MinibatchModeSummary[] = [];
    for (const [index, mode] of spec.modes.entries()) {
      const onProgress = (share: number): void => task.onProgress?.((index + share) / spec.modes.length);
      modes.push(await measureMode(pool, mode, batch, held, { ...task, onProgress }));
    }
    return {
      batch_size: batch,
      seed: spec.seed,
      directions: directions.numbers,
      eigenvalues: directions.eigenvalues,
      C: directions.C,
      modes,
    };
  } finally {
    for (const array of held) pool.blas.release(array);
  }
}

async function measureMode(
  pool: Pool,
  mode: SamplingMode,
  batch: number,
  [vectors, gradient]: readonly Real[],
  task: NoiseTask,
): Promise<MinibatchModeSummary> {
  const { samples, spec, directions, traceC } = task;
  const sampler = new BatchSampler(mode, samples, batch, spec.seed);
  const { perUnit, batches } = batchesOf(mode, samples, batch, spec.batches);
  const k = directions.numbers.length;
  const out = pool.allocate('float64', batches * (k + 1));
  try {
    const runs: Promise<void>[] = [];
    let done = 0;
    for (let row = 0; row < batches; row += taskBatches) {
      const sizes: number[] = [];
      const indices: number[] = [];
      for (let a = row; a < Math.min(batches, row + taskBatches); a++) {
        sampler.next();
        sizes.push(sampler.count);
        for (let p = 0; p < sampler.count; p++) indices.push(sampler.order[sampler.start + p]);
      }
      runs.push(
        pool
          .run(batchGradientsTask, {
            parameter: task.parameter,
            indices: Uint32Array.from(indices),
            sizes,
            vectors: pool.reference(vectors),
            k,
            gradient: pool.reference(gradient),
            out: pool.reference(out),
            row,
          })
          .then(() => {
            done += sizes.length;
            task.onProgress?.(done / batches);
          }),
      );
      // Only a few tasks wait at a time, so that not all batches of an epoch have to be in memory.
      if (runs.length >= 4 * pool.threads) await Promise.all(runs.splice(0));
      task.signal?.throwIfAborted();
    }
    await Promise.all(runs);
    const last = samples - (perUnit - 1) * batch;
    const sizes = Array.from({ length: perUnit }, (_, a) => (perUnit > 1 && a === perUnit - 1 ? last : batch));
    return compareMode(mode, samples, mode === 'epoch' && perUnit === 1 ? [samples] : sizes, out, {
      k,
      directions,
      traceC,
      floor: task.floor,
    });
  } finally {
    pool.blas.release(out);
  }
}

function compareMode(
  mode: SamplingMode,
  population: number,
  sizes: readonly number[],
  noise: Real,
  { k, directions, traceC, floor }: { k: number; directions: NoiseDirections; traceC: number; floor: number },
): MinibatchModeSummary {
  const batches = noise.length / (k + 1);
  const projections = new Float64Array(batches * k);
  const lengths = new Float64Array(batches);
  for (let a = 0; a < batches; a++) {
    projections.set(noise.subarray(a * (k + 1), a * (k + 1) + k), a * k);
    lengths[a] = Math.sqrt(noise[a * (k + 1) + k]);
  }
  const factors = samplingFactors(mode, sizes[0], population);
  const common = { mode, population, sizes };
  const hasDirection = directions.C.some((value) => value > floor);
  const along = hasDirection
    ? compareBatchNoise({ ...common, projections, C: Float64Array.from(directions.C), floor })
    : null;
  // The length of the noise behaves like its projection on one direction, except for its sign: its variance alone is compared.
  const whole = traceC > 0 ? compareBatchNoise({ ...common, projections: lengths, C: Float64Array.of(traceC) }) : null;
  const byDirection = (values: Float64Array | undefined): number[] => Array.from(values ?? []);
  const [measured, predicted, errors] = [along?.measured, along?.predicted, along?.standard_errors].map(byDirection);
  return {
    mode,
    batches,
    epochs: mode === 'epoch' ? batches / sizes.length : null,
    factor: factors.variance,
    between_factor: factors.between,
    variance: along?.variance ?? null,
    trace: whole?.variance ?? null,
    between: along?.between ?? null,
    epoch_sum: along?.epoch_sum ?? null,
    measured,
    predicted,
    standard_error: errors,
    z: measured.map((value, i) => (value - predicted[i]) / errors[i]),
  };
}
