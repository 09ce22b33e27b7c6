/** The arrays of a measurement as fits and charts take them: sets of directions for each estimand. */
import type { DiagonalName } from '../../shared/contract/index.ts';
import { averageRows, fitAt, prepareDiagonals, selectedCount, usabilityOf } from '../../shared/cutoffs.ts';
import type { Diagonals, Floors, PreparedDiagonals, Relation } from '../../shared/cutoffs.ts';
import type { CutoffRow, Estimand, Interval, MeasurementSummary } from '../../shared/results.ts';

export const wantedArrays: readonly DiagonalName[] = [
  'eigenvalues',
  'C_diagonal',
  'Q_diagonal',
  'cross_fitted_selection',
  'cross_fitted_H_diagonal',
  'cross_fitted_C_diagonal',
  'cross_fitted_Q_diagonal',
];

export interface DirectionSets {
  /** One for the training set, two (directions from either half) for cross-fitted. */
  readonly sets: readonly Diagonals[];
  readonly prepared: readonly PreparedDiagonals[];
  readonly floors: Floors;
  /** The eigenvalue that cutoffs are shares of: H_11, or the mean of the two halves'. */
  readonly largest: number;
}

export function directionSets(
  arrays: Readonly<Partial<Record<DiagonalName, Float64Array>>>,
  summary: MeasurementSummary,
  estimand: Estimand,
): DirectionSets | null {
  const floors = summary.floor;
  const sets: Diagonals[] = [];
  if (estimand === 'training_set') {
    const { eigenvalues: H, C_diagonal: C, Q_diagonal: Q } = arrays;
    if (H === undefined || C === undefined || Q === undefined) return null;
    sets.push({ selection: H, H, C, Q });
  } else {
    const selection = arrays.cross_fitted_selection;
    const H = arrays.cross_fitted_H_diagonal;
    const C = arrays.cross_fitted_C_diagonal;
    const Q = arrays.cross_fitted_Q_diagonal;
    if (selection === undefined || H === undefined || C === undefined || Q === undefined) return null;
    const d = selection.length / 2;
    for (const k of [0, 1]) {
      const part = (array: Float64Array): Float64Array => array.subarray(k * d, (k + 1) * d);
      sets.push({ selection: part(selection), H: part(H), C: part(C), Q: part(Q) });
    }
  }
  return {
    sets,
    prepared: sets.map((set) => prepareDiagonals(set, floors)),
    floors,
    largest: sets.reduce((sum, { selection }) => sum + selection[0], 0) / sets.length,
  };
}

/** The fit at any cutoff. Theil-Sen takes milliseconds: left out while a drag goes on. */
export function fitSets({ prepared }: DirectionSets, cutoff: number, theilSen: boolean): CutoffRow {
  const rows = prepared.map((one) => fitAt(one, cutoff, { theilSen }));
  return rows.length === 1 ? rows[0] : averageRows(rows[0], rows[1]);
}

/** The stored row of a standard cutoff, where this is one. */
export function storedRow(rows: readonly CutoffRow[], cutoff: number): CutoffRow | undefined {
  return rows.find((row) => Math.abs(Math.log10(row.cutoff / cutoff)) < 0.011);
}

/** The stored row nearest in the logarithm. */
export function nearestRow(rows: readonly CutoffRow[], cutoff: number): CutoffRow | undefined {
  return rows.toSorted((a, b) => Math.abs(Math.log(a.cutoff / cutoff)) - Math.abs(Math.log(b.cutoff / cutoff)))[0];
}

export function intervalOf(row: CutoffRow | undefined, relation: Relation): Interval | null {
  return row?.[relation].interval?.ols ?? null;
}

/** Why numbers at this cutoff deserve less trust; empty where they do not. */
export function doubts(row: CutoffRow): string[] {
  const found: string[] = [];
  if (row.n < 30) found.push(`only ${Math.round(row.n)} directions; a verdict needs 30`);
  if (row.decades < 1.5) found.push(`only ${row.decades.toFixed(1)} decades of curvature; a verdict needs 1.5`);
  if (row.below_floor > 0.01 * row.selected && row.below_floor >= 1)
    found.push(`${Math.round(row.below_floor)} of the directions lie below the numerical floor`);
  return found;
}

export interface ScatterPoint {
  readonly set: number;
  /** Number of the direction, from 1. */
  readonly i: number;
  readonly H: number;
  readonly C: number;
  readonly Q: number;
}

/** Directions whose three values have logarithms that mean something. */
export function usablePoints({ sets, floors }: DirectionSets): ScatterPoint[] {
  return sets.flatMap(({ H, C, Q }, set) => {
    const points: ScatterPoint[] = [];
    for (let i = 0; i < H.length; i++) {
      if (usabilityOf(H[i], C[i], Q[i], floors) === 'usable') points.push({ set, i: i + 1, H: H[i], C: C[i], Q: Q[i] });
    }
    return points;
  });
}

export { selectedCount };
