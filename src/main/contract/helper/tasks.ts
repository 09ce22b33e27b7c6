/**
 * The work of the helper process: answers that take longer than a window may wait for the main process, or that load native code into a process that
 * may die. A task gets and gives structured-cloneable values.
 */
import type { KnownRates } from '../../forecast/types.ts';
import type { TaskControl } from './task-control.ts';
import { totalmem } from 'node:os';
import type {
  DatasetPreview,
  DoctorReport,
  Eigenvector,
  MatrixPicture,
  MatrixName,
  ModelPreview,
  SpeedReport,
} from '../../../shared/contract/index.ts';
import type { DatasetSpec, DatasetSummary } from '../../../shared/dataset.ts';
import type { Experiment } from '../../../shared/experiment.ts';
import type { ModelSpec } from '../../../shared/model.ts';
import type { MeasurementSummary } from '../../../shared/results.ts';
import type { Verification } from '../../../shared/verification.ts';
import { messageOf } from '../../../shared/errors.ts';
import { summariseDataset } from '../../../data/dataset.ts';
import type { Dataset } from '../../../data/dataset.ts';
import { resolveDataset } from '../../../data/resolve.ts';
import type { WantedTargets } from '../../../data/targets.ts';
import { Pool } from '../../../engine/parallel/pool.ts';
import { verifyModel } from '../../../engine/verify/verify.ts';
import { fitted } from '../../jobs/data.ts';
import { blasHint, openEngine } from '../../jobs/engine.ts';
import { availableMemory } from '../../jobs/memory.ts';
import type { OpenedEngine } from '../../jobs/engine.ts';
import { probeDevices } from '../../jobs/devices.ts';
import type { EngineOptions } from '../../jobs/protocol.ts';
import { rowsAtCutoff } from '../../cutoff-rows.ts';
import type { CutoffRows } from '../../../shared/cutoff-rows.ts';
import { figureTasks } from './figure-tasks.ts';
import type { FigureTasks } from './figure-tasks.ts';
import { forecastRun } from './forecast.ts';
import type { RunForecast } from './forecast.ts';
import { checkDatabase } from '../../store/index.ts';
import type { StoreProblem } from '../../store/index.ts';
import { unpackRunFile } from '../../services/run-file.ts';
import type { UnpackedRun } from '../../services/run-file.ts';
import { checkModelFile, writeModelWeights } from '../../services/model-check.ts';
import type { CheckedModel } from '../../services/model-check.ts';
import { previewModel, readModel } from './model-import.ts';
import type { ReadModel, WeightsChoice } from './model-import.ts';
import { EigenViews } from './views.ts';

export interface Folders {
  readonly baseFolder: string;
  readonly dataFolder: string;
}

export interface HelperTasks extends FigureTasks {
  engines: { readonly argument: EngineOptions; readonly result: DoctorReport };
  speed: { readonly argument: EngineOptions; readonly result: SpeedReport };
  preview: {
    readonly argument: Folders & {
      readonly spec: DatasetSpec;
      readonly part: 'train' | 'test';
      readonly from: number;
      readonly count: number;
    };
    readonly result: DatasetPreview;
  };
  summarise: { readonly argument: Folders & { readonly spec: DatasetSpec }; readonly result: DatasetSummary };
  /** Raises InputError if the data do not fit the model. */
  fitData: {
    readonly argument: Folders & {
      readonly spec: DatasetSpec;
      readonly model: ModelSpec;
      readonly wanted: WantedTargets;
    };
    readonly result: null;
  };
  heatmap: {
    readonly argument: {
      readonly engine: EngineOptions;
      readonly file: string;
      readonly matrix: MatrixName;
      readonly basis: 'parameter' | 'eigen';
      readonly from: number;
      readonly to: number | null;
      readonly size: number;
    };
    readonly result: MatrixPicture;
  };
  cutoffRows: {
    readonly argument: {
      readonly file: string;
      readonly summary: Pick<MeasurementSummary, 'floor' | 'bootstrap' | 'splits'>;
      readonly cutoff: number;
    };
    readonly result: CutoffRows | null;
  };
  eigenvector: {
    readonly argument: {
      readonly engine: EngineOptions;
      readonly file: string;
      readonly index: number;
      readonly shape: readonly number[];
    };
    readonly result: Eigenvector;
  };
  forecast: {
    readonly argument: {
      readonly engine: EngineOptions;
      readonly experiment: Experiment;
      readonly samples: number | null;
      /** Rates measured before; what is missing is measured, unless no time is asked for. */
      readonly known: KnownRates;
      readonly timed: boolean;
    };
    readonly result: RunForecast;
  };
  verify: {
    readonly argument: { readonly engine: EngineOptions; readonly model: ModelSpec; readonly seed: number };
    readonly result: Verification;
  };
  checkDatabase: { readonly argument: { readonly folder: string }; readonly result: readonly StoreProblem[] };
  unpackRun: { readonly argument: { readonly file: string; readonly folder: string }; readonly result: UnpackedRun };
  previewModel: {
    readonly argument: WeightsChoice & { readonly engine: EngineOptions };
    readonly result: ModelPreview;
  };
  /** Compares a `.covature-model` file with PyTorch, and writes its weights if asked to. */
  checkModel: {
    readonly argument: { readonly engine: EngineOptions; readonly file: string; readonly weights?: string };
    readonly result: CheckedModel;
  };
  readModel: {
    readonly argument: Folders & {
      readonly engine: EngineOptions;
      readonly choice: WeightsChoice;
      readonly dataset: DatasetSpec;
      readonly target: string;
    };
    readonly result: ReadModel;
  };
}

export type HelperTask = keyof HelperTasks;

/** Main side to helper, and back. */
export interface HelperRequest {
  readonly number: number;
  readonly task: HelperTask;
  readonly argument: unknown;
}
/** Stops the request of that number: it fails at its task's next check, or is not started. */
export interface HelperCancel {
  readonly number: number;
  readonly cancel: true;
}
export interface HelperProgress {
  readonly number: number;
  readonly at: string;
  readonly share: number;
}
export type HelperAnswer =
  | { readonly number: number; readonly ok: true; readonly result: unknown }
  | { readonly number: number; readonly ok: false; readonly message: string; readonly isInput: boolean };

type Implementations = {
  [N in HelperTask]: (argument: HelperTasks[N]['argument'], control: TaskControl) => Promise<HelperTasks[N]['result']>;
};

/** All tasks; one set per process. */
export function helperTasks(): Implementations {
  let opened: { readonly key: string; readonly engine: Promise<OpenedEngine> } | null = null;
  const engineFor = (options: EngineOptions): Promise<OpenedEngine> => {
    const key = JSON.stringify(options);
    if (opened?.key !== key) opened = { key, engine: openEngine(options) };
    return opened.engine;
  };
  const views = new EigenViews();

  return {
    ...figureTasks(),

    async engines(options) {
      const base = { node: process.versions.node, platform: `${process.platform} ${process.arch}` };
      const memory = { total: totalmem(), available: availableMemory() };
      const probed = await probeDevices();
      const devices = probed.flatMap((each) => (each.available ? [each] : []));
      const absent = probed.flatMap((each) =>
        each.available ? [] : [{ path: each.title, reason: `${each.reason}. To have it: ${each.remedy}` }],
      );
      try {
        const { report, attempts } = await openEngine(options);
        return {
          engine: { ...report, name: report.blas },
          attempts: [...attempts.map(({ path, error }) => ({ path, reason: error })), ...absent],
          devices,
          hint: report.kind === 'wasm' ? blasHint() : null,
          memory,
          ...base,
        };
      } catch (error) {
        // The library that the settings name does not open: every job would fail with this message.
        const attempts = [{ path: options.blas, reason: messageOf(error) }];
        return {
          engine: null,
          attempts: [...attempts, ...absent],
          devices,
          hint: 'choose another engine in the settings ("auto" always finds one)',
          memory,
          ...base,
        };
      }
    },

    async speed(options) {
      const { blas } = await engineFor(options);
      const rate = (precision: 'float64' | 'float32'): number => {
        const n = 512;
        const [a, b, c] = [0, 1, 2].map(() => blas.allocate(precision, n * n));
        a.fill(0.5);
        b.fill(0.25);
        const once = (): void => {
          blas.gemm(false, false, n, n, n, 1, a, n, b, n, 0, c, n);
        };
        once();
        const began = performance.now();
        let products = 0;
        for (; performance.now() - began < 400; products++) once();
        const seconds = (performance.now() - began) / 1000;
        for (const array of [a, b, c]) blas.release(array);
        return (products * 2 * n ** 3) / seconds / 1e9;
      };
      return { engine: blas.name, gflops: { float64: rate('float64'), float32: rate('float32') } };
    },

    async preview({ spec, part, from, count, ...folders }, control) {
      const dataset = await resolved(spec, folders, control);
      const summary = summariseDataset(dataset);
      const partData = dataset[part];
      if (partData === null) {
        return {
          summary,
          part,
          from: 0,
          inputs: new Float32Array(0),
          targets: new Float64Array(0),
          total: 0,
        };
      }
      const { features } = summary;
      const begin = Math.min(from, partData.count);
      const end = Math.min(partData.count, begin + count);
      const { targets } = partData;
      const width = targets.kind === 'classes' ? 1 : targets.width;
      return {
        summary,
        part,
        from: begin,
        inputs: Float32Array.from(partData.inputs.subarray(begin * features, end * features)),
        targets: Float64Array.from(targets.values.subarray(begin * width, end * width)),
        total: partData.count,
      };
    },

    async summarise({ spec, ...folders }, control) {
      return summariseDataset(await resolved(spec, folders, control));
    },

    async fitData({ spec, model, wanted, ...folders }, control) {
      fitted(await resolved(spec, folders, control), model, wanted);
      return null;
    },

    async verify({ engine, model, seed }, { signal, progress }) {
      const pool = new Pool((await engineFor(engine)).blas, { threads: 1 });
      try {
        return await verifyModel(pool, model, { seed, signal, onProgress: progress });
      } finally {
        await pool.close();
      }
    },

    async heatmap({ engine, file, ...wanted }) {
      return views.heatmap((await engineFor(engine)).blas, file, wanted);
    },

    cutoffRows: ({ file, summary, cutoff }) => rowsAtCutoff(file, summary, cutoff),

    async eigenvector({ engine, file, index, shape }) {
      return views.eigenvector((await engineFor(engine)).blas, file, index, shape);
    },

    async forecast({ engine, experiment, samples, known, timed }) {
      return forecastRun(await engineFor(engine), experiment, samples, known, timed, engine.backend);
    },

    checkDatabase: ({ folder }) => Promise.resolve(checkDatabase(folder)),

    unpackRun: ({ file, folder }) => unpackRunFile(file, folder),

    async previewModel({ engine, ...choice }) {
      return previewModel((await engineFor(engine)).blas, choice);
    },

    async checkModel({ engine, file, weights }) {
      const checked = await checkModelFile((await engineFor(engine)).blas, file);
      if (weights !== undefined) await writeModelWeights(file, weights);
      return checked;
    },

    async readModel({ engine, choice, dataset, target, ...folders }) {
      return readModel((await engineFor(engine)).blas, choice, dataset, folders, target);
    },
  };
}

function resolved(spec: DatasetSpec, folders: Folders, { signal, progress }: TaskControl): Promise<Dataset> {
  return resolveDataset(spec, {
    ...folders,
    signal,
    progress: (stage) => {
      progress(stage, 0);
    },
  });
}
