/** The summary of a measurement from its numbers: the one place where the keys of src/shared/results.ts are filled. */
import { definedOf } from '../../shared/defined.ts';
import type { RotationBaseline } from '../../shared/slopes.ts';
import { replicateTask } from '../statistics/replicate-task.ts';
import type {
  CommutatorNulls,
  DevicePrecision,
  HalfSample,
  MeasurementSummary,
  ProjectedDetails,
} from '../../shared/results.ts';
import type { MechanismSummary } from '../../shared/mechanism.ts';
import type { NoiseAtWork } from '../../shared/noise-at-work.ts';
import { localSlopes, localSlopesCrossFitted } from '../../shared/local-slopes.ts';
import type { Parameter } from '../network/types.ts';
import type { Pool } from '../parallel/pool.ts';
import {
  fitByCutoff,
  fitCrossFitted,
  judgeConvergence,
  noiseShare,
  planBootstrap,
  standardErrors,
  withIntervals,
} from '../statistics/index.ts';
import type { BlockProjections, Diagonals, Floors } from '../statistics/index.ts';
import { calibrateTask } from '../statistics/calibrate-task.ts';
import { sumOfSquares } from './vectors.ts';

export interface MeasuredNumbers {
  readonly parameter: Parameter;
  readonly method: MeasurementSummary['method'];
  readonly samples: number;
  readonly seed: number;
  readonly sizes: readonly [number, number];
  readonly loss: number;
  readonly accuracy: number | null;
  readonly gradient: Float64Array;
  readonly trace: MeasurementSummary['trace'];
  readonly cosines: { readonly CH: number; readonly CQ: number };
  readonly ratio: number;
  readonly baseline: RotationBaseline;
  readonly nulls?: CommutatorNulls | undefined;
  readonly noise?: NoiseAtWork | undefined;
  readonly mechanism?: MechanismSummary | undefined;
  /** Samples available. */
  readonly population: number;
  readonly trainingSet: Diagonals;
  readonly crossFitted: readonly [Diagonals, Diagonals];
  /** Further random splits. */
  readonly splits?: readonly (readonly [Diagonals, Diagonals])[] | undefined;
  readonly floors: Floors;
  /** Needed for 95 % intervals; without it there are none. */
  readonly projections?: BlockProjections | undefined;
  /** Half A of the samples by itself. */
  readonly half?: HalfInput | undefined;
  readonly projected?: ProjectedDetails | undefined;
  readonly duality?: MeasurementSummary['duality'] | undefined;
  readonly duality_unavailable?: string | undefined;
  readonly assumptions?: MeasurementSummary['assumptions'] | undefined;
  /** Present if a device computed in float32. */
  readonly precisionReached?: DevicePrecision | undefined;
  readonly engine: MeasurementSummary['engine'];
  readonly seconds: Readonly<Record<string, number>>;
}

export interface HalfInput {
  readonly samples: number;
  readonly diagonals: Diagonals;
  readonly trace: HalfSample['trace'];
  readonly largest: number;
  readonly cosines: { readonly CH: number; readonly CQ: number } | null;
  readonly commutatorRatio: number | null;
}

/** The bootstrap runs in the worker threads while the slopes over all directions are fitted here. */
export async function summarise(pool: Pool, input: MeasuredNumbers): Promise<MeasurementSummary> {
  const { parameter, floors, trainingSet } = input;
  const eigenvalues = trainingSet.selection;
  const d = eigenvalues.length;
  const splits = input.splits ?? [];
  const summary: MeasurementSummary = definedOf({
    format: 'covature-measurement',
    version: 1,
    parameter: parameter.name,
    shape: parameter.shape,
    d: parameter.rows * parameter.cols,
    method: input.method,
    precision: input.precisionReached === undefined ? 'float64' : 'float32',
    precision_reached: input.precisionReached,
    samples: input.samples,
    population: input.population,
    noise_share: input.projections && noiseShare(input.projections),
    halves: { seed: input.seed, sizes: input.sizes },
    splits: splits.length === 0 ? undefined : { count: splits.length + 1, directions: splits[0][0].selection.length },
    loss: input.loss,
    accuracy: input.accuracy,
    norm_mean_gradient: Math.sqrt(sumOfSquares(input.gradient, 0, input.gradient.length)),
    trace: input.trace,
    cosine_CH: input.cosines.CH,
    cosine_CQ: input.cosines.CQ,
    commutator_ratio: input.ratio,
    commutator_baseline: input.baseline,
    commutator_nulls: input.nulls,
    noise_at_work: input.noise,
    mechanism: input.mechanism,
    eigenvalues: {
      largest: eigenvalues[0],
      smallest: eigenvalues[d - 1],
      positive: eigenvalues.reduce((count, x) => count + (x >= floors.H && x > 0 ? 1 : 0), 0),
      zero: eigenvalues.reduce((count, x) => count + (Math.abs(x) < floors.H || x === 0 ? 1 : 0), 0),
      negative: eigenvalues.reduce((count, x) => count + (x <= -floors.H && x < 0 ? 1 : 0), 0),
    },
    floor: floors,
    ...(await gammaRows(pool, input)),
    local_slopes: {
      training_set: localSlopes(trainingSet, floors),
      cross_fitted: localSlopesCrossFitted(input.crossFitted, floors),
    },
    projected: input.projected,
    duality: input.duality,
    duality_unavailable: input.duality_unavailable,
    assumptions: input.assumptions,
    engine: input.engine,
    standard_errors: input.projections && standardErrors(input.projections),
    half_sample: input.half && halfSample(input.half, floors),
    seconds: input.seconds,
  });
  return withConvergence(summary);
}

/** The summary with the verdict on its half-sample, if it has one. */
export function withConvergence(summary: MeasurementSummary): MeasurementSummary {
  const convergence = judgeConvergence(summary);
  return convergence === undefined ? summary : { ...summary, convergence };
}

function halfSample(half: HalfInput, floors: Floors): HalfSample {
  return {
    samples: half.samples,
    gamma: { training_set: fitByCutoff(half.diagonals, floors) },
    trace: half.trace,
    largest_eigenvalue: half.largest,
    cosine_CH: half.cosines?.CH ?? null,
    cosine_CQ: half.cosines?.CQ ?? null,
    commutator_ratio: half.commutatorRatio,
  };
}

type GammaRows = Pick<MeasurementSummary, 'gamma' | 'estimand_difference' | 'bootstrap' | 'calibration'>;

/** Fits of both estimands by cutoff, with intervals if projections over sample blocks are given. */
async function gammaRows(pool: Pool, input: MeasuredNumbers): Promise<GammaRows> {
  const { trainingSet, crossFitted, floors, projections, seed } = input;
  const plan = projections && planBootstrap(projections, { seed, floors });
  const replicates = plan && Promise.all(plan.sets.map((set) => pool.run(replicateTask, set)));
  const gamma = {
    training_set: fitByCutoff(trainingSet, floors),
    cross_fitted: fitCrossFitted(crossFitted, floors, undefined, {}, input.splits),
  };
  if (plan === undefined || replicates === undefined) return { gamma };
  const rows = withIntervals(gamma, plan.finish(await replicates), projections!);
  // Only the leading end of a spectrum can be continued.
  if (input.projected !== undefined && input.projected.which !== 'largest') return rows;
  const calibration = await pool.run(calibrateTask, {
    halves: crossFitted.map(({ selection, H, Q }) => ({ selection, H, Q })),
    samples: Math.min(...input.sizes),
    traceH: input.trace.H,
    dimensions: input.parameter.rows * input.parameter.cols,
    rows: rows.gamma.cross_fitted,
    seed,
  });
  return { ...rows, ...definedOf({ calibration }) };
}
