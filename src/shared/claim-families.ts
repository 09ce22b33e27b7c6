/**
 * Verdicts on one claim over many layers, runs or cutoffs: if each were tested separately at 5 %, some would pass or fail by chance. Holm's step-down procedure (Scandinavian
 * Journal of Statistics 6, 1979) keeps the chance of any false verdict in the family at 5 %, whatever the dependence between its members.
 *
 * The p-value of a verdict: the widest intervals, in units of their half-width h, under which it still stands give z = 1.96 h, p = 2 (1 - Phi(z)). A verdict stands after
 * correction where it stands with intervals widened to the level that its rank asks for.
 */
import { claims, claimStatements, judgeClaims } from './claims.ts';
import type { Claim, ClaimOptions, Verdict } from './claims.ts';
import { estimands, findRow, headlineCutoff } from './estimands.ts';
import { statisticsOf } from './group-statistics.ts';
import { inverseNormal } from './portable.ts';
import type { CutoffRow, Interval, Slopes } from './slopes.ts';

export interface FamilyMember<Name> {
  readonly name: Name;
  readonly measurement: Parameters<typeof judgeClaims>[0];
}

export interface FamilyVerdict<Name> {
  readonly name: Name;
  readonly claim: Claim;
  readonly alone: Verdict;
  /** The verdict after correction for the size of the family. */
  readonly corrected: Verdict;
}

/** The level of the whole family. */
export const familyLevel = 0.05;

/** Width of an interval at a confidence of 1 - level, relative to its width at 95 %. */
export function wideningAt(level: number): number {
  return inverseNormal(1 - level / 2) / inverseNormal(1 - familyLevel / 2);
}

/**
 * The verdicts on one claim over a family, in the order of its members. A member whose uncorrected verdict is inconclusive still counts as tested: it does
 * not make the family smaller.
 */
export function judgeFamily<Name>(
  members: readonly FamilyMember<Name>[],
  claim: Claim,
  options: Omit<ClaimOptions, 'widen'> = {},
): FamilyVerdict<Name>[] {
  const verdict = ({ measurement }: FamilyMember<Name>, widen: number): Verdict =>
    judgeClaims(measurement, { ...options, widen }).find((each) => each.claim === claim)!.verdict;
  const m = members.length;
  const alone = members.map((member) => verdict(member, 1));
  const corrected: Verdict[] = members.map(() => 'inconclusive');
  const left = new Set(members.keys());
  // Rank by rank: at rank k a verdict must stand at the level alpha / (m - k); the first rank at which none does ends it.
  for (let rank = 0; rank < m; rank++) {
    const widen = wideningAt(familyLevel / (m - rank));
    const standing = [...left].find((i) => alone[i] !== 'inconclusive' && verdict(members[i], widen) === alone[i]);
    if (standing === undefined) break;
    corrected[standing] = alone[standing];
    left.delete(standing);
  }
  return members.map(({ name }, i) => ({ name, claim, alone: alone[i], corrected: corrected[i] }));
}

/** The members of a family on which a claim has a verdict. */
export interface FamilyOutcome {
  readonly claim: Claim;
  /** After correction. */
  readonly pass: readonly string[];
  readonly fail: readonly string[];
  /** Those whose verdict did not survive correction, with the verdict that each has alone. */
  readonly lost: readonly { readonly name: string; readonly alone: Verdict }[];
}

/** The outcome of each claim on which some member has a verdict; none for a family of fewer than two. */
export function familyOutcomes(
  members: readonly FamilyMember<string>[],
  options: Omit<ClaimOptions, 'widen'> = {},
): FamilyOutcome[] {
  if (members.length < 2) return [];
  return claims.flatMap((claim) => {
    const judgements = judgeFamily(members, claim, options);
    const those = (verdict: Verdict): string[] =>
      judgements.flatMap(({ name, corrected }) => (corrected === verdict ? [name] : []));
    const [pass, fail] = [those('pass'), those('fail')];
    const lost = judgements.filter(({ alone, corrected }) => alone !== corrected);
    return pass.length + fail.length + lost.length === 0 ? [] : [{ claim, pass, fail, lost }];
  });
}

/** One sentence for each claim on which some member has a verdict: which members pass and fail before and after correction. */
export function familyLines(
  members: readonly FamilyMember<string>[],
  family: string,
  options: Omit<ClaimOptions, 'widen'> = {},
): string[] {
  return familyOutcomes(members, options).map((outcome) => {
    const lists = (['pass', 'fail'] as const).flatMap((verdict) =>
      outcome[verdict].length === 0 ? [] : [`${verdict} for ${outcome[verdict].join(', ')}`],
    );
    const { claim, lost } = outcome;
    const rest =
      lost.length === 0
        ? ''
        : ` (not after correction: ${lost.map(({ name, alone }) => `${name}, ${alone} alone`).join('; ')})`;
    return `${claimStatements[claim]}, ${family}: ${lists.length === 0 ? 'no verdict' : lists.join('; ')}${rest}`;
  });
}

type Judged = FamilyMember<unknown>['measurement'];

/**
 * One measurement whose numbers are the means over those of several runs of one setup, with Student's intervals over the runs: the run is the unit. What the
 * blocks of samples say about each run is left out, and so are the structured nulls, which have no mean over runs. A cutoff is kept if every run has it. A single run is returned unchanged.
 */
export function overRuns(measurements: readonly Judged[]): Judged {
  if (measurements.length < 2) return measurements[0];
  const over = (estimand: 'training_set' | 'cross_fitted'): CutoffRow[] =>
    measurements[0].gamma[estimand].flatMap(({ cutoff }) => {
      const rows = measurements.flatMap(({ gamma }) => gamma[estimand].find((row) => row.cutoff === cutoff) ?? []);
      return rows.length < measurements.length ? [] : [meanRow(rows)];
    });
  const calibrations = measurements.flatMap(({ calibration }) => calibration ?? []);
  const [first] = calibrations;
  const rows = (calibrations.length === measurements.length ? first.rows : []).flatMap(({ cutoff }) => {
    const exponents = calibrations.flatMap(
      (each) => each.rows.find((row) => row.cutoff === cutoff)?.simulated?.value ?? [],
    );
    // Some run, possibly every run, has no calibrated value at this cutoff.
    if (exponents.length < measurements.length) return [];
    const { mean, interval } = statisticsOf(exponents);
    if (interval === null) return [];
    const simulated = { value: mean, interval };
    return [{ cutoff, measured: simulated, simulated, extrapolated: null }];
  });
  return {
    gamma: { training_set: over('training_set'), cross_fitted: over('cross_fitted') },
    commutator_ratio: statisticsOf(measurements.map((each) => each.commutator_ratio)).mean,
    calibration: rows.length > 0 ? { ...first, rows } : undefined,
  };
}

function meanRow(rows: readonly CutoffRow[]): CutoffRow {
  const least = (of: (row: CutoffRow) => number): number => Math.min(...rows.map(of));
  const mean = (values: readonly (number | null | undefined)[]): { value: number; interval: Interval } | null => {
    const numbers = values.filter((value): value is number => typeof value === 'number');
    if (numbers.length < rows.length) return null;
    const { mean: value, interval } = statisticsOf(numbers);
    return interval === null ? null : { value, interval };
  };
  const slopes = (of: (row: CutoffRow) => Slopes): Slopes => {
    const ols = mean(rows.map((row) => of(row).ols));
    const plain = (key: 'r_squared' | 'scatter' | 'scatter_unit' | 'level'): number | null =>
      mean(rows.map((row) => of(row)[key]))?.value ?? null;
    return {
      ols: ols?.value ?? null,
      r_squared: plain('r_squared'),
      intercept: null,
      scatter: plain('scatter'),
      scatter_unit: plain('scatter_unit'),
      level: plain('level'),
      interval: ols === null ? undefined : { ols: ols.interval },
    };
  };
  const difference = mean(rows.map((row) => row.gamma_minus_gamma_Q?.ols));
  const scatter = mean(rows.map((row) => row.scatter_difference?.value));
  const reached = rows.flatMap((row) => row.reached ?? []);
  return {
    cutoff: rows[0].cutoff,
    selected: least((row) => row.selected),
    non_positive: 0,
    below_floor: 0,
    n: least((row) => row.n),
    decades: least((row) => row.decades),
    reached: reached.length > 0 ? Math.max(...reached) : undefined,
    gamma: slopes((row) => row.gamma),
    gamma_Q: slopes((row) => row.gamma_Q),
    C_on_Q: slopes((row) => row.C_on_Q),
    gamma_minus_gamma_Q:
      difference === null ? undefined : { ols: difference.value, interval: { ols: difference.interval } },
    scatter_difference: scatter ?? undefined,
  };
}

/** Measurements of several runs as one family: setups by name, with the measurements of each of their runs. */
export interface ComparedSetup {
  readonly name: string;
  /** For each run, the parameters and summaries of its measurements that have intervals. */
  readonly runs: readonly (readonly { readonly parameter: string; readonly measurement: Judged }[])[];
}

/**
 * The family of a comparison: one member for every setup and layer (the mean over its runs if there are several).
 * @param cutoff measurements without a fit at this cutoff are left out
 */
export function comparedFamily(
  setups: readonly ComparedSetup[],
  cutoff: number,
): { readonly members: readonly FamilyMember<string>[]; readonly words: string } {
  const members = setups.flatMap(({ name, runs }) => {
    const parameters = [...new Set(runs.flatMap((run) => run.map(({ parameter }) => parameter)))];
    return parameters.flatMap((parameter) => {
      const measurements = runs.flatMap(
        (run) => run.findLast((each) => each.parameter === parameter)?.measurement ?? [],
      );
      const measurement = overRuns(measurements);
      if (estimands.some((estimand) => findRow(measurement.gamma[estimand], cutoff) === undefined)) return [];
      const title = setups.length === 1 ? parameter : `${parameter} of ${name}`;
      return [{ name: measurements.length > 1 ? `${title} (${measurements.length} runs)` : title, measurement }];
    });
  });
  const layers = new Set(members.map(({ name }) => name.replace(/ (of .*|\(\d+ runs\))$/, ''))).size;
  return {
    members,
    words: `over ${members.length} members, ${setups.length === 1 ? '1 setup' : `${setups.length} setups`} with ${layers === 1 ? 'one layer' : `${layers} layers`}`,
  };
}

/** The verdicts of a comparison, corrected over all members together. `cutoff` as for `comparedFamily`; defaults to `headlineCutoff`. */
export function comparisonLines(setups: readonly ComparedSetup[], cutoff = headlineCutoff): string[] {
  const { members, words } = comparedFamily(setups, cutoff);
  return familyLines(members, words, { cutoff });
}
