/** Stochastic Lanczos quadrature against the eigenvalues of a known matrix. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { lanczosDensity } from '../../../../src/engine/curvature/projected/density.ts';
import { Pool } from '../../../../src/engine/parallel/pool.ts';
import { engines } from '../../../support/engines.ts';
import { describeWhere } from '../../../support/skips.ts';

/** A diagonal matrix: 180 eigenvalues at 0, 100 spread over [1, 2], 20 at -0.5. */
const eigenvalues = Float64Array.from({ length: 300 }, (_, i) => (i < 180 ? 0 : i < 280 ? 1 + (i - 180) / 99 : -0.5));
const apply = (v: ArrayLike<number>, out: Float64Array | Float32Array): Promise<void> => {
  for (let i = 0; i < eigenvalues.length; i++) out[i] = eigenvalues[i] * v[i];
  return Promise.resolve();
};

for (const engine of engines) {
  describeWhere(engine.available, `spectral density, ${engine.title}`, () => {
    let pool: Pool;
    beforeAll(async () => {
      pool = new Pool(await engine.open(), { threads: 1 });
    });
    afterAll(() => pool.close());

    test('moments and the share of every part lie within four standard errors; the density integrates to 1', async () => {
      const d = eigenvalues.length;
      const found = await lanczosDensity(pool, d, apply, { seed: 1, steps: 40, vectors: 30 });
      const mean = (power: number): number => eigenvalues.reduce((sum, x) => sum + x ** power, 0) / d;
      expect(Math.abs(found.mean.value - mean(1))).toBeLessThan(4 * found.mean.standardError);
      expect(Math.abs(found.meanSquare.value - mean(2))).toBeLessThan(4 * found.meanSquare.standardError);
      const step = found.x[1] - found.x[0];
      const between = (low: number, high: number): number =>
        found.density.reduce((sum, y, i) => sum + (found.x[i] >= low && found.x[i] < high ? y * step : 0), 0);
      expect(between(-Infinity, Infinity)).toBeCloseTo(1, 3);
      // A share s estimated from 30 vectors of 300 normal deviates: standard error about sqrt(2 s (1 - s) / 300 / 30) <= 0.0075.
      expect(Math.abs(between(-1, -0.25) - 20 / 300)).toBeLessThan(0.02);
      expect(Math.abs(between(-0.25, 0.5) - 180 / 300)).toBeLessThan(0.03);
      expect(Math.abs(between(0.5, 3) - 100 / 300)).toBeLessThan(0.03);
      for (const [z, weights] of found.weights.entries()) {
        expect(weights.reduce((sum, w) => sum + w, 0)).toBeCloseTo(1, 12);
        expect(found.nodes[z][0]).toBeGreaterThan(-0.5 - 1e-12);
      }
    });

    test('few distinct eigenvalues end the search early and exactly', async () => {
      const two = (v: ArrayLike<number>, out: Float64Array | Float32Array): Promise<void> => {
        for (let i = 0; i < 20; i++) out[i] = (i < 5 ? 3 : 1) * v[i];
        return Promise.resolve();
      };
      const found = await lanczosDensity(pool, 20, two, { seed: 1, vectors: 4 });
      for (const nodes of found.nodes) {
        expect(nodes.length).toBe(2);
        expect(nodes[0]).toBeCloseTo(1, 12);
        expect(nodes[1]).toBeCloseTo(3, 12);
      }
    });
  });
}
