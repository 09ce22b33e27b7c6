/** A forecast without the job that it is about. */
import type { JobForecast } from '../forecast/types.ts';
import type { Experiment } from '../../shared/experiment.ts';
import { InputError } from '../../shared/errors.ts';
import { startJob } from '../jobs/host.ts';
import type { JobHandle } from '../jobs/host.ts';
import type { EngineOptions, JobEvent, JobRequest } from '../jobs/protocol.ts';
import type { Store } from '../store/index.ts';
import { keepRates } from './recorder.ts';
import { dataFolderOf, forecastRequest } from './runs.ts';

export interface Forecasting {
  readonly job: JobHandle;
  readonly done: Promise<JobForecast>;
}

/**
 * Reads the data, measures rates that are not known yet, and starts nothing.
 * @param request with the rates that are known in `forecast`
 * @param keep receives rates that were measured
 */
export function forecastRequested(
  request: JobRequest,
  keep: (event: Extract<JobEvent, { kind: 'rates' }>) => void,
  onEvent: (event: JobEvent) => void,
): Forecasting {
  let forecast: JobForecast | null = null;
  const job = startJob(
    { ...request, forecast: { known: request.forecast?.known ?? {}, only: true, refuse: false } },
    (event) => {
      if (event.kind === 'forecast') forecast = event.forecast;
      else if (event.kind === 'rates') keep(event);
      else onEvent(event);
    },
  );
  const done = job.done.then((end) => {
    if (end.kind === 'failed') {
      throw end.event.isInput ? new InputError(end.event.message) : new Error(end.event.message);
    }
    if (end.kind === 'lost') throw new Error(end.cancelled ? 'cancelled' : end.message);
    if (forecast === null) throw new Error('cancelled');
    return forecast;
  });
  return { job, done };
}

export function forecastExperiment(
  store: Store,
  experiment: Experiment,
  options: {
    readonly engine: EngineOptions;
    readonly baseFolder: string;
    readonly dataFolder?: string;
    readonly onEvent: (event: JobEvent) => void;
  },
): Forecasting {
  const request: JobRequest = {
    kind: 'train',
    experiment,
    resume: null,
    stopAfter: null,
    engine: options.engine,
    staging: store.folder,
    baseFolder: options.baseFolder,
    dataFolder: options.dataFolder ?? dataFolderOf(store),
    forecast: forecastRequest(store, { only: true }),
  };
  const keep = (event: Parameters<typeof keepRates>[1]): void => {
    keepRates(store, event);
  };
  return forecastRequested(request, keep, options.onEvent);
}
