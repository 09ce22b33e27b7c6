/**
 * The spectral density of H by stochastic Lanczos quadrature: what to compute, and what a measurement's summary keeps of it. Eigenvalues theta of H [d, d];
 * density(x) = mean over eigenvalues of N(x; theta, sigma^2), estimated from random vectors, with the standard error of the mean over them.
 */
import * as v from 'valibot';
import { integer } from './validation.ts';

/** Options that differ from the defaults. */
export const densityFields = v.strictObject({
  /** Random vectors, at least 2: the error falls with the square root of their number. Default 8. */
  probes: v.optional(integer(2, 10_000), 8),
  /** Lanczos steps from each, at most d are made. Default 80. */
  steps: v.optional(integer(1, 10_000), 80),
  /** Of the random vectors; default 1. */
  seed: v.optional(integer(0), 1),
});
export type DensitySpec = v.InferOutput<typeof densityFields>;

/** `true` means the defaults, `false` that no density is computed. */
export const densitySchema = v.lazy((input) =>
  typeof input === 'object' ? densityFields : v.boolean('expected true, false or { probes, steps, seed }'),
);

/** The options with their defaults filled in; undefined if no density was asked for. */
export function densitySpec(given: boolean | DensitySpec | undefined): DensitySpec | undefined {
  if (given === undefined || given === false) return undefined;
  return given === true ? v.parse(densityFields, {}) : given;
}

/** An estimate and its standard error over the random vectors. */
export interface Estimate {
  readonly value: number;
  readonly standard_error: number;
}

export interface DensitySummary {
  readonly probes: number;
  /** Lanczos steps from each vector; fewer than asked for where d is smaller. */
  readonly steps: number;
  readonly seed: number;
  /** Standard deviation of the smoothing, in units of the eigenvalues. */
  readonly sigma: number;
  /** Increasing; the density there, which integrates to 1, and its standard error. */
  readonly grid: readonly number[];
  readonly density: readonly number[];
  readonly standard_error: readonly number[];
  /** Outermost nodes of the quadrature: they lie within the spectrum, close to its ends. */
  readonly lowest: number;
  readonly highest: number;
  /** tr H / d and tr H^2 / d. */
  readonly mean: Estimate;
  readonly mean_square: Estimate;
  /** Share of the eigenvalues below -3 sigma, within, and above 3 sigma. */
  readonly negative: Estimate;
  readonly near_zero: Estimate;
  readonly positive: Estimate;
}
