/** What a training job starts from: engine, network with its first weights (or those of a checkpoint), data, and what is due when. */
import { definedOf } from '../../shared/defined.ts';
import type { JobForecast } from '../forecast/types.ts';
import { CpuBackend } from '../../engine/backend/cpu.ts';
import { Network } from '../../engine/network/network.ts';
import { initialValues } from '../../engine/training/initialise.ts';
import { Trainer } from '../../engine/training/trainer.ts';
import { InputError } from '../../shared/errors.ts';
import { withTraining } from '../../shared/experiment.ts';
import type { MeasurementSpec } from '../../shared/experiment.ts';
import type { OpenDevice } from '../../engine/backend/tfjs/device.ts';
import type { TrainingData } from '../../engine/training/trainer.ts';
import { machineKey, RateBook } from '../forecast/rates.ts';
import { trainingRate } from '../forecast/training.ts';
import type { TrainingRate } from '../forecast/training.ts';
import { readPackage } from '../provenance.ts';
import { backendTrainingRate, deviceKey, measuringDevice } from './calibration.ts';
import { forecastTraining } from '../forecast/job.ts';
import { readCheckpoint } from './checkpoint-file.ts';
import { prepareData } from './data.ts';
import type { PreparedData } from './data.ts';
import { JobDevices } from './device.ts';
import type { DeviceFinding } from './device.ts';
import { openEngine } from './engine.ts';
import type { OpenedEngine } from './engine.ts';
import { tellBook, tellForecast } from './forecasting.ts';
import { selectParameters } from './select-parameters.ts';
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
  /** What trains; null: the cpu. */
  readonly device: OpenDevice | null;
  readonly network: Network;
  readonly trainer: Trainer;
  readonly data: PreparedData;
  readonly totalSteps: number;
  readonly due: readonly Due[];
  readonly forecast: JobForecast | null;
}

/**
 * Raises InputError if experiment, model and data do not fit each other.
 * @param finding how devices are found; default: on this machine
 * @param onDevice told the name of the device that is to train, before anything is on it
 */
export async function prepareTraining(
  request: TrainRequest,
  emit: (event: JobEvent) => void,
  finding?: DeviceFinding,
  onDevice?: (title: string) => void,
): Promise<TrainingParts> {
  emit({ kind: 'progress', stage: 'reading data', share: 0, secondsLeft: null });
  const { experiment } = request;
  const engine = await openEngine(request.engine);
  const warn = (text: string): void => {
    emit({ kind: 'log', level: 'warning', text });
  };
  const devices = new JobDevices(request.engine, warn, finding);
  const cpu = (): CpuBackend => new CpuBackend(engine.trainingBlas(), experiment.precision);
  const data = await prepareData(
    experiment.dataset,
    experiment.model,
    new Network(experiment.model, cpu()).loss,
    request,
  );
  const picked = await pickBackend(request, engine, devices, data.train, emit, onDevice);
  const network = new Network(experiment.model, picked.device?.backend() ?? cpu());
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
    spec: withTraining(spec, experiment),
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
  const measuring = experiment.measurements.length === 0 ? null : await devices.open(null);
  const forecast = await tellForecast(request.forecast, emit, ({ known }) => {
    const device = measuringDevice(engine.report, measuring, devices.isAuto, known);
    return forecastTraining(
      {
        engine,
        pool: null,
        known,
        network,
        data: data.train,
        samples,
        testSamples: data.test === null ? 0 : data.test.inputs.length / network.inputSize,
        ...definedOf({ trainingRate: picked.rate ?? undefined, device: device ?? undefined }),
      },
      experiment,
      trainer.step,
    );
  });
  return { engine, devices, device: picked.device, network, trainer, data, totalSteps, due, forecast };
}

/** What trains: the device that was named, or under `auto` the faster of a card and the cpu by calibration. */
async function pickBackend(
  request: TrainRequest,
  engine: OpenedEngine,
  devices: JobDevices,
  data: TrainingData,
  emit: (event: JobEvent) => void,
  onDevice?: (title: string) => void,
): Promise<{ readonly device: OpenDevice | null; readonly rate?: TrainingRate }> {
  const { experiment, forecast } = request;
  const isDouble = experiment.precision === 'float64';
  if (isDouble && devices.isAuto) return { device: null };
  const known = forecast?.known ?? {};
  const cpuBook = new RateBook(machineKey(engine.report, readPackage().version), known);
  const device = await devices.open(forecast === null ? null : cpuBook);
  if (device !== null) onDevice?.(device.title);
  if (device !== null && isDouble)
    throw new InputError(`${device.title} computes in float32; the experiment asks for float64: use --backend cpu`);
  let picked: { readonly device: OpenDevice | null; readonly rate?: TrainingRate } = { device };
  if (device !== null && forecast !== null) {
    emit({ kind: 'progress', stage: 'calibrating', share: 0, secondsLeft: null });
    const book = new RateBook(deviceKey(engine.report, device), known);
    const rate = await backendTrainingRate(book, device.backend(), experiment, data);
    picked = { device, rate };
    if (devices.isAuto) {
      const cpuRate = await trainingRate(cpuBook, engine.trainingBlas(), experiment, data, engine.report.threads);
      const onDevice = rate.step < cpuRate.step;
      const microseconds = (seconds: number): string => (1e6 * seconds).toFixed(0);
      emit({
        kind: 'log',
        level: 'info',
        text: `calibration: a step takes ${microseconds(rate.step)} microseconds on ${device.title} and ${microseconds(cpuRate.step)} on the cpu; training on ${onDevice ? device.title : 'the cpu'}`,
      });
      if (!onDevice) picked = { device: null };
    }
    tellBook(book, emit);
  }
  tellBook(cpuBook, emit);
  return picked;
}
