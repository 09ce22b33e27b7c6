/**
 * Sums over blocks of samples along chosen directions, for the intervals (THEORY, "Intervals without block matrices"). With V_i = v_i as [inner, outer]
 * and u_pi = V_i^T a_p, one sample gives
 *   g_p . v_i = u_pi . delta_p,   v_i . h_p v_i = u_pi . S_p u_pi,   |h_p v_i|^2 = |a_p|^2 |S_p u_pi|^2.
 * A block of half B is taken along training-set directions and those of H_A, a block of A along those of H_B, in one pass over the samples.
 */
import type { ArrayReference, Blas, Real } from '../blas/types.ts';
import type { Pool } from '../parallel/pool.ts';
import type { TaskContext } from '../parallel/tasks.ts';
import { emptySums, planBlocks } from '../statistics/index.ts';
import type { BlockProjections, ChosenDirections, ProjectedDirections } from '../statistics/index.ts';
import { openedProblem, passBatch, squaredNorm } from './factors.ts';
import type { FactorLayout } from './factors.ts';
import type { Half } from './moments.ts';
import type { Spectrum } from './spectrum.ts';

/** Samples whose projections are made at once. */
const pieceSize = 64;

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
    const row = (d - 1 - directions.indices[i]) * d;
    for (let a = 0; a < inner; a++) {
      columns.set(spectrum.vectors.subarray(row + a * outer, row + (a + 1) * outer), (a * count + i) * outer);
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

/** The four sums of a block along each set of directions. */
export interface BlockSums {
  readonly curvature: Float64Array;
  readonly squaredCurvature: Float64Array;
  readonly gradient: Float64Array;
  readonly squaredGradient: Float64Array;
}

export function blockProjectionsTask(context: TaskContext, argument: BlockArgument): BlockSums[] {
  const problem = openedProblem(context);
  const { blas } = context;
  const { layout, order, targets } = argument;
  const { inner, outer } = layout;
  const results = targets.map(({ count }) => ({
    curvature: new Float64Array(count),
    squaredCurvature: new Float64Array(count),
    gradient: new Float64Array(count),
    squaredGradient: new Float64Array(count),
  }));
  for (let start = argument.start; start < argument.end; start += pieceSize) {
    const samples = Math.min(pieceSize, argument.end - start);
    problem.backend.scope(() => {
      const { input, delta, hessians } = passBatch(problem, layout, order, start, samples);
      for (const [index, { columns, count, offsets }] of targets.entries()) {
        if (count === 0) continue;
        const width = count * outer;
        const u = problem.backend.take(samples, width).data;
        const su = problem.backend.take(count, outer).data;
        blas.gemm(false, false, samples, width, inner, 1, input, inner, blas.open(columns), width, 0, u, width);
        for (let p = 0; p < samples; p++) {
          const rows = u.subarray(p * width, (p + 1) * width);
          const hessian = hessians.subarray(p * outer * outer, (p + 1) * outer * outer);
          blas.gemm(false, false, count, outer, outer, 1, rows, outer, hessian, outer, 0, su, outer);
          addSample(results[index], rows, su, delta, p * outer, outer, squaredNorm(input, p * inner, inner), offsets);
        }
      }
    });
  }
  return results;
}

function addSample(
  sums: BlockSums,
  u: Real,
  su: Real,
  delta: Real,
  deltaStart: number,
  outer: number,
  norm: number,
  offsets: Float64Array,
): void {
  for (let i = 0, at = 0; i < offsets.length; i++) {
    let curvature = 0;
    let square = 0;
    let gradient = 0;
    for (let k = 0; k < outer; k++, at++) {
      curvature += u[at] * su[at];
      square += su[at] * su[at];
      gradient += u[at] * delta[deltaStart + k];
    }
    gradient -= offsets[i];
    sums.curvature[i] += curvature;
    sums.squaredCurvature[i] += norm * square;
    sums.gradient[i] += gradient;
    sums.squaredGradient[i] += gradient * gradient;
  }
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
  readonly signal?: AbortSignal;
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
  const sums = await Promise.all(
    blocks.map(({ quarter, start, end }) => {
      // Directions of the other half: values of A along those of B.
      const crossed = quarter < 2 ? targets.B : targets.A;
      return pool.run('blockProjections', { layout, order, start, end, targets: [targets.all, crossed] });
    }),
  );
  signal?.throwIfAborted();
  const firstOfB = blocks.findIndex((block) => block.quarter >= 2);
  return {
    blocks,
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

function stack(directions: ChosenDirections, rows: readonly BlockSums[]): ProjectedDirections {
  const k = directions.indices.length;
  const sums = emptySums(rows.length, k);
  for (const [b, row] of rows.entries()) {
    for (const key of ['curvature', 'squaredCurvature', 'gradient', 'squaredGradient'] as const)
      sums[key].set(row[key], b * k);
  }
  return { directions, sums };
}

function projectedGradient(
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

/** H_ii, C_ii and Q_ii of all samples from the block sums, along the directions that stand for themselves (no cluster's mean). */
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
