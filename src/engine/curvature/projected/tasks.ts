/** Tasks of worker threads for the projected method. Each writes its own lane's part of the output; lanes never depend on the threads. */
import type { ArrayReference } from '../../blas/types.ts';
import { dataOf } from '../../backend/cpu.ts';
import type { Tensor } from '../../backend/types.ts';
import type { GradientSink } from '../../network/types.ts';
import { defineTask, type TaskContext } from '../../parallel/task.ts';
import { withLosses } from '../factors.ts';
import { linearise, onChunk, projectedState, scratchOf } from './linearised.ts';
import { chunksOf } from './plan.ts';
import { PerSampleSink, SumSink } from './sinks.ts';
import { directionOf } from './space.ts';
import { sumOfSquares } from '../vectors.ts';

export interface GradientsArgument {
  readonly lane: number;
  /** [d]: receives sum_p g_p over the lane. */
  readonly sum: ArrayReference;
  /** Whether the squares of the samples' gradients are wanted. */
  readonly squares: boolean;
}

export interface GradientsResult {
  readonly lossSum: number;
  readonly correct: number;
  /** sum_p |g_p|^2; 0 unless asked for. */
  readonly squares: number;
}

export const gradientsTask = defineTask(
  'gradients',
  (context: TaskContext, argument: GradientsArgument): GradientsResult => {
    const state = projectedState(context);
    const { space, plan, problem } = state;
    const { backend, network } = problem;
    const sum = context.blas.open(argument.sum);
    sum.fill(0);
    const lane = plan.lanes[argument.lane];
    let [lossSum, correct, squares] = [0, 0, 0];
    for (const [start, count] of chunksOf(lane.start, lane.end, plan.chunk)) {
      backend.scope(() => {
        const all = new SumSink(space, backend, sum);
        const each = argument.squares ? new PerSampleSink(space, backend, count) : null;
        const { targets } = linearise(
          state,
          network,
          backend,
          start,
          count,
          each === null ? all : bothSinks(each, all),
        );
        if (each !== null) {
          const squaredNorms = new Float64Array(count);
          each.measure(squaredNorms, null, null);
          for (const value of squaredNorms) squares += value;
        }
        lossSum = withLosses(lossSum, network, targets);
        correct += network.loss.correct(dataOf(network.output), dataOf(targets));
      });
    }
    return { lossSum, correct, squares };
  },
);

/** Gradients by samples and summed up, from one pass. */
function bothSinks(each: PerSampleSink, all: SumSink): GradientSink {
  return {
    product: (...terms) => {
      each.product(...terms);
      all.product(...terms);
    },
    add: (parameter, gradient) => {
      all.add(parameter, gradient);
    },
    addRows: (parameter, rows, sum) => {
      each.addRows(parameter, rows);
      all.addRows(parameter, rows, sum);
    },
  };
}

export interface HessianProductArgument {
  /** v [d]. */
  readonly direction: ArrayReference;
  /** [lanes, d]: row l receives sum_p h_p v over lane l. */
  readonly slots: ArrayReference;
  /** Lanes that take part; lane i of these is the work of worker i modulo their number. */
  readonly lanes: readonly number[];
}

/** Run in every worker at once: each does its own lanes, whose chunks it keeps. */
export const hessianProductTask = defineTask(
  'hessianProduct',
  (context: TaskContext, argument: HessianProductArgument): void => {
    const state = projectedState(context);
    const { space, plan, worker, workers } = state;
    const direction = context.blas.open(argument.direction);
    const slots = context.blas.open(argument.slots);
    for (const index of argument.lanes) {
      if (index % workers !== worker) continue;
      const sum = slots.subarray(index * space.d, (index + 1) * space.d);
      sum.fill(0);
      const lane = plan.lanes[index];
      for (const [start, count] of chunksOf(lane.start, lane.end, plan.chunk)) {
        onChunk(state, start, count, true, ({ network, backend, stop }) => {
          network.tangent({ weights: directionOf(space, backend, direction) }, new SumSink(space, backend, sum), stop);
        });
      }
    }
  },
);

export interface ProjectionsArgument {
  readonly lane: number;
  /** Rows v_i [k, d], and g . v_i [k] with g the mean gradient. */
  readonly directions: ArrayReference;
  readonly centres: Float64Array;
  /** Whether the products of the slopes are wanted too. */
  readonly covariance: boolean;
}

/** Sums over the samples of the lane's blocks; [blocks of the lane, k] row-major (statistics/blocks.ts). */
export interface ProjectionsResult {
  readonly curvature: Float64Array;
  readonly squaredCurvature: Float64Array;
  readonly gradient: Float64Array;
  readonly squaredGradient: Float64Array;
  /** [k, k]: sum_p of the products of (g_p - g) . v_i and (g_p - g) . v_j over the lane; null unless asked for. */
  readonly covariance: Float64Array | null;
}

export const projectionsTask = defineTask(
  'projections',
  (context: TaskContext, argument: ProjectionsArgument): ProjectionsResult => {
    const state = projectedState(context);
    const { space, plan } = state;
    const { blas } = context;
    const vectors = blas.open(argument.directions);
    const { centres } = argument;
    const k = centres.length;
    const lane = plan.lanes[argument.lane];
    const zeros = (): Float64Array => new Float64Array((lane.endBlock - lane.firstBlock) * k);
    const sums = { curvature: zeros(), squaredCurvature: zeros(), gradient: zeros(), squaredGradient: zeros() };
    const covariance = argument.covariance ? blas.allocate('float64', k * k) : null;
    for (let b = lane.firstBlock; b < lane.endBlock; b++) {
      const row = (b - lane.firstBlock) * k;
      for (const [start, count] of chunksOf(plan.blocks[b].start, plan.blocks[b].end, plan.chunk)) {
        onChunk(state, start, count, false, ({ network, backend, lossDelta, stop }) => {
          const bySample = (rows: Tensor): Tensor => backend.reshape(rows, count, (rows.rows * rows.cols) / count);
          const slopes = backend.take(count, k).data;
          const products = new Float64Array(count);
          const squares = new Float64Array(count);
          for (let i = 0; i < k; i++) {
            backend.scope(() => {
              const v = vectors.subarray(i * space.d, (i + 1) * space.d);
              const sink = new PerSampleSink(space, backend, count);
              const yDot = network.tangent({ weights: directionOf(space, backend, v) }, sink, stop);
              const along = yDot === null ? null : dataOf(backend.rowDot(bySample(lossDelta), bySample(yDot)));
              products.fill(0);
              squares.fill(0);
              sink.measure(squares, v, products);
              for (let p = 0; p < count; p++) {
                const slope = (along === null ? 0 : along[p]) - centres[i];
                slopes[p * k + i] = slope;
                sums.gradient[row + i] += slope;
                sums.squaredGradient[row + i] += slope * slope;
                sums.curvature[row + i] += products[p];
                sums.squaredCurvature[row + i] += squares[p];
              }
            });
          }
          if (covariance !== null) blas.gemm(true, false, k, k, count, 1, slopes, k, slopes, k, 1, covariance, k);
        });
      }
    }
    const copy = covariance === null ? null : Float64Array.from(covariance);
    if (covariance !== null) blas.release(covariance);
    return { ...sums, covariance: copy };
  },
);

export interface SecondMomentArgument {
  readonly directions: ArrayReference;
  readonly k: number;
  /** Samples [start, start + count) of the order. */
  readonly start: number;
  readonly count: number;
}

/** sum_p q_p and sum_p ||q_p||_F^2 of q_p = [(h_p v_i) . (h_p v_j)] [k, k]. */
export interface SecondMomentResult {
  readonly sum: Float64Array;
  readonly squares: number;
}

export const secondMomentTask = defineTask(
  'secondMoment',
  (context: TaskContext, argument: SecondMomentArgument): SecondMomentResult => {
    const state = projectedState(context);
    const { space, plan } = state;
    const { blas } = context;
    const { k } = argument;
    const vectors = blas.open(argument.directions);
    const sum = new Float64Array(k * k);
    let squares = 0;
    const gram = blas.allocate('float64', k * k);
    const end = argument.start + argument.count;
    // The vectors of as many samples as 256 MB hold.
    const held = Math.max(1, Math.min(plan.chunk, Math.floor(2 ** 25 / (k * space.d))));
    const store = scratchOf(state, held * k * space.d);
    for (const [start, count] of chunksOf(argument.start, end, held)) {
      onChunk(state, start, count, false, ({ network, backend, stop }) => {
        for (let i = 0; i < k; i++) {
          backend.scope(() => {
            const v = vectors.subarray(i * space.d, (i + 1) * space.d);
            const sink = new PerSampleSink(space, backend, count);
            network.tangent({ weights: directionOf(space, backend, v) }, sink, stop);
            for (let p = 0; p < count; p++)
              sink.vectorOf(p, store.subarray((p * k + i) * space.d, (p * k + i + 1) * space.d));
          });
        }
      });
      for (let p = 0; p < count; p++) {
        const rows = store.subarray(p * k * space.d, (p + 1) * k * space.d);
        blas.gemm(false, true, k, k, space.d, 1, rows, space.d, rows, space.d, 0, gram, k);
        for (let i = 0; i < k * k; i++) {
          sum[i] += gram[i];
          squares += gram[i] * gram[i];
        }
      }
    }
    blas.release(gram);
    return { sum, squares };
  },
);

export interface BasisArgument {
  /** Rows [rows, d], w [d]; this piece: columns [from, to). */
  readonly basis: ArrayReference;
  readonly rows: number;
  readonly d: number;
  readonly w: ArrayReference;
  readonly from: number;
  readonly to: number;
  /** [rows]: this piece's part of V w, or the coefficients. */
  readonly coefficients: ArrayReference;
}

/** coefficients = V[:, from:to] w[from:to]. */
export const basisProjectTask = defineTask('basisProject', ({ blas }: TaskContext, argument: BasisArgument): void => {
  const { rows, d, from, to } = argument;
  const basis = blas.open(argument.basis).subarray(from);
  const w = blas.open(argument.w).subarray(from, to);
  blas.gemv(false, rows, to - from, 1, basis, d, w, 0, blas.open(argument.coefficients));
});

/** w[from:to] -= V[:, from:to]^T coefficients; returns the sum of squares of what is left. */
export const basisSubtractTask = defineTask(
  'basisSubtract',
  ({ blas }: TaskContext, argument: BasisArgument): number => {
    const { rows, d, from, to } = argument;
    const basis = blas.open(argument.basis).subarray(from);
    const w = blas.open(argument.w).subarray(from, to);
    blas.gemv(true, rows, to - from, -1, basis, d, blas.open(argument.coefficients), 1, w);
    return sumOfSquares(w, 0, w.length);
  },
);

export interface BasisCombineArgument {
  readonly basis: ArrayReference;
  readonly rows: number;
  readonly d: number;
  readonly from: number;
  readonly to: number;
  /** [count, rows]; out [count, d] = coefficients V, columns [from, to). */
  readonly coefficients: ArrayReference;
  readonly count: number;
  readonly out: ArrayReference;
}

export const basisCombineTask = defineTask(
  'basisCombine',
  ({ blas }: TaskContext, argument: BasisCombineArgument): void => {
    const { rows, d, from, to, count } = argument;
    const basis = blas.open(argument.basis).subarray(from);
    const out = blas.open(argument.out).subarray(from);
    blas.gemm(false, false, count, to - from, rows, 1, blas.open(argument.coefficients), rows, basis, d, 0, out, d);
  },
);
