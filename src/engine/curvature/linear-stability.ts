/**
 * The largest learning rate at which a layer's minimum is linearly stable under sampling: lambda_max[(I - eta H)^2 + eta^2 p (Q - H^2)] <= 1, so that E|w|^2 does not grow from any
 * displacement w (Wu, Ma & E, NeurIPS 2018, their sufficient condition; the necessary and sufficient one of Mulayoff & Michaeli, arXiv:2306.07850, lies at the same rate or above).
 * With A(p) = (1 - p) H^2 + p Q it reads eta A <= 2 H, so eta = 2 / lambda_max(H^(-1/2) A H^(-1/2)) over the directions of positive curvature, which takes no search over
 * eta: in the eigenbasis of H, H^(-1/2) A H^(-1/2) = (1 - p) D + p G, G = D^(-1/2) V Q V^T D^(-1/2).
 *
 * Letters: n directions with H_ii above the floor, V [n, d] their eigenvectors, D their eigenvalues, m vectors of a search space that all p share.
 */
import type { ArrayReference, Blas, Real } from '../blas/types.ts';
import { batchFactor } from '../../shared/noise-at-work.ts';
import type { LinearStability } from '../../shared/noise-at-work.ts';
import { Random } from '../../shared/random.ts';
import { defineTask, type TaskContext } from '../parallel/task.ts';
import { dot } from './vectors.ts';

/** Batch sizes that rates are given for, up to the number of samples, which is given too. */
const steps = [1, 2, 5] as const;
/** Directions flatter than this share of the largest are left out: their rounding would decide. */
const flattest = 1e-8;
const largestSpace = 96;
/** Of the largest eigenvalue: a residual r bounds its error by r^2 over the gap. */
const tolerance = 1e-4;

export interface LinearStabilityArgument {
  readonly d: number;
  /** Rows v_i in ascending order of the eigenvalues [d, d], and these, decreasing. */
  readonly vectors: ArrayReference;
  readonly eigenvalues: Float64Array;
  readonly Q: ArrayReference;
  readonly samples: number;
  /** Numerical floor of H. */
  readonly floor: number;
  readonly seed: number;
}

/** 1, 2, 5, 10, ... below P, and P. */
export function listedBatches(samples: number): number[] {
  const sizes: number[] = [];
  for (let decade = 1; decade < samples; decade *= 10)
    for (const step of steps) if (step * decade < samples) sizes.push(step * decade);
  return [...sizes, samples];
}

export const linearStabilityTask = defineTask(
  'linearStability',
  ({ blas }: TaskContext, argument: LinearStabilityArgument): LinearStability => {
    const { d, eigenvalues, samples, floor } = argument;
    const least = Math.max(floor, flattest * eigenvalues[0]);
    const n = eigenvalues.findIndex((value) => !(value > least));
    const count = n < 0 ? d : n;
    const negative = eigenvalues.reduce((sum, value) => sum + (value < -floor ? 1 : 0), 0);
    if (count === 0) return { directions: 0, negative, rates: [], converged: true };
    const vectors = blas.open(argument.vectors).subarray((d - count) * d);
    const Q = blas.open(argument.Q);
    // Position a of ascending rows is direction count - 1 - a; everything here stays ascending.
    const D = Float64Array.from({ length: count }, (_, a) => eigenvalues[count - 1 - a]);
    const [inner, moved] = [blas.allocate('float64', d), blas.allocate('float64', d)];
    const scaled = blas.allocate('float64', count);
    const applyG = (x: Real, out: Real): void => {
      for (let a = 0; a < count; a++) scaled[a] = x[a] / Math.sqrt(D[a]);
      blas.gemv(true, count, d, 1, vectors, d, scaled, 0, inner);
      blas.gemv(false, d, d, 1, Q, d, inner, 0, moved);
      blas.gemv(false, count, d, 1, vectors, d, moved, 0, out);
      for (let a = 0; a < count; a++) out[a] /= Math.sqrt(D[a]);
    };
    const space = new SearchSpace(blas, Math.min(largestSpace, count), D, applyG);
    const random = new Random(argument.seed, 'linear stability');
    space.add(Float64Array.from({ length: count }, () => random.normal()));
    const first = new Float64Array(count);
    first[count - 1] = 1;
    space.add(first);
    let converged = true;
    const rates = listedBatches(samples).map((batch) => {
      const p = batchFactor(batch, samples);
      for (;;) {
        const { value, residual, size } = space.largest(p);
        const isFound = size <= tolerance * value;
        if (isFound || !space.add(residual)) {
          converged &&= isFound || space.isWhole;
          return { batch, rate: 2 / value };
        }
      }
    });
    for (const array of [inner, moved, scaled, ...space.arrays]) blas.release(array);
    return { directions: count, negative, rates, converged };
  },
);

/** Orthonormal vectors with their products with G, to which residuals are added. */
class SearchSpace {
  readonly #blas: Blas;
  readonly #limit: number;
  readonly #D: Float64Array;
  readonly #applyG: (x: Real, out: Real) => void;
  readonly #basis: Real[] = [];
  readonly #products: Real[] = [];
  /** basis . D basis and basis . G basis, by rows. */
  readonly #ofD: number[][] = [];
  readonly #ofG: number[][] = [];

  constructor(blas: Blas, limit: number, D: Float64Array, applyG: (x: Real, out: Real) => void) {
    this.#blas = blas;
    this.#limit = limit;
    this.#D = D;
    this.#applyG = applyG;
  }

  get arrays(): readonly Real[] {
    return [...this.#basis, ...this.#products];
  }

  /** Whether it is the whole space, in which every eigenvalue is exact. */
  get isWhole(): boolean {
    return this.#basis.length === this.#D.length;
  }

  /** False if it is full, or the vector lies in it. */
  add(vector: Float64Array): boolean {
    if (this.#basis.length >= this.#limit) return false;
    const before = Math.sqrt(dot(vector, vector));
    for (let pass = 0; pass < 2; pass++)
      for (const each of this.#basis) {
        const along = dot(each, vector);
        for (let a = 0; a < vector.length; a++) vector[a] -= along * each[a];
      }
    const norm = Math.sqrt(dot(vector, vector));
    if (!(norm > 1e-10 * before)) return false;
    const next = this.#blas.allocate('float64', vector.length);
    for (let a = 0; a < vector.length; a++) next[a] = vector[a] / norm;
    const product = this.#blas.allocate('float64', vector.length);
    this.#applyG(next, product);
    this.#basis.push(next);
    this.#products.push(product);
    const bent = this.#D.map((value, a) => value * next[a]);
    this.#ofD.push(this.#basis.map((each) => dot(each, bent)));
    this.#ofG.push(this.#basis.map((each) => dot(each, product)));
    return true;
  }

  /** The largest eigenvalue of (1 - p) D + p G within the space, its residual and that one's length. */
  largest(p: number): { readonly value: number; readonly residual: Float64Array; readonly size: number } {
    const m = this.#basis.length;
    const matrix = this.#blas.allocate('float64', m * m) as Float64Array;
    const values = this.#blas.allocate('float64', m) as Float64Array;
    for (let i = 0; i < m; i++)
      for (let j = 0; j <= i; j++)
        matrix[i * m + j] = matrix[j * m + i] = (1 - p) * this.#ofD[i][j] + p * this.#ofG[i][j];
    this.#blas.eigh(m, matrix, values);
    const value = values[m - 1];
    const weights = matrix.subarray((m - 1) * m, m * m);
    const residual = new Float64Array(this.#D.length);
    for (let i = 0; i < m; i++) {
      const [b, g] = [this.#basis[i], this.#products[i]];
      for (let a = 0; a < residual.length; a++)
        residual[a] += weights[i] * (((1 - p) * this.#D[a] - value) * b[a] + p * g[a]);
    }
    for (const array of [matrix, values]) this.#blas.release(array);
    return { value, residual, size: Math.sqrt(dot(residual, residual)) };
  }
}
