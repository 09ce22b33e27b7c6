/** Learning rates by step. */
import type { ScheduleSpec } from '../../shared/experiment.ts';

/**
 * The learning rate at a step (counted from 0).
 *   constant: base
 *   step:     base * factor^floor(epoch / every_epochs)
 *   cosine:   final + (base - final) (1 + cos(pi t / T)) / 2 over all steps (Loshchilov & Hutter 2017, without restarts)
 * warm_up_steps: rises linearly from base / warm_up_steps over the first steps; the schedule proper starts after it.
 */
export function learningRateAt(
  spec: ScheduleSpec,
  base: number,
  step: number,
  stepsPerEpoch: number,
  totalSteps: number,
): number {
  const warmUp = spec.warm_up_steps;
  if (step < warmUp) return (base * (step + 1)) / warmUp;
  switch (spec.kind) {
    case 'constant':
      return base;
    case 'step':
      return base * spec.factor ** Math.floor((step - warmUp) / (spec.every_epochs * stepsPerEpoch));
    case 'cosine': {
      const share = Math.min(1, (step - warmUp) / Math.max(1, totalSteps - warmUp));
      return spec.final_lr + ((base - spec.final_lr) * (1 + Math.cos(Math.PI * share))) / 2;
    }
    default:
      spec satisfies never;
      throw new Error('unknown schedule');
  }
}
