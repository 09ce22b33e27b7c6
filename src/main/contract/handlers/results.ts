import { definedOf } from '../../../shared/defined.ts';
import { FaultError } from '../../../shared/contract/index.ts';
import type { CheckpointInfo, Handlers, MeasurementInfo } from '../../../shared/contract/index.ts';
import type { results } from '../../../shared/contract/methods/results.ts';
import type { MeasurementSummary } from '../../../shared/results.ts';
import { readResultArrays } from '../../results-file.ts';
import type { Checkpoint, MeasurementRecord } from '../../store/index.ts';
import type { Workbench } from '../workbench.ts';

export const resultHandlers: Pick<Handlers<Workbench>, keyof typeof results> = {
  'measurements.list': ({ runs, parameter }, { store }) =>
    store.measurements(runs, parameter === undefined ? {} : { parameter }).map(measurementInfo),

  'measurements.arrays': ({ id, names }, workbench) =>
    readResultArrays(arraysOf(workbench, id).path, [...new Set(names)]),

  'measurements.atCutoff': ({ id, cutoff }, workbench) => {
    const { path, summary } = arraysOf(workbench, id);
    const { floor, bootstrap, splits } = summary;
    return workbench.computing.ask('cutoffRows', {
      file: path,
      summary: { floor, ...definedOf({ bootstrap, splits }) },
      cutoff,
    });
  },

  'measurements.heatmap': ({ id, to, ...wanted }, workbench) =>
    workbench.computing.ask('heatmap', {
      engine: workbench.engine(),
      file: arraysOf(workbench, id).path,
      to: to ?? null,
      ...wanted,
    }),

  'measurements.eigenvector': ({ id, index }, workbench) => {
    const { path, shape } = arraysOf(workbench, id);
    return workbench.computing.ask('eigenvector', { engine: workbench.engine(), file: path, index, shape });
  },

  'measurements.start': ({ run, step, measurement, priority }, workbench) => ({
    job: workbench.queue.measure(workbench.run(run), measurement, step, priority),
  }),

  'series.names': ({ run }, workbench) => {
    workbench.run(run);
    return workbench.store.seriesNames(run);
  },

  'series.get': ({ runs, ...query }, { store }) => store.seriesOfRuns(runs, query),

  'series.since': ({ run, last, names }, workbench) => {
    workbench.run(run);
    return workbench.store.seriesSince(run, last, names);
  },

  'logs.get': ({ run, since, last }, workbench) => ({
    lines: workbench.store.logs(run, definedOf({ last, since })),
    next: workbench.run(run).nextBatch,
  }),
};

export function checkpointInfo({ id, step, epoch, file, created }: Checkpoint): CheckpointInfo {
  return { id, step, epoch, bytes: file.bytes, present: file.state === 'present', created };
}

function measurementInfo({ arrays, ...rest }: MeasurementRecord): MeasurementInfo {
  return { ...rest, arrays: arrays === null ? null : { bytes: arrays.bytes, present: arrays.state === 'present' } };
}

function measurement({ store }: Workbench, id: string): MeasurementRecord {
  const measurement = store.getMeasurement(id);
  if (measurement === undefined)
    throw new FaultError('not-found', `there is no measurement ${id}; it may have been replaced or removed`);
  return measurement;
}

function arraysOf(
  workbench: Workbench,
  id: string,
): { path: string; shape: readonly number[]; summary: MeasurementSummary } {
  const { arrays, summary, parameter } = measurement(workbench, id);
  if (summary === null || arrays === null) {
    throw new FaultError(
      'not-found',
      `the measurement of ${parameter} has no arrays: it failed, or was stored without them`,
    );
  }
  if (arrays.state !== 'present') {
    throw new FaultError(
      'damaged',
      `the file with the arrays of ${parameter} is ${arrays.state}; measure again to get them`,
    );
  }
  return { path: arrays.path, shape: summary.shape, summary };
}
