/** Labels of figures as the window sets them. */
import { expect, it } from 'vitest';
import { labelPieces, wordsOfLabel } from '../../src/renderer/ui/label-pieces.ts';

it.each([
  ['direction $i$', 'direction i'],
  ['curvature $H_{ii}$', 'curvature H_ii'],
  ['cutoff on $H_{ii}/H_{11}$', 'cutoff on H_ii/H_11'],
  ['curvature $h_i = v_i^{\\top} H v_i$', 'curvature h_i = v_i^⊤Hv_i'],
  ['$\\operatorname{Var}_t(w_t \\cdot v_i)$', 'Var _t(w_t ⋅ v_i)'],
  ['$C_{\\text{dual},ii}$', 'C_dual,ii'],
  ['$\\gamma = -0.5$', 'γ = −0.5'],
  ['at most $10^{-8}$ of the largest', 'at most 10^−8 of the largest'],
  ['$1 \\leq \\gamma \\leq 2$', '1 ≤ γ ≤ 2'],
  ['cost \\$5, 50 % of it', 'cost $5, 50 % of it'],
])('%s reads %s', (label, words) => {
  expect(wordsOfLabel(label)).toBe(words);
});

it('sets letters of variables apart from numbers and words', () => {
  expect(labelPieces('$H_{11}$ of it')).toEqual([
    { kind: 'letter', text: 'H' },
    { kind: 'sub', text: '11' },
    { kind: 'text', text: ' of it' },
  ]);
});
