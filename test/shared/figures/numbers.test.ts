import { describe, expect, test } from 'vitest';
import {
  integerText,
  numberText,
  uncertaintyTex,
  withInterval,
  withUncertainty,
} from '../../../src/shared/figures/numbers.ts';

describe('numbers as they are written', () => {
  test.each([
    [1.2034, 0.0183, '1.203 ± 0.018'],
    [-1.2034, 0.0996, '−1.20 ± 0.10'],
    [1.2, 3.04, '1.2 ± 3.0'],
    [152.3, 12, '152 ± 12'],
    [3.214e-5, 1.5e-6, '(3.21 ± 0.15) × 10⁻⁵'],
    [2.5e7, 1e5, '(2.500 ± 0.010) × 10⁷'],
    [0.5, NaN, '0.5000'],
    [0, 0, '0'],
  ])('%s ± %s', (value, uncertainty, text) => {
    expect(withUncertainty(value, uncertainty)).toBe(text);
  });

  test.each([
    [3.2e-5, 2, '3.2 × 10⁻⁵'],
    [9.999e-6, 2, '1.0 × 10⁻⁵'],
    [0.01234, 3, '0.0123'],
    [99999, 3, '1.00 × 10⁵'],
    [1234, 4, '1234'],
    [12345, 4, '12\u202f345'],
    [-43210, 3, '−43\u202f210'],
    [-0.5, 2, '−0.50'],
    [Infinity, 2, '∞'],
  ])('%s with %s digits', (value, digits, text) => {
    expect(numberText(value, digits)).toBe(text);
  });

  test('intervals, integers, tables', () => {
    expect(withInterval(1.2034, 1.185, 1.2213)).toBe('1.203 [1.185, 1.221]');
    expect(integerText(-1234567)).toBe('−1\u202f234\u202f567');
    expect(uncertaintyTex(1.2034, 0.0183)).toBe('$1.203 \\pm  0.018$');
    expect(uncertaintyTex(1.2034, 0.0183, true)).toBe('$1.203(18)$');
    expect(uncertaintyTex(3.214e-5, 1.5e-6)).toBe('$(3.21 \\pm  0.15) \\times 10^{-5}$');
    expect(uncertaintyTex(12345, NaN)).toBe('$12\\,345$');
    expect(uncertaintyTex(NaN, 1)).toBe('--');
  });
});
