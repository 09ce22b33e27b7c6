/**
 * Measures whether the cpu or a device is faster for a network. The results are kept in the store with the forecasts' rates, under
 * the machine's key with the device's name, so a network is calibrated once on a machine. Offered to `auto` alone: a named backend is taken as it is.
 */
import type { KnownRates, Rate } from '../forecast/types.ts';
import type { MeasurementInput } from '../../engine/curvature/measurement-input.ts';
import { existsSync } from 'node:fs';
import { CpuBackend } from '../../engine/backend/cpu.ts';
import type { Backend } from '../../engine/backend/types.ts';
import { deviceMomentSums } from '../../engine/curvature/device/moments.ts';
import type { DeviceSession } from '../../engine/curvature/device/session.ts';
import { openProblemTask, factorLayout } from '../../engine/curvature/factors.ts';
import { momentSums } from '../../engine/curvature/moments.ts';
import { openSession } from '../../engine/curvature/projected/session.ts';
import { wholeNetwork } from '../../engine/curvature/projected/space.ts';
import { Network } from '../../engine/network/network.ts';
import type { Pool } from '../../engine/parallel/pool.ts';
import { evaluate } from '../../engine/training/evaluate.ts';
import { initialValues } from '../../engine/training/initialise.ts';
import { Trainer } from '../../engine/training/trainer.ts';
import type { TrainingData } from '../../engine/training/trainer.ts';
import type { Experiment } from '../../shared/experiment.ts';
import { calibratingSamples, calibrationName, machineKey, RateBook } from '../forecast/rates.ts';
import type { MeasuringDevice } from '../forecast/device.ts';
import { trainingRateName } from '../forecast/training.ts';
import { readPackage } from '../provenance.ts';
import type { EngineReport } from './protocol.ts';

/** Milliseconds that a rate is measured for. */
const measuredFor = 500;

/** A device as a key tells it apart. */
export interface KeyedDevice {
  readonly name: string;
  readonly title: string;
}

/** The machine's key for what a device computes. */
export function deviceKey(report: EngineReport, { name, title }: KeyedDevice): string {
  return machineKey({ ...report, blas: title }, readPackage().version, name);
}

/** The device as forecasts take it; undefined: the cpu measures. */
export function measuringDevice(
  report: EngineReport,
  device: KeyedDevice | null,
  isCalibrated: boolean,
  known: KnownRates,
): MeasuringDevice | undefined {
  if (device === null) return undefined;
  return { title: device.title, book: new RateBook(deviceKey(report, device), known), isCalibrated };
}

/** Whether the machine can have a card at all: on Linux its driver creates a device file. This check is free, whereas a probe takes a second. */
export function mayHaveCard(platform: NodeJS.Platform = process.platform, exists = existsSync): boolean {
  return platform !== 'linux' || ['/dev/dri', '/dev/nvidia0', '/dev/dxg'].some((file) => exists(file));
}

/** Seconds of a step and of the evaluation of a sample, on any backend. */
export async function backendTrainingRate(
  book: RateBook,
  backend: Backend,
  experiment: Experiment,
  data: TrainingData,
): Promise<{ readonly step: number; readonly evaluation: number }> {
  const rate = await book.rate(trainingRateName(experiment), async () => {
    const network = new Network(experiment.model, backend);
    for (const parameter of network.parameters)
      network.setWeight(parameter.name, initialValues(parameter, experiment.initialisation, experiment.seed));
    const samples = data.inputs.length / network.inputSize;
    const trainer = new Trainer(network, data, {
      // Values that stay finite whatever the data are.
      optimiser: { ...experiment.optimiser, lr: 1e-6, schedule: { kind: 'constant', warm_up_steps: 0 } },
      batchSize: Math.min(experiment.batch_size, samples),
      sampling: experiment.sampling,
      seed: experiment.seed,
      totalSteps: 1e9,
    });
    const step = await secondsPerStep(trainer, measuredFor);
    const count = Math.min(samples, 1000);
    const part = {
      inputs: data.inputs.subarray(0, count * network.inputSize),
      targets: data.targets.subarray(0, count * network.targetSize),
    };
    const begun = performance.now();
    await evaluate(network, part, true);
    const evaluation = (performance.now() - begun) / 1000 / count;
    await trainer.close();
    for (const tensor of network.weights.values()) backend.release(tensor);
    return { step, evaluation };
  });
  return { step: rate['step'], evaluation: rate['evaluation'] };
}

/** As a run does it: slices of steps, each waited for. The first steps, in which a device compiles its programs, do not count. */
export async function secondsPerStep(trainer: Trainer, milliseconds: number): Promise<number> {
  for (let i = 0; i < 2; i++) trainer.advance();
  await trainer.settled();
  const begun = performance.now();
  let steps = 0;
  do {
    const slice = performance.now();
    do {
      trainer.advance();
      steps++;
    } while (performance.now() - slice < 20);
    await trainer.settled();
  } while (performance.now() - begun < milliseconds);
  return (performance.now() - begun) / 1000 / steps;
}

/** Seconds that the device and the cpu take for what a device would do of a measurement, on some samples. */
export interface MeasuringTimes {
  readonly device: number;
  readonly cpu: number;
}

/** The packed sums if the exact method supports the parameter, else a Hessian-vector product. */
export async function measuringTimes(
  books: { readonly device: RateBook; readonly cpu: RateBook },
  session: DeviceSession,
  pool: Pool,
  input: MeasurementInput,
  parameter: string,
  method: 'exact' | 'projected',
): Promise<MeasuringTimes> {
  const network = new Network(input.model, new CpuBackend(pool.blas, 'float64'));
  const samples = Math.min(calibratingSamples, input.inputs.length / network.inputSize);
  const name = calibrationName(input.model, parameter, method, samples);
  const layout = method === 'exact' && parameter !== wholeNetwork ? factorLayout(network, parameter) : 'not exact';
  const seconds = async (body: () => Promise<void>): Promise<Rate> => {
    await body();
    const begun = performance.now();
    await body();
    return { seconds: (performance.now() - begun) / 1000 };
  };
  const { weights, inputs, targets, model } = input;
  if (typeof layout !== 'string') {
    await pool.runEverywhere(openProblemTask, { model, weights, inputs, targets });
    const options = { samples, seed: 1, seconds: { factors: 0, products: 0 } };
    const releasing = async (sums: ReturnType<typeof momentSums>): Promise<void> => {
      const { A, B } = (await sums).sums;
      pool.blas.release(A);
      pool.blas.release(B);
    };
    const device = await books.device.rate(name, () =>
      seconds(() => releasing(deviceMomentSums(session, pool, targets, layout, options))),
    );
    const cpu = await books.cpu.rate(name, () => seconds(() => releasing(momentSums(pool, layout, options))));
    return { device: device['seconds'], cpu: cpu['seconds'] };
  }
  const opened = await openSession(pool, input, { parameter, samples, seed: 1, device: session });
  const { d } = opened.space;
  const [v, out] = [pool.allocate('float64', d), pool.allocate('float64', d)];
  v.fill(1 / Math.sqrt(d));
  try {
    const device = await books.device.rate(name, () => seconds(() => opened.operator.apply(v, out)));
    const cpu = await books.cpu.rate(name, () => seconds(() => opened.operator.applyExactly(v, out)));
    return { device: device['seconds'], cpu: cpu['seconds'] };
  } finally {
    for (const array of [v, out]) pool.blas.release(array);
    await opened.close();
  }
}
