/** Duality and assumptions along the found directions: with all of them found they are the exact method's; for shared weights G is the Gauss-Newton of the reference. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { measureExact } from '../../../src/engine/curvature/exact.ts';
import { measureProjected } from '../../../src/engine/curvature/projected/measure.ts';
import { openWasmBlas } from '../../../src/engine/blas/wasm.ts';
import { Pool } from '../../../src/engine/parallel/pool.ts';
import { shared } from '../../../src/engine/parallel/shared.ts';
import { loadKernels } from '../../../src/main/blas-module.ts';
import {
  clusterMeans,
  dataOf,
  disagreement,
  flat,
  modelOf,
  readReference,
  referenceAvailable,
} from '../../support/reference.ts';
import { describeWhere } from '../../support/skips.ts';
import { gap } from '../network/support.ts';
import { randomProblem } from '../../oracle/problem.ts';
import type { ProblemCase } from '../../oracle/problem.ts';

let pool: Pool;
beforeAll(async () => {
  pool = new Pool(await openWasmBlas(loadKernels()), { threads: 2 });
});
afterAll(() => pool.close());

describe('all directions found', () => {
  const rows: readonly ProblemCase[] = [
    { activation: 'tanh', loss: 'cross-entropy', bias: true, sizes: [4, 5, 4, 3], seed: 3 },
    { activation: 'relu', loss: 'mse', bias: false, sizes: [5, 6, 4, 3], seed: 4 },
  ];
  test.each(rows)('$activation, $loss: equal to the exact method', async (row) => {
    const { network, model, inputs, targets } = randomProblem(row, 80);
    const input = {
      model,
      weights: new Map(
        Object.entries(network.weights).map(([name, values]) => [name, shared(Float64Array.from(values))]),
      ),
      inputs: shared(Float64Array.from(inputs.flat())),
      targets: shared(Float64Array.from(targets.flat())),
      classes: row.loss === 'cross-entropy',
    };
    const common = { parameter: 'fc2.kernel', seed: 2, duality: true, assumptions: true };
    const exact = await measureExact(pool, input, { ...common, libraryThreads: 1 });
    const found = await measureProjected(pool, input, { ...common, top: 1000, tolerance: 1e-10 });
    const eigenvalues = [...exact.arrays.eigenvalues];
    for (const key of [
      'C_dual_diagonal',
      'dual_spread',
      'C_dual_within_diagonal',
      'dual_within_spread',
      'G_diagonal',
      'F_diagonal',
      'E_diagonal',
    ] as const) {
      const [x, y] = [found.arrays[key], exact.arrays[key]];
      expect(x === undefined, key).toBe(y === undefined);
      if (x !== undefined && y !== undefined)
        expect(gap(clusterMeans(eigenvalues, x), clusterMeans(eigenvalues, y)), key).toBeLessThan(1e-7);
    }
    const [dual, other] = [found.summary.duality, exact.summary.duality];
    for (const kind of ['all', 'within', 'across'] as const) {
      expect(dual?.moments[kind] === undefined).toBe(other?.moments[kind] === undefined);
      const [a, b] = [dual?.moments[kind], other?.moments[kind]];
      if (a === undefined || b === undefined) continue;
      expect(a.trace_ratio / b.trace_ratio).toBeCloseTo(1, 9);
      expect(a.trace_ratio_interval?.[0]).toBeCloseTo(b.trace_ratio_interval?.[0] ?? NaN, 6);
      expect(a.rows[1].isotropy.slope).toBeCloseTo(b.rows[1].isotropy.slope ?? NaN, 6);
    }
    expect(dual?.residuals).toEqual(other?.residuals);
    const [columns, expected] = [found.summary.assumptions?.columns ?? [], exact.summary.assumptions?.columns ?? []];
    expect(found.summary.assumptions?.within).toBe('span');
    expect(columns.map(({ matrices }) => matrices)).toEqual(expected.map(({ matrices }) => matrices));
    for (const [c, column] of columns.entries()) {
      const name = column.matrices.join();
      expect(column.cosine, name).toBeCloseTo(expected[c].cosine, 7);
      expect(column.commutator_ratio, name).toBeCloseTo(expected[c].commutator_ratio, 6);
      expect(column.commutator_baseline.mean, name).toBeCloseTo(expected[c].commutator_baseline.mean, 1);
      for (const estimand of ['training_set', 'cross_fitted'] as const) {
        const [a, b] = [column.rows[estimand][1], expected[c].rows[estimand][1]];
        expect(a.n, name).toBe(b.n);
        expect(a.slope ?? 0, `${name} ${estimand}`).toBeCloseTo(b.slope ?? 0, 5);
        expect(a.slope === null).toBe(b.slope === null);
        expect(a.interval?.[0] ?? 0, `${name} ${estimand}`).toBeCloseTo(b.interval?.[0] ?? 0, 4);
      }
    }
    exact.release();
  });
});

describeWhere(referenceAvailable, 'shared weights', () => {
  test.each([
    ['cnn-relu-cross-entropy', 'conv1.kernel', true],
    ['transformer-cross-entropy', 'attn.query.kernel', false],
  ] as const)('%s: %s', async (name, parameter, holds) => {
    const file = readReference(name);
    const model = modelOf(file);
    const { inputs, targets, classes } = dataOf(file, 4);
    const reference = file.measurements.find((each) => each.parameter === parameter)!;
    const input = {
      model,
      weights: new Map(Object.entries(file.weights).map(([key, values]) => [key, flat(values)])),
      inputs: shared(inputs),
      targets: shared(targets),
      classes,
    };
    const { arrays, summary } = await measureProjected(pool, input, {
      parameter,
      seed: 1,
      top: 1000,
      duality: true,
      assumptions: true,
    });
    const d = reference.eigenvalues.length;
    const along = Array.from({ length: d }, (_, i) => {
      const v = arrays.vectors.subarray(i * d, (i + 1) * d);
      return reference.gauss_newton.reduce(
        (sum, row, r) => sum + v[r] * row.reduce((total, x, c) => total + x * v[c], 0),
        0,
      );
    });
    expect(
      disagreement(
        clusterMeans(reference.eigenvalues, arrays.G_diagonal ?? []),
        clusterMeans(reference.eigenvalues, along),
      ),
    ).toBeLessThan(1e-9);
    const [FG, GH] = summary.assumptions?.identities ?? [];
    expect(FG).toMatchObject({ matrices: ['F', 'G'], equal: true, expected: true });
    expect(GH).toMatchObject({ matrices: ['G', 'H'], equal: holds, expected: holds });
    expect(summary.duality).toBeUndefined();
    expect(summary.duality_unavailable).toMatch(
      holds ? /conv1 \(conv2d\) sees 36 vectors a sample.*one vector a sample/ : /attn \(attention\)/,
    );
  });
});
