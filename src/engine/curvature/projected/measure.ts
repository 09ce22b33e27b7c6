/**
 * The projected measurement (docs/theory.md, "Any layer, any size"): the leading eigenpairs of H by Lanczos on full-batch Hessian-vector products, then C_ii,
 * H_ii and Q_ii along them sample by sample. For one parameter of any layer, or all parameters as one vector. No d x d matrix is formed. All float64, except for
 * the products and the samples' values on a device.
 */
import type { DirectionErrors, ExtraArrays, MeasurementSummary, ProjectedArrays } from '../../../shared/results.ts';
import type { Pool } from '../../parallel/pool.ts';
import type { BlockProjections } from '../../statistics/index.ts';
import { packProjections } from '../../statistics/stored-blocks.ts';
import type { SpanSet } from '../assumptions/span.ts';
import { directionErrors } from '../direction-errors.ts';
import { crossFittedArrays, splitArrays } from '../exact-parts.ts';
import type { MeasurementInput } from '../measurement-input.ts';
import type { ProjectedOptions } from '../options.ts';
import { partOf, Stages } from '../stages.ts';
import { summarise } from '../summary.ts';
import { measureExtras } from './extras.ts';
import type { Extras } from './extras.ts';
import {
  blockProjectionsOf,
  chosenSums,
  findPairs,
  halfOf,
  projectAlong,
  projectedContext,
  projectedDetails,
  measureSpan,
  spanSets,
} from './phases.ts';
import type { AlongPairs, FoundPairs, ProjectedContext, SpanMeasured } from './phases.ts';
import { openSession } from './session.ts';
import type { Gradients } from './session.ts';
import { measureProjectedSplits } from './splits.ts';
import type { ProjectedSplits } from './splits.ts';

export interface ProjectedResult {
  readonly summary: MeasurementSummary;
  readonly arrays: ProjectedArrays & Partial<DirectionErrors> & ExtraArrays;
  /** Sums over blocks of samples along the directions that the fits use, for the bootstrap. */
  readonly projections: BlockProjections;
}

/** Raises InputError if the parameter does not exist, options make no sense, or there are fewer than 8 samples. */
export async function measureProjected(
  pool: Pool,
  input: MeasurementInput,
  options: ProjectedOptions,
): Promise<ProjectedResult> {
  const { splits: wanted, which, intervals: wantsIntervals } = options;
  // Directions that are the largest by size or both ends are not the leading ones that a further split finds.
  const hasSplits = wantsIntervals !== false && wanted !== 'one' && (which ?? 'largest') === 'largest';
  const stages = new Stages(hasSplits ? partOf(options, 0, beforeSplits) : options);
  const first = await measureFirstSplit(pool, input, options, stages);
  const { pairs, span, gradients, projections, intervals, extras } = first;
  for (const { vectors } of [pairs.A, pairs.B]) pool.blas.release(vectors);
  const splits = hasSplits
    ? await stages.run('splits', 1, () =>
        measureProjectedSplits(pool, input, partOf(options, beforeSplits, 1), pairs.all.values),
      )
    : noSplits;
  const arrays: ProjectedResult['arrays'] = {
    mean_gradient: gradients.gradients.all,
    eigenvalues: pairs.all.values,
    C_diagonal: span.trainingSet.C,
    Q_diagonal: span.trainingSet.Q,
    vectors: Float64Array.from(pairs.all.vectors),
    ...crossFittedArrays(span.crossFitted),
    ...(intervals && { ...directionErrors(intervals), ...packProjections(intervals) }),
    ...splitArrays(splits.pairs),
    ...extras.arrays,
  };
  const summary = await stages.time('statistics', () => summariseProjected(input, first, splits));
  stages.finish();
  pool.blas.release(pairs.all.vectors);
  return { summary, arrays, projections };
}

/** All that is measured along the directions of all samples and of the first split; what the worker threads held for it is given back. */
interface FirstSplit {
  readonly context: ProjectedContext;
  readonly gradients: Gradients;
  readonly pairs: FoundPairs;
  readonly along: AlongPairs;
  readonly span: SpanMeasured;
  readonly projections: BlockProjections;
  /** The projections if intervals are wanted. */
  readonly intervals: BlockProjections | undefined;
  readonly extras: Extras;
}

async function measureFirstSplit(
  pool: Pool,
  input: MeasurementInput,
  options: ProjectedOptions,
  stages: Stages,
): Promise<FirstSplit> {
  const session = await openSession(pool, input, options);
  try {
    const context = projectedContext(pool, session, options, stages);
    const gradients = await stages.run('gradients', 0, () => session.gradients(true));
    const pairs = await findPairs(context);
    const along = await projectAlong(context, pairs, gradients);
    const span = await measureSpan(context, pairs, along, gradients);
    const projections = blockProjectionsOf(session.plan, pairs, along, span.floors);
    const intervals = options.intervals === false ? undefined : projections;
    const extras = await stages.run('extras', 0.97, () =>
      extrasAlong(context, input, pairs, along, gradients, span, intervals),
    );
    return { context, gradients, pairs, along, span, projections, intervals, extras };
  } finally {
    await session.close();
  }
}

const noSplits: ProjectedSplits = { pairs: [], passes: 0 };

/** Share of the measurement that is done before the further splits. */
const beforeSplits = 0.5;

function extrasAlong(
  { pool, session, options }: ProjectedContext,
  input: MeasurementInput,
  pairs: FoundPairs,
  along: AlongPairs,
  first: Gradients,
  { within, covariance, trainingSet, crossFitted, floors, trace }: SpanMeasured,
  projections: BlockProjections | undefined,
): Promise<Extras> {
  const choose = ({ projections: of, eigenvalues }: SpanSet, squaredCurvature: Float64Array): Float64Array =>
    chosenSums({ ...of, sums: { ...of.sums, squaredCurvature } }, eigenvalues, floors.H).sums.squaredCurvature;
  return measureExtras(pool, session, input, options, {
    ...spanSets(pairs, along, first),
    covariance,
    secondMoment: within.secondMoment,
    cosines: { CH: within.cosineCH, CQ: within.cosineCQ },
    ratio: within.commutatorRatio,
    baseline: within.baseline,
    trainingSet,
    crossFitted,
    floors,
    traceC: trace.C,
    intervals: projections && { projections, choose },
  });
}

function summariseProjected(
  input: MeasurementInput,
  { context, gradients, pairs, along, span, intervals, extras }: FirstSplit,
  splits: ProjectedSplits,
): Promise<MeasurementSummary> {
  const { pool, session, options, stages } = context;
  const { plan, samples, space, network } = session;
  const { d, name, shape } = space;
  const { trace, within, trainingSet, crossFitted, floors, precisionReached } = span;
  return summarise(pool, {
    parameter: { name, shape, rows: 1, cols: d, initial: 'kernel', fanIn: d, fanOut: d },
    method: 'projected',
    samples,
    seed: options.seed,
    sizes: [plan.sizes.A, plan.sizes.B],
    loss: gradients.lossSum / samples,
    accuracy: input.classes ? gradients.correct / samples : null,
    gradient: gradients.gradients.all,
    trace: { C: trace.C, H: trace.H, Q: trace.Q },
    cosines: { CH: within.cosineCH, CQ: within.cosineCQ },
    ratio: within.commutatorRatio,
    baseline: within.baseline,
    population: input.inputs.length / network.inputSize,
    trainingSet,
    crossFitted,
    splits: splits.pairs,
    floors,
    ...extras.summary,
    projections: intervals,
    half: along.withinA === null ? undefined : halfOf(pairs.A, along.withinA, plan),
    projected: projectedDetails(context, pairs, along, span, splits),
    precisionReached,
    engine: { blas: pool.blas.name, backend: options.device?.title ?? 'cpu', threads: pool.threads },
    // Still being added to when the summary is made.
    seconds: stages.seconds,
  });
}
