/**
 * Seconds of a measurement on a device, from what is known of it: what this very measurement took there the last time, else the cpu's forecast less what
 * calibration (jobs/calibration.ts) found the device to save. Nothing is measured here.
 */
import { defaultProbes } from '../../engine/curvature/options.ts';
import { usualProducts } from './projected.ts';
import { calibratingSamples, calibrationName, measuredName } from './rates.ts';
import type { RateBook } from './rates.ts';
import type { MeasurementSpec } from '../../shared/experiment.ts';
import type { ModelSpec } from '../../shared/model.ts';

/** The device that measures. */
export interface MeasuringDevice {
  readonly title: string;
  /** Rates under its key. */
  readonly book: RateBook;
  /** Whether it measures only what calibration finds it the faster at. */
  readonly isCalibrated: boolean;
}

export interface DeviceTask {
  readonly model: ModelSpec;
  readonly parameter: string;
  readonly spec: MeasurementSpec;
  readonly method: 'exact' | 'projected';
  readonly samples: number;
  /** In the data, of which calibration takes the first. */
  readonly available: number;
  /** Pairs to find and parameters, of a projected measurement. */
  readonly top: number;
  readonly d: number;
}

/** `warning`: why the seconds are the cpu's though the device measures, or may. */
export interface DeviceForecast {
  readonly seconds: number;
  readonly warning: string | null;
}

/** @param own the cpu's forecast in seconds, and its rates */
export function deviceSeconds(
  device: MeasuringDevice,
  task: DeviceTask,
  own: { readonly seconds: number; readonly book: RateBook },
): DeviceForecast {
  const { parameter, samples, method } = task;
  const name = calibrationName(task.model, parameter, method, task.available);
  const [there, here] = [device.book.known(name)?.['seconds'], own.book.known(name)?.['seconds']];
  const calibration = there === undefined || here === undefined ? null : { there, here };
  if (device.isCalibrated && calibration !== null && calibration.there >= calibration.here)
    return { seconds: own.seconds, warning: null };
  const last = device.book.known(measuredName(task.model, parameter, task.spec, samples, method))?.['seconds'];
  if (last !== undefined && (calibration !== null || !device.isCalibrated)) return { seconds: last, warning: null };
  if (calibration === null)
    return {
      seconds: own.seconds,
      warning: `${parameter}: how long it takes on ${device.title} is not known yet; its time is the cpu's${device.isCalibrated ? ', which measures it if it is the faster' : ''}`,
    };
  // Of an exact measurement the packed sums were timed; of a projected one a product with H.
  const times = method === 'exact' ? 1 : devicePasses(Math.min(task.top, task.d), task.d);
  const scale = (times * samples) / Math.min(calibratingSamples, task.available);
  const { there: onDevice, here: onCpu } = calibration;
  return { seconds: Math.max(scale * onDevice, own.seconds - scale * (onCpu - onDevice)), warning: null };
}

/**
 * Passes over all samples that a projected measurement makes on a device, in products with H: the searches, two of them over halves; a residual a pair; the samples'
 * values along the pairs of all samples, of each half from the other, and of half A from itself; and the probes of the traces unless all d pairs are found.
 */
export function devicePasses(k: number, d: number): number {
  return 2 * usualProducts(k, d) + k + 2.5 * k + (k < d ? defaultProbes : 0);
}
