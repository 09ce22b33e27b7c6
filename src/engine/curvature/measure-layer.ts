/** Measures a parameter by the suitable method: exactly if its layer sees one vector per sample and memory allows, else along the leading directions. */
import type { MeasurementOptions } from './options.ts';
import type { MeasurementInput } from './measurement-input.ts';
import { definedOf } from '../../shared/defined.ts';
import { densitySpec } from '../../shared/density.ts';
import type { DensitySpec } from '../../shared/density.ts';
import { InputError } from '../../shared/errors.ts';
import { evaluationNotes } from '../../shared/model.ts';
import type { HalfSample, MeasurementSummary, StoredArrays } from '../../shared/results.ts';
import type { MinibatchNoiseSpec } from '../../shared/minibatch.ts';
import type { WeightFluctuationsSpec } from '../../shared/weight-fluctuations.ts';
import { CpuBackend } from '../backend/cpu.ts';
import { Network } from '../network/network.ts';
import type { Real } from '../blas/types.ts';
import type { Pool } from '../parallel/pool.ts';
import { measureExact } from './exact.ts';
import { factorLayout } from './factors.ts';
import { fewestSamples, ofFewSamples, repeated, withoutHalves } from './few-samples.ts';
import { forecastExact, formatBytes } from './forecast.ts';
import type { MemoryExtras } from './forecast.ts';
import { fluctuationsImpossible, measureFluctuations } from './fluctuations/measure.ts';
import { noiseImpossible, measureMinibatchNoise, noiseDirectionNumbers } from './minibatch/measure.ts';
import type { NoiseDirections } from './minibatch/measure.ts';
import { summariseDensity } from './projected/density.ts';
import { measureProjected } from './projected/measure.ts';
import { splitHalves } from './moments.ts';
import { partOf } from './stages.ts';
import { withConvergence } from './summary.ts';
import { wholeNetwork } from './projected/space.ts';

export interface ChosenMethod {
  readonly method: 'exact' | 'projected';
  /** In words, for people: "fc2 (dense) sees one vector a sample and ... fit in memory". */
  readonly reason: string;
}

export interface LayerResult {
  readonly summary: MeasurementSummary;
  /** Exact: in the pool's memory, valid until `release`. */
  readonly arrays: StoredArrays;
  readonly release: () => void;
}

/** Raises InputError if there is no such parameter. `memoryLimit` in bytes; undefined: no limit. */
export function chooseMethod(
  network: Network,
  parameter: string,
  memoryLimit?: number,
  extras?: MemoryExtras,
): ChosenMethod {
  if (parameter === wholeNetwork)
    return {
      method: 'projected',
      reason: 'all parameters are measured as one vector, which the projected method does',
    };
  const layout = factorLayout(network, parameter);
  if (typeof layout === 'string') return { method: 'projected', reason: layout };
  const { bytes } = forecastExact(layout, extras);
  const d = layout.inner * layout.outer;
  const matrices = `matrices of ${d} x ${d} (${formatBytes(bytes)} in all)`;
  if (memoryLimit !== undefined && bytes > memoryLimit)
    return { method: 'projected', reason: `${matrices} do not fit into the ${formatBytes(memoryLimit)} allowed` };
  const { label } = network.layerOf(network.parameter(parameter));
  return { method: 'exact', reason: `${label} sees one vector a sample, and ${matrices} fit into memory` };
}

/** Raises InputError if the requested method does not support the parameter, and as the two methods do; the pool can measure again then. */
export function measureLayer(pool: Pool, input: MeasurementInput, options: MeasurementOptions): Promise<LayerResult> {
  return pool.releasingOnFailure(() => measureAsked(pool, input, options));
}

async function measureAsked(pool: Pool, input: MeasurementInput, options: MeasurementOptions): Promise<LayerResult> {
  const network = new Network(input.model, new CpuBackend(pool.blas, 'float64'));
  const isRepeated = options.convergence === 'full' && options.intervals !== false;
  const result = await measureOnce(pool, input, network, isRepeated ? partOf(options, 0, beforeHalf) : options);
  const { summary } = result;
  if (!isRepeated || summary.left_out !== undefined) return result;
  const begun = performance.now();
  const { parameter, seed, libraryThreads, top, which, tolerance, memoryLimit, signal } = options;
  const again = partOf(options, beforeHalf, 1);
  const half = await measureOnce(pool, halfOf(input, network, summary.samples, seed), network, {
    ...{ parameter, seed, libraryThreads, top, which, tolerance, memoryLimit, signal },
    method: summary.method,
    intervals: false,
    convergence: 'none',
    onProgress: (stage, share) => again.onProgress?.(`half of the samples: ${stage}`, share),
  });
  half.release();
  return {
    ...result,
    summary: withConvergence({
      ...summary,
      half_sample: halfSampleOf(half.summary),
      seconds: secondsWith(summary, 'half_sample', begun),
    }),
  };
}

/** Shares of a measurement that are done before everything is measured again on half of the samples, and before SGD goes on along its directions. */
const beforeHalf = 0.65;
const beforeStretch = 0.5;

async function measureOnce(
  pool: Pool,
  input: MeasurementInput,
  network: Network,
  whole: MeasurementOptions,
): Promise<LayerResult> {
  const samples = whole.samples ?? input.inputs.length / network.inputSize;
  const { minibatch_noise: wanted, weight_fluctuations: stretch } = whole;
  const impossible = wanted === undefined ? null : noiseImpossible(wanted, samples);
  const noise = impossible === null ? wanted : undefined;
  const unfollowed = stretch === undefined ? null : fluctuationsImpossible(stretch, samples);
  const isFollowed = stretch !== undefined && unfollowed === null;
  const options = isFollowed ? partOf(whole, 0, beforeStretch) : whole;
  const density = densitySpec(options.density);
  const asked = options.method ?? 'auto';
  const choice: ChosenMethod =
    asked === 'auto'
      ? chooseMethod(network, options.parameter, options.memoryLimit, options)
      : { method: asked, reason: 'as asked for' };
  if (!(samples >= 1)) throw new InputError(`a measurement needs at least one sample; there are ${samples}`);
  const available = input.inputs.length / network.inputSize;
  const isFew = samples <= available && samples < fewestSamples[choice.method];
  const plain = withEvaluation(
    input,
    isFew
      ? await measureFew(choice, pool, { input, network, samples }, options)
      : await measureBy(choice, pool, input, options),
  );
  const unavailable = definedOf({
    minibatch_noise_unavailable: impossible ?? undefined,
    weight_fluctuations_unavailable: unfollowed ?? undefined,
  });
  const measured = { ...plain, result: { ...plain.result, summary: { ...plain.result.summary, ...unavailable } } };
  try {
    // A density is over all samples too.
    const enough = samples < 8 ? repeated(input, network, samples) : input;
    let { result } = measured;
    if (density !== undefined) result = await withDensity(pool, enough, options, density, measured);
    if (noise !== undefined) result = await withMinibatchNoise(pool, input, options, noise, { ...measured, result });
    if (isFollowed)
      result = await withFluctuations(pool, input, partOf(whole, beforeStretch, 1), stretch, { ...measured, result });
    return result;
  } catch (error) {
    measured.result.release();
    throw error;
  }
}

interface Measured {
  readonly result: LayerResult;
  readonly directions: ExtraDirections;
}

/** Eigendirections that minibatch noise and weight fluctuations are measured along; null if they were not asked for. */
interface ExtraDirections {
  readonly batches: NoiseDirections | null;
  readonly stretch: NoiseDirections | null;
}

/** Over all of very few samples, without what rests on halves of them. */
async function measureFew(
  chosen: ChosenMethod,
  pool: Pool,
  {
    input,
    network,
    samples,
  }: { readonly input: MeasurementInput; readonly network: Network; readonly samples: number },
  options: MeasurementOptions,
): Promise<Measured> {
  // A device holds the samples once.
  const { samples: _samples, device: _device, ...rest } = options;
  const { result, directions } = await measureBy(chosen, pool, repeated(input, network, samples), {
    ...rest,
    intervals: false,
    convergence: 'none',
  });
  const population = input.inputs.length / network.inputSize;
  return {
    directions,
    result: {
      ...result,
      summary: ofFewSamples(result.summary, samples, population),
      arrays: withoutHalves(result.arrays),
    },
  };
}

/** Adds what layers did differently than in training. */
function withEvaluation({ model }: MeasurementInput, measured: Measured): Measured {
  const evaluation = evaluationNotes(model.layers);
  if (evaluation.length === 0) return measured;
  const { result } = measured;
  return { ...measured, result: { ...result, summary: { ...result.summary, evaluation } } };
}

async function measureBy(
  { method, reason }: ChosenMethod,
  pool: Pool,
  input: MeasurementInput,
  options: MeasurementOptions,
): Promise<Measured> {
  if (method === 'exact') {
    let directions: ExtraDirections = { batches: null, stretch: null };
    const { summary, arrays, release } = await measureExact(pool, input, {
      ...options,
      onSpectrum: ({ d, vectors }, eigenvalues, C, floors) => {
        // Rows are in ascending order.
        const row = (i: number): Real => vectors.subarray((d - 1 - i) * d, (d - i) * d);
        directions = extraDirections(options, eigenvalues, C, floors, row);
      },
    });
    return { result: { summary: { ...summary, method_reason: reason }, arrays, release }, directions };
  }
  const { summary, arrays } = await measureProjected(pool, input, options);
  const { d, floor } = summary;
  const row = (i: number): Real => arrays.vectors.subarray(i * d, (i + 1) * d);
  return {
    result: { summary: { ...summary, method_reason: reason }, arrays, release: () => undefined },
    directions: extraDirections(options, arrays.eigenvalues, arrays.C_diagonal, floor, row),
  };
}

function extraDirections(
  { minibatch_noise, weight_fluctuations }: MeasurementOptions,
  eigenvalues: Float64Array,
  C: Float64Array,
  floor: { readonly C: number; readonly H: number },
  row: (i: number) => Real,
): ExtraDirections {
  const along = (count: number | undefined, clusters: boolean): NoiseDirections | null => {
    if (count === undefined) return null;
    // Along a direction without variance there is nothing to compare.
    const numbers = noiseDirectionNumbers(eigenvalues, count, floor.H, clusters, (i) => C[i] > floor.C);
    return noiseDirections(eigenvalues, C, numbers, row);
  };
  return { batches: along(minibatch_noise?.directions, false), stretch: along(weight_fluctuations?.directions, true) };
}

function noiseDirections(
  eigenvalues: Float64Array,
  C: Float64Array,
  numbers: readonly number[],
  row: (i: number) => Real,
): NoiseDirections {
  const rows = numbers.map(row);
  const vectors = new Float64Array(rows.reduce((sum, { length }) => sum + length, 0));
  for (const [j, values] of rows.entries()) vectors.set(values, j * values.length);
  return { numbers, eigenvalues: numbers.map((i) => eigenvalues[i]), C: numbers.map((i) => C[i]), vectors };
}

/** Those along which C is above its floor: on a device this is known only at the end. */
function withVariance(directions: NoiseDirections, floor: number): NoiseDirections {
  const { numbers, eigenvalues, C, vectors } = directions;
  const above = Array.from(C.keys()).filter((i) => C[i] > floor);
  const d = vectors.length / numbers.length;
  const rows = new Float64Array(above.length * d);
  for (const [j, i] of above.entries()) rows.set(vectors.subarray(i * d, (i + 1) * d), j * d);
  const of = (values: readonly number[]): number[] => above.map((i) => values[i]);
  return above.length === numbers.length
    ? directions
    : { numbers: of(numbers), eigenvalues: of(eigenvalues), C: of(C), vectors: rows };
}

/** What a measurement took, with one more part of it that began at `begun` (performance.now()) and ends now. */
function secondsWith({ seconds }: MeasurementSummary, part: string, begun: number): MeasurementSummary['seconds'] {
  const taken = (performance.now() - begun) / 1000;
  return { ...seconds, [part]: taken, total: (seconds['total'] ?? 0) + taken };
}

async function withDensity(
  pool: Pool,
  input: MeasurementInput,
  { parameter, signal, onProgress, device }: MeasurementOptions,
  spec: DensitySpec,
  { result }: Measured,
): Promise<LayerResult> {
  const { summary } = result;
  const begun = performance.now();
  const density = await summariseDensity(pool, input, spec, {
    parameter,
    // For very few samples the input repeats each of them, which no device holds.
    samples: summary.samples >= 8 ? summary.samples : undefined,
    device: summary.samples >= 8 ? device : undefined,
    signal,
    onProgress: (share) => onProgress?.('density', 0.96 + 0.02 * share),
  });
  return { ...result, summary: { ...summary, density, seconds: secondsWith(summary, 'density', begun) } };
}

async function withMinibatchNoise(
  pool: Pool,
  input: MeasurementInput,
  { parameter, signal, onProgress }: MeasurementOptions,
  spec: MinibatchNoiseSpec,
  { result, directions: { batches: directions } }: Measured,
): Promise<LayerResult> {
  if (directions === null) throw new Error('no directions were found for the minibatch noise');
  const { summary, arrays } = result;
  const begun = performance.now();
  const minibatch_noise = await measureMinibatchNoise(pool, input, {
    parameter,
    samples: summary.samples,
    spec,
    directions: withVariance(directions, summary.floor.C),
    gradient: arrays.mean_gradient,
    traceC: summary.trace.C,
    floor: summary.floor.C,
    signal,
    onProgress: (share) => onProgress?.('minibatch_noise', 0.98 + 0.02 * share),
  });
  return {
    ...result,
    summary: { ...summary, minibatch_noise, seconds: secondsWith(summary, 'minibatch_noise', begun) },
  };
}

async function withFluctuations(
  pool: Pool,
  input: MeasurementInput,
  { parameter, signal, onProgress }: MeasurementOptions,
  spec: WeightFluctuationsSpec,
  { result, directions: { stretch: directions } }: Measured,
): Promise<LayerResult> {
  if (directions === null) throw new Error('no directions were found for the weight fluctuations');
  const { summary } = result;
  if (directions.numbers.length === 0) {
    const reason = 'no eigenvalue of H is above its numerical floor';
    return { ...result, summary: { ...summary, weight_fluctuations_unavailable: reason } };
  }
  const begun = performance.now();
  onProgress?.('weight_fluctuations', 0);
  try {
    const weight_fluctuations = await measureFluctuations(pool, input, {
      parameter,
      samples: summary.samples,
      spec,
      directions,
      signal,
      onProgress: (share) => onProgress?.('weight_fluctuations', share),
    });
    return {
      ...result,
      summary: {
        ...summary,
        weight_fluctuations,
        seconds: secondsWith(summary, 'weight_fluctuations', begun),
      },
    };
  } catch (error) {
    // The weights diverged; the rest of the measurement is valid.
    if (!(error instanceof InputError)) throw error;
    return { ...result, summary: { ...summary, weight_fluctuations_unavailable: error.message } };
  }
}

/** The samples of half A by themselves. */
function halfOf(input: MeasurementInput, network: Network, samples: number, seed: number): MeasurementInput {
  const { order, sizeA } = splitHalves(samples, seed);
  const gather = (values: Real, width: number): Real => {
    const out =
      values instanceof Float64Array
        ? new Float64Array(new SharedArrayBuffer(8 * sizeA * width))
        : new Float32Array(new SharedArrayBuffer(4 * sizeA * width));
    for (let p = 0; p < sizeA; p++) out.set(values.subarray(order[p] * width, (order[p] + 1) * width), p * width);
    return out;
  };
  return {
    ...input,
    inputs: gather(input.inputs, network.inputSize),
    targets: gather(input.targets, network.targetSize),
  };
}

function halfSampleOf(summary: MeasurementSummary): HalfSample {
  return {
    samples: summary.samples,
    gamma: summary.gamma,
    trace: summary.trace,
    largest_eigenvalue: summary.eigenvalues.largest,
    cosine_CH: summary.cosine_CH,
    cosine_CQ: summary.cosine_CQ,
    commutator_ratio: summary.commutator_ratio,
  };
}
