/**
 * The exact measurement of one parameter of a dense layer: C, H, Q, Gauss-Newton part and mean gradient over the training set, the spectrum of
 * H with C_ii and Q_ii along it, and the same along directions of each random half with values from the other (cross-fitted). All float64.
 */
import { orReason } from './or-reason.ts';
import type { MeasurementInput } from './measurement-input.ts';
import { InputError } from '../../shared/errors.ts';
import type {
  ConvergenceChoice,
  DirectionErrors,
  ExtraArrays,
  MeasurementSummary,
  ResultArrays,
} from '../../shared/results.ts';
import type { Real } from '../blas/types.ts';
import { CpuBackend } from '../backend/cpu.ts';
import type { AffineLayer } from '../network/affine.ts';
import { Network } from '../network/network.ts';
import type { Pool } from '../parallel/pool.ts';
import { averageClusters, chooseDirections } from '../statistics/index.ts';
import type { Floors } from '../statistics/index.ts';
import { ExactAssumptions } from './assumptions/exact.ts';
import { directionMatrix } from './block-projections.ts';
import type { DirectionMatrix } from './block-projections.ts';
import { deviceMomentSums } from './device/moments.ts';
import { measurePrecision } from './device/precision.ts';
import type { DeviceSession } from './device/session.ts';
import { packProjections } from '../statistics/stored-blocks.ts';
import { directionErrors } from './direction-errors.ts';
import { dualityLayout } from './duality/measure.ts';
import { directionsOf, dualityAlong, joined, numericalFloors, project } from './exact-parts.ts';
import { openProblemTask, factorLayout } from './factors.ts';
import { checkMemory } from './forecast.ts';
import { meanGradient, momentSums, unpackMatrix } from './moments.ts';
import type { Half } from './moments.ts';
import { crossFit } from './cross-fit.ts';
import {
  cosines,
  decompose,
  decreasing,
  diagonalOf,
  largestResidual,
  measureCommutator,
  threadsOfDecomposition,
  traceOf,
} from './spectrum.ts';
import type { Spectrum } from './spectrum.ts';
import { factorWidth } from './output-hessian.ts';
import { leadingCount, rotationBaseline } from './rotations.ts';
import { linearStabilityTask } from './linear-stability.ts';
import { mechanismDirections, mechanismTask } from './mechanism.ts';
import { noiseAtWork } from './noise-at-work.ts';
import { measureSplits } from './splits.ts';
import { commutatorNulls, nullDirections } from './structured-nulls.ts';
import { summarise } from './summary.ts';

export interface ExactOptions {
  readonly parameter: string;
  /** Samples 0 .. samples - 1; default all. */
  readonly samples?: number;
  /** Seed of the random halves and of the rotations. */
  readonly seed: number;
  /** Threads of the library in the eigendecomposition over all samples (`decompose`): its last digits depend on them. */
  readonly libraryThreads: number;
  /** 95 % intervals from resampling blocks of samples; default true. */
  readonly intervals?: boolean;
  /** Random splits that cross-fitted slopes are the median over, where intervals are computed; default several (splits.ts). */
  readonly splits?: 'several' | 'one';
  /** The activity-weight duality too, where it serves; default false. */
  readonly duality?: boolean;
  /** C against H, Gauss-Newton, Fisher, empirical Fisher, Q and H^2 too; default false. */
  readonly assumptions?: boolean;
  /** Receives the spectrum over all samples while its vectors stand, before they are overwritten. */
  readonly onSpectrum?: (
    spectrum: Spectrum,
    eigenvalues: Float64Array,
    C_diagonal: Float64Array,
    floors: Floors,
  ) => void;
  /**
   * What is measured again on half of the samples, for the convergence badge; needs intervals. Default training-set; `full` is for `measureLayer`
   * to do: here it measures no half.
   */
  readonly convergence?: ConvergenceChoice;
  /** Bytes that the measurement may take; more is refused before it starts. Default: no limit. */
  readonly memoryLimit?: number;
  readonly signal?: AbortSignal;
  /** Stage in words and share done, 0 to 1. */
  readonly onProgress?: (stage: string, share: number) => void;
  /** Makes passes, packed products and projections in float32; the rest is done here in float64. Default: the cpu does all. */
  readonly device?: DeviceSession;
}

export interface ExactResult {
  readonly summary: MeasurementSummary;
  /** In the pool's memory: valid until `release`. */
  readonly arrays: ResultArrays & Partial<DirectionErrors> & ExtraArrays;
  readonly release: () => void;
}

/** Directions behind the intervals of the duality. */

/** Raises InputError where sums have left the range of doubles, naming what is large. */
function checkOverflow(
  matrices: Readonly<Record<'C' | 'H' | 'Q', Real>>,
  d: number,
  parameter: string,
  inputs: Real,
): void {
  const broken = (['C', 'H', 'Q'] as const).filter((name) => !Number.isFinite(traceOf(matrices[name], d)));
  if (broken.length === 0) return;
  let largest = 0;
  for (const value of inputs) largest = Math.max(largest, Math.abs(value));
  throw new InputError(
    `${parameter}: ${broken.join(', ')} ${broken.length === 1 ? 'leaves' : 'leave'} the range of double precision (1.8e308): products of the inputs, up to ${largest.toPrecision(2)}, ` +
      'and the weights are too large; scale the inputs ("scale" or "standardise" in the specification of the dataset)',
  );
}

/** Raises InputError when the exact method does not serve the parameter, memory does not suffice or there are fewer than 4 samples. */
export async function measureExact(pool: Pool, input: MeasurementInput, options: ExactOptions): Promise<ExactResult> {
  const started = performance.now();
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
  const seconds: Record<string, number> & { factors: number; products: number } = { factors: 0, products: 0 };
  const stage = async <T>(name: string, share: number, body: () => Promise<T>): Promise<T> => {
    options.signal?.throwIfAborted();
    options.onProgress?.(name, share);
    const begun = performance.now();
    const result = await body();
    seconds[name] = (seconds[name] ?? 0) + (performance.now() - begun) / 1000;
    return result;
  };

  const { weights, inputs, targets } = input;
  await pool.runEverywhere(openProblemTask, { model: input.model, weights, inputs, targets });
  const { device } = options;
  const momentOptions = {
    samples,
    seed: options.seed,
    seconds,
    ...(options.signal && { signal: options.signal }),
    onProgress: (share: number) => options.onProgress?.('moments', 0.4 * share),
  };
  const moments = await (device === undefined
    ? momentSums(pool, layout, momentOptions)
    : deviceMomentSums(device, pool, targets, layout, momentOptions));
  const both = ['A', 'B'] as const;
  const square = (): Real => pool.allocate('float64', d * d);
  const unpack = (name: 'H' | 'C' | 'Q' | 'gauss_newton', halves: readonly Half[], out: Real): Promise<void> =>
    stage('unpacking', 0.4, () => unpackMatrix(pool, moments, name, halves, out));

  const [H, C, Q] = [square(), square(), square()];
  await unpack('H', both, H);
  await unpack('C', both, C);
  await unpack('Q', both, Q);
  const hasOwnGaussNewton = layout.blocks === 4;
  const gaussNewton = hasOwnGaussNewton ? square() : H;
  if (hasOwnGaussNewton) await unpack('gauss_newton', both, gaussNewton);

  const vectors = square();
  vectors.set(H);
  checkOverflow({ C, H, Q }, d, options.parameter, inputs);
  const spectrum = await stage('eigendecomposition', 0.45, () => decompose(pool, d, vectors, options.libraryThreads));
  const eigenvalues = decreasing(spectrum);
  const [alongC, alongQ] = await stage('diagonals', 0.6, () =>
    Promise.all([diagonalOf(pool, spectrum, C), diagonalOf(pool, spectrum, Q)]),
  );
  const diagonals = { C: averageClusters(eigenvalues, alongC), Q: averageClusters(eigenvalues, alongQ) };
  const leading = leadingCount(d);
  const leadingC = { vectors: pool.allocate('float64', leading * d), values: new Float64Array(leading) };
  const [baseline, ratio, residual] = await stage('commutator', 0.65, () =>
    Promise.all([
      rotationBaseline(pool, {
        d,
        matrix: C,
        vectors,
        eigenvalues: spectrum.eigenvalues,
        seed: options.seed,
        keep: leadingC,
      }),
      measureCommutator(pool, d, C, H),
      largestResidual(pool, spectrum, H),
    ]),
  );
  const top = Math.min(nullDirections, leading);
  const nulls = await stage('structured_nulls', 0.67, () =>
    commutatorNulls(pool, {
      layout,
      rank: factorWidth(network, network.layerOf(network.parameter(options.parameter)) as AffineLayer),
      order: moments.order,
      H: { vectors: vectors.subarray((d - top) * d), values: Float64Array.from(spectrum.eigenvalues).slice(-top) },
      C: { vectors: leadingC.vectors.subarray((leading - top) * d), values: leadingC.values.slice(-top) },
      seed: options.seed,
    }),
  );
  pool.blas.release(leadingC.vectors);
  const angles = await stage('cosines', 0.7, () => cosines(pool, C, H, Q));
  const gradient = meanGradient(moments, both);
  const values = { H: eigenvalues, C: diagonals.C, Q: diagonals.Q };
  const assumptions =
    options.assumptions === true
      ? await stage('assumptions', 0.705, () =>
          ExactAssumptions.begin(pool, {
            moments,
            spectrum,
            C,
            H,
            Q,
            Q_diagonal: diagonals.Q,
            cosines: angles,
            ratio,
            baseline,
            seed: options.seed,
            piecewiseLinear: !hasOwnGaussNewton,
          }),
        )
      : null;
  const firstFloors = numericalFloors(samples, residual, values, device !== undefined);
  options.onSpectrum?.(spectrum, eigenvalues, diagonals.C, firstFloors);
  const wantsIntervals = options.intervals !== false && Math.min(moments.sizes.A, moments.sizes.B) >= 4;
  const gather = (spectrum: Spectrum, along: Float64Array, count?: number): DirectionMatrix | null =>
    wantsIntervals
      ? directionMatrix(
          pool.blas,
          layout,
          spectrum,
          chooseDirections(along, { floor: firstFloors.H, ...(count !== undefined && { count }) }),
        )
      : null;
  const chosen = gather(spectrum, eigenvalues);
  const stability = await stage('linear_stability', 0.7, () =>
    pool.run(linearStabilityTask, {
      d,
      vectors: pool.reference(vectors),
      eigenvalues,
      Q: pool.reference(Q),
      samples,
      floor: firstFloors.H,
      seed: options.seed,
    }),
  );
  const aligned = gather(spectrum, eigenvalues, mechanismDirections);
  const mechanism =
    aligned === null || aligned.directions.indices.length === 0
      ? undefined
      : await stage('mechanism', 0.7, () =>
          pool.run(mechanismTask, {
            layout,
            order: moments.order,
            seed: options.seed,
            classes: input.classes,
            columns: pool.reference(aligned.columns),
            eigenvalues: Float64Array.from(aligned.directions.indices, (i) => eigenvalues[i]),
            largest: eigenvalues[0],
          }),
        );
  if (aligned !== null) pool.blas.release(aligned.columns);
  const dual = options.duality === true ? dualityLayout(network, options.parameter) : null;
  const found =
    dual === null || typeof dual === 'string'
      ? dual
      : await stage('duality', 0.71, () =>
          orReason(
            dualityAlong(pool, input, {
              layout: dual,
              moments,
              spectrum,
              C,
              C_diagonal: diagonals.C,
              floors: firstFloors,
              outputs: network.outputSize,
              options,
            }),
          ),
        );
  const duality = typeof found === 'string' ? null : found;
  const splits =
    device !== undefined || !wantsIntervals || options.splits === 'one'
      ? []
      : await stage('splits', 0.71, () =>
          measureSplits(pool, {
            layout,
            samples,
            seed: options.seed,
            eigenvalues,
            vectors,
            ...(options.signal && { signal: options.signal }),
          }),
        );
  pool.blas.release(spectrum.eigenvalues);
  const wantsHalf = (options.convergence ?? 'training-set') === 'training-set' && wantsIntervals;
  const { crossed, half } = await crossFit(pool, moments, {
    d,
    scratch: vectors,
    stage,
    half: wantsHalf,
    gather,
    ...(assumptions && { more: (...other) => assumptions.along(...other) }),
  });
  const crossFitted = [crossed[0].diagonals, crossed[1].diagonals] as const;
  const directions = directionsOf(chosen, crossed);
  const projections = await stage('intervals', 0.95, () =>
    project(pool, moments, layout, gradient, directions, device),
  );
  const precisionReached =
    device &&
    (await stage('precision', 0.96, () =>
      measurePrecision(device, pool, targets, layout, {
        samples,
        seed: options.seed,
        largest: eigenvalues[0],
        directions: directions && {
          meanGradient: gradient,
          trainingSet: directions[0],
          halves: [directions[1], directions[2]],
        },
        eigenvalues,
      }),
    ));
  const floors = numericalFloors(samples, residual, values, device !== undefined, projections);
  const trainingSet = { selection: eigenvalues, H: eigenvalues, C: diagonals.C, Q: diagonals.Q };
  const noise = await stage('noise_at_work', 0.96, () =>
    noiseAtWork(pool, {
      d,
      C,
      H,
      Q,
      ...(hasOwnGaussNewton && { gaussNewton }),
      stability,
      gradient,
      outputs: network.outputSize,
      seed: options.seed,
      trainingSet,
      floors,
    }),
  );
  const assumed =
    assumptions &&
    (await stage('assumptions', 0.97, () =>
      assumptions.finish({ trainingSet, crossFitted, floors, gradient, projections, directions }),
    ));
  assumptions?.release();
  for (const { columns } of directions ?? []) pool.blas.release(columns);

  const arrays: ExactResult['arrays'] = {
    C: C as Float64Array,
    H: H as Float64Array,
    Q: Q as Float64Array,
    gauss_newton: gaussNewton as Float64Array,
    mean_gradient: gradient,
    eigenvalues,
    C_diagonal: diagonals.C,
    Q_diagonal: diagonals.Q,
    cross_fitted_selection: joined(crossFitted, 'selection'),
    cross_fitted_H_diagonal: joined(crossFitted, 'H'),
    cross_fitted_C_diagonal: joined(crossFitted, 'C'),
    cross_fitted_Q_diagonal: joined(crossFitted, 'Q'),
    ...(projections && { ...directionErrors(projections), ...packProjections(projections) }),
    ...(splits.length > 0 && {
      split_selection: joined(splits.flat(), 'selection'),
      split_H_diagonal: joined(splits.flat(), 'H'),
      split_C_diagonal: joined(splits.flat(), 'C'),
      split_Q_diagonal: joined(splits.flat(), 'Q'),
    }),
    ...duality?.arrays,
    ...assumed?.arrays,
  };
  const begun = performance.now();
  const summary = await summarise(pool, {
    parameter: network.parameter(options.parameter),
    method: 'exact',
    samples,
    seed: options.seed,
    sizes: [moments.sizes.A, moments.sizes.B],
    loss: moments.lossSum / samples,
    accuracy: input.classes ? moments.correct / samples : null,
    gradient,
    trace: { C: traceOf(C, d), H: traceOf(H, d), Q: traceOf(Q, d) },
    cosines: angles,
    ratio,
    baseline,
    nulls,
    noise,
    ...(mechanism && { mechanism }),
    population: available,
    trainingSet,
    crossFitted,
    splits,
    floors,
    ...(duality && { duality: duality.summary }),
    ...(typeof found === 'string' && { duality_unavailable: found }),
    ...(assumed && { assumptions: assumed.summary }),
    ...(projections && { projections }),
    ...(half && { half: { samples: moments.sizes.A, ...half, largest: half.diagonals.selection[0] } }),
    ...(precisionReached && {
      precisionReached: {
        ...precisionReached,
        ...(device.fallbacks.length > 0 && { fallbacks: [...device.fallbacks] }),
      },
    }),
    engine: {
      blas: pool.blas.name,
      backend: device?.title ?? 'cpu',
      threads: pool.threads,
      library_threads: threadsOfDecomposition(d, options.libraryThreads),
    },
    seconds,
  });
  // `summary` holds this very object.
  seconds['statistics'] = (performance.now() - begun) / 1000;
  seconds['total'] = (performance.now() - started) / 1000;
  const release = (): void => {
    for (const array of [H, C, Q, vectors, ...(hasOwnGaussNewton ? [gaussNewton] : [])]) pool.blas.release(array);
    pool.blas.release(moments.sums.A);
    pool.blas.release(moments.sums.B);
  };
  return { summary, arrays, release };
}
