/**
 * The contribution of one sample p to means over all pairs (p, q), q in a set of N samples of which n_c are of p's class:
 *   C_dual  = 1/2 E[h_p Delta Delta^T h_p]:  a_p a_p^T (x) 1/2 S_p U_p S_p
 *   spread  = E[Delta Delta^T]:              a_p a_p^T (x) U_p / |a_p|^4
 * with U_p = E_q[u u^T] over the set, and the same with n_c / N times the mean over p's class: the part of E that pairs of one class give.
 * Samples with a_p = 0 contribute nothing.
 */
import type { Blas, Real } from '../../blas/types.ts';
import type { SampleMoments, OutputMoments } from './outputs.ts';

/** Blocks in the order dual, spread, dual within classes, spread within classes; the last two only if there are classes. */
export class DualBlocks {
  readonly #blas: Blas;
  readonly #n: number;
  readonly #moments: OutputMoments;
  readonly #u: Real;
  readonly #product: Real;
  /** [n, n] each: the blocks of the last sample. */
  readonly matrices: readonly Real[];

  constructor(blas: Blas, n: number, moments: OutputMoments) {
    this.#blas = blas;
    this.#n = n;
    this.#moments = moments;
    this.#u = blas.allocate('float64', n * n);
    this.#product = blas.allocate('float64', n * n);
    this.matrices = Array.from({ length: moments.classes === null ? 2 : 4 }, () => blas.allocate('float64', n * n));
  }

  /**
   * @param z z_p [n].
   * @param hessian S_p [n, n].
   * @param norm |a_p|^2.
   * @param ofClass the sample's class (any number without classes).
   */
  load(z: Real, hessian: Real, norm: number, ofClass: number): void {
    if (!(norm > 0)) {
      for (const matrix of this.matrices) matrix.fill(0);
      return;
    }
    const { all, classes } = this.#moments;
    this.#fill(all, 1, z, hessian, norm, 0);
    if (classes === null) return;
    const ownClass = classes[ofClass];
    this.#fill(ownClass, ownClass.count / all.count, z, hessian, norm, 2);
  }

  release(): void {
    for (const array of [this.#u, this.#product, ...this.matrices]) this.#blas.release(array);
  }

  #fill(moments: SampleMoments, share: number, z: Real, hessian: Real, norm: number, at: number): void {
    const n = this.#n;
    const u = this.#u;
    const { mean, covariance } = moments;
    for (let i = 0; i < n; i++) {
      const x = mean[i] - z[i];
      for (let j = 0; j < n; j++) u[i * n + j] = covariance[i * n + j] + x * (mean[j] - z[j]);
    }
    const [dual, spread] = [this.matrices[at], this.matrices[at + 1]];
    this.#blas.gemm(false, false, n, n, n, 1, hessian, n, u, n, 0, this.#product, n);
    this.#blas.gemm(false, true, n, n, n, share / 2, this.#product, n, hessian, n, 0, dual, n);
    const factor = share / (norm * norm);
    for (let i = 0; i < n * n; i++) spread[i] = factor * u[i];
  }
}
