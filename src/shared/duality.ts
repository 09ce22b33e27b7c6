/**
 * What a measurement says about the activity-weight duality (docs/theory.md, "Activity-weight duality"; Feng, Zhang & Tu, arXiv:2203.10736). For samples p and q of one
 * layer with inputs a and kernel W [in, out] (the bias held), the smallest weight change that makes p look like q to everything above is
 *   Delta_pq = a_p u^T / |a_p|^2,  u = W^T (a_q - a_p).
 * The step from there to C ~ Q is C = 1/2 E_pq[(g_q - g_p)(g_q - g_p)^T], g_q - g_p ~ h_p Delta_pq, Delta roughly isotropic; each part is measured.
 */
import type { Interval } from './slopes.ts';

/** all: p and q any two samples; within, across: of one class, of two (where the targets are classes). */
export const pairKinds = ['all', 'within', 'across'] as const;
export type PairKind = (typeof pairKinds)[number];

/** Of |h_p Delta - x| / |x| over the pairs drawn. */
export interface RelativeResidual {
  readonly median: number;
  /** 95 % interval of the median over all pairs of these samples, by resampling the pairs drawn. */
  readonly median_interval: Interval;
  readonly quantile_25: number;
  readonly quantile_75: number;
}

/** Over pairs drawn independently with a seed. */
export interface PairResiduals {
  /** Number of pairs used; and of pairs drawn but unusable because a_p = 0 (no change of weights exists) or because x = 0. */
  readonly pairs: number;
  readonly skipped: number;
  readonly undefined: number;
  /** Largest |(W + Delta)^T a_p - W^T a_q| / |W^T a_q|: rounding alone where the duality is exact. */
  readonly exactness: number;
  /** x = grad l_p(W + Delta) - grad l_p(W): how accurate the first-order approximation is. */
  readonly first_order: RelativeResidual;
  /** x = g_q - g_p: the approximation that the argument needs. */
  readonly gradient_difference: RelativeResidual;
}

/** A slope of one logarithm on another over eigendirections of H, by least squares. */
export interface DualSlope {
  /** null: fewer than 3 directions. */
  readonly slope: number | null;
  readonly r_squared: number | null;
  /** 95 % interval from random groups of samples; absent without them. */
  readonly interval?: Interval;
}

/** Along directions with H_ii > cutoff * H_11 at which H_ii, C_ii and both moments are above their floors. */
export interface DualRow {
  readonly cutoff: number;
  readonly n: number;
  /** log10 of the ratio of the largest to the smallest H_ii used. */
  readonly decades: number;
  /** log E[(Delta . v_i)^2] on log H_ii: 0 if Delta is isotropic. */
  readonly isotropy: DualSlope;
  /** log C_dual,ii on log C_ii: 1 if the argument holds up to a factor. */
  readonly C_dual_on_C: DualSlope;
  /** Median over the directions of C_dual,ii / C_ii: 1 if it holds including its factor; null without directions. */
  readonly median_ratio: number | null;
}

/** Moments over ALL ordered pairs of the samples (no pair is drawn): they are sums over p once the moments of q's outputs are known. */
export interface DualMoments {
  /** Share of the pairs. */
  readonly share: number;
  /** tr C_dual / tr C, C_dual = 1/2 E_pq[h_p Delta Delta^T h_p]. */
  readonly trace_ratio: number;
  readonly trace_ratio_interval?: Interval;
  /** Cosine of C_dual and C; where the matrices are known. */
  readonly cosine_C?: number | undefined;
  /** By cutoff, as in `gamma`. */
  readonly rows: readonly DualRow[];
}

export interface DualitySummary {
  /** Of the pairs and of the groups. */
  readonly seed: number;
  /** Samples with a_p = 0, which are no p of any pair in `moments`. */
  readonly samples_without_input: number;
  /** Keyed by kind: within and across where the targets are classes, else all. */
  readonly residuals: Readonly<Partial<Record<PairKind, PairResiduals>>>;
  /** all, and within and across where the targets are classes. */
  readonly moments: Readonly<Partial<Record<PairKind, DualMoments>>>;
  /** Random groups of samples behind the intervals of `moments` (each measured by itself: pairs within a group alone); 0: none. */
  readonly groups: number;
}

/** Diagonals along the eigendirections of H, in decreasing order of eigenvalues, beside the other arrays. */
export interface DualityArrays {
  /** v_i . C_dual v_i over all pairs. */
  readonly C_dual_diagonal: Float64Array;
  /** E_pq[(Delta_pq . v_i)^2] over all pairs. */
  readonly dual_spread: Float64Array;
  /** The same over pairs of one class; absent if the targets are no classes. */
  readonly C_dual_within_diagonal?: Float64Array;
  readonly dual_within_spread?: Float64Array;
}
