import { describe, expect, it } from 'vitest';
import { localSlopes, localSlopesCrossFitted } from '../../src/shared/local-slopes.ts';
import { Random } from '../../src/shared/random.ts';
import type { Diagonals } from '../../src/shared/cutoffs.ts';

const floors = { H: 0, C: 0, Q: 0 };

/** log C = a log H + b (log H)^2 exactly, log Q likewise with other numbers; eigenvalues log-uniform over `decades`, the largest 1. */
function curved(
  directions: number,
  decades: number,
  C: readonly [number, number],
  Q: readonly [number, number],
): Diagonals {
  const H = Float64Array.from({ length: directions }, (_, i) => 10 ** ((-decades * i) / (directions - 1)));
  const along = ([a, b]: readonly [number, number]): Float64Array =>
    H.map((h) => Math.exp(a * Math.log(h) + b * Math.log(h) ** 2));
  return { selection: H, H, C: along(C), Q: along(Q) };
}

describe('local slopes', () => {
  it('follow the derivative of a curve, decade by decade', () => {
    const rows = localSlopes(curved(801, 8, [1.6, 0.02], [1.4, 0.01]), floors);
    expect(rows.length).toBe(15);
    for (const [k, { high, low }] of rows.entries()) {
      expect(high).toBeCloseTo(10 ** (-k / 2), 12);
      expect(low).toBeCloseTo(10 ** (-k / 2 - 1), 12);
    }
    for (const { high, low, gamma, gamma_Q, C_on_Q } of rows) {
      // The slope of a parabola's chord over a window that its points fill evenly is the derivative at its middle.
      const middle = (Math.log(high) + Math.log(low)) / 2;
      expect(gamma).toBeCloseTo(1.6 + 0.04 * middle, 2);
      expect(gamma_Q).toBeCloseTo(1.4 + 0.02 * middle, 2);
      expect(C_on_Q).toBeCloseTo((1.6 + 0.04 * middle) / (1.4 + 0.02 * middle), 2);
    }
    for (const { n } of rows) expect(Math.abs(n - 100)).toBeLessThanOrEqual(1);
  });

  it('are missing where a decade holds fewer than 8 usable directions', () => {
    const few = curved(25, 4, [1.3, 0], [1.3, 0]);
    expect(localSlopes(few, floors)).toEqual([]);
    const many = curved(200, 4, [1.3, 0], [1.3, 0]);
    // The second decade lies below the floor of C.
    const rows = localSlopes(many, { ...floors, C: 10 ** -1.3 });
    expect(rows.length).toBe(2);
    expect(rows[1].n).toBeLessThan(30);
    expect(localSlopes(curved(3, 1, [1, 0], [1, 0]), floors)).toEqual([]);
  });

  it('cross-fitted: by the eigenvalues of the half that gave the directions, whatever noise the other half has; averaged', () => {
    const random = new Random(3);
    const noisy = (gamma: number): Diagonals => {
      const { selection, H } = curved(400, 4, [1, 0], [1, 0]);
      const noise = H.map((h) => h * Math.exp(0.5 * random.normal()));
      return { selection, H: noise, C: noise.map((h) => h ** gamma), Q: noise.map((h) => h ** 1.5) };
    };
    const rows = localSlopesCrossFitted([noisy(1.2), noisy(1.8)], floors);
    // The last window is half filled.
    expect(rows.length).toBe(8);
    for (const { n, gamma, gamma_Q, C_on_Q } of rows) {
      expect(gamma).toBeCloseTo(1.5, 10);
      expect(gamma_Q).toBeCloseTo(1.5, 10);
      expect(C_on_Q).toBeCloseTo((1.2 / 1.5 + 1.8 / 1.5) / 2, 10);
      expect(n).toBeGreaterThanOrEqual(49);
    }
  });
});
