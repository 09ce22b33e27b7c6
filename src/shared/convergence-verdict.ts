/** Whether a measurement still moves with the number of its samples, and the numbers that decided (convergence.ts judges). */

import type { Estimand } from './estimands.ts';
import type { Relation } from './cutoffs.ts';
import type { Interval, Estimator } from './slopes.ts';

export const convergenceStates = ['converged', 'drifting', 'unknown'] as const;

export type ConvergenceState = (typeof convergenceStates)[number];

/** What is compared with the half-sample besides slopes. */
export const convergenceQuantities = [
  'largest_eigenvalue',
  'trace_C',
  'trace_H',
  'trace_Q',
  'cosine_CH',
  'cosine_CQ',
  'commutator_ratio',
] as const;

export type ConvergenceQuantity = (typeof convergenceQuantities)[number];

export interface ConvergenceNumber {
  readonly name: Relation | ConvergenceQuantity;
  /** The estimand of a slope; null for other numbers. */
  readonly estimand: Estimand | null;
  readonly estimator: Estimator | null;
  /** From all samples and from part of them. */
  readonly full: number | null;
  readonly part: number | null;
  /** part - full. */
  readonly change: number | null;
  /** Interval of `full`. */
  readonly interval: Interval | null;
  /**
   * Bound on |change|: half of the interval's width times sqrt(N / n - 1), at 95 % for a number that is not judged, at 95 % over all judged numbers
   * together (Bonferroni) for one that is.
   */
  readonly allowed: number | null;
  /** Whether the verdict rests on it: slopes by the chosen estimators, and what has an interval besides slopes. */
  readonly judged: boolean;
  readonly state: ConvergenceState;
}

export interface Convergence {
  /** drifting where some judged change exceeds its bound; unknown where none does but one cannot be judged; else converged. */
  readonly state: ConvergenceState;
  readonly reason: string;
  readonly cutoff: number;
  readonly samples: readonly [full: number, part: number];
  readonly numbers: readonly ConvergenceNumber[];
}
