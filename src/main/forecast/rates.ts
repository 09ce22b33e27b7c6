/**
 * Rates measured on a machine, which forecasts are made from. They are kept in the store under the machine's key, and measured again if the key is another:
 * the backend, the processor, the library, the number of threads, or the program's version has changed.
 */
import type { Rate, Rates, KnownRates } from './types.ts';
import { createHash } from 'node:crypto';
import { densitySpec } from '../../shared/density.ts';
import { measurementDefaults } from '../../shared/experiment.ts';
import type { ExtraOption, MeasurementSpec } from '../../shared/experiment.ts';
import type { ModelSpec } from '../../shared/model.ts';
import type { EngineReport } from '../jobs/protocol.ts';

/** Tells apart what computes at another speed. A GPU has its own `backend` and its own name as `blas`. */
export function machineKey(
  report: Pick<EngineReport, 'processor' | 'cores' | 'threads' | 'libraryThreads' | 'blas' | 'path'>,
  version: string,
  backend = 'cpu',
): string {
  const { processor, cores, threads, libraryThreads, blas, path } = report;
  return JSON.stringify({ backend, processor, cores, threads, libraryThreads, blas, path, version });
}

/** A short name for whatever a rate depends on. */
export function digest(value: unknown): string {
  return createHash('sha256').update(JSON.stringify(value)).digest('hex').slice(0, 16);
}

/** What decides how long a measurement takes. */
type MeasuredSpec = Pick<MeasurementSpec, 'top' | 'which' | 'precision' | 'convergence' | ExtraOption>;

/** Under which what a measurement took is kept. */
export function measuredName(
  model: ModelSpec,
  parameter: string,
  spec: MeasuredSpec,
  samples: number,
  method: string,
): string {
  const { top, which, precision } = spec;
  const search = method === 'projected' ? [top ?? null, which] : null;
  // float64 is what the cpu does unasked; a device's rates have their own key.
  const single = precision === 'float32' ? [precision] : [];
  const { convergence, duality = false, assumptions = false, minibatch_noise: noise, density } = spec;
  const stretch = spec.weight_fluctuations === undefined ? [] : [spec.weight_fluctuations];
  const asked: Readonly<Record<Exclude<ExtraOption, 'weight_fluctuations'>, unknown>> = {
    duality,
    assumptions,
    minibatch_noise: noise ?? null,
    density: densitySpec(density) ?? null,
  };
  const extras = [convergence ?? measurementDefaults.convergence, ...Object.values(asked)];
  return `measured/${digest([model, parameter, samples, method, search, extras, ...single, ...stretch])}`;
}

/** Samples of a calibrating measurement (jobs/calibration.ts), if there are so many. */
export const calibratingSamples = 1024;

/** Under which the seconds of a calibrating measurement are kept, in the cpu's and in a device's book. */
export function calibrationName(model: ModelSpec, parameter: string, method: string, samples: number): string {
  return `calibration/${digest([model, parameter, method, Math.min(calibratingSamples, samples)])}`;
}

/** What is known, and what had to be measured on the way. */
export class RateBook {
  readonly machine: string;
  /** Measured here: to be kept. */
  readonly measured: Record<string, Rate> = {};
  readonly #known: Rates;

  constructor(machine: string, known: KnownRates) {
    this.machine = machine;
    this.#known = known[machine] ?? {};
  }

  known(name: string): Rate | undefined {
    return this.measured[name] ?? this.#known[name];
  }

  async rate(name: string, measure: () => Promise<Rate> | Rate): Promise<Rate> {
    const known = this.known(name);
    if (known !== undefined) return known;
    return (this.measured[name] = await measure());
  }
}

/** Seconds that some work takes. */
export async function secondsOf(body: () => Promise<unknown>): Promise<number> {
  const begun = performance.now();
  await body();
  return (performance.now() - begun) / 1000;
}

/** The least of three times: a busy machine disturbs what is tried once. */
export async function leastSecondsOf(body: () => Promise<unknown>): Promise<number> {
  return Math.min(await secondsOf(body), await secondsOf(body), await secondsOf(body));
}
