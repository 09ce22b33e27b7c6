/** Slow, obvious versions of what is tested, and samples to test it on. Shares no code with src/engine/statistics or src/shared/fits.ts. */
import type { Random } from '../../../src/shared/random.ts';

export const mean = (values: ArrayLike<number>): number => {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i];
  return sum / values.length;
};

/** Standard deviation with divisor n - 1. */
export const deviation = (values: ArrayLike<number>): number => {
  const m = mean(values);
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += (values[i] - m) ** 2;
  return Math.sqrt(sum / (values.length - 1));
};

export const median = (values: ArrayLike<number>): number => {
  const sorted = Array.from(values).sort((a, b) => a - b);
  const n = sorted.length;
  return n % 2 === 1 ? sorted[(n - 1) / 2] : (sorted[n / 2 - 1] + sorted[n / 2]) / 2;
};

/** Mean over replicates with its standard error. */
export function summarise(values: readonly number[]): { mean: number; error: number } {
  return { mean: mean(values), error: deviation(values) / Math.sqrt(values.length) };
}

/** Solves the normal equations of least squares by Gaussian elimination; rows of `design` are points. */
export function leastSquaresByElimination(design: readonly (readonly number[])[], y: readonly number[]): number[] {
  const k = design[0].length;
  const a = Array.from({ length: k }, (_, i) =>
    Array.from({ length: k + 1 }, (_, j) => design.reduce((sum, row, p) => sum + row[i] * (j < k ? row[j] : y[p]), 0)),
  );
  for (let i = 0; i < k; i++) {
    const pivot = a.slice(i).reduce((best, row, r) => (Math.abs(row[i]) > Math.abs(a[best][i]) ? i + r : best), i);
    [a[i], a[pivot]] = [a[pivot], a[i]];
    for (let r = 0; r < k; r++) {
      if (r === i) continue;
      const factor = a[r][i] / a[i][i];
      for (let c = i; c <= k; c++) a[r][c] -= factor * a[i][c];
    }
  }
  return a.map((row, i) => row[k] / row[i]);
}

/** Median of all pairwise slopes, listed one by one. */
export function theilSenByListing(x: ArrayLike<number>, y: ArrayLike<number>): number {
  const slopes: number[] = [];
  for (let i = 0; i < x.length; i++)
    for (let j = i + 1; j < x.length; j++) if (x[i] !== x[j]) slopes.push((y[j] - y[i]) / (x[j] - x[i]));
  return slopes.length === 0 ? NaN : median(slopes);
}

export const normals = (random: Random, n: number, scale = 1): Float64Array =>
  Float64Array.from({ length: n }, () => scale * random.normal());
