/** Storing what a job measured, or why it could not: one way for the measurements of a run's own schedule and for those asked for by hand. */
import type { JobEvent } from '../jobs/protocol.ts';
import type { Json, Store } from '../store/index.ts';

export type MeasurementEvent = Extract<JobEvent, { kind: 'measurement' | 'measurement-failed' }>;

/** Which point of a run the measured weights are from. */
export interface MeasuredPoint {
  readonly step: number;
  readonly epoch: number | null;
  readonly origin: 'schedule' | 'manual';
}

/** Stores a measurement with its arrays and the options it was made with, or its failure. Returns the id under which it is stored. */
export function recordMeasurement(store: Store, run: string, point: MeasuredPoint, event: MeasurementEvent): string {
  const options = event.spec as unknown as Json;
  if (event.kind === 'measurement')
    return store.addMeasurement(run, {
      ...point,
      parameter: event.summary.parameter,
      summary: event.summary,
      options,
      arrays: { file: event.file.file },
    });
  return store.addFailedMeasurement(run, {
    ...point,
    parameter: event.parameter,
    method: event.method,
    error: event.error,
    options,
  });
}
