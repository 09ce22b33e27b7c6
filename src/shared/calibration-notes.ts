/** What is known of the calibrated exponent of a measurement, in words: how far it was tested, or why there is none. */
import type { CalibrationRow, MeasurementSummary } from './results.ts';
import { findRow } from './estimands.ts';

/** The calibrated value at a cutoff; undefined where none was found there. */
export function calibratedAt(
  { calibration }: Pick<MeasurementSummary, 'calibration'>,
  cutoff: number,
): CalibrationRow['simulated'] {
  return calibration === undefined ? null : (findRow(calibration.rows, cutoff)?.simulated ?? null);
}

/** Stands beside every calibrated value (docs/statistics.md, `covature validate`). */
export const calibrationTested =
  'tested with Gaussian samples to a bias under 0.01; samples with heavy tails leave up to 0.05 at gamma = 2, and 0.11 with 4 samples a direction';

/** Why a measurement has no calibrated value, and what that means for its cross-fitted one; null where it has one. */
export function notCalibrated({
  calibration,
  method,
  bootstrap,
}: Pick<MeasurementSummary, 'calibration' | 'method' | 'bootstrap'>): string | null {
  if (calibration !== undefined) return null;
  const pull = 'cross-fitted slopes are pulled towards 1, and how far is not known';
  if (method === 'projected')
    return `not calibrated: the spectrum beyond the found directions, which leaks into them, is not known; ${pull}`;
  if (bootstrap === undefined) return `not calibrated, as no intervals were computed; ${pull}`;
  return `not calibrated: no cutoff selects few enough directions; ${pull}`;
}
