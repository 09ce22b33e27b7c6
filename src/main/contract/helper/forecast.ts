/** Forecast of what one run will take, before it starts and before its data are read. */
import type { KnownRates, Rates } from '../../forecast/types.ts';
import type { ParameterForecast } from '../../../shared/contract/index.ts';
import type { BackendChoice } from '../../../shared/devices.ts';
import type { Experiment } from '../../../shared/experiment.ts';
import { forecastTraining, networkOf } from '../../forecast/job.ts';
import { dataLike } from '../../forecast/training.ts';
import type { OpenedEngine } from '../../jobs/engine.ts';

export interface RunForecast {
  readonly parameters: readonly ParameterForecast[];
  readonly weights: number;
  readonly outputShape: readonly number[];
  /** Null if the number of samples is not known. */
  readonly steps: number | null;
  readonly seconds: number | null;
  readonly trainingMemory: number | null;
  readonly measuringMemory: number | null;
  readonly availableMemory: number;
  readonly disk: number;
  readonly warnings: readonly string[];
  /** Rates that had to be measured, to be kept under `machine`. */
  readonly machine: string;
  readonly rates: Rates;
}

/** Placeholder for an unknown number of samples; whatever depends on it is left out of the answer. */
const someSamples = 1000;

/**
 * Raises InputError if shapes do not fit or a pattern selects no parameter.
 * @param samples of the training part; null if it has not been read yet
 */
export async function forecastRun(
  engine: OpenedEngine,
  experiment: Experiment,
  samples: number | null,
  known: KnownRates,
  timed: boolean,
  backend: BackendChoice = 'auto',
): Promise<RunForecast> {
  const network = networkOf(engine, experiment);
  const count = samples ?? someSamples;
  const { forecast, machine, rates } = await forecastTraining(
    {
      engine,
      pool: null,
      known,
      network,
      data: dataLike(network, count, experiment.precision === 'float64'),
      samples: count,
      testSamples: 0,
      timed: timed && samples !== null,
    },
    experiment,
  );
  const parameters = network.parameters.map(({ name, shape, rows, cols }): ParameterForecast => {
    const planned = forecast.measurements.filter((each) => each.parameter === name);
    const times = planned.reduce((sum, each) => sum + each.times, 0);
    const exact = planned.find((each) => each.method === 'exact');
    return { name, shape, size: rows * cols, times, memory: exact?.memory ?? null, disk: exact?.disk ?? null };
  });
  return {
    parameters,
    weights: forecast.weights,
    outputShape: [network.outputSize],
    steps: samples === null ? null : forecast.steps,
    seconds: timed && samples !== null ? forecast.seconds.total : null,
    trainingMemory: samples === null ? null : forecast.memory.training,
    measuringMemory: forecast.memory.measuring,
    availableMemory: forecast.memory.available,
    disk: forecast.disk,
    warnings: [
      ...forecast.warnings,
      ...(timed && samples !== null && backend !== 'auto' && backend !== 'cpu'
        ? [`the times are the cpu's: ${backend} is opened, and its known rates are used, when the run starts`]
        : []),
    ],
    machine,
    rates,
  };
}
