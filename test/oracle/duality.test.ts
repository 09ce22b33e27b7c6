/** The duality against dense loops over all pairs of samples, with per-sample Hessians from the oracle. */
import type { MeasurementInput } from '../../src/engine/curvature/measurement-input.ts';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { measureExact } from '../../src/engine/curvature/exact.ts';
import type { ExactResult } from '../../src/engine/curvature/exact.ts';
import { dualPairsTask, drawPairs, relativeResidual } from '../../src/engine/curvature/duality/pairs.ts';
import { dualityLayout } from '../../src/engine/curvature/duality/measure.ts';
import { CpuBackend } from '../../src/engine/backend/cpu.ts';
import { Network } from '../../src/engine/network/network.ts';
import { Pool } from '../../src/engine/parallel/pool.ts';
import { shared } from '../../src/engine/parallel/shared.ts';
import { engines } from '../support/engines.ts';
import { clusterMeans, disagreement } from '../support/reference.ts';
import { describeWhere } from '../support/skips.ts';
import { jacobiEigen, oracleActivations, oracleMoments, oracleSample } from './oracle.ts';
import type { OracleNetwork } from './oracle.ts';
import { randomProblem } from './problem.ts';
import type { ProblemCase } from './problem.ts';

const cases: readonly (ProblemCase & { readonly parameter: string })[] = [
  { activation: 'tanh', loss: 'cross-entropy', bias: true, sizes: [3, 4, 3, 3], seed: 3, parameter: 'fc2.kernel' },
  { activation: 'relu', loss: 'cross-entropy', bias: false, sizes: [4, 5, 3, 3], seed: 5, parameter: 'fc2.kernel' },
  { activation: 'gelu', loss: 'mse', bias: true, sizes: [3, 3, 2], seed: 8, parameter: 'fc1.kernel' },
  { activation: 'tanh', loss: 'binary-cross-entropy', bias: true, sizes: [3, 3, 1], seed: 4, parameter: 'fc1.kernel' },
];
const samples = 14;

/** Everything over all pairs, from the definitions. */
interface Pairs {
  /** [d, d] over all pairs, and over pairs of different samples of one class. */
  readonly dual: { readonly all: number[]; readonly within: number[] };
  readonly spread: { readonly all: number[]; readonly within: number[] };
  /** Of (p, q): exactness, against grad l_p(W + Delta) - grad l_p(W), against g_q - g_p; NaN where a_p = 0 or what is divided by vanishes. */
  readonly residual: (p: number, q: number) => readonly [number, number, number];
}

for (const engine of engines) {
  describeWhere(engine.available, `duality against the oracle, ${engine.title}`, () => {
    let pool: Pool;
    beforeAll(async () => {
      pool = new Pool(await engine.open(), { threads: 2 });
    });
    afterAll(() => pool.close());

    const measured = async (
      row: (typeof cases)[number],
      zero = false,
    ): Promise<{
      result: ExactResult;
      pairs: Pairs;
      H: number[];
      C: number[];
      labels: number[];
      input: MeasurementInput;
      network: OracleNetwork;
    }> => {
      const { network, model, inputs, targets } = randomProblem(row, samples);
      if (zero) inputs[2] = inputs[2].map(() => 0);
      const input: MeasurementInput = {
        model,
        weights: new Map(Object.entries(network.weights).map(([name, values]) => [name, Float64Array.from(values)])),
        inputs: shared(Float64Array.from(inputs.flat())),
        targets: shared(Float64Array.from(targets.flat())),
        classes: row.loss !== 'mse',
      };
      const options = { parameter: row.parameter, seed: row.seed, libraryThreads: 1, duality: true, intervals: false };
      const result = await measureExact(pool, input, options);
      const labels = targets.map((target) => (target.length === 1 ? target[0] : target.indexOf(1)));
      const { H, C } = oracleMoments(network, row.parameter, inputs, targets);
      return {
        result,
        pairs: densePairs(network, row.parameter, inputs, targets, labels),
        H,
        C,
        labels,
        input,
        network,
      };
    };

    test.each(cases)('$sizes $activation, $loss: means over all pairs', async (row) => {
      const { result, pairs, H, C } = await measured(row);
      const { arrays, summary } = result;
      const d = summary.d;
      const { values, vectors } = jacobiEigen(H, d);
      const along = (matrix: readonly number[]): number[] => vectors.map((v) => quadratic(matrix, v));
      const rows = [
        ['C_dual_diagonal', pairs.dual.all],
        ['dual_spread', pairs.spread.all],
        ...(row.loss !== 'mse'
          ? ([
              ['C_dual_within_diagonal', pairs.dual.within],
              ['dual_within_spread', pairs.spread.within],
            ] as const)
          : []),
      ] as const;
      for (const [key, matrix] of rows) {
        const found = clusterMeans(values, arrays[key] ?? []);
        expect(disagreement(found, clusterMeans(values, along(matrix))), key).toBeLessThan(1e-8);
      }
      const { all, within } = summary.duality?.moments ?? {};
      const trace = (m: readonly number[]): number => along(m).reduce((sum, x) => sum + x, 0);
      expect(all?.trace_ratio).toBeCloseTo(trace(pairs.dual.all) / trace(C), 9);
      expect(all?.cosine_C).toBeCloseTo(cosine(pairs.dual.all, C), 9);
      if (row.loss !== 'mse') expect(within?.trace_ratio).toBeCloseTo(trace(pairs.dual.within) / trace(C), 9);
      else expect(within).toBeUndefined();
      result.release();
    });

    test.each(cases)(
      '$sizes $activation, $loss: residuals of the pairs drawn, by changing the weights',
      async (row) => {
        const { result, pairs, labels, input } = await measured(row);
        const residuals = result.summary.duality?.residuals ?? {};
        for (const kind of row.loss !== 'mse' ? (['within', 'across'] as const) : (['all'] as const)) {
          const { p, q } = drawPairs(
            kind,
            samples,
            row.loss !== 'mse' ? Int32Array.from(labels) : null,
            2000,
            row.seed,
          )!;
          const layout = dualityLayout(new Network(input.model, new CpuBackend(pool.blas, 'float64')), row.parameter);
          if (typeof layout === 'string') throw new Error(layout);
          const found = await pool.run(dualPairsTask, { layout, p, q, start: 0, count: 60 });
          const expected = Array.from({ length: 60 }, (_, i) => pairs.residual(p[i], q[i]));
          const defined = Array.from({ length: 60 }, (_, i) => i).filter((i) => Number.isFinite(expected[i][1]));
          expect(defined.length).toBeGreaterThan(20);
          for (let i = 0; i < 60; i++) expect(Number.isNaN(found.firstOrder[i])).toBe(!defined.includes(i));
          expect(Math.max(...defined.map((i) => found.exactness[i]))).toBeLessThan(1e-12);
          expect(
            disagreement(
              defined.map((i) => found.firstOrder[i]),
              defined.map((i) => expected[i][1]),
            ),
            kind,
          ).toBeLessThan(1e-7);
          expect(
            disagreement(
              defined.map((i) => found.gradientDifference[i]),
              defined.map((i) => expected[i][2]),
            ),
            kind,
          ).toBeLessThan(1e-8);
          const every = Array.from(p, (_, i) => pairs.residual(p[i], q[i])).filter((x) => Number.isFinite(x[1] + x[2]));
          const all = every.map((each) => each[2]);
          expect(residuals[kind]?.pairs).toBe(every.length);
          expect(residuals[kind]?.gradient_difference.median).toBeCloseTo(relativeResidual(all).median, 7);
          expect(residuals[kind]?.exactness).toBeLessThan(1e-12);
        }
        result.release();
      },
    );

    test('samples whose input is 0 are no p of a pair, and counted', async () => {
      const row = { ...cases[0], parameter: 'fc1.kernel' };
      const { result, pairs, H, labels } = await measured(row, true);
      const { duality } = result.summary;
      expect(duality?.samples_without_input).toBe(1);
      const { p } = drawPairs('across', samples, Int32Array.from(labels), 2000, row.seed)!;
      expect(duality?.residuals.across?.skipped).toBe([...p].filter((each) => each === 2).length);
      expect(duality?.residuals.across?.skipped).toBeGreaterThan(0);
      const { values, vectors } = jacobiEigen(H, result.summary.d);
      const along = vectors.map((v) => quadratic(pairs.dual.all, v));
      expect(
        disagreement(clusterMeans(values, result.arrays.C_dual_diagonal ?? []), clusterMeans(values, along)),
      ).toBeLessThan(1e-8);
      result.release();
    });
  });
}

test('pairs are drawn evenly from those of their kind', () => {
  const classes = Int32Array.from([0, 0, 0, 1, 1, 2, 0, 2]);
  for (const kind of ['all', 'within', 'across'] as const) {
    const { p, q } = drawPairs(kind, 8, classes, 60_000, 4)!;
    const counts = new Map<string, number>();
    for (let i = 0; i < p.length; i++) counts.set(`${p[i]} ${q[i]}`, (counts.get(`${p[i]} ${q[i]}`) ?? 0) + 1);
    const kinds = { all: 56, within: 12 + 2 + 2, across: 40 };
    expect(counts.size).toBe(kinds[kind] === 56 ? 56 : kinds[kind]);
    const mean = 60_000 / counts.size;
    const chi = [...counts.values()].reduce((sum, n) => sum + (n - mean) ** 2 / mean, 0);
    // Chi squared with counts.size - 1 degrees of freedom: within four standard deviations.
    expect(chi).toBeLessThan(counts.size - 1 + 4 * Math.sqrt(2 * counts.size));
    for (const pair of counts.keys()) {
      const [a, b] = pair.split(' ').map(Number);
      expect(a).not.toBe(b);
      if (kind !== 'all') expect(classes[a] === classes[b]).toBe(kind === 'within');
    }
  }
  expect(drawPairs('within', 3, Int32Array.from([0, 1, 2]), 5, 1)).toBeNull();
  expect(drawPairs('across', 3, Int32Array.from([1, 1, 1]), 5, 1)).toBeNull();
});

function densePairs(
  network: OracleNetwork,
  parameter: string,
  inputs: readonly (readonly number[])[],
  targets: readonly (readonly number[])[],
  labels: readonly number[],
): Pairs {
  const layer = network.layers.find((each) => `${each.name}.kernel` === parameter)!;
  const W = network.weights[parameter];
  const [m, n] = [layer.inputs, layer.outputs];
  const d = m * n;
  const each = inputs.map((input, p) => ({
    a: oracleActivations(network, layer.name, input).input,
    ...oracleSample(network, parameter, input, targets[p]),
  }));
  const times = (a: readonly number[], kernel: readonly number[]): number[] =>
    Array.from({ length: n }, (_, k) => a.reduce((sum, x, i) => sum + x * kernel[i * n + k], 0));
  const dualWeight = (p: number, q: number): number[] => {
    const [a, b] = [each[p].a, each[q].a];
    const u = times(
      b.map((x, i) => x - a[i]),
      W,
    );
    const norm = a.reduce((sum, x) => sum + x * x, 0);
    return Array.from({ length: d }, (_, j) => (a[Math.floor(j / n)] * u[j % n]) / norm);
  };
  const hessianTimes = (p: number, v: readonly number[]): number[] =>
    v.map((_, i) => v.reduce((sum, x, j) => sum + each[p].hessian[i * d + j] * x, 0));
  const zero = (p: number): boolean => each[p].a.every((x) => x === 0);
  const used = each.flatMap((_, p) => (zero(p) ? [] : [p]));
  const mean = (
    vectorOf: (p: number, q: number) => number[],
    pairs: readonly (readonly [number, number])[],
    factor: number,
  ): number[] => {
    const sum = new Array<number>(d * d).fill(0);
    for (const [p, q] of pairs) {
      const v = vectorOf(p, q);
      for (let i = 0; i < d; i++) for (let j = 0; j < d; j++) sum[i * d + j] += (factor * v[i] * v[j]) / pairs.length;
    }
    return sum;
  };
  const all = used.flatMap((p) => each.map((_, q) => [p, q] as const));
  const within = all.filter(([p, q]) => p !== q && labels[p] === labels[q]);
  const moved = (p: number, q: number): number[] => hessianTimes(p, dualWeight(p, q));
  const known = new Map<string, readonly [number, number, number]>();
  return {
    dual: { all: mean(moved, all, 0.5), within: mean(moved, within, 0.5) },
    spread: { all: mean(dualWeight, all, 1), within: mean(dualWeight, within, 1) },
    residual: (p, q) => {
      const found = known.get(`${p} ${q}`);
      if (found !== undefined) return found;
      const computed = residual(p, q);
      known.set(`${p} ${q}`, computed);
      return computed;
    },
  };

  function residual(p: number, q: number): readonly [number, number, number] {
    if (zero(p)) return [NaN, NaN, NaN];
    const delta = dualWeight(p, q);
    const target = times(each[q].a, W);
    const kernel = W.map((w, i) => w + delta[i]);
    const reached = times(each[p].a, kernel);
    const other = oracleSample(
      { ...network, weights: { ...network.weights, [parameter]: kernel } },
      parameter,
      inputs[p],
      targets[p],
    );
    const product = hessianTimes(p, delta);
    const against = (x: readonly number[]): number =>
      norm(x) > 0 ? norm(product.map((value, i) => value - x[i])) / norm(x) : NaN;
    return [
      norm(reached.map((z, k) => z - target[k])) / norm(target),
      against(other.gradient.map((g, i) => g - each[p].gradient[i])),
      against(each[q].gradient.map((g, i) => g - each[p].gradient[i])),
    ];
  }
}

function norm(x: readonly number[]): number {
  return Math.sqrt(x.reduce((sum, value) => sum + value * value, 0));
}

function cosine(a: readonly number[], b: readonly number[]): number {
  return a.reduce((sum, x, i) => sum + x * b[i], 0) / (norm(a) * norm(b));
}

function quadratic(matrix: readonly number[], v: readonly number[]): number {
  const d = v.length;
  let sum = 0;
  for (let i = 0; i < d; i++) for (let j = 0; j < d; j++) sum += v[i] * matrix[i * d + j] * v[j];
  return sum;
}
