/** The leading eigenpairs by filtered subspace iteration against the whole decomposition, from starts that know nothing and that know something else. */
import { expect, test } from 'vitest';
import { fullBelow, leadingPairs } from '../../../src/engine/curvature/leading.ts';
import { Random } from '../../../src/shared/random.ts';
import { engines } from '../../support/engines.ts';
import { describeWhere } from '../../support/skips.ts';

const d = fullBelow + 20;

for (const engine of engines)
  describeWhere(engine.available, `leading eigenpairs, ${engine.title}`, () => {
    test.each([
      { name: 'decaying over four decades', at: (i: number) => 10 ** ((-4 * i) / d), lowest: 0 },
      { name: 'with negative ones', at: (i: number) => 10 ** ((-4 * i) / d) - 0.02, lowest: -0.03 },
    ])('$name', async ({ at, lowest }) => {
      const blas = await engine.open();
      const random = new Random(1, 'leading');
      // A random rotation of a known spectrum: rows of the eigenvectors of a random symmetric matrix.
      const vectors = blas.allocate('float64', d * d) as Float64Array;
      for (let i = 0; i < d; i++)
        for (let j = 0; j <= i; j++) vectors[i * d + j] = vectors[j * d + i] = random.normal();
      blas.eigh(d, vectors, blas.allocate('float64', d) as Float64Array);
      const scaled = blas.allocate('float64', d * d);
      for (let i = 0; i < d; i++) for (let j = 0; j < d; j++) scaled[i * d + j] = at(i) * vectors[i * d + j];
      const matrix = blas.allocate('float64', d * d);
      blas.gemm(true, false, d, d, d, 1, vectors, d, scaled, d, 0, matrix, d);
      const [count, wanted] = [80, 40];
      const start = blas.allocate('float64', count * d);
      for (let k = 0; k < start.length; k++) start[k] = random.normal();
      const out = blas.allocate('float64', count * d);
      const { values, residual } = leadingPairs(
        { blas },
        {
          d,
          matrix: blas.reference(matrix),
          start: blas.reference(start),
          count,
          wanted,
          lowest,
          vectors: blas.reference(out),
        },
      );
      expect(residual).toBeLessThan(2e-2);
      for (let i = 0; i < wanted; i++) {
        expect(Math.abs(values[i] / at(i) - 1), `value ${i}`).toBeLessThan(1e-3);
        // Squared overlaps with the true vectors within 5 ranks: neighbours mix first.
        let near = 0;
        for (let k = Math.max(0, i - 5); k <= i + 5; k++) {
          let dot = 0;
          for (let j = 0; j < d; j++) dot += out[i * d + j] * vectors[k * d + j];
          near += dot * dot;
        }
        expect(near, `vector ${i}`).toBeGreaterThan(0.99);
      }
    });
  });
