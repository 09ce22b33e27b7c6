/** The commutator's structured nulls against dense matrices of shuffled factors, built sample by sample. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { measureExact } from '../../../src/engine/curvature/exact.ts';
import { Pool } from '../../../src/engine/parallel/pool.ts';
import { shared } from '../../../src/engine/parallel/shared.ts';
import { studentQuantile } from '../../../src/shared/distributions.ts';
import { parseModel } from '../../../src/shared/model.ts';
import { Random } from '../../../src/shared/random.ts';
import { engines } from '../../support/engines.ts';
import { describeWhere } from '../../support/skips.ts';

const [inner, hidden, outputs, samples, seed] = [4, 6, 3, 40, 5];
const d = inner * hidden;

interface Sample {
  readonly a: readonly number[];
  readonly delta: readonly number[];
  readonly S: readonly (readonly number[])[];
}

/** x -> W1 -> f -> W2 -> cross-entropy by hand; the measured kernel is W1 [inner, hidden]. */
function byHand(f: 'relu' | 'tanh', W1: number[][], W2: number[][], x: number[], label: number): Sample {
  const z = Array.from({ length: hidden }, (_, j) => x.reduce((sum, v, i) => sum + v * W1[i][j], 0));
  const h = z.map((v) => (f === 'relu' ? Math.max(v, 0) : Math.tanh(v)));
  const first = z.map((v) => (f === 'relu' ? (v > 0 ? 1 : 0) : 1 - Math.tanh(v) ** 2));
  const second = z.map((v) => (f === 'relu' ? 0 : -2 * Math.tanh(v) * (1 - Math.tanh(v) ** 2)));
  const y = Array.from({ length: outputs }, (_, k) => h.reduce((sum, v, j) => sum + v * W2[j][k], 0));
  const total = y.reduce((sum, v) => sum + Math.exp(v), 0);
  const q = y.map((v) => Math.exp(v) / total);
  const r = q.map((v, k) => v - (k === label ? 1 : 0));
  const above = W2.map((row) => row.reduce((sum, w, k) => sum + w * r[k], 0));
  const S = W2.map((rowI, i) =>
    W2.map((rowJ, j) => {
      let sum = 0;
      for (let k = 0; k < outputs; k++)
        for (let l = 0; l < outputs; l++) sum += rowI[k] * ((k === l ? q[k] : 0) - q[k] * q[l]) * rowJ[l];
      return first[i] * sum * first[j] + (i === j ? second[i] * above[i] : 0);
    }),
  );
  return { a: x, delta: above.map((v, j) => v * first[j]), S };
}

const kernelOf = (rows: number, cols: number, random: Random): number[][] =>
  Array.from({ length: rows }, () => Array.from({ length: cols }, () => random.normal()));

/** C from a_p and delta of the sample in its place, H from a_p and S of it. */
function matrices(all: readonly Sample[], place: ArrayLike<number>): { C: number[][]; H: number[][] } {
  const zero = () => Array.from({ length: d }, () => new Array<number>(d).fill(0));
  const [C, H, mean] = [zero(), zero(), new Array<number>(d).fill(0)];
  for (const [p, { a }] of all.entries()) {
    const { delta, S } = all[place[p]];
    const g = a.flatMap((x) => delta.map((v) => x * v));
    for (let i = 0; i < d; i++) {
      mean[i] += g[i] / samples;
      for (let j = 0; j < d; j++) {
        C[i][j] += (g[i] * g[j]) / samples;
        const [x, u, y, v] = [Math.floor(i / hidden), i % hidden, Math.floor(j / hidden), j % hidden];
        H[i][j] += (a[x] * a[y] * S[u][v]) / samples;
      }
    }
  }
  for (let i = 0; i < d; i++) for (let j = 0; j < d; j++) C[i][j] -= mean[i] * mean[j];
  return { C, H };
}

function ratioOf(C: number[][], H: number[][]): number {
  let [difference, norm] = [0, 0];
  const product = (A: number[][], B: number[][], i: number, j: number) =>
    A[i].reduce((sum, x, k) => sum + x * B[k][j], 0);
  for (let i = 0; i < d; i++)
    for (let j = 0; j < d; j++) {
      const CH = product(C, H, i, j);
      difference += (CH - product(H, C, i, j)) ** 2;
      norm += CH ** 2;
    }
  return Math.sqrt(difference / norm) / 2;
}

for (const engine of engines)
  describeWhere(engine.available, `structured nulls of the commutator, ${engine.title}`, () => {
    let pool: Pool;
    beforeAll(async () => {
      pool = new Pool(await engine.open(), { threads: 2 });
    });
    afterAll(() => pool.close());

    test.each(['relu', 'tanh'] as const)('are those of dense matrices with delta or S shuffled, %s', async (f) => {
      const random = new Random(seed, 'nulls');
      const [W1, W2] = [kernelOf(inner, hidden, random), kernelOf(hidden, outputs, random)];
      const inputs = kernelOf(samples, inner, random);
      const labels = Array.from({ length: samples }, () => random.below(outputs));
      const { summary, release } = await measureExact(
        pool,
        {
          model: parseModel({
            input: [inner],
            loss: 'cross-entropy',
            layers: [
              { type: 'dense', name: 'fc1', units: hidden, bias: false },
              { type: 'activation', function: f },
              { type: 'dense', name: 'fc2', units: outputs, bias: false },
            ],
          }),
          weights: new Map([
            ['fc1.kernel', Float64Array.from(W1.flat())],
            ['fc2.kernel', Float64Array.from(W2.flat())],
          ]),
          inputs: shared(Float64Array.from(inputs.flat())),
          targets: shared(
            Float64Array.from(
              labels.flatMap((label) => Array.from({ length: outputs }, (_, k) => (k === label ? 1 : 0))),
            ),
          ),
          classes: true,
        },
        { parameter: 'fc1.kernel', seed, libraryThreads: 1 },
      );
      release();
      const nulls = summary.commutator_nulls!;
      expect(nulls).toMatchObject({ samples, directions: d, seed });

      // Samples pass in the order of the halves; shuffles permute places in that order.
      const order = new Random(seed, 'halves').permutation(samples);
      const all = Array.from(order, (p) => byHand(f, W1, W2, inputs[p], labels[p]));
      const plain = matrices(
        all,
        Array.from({ length: samples }, (_, p) => p),
      );
      expect(summary.commutator_ratio).toBeCloseTo(ratioOf(plain.C, plain.H), 8);
      for (const kind of ['delta', 'hessian'] as const) {
        const ratios = Array.from({ length: nulls[kind].shuffles }, (_, s) => {
          const moved = matrices(all, new Random(seed, `structured null ${kind} ${s + 1}`).permutation(samples));
          return kind === 'delta' ? ratioOf(moved.C, plain.H) : ratioOf(plain.C, moved.H);
        });
        const n = ratios.length;
        const mean = ratios.reduce((sum, x) => sum + x, 0) / n;
        const deviation = Math.sqrt(ratios.reduce((sum, x) => sum + (x - mean) ** 2, 0) / (n - 1));
        expect(nulls[kind].observed, `${kind} observed`).toBeCloseTo(ratioOf(plain.C, plain.H), 7);
        expect(nulls[kind].mean, `${kind} mean`).toBeCloseTo(mean, 7);
        expect(nulls[kind].standard_deviation, `${kind} deviation`).toBeCloseTo(deviation, 7);
        expect(nulls[kind].percentile_1).toBeCloseTo(
          mean - studentQuantile(0.99, n - 1) * deviation * Math.sqrt(1 + 1 / n),
          7,
        );
      }
    });
  });
