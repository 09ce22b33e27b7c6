/** The numbers behind "noise at work" against dense loops over the stored matrices, and against the closed form of linear regression. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { measureExact } from '../../../src/engine/curvature/exact.ts';
import { Pool } from '../../../src/engine/parallel/pool.ts';
import { shared } from '../../../src/engine/parallel/shared.ts';
import { lossScaledTrace } from '../../../src/shared/noise-at-work.ts';
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
      const [widest] = noise.takeuchi.slice(-1);
      expect(widest.n).toBeLessThanOrEqual(d);
      expect(widest.sum).toBeGreaterThan(0);
    });
  });
