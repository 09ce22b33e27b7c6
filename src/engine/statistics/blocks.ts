/**
 * What the bootstrap needs from a measurement: sums over blocks of samples, along fixed directions (docs/theory.md, "Intervals without block
 * matrices"). Filled by the measuring code, read by bootstrap.ts.
 *
 * Letters: p sample, b block, i chosen direction (0..k-1, a row v_i of unit length), P samples, A and B the two random halves.
 * Every sample is in exactly one block. A quarter is half of a half, as the split-half instrument needs it: 0 = A1, 1 = A2, 2 = B1,
 * 3 = B2.
 */
import type { ChosenDirections } from './directions.ts';

export type Quarter = 0 | 1 | 2 | 3;

/** Samples start .. end - 1 of the random order in which half A comes first and half B follows. */
export interface SampleBlock {
  readonly quarter: Quarter;
  readonly start: number;
  readonly end: number;
}

/** Sums over the samples p of one block b along one direction i, each [blocks, k] row-major. Sums, not means. */
export interface ProjectionSums {
  /** sum_p v_i . h_p v_i */
  readonly curvature: Float64Array;
  /** sum_p |h_p v_i|^2 */
  readonly squaredCurvature: Float64Array;
  /**
   * sum_p (g_p - r) . v_i, where r is any vector that is the same for all samples and blocks: C does not depend on it. The mean gradient
   * over all samples keeps the variance free of cancellation.
   */
  readonly gradient: Float64Array;
  /** sum_p ((g_p - r) . v_i)^2, with the same r. */
  readonly squaredGradient: Float64Array;
}

export interface ProjectedDirections {
  readonly directions: ChosenDirections;
  readonly sums: ProjectionSums;
}

/** Sums over the samples of each block of |g_p|^2, tr h_p and tr h_p^2, whose means are (except for |g|^2) the traces of C, H and Q. */
export interface BlockTraces {
  readonly C: Float64Array;
  readonly H: Float64Array;
  readonly Q: Float64Array;
  /** The largest |g_p|^2 of each block, if it was kept. */
  readonly largest?: Float64Array;
}

export interface BlockProjections {
  /** From `planBlocks`: in order of quarters. */
  readonly blocks: readonly SampleBlock[];
  /** Eigenvectors of H over all samples; rows of the sums: all blocks. */
  readonly training_set: ProjectedDirections;
  /**
   * First: eigenvectors of H_A, rows of the sums the blocks of B (quarters 2 and 3) in their order; second: eigenvectors of H_B, rows the
   * blocks of A (quarters 0 and 1). `directions` come from `chooseDirections` on the eigenvalues of the half that gave the directions.
   */
  readonly cross_fitted: readonly [ProjectedDirections, ProjectedDirections];
  readonly traces?: BlockTraces;
}

/** Blocks a quarter unless asked otherwise: 64 in all. */
export const defaultBlocks = 16;

/**
 * Cuts the random order of samples (half A first, then half B; each in random order) into quarters and these into blocks of sizes that
 * differ by one at most.
 * @param halves numbers of samples in A and in B, each >= 4.
 * @param perQuarter blocks a quarter, >= 2; fewer if a quarter has fewer than two samples for each.
 */
export function planBlocks(halves: readonly [number, number], perQuarter = defaultBlocks): SampleBlock[] {
  if (!(Number.isInteger(perQuarter) && perQuarter >= 2))
    throw new Error(`planBlocks: expected at least 2 blocks a quarter, found ${perQuarter}`);
  const blocks: SampleBlock[] = [];
  let start = 0;
  halves.forEach((size, half) => {
    if (!(Number.isInteger(size) && size >= 4))
      throw new Error(`planBlocks: expected at least 4 samples in a half, found ${size}`);
    const sizes = [Math.ceil(size / 2), Math.floor(size / 2)];
    sizes.forEach((quarterSize, part) => {
      const count = Math.max(2, Math.min(perQuarter, Math.floor(quarterSize / 2)));
      for (let b = 0; b < count; b++) {
        blocks.push({
          quarter: (2 * half + part) as Quarter,
          start: start + Math.floor((b * quarterSize) / count),
          end: start + Math.floor(((b + 1) * quarterSize) / count),
        });
      }
      start += quarterSize;
    });
  });
  return blocks;
}

/** Zeroed sums for `rows` blocks and k directions. */
export function emptySums(rows: number, k: number): ProjectionSums {
  const zeros = () => new Float64Array(rows * k);
  return { curvature: zeros(), squaredCurvature: zeros(), gradient: zeros(), squaredGradient: zeros() };
}

/** Raises an Error if the shapes do not fit together or a sum is not finite. */
export function checkProjections(projections: BlockProjections): void {
  const { blocks, training_set, cross_fitted } = projections;
  let last = 0;
  const counts = [0, 0, 0, 0];
  for (const block of blocks) {
    if (!(block.quarter >= last && block.quarter <= 3))
      throw new Error('block projections: blocks must be in order of quarters');
    if (!(block.end > block.start))
      throw new Error(`block projections: block ${block.start}..${block.end} has no samples`);
    last = block.quarter;
    counts[block.quarter]++;
  }
  if (counts.some((count) => count < 2))
    throw new Error(`block projections: expected at least 2 blocks in every quarter, found ${counts.join(', ')}`);
  checkSums('training_set', training_set, blocks.length);
  checkSums('cross_fitted[0]', cross_fitted[0], counts[2] + counts[3]);
  checkSums('cross_fitted[1]', cross_fitted[1], counts[0] + counts[1]);
}

function checkSums(where: string, { directions, sums }: ProjectedDirections, rows: number): void {
  const k = directions.indices.length;
  for (const [name, array] of Object.entries(sums) as [keyof ProjectionSums, Float64Array][]) {
    if (array.length !== rows * k)
      throw new Error(`block projections: ${where}.${name} must be [${rows}, ${k}], found ${array.length} values`);
    const bad = array.findIndex((value) => !Number.isFinite(value));
    if (bad >= 0) throw new Error(`block projections: ${where}.${name}[${bad}] is ${array[bad]}`);
  }
}
