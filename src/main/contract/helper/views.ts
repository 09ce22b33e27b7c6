/** Pictures of matrices and eigenvectors of stored measurements. Letters: d side of the matrices, v_i row i of V, in decreasing order of H_ii. */
import { openSafetensors } from '../../../data/formats/safetensors.ts';
import type { Blas } from '../../../engine/blas/types.ts';
import type { Eigenvector, MatrixPicture, MatrixName } from '../../../shared/contract/index.ts';
import { InputError } from '../../../shared/errors.ts';
import { decomposeSymmetric, rotate } from '../../figures/matrices.ts';
import type { Decomposition } from '../../figures/matrices.ts';

interface Basis extends Decomposition {
  readonly file: string;
  /** Matrices in that basis, V M V^T, as far as they were asked for. */
  readonly rotated: Map<MatrixName, Float64Array>;
}

interface Wanted {
  readonly matrix: MatrixName;
  readonly basis: 'parameter' | 'eigen';
  readonly from: number;
  readonly to: number | null;
  readonly size: number;
}

/** Keeps the eigenbasis of the measurement last asked for. */
export class EigenViews {
  #basis: Basis | null = null;

  /** Raises InputError if the measurement has no such matrix (the projected method stores none). */
  async heatmap(blas: Blas, file: string, wanted: Wanted): Promise<MatrixPicture> {
    if (wanted.basis === 'parameter') {
      const { d, values } = await readMatrix(file, wanted.matrix);
      return pictureOf(values, d, wanted);
    }
    const basis = await this.#open(blas, file);
    let rotated = basis.rotated.get(wanted.matrix);
    if (rotated === undefined) {
      rotated =
        wanted.matrix === 'H'
          ? diagonal(basis.eigenvalues)
          : rotate(blas, basis.d, basis.vectors, (await readMatrix(file, wanted.matrix)).values);
      basis.rotated.set(wanted.matrix, rotated);
    }
    return pictureOf(rotated, basis.d, wanted);
  }

  async eigenvector(blas: Blas, file: string, index: number, shape: readonly number[]): Promise<Eigenvector> {
    const stored = await readVector(file, index);
    const { values, eigenvalue } = stored ?? rowOf(await this.#open(blas, file), index);
    let largest = 0;
    for (const x of values) if (Math.abs(x) > Math.abs(largest)) largest = x;
    if (largest < 0) for (let j = 0; j < values.length; j++) values[j] = -values[j];
    return { index, eigenvalue, shape, values };
  }

  async #open(blas: Blas, file: string): Promise<Basis> {
    if (this.#basis?.file === file) return this.#basis;
    // Two at once would need twice the memory.
    this.#basis = null;
    const { d, values } = await readMatrix(file, 'H');
    this.#basis = { file, ...decomposeSymmetric(blas, d, values), rotated: new Map() };
    return this.#basis;
  }
}

interface Row {
  readonly values: Float64Array;
  readonly eigenvalue: number;
}

function rowOf({ d, vectors, eigenvalues }: Basis, index: number): Row {
  if (index >= d) throw new InputError(`eigenvector ${index}: there are ${d}`);
  return { values: vectors.slice(index * d, (index + 1) * d), eigenvalue: eigenvalues[index] };
}

/** From the directions that the projected method keeps; undefined if the file holds matrices instead. */
async function readVector(file: string, index: number): Promise<Row | undefined> {
  await using open = await openSafetensors(file);
  if (!open.places.has('vectors')) return undefined;
  const [{ data, shape }, { data: eigenvalues }] = [await open.read('vectors'), await open.read('eigenvalues')];
  const [k, d] = shape;
  if (!(data instanceof Float64Array && eigenvalues instanceof Float64Array && shape.length === 2))
    throw new Error(`${file}: vectors are not a matrix of doubles`);
  if (index >= k) throw new InputError(`eigenvector ${index}: ${k} were found`);
  return { values: data.slice(index * d, (index + 1) * d), eigenvalue: eigenvalues[index] };
}

async function readMatrix(file: string, name: MatrixName): Promise<{ d: number; values: Float64Array }> {
  await using open = await openSafetensors(file);
  const place = open.places.get(name);
  if (place === undefined) {
    throw new InputError(
      `this measurement holds no matrix ${name}: the projected method measures only along directions. Measure with the exact method for matrices`,
    );
  }
  const { data, shape } = await open.read(name);
  if (!(data instanceof Float64Array) || shape.length !== 2 || shape[0] !== shape[1]) {
    throw new Error(`${file}: ${name} is not a square matrix of doubles`);
  }
  return { d: shape[0], values: data };
}

function diagonal(values: Float64Array): Float64Array {
  const d = values.length;
  const matrix = new Float64Array(d * d);
  values.forEach((value, i) => {
    matrix[i * d + i] = value;
  });
  return matrix;
}

/** See `MatrixPicture`: each cell shows the entry of largest absolute value of its block. */
export function pictureOf(
  matrix: Float64Array,
  d: number,
  { from, to, size }: Pick<Wanted, 'from' | 'to' | 'size'>,
): MatrixPicture {
  const end = Math.min(to ?? d, d);
  if (!(from < end)) throw new InputError(`rows ${from} to ${end}: expected at least one of ${d}`);
  const block = Math.ceil((end - from) / size);
  const side = Math.ceil((end - from) / block);
  const cells = new Float64Array(side * side);
  let largestDiagonal = 0;
  let largestOffDiagonal = 0;
  for (let i = from; i < end; i++) {
    const row = Math.floor((i - from) / block) * side;
    for (let j = from; j < end; j++) {
      const value = matrix[i * d + j];
      const size = Math.abs(value);
      if (i === j) largestDiagonal = Math.max(largestDiagonal, size);
      else largestOffDiagonal = Math.max(largestOffDiagonal, size);
      const cell = row + Math.floor((j - from) / block);
      if (size > Math.abs(cells[cell])) cells[cell] = value;
    }
  }
  return { d, size: side, from, to: end, block, cells, largestDiagonal, largestOffDiagonal };
}
