/** What is measured: a network with its weights, and the samples. */

import type { Real } from '../blas/types.ts';
import type { ModelSpec } from '../../shared/model.ts';

export interface MeasurementInput {
  readonly model: ModelSpec;
  /** Values by parameter name. */
  readonly weights: ReadonlyMap<string, Real>;
  /** [P, inputSize] and [P, targetSize] (one-hot rows for classes; of sequences a class number a position), in shared memory (SharedArrayBuffer). */
  readonly inputs: Real;
  readonly targets: Real;
  /** Whether targets are classes (one-hot rows; 0 for no and 1 for yes of one output), so that an accuracy exists. */
  readonly classes: boolean;
}
