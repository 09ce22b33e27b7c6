/** A stored result: the arrays of a measurement as they lie in its safetensors file. */
import { openSafetensors } from '../data/formats/safetensors.ts';
import { InputError } from '../shared/errors.ts';
import type { DirectionErrors, ExtraArrays, IntervalArrays, ResultArrays, SplitArrays } from '../shared/results.ts';

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

type OptionalName = keyof DirectionErrors | keyof IntervalArrays | keyof SplitArrays;
const optional: ReadonlySet<string> = new Set([...errorNames, ...intervalNames, ...splitNames]);

type StoredArrays = ResultArrays & Required<ExtraArrays>;

/** Reads some arrays without the rest of the file; errors, splits and sums behind intervals that it lacks are left out. Raises InputError where the file is damaged or lacks another one. */
export async function readResultArrays<const N extends keyof StoredArrays>(
  path: string,
  names: readonly N[],
): Promise<Pick<StoredArrays, Exclude<N, OptionalName>> & Partial<Pick<StoredArrays, Extract<N, OptionalName>>>> {
  await using file = await openSafetensors(path);
  const arrays: Partial<Record<N, Float64Array>> = {};
  const present = names.filter((name) => file.places.has(name) || !optional.has(name));
  for (const name of present) arrays[name] = float64((await file.read(name)).data, name, path);
  return arrays as Pick<StoredArrays, N>;
}

function float64(data: unknown, name: string, path: string): Float64Array {
  if (!(data instanceof Float64Array)) throw new InputError(`${path}: ${name} is not of type F64`);
  return data;
}
