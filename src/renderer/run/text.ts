/** Slopes, errors and precisions as the window writes them. */
import type { Interval } from '../../shared/slopes.ts';
import type { MeasurementSummary } from '../../shared/results.ts';
import { integerText, numberText, withInterval, withUncertainty } from '../format.ts';

/** Three decimals; what rounds to zero has no sign. */
export function thousandths(value: number): string {
  const text = value.toFixed(3);
  return text === '-0.000' ? '0.000' : text.replace('-', '−');
}

/** "1.203 ± 0.018"; an interval that is not symmetric about the value (to 15 %) is written out; without one three decimals. */
export function slopeText(value: number | null, interval: Interval | null): string {
  if (value === null) return 'none';
  if (interval === null) return thousandths(value);
  const [low, high] = interval;
  const half = (high - low) / 2;
  if (Math.abs((low + high) / 2 - value) > 0.15 * half) return withInterval(value, low, high);
  return withUncertainty(value, half);
}

/** "± 3.2 %": 1.96 standard errors as a share of the value; empty if there is none. */
export function errorText(value: number, error: number | undefined): string {
  if (error === undefined || !(error >= 0) || value === 0) return '';
  const share = (196 * error) / Math.abs(value);
  return `± ${share < 0.001 ? numberText(share, 2) : share < 9.95 ? share.toPrecision(2) : share.toFixed(0)} %`;
}

/** What the arithmetic was and, where a device computed, the precision that it was measured to reach. */
export function precisionText({ precision, precision_reached: reached }: MeasurementSummary): string {
  if (reached === undefined) return `${precision} throughout`;
  const parts: string[] = [];
  if (reached.sums !== undefined) {
    const { C, H, Q } = reached.sums;
    parts.push(`sums within ${numberText(Math.max(C, H, Q), 2)} of the largest entry`);
  }
  if (reached.along !== undefined) {
    const { C, H, Q, directions, cutoff } = reached.along;
    parts.push(
      `values along ${integerText(directions)} directions above ${numberText(cutoff, 1)} H₁₁ within ${numberText(Math.max(C, H, Q), 2)} of themselves`,
    );
  }
  if (reached.products !== undefined)
    parts.push(
      `products with H over all samples within ${numberText(reached.products.H, 2)} of the largest eigenvalue`,
    );
  return `${precision} on ${reached.device}; against float64 on ${integerText(reached.samples)} samples: ${parts.join(', ')}`;
}
