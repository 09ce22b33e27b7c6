/**
 * The slope as it changes along the spectrum: least squares over the directions of one decade of curvature at a time, in windows that overlap by half. A straight
 * line over eight decades hides a bend that these windows show. For both estimands.
 */
import { smallestCutoff } from './estimands.ts';
import { axesOf, prepareDiagonals, relations } from './cutoffs.ts';
import type { Diagonals, Floors, PreparedDiagonals, Relation } from './cutoffs.ts';
import { leastSquares, moments } from './fits.ts';

/** One window: the usable directions whose selecting eigenvalue, as a share of the largest, lies above `low` and not above `high`. */
export interface LocalSlope {
  readonly high: number;
  readonly low: number;
  /** Directions used (cross-fitted: the mean over the two halves). */
  readonly n: number;
  /** Slopes by least squares of log C on log H, log Q on log H and log C on log Q; null from fewer than 8 directions. */
  readonly gamma: number | null;
  readonly gamma_Q: number | null;
  readonly C_on_Q: number | null;
}

/** With fewer directions than this there is no local slope. */
export const fewestLocal = 8;

/** Windows of one decade, half a decade apart, from the largest eigenvalue down to the smallest standard cutoff. */
const windows: readonly { readonly high: number; readonly low: number }[] = Array.from(
  { length: 2 * Math.round(-Math.log10(smallestCutoff)) - 1 },
  (_, k) => ({ high: powerOfTen(-k / 2), low: powerOfTen(-k / 2 - 1) }),
);

/** Windows that hold at least `fewestLocal` usable directions. */
export function localSlopes(diagonals: Diagonals, floors: Floors): LocalSlope[] {
  return localRows(prepareDiagonals(diagonals, floors)).filter(({ gamma }) => gamma !== null);
}

/** Directions from one half and values from the other, roles swapped, averaged: windows that both halves can fill. */
export function localSlopesCrossFitted(halves: readonly [Diagonals, Diagonals], floors: Floors): LocalSlope[] {
  const [first, second] = halves.map((half) => localRows(prepareDiagonals(half, floors)));
  return first.flatMap((a, w) => {
    const b = second[w];
    const mean = (relation: Relation): number | null => {
      const [x, y] = [a[relation], b[relation]];
      return x === null || y === null ? null : (x + y) / 2;
    };
    const slopes = { gamma: mean('gamma'), gamma_Q: mean('gamma_Q'), C_on_Q: mean('C_on_Q') };
    return slopes.gamma === null ? [] : [{ high: a.high, low: a.low, n: (a.n + b.n) / 2, ...slopes }];
  });
}

/** All windows. Usable directions stand in decreasing order of their selecting eigenvalues, so that each window is a run of them. */
function localRows({ selection, index, logH, logC, logQ }: PreparedDiagonals): LocalSlope[] {
  const logs = { H: logH, C: logC, Q: logQ };
  const largest = selection[0];
  const firstAtMost = (share: number): number => {
    const u = index.findIndex((i) => !(selection[i] > share * largest));
    return u < 0 ? index.length : u;
  };
  return windows.map(({ high, low }) => {
    // The largest eigenvalue itself belongs to the first window.
    const start = high === 1 ? 0 : firstAtMost(high);
    const end = firstAtMost(low);
    const slope = (relation: Relation): number | null => {
      if (end - start < fewestLocal) return null;
      const { x, y } = axesOf[relation];
      const value = leastSquares(moments(logs[x].subarray(start, end), logs[y].subarray(start, end))).slope;
      return Number.isFinite(value) ? value : null;
    };
    const [gamma, gamma_Q, C_on_Q] = relations.map(slope);
    return { high, low, n: end - start, gamma, gamma_Q, C_on_Q };
  });
}

function powerOfTen(exponent: number): number {
  return Number((10 ** exponent).toPrecision(15));
}
