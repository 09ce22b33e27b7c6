/** What is said of a calibrated exponent, and of its absence, by what a measurement holds. */
import { describe, expect, test } from 'vitest';
import { calibrationTested, notCalibrated, oneSplit } from '../../src/shared/calibration-notes.ts';
import type { CalibrationSummary, MeasurementSummary } from '../../src/shared/results.ts';

type Said = Pick<
  MeasurementSummary,
  'calibration' | 'method' | 'projected' | 'bootstrap' | 'splits' | 'precision_reached'
>;

const calibration: CalibrationSummary = { seed: 1, draws: 16, effective_samples: 100, directions: 80, rows: [] };
const bootstrap = {} as NonNullable<Said['bootstrap']>;
const projected = (which: string) => ({ which }) as NonNullable<Said['projected']>;

describe('why there is no calibrated value', () => {
  test.each<[title: string, said: Said, expected: RegExp | null]>([
    ['calibrated', { method: 'exact', bootstrap, calibration }, null],
    ['no intervals', { method: 'exact' }, /^not calibrated, as no intervals were computed; cross-fitted slopes are pulled/],
    ['many directions', { method: 'exact', bootstrap }, /no cutoff selects few enough directions/],
    ['largest by size', { method: 'projected', bootstrap, projected: projected('magnitude') }, /largest by size or both its ends/],
    ['of an earlier version', { method: 'projected', bootstrap, projected: projected('largest') }, /was not simulated/],
    ['too much left of the trace', { method: 'projected', bootstrap, projected: projected('largest'), calibration: { ...calibration, impossible: 'too much left' } }, /measure more directions/],
    ['nothing left of the trace', { method: 'projected', bootstrap, projected: projected('largest'), calibration: { ...calibration, impossible: 'nothing left' } }, /negative eigenvalues/],
  ])('%s', (_, said, expected) => {
    if (expected === null) expect(notCalibrated(said)).toBeNull();
    else expect(notCalibrated(said)).toMatch(expected);
  }); // prettier-ignore
});

test('what a calibrated value was tested on: tails and spectra beyond that are said', () => {
  expect(calibrationTested(calibration)).not.toMatch(/found|heavier/);
  expect(calibrationTested({ ...calibration, tail: 1 })).not.toMatch(/heavier|as heavy/);
  expect(calibrationTested({ ...calibration, tail: 1.4 })).toMatch(/held the truth in 83 to 96 %/);
  expect(calibrationTested({ ...calibration, tail: 2 })).toMatch(/heavier tail than any that was tested/);
  expect(calibrationTested({ ...calibration, measured_directions: 40 })).toMatch(/beyond the 40 directions found/);
});

test('why there is one random split', () => {
  expect(oneSplit({ method: 'exact', splits: { count: 5, directions: 90 } })).toBeNull();
  expect(oneSplit({ method: 'projected', precision_reached: {} } as Said)).toMatch(
    /another split would give another value, and how different is not known$/,
  );
  expect(oneSplit({ method: 'exact', precision_reached: {} } as Said)).toMatch(/on the cpu/);
  expect(oneSplit({ method: 'exact' })).toMatch(
    /^one random split into halves: another split would give another value/,
  );
});
