/** The projected method against the exact one, a dense eigendecomposition and finite differences; and what it does where spectra are awkward. */
import type { MeasurementInput } from '../../../src/engine/curvature/measurement-input.ts';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parseModel } from '../../../src/shared/model.ts';
import { InputError } from '../../../src/shared/errors.ts';
import { calibratedAt, notCalibrated, oneSplit } from '../../../src/shared/calibration-notes.ts';
import type { MeasurementSummary } from '../../../src/shared/results.ts';
import { Random } from '../../../src/shared/random.ts';
import { CpuBackend, dataOf } from '../../../src/engine/backend/cpu.ts';
import { measureExact } from '../../../src/engine/curvature/exact.ts';
import { measureLayer } from '../../../src/engine/curvature/measure-layer.ts';
import { lanczos } from '../../../src/engine/curvature/projected/lanczos.ts';
import { measureProjected } from '../../../src/engine/curvature/projected/measure.ts';
import { openSession } from '../../../src/engine/curvature/projected/session.ts';
import { measureWithin } from '../../../src/engine/curvature/projected/within.ts';
import { Network } from '../../../src/engine/network/network.ts';
import { Pool } from '../../../src/engine/parallel/pool.ts';
import { shared } from '../../../src/engine/parallel/shared.ts';
import { engines } from '../../support/engines.ts';
import { describeWhere } from '../../support/skips.ts';
import { centralDifference, Collector, gap, normals } from '../network/support.ts';

function problem(
  layers: readonly unknown[],
  input: readonly number[],
  loss: string,
  samples: number,
): MeasurementInput {
  const model = parseModel({ input, layers, loss });
  const random = new Random(5, 'projected');
  const size = input.reduce((product, n) => product * n, samples);
  const outputs = model.layers.findLast((each) => each.type === 'dense')?.units ?? 0;
  const targets = shared(new Float64Array(samples * outputs));
  for (let p = 0; p < samples; p++) targets[p * outputs + random.below(outputs)] = 1;
  return { model, weights: new Map(), inputs: shared(normals(3, size)), targets, classes: true };
}

/** Random weights of a model, in shared memory. */
function weighted(pool: Pool, input: MeasurementInput): MeasurementInput {
  const network = new Network(input.model, new CpuBackend(pool.blas, 'float64'));
  const weights = new Map(
    network.parameters.map(({ name, rows, cols, fanIn }, i) => [
      name,
      shared(normals(100 + i, rows * cols, Math.sqrt(1 / fanIn))),
    ]),
  );
  return { ...input, weights };
}

const tanhs = [
  { type: 'dense', name: 'fc1', units: 10 },
  { type: 'activation', function: 'tanh' },
  { type: 'dense', name: 'fc2', units: 12 },
  { type: 'activation', function: 'tanh' },
  { type: 'dense', name: 'fc3', units: 4 },
];

for (const engine of engines) {
  describeWhere(engine.available, `the projected method, ${engine.title}`, () => {
    let pool: Pool;
    beforeAll(async () => {
      pool = new Pool(await engine.open(), { threads: 2 });
    });
    afterAll(() => pool.close());

    test('a part of the directions: calibrated with what is left of the trace beyond them; not where the spectrum is not known from its largest eigenvalue down', async () => {
      // Linear regression at its optimum: C = s^2 H, so that the exponent is 1.
      const [d, samples] = [60, 1200];
      const random = new Random(8, 'calibrated');
      const input: MeasurementInput = {
        model: parseModel({ input: [d], loss: 'mse', layers: [{ type: 'dense', name: 'fc', units: 1, bias: false }] }),
        weights: new Map([['fc.kernel', shared(new Float64Array(d))]]),
        inputs: shared(
          Float64Array.from({ length: samples * d }, (_, at) => 10 ** ((-1.5 * (at % d)) / d) * random.normal()),
        ),
        targets: shared(Float64Array.from({ length: samples }, () => random.normal())),
        classes: false,
      };
      const options = { parameter: 'fc.kernel', seed: 3, top: 20 } as const;
      const { summary } = await measureProjected(pool, input, options);
      expect(summary.calibration).toMatchObject({ measured_directions: 20, directions: 60 });
      expect(notCalibrated(summary)).toBeNull();
      const { value, interval } = calibratedAt(summary, 1e-2)!;
      expect(Math.abs(value - 1)).toBeLessThan(0.1);
      expect(interval[0]).toBeLessThan(1);
      expect(interval[1]).toBeGreaterThan(1);
      const other = await measureProjected(pool, input, { ...options, which: 'magnitude' });
      expect(other.summary.calibration).toBeUndefined();
      expect(notCalibrated(other.summary)).toMatch(/largest by size or both its ends/);
      expect(oneSplit(summary)).toBeNull();
      expect(oneSplit(other.summary)).toMatch(/^one random split/);
    });

    test('all directions: equals the exact method, cross-fitted values too', async () => {
      const input = weighted(pool, problem(tanhs, [6], 'cross-entropy', 90));
      const exact = await measureExact(pool, input, {
        parameter: 'fc2.kernel',
        seed: 3,
        libraryThreads: 1,
      });
      const { arrays, summary } = await measureProjected(pool, input, { parameter: 'fc2.kernel', seed: 3, top: 120 });
      // Further splits have the same halves, whose leading directions both methods search to a small residual.
      expect(summary.splits).toEqual(exact.summary.splits);
      for (const key of ['split_selection', 'split_H_diagonal', 'split_C_diagonal', 'split_Q_diagonal'] as const) {
        const [found, expected] = [arrays[key]!, exact.arrays[key]!];
        expect(found.length).toBe(expected.length);
        const { directions: m } = summary.splits!;
        for (let row = 0; row < found.length; row += m)
          for (let i = row; i < row + 5; i++)
            expect(found[i] / expected[i], `${key}, ${i}`).toBeCloseTo(1, key === 'split_selection' ? 3 : 1);
      }
      for (const key of ['eigenvalues', 'C_diagonal', 'Q_diagonal', 'cross_fitted_selection', 'mean_gradient'] as const)
        expect(gap(arrays[key], exact.arrays[key]), key).toBeLessThan(1e-8);
      for (const key of ['cross_fitted_H_diagonal', 'cross_fitted_C_diagonal', 'cross_fitted_Q_diagonal'] as const)
        expect(gap(arrays[key], exact.arrays[key]), key).toBeLessThan(1e-6);
      for (const key of ['training_set', 'cross_fitted'] as const) {
        const [found, expected] = [summary.gamma[key][1], exact.summary.gamma[key][1]];
        expect(found.n).toBe(expected.n);
        expect(found.gamma.ols).toBeCloseTo(expected.gamma.ols ?? NaN, 8);
        expect(found.gamma.interval?.ols?.[0]).toBeCloseTo(expected.gamma.interval?.ols?.[0] ?? NaN, 6);
      }
      exact.release();
    });

    test('some directions, with restarts: the leading ones of the exact spectrum, from both ends and by size', async () => {
      const input = weighted(pool, problem(tanhs, [6], 'cross-entropy', 60));
      const exact = await measureExact(pool, input, {
        parameter: 'fc2.kernel',
        seed: 3,
        libraryThreads: 1,
        intervals: false,
      });
      const all = exact.arrays.eigenvalues;
      const expectedOf = {
        largest: all.slice(0, 6),
        magnitude: [...all]
          .sort((a, b) => Math.abs(b) - Math.abs(a))
          .slice(0, 6)
          .sort((a, b) => b - a),
        both: [...all.slice(0, 3), ...all.slice(-3)],
      };
      expect(expectedOf.magnitude.some((x) => x < 0) && expectedOf.both[5] < 0).toBe(true);
      for (const which of ['largest', 'magnitude', 'both'] as const) {
        const options = { parameter: 'fc2.kernel', seed: 3, top: 6, which, tolerance: 1e-9, probes: 400 };
        const { arrays, summary } = await measureProjected(pool, input, options);
        expect(gap(arrays.eigenvalues, expectedOf[which]), which).toBeLessThan(1e-12);
        expect(summary.projected?.converged).toBe(true);
        expect(summary.projected?.largest_relative_residual).toBeLessThan(1e-8);
        expect(summary.projected?.orthogonality).toBeLessThan(1e-12);
        expect(summary.trace.C).toBeCloseTo(exact.summary.trace.C, 10);
        for (const key of ['H', 'Q'] as const) {
          const error = summary.projected?.trace_standard_error[key] ?? 0;
          expect(Math.abs(summary.trace[key] - exact.summary.trace[key])).toBeLessThan(4 * error);
        }
        // The probes see what the directions found leave: the variance is at most 2 |H|_F^2 of the rest over their number.
        const squares = (values: Iterable<number>): number => Array.from(values).reduce((sum, x) => sum + x * x, 0);
        const left = Math.sqrt((2 * (squares(all) - squares(arrays.eigenvalues))) / 400);
        expect(summary.projected?.trace_standard_error.H).toBeLessThan(1.2 * left);
      }
      exact.release();
    });

    test('no cosine of C and Q exceeds 1 where few samples stand for all', async () => {
      // Inputs of one spread in linear regression at its optimum: C and Q are both multiples of the identity, so that their cosine is nearly 1.
      const [d, samples] = [12, 2000];
      const random = new Random(4, 'cosine');
      const input: MeasurementInput = {
        model: parseModel({ input: [d], loss: 'mse', layers: [{ type: 'dense', name: 'fc', units: 1, bias: false }] }),
        weights: new Map([['fc.kernel', shared(new Float64Array(d))]]),
        inputs: shared(Float64Array.from({ length: samples * d }, () => random.normal())),
        targets: shared(Float64Array.from({ length: samples }, () => random.normal())),
        classes: false,
      };
      const session = await openSession(pool, input, { parameter: 'fc.kernel', seed: 3 });
      const vectors = pool.allocate('float64', d * d);
      vectors.fill(0);
      for (let i = 0; i < d; i++) vectors[i * d + i] = 1;
      const ones = new Float64Array(d).fill(1);
      const argument = { vectors, eigenvalues: ones, covariance: Float64Array.from(vectors), Q: ones, d, seed: 3 };
      const all = await measureWithin(pool, session.plan, argument);
      expect(all.samples).toBe(samples);
      expect(all.cosineCQ).toBeGreaterThan(0.99);
      expect(all.cosineCQ).toBeLessThan(1);
      // The unbiased estimate of |Q| from 64 samples comes out as much as a tenth too small.
      const few = await measureWithin(pool, session.plan, { ...argument, work: 1 });
      expect(few.samples).toBe(64);
      expect(few.cosineCQ).toBe(1);
      pool.blas.release(vectors);
      await session.close();
    });

    test('repeated eigenvalues are all found: a last layer under squared error has each of them four times', async () => {
      const layers = [{ type: 'dense', name: 'fc', units: 4, bias: false }];
      const input = weighted(pool, problem(layers, [30], 'mse', 64));
      const { arrays, summary } = await measureProjected(pool, input, {
        parameter: 'fc.kernel',
        seed: 1,
        top: 8,
        tolerance: 1e-8,
      });
      const values = arrays.eigenvalues;
      for (let i = 0; i < 8; i++) expect(values[i] / values[4 * Math.floor(i / 4)]).toBeCloseTo(1, 10);
      expect(values[4] / values[3]).toBeLessThan(0.999);
      expect(summary.projected?.converged).toBe(true);
    });

    test('a spectrum with a null space: Lanczos goes on from random vectors and stays orthogonal', async () => {
      const d = 40;
      const apply = (v: ArrayLike<number>, out: Float64Array | Float32Array): Promise<void> => {
        for (let i = 0; i < d; i++) out[i] = (i < 10 ? 10 - i : 0) * v[i];
        return Promise.resolve();
      };
      const found = await lanczos(pool, d, apply, {
        count: d,
        which: 'largest',
        seed: 2,
        tolerance: 1e-10,
        maxProducts: 200,
      });
      expect(
        gap(
          found.values,
          Float64Array.from({ length: d }, (_, i) => (i < 10 ? 10 - i : 0)),
        ),
      ).toBeLessThan(1e-13);
      // Ten directions and one of the null space make the first Krylov space; each of the 29 others ends the one before.
      expect(found.products).toBe(d);
      expect(found.breakdowns).toBe(d - 11);
      expect(found.orthogonality).toBeLessThan(1e-13);
      expect(found.values.every(Number.isFinite) && found.vectors.every(Number.isFinite)).toBe(true);
    });

    test('the wanted part of a spectrum with negative values: the largest, the largest by size, both ends, by restarts', async () => {
      const d = 200;
      // 0.97^i in turn positive and negative, negative ones a tenth larger: by size the signs alternate, the smallest value of all is -1.1.
      const spectrum = Float64Array.from({ length: d }, (_, i) => (i % 2 === 0 ? 1 : -1.1) * 0.97 ** (i >>> 1));
      // In the basis of a Householder reflection, so that no eigenvector is an axis.
      const u = normals(9, d);
      const norm = u.reduce((sum, x) => sum + x * x, 0);
      const reflect = (v: Float64Array): Float64Array => {
        const along = (2 * v.reduce((sum, x, i) => sum + x * u[i], 0)) / norm;
        return v.map((x, i) => x - along * u[i]);
      };
      const apply = (v: ArrayLike<number>, out: Float64Array | Float32Array): Promise<void> => {
        out.set(reflect(reflect(Float64Array.from(v)).map((x, i) => spectrum[i] * x)));
        return Promise.resolve();
      };
      const falling = [...spectrum].sort((a, b) => b - a);
      const bySize = [...spectrum].sort((a, b) => Math.abs(b) - Math.abs(a));
      const expectedOf = {
        largest: falling.slice(0, 7),
        magnitude: bySize.slice(0, 7).sort((a, b) => b - a),
        both: [...falling.slice(0, 4), ...falling.slice(-3)],
      };
      expect(expectedOf.largest.every((x) => x > 0)).toBe(true);
      expect(expectedOf.magnitude.filter((x) => x < 0)).toHaveLength(5);
      for (const which of ['largest', 'magnitude', 'both'] as const) {
        const found = await lanczos(pool, d, apply, { count: 7, which, seed: 2, tolerance: 1e-9, maxProducts: 2000 });
        expect(gap(found.values, expectedOf[which]), which).toBeLessThan(1e-12);
        expect(found.converged, which).toBe(true);
        expect(found.restarts, which).toBeGreaterThan(0);
        for (let i = 0; i < 7; i++) {
          const v = Float64Array.from(found.vectors.subarray(i * d, (i + 1) * d));
          const image = new Float64Array(d);
          await apply(v, image);
          const residual = Math.hypot(...image.map((x, j) => x - found.values[i] * v[j]));
          expect(residual / Math.abs(found.values[i]), `${which} ${i}`).toBeLessThan(1e-8);
        }
      }
    });

    test('all parameters as one vector: products agree with differences of the gradient, in every kind of layer', async () => {
      const layers = [
        { type: 'conv2d', name: 'c', filters: 4, kernel: [3, 3], padding: 'same' },
        { type: 'batchnorm', name: 'bn' },
        { type: 'activation', function: 'softplus' },
        { type: 'avgpool2d', size: 2 },
        {
          type: 'residual',
          shortcut: [{ type: 'conv2d', name: 's', filters: 6, kernel: [1, 1] }],
          layers: [
            { type: 'groupnorm', name: 'gn', groups: 2 },
            { type: 'conv2d', name: 'c2', filters: 6, kernel: [3, 3], padding: 'same' },
          ],
        },
        { type: 'patches', name: 'p', size: 1, units: 4 },
        {
          type: 'residual',
          layers: [
            { type: 'layernorm', name: 'ln' },
            { type: 'attention', name: 'a', heads: 2 },
          ],
        },
        { type: 'meanpool' },
        { type: 'dropout', rate: 0.5 },
        { type: 'dense', name: 'fc', units: 3 },
      ];
      const base = weighted(pool, problem(layers, [4, 4, 2], 'cross-entropy', 16));
      const statistics = [
        ['bn.running_mean', normals(8, 4)],
        ['bn.running_variance', Float64Array.of(1, 2, 0.5, 3)],
      ] as const;
      const input = { ...base, weights: new Map([...base.weights, ...statistics]) };
      const session = await openSession(pool, input, { parameter: 'network', seed: 1 });
      const { space, operator } = session;
      const v = pool.allocate('float64', space.d);
      v.set(normals(77, space.d));
      const out = pool.allocate('float64', space.d);
      await operator.apply(v, out);
      const backend = new CpuBackend(pool.blas, 'float64');
      const network = new Network(input.model, backend);
      for (const [name, values] of statistics) network.setWeight(name, values);
      const gradient = (t: number): Float64Array =>
        backend.scope(() => {
          for (const { name, rows, cols } of network.parameters) {
            const at = space.offsets.get(name) ?? 0;
            const values = Float64Array.from(input.weights.get(name) ?? []);
            for (let i = 0; i < rows * cols; i++) values[i] += t * v[at + i];
            network.setWeight(name, values);
          }
          const y = network.forward(backend.from(input.inputs, 16, 32));
          const sink = new Collector(backend);
          network.backward(network.lossGradient(backend.from(input.targets, 16, 3), 1 / 16), sink);
          expect(dataOf(y).every(Number.isFinite)).toBe(true);
          return Float64Array.from(network.parameters.flatMap(({ name }) => [...(sink.gradients.get(name) ?? [])]));
        });
      expect(gap(out, centralDifference(gradient, 1e-4))).toBeLessThan(1e-8);
      await session.close();
    });

    test('one thread and three give the same bits', async () => {
      const input = weighted(pool, problem(tanhs, [6], 'cross-entropy', 90));
      const results = [];
      for (const threads of [1, 3]) {
        const other = new Pool(await engine.open(), { threads });
        results.push(
          await measureProjected(other, input, {
            parameter: 'network',
            seed: 4,
            top: 5,
            intervals: false,
            cacheBytes: threads === 1 ? 0 : 2 ** 24,
          }),
        );
        await other.close();
      }
      for (const key of ['eigenvalues', 'C_diagonal', 'Q_diagonal', 'vectors', 'cross_fitted_C_diagonal'] as const)
        expect(results[0].arrays[key], key).toEqual(results[1].arrays[key]);
      expect(results[0].summary.trace).toEqual(results[1].summary.trace);
      expect(results[0].summary.cosine_CQ).toBe(results[1].summary.cosine_CQ);
    });

    test('batchnorm is measured by its running statistics and dropout off, and both are said', async () => {
      const layers = [
        { type: 'conv2d', name: 'c', filters: 2, kernel: [2, 2] },
        { type: 'batchnorm', name: 'bn' },
        { type: 'activation', function: 'tanh' },
        { type: 'dropout', rate: 0.5 },
        { type: 'flatten' },
        { type: 'dense', name: 'fc', units: 3 },
      ];
      const base = weighted(pool, problem(layers, [3, 3, 1], 'cross-entropy', 16));
      const measured = (mean: number, variance: number, given = base): Promise<MeasurementSummary> =>
        measureLayer(
          pool,
          {
            ...given,
            weights: new Map([
              ...given.weights,
              ['bn.running_mean', shared(Float64Array.of(mean, mean))],
              ['bn.running_variance', shared(Float64Array.of(variance, variance))],
            ]),
          },
          { parameter: 'c.kernel', seed: 1, libraryThreads: 1, top: 8, intervals: false },
        ).then(({ summary, release }) => {
          release();
          return summary;
        });
      const found = await measured(0, 1 - 1e-5);
      expect(found.evaluation).toEqual([
        expect.stringMatching(/^batchnorm \(bn\) measured in evaluation mode: by its running statistics, held fixed/),
        'dropout (1 layer) off while measuring',
      ]);
      expect((await measured(0.5, 2)).eigenvalues.largest).not.toBeCloseTo(found.eigenvalues.largest, 3);
      const plain = weighted(
        pool,
        problem(
          layers.filter(({ type }) => type !== 'dropout'),
          [3, 3, 1],
          'cross-entropy',
          16,
        ),
      );
      const without = await measured(0, 1 - 1e-5, plain);
      expect(without.eigenvalues.largest).toBe(found.eigenvalues.largest);
      expect(without.evaluation).toHaveLength(1);
      const none = weighted(pool, problem(tanhs, [6], 'cross-entropy', 16));
      const { summary, release } = await measureLayer(pool, none, {
        parameter: 'fc2.kernel',
        seed: 1,
        libraryThreads: 1,
        intervals: false,
      });
      release();
      expect(summary.evaluation).toBeUndefined();
    });

    test('the method chooses itself and says why', async () => {
      const input = weighted(
        pool,
        problem(
          [{ type: 'conv2d', name: 'c', filters: 2, kernel: [2, 2] }, { type: 'flatten' }, ...tanhs],
          [3, 3, 1],
          'cross-entropy',
          16,
        ),
      );
      const measure = async (parameter: string, memoryLimit?: number): Promise<string> => {
        const options = {
          parameter,
          seed: 1,
          libraryThreads: 1,
          top: 3,
          intervals: false,
          ...(memoryLimit !== undefined && { memoryLimit }),
        };
        const result = await measureLayer(pool, input, options);
        result.release();
        return `${result.summary.method}: ${result.summary.method_reason ?? ''}`;
      };
      expect(await measure('fc2.kernel')).toMatch(
        /^exact: fc2 \(dense\) sees one vector a sample, and matrices of 120 x 120/,
      );
      expect(await measure('fc2.kernel', 1000)).toMatch(
        /^projected: matrices of 120 x 120 .* do not fit into the 1\.00 kB allowed/,
      );
      expect(await measure('c.kernel')).toMatch(/^projected: c \(conv2d\) sees 4 vectors a sample/);
      expect(await measure('network')).toMatch(/^projected: all parameters/);
      await expect(measure('c.bia')).rejects.toThrow(InputError);
    });
  });
}
