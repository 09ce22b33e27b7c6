/** The numbers behind "noise at work" (shared/noise-at-work.ts) from C, H and Q of a layer. */
import type { ArrayReference, Real } from '../blas/types.ts';
import type { LinearStability, NoiseAtWork } from '../../shared/noise-at-work.ts';
import { selectedCount, usabilityOf } from '../../shared/cutoffs.ts';
import type { Diagonals, Floors } from '../../shared/cutoffs.ts';
import { standardCutoffs } from '../../shared/estimands.ts';
import { Random } from '../../shared/random.ts';
import type { Pool } from '../parallel/pool.ts';
import { defineTask, type TaskContext } from '../parallel/task.ts';
import { dot } from './vectors.ts';

/** Lanczos steps for the largest eigenvalue of Q - H^2, which is positive semidefinite: 1e-4 of it and better on the spectra of layers. */
const steps = 24;

export interface NoiseMomentsArgument {
  readonly d: number;
  readonly C: ArrayReference;
  readonly H: ArrayReference;
  readonly Q: ArrayReference;
  /** The Gauss-Newton part if it is not H. */
  readonly gaussNewton: ArrayReference | null;
  readonly gradient: Float64Array;
  readonly seed: number;
}

type NoiseMoments = Omit<NoiseAtWork, 'outputs' | 'takeuchi' | 'linear_stability'>;

export const noiseMomentsTask = defineTask(
  'noiseMoments',
  ({ blas }: TaskContext, argument: NoiseMomentsArgument): NoiseMoments => {
    const { d } = argument;
    const [C, H, Q] = [blas.open(argument.C), blas.open(argument.H), blas.open(argument.Q)];
    let [trace_CH, norm_H] = [0, 0];
    for (let at = 0; at < d * d; at++) {
      trace_CH += C[at] * H[at];
      norm_H += H[at] * H[at];
    }
    const G = argument.gaussNewton === null ? null : blas.open(argument.gaussNewton);
    const gauss_newton = { trace: 0, trace_C: 0, norm: 0 };
    if (G !== null) {
      for (let i = 0; i < d; i++) gauss_newton.trace += G[i * d + i];
      for (let at = 0; at < d * d; at++) {
        gauss_newton.trace_C += C[at] * G[at];
        gauss_newton.norm += G[at] * G[at];
      }
    }
    const take = (): Real => blas.allocate('float64', d);
    const [v, moved, other] = [take(), take(), take()];
    v.set(argument.gradient);
    blas.gemv(false, d, d, 1, H, d, v, 0, moved);
    const gradient_curvature = dot(v, moved);
    const curvature_variance = largestEigenvalue(blas, d, argument.seed, (x, out) => {
      blas.gemv(false, d, d, 1, H, d, x, 0, moved);
      blas.gemv(false, d, d, 1, H, d, moved, 0, other);
      blas.gemv(false, d, d, 1, Q, d, x, 0, out);
      for (let i = 0; i < d; i++) out[i] -= other[i];
    });
    for (const array of [v, moved, other]) blas.release(array);
    return {
      trace_CH,
      norm_H,
      gradient_curvature,
      curvature_variance,
      gauss_newton: G === null ? undefined : gauss_newton,
    };
  },
);

/** By Lanczos with full reorthogonalisation from a random start. */
function largestEigenvalue(
  blas: TaskContext['blas'],
  d: number,
  seed: number,
  apply: (x: Real, out: Real) => void,
): number {
  const random = new Random(seed, 'noise at work');
  const basis: Real[] = [];
  const [diagonal, beside]: number[][] = [[], []];
  let next = blas.allocate('float64', d);
  for (let i = 0; i < d; i++) next[i] = random.normal();
  for (let step = 0; step < Math.min(steps, d); step++) {
    for (let pass = 0; pass < 2; pass++)
      for (const each of basis) {
        const along = dot(each, next);
        for (let i = 0; i < d; i++) next[i] -= along * each[i];
      }
    const norm = Math.sqrt(dot(next, next));
    if (step > 0) {
      if (!(norm > 1e-12 * Math.abs(diagonal[0]))) break;
      beside.push(norm);
    }
    for (let i = 0; i < d; i++) next[i] /= norm;
    basis.push(next);
    const moved = blas.allocate('float64', d);
    apply(next, moved);
    diagonal.push(dot(next, moved));
    next = moved;
  }
  const n = diagonal.length;
  const matrix = blas.allocate('float64', n * n) as Float64Array;
  const values = blas.allocate('float64', n) as Float64Array;
  for (let i = 0; i < n; i++) {
    matrix[i * n + i] = diagonal[i];
    if (i + 1 < n) matrix[i * n + i + 1] = matrix[(i + 1) * n + i] = beside[i];
  }
  blas.eigh(n, matrix, values);
  const largest = values[n - 1];
  for (const array of [...basis, next, matrix, values]) blas.release(array);
  return largest;
}

export interface NoiseAtWorkTask {
  readonly d: number;
  readonly C: Real;
  readonly H: Real;
  readonly Q: Real;
  /** If it is not H. */
  readonly gaussNewton: Real | undefined;
  readonly stability: LinearStability;
  readonly gradient: Float64Array;
  readonly outputs: number;
  readonly seed: number;
  readonly trainingSet: Diagonals;
  readonly floors: Floors;
}

export async function noiseAtWork(pool: Pool, task: NoiseAtWorkTask): Promise<NoiseAtWork> {
  const { d, gradient, outputs, seed, trainingSet, floors } = task;
  const moments = await pool.run(noiseMomentsTask, {
    d,
    C: pool.reference(task.C),
    H: pool.reference(task.H),
    Q: pool.reference(task.Q),
    gaussNewton: task.gaussNewton === undefined ? null : pool.reference(task.gaussNewton),
    gradient,
    seed,
  });
  const { selection, H, C, Q } = trainingSet;
  const takeuchi = standardCutoffs.map((cutoff) => {
    let [sum, n] = [0, 0];
    for (let i = 0; i < selectedCount(selection, cutoff); i++) {
      if (usabilityOf(H[i], C[i], Q[i], floors) !== 'usable') continue;
      sum += C[i] / H[i];
      n++;
    }
    return { cutoff, sum, n };
  });
  return { outputs, ...moments, linear_stability: task.stability, takeuchi };
}
