/** What a training job starts from: engine, network with its first weights (or those of a checkpoint), data, and what is due when. */
import { CpuBackend } from '../../engine/backend/cpu.ts';
import { Network } from '../../engine/network/network.ts';
import { initialValues } from '../../engine/training/initialise.ts';
import { Trainer } from '../../engine/training/trainer.ts';
import { InputError } from '../../shared/errors.ts';
import { withBatchSize } from '../../shared/experiment.ts';
import type { MeasurementSpec } from '../../shared/experiment.ts';
import { forecastTraining } from '../forecast/job.ts';
import type { JobForecast } from '../forecast/job.ts';
import { readCheckpoint } from './checkpoint-file.ts';
import { prepareData } from './data.ts';
import type { PreparedData } from './data.ts';
import { JobDevices } from './device.ts';
import { openEngine } from './engine.ts';
import type { OpenedEngine } from './engine.ts';
import { tellForecast } from './forecasting.ts';
import { selectParameters } from './measuring.ts';
import { dueSteps } from './schedule.ts';
import type { JobEvent, TrainRequest } from './protocol.ts';

export interface Due {
  readonly spec: MeasurementSpec;
  readonly parameters: readonly string[];
  readonly steps: ReadonlySet<number>;
}

export interface TrainingParts {
  readonly engine: OpenedEngine;
  readonly devices: JobDevices;
  readonly network: Network;
  readonly trainer: Trainer;
  readonly data: PreparedData;
  readonly totalSteps: number;
  readonly due: readonly Due[];
  readonly forecast: JobForecast | null;
}

/** Raises InputError where experiment, model and data do not fit each other. */
export async function prepareTraining(request: TrainRequest, emit: (event: JobEvent) => void): Promise<TrainingParts> {
  emit({ kind: 'progress', stage: 'reading data', share: 0, secondsLeft: null });
  const { experiment } = request;
  const engine = await openEngine(request.engine);
  const devices = new JobDevices(request.engine, (text) => {
    emit({ kind: 'log', level: 'warning', text });
  });
  const device = await devices.for('training');
  if (device !== null && experiment.precision === 'float64')
    throw new InputError(`${device.title} computes in float32; the experiment asks for float64: use --backend cpu`);
  const network = new Network(
    experiment.model,
    device?.backend() ?? new CpuBackend(engine.trainingBlas(), experiment.precision),
  );
  const data = await prepareData(experiment.dataset, experiment.model, network.outputSize, request);
  const samples = data.train.inputs.length / network.inputSize;
  if (experiment.sampling !== 'with_replacement' && experiment.batch_size > samples) {
    throw new InputError(`batch_size ${experiment.batch_size} is more than the ${samples} training samples`);
  }
  const stepsPerEpoch = Math.ceil(samples / experiment.batch_size);
  const totalSteps = Math.round(experiment.epochs * stepsPerEpoch);
  const trainer = new Trainer(network, data.train, {
    optimiser: experiment.optimiser,
    batchSize: experiment.batch_size,
    sampling: experiment.sampling,
    seed: experiment.seed,
    totalSteps,
    threads: engine.report.threads,
  });
  const due = experiment.measurements.map((spec) => ({
    spec: withBatchSize(spec, experiment.batch_size),
    parameters: selectParameters(network, spec.parameters),
    steps: dueSteps(spec.when, stepsPerEpoch, totalSteps),
  }));
  for (const spec of experiment.measurements) {
    if (spec.samples !== undefined && spec.samples > samples) {
      throw new InputError(`measurements.samples: ${spec.samples} were asked for; the training data has ${samples}`);
    }
  }
  if (request.resume === null) {
    for (const parameter of network.parameters) {
      network.setWeight(parameter.name, initialValues(parameter, experiment.initialisation, experiment.seed));
    }
  } else trainer.restore(await readCheckpoint(request.resume.file));
  const forecast = await tellForecast(request.forecast, emit, ({ known }) =>
    forecastTraining(
      {
        engine,
        pool: null,
        known,
        network,
        data: data.train,
        samples,
        testSamples: data.test === null ? 0 : data.test.inputs.length / network.inputSize,
      },
      experiment,
      trainer.step,
    ),
  );
  return { engine, devices, network, trainer, data, totalSteps, due, forecast };
}
