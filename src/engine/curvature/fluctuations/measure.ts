/**
 * The fluctuations of the weights: SGD continues from the measured weights at a constant rate, once for each mode of sampling, and w_t . v_i is compared with
 * what C and H predict (shared/weight-fluctuations.ts). In double precision on the cpu. Letters: d weights of the parameter, D weights that move, k directions.
 */
import type { MeasurementInput } from '../measurement-input.ts';
import { openProblemTask } from '../factors.ts';
import { noiseImpossible } from '../minibatch/measure.ts';
import type { NoiseDirections } from '../minibatch/measure.ts';
import { meansOf } from '../projected/projections.ts';
import { openSession } from '../projected/session.ts';
import { spaceOf, wholeNetwork } from '../projected/space.ts';
import { flatnessTask, principalComponents, snapshotCount } from './components.ts';
import { enteringOf } from './entering.ts';
import { movingSpace } from './own-network.ts';
import { batchSharpness, measureStep } from './steps.ts';
import { stretchTask } from './stretch.ts';
import type { StretchResult } from './stretch.ts';
import { varianceOverBlocks } from './variance.ts';
import { medianOf } from '../../../shared/group-statistics.ts';
import { CpuBackend } from '../../backend/cpu.ts';
import type { Real } from '../../blas/types.ts';
import { Network } from '../../network/network.ts';
import type { Pool } from '../../parallel/pool.ts';
import { InputError } from '../../../shared/errors.ts';
import { defaultBatchSize } from '../../../shared/minibatch.ts';
import type { SamplingMode } from '../../../shared/minibatch.ts';
import {
  correlationTime,
  defaultLearningRate,
  driftLimit,
  excursionLimit,
  leastCorrelationTimes,
  logSlope,
  predictedVariance,
  randomWalkShares,
} from '../../../shared/weight-fluctuations.ts';
import type {
  DirectionState,
  FluctuationComponents,
  FluctuationMode,
  StretchSetting,
  WeightFluctuationsSpec,
  WeightFluctuationsSummary,
} from '../../../shared/weight-fluctuations.ts';

/** Steps of one piece, between which a stretch can be cancelled; fixed, so that sums are added in one order. */
const pieceSteps = 1024;
/** Blocks that errors are taken over. */
const blockCount = 64;
/** Samples behind the flatness of the loss, at most. */
const mostFlatnessSamples = 8000;
const fewestSamples = 8;

export interface FluctuationsTask {
  readonly parameter: string;
  /** P: samples 0 .. samples - 1. */
  readonly samples: number;
  readonly spec: WeightFluctuationsSpec;
  readonly directions: NoiseDirections;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((share: number) => void) | undefined;
}

/** Why it cannot be done with this number of samples, and what would work; null if it can. */
export function fluctuationsImpossible(spec: WeightFluctuationsSpec, samples: number): string | null {
  if (samples < fewestSamples) return `it takes at least ${fewestSamples} samples; there are ${samples}`;
  return noiseImpossible(
    { modes: spec.modes, batches: 2, directions: spec.directions, seed: spec.seed, batch_size: spec.batch_size },
    samples,
  );
}

/** How long a stretch of a mode is: whole epochs if epochs matter. */
export function stretchLength(
  mode: SamplingMode,
  spec: WeightFluctuationsSpec,
  samples: number,
  batch: number,
): { readonly burnIn: number; readonly blockLength: number; readonly steps: number } {
  const unit = mode === 'epoch' ? Math.ceil(samples / batch) : 1;
  const blockLength = unit * Math.ceil(spec.steps / blockCount / unit);
  const burnIn = unit * Math.ceil((spec.burn_in ?? spec.steps / 10) / unit);
  return { burnIn, blockLength, steps: blockCount * blockLength };
}

/** Raises InputError if `fluctuationsImpossible`, and if the weights diverge at this learning rate. */
export async function measureFluctuations(
  pool: Pool,
  input: MeasurementInput,
  task: FluctuationsTask,
): Promise<WeightFluctuationsSummary> {
  const { parameter, samples, spec, directions, signal } = task;
  const impossible = fluctuationsImpossible(spec, samples);
  if (impossible !== null) throw new InputError(`weight fluctuations: ${impossible}`);
  const { learning_rate: rate = defaultLearningRate, momentum = 0, batch_size: batch = defaultBatchSize } = spec;
  const frozen = spec.frozen && parameter !== wholeNetwork;
  const setting = (mode: SamplingMode): StretchSetting => ({ mode, rate, momentum, batch, population: samples });
  const shares = spec.modes.map(() => 0);
  const tell = (): void => task.onProgress?.((0.8 * shares.reduce((sum, share) => sum + share, 0)) / shares.length);
  const vectors = pool.allocate('float64', directions.vectors.length);
  vectors.set(directions.vectors);
  const { model, weights, inputs, targets } = input;
  const open = (moved: ReadonlyMap<string, Real>): Promise<void> =>
    pool.runEverywhere(openProblemTask, { model, weights: moved, inputs, targets });
  const stretches: Stretch[] = [];
  let entering: Real | null = null;
  try {
    await open(weights);
    entering = await enteringOf(pool, input, { parameter, samples, frozen });
    // Where one diverges the others end too, before anything that they read is released.
    const failure = new AbortController();
    const ended = AbortSignal.any([failure.signal, ...(signal === undefined ? [] : [signal])]);
    const followed = spec.modes.map(async (mode, index) => {
      try {
        const onProgress = (share: number): void => {
          shares[index] = share;
          tell();
        };
        const own = { frozen, setting: setting(mode), vectors, entering, signal: ended, onProgress };
        stretches[index] = await followStretch(pool, input, { ...task, ...own });
      } catch (error) {
        failure.abort(error);
      }
    });
    await Promise.all(followed);
    ended.throwIfAborted();
    const modes: FluctuationMode[] = [];
    for (const [index, stretch] of stretches.entries()) {
      signal?.throwIfAborted();
      modes.push(await compareStretch(pool, input, task, stretch, vectors));
      task.onProgress?.(0.8 + (0.15 * (index + 1)) / stretches.length);
    }
    await open(weights);
    const steps = { parameter, samples, batch: Math.min(batch, samples), rate, seed: spec.seed };
    const sharpness = {
      network: await batchSharpness(pool, { ...steps, parameter: wholeNetwork }),
      parameter: await batchSharpness(pool, steps),
    };
    const session = await openSession(pool, input, { parameter, samples, seed: spec.seed });
    try {
      return {
        learning_rate: rate,
        momentum,
        batch_size: batch,
        population: samples,
        frozen,
        seed: spec.seed,
        burn_in: stretches[0].burnIn,
        directions: directions.numbers,
        eigenvalues: directions.eigenvalues,
        modes,
        batch_sharpness: sharpness,
        one_step: await measureStep(pool, session, steps),
      };
    } finally {
      await session.close();
    }
  } finally {
    for (const { arrays } of Object.values(stretches)) for (const array of arrays) pool.blas.release(array);
    if (entering !== null) pool.blas.release(entering);
    pool.blas.release(vectors);
  }
}

/** The results of a stretch. */
export interface Stretch {
  readonly setting: StretchSetting;
  readonly burnIn: number;
  readonly blockLength: number;
  readonly steps: number;
  /** All weights at their mean over the observed steps. */
  readonly mean: ReadonlyMap<string, Real>;
  /** [blocks, 2, k]. */
  readonly sums: Real;
  /** [count, d]; null: none kept. */
  readonly snapshots: Real | null;
  readonly losses: readonly number[];
  /** To be released. */
  readonly arrays: readonly Real[];
}

type StretchTask = FluctuationsTask & {
  readonly frozen: boolean;
  readonly setting: StretchSetting;
  readonly vectors: Real;
  /** By `enteringOf`. */
  readonly entering: Real | null;
};

/** Raises InputError if the weights diverge. */
export async function followStretch(pool: Pool, input: MeasurementInput, task: StretchTask): Promise<Stretch> {
  const arrays: Real[] = [];
  try {
    return await takeSteps(pool, input, task, arrays);
  } catch (error) {
    for (const array of arrays) pool.blas.release(array);
    throw error;
  }
}

/** `arrays` receives what is to be released. */
async function takeSteps(pool: Pool, input: MeasurementInput, task: StretchTask, arrays: Real[]): Promise<Stretch> {
  const { parameter, spec, setting, frozen, directions, entering, signal } = task;
  const network = new Network(input.model, new CpuBackend(pool.blas, 'float64'));
  const moving = movingSpace(network, parameter, frozen);
  const { d } = spaceOf(network, parameter);
  const k = directions.numbers.length;
  const { burnIn, blockLength, steps } = stretchLength(setting.mode, spec, setting.population, setting.batch);
  const count = snapshotCount(d, steps);
  const zeros = (length: number): Real => {
    const array = pool.allocate('float64', length);
    arrays.push(array);
    array.fill(0);
    return array;
  };
  const [weights, velocity, mean, reference] = [moving.d, moving.d, moving.d, d].map(zeros);
  const sums = zeros(blockCount * 2 * k);
  const snapshots = count === 0 ? null : zeros(count * d);
  for (const { name } of moving.parameters) {
    const values = input.weights.get(name);
    if (values === undefined) throw new Error(`weights of ${name} are missing`);
    weights.set(values, moving.offsets.get(name));
  }
  let sampler: StretchResult['sampler'] | null = null;
  const losses = [0, 0, 0, 0];
  for (let from = 0; from < burnIn + steps; from += pieceSteps) {
    signal?.throwIfAborted();
    const piece: StretchResult = await pool.run(stretchTask, {
      parameter,
      frozen,
      setting,
      seed: spec.seed,
      entering: entering === null ? null : pool.reference(entering),
      sampler,
      from,
      to: Math.min(burnIn + steps, from + pieceSteps),
      burnIn,
      blockLength,
      weights: pool.reference(weights),
      velocity: pool.reference(velocity),
      mean: pool.reference(mean),
      reference: pool.reference(reference),
      vectors: pool.reference(task.vectors),
      k,
      sums: pool.reference(sums),
      snapshots: snapshots === null ? null : pool.reference(snapshots),
      stride: count === 0 ? 1 : Math.floor(steps / count),
    });
    sampler = piece.sampler;
    if (piece.diverged !== null)
      throw new InputError(
        `weight fluctuations: at a learning rate of ${setting.rate} with a momentum of ${setting.momentum} and batches of ${setting.batch} (${setting.mode.replaceAll('_', ' ')}) the loss was no longer a number at step ${piece.diverged}; use a smaller --learning-rate`,
      );
    for (const [quarter, sum] of piece.losses.entries()) losses[quarter] += sum;
    task.onProgress?.(Math.min(1, (from + pieceSteps) / (burnIn + steps)));
  }
  const moved = new Map(input.weights);
  for (const { name, rows, cols } of moving.parameters) {
    const offset = moving.offsets.get(name) ?? 0;
    const values = new Float64Array(new SharedArrayBuffer(8 * rows * cols));
    for (let i = 0; i < values.length; i++) values[i] = mean[offset + i] / steps;
    moved.set(name, values);
  }
  const quarter = steps / 4;
  return {
    setting,
    burnIn,
    blockLength,
    steps,
    mean: moved,
    sums,
    snapshots,
    losses: losses.map((sum) => sum / quarter),
    arrays,
  };
}

/** The variances of a stretch beside what C and H at its mean weights predict. */
async function compareStretch(
  pool: Pool,
  input: MeasurementInput,
  { parameter, samples, spec, directions }: FluctuationsTask,
  stretch: Stretch,
  vectors: Real,
): Promise<FluctuationMode> {
  const { setting, sums, steps, blockLength, snapshots } = stretch;
  const inputAtMean = { ...input, weights: stretch.mean };
  const k = directions.numbers.length;
  const d = vectors.length / k;
  const count = snapshots === null ? 0 : snapshots.length / d;
  const components = snapshots === null ? null : principalComponents(pool, snapshots, count);
  const m = components?.ranks.length ?? 0;
  const all = pool.allocate('float64', (k + m) * d);
  all.set(vectors);
  if (components !== null && m > 0) all.set(components.vectors, k * d);
  const session = await openSession(pool, inputAtMean, { parameter, samples, seed: spec.seed });
  try {
    const { gradients } = await session.gradients(false);
    const projected = await session.project({
      vectors: all,
      gradient: gradients.all,
      halves: ['A', 'B'],
      covariance: false,
    });
    const { H, C } = meansOf(projected, session.plan, projected.blocks);
    const predict = (i: number): number | null => {
      const value = predictedVariance(H[i], C[i], setting);
      return Number.isFinite(value) ? value : null;
    };
    const along = varianceOverBlocks(sums, { blocks: blockCount, k, blockLength });
    const predicted = directions.numbers.map((_, i) => predict(i));
    const times = directions.numbers.map((_, i) => steps / correlationTime(H[i], setting.rate, setting.momentum));
    const state = directions.numbers.map((_, i): DirectionState => {
      if (predicted[i] === null) return 'unstable';
      if (times[i] < leastCorrelationTimes) return 'short';
      return Math.abs(along.drift[i]) > driftLimit || along.excursion[i] > excursionLimit ? 'drifting' : 'answered';
    });
    const answered = <T>(values: ArrayLike<T>): T[] => Array.from(values).filter((_, i) => state[i] === 'answered');
    const [h, s, p] = [answered(H.subarray(0, k)), answered(along.variance), answered(predicted)];
    const ratios = s.map((value, i) => value / (p[i] ?? NaN)).filter((value) => Number.isFinite(value));
    return {
      mode: setting.mode,
      steps,
      blocks: blockCount,
      loss: [stretch.losses[0], stretch.losses[3]],
      H: [...H.subarray(0, k)],
      C: [...C.subarray(0, k)],
      measured: [...along.variance],
      standard_error: [...along.standard_error],
      predicted,
      correlation_times: times,
      drift: [...along.drift],
      state,
      slope: logSlope(h, s),
      predicted_slope: logSlope(h, p),
      median_ratio: ratios.length === 0 ? null : medianOf(ratios),
      components:
        components === null || m === 0
          ? null
          : await describeComponents(pool, parameter, samples, {
              ...components,
              snapshots: count,
              curvature: [...H.subarray(k)],
              noise: [...C.subarray(k)],
              predicted: components.ranks.map((_, i) => predict(k + i)),
            }),
    };
  } finally {
    await session.close();
    pool.blas.release(all);
    if (components !== null) pool.blas.release(components.vectors);
  }
}

/** Adds the flatness of the loss to components; worker threads hold the problem at the mean weights. */
async function describeComponents(
  pool: Pool,
  parameter: string,
  samples: number,
  found: Pick<FluctuationComponents, 'snapshots' | 'ranks' | 'variances' | 'curvature' | 'noise' | 'predicted'> & {
    readonly total: number;
    readonly vectors: Real;
  },
): Promise<FluctuationComponents> {
  const { ranks, variances, snapshots, total, vectors, curvature, noise, predicted } = found;
  const d = vectors.length / ranks.length;
  const flatnessSamples = Math.min(samples, mostFlatnessSamples);
  const flatness = await Promise.all(
    ranks.map((_, i) =>
      pool.run(flatnessTask, {
        parameter,
        direction: pool.reference(vectors.subarray(i * d, (i + 1) * d)),
        samples: flatnessSamples,
        scale: Math.sqrt(variances[i]),
      }),
    ),
  );
  const shares = randomWalkShares(snapshots);
  const walk = ranks.map((rank) => total * shares[rank - 1]);
  return {
    snapshots,
    ranks,
    variances,
    random_walk: walk,
    curvature,
    noise,
    predicted,
    flatness,
    flatness_samples: flatnessSamples,
    on_flatness: logSlope(flatness, variances),
    on_curvature: logSlope(curvature, variances),
    on_rank: logSlope(ranks, variances),
    predicted_on_flatness: logSlope(flatness, predicted),
    random_walk_on_flatness: logSlope(flatness, walk),
  };
}
