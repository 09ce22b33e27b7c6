/**
 * Sums over blocks of samples along chosen directions, for the intervals (docs/theory.md, "Intervals without block matrices"). With V_i = v_i as [inner, outer]
 * and u_pi = V_i^T a_p, one sample gives
 *   g_p . v_i = u_pi . delta_p,   v_i . h_p v_i = u_pi . S_p u_pi,   |h_p v_i|^2 = |a_p|^2 |S_p u_pi|^2.
 * A block of half B is taken along training-set directions and those of H_A, a block of A along those of H_B, in one pass over the samples.
 */
import type { ArrayReference, Blas, Real } from '../blas/types.ts';
import type { Pool } from '../parallel/pool.ts';
import { defineTask, type TaskContext } from '../parallel/task.ts';
import { emptySums, planBlocks } from '../statistics/index.ts';
import type { BlockProjections, ChosenDirections, ProjectedDirections, ProjectionSums } from '../statistics/index.ts';
import type { AffineLayer } from '../network/affine.ts';
import { openedProblem, passBatch } from './factors.ts';
import type { FactorLayout, Problem } from './factors.ts';
import { factorWidth, outputFactor, outputHessian } from './output-hessian.ts';
import type { Half } from './moments.ts';
import type { Spectrum } from './spectrum.ts';
import { sumOfSquares } from './vectors.ts';

/** Samples whose projections are computed at once. */
const pieceSize = 128;
/** Directions whose u_p are held at once: with the samples of a piece a few megabytes. */
const directionsAtOnce = 64;

/** Directions as one matrix: row `in` holds v_i(in, :) of every direction i one after the other. */
export interface DirectionMatrix {
  readonly directions: ChosenDirections;
  /** [inner, count * outer]. */
  readonly columns: Real;
}

/** Gathers chosen directions (numbered in decreasing order) from the rows of a spectrum (which ascend). */
export function directionMatrix(
  blas: Blas,
  layout: FactorLayout,
  spectrum: Spectrum,
  directions: ChosenDirections,
): DirectionMatrix {
  const { inner, outer } = layout;
  const d = inner * outer;
  const count = directions.indices.length;
  const columns = blas.allocate('float64', inner * count * outer);
  for (let i = 0; i < count; i++) {
    let from = (d - 1 - directions.indices[i]) * d;
    for (let a = 0; a < inner; a++) {
      const offset = (a * count + i) * outer;
      for (let k = 0; k < outer; k++) columns[offset + k] = spectrum.vectors[from++];
    }
  }
  return { directions, columns };
}

interface Target {
  readonly columns: ArrayReference;
  readonly count: number;
  /** g . v_i, subtracted from every g_p . v_i. */
  readonly offsets: Float64Array;
}

export interface BlockArgument {
  readonly layout: FactorLayout;
  readonly order: Uint32Array;
  readonly start: number;
  readonly end: number;
  readonly targets: readonly Target[];
}

export interface BlockResult {
  /** Of the block, by set of directions. */
  readonly sums: readonly ProjectionSums[];
  /** sum_p of |g_p|^2, tr h_p, tr h_p^2, and the largest |g_p|^2. */
  readonly traces: { readonly C: number; readonly H: number; readonly Q: number; readonly largest: number };
}

export const blockProjectionsTask = defineTask(
  'blockProjections',
  (context: TaskContext, argument: BlockArgument): BlockResult => {
    const problem = openedProblem(context);
    const { blas } = context;
    const { backend } = problem;
    const { layout, order, targets } = argument;
    const { inner, outer } = layout;
    const results = targets.map(({ count }) => ({
      curvature: new Float64Array(count),
      squaredCurvature: new Float64Array(count),
      gradient: new Float64Array(count),
      squaredGradient: new Float64Array(count),
    }));
    const traces = { C: 0, H: 0, Q: 0, largest: 0 };
    for (let start = argument.start; start < argument.end; start += pieceSize) {
      const samples = Math.min(pieceSize, argument.end - start);
      backend.scope(() => {
        const { layer, input, delta } = passBatch(problem, layout, order, start, samples);
        const projector = projectorOf(problem, layer, samples, delta, outer);
        for (let p = 0; p < samples; p++) {
          const norm = sumOfSquares(input, p * inner, inner);
          const squaredGradient = norm * sumOfSquares(delta, p * outer, outer);
          traces.C += squaredGradient;
          traces.largest = Math.max(traces.largest, squaredGradient);
          traces.H += norm * projector.trace(p);
          traces.Q += norm * norm * projector.squaredTrace(p);
        }
        for (const [index, { columns, count, offsets }] of targets.entries()) {
          const all = blas.open(columns);
          const ld = count * outer;
          for (let first = 0; first < count; first += directionsAtOnce) {
            const some = Math.min(directionsAtOnce, count - first);
            const width = some * outer;
            backend.scope(() => {
              const u = backend.take(samples, width).data;
              const right = all.subarray(first * outer);
              blas.gemm(false, false, samples, width, inner, 1, input, inner, right, ld, 0, u, width);
              for (let p = 0; p < samples; p++) {
                const rows = u.subarray(p * width, (p + 1) * width);
                projector.add(p, rows, some, sumOfSquares(input, p * inner, inner), offsets, first, results[index]);
              }
            });
          }
        }
      });
    }
    return { sums: results, traces };
  },
);

interface Projector {
  /** tr S_p and tr S_p^2. */
  readonly trace: (p: number) => number;
  readonly squaredTrace: (p: number) => number;
  /**
   * Adds what sample p has along directions first .. first + count - 1 to the sums.
   * @param u rows u_pi [count, outer].
   * @param norm |a_p|^2.
   */
  readonly add: (
    p: number,
    u: Real,
    count: number,
    norm: number,
    offsets: Float64Array,
    first: number,
    sums: ProjectionSums,
  ) => void;
}

/** By S_p = B_p B_p^T if that is narrower, with y = B_p^T u: u . S_p u = |y|^2 and |S_p u|^2 = y . (B_p^T B_p) y; else by S_p itself. */
function projectorOf(
  { network, backend }: Problem,
  layer: AffineLayer,
  samples: number,
  delta: Real,
  outer: number,
): Projector {
  const { blas } = backend;
  const rank = factorWidth(network, layer);
  const isFactored = rank > 0;
  const inner = isFactored ? rank : outer;
  const matrices = isFactored
    ? outputFactor(network, backend, layer).data
    : outputHessian(network, backend, layer, false).data;
  // delta_p as one more column, so that the product gives u . delta as well.
  const width = inner + 1;
  const extended = backend.take(samples, outer * width).data;
  for (let row = 0, at = 0, from = 0; row < samples * outer; row++) {
    for (let j = 0; j < inner; j++) extended[at++] = matrices[from++];
    extended[at++] = delta[row];
  }
  /** B_p^T B_p. */
  const grams = backend.take(isFactored ? samples : 0, inner * inner).data;
  for (let p = 0; isFactored && p < samples; p++) {
    const b = matrices.subarray(p * outer * inner, (p + 1) * outer * inner);
    const gram = grams.subarray(p * inner * inner, (p + 1) * inner * inner);
    blas.gemm(true, false, inner, inner, outer, 1, b, inner, b, inner, 0, gram, inner);
  }
  /** Square matrices with the traces of S_p, and of S_p^2 as their sums of squares. */
  const traced = isFactored ? grams : matrices;
  const size = inner * inner;
  const moved = backend.take(directionsAtOnce, width).data;
  const turned = backend.take(directionsAtOnce, inner).data;
  return {
    trace: (p) => {
      let sum = 0;
      for (let i = 0; i < inner; i++) sum += traced[p * size + i * inner + i];
      return sum;
    },
    squaredTrace: (p) => sumOfSquares(traced, p * size, size),
    add: (p, u, count, norm, offsets, first, sums) => {
      const matrix = extended.subarray(p * outer * width, (p + 1) * outer * width);
      blas.gemm(false, false, count, width, outer, 1, u, outer, matrix, width, 0, moved, width);
      if (isFactored) {
        const gram = grams.subarray(p * size, (p + 1) * size);
        blas.gemm(false, false, count, inner, inner, 1, moved, width, gram, inner, 0, turned, inner);
      }
      for (let i = 0, at = 0, other = 0; i < count; i++) {
        let curvature = 0;
        let square = 0;
        for (let k = 0; k < inner; k++, at++, other++) {
          const y = moved[at];
          if (isFactored) {
            curvature += y * y;
            square += y * turned[other];
          } else {
            curvature += y * u[other];
            square += y * y;
          }
        }
        const gradient = moved[at++] - offsets[first + i];
        sums.curvature[first + i] += curvature;
        sums.squaredCurvature[first + i] += norm * square;
        sums.gradient[first + i] += gradient;
        sums.squaredGradient[first + i] += gradient * gradient;
      }
    },
  };
}

export interface BlockProjectionOptions {
  readonly layout: FactorLayout;
  /** Half A, then half B, each in random order. */
  readonly order: Uint32Array;
  readonly sizes: Readonly<Record<Half, number>>;
  /** g over all samples. */
  readonly meanGradient: Float64Array;
  readonly trainingSet: DirectionMatrix;
  /** Directions of H_A and of H_B. */
  readonly halves: readonly [DirectionMatrix, DirectionMatrix];
  readonly signal?: AbortSignal | undefined;
}

/** One pass over all samples. Needs at least 4 samples in each half. */
export async function blockProjections(pool: Pool, options: BlockProjectionOptions): Promise<BlockProjections> {
  const { layout, order, sizes, meanGradient, trainingSet, halves, signal } = options;
  const blocks = planBlocks([sizes.A, sizes.B]);
  const target = (matrix: DirectionMatrix): Target => ({
    columns: pool.reference(matrix.columns),
    count: matrix.directions.indices.length,
    offsets: projectedGradient(layout, matrix, meanGradient),
  });
  const targets = { all: target(trainingSet), A: target(halves[0]), B: target(halves[1]) };
  const results = await Promise.all(
    blocks.map(({ quarter, start, end }) => {
      // Directions of the other half: values of A along those of B.
      const crossed = quarter < 2 ? targets.B : targets.A;
      return pool.run(blockProjectionsTask, { layout, order, start, end, targets: [targets.all, crossed] });
    }),
  );
  signal?.throwIfAborted();
  const sums = results.map((each) => each.sums);
  const trace = (key: keyof BlockResult['traces']): Float64Array =>
    Float64Array.from(results, (each) => each.traces[key]);
  const firstOfB = blocks.findIndex((block) => block.quarter >= 2);
  return {
    blocks,
    traces: { C: trace('C'), H: trace('H'), Q: trace('Q'), largest: trace('largest') },
    training_set: stack(
      trainingSet.directions,
      sums.map((each) => each[0]),
    ),
    cross_fitted: [
      stack(
        halves[0].directions,
        sums.slice(firstOfB).map((each) => each[1]),
      ),
      stack(
        halves[1].directions,
        sums.slice(0, firstOfB).map((each) => each[1]),
      ),
    ],
  };
}

function stack(directions: ChosenDirections, rows: readonly ProjectionSums[]): ProjectedDirections {
  const k = directions.indices.length;
  const sums = emptySums(rows.length, k);
  for (const [b, row] of rows.entries()) {
    for (const key of ['curvature', 'squaredCurvature', 'gradient', 'squaredGradient'] as const)
      sums[key].set(row[key], b * k);
  }
  return { directions, sums };
}

/** gradient . v_i of every chosen direction. */
export function projectedGradient(
  layout: FactorLayout,
  { directions, columns }: DirectionMatrix,
  gradient: Float64Array,
): Float64Array {
  const { inner, outer } = layout;
  const count = directions.indices.length;
  const values = new Float64Array(count);
  for (let i = 0; i < count; i++) {
    for (let a = 0; a < inner; a++) {
      for (let k = 0; k < outer; k++) values[i] += columns[(a * count + i) * outer + k] * gradient[a * outer + k];
    }
  }
  return values;
}

/** H_ii, C_ii and Q_ii of all samples from the block sums, along the directions that represent only themselves (not a cluster's mean). */
export function blockMeans(
  { directions, sums }: ProjectedDirections,
  samples: number,
): { readonly indices: readonly number[]; readonly H: number[]; readonly C: number[]; readonly Q: number[] } {
  const { indices, starts } = directions;
  const k = indices.length;
  const rows = sums.curvature.length / Math.max(1, k);
  const single = Array.from({ length: starts.length - 1 }, (_, group) => group).filter(
    (group) => starts[group + 1] - starts[group] === 1,
  );
  const columns = single.map((group) => starts[group]);
  const mean = (values: Float64Array, column: number): number => {
    let sum = 0;
    for (let row = 0; row < rows; row++) sum += values[row * k + column];
    return sum / samples;
  };
  return {
    indices: columns.map((column) => indices[column]),
    H: columns.map((column) => mean(sums.curvature, column)),
    C: columns.map((column) => mean(sums.squaredGradient, column) - mean(sums.gradient, column) ** 2),
    Q: columns.map((column) => mean(sums.squaredCurvature, column)),
  };
}
