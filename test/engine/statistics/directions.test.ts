import { describe, expect, it } from 'vitest';
import { averageClusters, chooseDirections, clusterStarts } from '../../../src/engine/statistics/index.ts';
import { Random } from '../../../src/shared/random.ts';
import { mean } from './support.ts';

describe('averageClusters', () => {
  it('averages runs of eigenvalues closer than the gap and leaves the rest', () => {
    const eigenvalues = [10, 5, 5 - 4e-8, 5 - 8e-8, 3, 3 - 1.1e-7, 1e-12, -1e-8, -2];
    expect([...clusterStarts(eigenvalues)]).toEqual([0, 1, 4, 5, 6, 8, 9]);
    expect([...averageClusters(eigenvalues, [1, 2, 4, 9, 7, 8, 1, 3, 6])]).toEqual([1, 5, 5, 5, 7, 8, 2, 2, 6]);
  });

  it('does not join small eigenvalues that are many rather than equal', () => {
    const eigenvalues = [1, 2e-7, 2e-7 - 1e-12, 2e-7 - 1e-16, 1.99e-7, 5e-9, 3e-9, 0, -1e-9].sort((a, b) => b - a);
    expect([...clusterStarts(eigenvalues)]).toEqual([0, 1, 3, 4, 5, 9]);
    expect([...clusterStarts(eigenvalues, 1e-8, Infinity)]).toEqual([0, 1, 5, 9]);
  });

  it('measures the gap against the largest size, also where that is negative', () => {
    expect([...clusterStarts([2, 1, 1 - 5e-8, -9])]).toEqual([0, 1, 3, 4]);
    expect([...clusterStarts([])]).toEqual([0]);
  });

  it('does not depend on the basis of a repeated eigenvalue', () => {
    // C along any orthonormal basis of the plane: the trace is the same.
    const C = [
      [3, 1],
      [1, 2],
    ];
    const along = (angle: number) =>
      [0, Math.PI / 2].map((turn) => {
        const v = [Math.cos(angle + turn), Math.sin(angle + turn)];
        return v.reduce((sum, vi, i) => sum + vi * v.reduce((s, vj, j) => s + C[i][j] * vj, 0), 0);
      });
    for (const angle of [0, 0.3, 1.1])
      expect([...averageClusters([4, 4], along(angle))].map((c) => c.toFixed(12))).toEqual(
        Array(2).fill((2.5).toFixed(12)),
      );
  });

  it('refuses increasing eigenvalues and lengths that differ', () => {
    expect(() => averageClusters([1, 2], [1, 2])).toThrow(/must decrease/);
    expect(() => averageClusters([2, 1], [1])).toThrow(/2 eigenvalues for 1/);
    expect(() => averageClusters([2, 1], [1, 2], NaN)).toThrow(/relative gap/);
  });
});

describe('chooseDirections', () => {
  const spectrum = (d: number, decades: number) =>
    Float64Array.from({ length: d }, (_, i) => 3 * 10 ** ((-decades * i) / (d - 1)));

  it('takes every eligible direction where they are few', () => {
    const chosen = chooseDirections([...spectrum(50, 4), -1, -2]);
    expect([...chosen.indices]).toEqual(Array.from({ length: 50 }, (_, i) => i));
    expect([...chosen.weights]).toEqual(Array(50).fill(1));
    expect(chosen.largest).toBe(3);
  });

  it('stays within the count, stands for all, is even at the bottom and whole at the top', () => {
    // A spectrum like a trained network's: few large, many small.
    const random = new Random(1);
    const eigenvalues = Float64Array.from({ length: 2500 }, () => 10 ** (-7.5 * random.uniform() ** 0.4))
      .sort()
      .reverse();
    const chosen = chooseDirections(eigenvalues);
    expect(chosen.indices.length).toBeLessThanOrEqual(400);
    expect(chosen.indices.length).toBeGreaterThan(370);
    expect(chosen.weights.reduce((a, b) => a + b)).toBe(2500);
    for (let k = 1; k < chosen.selection.length; k++) expect(chosen.selection[k]).toBeLessThan(chosen.selection[k - 1]);
    const large = eigenvalues.filter((v) => v > 0.1 * eigenvalues[0]).length;
    expect([...chosen.indices].filter((i) => i < large).length).toBe(large);
    // A weighted mean over the subset follows the mean over all.
    const weighted = chosen.selection.reduce((sum, v, k) => sum + chosen.weights[k] * Math.log(v), 0) / 2500;
    expect(Math.abs(weighted - mean(eigenvalues.map(Math.log)))).toBeLessThan(0.01);
  });

  it('keeps clusters whole', () => {
    // Ten-fold eigenvalues, as in a last layer under mean squared error.
    const eigenvalues = Float64Array.from({ length: 1000 }, (_, i) => 10 ** (-Math.floor(i / 10) / 20));
    const chosen = chooseDirections(eigenvalues, { count: 300 });
    expect(chosen.indices.length).toBeLessThanOrEqual(300);
    expect(chosen.selection.length).toBeGreaterThan(20);
    expect(chosen.weights.reduce((a, b) => a + b)).toBe(1000);
    for (let k = 0; k + 1 < chosen.starts.length; k++) {
      const group = [...chosen.indices.subarray(chosen.starts[k], chosen.starts[k + 1])];
      expect(group).toEqual(Array.from({ length: 10 }, (_, i) => group[0] + i));
      expect(group[0] % 10).toBe(0);
    }
  });

  it('takes part of a cluster that is larger than a quarter of the count', () => {
    const eigenvalues = Float64Array.from({ length: 300 }, (_, i) => (i < 200 ? 1 : 0.5 - 0.001 * i));
    const chosen = chooseDirections(eigenvalues, { count: 100 });
    expect(chosen.starts[1]).toBe(25);
    expect(chosen.weights[0]).toBe(200);
  });

  it('leaves out what lies at the floor, and is empty without positive eigenvalues', () => {
    expect([...chooseDirections([1, 0.5, 1e-3, 1e-5], { floor: 1e-3 }).indices]).toEqual([0, 1]);
    expect(chooseDirections([0, -1]).indices.length).toBe(0);
    expect(chooseDirections([]).indices.length).toBe(0);
    expect(() => chooseDirections([1], { count: NaN })).toThrow(/count/);
  });
});
