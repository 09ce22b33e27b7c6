/**
 * Which directions a logarithmic figure of diagonals draws, and why it leaves others out: the same rule and count for the window, figures for papers and their notes.
 * Index i: direction, in decreasing order of the selecting eigenvalue.
 */
import { usabilityOf, type Floors, type Triple } from './cutoffs.ts';
import { smallestCutoff } from './estimands.ts';
import { integerText, powerText } from './figures/numbers.ts';

export interface DrawnDirections {
  /** Indices of the directions that are drawn, increasing. */
  readonly drawn: readonly number[];
  readonly total: number;
  /** |selecting eigenvalue| at or below `smallest` of the largest, or below the floor of H: the eigenvector is arbitrary. */
  readonly zero: number;
  /** A value is not positive, so it has no logarithm. */
  readonly notPositive: number;
  /** A value is below its numerical floor. */
  readonly belowFloor: number;
}

/** @param smallest share of the largest eigenvalue, `smallestCutoff` by default; at 0 nothing counts as zero or below the floor. */
export function directionsToDraw(
  values: Triple & { readonly selection: ArrayLike<number> },
  floors: Floors,
  smallest = smallestCutoff,
): DrawnDirections {
  const { selection, H, C, Q } = values;
  let largest = 0;
  for (let i = 0; i < selection.length; i++) largest = Math.max(largest, selection[i]);
  const least = smallest > 0 ? Math.max(smallest * largest, floors.H) : -1;
  const used = smallest > 0 ? floors : { H: 0, C: 0, Q: 0 };
  const drawn: number[] = [];
  let [zero, notPositive, belowFloor] = [0, 0, 0];
  for (let i = 0; i < selection.length; i++) {
    const use = usabilityOf(H[i], C[i], Q[i], used);
    if (Math.abs(selection[i]) <= least) zero++;
    else if (selection[i] < 0 || use === 'non_positive') notPositive++;
    else if (use === 'below_floor') belowFloor++;
    else drawn.push(i);
  }
  return { drawn, total: selection.length, zero, notPositive, belowFloor };
}

/** Totals over several sets of directions, such as the two halves of cross-fitting. */
export function undrawn(sets: readonly DrawnDirections[]): Omit<DrawnDirections, 'drawn'> & { readonly count: number } {
  const sum = (key: 'total' | 'zero' | 'notPositive' | 'belowFloor'): number =>
    sets.reduce((all, set) => all + set[key], 0);
  const [total, zero, notPositive, belowFloor] = [sum('total'), sum('zero'), sum('notPositive'), sum('belowFloor')];
  return { total, zero, notPositive, belowFloor, count: zero + notPositive + belowFloor };
}

/** "217 of 2 500 directions not drawn: 136 numerically zero, 81 not positive"; empty if all are. */
export function undrawnText(sets: readonly DrawnDirections[], smallest = smallestCutoff): string {
  const { count, total, zero, notPositive, belowFloor } = undrawn(sets);
  if (count === 0) return '';
  const exponent = Math.log10(smallest);
  const share = Number.isInteger(exponent) ? powerText(exponent) : String(smallest);
  const reasons = [
    { n: zero, why: `numerically zero (at most ${share} of the largest)` },
    { n: notPositive, why: 'not positive' },
    { n: belowFloor, why: 'below the numerical floor' },
  ].filter(({ n }) => n > 0);
  const why = reasons.length === 1 ? reasons[0].why : reasons.map(({ n, why: reason }) => `${integerText(n)} ${reason}`).join(', '); // prettier-ignore
  return `${integerText(count)} of ${integerText(total)} directions not drawn: ${why}`;
}
