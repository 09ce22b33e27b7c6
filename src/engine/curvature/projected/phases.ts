/**
 * The phases of the projected measurement (measure.ts), in the order in which they run: directions, the samples' values along them, and what is taken within
 * their span. d: length of the parameter's vector; k: directions found, rows [k, d] in the pool's memory.
 */
import { InputError } from '../../../shared/errors.ts';
import { measurementDefaults } from '../../../shared/experiment.ts';
import type { DevicePrecision, ProjectedDetails, ProjectedWhich } from '../../../shared/results.ts';
import type { Pool } from '../../parallel/pool.ts';
import { averageClusters, chooseDirections } from '../../statistics/index.ts';
import type { BlockProjections, Diagonals, Floors, ProjectedDirections } from '../../statistics/index.ts';
import type { SpanSet } from '../assumptions/span.ts';
import { projectedPrecision } from '../device/projected-precision.ts';
import type { Half } from '../moments.ts';
import { defaultProbes, defaultTolerance } from '../options.ts';
import type { ProjectedOptions } from '../options.ts';
import type { Stages } from '../stages.ts';
import type { HalfInput } from '../summary.ts';
import { lanczos } from './lanczos.ts';
import type { Eigenpairs } from './lanczos.ts';
import type { SamplePlan } from './plan.ts';
import { meansOf } from './projections.ts';
import type { SampleProjections } from './projections.ts';
import { trueResiduals } from './session.ts';
import type { Gradients, ProjectedSession } from './session.ts';
import type { ProjectedSplits } from './splits.ts';
import { measureTraces } from './traces.ts';
import type { Traces } from './traces.ts';
import { measureWithin } from './within.ts';
import type { Within } from './within.ts';

/** One projected measurement under way. */
export interface ProjectedContext {
  readonly pool: Pool;
  readonly session: ProjectedSession;
  readonly options: ProjectedOptions;
  readonly stages: Stages;
  /** Directions to find, at most d. */
  readonly k: number;
  readonly which: ProjectedWhich;
  readonly tolerance: number;
}

/** Raises InputError for options out of range. */
export function projectedContext(
  pool: Pool,
  session: ProjectedSession,
  options: ProjectedOptions,
  stages: Stages,
): ProjectedContext {
  const { top = measurementDefaults.top, which = 'largest', tolerance = defaultTolerance } = options;
  checkRange(top, 'top', (x) => Number.isSafeInteger(x) && x >= 1);
  checkRange(tolerance, 'tolerance', (x) => x > 0 && x < 1);
  return { pool, session, options, stages, k: Math.min(top, session.space.d), which, tolerance };
}

function checkRange(value: number, name: string, holds: (x: number) => boolean): void {
  if (!holds(value)) throw new InputError(`${name}: expected a number in its range, received ${value}`);
}

/** Eigenpairs of H over all samples and over each half. */
export interface FoundPairs {
  readonly all: Eigenpairs;
  readonly A: Eigenpairs;
  readonly B: Eigenpairs;
}

const both = ['A', 'B'] as const;

/** Release the vectors of each when done. */
export async function findPairs({
  pool,
  session,
  options,
  stages,
  k,
  which,
  tolerance,
}: ProjectedContext): Promise<FoundPairs> {
  const { operator, space } = session;
  const search = (halves: readonly Half[], from: number, to: number): Promise<Eigenpairs> =>
    stages.run('eigenpairs', from, () =>
      lanczos(pool, space.d, (v, out) => operator.apply(v, out, halves), {
        count: k,
        which,
        seed: options.seed,
        tolerance,
        maxProducts: options.maxProducts,
        signal: options.signal,
        onProgress: (converged) => {
          stages.tell('eigenpairs', from + ((to - from) * converged) / k);
        },
      }),
    );
  const all = await search(both, 0.02, 0.3);
  const A = await search(['A'], 0.3, 0.45);
  const B = await search(['B'], 0.45, 0.6);
  return { all, A, B };
}

/** The values of every sample along directions. */
export interface AlongPairs {
  /** Along those over all samples, over all samples. */
  readonly all: SampleProjections;
  /** Along those of A over B, and vice versa. */
  readonly fromA: SampleProjections;
  readonly fromB: SampleProjections;
  /** Along those of A over A, for the half-sample; null if it is not wanted. */
  readonly withinA: SampleProjections | null;
}

/** @param first gradients that slopes are computed from. */
export async function projectAlong(
  { session, options, stages }: ProjectedContext,
  pairs: FoundPairs,
  first: Gradients,
): Promise<AlongPairs> {
  const project = (of: Eigenpairs, halves: readonly Half[], from: number, share: number): Promise<SampleProjections> =>
    stages.run('projections', from, () =>
      session.project({
        vectors: of.vectors,
        gradient: first.gradients[halves.length === 2 ? 'all' : halves[0]],
        halves,
        covariance: halves.length === 2,
        onProgress: (done) => {
          stages.tell('projections', from + share * done);
        },
      }),
    );
  const all = await project(pairs.all, both, 0.6, 0.15);
  const fromA = await project(pairs.A, ['B'], 0.75, 0.07);
  const fromB = await project(pairs.B, ['A'], 0.82, 0.07);
  const { intervals, convergence = measurementDefaults.convergence } = options;
  const wantsHalf = intervals !== false && convergence === 'training-set';
  const withinA = wantsHalf ? await project(pairs.A, ['A'], 0.89, 0.01) : null;
  return { all, fromA, fromB, withinA };
}

/** The results for C, H and Q over all samples. */
export interface SpanMeasured {
  /** |H v - lambda v| by a product for each [k], and over |lambda| if that is above its floor. */
  readonly residuals: Float64Array;
  readonly relativeResiduals: Float64Array;
  readonly trainingSet: Diagonals;
  readonly crossFitted: readonly [Diagonals, Diagonals];
  readonly trace: Traces;
  readonly within: Within;
  /** C along the directions [k, k]. */
  readonly covariance: Float64Array;
  readonly floors: Floors;
  readonly precisionReached: DevicePrecision | undefined;
}

export async function measureSpan(
  { pool, session, options, stages }: ProjectedContext,
  pairs: FoundPairs,
  along: AlongPairs,
  first: Gradients,
): Promise<SpanMeasured> {
  const { plan, operator, samples } = session;
  const { d } = session.space;
  const { device, seed } = options;
  const eigenvalues = pairs.all.values;
  const residuals = await stages.run('residuals', 0.9, () => trueResiduals(pool, operator, pairs.all, d));
  const means = meansOf(along.all, plan, along.all.blocks);
  const probes = options.probes ?? defaultProbes;
  const trace = await stages.run('traces', 0.92, () =>
    measureTraces(pool, session, first, { d, found: pairs.all.vectors, means, probes, seed }),
  );
  const covariance = along.all.covariance ?? new Float64Array();
  const within = await stages.run('within', 0.95, () =>
    measureWithin(pool, plan, { vectors: pairs.all.vectors, eigenvalues, covariance, Q: means.Q, d, seed }),
  );
  const crossFitted = [
    halfDiagonals(pairs.A, along.fromA, plan, [2, 3]),
    halfDiagonals(pairs.B, along.fromB, plan, [0, 1]),
  ] as const;
  const precisionReached =
    device &&
    (await stages.run('precision', 0.96, () =>
      projectedPrecision(pool, session, device, pairs.all, along.all, first.gradients.all),
    ));
  const floors = numericalFloors(samples, eigenvalues, means, device !== undefined);
  return {
    residuals,
    relativeResiduals: residuals.map((r, i) =>
      Math.abs(eigenvalues[i]) > floors.H ? r / Math.abs(eigenvalues[i]) : 0,
    ),
    trainingSet: {
      selection: eigenvalues,
      H: eigenvalues,
      C: averageClusters(eigenvalues, means.C),
      Q: averageClusters(eigenvalues, means.Q),
    },
    crossFitted,
    trace,
    within,
    covariance,
    floors,
    precisionReached,
  };
}

/** Sums over blocks of samples along the directions that the fits use, for the bootstrap. */
export function blockProjectionsOf(
  plan: SamplePlan,
  pairs: FoundPairs,
  along: AlongPairs,
  { H }: Floors,
): BlockProjections {
  return {
    blocks: plan.blocks,
    training_set: chosenSums(along.all, pairs.all.values, H),
    cross_fitted: [chosenSums(along.fromA, pairs.A.values, H), chosenSums(along.fromB, pairs.B.values, H)],
  };
}

/** The three sets of directions for what is compared along each: over all samples, of A over B, of B over A. */
export function spanSets(
  pairs: FoundPairs,
  along: AlongPairs,
  { gradients }: Gradients,
): { readonly all: SpanSet; readonly crossed: readonly [SpanSet, SpanSet] } {
  const set = (
    { values, vectors }: Eigenpairs,
    projections: SampleProjections,
    centre: Float64Array,
    halves: readonly Half[],
  ): SpanSet => ({ projections, eigenvalues: values, vectors, centre, halves });
  return {
    all: set(pairs.all, along.all, gradients.all, both),
    crossed: [set(pairs.A, along.fromA, gradients.B, ['B']), set(pairs.B, along.fromB, gradients.A, ['A'])],
  };
}

/** How the search went, for the summary. */
export function projectedDetails(
  { session, which, tolerance, k }: ProjectedContext,
  { all, A, B }: FoundPairs,
  { withinA }: AlongPairs,
  { residuals, relativeResiduals, trace, within }: SpanMeasured,
  splits: ProjectedSplits,
): ProjectedDetails {
  const largest = (values: Float64Array): number => values.reduce((most, x) => Math.max(most, x), 0);
  return {
    k: all.values.length,
    which,
    iterations: all.products,
    restarts: all.restarts,
    breakdowns: all.breakdowns,
    converged: all.converged,
    tolerance,
    largest_residual: largest(residuals),
    largest_relative_residual: largest(relativeResiduals),
    orthogonality: all.orthogonality,
    halves: {
      converged: [A.converged, B.converged],
      largest_residual: Math.max(largest(A.residuals), largest(B.residuals)),
    },
    trace_probes: trace.probes,
    trace_standard_error: trace.standardError,
    cosine_samples: within.samples,
    passes: session.operator.passes + (withinA === null ? 2 : 2.5) * k + trace.probes + splits.passes,
  };
}

/** Half A by itself: directions and values from the same samples. */
export function halfOf(pairs: Eigenpairs, projections: SampleProjections, plan: SamplePlan): HalfInput {
  const { values } = pairs;
  const means = meansOf(projections, plan, projections.blocks);
  return {
    samples: plan.sizes.A,
    diagonals: {
      selection: values,
      H: values,
      C: averageClusters(values, means.C),
      Q: averageClusters(values, means.Q),
    },
    trace: { C: null, H: null, Q: null },
    largest: values[0],
    cosines: null,
    commutatorRatio: null,
  };
}

/** Directions of one half, values from the quarters of the other, and the two quarters apart for the instrument. */
function halfDiagonals(
  pairs: Eigenpairs,
  projections: SampleProjections,
  plan: SamplePlan,
  quarters: readonly [number, number],
): Diagonals {
  const over = (wanted: readonly number[]): { H: Float64Array; C: Float64Array; Q: Float64Array } => {
    const blocks = projections.blocks.filter((b) => wanted.includes(plan.blocks[b].quarter));
    const means = meansOf(projections, plan, blocks);
    const average = (values: Float64Array): Float64Array => averageClusters(pairs.values, values);
    return { H: average(means.H), C: average(means.C), Q: average(means.Q) };
  };
  return { selection: pairs.values, ...over(quarters), parts: [over([quarters[0]]), over([quarters[1]])] };
}

/**
 * Values along a direction are Rayleigh quotients, right to rounding whatever its residual: sqrt(P) eps times the largest value, of a device's values, which the
 * host adds in float64, single precision's rounding of the samples' own. For H also the difference between its two orders of summation, Lanczos' over lanes
 * and the per-sample one over blocks.
 */
function numericalFloors(
  samples: number,
  eigenvalues: Float64Array,
  means: { readonly H: Float64Array; readonly C: Float64Array; readonly Q: Float64Array },
  isSingle: boolean,
): Floors {
  const rounding = isSingle ? 4 * 2 ** -24 : 8 * Number.EPSILON * Math.sqrt(samples);
  const largest = (values: Float64Array): number => values.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
  const difference = eigenvalues.reduce((most, x, i) => Math.max(most, Math.abs(x - means.H[i])), 0);
  return {
    H: Math.max(4 * difference, rounding * largest(eigenvalues)),
    C: rounding * largest(means.C),
    Q: rounding * largest(means.Q),
  };
}

/** The columns of the sums that the bootstrap reads. */
export function chosenSums(
  { k, blocks, sums }: SampleProjections,
  eigenvalues: Float64Array,
  floor: number,
): ProjectedDirections {
  const directions = chooseDirections(eigenvalues, { floor });
  const { indices } = directions;
  const pick = (values: Float64Array): Float64Array =>
    Float64Array.from({ length: blocks.length * indices.length }, (_, at) => {
      const row = Math.floor(at / indices.length);
      return values[row * k + indices[at % indices.length]];
    });
  return {
    directions,
    sums: {
      curvature: pick(sums.curvature),
      squaredCurvature: pick(sums.squaredCurvature),
      gradient: pick(sums.gradient),
      squaredGradient: pick(sums.squaredGradient),
    },
  };
}
