import { describe, expect, it } from 'vitest';
import { inverseLeastSquares, leastSquares, moments, orthogonal, theilSen } from '../../src/engine/statistics/index.ts';
import { Random } from '../../src/shared/random.ts';
import { curvatureOf, instrumental, splitHalf } from '../support/lines.ts';
import { leastSquaresByElimination, mean, normals, theilSenByListing } from '../engine/statistics/support.ts';

/** Points with error in both variables around y = 1.4 x - 2. */
function cloud(seed: number, n: number, noise = 0.3): { x: Float64Array; y: Float64Array } {
  const random = new Random(seed);
  const t = normals(random, n, 2);
  return { x: t.map((v) => v + noise * random.normal()), y: t.map((v) => 1.4 * v - 2 + noise * random.normal()) };
}

describe('lines', () => {
  const cases = [
    { id: 'three points', seed: 1, n: 3 },
    { id: 'forty points', seed: 2, n: 40 },
    { id: 'a thousand points', seed: 3, n: 1000 },
  ];
  it.each(cases)('least squares solve the normal equations: $id', ({ seed, n }) => {
    const { x, y } = cloud(seed, n);
    const line = leastSquares(moments(x, y));
    const [intercept, slope] = leastSquaresByElimination(
      Array.from(x, (v) => [1, v]),
      [...y],
    );
    expect(line.slope).toBeCloseTo(slope, 10);
    expect(line.intercept).toBeCloseTo(intercept, 10);
    const my = mean(y);
    const total = y.reduce((sum, v) => sum + (v - my) ** 2, 0);
    const residual = y.reduce((sum, v, i) => sum + (v - intercept - slope * x[i]) ** 2, 0);
    expect(line.rSquared).toBeCloseTo(1 - residual / total, 10);
  });

  it.each(cases)('inverse least squares are least squares with the axes exchanged: $id', ({ seed, n }) => {
    const { x, y } = cloud(seed, n);
    const [, slope] = leastSquaresByElimination(
      Array.from(y, (v) => [1, v]),
      [...x],
    );
    expect(inverseLeastSquares(moments(x, y))).toBeCloseTo(1 / slope, 10);
  });

  it.each([
    { id: 'rising', slope: 1.4 },
    { id: 'steep', slope: 9 },
    { id: 'flat', slope: 0.02 },
    { id: 'falling', slope: -0.7 },
  ])('orthogonal slope minimises perpendicular distances: $id', ({ slope }) => {
    const random = new Random(11);
    const x = normals(random, 60);
    const y = x.map((v) => slope * v + 0.1 * random.normal());
    const found = orthogonal(moments(x, y));
    const [mx, my] = [mean(x), mean(y)];
    const distance = (angle: number) =>
      x.reduce((sum, v, i) => sum + (Math.cos(angle) * (y[i] - my) - Math.sin(angle) * (v - mx)) ** 2, 0);
    const angle = Math.atan(found);
    for (const shift of [-1e-3, 1e-3]) expect(distance(angle)).toBeLessThan(distance(angle + shift));
    // Exchanging the axes inverts it.
    expect(orthogonal(moments(y, x))).toBeCloseTo(1 / found, 9);
  });

  it('the instrument is a ratio of covariances, and the split half its mean over both roles', () => {
    const random = new Random(12);
    const t = normals(random, 50);
    const [x1, x2, y1, y2] = [0.1, 0.2, 0.3, 0.4].map((noise) => t.map((v) => v + noise * random.normal())) as [
      Float64Array,
      Float64Array,
      Float64Array,
      Float64Array,
    ];
    const covariance = (a: Float64Array, b: Float64Array) => mean(a.map((v, i) => (v - mean(a)) * (b[i] - mean(b))));
    expect(instrumental(x2, x1, y1)).toBeCloseTo(covariance(x2, y1) / covariance(x2, x1), 12);
    expect(splitHalf(x1, y1, x2, y2)).toBeCloseTo(
      (covariance(x2, y1) / covariance(x2, x1) + covariance(x1, y2) / covariance(x1, x2)) / 2,
      12,
    );
    expect(
      instrumental(
        x1.map((v) => -v),
        x1,
        y1,
      ),
    ).toBeNaN();
  });

  it('has no slope without spread', () => {
    const flat = moments([2, 2, 2], [1, 2, 3]);
    expect(leastSquares(flat).slope).toBeNaN();
    expect(orthogonal(flat)).toBeNaN();
    expect(inverseLeastSquares(flat)).toBeNaN();
    expect(theilSen([2, 2, 2], [1, 2, 3])).toBeNaN();
    expect(theilSen([2], [1])).toBeNaN();
    expect(leastSquares(moments([1], [1])).slope).toBeNaN();
  });
});

describe('theilSen', () => {
  it.each([
    { id: 'two points', seed: 1, n: 2, ties: 0 },
    { id: 'an even number of slopes', seed: 2, n: 4, ties: 0 },
    { id: 'few points, listed', seed: 3, n: 80, ties: 0 },
    { id: 'counted, odd number of pairs', seed: 4, n: 302, ties: 0 },
    { id: 'counted, even number of pairs', seed: 5, n: 400, ties: 0 },
    { id: 'equal x', seed: 6, n: 300, ties: 40 },
    { id: 'equal x and y', seed: 7, n: 300, ties: 6 },
    { id: 'unsorted thousand', seed: 8, n: 1000, ties: 0 },
  ])('equals the median of all slopes: $id', ({ seed, n, ties }) => {
    const { x, y } = cloud(seed, n);
    if (ties > 0) {
      for (let i = 0; i < n; i++) {
        x[i] = Math.round((x[i] * ties) / 8);
        if (ties < 10) y[i] = Math.round(y[i]);
      }
    }
    expect(theilSen(x, y)).toBeCloseTo(theilSenByListing(x, y), 12);
  });

  it.each([
    { id: 'an exact line', y: (x: number) => 1.5 * x + 3 },
    { id: 'a horizontal line', y: () => 4 },
    { id: 'a step', y: (x: number) => (x > 0 ? 1 : 0) },
    { id: 'huge slopes', y: (x: number) => 1e8 * x + Math.sin(1e3 * x) },
    { id: 'a falling curve', y: (x: number) => -Math.exp(3 * x) },
  ])('stands $id', ({ y }) => {
    const random = new Random(21);
    const x = normals(random, 200);
    const values = x.map(y);
    const listed = theilSenByListing(x, values);
    expect(Math.abs(theilSen(x, values) - listed)).toBeLessThan(1e-12 * Math.max(1, Math.abs(listed)));
  });

  it('takes the leading points alone when told so', () => {
    const { x, y } = cloud(9, 500);
    expect(theilSen(x, y, 150)).toBeCloseTo(theilSenByListing(x.subarray(0, 150), y.subarray(0, 150)), 12);
  });
});

describe('curvature', () => {
  it('is the coefficient of x^2 of a least-squares parabola, with its t value', () => {
    const random = new Random(31);
    const x = normals(random, 40, 2);
    const y = x.map((v) => 1 + 0.5 * v + 0.07 * v * v + 0.4 * random.normal());
    const design = Array.from(x, (v) => [1, v, v * v]);
    const beta = leastSquaresByElimination(design, [...y]);
    const residual = design.reduce((sum, row, i) => sum + (y[i] - row.reduce((s, v, k) => s + v * beta[k], 0)) ** 2, 0);
    // Variance of the third coefficient: sigma^2 times the last entry of the inverse of X^T X, by solving for the last unit vector.
    const gram = [0, 1, 2].map((i) => [0, 1, 2].map((j) => design.reduce((s, row) => s + row[i] * row[j], 0)));
    const last = leastSquaresByElimination(gram, [0, 0, 1]);
    const found = curvatureOf(x, y);
    expect(found.coefficient).toBeCloseTo(beta[2], 10);
    expect(found.t).toBeCloseTo(beta[2] / Math.sqrt((residual / 37) * last[2]), 6);
  });

  it('rejects a straight line as often as its p-value says', () => {
    const random = new Random(32);
    const replicates = 2000;
    let rejected = 0;
    for (let r = 0; r < replicates; r++) {
      const x = normals(random, 20);
      const y = x.map((v) => 2 * v + random.normal());
      if (curvatureOf(x, y).p < 0.1) rejected++;
    }
    expect(Math.abs(rejected / replicates - 0.1)).toBeLessThan(3 * Math.sqrt((0.1 * 0.9) / replicates));
  });

  it('has none with two distinct x', () => {
    expect(curvatureOf([0, 0, 1, 1, 1], [1, 2, 3, 4, 5])).toEqual({ coefficient: NaN, t: NaN, p: NaN });
    expect(curvatureOf([0, 1, 2], [1, 2, 4]).coefficient).toBeNaN();
  });
});
