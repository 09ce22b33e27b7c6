import { expect, test } from 'vitest';
import { representativeMeasurement } from '../../src/shared/representative.ts';

const of = (
  name: string,
  step: number,
  samples: number | null,
  method: 'exact' | 'projected',
  created: number,
): { name: string; step: number; samples: number | null; method: 'exact' | 'projected'; created: number } => ({
  name,
  step,
  samples,
  method,
  created,
});

test.each([
  ['the latest step', [of('early', 100, 8000, 'exact', 9), of('late', 200, 500, 'projected', 1)], 'late'],
  ['at one step the most samples', [of('all', 200, 8000, 'exact', 1), of('few', 200, 500, 'exact', 9)], 'all'],
  [
    'of as many samples the exact one',
    [of('exact', 1, 50, 'exact', 1), of('projected', 1, 50, 'projected', 9)],
    'exact',
  ],
  ['of the same kind the newest', [of('new', 1, 50, 'exact', 9), of('old', 1, 50, 'exact', 1)], 'new'],
  [
    'of the same moment the one stored last',
    [of('first', 1, 50, 'exact', 1), of('second', 1, 50, 'exact', 1)],
    'second',
  ],
  ['any success before a failure', [of('done', 1, 50, 'exact', 1), of('failed', 1, null, 'exact', 9)], 'done'],
])('%s stands for a parameter', (_, measurements, expected) => {
  expect(representativeMeasurement(measurements)?.name).toBe(expected);
});

test('of none there is none', () => {
  expect(representativeMeasurement([])).toBeUndefined();
});
