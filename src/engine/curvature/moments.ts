/**
 * The exact moments of one parameter as packed sums over two random halves A and B of the samples; their sum is the training set.
 * Samples pass in chunks of a fixed size: first the worker threads fill the rows of the two factors (pieces of samples), then each adds its
 * rows of the product to the sum. Chunks and pieces do not depend on the number of threads.
 */
import { unpackTask } from './unpack.ts';
import { productTask, type ProductArgument } from './dense-tasks.ts';
import { factorsTask } from './factors.ts';
import type { ArrayReference, Real } from '../blas/types.ts';
import { Random } from '../../shared/random.ts';
import type { Pool } from '../parallel/pool.ts';
import type { FactorLayout } from './factors.ts';

/** Samples whose factors one task makes. */
const pieceSize = 128;
/** Of the sum that one task makes. Each task has the library copy its part of both factors, which costs more the narrower the piece is. */
const largestPiece = { rows: 1280, columns: 480 };
/** Bytes of both factors together. */
const factorBytes = 160 * 2 ** 20;

export type Half = 'A' | 'B';

export interface MomentSums {
  readonly layout: FactorLayout;
  /** Packed sums [leftWidth, blocks * blockWidth]. */
  readonly sums: Readonly<Record<Half, Real>>;
  /** sum_p g_p [d]. */
  readonly gradients: Readonly<Record<Half, Float64Array>>;
  readonly sizes: Readonly<Record<Half, number>>;
  readonly lossSum: number;
  readonly correct: number;
  /** Sample numbers: half A, then half B. */
  readonly order: Uint32Array;
}

export interface MomentOptions {
  /** Samples 0 .. samples - 1 of the open problem. */
  readonly samples: number;
  /** Seed of the split into halves. */
  readonly seed: number;
  readonly signal?: AbortSignal | undefined;
  /** Share done, 0 to 1. */
  readonly onProgress?: ((share: number) => void) | undefined;
  /** Wall-clock seconds of the two stages are added to these. */
  readonly seconds: { factors: number; products: number };
}

/** Samples of a chunk: as many as the factors' memory holds, a multiple of the piece, at most 2,048. */
export function chunkSize(layout: FactorLayout): number {
  return rowsOfFactors(layout.leftWidth + layout.blocks * layout.blockWidth);
}

function rowsOfFactors(width: number): number {
  const pieces = Math.floor(factorBytes / (8 * width) / pieceSize);
  return pieceSize * Math.min(2048 / pieceSize, Math.max(1, pieces));
}

/**
 * The order of samples: half A (the smaller if P is odd), then half B, each in random order.
 * @param split number of a further random split, from 1; default the first.
 */
export function splitHalves(samples: number, seed: number, split = 0): { order: Uint32Array; sizeA: number } {
  const order = new Uint32Array(new SharedArrayBuffer(4 * samples));
  order.set(new Random(seed, split === 0 ? 'halves' : `halves ${split}`).permutation(samples));
  const sizeA = Math.floor(samples / 2);
  return { order, sizeA };
}

export async function momentSums(pool: Pool, layout: FactorLayout, options: MomentOptions): Promise<MomentSums> {
  const { samples } = options;
  const { order, sizeA } = splitHalves(samples, options.seed);
  const d = layout.inner * layout.outer;
  const rightWidth = layout.blocks * layout.blockWidth;
  const capacity = Math.min(chunkSize(layout), Math.ceil(samples / pieceSize) * pieceSize);
  const left = pool.allocate('float64', capacity * layout.leftWidth);
  const right = pool.allocate('float64', capacity * rightWidth);
  const slots = pool.allocate('float64', Math.ceil(capacity / pieceSize) * d);
  const bounds: Record<Half, readonly [number, number]> = { A: [0, sizeA], B: [sizeA, samples] };
  const sums = {
    A: pool.allocate('float64', layout.leftWidth * rightWidth),
    B: pool.allocate('float64', layout.leftWidth * rightWidth),
  };
  const gradients = { A: new Float64Array(d), B: new Float64Array(d) };
  let lossSum = 0;
  let correct = 0;
  for (const half of ['A', 'B'] as const) {
    const [from, to] = bounds[half];
    for (let start = from; start < to; start += capacity) {
      options.signal?.throwIfAborted();
      const count = Math.min(capacity, to - start);
      let begun = performance.now();
      const pieces: { row: number; count: number; gradient: Real }[] = [];
      for (let row = 0; row < count; row += pieceSize) {
        const index = row / pieceSize;
        pieces.push({
          row,
          count: Math.min(pieceSize, count - row),
          gradient: slots.subarray(index * d, (index + 1) * d),
        });
      }
      const results = await Promise.all(
        pieces.map((piece) =>
          pool.run(factorsTask, {
            layout,
            order,
            start: start + piece.row,
            count: piece.count,
            left: pool.reference(left),
            right: pool.reference(right),
            row: piece.row,
            gradient: pool.reference(piece.gradient),
          }),
        ),
      );
      for (const [index, result] of results.entries()) {
        lossSum += result.lossSum;
        correct += result.correct;
        const gradient = pieces[index].gradient;
        for (let i = 0; i < d; i++) gradients[half][i] += gradient[i];
      }
      options.seconds.factors += (performance.now() - begun) / 1000;
      begun = performance.now();
      await addProducts(pool, {
        left: pool.reference(left),
        right: pool.reference(right),
        leftWidth: layout.leftWidth,
        rightWidth,
        rows: count,
        sum: pool.reference(sums[half]),
      });
      options.seconds.products += (performance.now() - begun) / 1000;
      options.onProgress?.((start + count) / samples);
    }
  }
  for (const array of [left, right, slots]) pool.blas.release(array);
  return { layout, sums, gradients, sizes: { A: sizeA, B: samples - sizeA }, lossSum, correct, order };
}

/** sum += left^T right over `rows` rows, in pieces. */
export async function addProducts(
  pool: Pool,
  shared: Omit<ProductArgument, 'from' | 'to' | 'first' | 'end'>,
): Promise<void> {
  const tasks: Promise<void>[] = [];
  const { leftWidth, columns = shared.rightWidth } = shared;
  for (const [from, to] of evenly(leftWidth, largestPiece.rows))
    for (const [first, end] of evenly(columns, largestPiece.columns))
      tasks.push(pool.run(productTask, { ...shared, from, to, first, end }));
  await Promise.all(tasks);
}

/** [0, length) in as few ranges of at most `most` as there can be, about equally long. */
function evenly(length: number, most: number): (readonly [number, number])[] {
  const count = Math.ceil(length / most);
  return Array.from({ length: count }, (_, i) => [
    Math.round((i * length) / count),
    Math.round(((i + 1) * length) / count),
  ]);
}

/** Rows [row, row + count) of the two factors, for samples [start, start + count) of an order. */
export interface FactorPiece {
  readonly start: number;
  readonly count: number;
  readonly left: ArrayReference;
  readonly right: ArrayReference;
  readonly row: number;
}

/**
 * sum_p left_p^T right_p [leftWidth, columns] over samples [from, to) of an order, whose factor rows `fill` makes; release when done. `columns`: the leading columns of right
 * alone; default all. Cut like the moments themselves.
 */
export async function packedSum(
  pool: Pool,
  widths: { readonly leftWidth: number; readonly rightWidth: number; readonly columns?: number },
  [from, to]: readonly [number, number],
  fill: (piece: FactorPiece) => Promise<unknown>,
): Promise<Real> {
  const { leftWidth, rightWidth, columns = rightWidth } = widths;
  const capacity = Math.min(rowsOfFactors(leftWidth + rightWidth), Math.ceil((to - from) / pieceSize) * pieceSize);
  const left = pool.allocate('float64', capacity * leftWidth);
  const right = pool.allocate('float64', capacity * rightWidth);
  const sum = pool.allocate('float64', leftWidth * columns);
  const references = { left: pool.reference(left), right: pool.reference(right) };
  for (let start = from; start < to; start += capacity) {
    const rows = Math.min(capacity, to - start);
    const pieces: Promise<unknown>[] = [];
    for (let row = 0; row < rows; row += pieceSize)
      pieces.push(fill({ start: start + row, count: Math.min(pieceSize, rows - row), ...references, row }));
    await Promise.all(pieces);
    await addProducts(pool, { ...references, leftWidth, rightWidth, rows, sum: pool.reference(sum), columns });
  }
  pool.blas.release(left);
  pool.blas.release(right);
  return sum;
}

/** sum_p vech(a_p a_p^T)^T vech(S_p) [leftWidth, blockWidth] over the samples [from, to) of an order: the packed sum of H alone. Release when done. */
export async function hessianSum(
  pool: Pool,
  layout: FactorLayout,
  order: Uint32Array,
  range: readonly [number, number],
): Promise<Real> {
  const { leftWidth, blockWidth: columns, blocks, inner, outer } = layout;
  // Pieces of one chunk run side by side, each with room for its gradient.
  const gradient = pool.allocate('float64', (chunkSize(layout) / pieceSize) * inner * outer);
  const sum = await packedSum(pool, { leftWidth, rightWidth: blocks * columns, columns }, range, (piece) => {
    const at = (piece.row / pieceSize) * inner * outer;
    const room = pool.reference(gradient.subarray(at, at + inner * outer));
    return pool.run(factorsTask, { layout, order, ...piece, gradient: room });
  });
  pool.blas.release(gradient);
  return sum;
}

/** Which d x d matrix, in the order of the blocks of the right factor. */
export type PackedMatrix = 'H' | 'Q' | 'C' | 'gauss_newton';
const blockOf: Readonly<Record<PackedMatrix, number>> = { H: 0, Q: 1, C: 2, gauss_newton: 3 };

/**
 * Unpacks one matrix of the samples of one half or of both into `out` [d, d]:
 * H = mean h_p, Q = mean h_p h_p, C = mean g_p g_p^T - g g^T (divisor: the number of samples; g the mean over the same samples).
 */
export async function unpackMatrix(
  pool: Pool,
  moments: MomentSums,
  name: PackedMatrix,
  halves: readonly Half[],
  out: Real,
): Promise<void> {
  const { layout } = moments;
  // Without a part of its own the Gauss-Newton matrix is H.
  const block = name === 'gauss_newton' && layout.blocks === 3 ? 0 : blockOf[name];
  const size = halves.reduce((sum, half) => sum + moments.sizes[half], 0);
  let mean: Real | null = null;
  if (name === 'C') {
    mean = pool.allocate('float64', layout.inner * layout.outer);
    mean.set(meanGradient(moments, halves));
  }
  const { inner, outer, blocks } = layout;
  const sums = halves.map((half) => moments.sums[half]);
  await unpackSum(pool, { inner, outer, sums, block, blocks, factor: 1 / size, mean, out });
  if (mean !== null) pool.blas.release(mean);
}

/** One block of packed sums, added and multiplied by `factor`, less mean mean^T, into `out` [d, d]. */
export async function unpackSum(
  pool: Pool,
  argument: {
    readonly inner: number;
    readonly outer: number;
    /** One or two. */
    readonly sums: readonly Real[];
    readonly block: number;
    readonly blocks: number;
    readonly factor: number;
    readonly mean: Real | null;
    readonly out: Real;
  },
): Promise<void> {
  const { inner, sums, mean, out } = argument;
  const step = Math.max(1, Math.ceil(inner / 16));
  const shared = {
    ...argument,
    sums: sums.map((sum) => pool.reference(sum)),
    mean: mean === null ? null : pool.reference(mean),
    out: pool.reference(out),
  };
  const tasks: Promise<void>[] = [];
  for (let from = 0; from < inner; from += step)
    tasks.push(pool.run(unpackTask, { ...shared, from, to: Math.min(from + step, inner) }));
  await Promise.all(tasks);
}

/** g over the samples of one half or of both. */
export function meanGradient(moments: MomentSums, halves: readonly Half[]): Float64Array {
  const size = halves.reduce((sum, half) => sum + moments.sizes[half], 0);
  const mean = new Float64Array(moments.gradients.A.length);
  for (const half of halves) for (let i = 0; i < mean.length; i++) mean[i] += moments.gradients[half][i];
  for (let i = 0; i < mean.length; i++) mean[i] /= size;
  return mean;
}
