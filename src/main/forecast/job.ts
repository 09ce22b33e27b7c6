/** What a run or a measurement will take: time, memory and disk, from rates measured on this machine. */
import type { JobForecast, MeasurementForecast, KnownRates, Rates } from './types.ts';
import type { MeasurementInput } from '../../engine/curvature/measurement-input.ts';
import { densitySpec } from '../../shared/density.ts';
import { measurementDefaults } from '../../shared/experiment.ts';
import type { Experiment, MeasurementSpec } from '../../shared/experiment.ts';
import type { ModelSpec } from '../../shared/model.ts';
import { CpuBackend } from '../../engine/backend/cpu.ts';
import type { Real } from '../../engine/blas/types.ts';
import { factorLayout } from '../../engine/curvature/factors.ts';
import { forecastExact, formatBytes } from '../../engine/curvature/forecast.ts';
import { chooseMethod } from '../../engine/curvature/measure-layer.ts';
import { wholeNetwork } from '../../engine/curvature/projected/space.ts';
import { AffineLayer } from '../../engine/network/affine.ts';
import { leaves } from '../../engine/network/chain.ts';
import { Network } from '../../engine/network/network.ts';
import { Pool } from '../../engine/parallel/pool.ts';
import { shared } from '../../engine/parallel/shared.ts';
import { chunkOf } from '../../engine/training/evaluate.ts';
import { initialValues } from '../../engine/training/initialise.ts';
import type { TrainingData } from '../../engine/training/trainer.ts';
import { libraryThreadsOf } from '../jobs/engine.ts';
import type { OpenedEngine } from '../jobs/engine.ts';
import { selectParameters } from '../jobs/select-parameters.ts';
import { dueSteps } from '../jobs/schedule.ts';
import { readPackage } from '../provenance.ts';
import { deviceSeconds } from './device.ts';
import type { DeviceTask, MeasuringDevice } from './device.ts';
import { exactSeconds, extraConstants, statisticsSeconds } from './exact.ts';
import { fluctuationSeconds } from './fluctuations.ts';
import { fluctuationsImpossible } from '../../engine/curvature/fluctuations/measure.ts';
import { minibatchSeconds } from './minibatch.ts';
import { densityBytes, densitySeconds, projectedBytes, projectedSeconds } from './projected.ts';
import { machineKey, measuredName, RateBook } from './rates.ts';
import { trainingRate } from './training.ts';
import type { TrainingRate } from './training.ts';

export interface ForecastAnswer {
  readonly forecast: JobForecast;
  /** Rates that had to be measured, to be kept under `machine`. */
  readonly machine: string;
  readonly rates: Rates;
}

/** Checkpoints that a run keeps (src/main/services/recorder.ts). */
const keptCheckpoints = 2;
/** Bytes of a worker process before it holds data: itself and the library, and each worker thread. */
const processBytes = 150e6;
const threadBytes = 45e6;
/** Bytes of a measurement's summary in its file, and of the curve of a spectral density. */
const summaryBytes = 50e3;
const curveBytes = 30e3;
/** Seconds of a checkpoint: writing and syncing the file, storing it. */
const checkpointSeconds = 0.03;

export interface ForecastInput {
  readonly engine: OpenedEngine;
  /** Worker threads, or null: they are started if needed, and ended. */
  readonly pool: Pool | null;
  readonly known: KnownRates;
  readonly network: Network;
  /** Training data, or data of that shape. */
  readonly data: TrainingData;
  /** Samples in the training and the test part, which `data` may have fewer of. */
  readonly samples: number;
  readonly testSamples: number;
  /** Of the device that trains; default: measured on the cpu. */
  readonly trainingRate?: TrainingRate;
  /** That measures, if any; default: the cpu. */
  readonly device?: MeasuringDevice | undefined;
  /** False: memory and disk alone; seconds are 0. */
  readonly timed?: boolean;
}

/** A run from its first step on, or from a step it resumes at. */
export async function forecastTraining(
  input: ForecastInput,
  experiment: Experiment,
  fromStep = 0,
): Promise<ForecastAnswer> {
  const { network, samples } = input;
  const stepsPerEpoch = Math.ceil(samples / experiment.batch_size);
  const steps = Math.round(experiment.epochs * stepsPerEpoch);
  const measurer = new Measurer(input, experiment.model, randomWeights(network, experiment));
  try {
    let measured = 0;
    for (const spec of experiment.measurements) {
      const due = [...dueSteps(spec.when, stepsPerEpoch, steps)].filter((step) => step >= fromStep);
      measured = Math.max(measured, due.filter((step) => step < steps).length);
      for (const parameter of selectParameters(network, spec.parameters))
        await measurer.add(parameter, spec, due.length);
    }
    const { book } = measurer;
    const rate =
      input.timed === false
        ? { step: 0, evaluation: 0 }
        : (input.trainingRate ??
          (await trainingRate(book, input.engine.trainingBlas(), experiment, input.data, input.engine.report.threads)));
    const { testSamples } = input;
    const evaluations = (fromStep === 0 ? 1 : 0) + Math.ceil((steps - fromStep) / stepsPerEpoch);
    const training = (steps - fromStep) * rate.step;
    const evaluating = evaluations * (samples + testSamples) * rate.evaluation;
    // One at the end, one before measurements, one after an epoch if the last is some seconds old.
    const checkpoints = 1 + measured + Math.min(evaluations, Math.floor((training + evaluating) / 5));
    const saved = checkpoints * checkpointSeconds;
    return measurer.answer({ training: training + saved, evaluating, steps, checkpoints, experiment });
  } finally {
    await measurer.close();
  }
}

/** Measurements of a network as it is. */
export async function forecastMeasuring(
  input: ForecastInput,
  model: ModelSpec,
  weights: ReadonlyMap<string, Real>,
  spec: MeasurementSpec,
): Promise<ForecastAnswer> {
  const measurer = new Measurer(input, model, weights);
  try {
    for (const parameter of selectParameters(input.network, spec.parameters)) await measurer.add(parameter, spec, 1);
    return measurer.answer({ training: 0, evaluating: 0, steps: 0, checkpoints: 0, experiment: null });
  } finally {
    await measurer.close();
  }
}

class Measurer {
  readonly book: RateBook;
  readonly #input: ForecastInput;
  readonly #measured: MeasurementInput;
  readonly #list: MeasurementForecast[] = [];
  readonly #warnings = new Set<string>();
  #pool: Pool | null = null;

  constructor(input: ForecastInput, model: ModelSpec, weights: ReadonlyMap<string, Real>) {
    this.#input = input;
    this.book = new RateBook(machineKey(input.engine.report, readPackage().version), input.known);
    const { inputs, targets } = input.data;
    this.#measured = { model, weights, inputs, targets, classes: true };
  }

  async add(parameter: string, spec: MeasurementSpec, times: number): Promise<void> {
    const { engine, network } = this.#input;
    const { memoryLimit } = engine;
    const samples = Math.min(spec.samples ?? this.#input.samples, this.#input.samples);
    const method = spec.method === 'auto' ? chooseMethod(network, parameter, memoryLimit, spec).method : spec.method;
    const owner = parameter === wholeNetwork ? null : network.parameter(parameter);
    const size = owner === null ? weightCount(network) : owner.rows * owner.cols;
    const shape = owner === null ? [size] : owner.shape;
    const layout =
      owner === null
        ? `${parameter}: only the projected method takes all parameters`
        : factorLayout(network, parameter);
    let [seconds, memory, disk] = [0, 0, 0];
    let refusal: string | null = null;
    if (method === 'exact') {
      if (typeof layout === 'string') refusal = layout;
      else {
        const exact = forecastExact(layout, spec);
        [memory, disk] = [exact.bytes, exact.storedBytes + summaryBytes];
        if (memory > memoryLimit) {
          refusal = `${parameter}: its ${size} x ${size} matrices take ${formatBytes(memory)}, and ${formatBytes(memoryLimit)} are free; it will not be measured exactly (the projected method would need ${formatBytes(this.#projected(size, samples, spec.top))})`;
        } else if (times > 0 && this.#isTimed) {
          seconds =
            this.#known(parameter, spec, samples, method) ??
            (await exactSeconds(this.book, this.#threads(), this.#libraryThreads(), layout, samples, spec)) +
              (await this.#extraSeconds(parameter, size, samples, spec));
        }
      }
    } else {
      memory = this.#projected(size, samples, spec.top);
      const k = Math.min(spec.top ?? measurementDefaults.top, size);
      disk = 8 * (k * size + size + 12 * k) + summaryBytes;
      if (memory > memoryLimit) {
        this.#warnings.add(
          `${parameter}: the projected method takes about ${formatBytes(memory)}, and ${formatBytes(memoryLimit)} are free; fewer directions (top) take less`,
        );
      }
      const known = this.#known(parameter, spec, samples, method);
      if (known !== null) seconds = known;
      else if (times > 0 && samples >= 8 && this.#isTimed) {
        seconds =
          (await this.#scaled(samples, (count) =>
            projectedSeconds(this.book, this.#threads(), this.#measured, parameter, count, spec),
          )) +
          (await this.#projectedConstants(samples, spec)) +
          (await this.#extraSeconds(parameter, size, samples, spec));
      }
    }
    const density = densitySpec(spec.density);
    if (density !== undefined && refusal === null) {
      // It comes when the measurement's own work is done, and its results are held.
      const { kind } = engine.report;
      disk += curveBytes;
      memory = Math.max(memory, disk + densityBytes(network, size, samples, kind === 'wasm', density));
    }
    if (refusal !== null) this.#warnings.add(refusal);
    else if (times > 0 && this.#isTimed)
      seconds = this.#onDevice(
        { parameter, spec, method, samples, d: size, top: spec.top ?? measurementDefaults.top },
        seconds,
      );
    this.#list.push({ parameter, shape, size, method, times, seconds, memory, disk, refusal });
  }

  /** Fewer samples stand for all if data are only alike. */
  async #scaled(samples: number, seconds: (count: number) => Promise<number>): Promise<number> {
    const present = this.#present;
    return (await seconds(Math.min(samples, present))) * Math.max(1, samples / present);
  }

  /** What of a projected measurement goes by the number of fits, or of samples, as an exact one's does. */
  async #projectedConstants(samples: number, { duality, assumptions }: MeasurementSpec): Promise<number> {
    const rates = [this.book, this.#threads(), this.#libraryThreads()] as const;
    const statistics = await statisticsSeconds(...rates);
    if (duality !== true && assumptions !== true) return statistics;
    const constants = await extraConstants(...rates);
    return (
      statistics +
      (duality === true ? constants.dualityOfSample * samples : 0) +
      (assumptions === true ? constants.assumptions : 0)
    );
  }

  /** What either method measures besides, by passes of its own: the spectral density and the noise of minibatches. */
  async #extraSeconds(parameter: string, d: number, samples: number, spec: MeasurementSpec): Promise<number> {
    const density = densitySpec(spec.density);
    const noise = spec.minibatch_noise;
    let seconds = 0;
    if (density !== undefined && samples >= 8)
      seconds += await this.#scaled(samples, (count) =>
        densitySeconds(this.book, this.#threads(), this.#measured, parameter, count, density),
      );
    if (noise !== undefined)
      seconds += await minibatchSeconds(
        this.book,
        this.#threads(),
        this.#measured,
        { parameter, d, samples, present: this.#present },
        noise,
      );
    const stretch = spec.weight_fluctuations;
    if (stretch !== undefined && fluctuationsImpossible(stretch, samples) === null && this.#present >= 8)
      seconds += await fluctuationSeconds(
        this.book,
        this.#threads(),
        this.#measured,
        { parameter, d, samples, present: this.#present },
        stretch,
      );
    return seconds;
  }

  get #present(): number {
    return this.#input.data.inputs.length / this.#input.network.inputSize;
  }

  /** `seconds` are the cpu's in float64; warns if they stand in for what is not known. */
  #onDevice(task: Omit<DeviceTask, 'model' | 'available'>, seconds: number): number {
    const { parameter, spec, method, samples } = task;
    const { device } = this.#input;
    if (spec.precision === 'float64') return seconds;
    if (device !== undefined) {
      const whole = { ...task, model: this.#measured.model, available: this.#input.samples };
      const forecast = deviceSeconds(device, whole, { seconds, book: this.book });
      if (forecast.warning !== null) this.#warnings.add(forecast.warning);
      return forecast.seconds;
    }
    if (spec.precision === 'float32' && this.#known(parameter, spec, samples, method) === null)
      this.#warnings.add(`${parameter}: how long it takes in float32 is not known yet; its time is that of float64`);
    return seconds;
  }

  /** What this very measurement took the last time. */
  #known(parameter: string, spec: MeasurementSpec, samples: number, method: string): number | null {
    return this.book.known(measuredName(this.#measured.model, parameter, spec, samples, method))?.['seconds'] ?? null;
  }

  answer(task: {
    readonly training: number;
    readonly evaluating: number;
    readonly steps: number;
    readonly checkpoints: number;
    readonly experiment: Experiment | null;
  }): ForecastAnswer {
    const { engine, network, samples, testSamples } = this.#input;
    const { training, evaluating, steps, experiment } = task;
    const made = this.#list.filter((each) => each.refusal === null && each.times > 0);
    const measuring = made.reduce((sum, { times, seconds }) => sum + times * seconds, 0);
    const weights = weightCount(network);
    const bytes = experiment?.precision === 'float64' ? 8 : 4;
    const data = (samples + testSamples) * (network.inputSize + network.targetSize) * 4;
    const batch = Math.max(2 * (experiment?.batch_size ?? 0), chunkOf(network)) * activations(network) * bytes;
    const base = processBytes + data + 4 * weights * bytes + batch;
    const most = made.reduce((largest, { memory }) => Math.max(largest, memory), 0);
    const isMoving = (experiment?.optimiser.momentum ?? 0) > 0;
    const checkpoint = (isMoving ? 2 : 1) * weights * bytes + 4 * samples;
    const checkpoints = Math.min(keptCheckpoints, task.checkpoints);
    return {
      forecast: {
        seconds: { total: training + evaluating + measuring, training, evaluating, measuring },
        steps,
        weights,
        measurements: this.#list,
        memory: {
          training: base,
          measuring: made.length === 0 ? null : base + engine.report.threads * threadBytes + most,
          available: engine.memoryLimit,
        },
        disk: made.reduce((sum, each) => sum + each.times * each.disk, 0) + checkpoints * checkpoint,
        warnings: [...this.#warnings],
      },
      machine: this.book.machine,
      rates: this.book.measured,
    };
  }

  async close(): Promise<void> {
    await this.#pool?.close();
  }

  get #isTimed(): boolean {
    return this.#input.timed !== false;
  }

  #threads(): Pool {
    const { engine, pool } = this.#input;
    return pool ?? (this.#pool ??= new Pool(engine.blas, { threads: engine.report.threads }));
  }

  #libraryThreads(): number {
    return libraryThreadsOf(this.#input.engine.report);
  }

  #projected(size: number, samples: number, top: number | undefined): number {
    const { engine, network } = this.#input;
    const { threads, kind } = engine.report;
    return projectedBytes(network, size, samples, threads, kind === 'wasm', top);
  }
}

function weightCount(network: Network): number {
  return network.parameters.reduce((sum, { rows, cols }) => sum + rows * cols, 0);
}

/** Numbers a sample that all layers' outputs and the patches of convolutions hold. */
function activations(network: Network): number {
  return leaves(network.layers).reduce((sum, layer) => {
    const patches = layer instanceof AffineLayer && layer.positions === 1 ? 0 : (layer.workspace ?? 0);
    return sum + patches + layer.outputShape.reduce((product, size) => product * size, 1);
  }, network.inputSize);
}

/** Of parameters and states. */
function randomWeights(network: Network, { initialisation, seed }: Experiment): Map<string, Real> {
  return new Map(
    [...network.parameters, ...network.states].map((parameter) => [
      parameter.name,
      shared(initialValues(parameter, initialisation, seed)),
    ]),
  );
}

/** For a forecast before data are read. */
export function networkOf(engine: OpenedEngine, { model, precision }: Experiment): Network {
  return new Network(model, new CpuBackend(engine.blas, precision));
}
