import { describe, expect, it } from 'vitest';
import { incompleteBeta, logGamma, studentQuantile, studentTwoSided } from '../../src/shared/distributions.ts';
import { inverseNormal } from '../../src/shared/random.ts';
import { normalCdf } from '../support/normal-cdf.ts';

describe('distributions', () => {
  it.each([
    [0, 0.5],
    [1, 0.8413447460685429],
    [-1.959963984540054, 0.025],
    [2.9999, 0.998649658717045],
    [3, 0.9986501019683699],
    [-3.5, 2.3262907903552504e-4],
    [-6, 9.865876450376946e-10],
  ])('normal distribution function at %d', (x, value) => {
    expect(Math.abs(normalCdf(x) - value)).toBeLessThan(1e-13);
    expect(Math.abs(normalCdf(x) / value - 1)).toBeLessThan(1e-9);
  });

  it('is inverse to the quantile', () => {
    for (const p of [1e-10, 1e-4, 0.01, 0.3, 0.5, 0.9, 0.99865, 1 - 1e-6])
      expect(Math.abs(normalCdf(inverseNormal(p)) / p - 1)).toBeLessThan(1e-11);
  });

  it.each([
    [0.5, Math.log(Math.sqrt(Math.PI))],
    [1, 0],
    [5, Math.log(24)],
    [0.1, 2.252712651734206],
    [100, 359.1342053695754],
  ])('logarithm of the gamma function at %d', (x, value) => {
    expect(Math.abs(logGamma(x) - value)).toBeLessThan(1e-11);
  });

  it('incomplete beta function has its closed forms', () => {
    for (const x of [0, 0.1, 0.5, 0.93, 1]) {
      expect(incompleteBeta(x, 1, 3)).toBeCloseTo(1 - (1 - x) ** 3, 13);
      expect(incompleteBeta(x, 2, 2)).toBeCloseTo(x * x * (3 - 2 * x), 13);
    }
    expect(() => incompleteBeta(1.1, 1, 1)).toThrow(/out of range/);
  });

  it.each([
    // Tables of Student's t, two-sided 5 %.
    [1, 12.706204736],
    [2, 4.302652729],
    [10, 2.228138852],
    [30, 2.042272456],
    [120, 1.979930405],
  ])('Student quantile with %d degrees of freedom', (freedom, value) => {
    expect(studentQuantile(0.975, freedom)).toBeCloseTo(value, 7);
    expect(studentQuantile(0.025, freedom)).toBeCloseTo(-value, 7);
    expect(studentTwoSided(value, freedom)).toBeCloseTo(0.05, 9);
  });
});
