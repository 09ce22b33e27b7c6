/** The outcome of running an experiment again, in words: `covature rerun`, and the runs of a bundle that is checked. */
import type { Replay } from '../services/replay.ts';
import { formatNumber } from './format.ts';

export function weightsText({ weights_equal: areEqual, largest_weight_difference: difference }: Replay): string {
  if (areEqual === null) return 'no final weights to compare';
  return areEqual ? 'final weights equal bit for bit' : `final weights differ by up to ${formatNumber(difference)}`;
}

/** A sentence if no result differs; null if one does. */
export function repetitionText({ differences, rounding }: Replay): string | null {
  if (Object.keys(differences).length > 0) return null;
  return rounding === 0
    ? 'all results equal'
    : `all results equal up to rounding (a relative difference of ${formatNumber(rounding)} at most)`;
}
