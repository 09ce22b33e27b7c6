/**
 * The claims sheet: what the theory says about one layer, compared with a measurement by rules fixed beforehand (docs/statistics.md, "Claims").
 *
 *   claim               pass                                              fail
 *   C ~ Q               slope of C on Q: interval within [0.9, 1.1]       interval disjoint from [0.9, 1.1]
 *                       and R^2 >= 0.95
 *   C and H commute     ratio below the 1st percentile of both            above the median of both
 *                       structured nulls
 *   1 <= gamma <= 2     interval within [0.95, 2.05]                      interval disjoint from it
 *   superlinear         lower ends above 1.05, and the calibrated value   upper ends below 1.05, that of the calibrated value too
 *   Q rather than H     C scatters less about a line of slope 1 on Q      the same in favour of H
 *                       than on H, interval excludes 0
 *   gamma = gamma_Q     interval of the difference holds 0 and is         it excludes 0 by more than 0.05
 *                       narrower than 0.1
 *
 * All but the second are asked of both estimands: a claim passes or fails if both do; else it is inconclusive, and the reason names
 * the estimand that disagrees. No verdict from fewer than 30 directions or 1.5 decades. Nothing is clamped. Where every sample of the training set was measured,
 * its estimand has no sampling error: the point is judged in place of an interval.
 */
import { commutatorAbove, undefinedReason } from './rounding.ts';
import { besideNumbers, predictedPrefactors, sizeNumbers, type ClaimNumber } from './claim-numbers.ts';
import type { CutoffRow, Estimator, Interval } from './slopes.ts';
import { estimandNames, estimands, findRow, headlineCutoff, rowAt, type Estimand } from './estimands.ts';
import type { CalibrationRow, MeasurementSummary, StructuredNull } from './results.ts';

export const claims = [
  'C_on_Q',
  'commute',
  'gamma_between_1_and_2',
  'superlinear',
  'Q_rather_than_H',
  'gamma_equals_gamma_Q',
] as const;
export type Claim = (typeof claims)[number];

export const verdicts = ['pass', 'fail', 'inconclusive'] as const;
export type Verdict = (typeof verdicts)[number];

export interface ClaimResult {
  readonly claim: Claim;
  /** As people write it: "C ~ Q". */
  readonly statement: string;
  readonly verdict: Verdict;
  /** One sentence with the numbers that decided. */
  readonly reason: string;
  readonly numbers: readonly ClaimNumber[];
}

export interface ClaimOptions {
  /** One of the measurement's cutoffs; defaults to `headlineCutoff`. */
  readonly cutoff?: number;
  /** Which slope stands for each estimand; defaults to least squares for both. */
  readonly estimators?: Readonly<Record<Estimand, Estimator>>;
  /** Every interval, and the distance of percentiles from the mean, this many times as wide, >= 1; defaults to 1. For families of verdicts. */
  readonly widen?: number;
}

/** The least that a verdict requires. */
export const fewestForVerdict = { directions: 30, decades: 1.5 } as const;

/** How far from 1 (and 2) an exponent may lie and still count as 1 (and 2): without a margin gamma = 1, which the theory allows, could never pass. */
export const exponentMargin = 0.05;

/** Where the slope of C on Q counts as 1. */
export const unitSlope = [0.9, 1.1] as const;

/** Scatters that differ by less, in decades, are equal up to rounding. */
const equalScatter = 1e-6;

export const claimStatements: Readonly<Record<Claim, string>> = {
  C_on_Q: 'C ~ Q',
  commute: 'C and H nearly commute',
  gamma_between_1_and_2: '1 <= gamma <= 2',
  superlinear: 'gamma > 1 (superlinear)',
  Q_rather_than_H: 'Q rather than H',
  gamma_equals_gamma_Q: 'gamma = gamma_Q',
};

type Judged = Pick<MeasurementSummary, 'gamma' | 'commutator_ratio'> &
  Partial<
    Pick<
      MeasurementSummary,
      | 'commutator_nulls'
      | 'samples'
      | 'population'
      | 'calibration'
      | 'd'
      | 'trace'
      | 'floor'
      | 'eigenvalues'
      | 'norm_mean_gradient'
      | 'loss'
      | 'noise_at_work'
      | 'duality'
    >
  >;

/** Verdicts on all claims, in the order of `claims`. A cutoff that the measurement lacks raises an InputError naming those it has. */
export function judgeClaims(measurement: Judged, options: ClaimOptions = {}): ClaimResult[] {
  const { cutoff = headlineCutoff, widen = 1 } = options;
  const rows = {
    training_set: rowAt(measurement.gamma.training_set, cutoff),
    cross_fitted: rowAt(measurement.gamma.cross_fitted, cutoff),
  };
  const calibrated = measurement.calibration && findRow(measurement.calibration.rows, rows.cross_fitted.cutoff);
  const context: Context = {
    estimators: options.estimators ?? { training_set: 'ols', cross_fitted: 'ols' },
    widen,
    whole: measurement.population !== undefined && measurement.population === measurement.samples,
    calibrated,
  };
  return claims.map((claim): ClaimResult => {
    const statement = claimStatements[claim];
    if (claim === 'commute')
      return {
        claim,
        statement,
        ...judgeCommuting(measurement, rows.training_set, widen, undefinedReason(measurement, 'commutator_ratio')),
      };
    const parts = estimands.map((estimand) => judgeOne(claim, estimand, rows[estimand], context));
    const judged = combine(parts);
    const numbers = [
      ...parts.flatMap((part) => part.numbers),
      ...(claim === 'Q_rather_than_H' ? predictedPrefactors(measurement, rows.training_set) : []),
    ];
    if (claim === 'superlinear') return { claim, statement, ...withCalibration(judged, numbers, context) };
    return { claim, statement, ...judged, numbers };
  });
}

interface Context {
  readonly estimators: Readonly<Record<Estimand, Estimator>>;
  readonly widen: number;
  /** Whether every sample of the training set was measured. */
  readonly whole: boolean;
  readonly calibrated: CalibrationRow | undefined;
}

interface Part {
  readonly estimand: Estimand;
  readonly verdict: Verdict;
  readonly reason: string;
  readonly numbers: readonly ClaimNumber[];
}

/** The number that a claim is judged by. */
function subjectOf(
  claim: Exclude<Claim, 'commute'>,
  row: CutoffRow,
  estimator: Estimator,
): { readonly name: string; readonly value: number | null; readonly interval: Interval | null } {
  if (claim === 'Q_rather_than_H')
    return {
      name: 'scatter_difference',
      value: row.scatter_difference?.value ?? null,
      interval: row.scatter_difference?.interval ?? null,
    };
  const [name, slopes] =
    claim === 'C_on_Q'
      ? (['C_on_Q', row.C_on_Q] as const)
      : claim === 'gamma_equals_gamma_Q'
        ? (['gamma_minus_gamma_Q', row.gamma_minus_gamma_Q] as const)
        : (['gamma', row.gamma] as const);
  return { name, value: slopes?.[estimator] ?? null, interval: slopes?.interval?.[estimator] ?? null };
}

function judgeOne(claim: Exclude<Claim, 'commute'>, estimand: Estimand, row: CutoffRow, context: Context): Part {
  const estimator = context.estimators[estimand];
  const { name, value, interval } = subjectOf(claim, row, estimator);
  const numbers: ClaimNumber[] = [
    { name, estimand, value, interval },
    ...besideNumbers(claim, estimand, row),
    ...sizeNumbers(estimand, row),
  ];
  const part = (verdict: Verdict, reason: string): Part => ({ estimand, verdict, reason, numbers });
  const lacking = tooFew(row);
  if (lacking) return part('inconclusive', lacking);
  const isPoint = context.whole && estimand === 'training_set' && value !== null;
  if (value === null || (interval === null && !isPoint))
    return part(
      'inconclusive',
      claim === 'Q_rather_than_H' ? 'the scatters were not compared' : `no ${estimator} interval was computed`,
    );
  const [low, high] = isPoint ? [value, value] : widened(interval!, context.widen);
  if (!(low <= high)) return part('inconclusive', `the interval ${text([low, high])} is not a number`);
  const where = text([low, high]);
  // Every sample was measured: a point without sampling error, and the text says so.
  const its = isPoint ? `the value over all samples, ${value.toFixed(3)},` : `the interval ${where}`;
  const [least, most] = [1 - exponentMargin, 2 + exponentMargin];
  switch (claim) {
    case 'C_on_Q': {
      const { r_squared } = row.C_on_Q;
      const [lower, upper] = unitSlope;
      const within = `[${lower}, ${upper}]`;
      if (high < lower || low > upper) return part('fail', `${its} of the slope lies outside ${within}`);
      if (!(low >= lower && high <= upper)) return part('inconclusive', `${its} of the slope extends beyond ${within}`);
      if (!(r_squared !== null && r_squared >= 0.95))
        return part('inconclusive', `R^2 is ${r_squared === null ? 'undefined' : r_squared.toFixed(3)}, below 0.95`);
      return part('pass', `${its} of the slope lies within ${within} and R^2 is ${r_squared.toFixed(3)}`);
    }
    case 'gamma_between_1_and_2':
      if (high < least || low > most) return part('fail', `${its} lies outside [${least}, ${most}]`);
      if (low >= least && high <= most) return part('pass', `${its} lies within [${least}, ${most}]`);
      return part('inconclusive', `${its} extends beyond [${least}, ${most}]`);
    case 'superlinear': {
      const bound = 1 + exponentMargin;
      if (low > bound) return part('pass', `${its} lies above ${bound}`);
      if (high < bound)
        return part('fail', `${its} ${low >= least ? `is linear within ${exponentMargin}` : `lies below ${bound}`}`);
      return part('inconclusive', `${its} holds ${bound}`);
    }
    case 'Q_rather_than_H': {
      const { gamma, C_on_Q } = row;
      const both = `C scatters by ${decades(C_on_Q.scatter_unit)} about a line of slope 1 on Q, by ${decades(gamma.scatter_unit)} on H`;
      const difference = `difference ${value.toFixed(3)}${isPoint ? ' over all samples' : `, interval ${where}`}`;
      if (low > equalScatter) return part('pass', `${both} (${difference})`);
      if (high < -equalScatter) return part('fail', `${both} (${difference})`);
      return part('inconclusive', `${both}: no difference that these samples can show (${difference})`);
    }
    case 'gamma_equals_gamma_Q':
      if (low > 0.05 || high < -0.05)
        return part(
          'fail',
          `${its} of the difference ${isPoint ? 'is' : 'excludes 0 by'} more than 0.05${isPoint ? ' from 0' : ''}`,
        );
      if (isPoint) return part('pass', `${its} of the difference is within 0.05 of 0`);
      if (!(low <= 0 && high >= 0))
        return part('inconclusive', `the difference's interval ${where} excludes 0, by 0.05 at most`);
      if (!(high - low < 0.1))
        return part('inconclusive', `the difference's interval ${where} is not narrower than 0.1`);
      return part('pass', `the difference's interval ${where} holds 0 and is narrower than 0.1`);
    default:
      claim satisfies never;
      throw new Error(`unknown claim ${String(claim)}`);
  }
}

function combine(parts: readonly Part[]): { verdict: Verdict; reason: string } {
  const say = (part: Part) => `${estimandNames[part.estimand]}: ${part.reason}`;
  const [first, second] = parts as readonly [Part, Part];
  if (first.verdict === second.verdict) return { verdict: first.verdict, reason: parts.map(say).join('; ') };
  const decided = parts.filter((part) => part.verdict !== 'inconclusive');
  if (decided.length === 2)
    return {
      verdict: 'inconclusive',
      reason: `the estimands disagree: ${parts.map((part) => `${part.verdict} for ${say(part)}`).join('; ')}`,
    };
  const [undecided, other] = first.verdict === 'inconclusive' ? [first, second] : [second, first];
  return {
    verdict: 'inconclusive',
    reason: `${estimandNames[undecided.estimand]} does not agree: ${undecided.reason} (${other.verdict} for ${say(other)})`,
  };
}

/** "Superlinear" also requires the value without leakage, because cross-fitted slopes are pulled towards 1. */
function withCalibration(
  judged: { readonly verdict: Verdict; readonly reason: string },
  numbers: readonly ClaimNumber[],
  { calibrated, widen }: Context,
): Pick<ClaimResult, 'verdict' | 'reason' | 'numbers'> {
  const simulated = calibrated?.simulated ?? null;
  const interval = simulated === null ? null : widened(simulated.interval, widen);
  const all: ClaimNumber[] = [
    ...numbers,
    {
      name: 'gamma_calibrated',
      estimand: null,
      value: simulated?.value ?? null,
      interval: simulated?.interval ?? null,
    },
  ];
  const result = (verdict: Verdict, more: string) => ({ verdict, reason: `${judged.reason}; ${more}`, numbers: all });
  if (judged.verdict === 'inconclusive') return { ...judged, numbers: all };
  if (simulated === null || interval === null)
    return result(
      'inconclusive',
      'no calibrated value: cross-fitted slopes are pulled towards 1, and how far is not known',
    );
  const bound = 1 + exponentMargin;
  const where = `the calibrated value ${simulated.value.toFixed(3)} ${text(interval)}`;
  if (judged.verdict === 'pass')
    return simulated.value > bound
      ? result('pass', `${where} lies above ${bound}`)
      : result('inconclusive', `${where} does not lie above ${bound}`);
  return interval[1] < bound
    ? result('fail', `${where} ends below ${bound}`)
    : result('inconclusive', `${where} does not end below ${bound}`);
}

function judgeCommuting(
  { commutator_ratio: ratio, commutator_nulls: nulls }: Pick<Judged, 'commutator_ratio' | 'commutator_nulls'>,
  row: CutoffRow,
  widen: number,
  undefinedHere: string | null,
): Pick<ClaimResult, 'verdict' | 'reason' | 'numbers'> {
  const number = (name: string, value: number | undefined): ClaimNumber => ({
    name,
    estimand: null,
    value: value !== undefined && Number.isFinite(value) ? value : null,
    interval: null,
  });
  const numbers = [
    number('commutator_ratio', undefinedHere === null ? commutatorAbove(ratio) : undefined),
    number('shuffled_delta_percentile_1', nulls?.delta.percentile_1),
    number('shuffled_delta_median', nulls?.delta.median),
    number('shuffled_S_percentile_1', nulls?.hessian.percentile_1),
    number('shuffled_S_median', nulls?.hessian.median),
    ...sizeNumbers('training_set', row),
  ];
  const result = (verdict: Verdict, reason: string) => ({ verdict, reason, numbers });
  if (undefinedHere !== null) return result('inconclusive', undefinedHere);
  const lacking = tooFew(row);
  if (lacking) return result('inconclusive', lacking);
  if (nulls === undefined)
    return result(
      'inconclusive',
      'structured nulls were not measured (they need a dense layer that sees one vector a sample); random rotations have no power',
    );
  const say = (name: string, { observed, median }: StructuredNull, percentile: number) =>
    `${name}: ${observed.toFixed(3)} against a median of ${median.toFixed(3)}, 1st percentile ${percentile.toFixed(3)}`;
  const percentileOf = (of: StructuredNull): number => of.mean - widen * (of.mean - of.percentile_1);
  const [delta, hessian] = [percentileOf(nulls.delta), percentileOf(nulls.hessian)];
  const reason = `${say('shuffled delta', nulls.delta, delta)}; ${say('shuffled S', nulls.hessian, hessian)}`;
  if (nulls.delta.observed < delta && nulls.hessian.observed < hessian) return result('pass', reason);
  if (nulls.delta.observed > nulls.delta.median && nulls.hessian.observed > nulls.hessian.median)
    return result('fail', reason);
  return result('inconclusive', `the nulls do not agree. ${reason}`);
}

/** Why there is no verdict from this row, or undefined. */
export function tooFew(row: CutoffRow): string | undefined {
  const { directions, decades: least } = fewestForVerdict;
  if (!(row.n >= directions)) return `${row.n} directions, fewer than ${directions}`;
  if (!(row.decades >= least)) return `${row.decades.toFixed(2)} decades, fewer than ${least}`;
  return undefined;
}

function widened([low, high]: Interval, factor: number): Interval {
  if (factor === 1) return [low, high];
  const [middle, half] = [(low + high) / 2, ((high - low) / 2) * factor];
  return [middle - half, middle + half];
}

function decades(value: number | null | undefined): string {
  return typeof value === 'number' ? `${value.toFixed(3)} decades` : 'an unknown amount';
}

function text([low, high]: Interval): string {
  return `[${low.toFixed(3)}, ${high.toFixed(3)}]`;
}
