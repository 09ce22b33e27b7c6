/** A run in its worker process: training with metrics, checkpoints and scheduled measurements, all sent to the main side as events. */
import { randomUUID } from 'node:crypto';
import { stat } from 'node:fs/promises';
import * as path from 'node:path';
import type { Network } from '../../engine/network/network.ts';
import { wantedTensors } from '../../engine/network/wanted.ts';
import { Pool } from '../../engine/parallel/pool.ts';
import { shared } from '../../engine/parallel/shared.ts';
import { divergence } from '../../engine/training/divergence.ts';
import type { Trainer } from '../../engine/training/trainer.ts';
import { trainingRateName } from '../forecast/training.ts';
import { writeCheckpoint } from './checkpoint-file.ts';
import type { JobControl } from './job-control.ts';
import type { PreparedData } from './data.ts';
import { asDeviceError, DeviceError } from '../../engine/backend/tfjs/device-error.ts';
import type { OpenDevice } from '../../engine/backend/tfjs/device.ts';
import type { DeviceFinding, JobDevices } from './device.ts';
import type { OpenedEngine } from './engine.ts';
import { tellRates } from './forecasting.ts';
import { measureAll } from './measuring.ts';
import { RunProgress } from './run-progress.ts';
import type { JobEvent, TrainRequest } from './protocol.ts';
import { prepareTraining } from './train-setup.ts';
import type { Due, TrainingParts } from './train-setup.ts';
import { TrainingRecord } from './training-record.ts';

/** Points of the batch-loss series of a whole run, about. */
const lossPoints = 4000;
/** Times of a whole run, about, beside those at evaluations and checkpoints. */
const timePoints = 500;
/** Least seconds between two checkpoints that are only for safety. */
const checkpointSeconds = 5;
/** Steps in a row before the process looks at its messages. */
const sliceMilliseconds = 20;

/** @param finding how devices are found; default: on this machine */
export async function runTraining(
  request: TrainRequest,
  control: JobControl,
  emit: (event: JobEvent) => void,
  finding?: DeviceFinding,
): Promise<void> {
  let title = 'the device';
  let job: TrainingJob | null = null;
  try {
    const parts = await prepareTraining(request, emit, finding, (name) => (title = name));
    job = new TrainingJob(request, control, emit, parts);
    if (request.forecast?.only === true) job.leave();
    else await job.run();
  } catch (error) {
    throw withRemedy(error, title);
  } finally {
    await job?.close();
  }
}

/** A device's failure with its name and advice; any other error unchanged. */
function withRemedy(error: unknown, title: string): unknown {
  const failure = asDeviceError(error);
  if (!(failure instanceof DeviceError)) return error;
  const remedy =
    failure.fault === 'memory'
      ? 'a smaller batch_size takes less memory, and --backend cpu takes none of the device'
      : 'the run can be resumed from its last checkpoint, there or with --backend cpu';
  return new DeviceError(failure.fault, `${title}: ${failure.message}; ${remedy}`);
}

class TrainingJob {
  readonly #request: TrainRequest;
  readonly #control: JobControl;
  readonly #emit: (event: JobEvent) => void;
  readonly #engine: OpenedEngine;
  readonly #devices: JobDevices;
  readonly #device: OpenDevice | null;
  readonly #network: Network;
  readonly #trainer: Trainer;
  readonly #data: PreparedData;
  readonly #totalSteps: number;
  readonly #due: readonly Due[];
  readonly #record: TrainingRecord;
  readonly #progress: RunProgress;
  readonly #firstStep: number;
  readonly #constantLoss: number;
  #lastCheckpoint = performance.now();
  #checkpointed = -1;
  #pool: Pool | null = null;

  constructor(request: TrainRequest, control: JobControl, emit: (event: JobEvent) => void, parts: TrainingParts) {
    this.#request = request;
    this.#control = control;
    this.#emit = emit;
    this.#engine = parts.engine;
    this.#devices = parts.devices;
    this.#device = parts.device;
    this.#network = parts.network;
    this.#trainer = parts.trainer;
    this.#data = parts.data;
    this.#totalSteps = parts.totalSteps;
    this.#due = parts.due;
    this.#record = new TrainingRecord(emit, parts, request.resume);
    this.#firstStep = this.#trainer.step;
    this.#progress = new RunProgress(parts.forecast, this.#firstStep, this.#totalSteps);
    this.#constantLoss = this.#network.loss.constant(this.#data.train.targets);
    emit({
      kind: 'prepared',
      dataset: this.#data.summary,
      parameters: this.#network.parameters.reduce((sum, { rows, cols }) => sum + rows * cols, 0),
      steps: this.#totalSteps,
      step: this.#trainer.step,
      engine: { ...this.#engine.report, backend: this.#network.backend.name },
    });
    this.#tellChange();
  }

  /** Another backend goes on where one left: the run is no longer what an undisturbed one gives, bit for bit. */
  #tellChange(): void {
    const before = this.#request.resume?.trainedBy ?? null;
    const { name } = this.#network.backend;
    if (before === null || before === name) return;
    this.#emit({
      kind: 'log',
      level: 'warning',
      text: `trained by ${before} up to step ${this.#firstStep}, from here by ${name}: its rounding differs, so the result is not bit for bit that of a run trained by one backend`,
    });
  }

  async close(): Promise<void> {
    await this.#trainer.close();
    await this.#pool?.close();
    await this.#devices.close();
  }

  /** Ends before the first step. */
  leave(): void {
    this.#emit({ kind: 'ended', outcome: 'done', reason: null, step: this.#firstStep, results: {}, seconds: {} });
  }

  async run(): Promise<void> {
    const trainer = this.#trainer;
    const { stepsPerEpoch } = trainer.sampler;
    const recordEvery = Math.max(1, Math.ceil(this.#totalSteps / lossPoints));
    const timeEvery = recordEvery * Math.ceil(lossPoints / timePoints);
    // A checkpoint is taken after what is due at its step was evaluated and stored.
    if (this.#request.resume === null) {
      this.#record.time();
      this.#record.results['initial_loss'] = await this.#record.evaluate();
    } else if (trainer.step > 0 && (trainer.step % stepsPerEpoch === 0 || trainer.step === this.#totalSteps)) {
      const how = this.#divergence();
      if (how !== null) return this.#diverge(how, Number.isFinite(this.#record.results['loss']));
      if (this.#hasReachedLoss()) {
        await this.#finish(true);
        return;
      }
    }
    if (!(await this.#measure())) return this.#stop();
    while (trainer.step < this.#totalSteps) {
      const nextEpoch = (Math.floor(trainer.step / stepsPerEpoch) + 1) * stepsPerEpoch;
      const nextRecord = (Math.floor(trainer.step / recordEvery) + 1) * recordEvery;
      const end = Math.min(this.#totalSteps, nextEpoch, nextRecord, this.#nextMeasurement(), this.#stopStep());
      const finished = await this.#advanceTo(end);
      if (!finished) return this.#stop();
      if (end === nextRecord || end === nextEpoch || end === this.#totalSteps) {
        const loss = await trainer.takeMeanLoss();
        if (!Number.isFinite(loss)) return this.#diverge(`became ${loss}`, false);
        this.#record.metrics.add('batch_loss', end, loss);
        if (end % timeEvery === 0 || end === nextEpoch || end === this.#totalSteps) this.#record.time();
      }
      let reachedLoss = false;
      if (end === this.#totalSteps) {
        this.#record.metrics.flush(end);
        this.#emit(this.#standing());
      }
      if (end === nextEpoch || end === this.#totalSteps) {
        await this.#record.evaluate();
        const how = this.#divergence();
        if (how !== null) return this.#diverge(how, Number.isFinite(this.#record.results['loss']));
        reachedLoss = this.#hasReachedLoss();
        await this.#checkpoint(false);
      }
      if (reachedLoss) {
        this.#emit({
          kind: 'log',
          level: 'info',
          text: `stopped at step ${end}: the training loss reached ${this.#record.results['loss']}`,
        });
        await this.#finish(true);
        return;
      }
      if (!(await this.#measure())) return this.#stop();
      if (end === this.#stopStep() && end < this.#totalSteps) return this.#stop();
    }
    await this.#finish(false);
  }

  /** Why the run has diverged as of the last evaluation; null if it has not. */
  #divergence(): string | null {
    const { loss, initial_loss: initial = NaN } = this.#record.results;
    if (loss === undefined) return null;
    return divergence(loss, initial, this.#constantLoss, this.#trainer.step === this.#totalSteps);
  }

  #hasReachedLoss(): boolean {
    return (this.#record.results['loss'] ?? Infinity) <= (this.#request.experiment.stop_at_loss ?? -Infinity);
  }

  /** Trains up to a step; false if a cancel or pause came first. */
  async #advanceTo(end: number): Promise<boolean> {
    const trainer = this.#trainer;
    // Looked at before a step, never after the last: what is due at `end` (an evaluation) comes first, or a run that resumes there would miss it.
    while (trainer.step < end) {
      if (this.#control.signal.aborted || this.#control.pauseRequested) return false;
      if (this.#control.checkpointRequested) {
        this.#control.checkpointRequested = false;
        await this.#checkpoint(true);
      }
      const begun = performance.now();
      let now = begun;
      while (trainer.step < end && now - begun < sliceMilliseconds) {
        trainer.advance();
        now = performance.now();
      }
      this.#record.seconds.training += (now - begun) / 1000;
      this.#reportProgress();
      // A device lags behind what is enqueued: one slice at a time, or its queue would grow without bound.
      const waited = performance.now();
      await trainer.settled();
      this.#record.seconds.training += (performance.now() - waited) / 1000;
      // Lets messages arrive: cancel and pause.
      await new Promise((resolve) => setImmediate(resolve));
    }
    return true;
  }

  #reportProgress(): void {
    this.#record.metrics.flushSometimes(this.#trainer.step, () => this.#standing());
  }

  /** The words and the step of one event agree. */
  #standing(): JobEvent {
    const { step, sampler } = this.#trainer;
    const epoch = (step / sampler.stepsPerEpoch).toFixed(1);
    return { kind: 'progress', stage: `training, epoch ${epoch}`, ...this.#progress.training(step) };
  }

  #nextMeasurement(): number {
    let next = Infinity;
    for (const { steps } of this.#due)
      for (const step of steps) if (step > this.#trainer.step) next = Math.min(next, step);
    return next;
  }

  #stopStep(): number {
    const stop = this.#request.stopAfter;
    return stop === null || stop <= this.#firstStep ? Infinity : stop;
  }

  /** All measurements due at the current step; `atEnd`: those of the end, wherever it came. False if a pause came before they were done. */
  async #measure(atEnd = false): Promise<boolean> {
    const { step } = this.#trainer;
    const isDue = ({ spec, steps }: Due): boolean => (atEnd ? spec.when.kind === 'end' : steps.has(step));
    const stored = (parameter: string): boolean =>
      this.#request.resume?.measured.some((each) => each.parameter === parameter && each.step === step) ?? false;
    const list = this.#due
      .filter(isDue)
      .flatMap(({ spec, parameters }) =>
        parameters.filter((name) => !stored(name)).map((parameter) => ({ spec, parameter })),
      );
    if (list.length === 0) return true;
    await this.#checkpoint(true);
    if (this.#control.pauseRequested) return false;
    const begun = performance.now();
    const { weights } = await this.#trainer.state();
    const sharedWeights = new Map([...weights].map(([name, values]) => [name, shared(values)]));
    this.#pool ??= new Pool(this.#engine.blas, { threads: this.#engine.report.threads });
    const device = await this.#devices.open(null);
    const context = {
      engine: this.#engine,
      device,
      isCalibrated: this.#devices.isAuto,
      pool: this.#pool,
      input: {
        model: this.#request.experiment.model,
        weights: sharedWeights,
        inputs: this.#data.train.inputs,
        targets: this.#data.train.targets,
        classes: this.#data.classes,
      },
      dataNotes: this.#data.summary.notes,
      staging: this.#request.staging,
      forecast: this.#request.forecast,
      step,
      epoch: this.#trainer.epoch,
      emit: this.#emit,
      signal: this.#control.measuring,
    };
    try {
      return await measureAll(context, list, this.#progress, () => this.#control.pauseRequested);
    } catch (error) {
      // A pause gave the measurement up.
      if (this.#control.measuring.aborted && !this.#control.signal.aborted) return false;
      throw error;
    } finally {
      this.#record.seconds.measuring += (performance.now() - begun) / 1000;
    }
  }

  /** Writes a checkpoint; unless forced, only when the last is some seconds old. */
  async #checkpoint(forced: boolean): Promise<void> {
    const now = performance.now();
    const { step } = this.#trainer;
    if (step === this.#checkpointed || (!forced && now - this.#lastCheckpoint < checkpointSeconds * 1000)) return;
    this.#record.time();
    this.#record.metrics.flush(step);
    const file = path.join(this.#request.staging, `${randomUUID()}.safetensors`);
    await writeCheckpoint(file, await this.#trainer.state(), wantedTensors(this.#network));
    this.#emit({
      kind: 'checkpoint',
      step,
      epoch: this.#trainer.epoch,
      file: { file, bytes: (await stat(file)).size },
    });
    this.#lastCheckpoint = now;
    this.#checkpointed = step;
  }

  async #finish(early: boolean): Promise<void> {
    if (early && !(await this.#measure(true))) return this.#stop();
    await this.#checkpoint(true);
    this.#end('done', null);
  }

  async #stop(): Promise<void> {
    await this.#checkpoint(true);
    this.#end(this.#control.signal.aborted ? 'cancelled' : 'paused', null);
  }

  /** @param how in words that follow "the loss " @param isKept whether the weights are numbers, so that a checkpoint can be read again */
  async #diverge(how: string, isKept: boolean): Promise<void> {
    const { step } = this.#trainer;
    if (isKept) await this.#checkpoint(true);
    this.#end(
      'diverged',
      `the loss ${how} by step ${step} (learning rate ${this.#trainer.learningRate}); try a smaller one`,
    );
  }

  #end(outcome: 'done' | 'diverged' | 'cancelled' | 'paused', reason: string | null): void {
    const { step } = this.#trainer;
    this.#record.metrics.flush(step);
    const stepsDone = step - this.#firstStep;
    const results = { ...this.#record.results };
    // What a network that ignores its inputs reaches: tells whether anything was learned (src/shared/learning.ts).
    if (step > 0 && Number.isFinite(this.#constantLoss)) results['constant_loss'] = this.#constantLoss;
    if (this.#record.seconds.training > 0) results['steps_per_second'] = stepsDone / this.#record.seconds.training;
    // In kilobytes on every system.
    results['peak_memory'] = 1024 * process.resourceUsage().maxRSS;
    if (this.#record.seconds.training > 1) {
      const step = this.#record.seconds.training / stepsDone;
      const evaluation = this.#record.seconds.evaluating / Math.max(1, this.#record.evaluated);
      const name = trainingRateName(this.#request.experiment);
      tellRates(
        this.#request.forecast,
        this.#engine.report,
        this.#emit,
        { [name]: { step, evaluation } },
        this.#device,
      );
    }
    this.#emit({ kind: 'ended', outcome, reason, step, results, seconds: { ...this.#record.seconds } });
  }
}
