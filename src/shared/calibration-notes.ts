/** What is known about the calibrated exponent of a measurement, in words: how far it was tested, or why there is none. */
import type { CalibrationRow, CalibrationSummary, MeasurementSummary } from './results.ts';
import { findRow } from './estimands.ts';

/** The calibrated value at a cutoff; undefined if none was found there. */
export function calibratedAt(
  { calibration }: Pick<MeasurementSummary, 'calibration'>,
  cutoff: number,
): CalibrationRow['simulated'] {
  return calibration === undefined ? null : (findRow(calibration.rows, cutoff)?.simulated ?? null);
}

/** Shown beside every calibrated value (docs/statistics.md, `covature validate`). */
export function calibrationTested({ tail = 0, measured_directions: part }: CalibrationSummary): string {
  return (
    'tested on samples of known exponent from 1 to 2, with light and heavy tails, to a bias under 0.03' +
    tailsTested(tail) +
    (part === undefined
      ? ''
      : `; the spectrum beyond the ${part} directions found is known only by its trace, and the interval covers three assumed shapes of it`)
  );
}

/** What a tail (standard deviation of the logarithm of the samples' sizes) adds to what was tested; rows of 24 data sets by `covature validate --cases tails`. */
function tailsTested(tail: number): string {
  if (tail > heaviestTested) return '; these samples have a heavier tail than any that was tested';
  return tail > heavy
    ? '; with a tail as heavy as that of these samples the bias was up to 0.03 and the intervals held the truth in 83 to 96 %'
    : '';
}

/** Estimated tails scatter: somewhat above the tail of 0.8 that is tested in full, and above the one of 1.5, the heaviest. */
const heavy = 1.1;
const heaviestTested = 1.7;

/** Why a measurement has no calibrated value, and what that means for its cross-fitted one; null if it has one. */
export function notCalibrated({
  calibration,
  method,
  projected,
  bootstrap,
}: Pick<MeasurementSummary, 'calibration' | 'method' | 'projected' | 'bootstrap'>): string | null {
  const reason = ((): string | null => {
    if (calibration?.impossible === 'too much left')
      return ': the directions found hold so little of tr H that the rest, which leaks into them, cannot be simulated; measure more directions';
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

/** Why the cross-fitted estimand rests on a single random split; null if there are several. */
export function oneSplit({
  splits,
  method,
  precision_reached: device,
}: Pick<MeasurementSummary, 'splits' | 'method' | 'precision_reached'>): string | null {
  if (splits !== undefined) return null;
  const one = 'one random split into halves: another split would give another value, and how different is not known';
  if (method === 'exact' && device !== undefined)
    return `${one} (further ones would be computed on the cpu, whose time a device is meant to save)`;
  return one;
}
