/** Exact measurements against the reference values, on every BLAS: agreement to 1e-9 as docs/theory.md defines it. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { measureExact } from '../../src/engine/curvature/exact.ts';
import type { ExactResult } from '../../src/engine/curvature/exact.ts';
import { Pool } from '../../src/engine/parallel/pool.ts';
import { shared } from '../../src/engine/parallel/shared.ts';
import { engines } from '../support/engines.ts';
import {
  clusterMeans,
  dataOf,
  disagreement,
  flat,
  modelOf,
  outputsOf,
  readReference,
  referenceAvailable,
  referenceNames,
  seesOneVector,
} from '../support/reference.ts';
import { describeWhere } from '../support/skips.ts';

const tolerance = 1e-9;

for (const engine of engines) {
  const available = referenceAvailable === true ? engine.available : referenceAvailable;
  describeWhere(available, `exact measurement against reference values, ${engine.title}`, () => {
    let pool: Pool;
    beforeAll(async () => {
      pool = new Pool(await engine.open(), { threads: 2 });
    });
    afterAll(() => pool.close());

    for (const name of ['mlp-', 'cnn-', 'resnet-', 'transformer-'].flatMap(referenceNames)) {
      const file = readReference(name);
      const model = modelOf(file);
      for (const reference of file.measurements.filter((each) => seesOneVector(model, each.parameter))) {
        test(`${name}: ${reference.parameter}`, async () => {
          const outputs = outputsOf(file.weights);
          const { inputs, targets, classes } = dataOf(file, outputs);
          const result: ExactResult = await measureExact(
            pool,
            {
              model,
              weights: new Map(Object.entries(file.weights).map(([key, values]) => [key, flat(values)])),
              inputs: shared(inputs),
              targets: shared(targets),
              classes,
            },
            { parameter: reference.parameter, seed: 1, libraryThreads: 1 },
          );
          const { arrays, summary } = result;
          for (const key of ['C', 'H', 'Q', 'gauss_newton', 'mean_gradient', 'eigenvalues'] as const) {
            expect(disagreement(arrays[key], flat(reference[key])), key).toBeLessThan(tolerance);
          }
          for (const key of ['C_diagonal', 'Q_diagonal'] as const) {
            const means = clusterMeans(reference.eigenvalues, reference[key]);
            expect(disagreement(clusterMeans(reference.eigenvalues, arrays[key]), means), key).toBeLessThan(tolerance);
          }
          expect(summary.loss).toBeCloseTo(reference.loss, 12);
          expect(summary.commutator_ratio).toBeCloseTo(reference.commutator_ratio, 8);
          expect(summary.cosine_CH).toBeCloseTo(reference.cosine_CH, 10);
          expect(summary.cosine_CQ).toBeCloseTo(reference.cosine_CQ, 10);
          result.release();
        });
      }
    }
  });
}
