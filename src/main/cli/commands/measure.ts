/** covature measure */
import { copyFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { InputError } from '../../../shared/errors.ts';
import { measurementMethods, precisions, samplingModes } from '../../../shared/experiment.ts';
import type { MeasurementSpec } from '../../../shared/experiment.ts';
import { convergenceChoices, projectedChoices } from '../../../shared/results.ts';
import type { MeasurementSummary } from '../../../shared/results.ts';
import { startJob } from '../../jobs/host.ts';
import type { JobEnd, JobHandle } from '../../jobs/host.ts';
import type { JobEvent, JobRequest } from '../../jobs/protocol.ts';
import { forecastRequested } from '../../services/forecasts.ts';
import { keepRates } from '../../services/recorder.ts';
import { forecastRequest, measureRequest, measureRun } from '../../services/runs.ts';
import { StoreError } from '../../store/index.ts';
import type { Store } from '../../store/index.ts';
import {
  choice,
  engineFlags,
  engineHelp,
  engineOf,
  integerOption,
  openStoreFor,
  parse,
  printJson,
  storeHelp,
  storeOptions,
  UsageError,
} from '../command.ts';
import type { Command } from '../command.ts';
import { filesToMeasure } from '../measured-files.ts';
import { fluctuationsHelp, fluctuationsOf, fluctuationsOptions } from '../fluctuations-options.ts';
import { forecastText } from '../forecast-text.ts';
import { measurementText } from '../measurement-text.ts';
import { ProgressLine } from '../progress.ts';
import { onTermination } from './run.ts';

const help = `Usage: covature measure --model NET.covature-model --parameter NAME [options]
       covature measure --model MODEL.json --weights W.safetensors --data DATA --parameter NAME [options]
       covature measure --run RUN --parameter NAME [options]

Measures the noise covariance C, the Hessian H and Q = E[h_p^2] of a layer's parameter.

  --parameter NAME  which parameter; "*" stands for any characters ("fc*.kernel"), "network" for all as one vector; may be repeated
  --model FILE      a file that covature.export wrote in PyTorch ("covature python"): model, weights, data and a check against PyTorch, which is
                    computed again first; or the model as JSON, with
  --weights FILE    safetensors or npz with a tensor for every parameter
  --layout NAME     covature (default), or torch: a PyTorch state dict as it is ("fc1.weight" [out, in], images channels first)
  --map FILE        JSON that says which module or tensor of the weights a layer takes: {"fc1": "encoder.0", "head.kernel": "classifier.weight"}
  --match NAME      names (default), or order: layers take the tensors of the weights one after the other, by their shapes
  --data PLACE      safetensors, npz or CSV with inputs and targets, a folder of IDX files, or a JSON specification of a dataset
  --run RUN         measure a stored run instead (its last checkpoint), and store the result with it
  --step N          the checkpoint at that step
  --samples N       the first N samples (default: all)
  --split-seed N    seed of the random halves of the cross-fitted estimand (default 1)
  --method NAME     auto (default): exact where the layer sees one vector a sample and memory allows, else projected
  --top K           projected: directions to find (default 50)
  --which NAME      projected: largest (default), magnitude or both ends of the spectrum
  --convergence NAME  measured again on half of the samples: training-set (default), none, or full (everything: about twice the time)
  --duality         the activity-weight duality too (kernels whose layer sees one vector a sample)
  --assumptions     C against H, Gauss-Newton, Fisher, empirical Fisher, Q and H^2 too
  --minibatch-noise draw minibatches and hold the noise of their gradients against what C predicts, too; with
    --batch-size N    samples a batch (default: the run's; 50 without a run)
    --sampling MODE   epoch, with_replacement or without_replacement; may be repeated (default: all three)
    --batches N       batches in each mode, epochs whole and at least 4 (default 1000)
    --noise-directions N   eigendirections of H, spaced evenly in the logarithm (default 20)
    --noise-seed N    seed of the batches (default 1)
${fluctuationsHelp}
  --density         the spectral density of H by stochastic Lanczos quadrature, with its error, too; with
    --density-probes N   random vectors (default 8)
    --density-steps N    Lanczos steps from each (default 80)
    --density-seed N     seed of the vectors (default 1)
  --precision NAME  float64 (default on the cpu): all in double precision, whatever device there is; float32 (default on a device): passes and
                    products in single precision, sums in double, and the precision reached is measured and stored
  --forecast        say what it will take (time, memory, disk) and measure nothing; --dry-run is the same
  --out FILE        write C, H, Q, eigenvalues and diagonals as safetensors (with several parameters: FILE-NAME.safetensors)
${engineHelp}
${storeHelp}

Example: covature measure --model model.json --weights w.safetensors --data d.safetensors --parameter fc2.kernel --out result.safetensors`;

const options = {
  ...storeOptions,
  ...engineFlags,
  model: { type: 'string' },
  weights: { type: 'string' },
  layout: { type: 'string' },
  map: { type: 'string' },
  match: { type: 'string' },
  data: { type: 'string' },
  parameter: { type: 'string', multiple: true },
  run: { type: 'string' },
  step: { type: 'string' },
  samples: { type: 'string' },
  'split-seed': { type: 'string' },
  method: { type: 'string' },
  top: { type: 'string' },
  which: { type: 'string' },
  convergence: { type: 'string' },
  duality: { type: 'boolean' },
  assumptions: { type: 'boolean' },
  'minibatch-noise': { type: 'boolean' },
  'batch-size': { type: 'string' },
  sampling: { type: 'string', multiple: true },
  batches: { type: 'string' },
  'noise-directions': { type: 'string' },
  'noise-seed': { type: 'string' },
  ...fluctuationsOptions,
  density: { type: 'boolean' },
  'density-probes': { type: 'string' },
  'density-steps': { type: 'string' },
  'density-seed': { type: 'string' },
  precision: { type: 'string' },
  out: { type: 'string' },
  forecast: { type: 'boolean' },
  'dry-run': { type: 'boolean' },
} as const;

export const measure: Command = {
  help,
  options,
  run: async (argv) => {
    const { values } = parse(argv, options, [0, 0]);
    const samples = integerOption(values.samples, 'samples', 1);
    const top = integerOption(values.top, 'top', 1);
    if (values.parameter === undefined) throw new UsageError('expected --parameter with the name of what to measure');
    const precision = choice(values.precision, 'precision', precisions);
    const spec: MeasurementSpec = {
      parameters: values.parameter,
      when: { kind: 'end' },
      method: choice(values.method, 'method', measurementMethods) ?? 'auto',
      which: choice(values.which, 'which', projectedChoices) ?? 'largest',
      convergence: choice(values.convergence, 'convergence', convergenceChoices) ?? 'training-set',
      ...(top !== undefined && { top }),
      seed: integerOption(values['split-seed'], 'split-seed', 0) ?? 1,
      ...(samples !== undefined && { samples }),
      ...(precision !== undefined && { precision }),
      ...(values.duality === true && { duality: true }),
      ...(values.assumptions === true && { assumptions: true }),
      ...noiseOf(values),
      ...fluctuationsOf(values),
      ...densityOf(values),
    };
    const collected = new Collector(values.out, values.parameter.length > 1 || values.parameter[0].includes('*'));
    const engine = engineOf(values);
    const isForecast = values.forecast === true || values['dry-run'] === true;
    if (values.run !== undefined) {
      if (
        [values.model, values.weights, values.data, values.layout, values.map, values.match].some(
          (each) => each !== undefined,
        )
      ) {
        throw new UsageError('--run excludes --model, --weights, --layout, --map, --match and --data');
      }
      using store = openStoreFor(values, false);
      const record = store.findRun(values.run);
      const step = integerOption(values.step, 'step', 0);
      const baseFolder = record.values['base_folder']?.text ?? process.cwd();
      if (isForecast) {
        const request = measureRequest(store, record, spec, {
          engine,
          baseFolder,
          ...(step !== undefined && { step }),
        });
        const keep = (event: RatesEvent): void => {
          keepRates(store, event);
        };
        return await tellForecast(request.request, keep, collected, values.json === true);
      }
      // The job's files are moved into the store as they are recorded; --out gets copies of those.
      const measured: string[] = [];
      const { job, done } = measureRun(store, record, spec, {
        engine,
        baseFolder,
        onEvent: collected.onEvent,
        onMeasurement: (id) => measured.push(id),
        ...(step !== undefined && { step }),
      });
      const end = await settle(job, done, collected);
      for (const id of measured) {
        const { parameter, arrays } = store.getMeasurement(id)!;
        if (arrays !== null) await collected.copy(parameter, arrays.path);
      }
      return collected.print(end, values.json === true);
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
      if (isForecast) return await tellForecast(request, keep, collected, values.json === true);
      const job = startJob(request, (event) => {
        if (event.kind === 'rates') keep(event);
        else collected.onEvent(event);
      });
      const end = await settle(job, job.done, collected);
      for (const { summary, file } of collected.results) await collected.copy(summary.parameter, file);
      return collected.print(end, values.json === true);
    } finally {
      await rm(staging, { recursive: true, force: true });
    }
  },
};

interface NoiseValues {
  readonly 'minibatch-noise'?: boolean | undefined;
  readonly 'batch-size'?: string | undefined;
  readonly sampling?: string[] | undefined;
  readonly batches?: string | undefined;
  readonly 'noise-directions'?: string | undefined;
  readonly 'noise-seed'?: string | undefined;
  /** Shares --batch-size and --sampling. */
  readonly 'weight-fluctuations'?: boolean | undefined;
}

/** Raises UsageError for an option of the minibatch noise without --minibatch-noise. */
function noiseOf(values: NoiseValues): Pick<MeasurementSpec, 'minibatch_noise'> {
  const { sampling } = values;
  const batch = integerOption(values['batch-size'], 'batch-size', 1);
  if (values['minibatch-noise'] !== true) {
    const shared = values['weight-fluctuations'] === true ? [] : (['batch-size', 'sampling'] as const);
    const stray = [...shared, ...(['batches', 'noise-directions', 'noise-seed'] as const)].find(
      (name) => values[name] !== undefined,
    );
    if (stray !== undefined) throw new UsageError(`--${stray} is an option of --minibatch-noise, which is missing`);
    return {};
  }
  return {
    minibatch_noise: {
      ...(batch !== undefined && { batch_size: batch }),
      modes: [...new Set(sampling?.map((each) => choice(each, 'sampling', samplingModes) ?? 'epoch') ?? samplingModes)],
      batches: integerOption(values.batches, 'batches', 2) ?? 1000,
      directions: integerOption(values['noise-directions'], 'noise-directions', 1) ?? 20,
      seed: integerOption(values['noise-seed'], 'noise-seed', 0) ?? 1,
    },
  };
}

interface DensityValues {
  readonly density?: boolean | undefined;
  readonly 'density-probes'?: string | undefined;
  readonly 'density-steps'?: string | undefined;
  readonly 'density-seed'?: string | undefined;
}

/** Raises UsageError for an option of the density without --density. */
function densityOf(values: DensityValues): Pick<MeasurementSpec, 'density'> {
  const stray = (['density-probes', 'density-steps', 'density-seed'] as const).find(
    (name) => values[name] !== undefined,
  );
  if (values.density !== true) {
    if (stray !== undefined) throw new UsageError(`--${stray} is an option of --density, which is missing`);
    return {};
  }
  return {
    density: {
      probes: integerOption(values['density-probes'], 'density-probes', 2) ?? 8,
      steps: integerOption(values['density-steps'], 'density-steps', 1) ?? 80,
      seed: integerOption(values['density-seed'], 'density-seed', 0) ?? 1,
    },
  };
}

type RatesEvent = Extract<JobEvent, { kind: 'rates' }>;

/** The store for a moment, for the rates it keeps; null where it cannot be opened so: measuring files needs no store, and rates can be measured again. */
function withRates<T>(
  values: { readonly store?: string | undefined },
  readOnly: boolean,
  use: (store: Store) => T,
): T | null {
  try {
    using store = openStoreFor(values, readOnly);
    return use(store);
  } catch (error) {
    // None yet, on a read-only disk, from a newer version.
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
  /** Whether all that failed was asked for wrongly. */
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
