/**
 * What a measurement yields: the JSON summary (this file) and the arrays beside it (safetensors, names in `ResultArrays`).
 * Notation: P samples, d weights of one parameter tensor flattened row-major, i one eigendirection of H.
 *   C = mean_p g_p g_p^T - g g^T   (single-sample noise covariance)
 *   H = mean_p h_p,  Q = mean_p h_p h_p   (h_p: Hessian of ONE sample's loss)
 *   H v_i = H_ii v_i in decreasing order of H_ii,  C_ii = v_i^T C v_i,  Q_ii = v_i^T Q v_i.
 */
import type { Convergence } from './convergence-verdict.ts';
import type { Interval, SlopeDifference, CutoffRow, RotationBaseline } from './slopes.ts';
import type { AssumptionArrays, AssumptionsSummary } from './assumptions.ts';
import type { Estimand } from './estimands.ts';
import type { DensitySummary } from './density.ts';
import type { DualityArrays, DualitySummary } from './duality.ts';
import type { LocalSlope } from './local-slopes.ts';
import type { MinibatchNoiseSummary } from './minibatch.ts';
import type { MechanismSummary } from './mechanism.ts';
import type { NoiseAtWork } from './noise-at-work.ts';
import type { WeightFluctuationsSummary } from './weight-fluctuations.ts';

/** Training set less cross-fitted, at one cutoff. */
export interface EstimandDifference {
  readonly cutoff: number;
  readonly gamma: SlopeDifference;
  readonly gamma_Q: SlopeDifference;
  readonly C_on_Q: SlopeDifference;
}

/** How the intervals were computed (docs/statistics.md). */
export interface BootstrapSummary {
  readonly seed: number;
  readonly resamples: number;
  /** Blocks of samples, a quarter of them in each quarter of the samples. */
  readonly blocks: number;
  /** Directions that were resampled along: over all samples, from half A, from half B. */
  readonly directions: readonly [training_set: number, from_A: number, from_B: number];
}

/** The commutator ratio under shuffles of one factor of a dense layer over the samples. */
export interface StructuredNull {
  /** Without shuffling, within the same directions and samples as the shuffles. */
  readonly observed: number;
  readonly mean: number;
  readonly standard_deviation: number;
  readonly median: number;
  /** Bound that the next shuffle falls below with probability 0.01 if normal: mean - t(0.99, n - 1) s sqrt(1 + 1/n) for n shuffles. */
  readonly percentile_1: number;
  readonly shuffles: number;
}

/** Nulls that keep the factors of a dense layer and break their pairing over samples (structured-nulls.ts). */
export interface CommutatorNulls {
  readonly seed: number;
  /** Samples behind both, and leading eigenvectors of H (delta) and of C (hessian) within which the ratio is taken. */
  readonly samples: number;
  readonly directions: number;
  /** delta_p shuffled over samples: C changes, H stays. */
  readonly delta: StructuredNull;
  /** S_p shuffled over samples: H changes, C stays. */
  readonly hessian: StructuredNull;
}

/** A value with its 95 % interval. */
export interface Estimated {
  readonly value: number;
  readonly interval: Interval;
}

/** The cross-fitted exponent without what directions found from finitely many samples do to it, at one cutoff (engine/statistics/calibration.ts). */
export interface CalibrationRow {
  readonly cutoff: number;
  /** The cross-fitted slope by least squares, less what the noise of the values does to it: the middle of its interval. */
  readonly measured: Estimated;
  /** The exponent at which simulated samples of this spectrum, number and d give the measured slope; null: there is none, or nothing was simulated. */
  readonly simulated: Estimated | null;
  /** The intercept of slopes from P/8, P/4, P/2 and P samples over 1/P; null: not measured. */
  readonly extrapolated: Estimated | null;
}

export interface CalibrationSummary {
  readonly seed: number;
  /** Simulated halves behind each number. */
  readonly draws: number;
  /** Samples of a simulated half: those of a half, and more where these scatter less than Gaussian ones of rank one. */
  readonly effective_samples: number;
  /** Standard deviation of the logarithm of the samples' sizes, where these scatter more than Gaussian ones do. */
  readonly tail?: number | undefined;
  /** Leading directions that were simulated. */
  readonly directions: number;
  /** How many of them were measured, where only part was; beyond them the trace of H is spread in three forms, and the intervals hold all three. */
  readonly measured_directions?: number | undefined;
  /** If only part was measured, why nothing was calibrated: nothing of tr H is left for the other directions, or more than can be simulated at or below the last measured eigenvalue. */
  readonly impossible?: 'nothing left' | 'too much left' | undefined;
  readonly rows: readonly CalibrationRow[];
}

/** Which end of the spectrum the projected method looks for: the largest eigenvalues, the largest by size, or both ends in turn. */
export const projectedChoices = ['largest', 'magnitude', 'both'] as const;
export type ProjectedWhich = (typeof projectedChoices)[number];

/**
 * How a projected measurement was made. C, H and Q are then known along the k found directions alone: cosines and the commutator ratio are those of
 * the three restricted to their span (k x k), and eigenvalue counts are counts among the found.
 */
export interface ProjectedDetails {
  /** Directions found. */
  readonly k: number;
  readonly which: ProjectedWhich;
  /** Products with H, restarts and random restarts after a breakdown of the search over all samples. */
  readonly iterations: number;
  readonly restarts: number;
  readonly breakdowns: number;
  readonly converged: boolean;
  /** Relative residual asked for. */
  readonly tolerance: number;
  /** max_i ||H v_i - lambda_i v_i||, computed by new products; and the largest of these over |lambda_i|, among the directions above the floor of H. */
  readonly largest_residual: number;
  readonly largest_relative_residual: number;
  /** max |V V^T - 1|. */
  readonly orthogonality: number;
  /** The same for the searches over the two halves: whether they converged, and the larger of their residual estimates. */
  readonly halves: { readonly converged: readonly [boolean, boolean]; readonly largest_residual: number };
  /** Random probes behind the traces of H and Q, and their standard errors; 0 probes: exact sums over all directions. */
  readonly trace_probes: number;
  readonly trace_standard_error: { readonly H: number; readonly Q: number };
  /** Samples behind the off-diagonal entries of Q in `cosine_CQ`. */
  readonly cosine_samples: number;
  /** Work in units of one Hessian-vector product over all samples. */
  readonly passes: number;
}

/**
 * The precision that single-precision arithmetic reached, measured: the same sums over `samples` random samples from the device (or the cpu in float32) and
 * from the cpu in float64.
 */
export interface DevicePrecision {
  /** "WebGPU (NVIDIA H100)", "cpu". */
  readonly device: string;
  readonly samples: number;
  /** max |x - x64| / max |x64| over the sums. */
  readonly sums?: { readonly C: number; readonly H: number; readonly Q: number };
  /** The largest relative error of C_ii, H_ii and Q_ii along the directions with H_ii > cutoff * H_11 that were compared; 0: computed in float64. */
  readonly along?: {
    readonly cutoff: number;
    readonly directions: number;
    readonly C: number;
    readonly H: number;
    readonly Q: number;
  };
  /** The largest |H v - (H v)64| over the largest |H_ii|, along this many of the found directions, from all samples of the measurement. */
  readonly products?: { readonly directions: number; readonly H: number };
  /** If the device failed on the way: its message, and the smaller chunks in which the work continued. */
  readonly fallbacks?: readonly string[];
}

/** Which numbers are measured again on half of the samples: none, those of the training-set estimand (cheap), or everything (about doubles the time). */
export const convergenceChoices = ['none', 'training-set', 'full'] as const;
export type ConvergenceChoice = (typeof convergenceChoices)[number];

/** The same measurement on half A of the samples alone. null: not known of the half. */
export interface HalfSample {
  readonly samples: number;
  /** The cross-fitted estimand, if everything was measured again. */
  readonly gamma: { readonly training_set: readonly CutoffRow[]; readonly cross_fitted?: readonly CutoffRow[] };
  readonly trace: { readonly C: number | null; readonly H: number | null; readonly Q: number | null };
  readonly largest_eigenvalue: number;
  readonly cosine_CH: number | null;
  readonly cosine_CQ: number | null;
  readonly commutator_ratio: number | null;
}

/** Standard errors over blocks of samples, the leading direction held fixed; null if they are not known. */
export interface StandardErrors {
  readonly trace: { readonly C: number | null; readonly H: number | null; readonly Q: number | null };
  readonly largest_eigenvalue: number | null;
}

export interface MeasurementSummary {
  readonly format: 'covature-measurement';
  readonly version: 1;
  /** "fc2.kernel". */
  readonly parameter: string;
  readonly shape: readonly number[];
  readonly d: number;
  readonly method: 'exact' | 'projected';
  /** Of the passes and of the sums within a chunk of samples; everything else is float64. float32: on a device, or on the cpu where it was asked for. */
  readonly precision: 'float64' | 'float32';
  /** Present if `precision` is float32. */
  readonly precision_reached?: DevicePrecision;
  /** P. */
  readonly samples: number;
  /**
   * Samples available: the training set of a run, or the data given. If all were measured, the training-set estimand has no sampling error.
   * Absent in measurements of earlier versions.
   */
  readonly population?: number;
  /** Largest share of one sample, and of one block of samples, in sum_p |g_p|^2; null: not known. Absent in measurements of earlier versions. */
  readonly noise_share?: { readonly sample: number | null; readonly block: number | null };
  /** Samples in the two random halves of the cross-fitted estimand. */
  readonly halves: { readonly seed: number; readonly sizes: readonly [number, number] };
  /** Random splits behind the cross-fitted estimand, the first included, and directions of each of the others. Absent: one split. */
  readonly splits?: { readonly count: number; readonly directions: number };
  /** Mean loss over the samples and, under cross-entropy, the share classified right. */
  readonly loss: number;
  readonly accuracy: number | null;
  readonly norm_mean_gradient: number;
  readonly trace: { readonly C: number; readonly H: number; readonly Q: number };
  readonly cosine_CH: number;
  readonly cosine_CQ: number;
  /** ||CH - HC||_F / (2 ||CH||_F). */
  readonly commutator_ratio: number;
  readonly commutator_baseline: RotationBaseline;
  /** Measured by the exact method; absent elsewhere and in measurements of earlier versions. */
  readonly noise_at_work?: NoiseAtWork;
  /** Of dense layers, by the exact method with intervals; absent elsewhere and in measurements of earlier versions. */
  readonly mechanism?: MechanismSummary;
  /** Measured by the exact method on the cpu's factors; absent elsewhere and in measurements of earlier versions. */
  readonly commutator_nulls?: CommutatorNulls;
  readonly eigenvalues: {
    readonly largest: number;
    readonly smallest: number;
    /** Above, within and below the numerical floor of H. */
    readonly positive: number;
    readonly zero: number;
    readonly negative: number;
  };
  /** Numerical floors: values of smaller size along a direction are zero as far as the arithmetic can tell. */
  readonly floor: { readonly H: number; readonly C: number; readonly Q: number };
  /** By cutoff, widest cutoff last: [1e-1, 1e-2, ..., 1e-8]. */
  readonly gamma: Readonly<Record<Estimand, readonly CutoffRow[]>>;
  /** Absent if it was not measured, as in measurements of earlier versions. */
  readonly calibration?: CalibrationSummary | undefined;
  /** Training set less cross-fitted, by cutoff. */
  readonly estimand_difference?: readonly EstimandDifference[];
  /** The slopes of one decade of curvature at a time, windows half a decade apart. Absent in measurements of earlier versions. */
  readonly local_slopes?: Readonly<Record<Estimand, readonly LocalSlope[]>>;
  readonly bootstrap?: BootstrapSummary;
  /** Present if intervals were computed. */
  readonly standard_errors?: StandardErrors;
  /** Present unless it was declined; `judgeConvergence` (convergence.ts) compares it with the whole, at any cutoff. */
  readonly half_sample?: HalfSample;
  /** Its verdict at `headlineCutoff`. */
  readonly convergence?: Convergence;
  /** Why this method was chosen, in words; present if the program chose. */
  readonly method_reason?: string;
  /** What layers did differently than in training, in words: batchnorm by its running statistics, dropout off; absent if there was nothing. */
  readonly evaluation?: readonly string[];
  /** What could not be computed from so few samples, in words; absent if there were enough. */
  readonly left_out?: readonly string[];
  /** How the data were read if there was a choice, in words: scaling of bytes, order of channels, classes by name. */
  readonly data_notes?: readonly string[];
  /** Present if `method` is "projected". */
  readonly projected?: ProjectedDetails;
  /** Present if it was asked for and the layer supports it; if the layer does not, `duality_unavailable` says why. */
  readonly duality?: DualitySummary;
  readonly duality_unavailable?: string;
  /** Why it could not be computed although it was asked for, and what would help. */
  readonly minibatch_noise_unavailable?: string;
  readonly weight_fluctuations_unavailable?: string;
  /** Present if it was asked for. */
  readonly assumptions?: AssumptionsSummary;
  /** Present if it was asked for. */
  readonly minibatch_noise?: MinibatchNoiseSummary;
  /** Present if it was asked for. */
  readonly weight_fluctuations?: WeightFluctuationsSummary;
  /** Present if it was asked for. */
  readonly density?: DensitySummary;
  readonly engine: {
    readonly blas: string;
    readonly backend: string;
    readonly threads: number;
    /** Threads of the library in the eigendecomposition of an exact measurement; its last digits depend on them. */
    readonly library_threads?: number;
  };
  /** Wall-clock seconds by stage, and `total`. */
  readonly seconds: Readonly<Record<string, number>>;
}

/**
 * Standard errors along the directions that intervals were computed along (all, or at most some 400 spread over the spectrum), with the directions held fixed;
 * cross-fitted ones [2, m], rows as in `cross_fitted_selection`, filled up with NaN.
 */
export interface DirectionErrors {
  /** Numbers of the directions, from 0, increasing. */
  readonly error_directions: Float64Array;
  readonly H_error: Float64Array;
  readonly C_error: Float64Array;
  readonly Q_error: Float64Array;
  readonly cross_fitted_error_directions: Float64Array;
  readonly cross_fitted_H_error: Float64Array;
  readonly cross_fitted_C_error: Float64Array;
  readonly cross_fitted_Q_error: Float64Array;
}

/** Sums over blocks of samples from which intervals come, packed (engine/statistics/stored-blocks.ts); where intervals were computed. */
export interface IntervalArrays {
  readonly interval_blocks: Float64Array;
  readonly interval_training_set: Float64Array;
  readonly interval_from_A: Float64Array;
  readonly interval_from_B: Float64Array;
}

/** The arrays beside a summary, float64. Matrices [d, d], diagonals [d], row-major. */
export interface ResultArrays {
  readonly C: Float64Array;
  readonly H: Float64Array;
  readonly Q: Float64Array;
  readonly gauss_newton: Float64Array;
  readonly mean_gradient: Float64Array;
  /** Eigenvalues of H, decreasing. */
  readonly eigenvalues: Float64Array;
  readonly C_diagonal: Float64Array;
  readonly Q_diagonal: Float64Array;
  /**
   * Cross-fitted: [2, d], row 0 with directions from half A and values from half B, row 1 the other way round, in decreasing order of the
   * eigenvalues `cross_fitted_selection` of the half that gave the directions.
   */
  readonly cross_fitted_selection: Float64Array;
  readonly cross_fitted_H_diagonal: Float64Array;
  readonly cross_fitted_C_diagonal: Float64Array;
  readonly cross_fitted_Q_diagonal: Float64Array;
}

/** Further random splits along their leading m directions, where they were measured: [2 s, m], rows 2k and 2k + 1 as the two rows of the cross-fitted arrays. */
export interface SplitArrays {
  readonly split_selection: Float64Array;
  readonly split_H_diagonal: Float64Array;
  readonly split_C_diagonal: Float64Array;
  readonly split_Q_diagonal: Float64Array;
}

/** The arrays of a projected measurement: directions i < k in decreasing order of the eigenvalues, no d x d matrix. */
export interface ProjectedArrays extends Omit<ResultArrays, 'C' | 'H' | 'Q' | 'gauss_newton'> {
  /** Rows v_i [k, d]. */
  readonly vectors: Float64Array;
}

/** Arrays that stand beside the others if they were asked for; errors where intervals were computed. */
export interface ExtraArrays
  extends
    Partial<DualityArrays>,
    Partial<AssumptionArrays>,
    Partial<DirectionErrors>,
    Partial<IntervalArrays>,
    Partial<SplitArrays> {}

/** What a result's file holds. */
export type StoredArrays = (ResultArrays | ProjectedArrays) & ExtraArrays;

/** One point of a metric series. */
export interface MetricPoint {
  readonly step: number;
  readonly value: number;
}
