/**
 * Every slope under resampling of the sample blocks, and with each block left out. Directions and their selection stay as they are.
 *
 * Blocks are drawn within each quarter (A1, A2, B1, B2), so that both estimands and the split-half instrument see one and the same
 * resample and their differences are paired. From a quarter of n blocks n - 1 are drawn with replacement, each counting n / (n - 1):
 * this makes the variance of a mean exactly unbiased where drawing n of n would give (n - 1) / n of it (Rao & Wu, JASA 83, 1988).
 */
import type { Floors } from '../../shared/cutoffs.ts';
import { Random } from '../../shared/random.ts';
import type { BlockProjections, SampleBlock } from './blocks.ts';
import { DirectionFits, slopesPerCutoff } from './direction-fits.ts';
import { LinearTheilSen, pilots } from './linear-theil-sen.ts';

/** Slope s of one estimand: `slopeIndex` in direction-fits.ts. NaN where undefined. */
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
  readonly quarters: readonly Rows[];
}

export type Rows = readonly [start: number, end: number];

export function quartersOf(blocks: readonly SampleBlock[]): Rows[] {
  return [0, 1, 2, 3].map((quarter) => {
    const start = blocks.findIndex((block) => block.quarter === quarter);
    return [start, start + blocks.filter((block) => block.quarter === quarter).length];
  });
}

export function draw(quarters: readonly Rows[], resamples: number, seed: number): Draws {
  const random = new Random(seed, 'bootstrap');
  const blocks = quarters.at(-1)![1];
  const counts = new Uint16Array(resamples * blocks);
  for (let r = 0; r < resamples; r++)
    for (const [start, end] of quarters)
      for (let k = start + 1; k < end; k++) counts[r * blocks + start + random.below(end - start)]++;
  return { counts, resamples, quarters };
}

export function replicate(
  projections: BlockProjections,
  draws: Draws,
  floors: Floors,
  cutoffs: readonly number[],
): { readonly training_set: Replicates; readonly cross_fitted: Replicates } {
  const { blocks } = projections;
  const [a1, a2, b1, b2] = draws.quarters as readonly [Rows, Rows, Rows, Rows];
  const inA = a2[1];
  const sizes = blocks.map((block) => block.end - block.start);
  const inB = ([start, end]: Rows): Rows => [start - inA, end - inA];
  const sets = [
    {
      fits: new DirectionFits(projections.training_set, sizes, [[0, blocks.length]], floors, cutoffs),
      from: 0,
      to: blocks.length,
    },
    {
      fits: new DirectionFits(projections.cross_fitted[0], sizes.slice(inA), [inB(b1), inB(b2)], floors, cutoffs),
      from: inA,
      to: blocks.length,
    },
    {
      fits: new DirectionFits(projections.cross_fitted[1], sizes.slice(0, inA), [a1, a2], floors, cutoffs),
      from: 0,
      to: inA,
    },
  ];
  const weights = weightsOf(draws);
  const rows = draws.resamples + blocks.length;
  const [training, fromA, fromB] = sets.map(({ fits, from, to }): Replicates => {
    const weightsAt = (row: number) => weights.subarray(row * blocks.length + from, row * blocks.length + to);
    const { estimate, values, missed } = evaluate(fits, cutoffs.length, rows, draws.resamples, weightsAt);
    return {
      estimate,
      resampled: values.map((all) => all.subarray(0, draws.resamples)),
      without: values.map((all) => all.subarray(draws.resamples)),
      missed,
      groups: fits.selected,
    };
  }) as [Replicates, Replicates, Replicates];

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

function evaluate(
  fits: DirectionFits,
  cutoffs: number,
  rows: number,
  resamples: number,
  weightsAt: (row: number) => Float64Array,
): { estimate: Float64Array; values: Float64Array[]; missed: Float64Array } {
  const slopes = cutoffs * slopesPerCutoff;
  const estimate = new Float64Array(slopes);
  fits.load(new Float64Array(weightsAt(0).length).fill(1));
  fits.slopes(estimate);
  const theilSen = new LinearTheilSen(fits, estimate, Math.min(pilots, resamples), weightsAt);
  const values = Array.from({ length: slopes }, () => new Float64Array(rows));
  const one = new Float64Array(slopes);
  for (let row = 0; row < rows; row++) {
    fits.load(weightsAt(row));
    fits.slopes(one);
    theilSen.slopes(one, row < resamples);
    for (let s = 0; s < slopes; s++) values[s][row] = one[s]!;
  }
  const missed = new Float64Array(slopes);
  theilSen.missed(missed);
  return { estimate, values, missed };
}
