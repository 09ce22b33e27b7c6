/**
 * Every sample's own vector u_p [d] (its gradient, or h_p v) from the terms that layers hand over, computed by operations of any backend (../projected/sinks.ts does the
 * same in place on the cpu's arrays, which is faster there). Letters: N samples, T positions a sample, R rows a sample in all terms, m x n the
 * parameter's matrix.
 */
import type { Backend, Tensor } from '../../backend/types.ts';
import type { Parameter } from '../../network/types.ts';
import type { Space } from '../projected/space.ts';
import { gramIsCheaper, TermSink } from '../projected/terms.ts';
import type { Term } from '../projected/terms.ts';

export class SampleSink extends TermSink {
  readonly #backend: Backend;
  readonly #count: number;

  /** @param count N: samples of the pass. */
  constructor(space: Space, backend: Backend, count: number) {
    super(space);
    this.#backend = backend;
    this.#count = count;
  }

  /** [N, 2]: |u_p|^2 and u_p . v, v by parameter. Call in the scope of the pass. */
  measure(direction: ReadonlyMap<string, Tensor>): Tensor {
    const backend = this.#backend;
    let [square, product] = [backend.zeros(this.#count, 1), backend.zeros(this.#count, 1)];
    for (const [parameter, terms] of this.terms) {
      const v = direction.get(parameter.name);
      if (v === undefined) throw new Error(`${parameter.name}: the direction lacks it`);
      const R = (terms.length * terms[0].b.rows) / this.#count;
      const [ownSquare, ownProduct] =
        terms.every(({ a }) => a !== null) && gramIsCheaper(parameter, R)
          ? this.#byGram(terms, v)
          : this.#explicitly(terms, v);
      square = backend.add(square, ownSquare);
      product = backend.add(product, ownProduct);
    }
    return backend.concatColumns([square, product]);
  }

  /** From u_p itself, [N, m n]. */
  #explicitly(terms: readonly Term[], v: Tensor): [Tensor, Tensor] {
    const backend = this.#backend;
    const N = this.#count;
    const size = v.rows * v.cols;
    let gradient: Tensor | null = null;
    for (const { a, b } of terms) {
      const T = b.rows / N;
      const each =
        a === null
          ? backend.scale(backend.runMeans(b, T), T)
          : backend.reshape(backend.batchMatmul(a, b, N, true), N, size);
      gradient = gradient === null ? each : backend.add(gradient, each);
    }
    if (gradient === null) throw new Error('a parameter without a term');
    return [backend.rowDot(gradient, gradient), backend.matmul(gradient, backend.reshape(v, size, 1))];
  }

  /** |sum_i a_i^T b_i|^2 = sum_ij <a_i a_j^T, b_i b_j^T>, with T x T matrices of one sample's rows. */
  #byGram(terms: readonly Term[], v: Tensor): [Tensor, Tensor] {
    const backend = this.#backend;
    const N = this.#count;
    let [square, product]: (Tensor | null)[] = [null, null];
    const plus = (sum: Tensor | null, term: Tensor): Tensor => (sum === null ? term : backend.add(sum, term));
    for (const [i, { a, b }] of terms.entries()) {
      if (a === null) throw new Error('rows and products of one parameter are mixed');
      const bySample = (rows: Tensor): Tensor => backend.reshape(rows, N, (rows.rows * rows.cols) / N);
      for (let j = i; j < terms.length; j++) {
        const { a: c, b: d } = terms[j];
        if (c === null) throw new Error('rows and products of one parameter are mixed');
        const gram = (x: Tensor, y: Tensor): Tensor =>
          bySample(x.rows === N ? backend.rowDot(x, y) : backend.batchMatmul(x, y, N, false, true));
        const pair = backend.rowDot(gram(a, c), gram(b, d));
        square = plus(square, i === j ? pair : backend.scale(pair, 2));
      }
      product = plus(product, backend.rowDot(bySample(backend.matmul(a, v)), bySample(b)));
    }
    if (square === null || product === null) throw new Error('a parameter without a term');
    return [square, product];
  }
}

/** Numbers a sample that `measure` makes of a parameter whose layer sees T rows a sample, at most: two of its matrices, or of its Gram matrices. */
export function sampleNumbers(parameter: Parameter, T: number): number {
  return gramIsCheaper(parameter, T) ? 4 * Math.max(T * T, T * parameter.cols) : 2 * parameter.rows * parameter.cols;
}
