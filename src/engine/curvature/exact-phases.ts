/**
 * The phases of the exact measurement (exact.ts) after the first (exact-matrices.ts), in the order in which they run: the spectrum of H, what is measured along its
 * eigenvectors while these are in memory, the two halves, and what rests on projections over blocks of samples.
 * d: the parameter's weights, inner times outer of its layout; matrices are [d, d], symmetric, float64, in the pool's memory.
 */
import type { MechanismSummary } from '../../shared/mechanism.ts';
import type { LinearStability, NoiseAtWork } from '../../shared/noise-at-work.ts';
import type { CommutatorNulls, DevicePrecision } from '../../shared/results.ts';
import type { RotationBaseline } from '../../shared/slopes.ts';
import type { AffineLayer } from '../network/affine.ts';
import { averageClusters, chooseDirections } from '../statistics/index.ts';
import type { BlockProjections, Diagonals, Floors } from '../statistics/index.ts';
import { ExactAssumptions } from './assumptions/exact.ts';
import { directionMatrix } from './block-projections.ts';
import type { DirectionMatrix } from './block-projections.ts';
import { crossFit } from './cross-fit.ts';
import type { Crossed, HalfMeasured } from './cross-fit.ts';
import { measurePrecision } from './device/precision.ts';
import { fallbacksOf } from './device/session.ts';
import { dualityLayout } from './duality/measure.ts';
import type { MeasuredDuality } from './duality/measure.ts';
import type { ExactContext, MeasuredMatrices } from './exact-matrices.ts';
import { directionsOf, dualityAlong, numericalFloors, project } from './exact-parts.ts';
import type { ThreeDirections } from './exact-parts.ts';
import { linearStabilityTask } from './linear-stability.ts';
import { mechanismDirections, mechanismTask } from './mechanism.ts';
import type { MomentSums } from './moments.ts';
import { noiseAtWork } from './noise-at-work.ts';
import { measurementDefaults } from '../../shared/experiment.ts';
import { orReason } from './or-reason.ts';
import { factorWidth } from './output-hessian.ts';
import { leadingCount, leadingOf, leadingValues, rotationBaselines } from './rotations.ts';
import type { LeadingValues } from './rotations.ts';
import { cosines, decompose, decreasing, diagonalOf, largestResidual, measureCommutator } from './spectrum.ts';
import type { Spectrum } from './spectrum.ts';
import { measureSplits } from './splits.ts';
import { commutatorNulls, nullDirections } from './structured-nulls.ts';

/** H = V^T diag(lambda) V over all samples, with C and Q along its eigenvectors, and how far C, H and Q are from commuting and from parallel. */
export interface WholeSpectrum {
  /** Its vectors are overwritten in cross-fitting. */
  readonly spectrum: Spectrum;
  /** lambda [d], decreasing. */
  readonly eigenvalues: Float64Array;
  /** C_ii and Q_ii [d] in that order, averaged over clusters of equal eigenvalues. */
  readonly diagonals: { readonly C: Float64Array; readonly Q: Float64Array };
  /** The largest |H v - lambda v|. */
  readonly residual: number;
  /** |CH - HC| / (2 |CH|), beside that of random rotations of C and of shuffled factors. */
  readonly ratio: number;
  readonly baseline: RotationBaseline;
  /** Leading eigenvalues of C, which the baseline rotates. */
  readonly leadingC: LeadingValues;
  readonly nulls: CommutatorNulls;
  readonly cosines: { readonly CH: number; readonly CQ: number };
}

/** Decomposes H and compares C and Q with it. */
export async function measureSpectrum(
  { pool, network, layout, d, options, stages }: ExactContext,
  { moments, C, H, Q }: MeasuredMatrices,
): Promise<WholeSpectrum> {
  const { seed } = options;
  const vectors = pool.allocate('float64', d * d);
  vectors.set(H);
  const spectrum = await stages.run('eigendecomposition', 0.45, () =>
    decompose(pool, d, vectors, options.libraryThreads),
  );
  const eigenvalues = decreasing(spectrum);
  const [alongC, alongQ] = await stages.run('diagonals', 0.6, () =>
    Promise.all([diagonalOf(pool, spectrum, C), diagonalOf(pool, spectrum, Q)]),
  );
  const diagonals = { C: averageClusters(eigenvalues, alongC), Q: averageClusters(eigenvalues, alongQ) };
  const leading = leadingCount(d);
  const vectorsOfC = pool.allocate('float64', leading * d);
  const rotated = async (): Promise<Pick<WholeSpectrum, 'leadingC' | 'baseline'>> => {
    const leadingC = await leadingValues(pool, { d, matrix: C, start: vectors, vectors: vectorsOfC });
    const others = [leadingOf(spectrum.eigenvalues)];
    const [baseline] = await rotationBaselines(pool, { d, C: leadingC, others, seed });
    return { leadingC, baseline };
  };
  const [{ leadingC, baseline }, ratio, residual] = await stages.run('commutator', 0.65, () =>
    Promise.all([rotated(), measureCommutator(pool, d, C, H), largestResidual(pool, spectrum, H)]),
  );
  const top = Math.min(nullDirections, leading);
  const nulls = await stages.run('structured_nulls', 0.67, () =>
    commutatorNulls(pool, {
      layout,
      rank: factorWidth(network, network.layerOf(network.parameter(options.parameter)) as AffineLayer),
      order: moments.order,
      H: { vectors: vectors.subarray((d - top) * d), values: Float64Array.from(spectrum.eigenvalues).slice(-top) },
      C: { vectors: vectorsOfC.subarray((leading - top) * d), values: leadingC.values.slice(-top) },
      seed,
    }),
  );
  pool.blas.release(vectorsOfC);
  const angles = await stages.run('cosines', 0.7, () => cosines(pool, C, H, Q));
  return { spectrum, eigenvalues, diagonals, residual, ratio, baseline, leadingC, nulls, cosines: angles };
}

/** Starts comparing C with the other matrices over all samples (`assumptions`); null if that was not asked for. */
export async function beginAssumptions(
  { pool, layout, options, stages }: ExactContext,
  { moments, C, H, Q, gradient }: MeasuredMatrices,
  { spectrum, diagonals, cosines: angles, ratio, baseline, leadingC }: WholeSpectrum,
): Promise<ExactAssumptions | null> {
  if (options.assumptions !== true) return null;
  return stages.run('assumptions', 0.705, () =>
    ExactAssumptions.begin(
      pool,
      {
        moments,
        spectrum,
        C,
        H,
        Q,
        diagonals,
        gradient,
        cosines: angles,
        ratio,
        baseline,
        leadingC,
        seed: options.seed,
        signal: options.signal,
        piecewiseLinear: layout.blocks !== 4,
      },
      options.device,
    ),
  );
}

/** The parts that need the eigenvectors of H over all samples, before these are overwritten. */
export interface AlongSpectrum {
  /** The columns that intervals are taken along; null without intervals. */
  readonly directions: DirectionMatrix | null;
  readonly stability: LinearStability;
  readonly mechanism: MechanismSummary | undefined;
  /** Why there is none although it was asked for; null: not asked for. */
  readonly duality: MeasuredDuality | string | null;
  /** Cross-fitted diagonals of further random splits. */
  readonly splits: readonly (readonly [Diagonals, Diagonals])[];
}

/** The directions [d, count] of a spectrum that intervals are taken along, spread over the eigenvalues above the floor of H; null without intervals. */
export function gatherDirections(
  { pool, layout, hasIntervals }: ExactContext,
  floor: number,
  spectrum: Spectrum,
  eigenvalues: Float64Array,
  count?: number,
): DirectionMatrix | null {
  if (!hasIntervals) return null;
  const directions = chooseDirections(eigenvalues, count === undefined ? { floor } : { floor, count });
  return directionMatrix(pool.blas, layout, spectrum, directions);
}

/** @param floors as known before the intervals refine them. */
export async function measureAlong(
  context: ExactContext,
  matrices: MeasuredMatrices,
  { spectrum, eigenvalues, diagonals }: WholeSpectrum,
  floors: Floors,
): Promise<AlongSpectrum> {
  const { pool, input, network, layout, d, samples, options, stages } = context;
  const { moments, C, Q } = matrices;
  const { seed, signal } = options;
  const { vectors } = spectrum;
  const directions = gatherDirections(context, floors.H, spectrum, eigenvalues);
  const stability = await stages.run('linear_stability', 0.7, () =>
    pool.run(linearStabilityTask, {
      d,
      vectors: pool.reference(vectors),
      eigenvalues,
      Q: pool.reference(Q),
      samples,
      floor: floors.H,
      seed,
    }),
  );
  const mechanism = await measureMechanism(context, moments, spectrum, eigenvalues, floors.H);
  const dual = options.duality === true ? dualityLayout(network, options.parameter) : null;
  const duality =
    dual === null || typeof dual === 'string'
      ? dual
      : await stages.run('duality', 0.71, () =>
          orReason(pool, () =>
            dualityAlong(pool, input, {
              layout: dual,
              moments,
              spectrum,
              C,
              C_diagonal: diagonals.C,
              floors,
              outputs: network.outputSize,
              options,
            }),
          ),
        );
  const splits =
    options.device !== undefined || !context.hasIntervals || options.splits === 'one'
      ? []
      : await stages.run('splits', 0.71, () =>
          measureSplits(pool, { layout, samples, seed, eigenvalues, vectors, signal }),
        );
  return { directions, stability, mechanism, duality, splits };
}

/** How eigenvectors align with single samples' gradients and curvatures; undefined if no direction is above the floor. */
async function measureMechanism(
  context: ExactContext,
  { order }: MomentSums,
  spectrum: Spectrum,
  eigenvalues: Float64Array,
  floor: number,
): Promise<MechanismSummary | undefined> {
  const { pool, input, layout, options, stages } = context;
  const aligned = gatherDirections(context, floor, spectrum, eigenvalues, mechanismDirections);
  if (aligned === null) return undefined;
  const { indices } = aligned.directions;
  const mechanism =
    indices.length === 0
      ? undefined
      : await stages.run('mechanism', 0.7, () =>
          pool.run(mechanismTask, {
            layout,
            order,
            seed: options.seed,
            classes: input.classes,
            columns: pool.reference(aligned.columns),
            eigenvalues: Float64Array.from(indices, (i) => eigenvalues[i]),
            largest: eigenvalues[0],
          }),
        );
  pool.blas.release(aligned.columns);
  return mechanism;
}

/** The cross-fitted estimand, half A by itself, and the directions of the intervals: over all samples, of H_A, of H_B. */
export interface Halves {
  readonly crossFitted: readonly [Diagonals, Diagonals];
  readonly half: HalfMeasured | undefined;
  readonly directions: ThreeDirections | null;
}

/** Overwrites the vectors of the spectrum over all samples. */
export async function measureHalves(
  context: ExactContext,
  { moments }: MeasuredMatrices,
  { spectrum }: WholeSpectrum,
  assumptions: ExactAssumptions | null,
  along: AlongSpectrum,
  floors: Floors,
): Promise<Halves> {
  const { pool, d, options, hasIntervals, stages } = context;
  const convergence = options.convergence ?? measurementDefaults.convergence;
  const { crossed, half } = await crossFit(pool, moments, {
    d,
    scratch: spectrum.vectors,
    stage: stages.run,
    half: convergence === 'training-set' && hasIntervals,
    gather: (ofHalf, eigenvalues) => gatherDirections(context, floors.H, ofHalf, eigenvalues),
    more: assumptions === null ? undefined : (...other) => assumptions.along(...other),
  });
  const [a, b]: readonly [Crossed, Crossed] = crossed;
  return { crossFitted: [a.diagonals, b.diagonals], half, directions: directionsOf(along.directions, crossed) };
}

/** The parts that rest on projections over blocks of samples, and on the floors that these complete. */
export interface OverBlocks {
  /** Undefined without intervals. */
  readonly projections: BlockProjections | undefined;
  /** Present if a device computed in float32. */
  readonly precisionReached: DevicePrecision | undefined;
  readonly floors: Floors;
  readonly noise: NoiseAtWork;
  readonly assumed: Awaited<ReturnType<ExactAssumptions['finish']>> | null;
}

/** Releases the directions. */
export async function measureOverBlocks(
  context: ExactContext,
  matrices: MeasuredMatrices,
  whole: WholeSpectrum,
  { stability }: AlongSpectrum,
  { crossFitted, directions }: Halves,
  assumptions: ExactAssumptions | null,
): Promise<OverBlocks> {
  const { pool, input, network, layout, d, samples, options, stages } = context;
  const { moments, C, H, Q, gaussNewton, gradient } = matrices;
  const { eigenvalues, residual } = whole;
  const { device, seed } = options;
  const projections = await stages.run('intervals', 0.95, () =>
    project(pool, moments, layout, gradient, directions, device),
  );
  const precision =
    device &&
    (await stages.run('precision', 0.96, () =>
      measurePrecision(device, pool, input.targets, layout, {
        samples,
        seed,
        largest: eigenvalues[0],
        directions: directions && {
          meanGradient: gradient,
          trainingSet: directions[0],
          halves: [directions[1], directions[2]],
        },
        eigenvalues,
      }),
    ));
  const trainingSet = trainingSetOf(whole);
  const floors = numericalFloors(samples, residual, trainingSet, device !== undefined, projections);
  const noise = await stages.run('noise_at_work', 0.96, () =>
    noiseAtWork(pool, {
      d,
      C,
      H,
      Q,
      gaussNewton: gaussNewton === H ? undefined : gaussNewton,
      stability,
      gradient,
      outputs: network.outputSize,
      seed,
      trainingSet,
      floors,
    }),
  );
  const assumed =
    assumptions &&
    (await stages.run('assumptions', 0.97, () =>
      assumptions.finish({ trainingSet, crossFitted, floors, gradient, projections, directions }),
    ));
  assumptions?.release();
  for (const { columns } of directions ?? []) pool.blas.release(columns);
  const precisionReached = device && precision && { ...precision, ...fallbacksOf(device) };
  return { projections, precisionReached, floors, noise, assumed };
}

/** The training-set estimand: directions and values from the same samples. */
export function trainingSetOf({ eigenvalues, diagonals }: WholeSpectrum): Diagonals {
  return { selection: eigenvalues, H: eigenvalues, C: diagonals.C, Q: diagonals.Q };
}
