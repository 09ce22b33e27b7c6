/** When measurements are due. */
import type { MeasurementTime } from '../../shared/experiment.ts';

/** The steps (0: before training) at which a measurement is due, none beyond the last. */
export function dueSteps(when: MeasurementTime, stepsPerEpoch: number, totalSteps: number): ReadonlySet<number> {
  switch (when.kind) {
    case 'end':
      return new Set([totalSteps]);
    case 'epochs':
      return new Set(
        when.epochs.map((epoch) => Math.round(epoch * stepsPerEpoch)).filter((step) => step <= totalSteps),
      );
    case 'log_steps': {
      const steps = new Set([0]);
      const last = Math.log(Math.max(1, totalSteps));
      for (let i = 0; i < when.count; i++) steps.add(Math.round(Math.exp((last * i) / (when.count - 1))));
      return steps;
    }
    default:
      when satisfies never;
      throw new Error('unknown time of measurement');
  }
}
