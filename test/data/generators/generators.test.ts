import { describe, expect, it } from 'vitest';
import { countClasses } from '../../../src/data/dataset.ts';
import { knownGamma } from '../../../src/data/generators/known-gamma.ts';
import { gaussianMixture } from '../../../src/data/generators/mixture.ts';
import { teacherStudent } from '../../../src/data/generators/teacher.ts';
import { resolveDataset } from '../../../src/data/resolve.ts';
import { parseDataset } from '../../../src/shared/dataset.ts';
import { InputError } from '../../../src/shared/errors.ts';
import { range } from '../support.ts';

describe('the Gaussian mixture', () => {
  const options = { seed: 1, train: 6000, test: 300, dimensions: 3, classes: 3, clusters: 1, separation: 4 };
  const set = gaussianMixture(options);
  it('has clusters of unit width, apart by what was asked', () => {
    expect(countClasses(set.train.targets, 3)).toEqual([2000, 2000, 2000]);
    const centres = range(3).map((k) =>
      range(3).map((j) => mean((n) => (set.train.targets.values[n] === k ? set.train.inputs[3 * n + j] : null))),
    );
    for (const k of range(3))
      for (const j of range(3)) {
        const variance = mean((n) =>
          set.train.targets.values[n] === k ? (set.train.inputs[3 * n + j] - centres[k][j]) ** 2 : null,
        );
        expect(Math.abs(variance - 1)).toBeLessThan(4 * Math.sqrt(2 / 2000));
      }
    // The test part has the same centres.
    const first = range(300).filter((n) => set.test!.targets.values[n] === 0);
    const m = first.reduce((sum, n) => sum + set.test!.inputs[3 * n], 0) / first.length;
    expect(Math.abs(m - centres[0][0])).toBeLessThan(4 * Math.sqrt(1 / 100 + 1 / 2000));
    function mean(value: (n: number) => number | null): number {
      const values = range(6000).flatMap((n) => value(n) ?? []);
      return values.reduce((a, b) => a + b, 0) / values.length;
    }
  });
  it('has centres of the asked deviation', () => {
    const many = gaussianMixture({ ...options, dimensions: 2000, train: 3, test: 0, separation: 4 });
    const squares = Array.from(many.train.inputs).reduce((sum, x) => sum + x * x, 0) / 6000;
    expect(Math.abs(squares - 17)).toBeLessThan(4 * 17 * Math.sqrt(2 / 6000));
    expect(many.test).toBeNull();
  });
});

describe('teacher and student', () => {
  const options = {
    seed: 2,
    train: 400,
    test: 50,
    dimensions: 6,
    hidden: [5],
    outputs: 3,
    activation: 'tanh',
    task: 'regression',
    noise: 0,
  } as const;
  it('without noise or hidden layers the targets are linear in the inputs', () => {
    const set = teacherStudent({ ...options, hidden: [] });
    // Seven samples in six dimensions are dependent: the same combination must cancel in the targets.
    const x = range(7).map((n) => [...set.train.inputs.subarray(6 * n, 6 * n + 6)]);
    const c = nullCombination(x);
    const t = set.train.targets.values;
    for (const j of range(3)) expect(Math.abs(c.reduce((sum, w, n) => sum + w * t[3 * n + j], 0))).toBeLessThan(1e-10);
  });
  it('a tanh teacher is odd-handed but not linear, and noise has its variance', () => {
    const clean = teacherStudent(options);
    const noisy = teacherStudent({ ...options, noise: 0.5 });
    const again = teacherStudent(options);
    expect(again.train.targets).toEqual(clean.train.targets);
    // Same teacher; the noise takes draws of its own, so inputs after the first sample differ in their place in the stream, not in law.
    expect(noisy.train.inputs.subarray(0, 6)).toEqual(clean.train.inputs.subarray(0, 6));
    const x = range(7).map((n) => [...clean.train.inputs.subarray(6 * n, 6 * n + 6)]);
    const c = nullCombination(x);
    expect(Math.abs(c.reduce((sum, w, n) => sum + w * clean.train.targets.values[3 * n], 0))).toBeGreaterThan(1e-3);
  });
  it.each(['tanh', 'relu'] as const)('classes of a %s teacher are the largest outputs', (activation) => {
    const numbers = teacherStudent({ ...options, activation });
    const classes = teacherStudent({ ...options, activation, task: 'classes' });
    expect(classes.classes).toEqual(['0', '1', '2']);
    classes.train.targets.values.forEach((label, n) => {
      const y = numbers.train.targets.values.subarray(3 * n, 3 * n + 3);
      expect(y[label]).toBe(Math.max(...y));
    });
  });
  it('refuses what no memory holds', () => {
    expect(() => teacherStudent({ ...options, train: 1e7, dimensions: 1e5 })).toThrow(
      /10000000 x 100000 numbers; expected at most 2\^30/,
    );
    expect(() =>
      gaussianMixture({ seed: 0, train: 1e7, test: 0, dimensions: 1e5, classes: 2, clusters: 1, separation: 1 }),
    ).toThrow(InputError);
  });

  /** Coefficients c != 0 with sum_n c_n x_n = 0, by elimination. */
  function nullCombination(x: number[][]): number[] {
    const rows = x.map((row, n) => ({ v: [...row], c: range(x.length).map((m): number => (m === n ? 1 : 0)) }));
    const last = rows.length - 1;
    for (let col = 0; col < x[0].length; col++) {
      const pivot = range(last)
        .slice(col)
        .reduce((a, b) => (Math.abs(rows[b].v[col]) > Math.abs(rows[a].v[col]) ? b : a));
      [rows[col], rows[pivot]] = [rows[pivot], rows[col]];
      for (let r = col + 1; r <= last; r++) {
        const f = rows[r].v[col] / rows[col].v[col];
        rows[r].v = rows[r].v.map((a, i) => a - f * rows[col].v[i]);
        rows[r].c = rows[r].c.map((a, i) => a - f * rows[col].c[i]);
      }
    }
    const c = rows[last].c;
    const norm = Math.hypot(...c);
    return c.map((w) => w / norm);
  }
});

/**
 * C, H and Q of fc1.kernel by the definitions, in dense double loops: one forward pass, written out for a chain of linear layers, and differences of the
 * loss of ONE sample at a time. The loss is quadratic, so central differences with any step are exact but for rounding.
 */
function denseMoments(problem: ReturnType<typeof knownGamma>) {
  const { data, weights } = problem;
  const n = problem.eigenvalues.length;
  const x = data.train.inputs;
  const targets = data.train.targets as { values: Float64Array; width: number };
  const features = x.length / data.train.count;
  const upper = weights['fc2.kernel']?.data as Float64Array | undefined;
  const loss = (p: number, w: readonly number[]): number => {
    const units = n / features;
    let y = range(units).map((j) =>
      range(features).reduce((sum, i) => sum + x[p * features + i] * w[i * units + j], 0),
    );
    if (upper) y = range(n).map((k) => range(n).reduce((sum, j) => sum + y[j] * upper[j * n + k], 0));
    return y.reduce((sum, value, k) => sum + 0.5 * (value - targets.values[p * targets.width + k]) ** 2, 0);
  };
  const zero = () => range(n).map(() => new Array<number>(n).fill(0));
  const [C, H, Q] = [zero(), zero(), zero()];
  const meanGradient = new Array<number>(n).fill(0);
  const P = data.train.count;
  const step = (...which: number[]) =>
    range(n).map((i) => which.reduce((sum, at) => sum + (Math.abs(at) - 1 === i ? Math.sign(at) : 0), 0));
  for (let p = 0; p < P; p++) {
    const g = range(n).map((i) => (loss(p, step(i + 1)) - loss(p, step(-i - 1))) / 2);
    const h = range(n).map((i) =>
      range(n).map(
        (j) =>
          (loss(p, step(i + 1, j + 1)) -
            loss(p, step(i + 1, -j - 1)) -
            loss(p, step(-i - 1, j + 1)) +
            loss(p, step(-i - 1, -j - 1))) /
          4,
      ),
    );
    for (let i = 0; i < n; i++) {
      meanGradient[i] += g[i] / P;
      for (let j = 0; j < n; j++) {
        C[i][j] += (g[i] * g[j]) / P;
        H[i][j] += h[i][j] / P;
        for (let k = 0; k < n; k++) Q[i][j] += (h[i][k] * h[k][j]) / P;
      }
    }
  }
  return { C, H, Q, meanGradient };
}

describe('the families of known gamma', () => {
  it.each([
    [1, 6],
    [1, 8],
    [2, 6],
    [2, 8],
  ] as const)('gamma = %i, n = %i: C ~ Q, C and H commute, C_ii = H_ii^gamma, all to rounding', (gamma, n) => {
    const problem = knownGamma({ gamma, seed: 3, dimensions: n, decades: 2, samples: 40 });
    const { C, H, Q, meanGradient } = denseMoments(problem);
    expect(problem.data.train.count).toBe(48);
    const tau = problem.eigenvalues.reduce((a, b) => a + b, 0);
    for (const g of meanGradient) expect(Math.abs(g)).toBeLessThan(1e-12);
    const power = (m: number[][]) =>
      m.map((row) => range(n).map((j) => row.reduce((sum, a, k) => sum + a * H[k][j], 0)));
    const expectedC = gamma === 1 ? H : power(H);
    const expectedQ = gamma === 1 ? H.map((row) => row.map((a) => tau * a)) : power(H);
    for (let i = 0; i < n; i++)
      for (let j = 0; j < n; j++) {
        expect(Math.abs(C[i][j] - expectedC[i][j])).toBeLessThan(1e-12);
        expect(Math.abs(Q[i][j] - expectedQ[i][j])).toBeLessThan(1e-12);
      }
    // The eigenvalues of H are those promised: the traces of H, H^2, ..., H^n determine them.
    let m = H;
    for (let k = 1; k <= n; k++) {
      const trace = range(n).reduce((sum, i) => sum + m[i][i], 0);
      const wanted = problem.eigenvalues.reduce((sum, value) => sum + value ** k, 0);
      expect(Math.abs(trace - wanted)).toBeLessThan(1e-11);
      m = power(m);
    }
    // Not along the axes.
    expect(Math.abs(H[0][1])).toBeGreaterThan(1e-3);
  });

  it('span the decades asked for and give a dataset', async () => {
    const problem = knownGamma({ gamma: 2, seed: 0, dimensions: 64, decades: 4, samples: 1 });
    expect(problem.eigenvalues[0]).toBe(1);
    expect(problem.eigenvalues[63]).toBeCloseTo(1e-4, 17);
    const set = await resolveDataset(parseDataset({ source: 'known-gamma', gamma: 1 }));
    expect([set.train.count, set.shape, set.outputs, set.test]).toEqual([4096, [64], 1, null]);
  });
});

describe('generated sets', () => {
  // A change of any of these is a change of what every stored experiment means.
  it.each([
    ['glyphs', { train: 30, test: 10 }],
    ['gaussian-mixture', { seed: 1 }],
    ['teacher-student', {}],
    ['teacher-student', { activation: 'relu', task: 'classes', hidden: [8, 8] }],
    ['known-gamma', { gamma: 1, dimensions: 16, samples: 64 }],
    ['known-gamma', { gamma: 2, dimensions: 16, samples: 64 }],
  ])('%s %j is the same on every machine', async (source, options) => {
    const set = await resolveDataset(parseDataset({ source, ...options }));
    expect({ [JSON.stringify({ source, ...options })]: set.hash }).toMatchSnapshot();
  });
});
