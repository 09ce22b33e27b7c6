/** Measuring parameters of a network inside a job, writing each result's arrays to a file. */
import type { MeasurementInput } from '../../engine/curvature/measurement-input.ts';
import { randomUUID } from 'node:crypto';
import { stat } from 'node:fs/promises';
import * as path from 'node:path';
import { tensor, writeSafetensors } from '../../data/formats/safetensors.ts';
import { DeviceError } from '../../engine/backend/tfjs/device-error.ts';
import type { OpenDevice } from '../../engine/backend/tfjs/device.ts';
import { DeviceSession } from '../../engine/curvature/device/session.ts';
import { cpuChunk, singlePrecisionCpu } from '../../engine/curvature/device/single-precision.ts';
import { chooseMethod, measureLayer } from '../../engine/curvature/measure-layer.ts';
import { CpuBackend } from '../../engine/backend/cpu.ts';
import { Network } from '../../engine/network/network.ts';
import { deviceKey, measuringTimes } from './calibration.ts';
import { machineKey, RateBook } from '../forecast/rates.ts';
import { readPackage } from '../provenance.ts';
import type { Pool } from '../../engine/parallel/pool.ts';
import type { MeasurementSpec } from '../../shared/experiment.ts';
import { definedOf } from '../../shared/defined.ts';
import { InputError, messageOf } from '../../shared/errors.ts';
import type { MeasurementSummary, StoredArrays } from '../../shared/results.ts';
import { libraryThreadsOf } from './engine.ts';
import type { OpenedEngine } from './engine.ts';
import { measuredName } from '../forecast/rates.ts';
import { tellBook, tellRates } from './forecasting.ts';
import type { RunProgress } from './run-progress.ts';
import type { ForecastRequest, JobEvent, StagedFile } from './protocol.ts';

export interface MeasuringContext {
  readonly engine: OpenedEngine;
  /** Makes passes and products in float32; null: the cpu does all. */
  readonly device: OpenDevice | null;
  /** Whether the device is used only if calibration finds it the faster. */
  readonly isCalibrated: boolean;
  readonly pool: Pool;
  readonly input: MeasurementInput;
  /** How the data were read, in words; stored with every result. */
  readonly dataNotes: readonly string[] | undefined;
  readonly staging: string;
  readonly forecast: ForecastRequest | null;
  readonly step: number;
  readonly epoch: number;
  readonly emit: (event: JobEvent) => void;
  readonly signal: AbortSignal;
  readonly onProgress: (stage: string, share: number) => void;
}

/** The parameter and options of one measurement. */
export interface PlannedMeasurement {
  readonly parameter: string;
  readonly spec: MeasurementSpec;
}

/**
 * Measures one parameter after the other (`measureInto`), telling how far the job is; `step` of the context says at which weights. False if a pause was asked
 * for between two of them.
 */
export async function measureAll(
  context: Omit<MeasuringContext, 'onProgress'>,
  planned: readonly PlannedMeasurement[],
  progress: RunProgress,
  isPausing: () => boolean = () => false,
): Promise<boolean> {
  for (const [index, { parameter, spec }] of planned.entries()) {
    if (isPausing()) return false;
    const onProgress = (stage: string, share: number): void => {
      context.emit({
        kind: 'progress',
        stage: `measuring ${parameter}: ${stage.replaceAll('_', ' ')}`,
        ...progress.measuring(parameter, share, index, planned.length),
      });
    };
    await measureInto({ ...context, onProgress }, parameter, spec);
    progress.finished(parameter);
  }
  return true;
}

/**
 * Measures one parameter and emits its result; what cannot be measured (too large, not served) is emitted as a failed measurement
 * with its reason, and the job goes on.
 */
async function measureInto(context: MeasuringContext, parameter: string, spec: MeasurementSpec): Promise<void> {
  const { engine, step, epoch } = context;
  const begun = performance.now();
  if (spec.precision === 'float64' && context.device !== null && !context.isCalibrated)
    context.emit({
      kind: 'log',
      level: 'info',
      text: `${parameter}: measured by the cpu, in float64 as asked for: ${context.device.title} computes in float32`,
    });
  const device = spec.precision === 'float64' ? null : context.device;
  const onFallback = (text: string): void => {
    context.emit({ kind: 'log', level: 'warning', text });
  };
  const session = device === null ? undefined : new DeviceSession(device, context.input, { onFallback });
  const closing: (() => void)[] = [() => session?.close()];
  try {
    const usesDevice = session !== undefined && (await prefersDevice(context, session, parameter, spec));
    let single = usesDevice ? session : undefined;
    if (single === undefined && spec.precision === 'float32') {
      const cpu = singlePrecisionCpu(engine.trainingBlas());
      const onCpu = new DeviceSession(cpu, context.input, { chunk: cpuChunk, onFallback });
      single = onCpu;
      closing.push(() => {
        onCpu.close();
        cpu.close();
      });
    }
    const result = await measureLayer(context.pool, context.input, {
      ...spec,
      parameter,
      device: single,
      libraryThreads: libraryThreadsOf(engine.report),
      memoryLimit: engine.memoryLimit,
      signal: context.signal,
      onProgress: context.onProgress,
    });
    const summary = { ...result.summary, ...definedOf({ data_notes: context.dataNotes }) };
    const file = await writeResult(context.staging, summary, result.arrays);
    result.release();
    context.emit({ kind: 'measurement', step, epoch, spec, summary, file });
    const name = measuredName(context.input.model, parameter, spec, result.summary.samples, result.summary.method);
    const rate = { [name]: { seconds: (performance.now() - begun) / 1000 } };
    tellRates(context.forecast, engine.report, context.emit, rate, usesDevice ? device : null);
  } catch (error) {
    if (!(error instanceof InputError || error instanceof DeviceError)) throw error;
    const isInput = error instanceof InputError;
    const method = methodOf(context, parameter, spec);
    context.emit({
      kind: 'measurement-failed',
      step,
      epoch,
      parameter,
      spec,
      method,
      error: messageOf(error),
      isInput,
    });
  } finally {
    for (const close of closing) close();
  }
}

/** The method asked for; under `auto` the one that is chosen for the parameter, which has to be one of the network's. */
function methodOf(
  { engine, pool, input }: MeasuringContext,
  parameter: string,
  spec: MeasurementSpec,
): 'exact' | 'projected' {
  if (spec.method !== 'auto') return spec.method;
  const network = new Network(input.model, new CpuBackend(pool.blas, 'float64'));
  return chooseMethod(network, parameter, engine.memoryLimit, spec).method;
}

/** What the user named is used; under `auto` the faster by calibration. */
async function prefersDevice(
  context: MeasuringContext,
  session: DeviceSession,
  parameter: string,
  spec: MeasurementSpec,
): Promise<boolean> {
  const { device, engine, pool, input, forecast, emit } = context;
  if (device === null || !context.isCalibrated) return device !== null;
  const known = forecast?.known ?? {};
  const books = {
    device: new RateBook(deviceKey(engine.report, device), known),
    cpu: new RateBook(machineKey(engine.report, readPackage().version), known),
  };
  const method = methodOf(context, parameter, spec);
  const times = await measuringTimes(books, session, pool, input, parameter, method);
  for (const book of [books.device, books.cpu]) tellBook(book, emit);
  const isFaster = times.device < times.cpu;
  const milliseconds = (seconds: number): string => (1e3 * seconds).toFixed(1);
  emit({
    kind: 'log',
    level: 'info',
    text: `calibration of ${parameter}: ${milliseconds(times.device)} ms on ${device.title}, ${milliseconds(times.cpu)} ms on the cpu; measuring on ${isFaster ? device.title : 'the cpu'}`,
  });
  return isFaster;
}

/** The arrays of a result as safetensors, the summary in the metadata; an own name in `folder`. */
export async function writeResult(
  folder: string,
  summary: MeasurementSummary,
  arrays: StoredArrays,
): Promise<StagedFile> {
  const file = path.join(folder, `${randomUUID()}.safetensors`);
  const entries = Object.entries(arrays) as [string, Float64Array][];
  const tensors = Object.fromEntries(
    entries.map(([name, values]) => [name, tensor(values, shapeOf(name, values.length, summary))]),
  );
  await writeSafetensors(file, tensors, { format: 'covature-result 1', summary: JSON.stringify(summary) });
  return { file, bytes: (await stat(file)).size };
}

const matrices: ReadonlySet<string> = new Set(['C', 'H', 'Q', 'gauss_newton']);

function shapeOf(name: string, length: number, { d, splits }: MeasurementSummary): number[] {
  if (matrices.has(name)) return [d, d];
  if (name.startsWith('split_') && splits !== undefined) return [2 * (splits.count - 1), splits.directions];
  if (name === 'vectors') return [length / d, d];
  return name.startsWith('cross_fitted') ? [2, length / 2] : [length];
}
