/**
 * Numerical floors (docs/theory.md): sizes below which a value along a direction is zero as far as the arithmetic can tell.
 *
 * For H: a computed eigenpair (lambda, v) with |v| = 1 has a true eigenvalue of the same matrix within ||H v - lambda v||, and the matrix
 * itself is known to the difference that another order of summation makes. For C and Q, which have no eigenpairs of their own here, the
 * second alone.
 */
export interface FloorInput {
  /** ||H v_i - H_ii v_i|| of the computed eigenpairs, each >= 0; absent for C and Q. */
  readonly residuals?: ArrayLike<number>;
  /** Values along the directions from one order of summation less those from another, any sign. */
  readonly differences?: ArrayLike<number>;
  /** The largest size among the values, >= 0. */
  readonly scale: number;
  /** Number of terms in the sums behind the values, >= 1 (P samples); their rounding adds up like its square root. Defaults to 1. */
  readonly terms?: number;
  /** Unit roundoff of the arithmetic behind the samples' terms, in (0, 1): 2^-53 for float64 (default), 2^-24 for float32. */
  readonly roundoff?: number;
  /** Multiple of what was seen that is taken as the floor, >= 1; defaults to 4, since two orders are a sample of many. */
  readonly safety?: number;
}

/**
 * floor = safety * (max_i residual_i + max_i |difference_i|), and at least safety * roundoff * sqrt(terms) * scale: rounding that
 * both orders share.
 * Raises an Error if a number is negative or not finite.
 */
export function numericalFloor(input: FloorInput): number {
  const { residuals = [], differences = [], scale, terms = 1, roundoff = 2 ** -53, safety = 4 } = input;
  if (!(scale >= 0 && scale < Infinity))
    throw new Error(`numericalFloor: expected a scale of at least 0, found ${scale}`);
  if (!(terms >= 1)) throw new Error(`numericalFloor: expected at least 1 term, found ${terms}`);
  if (!(roundoff > 0 && roundoff < 1))
    throw new Error(`numericalFloor: expected a roundoff between 0 and 1, found ${roundoff}`);
  if (!(safety >= 1 && safety < Infinity))
    throw new Error(`numericalFloor: expected a safety of at least 1, found ${safety}`);
  const seen = largestSize('residual', residuals, true) + largestSize('difference', differences, false);
  return safety * Math.max(seen, roundoff * Math.sqrt(terms) * scale);
}

function largestSize(name: string, values: ArrayLike<number>, positive: boolean): number {
  let largest = 0;
  for (let i = 0; i < values.length; i++) {
    const value = values[i];
    if (!Number.isFinite(value) || (positive && value < 0)) throw new Error(`numericalFloor: ${name} ${i} is ${value}`);
    largest = Math.max(largest, Math.abs(value));
  }
  return largest;
}

/** Values above, within and below a floor: v >= floor, |v| < floor (and 0), v <= -floor. */
export function countSigns(
  values: ArrayLike<number>,
  floor: number,
): { readonly positive: number; readonly zero: number; readonly negative: number } {
  if (!(floor >= 0)) throw new Error(`countSigns: expected a floor of at least 0, found ${floor}`);
  let positive = 0;
  let negative = 0;
  for (let i = 0; i < values.length; i++) {
    if (values[i] > 0 && values[i] >= floor) positive++;
    if (values[i] < 0 && values[i] <= -floor) negative++;
  }
  return { positive, zero: values.length - positive - negative, negative };
}
