/**
 * The convergence badge: the same measurement on part of the samples, and whether the change in each number is what sampling alone gives.
 *
 * Let T_n be a number from n random samples out of the N behind T_N. Where T is an average of samples, to first order,
 *   var(T_n - T_N) = (N / n - 1) var(T_N),
 * so on half of the samples (n = N / 2) the change has just the standard deviation of T_N itself: the half-width of its 95 % interval is the
 * 95 % bound on the change. A larger change means that the number still moves with the number of samples (bias that more samples would
 * remove) and is drifting.
 */
import { studentQuantile } from './distributions.ts';
import { estimandNames, rowAt } from './claims.ts';
import { estimands, type Estimand, type Estimator, type Interval, type MeasurementSummary } from './results.ts';
import { relations, type Relation } from './cutoffs.ts';

export const convergenceStates = ['converged', 'drifting', 'unknown'] as const;
export type ConvergenceState = (typeof convergenceStates)[number];

export interface ConvergenceNumber {
  readonly name: Relation;
  readonly estimand: Estimand;
  readonly estimator: Estimator;
  /** From all samples and from part of them. */
  readonly full: number | null;
  readonly part: number | null;
  /** part - full. */
  readonly change: number | null;
  /** Interval of `full`. */
  readonly interval: Interval | null;
  /** Bound on |change| at 95 %: half of the interval's width times sqrt(N / n - 1). */
  readonly allowed: number | null;
  readonly state: ConvergenceState;
}

export interface Convergence {
  /**
   * drifting where some change exceeds its bound even when as many numbers as there are get a look (Bonferroni: 95 % over all of them
   * together); unknown where none does but one cannot be judged; else converged.
   */
  readonly state: ConvergenceState;
  readonly reason: string;
  readonly samples: readonly [full: number, part: number];
  readonly numbers: readonly ConvergenceNumber[];
}

export interface ConvergenceOptions {
  /** One of the cutoffs of both measurements; defaults to 1e-4. */
  readonly cutoff?: number;
  /** Defaults to least squares for both. */
  readonly estimators?: Readonly<Record<Estimand, Estimator>>;
}

type Measured = Pick<MeasurementSummary, 'parameter' | 'samples' | 'gamma'>;

/**
 * @param full with intervals.
 * @param part the same parameter, network and settings, on a random part (half, for the badge) of the samples of `full`.
 * Raises an Error for different parameters, or where `part` does not have fewer samples.
 */
export function judgeConvergence(full: Measured, part: Measured, options: ConvergenceOptions = {}): Convergence {
  const { cutoff = 1e-4, estimators = { training_set: 'ols', cross_fitted: 'ols' } } = options;
  if (full.parameter !== part.parameter)
    throw new Error(`convergence: ${part.parameter} cannot be held against ${full.parameter}`);
  if (!(part.samples < full.samples && part.samples > 0))
    throw new Error(`convergence: expected fewer than ${full.samples} samples in the part, found ${part.samples}`);
  const scale = Math.sqrt(full.samples / part.samples - 1);
  const numbers = estimands.flatMap((estimand) => {
    const estimator = estimators[estimand];
    const [whole, other] = [rowAt(full.gamma[estimand], cutoff), rowAt(part.gamma[estimand], cutoff)];
    return relations.map((name): ConvergenceNumber => {
      const a = whole[name][estimator] ?? null;
      const b = other[name][estimator] ?? null;
      const interval = whole[name].interval?.[estimator] ?? null;
      const change = a === null || b === null ? null : b - a;
      const allowed = interval === null ? null : (scale * (interval[1] - interval[0])) / 2;
      const known = change !== null && allowed !== null;
      return {
        name,
        estimand,
        estimator,
        full: a,
        part: b,
        change,
        interval,
        allowed,
        state: known ? (Math.abs(change) <= allowed ? 'converged' : 'drifting') : 'unknown',
      };
    });
  });
  // Quantiles of the normal distribution (Student's with endless freedom).
  const together = studentQuantile(1 - 0.025 / numbers.length, 1e7) / studentQuantile(0.975, 1e7);
  const drifting = numbers.filter(
    (n) => n.change !== null && n.allowed !== null && Math.abs(n.change) > together * n.allowed,
  );
  const unknown = numbers.filter((n) => n.state === 'unknown');
  const name = (n: ConvergenceNumber) => `${n.name} (${estimandNames[n.estimand]})`;
  const samples = [full.samples, part.samples] as const;
  const between = `${part.samples} and ${full.samples} samples`;
  if (drifting.length > 0)
    return {
      state: 'drifting',
      reason: `between ${between} the change is more than sampling explains: ${drifting
        .map((n) => `${name(n)} by ${signed(n.change!)} where ${(together * n.allowed!).toFixed(3)} is allowed`)
        .join(', ')}`,
      samples,
      numbers,
    };
  if (unknown.length > 0)
    return {
      state: 'unknown',
      reason: `no slope or no interval to judge by: ${unknown.map(name).join(', ')}`,
      samples,
      numbers,
    };
  return {
    state: 'converged',
    reason: `between ${between} every change is within what sampling explains`,
    samples,
    numbers,
  };
}

function signed(value: number): string {
  return `${value < 0 ? '-' : '+'}${Math.abs(value).toFixed(3)}`;
}
