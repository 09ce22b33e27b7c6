/** The exact measurement against the repository's own oracle; always runs. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { measureExact } from '../../src/engine/curvature/exact.ts';
import { Pool } from '../../src/engine/parallel/pool.ts';
import { shared } from '../../src/engine/parallel/shared.ts';
import { engines } from '../support/engines.ts';
import { clusterMeans, disagreement } from '../support/reference.ts';
import { describeWhere } from '../support/skips.ts';
import { jacobiEigen, oracleMoments } from './oracle.ts';
import { randomProblem } from './problem.ts';
import type { ProblemCase } from './problem.ts';

const cases: readonly ProblemCase[] = [
  { activation: 'relu', loss: 'cross-entropy', bias: false, sizes: [4, 4, 3, 3], seed: 1 },
  { activation: 'relu', loss: 'mse', bias: true, sizes: [3, 4, 2], seed: 2 },
  { activation: 'tanh', loss: 'cross-entropy', bias: true, sizes: [3, 4, 3, 3], seed: 3 },
  { activation: 'sigmoid', loss: 'mse', bias: true, sizes: [4, 3, 3, 2], seed: 4 },
  { activation: 'gelu', loss: 'mse', bias: false, sizes: [3, 3, 4, 2], seed: 5 },
  { activation: 'softplus', loss: 'cross-entropy', bias: true, sizes: [2, 5, 3], seed: 6 },
  { activation: 'identity', loss: 'cross-entropy', bias: false, sizes: [4, 3, 2], seed: 7 },
];
const samples = 9;
const tolerance = 1e-10;

for (const engine of engines) {
  describeWhere(engine.available, `exact measurement against the oracle, ${engine.title}`, () => {
    let pool: Pool;
    beforeAll(async () => {
      pool = new Pool(await engine.open(), { threads: 2 });
    });
    afterAll(() => pool.close());

    for (const row of cases) {
      const title = `${row.sizes.join('-')} ${row.activation}, ${row.loss}${row.bias ? ', bias' : ''}`;
      test(title, async () => {
        const { network, model, inputs, targets } = randomProblem(row, samples);
        for (const parameter of Object.keys(network.weights)) {
          const expected = oracleMoments(network, parameter, inputs, targets);
          const d = network.weights[parameter].length;
          const result = await measureExact(
            pool,
            {
              model,
              weights: new Map(
                Object.entries(network.weights).map(([name, values]) => [name, Float64Array.from(values)]),
              ),
              inputs: shared(Float64Array.from(inputs.flat())),
              targets: shared(Float64Array.from(targets.flat())),
              classes: row.loss === 'cross-entropy',
            },
            { parameter, seed: row.seed, libraryThreads: 1 },
          );
          for (const key of ['C', 'H', 'Q', 'mean_gradient'] as const) {
            expect(disagreement(result.arrays[key], expected[key]), `${parameter} ${key}`).toBeLessThan(tolerance);
          }
          expect(result.summary.loss).toBeCloseTo(expected.loss, 12);
          const { values, vectors } = jacobiEigen(expected.H, d);
          expect(disagreement(result.arrays.eigenvalues, values), `${parameter} eigenvalues`).toBeLessThan(tolerance);
          for (const [key, matrix] of [
            ['C_diagonal', expected.C],
            ['Q_diagonal', expected.Q],
          ] as const) {
            const along = vectors.map((v) => quadratic(matrix, v));
            expect(
              disagreement(clusterMeans(values, result.arrays[key]), clusterMeans(values, along)),
              `${parameter} ${key}`,
            ).toBeLessThan(1e-8);
          }
          result.release();
        }
      });
    }
  });
}

function quadratic(matrix: readonly number[], v: readonly number[]): number {
  const d = v.length;
  let sum = 0;
  for (let i = 0; i < d; i++) for (let j = 0; j < d; j++) sum += v[i] * matrix[i * d + j] * v[j];
  return sum;
}
