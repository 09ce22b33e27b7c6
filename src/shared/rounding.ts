/**
 * What of a measurement is rounding alone: a matrix of which no entry along any direction stands above its numerical floor is zero as far as the arithmetic can tell,
 * and a cosine, a commutator or a change of it says nothing. And which numbers are estimates. d: weights.
 */
import type { MeasurementSummary } from './results.ts';

export type MatrixName = 'C' | 'H' | 'Q';

type Judged = Pick<MeasurementSummary, 'd' | 'trace' | 'floor' | 'eigenvalues'> &
  Partial<Pick<MeasurementSummary, 'norm_mean_gradient'>>;

/** Roundings of a difference of two numbers of one size: some units in the last place of each. */
const cancellation = 8 * Number.EPSILON;

/**
 * The size that rounding alone gives a trace: errors of the floor's size along d directions, of either sign, add up to sqrt(d) floors. C is a difference,
 * mean_p g_p g_p^T - g g^T, and cannot be told from 0 below a few roundings of |g|^2.
 */
export function traceRounding(
  {
    d,
    floor,
    norm_mean_gradient: norm = 0,
  }: Pick<MeasurementSummary, 'd' | 'floor'> & Partial<Pick<MeasurementSummary, 'norm_mean_gradient'>>,
  matrix: MatrixName,
): number {
  const summed = Math.sqrt(d) * floor[matrix];
  return matrix === 'C' ? Math.max(summed, cancellation * norm * norm) : summed;
}

/** Whether a matrix is zero up to rounding: of H every eigenvalue, of C and Q (which have no negative ones) the trace. */
export function isRounding(summary: Judged, matrix: MatrixName): boolean {
  if (matrix === 'H') {
    const { largest, smallest } = summary.eigenvalues;
    return Math.max(Math.abs(largest), Math.abs(smallest)) <= summary.floor.H;
  }
  return Math.abs(summary.trace[matrix]) <= traceRounding(summary, matrix);
}

const matricesOf = {
  cosine_CH: ['C', 'H'],
  cosine_CQ: ['C', 'Q'],
  commutator_ratio: ['C', 'H'],
} as const;

/** A number that two matrices give together. */
export type PairQuantity = keyof typeof matricesOf;

/** Why such a number is not defined: "C is 0 up to rounding"; null where it is, and where the measurement does not hold what tells. */
export function undefinedReason(summary: Partial<Judged>, quantity: PairQuantity): string | null {
  const { d, trace, floor, eigenvalues, norm_mean_gradient } = summary;
  if (d === undefined || trace === undefined || floor === undefined || eigenvalues === undefined) return null;
  const zero = matricesOf[quantity].filter((matrix) =>
    isRounding(
      { d, trace, floor, eigenvalues, ...(norm_mean_gradient !== undefined && { norm_mean_gradient }) },
      matrix,
    ),
  );
  if (zero.length === 0) return null;
  return `${zero.join(' and ')} ${zero.length === 1 ? 'is' : 'are'} 0 up to rounding`;
}

/** The number, or null where it is not defined. */
export function definedPair(summary: Judged & Pick<MeasurementSummary, PairQuantity>, quantity: PairQuantity) {
  return undefinedReason(summary, quantity) === null ? summary[quantity] : null;
}

/** 1.96 standard errors of a trace that was estimated from random vectors; null for an exact one. */
export function traceError({ projected }: Pick<MeasurementSummary, 'projected'>, matrix: MatrixName): number | null {
  if (projected === undefined || projected.trace_probes === 0 || matrix === 'C') return null;
  return 1.96 * projected.trace_standard_error[matrix];
}

/** "0.4552", or "≈ -0.048 ± 0.012" for an estimate; `write` writes a number with so many digits. */
export function traceText(
  summary: Pick<MeasurementSummary, 'projected' | 'trace'>,
  matrix: MatrixName,
  write: (value: number, digits: number) => string,
): string {
  const error = traceError(summary, matrix);
  const value = write(summary.trace[matrix], 4);
  return error === null ? value : `≈ ${value} ± ${write(error, 2)}`;
}
