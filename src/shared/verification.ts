/** The outcome of checking a measurement against the dense oracle on a small copy of a model (src/engine/verify). */
import type { ModelSpec } from './model.ts';

export interface VerifiedQuantity {
  /** "C", "H", "eigenvalues", "loss"... */
  readonly quantity: string;
  /** max |measured - oracle| / max |oracle| over the whole array. */
  readonly disagreement: number;
  readonly tolerance: number;
  readonly agrees: boolean;
}

export interface VerifiedParameter {
  readonly parameter: string;
  readonly shape: readonly number[];
  readonly d: number;
  readonly method: 'exact' | 'projected';
  readonly quantities: readonly VerifiedQuantity[];
  readonly agrees: boolean;
}

export interface Verification {
  readonly format: 'covature-verification';
  readonly version: 1;
  /** The copy. */
  readonly model: ModelSpec;
  readonly samples: number;
  readonly seed: number;
  /** Exact where the method serves, and projected along all directions, of every parameter. */
  readonly parameters: readonly VerifiedParameter[];
  /** Parameters left out because even in the copy their matrices are too large for the oracle, with d. */
  readonly left_out: readonly { readonly parameter: string; readonly d: number }[];
  readonly agrees: boolean;
  readonly engine: { readonly blas: string; readonly threads: number };
  readonly seconds: number;
}
