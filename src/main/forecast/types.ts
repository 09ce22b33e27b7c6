/** What a job will take, and the rates that such forecasts rest on. */

export interface JobForecast {
  /** Parts of the whole; all from now on, so what was read already counts no more. */
  readonly seconds: {
    readonly total: number;
    readonly training: number;
    readonly evaluating: number;
    readonly measuring: number;
  };
  readonly steps: number;
  readonly weights: number;
  readonly measurements: readonly MeasurementForecast[];
  /** Bytes: peak of the process while it trains and while it measures, and what the machine has free. */
  readonly memory: { readonly training: number; readonly measuring: number | null; readonly available: number };
  /** Bytes that will be stored. */
  readonly disk: number;
  readonly warnings: readonly string[];
}

export interface MeasurementForecast {
  readonly parameter: string;
  readonly shape: readonly number[];
  /** d. */
  readonly size: number;
  readonly method: 'exact' | 'projected';
  /** How often. */
  readonly times: number;
  /** Of one measurement; NaN if rates were not asked for. */
  readonly seconds: number;
  /** Peak bytes beside the data, and bytes of the arrays that it stores. */
  readonly memory: number;
  readonly disk: number;
  /** Why it will be refused, or null. */
  readonly refusal: string | null;
}

/** Numbers by name: seconds of stages, seconds a step. */
export type Rate = Readonly<Record<string, number>>;

export type Rates = Readonly<Record<string, Rate>>;

/** Rates by machine key. */
export type KnownRates = Readonly<Record<string, Rates>>;
