/**
 * The exact measurement of one parameter of a dense layer: C, H, Q, Gauss-Newton part and mean gradient over the training set, the spectrum of
 * H with C_ii and Q_ii along it, and the same along directions of each random half with values from the other (cross-fitted). All float64.
 */
import type { MeasurementInput } from './measurement-input.ts';
import { InputError } from '../../shared/errors.ts';
import type { DirectionErrors, ExtraArrays, MeasurementSummary, ResultArrays } from '../../shared/results.ts';
import { CpuBackend } from '../backend/cpu.ts';
import { Network } from '../network/network.ts';
import type { Pool } from '../parallel/pool.ts';
import type { Floors } from '../statistics/index.ts';
import { packProjections } from '../statistics/stored-blocks.ts';
import { directionErrors } from './direction-errors.ts';
import { measureMatrices } from './exact-matrices.ts';
import type { ExactContext, MeasuredMatrices } from './exact-matrices.ts';
import { crossFittedArrays, numericalFloors, splitArrays } from './exact-parts.ts';
import {
  beginAssumptions,
  measureAlong,
  measureHalves,
  measureOverBlocks,
  measureSpectrum,
  trainingSetOf,
} from './exact-phases.ts';
import type { AlongSpectrum, Halves, OverBlocks, WholeSpectrum } from './exact-phases.ts';
import { factorLayout } from './factors.ts';
import { checkMemory } from './forecast.ts';
import type { MeasurementOptions } from './options.ts';
import { threadsOfDecomposition, traceOf } from './spectrum.ts';
import type { Spectrum } from './spectrum.ts';
import { Stages } from './stages.ts';
import { summarise } from './summary.ts';

export interface ExactOptions extends MeasurementOptions {
  /** Receives the spectrum over all samples before its vectors are overwritten. */
  readonly onSpectrum?: (
    spectrum: Spectrum,
    eigenvalues: Float64Array,
    C_diagonal: Float64Array,
    floors: Floors,
  ) => void;
}

export interface ExactResult {
  readonly summary: MeasurementSummary;
  /** In the pool's memory: valid until `release`. */
  readonly arrays: ResultArrays & Partial<DirectionErrors> & ExtraArrays;
  readonly release: () => void;
}

/** Raises InputError if the exact method does not support the parameter, memory does not suffice or there are fewer than 4 samples. */
export async function measureExact(pool: Pool, input: MeasurementInput, options: ExactOptions): Promise<ExactResult> {
  const stages = new Stages(options);
  const context = openExact(pool, input, options, stages);
  const matrices = await measureMatrices(context);
  const whole = await measureSpectrum(context, matrices);
  const assumptions = await beginAssumptions(context, matrices, whole);
  const { spectrum, eigenvalues, diagonals, residual } = whole;
  const floors = numericalFloors(context.samples, residual, trainingSetOf(whole), options.device !== undefined);
  options.onSpectrum?.(spectrum, eigenvalues, diagonals.C, floors);
  const along = await measureAlong(context, matrices, whole, floors);
  pool.blas.release(spectrum.eigenvalues);
  const halves = await measureHalves(context, matrices, whole, assumptions, along, floors);
  const overBlocks = await measureOverBlocks(context, matrices, whole, along, halves, assumptions);
  const arrays = exactArrays(matrices, whole, along, halves, overBlocks);
  const summary = await stages.time('statistics', () =>
    summariseExact(context, matrices, whole, along, halves, overBlocks),
  );
  stages.finish();
  return { summary, arrays, release: () => releaseMatrices(pool, matrices, spectrum) };
}

/** Seconds by stage of what comes before the parts along directions: C, H, Q, the spectrum and what is compared along it. Errors as of `measureExact`. */
export async function timeSpectrum(
  pool: Pool,
  input: MeasurementInput,
  options: MeasurementOptions,
): Promise<Readonly<Record<string, number>>> {
  const stages = new Stages(options);
  const context = openExact(pool, input, options, stages);
  const matrices = await measureMatrices(context);
  const { spectrum } = await measureSpectrum(context, matrices);
  pool.blas.release(spectrum.eigenvalues);
  releaseMatrices(pool, matrices, spectrum);
  return stages.seconds;
}

function releaseMatrices(pool: Pool, { moments, C, H, Q, gaussNewton }: MeasuredMatrices, spectrum: Spectrum): void {
  for (const array of new Set([H, C, Q, spectrum.vectors, gaussNewton, moments.sums.A, moments.sums.B]))
    pool.blas.release(array);
}

/** Checks what is asked for. */
function openExact(pool: Pool, input: MeasurementInput, options: MeasurementOptions, stages: Stages): ExactContext {
  const network = new Network(input.model, new CpuBackend(pool.blas, 'float64'));
  const available = input.inputs.length / network.inputSize;
  const samples = options.samples ?? available;
  if (!(samples >= 4))
    throw new InputError(`a measurement needs at least 4 samples (2 in each half); there are ${samples}`);
  if (samples > available) throw new InputError(`${samples} samples were asked for; the data has ${available}`);
  const layout = factorLayout(network, options.parameter);
  if (typeof layout === 'string') throw new InputError(layout);
  checkMemory(layout, options.memoryLimit, options);
  const d = layout.inner * layout.outer;
  const hasIntervals = options.intervals !== false && samples >= 8;
  return { pool, input, options, network, layout, d, samples, hasIntervals, stages };
}

function exactArrays(
  { C, H, Q, gaussNewton, gradient }: MeasuredMatrices,
  { eigenvalues, diagonals }: WholeSpectrum,
  { duality, splits }: AlongSpectrum,
  { crossFitted }: Halves,
  { projections, assumed }: OverBlocks,
): ExactResult['arrays'] {
  return {
    C: C as Float64Array,
    H: H as Float64Array,
    Q: Q as Float64Array,
    gauss_newton: gaussNewton as Float64Array,
    mean_gradient: gradient,
    eigenvalues,
    C_diagonal: diagonals.C,
    Q_diagonal: diagonals.Q,
    ...crossFittedArrays(crossFitted),
    ...(projections && { ...directionErrors(projections), ...packProjections(projections) }),
    ...splitArrays(splits),
    ...(typeof duality === 'object' ? duality?.arrays : {}),
    ...assumed?.arrays,
  };
}

function summariseExact(
  { pool, input, options, network, d, samples, stages }: ExactContext,
  { moments, C, H, Q, gradient }: MeasuredMatrices,
  whole: WholeSpectrum,
  { mechanism, duality, splits }: AlongSpectrum,
  { crossFitted, half }: Halves,
  { projections, precisionReached, floors, noise, assumed }: OverBlocks,
): Promise<MeasurementSummary> {
  return summarise(pool, {
    parameter: network.parameter(options.parameter),
    method: 'exact',
    samples,
    seed: options.seed,
    sizes: [moments.sizes.A, moments.sizes.B],
    loss: moments.lossSum / samples,
    accuracy: input.classes ? moments.correct / samples : null,
    gradient,
    trace: { C: traceOf(C, d), H: traceOf(H, d), Q: traceOf(Q, d) },
    cosines: whole.cosines,
    ratio: whole.ratio,
    baseline: whole.baseline,
    nulls: whole.nulls,
    noise,
    mechanism,
    population: input.inputs.length / network.inputSize,
    trainingSet: trainingSetOf(whole),
    crossFitted,
    splits,
    floors,
    ...(typeof duality === 'string' ? { duality_unavailable: duality } : { duality: duality?.summary }),
    assumptions: assumed?.summary,
    projections,
    half: half && { samples: moments.sizes.A, ...half, largest: half.diagonals.selection[0] },
    precisionReached,
    engine: {
      blas: pool.blas.name,
      backend: options.device?.title ?? 'cpu',
      threads: pool.threads,
      library_threads: threadsOfDecomposition(d, options.libraryThreads),
    },
    // Still being added to when the summary is made.
    seconds: stages.seconds,
  });
}
