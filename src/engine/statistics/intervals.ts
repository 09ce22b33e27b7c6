/** Puts the intervals of bootstrap.ts, computed along a subset of the directions, on the slopes fitted over all of them. */
import { definedOf, type Optional } from '../../shared/defined.ts';
import {
  estimators,
  type CutoffRow,
  type Estimator,
  type Interval,
  type SlopeDifference,
  type Slopes,
} from '../../shared/slopes.ts';
import type { Estimand } from '../../shared/estimands.ts';
import type { relations } from '../../shared/cutoffs.ts';
import { type BootstrapSummary, type EstimandDifference } from '../../shared/results.ts';
import type { BlockProjections } from './blocks.ts';
import type { BootstrapResult, BootstrapRow, ResampledSlopes } from './bootstrap.ts';

export interface RowsWithIntervals {
  readonly gamma: Readonly<Record<Estimand, readonly CutoffRow[]>>;
  readonly estimand_difference: readonly EstimandDifference[];
  readonly bootstrap: BootstrapSummary;
}

/**
 * Rows of both estimands with intervals. An interval is moved by the difference between the slope over all directions and the slope over
 * the chosen ones (none if all were chosen). A split-half instrument that the rows lack, for want of quarter diagonals along all
 * directions, is taken from the chosen ones.
 * Rows and result must list the same cutoffs in the same order.
 */
export function withIntervals(
  rows: Readonly<Record<Estimand, readonly CutoffRow[]>>,
  result: BootstrapResult,
  projections: BlockProjections,
): RowsWithIntervals {
  const joined = {
    training_set: rows.training_set.map((row, k) => joinRow(row, result.training_set[k])),
    cross_fitted: rows.cross_fitted.map((row, k) => joinRow(row, result.cross_fitted[k])),
  };
  return {
    gamma: joined,
    estimand_difference: joined.training_set.map((training, k) => {
      const crossed = joined.cross_fitted[k];
      const resampled = result.difference[k];
      const difference = (relation: (typeof relations)[number]) =>
        differenceOf(training[relation], crossed[relation], resampled[relation], crossed.splits?.spread[relation]);
      return {
        cutoff: training.cutoff,
        gamma: difference('gamma'),
        gamma_Q: difference('gamma_Q'),
        C_on_Q: difference('C_on_Q'),
      };
    }),
    bootstrap: {
      seed: result.seed,
      resamples: result.resamples,
      blocks: result.blocks,
      directions: [projections.training_set, ...projections.cross_fitted].map(
        ({ directions }) => directions.indices.length,
      ) as unknown as BootstrapSummary['directions'],
    },
  };
}

function joinRow(row: CutoffRow, resampled: BootstrapRow | undefined): CutoffRow {
  if (resampled?.cutoff !== row.cutoff)
    throw new Error(`intervals: a row for cutoff ${row.cutoff} beside resamples for cutoff ${resampled?.cutoff}`);
  const spread = row.splits?.spread;
  const gamma = joinSlopes(row.gamma, resampled.gamma, spread?.gamma);
  const gamma_Q = joinSlopes(row.gamma_Q, resampled.gamma_Q, spread?.gamma_Q);
  const share = resampled.gamma.ols?.block_share;
  return {
    ...row,
    ...definedOf({ block_share: share }),
    gamma,
    gamma_Q,
    C_on_Q: joinSlopes(row.C_on_Q, resampled.C_on_Q, spread?.C_on_Q),
    gamma_minus_gamma_Q: differenceOf(gamma, gamma_Q, resampled.gamma_minus_gamma_Q, spread?.gamma_minus_gamma_Q),
    ...scatterDifference(row, resampled),
  };
}

function scatterDifference(
  row: CutoffRow,
  { scatter_difference: found }: BootstrapRow,
): Pick<CutoffRow, 'scatter_difference'> {
  const [onH, onQ] = [row.gamma.scatter_unit, row.C_on_Q.scatter_unit];
  if (typeof onH !== 'number' || typeof onQ !== 'number' || found === undefined) return {};
  const value = row.splits?.scatter_difference ?? onH - onQ;
  const move = value - found.estimate;
  return { scatter_difference: { value, interval: [found.interval[0] + move, found.interval[1] + move] } };
}

function joinSlopes(slopes: Slopes, resampled: ResampledSlopes, spread?: number): Slopes {
  const whole = { ...slopes, iv: slopes.iv === undefined ? resampled.iv?.estimate : slopes.iv };
  return { ...whole, interval: shifted(whole, resampled, spread) };
}

function differenceOf(a: Slopes, b: Slopes, resampled: ResampledSlopes, spread?: number): SlopeDifference {
  const whole: { [E in Estimator]?: number | null } = {};
  for (const estimator of estimators) {
    const x = a[estimator];
    const y = b[estimator];
    if (x !== undefined && y !== undefined) whole[estimator] = x === null || y === null ? null : x - y;
  }
  return { ...whole, interval: shifted(whole, resampled, spread) };
}

/**
 * Each interval moved by what separates the slope over all directions from the one over the chosen ones, and widened by what slopes scatter by over splits:
 * the variance is that of one split plus the median squared distance from the median (Chernozhukov et al. 2018, definition 3.3).
 */
function shifted(
  whole: Optional<Record<Estimator, number | null>>,
  resampled: ResampledSlopes,
  spread = 0,
): Partial<Record<Estimator, Interval>> {
  const intervals: { [E in Estimator]?: Interval } = {};
  for (const estimator of estimators) {
    const value = whole[estimator];
    const resampledSlope = resampled[estimator];
    if (value === undefined || value === null || !resampledSlope) continue;
    const move = value - resampledSlope.estimate;
    const [low, high] = resampledSlope.interval;
    if (spread === 0) intervals[estimator] = [low + move, high + move];
    else {
      const middle = (low + high) / 2 + move;
      const half = Math.hypot((high - low) / 2, 1.96 * spread);
      intervals[estimator] = [middle - half, middle + half];
    }
  }
  return intervals;
}
