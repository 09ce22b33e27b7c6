/**
 * What the commutator ratio of C and H would be if the pairing of a dense layer's factors over samples had no meaning: delta_p shuffled (C changes, H stays), and
 * S_p shuffled (H changes, C stays). Unlike random rotations of C, both keep what every layer of this form has: a common covariance of its inputs, and one of its outputs.
 *
 * With M = mean_p a_p a_p^T (x) T_p (T_p = delta_q delta_q^T less the mean's, or S_q, q a permutation of p) and F the matrix that stays, of eigenpairs f_i, w_i,
 *   ||MF||_F^2 = sum_i f_i^2 |M w_i|^2,  tr MFMF = sum_ij f_i f_j (w_i . M w_j)^2,  ratio = sqrt((1 - tr MFMF / ||MF||_F^2) / 2),
 * over the k leading eigenvectors of F: the contribution of the others is weighted by f_i^2. M w_i needs no d x d matrix. The observed ratio is taken within the same directions.
 *
 * Letters: p sample of n, i direction of k, [in, out] the kernel; row p of `a` is a_p, of `delta` delta_p, of `factors` B_p [out, rank] with S_p = B_p B_p^T
 * (rank 0: S_p itself [out, out]).
 */
import type { ArrayReference, Blas, Real } from '../blas/types.ts';
import { Random } from '../../shared/random.ts';
import type { CommutatorNulls, StructuredNull } from '../../shared/results.ts';
import { studentQuantile } from '../../shared/distributions.ts';
import type { Pool } from '../parallel/pool.ts';
import { defineTask, type TaskContext } from '../parallel/task.ts';
import { openedProblem, passBatch } from './factors.ts';
import type { FactorLayout } from './factors.ts';
import { outputFactor, outputHessian } from './output-hessian.ts';
import { commutatorRatio } from './rotations.ts';

/** Shuffles of each kind. */
const shuffles = 12;
/** Leading eigenvectors within which the ratio is taken. */
export const nullDirections = 32;
/** Samples behind the nulls at the most, and fewer if the factors of S_p would take more bytes than this. */
const mostSamples = 8192;
const mostBytes = 256 * 2 ** 20;
const pieceSize = 128;

export interface NullsOptions {
  readonly layout: FactorLayout;
  /** Width of B_p (`factorWidth`), 0 if S_p itself is kept. */
  readonly rank: number;
  /** Sample numbers in random order; the nulls take the first of them. */
  readonly order: Uint32Array;
  /** Leading eigenpairs of H and of C, k each: rows [k, d] in the pool's memory and their eigenvalues. */
  readonly H: LeadingPairs;
  readonly C: LeadingPairs;
  readonly seed: number;
}

export interface LeadingPairs {
  readonly vectors: Real;
  readonly values: Float64Array;
}

export async function commutatorNulls(pool: Pool, options: NullsOptions): Promise<CommutatorNulls> {
  const { layout, order, rank, seed } = options;
  const { inner, outer } = layout;
  const width = outer * (rank === 0 ? outer : rank);
  const samples = Math.min(order.length, mostSamples, Math.max(pieceSize, Math.floor(mostBytes / (8 * width))));
  const a = pool.allocate('float64', samples * inner);
  const delta = pool.allocate('float64', samples * outer);
  const factors = pool.allocate('float64', samples * width);
  const references = { a: pool.reference(a), delta: pool.reference(delta), factors: pool.reference(factors) };
  const pieces: Promise<void>[] = [];
  for (let start = 0; start < samples; start += pieceSize)
    pieces.push(
      pool.run(nullFactorsTask, {
        layout,
        order,
        start,
        count: Math.min(pieceSize, samples - start),
        rank,
        ...references,
      }),
    );
  await Promise.all(pieces);
  const shared = { inner, outer, samples, rank, seed, ...references };
  const ratios = (kind: 'delta' | 'hessian', { vectors, values }: LeadingPairs): Promise<number[]> =>
    Promise.all(
      Array.from({ length: shuffles + 1 }, (_, shuffle) =>
        pool.run(nullRatioTask, { ...shared, kind, shuffle, vectors: pool.reference(vectors), values }),
      ),
    );
  const [ofDelta, ofHessian] = await Promise.all([ratios('delta', options.H), ratios('hessian', options.C)]);
  for (const array of [a, delta, factors]) pool.blas.release(array);
  return {
    seed,
    samples,
    directions: options.H.values.length,
    delta: nullOf(ofDelta),
    hessian: nullOf(ofHessian),
  };
}

function nullOf([observed, ...ratios]: readonly number[]): StructuredNull {
  const n = ratios.length;
  const sorted = ratios.toSorted((x, y) => x - y);
  const mean = ratios.reduce((sum, x) => sum + x, 0) / n;
  const deviation = Math.sqrt(ratios.reduce((sum, x) => sum + (x - mean) ** 2, 0) / (n - 1));
  return {
    observed,
    mean,
    standard_deviation: deviation,
    median: (sorted[(n - 1) >> 1] + sorted[n >> 1]) / 2,
    percentile_1: mean - studentQuantile(0.99, n - 1) * deviation * Math.sqrt(1 + 1 / n),
    shuffles: n,
  };
}

export interface NullFactorsArgument {
  readonly layout: FactorLayout;
  readonly order: Uint32Array;
  readonly start: number;
  readonly count: number;
  readonly rank: number;
  readonly a: ArrayReference;
  readonly delta: ArrayReference;
  readonly factors: ArrayReference;
}

/** Writes a_p, delta_p and B_p (or S_p) of the samples order[start ... start + count) to rows start and on. */
export const nullFactorsTask = defineTask(
  'nullFactors',
  (context: TaskContext, argument: NullFactorsArgument): void => {
    const problem = openedProblem(context);
    const { network, backend } = problem;
    const { layout, order, start, count, rank } = argument;
    const { inner, outer } = layout;
    const { blas } = context;
    backend.scope(() => {
      const { layer, input, delta } = passBatch(problem, layout, order, start, count);
      blas.open(argument.a).set(input.subarray(0, count * inner), start * inner);
      blas.open(argument.delta).set(delta.subarray(0, count * outer), start * outer);
      const width = outer * (rank === 0 ? outer : rank);
      const matrices =
        rank === 0 ? outputHessian(network, backend, layer, false).data : outputFactor(network, backend, layer).data;
      blas.open(argument.factors).set(matrices.subarray(0, count * width), start * width);
    });
  },
);

export interface NullRatioArgument {
  readonly kind: 'delta' | 'hessian';
  /** 0: not shuffled. */
  readonly shuffle: number;
  readonly seed: number;
  readonly inner: number;
  readonly outer: number;
  readonly samples: number;
  readonly rank: number;
  readonly a: ArrayReference;
  readonly delta: ArrayReference;
  readonly factors: ArrayReference;
  /** w_i [k, d] and f_i. */
  readonly vectors: ArrayReference;
  readonly values: Float64Array;
}

export const nullRatioTask = defineTask('nullRatio', ({ blas }: TaskContext, argument: NullRatioArgument): number => {
  const { kind, shuffle, seed, samples, values } = argument;
  const place =
    shuffle === 0
      ? Uint32Array.from({ length: samples }, (_, p) => p)
      : new Random(seed, `structured null ${kind} ${shuffle}`).permutation(samples);
  const d = argument.inner * argument.outer;
  const k = values.length;
  const vectors = blas.open(argument.vectors);
  const moved =
    kind === 'delta' ? covarianceTimes(blas, argument, place, vectors) : hessianTimes(blas, argument, place, vectors);
  const overlaps = blas.allocate('float64', k * k);
  blas.gemm(false, true, k, k, d, 1, vectors, d, moved, d, 0, overlaps, k);
  let norm = 0;
  let trace = 0;
  for (let i = 0; i < k; i++) {
    let square = 0;
    for (let j = 0; j < d; j++) square += moved[i * d + j] ** 2;
    norm += values[i] ** 2 * square;
    for (let j = 0; j < k; j++) trace += values[i] * values[j] * overlaps[i * k + j] ** 2;
  }
  blas.release(moved);
  blas.release(overlaps);
  return commutatorRatio(norm, trace);
});

/** Rows C w_i [k, d] with C = mean_p g_p g_p^T - g g^T, g_p = a_p (x) delta_place(p). */
function covarianceTimes(
  blas: Blas,
  { inner, outer, samples, values, ...argument }: NullRatioArgument,
  place: Uint32Array,
  vectors: Real,
): Real {
  const a = blas.open(argument.a);
  const delta = blas.open(argument.delta);
  const [k, d] = [values.length, inner * outer];
  const gradients = blas.allocate('float64', pieceSize * d);
  const paired = blas.allocate('float64', pieceSize * outer);
  const mean = blas.allocate('float64', d);
  const along = blas.allocate('float64', pieceSize * k);
  const out = blas.allocate('float64', k * d);
  for (let start = 0; start < samples; start += pieceSize) {
    const count = Math.min(pieceSize, samples - start);
    for (let p = 0, at = 0; p < count; p++) {
      const from = place[start + p] * outer;
      for (let j = 0; j < outer; j++) paired[p * outer + j] = delta[from + j];
      for (let x = 0; x < inner; x++) {
        const value = a[(start + p) * inner + x];
        for (let j = 0; j < outer; j++, at++) gradients[at] = value * paired[p * outer + j];
      }
    }
    const rows = a.subarray(start * inner);
    const keep = start === 0 ? 0 : 1;
    blas.gemm(true, false, inner, outer, count, 1 / samples, rows, inner, paired, outer, keep, mean, outer);
    blas.gemm(false, true, count, k, d, 1, gradients, d, vectors, d, 0, along, k);
    blas.gemm(true, false, k, d, count, 1 / samples, along, k, gradients, d, keep, out, d);
  }
  for (let i = 0; i < k; i++) {
    let dot = 0;
    for (let j = 0; j < d; j++) dot += mean[j] * vectors[i * d + j];
    for (let j = 0; j < d; j++) out[i * d + j] -= dot * mean[j];
  }
  for (const array of [gradients, paired, mean, along]) blas.release(array);
  return out;
}

/** Rows H w_i [k, d] with H = mean_p a_p a_p^T (x) S_place(p): row p of a W is W_i^T a_p of every i, S_p times it, and back. */
function hessianTimes(
  blas: Blas,
  { inner, outer, samples, rank, values, ...argument }: NullRatioArgument,
  place: Uint32Array,
  vectors: Real,
): Real {
  const a = blas.open(argument.a);
  const factors = blas.open(argument.factors);
  const [k, d] = [values.length, inner * outer];
  const wide = k * outer;
  const width = outer * (rank === 0 ? outer : rank);
  /** [in, k * out]. */
  const columns = blas.allocate('float64', inner * wide);
  const sum = blas.allocate('float64', inner * wide);
  for (let i = 0; i < k; i++)
    for (let x = 0; x < inner; x++)
      columns.set(vectors.subarray(i * d + x * outer, i * d + (x + 1) * outer), x * wide + i * outer);
  const u = blas.allocate('float64', pieceSize * wide);
  const su = blas.allocate('float64', pieceSize * wide);
  const between = blas.allocate('float64', k * Math.max(rank, 1));
  for (let start = 0; start < samples; start += pieceSize) {
    const count = Math.min(pieceSize, samples - start);
    const rows = a.subarray(start * inner);
    blas.gemm(false, false, count, wide, inner, 1, rows, inner, columns, wide, 0, u, wide);
    for (let p = 0; p < count; p++) {
      const from = place[start + p] * width;
      const b = factors.subarray(from, from + width);
      const row = u.subarray(p * wide, (p + 1) * wide);
      const target = su.subarray(p * wide, (p + 1) * wide);
      if (rank === 0) blas.gemm(false, false, k, outer, outer, 1, row, outer, b, outer, 0, target, outer);
      else {
        blas.gemm(false, false, k, rank, outer, 1, row, outer, b, rank, 0, between, rank);
        blas.gemm(false, true, k, outer, rank, 1, between, rank, b, rank, 0, target, outer);
      }
    }
    blas.gemm(true, false, inner, wide, count, 1 / samples, rows, inner, su, wide, start === 0 ? 0 : 1, sum, wide);
  }
  const out = blas.allocate('float64', k * d);
  for (let i = 0; i < k; i++)
    for (let x = 0; x < inner; x++)
      out.set(sum.subarray(x * wide + i * outer, x * wide + (i + 1) * outer), i * d + x * outer);
  for (const array of [columns, sum, u, su, between]) blas.release(array);
  return out;
}
