/**
 * Cross-fitting over more random splits of the samples into halves. Which half a sample falls into is random, and so is the slope: the value to quote is the median over
 * splits, and their scatter belongs in its interval (Chernozhukov et al., Econometrics Journal 21, 2018, definition 3.3).
 *
 * One split has the whole spectrum of both halves (cross-fit.ts). The others use only the leading directions, as many as the headline cutoff selects: H of each
 * half from its own packed sum, its leading eigenpairs, and C_ii, H_ii and Q_ii of the other half along them sample by sample.
 */
import type { Real } from '../blas/types.ts';
import { headlineCutoff } from '../../shared/estimands.ts';
import type { Pool } from '../parallel/pool.ts';
import { averageClusters, selectedCount } from '../statistics/index.ts';
import type { Diagonals, ProjectionSums } from '../statistics/index.ts';
import { blockProjectionsTask } from './block-projections.ts';
import { leadingPairsTask } from './leading.ts';
import type { FactorLayout } from './factors.ts';
import { hessianSum, splitHalves, unpackSum } from './moments.ts';

/** Splits beside the first. */
export const moreSplits = 4;
/** Directions of a further split at the most; of small layers all. */
const mostDirections = 600;
const smallLayer = 1000;
/** Pieces of a half, summed one by one. */
const piecesOfHalf = 8;

/**
 * Directions of each half in a further split: somewhat more than the headline cutoff selects, since halves scatter and directions at the edge converge last.
 * @param eigenvalues of H over all samples, decreasing; there are no more directions than these.
 */
export function splitDirections(eigenvalues: Float64Array): number {
  return Math.min(eigenvalues.length, Math.ceil(1.1 * selectedCount(eigenvalues, headlineCutoff)) + 8);
}

export interface SplitsOptions {
  readonly layout: FactorLayout;
  readonly samples: number;
  readonly seed: number;
  /** Eigenvalues of H over all samples, decreasing. */
  readonly eigenvalues: Float64Array;
  /** Its eigenvectors, rows [d, d] in ASCENDING order: where the searches start. */
  readonly vectors: Real;
  readonly signal?: AbortSignal | undefined;
}

/** Pairs of halves, each with the directions of one half and the values of the other. A split whose searches did not converge is left out. */
export async function measureSplits(
  pool: Pool,
  options: SplitsOptions,
): Promise<readonly (readonly [Diagonals, Diagonals])[]> {
  const { samples, seed, eigenvalues } = options;
  const d = eigenvalues.length;
  const selected = selectedCount(eigenvalues, headlineCutoff);
  const leading = splitDirections(eigenvalues);
  const count = Math.min(d, Math.ceil(1.2 * leading) + 8);
  if (selected < 3 || (count > mostDirections && d > smallLayer)) return [];
  const splits: (readonly [Diagonals, Diagonals])[] = [];
  for (let split = 1; split <= moreSplits; split++) {
    options.signal?.throwIfAborted();
    const halves = splitHalves(samples, seed, split);
    const diagonals = await measureSplit(pool, options, halves, count, leading);
    if (diagonals !== null) splits.push(diagonals);
  }
  return splits;
}

async function measureSplit(
  pool: Pool,
  { layout, samples, eigenvalues, vectors }: SplitsOptions,
  { order, sizeA }: ReturnType<typeof splitHalves>,
  count: number,
  wanted: number,
): Promise<readonly [Diagonals, Diagonals] | null> {
  const { inner, outer } = layout;
  const d = inner * outer;
  const halves = [
    [0, sizeA],
    [sizeA, samples],
  ] as const;
  const start = decreasingRows(pool, vectors, d, count);
  const lowest = 1.3 * Math.min(0, eigenvalues[d - 1]);
  const leadingOfHalves = await Promise.all(
    halves.map(async ([from, to]) => {
      const sum = await hessianSum(pool, layout, order, [from, to]);
      const matrix = pool.allocate('float64', d * d);
      await unpackSum(pool, {
        inner,
        outer,
        sums: [sum],
        block: 0,
        blocks: 1,
        factor: 1 / (to - from),
        mean: null,
        out: matrix,
      });
      pool.blas.release(sum);
      const rows = pool.allocate('float64', count * d);
      const result = await pool.run(leadingPairsTask, {
        d,
        matrix: pool.reference(matrix),
        start: pool.reference(start),
        count,
        wanted,
        lowest,
        vectors: pool.reference(rows),
      });
      pool.blas.release(matrix);
      return { ...result, rows };
    }),
  );
  pool.blas.release(start);
  const isConverged = leadingOfHalves.every(({ residual }) => residual < convergedBelow);
  const pair = isConverged
    ? await Promise.all(
        leadingOfHalves.map(({ values, rows }, half) =>
          valuesAlong(pool, layout, order, halves[1 - half], values, rows, wanted),
        ),
      )
    : null;
  for (const { rows } of leadingOfHalves) pool.blas.release(rows);
  return pair === null ? null : [pair[0], pair[1]];
}

/** Residuals over eigenvalues above which a split is left out: the directions might still hold something of the start. */
export const convergedBelow = 2e-2;

/** The leading rows of vectors that ascend, in decreasing order. */
function decreasingRows(pool: Pool, vectors: Real, d: number, count: number): Real {
  const rows = pool.allocate('float64', count * d);
  for (let i = 0; i < count; i++) rows.set(vectors.subarray((d - 1 - i) * d, (d - i) * d), i * d);
  return rows;
}

/** H_ii, C_ii and Q_ii over the samples [from, to) of an order along the first `wanted` rows. */
async function valuesAlong(
  pool: Pool,
  layout: FactorLayout,
  order: Uint32Array,
  [from, to]: readonly [number, number],
  selection: Float64Array,
  rows: Real,
  wanted: number,
): Promise<Diagonals> {
  const { inner, outer } = layout;
  const d = inner * outer;
  // Row `in` holds v_i(in, :) of every direction, as block-projections.ts takes them.
  const columns = pool.allocate('float64', inner * wanted * outer);
  for (let i = 0; i < wanted; i++)
    for (let a = 0; a < inner; a++)
      columns.set(rows.subarray(i * d + a * outer, i * d + (a + 1) * outer), (a * wanted + i) * outer);
  const target = { columns: pool.reference(columns), count: wanted, offsets: new Float64Array(wanted) };
  const n = to - from;
  const pieces = Math.min(piecesOfHalf, n);
  const results = await Promise.all(
    Array.from({ length: pieces }, (_, piece) =>
      pool.run(blockProjectionsTask, {
        layout,
        order,
        start: from + Math.floor((piece * n) / pieces),
        end: from + Math.floor(((piece + 1) * n) / pieces),
        targets: [target],
      }),
    ),
  );
  pool.blas.release(columns);
  const mean = (key: keyof ProjectionSums): Float64Array =>
    Float64Array.from({ length: wanted }, (_, i) => results.reduce((sum, each) => sum + each.sums[0][key][i], 0) / n);
  const along = selection.slice(0, wanted);
  const [gradient, squared] = [mean('gradient'), mean('squaredGradient')];
  return {
    selection: along,
    H: averageClusters(along, mean('curvature')),
    C: averageClusters(
      along,
      squared.map((value, i) => value - gradient[i] ** 2),
    ),
    Q: averageClusters(along, mean('squaredCurvature')),
  };
}
