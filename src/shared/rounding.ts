/**
 * Which parts of a measurement are nothing but rounding error: a matrix with no entry above its numerical floor along any direction cannot be told from zero,
 * and its cosine, commutator or change is meaningless: such a number is shown as a dash, with the reason. Also, which numbers are estimates, and how they are
 * written. d: weights.
 */
import type { Optional } from './defined.ts';
import type { MeasurementSummary } from './results.ts';

export type MainMatrix = 'C' | 'H' | 'Q';

type Judged = Pick<MeasurementSummary, 'd' | 'trace' | 'floor' | 'eigenvalues'> &
  Optional<Pick<MeasurementSummary, 'norm_mean_gradient'>>;

/** Rounding error of a difference of two numbers of equal size: a few units in the last place of each. */
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
  }: Pick<MeasurementSummary, 'd' | 'floor'> & Optional<Pick<MeasurementSummary, 'norm_mean_gradient'>>,
  matrix: MainMatrix,
): number {
  const summed = Math.sqrt(d) * floor[matrix];
  return matrix === 'C' ? Math.max(summed, cancellation * norm * norm) : summed;
}

/** Whether a matrix is zero up to rounding: of H every eigenvalue, of C and Q (which have no negative ones) the trace. */
export function isRounding(summary: Judged, matrix: MainMatrix): boolean {
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

/** A number computed from two matrices. */
export type PairQuantity = keyof typeof matricesOf;

/** Why such a number is undefined: "C is 0 up to rounding"; null if it is defined, or if the measurement does not hold enough to tell. */
export function undefinedReason(
  summary: Partial<Judged> & Partial<Pick<MeasurementSummary, 'projected'>>,
  quantity: PairQuantity,
): string | null {
  // Two numbers always commute.
  if (quantity === 'commutator_ratio' && (summary.projected?.k ?? summary.d) === 1)
    return 'there is only one direction';
  return zeroReason(summary, matricesOf[quantity]);
}

/** "C and H are 0 up to rounding", naming those of the matrices that are; null if none is, or if the measurement does not hold enough to tell. */
export function zeroReason(summary: Partial<Judged>, matrices: readonly MainMatrix[]): string | null {
  const { d, trace, floor, eigenvalues, norm_mean_gradient } = summary;
  if (d === undefined || trace === undefined || floor === undefined || eigenvalues === undefined) return null;
  const judged = { d, trace, floor, eigenvalues, norm_mean_gradient };
  const zero = matrices.filter((matrix) => isRounding(judged, matrix));
  if (zero.length === 0) return null;
  const names = zero.length < 3 ? zero.join(' and ') : `${zero.slice(0, -1).join(', ')} and ${zero[zero.length - 1]}`;
  return `${names} ${zero.length === 1 ? 'is' : 'are'} 0 up to rounding`;
}

/** The number, or null if it is not defined; 0 if it is 0 up to rounding, as the cosine of two matrices that share no direction. */
export function definedPair(summary: Judged & Pick<MeasurementSummary, PairQuantity>, quantity: PairQuantity) {
  if (undefinedReason(summary, quantity) !== null) return null;
  return quantity === 'commutator_ratio' ? commutatorAbove(summary[quantity]) : withoutRounding(summary[quantity]);
}

/** Sums of d^2 products of either sign cancel at least down to this. */
const cosineRounding = 1e-12;
/** The root of a difference of two such sums. */
const commutatorRounding = 1e-7;

/** A cosine; exactly 0 if it is 0 up to rounding. */
export function withoutRounding(cosine: number): number {
  return Math.abs(cosine) < cosineRounding ? 0 : cosine;
}

/** A commutator ratio, or its mean over shuffles or rotations; exactly 0 if it is 0 up to rounding. */
export function commutatorAbove(ratio: number): number {
  return Math.abs(ratio) < commutatorRounding ? 0 : ratio;
}

/** A trace, or null if it does not exceed its rounding error; an exact 0 stays 0. */
export function definedTrace(summary: Judged, matrix: MainMatrix): number | null {
  const value = summary.trace[matrix];
  if (value === 0) return 0;
  return isRounding(summary, matrix) || Math.abs(value) <= traceRounding(summary, matrix) ? null : value;
}

/** The largest eigenvalue of H, or null if it does not exceed the floor; an exact 0 stays 0. */
export function definedSharpness({
  eigenvalues: { largest },
  floor,
}: Pick<MeasurementSummary, 'eigenvalues' | 'floor'>): number | null {
  return largest !== 0 && Math.abs(largest) <= floor.H ? null : largest;
}

/** 1.96 standard errors of a trace that was estimated from random vectors; null for an exact one. */
export function traceError({ projected }: Pick<MeasurementSummary, 'projected'>, matrix: MainMatrix): number | null {
  if (projected === undefined || projected.trace_probes === 0 || matrix === 'C') return null;
  return 1.96 * projected.trace_standard_error[matrix];
}

/** An eigenvalue of H; 0 if it does not exceed the floor. */
export function eigenvalueAbove(value: number, { floor }: Pick<MeasurementSummary, 'floor'>): number {
  return Math.abs(value) <= floor.H ? 0 : value;
}

/** How numbers are written: with a given number of digits, with an uncertainty, and if there is no number. */
export interface NumberStyle {
  readonly number: (value: number, digits: number) => string;
  readonly uncertain: (value: number, uncertainty: number) => string;
  readonly dash: string;
}

/** "0.4552", or "≈ −0.048 ± 0.012" for an estimate; a dash where it is 0 up to rounding. */
export function traceText(
  summary: Judged & Pick<MeasurementSummary, 'projected'>,
  matrix: MainMatrix,
  style: NumberStyle,
): string {
  const value = definedTrace(summary, matrix);
  const error = traceError(summary, matrix);
  if (value === null) return style.dash;
  return error === null ? style.number(value, 4) : `≈ ${style.uncertain(value, error)}`;
}

/** Whether a summary key ("trace.fc2") with an interval is an estimate and not an exact value with the error of sampling. */
export function isEstimate(key: string, value: { readonly low: number | null; readonly high: number | null }): boolean {
  return key.startsWith('trace.') && value.low !== null && value.high !== null;
}
