/** Means with intervals over seeds, as figures state them. */

/** 97.5 % points of Student's t for 1 to 30 degrees of freedom (Abramowitz and Stegun, table 26.10). */
const t975 = [
  12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.16, 2.145, 2.131, 2.12, 2.11, 2.101, 2.093, 2.086, 2.08, 2.074, 2.069, 2.064, 2.06, 2.056,
  2.052, 2.048, 2.045, 2.042,
]; // prettier-ignore

/** Beyond the table by the expansion in 1/df (26.7.5), within 1e-4. */
export function tQuantile975(degrees: number): number {
  if (!(degrees >= 1)) throw new Error(`Student's t needs at least one degree of freedom, not ${degrees}`);
  if (degrees <= 30 && Number.isInteger(degrees)) return t975[degrees - 1];
  const z = 1.959964;
  return z + (z ** 3 + z) / (4 * degrees) + (5 * z ** 5 + 16 * z ** 3 + 3 * z) / (96 * degrees ** 2);
}

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
  const n = values.length;
  if (n === 0) throw new Error('a mean needs at least one value');
  const mean = values.reduce((sum, value) => sum + value, 0) / n;
  const variance = n > 1 ? values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (n - 1) : 0;
  const half = n > 1 ? tQuantile975(n - 1) * Math.sqrt(variance / n) : 0;
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
