/** The inverse of a Cholesky factor, by blocks: all but the blocks on the diagonal is matrix products of the library. */
import type { Blas, Real } from '../blas/types.ts';

/** Rows of a block. */
const width = 32;

export class CholeskyInverse {
  readonly #blas: Blas;
  readonly #n: number;
  /** [n, n]: L^-1 in the lower triangle, zeros above. */
  readonly inverse: Real;
  /** What a block on the diagonal has below it, and products [width, n]. */
  readonly #panel: Real;
  readonly #rows: Real;
  /** Inverses of the blocks on the diagonal, one after the other. */
  readonly #diagonal: Real;
  readonly #block = new Float64Array(width * width);

  constructor(blas: Blas, n: number) {
    this.#blas = blas;
    this.#n = n;
    this.inverse = blas.allocate('float64', n * n);
    this.#panel = blas.allocate('float64', n * width);
    this.#rows = blas.allocate('float64', n * width);
    this.#diagonal = blas.allocate('float64', Math.ceil(n / width) * width * width);
  }

  /** Fills `inverse` for the symmetric A = L L^T [n, n], of which the lower triangle is read and overwritten. Raises an Error if A is not positive definite. */
  of(a: Real): void {
    const [blas, n, panel] = [this.#blas, this.#n, this.#panel];
    for (let start = 0; start < n; start += width) {
      const w = Math.min(width, n - start);
      const below = n - start - w;
      const own = this.#diagonal.subarray(start * width, start * width + w * w);
      this.#invertBlock(a, start, w, own);
      if (below === 0) break;
      const under = a.subarray((start + w) * n + start);
      blas.gemm(false, true, below, w, w, 1, under, n, own, w, 0, panel, w);
      for (let i = 0; i < below; i++) under.set(panel.subarray(i * w, (i + 1) * w), i * n);
      const rest = a.subarray((start + w) * n + start + w);
      blas.gemm(false, true, below, below, w, -1, panel, w, panel, w, 1, rest, n);
    }
    // Rows of blocks from the top: -(L_ii)^-1 L_i,before (L^-1)_before beside (L_ii)^-1.
    const { inverse } = this;
    inverse.fill(0);
    for (let start = 0; start < n; start += width) {
      const w = Math.min(width, n - start);
      const own = this.#diagonal.subarray(start * width, start * width + w * w);
      const target = inverse.subarray(start * n);
      if (start > 0) {
        blas.gemm(false, false, w, start, start, 1, a.subarray(start * n), n, inverse, n, 0, this.#rows, start);
        blas.gemm(false, false, w, start, w, -1, own, w, this.#rows, start, 0, target, n);
      }
      for (let i = 0; i < w; i++) target.set(own.subarray(i * w, (i + 1) * w), i * n + start);
    }
  }

  release(): void {
    for (const array of [this.inverse, this.#panel, this.#rows, this.#diagonal]) this.#blas.release(array);
  }

  /** out [w, w] = the inverse of the Cholesky factor of the block of A on its diagonal from `start` on. */
  #invertBlock(a: Real, start: number, w: number, out: Real): void {
    const [n, block] = [this.#n, this.#block];
    for (let i = 0; i < w; i++)
      for (let j = 0; j <= i; j++) {
        let sum = a[(start + i) * n + start + j];
        for (let k = 0; k < j; k++) sum -= block[i * w + k] * block[j * w + k];
        if (i === j) {
          if (!(sum > 0)) throw new Error('random rotation: the Gram matrix is not positive definite');
          block[i * w + i] = Math.sqrt(sum);
        } else block[i * w + j] = sum / block[j * w + j];
      }
    // Row i of the inverse: (e_i - sum_(k < i) L_ik row_k) / L_ii, the rows before it inverted already.
    out.fill(0);
    for (let i = 0; i < w; i++) {
      for (let k = 0; k < i; k++) {
        const factor = block[i * w + k];
        for (let j = 0; j <= k; j++) out[i * w + j] -= factor * out[k * w + j];
      }
      const scale = 1 / block[i * w + i];
      for (let j = 0; j < i; j++) out[i * w + j] *= scale;
      out[i * w + i] = scale;
    }
  }
}
