/** A number over several runs, as the seeds of one setup. */
import { studentQuantile } from './distributions.ts';

export interface GroupStatistics {
  readonly n: number;
  readonly mean: number;
  readonly smallest: number;
  readonly largest: number;
  /** Divisor n - 1; null for n = 1. */
  readonly standard_deviation: number | null;
  /** 95 % interval of the mean over the runs (Student's t with n - 1 degrees of freedom); null for n = 1. */
  readonly interval: readonly [low: number, high: number] | null;
}

/** Half the width of a 95 % interval of a mean in standard errors, by degrees of freedom; each is computed once, for there are few. */
export function intervalQuantiles(): (freedom: number) => number {
  const known = new Map<number, number>();
  return (freedom) => {
    const quantile = known.get(freedom) ?? studentQuantile(0.975, freedom);
    known.set(freedom, quantile);
    return quantile;
  };
}

/**
 * Mean, standard deviation (divisor n - 1) and 95 % interval of the mean, mean +- t s / sqrt(n) with t the 97.5 % quantile of Student's
 * distribution with n - 1 degrees of freedom. Of many lists: give them one `intervalQuantiles()`. Raises an Error for an empty list.
 */
export function statisticsOf(values: readonly number[], quantile = intervalQuantiles()): GroupStatistics {
  const n = values.length;
  if (n === 0) throw new Error('a mean needs at least one value');
  const mean = values.reduce((sum, value) => sum + value, 0) / n;
  let [smallest, largest] = [Infinity, -Infinity];
  for (const value of values) {
    smallest = Math.min(smallest, value);
    largest = Math.max(largest, value);
  }
  if (n < 2) return { n, mean, smallest, largest, standard_deviation: null, interval: null };
  const deviation = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (n - 1));
  const half = (quantile(n - 1) * deviation) / Math.sqrt(n);
  return { n, mean, smallest, largest, standard_deviation: deviation, interval: [mean - half, mean + half] };
}

/** Linear interpolation between the order statistics of sorted values, at a share in [0, 1]; NaN for none. */
export function quantileOf(sorted: ArrayLike<number>, share: number): number {
  const position = share * (sorted.length - 1);
  const low = Math.floor(position);
  const high = Math.min(low + 1, sorted.length - 1);
  return sorted.length === 0 ? NaN : sorted[low] + (position - low) * (sorted[high] - sorted[low]);
}

/** The middle value, of an even number the mean of the middle two; NaN of none. */
export function medianOf(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  if (sorted.length === 0) return NaN;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}
