/**
 * Every sample's own vector u_p [d] (its gradient, or h_p v) from the terms that layers hand over, told by operations of any backend (../projected/sinks.ts is the
 * same in place on the cpu's arrays, which is the faster there). Letters: N samples, T positions a sample, R rows a sample in all terms, m x n the
 * parameter's matrix.
 */
import type { Backend, Tensor } from '../../backend/types.ts';
import type { GradientSink, Parameter } from '../../network/types.ts';
import type { Space } from '../projected/space.ts';

/** One term of a parameter's gradient: the sum over a sample's rows of a^T b (a kernel's), or of b itself (a = null). */
interface Term {
  readonly a: Tensor | null;
  readonly b: Tensor;
}

export class SampleSink implements GradientSink {
  readonly #space: Space;
  readonly #backend: Backend;
  readonly #count: number;
  readonly #terms = new Map<Parameter, Term[]>();

  /** @param count N: samples of the pass. */
  constructor(space: Space, backend: Backend, count: number) {
    this.#space = space;
    this.#backend = backend;
    this.#count = count;
  }

  product(parameter: Parameter, a: Tensor, transposeA: boolean, b: Tensor, transposeB: boolean): void {
    if (!this.#space.offsets.has(parameter.name)) return;
    if (!transposeA || transposeB) throw new Error(`${parameter.name}: a gradient by samples must be a sum of a^T b`);
    this.#keep(parameter, { a, b });
  }

  add(parameter: Parameter): void {
    throw new Error(`${parameter.name}: its gradient cannot be told by samples`);
  }

  addRows(parameter: Parameter, rows: () => Tensor): void {
    if (this.#space.offsets.has(parameter.name)) this.#keep(parameter, { a: null, b: rows() });
  }

  /** [N, 2]: |u_p|^2 and u_p . v, v by parameter. Call in the scope of the pass. */
  measure(direction: ReadonlyMap<string, Tensor>): Tensor {
    const backend = this.#backend;
    let [square, product] = [backend.zeros(this.#count, 1), backend.zeros(this.#count, 1)];
    for (const [parameter, terms] of this.#terms) {
      const v = direction.get(parameter.name);
      if (v === undefined) throw new Error(`${parameter.name}: the direction does not tell it`);
      const R = (terms.length * terms[0].b.rows) / this.#count;
      const [ownSquare, ownProduct] =
        terms[0].a !== null && gramIsCheaper(parameter, R) ? this.#byGram(terms, v) : this.#explicitly(terms, v);
      square = backend.add(square, ownSquare);
      product = backend.add(product, ownProduct);
    }
    return backend.concatColumns([square, product]);
  }

  #keep(parameter: Parameter, term: Term): void {
    const terms = this.#terms.get(parameter);
    if (terms === undefined) this.#terms.set(parameter, [term]);
    else terms.push(term);
  }

  /** From u_p itself, [N, m n]. */
  #explicitly(terms: readonly Term[], v: Tensor): [Tensor, Tensor] {
    const backend = this.#backend;
    const N = this.#count;
    const size = v.rows * v.cols;
    let own: Tensor | null = null;
    for (const { a, b } of terms) {
      const T = b.rows / N;
      const each =
        a === null
          ? backend.scale(backend.runMeans(b, T), T)
          : backend.reshape(backend.batchMatmul(a, b, N, true), N, size);
      own = own === null ? each : backend.add(own, each);
    }
    if (own === null) throw new Error('a parameter without a term');
    return [backend.rowDot(own, own), backend.matmul(own, backend.reshape(v, size, 1))];
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

/** Whether Gram matrices of a sample's rows take less than its m x n matrix: R^2 (m + n) against R m n. */
function gramIsCheaper({ rows, cols }: Parameter, R: number): boolean {
  return R * (rows + cols) < rows * cols;
}

/** Numbers a sample that `measure` makes of a parameter whose layer sees T rows a sample, at most: two of its matrices, or of its Gram matrices. */
export function sampleNumbers(parameter: Parameter, T: number): number {
  return gramIsCheaper(parameter, T) ? 4 * Math.max(T * T, T * parameter.cols) : 2 * parameter.rows * parameter.cols;
}
