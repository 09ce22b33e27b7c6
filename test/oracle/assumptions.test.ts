/** C against the matrices of the old assumption, held against dense matrices made entry by entry from the oracle's gradients and Hessians. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { comparedMatrices } from '../../src/shared/assumptions.ts';
import type { ComparedMatrix } from '../../src/shared/assumptions.ts';
import { measureExact } from '../../src/engine/curvature/exact.ts';
import type { ExactResult } from '../../src/engine/curvature/exact.ts';
import { splitHalves } from '../../src/engine/curvature/moments.ts';
import { Pool } from '../../src/engine/parallel/pool.ts';
import { shared } from '../../src/engine/parallel/shared.ts';
import { engines } from '../support/engines.ts';
import { clusterMeans, disagreement } from '../support/reference.ts';
import { describeWhere } from '../support/skips.ts';
import { jacobiEigen, oracleActivations, oracleSample } from './oracle.ts';
import type { OracleNetwork } from './oracle.ts';
import { randomProblem } from './problem.ts';
import type { ProblemCase } from './problem.ts';

interface Row extends ProblemCase {
  readonly parameter: string;
  /** Which matrices stand in one column. */
  readonly columns: readonly (readonly ComparedMatrix[])[];
}
const apart = [['E'], ['Q'], ['H2']] as const;
const rows: readonly Row[] = [
  {
    activation: 'tanh',
    loss: 'cross-entropy',
    bias: true,
    sizes: [3, 4, 3, 3],
    seed: 3,
    parameter: 'fc2.kernel',
    columns: [['H'], ['G', 'F'], ...apart],
  },
  {
    activation: 'tanh',
    loss: 'cross-entropy',
    bias: false,
    sizes: [3, 4, 3],
    seed: 6,
    parameter: 'fc2.kernel',
    columns: [['H', 'G', 'F'], ...apart],
  },
  {
    activation: 'relu',
    loss: 'cross-entropy',
    bias: true,
    sizes: [4, 6, 4, 3],
    seed: 5,
    parameter: 'fc2.kernel',
    columns: [['H', 'G', 'F'], ...apart],
  },
  {
    activation: 'gelu',
    loss: 'mse',
    bias: true,
    sizes: [3, 4, 2],
    seed: 8,
    parameter: 'fc1.kernel',
    columns: [['H'], ['G', 'F'], ...apart],
  },
];
const samples = 40;

type Matrices = Readonly<Record<ComparedMatrix | 'C', number[]>>;

for (const engine of engines) {
  describeWhere(engine.available, `assumptions against the oracle, ${engine.title}`, () => {
    let pool: Pool;
    beforeAll(async () => {
      pool = new Pool(await engine.open(), { threads: 2 });
    });
    afterAll(() => pool.close());

    test.each(rows)('$sizes $activation, $loss, $parameter', async (row) => {
      const { network, model, inputs, targets } = randomProblem(row, samples);
      const result: ExactResult = await measureExact(
        pool,
        {
          model,
          weights: new Map(Object.entries(network.weights).map(([name, values]) => [name, Float64Array.from(values)])),
          inputs: shared(Float64Array.from(inputs.flat())),
          targets: shared(Float64Array.from(targets.flat())),
          classes: row.loss === 'cross-entropy',
        },
        { parameter: row.parameter, seed: row.seed, libraryThreads: 1, assumptions: true, splits: 'one' },
      );
      const { summary, arrays } = result;
      const { assumptions } = summary;
      const each = inputs.map((input, p) => sampleMatrices(network, row.parameter, input, targets[p]));
      const all = matricesOf(each);
      const d = summary.d;
      const { values, vectors } = jacobiEigen(all.H, d);

      expect(assumptions?.within).toBe('whole');
      expect(assumptions?.columns.map((column) => column.matrices)).toEqual(row.columns);
      for (const {
        matrices: [a, b],
        difference,
        equal,
        expected,
      } of assumptions?.identities ?? []) {
        expect(difference).toBeCloseTo(disagreement(all[a], all[b]), 8);
        if (expected) expect(difference).toBeLessThan(1e-10);
        expect(equal).toBe(row.columns.some((column) => column.includes(a) && column.includes(b)));
      }
      for (const key of ['G', 'F', 'E'] as const) {
        const found = clusterMeans(values, arrays[`${key}_diagonal`] ?? []);
        const along = clusterMeans(
          values,
          vectors.map((v) => quadratic(all[key], v)),
        );
        expect(disagreement(found, along), key).toBeLessThan(1e-8);
      }
      const { order, sizeA } = splitHalves(samples, row.seed);
      const halves = [order.slice(0, sizeA), order.slice(sizeA)].map((half) =>
        matricesOf([...half].map((p) => each[p])),
      );
      const bases = halves.map((half) => jacobiEigen(half.H, d));
      for (const column of assumptions?.columns ?? []) {
        const [name] = column.matrices;
        const M = all[name];
        expect(column.cosine, name).toBeCloseTo(dot(all.C, M) / Math.sqrt(dot(all.C, all.C) * dot(M, M)), 9);
        const product = times(all.C, M, d);
        const difference = product.map((x, at) => x - product[(at % d) * d + Math.floor(at / d)]);
        expect(column.commutator_ratio, name).toBeCloseTo(
          Math.sqrt(dot(difference, difference) / dot(product, product)) / 2,
          7,
        );
        expect(column.commutator_baseline.rotations).toBe(200);
        expect(column.commutator_baseline.mean).toBeGreaterThan(column.commutator_baseline.percentile_1);
        for (const c of [0, 1]) {
          // Cutoffs 1e-1 and 1e-2: leading eigenvalues are simple there.
          const cutoff = [0.1, 0.01][c];
          const expected = slope(values, vectors, all, M, cutoff);
          const training = column.rows.training_set[c];
          expect(training.n).toBe(expected.n);
          if (expected.n >= 3) {
            expect(training.slope, `${name} ${cutoff}`).toBeCloseTo(expected.slope, 6);
            expect(training.r_squared, `${name} ${cutoff}`).toBeCloseTo(expected.rSquared, 6);
          } else expect(training.slope).toBeNull();
          const crossed = [0, 1].map((from) =>
            slope(bases[from].values, bases[from].vectors, halves[1 - from], halves[1 - from][name], cutoff),
          );
          const mean = (crossed[0].slope + crossed[1].slope) / 2;
          expect(column.rows.cross_fitted[c].n).toBe((crossed[0].n + crossed[1].n) / 2);
          if (crossed.every(({ n }) => n >= 3))
            expect(column.rows.cross_fitted[c].slope, `${name} crossed`).toBeCloseTo(mean, 6);
        }
      }
      // The slopes on H and on Q are those of the measurement over the same split, intervals included.
      const column = (name: ComparedMatrix) => assumptions?.columns.find(({ matrices }) => matrices.includes(name));
      for (const estimand of ['training_set', 'cross_fitted'] as const) {
        for (const [c, gamma] of summary.gamma[estimand].entries()) {
          const [H, Q] = [column('H')?.rows[estimand][c], column('Q')?.rows[estimand][c]];
          expect(H?.n).toBe(gamma.n);
          if (gamma.gamma.ols === null) continue;
          expect(H?.slope).toBeCloseTo(gamma.gamma.ols, 10);
          expect(Q?.slope).toBeCloseTo(gamma.C_on_Q.ols ?? NaN, 10);
          const [low, high] = [H?.interval, gamma.gamma.interval?.ols];
          if (high !== undefined) for (const end of [0, 1]) expect(low?.[end]).toBeCloseTo(high[end], 6);
        }
      }
      result.release();
    });
  });
}

test('every matrix that can be compared is', () => {
  for (const { columns } of rows) expect(columns.flat().sort()).toEqual([...comparedMatrices].sort());
});

interface Sample {
  readonly g: number[];
  readonly h: number[];
  readonly G: number[];
  readonly F: number[];
}

/** One sample's matrices: the Jacobian from gradients of squared errors, its products written out. */
function sampleMatrices(
  network: OracleNetwork,
  parameter: string,
  input: readonly number[],
  target: readonly number[],
): Sample {
  const { gradient, hessian } = oracleSample(network, parameter, input, target);
  const d = gradient.length;
  const { output } = oracleActivations(network, network.layers[0].name, input);
  const unit = (k: number): number[] => output.map((_, j) => (j === k ? 1 : 0));
  const squared: OracleNetwork = { ...network, loss: 'mse' };
  const jacobian = output.map((_, k) => {
    const one = unit(k);
    return oracleSample(
      squared,
      parameter,
      input,
      output.map((y, j) => y - one[j]),
    ).gradient;
  });
  const G = new Array<number>(d * d).fill(0);
  const F = new Array<number>(d * d).fill(0);
  const exp = output.map(Math.exp);
  const q = exp.map((x) => x / exp.reduce((sum, each) => sum + each, 0));
  for (const [k, row] of jacobian.entries()) {
    const score = network.loss === 'mse' ? row : oracleSample(network, parameter, input, unit(k)).gradient;
    const weight = network.loss === 'mse' ? 1 : q[k];
    for (let i = 0; i < d; i++) for (let j = 0; j < d; j++) F[i * d + j] += weight * score[i] * score[j];
    for (const [l, other] of jacobian.entries()) {
      const s = network.loss === 'mse' ? (k === l ? 1 : 0) : (k === l ? q[k] : 0) - q[k] * q[l];
      for (let i = 0; i < d; i++) for (let j = 0; j < d; j++) G[i * d + j] += s * row[i] * other[j];
    }
  }
  return { g: gradient, h: hessian, G, F };
}

function matricesOf(samples: readonly Sample[]): Matrices {
  const d = samples[0].g.length;
  const mean = (of: (sample: Sample) => readonly number[]): number[] => {
    const sum = new Array<number>(of(samples[0]).length).fill(0);
    for (const sample of samples) for (const [i, x] of of(sample).entries()) sum[i] += x / samples.length;
    return sum;
  };
  const outer = (g: readonly number[]): number[] => g.flatMap((x) => g.map((y) => x * y));
  const g = mean((sample) => sample.g);
  const E = mean((sample) => outer(sample.g));
  const own = outer(g);
  const H = mean((sample) => sample.h);
  return {
    C: E.map((x, i) => x - own[i]),
    H,
    G: mean((sample) => sample.G),
    F: mean((sample) => sample.F),
    E,
    Q: mean((sample) => times(sample.h, sample.h, d)),
    H2: times(H, H, d),
  };
}

/** Least squares of log C_ii on log M_ii over the directions above the cutoff where all are positive. */
function slope(
  values: readonly number[],
  vectors: readonly (readonly number[])[],
  of: Matrices,
  M: readonly number[],
  cutoff: number,
): { n: number; slope: number; rSquared: number } {
  const chosen = vectors
    .filter((_, i) => values[i] > cutoff * values[0])
    .map((v) => [quadratic(M, v), quadratic(of.C, v), quadratic(of.H, v)] as const)
    .filter((row) => row.every((x) => x > 1e-12))
    .map(([m, c]) => [Math.log(m), Math.log(c)] as const);
  const n = chosen.length;
  const mean = (at: 0 | 1): number => chosen.reduce((sum, row) => sum + row[at] / n, 0);
  const [x, y] = [mean(0), mean(1)];
  const sum = (f: (a: number, b: number) => number): number =>
    chosen.reduce((total, [a, b]) => total + f(a - x, b - y), 0);
  const [xx, xy, yy] = [sum((a) => a * a), sum((a, b) => a * b), sum((_, b) => b * b)];
  return { n, slope: xy / xx, rSquared: (xy * xy) / (xx * yy) };
}

function times(a: readonly number[], b: readonly number[], d: number): number[] {
  const out = new Array<number>(d * d).fill(0);
  for (let i = 0; i < d; i++)
    for (let k = 0; k < d; k++) for (let j = 0; j < d; j++) out[i * d + j] += a[i * d + k] * b[k * d + j];
  return out;
}

function dot(a: readonly number[], b: readonly number[]): number {
  return a.reduce((sum, x, i) => sum + x * b[i], 0);
}

function quadratic(matrix: readonly number[], v: readonly number[]): number {
  const d = v.length;
  let sum = 0;
  for (let i = 0; i < d; i++) for (let j = 0; j < d; j++) sum += v[i] * matrix[i * d + j] * v[j];
  return sum;
}
