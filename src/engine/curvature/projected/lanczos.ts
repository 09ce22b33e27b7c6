/**
 * Eigenpairs of a symmetric operator by Lanczos with full reorthogonalisation and thick restarts (Wu & Simon, "Thick-restart Lanczos method for
 * large symmetric eigenvalue problems", SIAM J. Matrix Anal. Appl. 22, 2000). T = V H V^T is taken from the inner products themselves, so Ritz values are
 * Rayleigh quotients to rounding whatever the restarts did.
 *
 * Where the Krylov space ends (beta = 0: null directions, repeated eigenvalues) the iteration continues from a random vector orthogonal to the basis. A
 * single start vector sees one direction of a repeated eigenvalue, so once the wanted pairs have converged the search also continues from such a vector,
 * orthogonal to everything found, until that changes none of them. For the largest eigenvalues it ends early where the new vector's own Krylov space
 * shows that nothing as large is left: after m steps from a random vector the largest Ritz value falls short of the largest eigenvalue by
 * 0.103 (ln(d (m - 1)^2) / (m - 1))^2 of the width of the spectrum on average (Kuczynski & Wozniakowski, "Estimating the largest eigenvalue by the power
 * and Lanczos algorithms with a random start", SIAM J. Matrix Anal. Appl. 13, 1992).
 */
import type { Real } from '../../blas/types.ts';
import { Random } from '../../../shared/random.ts';
import type { ProjectedWhich } from '../../../shared/results.ts';
import type { Pool } from '../../parallel/pool.ts';
import { Basis, scaleBy } from './basis.ts';

export interface LanczosOptions {
  /** k >= 1. */
  readonly count: number;
  readonly which: ProjectedWhich;
  readonly seed: number;
  /** A pair has converged when ||H v - lambda v|| <= tolerance |lambda| (or 1e-12 of the largest |lambda|). */
  readonly tolerance: number;
  /** The most products with H; default 20 k + 500. */
  readonly maxProducts?: number | undefined;
  /** Whether to look for copies of repeated eigenvalues after convergence; default true. */
  readonly checkCopies?: boolean;
  readonly signal?: AbortSignal | undefined;
  /** Converged pairs so far, and products done. */
  readonly onProgress?: ((converged: number, products: number) => void) | undefined;
}

export interface Eigenpairs {
  /** Decreasing. */
  readonly values: Float64Array;
  /** Rows v_i [k, d] in the pool's memory, in the same order; release when done. */
  readonly vectors: Real;
  /** Estimates of ||H v_i - lambda_i v_i|| from the recurrence. */
  readonly residuals: Float64Array;
  readonly converged: boolean;
  /** Products with H. */
  readonly products: number;
  readonly restarts: number;
  /** Times the Krylov space ended before the wanted number was found. */
  readonly breakdowns: number;
  /** max |V V^T - 1| over the found vectors. */
  readonly orthogonality: number;
}

/** Steps from another vector before the search for copies may end: enough for the largest copy to show above the wanted values. */
const stepsForCopies = 30;
/** Steps after which it may end if nothing as large is left. */
const fewestStepsForCopies = 12;

/** Part of the largest Ritz value below which the Krylov space has ended. */
const breakdown = 1e-12;

/**
 * @param apply out = H v, both [d] in the pool's memory.
 */
export async function lanczos(
  pool: Pool,
  d: number,
  apply: (v: Real, out: Real) => Promise<void>,
  options: LanczosOptions,
): Promise<Eigenpairs> {
  const k = Math.min(options.count, d);
  const { maxProducts = 20 * k + 500 } = options;
  const size = Math.min(d, Math.max(2 * k + 50, 80));
  const random = new Random(options.seed, 'Lanczos');
  const basis = new Basis(pool, size + 1, d);
  const w = pool.allocate('float64', d);
  /** T [size, size]. */
  const T = new Float64Array(size * size);
  let [products, restarts, breakdowns] = [0, 0, 0];
  let checked: Float64Array | null = options.checkCopies === false ? new Float64Array(0) : null;
  let state: RitzState | null = null;
  /** Rows of the basis whose columns of T are known; row `known` is the next direction. */
  let known = 0;
  /** Rows that there must be before a cycle may end early. */
  let fewest = k;
  /** Rows that the search for copies started from. */
  let searchFrom = 0;
  await basis.fresh(0, basis.row(0), random);
  for (;;) {
    options.signal?.throwIfAborted();
    let beta = 0;
    while (known < size && products < maxProducts) {
      options.signal?.throwIfAborted();
      const v = basis.row(known);
      await apply(v, w);
      products++;
      const { along, norm } = await basis.orthogonalise(known + 1, w);
      for (let i = 0; i <= known; i++) T[i * size + known] = T[known * size + i] = along[i];
      beta = norm;
      known++;
      const scale = largestEntry(T, size, known);
      if (known < d && known < size + 1) {
        const next = basis.row(known);
        if (beta > breakdown * scale) {
          next.set(w);
          scaleBy(next, 1 / beta);
        } else {
          beta = 0;
          // The found space is invariant: enough if it holds the wanted ones, which the test below sees.
          await basis.fresh(known, next, random);
          if (known < size) breakdowns++;
        }
      } else beta = 0;
      options.onProgress?.(state?.converged ?? 0, products);
      if (known % 10 === 0 && known >= fewest && known < size) {
        state = ritz(pool, T, size, known, beta, k, options);
        if (state.converged === k) break;
      } else if (checked !== null && options.which === 'largest' && known - searchFrom >= fewestStepsForCopies) {
        if (largestLeft(pool, T, size, searchFrom, known, d) < (1 - options.tolerance) * checked[checked.length - 1])
          break;
      }
    }
    state = ritz(pool, T, size, known, beta, k, options);
    const isExhausted = known === d;
    const isOut = products >= maxProducts;
    const isSettled = checked !== null && (checked.length === 0 || same(checked, state.values, options.tolerance));
    if (isExhausted || isOut || (state.converged === k && isSettled)) break;
    restarts++;
    const isConverged = state.converged === k;
    // Beyond the wanted pairs, some of their neighbours: the next cycle starts with what this one found out about them.
    const keep = Math.min(known - 1, k + Math.floor((size - k) / 2));
    const order = state.order.subarray(0, keep);
    const rotation = new Float64Array(keep * known);
    for (let i = 0; i < keep; i++)
      rotation.set(state.vectors.subarray(order[i] * known, (order[i] + 1) * known), i * known);
    const next = Float64Array.from(basis.row(known));
    await basis.combine(known, rotation, keep);
    T.fill(0);
    for (let i = 0; i < keep; i++) T[i * size + i] = state.all[order[i]];
    if (isConverged) {
      checked = state.values;
      fewest = keep + stepsForCopies;
      searchFrom = keep;
      await basis.fresh(keep, basis.row(keep), random);
    } else {
      fewest = keep;
      basis.row(keep).set(next);
    }
    known = keep;
  }
  const foundCount = Math.min(k, known);
  // In decreasing order, whatever order they were asked for in.
  const final = state;
  const order = final.order.slice(0, foundCount).sort((a, b) => final.all[b] - final.all[a]);
  const rotation = new Float64Array(foundCount * known);
  for (let i = 0; i < foundCount; i++)
    rotation.set(final.vectors.subarray(order[i] * known, (order[i] + 1) * known), i * known);
  await basis.combine(known, rotation, foundCount);
  const vectors = pool.allocate('float64', foundCount * d);
  vectors.set(basis.rows.subarray(0, foundCount * d));
  const orthogonality = basis.orthogonality(foundCount);
  basis.release();
  pool.blas.release(w);
  return {
    values: Float64Array.from(order, (i) => final.all[i]),
    vectors,
    residuals: Float64Array.from(order, (i) => final.residuals[i]),
    converged: final.converged >= k,
    products,
    restarts,
    breakdowns,
    orthogonality,
  };
}

/** What the largest eigenvalue beyond the rows before `kept` can be expected not to exceed, from the Krylov space of the rows since. */
function largestLeft(pool: Pool, T: Float64Array, size: number, kept: number, known: number, d: number): number {
  const m = known - kept;
  const matrix = pool.allocate('float64', m * m) as Float64Array;
  const values = pool.allocate('float64', m) as Float64Array;
  for (let i = 0; i < m; i++) {
    const row = (kept + i) * size + kept;
    matrix.set(T.subarray(row, row + m), i * m);
  }
  pool.blas.eigh(m, matrix, values);
  const [low, high] = [values[0], values[m - 1]];
  pool.blas.release(matrix);
  pool.blas.release(values);
  const short = Math.min(0.5, 0.103 * (Math.log(d * (m - 1) ** 2) / (m - 1)) ** 2);
  return (high - short * low) / (1 - short);
}

interface RitzState {
  /** All Ritz values, ascending, with rows of coefficients [known, known] and residual estimates |beta s_last|. */
  readonly all: Float64Array;
  readonly vectors: Float64Array;
  readonly residuals: Float64Array;
  /** Numbers of Ritz values, the most wanted first. */
  readonly order: Uint32Array;
  /** The k wanted values in that order, and how many of them have converged. */
  readonly values: Float64Array;
  readonly converged: number;
}

function ritz(
  pool: Pool,
  T: Float64Array,
  size: number,
  known: number,
  beta: number,
  k: number,
  { which, tolerance }: LanczosOptions,
): RitzState {
  const matrix = pool.allocate('float64', known * known) as Float64Array;
  const values = pool.allocate('float64', known) as Float64Array;
  for (let i = 0; i < known; i++) matrix.set(T.subarray(i * size, i * size + known), i * known);
  pool.blas.eigh(known, matrix, values);
  const all = Float64Array.from(values);
  const vectors = Float64Array.from(matrix);
  pool.blas.release(matrix);
  pool.blas.release(values);
  const residuals = Float64Array.from(all, (_, i) => Math.abs(beta * vectors[i * known + known - 1]));
  const order = wanted(all, which);
  const largest = Math.max(Math.abs(all[0]), Math.abs(all[known - 1]));
  let converged = 0;
  for (let i = 0; i < Math.min(k, known); i++) {
    const index = order[i];
    if (residuals[index] <= Math.max(tolerance * Math.abs(all[index]), breakdown * largest)) converged++;
  }
  return { all, vectors, residuals, order, values: Float64Array.from(order.subarray(0, k), (i) => all[i]), converged };
}

/** Numbers of ascending values, the most wanted first: from the top, by size, or from the two ends in turn. */
export function wanted(ascending: Float64Array, which: ProjectedWhich): Uint32Array {
  const n = ascending.length;
  const order = Uint32Array.from({ length: n }, (_, i) => n - 1 - i);
  switch (which) {
    case 'largest':
      return order;
    case 'magnitude':
      return order.sort((a, b) => Math.abs(ascending[b]) - Math.abs(ascending[a]));
    case 'both':
      return order.map((_, i) => (i % 2 === 0 ? n - 1 - i / 2 : (i - 1) / 2));
    default:
      which satisfies never;
      throw new Error('unknown choice of eigenvalues');
  }
}

/** Whether the search from another vector left the wanted values where they were. */
function same(before: Float64Array, after: Float64Array, tolerance: number): boolean {
  const largest = after.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
  const allowed = (x: number): number => Math.max(tolerance * Math.abs(x), breakdown * largest);
  return before.every((x, i) => Math.abs(x - after[i]) <= allowed(x));
}

function largestEntry(T: Float64Array, size: number, known: number): number {
  let largest = 0;
  for (let i = 0; i < known; i++)
    for (let j = Math.max(0, i - 1); j <= i; j++) largest = Math.max(largest, Math.abs(T[i * size + j]));
  return largest;
}
