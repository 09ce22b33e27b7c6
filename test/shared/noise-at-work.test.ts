/** Closed forms: linear regression, quadratic losses, scalar samples, and recursions carried out step by step. */
import { describe, expect, test } from 'vitest';
import {
  batchFactor,
  epochVariance,
  lossScaledAlignment,
  lossScaledTrace,
  oneStepChange,
  stableRate,
  stabilityLimit,
  stationaryVariance,
} from '../../src/shared/noise-at-work.ts';

describe('noise scaled by the loss', () => {
  // C = 2 L / K H exactly: a scalar regression copied K times with independent residuals of one variance.
  test.each([1, 3, 10])('is 1 for a scalar regression copied %i times', (K) => {
    const [h, variance] = [0.7, 0.4];
    const loss = (K * variance) / 2;
    // Gradients of the copies are independent: C = variance h on each, H = h on each.
    const [traceC, traceH] = [K * variance * h, K * h];
    expect(lossScaledTrace(traceC, traceH, loss, K)).toBeCloseTo(1, 12);
    const numbers = {
      outputs: K,
      trace_CH: K * variance * h * h,
      norm_H: K * h * h,
      gradient_curvature: 0,
      curvature_variance: 0,
      takeuchi: [],
    };
    expect(lossScaledAlignment(numbers, loss)).toBeCloseTo(1, 12);
  });

  // Linear regression displaced by e without label noise: C = 2 L Sigma + Sigma e e^T Sigma, 2 L = e^T Sigma e.
  test('is 1 + |Sigma e|^2 / (2 L tr Sigma) for linear regression at a displacement', () => {
    const sigma = [3, 1, 0.2];
    const e = [0.5, -1, 2];
    const twice = sigma.reduce((sum, s, i) => sum + s * e[i] ** 2, 0);
    const squared = sigma.reduce((sum, s, i) => sum + (s * e[i]) ** 2, 0);
    const trace = sigma.reduce((sum, s) => sum + s, 0);
    expect(lossScaledTrace(twice * trace + squared, trace, twice / 2, 1)).toBeCloseTo(
      1 + squared / (twice * trace),
      12,
    );
  });
});

describe('stability under sampling', () => {
  test('of scalar samples h = 0 and 2, one at a time: eta <= 1', () => {
    // H = 1, Q = 2: with replacement p = 1.
    expect(stableRate(1, 2 - 1, batchFactor(1, 2, true))).toBe(1);
    // At that rate E[(1 - eta h)^2] = (1 + 1) / 2 = 1: the second moment neither grows nor shrinks.
    expect(((1 - 0) ** 2 + (1 - 2) ** 2) / 2).toBe(1);
  });
  test('of the whole batch: 2 / lambda', () => {
    expect(stableRate(4, 100, batchFactor(50, 50))).toBe(0.5);
    expect(stabilityLimit(0.9)).toBeCloseTo(3.8, 12);
  });
  test('grows with the batch', () => {
    const rates = [1, 10, 100].map((B) => stableRate(2, 30, batchFactor(B, 1000)));
    expect(rates[0]).toBeLessThan(rates[1]);
    expect(rates[1]).toBeLessThan(rates[2]);
  });
  test('a batch that cannot be drawn is refused', () => {
    expect(() => batchFactor(11, 10)).toThrow(/1 to 10 samples/);
    expect(batchFactor(11, 10, true)).toBeCloseTo(1 / 11, 15);
  });
});

test('the change of a quadratic loss in one step, to rounding: the mean over every batch without replacement', () => {
  // l_p = 1/2 w^T A_p w - b_p^T w in two dimensions; four samples, batches of two.
  const A = [
    [2, 0.3, 1],
    [1, -0.2, 3],
    [0.5, 0.1, 0.2],
    [4, 1, 2],
  ];
  const b = [
    [1, 2],
    [-1, 0.5],
    [0.3, 0.3],
    [2, -1],
  ];
  const w = [0.7, -0.4];
  const rate = 0.13;
  const gradient = (p: number, x: number[]): number[] => [
    A[p][0] * x[0] + A[p][1] * x[1] - b[p][0],
    A[p][1] * x[0] + A[p][2] * x[1] - b[p][1],
  ];
  const loss = (x: number[]): number =>
    A.reduce(
      (sum, [a, c, d], p) =>
        sum + 0.5 * (a * x[0] ** 2 + 2 * c * x[0] * x[1] + d * x[1] ** 2) - b[p][0] * x[0] - b[p][1] * x[1],
      0,
    ) / 4;
  const H = [0, 1, 2].map((k) => A.reduce((sum, each) => sum + each[k], 0) / 4);
  const g = [0, 1].map((k) => A.reduce((sum, _, p) => sum + gradient(p, w)[k], 0) / 4);
  const C = [0, 1, 2].map((k) => {
    const [i, j] = [
      [0, 0],
      [0, 1],
      [1, 1],
    ][k];
    return A.reduce((sum, _, p) => sum + gradient(p, w)[i] * gradient(p, w)[j], 0) / 4 - g[i] * g[j];
  });
  const predicted = oneStepChange(
    {
      trace_CH: C[0] * H[0] + 2 * C[1] * H[1] + C[2] * H[2],
      gradient_curvature: H[0] * g[0] ** 2 + 2 * H[1] * g[0] * g[1] + H[2] * g[1] ** 2,
    },
    Math.hypot(g[0], g[1]),
    rate,
    batchFactor(2, 4),
  );
  let measured = 0;
  for (let p = 0; p < 4; p++)
    for (let q = 0; q < p; q++) {
      const step = [0, 1].map((k) => w[k] - (rate * (gradient(p, w)[k] + gradient(q, w)[k])) / 2);
      measured += (loss(step) - loss(w)) / 6;
    }
  expect(Math.abs(predicted.total - measured)).toBeLessThan(1e-12);
  expect(predicted.descent + predicted.curvature + predicted.noise).toBe(predicted.total);
});

describe('stationary variance along a direction', () => {
  test.each([
    { h: 0.5, mu: 0 },
    { h: 0.5, mu: 0.9 },
    { h: 12, mu: 0.5 },
  ])('h = $h, momentum $mu: the fixed point of its recursion', ({ h, mu }) => {
    // (w, v) of the heavy ball, v <- mu v - eta (h w + noise), w <- w + v; covariances iterated.
    const [rate, c] = [0.1, 0.3];
    let [ww, wv, vv] = [0, 0, 0];
    for (let t = 0; t < 20_000; t++) {
      const a = 1 - rate * h;
      // v' = mu v - eta h w - eta xi; w' = a w + mu v - eta xi.
      const noise = rate ** 2 * c;
      const nww = a * a * ww + 2 * a * mu * wv + mu * mu * vv + noise;
      const nvv = mu * mu * vv - 2 * mu * rate * h * wv + (rate * h) ** 2 * ww + noise;
      const nwv = -a * rate * h * ww + (a * mu - mu * rate * h) * wv + mu * mu * vv + noise;
      [ww, wv, vv] = [nww, nwv, nvv];
    }
    expect(stationaryVariance(h, c, rate, mu) / ww).toBeCloseTo(1, 10);
  });
  test('has no answer beyond stability or along flat directions', () => {
    expect(stationaryVariance(21, 1, 0.1)).toBeNaN();
    expect(stationaryVariance(0, 1, 0.1)).toBeNaN();
  });

  /** N equal batches an epoch of one-batch variance c, no momentum: f(j) = N/(N-1) (1 - rho^2j)/(1 - rho^2) - ((1 - rho^j)/(1 - rho))^2/(N-1). */
  function closedForm(h: number, c: number, rate: number, N: number): { readonly end: number; readonly mean: number } {
    const rho = 1 - rate * h;
    const f = (j: number): number =>
      ((N / (N - 1)) * (1 - rho ** (2 * j))) / (1 - rho ** 2) - ((1 - rho ** j) / (1 - rho)) ** 2 / (N - 1);
    const end = (rate ** 2 * c * f(N)) / (1 - rho ** (2 * N));
    let sum = 0;
    for (let j = 1; j <= N; j++) sum += rho ** (2 * j) * end + rate ** 2 * c * f(j);
    return { end, mean: sum / N };
  }
  const equal = (N: number, B: number): number[] => new Array<number>(N).fill(B);

  test('under shuffling: h 0.5, N 160, eta 0.1 gives 0.791 of the value for independent batches of the same size', () => {
    const { mean } = epochVariance(0.5, 1, 0.1, equal(160, 50));
    expect(mean / stationaryVariance(0.5, batchFactor(50, 8000), 0.1)).toBeCloseTo(0.791, 3);
  });
  test.each([
    { h: 0.5, N: 5 },
    { h: 3, N: 12 },
    { h: 0.001, N: 40 },
  ])('under shuffling: h = $h, N = $N by its closed form', ({ h, N }) => {
    const B = 7;
    const found = epochVariance(h, 0.6, 0.1, equal(N, B));
    const expected = closedForm(h, 0.6 * batchFactor(B, N * B), 0.1, N);
    expect(found.end / expected.end).toBeCloseTo(1, 6);
    expect(found.mean / expected.mean).toBeCloseTo(1, 8);
  });
  test.each([
    { h: 0.5, sizes: [3, 3, 3, 1], mu: 0 },
    { h: 3, sizes: [2, 2, 2, 2, 2], mu: 0.5 },
    { h: 0.4, sizes: [5, 5, 4], mu: 0.9 },
  ])(
    'under shuffling: h = $h, batches $sizes, momentum $mu against every pair of noises carried along',
    ({ h, sizes, mu }) => {
      const [rate, C] = [0.1, 0.7];
      const P = sizes.reduce((sum, size) => sum + size, 0);
      // The response of w to one noise so many steps ago, by running the recursion.
      const longest = 3000 * sizes.length;
      const response: number[] = [];
      let [w, u] = [0, 0];
      for (let t = 0; t < longest && (t < 50 || Math.abs(w) + Math.abs(u) > 1e-14); t++) {
        u = mu * u - rate * h * w - (t === 0 ? rate : 0);
        w += u;
        response.push(w);
      }
      const N = sizes.length;
      const at = (end: number): number => {
        // The last step was number `end` of its epoch; epochs before are whole.
        let variance = 0;
        for (let last = end, ago = 0; ago < response.length; ago += last, last = N) {
          for (let a = 0; a < last; a++)
            for (let b = 0; b < last; b++) {
              const [ra, rb] = [response[ago + last - 1 - a] ?? 0, response[ago + last - 1 - b] ?? 0];
              variance += (ra * rb * C * ((a === b ? P / sizes[a] : 0) - 1)) / (P - 1);
            }
        }
        return variance;
      };
      const mean = sizes.reduce((sum, _, j) => sum + at(j + 1), 0) / N;
      const found = epochVariance(h, C, rate, sizes, mu);
      expect(found.end / at(N)).toBeCloseTo(1, 9);
      expect(found.mean / mean).toBeCloseTo(1, 9);
    },
  );
  test('under shuffling: a batch of all samples has no noise, and no rate beyond stability an answer', () => {
    expect(epochVariance(0.5, 1, 0.1, [12]).mean).toBe(0);
    expect(epochVariance(21, 1, 0.1, [6, 6]).mean).toBeNaN();
    expect(epochVariance(0, 1, 0.1, [6, 6]).mean).toBeNaN();
  });
});
