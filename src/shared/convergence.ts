/**
 * The convergence badge: the same measurement on part of the samples, and whether each number changes by no more than sampling alone explains.
 *
 * Let T_n be a number from n random samples out of the N behind T_N. Where T is an average of samples, to first order,
 *   var(T_n - T_N) = (N / n - 1) var(T_N),
 * so on half of the samples (n = N / 2) the change has just the standard deviation of T_N itself: the half-width of its 95 % interval is the
 * 95 % bound on the change. A larger change means that the number still moves with the number of samples (bias that more samples would
 * remove) and is drifting.
 */
import {
  convergenceQuantities,
  type ConvergenceQuantity,
  type ConvergenceNumber,
  type Convergence,
} from './convergence-verdict.ts';
import { estimators, type Estimator } from './slopes.ts';
import { estimandNames, estimands, headlineCutoff, rowAt, type Estimand } from './estimands.ts';
import { studentQuantile } from './distributions.ts';
import type { HalfSample, MeasurementSummary } from './results.ts';
import { traceRounding, undefinedReason, type MainMatrix, type PairQuantity } from './rounding.ts';
import { relations } from './cutoffs.ts';

export interface ConvergenceOptions {
  /** One of the cutoffs of both measurements; defaults to `headlineCutoff`. */
  readonly cutoff?: number;
  /** Whose slopes the verdict rests on; defaults to least squares for both. */
  readonly estimators?: Readonly<Record<Estimand, Estimator>>;
}

type Whole = Pick<MeasurementSummary, 'parameter' | 'samples' | 'gamma'> & Partial<MeasurementSummary>;

/**
 * Compares a measurement with its half-sample (`summary.half_sample`); undefined if it has none.
 * @param full numbers without an interval cannot be judged.
 */
export function judgeConvergence(full: Whole, options: ConvergenceOptions = {}): Convergence | undefined {
  const part = full.half_sample;
  if (part === undefined) return undefined;
  const { cutoff = headlineCutoff, estimators: chosen = { training_set: 'ols', cross_fitted: 'ols' } } = options;
  if (!(part.samples < full.samples && part.samples > 0))
    throw new Error(`convergence: expected fewer than ${full.samples} samples in the part, found ${part.samples}`);
  const scale = Math.sqrt(full.samples / part.samples - 1);
  const numbers = boundTogether([
    ...slopeNumbers(full, part, cutoff, chosen, scale),
    ...quantityNumbers(full, part, scale),
  ]);
  return { ...verdictOf(numbers, full.samples, part.samples), cutoff, samples: [full.samples, part.samples], numbers };
}

function slopeNumbers(
  full: Whole,
  part: HalfSample,
  cutoff: number,
  chosen: Readonly<Record<Estimand, Estimator>>,
  scale: number,
): ConvergenceNumber[] {
  return estimands.flatMap((estimand) => {
    const rows = part.gamma[estimand];
    if (rows === undefined) return [];
    const [whole, other] = [rowAt(full.gamma[estimand], cutoff), rowAt(rows, cutoff)];
    return relations.flatMap((name) =>
      estimators.flatMap((estimator): ConvergenceNumber[] => {
        const judged = estimator === chosen[estimand];
        const [a, b] = [whole[name][estimator] ?? null, other[name][estimator] ?? null];
        if (!judged && (a === null || b === null)) return [];
        const interval = whole[name].interval?.[estimator] ?? null;
        const allowed = interval === null ? null : (scale * (interval[1] - interval[0])) / 2;
        return [numberOf({ name, estimand, estimator, full: a, part: b, interval, allowed, judged })];
      }),
    );
  });
}

function quantityNumbers(full: Whole, part: HalfSample, scale: number): ConvergenceNumber[] {
  const errors = full.standard_errors;
  const of: Readonly<
    Record<ConvergenceQuantity, readonly [whole: number | null, part: number | null, error: number | null]>
  > = {
    largest_eigenvalue: [
      full.eigenvalues?.largest ?? null,
      part.largest_eigenvalue,
      errors?.largest_eigenvalue ?? null,
    ],
    trace_C: [full.trace?.C ?? null, part.trace.C, errors?.trace.C ?? null],
    trace_H: [full.trace?.H ?? null, part.trace.H, errors?.trace.H ?? null],
    trace_Q: [full.trace?.Q ?? null, part.trace.Q, errors?.trace.Q ?? null],
    cosine_CH: [defined(full, 'cosine_CH'), part.cosine_CH, null],
    cosine_CQ: [defined(full, 'cosine_CQ'), part.cosine_CQ, null],
    commutator_ratio: [defined(full, 'commutator_ratio'), part.commutator_ratio, null],
  };
  return convergenceQuantities.flatMap((name): ConvergenceNumber[] => {
    const [whole, other, error] = of[name];
    if (whole === null || other === null) return [];
    // Rounding alone can move a number by its floor, however small the effect of sampling is.
    const rounding = roundingOf(full, name);
    if (whole !== 0 && Math.abs(whole) <= rounding) return [];
    const half = error === null || whole === 0 ? null : Math.max(normal975 * error, rounding / scale);
    return [
      numberOf({
        name,
        estimand: null,
        estimator: null,
        full: whole,
        part: other,
        interval: half === null ? null : [whole - half, whole + half],
        allowed: half === null ? null : scale * half,
        judged: half !== null,
      }),
    ];
  });
}

/** Null if a matrix behind it is 0 up to rounding. */
function defined(full: Whole, quantity: PairQuantity): number | null {
  return undefinedReason(full, quantity) === null ? (full[quantity] ?? null) : null;
}

/** The size that rounding alone can give a number; 0 if the measurement does not record it. */
function roundingOf({ d, floor }: Whole, name: ConvergenceQuantity): number {
  if (d === undefined || floor === undefined) return 0;
  switch (name) {
    case 'largest_eigenvalue':
      return floor.H;
    case 'trace_C':
    case 'trace_H':
    case 'trace_Q':
      return traceRounding({ d, floor }, name.slice(-1) as MainMatrix);
    default:
      return 0;
  }
}

function numberOf(number: Omit<ConvergenceNumber, 'change' | 'state'>): ConvergenceNumber {
  const { full, part, allowed } = number;
  const change = full === null || part === null ? null : part - full;
  const known = change !== null && allowed !== null;
  return { ...number, change, state: known ? (Math.abs(change) <= allowed ? 'converged' : 'drifting') : 'unknown' };
}

/** Widens the bounds of judged numbers so that all of them hold together at 95 % (Bonferroni). */
function boundTogether(numbers: readonly ConvergenceNumber[]): readonly ConvergenceNumber[] {
  const judged = numbers.filter((n) => n.judged).length;
  const together = normalQuantile(1 - 0.025 / judged) / normal975;
  return numbers.map((n) => (n.judged && n.allowed !== null ? numberOf({ ...n, allowed: together * n.allowed }) : n));
}

function verdictOf(
  numbers: readonly ConvergenceNumber[],
  full: number,
  part: number,
): Pick<Convergence, 'state' | 'reason'> {
  const judged = numbers.filter((n) => n.judged);
  const drifting = judged.filter((n) => n.state === 'drifting');
  const unknown = judged.filter((n) => n.state === 'unknown');
  const between = `${part} and ${full} samples`;
  if (drifting.length > 0)
    return {
      state: 'drifting',
      reason: `between ${between} the change is more than sampling explains: ${drifting
        .map((n) => `${nameOf(n)} by ${signed(n.change!)} where ${short(n.allowed!)} is allowed`)
        .join(', ')}`,
    };
  if (unknown.length > 0)
    return { state: 'unknown', reason: `no slope or no interval to judge by: ${unknown.map(nameOf).join(', ')}` };
  return { state: 'converged', reason: `between ${between} every change is within what sampling explains` };
}

function nameOf({ name, estimand }: ConvergenceNumber): string {
  return estimand === null ? name.replace('_', ' ') : `${name} (${estimandNames[estimand]})`;
}

/** Quantile of the normal distribution (Student's t with infinitely many degrees of freedom). */
function normalQuantile(p: number): number {
  return studentQuantile(p, 1e7);
}

const normal975 = normalQuantile(0.975);

function signed(value: number): string {
  return `${value < 0 ? '-' : '+'}${short(Math.abs(value))}`;
}

/** Three decimals, or three significant digits where three decimals would show only zeros. */
function short(value: number): string {
  return value === 0 || (value >= 0.01 && value < 1e4) ? value.toFixed(3) : value.toPrecision(3);
}
