/**
 * 95 % intervals of all slopes, by a studentised bootstrap over blocks of samples.
 *
 * With T the estimate, T* its value in a resample of blocks and u_b the influence of block b (from leaving it out):
 *   se^2  = sum_q sum_(b in q) (u_b - mean u)^2 / (n_q (n_q - 1)) over the quarters q of n_q blocks (the stratified jackknife),
 *   se*^2 = the same from the blocks a resample drew,
 *   t     = the 95th percentile of |T* - mean T*| / se*,
 *   interval = (T - bias) -+ min(t, 4.303) se.
 * (Symmetric bootstrap-t: Hall, Ann. Statist. 16, 1988; Efron & Tibshirani, An Introduction to the Bootstrap, 1993, chapter 12.)
 * docs/statistics.md has the simulations that chose it over percentile and BCa intervals: those cover 0.3 of the time, or not at all, where
 * H is noisy, because a resample adds the noise a second time and flattens the slope again; and 0.88 with heavy tails.
 *
 * Where one block carries nearly all of se^2 (a few samples carry nearly all of C), resamples that miss it have almost no se*, and t grows without
 * limit although it is meaningless: it is capped at Student's quantile for two degrees of freedom, and the block's share is reported.
 *
 * bias = mean T* - T, the effect of the noise of a finite number of samples on a slope of logarithms. It is removed from the cross-fitted
 * slopes, which estimate the landscape the samples came from. It is not removed from the training-set slopes: they are exact for
 * these P samples. Their interval shows how far they would move with P other samples from the same source, along the same directions.
 * Neither interval covers the choice of the eigenvectors: they are held fixed.
 */
import { estimators, type Estimator, type Interval } from '../../shared/slopes.ts';
import { standardCutoffs, type Estimand } from '../../shared/estimands.ts';
import { studentQuantile } from '../../shared/distributions.ts';
import { type Floors, type Relation } from '../../shared/cutoffs.ts';
import { checkProjections, type BlockProjections } from './blocks.ts';
import { scatterIndex, slopeIndex, type WantedSlopes } from './direction-fits.ts';
import {
  combine,
  draw,
  quartersOf,
  replicateSet,
  setsOf,
  type Draws,
  type Replicates,
  type SetArgument,
  type SetReplicates,
} from './resample.ts';

export interface BootstrapOptions {
  /** Safe integer >= 0; stored with the result. */
  readonly seed: number;
  /** Number of resamples, >= 200; defaults to 2,000. */
  readonly resamples?: number;
  /** Defaults to the standard cutoffs. */
  readonly cutoffs?: readonly number[];
  readonly floors: Floors;
  /** Default all; else the rows hold least squares of C on Q and nothing else. */
  readonly wanted?: WantedSlopes;
}

/** One slope, or a difference of two, along the chosen directions. */
export interface Resampled {
  /** From all blocks; not quite the value along all directions of the layer. */
  readonly estimate: number;
  /** What was subtracted from it to give the middle of the interval. */
  readonly correction: number;
  /** Jackknife standard error (Theil-Sen: with what its expansion misses). */
  readonly standard_error: number;
  /** Largest share of one block in the jackknife variance, 0 to 1. */
  readonly block_share: number;
  readonly interval: Interval;
}

export type ResampledSlopes = Partial<Record<Estimator, Resampled>>;

/** Absent entries are undefined there: too few directions or blocks, or a slope that more than 1 in 20 resamples lack. */
export interface BootstrapRow {
  readonly cutoff: number;
  /** Directions and clusters used (cross-fitted: the mean over the two halves). */
  readonly groups: number;
  readonly gamma: ResampledSlopes;
  readonly gamma_Q: ResampledSlopes;
  readonly C_on_Q: ResampledSlopes;
  /** gamma - gamma_Q. */
  readonly gamma_minus_gamma_Q: ResampledSlopes;
  /** Scatter of C on H less that of C on Q about their lines of slope 1, in decades. */
  readonly scatter_difference: Resampled | undefined;
}

export interface BootstrapResult {
  readonly seed: number;
  readonly resamples: number;
  readonly blocks: number;
  readonly training_set: readonly BootstrapRow[];
  readonly cross_fitted: readonly BootstrapRow[];
  /** Training set less cross-fitted, from the same resamples. */
  readonly difference: readonly Omit<BootstrapRow, 'groups' | 'gamma_minus_gamma_Q' | 'scatter_difference'>[];
}

/** With fewer blocks in a quarter there is no interval: too few to estimate a spread from. */
export const fewestBlocks = 4;

/** Standard errors in half of an interval, at most. */
const widest = studentQuantile(0.975, 2);

/** The three parts of the work, which may be done side by side (`replicateSet`), and what makes the result of theirs. */
export interface BootstrapPlan {
  readonly sets: readonly SetArgument[];
  readonly finish: (sets: readonly SetReplicates[]) => BootstrapResult;
}

/** Raises an Error if the projections do not fit together (blocks.ts) or an option is out of range. */
export function bootstrap(projections: BlockProjections, options: BootstrapOptions): BootstrapResult {
  const { sets, finish } = planBootstrap(projections, options);
  return finish(sets.map((set) => replicateSet(set)));
}

/** Raises an Error as `bootstrap` does. */
export function planBootstrap(projections: BlockProjections, options: BootstrapOptions): BootstrapPlan {
  const { seed, resamples = 2000, cutoffs = standardCutoffs, floors, wanted = 'all' } = options;
  if (!(Number.isInteger(resamples) && resamples >= 200))
    throw new Error(`bootstrap: expected at least 200 resamples, found ${resamples}`);
  checkProjections(projections);
  const draws = draw(quartersOf(projections.blocks), resamples, seed);
  return {
    sets: setsOf(projections, draws, floors, cutoffs, wanted),
    finish: (sets) => summariseSets(sets, draws, seed, cutoffs, wanted),
  };
}

function summariseSets(
  sets: readonly SetReplicates[],
  draws: Draws,
  seed: number,
  cutoffs: readonly number[],
  wanted: WantedSlopes,
): BootstrapResult {
  const replicates = combine(sets, draws.resamples);
  const enough = draws.quarters.every(([start, end]) => end - start >= fewestBlocks);

  const summarise = (slope: (relation: Relation, estimator: Estimator) => Slope | undefined, relation: Relation) => {
    const out: { -readonly [E in Estimator]?: Resampled } = {};
    for (const estimator of estimators) {
      const replicatedSlope = slope(relation, estimator);
      const resampled = replicatedSlope && enough ? intervalOf(replicatedSlope, draws) : undefined;
      if (resampled) out[estimator] = resampled;
    }
    return out;
  };
  const row = (cutoff: number, slope: (relation: Relation, estimator: Estimator) => Slope | undefined) => ({
    cutoff: cutoffs[cutoff],
    gamma: summarise(slope, 'gamma'),
    gamma_Q: summarise(slope, 'gamma_Q'),
    C_on_Q: summarise(slope, 'C_on_Q'),
  });
  const slopeOf = (estimand: Estimand, cutoff: number) => (relation: Relation, estimator: Estimator) =>
    pick(replicates[estimand], estimand, cutoff, relation, estimator);
  const rows = (estimand: Estimand): BootstrapRow[] =>
    cutoffs.map((_, cutoff) => {
      const slope = slopeOf(estimand, cutoff);
      const scatter = pickAt(replicates[estimand], estimand, scatterIndex(cutoff));
      return {
        ...row(cutoff, slope),
        groups: replicates[estimand].groups[cutoff],
        gamma_minus_gamma_Q: summarise(
          (_, estimator) => subtract(slope('gamma', estimator), slope('gamma_Q', estimator)),
          'gamma',
        ),
        scatter_difference: scatter && enough ? intervalOf(scatter, draws) : undefined,
      };
    });
  return {
    seed,
    resamples: draws.resamples,
    blocks: draws.quarters.at(-1)![1],
    training_set: rows('training_set'),
    cross_fitted: rows('cross_fitted'),
    difference: cutoffs.map((_, cutoff) =>
      row(cutoff, (relation, estimator) =>
        wanted === 'all'
          ? subtract(
              slopeOf('training_set', cutoff)(relation, estimator),
              slopeOf('cross_fitted', cutoff)(relation, estimator),
            )
          : undefined,
      ),
    ),
  };
}

/** A slope or a difference of slopes with all that its interval takes. */
interface Slope {
  readonly estimate: number;
  readonly correction: number;
  readonly resampled: Float64Array;
  readonly without: Float64Array;
  /** Variance beyond what `without` shows. */
  readonly missed: number;
}

function pick(
  replicates: Replicates,
  estimand: Estimand,
  cutoff: number,
  relation: Relation,
  estimator: Estimator,
): Slope | undefined {
  const picked = pickAt(replicates, estimand, slopeIndex(cutoff, relation, estimator));
  if (picked !== undefined && estimator === 'theil_sen') {
    const bias = meanOfFinite(picked.resampled) - picked.estimate;
    // A median of slopes sits on a step of the sample; the mean over resamples smooths it. So the middle is that mean, less the bias,
    // which for this purpose is least squares' (noise flattens both alike).
    const ols = slopeIndex(cutoff, relation, 'ols');
    const flattening = meanOfFinite(replicates.resampled[ols]) - replicates.estimate[ols];
    return { ...picked, correction: (estimand === 'cross_fitted' ? 2 : 1) * flattening - bias };
  }
  return picked;
}

/** The value at one place of the replicates; undefined if it is missing there or in more than 1 in 20 resamples. */
function pickAt(replicates: Replicates, estimand: Estimand, at: number): Slope | undefined {
  const estimate = replicates.estimate[at];
  const resampled = replicates.resampled[at];
  if (Number.isNaN(estimate) || !mostlyFinite(resampled)) return undefined;
  const correction = estimand === 'cross_fitted' ? meanOfFinite(resampled) - estimate : 0;
  return { estimate, correction, resampled, without: replicates.without[at], missed: replicates.missed[at] };
}

function subtract(a: Slope | undefined, b: Slope | undefined): Slope | undefined {
  if (!a || !b) return undefined;
  return {
    estimate: a.estimate - b.estimate,
    correction: a.correction - b.correction,
    resampled: a.resampled.map((value, r) => value - b.resampled[r]),
    without: a.without.map((value, i) => value - b.without[i]),
    missed: a.missed + b.missed,
  };
}

function intervalOf({ estimate, correction, resampled, without, missed }: Slope, draws: Draws): Resampled | undefined {
  const influence = influences(without, draws);
  if (!influence || !mostlyFinite(resampled)) return undefined;
  let variance = 0;
  let largest = 0;
  for (const [start, end] of draws.quarters) {
    const n = end - start;
    for (let b = start; b < end; b++) {
      const part = (influence[b] * influence[b]) / (n * (n - 1));
      variance += part;
      largest = Math.max(largest, part);
    }
  }
  const middle = estimate - correction;
  if (!(variance > 0)) return { estimate, correction, standard_error: 0, block_share: 0, interval: [middle, middle] };
  const standard_error = Math.sqrt(variance + missed);
  const half = Math.min(studentised(resampled, influence, draws), widest) * standard_error;
  return {
    estimate,
    correction,
    standard_error,
    block_share: largest / variance,
    interval: [middle - half, middle + half],
  };
}

/** u_b = -(n - 1) (T without b - the mean of these over the quarter); undefined if a slope is. */
function influences(without: Float64Array, draws: Draws): Float64Array | undefined {
  const influence = new Float64Array(without.length);
  for (const [start, end] of draws.quarters) {
    let mean = 0;
    for (let b = start; b < end; b++) mean += without[b] / (end - start);
    if (Number.isNaN(mean)) return undefined;
    for (let b = start; b < end; b++) influence[b] = -(end - start - 1) * (without[b] - mean);
  }
  return influence;
}

/** 95th percentile of |T* - mean T*| / se*. */
function studentised(resampled: Float64Array, influence: Float64Array, { counts, resamples, quarters }: Draws): number {
  const blocks = influence.length;
  const mean = meanOfFinite(resampled);
  const variance = new Float64Array(resamples);
  for (const [start, end] of quarters) {
    const n = end - start - 1;
    for (let r = 0, row = 0; r < resamples; r++, row += blocks) {
      let sum = 0;
      let squares = 0;
      for (let b = start; b < end; b++) {
        const u = influence[b];
        const weighted = counts[row + b] * u;
        sum += weighted;
        squares += weighted * u;
      }
      variance[r] += (squares - (sum * sum) / n) / (n * (n - 1));
    }
  }
  const t = new Float64Array(resamples);
  let count = 0;
  for (let r = 0; r < resamples; r++) {
    const distance = Math.abs(resampled[r] - mean);
    if (!Number.isNaN(distance)) t[count++] = variance[r] > 0 ? distance / Math.sqrt(variance[r]) : Infinity;
  }
  const sorted = t.subarray(0, count).sort();
  // Rank 0.95 (R + 1), between neighbours.
  const rank = Math.min(0.95 * (count + 1) - 1, count - 1);
  const below = Math.floor(rank);
  const low = sorted[below];
  return below + 1 < count ? low + (rank - below) * (sorted[below + 1] - low) : low;
}

function mostlyFinite(values: Float64Array): boolean {
  let missing = 0;
  for (const value of values) if (!Number.isFinite(value)) missing++;
  return missing <= values.length / 20;
}

function meanOfFinite(values: Float64Array): number {
  let sum = 0;
  let count = 0;
  for (const value of values) {
    if (!Number.isFinite(value)) continue;
    sum += value;
    count++;
  }
  return sum / count;
}
