/**
 * The indexed table of results: (run, key) -> number with its interval, text, or both. A key holds a number and a text side by side,
 * because `loss` is the name of a loss in an experiment and its last value in a result.
 */
import { definedPair, definedSharpness, definedTrace, traceError } from '../../shared/rounding.ts';
import type { CutoffRow, Slopes } from '../../shared/slopes.ts';
import { estimands, findRow, headlineCutoff, type Estimand } from '../../shared/estimands.ts';
import { InputError } from '../../shared/errors.ts';
import type { MeasurementSummary } from '../../shared/results.ts';
import type { StoreContext } from './context.ts';
import type { SummaryInput, SummaryKeyInfo, SummaryValue } from './types.ts';

const maximumKey = 200;

/** `fc2.kernel` -> `fc2`; anything else, as `fc2.bias` or `ln1.gain`, keeps its full name. */
export function shortParameter(parameter: string): string {
  return parameter.endsWith('.kernel') ? parameter.slice(0, -'.kernel'.length) : parameter;
}

/**
 * The summary keys of a measurement. With L the parameter's short name:
 *   gamma.L               slope of log C_ii on log H_ii, least squares, training-set estimand, `headlineCutoff`, with its interval
 *   gamma.L.cross_fitted  the same, cross-fitted
 *   gamma_Q.L, C_on_Q.L   slopes of log Q_ii on log H_ii and of log C_ii on log Q_ii, training-set estimand, `headlineCutoff`
 *   gamma.training_set.L@1e-2, gamma.cross_fitted.L@1e-2, ...   gamma at every cutoff
 *   cosine_CH.L, cosine_CQ.L, commutator_ratio.L
 *   sharpness.L           largest eigenvalue of H
 *   trace.L               trace of H; with the interval of its estimate (1.96 standard errors) if it was estimated from random vectors
 *   convergence.L         converged, drifting or unknown (text), if a half of the samples was measured by itself
 * Numbers that do not exist (no direction above the cutoff, 0 up to rounding) have no key.
 */
export function summaryKeys(measurement: MeasurementSummary): Record<string, SummaryInput> {
  const layer = shortParameter(measurement.parameter);
  const keys: Record<string, SummaryInput> = {};
  const set = (key: string, value: number | null | undefined): void => {
    if (value !== null && value !== undefined && Number.isFinite(value)) keys[key] = value;
  };
  const setSlope = (key: string, slopes: Slopes): void => {
    if (slopes.ols === null || !Number.isFinite(slopes.ols)) return;
    const interval = slopes.interval?.ols;
    keys[key] = interval === undefined ? slopes.ols : { value: slopes.ols, low: interval[0], high: interval[1] };
  };

  const headline = (estimand: Estimand): CutoffRow | undefined => findRow(measurement.gamma[estimand], headlineCutoff);
  const training = headline('training_set');
  if (training !== undefined) {
    setSlope(`gamma.${layer}`, training.gamma);
    setSlope(`gamma_Q.${layer}`, training.gamma_Q);
    setSlope(`C_on_Q.${layer}`, training.C_on_Q);
  }
  const crossFitted = headline('cross_fitted');
  if (crossFitted !== undefined) setSlope(`gamma.${layer}.cross_fitted`, crossFitted.gamma);
  for (const estimand of estimands) {
    for (const row of measurement.gamma[estimand]) {
      setSlope(`gamma.${estimand}.${layer}@${cutoffText(row.cutoff)}`, row.gamma);
    }
  }
  if (measurement.convergence !== undefined) keys[`convergence.${layer}`] = measurement.convergence.state;
  for (const quantity of ['cosine_CH', 'cosine_CQ', 'commutator_ratio'] as const)
    set(`${quantity}.${layer}`, definedPair(measurement, quantity) ?? NaN);
  set(`sharpness.${layer}`, definedSharpness(measurement));
  const error = traceError(measurement, 'H');
  const H = definedTrace(measurement, 'H');
  if (error === null || H === null) set(`trace.${layer}`, H);
  else keys[`trace.${layer}`] = { value: H, low: H - error, high: H + error };
  return keys;
}

/** 1e-4 as written in keys, however it was computed: `1e-4`. */
function cutoffText(cutoff: number): string {
  return Number(cutoff.toPrecision(6)).toExponential().replace('e+0', 'e0');
}

export function summaryMethods(context: StoreContext) {
  const { prepare } = context;

  /** `seq` of a key that is about to hold a number or a text; made if it is new. */
  function keySeq(key: string, holds: 'numbers' | 'texts'): number {
    const known = prepare('SELECT seq, numbers, texts FROM summary_keys WHERE key = ?').get(key) as
      { seq: number; numbers: number; texts: number } | undefined;
    if (known === undefined) {
      if (key === '' || key.length > maximumKey || /[\p{Cc}`]/u.test(key)) {
        throw new InputError(
          `summary key ${JSON.stringify(key.slice(0, 80))}: expected 1 to ${maximumKey} characters without control characters and backquotes`,
        );
      }
      return Number(prepare(`INSERT INTO summary_keys (key, ${holds}) VALUES (?, 1)`).run(key).lastInsertRowid);
    }
    if (known[holds] === 0) prepare(`UPDATE summary_keys SET ${holds} = 1 WHERE seq = ?`).run(known.seq);
    return known.seq;
  }

  /** Sets keys of a run inside the open transaction. `source`: the measurement that they come from. */
  function setValues(run: number, values: Readonly<Record<string, SummaryInput>>, source: number | null): void {
    const setText = prepare(
      'INSERT INTO summary (key, run, text, source) VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET text = excluded.text',
    );
    const setNumber = prepare(
      `INSERT INTO summary (key, run, value, low, high, source) VALUES (?, ?, ?, ?, ?, ?)
       ON CONFLICT DO UPDATE SET value = excluded.value, low = excluded.low, high = excluded.high, source = excluded.source`,
    );
    for (const [key, input] of Object.entries(values)) {
      if (typeof input === 'string' || typeof input === 'boolean') {
        setText.run(keySeq(key, 'texts'), run, String(input), source);
        continue;
      }
      const { value, low, high } = typeof input === 'number' ? { value: input } : input;
      setNumber.run(keySeq(key, 'numbers'), run, finite(value), finite(low), finite(high), source);
    }
  }

  return {
    setValues,

    /** Takes back what was read off a measurement. */
    dropSource(run: number, source: number): void {
      prepare('DELETE FROM summary WHERE run = ? AND source = ?').run(run, source);
    },

    /** The asked keys of runs, by the runs' `seq`. */
    valuesOf(runs: readonly number[], keys: readonly string[]): Map<number, Record<string, SummaryValue>> {
      const values = new Map<number, Record<string, SummaryValue>>();
      for (const run of runs) values.set(run, {});
      if (keys.length === 0 || runs.length === 0) return values;
      const rows = prepare(
        `SELECT s.run, k.key, s.value, s.text, s.low, s.high
         FROM json_each(?) wanted JOIN summary_keys k ON k.key = wanted.value
         CROSS JOIN json_each(?) of JOIN summary s ON s.key = k.seq AND s.run = of.value`,
      ).all(JSON.stringify(keys), JSON.stringify(runs)) as ({ run: number; key: string } & SummaryValue)[];
      for (const { run, key, value, text, low, high } of rows) values.get(run)![key] = { value, text, low, high };
      return values;
    },

    /** Every key of one run. */
    allValuesOf(run: number): Record<string, SummaryValue> {
      const rows = prepare(
        `SELECT k.key, s.value, s.text, s.low, s.high FROM summary s JOIN summary_keys k ON k.seq = s.key
         WHERE s.run = ? ORDER BY k.key`,
      ).all(run) as ({ key: string } & SummaryValue)[];
      return Object.fromEntries(rows.map(({ key, ...value }) => [key, value]));
    },

    /** Keys that some run has, by name. */
    listKeys(): SummaryKeyInfo[] {
      const rows = prepare(
        `SELECT k.key, k.numbers, k.texts FROM summary_keys k
         WHERE EXISTS (SELECT 1 FROM summary s WHERE s.key = k.seq) ORDER BY k.key`,
      ).all() as { key: string; numbers: number; texts: number }[];
      return rows.map(({ key, numbers, texts }) => ({ key, numbers: numbers === 1, texts: texts === 1 }));
    },
  };
}

export type SummaryTable = ReturnType<typeof summaryMethods>;

function finite(value: number | null | undefined): number | null {
  return value !== null && value !== undefined && Number.isFinite(value) ? value : null;
}
