import { describe, expect, it } from 'vitest';
import { countSigns, numericalFloor } from '../../../src/engine/statistics/index.ts';
import { Random } from '../../../src/shared/random.ts';
import { eigenOf } from './jacobi.ts';
import { normals } from './support.ts';

/** H of a last layer under cross-entropy, E[a a^T (x) (diag q - q q^T)], summed forwards or backwards. */
function lastLayer(inputs: number, outputs: number, samples: number, seed: number, backwards: boolean): Float64Array {
  const random = new Random(seed);
  const terms = Array.from({ length: samples }, () => {
    const a = normals(random, inputs);
    const e = normals(random, outputs, 2).map(Math.exp);
    const total = e.reduce((x, y) => x + y);
    return { a, q: e.map((x) => x / total) };
  });
  const d = inputs * outputs;
  const H = new Float64Array(d * d);
  for (const { a, q } of backwards ? terms.toReversed() : terms)
    for (let i = 0; i < d; i++) {
      for (let j = 0; j < d; j++) {
        const [r, s] = [i % outputs, j % outputs];
        const S = (r === s ? q[r] : 0) - q[r] * q[s];
        H[i * d + j] += (a[Math.floor(i / outputs)] * a[Math.floor(j / outputs)] * S) / samples;
      }
    }
  return H;
}

describe('numericalFloor', () => {
  it('holds the exact null directions of a last layer under cross-entropy and no others', () => {
    const [inputs, outputs, samples] = [5, 6, 200];
    const d = inputs * outputs;
    const H = lastLayer(inputs, outputs, samples, 1, false);
    const other = lastLayer(inputs, outputs, samples, 1, true);
    const { values, vectors } = eigenOf(H, d);
    const times = (matrix: Float64Array, v: Float64Array) =>
      Float64Array.from({ length: d }, (_, i) => v.reduce((sum, x, j) => sum + matrix[i * d + j] * x, 0));
    const residuals = values.map((value, i) => {
      const v = vectors.subarray(i * d, (i + 1) * d);
      return Math.hypot(...times(H, v).map((x, j) => x - value * v[j]));
    });
    const differences = values.map((_, i) => {
      const v = vectors.subarray(i * d, (i + 1) * d);
      const change = times(H, v).map((x, j) => x - times(other, v)[j]);
      return change.reduce((sum, x, j) => sum + x * v[j], 0);
    });
    const floor = numericalFloor({ residuals, differences, scale: values[0], terms: samples });
    expect(countSigns(values, floor)).toEqual({ positive: d - inputs, zero: inputs, negative: 0 });
    expect(floor).toBeLessThan(1e-12 * values[0]);
    expect(floor).toBeGreaterThan(Math.max(...residuals));
  });

  it('is the safety times the largest residual and difference together, and never below rounding', () => {
    expect(numericalFloor({ residuals: [1e-9, 3e-9], differences: [-2e-9, 1e-10], scale: 1, safety: 2 })).toBeCloseTo(
      1e-8,
      20,
    );
    expect(numericalFloor({ residuals: [0], differences: [0], scale: 8 })).toBe(4 * 8 * 2 ** -53);
    expect(numericalFloor({ scale: 8, terms: 100, roundoff: 2 ** -24, safety: 1 })).toBe(80 * 2 ** -24);
    expect(numericalFloor({ scale: 0 })).toBe(0);
  });

  it.each([
    { id: 'negative residual', input: { residuals: [-1], scale: 1 }, message: /residual 0 is -1/ },
    { id: 'NaN difference', input: { differences: [1, NaN], scale: 1 }, message: /difference 1 is NaN/ },
    { id: 'NaN scale', input: { scale: NaN }, message: /scale/ },
    { id: 'safety', input: { scale: 1, safety: 0.5 }, message: /safety/ },
    { id: 'terms', input: { scale: 1, terms: 0 }, message: /at least 1 term/ },
  ])('refuses bad input: $id', ({ input, message }) => {
    expect(() => numericalFloor(input)).toThrow(message);
  });

  it('counts signs: zero is what lies within the floor', () => {
    expect(countSigns([1, 1e-9, -1e-9, 1e-10, 0, -3], 1e-9)).toEqual({ positive: 2, zero: 2, negative: 2 });
    expect(countSigns([1, 0, -1], 0)).toEqual({ positive: 1, zero: 1, negative: 1 });
  });
});
