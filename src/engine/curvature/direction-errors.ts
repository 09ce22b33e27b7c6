/**
 * Standard errors of H_ii, C_ii and Q_ii along the directions that the intervals are computed along, from the same sums over blocks of samples.
 *
 * Delete-a-block jackknife over the B blocks (Efron & Tibshirani, An Introduction to the Bootstrap, 1993, chapter 11), with T_b the value without
 * block b:  se^2 = (B - 1) / B sum_b (T_b - mean T)^2.  The directions are held fixed. Along a direction in a cluster of equal eigenvalues it is the
 * error of that direction alone, which is at least that of the cluster's mean.
 */
import type { DirectionErrors } from '../../shared/results.ts';
import type { BlockProjections, ProjectedDirections, SampleBlock } from '../statistics/index.ts';

/** The error arrays of a result; rows of the cross-fitted ones are filled up with NaN to one length. */
export function directionErrors({ blocks, training_set, cross_fitted }: BlockProjections): DirectionErrors {
  const all = errorsAlong(training_set, blocks);
  const crossed = [
    errorsAlong(
      cross_fitted[0],
      blocks.filter(({ quarter }) => quarter >= 2),
    ),
    errorsAlong(
      cross_fitted[1],
      blocks.filter(({ quarter }) => quarter < 2),
    ),
  ] as const;
  const width = Math.max(...crossed.map(({ directions }) => directions.length));
  const joined = (key: keyof Errors): Float64Array => {
    const values = new Float64Array(2 * width).fill(NaN);
    crossed.forEach((each, half) => {
      values.set(each[key], half * width);
    });
    return values;
  };
  return {
    error_directions: all.directions,
    H_error: all.H,
    C_error: all.C,
    Q_error: all.Q,
    cross_fitted_error_directions: joined('directions'),
    cross_fitted_H_error: joined('H'),
    cross_fitted_C_error: joined('C'),
    cross_fitted_Q_error: joined('Q'),
  };
}

interface Errors {
  /** Numbers of the directions, from 0, increasing. */
  readonly directions: Float64Array;
  readonly H: Float64Array;
  readonly C: Float64Array;
  readonly Q: Float64Array;
}

function errorsAlong({ directions, sums }: ProjectedDirections, blocks: readonly SampleBlock[]): Errors {
  const k = directions.indices.length;
  const B = blocks.length;
  const samples = blocks.reduce((sum, { start, end }) => sum + end - start, 0);
  const errors = {
    directions: Float64Array.from(directions.indices),
    H: new Float64Array(k),
    C: new Float64Array(k),
    Q: new Float64Array(k),
  };
  const without = { H: new Float64Array(B), C: new Float64Array(B), Q: new Float64Array(B) };
  for (let i = 0; i < k; i++) {
    const total = (values: Float64Array): number => {
      let sum = 0;
      for (let b = 0; b < B; b++) sum += values[b * k + i];
      return sum;
    };
    const [curvature, squares] = [total(sums.curvature), total(sums.squaredCurvature)];
    const [gradient, squaredGradient] = [total(sums.gradient), total(sums.squaredGradient)];
    for (const [b, { start, end }] of blocks.entries()) {
      const rest = samples - (end - start);
      const offset = b * k + i;
      without.H[b] = (curvature - sums.curvature[offset]) / rest;
      without.Q[b] = (squares - sums.squaredCurvature[offset]) / rest;
      without.C[b] =
        (squaredGradient - sums.squaredGradient[offset]) / rest - ((gradient - sums.gradient[offset]) / rest) ** 2;
    }
    for (const key of ['H', 'C', 'Q'] as const) errors[key][i] = jackknife(without[key]);
  }
  return errors;
}

function jackknife(without: Float64Array): number {
  const B = without.length;
  const mean = without.reduce((sum, x) => sum + x, 0) / B;
  const squares = without.reduce((sum, x) => sum + (x - mean) ** 2, 0);
  return Math.sqrt(((B - 1) / B) * squares);
}
