/** The arrays of a measurement as fits and charts take them: sets of directions for each estimand. */
import type { CutoffRow, Interval } from '../../shared/slopes.ts';
import { diagonalArrays, type Estimand } from '../../shared/estimands.ts';
import { diagonalNames, errorNames, splitNames } from '../../shared/array-names.ts';
import { fewestForVerdict } from '../../shared/claims.ts';
import { fewSamples } from '../../shared/interval-trust.ts';
import type { DiagonalName } from '../../shared/contract/index.ts';
import { fitAt, prepareDiagonals } from '../../shared/cutoffs.ts';
import { fitSplitsAt, preparePair, splitsOf } from '../../shared/cross-fitted.ts';
import type { Diagonals, Floors, PreparedDiagonals, Relation } from '../../shared/cutoffs.ts';
import type { Pair } from '../../shared/cross-fitted.ts';
import type { MeasurementSummary } from '../../shared/results.ts';
import { directionsToDraw } from '../../shared/drawn-directions.ts';
import type { DrawnDirections } from '../../shared/drawn-directions.ts';
import { scatterDiagonals } from '../../shared/figures/figures/scatter.ts';
import type { FigureSpec } from '../../shared/figures/types.ts';

export const wantedArrays: readonly DiagonalName[] = [
  ...diagonalNames.filter((name) => name !== 'mean_gradient'),
  ...splitNames,
  ...errorNames,
];

/** Beside them where the duality was measured. */
export const dualityArrays: readonly DiagonalName[] = ['C_dual_diagonal', 'dual_spread'];
export const dualityWithinArrays: readonly DiagonalName[] = ['dual_within_spread'];

export type MeasuredArrays = Readonly<Partial<Record<DiagonalName, Float64Array>>>;

/** Standard errors along some directions of one set. */
export interface SetErrors {
  /** Numbers from 1, increasing. */
  readonly directions: readonly number[];
  readonly H: Float64Array;
  readonly C: Float64Array;
  readonly Q: Float64Array;
}

export interface DirectionSets {
  /** One for the training set, two (directions from either half) for cross-fitted. */
  readonly sets: readonly Diagonals[];
  readonly prepared: readonly PreparedDiagonals[];
  /** Further random splits of a cross-fitted measurement: fitted, never drawn. */
  readonly splits: readonly Pair<PreparedDiagonals>[];
  readonly floors: Floors;
  /** One a set; empty if the measurement has none. */
  readonly errors: readonly SetErrors[];
  /** Indices of the directions of each set that have points. */
  readonly shown: readonly DrawnDirections[];
}

export function directionSets(
  arrays: MeasuredArrays,
  summary: MeasurementSummary,
  estimand: Estimand,
): DirectionSets | null {
  const floors = summary.floor;
  const sets: Diagonals[] = [];
  const names = diagonalArrays[estimand];
  const [selection, H, C, Q] = [arrays[names.selection], arrays[names.H], arrays[names.C], arrays[names.Q]];
  if (selection === undefined || H === undefined || C === undefined || Q === undefined) return null;
  if (estimand === 'training_set') {
    sets.push({ selection, H, C, Q });
  } else {
    const d = selection.length / 2;
    for (const k of [0, 1]) {
      const part = (array: Float64Array): Float64Array => array.subarray(k * d, (k + 1) * d);
      sets.push({ selection: part(selection), H: part(H), C: part(C), Q: part(Q) });
    }
  }
  return {
    sets,
    shown: sets.map((set) => directionsToDraw(set, floors)),
    prepared: sets.map((set) => prepareDiagonals(set, floors)),
    splits:
      estimand === 'training_set'
        ? []
        : splitsOf(arrays, (summary.splits?.count ?? 1) - 1).map((pair) => preparePair(pair, floors)),
    floors,
    errors: sets.map((_, set) => errorsOf(arrays, estimand, set)),
  };
}

function errorsOf(arrays: MeasuredArrays, estimand: Estimand, set: number): SetErrors {
  const prefix = estimand === 'training_set' ? '' : 'cross_fitted_';
  const part = (name: 'error_directions' | 'H_error' | 'C_error' | 'Q_error'): Float64Array => {
    const all = arrays[`${prefix}${name}`] ?? new Float64Array(0);
    const width = estimand === 'training_set' ? all.length : all.length / 2;
    // Rows are filled up with NaN to one length.
    return all.slice(set * width, (set + 1) * width).filter((value) => !Number.isNaN(value));
  };
  return {
    directions: Array.from(part('error_directions'), (i) => i + 1),
    H: part('H_error'),
    C: part('C_error'),
    Q: part('Q_error'),
  };
}

export interface PointErrors {
  /** The direction that they were computed along: the point's own, or the nearest that has any. */
  readonly i: number;
  readonly H: number;
  readonly C: number;
  readonly Q: number;
}

/** Standard errors at a point; where its own direction has none, those of the nearest that has, in proportion to the values. Null: none at all. */
export function errorsAt({ errors, sets }: DirectionSets, { set, i }: ScatterPoint): PointErrors | null {
  const { directions, H, C, Q } = errors[set];
  if (directions.length === 0) return null;
  let at = 0;
  for (let k = 1; k < directions.length; k++) if (Math.abs(directions[k] - i) < Math.abs(directions[at] - i)) at = k;
  const near = directions[at];
  const scaled = (key: 'H' | 'C' | 'Q', error: number): number =>
    near === i ? error : (error / Math.abs(sets[set][key][near - 1])) * Math.abs(sets[set][key][i - 1]);
  return { i: near, H: scaled('H', H[at]), C: scaled('C', C[at]), Q: scaled('Q', Q[at]) };
}

/** The fit at any cutoff. Theil-Sen takes milliseconds: left out while a drag goes on. */
export function fitSets({ prepared, splits }: DirectionSets, cutoff: number, theilSen: boolean): CutoffRow {
  const [first, second] = prepared;
  return second === undefined
    ? fitAt(first, cutoff, { theilSen })
    : fitSplitsAt([[first, second], ...splits], cutoff, { theilSen });
}

export function intervalOf(row: CutoffRow | undefined, relation: Relation): Interval | null {
  return row?.[relation].interval?.ols ?? null;
}

/**
 * Why numbers at this cutoff deserve less trust; empty if there is no reason.
 * @param near the stored row nearest to it, with what only the measurement knows.
 */
export function doubts(row: CutoffRow, summary: MeasurementSummary, near?: CutoffRow): string[] {
  const reservations: string[] = [];
  if (summary.projected?.converged === false)
    reservations.push('the search for eigenvectors ended before it had converged; see How it was measured');
  const { directions, decades } = fewestForVerdict;
  if (row.n < directions) reservations.push(`only ${Math.round(row.n)} directions; a verdict needs ${directions}`);
  if (row.decades < decades)
    reservations.push(
      // One digit more where one digit alone would read as enough.
      `only ${row.decades.toFixed(row.decades < decades - 0.05 ? 1 : 2)} decades of curvature; a verdict needs ${decades}`,
    );
  if (row.below_floor > 0.01 * row.selected && row.below_floor >= 1)
    reservations.push(`${Math.round(row.below_floor)} of the directions lie below the numerical floor`);
  const few = near === undefined ? null : fewSamples(near, summary);
  if (few !== null) reservations.push(few);
  return reservations;
}

const pairs = { gamma: 'C_H', gamma_Q: 'Q_H', C_on_Q: 'C_Q' } as const;

/** The figure of diagonals against each other, with the fit at the cutoff that is looked at. */
export function scatterFigure(
  summary: MeasurementSummary,
  arrays: MeasuredArrays,
  estimand: Estimand,
  relation: Relation,
  row: CutoffRow,
): FigureSpec {
  return scatterDiagonals({ summary, arrays }, { pair: pairs[relation], estimand, row, halves: true });
}

export interface ScatterPoint {
  readonly set: number;
  /** Number of the direction, from 1. */
  readonly i: number;
  readonly H: number;
  readonly C: number;
  readonly Q: number;
}

/** Directions that are drawn: their three values have logarithms that mean something. */
export function usablePoints({ sets, shown }: DirectionSets): ScatterPoint[] {
  return sets.flatMap(({ H, C, Q }, set) =>
    shown[set].drawn.map((i): ScatterPoint => ({ set, i: i + 1, H: H[i], C: C[i], Q: Q[i] })),
  );
}
