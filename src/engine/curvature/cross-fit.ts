/**
 * The two random halves A and B of the samples: directions of each with values from the other (cross-fitted), and half A by itself, which the
 * convergence badge compares with the whole.
 */
import type { Real } from '../blas/types.ts';
import type { Pool } from '../parallel/pool.ts';
import { averageClusters } from '../statistics/index.ts';
import type { Diagonals } from '../statistics/index.ts';
import type { DirectionMatrix } from './block-projections.ts';
import { unpackMatrix } from './moments.ts';
import type { Half, MomentSums } from './moments.ts';
import { cosines, decompose, decreasing, diagonalOf, measureCommutator, traceOf } from './spectrum.ts';
import type { Spectrum } from './spectrum.ts';

/** Up to this d the two halves are decomposed side by side; above, one after the other in the same memory (forecast.ts counts on it). */
export const sideBySideLimit = 4000;

export interface CrossFitContext {
  readonly d: number;
  /** [d, d] that may be overwritten. */
  readonly scratch: Real;
  readonly stage: <T>(name: string, share: number, body: () => Promise<T>) => Promise<T>;
  /** Whether half A is to be measured by itself as well. */
  readonly half: boolean;
  /** The directions for the intervals, or null without. */
  readonly gather: (spectrum: Spectrum, selection: Float64Array) => DirectionMatrix | null;
  /** Additional measurements of a half along the other's directions; the matrix [d, d] may be overwritten. */
  readonly more?: ((spectrum: Spectrum, half: Half, matrix: Real) => Promise<void>) | undefined;
}

export interface Crossed {
  readonly diagonals: Diagonals;
  readonly directions: DirectionMatrix | null;
}

export interface CrossFit {
  /** Directions of A with values of B, and the other way round. */
  readonly crossed: readonly [Crossed, Crossed];
  /** Half A by itself. */
  readonly half: HalfMeasured | undefined;
}

/** What half A of the samples gives by itself: directions and values from the same samples. */
export interface HalfMeasured {
  readonly diagonals: Diagonals;
  readonly trace: { readonly C: number; readonly H: number; readonly Q: number };
  /** null if d is too large for one more matrix. */
  readonly cosines: { readonly CH: number; readonly CQ: number } | null;
  readonly commutatorRatio: number | null;
}

/** Directions from one half, values from the other, roles swapped. */
export async function crossFit(
  pool: Pool,
  moments: MomentSums,
  { d, scratch, stage, half, gather, more }: CrossFitContext,
): Promise<CrossFit> {
  const matrix = pool.allocate('float64', d * d);
  const spectrumOf = async (half: Half, into: Real): Promise<Spectrum> => {
    await unpackMatrix(pool, moments, 'H', [half], into);
    return decompose(pool, d, into, 1);
  };
  const along = async (spectrum: Spectrum, half: Half): Promise<Crossed> => {
    const selection = decreasing(spectrum);
    const values = { H: selection, C: selection, Q: selection };
    for (const name of ['H', 'C', 'Q'] as const) {
      await unpackMatrix(pool, moments, name, [half], matrix);
      values[name] = averageClusters(selection, await diagonalOf(pool, spectrum, matrix));
    }
    await more?.(spectrum, half, matrix);
    const directions = gather(spectrum, selection);
    pool.blas.release(spectrum.eigenvalues);
    return { diagonals: { selection, ...values }, directions };
  };
  const eigh = 'cross_fitting_eigendecompositions';
  const products = 'cross_fitting_products';
  const sideBySide = d <= sideBySideLimit;
  const measureHalf = (spectrum: Spectrum): Promise<HalfMeasured | undefined> =>
    half
      ? stage('half_sample', 0.88, () => measureHalfA(pool, moments, spectrum, matrix, sideBySide))
      : Promise.resolve(undefined);
  const second = sideBySide ? pool.allocate('float64', d * d) : scratch;
  let crossed: readonly [Crossed, Crossed];
  let halfA: HalfMeasured | undefined;
  if (sideBySide) {
    const [a, b] = await stage(eigh, 0.72, () => Promise.all([spectrumOf('A', scratch), spectrumOf('B', second)]));
    halfA = await measureHalf(a);
    crossed = await stage(products, 0.9, async () => [await along(a, 'B'), await along(b, 'A')] as const);
  } else {
    const a = await stage(eigh, 0.72, () => spectrumOf('A', scratch));
    halfA = await measureHalf(a);
    const fromA = await stage(products, 0.8, () => along(a, 'B'));
    const b = await stage(eigh, 0.85, () => spectrumOf('B', scratch));
    crossed = [fromA, await stage(products, 0.95, () => along(b, 'A'))];
  }
  pool.blas.release(matrix);
  if (sideBySide) pool.blas.release(second);
  return { crossed, half: halfA };
}

/** @param matrix [d, d] that may be overwritten; `roomy`: one more may be taken, for cosines and the commutator. */
async function measureHalfA(
  pool: Pool,
  moments: MomentSums,
  spectrum: Spectrum,
  matrix: Real,
  roomy: boolean,
): Promise<HalfMeasured> {
  const { d } = spectrum;
  const selection = decreasing(spectrum);
  const more = roomy ? pool.allocate('float64', d * d) : null;
  await unpackMatrix(pool, moments, 'C', ['A'], matrix);
  const C = await diagonalOf(pool, spectrum, matrix);
  const traceC = traceOf(matrix, d);
  let CH: number | null = null;
  let commutatorRatio: number | null = null;
  if (more !== null) {
    await unpackMatrix(pool, moments, 'H', ['A'], more);
    commutatorRatio = await measureCommutator(pool, d, matrix, more);
    ({ CH } = await cosines(pool, matrix, more, more));
  }
  // C is needed only for its cosine with Q.
  const second = more ?? matrix;
  await unpackMatrix(pool, moments, 'Q', ['A'], second);
  const Q = await diagonalOf(pool, spectrum, second);
  const traceQ = traceOf(second, d);
  const CQ = more === null ? null : (await cosines(pool, matrix, more, more)).CQ;
  if (more !== null) pool.blas.release(more);
  return {
    diagonals: { selection, H: selection, C: averageClusters(selection, C), Q: averageClusters(selection, Q) },
    trace: { C: traceC, H: selection.reduce((sum, x) => sum + x, 0), Q: traceQ },
    cosines: CH === null || CQ === null ? null : { CH, CQ },
    commutatorRatio,
  };
}
