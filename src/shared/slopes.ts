/** Slopes of one quantity on another by cutoff and estimator, with their intervals; and the baselines that a commutator ratio is compared with. */

export const estimators = ['ols', 'ols_inverse', 'theil_sen', 'orthogonal', 'iv'] as const;

export type Estimator = (typeof estimators)[number];

/** Names of the estimators in figures, tables and the window. */
export const estimatorNames = {
  ols: 'least squares',
  ols_inverse: 'inverse least squares',
  theil_sen: 'Theil–Sen',
  orthogonal: 'orthogonal',
  iv: 'split-half instrument',
} as const satisfies Record<Estimator, string>;

/** A 95 % interval. */
export type Interval = readonly [low: number, high: number];

/** Slope of log y on log x over the selected directions, by each estimator that was computed. NaN is stored as null. */
export interface Slopes {
  /** Least squares of log y on log x. */
  readonly ols: number | null;
  /** 1 / (least squares of log x on log y). */
  readonly ols_inverse?: number | null | undefined;
  readonly theil_sen?: number | null | undefined;
  /** Total least squares with equal error variances. */
  readonly orthogonal?: number | null | undefined;
  /** Split-half instrument (cross-fitted directions only). */
  readonly iv?: number | null | undefined;
  /** Coefficient of determination of the least-squares fit. */
  readonly r_squared: number | null;
  /** Natural logarithm of the prefactor of the least-squares fit. */
  readonly intercept: number | null;
  /** Root mean square residual about the least-squares line, in decades. Absent in measurements of earlier versions, as are the two below. */
  readonly scatter?: number | null | undefined;
  /** The same about the line of slope 1 that fits best. */
  readonly scatter_unit?: number | null | undefined;
  /** Natural logarithm of the prefactor of that line: the mean of log y - log x, so that exp of it is the geometric mean of y / x. */
  readonly level?: number | null | undefined;
  /** 95 % intervals by bootstrap over sample blocks, for the estimators that have one. */
  readonly interval?: Partial<Record<Estimator, Interval>> | undefined;
  /** Coefficient of the quadratic term of log y on log x. */
  readonly quadratic?: number | null | undefined;
}

/** A difference of two slopes, by estimator, with 95 % intervals from resampling both together. */
export interface SlopeDifference extends Readonly<Partial<Record<Estimator, number | null>>> {
  readonly interval?: Partial<Record<Estimator, Interval>>;
}

/** Fits over the directions with H_ii > cutoff * H_11. */
export interface CutoffRow {
  readonly cutoff: number;
  /** Directions above the cutoff (cross-fitted: the mean over the two halves). */
  readonly selected: number;
  /** Selected directions left out of the logarithms because H_ii, C_ii or Q_ii is not positive there. */
  readonly non_positive: number;
  /** Selected directions left out because a value lies below its numerical floor. */
  readonly below_floor: number;
  /** Directions used. */
  readonly n: number;
  /**
   * Cross-fitted rows over several random splits of the samples: every slope is the median over them. Absent if there is one split (below the cutoffs that the
   * further splits reach, if no split gives a slope, in projected measurements, and in measurements of earlier versions).
   */
  readonly splits?:
    | {
        readonly count: number;
        /** Root of the median squared distance of a split's slope (least squares) from the median. */
        readonly spread: Readonly<Record<'gamma' | 'gamma_Q' | 'C_on_Q' | 'gamma_minus_gamma_Q', number>>;
        /** Median of scatter_unit of gamma less that of C_on_Q. */
        readonly scatter_difference: number;
      }
    | undefined;
  /** Directions used by the split-half instrument: positive in both parts as well. */
  readonly n_iv?: number | undefined;
  /** log10 of the ratio of the largest to the smallest H_ii used. */
  readonly decades: number;
  /**
   * The smallest selecting eigenvalue over the largest, where every direction at hand is selected: the cutoff in force, above the one asked for where a projected
   * measurement found no smaller eigenvalue. Absent if the cutoff asked for decides.
   */
  readonly reached?: number | undefined;
  /** Largest share that one block of samples has in the variance of gamma (least squares), 0 to 1. Present if intervals were computed. */
  readonly block_share?: number | undefined;
  /** log C_ii on log H_ii. */
  readonly gamma: Slopes;
  /** log Q_ii on log H_ii: what C ~ Q predicts for gamma. */
  readonly gamma_Q: Slopes;
  /** log C_ii on log Q_ii: 1 if C ~ Q. */
  readonly C_on_Q: Slopes;
  /** gamma - gamma_Q: 0 if Q alone predicts the exponent. Present if intervals were computed. */
  readonly gamma_minus_gamma_Q?: SlopeDifference | undefined;
  /**
   * Scatter of C on H less that of C on Q, each about its line of slope 1, in decades: positive where Q is the closer. Paired over blocks of samples. Present
   * where intervals were computed, by versions that compute it.
   */
  readonly scatter_difference?: { readonly value: number; readonly interval: Interval } | undefined;
}

export interface RotationBaseline {
  /** Mean, standard deviation, first percentile and median of the ratio over random rotations of C. */
  readonly mean: number;
  readonly standard_deviation: number;
  readonly percentile_1: number;
  readonly median: number;
  readonly rotations: number;
  readonly seed: number;
  /** Share of ||C||_F^2 and of ||H||_F^2 outside the leading subspaces that the rotations act on (0: exact). */
  readonly truncated_C: number;
  readonly truncated_H: number;
}

/** The cutoff that decided which directions took part: above the one asked for where a projected measurement found no smaller eigenvalue. */
export function cutoffInForce(row: Pick<CutoffRow, 'cutoff' | 'reached'>): number {
  return Math.max(row.cutoff, row.reached ?? 0);
}
