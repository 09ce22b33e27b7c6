import { describe, expect, it } from 'vitest';
import { withSymbols } from '../../src/renderer/symbols.ts';
import { labelMarkup } from '../../src/shared/figures/text/mathml.ts';

describe('plain letters as mathematics', () => {
  it.each([
    ['gamma of every layer', '$\\gamma$ of every layer'],
    ['γ_Q fc3, cross-fitted', '$\\gamma_Q$ fc3, cross-fitted'],
    ['C_on_Q by -0.047', '$C$ on $Q$ by −0.047'],
    ['Duality: C_dual against C', 'Duality: $C_{\\mathrm{dual}}$ against $C$'],
    ['C_ii on H_11.', '$C_{ii}$ on $H_{11}$.'],
    ['tr C, cos(C, H) fc3', '$\\operatorname{tr} C$, $\\cos(C, H)$ fc3'],
    ['C against H, G, F, E, Q, H²', '$C$ against $H$, $G$, $F$, $E$, $Q$, $H^2$'],
    ['and R^2 is 0.991', 'and $R^2$ is 0.991'],
    ['R = Q / H', '$R$ = $Q$ / $H$'],
    ['How v · h v is spread', 'How $v \\cdot h v$ is spread'],
    ['shuffled delta: 0.1; shuffled S: 0.2', 'shuffled $\\delta$: 0.1; shuffled $S$: 0.2'],
  ])('%s', (plain, label) => {
    expect(withSymbols(plain)).toBe(label);
    expect(labelMarkup(label)).toContain('<math');
  });

  it.each(['layer.H of fc2', 'SGD, CIFAR-10, GPU and H-like', 'gamma.fc2 > 1 and C.x', 'commute'])(
    'leaves alone: %s',
    (plain) => {
      expect(withSymbols(plain)).toBe(plain);
    },
  );
});
