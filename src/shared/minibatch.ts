/**
 * Noise of minibatch gradients measured on drawn batches, beside what C predicts (docs/theory.md, "Sampling minibatches"): part of a measurement's summary. P samples,
 * batches of B; along direction v_i a batch's noise is (g_B - g) . v_i, its predicted variance a factor of C_ii that depends on the mode of sampling.
 */
import * as v from 'valibot';
import { integer } from './validation.ts';

export const samplingModes = ['epoch', 'with_replacement', 'without_replacement'] as const;
export type SamplingMode = (typeof samplingModes)[number];

export const modeNames: Readonly<Record<SamplingMode, string>> = {
  epoch: 'epoch shuffling',
  with_replacement: 'with replacement',
  without_replacement: 'without replacement',
};

/** What to measure; `{}` measures all modes at the size of the run's batches. */
export const minibatchNoiseSchema = v.strictObject({
  /** B; default: the run's batch size, or 50 if there is no run. At most P unless drawn with replacement. */
  batch_size: v.optional(integer(1)),
  /** Default: all three. */
  modes: v.optional(v.pipe(v.array(v.picklist(samplingModes)), v.minLength(1)), [...samplingModes]),
  /** Batches to draw in each mode; mode epoch: the number of whole epochs that hold this many batches, and at least 4. Default 1000. */
  batches: v.optional(integer(2, 10_000_000), 1000),
  /** Eigendirections of H, spaced evenly in the logarithm of the eigenvalue. Default 20. */
  directions: v.optional(integer(1, 1000), 20),
  /** Of the batches; default 1. */
  seed: v.optional(integer(0), 1),
});
export type MinibatchNoiseSpec = v.InferOutput<typeof minibatchNoiseSchema>;

/** The batch size if there is no run to take it from. */
export const defaultBatchSize = 50;

/** A measured number, what theory expects, and how far apart they are in standard errors. */
export interface TheoryComparison {
  readonly measured: number;
  readonly expected: number;
  readonly standard_error: number;
  /** (measured - expected) / standard_error. */
  readonly z: number;
  /** Degrees of freedom: the number of units that the standard error is taken over, less one; and the two-sided p-value of z by Student's t. Absent in measurements of earlier versions. */
  readonly freedom?: number;
  readonly p?: number;
}

/** "t(3) = 1.2, p = 0.32"; "z = 1.2" for measurements of earlier versions. */
export function comparisonText({ z, freedom, p }: TheoryComparison): string {
  return freedom === undefined || p === undefined
    ? `z = ${z.toFixed(1)}`
    : `t(${freedom}) = ${z.toFixed(1)}, p = ${p < 0.001 ? p.toExponential(0) : p.toFixed(3)}`;
}

export interface MinibatchModeSummary {
  readonly mode: SamplingMode;
  /** Batches and, in mode epoch, epochs drawn. */
  readonly batches: number;
  readonly epochs: number | null;
  /** the factors of docs/theory.md: cov g_B = factor C for one batch, between C for two batches of one epoch. */
  readonly factor: number;
  readonly between_factor: number;
  /** Variance over its prediction, mean over batches and directions: 1 expected. Null if no noise is expected (a batch of all samples). */
  readonly variance: TheoryComparison | null;
  /** |g_B - g|^2 over factor tr C, mean over batches: 1 expected. */
  readonly trace: TheoryComparison | null;
  /** Covariance of two batches of one epoch over C_ii, mean over pairs and directions. Mode epoch alone. */
  readonly between: TheoryComparison | null;
  /** Root mean square noise of the sum over an epoch over what independent batches would give: 0 up to rounding. Mode epoch alone. */
  readonly epoch_sum: number | null;
  /** Along each direction: variance of a batch (of the usual size), its prediction, standard error of the former, and their difference in those. */
  readonly measured: readonly number[];
  readonly predicted: readonly number[];
  readonly standard_error: readonly number[];
  readonly z: readonly number[];
}

export interface MinibatchNoiseSummary {
  readonly batch_size: number;
  readonly seed: number;
  /** Numbers of the directions, from 0 in decreasing order of the eigenvalue, with their eigenvalues and C_ii. */
  readonly directions: readonly number[];
  readonly eigenvalues: readonly number[];
  readonly C: readonly number[];
  readonly modes: readonly MinibatchModeSummary[];
}
