/**
 * Where the gradients go (or their tangents: products h_p v summed over samples) that layers hand over.
 * Letters: p sample, N samples, T positions a sample, m x n the parameter's matrix.
 */
import { dataOf } from '../../backend/cpu.ts';
import type { CpuBackend } from '../../backend/cpu.ts';
import type { Tensor } from '../../backend/types.ts';
import type { Real } from '../../blas/types.ts';
import { rowSum } from '../../network/types.ts';
import type { GradientSink, Parameter } from '../../network/types.ts';
import type { Space } from './space.ts';
import { gramIsCheaper, TermSink } from './terms.ts';
import type { Term } from './terms.ts';

/** Adds everything up in one vector [d]; parameters outside the space are ignored. */
export class SumSink implements GradientSink {
  readonly #space: Space;
  readonly #backend: CpuBackend;
  readonly #sum: Real;

  constructor(space: Space, backend: CpuBackend, sum: Real) {
    this.#space = space;
    this.#backend = backend;
    this.#sum = sum;
  }

  product({ name, rows, cols }: Parameter, a: Tensor, transposeA: boolean, b: Tensor, transposeB: boolean): void {
    const offset = this.#space.offsets.get(name);
    if (offset === undefined) return;
    const target = this.#backend.wrap(this.#sum.subarray(offset, offset + rows * cols), rows, cols);
    this.#backend.accumulate(target, 1, a, transposeA, b, transposeB, 1);
  }

  add({ name }: Parameter, gradient: Tensor): void {
    const offset = this.#space.offsets.get(name);
    if (offset === undefined) return;
    const values = dataOf(gradient);
    for (let i = 0; i < values.length; i++) this.#sum[offset + i] += values[i];
  }

  addRows(parameter: Parameter, rows: () => Tensor, sum?: () => Tensor): void {
    if (!this.#space.offsets.has(parameter.name)) return;
    this.add(parameter, sum?.() ?? rowSum(this.#backend, parameter, rows()));
  }
}

/**
 * Keeps the terms of a pass, from which every sample's own vector u_p [d] (its gradient, or h_p v) can be computed: its norm, its product with a
 * direction, or the vector itself. The tensors must outlive the pass.
 */
export class PerSampleSink extends TermSink {
  readonly #backend: CpuBackend;
  readonly #count: number;

  /** @param count N: samples of the pass. */
  constructor(space: Space, backend: CpuBackend, count: number) {
    super(space);
    this.#backend = backend;
    this.#count = count;
  }

  /** squares[p] += |u_p|^2 and, with a direction v [d], products[p] += u_p . v. */
  measure(squares: Float64Array, direction: Real | null, products: Float64Array | null): void {
    for (const [parameter, terms] of this.terms) {
      const offset = this.space.offsets.get(parameter.name) ?? 0;
      const v = direction?.subarray(offset, offset + parameter.rows * parameter.cols) ?? null;
      const isProduct = terms.every(({ a }) => a !== null);
      if (isProduct && gramIsCheaper(parameter, (terms.length * terms[0].b.rows) / this.#count))
        this.#measureByGram(parameter, terms, squares, v, products);
      else this.#measureExplicitly(parameter, terms, squares, v, products);
    }
  }

  /** u_p into out [d]. */
  vectorOf(p: number, out: Real): void {
    const { blas } = this.#backend;
    out.fill(0);
    for (const [{ name, rows, cols }, terms] of this.terms) {
      const offset = this.space.offsets.get(name) ?? 0;
      for (const { a, b } of terms) {
        const T = b.rows / this.#count;
        const right = dataOf(b).subarray(p * T * b.cols, (p + 1) * T * b.cols);
        if (a === null) addColumnSums(right, b.cols, out, offset);
        else {
          const left = dataOf(a).subarray(p * T * rows, (p + 1) * T * rows);
          const target = out.subarray(offset, offset + rows * cols);
          blas.gemm(true, false, rows, cols, T, 1, left, rows, right, cols, 1, target, cols);
        }
      }
    }
  }

  #measureExplicitly(
    { rows, cols }: Parameter,
    terms: readonly Term[],
    squares: Float64Array,
    v: Real | null,
    products: Float64Array | null,
  ): void {
    const { blas } = this.#backend;
    const gradient = this.#backend.take(rows, cols).data;
    const isMixed = terms.some(({ a }) => a === null);
    for (let p = 0; p < this.#count; p++) {
      if (isMixed) gradient.fill(0);
      for (const [i, { a, b }] of terms.entries()) {
        const T = b.rows / this.#count;
        if (a === null) {
          addColumnSums(dataOf(b).subarray(p * T * b.cols, (p + 1) * T * b.cols), b.cols, gradient, 0);
          continue;
        }
        const left = dataOf(a).subarray(p * T * rows, (p + 1) * T * rows);
        const right = dataOf(b).subarray(p * T * cols, (p + 1) * T * cols);
        blas.gemm(true, false, rows, cols, T, 1, left, rows, right, cols, i === 0 && !isMixed ? 0 : 1, gradient, cols);
      }
      addSquareAndProduct(gradient, rows * cols, v, p, squares, products);
    }
  }

  /** |sum_i a_i^T b_i|^2 = sum_ij <a_i a_j^T, b_i b_j^T>, with T x T matrices of one sample's rows. */
  #measureByGram(
    { rows, cols }: Parameter,
    terms: readonly Term[],
    squares: Float64Array,
    v: Real | null,
    products: Float64Array | null,
  ): void {
    const backend = this.#backend;
    const N = this.#count;
    for (const [i, first] of terms.entries()) {
      for (let j = i; j < terms.length; j++) {
        const second = terms[j];
        const [a, b, c, d] = [first.a ?? first.b, first.b, second.a ?? second.b, second.b];
        const factor = i === j ? 1 : 2;
        const T = b.rows / N;
        const left = T === 1 ? backend.rowDot(a, c) : backend.batchMatmul(a, c, N, false, true);
        const right = T === 1 ? backend.rowDot(b, d) : backend.batchMatmul(b, d, N, false, true);
        const [x, y] = [dataOf(left), dataOf(right)];
        for (let p = 0, at = 0; p < N; p++) {
          let sum = 0;
          for (let t = 0; t < T * T; t++, at++) sum += x[at] * y[at];
          squares[p] += factor * sum;
        }
      }
      if (v === null || products === null) continue;
      const moved = backend.matmul(first.a ?? first.b, backend.wrap(v, rows, cols));
      const along = dataOf(backend.rowDot(moved, first.b));
      const T = along.length / N;
      for (let p = 0, at = 0; p < N; p++) for (let t = 0; t < T; t++, at++) products[p] += along[at];
    }
  }
}

/** out[at + j] += sum over rows. */
function addColumnSums(values: Real, cols: number, out: Real, at: number): void {
  for (let i = 0; i < values.length; i += cols) for (let j = 0; j < cols; j++) out[at + j] += values[i + j];
}

function addSquareAndProduct(
  own: Real,
  size: number,
  v: Real | null,
  p: number,
  squares: Float64Array,
  products: Float64Array | null,
): void {
  let square = 0;
  for (let i = 0; i < size; i++) square += own[i] * own[i];
  squares[p] += square;
  if (v === null || products === null) return;
  let product = 0;
  for (let i = 0; i < size; i++) product += own[i] * v[i];
  products[p] += product;
}
