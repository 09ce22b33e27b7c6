/** The numbers behind "noise at work" against dense loops over the stored matrices, and against the closed form of linear regression. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { measureExact } from '../../../src/engine/curvature/exact.ts';
import { Pool } from '../../../src/engine/parallel/pool.ts';
import { shared } from '../../../src/engine/parallel/shared.ts';
import { judgeClaims } from '../../../src/shared/claims.ts';
import {
  linearlyStableRate,
  lossScaledAlignment,
  lossScaledByGaussNewton,
  lossScaledTrace,
  residualSlope,
} from '../../../src/shared/noise-at-work.ts';
import { parseModel } from '../../../src/shared/model.ts';
import { Random } from '../../../src/shared/random.ts';
import { engines } from '../../support/engines.ts';
import { describeWhere } from '../../support/skips.ts';

for (const engine of engines)
  describeWhere(engine.available, `noise at work, ${engine.title}`, () => {
    let pool: Pool;
    beforeAll(async () => {
      pool = new Pool(await engine.open(), { threads: 1 });
    });
    afterAll(() => pool.close());

    test('the linear stability of scalar samples h = 0 and 2, one at a time: eta <= 1', async () => {
      const inputs = shared(Float64Array.from({ length: 8 }, (_, p) => (p % 2 === 0 ? 0 : Math.SQRT2)));
      const { summary, release } = await measureExact(
        pool,
        {
          model: parseModel({
            input: [1],
            loss: 'mse',
            layers: [{ type: 'dense', name: 'fc', units: 1, bias: false }],
          }),
          weights: new Map([['fc.kernel', Float64Array.of(0.3)]]),
          inputs,
          targets: shared(new Float64Array(8)),
          classes: false,
        },
        { parameter: 'fc.kernel', seed: 1, libraryThreads: 1, intervals: false },
      );
      release();
      const { rates } = summary.noise_at_work!.linear_stability!;
      expect(rates[0]).toEqual({ batch: 1, rate: expect.closeTo(1, 12) as number });
      expect(rates.at(-1)).toEqual({ batch: 8, rate: expect.closeTo(2, 12) as number });
      expect(linearlyStableRate(summary.noise_at_work!.linear_stability, 1)?.high).toBeCloseTo(1, 12);
    });

    test('of linear regression at a displacement: C, H and Q in closed form', async () => {
      // y = w . x with targets w* . x: h_p = x x^T, g_p = x (x . e).
      const [d, samples] = [6, 400];
      const random = new Random(3, 'noise at work');
      const x = Array.from({ length: samples }, () => Array.from({ length: d }, (_, i) => random.normal() * 2 ** -i));
      const e = Array.from({ length: d }, () => random.normal());
      const along = x.map((row) => row.reduce((sum, value, i) => sum + value * e[i], 0));
      const { summary, release } = await measureExact(
        pool,
        {
          model: parseModel({
            input: [d],
            loss: 'mse',
            layers: [{ type: 'dense', name: 'fc', units: 1, bias: false }],
          }),
          weights: new Map([['fc.kernel', Float64Array.from(e)]]),
          inputs: shared(Float64Array.from(x.flat())),
          targets: shared(new Float64Array(samples)),
          classes: false,
        },
        { parameter: 'fc.kernel', seed: 1, libraryThreads: 1 },
      );
      release();
      const noise = summary.noise_at_work!;
      const mean = (of: (p: number, i: number, j: number) => number): number[][] =>
        Array.from({ length: d }, (_, i) =>
          Array.from({ length: d }, (_, j) => x.reduce((sum, _, p) => sum + of(p, i, j), 0) / samples),
        );
      const H = mean((p, i, j) => x[p][i] * x[p][j]);
      const g = H.map((row) => row.reduce((sum, value, j) => sum + value * e[j], 0));
      const C = mean((p, i, j) => along[p] ** 2 * x[p][i] * x[p][j]).map((row, i) =>
        row.map((v, j) => v - g[i] * g[j]),
      );
      const Q = mean((p, i, j) => x[p].reduce((sum, v) => sum + v * v, 0) * x[p][i] * x[p][j]);
      const both = (A: number[][], B: number[][]): number =>
        A.reduce((sum, row, i) => sum + row.reduce((part, v, j) => part + v * B[i][j], 0), 0);
      expect(noise.outputs).toBe(1);
      expect(noise.trace_CH / both(C, H)).toBeCloseTo(1, 10);
      expect(noise.norm_H / both(H, H)).toBeCloseTo(1, 10);
      const curvature = g.reduce((sum, v, i) => sum + v * H[i].reduce((part, h, j) => part + h * g[j], 0), 0);
      expect(noise.gradient_curvature / curvature).toBeCloseTo(1, 10);
      // Largest eigenvalue of Q - H^2 by plain power iteration.
      const variance = Q.map((row, i) => row.map((v, j) => v - H[i].reduce((sum, h, k) => sum + h * H[k][j], 0)));
      let v = e.map(() => 1);
      let largest = 0;
      for (let step = 0; step < 500; step++) {
        const moved = variance.map((row) => row.reduce((sum, value, j) => sum + value * v[j], 0));
        largest = Math.hypot(...moved);
        v = moved.map((value) => value / largest);
      }
      expect(noise.curvature_variance / largest).toBeCloseTo(1, 8);
      // One output: tr C / (2 L tr H) is that of the samples themselves.
      const loss = along.reduce((sum, value) => sum + value ** 2 / 2, 0) / samples;
      expect(lossScaledTrace(summary.trace.C, summary.trace.H, summary.loss, 1)).toBeCloseTo(
        C.reduce((sum, row, i) => sum + row[i], 0) / (2 * loss * H.reduce((sum, row, i) => sum + row[i], 0)),
        10,
      );
      // The largest eta with lambda_max[(I - eta H)^2 + eta^2 p (Q - H^2)] <= 1, by bisection on dense matrices.
      const { rates, directions, negative, converged } = noise.linear_stability!;
      expect([directions, negative, converged]).toEqual([d, 0, true]);
      for (const { batch, rate } of rates) {
        const p = (samples - batch) / (batch * (samples - 1));
        const grows = (eta: number): boolean => {
          const M = H.map((row, i) =>
            row.map((value, j) => {
              const square = row.reduce((sum, h, k) => sum + h * H[k][j], 0);
              return (i === j ? 1 : 0) - 2 * eta * value + eta * eta * (square + p * variance[i][j]);
            }),
          ).flat();
          const [matrix, values] = [pool.blas.allocate('float64', d * d), pool.blas.allocate('float64', d)] as [
            Float64Array,
            Float64Array,
          ];
          matrix.set(M);
          pool.blas.eigh(d, matrix, values);
          return values[d - 1] > 1 + 1e-13;
        };
        let [low, high] = [0, 100];
        for (let k = 0; k < 80; k++)
          [low, high] = grows((low + high) / 2) ? [low, (low + high) / 2] : [(low + high) / 2, high];
        expect(rate / low).toBeCloseTo(1, 7);
      }
      expect(rates.at(-1)).toEqual({
        batch: samples,
        rate: expect.closeTo(2 / summary.eigenvalues.largest, 10) as number,
      });
      const [widest] = noise.takeuchi.slice(-1);
      expect(widest.n).toBeLessThanOrEqual(d);
      expect(widest.sum).toBeGreaterThan(0);
    });

    const dense = (inputs: number, units: number, loss: string, more: readonly object[] = []) =>
      parseModel({ input: [inputs], loss, layers: [{ type: 'dense', name: 'fc', units, bias: false }, ...more] });

    test('isotropic residuals under mean squared error: C = (2 L / K) H, the prefactor 2 L / K and nothing left of the slope', async () => {
      // K copies of one regression at its optimum, with independent residuals.
      const [d, K, samples] = [40, 3, 6000];
      const random = new Random(5, 'copies');
      const inputs = Float64Array.from(
        { length: samples * d },
        (_, at) => 10 ** ((-0.9 * (at % d)) / d) * random.normal(),
      );
      const targets = Float64Array.from({ length: samples * K }, () => 0.7 * random.normal());
      const { summary, release } = await measureExact(
        pool,
        {
          model: dense(d, K, 'mse'),
          weights: new Map([['fc.kernel', new Float64Array(d * K)]]),
          inputs: shared(inputs),
          targets: shared(targets),
          classes: false,
        },
        { parameter: 'fc.kernel', seed: 1, libraryThreads: 1 },
      );
      release();
      const noise = summary.noise_at_work!;
      expect(noise.outputs).toBe(K);
      expect(Math.abs(lossScaledTrace(summary.trace.C, summary.trace.H, summary.loss, K) - 1)).toBeLessThan(0.05);
      expect(Math.abs(lossScaledAlignment(noise, summary.loss) - 1)).toBeLessThan(0.05);
      // Without K it would be a third.
      expect(lossScaledTrace(summary.trace.C, summary.trace.H, summary.loss, 1)).toBeLessThan(0.4);
      // H = G: nothing to add.
      expect(lossScaledByGaussNewton(noise, summary.trace.C, summary.loss)).toBeNull();
      expect(Math.abs(residualSlope(summary)!)).toBeLessThan(0.03);
      const { numbers } = judgeClaims(summary).find(({ claim }) => claim === 'Q_rather_than_H')!;
      const value = (name: string) =>
        numbers.find((each) => each.name === name && each.estimand !== 'cross_fitted')!.value!;
      expect(value('prefactor_loss')).toBeCloseTo((2 * summary.loss) / K, 12);
      expect(Math.abs(value('prefactor_on_H') / value('prefactor_loss') - 1)).toBeLessThan(0.05);
      expect(value('prefactor_fisher')).toBe(1);
    });

    test('a classifier whose labels are drawn from itself: C = H, the prefactor 1 of the Fisher identity', async () => {
      const [d, K, samples] = [20, 3, 6000];
      const random = new Random(6, 'own labels');
      const inputs = Float64Array.from(
        { length: samples * d },
        (_, at) => 10 ** ((-0.9 * (at % d)) / d) * random.normal(),
      );
      const weights = Float64Array.from({ length: d * K }, () => 0.5 * random.normal());
      const targets = new Float64Array(samples * K);
      for (let p = 0; p < samples; p++) {
        const scores = Array.from({ length: K }, (_, k) => {
          let sum = 0;
          for (let i = 0; i < d; i++) sum += inputs[p * d + i] * weights[i * K + k];
          return Math.exp(sum);
        });
        let left = random.uniform() * scores.reduce((sum, x) => sum + x, 0);
        let label = 0;
        while (label < K - 1 && left >= scores[label]) left -= scores[label++];
        targets[p * K + label] = 1;
      }
      const { summary, release } = await measureExact(
        pool,
        {
          model: dense(d, K, 'cross-entropy'),
          weights: new Map([['fc.kernel', weights]]),
          inputs: shared(inputs),
          targets: shared(targets),
          classes: true,
        },
        { parameter: 'fc.kernel', seed: 1, libraryThreads: 1 },
      );
      release();
      expect(Math.abs(summary.trace.C / summary.trace.H - 1)).toBeLessThan(0.05);
      expect(Math.abs(residualSlope(summary)!)).toBeLessThan(0.05);
      const { numbers } = judgeClaims(summary).find(({ claim }) => claim === 'Q_rather_than_H')!;
      const level = numbers.find(({ name, estimand }) => name === 'prefactor_on_H' && estimand === 'training_set')!;
      expect(Math.abs(level.value! - 1)).toBeLessThan(0.05);
    });

    test('the Gauss-Newton part for H where they differ: against dense loops, and 1 for isotropic residuals', async () => {
      // y = tanh(W^T x), targets y + noise: G = E[J^T J], C = s^2 G up to sampling; H has the residuals' curvature too.
      const [d, K, samples, s] = [12, 3, 4000, 0.6];
      const random = new Random(7, 'gauss-newton');
      const inputs = Float64Array.from({ length: samples * d }, (_, at) => 2 ** (-(at % d) / 2) * random.normal());
      const weights = Float64Array.from({ length: d * K }, () => 0.6 * random.normal());
      const targets = new Float64Array(samples * K);
      const slopes = new Float64Array(samples * K);
      for (let p = 0; p < samples; p++)
        for (let k = 0; k < K; k++) {
          let z = 0;
          for (let i = 0; i < d; i++) z += inputs[p * d + i] * weights[i * K + k];
          targets[p * K + k] = Math.tanh(z) + s * random.normal();
          slopes[p * K + k] = 1 - Math.tanh(z) ** 2;
        }
      const { summary, arrays, release } = await measureExact(
        pool,
        {
          model: dense(d, K, 'mse', [{ type: 'activation', function: 'tanh' }]),
          weights: new Map([['fc.kernel', weights]]),
          inputs: shared(inputs),
          targets: shared(targets),
          classes: false,
        },
        { parameter: 'fc.kernel', seed: 1, libraryThreads: 1 },
      );
      const C = Float64Array.from(arrays.C);
      release();
      // G: outputs are independent of each other, so it is K blocks E[x x^T slope_k^2].
      const G = (row: number, column: number): number => {
        const [i, k, j, l] = [Math.floor(row / K), row % K, Math.floor(column / K), column % K];
        if (k !== l) return 0;
        let sum = 0;
        for (let p = 0; p < samples; p++) sum += inputs[p * d + i] * inputs[p * d + j] * slopes[p * K + k] ** 2;
        return sum / samples;
      };
      let [trace, traceC, norm] = [0, 0, 0];
      for (let row = 0; row < d * K; row++)
        for (let column = 0; column < d * K; column++) {
          const value = G(row, column);
          if (row === column) trace += value;
          traceC += value * C[row * d * K + column];
          norm += value ** 2;
        }
      const { gauss_newton: found } = summary.noise_at_work!;
      expect(found!.trace / trace).toBeCloseTo(1, 10);
      expect(found!.trace_C / traceC).toBeCloseTo(1, 10);
      expect(found!.norm / norm).toBeCloseTo(1, 10);
      const byG = lossScaledByGaussNewton(summary.noise_at_work!, summary.trace.C, summary.loss)!;
      expect(Math.abs(byG.trace - 1)).toBeLessThan(0.05);
      expect(Math.abs(byG.alignment - 1)).toBeLessThan(0.05);
    });
  });
