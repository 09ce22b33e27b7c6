/** The messages between a job's worker process and the main side. Everything is structured-cloneable and small: arrays travel as files. */
import type { NameChoice } from '../../data/tensor-names.ts';
import type { JobForecast, KnownRates, Rates } from '../forecast/types.ts';
import type { WeightsLayout } from '../../shared/contract/index.ts';
import type { DatasetSummary } from '../../shared/dataset.ts';
import type { BackendChoice } from '../../shared/devices.ts';
import type { Experiment, MeasurementSpec } from '../../shared/experiment.ts';
import type { ModelSpec } from '../../shared/model.ts';
import type { MeasurementSummary } from '../../shared/results.ts';

/** How the worker computes. */
export interface EngineOptions {
  /** 'auto': the first native library that opens, else WebAssembly; 'wasm'; or the path of a library, and no other. */
  readonly blas: string;
  /** Worker threads of a measurement; 0: one a core. No result depends on it. */
  readonly threads: number;
  /** Threads of the library in a large eigendecomposition, whose last digits depend on it; 0 (default): as `threads`, at most 8. */
  readonly libraryThreads?: number;
  /** Bytes a measurement may take; 0: what the machine has free. */
  readonly memoryLimit: number;
  /** What trains and measures; default auto. */
  readonly backend?: BackendChoice;
}

interface Common {
  readonly engine: EngineOptions;
  /** Folder on the store's disk where result files are written under fresh names. */
  readonly staging: string;
  /** Folders that relative dataset paths start from, and that published datasets lie in. */
  readonly baseFolder: string;
  readonly dataFolder: string;
  /** Rates for the forecast that is reported before it starts; null: it starts at once, without a forecast. */
  readonly forecast: ForecastRequest | null;
}

export interface ForecastRequest {
  /** Rates measured before; what is missing is measured now. */
  readonly known: KnownRates;
  /** Ends there. */
  readonly only: boolean;
  /** Fails if a measurement that was asked for by its method does not fit into memory, rather than leaving that one out. */
  readonly refuse: boolean;
}

export interface TrainRequest extends Common {
  readonly kind: 'train';
  readonly experiment: Experiment;
  /** Continue from this checkpoint file. */
  readonly resume: {
    readonly file: string;
    /** Measurements that are stored already. */
    readonly measured: readonly { readonly parameter: string; readonly step: number }[];
    /** Losses and accuracies as last evaluated before, by name. */
    readonly results: Readonly<Record<string, number>>;
    /** Seconds of training up to here (src/shared/training-time.ts); null: not recorded. */
    readonly seconds: number | null;
    /** The backend that trained up to here (`EngineReport.backend`); null: not known. */
    readonly trainedBy: string | null;
  } | null;
  /** Take a checkpoint and end as paused after this many steps. */
  readonly stopAfter: number | null;
}

export interface MeasureRequest extends Common {
  readonly kind: 'measure';
  readonly model: ModelSpec;
  /** A safetensors or npz file with the weights (also a checkpoint), and how they are named and laid out; default covature. */
  readonly weights: string;
  readonly layout?: WeightsLayout;
  /** Which tensors of that file to use, if names differ. */
  readonly choice?: NameChoice;
  /** Model and weights come from this `.covature-model` file, which is compared with PyTorch first. */
  readonly modelFile?: string;
  readonly dataset: Experiment['dataset'];
  readonly measurement: MeasurementSpec;
}

export type JobRequest = TrainRequest | MeasureRequest;

/** Main side to worker. */
export type JobCommand =
  | { readonly kind: 'start'; readonly request: JobRequest }
  | { readonly kind: 'cancel' }
  /** Take a checkpoint and end. `patience`: milliseconds for a measurement under way (`JobControl.pause`). */
  | { readonly kind: 'pause'; readonly patience: number | null }
  /** Take a checkpoint and continue. */
  | { readonly kind: 'checkpoint' };

export interface MetricPoints {
  readonly steps: readonly number[];
  readonly values: readonly number[];
}

/** Worker to main side, in order. */
export type JobEvent =
  | {
      readonly kind: 'prepared';
      readonly dataset: DatasetSummary;
      readonly parameters: number;
      /** Steps in all and done before (resumed). */
      readonly steps: number;
      readonly step: number;
      readonly engine: EngineReport;
    }
  /** Before the first step; from there to the end. */
  | { readonly kind: 'forecast'; readonly forecast: JobForecast }
  /** Measured for a forecast, or by the job itself: kept for later forecasts. */
  | { readonly kind: 'rates'; readonly machine: string; readonly rates: Rates }
  | {
      readonly kind: 'metrics';
      readonly step: number;
      readonly series: Readonly<Record<string, MetricPoints>>;
    }
  | {
      readonly kind: 'progress';
      /** In words, for a status line. */
      readonly stage: string;
      /** Share of the whole job, 0 to 1. */
      readonly share: number;
      /** Null while unknown. */
      readonly secondsLeft: number | null;
    }
  | { readonly kind: 'log'; readonly level: 'info' | 'warning' | 'error'; readonly text: string }
  | { readonly kind: 'checkpoint'; readonly step: number; readonly epoch: number; readonly file: StagedFile }
  | {
      readonly kind: 'measurement';
      readonly step: number;
      readonly epoch: number;
      /** As it was asked for. */
      readonly spec: MeasurementSpec;
      readonly summary: MeasurementSummary;
      readonly file: StagedFile;
    }
  | {
      readonly kind: 'measurement-failed';
      readonly step: number;
      readonly epoch: number;
      readonly parameter: string;
      readonly spec: MeasurementSpec;
      /** The one asked for, or the one that was chosen. */
      readonly method: 'exact' | 'projected';
      readonly error: string;
      /** It cannot be measured as it was asked for; false: a device failed. */
      readonly isInput: boolean;
    }
  | {
      readonly kind: 'ended';
      readonly outcome: 'done' | 'diverged' | 'cancelled' | 'paused';
      /** Why, for diverged. */
      readonly reason: string | null;
      readonly step: number;
      readonly results: Readonly<Record<string, number>>;
      readonly seconds: Readonly<Record<string, number>>;
    }
  | { readonly kind: 'failed'; readonly message: string; readonly isInput: boolean; readonly stack: string | null };

export interface StagedFile {
  readonly file: string;
  readonly bytes: number;
}

export interface EngineReport {
  readonly blas: string;
  readonly path: string;
  readonly kind: 'native' | 'wasm';
  readonly threads: number;
  /** Of a large eigendecomposition; a run that is resumed or run again uses the number recorded. Absent in runs from before it was recorded. */
  readonly libraryThreads?: number;
  readonly cores: number;
  readonly processor: string;
  /** What trains, for people: "cpu" or a device's name; absent in runs from before there were devices. */
  readonly backend?: string;
}
