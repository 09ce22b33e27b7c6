/**
 * The projected measurement (docs/theory.md, "Any layer, any size"): the leading eigenpairs of H by Lanczos on full-batch Hessian-vector products, then C_ii,
 * H_ii and Q_ii along them sample by sample. For one parameter of any layer, or all parameters as one vector. No d x d matrix is formed. All float64, but for
 * the products and the samples' values of a device.
 */
import { type ProjectedOptions, defaultTop, defaultTolerance, defaultProbes } from './options.ts';
import type { MeasurementInput } from '../measurement-input.ts';
import { InputError } from '../../../shared/errors.ts';
import type { DirectionErrors, ExtraArrays, MeasurementSummary, ProjectedArrays } from '../../../shared/results.ts';
import type { Pool } from '../../parallel/pool.ts';
import { averageClusters, chooseDirections } from '../../statistics/index.ts';
import type { BlockProjections, Diagonals, Floors, ProjectedDirections } from '../../statistics/index.ts';
import { packProjections } from '../../statistics/stored-blocks.ts';
import { directionErrors } from '../direction-errors.ts';
import { projectedPrecision } from '../device/projected-precision.ts';
import type { SpanSet } from '../assumptions/span.ts';
import type { Half } from '../moments.ts';
import { summarise } from '../summary.ts';
import { measureExtras } from './extras.ts';
import type { HalfInput } from '../summary.ts';
import { lanczos } from './lanczos.ts';
import type { Eigenpairs } from './lanczos.ts';
import type { SamplePlan } from './plan.ts';
import { meansOf } from './projections.ts';
import type { Projections } from './projections.ts';
import { openSession, trueResiduals } from './session.ts';
import { measureTraces } from './traces.ts';
import { measureWithin } from './within.ts';

export interface ProjectedResult {
  readonly summary: MeasurementSummary;
  readonly arrays: ProjectedArrays & Partial<DirectionErrors> & ExtraArrays;
  /** Sums over blocks of samples along the directions that the fits use, for the bootstrap. */
  readonly projections: BlockProjections;
}

const both = ['A', 'B'] as const;

/** Raises InputError where the parameter does not exist, options make no sense, or there are fewer than 8 samples. */
export async function measureProjected(
  pool: Pool,
  input: MeasurementInput,
  options: ProjectedOptions,
): Promise<ProjectedResult> {
  const started = performance.now();
  const seconds: Record<string, number> = {};
  const stage = async <T>(name: string, share: number, body: () => Promise<T>): Promise<T> => {
    options.signal?.throwIfAborted();
    options.onProgress?.(name, share);
    const begun = performance.now();
    const result = await body();
    seconds[name] = (seconds[name] ?? 0) + (performance.now() - begun) / 1000;
    return result;
  };
  const session = await openSession(pool, input, options);
  const { space, plan, operator, samples } = session;
  const { d } = space;
  try {
    const top = checked(options.top ?? defaultTop, 'top', (x) => Number.isSafeInteger(x) && x >= 1);
    const k = Math.min(top, d);
    const which = options.which ?? 'largest';
    const tolerance = checked(options.tolerance ?? defaultTolerance, 'tolerance', (x) => x > 0 && x < 1);
    const first = await stage('gradients', 0, () => session.gradients(true));
    const search = (halves: readonly Half[], from: number, to: number): Promise<Eigenpairs> =>
      stage('eigenpairs', from, () =>
        lanczos(pool, d, (v, out) => operator.apply(v, out, halves), {
          count: k,
          which,
          seed: options.seed,
          tolerance,
          maxProducts: options.maxProducts ?? 20 * k + 500,
          ...(options.signal && { signal: options.signal }),
          onProgress: (converged) => options.onProgress?.('eigenpairs', from + ((to - from) * converged) / k),
        }),
      );
    const pairs = await search(both, 0.02, 0.3);
    const pairsA = await search(['A'], 0.3, 0.45);
    const pairsB = await search(['B'], 0.45, 0.6);
    const project = (of: Eigenpairs, halves: readonly Half[], from: number, share: number): Promise<Projections> =>
      stage('projections', from, () =>
        session.project({
          vectors: of.vectors,
          gradient: first.gradients[halves.length === 2 ? 'all' : halves[0]],
          halves,
          covariance: halves.length === 2,
          onProgress: (done) => options.onProgress?.('projections', from + share * done),
        }),
      );
    const all = await project(pairs, both, 0.6, 0.15);
    const fromA = await project(pairsA, ['B'], 0.75, 0.07);
    const fromB = await project(pairsB, ['A'], 0.82, 0.07);
    const wantsHalf = options.intervals !== false && (options.convergence ?? 'training-set') === 'training-set';
    const byHalf = wantsHalf ? await project(pairsA, ['A'], 0.89, 0.01) : null;
    const residuals = await stage('residuals', 0.9, () => trueResiduals(pool, operator, pairs, d));
    const means = meansOf(all, plan, all.blocks);
    const eigenvalues = pairs.values;
    const diagonals = {
      C: averageClusters(eigenvalues, means.C),
      Q: averageClusters(eigenvalues, means.Q),
    };
    const trace = await stage('traces', 0.92, () =>
      measureTraces(pool, session, first, { k, d, means, probes: options.probes ?? defaultProbes, seed: options.seed }),
    );
    const within = await stage('within', 0.95, () =>
      measureWithin(pool, plan, {
        vectors: pairs.vectors,
        eigenvalues,
        covariance: all.covariance ?? new Float64Array(),
        Q: means.Q,
        d,
        seed: options.seed,
      }),
    );
    const crossFitted = [
      halfDiagonals(pairsA, fromA, plan, [2, 3]),
      halfDiagonals(pairsB, fromB, plan, [0, 1]),
    ] as const;
    const { device } = options;
    const precisionReached =
      device &&
      (await stage('precision', 0.96, () =>
        projectedPrecision(pool, session, device, pairs, all, first.gradients.all),
      ));
    const floors = numericalFloors(samples, eigenvalues, means, device !== undefined);
    const relative = residuals.map((r, i) => (Math.abs(eigenvalues[i]) > floors.H ? r / Math.abs(eigenvalues[i]) : 0));
    const largest = (values: ArrayLike<number>): number => Array.from(values).reduce((most, x) => Math.max(most, x), 0);
    const gradient = first.gradients.all;
    const projections: BlockProjections = {
      blocks: plan.blocks,
      training_set: chosen(all, eigenvalues, floors.H),
      cross_fitted: [chosen(fromA, pairsA.values, floors.H), chosen(fromB, pairsB.values, floors.H)],
    };
    const asked = await stage('extras', 0.97, () =>
      measureExtras(pool, session, input, options, {
        all: { projections: all, eigenvalues, vectors: pairs.vectors, centre: gradient, halves: both },
        crossed: [
          {
            projections: fromA,
            eigenvalues: pairsA.values,
            vectors: pairsA.vectors,
            centre: first.gradients.B,
            halves: ['B'],
          },
          {
            projections: fromB,
            eigenvalues: pairsB.values,
            vectors: pairsB.vectors,
            centre: first.gradients.A,
            halves: ['A'],
          },
        ],
        covariance: all.covariance ?? new Float64Array(),
        secondMoment: within.secondMoment,
        cosines: { CH: within.cosineCH, CQ: within.cosineCQ },
        ratio: within.commutatorRatio,
        baseline: within.baseline,
        trainingSet: { selection: eigenvalues, H: eigenvalues, C: diagonals.C, Q: diagonals.Q },
        crossFitted,
        floors,
        traceC: trace.C,
        ...(options.intervals !== false && {
          intervals: {
            projections,
            choose: (set: SpanSet, sums: Float64Array) =>
              chosen(
                { ...set.projections, sums: { ...set.projections.sums, squaredCurvature: sums } },
                set.eigenvalues,
                floors.H,
              ).sums.squaredCurvature,
          },
        }),
      }),
    );
    const arrays: ProjectedResult['arrays'] = {
      mean_gradient: gradient,
      eigenvalues,
      C_diagonal: diagonals.C,
      Q_diagonal: diagonals.Q,
      vectors: Float64Array.from(pairs.vectors),
      cross_fitted_selection: joined(crossFitted, 'selection'),
      cross_fitted_H_diagonal: joined(crossFitted, 'H'),
      cross_fitted_C_diagonal: joined(crossFitted, 'C'),
      cross_fitted_Q_diagonal: joined(crossFitted, 'Q'),
      ...(options.intervals !== false && { ...directionErrors(projections), ...packProjections(projections) }),
      ...asked.arrays,
    };
    const begun = performance.now();
    const summary = await summarise(pool, {
      parameter: { name: space.name, shape: space.shape, rows: 1, cols: d, initial: 'kernel', fanIn: d, fanOut: d },
      method: 'projected',
      samples,
      seed: options.seed,
      sizes: [plan.sizes.A, plan.sizes.B],
      loss: first.lossSum / samples,
      accuracy: input.classes ? first.correct / samples : null,
      gradient,
      trace: { C: trace.C, H: trace.H, Q: trace.Q },
      cosines: { CH: within.cosineCH, CQ: within.cosineCQ },
      ratio: within.commutatorRatio,
      baseline: within.baseline,
      population: input.inputs.length / session.network.inputSize,
      trainingSet: { selection: eigenvalues, H: eigenvalues, C: diagonals.C, Q: diagonals.Q },
      crossFitted,
      floors,
      ...asked.summary,
      ...(options.intervals !== false && { projections }),
      ...(byHalf && { half: halfOf(pairsA, byHalf, plan) }),
      projected: {
        k: eigenvalues.length,
        which,
        iterations: pairs.products,
        restarts: pairs.restarts,
        breakdowns: pairs.breakdowns,
        converged: pairs.converged,
        tolerance,
        largest_residual: largest(residuals),
        largest_relative_residual: largest(relative),
        orthogonality: pairs.orthogonality,
        halves: {
          converged: [pairsA.converged, pairsB.converged],
          largest_residual: Math.max(largest(pairsA.residuals), largest(pairsB.residuals)),
        },
        trace_probes: trace.probes,
        trace_standard_error: trace.standardError,
        cosine_samples: within.samples,
        passes: operator.passes + (byHalf === null ? 2 : 2.5) * k + trace.probes,
      },
      ...(precisionReached && { precisionReached }),
      engine: { blas: pool.blas.name, backend: device?.title ?? 'cpu', threads: pool.threads },
      seconds,
    });
    // `summary` holds this very object.
    seconds['statistics'] = (performance.now() - begun) / 1000;
    seconds['total'] = (performance.now() - started) / 1000;
    for (const each of [pairs, pairsA, pairsB]) pool.blas.release(each.vectors);
    return { summary, arrays, projections };
  } finally {
    await session.close();
  }
}

/** Half A by itself: directions and values from the same samples. */
function halfOf(pairs: Eigenpairs, projections: Projections, plan: SamplePlan): HalfInput {
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
  projections: Projections,
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
function chosen({ k, blocks, sums }: Projections, eigenvalues: Float64Array, floor: number): ProjectedDirections {
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

function joined(halves: readonly [Diagonals, Diagonals], key: 'selection' | 'H' | 'C' | 'Q'): Float64Array {
  return Float64Array.from([...halves[0][key], ...halves[1][key]]);
}

function checked(value: number, name: string, holds: (x: number) => boolean): number {
  if (!holds(value)) throw new InputError(`${name}: expected a number in its range, received ${value}`);
  return value;
}
