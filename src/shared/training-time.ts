/** How long training had taken at the steps of a run: a separate series, stored with the others. */
import { interpolated } from './interpolation.ts';

/** Name of the series: seconds of training since the first step, over all pauses and resumptions, without evaluations and measurements. It is not a result: it differs between any two runs. */
export const trainingTime = 'training_seconds';

interface Points {
  /** Increasing. */
  readonly steps: ArrayLike<number>;
  /** Seconds, not decreasing. */
  readonly values: ArrayLike<number>;
}

/** Seconds at each of `steps` (increasing): linear between two points of the series; beyond its ends at its mean speed. Null for a series of fewer than two points. */
export function secondsAt({ steps: known, values }: Points, steps: ArrayLike<number>): Float64Array | null {
  const last = known.length - 1;
  if (last < 1) return null;
  const mean = (values[last] - values[0]) / (known[last] - known[0]);
  return interpolated(known, values, steps).map((seconds, i) => {
    if (steps[i] < known[0]) return Math.max(0, values[0] - (known[0] - steps[i]) * mean);
    return steps[i] > known[last] ? values[last] + (steps[i] - known[last]) * mean : seconds;
  });
}
