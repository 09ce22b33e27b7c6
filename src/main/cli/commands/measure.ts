/** covature measure */
import { copyFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import * as v from 'valibot';
import { InputError } from '../../../shared/errors.ts';
import type { MeasurementSummary } from '../../../shared/results.ts';
import { integer } from '../../../shared/validation.ts';
import { startJob } from '../../jobs/host.ts';
import type { JobEnd, JobHandle } from '../../jobs/host.ts';
import type { JobEvent, JobRequest } from '../../jobs/protocol.ts';
import { forecastRequested } from '../../services/forecasts.ts';
import { keepRates } from '../../services/recorder.ts';
import { forecastRequest, measureRequest, measureRun } from '../../services/runs.ts';
import { StoreError } from '../../store/index.ts';
import type { Store } from '../../store/index.ts';
import { engineFlags, engineOf, openStoreFor, printJson, storeFlags } from '../command.ts';
import type { Command } from '../command.ts';
import { flagsHelp, parse, toggle } from '../flags.ts';
import type { Flags } from '../flags.ts';
import { UsageError } from '../usage-error.ts';
import { fileFlags, filesToMeasure } from '../measured-files.ts';
import { measurementFlags, measurementOf } from '../measurement-flags.ts';
import { forecastText } from '../forecast-text.ts';
import { measurementText } from '../measurement-text.ts';
import { ProgressLine } from '../progress.ts';
import { onTermination } from '../signals.ts';

const flags = {
  parameter: {
    schema: v.array(v.string()),
    value: 'NAME',
    help: 'which parameter; "*" stands for any characters ("fc*.kernel"), "network" for all as one vector',
  },
  ...fileFlags,
  run: {
    schema: v.string(),
    value: 'RUN',
    help: 'measure a stored run instead (its last checkpoint), and store the result with it',
    excludes: Object.keys(fileFlags),
  },
  step: { schema: integer(0), value: 'N', help: 'the checkpoint at that step', requires: ['run'] },
  ...measurementFlags,
  forecast: { schema: toggle, help: 'show what it will take (time, memory, disk) and measure nothing' },
  'dry-run': { schema: toggle, help: 'the same as --forecast' },
  out: {
    schema: v.string(),
    value: 'FILE',
    help: 'write C, H, Q, eigenvalues and diagonals as safetensors (with several parameters: FILE-NAME.safetensors)',
  },
  ...engineFlags,
  ...storeFlags,
} as const satisfies Flags;

const help = `Usage: covature measure --model NET.covature-model --parameter NAME [options]
       covature measure --model MODEL.json --weights W.safetensors --data DATA --parameter NAME [options]
       covature measure --run RUN --parameter NAME [options]

Measures the noise covariance C, the Hessian H and Q = E[h_p^2] of a layer's parameter.

${flagsHelp(flags)}

Example: covature measure --model model.json --weights w.safetensors --data d.safetensors --parameter fc2.kernel --out result.safetensors`;

export const measure: Command = {
  help,
  flags,
  run: async (argv) => {
    const { values } = parse(argv, flags, [0, 0]);
    if (values.parameter === undefined) throw new UsageError('expected --parameter with the name of what to measure');
    const spec = measurementOf(values.parameter, values);
    const collected = new Collector(values.out, values.parameter.length > 1 || values.parameter[0].includes('*'));
    const engine = engineOf(values);
    const isForecast = values.forecast || values['dry-run'];
    if (values.run !== undefined) {
      using store = openStoreFor(values, false);
      const record = store.findRun(values.run);
      const { step } = values;
      const baseFolder = record.values['base_folder']?.text ?? process.cwd();
      if (isForecast) {
        const request = measureRequest(store, record, spec, { engine, baseFolder, step });
        const keep = (event: RatesEvent): void => {
          keepRates(store, event);
        };
        return await tellForecast(request.request, keep, collected, values.json);
      }
      // The job's files are moved into the store as they are recorded; --out gets copies of those.
      const measured: string[] = [];
      const { job, done } = measureRun(store, record, spec, {
        engine,
        baseFolder,
        onEvent: collected.onEvent,
        onMeasurement: (id) => measured.push(id),
        step,
      });
      const end = await settle(job, done, collected);
      for (const id of measured) {
        const { parameter, arrays } = store.getMeasurement(id)!;
        if (arrays !== null) await collected.copy(parameter, arrays.path);
      }
      return collected.print(end, values.json);
    }
    const { baseFolder, ...measured } = await filesToMeasure(values);
    const staging = await mkdtemp(
      path.join(values.out === undefined ? tmpdir() : path.dirname(path.resolve(values.out)), '.covature-'),
    );
    try {
      const request: JobRequest = {
        kind: 'measure',
        ...measured,
        measurement: spec,
        engine,
        staging,
        baseFolder,
        dataFolder: path.join(staging, 'datasets'),
        forecast: withRates(values, true, (store) => forecastRequest(store)) ?? forecastRequest(null),
      };
      const keep = (event: RatesEvent): void => {
        withRates(values, false, (store) => {
          keepRates(store, event);
        });
      };
      if (isForecast) return await tellForecast(request, keep, collected, values.json);
      const job = startJob(request, (event) => {
        if (event.kind === 'rates') keep(event);
        else collected.onEvent(event);
      });
      const end = await settle(job, job.done, collected);
      for (const { summary, file } of collected.results) await collected.copy(summary.parameter, file);
      return collected.print(end, values.json);
    } finally {
      await rm(staging, { recursive: true, force: true });
    }
  },
};

type RatesEvent = Extract<JobEvent, { kind: 'rates' }>;

/** Opens the store briefly for the rates it keeps; null if it cannot be opened: measuring files needs no store, and rates can be measured again. */
function withRates<T>(
  values: { readonly store?: string | undefined },
  readOnly: boolean,
  use: (store: Store) => T,
): T | null {
  try {
    using store = openStoreFor(values, readOnly);
    return use(store);
  } catch (error) {
    // There is none yet, it is on a read-only disk, or it comes from a newer version.
    if (!(error instanceof StoreError)) throw error;
    return null;
  }
}

async function tellForecast(
  request: JobRequest,
  keep: (event: RatesEvent) => void,
  collected: Collector,
  json: boolean,
): Promise<number> {
  const { job, done } = forecastRequested(request, keep, collected.onEvent);
  const forecast = await settle(job, done, collected);
  if (json) printJson(forecast);
  else process.stdout.write(`${forecastText(forecast)}\n`);
  return 0;
}

async function settle<T>(job: JobHandle, done: Promise<T>, collected: Collector): Promise<T> {
  const stop = onTermination(() => {
    job.cancel();
  });
  return done.finally(() => {
    stop();
    collected.progress.clear();
  });
}

class Collector {
  readonly progress = new ProgressLine();
  readonly results: { readonly summary: MeasurementSummary; readonly file: string }[] = [];
  readonly #failed: { readonly parameter: string; readonly error: string }[] = [];
  /** Whether every failure was due to wrong input. */
  #isInput = true;
  readonly #out: string | undefined;
  readonly #several: boolean;

  constructor(out: string | undefined, several: boolean) {
    this.#out = out;
    this.#several = several;
  }

  readonly onEvent = (event: JobEvent): void => {
    if (event.kind === 'measurement') this.results.push({ summary: event.summary, file: event.file.file });
    else if (event.kind === 'measurement-failed') {
      this.#failed.push({ parameter: event.parameter, error: event.error });
      this.#isInput &&= event.isInput;
    } else this.progress.onEvent(event);
  };

  /** Copies a result's arrays to where --out says. */
  async copy(parameter: string, file: string): Promise<void> {
    if (this.#out === undefined) return;
    const { dir, name, ext } = path.parse(this.#out);
    await copyFile(file, this.#several ? path.join(dir, `${name}-${parameter}${ext || '.safetensors'}`) : this.#out);
  }

  print(end: JobEnd, json: boolean): number {
    if (end.kind === 'failed') {
      if (end.event.isInput) throw new InputError(end.event.message);
      throw new Error(end.event.message);
    }
    if (end.kind === 'lost') throw new Error(end.cancelled ? 'cancelled' : end.message);
    if (end.event.outcome === 'cancelled') throw new Error('cancelled');
    if (this.results.length === 0 && this.#failed.length > 0) {
      const reasons = this.#failed.map((each) => each.error).join('\n');
      throw this.#isInput ? new InputError(reasons) : new Error(reasons);
    }
    if (json) {
      const documents = [...this.results.map((each) => each.summary), ...this.#failed];
      printJson(this.#several ? documents : documents[0]);
    } else process.stdout.write(`${this.results.map((each) => measurementText(each.summary)).join('\n\n')}\n`);
    for (const { parameter, error } of this.#failed)
      process.stderr.write(`covature measure: ${parameter} was not measured: ${error}\n`);
    if (this.#failed.length === 0) return 0;
    return this.#isInput ? 2 : 1;
  }
}
