/**
 * Verdicts on one claim over many layers, runs or cutoffs: each tested by itself at 5 %, some would pass or fail by chance. Holm's step-down procedure (Scandinavian
 * Journal of Statistics 6, 1979) keeps the chance of any false verdict in the family at 5 %, whatever the dependence between its members.
 *
 * The p-value of a verdict: the widest intervals, in units of their half-width h, under which it still stands give z = 1.96 h, p = 2 (1 - Phi(z)). A verdict stands after
 * correction where it stands with intervals widened to the level that its rank asks for.
 */
import { claims, claimStatements, judgeClaims } from './claims.ts';
import type { Claim, ClaimOptions, Verdict } from './claims.ts';
import { inverseNormal } from './portable.ts';

export interface FamilyMember<Name> {
  readonly name: Name;
  readonly measurement: Parameters<typeof judgeClaims>[0];
}

export interface FamilyVerdict<Name> {
  readonly name: Name;
  readonly claim: Claim;
  readonly alone: Verdict;
  /** As one of the family. */
  readonly corrected: Verdict;
}

/** The level of the whole family. */
export const familyLevel = 0.05;

/** How many times as wide as at 95 % an interval is at a confidence of 1 - level. */
export function wideningAt(level: number): number {
  return inverseNormal(1 - level / 2) / inverseNormal(1 - familyLevel / 2);
}

/**
 * The verdicts on one claim over a family, in the order of its members. A member whose verdict alone is inconclusive counts as tested: it makes the
 * family no smaller.
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

/** One sentence a claim on which some member has a verdict: who passes and fails alone, and after correction. */
export function familyLines(
  members: readonly FamilyMember<string>[],
  family: string,
  options: Omit<ClaimOptions, 'widen'> = {},
): string[] {
  if (members.length < 2) return [];
  return claims.flatMap((claim) => {
    const found = judgeFamily(members, claim, options);
    const lists = (['pass', 'fail'] as const).flatMap((verdict) => {
      const those = found.filter((each) => each.corrected === verdict);
      return those.length === 0 ? [] : [`${verdict} for ${those.map(({ name }) => name).join(', ')}`];
    });
    const lost = found.filter((each) => each.alone !== each.corrected);
    if (lists.length === 0 && lost.length === 0) return [];
    const rest =
      lost.length === 0
        ? ''
        : ` (not after correction: ${lost.map(({ name, alone }) => `${name}, ${alone} alone`).join('; ')})`;
    return [`${claimStatements[claim]}, ${family}: ${lists.length === 0 ? 'no verdict' : lists.join('; ')}${rest}`];
  });
}
