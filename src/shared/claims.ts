/**
 * The claims sheet: what the theory says about one layer, held against a measurement by rules fixed beforehand (THEORY, "Claims").
 *
 *   claim               pass                                              fail
 *   C ~ Q               slope of C on Q: interval within [0.9, 1.1]       interval disjoint from [0.9, 1.1]
 *                       and R^2 >= 0.95
 *   C and H commute     ratio below the 1st percentile of 200 rotations   above their median
 *   1 <= gamma <= 2     interval inside                                   interval disjoint
 *   superlinear         interval above 1                                  interval at or below 1
 *   gamma = gamma_Q     interval of the difference holds 0 and is         it excludes 0 by more than 0.05
 *                       narrower than 0.1
 *
 * All but the second are asked of both estimands: a claim passes or fails where both do; else it is inconclusive, and the reason names
 * the estimand that disagrees. No verdict from fewer than 30 directions or 1.5 decades. Nothing is clamped.
 */
import { estimandNames, estimands, headlineCutoff, rowAt, type Estimand } from './estimands.ts';
import type { CutoffRow, Estimator, Interval, MeasurementSummary } from './results.ts';

export const claims = ['C_on_Q', 'commute', 'gamma_between_1_and_2', 'superlinear', 'gamma_equals_gamma_Q'] as const;
export type Claim = (typeof claims)[number];

export const verdicts = ['pass', 'fail', 'inconclusive'] as const;
export type Verdict = (typeof verdicts)[number];

/** A number that a verdict rests on. */
export interface ClaimNumber {
  /** "gamma", "C_on_Q", "gamma_minus_gamma_Q", "r_squared", "commutator_ratio", "directions", "decades". */
  readonly name: string;
  /** Null for numbers of the whole measurement. */
  readonly estimand: Estimand | null;
  readonly value: number | null;
  readonly interval: Interval | null;
}

export interface ClaimResult {
  readonly claim: Claim;
  /** For people: "C ~ Q". */
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
}

/** What a verdict takes at least. */
export const fewestForVerdict = { directions: 30, decades: 1.5, rotations: 200 } as const;

export const claimStatements: Readonly<Record<Claim, string>> = {
  C_on_Q: 'C ~ Q',
  commute: 'C and H nearly commute',
  gamma_between_1_and_2: '1 <= gamma <= 2',
  superlinear: 'gamma > 1 (superlinear)',
  gamma_equals_gamma_Q: 'gamma = gamma_Q',
};

/** Verdicts on all claims, in the order of `claims`. A cutoff that the measurement lacks raises InputError naming those it has. */
export function judgeClaims(
  measurement: Pick<MeasurementSummary, 'gamma' | 'commutator_ratio' | 'commutator_baseline'>,
  options: ClaimOptions = {},
): ClaimResult[] {
  const { cutoff = headlineCutoff, estimators = { training_set: 'ols', cross_fitted: 'ols' } } = options;
  const rows = {
    training_set: rowAt(measurement.gamma.training_set, cutoff),
    cross_fitted: rowAt(measurement.gamma.cross_fitted, cutoff),
  };
  return claims.map((claim): ClaimResult => {
    const statement = claimStatements[claim];
    if (claim === 'commute') return { claim, statement, ...judgeCommuting(measurement, rows.training_set) };
    const parts = estimands.map((estimand) => judgeOne(claim, estimand, rows[estimand], estimators[estimand]));
    return { claim, statement, ...combine(parts), numbers: parts.flatMap((part) => part.numbers) };
  });
}

interface Part {
  readonly estimand: Estimand;
  readonly verdict: Verdict;
  readonly reason: string;
  readonly numbers: readonly ClaimNumber[];
}

function judgeOne(claim: Exclude<Claim, 'commute'>, estimand: Estimand, row: CutoffRow, estimator: Estimator): Part {
  const slopes =
    claim === 'C_on_Q' ? row.C_on_Q : claim === 'gamma_equals_gamma_Q' ? row.gamma_minus_gamma_Q : row.gamma;
  const name = claim === 'C_on_Q' ? 'C_on_Q' : claim === 'gamma_equals_gamma_Q' ? 'gamma_minus_gamma_Q' : 'gamma';
  const value = slopes?.[estimator] ?? null;
  const interval = slopes?.interval?.[estimator] ?? null;
  const r_squared = claim === 'C_on_Q' ? row.C_on_Q.r_squared : null;
  const numbers: ClaimNumber[] = [
    { name, estimand, value, interval },
    ...(claim === 'C_on_Q' ? [{ name: 'r_squared', estimand, value: r_squared, interval: null }] : []),
    ...sizeNumbers(estimand, row),
  ];
  const part = (verdict: Verdict, reason: string): Part => ({ estimand, verdict, reason, numbers });
  const lacking = tooFew(row);
  if (lacking) return part('inconclusive', lacking);
  if (value === null || interval === null) return part('inconclusive', `no ${estimator} interval was computed`);
  const [low, high] = interval;
  if (!(low <= high)) return part('inconclusive', `the interval ${text(interval)} is not a number`);
  const where = `${text(interval)}`;
  switch (claim) {
    case 'C_on_Q':
      if (high < 0.9 || low > 1.1) return part('fail', `the slope's interval ${where} lies outside [0.9, 1.1]`);
      if (!(low >= 0.9 && high <= 1.1))
        return part('inconclusive', `the slope's interval ${where} reaches out of [0.9, 1.1]`);
      if (!(r_squared !== null && r_squared >= 0.95))
        return part('inconclusive', `R^2 is ${r_squared === null ? 'undefined' : r_squared.toFixed(3)}, below 0.95`);
      return part('pass', `the slope's interval ${where} lies within [0.9, 1.1] and R^2 is ${r_squared.toFixed(3)}`);
    case 'gamma_between_1_and_2':
      if (high < 1 || low > 2) return part('fail', `the interval ${where} lies outside [1, 2]`);
      if (low >= 1 && high <= 2) return part('pass', `the interval ${where} lies inside [1, 2]`);
      return part('inconclusive', `the interval ${where} reaches out of [1, 2]`);
    case 'superlinear':
      if (low > 1) return part('pass', `the interval ${where} lies above 1`);
      if (high <= 1) return part('fail', `the interval ${where} ends at or below 1`);
      return part('inconclusive', `the interval ${where} holds 1`);
    case 'gamma_equals_gamma_Q':
      if (low > 0.05 || high < -0.05)
        return part('fail', `the difference's interval ${where} excludes 0 by more than 0.05`);
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

function judgeCommuting(
  {
    commutator_ratio: ratio,
    commutator_baseline: baseline,
  }: Pick<MeasurementSummary, 'commutator_ratio' | 'commutator_baseline'>,
  row: CutoffRow,
): Pick<ClaimResult, 'verdict' | 'reason' | 'numbers'> {
  const number = (name: string, value: number): ClaimNumber => ({
    name,
    estimand: null,
    value: finite(value),
    interval: null,
  });
  const numbers = [
    number('commutator_ratio', ratio),
    number('rotations_percentile_1', baseline.percentile_1),
    number('rotations_median', baseline.median),
    ...sizeNumbers('training_set', row),
  ];
  const result = (verdict: Verdict, reason: string) => ({ verdict, reason, numbers });
  const lacking = tooFew(row);
  if (lacking) return result('inconclusive', lacking);
  if (!(baseline.rotations >= fewestForVerdict.rotations))
    return result(
      'inconclusive',
      `the baseline has ${baseline.rotations} random rotations, not ${fewestForVerdict.rotations}`,
    );
  const [p1, median] = [baseline.percentile_1.toFixed(3), baseline.median.toFixed(3)];
  if (ratio < baseline.percentile_1)
    return result('pass', `the ratio ${ratio.toFixed(3)} lies below the 1st percentile of random rotations, ${p1}`);
  if (ratio > baseline.median)
    return result('fail', `the ratio ${ratio.toFixed(3)} lies above the median of random rotations, ${median}`);
  return result(
    'inconclusive',
    `the ratio ${ratio.toFixed(3)} is not below the 1st percentile (${p1}) nor above the median (${median}) of random rotations`,
  );
}

function tooFew(row: CutoffRow): string | undefined {
  const { directions, decades } = fewestForVerdict;
  if (!(row.n >= directions)) return `${row.n} directions, fewer than ${directions}`;
  if (!(row.decades >= decades)) return `${row.decades.toFixed(2)} decades, fewer than ${decades}`;
  return undefined;
}

function sizeNumbers(estimand: Estimand, row: CutoffRow): ClaimNumber[] {
  return [
    { name: 'directions', estimand, value: row.n, interval: null },
    { name: 'decades', estimand, value: row.decades, interval: null },
  ];
}

/** That few samples decide gamma, where one block carries most of its variance; else null. */
export function fewSamples(row: CutoffRow, { bootstrap }: Pick<MeasurementSummary, 'bootstrap'>): string | null {
  const share = row.block_share ?? 0;
  if (bootstrap === undefined || share <= 0.5) return null;
  return `one of ${bootstrap.blocks} blocks of samples carries ${Math.round(100 * share)} % of the variance of gamma: few samples decide it`;
}

function text([low, high]: Interval): string {
  return `[${low.toFixed(3)}, ${high.toFixed(3)}]`;
}

function finite(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}
