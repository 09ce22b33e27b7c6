/** The bars of a claim stand against the bounds that its verdict uses. */
import { expect, it } from 'vitest';
import { claimBars } from '../../../src/renderer/run/claim-bounds.ts';
import { exponentMargin, unitSlope } from '../../../src/shared/claims.ts';
import type { Claim, ClaimResult } from '../../../src/shared/claims.ts';

const result = (claim: Claim, name: string): ClaimResult => ({
  claim,
  statement: '',
  verdict: 'pass',
  reason: '',
  numbers: [{ name, estimand: 'training_set', value: 1, interval: [0.95, 1.05] }],
});

it.each<[Claim, string, readonly number[]]>([
  ['C_on_Q', 'C_on_Q', unitSlope],
  ['gamma_equals_gamma_Q', 'gamma_minus_gamma_Q', [-exponentMargin, exponentMargin]],
  ['superlinear', 'gamma', [1 + exponentMargin, Infinity]],
])('%s', (claim, name, bounds) => {
  expect(claimBars(result(claim, name))?.bounds).toEqual(bounds);
});
