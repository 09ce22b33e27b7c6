/** The forecast that a job makes for itself before it starts. */
import type { JobForecast, Rates } from '../forecast/types.ts';
import type { ForecastAnswer } from '../forecast/job.ts';
import { machineKey } from '../forecast/rates.ts';
import type { RateBook } from '../forecast/rates.ts';
import { deviceKey } from './calibration.ts';
import type { KeyedDevice } from './calibration.ts';
import { readPackage } from '../provenance.ts';
import { InputError } from '../../shared/errors.ts';
import type { EngineReport, ForecastRequest, JobEvent } from './protocol.ts';

/**
 * Makes and tells the forecast; null if none was asked for. Raises InputError if a measurement does not fit into memory and that is to be
 * refused.
 */
export async function tellForecast(
  request: ForecastRequest | null,
  emit: (event: JobEvent) => void,
  make: (request: ForecastRequest) => Promise<ForecastAnswer>,
): Promise<JobForecast | null> {
  if (request === null) return null;
  emit({ kind: 'progress', stage: 'forecasting', share: 0, secondsLeft: null });
  const { forecast, machine, rates } = await make(request);
  if (Object.keys(rates).length > 0) emit({ kind: 'rates', machine, rates });
  emit({ kind: 'forecast', forecast });
  if (request.refuse && !request.only) {
    const refusals = forecast.measurements.flatMap(({ refusal, times }) =>
      refusal === null || times === 0 ? [] : [refusal],
    );
    if (refusals.length > 0) throw new InputError(refusals.join('\n'));
  }
  return forecast;
}

/** Reports how long a part of a job took, for later forecasts. */
export function tellRates(
  request: ForecastRequest | null,
  report: EngineReport,
  emit: (event: JobEvent) => void,
  rates: Rates,
  device: KeyedDevice | null = null,
): void {
  if (request === null) return;
  const machine = device === null ? machineKey(report, readPackage().version) : deviceKey(report, device);
  emit({ kind: 'rates', machine, rates });
}

/** Says what was measured in a book, to be kept. */
export function tellBook(book: RateBook, emit: (event: JobEvent) => void): void {
  if (Object.keys(book.measured).length > 0)
    emit({ kind: 'rates', machine: book.machine, rates: { ...book.measured } });
}
