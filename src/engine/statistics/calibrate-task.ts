/** The exponent without leakage (calibration.ts) in a worker thread. */
import type { CalibrationSummary } from '../../shared/results.ts';
import { defineTask, type TaskContext } from '../parallel/task.ts';
import { calibrate, type CalibrationInput } from './calibration.ts';

export const calibrateTask = defineTask(
  'calibrate',
  ({ blas }: TaskContext, input: CalibrationInput): CalibrationSummary | undefined => calibrate(blas, input),
);
