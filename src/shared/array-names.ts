/** The names of a measurement's arrays, as files, window and contract list them. What each holds: `ResultArrays` and `ExtraArrays` of results.ts. */
import type { DirectionErrors, IntervalArrays, ResultArrays, SplitArrays } from './results.ts';

/** The arrays that figures and tables of diagonals need: small, whatever d is. */
export const diagonalNames = [
  'eigenvalues',
  'C_diagonal',
  'Q_diagonal',
  'mean_gradient',
  'cross_fitted_selection',
  'cross_fitted_H_diagonal',
  'cross_fitted_C_diagonal',
  'cross_fitted_Q_diagonal',
] as const satisfies readonly (keyof ResultArrays)[];

/** Standard errors along directions: in files of measurements with intervals alone. */
export const errorNames = [
  'error_directions',
  'H_error',
  'C_error',
  'Q_error',
  'cross_fitted_error_directions',
  'cross_fitted_H_error',
  'cross_fitted_C_error',
  'cross_fitted_Q_error',
] as const satisfies readonly (keyof DirectionErrors)[];

/** Values along the directions of further random splits: in files of measurements that have them alone. */
export const splitNames = [
  'split_selection',
  'split_H_diagonal',
  'split_C_diagonal',
  'split_Q_diagonal',
] as const satisfies readonly (keyof SplitArrays)[];

/** What intervals at any cutoff are computed from: in files of measurements with intervals alone. */
export const intervalNames = [
  'interval_blocks',
  'interval_training_set',
  'interval_from_A',
  'interval_from_B',
] as const satisfies readonly (keyof IntervalArrays)[];
