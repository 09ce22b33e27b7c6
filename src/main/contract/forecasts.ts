/** Timed forecasts, one after the other, in a process of their own. */
import { FaultError } from '../../shared/contract/index.ts';
import type { KnownRates } from '../forecast/types.ts';
import { keepRates } from '../services/recorder.ts';
import type { Store } from '../store/index.ts';
import type { RunForecast } from './helper/forecast.ts';
import { Helper } from './helper/helper.ts';
import type { HelperTasks } from './helper/tasks.ts';
import type { ProcessLauncher } from '../jobs/launcher.ts';

/** How long the process is kept after an answer: a user who edits asks again soon. One that has tried measurements, to whose size it grows, ends at once. */
const idleMilliseconds = 20_000;

export class Forecasts {
  readonly #helper: Helper;
  #last: Promise<unknown> = Promise.resolve();

  constructor(launcher: ProcessLauncher, idle = idleMilliseconds) {
    this.#helper = new Helper(launcher, idle);
  }

  /** For tests; undefined while no process runs. */
  get pid(): number | undefined {
    return this.#helper.pid;
  }

  /**
   * What one run will take; rates that had to be measured are kept in the store. Raises a `cancelled` fault when `signal` is aborted: a forecast that has
   * not begun is dropped, and one under way goes on to its end for the sake of its rates, which the next one needs too.
   */
  async ask(
    store: Store,
    argument: Omit<HelperTasks['forecast']['argument'], 'known'>,
    signal?: AbortSignal,
  ): Promise<RunForecast> {
    const cancelled = Promise.withResolvers<never>();
    const cancel = (): void => {
      cancelled.reject(new FaultError('cancelled', 'cancelled'));
    };
    signal?.addEventListener('abort', cancel, { once: true });
    const turn = this.#last.then(async () => {
      if (signal?.aborted === true) throw new FaultError('cancelled', 'cancelled');
      const forecast = await this.#helper.ask('forecast', {
        ...argument,
        known: store.allCalibrations() as KnownRates,
      });
      keepRates(store, { kind: 'rates', machine: forecast.machine, rates: forecast.rates });
      if (Object.keys(forecast.rates).length > 0) this.#helper.end();
      return forecast;
    });
    // Whoever waits hears of a failure; what stands behind it goes on.
    this.#last = turn.catch(() => undefined);
    try {
      return await Promise.race([turn, cancelled.promise]);
    } finally {
      signal?.removeEventListener('abort', cancel);
    }
  }

  close(): void {
    this.#helper.close();
  }
}
