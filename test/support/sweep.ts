import { parseSweep, type SweepRun } from '../../src/shared/sweep.ts';

/** Every run of a sweep. */
export function expandSweep(input: unknown): SweepRun[] {
  const sweep = parseSweep(input);
  return Array.from({ length: sweep.count }, (_, index) => sweep.at(index));
}
