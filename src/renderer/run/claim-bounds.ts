/** Where a claim's numbers have to lie for it to hold, as its rules say (src/shared/claims.ts), for drawing them as bars. Pure. */
import { exponentMargin, unitSlope } from '../../shared/claims.ts';
import type { Claim, ClaimResult } from '../../shared/claims.ts';

export interface ClaimBar {
  /** Of one estimand, or of the whole measurement. */
  readonly name: string;
  readonly value: number;
  /** Null: judged by the point. */
  readonly interval: readonly [number, number] | null;
}

export interface ClaimBars {
  readonly bars: readonly ClaimBar[];
  /** The claim holds within; either end may be open. */
  readonly bounds: readonly [number, number];
  /** What is drawn: bounds, bars and some room. */
  readonly domain: readonly [number, number];
}

const subjects: Readonly<Record<Claim, readonly string[]>> = {
  C_on_Q: ['C_on_Q'],
  commute: ['commutator_ratio'],
  gamma_between_1_and_2: ['gamma'],
  superlinear: ['gamma', 'gamma_calibrated'],
  Q_rather_than_H: ['scatter_difference'],
  gamma_equals_gamma_Q: ['gamma_minus_gamma_Q'],
};

function boundsOf({ claim, numbers }: ClaimResult): readonly [number, number] {
  switch (claim) {
    case 'C_on_Q':
      return unitSlope;
    case 'commute': {
      // Below the 1st percentiles of both structured nulls.
      const nulls = numbers.flatMap(({ name, value }) =>
        name.endsWith('percentile_1') && value !== null ? [value] : [],
      );
      return [0, nulls.length === 0 ? NaN : Math.min(...nulls)];
    }
    case 'gamma_between_1_and_2':
      return [1 - exponentMargin, 2 + exponentMargin];
    case 'superlinear':
      return [1 + exponentMargin, Infinity];
    case 'Q_rather_than_H':
      return [0, Infinity];
    case 'gamma_equals_gamma_Q':
      return [-exponentMargin, exponentMargin];
    default:
      claim satisfies never;
      throw new Error('unknown claim');
  }
}

/** Null if there is no number or no bound: then there is nothing to draw. */
export function claimBars(result: ClaimResult): ClaimBars | null {
  const bounds = boundsOf(result);
  const bars = result.numbers.flatMap(({ name, estimand, value, interval }): ClaimBar[] =>
    value === null || !subjects[result.claim].includes(name) ? [] : [{ name: estimand ?? name, value, interval }],
  );
  if (bars.length === 0 || Number.isNaN(bounds[1])) return null;
  const ends = [...bounds, ...bars.flatMap(({ value, interval }) => [value, ...(interval ?? [])])].filter(
    Number.isFinite,
  );
  const [low, high] = [Math.min(...ends), Math.max(...ends)];
  const room = 0.12 * (high - low || Math.abs(high) || 1);
  return { bars, bounds, domain: [low - room, high + room] };
}
