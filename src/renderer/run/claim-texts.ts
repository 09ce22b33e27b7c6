/** Claims and verdicts as the window writes them. */
import type { Claim, Verdict } from '../../shared/claims.ts';

export const claimMarks: Readonly<
  Record<Verdict, { readonly mark: string; readonly tone: string; readonly word: string }>
> = {
  pass: { mark: '✓', tone: 'good', word: 'holds' },
  fail: { mark: '✕', tone: 'bad', word: 'fails' },
  inconclusive: { mark: '?', tone: 'warn', word: 'inconclusive' },
};

export const claimTexts: Readonly<Record<Claim, string>> = {
  C_on_Q: 'C ∝ Q',
  commute: 'C and H nearly commute',
  gamma_between_1_and_2: '1 ≤ γ ≤ 2',
  superlinear: 'γ > 1: superlinear',
  Q_rather_than_H: 'C follows Q rather than H',
  gamma_equals_gamma_Q: 'γ as Q predicts',
};
