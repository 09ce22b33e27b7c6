/** Matrices of stored measurements as figures draw them: raw, in the eigenbasis of H, their eigenvalues, overlaps of their eigenvectors. */
import { openSafetensors } from '../../data/formats/safetensors.ts';
import type { Blas } from '../../engine/blas/types.ts';
import { InputError } from '../../shared/errors.ts';
import type { MatrixName } from '../../shared/contract/index.ts';

/** Bytes of decompositions and rotated matrices that are kept for the next drawing. */
const keptBytes = 400e6;

export interface SquareMatrix {
  readonly d: number;
  /** [d, d], row-major. */
  readonly values: Float64Array;
}

/** M = sum_i w_i u_i u_i^T. */
export interface Decomposition {
  readonly d: number;
  /** Decreasing. */
  readonly eigenvalues: Float64Array;
  /** [d, d]: rows u_i. */
  readonly vectors: Float64Array;
}

/** Reads and computes, and keeps what was used last. Letters: d side of the matrices, v_i eigenvectors of H. */
export class Matrices {
  readonly #blas: () => Promise<Blas>;
  /** By use, the oldest first. */
  readonly #kept = new Map<string, { readonly value: unknown; readonly bytes: number }>();
  #bytes = 0;

  constructor(blas: () => Promise<Blas>) {
    this.#blas = blas;
  }

  /** Eigenvalues in decreasing order. Raises InputError if the measurement stored no matrix. */
  eigenvalues(file: string, name: MatrixName): Promise<Float64Array> {
    return this.#keep(
      `values ${name} ${file}`,
      async () => (await this.#decomposition(file, name)).eigenvalues,
      (values) => values.byteLength,
    );
  }

  /** The matrix as it is, or in the eigenbasis of H: element (i, j) is v_i^T M v_j. */
  matrix(file: string, name: MatrixName, basis: 'eigenbasis' | 'weights'): Promise<SquareMatrix> {
    return this.#keep(
      `${basis} ${name} ${file}`,
      async () => {
        if (basis === 'weights') return readMatrix(file, name);
        const { d, vectors } = await this.#decomposition(file, 'H');
        return { d, values: rotate(await this.#blas(), d, vectors, (await readMatrix(file, name)).values) };
      },
      ({ values }) => values.byteLength,
    );
  }

  /** Squared overlaps |u_i . v_j|^2 [k, k] of the leading eigenvectors u_i of a matrix with v_j of H. */
  async overlaps(
    file: string,
    name: MatrixName,
    leading: number,
  ): Promise<{ k: number; d: number; values: Float64Array }> {
    const v = await this.#decomposition(file, 'H');
    const u = await this.#decomposition(file, name);
    const k = Math.min(leading, v.d);
    const values = new Float64Array(k * k);
    for (let i = 0; i < k; i++)
      for (let j = 0; j < k; j++) {
        let sum = 0;
        for (let l = 0; l < v.d; l++) sum += u.vectors[i * v.d + l] * v.vectors[j * v.d + l];
        values[i * k + j] = sum * sum;
      }
    return { k, d: v.d, values };
  }

  /** Rows v_i of some directions, from 1 the largest; a projected measurement has its found ones stored. Raises InputError beyond them. */
  async directions(file: string, wanted: readonly number[]): Promise<Float64Array> {
    const { d, vectors } = await this.#keep(
      `directions ${file}`,
      async () => (await readVectors(file)) ?? (await this.#decomposition(file, 'H')),
      (value) => value.vectors.byteLength,
    );
    const count = vectors.length / d;
    const rows = new Float64Array(wanted.length * d);
    wanted.forEach((direction, k) => {
      if (direction > count) throw new InputError(`direction ${direction}: the measurement has ${count}`);
      rows.set(vectors.subarray((direction - 1) * d, direction * d), k * d);
    });
    return rows;
  }

  #decomposition(file: string, name: MatrixName): Promise<Decomposition> {
    return this.#keep(
      `decomposition ${name} ${file}`,
      async () => {
        const { d, values } = await readMatrix(file, name);
        return decomposeSymmetric(await this.#blas(), d, values);
      },
      ({ vectors }) => vectors.byteLength,
    );
  }

  async #keep<T>(key: string, make: () => Promise<T>, bytesOf: (value: T) => number): Promise<T> {
    const cached = this.#kept.get(key);
    if (cached !== undefined) {
      this.#kept.delete(key);
      this.#kept.set(key, cached);
      return cached.value as T;
    }
    const value = await make();
    const bytes = bytesOf(value);
    this.#kept.set(key, { value, bytes });
    this.#bytes += bytes;
    for (const [oldest, { bytes: freed }] of this.#kept) {
      if (this.#bytes <= keptBytes || oldest === key) break;
      this.#kept.delete(oldest);
      this.#bytes -= freed;
    }
    return value;
  }
}

async function readMatrix(file: string, name: MatrixName): Promise<SquareMatrix> {
  await using open = await openSafetensors(file);
  if (!open.places.has(name))
    throw new InputError(
      `this measurement holds no matrix ${name}: the projected method measures only along directions; measure with the exact method for matrices`,
    );
  const { data, shape } = await open.read(name);
  if (!(data instanceof Float64Array) || shape.length !== 2 || shape[0] !== shape[1])
    throw new InputError(`${file}: ${name} is not a square matrix of doubles`);
  return { d: shape[0], values: data };
}

/** The directions that a projected measurement stored; undefined for an exact one. */
async function readVectors(file: string): Promise<{ d: number; vectors: Float64Array } | undefined> {
  await using open = await openSafetensors(file);
  if (!open.places.has('vectors')) return undefined;
  const { data, shape } = await open.read('vectors');
  if (!(data instanceof Float64Array) || shape.length !== 2)
    throw new InputError(`${file}: the stored directions are not a matrix of doubles`);
  return { d: shape[1], vectors: data };
}

/** Of a symmetric matrix [d, d], in memory of the program's own; `values` stays as it is. */
export function decomposeSymmetric(blas: Blas, d: number, values: Float64Array): Decomposition {
  const a = blas.allocate('float64', d * d) as Float64Array;
  const ascending = new Float64Array(d);
  try {
    a.set(values);
    blas.eigh(d, a, ascending);
    const vectors = new Float64Array(d * d);
    for (let i = 0; i < d; i++) vectors.set(a.subarray((d - 1 - i) * d, (d - i) * d), i * d);
    return { d, eigenvalues: ascending.reverse(), vectors };
  } finally {
    blas.release(a);
  }
}

/** V M V^T: the matrix in the basis of the rows of V, both [d, d]. */
export function rotate(blas: Blas, d: number, vectors: Float64Array, matrix: Float64Array): Float64Array {
  const [v, m, product] = [0, 1, 2].map(() => blas.allocate('float64', d * d) as Float64Array);
  try {
    v.set(vectors);
    m.set(matrix);
    blas.gemm(false, false, d, d, d, 1, v, d, m, d, 0, product, d);
    blas.gemm(false, true, d, d, d, 1, product, d, v, d, 0, m, d);
    return m.slice();
  } finally {
    for (const array of [v, m, product]) blas.release(array);
  }
}
