/**
 * What a measurement says of the old assumption C = const * H (docs/theory.md, "The old assumption, tested"): C compared with the matrices that are often used in its place,
 * on the same samples.
 */
import type { Interval, RotationBaseline } from './slopes.ts';
import type { Estimand } from './estimands.ts';

/**
 * H: the Hessian. G: its Gauss-Newton part. F: the Fisher matrix, exact over the classes for cross-entropy, of a unit Gaussian for the mean squared error.
 * E: the empirical Fisher mean_p g_p g_p^T = C + g g^T. Q: mean_p h_p h_p. H2: H H.
 */
export const comparedMatrices = ['H', 'G', 'F', 'E', 'Q', 'H2'] as const;
export type ComparedMatrix = (typeof comparedMatrices)[number];

/** log C_ii on log M_ii along the eigendirections of H with H_ii > cutoff * H_11. */
export interface AssumptionRow {
  readonly cutoff: number;
  /** Directions used; cross-fitted: the mean over the halves. */
  readonly n: number;
  /** log10 of the ratio of the largest to the smallest H_ii used. */
  readonly decades: number;
  /** Least squares; null: fewer than 3 directions. */
  readonly slope: number | null;
  readonly r_squared: number | null;
  /** 95 % interval by the bootstrap over sample blocks; absent if M is not a mean over samples (H2, cross-fitted) or no intervals were asked for. */
  readonly interval?: Interval;
}

/** C compared with one matrix M, or with several that are equal. */
export interface AssumptionColumn {
  readonly matrices: readonly ComparedMatrix[];
  /** <C, M>_F / (|C|_F |M|_F). */
  readonly cosine: number;
  /** |CM - MC|_F / (2 |CM|_F) and what it is for random rotations of C. */
  readonly commutator_ratio: number;
  readonly commutator_baseline: RotationBaseline;
  readonly rows: Readonly<Record<Estimand, readonly AssumptionRow[]>>;
}

/** Two matrices that theory says are equal, or may be. */
export interface MatrixIdentity {
  readonly matrices: readonly [ComparedMatrix, ComparedMatrix];
  /** max |A - B| / max |B|. */
  readonly difference: number;
  /** Whether the difference is at most 1e-10; 1e-5 where the samples passed in single precision. */
  readonly equal: boolean;
  /**
   * Whether theory says so here: F = G always (as F is defined here), G = H where everything above the layer is piecewise linear, and for last
   * layers.
   */
  readonly expected: boolean;
}

export interface AssumptionsSummary {
  /** Matrices that are equal share one column. */
  readonly columns: readonly AssumptionColumn[];
  readonly identities: readonly MatrixIdentity[];
  /** "span": cosines, commutators and identities are those within the span of the found directions (projected). */
  readonly within: 'whole' | 'span';
  /** Present if the samples passed in single precision (on a device, or on the cpu if asked for). */
  readonly precision?: 'float32';
}

/** Diagonals along the eigendirections of H, stored beside the other arrays; columns that equal another are not repeated. */
export interface AssumptionArrays {
  readonly G_diagonal: Float64Array;
  readonly F_diagonal: Float64Array;
  readonly E_diagonal: Float64Array;
}
