/** Means with intervals over seeds, as figures state them. */
import { studentQuantile } from '../../distributions.ts';

export interface Spread {
  readonly n: number;
  readonly mean: number;
  /** With divisor n - 1; 0 for a single value. */
  readonly standardDeviation: number;
  /** 95 % by Student's t; the value itself for a single one. */
  readonly interval: readonly [number, number];
  readonly range: readonly [number, number];
}

export function spreadOf(values: readonly number[]): Spread {
  return spreadsOf([values])[0];
}

/** One for each list of values. Quantiles are computed once for each number of values: thousands of steps share theirs. */
export function spreadsOf(lists: readonly (readonly number[])[]): Spread[] {
  const quantiles = new Map<number, number>();
  const t = (freedom: number): number => {
    const known = quantiles.get(freedom) ?? studentQuantile(0.975, freedom);
    quantiles.set(freedom, known);
    return known;
  };
  return lists.map((values) => spread(values, t));
}

function spread(values: readonly number[], t: (freedom: number) => number): Spread {
  const n = values.length;
  if (n === 0) throw new Error('a mean needs at least one value');
  const mean = values.reduce((sum, value) => sum + value, 0) / n;
  const variance = n > 1 ? values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (n - 1) : 0;
  const half = n > 1 ? t(n - 1) * Math.sqrt(variance / n) : 0;
  return {
    n,
    mean,
    standardDeviation: Math.sqrt(variance),
    interval: [mean - half, mean + half],
    range: [Math.min(...values), Math.max(...values)],
  };
}

/** Linear interpolation of sorted values at a share in [0, 1]. */
export function quantile(sorted: ArrayLike<number>, share: number): number {
  if (sorted.length === 0) return NaN;
  const place = share * (sorted.length - 1);
  const low = Math.floor(place);
  const high = Math.min(sorted.length - 1, low + 1);
  return sorted[low] + (place - low) * (sorted[high] - sorted[low]);
}
