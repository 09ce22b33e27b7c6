/** A stored result: the arrays of a measurement as they lie in its safetensors file. */
import { openSafetensors } from '../data/formats/safetensors.ts';
import { errorNames, intervalNames, splitNames } from '../shared/array-names.ts';
import { InputError } from '../shared/errors.ts';
import type { DirectionErrors, ExtraArrays, IntervalArrays, ResultArrays, SplitArrays } from '../shared/results.ts';

type OptionalName = keyof DirectionErrors | keyof IntervalArrays | keyof SplitArrays;
const optional: ReadonlySet<string> = new Set([...errorNames, ...intervalNames, ...splitNames]);

type StoredArrays = ResultArrays & Required<ExtraArrays>;

/** Reads some arrays without the rest of the file; errors, splits and sums behind intervals that it lacks are left out. Raises InputError if the file is damaged or lacks another one. */
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
