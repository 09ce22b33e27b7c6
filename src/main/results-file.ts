/** A stored result: the arrays of a measurement as they lie in its safetensors file. */
import { openSafetensors } from '../data/formats/safetensors.ts';
import { InputError } from '../shared/errors.ts';
import type { ExtraArrays, ResultArrays } from '../shared/results.ts';

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

type StoredArrays = ResultArrays & Required<ExtraArrays>;

/** Reads some arrays without the rest of the file. Raises InputError where the file is damaged or lacks one. */
export async function readArrays<const N extends keyof StoredArrays>(
  path: string,
  names: readonly N[],
): Promise<Pick<StoredArrays, N>> {
  await using file = await openSafetensors(path);
  const arrays: Partial<Record<N, Float64Array>> = {};
  for (const name of names) arrays[name] = float64((await file.read(name)).data, name, path);
  return arrays as Pick<StoredArrays, N>;
}

function float64(data: unknown, name: string, path: string): Float64Array {
  if (!(data instanceof Float64Array)) throw new InputError(`${path}: ${name} is not of type F64`);
  return data;
}
