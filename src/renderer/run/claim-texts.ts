/** Claims and verdicts as the window writes them. */
import type { Verdict } from '../../shared/claims.ts';

export const claimMarks: Readonly<
  Record<Verdict, { readonly mark: string; readonly tone: string; readonly word: string }>
> = {
  pass: { mark: '✓', tone: 'good', word: 'holds' },
  fail: { mark: '✕', tone: 'bad', word: 'fails' },
  inconclusive: { mark: '?', tone: 'warn', word: 'inconclusive' },
};
