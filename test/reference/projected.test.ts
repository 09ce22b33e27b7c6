/**
 * Projected measurements with all directions against the reference values, on every BLAS: every parameter of every file, shared weights or not, to 1e-6 as
 * docs/theory.md defines agreement.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { measureProjected } from '../../src/engine/curvature/projected/measure.ts';
import { Pool } from '../../src/engine/parallel/pool.ts';
import { shared } from '../../src/engine/parallel/shared.ts';
import { engines } from '../support/engines.ts';
import {
  clusterMeans,
  dataOf,
  disagreement,
  flat,
  modelOf,
  readReference,
  referenceAvailable,
  referenceNames,
} from '../support/reference.ts';
import { describeWhere } from '../support/skips.ts';

const tolerance = 1e-6;

for (const engine of engines) {
  const available = referenceAvailable === true ? engine.available : referenceAvailable;
  describeWhere(available, `projected measurement against reference values, ${engine.title}`, () => {
    let pool: Pool;
    beforeAll(async () => {
      pool = new Pool(await engine.open(), { threads: 2 });
    });
    afterAll(() => pool.close());

    for (const name of ['mlp-', 'cnn-', 'resnet-', 'transformer-'].flatMap(referenceNames)) {
      const file = readReference(name);
      const model = modelOf(file);
      for (const reference of file.measurements) {
        test(`${name}: ${reference.parameter}`, async () => {
          const outputs = model.layers.findLast((each) => each.type === 'dense')?.units ?? 0;
          const { inputs, targets, classes } = dataOf(file, outputs);
          const d = reference.eigenvalues.length;
          const { arrays, summary } = await measureProjected(
            pool,
            {
              model,
              weights: new Map(Object.entries(file.weights).map(([key, values]) => [key, flat(values)])),
              inputs: shared(inputs),
              targets: shared(targets),
              classes,
            },
            { parameter: reference.parameter, seed: 1, top: d },
          );
          expect(disagreement(arrays.eigenvalues, reference.eigenvalues), 'eigenvalues').toBeLessThan(tolerance);
          expect(disagreement(arrays.mean_gradient, reference.mean_gradient), 'mean_gradient').toBeLessThan(1e-9);
          for (const key of ['C_diagonal', 'Q_diagonal'] as const) {
            const means = clusterMeans(reference.eigenvalues, reference[key]);
            expect(disagreement(clusterMeans(reference.eigenvalues, arrays[key]), means), key).toBeLessThan(tolerance);
          }
          expect(summary.projected?.k).toBe(d);
          expect(summary.projected?.converged).toBe(true);
          expect(summary.projected?.orthogonality).toBeLessThan(1e-12);
          // Every null direction beyond the first Krylov space starts from a random vector: conv1 of the CNN has 27 of 54.
          const vanishing = reference.eigenvalues.filter((x) => Math.abs(x) < 1e-13 * reference.eigenvalues[0]).length;
          if (name.startsWith('cnn-') && reference.parameter === 'conv1.kernel') expect(vanishing).toBe(27);
          if (vanishing > 2) expect(summary.projected?.breakdowns).toBeGreaterThanOrEqual(vanishing - 2);
          expect(summary.projected?.largest_residual).toBeLessThan(1e-10 * reference.eigenvalues[0]);
          expect(summary.loss).toBeCloseTo(reference.loss, 12);
          expect(summary.commutator_ratio).toBeCloseTo(reference.commutator_ratio, 8);
          expect(summary.cosine_CH).toBeCloseTo(reference.cosine_CH, 9);
          expect(summary.cosine_CQ).toBeCloseTo(reference.cosine_CQ, 9);
          const traceOf = (matrix: readonly (readonly number[])[]): number =>
            matrix.reduce((sum, row, i) => sum + row[i], 0);
          for (const key of ['C', 'H', 'Q'] as const)
            expect(summary.trace[key] / traceOf(reference[key]), `trace ${key}`).toBeCloseTo(1, 9);
        });
      }
    }
  });
}
