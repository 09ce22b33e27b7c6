/** Starting, resuming and measuring runs of a store; every shell does it through these. */
import * as path from 'node:path';
import { describeModel } from '../../shared/model.ts';
import { parseExperiment, parseRecorded, withTraining } from '../../shared/experiment.ts';
import type { Experiment, MeasurementSpec } from '../../shared/experiment.ts';
import { InputError, messageOf } from '../../shared/errors.ts';
import { datasetName } from '../../shared/varied.ts';
import type { MeasurementSummary } from '../../shared/results.ts';
import { startJob } from '../jobs/host.ts';
import type { JobEnd, JobHandle } from '../jobs/host.ts';
import type {
  EngineOptions,
  EngineReport,
  ForecastRequest,
  JobEvent,
  JobRequest,
  TrainRequest,
} from '../jobs/protocol.ts';
import type { ProcessLauncher } from '../jobs/launcher.ts';
import { gatherProvenance } from '../provenance.ts';
import type { Provenance } from '../provenance.ts';
import { trainingTime } from '../../shared/training-time.ts';
import { runStatuses } from '../store/index.ts';
import type { RecordedBatch, Checkpoint, Json, RunRecord, Store } from '../store/index.ts';
import { checkLayers } from './fitting.ts';
import { recordMeasurement } from './record-measurement.ts';
import { withOwnFiles } from './own-files.ts';
import { keepRates, lastValues, Recorder } from './recorder.ts';

export interface RunOptions {
  readonly engine: EngineOptions;
  /** Folder that relative dataset paths start from. */
  readonly baseFolder: string;
  /** Where published datasets lie; default: beside the store. */
  readonly dataFolder?: string | undefined;
  /** Id of a new run; default: made. */
  readonly id?: string | undefined;
  /** Pause once so many steps are done. */
  readonly stopAfter?: number | null | undefined;
  readonly project?: string | null | undefined;
  readonly parent?: { readonly run: string | undefined; readonly relation: 'rerun' | 'clone' };
  /** Sees every event after it is stored. */
  readonly onEvent?: ((event: JobEvent) => void) | undefined;
  /** Sees every batch of points and log lines after it is stored. */
  readonly onBatch?: ((batch: RecordedBatch) => void) | undefined;
  /** How worker processes are started; default child_process. */
  readonly launcher?: ProcessLauncher | undefined;
  /** Whether what does not fit is refused before the first step; default: it is left out with its reason, and the rest is done. */
  readonly refuse?: boolean | undefined;
  /** Default: gathered now, which asks git and takes some 30 ms. */
  readonly provenance?: Provenance | undefined;
}

export interface StartedRun {
  readonly id: string;
  readonly job: JobHandle;
  /** Settles once the run's end is stored. */
  readonly done: Promise<JobEnd>;
}

/** Where published datasets lie, beside the store. */
export function dataFolderOf(store: Pick<Store, 'folder'>): string {
  return path.join(store.folder, 'datasets');
}

/** Stores a new run and starts it. Raises InputError, storing nothing, if its shapes do not fit (`checkLayers`). */
export function startRun(store: Store, experiment: Experiment, options: RunOptions): StartedRun {
  checkLayers(experiment);
  const provenance = options.provenance ?? gatherProvenance();
  const id = store.createRun({
    id: options.id,
    name: experiment.name,
    experiment: experiment as unknown as Json,
    // At once, so that no other process takes it from the queue.
    status: 'running',
    project: options.project ?? null,
    fields: {
      dataset: datasetName(experiment.dataset) ?? experiment.dataset.source,
      model: describeModel(experiment.model),
      base_folder: options.baseFolder,
    },
    provenance: provenance as unknown as Json,
    parent: options.parent?.run,
    relation: options.parent?.relation,
  });
  return launch(store, id, experiment, options, new Recorder(store, id, provenance, 0, options.onBatch), null);
}

/**
 * Goes on with a run from its last checkpoint, or from the start if it has none; the result is what an undisturbed run gives, bit for bit, unless another
 * backend or library goes on with it, which the run's log then says. Raises InputError for a run that is done or under way.
 */
export function resumeRun(store: Store, run: RunRecord, options: RunOptions): StartedRun {
  if (run.status === 'done' || run.status === 'running') {
    throw new InputError(
      `run ${run.id} (${run.name}) is ${run.status}; only an unfinished run that is not running can be resumed`,
    );
  }
  const experiment = parseExperiment(run.experiment, `experiment of run ${run.id}`);
  if (!store.setRunStatus(run.id, 'running', { from: resumable }))
    throw new InputError(`run ${run.id} (${run.name}) was just taken by another process`);
  const checkpoint = store.lastCheckpoint(run.id);
  const batch = store.rewind(run.id, checkpoint?.step ?? -1);
  const recorder = new Recorder(store, run.id, options.provenance ?? gatherProvenance(), batch, options.onBatch);
  const resume =
    checkpoint === undefined
      ? null
      : {
          file: checkpoint.file.path,
          measured: store
            .measurements(run.id)
            .filter((each) => each.origin === 'schedule' && each.state === 'done')
            .map(({ parameter, step }) => ({ parameter, step })),
          results: lastValues(store, run.id),
          seconds: store.series(run.id, { names: [trainingTime] })[trainingTime]?.values.at(-1) ?? null,
          trainedBy: trainedBy(run),
        };
  return launch(
    store,
    run.id,
    experiment,
    { ...options, engine: engineAsRecorded(run, options.engine) },
    recorder,
    resume,
  );
}

/** With as many threads of the library as the run was measured with: another number changes last digits. */
export function engineAsRecorded({ provenance }: Pick<RunRecord, 'provenance'>, engine: EngineOptions): EngineOptions {
  const { libraryThreads } = ((provenance ?? {}) as { readonly engine?: Partial<EngineReport> }).engine ?? {};
  return libraryThreads === undefined ? engine : { ...engine, libraryThreads };
}

/** States from which a run can be resumed. */
const resumable = runStatuses.filter((status) => status !== 'done' && status !== 'running');

/** The backend as the run's provenance has it; null if it never trained. */
function trainedBy({ provenance }: RunRecord): string | null {
  const { engine } = (provenance ?? {}) as { readonly engine?: { readonly backend?: string } };
  return engine?.backend ?? null;
}

function launch(
  store: Store,
  id: string,
  experiment: Experiment,
  options: RunOptions,
  recorder: Recorder,
  resume: TrainRequest['resume'],
): StartedRun {
  let job: JobHandle;
  try {
    job = startJob(
      trainRequest(),
      (event) => {
        recorder.record(event);
        options.onEvent?.(event);
      },
      options.launcher,
    );
    store.setRunStatus(id, 'running', { pid: job.pid ?? null });
  } catch (error) {
    store.setRunStatus(id, 'failed', { error: messageOf(error) });
    throw error;
  }
  return { id, job, done: finish(store, id, job, recorder) };

  function trainRequest(): TrainRequest {
    return {
      kind: 'train',
      experiment,
      resume,
      stopAfter: options.stopAfter ?? null,
      engine: options.engine,
      staging: stagingFolder(store),
      baseFolder: options.baseFolder,
      dataFolder: options.dataFolder ?? dataFolderOf(store),
      forecast: forecastRequest(store, { refuse: options.refuse ?? false }),
    };
  }
}

async function finish(store: Store, id: string, job: JobHandle, recorder: Recorder): Promise<JobEnd> {
  try {
    const end = await job.done;
    recorder.finish(end);
    return end;
  } catch (error) {
    // Its results could not be stored; say so on the run if even that works.
    store.setRunStatus(id, 'failed', { error: error instanceof Error ? error.message : String(error) });
    throw error;
  }
}

export interface MeasureRunOptions extends RunOptions {
  /** Told of each measurement once it is stored under `id`. */
  readonly onMeasurement?: ((id: string, summary: MeasurementSummary) => void) | undefined;
  /** Default: the last checkpoint. */
  readonly step?: number | undefined;
}

/** What measuring a stored run at one of its checkpoints asks a job for. */
export function measureRequest(
  store: Store,
  run: RunRecord,
  spec: MeasurementSpec,
  options: Pick<MeasureRunOptions, 'engine' | 'baseFolder' | 'step' | 'refuse'>,
): { readonly request: JobRequest; readonly checkpoint: Checkpoint } {
  if (!hasModel(run.experiment))
    throw new InputError(
      `run ${run.id} (${run.name}) has curves alone: covature.Run was given no model and data, over which checkpoints could be measured`,
    );
  const experiment = parseRecorded(run.experiment, `experiment of run ${run.id}`);
  const checkpoints = store.checkpoints(run.id);
  const checkpoint =
    options.step === undefined ? store.lastCheckpoint(run.id) : checkpoints.find((each) => each.step === options.step);
  if (checkpoint === undefined) {
    const steps = checkpoints.map((each) => each.step).join(', ');
    throw new InputError(
      `run ${run.id} has no checkpoint${options.step === undefined ? '' : ` at step ${options.step}`}; its checkpoints are at steps ${steps || 'none'}`,
    );
  }
  const request: JobRequest = {
    kind: 'measure',
    model: experiment.model,
    weights: checkpoint.file.path,
    dataset: withOwnFiles(store, run.id, experiment.dataset),
    measurement: withTraining(spec, experiment),
    engine: engineAsRecorded(run, options.engine),
    staging: stagingFolder(store),
    baseFolder: options.baseFolder,
    dataFolder: dataFolderOf(store),
    forecast: forecastRequest(store, { refuse: options.refuse ?? false }),
  };
  return { request, checkpoint };
}

/** Whether a run's record names a model; those that a training loop elsewhere wrote may not. */
function hasModel(experiment: Json): boolean {
  return typeof experiment === 'object' && experiment !== null && 'model' in experiment;
}

/** Measures a stored run at one of its checkpoints; results are stored with it as taken by hand. */
export function measureRun(
  store: Store,
  run: RunRecord,
  spec: MeasurementSpec,
  options: MeasureRunOptions,
): { readonly job: JobHandle; readonly done: Promise<JobEnd> } {
  const { request, checkpoint } = measureRequest(store, run, spec, options);
  const { step, epoch } = checkpoint;
  const job = startJob(
    request,
    (event) => {
      if (event.kind === 'rates') keepRates(store, event);
      else if (event.kind === 'measurement' || event.kind === 'measurement-failed') {
        const id = recordMeasurement(store, run.id, { step, epoch, origin: 'manual' }, event);
        if (event.kind === 'measurement') options.onMeasurement?.(id, event.summary);
      }
      options.onEvent?.(event);
    },
    options.launcher,
  );
  return { job, done: job.done };
}

/** What a job is asked to forecast; null if $COVATURE_FORECAST is "off". */
export function forecastRequest(
  store: Pick<Store, 'allCalibrations'> | null,
  options: { readonly only?: boolean; readonly refuse?: boolean } = {},
): ForecastRequest | null {
  const only = options.only ?? false;
  if (process.env['COVATURE_FORECAST'] === 'off' && !only) return null;
  const known = (store?.allCalibrations() ?? {}) as ForecastRequest['known'];
  return { known, only, refuse: options.refuse ?? false };
}

/** A folder on the store's disk, emptied when the store is next opened for writing. */
function stagingFolder(store: Store): string {
  return path.dirname(store.stagingPath());
}
