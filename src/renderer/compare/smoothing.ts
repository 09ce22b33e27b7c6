/** Curves as they are displayed: over steps, epochs or training time, and smoothed. Pure. */
import type { RunRow, SeriesData } from '../../shared/contract/index.ts';
import { secondsAt } from '../../shared/training-time.ts';
import type { OverlayMark } from './marks.ts';

/** Points over which the weights of an exponential mean fall to 1/e; 0: as measured. */
export const spans = [0, 5, 20, 100] as const;

/**
 * An exponential moving mean over points: s_k = a y_k + (1 - a) s_{k-1} with a = 2 / (span + 1), starting at the first value, so that it is not biased towards zero. A value that is not a
 * number stays that way, and the mean continues after it.
 */
export function smoothed(values: ArrayLike<number>, span: number): Float64Array {
  const out = Float64Array.from(values);
  if (!(span > 1)) return out;
  const weight = 2 / (span + 1);
  let mean = NaN;
  for (let k = 0; k < out.length; k++) {
    if (!Number.isFinite(out[k])) continue;
    mean = Number.isNaN(mean) ? out[k] : weight * out[k] + (1 - weight) * mean;
    out[k] = mean;
  }
  return out;
}

/** What curves may be drawn over; time in seconds. */
export const curveUnits = ['step', 'epoch', 'time'] as const;
export type Unit = (typeof curveUnits)[number];

/** Results that `unitsAStep` reads. */
export const unitKeys: readonly string[] = ['epochs', 'steps_per_second'];

/**
 * Epochs, or seconds of training, per step of a run; null if they are not known. Seconds are those at the run's mean speed, without evaluations and measurements.
 */
export function unitsAStep(unit: Unit, { steps }: RunRow, values: RunRow['values'] | undefined): number | null {
  const number = (key: string): number => values?.[key]?.value ?? NaN;
  const perStep =
    unit === 'step' ? 1 : unit === 'epoch' ? number('epochs') / (steps ?? NaN) : 1 / number('steps_per_second');
  return perStep > 0 && Number.isFinite(perStep) ? perStep : null;
}

/** From steps (increasing) to the unit that a curve is drawn over; null if that is not known. */
export type StepsSeen = ((steps: ArrayLike<number>) => ArrayLike<number>) | null;

export function scaled(unitsAStep: number | null): StepsSeen {
  return unitsAStep === null ? null : (steps) => Float64Array.from(steps, (step) => step * unitsAStep);
}

/** By the recorded times of training: of several runs their mean. Null if some have none. */
export function byRecordedTime(times: readonly (SeriesData | undefined)[]): StepsSeen {
  const known = times.filter((each) => each !== undefined && each.steps.length > 1);
  if (known.length === 0 || known.length < times.length) return null;
  return (steps) => {
    const each = known.map((time) => secondsAt(time!, steps)!);
    return each[0].map((_, i) => each.reduce((sum, seconds) => sum + seconds[i], 0) / each.length);
  };
}

/** Marks with smoothed values and bands, x in the unit wanted (null: steps as they are); those without it are left out. */
export function seenAs(
  marks: readonly OverlayMark[],
  span: number,
  seenOf: ((id: string) => StepsSeen) | null,
): OverlayMark[] {
  return marks.flatMap((mark): OverlayMark[] => {
    const seen = seenOf === null ? (steps: ArrayLike<number>) => steps : seenOf(mark.id);
    if (seen === null) return [];
    const x = seen(mark.x);
    if (span <= 1) return [{ ...mark, x }];
    return [
      {
        ...mark,
        x,
        y: smoothed(mark.y, span),
        low: mark.low && smoothed(mark.low, span),
        high: mark.high && smoothed(mark.high, span),
      },
    ];
  });
}
