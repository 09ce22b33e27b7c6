import { InputError } from '../../shared/errors.ts';
import type { Real } from '../blas/types.ts';

/** For sums that have left the range of doubles; `what` names them, as the subject of the sentence with its verb ("H leaves"). */
export function overflowError(parameter: string, what: string, inputs: Real): InputError {
  let largest = 0;
  for (const value of inputs) largest = Math.max(largest, Math.abs(value));
  return new InputError(
    `${parameter}: ${what} the range of double precision (1.8e308): products of the inputs, up to ${largest.toPrecision(2)}, ` +
      'and the weights are too large; scale the inputs ("scale" or "standardise" in the specification of the dataset)',
  );
}
