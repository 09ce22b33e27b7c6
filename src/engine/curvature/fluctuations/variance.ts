/** The variance of series over time from sums over blocks of steps, with its standard error and a test for drift. Letters: b blocks of n steps, k series. */
import { medianOf } from '../../../shared/group-statistics.ts';
import type { Real } from '../../blas/types.ts';

export interface BlockVariances {
  /** Of each series about its mean [k], what its mean took away added again. */
  readonly variance: Float64Array;
  /** From the spread over blocks, which are taken as independent. */
  readonly standard_error: Float64Array;
  /** t of the slope of a straight line through the means of the blocks, b - 2 degrees of freedom. */
  readonly drift: Float64Array;
  /** The largest distance of a block's mean from their median, in standard deviations estimated from the median distance (1.4826 times it). */
  readonly excursion: Float64Array;
}

/** @param sums [blocks, 2, k]: sums of x and of x^2 over each block, about any reference near the mean. */
export function varianceOverBlocks(
  sums: Real,
  { blocks, k, blockLength }: { readonly blocks: number; readonly k: number; readonly blockLength: number },
): BlockVariances {
  const variance = new Float64Array(k);
  const standard_error = new Float64Array(k);
  const drift = new Float64Array(k);
  const excursion = new Float64Array(k);
  for (let i = 0; i < k; i++) {
    const means = Array.from({ length: blocks }, (_, b) => sums[b * 2 * k + i] / blockLength);
    const mean = means.reduce((sum, value) => sum + value, 0) / blocks;
    const spreads = means.map((own, b) => sums[b * 2 * k + k + i] / blockLength - 2 * mean * own + mean * mean);
    const about = spreads.reduce((sum, value) => sum + value, 0) / blocks;
    const between = means.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (blocks - 1);
    variance[i] = about + between / blocks;
    const scatter = spreads.reduce((sum, value) => sum + (value - about) ** 2, 0) / (blocks - 1);
    standard_error[i] = Math.sqrt(scatter / blocks);
    const middle = (blocks - 1) / 2;
    let [xx, xy] = [0, 0];
    for (const [b, own] of means.entries()) {
      xx += (b - middle) ** 2;
      xy += (b - middle) * (own - mean);
    }
    const left = Math.max(0, between * (blocks - 1) - xy ** 2 / xx) / (blocks - 2);
    drift[i] = xy === 0 ? 0 : xy / xx / Math.sqrt(left / xx);
    const centre = medianOf(means);
    const distances = means.map((own) => Math.abs(own - centre));
    const spread = 1.4826 * medianOf(distances);
    excursion[i] = spread > 0 ? Math.max(...distances) / spread : 0;
  }
  return { variance, standard_error, drift, excursion };
}
