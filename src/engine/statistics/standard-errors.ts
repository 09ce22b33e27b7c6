/** Standard errors of means over samples from sums over blocks of them. */
import type { BlockProjections } from './blocks.ts';
import type { StandardErrors } from '../../shared/results.ts';

/**
 * sqrt(sum_b n_b^2 (m_b - m)^2 / N^2 * B / (B - 1)) with m_b the mean over block b of n_b samples and m the mean over all N: the spread of B block
 * means over sqrt(B) if blocks are of one size. Expects at least 2 blocks.
 */
export function standardErrorOverBlocks(sums: ArrayLike<number>, sizes: readonly number[]): number {
  const count = sizes.length;
  const samples = sizes.reduce((total, n) => total + n, 0);
  let total = 0;
  for (let b = 0; b < count; b++) total += sums[b];
  const mean = total / samples;
  let squares = 0;
  for (let b = 0; b < count; b++) squares += (sums[b] - sizes[b] * mean) ** 2;
  return Math.sqrt((squares * count) / (count - 1)) / samples;
}

/** Largest share of one sample, and of one block, in sum_p |g_p|^2; null if it was not kept. */
export function noiseShare({ traces }: BlockProjections): { sample: number | null; block: number | null } {
  if (traces === undefined) return { sample: null, block: null };
  const total = traces.C.reduce((sum, x) => sum + x, 0);
  const share = (values: Float64Array | undefined): number | null =>
    values === undefined || !(total > 0) ? null : values.reduce((most, x) => Math.max(most, x), 0) / total;
  return { sample: share(traces.largest), block: share(traces.C) };
}

/** Of the traces, if sums by block were kept, and of the largest eigenvalue along its direction. */
export function standardErrors({ blocks, training_set, traces }: BlockProjections): StandardErrors {
  const sizes = blocks.map((block) => block.end - block.start);
  const of = (sums: ArrayLike<number> | undefined): number | null =>
    sums === undefined ? null : standardErrorOverBlocks(sums, sizes);
  const { directions, sums } = training_set;
  const k = directions.indices.length;
  const hasLeading = k > 0 && directions.indices[0] === 0 && directions.starts[1] === 1;
  return {
    trace: { C: of(traces?.C), H: of(traces?.H), Q: of(traces?.Q) },
    largest_eigenvalue: hasLeading ? of(sizes.map((_, b) => sums.curvature[b * k])) : null,
  };
}
