/**
 * An orthonormal basis in the pool's memory, row by row, and the three things that Lanczos does with it. Wide vectors are cut into a fixed number of
 * column pieces for the worker threads; their parts are added in a fixed order.
 */
import type { Real } from '../../blas/types.ts';
import type { Random } from '../../../shared/random.ts';
import type { Pool } from '../../parallel/pool.ts';
import { taskContext, type Task } from '../../parallel/task.ts';
import { basisCombineTask, basisProjectTask, basisSubtractTask } from './tasks.ts';
import { sumOfSquares } from '../vectors.ts';

/** Numbers of V above which an operation is worth spreading. */
const worthSpreading = 2 ** 18;
const pieces = 8;

export class Basis {
  readonly d: number;
  readonly capacity: number;
  readonly rows: Real;
  readonly #pool: Pool;
  readonly #coefficients: Real;
  #spare: Real | null = null;

  constructor(pool: Pool, capacity: number, d: number) {
    this.#pool = pool;
    this.d = d;
    this.capacity = capacity;
    this.rows = pool.allocate('float64', capacity * d);
    this.#coefficients = pool.allocate('float64', (pieces + 1) * capacity);
  }

  row(i: number): Real {
    return this.rows.subarray(i * this.d, (i + 1) * this.d);
  }

  /** Subtracts from w its part along the first `count` rows; returns V w [count] as it was and the norm of what is left. */
  async remove(count: number, w: Real): Promise<{ readonly along: Float64Array; readonly norm: number }> {
    const coefficients = this.#coefficients;
    const cut = this.#cut(count);
    const shared = { basis: this.#pool.reference(this.rows), rows: count, d: this.d, w: this.#pool.reference(w) };
    const slot = (i: number): Real => coefficients.subarray(i * this.capacity, i * this.capacity + count);
    await Promise.all(
      cut.map(([from, to], i) =>
        this.#run(basisProjectTask, { ...shared, from, to, coefficients: this.#pool.reference(slot(i + 1)) }),
      ),
    );
    const total = slot(0);
    total.fill(0);
    for (let i = 0; i < cut.length; i++) {
      const part = slot(i + 1);
      for (let j = 0; j < count; j++) total[j] += part[j];
    }
    const squares = await Promise.all(
      cut.map(([from, to]) =>
        this.#run(basisSubtractTask, { ...shared, from, to, coefficients: this.#pool.reference(total) }),
      ),
    );
    const sum = squares.reduce((all, each) => all + each, 0);
    return { along: Float64Array.from(total), norm: Math.sqrt(sum) };
  }

  /** `remove`, repeated while cancellation leaves a remainder that is not orthogonal ("twice is enough", Kahan and Parlett). */
  async orthogonalise(count: number, w: Real): Promise<{ readonly along: Float64Array; readonly norm: number }> {
    const before = Math.sqrt(sumOfSquares(w, 0, w.length));
    if (count === 0) return { along: new Float64Array(0), norm: before };
    const first = await this.remove(count, w);
    // Daniel, Gragg, Kaufman and Stewart (1976): below this share the remainder must be orthogonalised once more, or errors grow from step to step.
    if (first.norm > Math.SQRT1_2 * before) return first;
    const second = await this.remove(count, w);
    for (let j = 0; j < count; j++) first.along[j] += second.along[j];
    return { along: first.along, norm: second.norm };
  }

  /** A random unit vector orthogonal to the first `count` rows, into w. count < d. */
  async fresh(count: number, w: Real, random: Random): Promise<void> {
    for (let attempt = 0; attempt < 10; attempt++) {
      for (let j = 0; j < this.d; j++) w[j] = random.normal();
      scaleBy(w, 1 / Math.sqrt(sumOfSquares(w, 0, w.length)));
      if (count === 0) return;
      // Three times: near the end of the space almost all of the first draw is removed.
      let norm = 1;
      for (let round = 0; round < 3; round++) {
        norm = (await this.remove(count, w)).norm;
        if (!(norm > 0)) break;
        scaleBy(w, 1 / norm);
      }
      if (norm > 0.5) return;
    }
    throw new Error('Lanczos: no vector orthogonal to the basis was found');
  }

  /** Replaces the first rows by coefficients [count, rows] times the first `rows` rows. */
  async combine(rows: number, coefficients: Float64Array, count: number): Promise<void> {
    const spare = (this.#spare ??= this.#pool.allocate('float64', this.capacity * this.d));
    const matrix = this.#pool.allocate('float64', count * rows);
    matrix.set(coefficients);
    await Promise.all(
      this.#cut(rows).map(([from, to]) =>
        this.#run(basisCombineTask, {
          basis: this.#pool.reference(this.rows),
          rows,
          d: this.d,
          from,
          to,
          coefficients: this.#pool.reference(matrix),
          count,
          out: this.#pool.reference(spare),
        }),
      ),
    );
    this.rows.set(spare.subarray(0, count * this.d));
    this.#pool.blas.release(matrix);
  }

  /** max_ij |v_i . v_j - delta_ij| over the first `count` rows. */
  orthogonality(count: number): number {
    let largest = 0;
    const { blas } = this.#pool;
    const gram = blas.allocate('float64', count * count);
    blas.gemm(false, true, count, count, this.d, 1, this.rows, this.d, this.rows, this.d, 0, gram, count);
    for (let i = 0; i < count; i++)
      for (let j = 0; j < count; j++) largest = Math.max(largest, Math.abs(gram[i * count + j] - (i === j ? 1 : 0)));
    blas.release(gram);
    return largest;
  }

  release(): void {
    const { blas } = this.#pool;
    blas.release(this.rows);
    blas.release(this.#coefficients);
    if (this.#spare !== null) blas.release(this.#spare);
  }

  /** A task in a worker; one whole-width piece runs here. */
  #run<Argument extends { readonly from: number; readonly to: number }, Result>(
    task: Task<Argument, Result>,
    argument: Argument,
  ): Promise<Result> {
    const isWhole = argument.from === 0 && argument.to === this.d;
    return isWhole ? Promise.resolve(task.run(taskContext(this.#pool.blas), argument)) : this.#pool.run(task, argument);
  }

  #cut(rows: number): (readonly [number, number])[] {
    if (rows * this.d < worthSpreading || this.d < 64 * pieces) return [[0, this.d]];
    return Array.from({ length: pieces }, (_, i) => [
      Math.floor((i * this.d) / pieces),
      Math.floor(((i + 1) * this.d) / pieces),
    ]);
  }
}

export function scaleBy(values: Real, factor: number): void {
  for (let i = 0; i < values.length; i++) values[i] *= factor;
}
