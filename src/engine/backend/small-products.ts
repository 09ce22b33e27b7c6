/** Many small products at once: a call of a native library for each would cost more than the multiplying. */
import type { Blas, Precision, Real } from '../blas/types.ts';
import type { CpuTensor } from './cpu-tensor.ts';
import { ServedLoops } from './served.ts';

/** Multiply-adds of a product above which a call of the library is faster. */
const largest = 2 ** 16;

export class SmallProducts extends ServedLoops {
  readonly #blas: Blas;
  readonly #precision: Precision;
  /** Room for a transposed operand, in the kernels' memory. */
  #scratch: Real | null = null;
  #scratchAt = 0;

  constructor(blas: Blas, precision: Precision) {
    super(blas, precision);
    this.#blas = blas;
    this.#precision = precision;
  }

  /** `count` products op(a_i) op(b_i) of [m, k] and [k, n] into c; false if there is no faster way than one after the other. */
  multiply(
    a: CpuTensor,
    b: CpuTensor,
    count: number,
    transposeA: boolean,
    transposeB: boolean,
    m: number,
    n: number,
    k: number,
    c: CpuTensor,
  ): boolean {
    const kernels = count > 1 && m * n * k <= largest ? this.serving(a, b, c) : null;
    if (kernels === null) return false;
    const [left, right] = [transposeA ? 1 : 0, transposeB ? 1 : 0];
    kernels.batchGemm(this.double, left, right, count, m, n, k, a.at, b.at, c.at, this.#room(n * k));
    return true;
  }

  #room(length: number): number {
    if (this.#scratch === null || this.#scratch.length < length) {
      if (this.#scratch !== null) this.#blas.release(this.#scratch);
      this.#scratch = this.#blas.allocate(this.#precision, length);
      this.#scratchAt = this.#blas.loops?.offset(this.#scratch) ?? -1;
      if (this.#scratchAt < 0) throw new Error('no room in the WebAssembly memory');
    }
    return this.#scratchAt;
  }
}
