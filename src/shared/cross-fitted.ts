/**
 * The cross-fitted estimand (docs/theory.md, "Two estimands of gamma"): directions of one random half of the samples with values of the other, roles swapped, averaged; over
 * several random splits, the median of them.
 */
import { byRelation, fitAt, prepareDiagonals } from './cutoffs.ts';
import type { Diagonals, FitOptions, Floors, PreparedDiagonals } from './cutoffs.ts';
import { standardCutoffs } from './estimands.ts';
import { medianOf } from './group-statistics.ts';
import type { CutoffRow, Slopes } from './slopes.ts';

/** Directions of one half with values of the other, and vice versa. */
export type Pair<T> = readonly [T, T];

/**
 * Rows for the cross-fitted estimand: directions from one half and values from the other, roles swapped, averaged.
 * @param more further random splits; a row is the median over those whose directions reach its cutoff.
 */
export function fitCrossFitted(
  halves: Pair<Diagonals>,
  floors: Floors,
  cutoffs: readonly number[] = standardCutoffs,
  options: FitOptions = {},
  more: readonly Pair<Diagonals>[] = [],
): CutoffRow[] {
  const splits = [halves, ...more].map((pair) => preparePair(pair, floors));
  return cutoffs.map((cutoff) => fitSplitsAt(splits, cutoff, options));
}

export function preparePair([a, b]: Pair<Diagonals>, floors: Floors): Pair<PreparedDiagonals> {
  return [prepareDiagonals(a, floors), prepareDiagonals(b, floors)];
}

/** The cross-fitted row at one cutoff: of the first split, or the median over all that reach the cutoff. */
export function fitSplitsAt(
  [first, ...more]: readonly Pair<PreparedDiagonals>[],
  cutoff: number,
  options: FitOptions = {},
): CutoffRow {
  const row = ([a, b]: Pair<PreparedDiagonals>): CutoffRow =>
    averageRows(fitAt(a, cutoff, options), fitAt(b, cutoff, options));
  // Where the first split's directions end above the cutoff, as many of another split are compared with all of them.
  const reaching = more.filter((pair) =>
    pair.every(
      ({ selection }, half) =>
        selection[selection.length - 1] <= cutoff * selection[0] || selection.length >= first[half].selection.length,
    ),
  );
  return reaching.length === 0 ? row(first) : medianRow(row(first), reaching.map(row));
}

/** The row of the first split with the slopes of the median one; slopes that some split lacks are those of the first. */
function medianRow(first: CutoffRow, others: readonly CutoffRow[]): CutoffRow {
  const all = [first, ...others];
  const medians = byRelation((relation) => medianSlopes(all.map((row) => row[relation])));
  const values = (of: (row: CutoffRow) => number | null | undefined): number[] =>
    all.map(of).filter((value): value is number => typeof value === 'number');
  const difference = (a: number | null | undefined, b: number | null | undefined): number | null =>
    typeof a === 'number' && typeof b === 'number' ? a - b : null;
  const spread = (all: readonly number[]): number => {
    const middle = medianOf(all);
    return Math.sqrt(medianOf(all.map((value) => (value - middle) ** 2)));
  };
  const spreads = {
    ...byRelation((relation) => spread(values((row) => row[relation].ols))),
    gamma_minus_gamma_Q: spread(values((row) => difference(row.gamma.ols, row.gamma_Q.ols))),
  };
  const scatter_difference = medianOf(values((row) => difference(row.gamma.scatter_unit, row.C_on_Q.scatter_unit)));
  // No split has enough directions for a slope, so there is no spread, and NaN could not be stored.
  const isKnown = [...Object.values(spreads), scatter_difference].every(Number.isFinite);
  return {
    ...first,
    splits: isKnown ? { count: all.length, spread: spreads, scatter_difference } : undefined,
    ...medians,
  };
}

/** The slopes of the split whose least-squares slope is the median; the mean of the middle two of an even number. The instrument stays that of the first. */
function medianSlopes(all: readonly Slopes[]): Slopes {
  const [first] = all;
  if (all.some(({ ols }) => ols === null)) return first;
  const sorted = all.toSorted((a, b) => a.ols! - b.ols!);
  const middle = sorted.length >> 1;
  const median = sorted.length % 2 === 1 ? sorted[middle] : averageSlopes(sorted[middle - 1], sorted[middle]);
  return first.iv === undefined ? median : { ...median, iv: first.iv };
}

/** The further splits of a measurement from its arrays [2 count, m]; empty if it has none. */
export function splitsOf(
  arrays: Readonly<
    Partial<Record<'split_selection' | 'split_H_diagonal' | 'split_C_diagonal' | 'split_Q_diagonal', Float64Array>>
  >,
  count: number,
): Pair<Diagonals>[] {
  const { split_selection: selection, split_H_diagonal: H, split_C_diagonal: C, split_Q_diagonal: Q } = arrays;
  if (!selection || !H || !C || !Q || count < 1) return [];
  const m = selection.length / (2 * count);
  const row = (k: number): Diagonals => {
    const part = (values: Float64Array): Float64Array => values.subarray(k * m, (k + 1) * m);
    return { selection: part(selection), H: part(H), C: part(C), Q: part(Q) };
  };
  return Array.from({ length: count }, (_, s) => [row(2 * s), row(2 * s + 1)] as const);
}

/** Mean of two rows of one cutoff, number by number; a slope missing in either is missing in the mean. */
export function averageRows(a: CutoffRow, b: CutoffRow): CutoffRow {
  const mean = (key: 'selected' | 'non_positive' | 'below_floor' | 'n' | 'decades') => (a[key] + b[key]) / 2;
  return {
    cutoff: a.cutoff,
    selected: mean('selected'),
    non_positive: mean('non_positive'),
    below_floor: mean('below_floor'),
    n: mean('n'),
    n_iv: a.n_iv === undefined || b.n_iv === undefined ? undefined : (a.n_iv + b.n_iv) / 2,
    decades: mean('decades'),
    reached: a.reached === undefined || b.reached === undefined ? undefined : Math.max(a.reached, b.reached),
    ...byRelation((relation) => averageSlopes(a[relation], b[relation])),
  };
}

function averageSlopes(a: Slopes, b: Slopes): Slopes {
  const mean = (x: number | null, y: number | null) => (x === null || y === null ? null : (x + y) / 2);
  const optional = (x: number | null | undefined, y: number | null | undefined) =>
    x === undefined || y === undefined ? undefined : mean(x, y);
  return {
    ols: mean(a.ols, b.ols),
    ols_inverse: optional(a.ols_inverse, b.ols_inverse),
    theil_sen: optional(a.theil_sen, b.theil_sen),
    orthogonal: optional(a.orthogonal, b.orthogonal),
    iv: optional(a.iv, b.iv),
    r_squared: mean(a.r_squared, b.r_squared),
    intercept: mean(a.intercept, b.intercept),
    scatter: optional(a.scatter, b.scatter),
    scatter_unit: optional(a.scatter_unit, b.scatter_unit),
    level: optional(a.level, b.level),
    quadratic: optional(a.quadratic, b.quadratic),
  };
}
