/**
 * The mechanism behind the exponent of Q: with eigenpairs (lambda_pk, u_pk) of single samples' Hessians h_p,
 *   H_ii = E_p sum_k lambda_pk (u_pk . v_i)^2,  Q_ii = E_p sum_k lambda_pk^2 (u_pk . v_i)^2,
 * so R_i = Q_ii / H_ii is the alignment-weighted mean curvature of single samples (a mean where every h_p is positive semidefinite), and by least squares gamma_Q - 1 is the
 * slope of log R_i on log H_ii. Null: the lambda permuted over samples with the u fixed, which leaves the part of that slope that is due to the alignments alone.
 */
export interface Quantiles {
  readonly low: number;
  readonly median: number;
  readonly high: number;
}

export interface SampleSpectra {
  /** Class, or null for all samples together. */
  readonly label: number | null;
  readonly samples: number;
  /** 5th, 50th and 95th percentile over samples of the largest |eigenvalue| of h_p, and of its effective rank (tr h_p)^2 / tr h_p^2. */
  readonly largest: Quantiles;
  readonly effective_rank: Quantiles;
}

export interface MechanismSummary {
  readonly seed: number;
  /** Samples and directions behind it. */
  readonly samples: number;
  readonly directions: number;
  /** All samples, then by class where there are classes. */
  readonly spectra: readonly SampleSpectra[];
  /** max_p ||h_p|| over these samples: Q_ii <= this times H_ii where every h_p is positive semidefinite. */
  readonly largest_norm: number;
  /** Whether every h_p is, to rounding. */
  readonly positive: boolean;
  /** R_i of these samples along the directions, by decreasing H_ii, and its mean and standard deviation with the lambda permuted. Absent in measurements of earlier versions. */
  readonly profile?: readonly {
    readonly H: number;
    readonly R: number;
    readonly permuted: number;
    readonly permuted_deviation: number;
  }[];
  /** By cutoff: slope of log R_i on log H_ii of these samples (gamma_Q - 1), and its mean and standard deviation with the lambda permuted. Null: fewer than 3 directions. */
  readonly rows: readonly {
    readonly cutoff: number;
    readonly n: number;
    readonly slope: number | null;
    readonly permuted: number | null;
    readonly permuted_deviation: number | null;
  }[];
}

/** Share of gamma_Q - 1 that is due to the correlation of lambda with the alignment: 1 - permuted / slope. Null if gamma_Q - 1 is within 0.02 of 0. */
export function correlationShare({
  slope,
  permuted,
}: {
  readonly slope: number | null;
  readonly permuted: number | null;
}): number | null {
  return slope === null || permuted === null || Math.abs(slope) < 0.02 ? null : 1 - permuted / slope;
}
