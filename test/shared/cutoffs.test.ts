import { standardCutoffs } from '../../src/shared/estimands.ts';
import { describe, expect, it } from 'vitest';
import {
  axesOf,
  fitAt,
  fitByCutoff,
  fitCrossFitted,
  inverseLeastSquares,
  leastSquares,
  moments,
  orthogonal,
  prepareDiagonals,
  relations,
  theilSen,
  usabilityOf,
  type Diagonals,
  type Triple,
} from '../../src/engine/statistics/index.ts';
import { Random } from '../../src/shared/random.ts';
import { curvatureOf, splitHalf } from '../support/lines.ts';

const noFloor = { H: 0, C: 0, Q: 0 };

/** d directions over `decades`, C ~ H^1.3, Q ~ H^1.2, with noise. */
function diagonals(seed: number, d: number, decades: number): Diagonals {
  const random = new Random(seed);
  const selection = Float64Array.from({ length: d }, (_, i) => 5 * 10 ** ((-decades * i) / (d - 1)));
  const noisy = (power: number, noise: number) => selection.map((h) => h ** power * Math.exp(noise * random.normal()));
  const values = (noise: number): Triple => ({ H: noisy(1, noise), C: noisy(1.3, 2 * noise), Q: noisy(1.2, noise) });
  return { selection, ...values(0.1), parts: [values(0.2), values(0.2)] };
}

describe('fitByCutoff', () => {
  const data = diagonals(1, 300, 9);

  it('equals fits of the logarithms of the selected directions, at every cutoff and for every estimator', () => {
    const rows = fitByCutoff(data, noFloor);
    expect(rows.map((row) => row.cutoff)).toEqual(standardCutoffs);
    for (const row of rows) {
      const n = [...data.selection].filter((h) => h > row.cutoff * data.selection[0]).length;
      expect([row.selected, row.n, row.n_iv, row.non_positive, row.below_floor]).toEqual([n, n, n, 0, 0]);
      const logs = (triple: Triple) => ({
        H: triple.H.slice(0, n).map(Math.log),
        C: triple.C.slice(0, n).map(Math.log),
        Q: triple.Q.slice(0, n).map(Math.log),
      });
      const [whole, one, two] = [logs(data), logs(data.parts![0]), logs(data.parts![1])];
      expect(row.decades).toBeCloseTo((Math.max(...whole.H) - Math.min(...whole.H)) / Math.LN10, 12);
      for (const relation of relations) {
        const { x, y } = axesOf[relation];
        const m = moments(whole[x], whole[y]);
        const slopes = row[relation];
        expect(slopes.ols).toBeCloseTo(leastSquares(m).slope, 11);
        expect(slopes.intercept).toBeCloseTo(leastSquares(m).intercept, 10);
        expect(slopes.r_squared).toBeCloseTo(leastSquares(m).rSquared, 11);
        expect(slopes.ols_inverse).toBeCloseTo(inverseLeastSquares(m), 11);
        expect(slopes.orthogonal).toBeCloseTo(orthogonal(m), 11);
        expect(slopes.theil_sen).toBe(theilSen(whole[x], whole[y]));
        expect(slopes.iv).toBeCloseTo(splitHalf(one[x], one[y], two[x], two[y]), 11);
        expect(slopes.quadratic).toBeCloseTo(curvatureOf(whole[x], whole[y]).coefficient, 9);
      }
    }
  });

  it('selects strictly above the cutoff', () => {
    const H = Float64Array.of(1, 0.5, 0.25, 0.1, 0.01);
    const prepared = prepareDiagonals({ selection: H, H, C: H, Q: H }, noFloor);
    expect(fitAt(prepared, 0.1).selected).toBe(3);
    expect(fitAt(prepared, 0.0999).selected).toBe(4);
    expect(fitAt(prepared, 0).selected).toBe(5);
    expect(fitAt(prepared, 1).selected).toBe(0);
    expect(fitAt(prepared, 0.1).gamma.ols).toBeCloseTo(1, 12);
    expect(() => fitAt(prepared, NaN)).toThrow(/cutoff/);
  });

  it('counts what it leaves out, clamps nothing and gives no slope from two points', () => {
    const H = Float64Array.of(100, 10, 1, 0.1, 1e-3, 1e-12, -1e-13, -0.2);
    const C = Float64Array.of(100, -10, 1, 0.1, 1e-3, 1, 1, 1);
    const Q = Float64Array.of(100, 10, 1, 0.1, 1e-14, 1, 1, 1);
    const prepared = prepareDiagonals({ selection: H, H, C, Q }, { H: 1e-10, C: 1e-10, Q: 1e-10 });
    const row = fitAt(prepared, 1e-15);
    // The eigenvalues below 0 are never selected; 1e-12 is, and lies below the floor of H; Q of direction 4 below its own.
    expect([row.selected, row.n, row.non_positive, row.below_floor]).toEqual([6, 3, 1, 2]);
    expect(row.gamma.ols).toBeCloseTo(1, 12);
    expect(row.decades).toBeCloseTo(3, 12);
    const narrow = fitAt(prepared, 0.05);
    expect([narrow.selected, narrow.n]).toEqual([2, 1]);
    expect(narrow.gamma).toMatchObject({ ols: null, theil_sen: null, orthogonal: null, r_squared: null });
    expect(narrow.decades).toBe(0);
  });

  it.each([
    { values: [1, 1, 1], floor: 0, use: 'usable' },
    { values: [1, 0, 1], floor: 0, use: 'non_positive' },
    { values: [1, 0, 1], floor: 1e-9, use: 'below_floor' },
    { values: [1, 1, -1e-10], floor: 1e-9, use: 'below_floor' },
    { values: [-1e-8, 1, 1], floor: 1e-9, use: 'non_positive' },
    { values: [-1, 1e-12, 1], floor: 1e-9, use: 'non_positive' },
    { values: [1, 1e-9, 1], floor: 1e-9, use: 'usable' },
  ] as const)('a direction with $values and a floor of $floor is $use', ({ values: [H, C, Q], floor, use }) => {
    expect(usabilityOf(H, C, Q, { H: floor, C: floor, Q: floor })).toBe(use);
  });

  it('leaves a direction out of the instrument alone where a part is not positive', () => {
    const parts = data.parts!.map((part) => ({ H: part.H.slice(), C: part.C.slice(), Q: part.Q.slice() })) as [
      Triple,
      Triple,
    ];
    parts[1].H[7] = -1;
    const row = fitByCutoff({ ...data, parts }, noFloor, [1e-3])[0];
    expect(row.n_iv).toBe(row.n - 1);
    const keep = Array.from({ length: row.n }, (_, i) => i).filter((i) => i !== 7);
    const log = (values: Float64Array) => keep.map((i) => Math.log(values[i]));
    expect(row.gamma.iv).toBeCloseTo(splitHalf(log(parts[0].H), log(parts[0].C), log(parts[1].H), log(parts[1].C)), 11);
  });

  it.each([
    { id: 'NaN', change: { C: Float64Array.of(1, NaN) }, message: /C\[1\] is NaN/ },
    { id: 'length', change: { Q: Float64Array.of(1) }, message: /expected 2 values of Q, found 1/ },
    { id: 'order', change: { selection: Float64Array.of(1, 2) }, message: /must decrease/ },
  ])('refuses bad input: $id', ({ change, message }) => {
    const H = Float64Array.of(2, 1);
    expect(() => prepareDiagonals({ selection: H, H, C: H, Q: H, ...change }, noFloor)).toThrow(message);
    expect(() => prepareDiagonals({ selection: H, H, C: H, Q: H }, { ...noFloor, C: NaN })).toThrow(/floor of C/);
  });
});

describe('fitCrossFitted', () => {
  it('averages the two halves, selecting by the half that gave the directions', () => {
    const halves = [diagonals(2, 200, 6), diagonals(3, 150, 5)] as const;
    const rows = fitCrossFitted(halves, noFloor);
    const [a, b] = halves.map((half) => fitByCutoff(half, noFloor)) as [typeof rows, typeof rows];
    rows.forEach((row, k) => {
      expect(row.n).toBe((a[k].n + b[k].n) / 2);
      for (const key of [
        'ols',
        'ols_inverse',
        'theil_sen',
        'orthogonal',
        'iv',
        'r_squared',
        'intercept',
        'quadratic',
      ] as const)
        expect(row.gamma[key]).toBeCloseTo((a[k].gamma[key]! + b[k].gamma[key]!) / 2, 12);
    });
  });

  it('has no slope where one half has none', () => {
    const few = diagonals(4, 2, 1);
    const row = fitCrossFitted([diagonals(5, 50, 3), few], noFloor, [1e-2])[0];
    expect(row.gamma).toMatchObject({ ols: null, theil_sen: null, iv: null });
  });
});

describe('several splits with too few directions for a slope', () => {
  // One direction above each cutoff but the widest: no split has a slope there.
  const few = (seed: number): [Diagonals, Diagonals] => [diagonals(seed, 2, 9), diagonals(seed + 1, 2, 9)];
  const rows = fitCrossFitted(few(1), noFloor, standardCutoffs, {}, [few(3), few(5)]);

  it('have no spread, and hold no NaN that a store could not keep', () => {
    const numbers: unknown[] = [];
    JSON.stringify(rows, (_, value: unknown) => (numbers.push(value), value));
    expect(numbers.filter((value) => typeof value === 'number' && Number.isNaN(value))).toEqual([]);
    for (const row of rows) {
      expect(row.gamma.ols).toBeNull();
      expect(row.splits).toBeUndefined();
    }
  });

  it('and where each has one, the spread of them', () => {
    const many = (seed: number): [Diagonals, Diagonals] => [diagonals(seed, 60, 3), diagonals(seed + 1, 60, 3)];
    const [row] = fitCrossFitted(many(1), noFloor, [1e-3], {}, [many(3), many(5)]);
    expect(row.splits).toMatchObject({ count: 3 });
    expect(Object.values(row.splits!.spread).every((value) => value > 0)).toBe(true);
  });
});
