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
  /** For every parameter: the exact method if it supports it, and the projected method along all directions. */
  readonly parameters: readonly VerifiedParameter[];
  /** Parameters left out because their matrices are too large for the oracle even in the small copy, each with its d. */
  readonly left_out: readonly { readonly parameter: string; readonly d: number }[];
  readonly agrees: boolean;
  readonly engine: { readonly blas: string; readonly threads: number };
  readonly seconds: number;
}
