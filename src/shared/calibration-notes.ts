/** What is known of the calibrated exponent of a measurement, in words: how far it was tested, or why there is none. */
import type { CalibrationRow, CalibrationSummary, MeasurementSummary } from './results.ts';
import { findRow } from './estimands.ts';

/** The calibrated value at a cutoff; undefined where none was found there. */
export function calibratedAt(
  { calibration }: Pick<MeasurementSummary, 'calibration'>,
  cutoff: number,
): CalibrationRow['simulated'] {
  return calibration === undefined ? null : (findRow(calibration.rows, cutoff)?.simulated ?? null);
}

/** Stands beside every calibrated value (docs/statistics.md, `covature validate`). */
export function calibrationTested({ tail = 0, measured_directions: part }: CalibrationSummary): string {
  return (
    'tested on samples of known exponent from 1 to 2, with light and heavy tails, to a bias under 0.03' +
    (tail > heaviestTested ? '; these samples have a heavier tail than was tested' : '') +
    (part === undefined
      ? ''
      : `; the spectrum beyond the ${part} directions found is known by its trace alone, and the interval spans three forms of it`)
  );
}

/** Standard deviation of the logarithm of the samples' sizes, somewhat above the heaviest of `covature validate --cases tails`, for it is estimated. */
const heaviestTested = 1.7;

/** Why a measurement has no calibrated value, and what that means for its cross-fitted one; null where it has one. */
export function notCalibrated({
  calibration,
  method,
  projected,
  bootstrap,
}: Pick<MeasurementSummary, 'calibration' | 'method' | 'projected' | 'bootstrap'>): string | null {
  const reason = ((): string | null => {
    if (calibration?.impossible === 'too much left')
      return ': the directions found hold so little of tr H that the rest, which leaks into them, cannot be simulated; more directions serve';
    if (calibration?.impossible === 'nothing left')
      return ': the directions found hold all of tr H or more, since H has negative eigenvalues, and what leaks into them is not known';
    if (calibration !== undefined) return null;
    if (bootstrap === undefined) return ', as no intervals were computed';
    if (projected !== undefined && projected.which !== 'largest')
      return ': only a spectrum that is known from its largest eigenvalue down can be simulated, and these are its largest by size or both its ends';
    if (method === 'projected')
      return ': the spectrum beyond the found directions, which leaks into them, was not simulated';
    return ': no cutoff selects few enough directions';
  })();
  return reason === null
    ? null
    : `not calibrated${reason}; cross-fitted slopes are pulled towards 1, and how far is not known`;
}

/** Why there is one random split alone behind the cross-fitted estimand; null where there are several. */
export function oneSplit({
  splits,
  method,
  precision_reached: device,
}: Pick<MeasurementSummary, 'splits' | 'method' | 'precision_reached'>): string | null {
  if (splits !== undefined) return null;
  const one = 'one random split into halves: another would differ, by how much is not known';
  if (method === 'projected') return `${one} (each further one takes two more searches for directions)`;
  if (device !== undefined) return `${one} (further ones are computed by the cpu, which a device is there to spare)`;
  return one;
}
