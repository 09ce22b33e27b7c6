/**
 * The two estimands of gamma, the cutoffs at which slopes are fitted, and how a row of fits is found: by every screen, figure, table and
 * command in the same way.
 *
 * A cutoff c selects the directions with H_ii > c H_11. It is "smaller" the further it reaches into the tail of the spectrum.
 */
import { InputError } from './errors.ts';

/** Training set: directions and values from the same samples. Cross-fitted: directions from one half, values from the other. */
export const estimands = ['training_set', 'cross_fitted'] as const;
export type Estimand = (typeof estimands)[number];

export const estimandNames: Readonly<Record<Estimand, string>> = {
  training_set: 'training set',
  cross_fitted: 'cross-fitted',
};

/** The arrays of a result that hold values along its directions: one value per direction; in cross-fitted arrays, both halves one after the other. */
export const diagonalArrays = {
  training_set: { selection: 'eigenvalues', H: 'eigenvalues', C: 'C_diagonal', Q: 'Q_diagonal' },
  cross_fitted: {
    selection: 'cross_fitted_selection',
    H: 'cross_fitted_H_diagonal',
    C: 'cross_fitted_C_diagonal',
    Q: 'cross_fitted_Q_diagonal',
  },
} as const satisfies Record<Estimand, Record<'selection' | 'H' | 'C' | 'Q', string>>;

/** Cutoffs of every summary, from the largest to the smallest. */
export const standardCutoffs: readonly number[] = [1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8];

/** Directions below this cutoff are never fitted. */
export const smallestCutoff: number = standardCutoffs[standardCutoffs.length - 1];

/**
 * The cutoff of headline numbers, claims and figures if none is asked for. Further into the tail, directions found from finitely many samples mix the top
 * of the spectrum into small curvatures, which pulls cross-fitted slopes towards 1 (docs/statistics.md has the table).
 */
export const headlineCutoff = 1e-2;

/** Whether two cutoffs are the same up to rounding (one part in a million), as 10 ** -4 and 1e-4 are. False for NaN. */
export function isSameCutoff(a: number, b: number): boolean {
  return Math.abs(a - b) <= 1e-6 * Math.abs(b);
}

/** The row of a cutoff, or undefined if none was fitted there. */
export function findRow<Row extends { readonly cutoff: number }>(
  rows: readonly Row[],
  cutoff: number,
): Row | undefined {
  return rows.find((row) => isSameCutoff(row.cutoff, cutoff));
}

/** The row of a cutoff. Raises InputError, naming the cutoffs that there are, if none was fitted there. */
export function rowAt<Row extends { readonly cutoff: number }>(rows: readonly Row[], cutoff: number): Row {
  const row = findRow(rows, cutoff);
  if (row === undefined)
    throw new InputError(
      `no fit at the cutoff ${cutoff}: the measurement has ${rows.map((each) => each.cutoff).join(', ')}`,
    );
  return row;
}

/** The row whose cutoff is nearest by ratio; undefined only if there are no rows. */
export function nearestRow<Row extends { readonly cutoff: number }>(
  rows: readonly Row[],
  cutoff: number,
): Row | undefined {
  const distance = (row: Row): number => Math.abs(Math.log(row.cutoff / cutoff));
  return rows.reduce<Row | undefined>(
    (best, row) => (best === undefined || distance(row) < distance(best) ? row : best),
    undefined,
  );
}

/**
 * The row that stands for a measurement if no cutoff is asked for: the smallest cutoff with a fit that is not below `headlineCutoff`; if there is none, the
 * first row with a fit; else the first row. `rows` go from the largest cutoff to the smallest.
 */
export function headlineRow<Row extends { readonly cutoff: number }>(
  rows: readonly Row[],
  hasFit: (row: Row) => boolean,
): Row | undefined {
  const isWithin = (row: Row): boolean => row.cutoff > headlineCutoff || isSameCutoff(row.cutoff, headlineCutoff);
  return rows.filter((row) => isWithin(row) && hasFit(row)).at(-1) ?? rows.find(hasFit) ?? rows[0];
}
