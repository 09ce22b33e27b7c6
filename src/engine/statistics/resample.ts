/**
 * Every slope under resampling of the sample blocks, and with each block left out. Directions and their selection stay as they are.
 *
 * Blocks are drawn within each quarter (A1, A2, B1, B2), so that both estimands and the split-half instrument see one and the same
 * resample and their differences are paired. From a quarter of n blocks n - 1 are drawn with replacement, each counting n / (n - 1):
 * this makes the variance of a mean exactly unbiased where drawing n of n would give (n - 1) / n of it (Rao & Wu, JASA 83, 1988).
 */
import type { Floors } from '../../shared/cutoffs.ts';
import { Random } from '../../shared/random.ts';
import type { BlockProjections, ProjectedDirections, SampleBlock } from './blocks.ts';
import { resampleBatch, DirectionFits, slopesPerCutoff, type WantedSlopes } from './direction-fits.ts';
import { LinearTheilSen, pilots } from './linear-theil-sen.ts';
import { plainProducts, type RowProducts } from './row-products.ts';

/** Slope s of one estimand: `slopeIndex` in direction-fits.ts. NaN if undefined. */
export interface Replicates {
  /** From all blocks. */
  readonly estimate: Float64Array;
  /** Entry s: its value in each resample. */
  readonly resampled: readonly Float64Array[];
  /** Entry s: its value without each block, the others of its quarter counting n / (n - 1). */
  readonly without: readonly Float64Array[];
  /** Entry s: variance of its resampled values that they do not show (Theil-Sen's; else 0). */
  readonly missed: Float64Array;
  /** Usable groups of directions at each cutoff (cross-fitted: the mean over the two halves). */
  readonly groups: readonly number[];
}

/** Which blocks each resample drew. */
export interface Draws {
  /** [resamples, blocks]: how often. */
  readonly counts: Uint8Array | Uint16Array;
  readonly resamples: number;
  /** Rows of each quarter. */
  readonly quarters: readonly RowRange[];
}

export type RowRange = readonly [start: number, end: number];

export function quartersOf(blocks: readonly SampleBlock[]): RowRange[] {
  return [0, 1, 2, 3].map((quarter) => {
    const start = blocks.findIndex((block) => block.quarter === quarter);
    return [start, start + blocks.filter((block) => block.quarter === quarter).length];
  });
}

export function draw(quarters: readonly RowRange[], resamples: number, seed: number): Draws {
  const random = new Random(seed, 'bootstrap');
  const blocks = quarters.at(-1)![1];
  const counts = new Uint16Array(resamples * blocks);
  for (let r = 0; r < resamples; r++)
    for (const [start, end] of quarters)
      for (let k = start + 1; k < end; k++) counts[r * blocks + start + random.below(end - start)]++;
  return { counts, resamples, quarters };
}

/** One set of directions with the blocks that its values come from: what one task replicates. */
export interface SetArgument {
  readonly projected: ProjectedDirections;
  /** Samples of each of its blocks. */
  readonly sizes: readonly number[];
  /** Rows (of its blocks) of the two parts behind the instrument, or all of them. */
  readonly parts: readonly RowRange[];
  /** Its blocks among all: from .. to - 1. */
  readonly from: number;
  readonly to: number;
  readonly draws: Draws;
  readonly floors: Floors;
  readonly cutoffs: readonly number[];
  readonly wanted: WantedSlopes;
}

export interface SetReplicates {
  readonly estimate: Float64Array;
  /** Slope s: the resamples, then the samples without each block. */
  readonly values: readonly Float64Array[];
  readonly missed: Float64Array;
  readonly groups: readonly number[];
}

/** Over all samples, along directions of A, along directions of B. */
export function setsOf(
  { blocks, training_set, cross_fitted }: BlockProjections,
  draws: Draws,
  floors: Floors,
  cutoffs: readonly number[],
  wanted: WantedSlopes = 'all',
): readonly [SetArgument, SetArgument, SetArgument] {
  const [a1, a2, b1, b2] = draws.quarters as readonly [RowRange, RowRange, RowRange, RowRange];
  const inA = a2[1];
  const inB = ([start, end]: RowRange): RowRange => [start - inA, end - inA];
  const set = (projected: ProjectedDirections, parts: readonly RowRange[], from: number, to: number): SetArgument => ({
    projected,
    sizes: blocks.slice(from, to).map((block) => block.end - block.start),
    parts,
    from,
    to,
    draws,
    floors,
    cutoffs,
    wanted,
  });
  return [
    set(training_set, [[0, blocks.length]], 0, blocks.length),
    set(cross_fitted[0], [inB(b1), inB(b2)], inA, blocks.length),
    set(cross_fitted[1], [a1, a2], 0, inA),
  ];
}

/** Every slope of one set in every resample. */
export function replicateSet(set: SetArgument, products: RowProducts = plainProducts): SetReplicates {
  const { projected, sizes, parts, from, to, draws, floors, cutoffs, wanted } = set;
  const fits = new DirectionFits(projected, sizes, parts, floors, cutoffs, products, wanted);
  const slopes = cutoffs.length * slopesPerCutoff;
  const { resamples } = draws;
  const blocks = draws.quarters.at(-1)![1];
  const rows = resamples + blocks;
  const weights = weightsOf(draws);
  const weightsAt = (row: number) => weights.subarray(row * blocks + from, row * blocks + to);

  const estimate = new Float64Array(slopes);
  fits.loadOne(new Float64Array(to - from).fill(1));
  fits.slopes(estimate);
  const theilSen = wanted === 'all' ? new LinearTheilSen(fits, estimate, Math.min(pilots, resamples), weightsAt) : null;
  const values = Array.from({ length: slopes }, () => new Float64Array(rows));
  const one = new Float64Array(slopes);
  for (let start = 0; start < rows; start += resampleBatch) {
    const count = Math.min(resampleBatch, rows - start);
    fits.sum(weights.subarray(start * blocks + from), blocks, count);
    for (let r = 0; r < count; r++) {
      const row = start + r;
      fits.load(r);
      fits.slopes(one);
      theilSen?.slopes(one, row < resamples);
      for (let s = 0; s < slopes; s++) values[s][row] = one[s];
    }
  }
  const missed = new Float64Array(slopes);
  theilSen?.missed(missed);
  fits.release();
  return { estimate, values, missed, groups: fits.selected };
}

/** Both estimands from the three sets; the cross-fitted one is the mean over the two halves. */
export function combine(
  sets: readonly SetReplicates[],
  resamples: number,
): { readonly training_set: Replicates; readonly cross_fitted: Replicates } {
  const [training, fromA, fromB] = sets.map(({ estimate, values, missed, groups }): Replicates => ({
    estimate,
    resampled: values.map((all) => all.subarray(0, resamples)),
    without: values.map((all) => all.subarray(resamples)),
    missed,
    groups,
  }));
  return {
    training_set: training,
    cross_fitted: {
      estimate: mean(fromA.estimate, fromB.estimate),
      resampled: fromA.resampled.map((values, s) => mean(values, fromB.resampled[s])),
      without: fromA.without.map((values, s) => mean(values, fromB.without[s])),
      missed: fromA.missed.map((variance, s) => (variance + fromB.missed[s]) / 4),
      groups: [...mean(fromA.groups, fromB.groups)],
    },
  };
}

function mean(a: ArrayLike<number>, b: ArrayLike<number>): Float64Array {
  const means = new Float64Array(a.length);
  for (let i = 0; i < means.length; i++) means[i] = (a[i] + b[i]) / 2;
  return means;
}

/** Weights of the blocks [resamples + blocks, blocks]: first the resamples, then each block left out. */
function weightsOf({ counts, resamples, quarters }: Draws): Float64Array {
  const blocks = quarters.at(-1)![1];
  const weights = new Float64Array((resamples + blocks) * blocks).fill(1, resamples * blocks);
  for (const [start, end] of quarters) {
    const n = end - start;
    for (let r = 0; r < resamples; r++)
      for (let b = start; b < end; b++) weights[r * blocks + b] = (counts[r * blocks + b] * n) / (n - 1);
    for (let left = start; left < end; left++)
      for (let b = start; b < end; b++) weights[(resamples + left) * blocks + b] = b === left ? 0 : n / (n - 1);
  }
  return weights;
}
