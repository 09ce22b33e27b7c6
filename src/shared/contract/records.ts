/**
 * The records about runs and their results that cross the contract. Times are milliseconds since 1970 (UTC); ids are short texts that sort by time of
 * creation; `null` is "not known" or "not so". Paths of the store never cross.
 */
import type { GroupStatistics } from '../group-statistics.ts';
import type { MeasurementSummary } from '../results.ts';

export type { GroupStatistics };

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

export const runStatuses = [
  'queued',
  'running',
  'paused',
  'done',
  'failed',
  'diverged',
  'cancelled',
  'interrupted',
] as const;
export type RunStatus = (typeof runStatuses)[number];

export interface Project {
  readonly id: string;
  readonly name: string;
  readonly description: string;
  readonly created: number;
  readonly archived: boolean;
  /** When it was put into the bin. */
  readonly deleted: number | null;
  /** Runs outside the bin, archived ones included. */
  readonly runs: number;
}

/** A number (with its 95 % interval), a text, or both: `loss` is the last loss, and the name of the loss. */
export interface SummaryValue {
  readonly value: number | null;
  readonly text: string | null;
  readonly low: number | null;
  readonly high: number | null;
}

/** A row of the table of runs. */
export interface RunRow {
  readonly id: string;
  readonly name: string;
  readonly project: string | null;
  readonly status: RunStatus;
  /** Index into the palette, unbounded: take it modulo the palette's length. */
  readonly colour: number;
  readonly seed: number | null;
  /** Hash of the experiment without name and seed: equal for runs that differ by seed only. */
  readonly setup: string;
  readonly priority: number;
  readonly created: number;
  /** First start. */
  readonly started: number | null;
  readonly ended: number | null;
  /** Last heartbeat of its worker, or last change. */
  readonly updated: number;
  /** Seconds spent running, over all starts; while running, up to the last start. */
  readonly seconds: number;
  /** Last start, while running. */
  readonly resumed: number | null;
  readonly step: number;
  readonly steps: number | null;
  readonly parent: string | null;
  readonly relation: 'rerun' | 'clone' | 'import' | null;
  readonly tags: readonly string[];
  readonly notes: string;
  readonly error: string | null;
  readonly archived: boolean;
  /** When it was put into the bin. */
  readonly deleted: number | null;
  /** The columns that were asked for (and exist). */
  readonly values: Readonly<Record<string, SummaryValue>>;
}

/** A run with everything that belongs to it except series, log and measurements. */
export interface RunDetail extends RunRow {
  readonly experiment: Json;
  /** Code, packages, machine, dataset with its hashes, engine. */
  readonly provenance: Json;
  readonly host: string | null;
  readonly series: readonly SeriesInfo[];
  readonly checkpoints: readonly CheckpointInfo[];
  /** Of its job, while it has one. */
  readonly progress: Progress | null;
  /** Which of `runs.resume`, `runs.pause` and the others are possible now. */
  readonly can: Readonly<Record<RunAction, boolean>>;
}

export const runActions = ['cancel', 'pause', 'resume', 'retry'] as const;
export type RunAction = (typeof runActions)[number];

export interface SeriesInfo {
  readonly name: string;
  readonly points: number;
  readonly lastStep: number;
}

export interface CheckpointInfo {
  readonly id: string;
  readonly step: number;
  readonly epoch: number | null;
  readonly bytes: number;
  /** Whether its file exists and is intact, as far as is known. */
  readonly present: boolean;
  readonly created: number;
}

export interface RunPage {
  /** Of all runs that match. */
  readonly total: number;
  readonly rows: readonly RunRow[];
  /** Of the run that was asked for as `anchor`, in the whole list; null if it does not match. */
  readonly place: number | null;
  /** Of the store's runs when they were read: a `runs.changed` with a larger one means that this page may be out of date. */
  readonly revision: number;
}

export interface RunGroup {
  /** The values of the fields grouped by; null if a run has none. */
  readonly key: Readonly<Record<string, number | string | null>>;
  /** Ids, newest first. */
  readonly runs: readonly string[];
  /** Name of the newest run, used for a group whose key says nothing. */
  readonly name: string;
  /** Of the oldest run. */
  readonly colour: number;
  readonly statuses: Readonly<Partial<Record<RunStatus, number>>>;
  /** Statistics of the fields asked for, where some run of the group has a number. */
  readonly values: Readonly<Record<string, GroupStatistics>>;
  /** For fields that hold only texts: the first in alphabetical order, and the number of different ones. */
  readonly texts: Readonly<Record<string, { readonly text: string; readonly distinct: number }>>;
}

export interface GroupPage {
  /** Groups, and runs in them. */
  readonly total: number;
  readonly runs: number;
  readonly groups: readonly RunGroup[];
  /** Index of each group of `open`, null if it no longer exists, and its number of runs. */
  readonly places: readonly { readonly index: number | null; readonly runs: number }[];
  /** As in a page of runs. */
  readonly revision: number;
}

/** A column that the table can show, sort and filter by. */
export interface ColumnInfo {
  readonly key: string;
  /** field: every run has it; value: of the summary table (hyperparameters and results). */
  readonly source: 'field' | 'value';
  readonly numbers: boolean;
  readonly texts: boolean;
}

export interface MeasurementInfo {
  readonly id: string;
  readonly run: string;
  readonly parameter: string;
  readonly step: number;
  readonly epoch: number | null;
  readonly method: 'exact' | 'projected';
  readonly origin: 'schedule' | 'manual';
  readonly state: 'done' | 'failed';
  readonly samples: number | null;
  readonly summary: MeasurementSummary | null;
  readonly error: string | null;
  /** The options it was taken with. */
  readonly options: Json;
  /** Its arrays: how large their file is, and whether it is there. */
  readonly arrays: { readonly bytes: number; readonly present: boolean } | null;
  readonly created: number;
}

/** Points of one series; steps increase. */
export interface SeriesData {
  readonly steps: Float64Array;
  readonly values: Float64Array;
}

export interface SeriesUpdate {
  /** Pass both back to get only what was added since. */
  readonly revision: number;
  readonly nextBatch: number;
  /** The series are complete, not an addition: points were taken back (a resumed run) or repacked since. */
  readonly reset: boolean;
  readonly series: Readonly<Record<string, SeriesData>>;
}

export interface LogLine {
  readonly time: number;
  readonly level: 'debug' | 'info' | 'warning' | 'error';
  readonly text: string;
}

export interface Progress {
  /** In words, for a status line. */
  readonly stage: string;
  /** Share of the whole job, 0 to 1. */
  readonly share: number;
  /** Null while unknown. */
  readonly secondsLeft: number | null;
}

export const jobKinds = ['train', 'measure', 'task'] as const;
export type JobKind = (typeof jobKinds)[number];

/** A longer piece of work: a run being trained, a manual measurement, a backup. */
export interface JobInfo {
  readonly id: string;
  readonly kind: JobKind;
  readonly title: string;
  /** The run that it belongs to. */
  readonly run: string | null;
  readonly state: 'queued' | 'running' | 'done' | 'failed' | 'diverged' | 'cancelled';
  /** Higher ones first. */
  readonly priority: number;
  readonly progress: Progress | null;
  /** Whether it has been asked to pause or end but has not done so yet. */
  readonly stopping: boolean;
  /** Of its worker process. */
  readonly pid: number | null;
  readonly created: number;
  readonly started: number | null;
  readonly ended: number | null;
  readonly error: string | null;
}

export interface QueueSnapshot {
  /** Counts every change; discard a snapshot with a smaller count than the one you have. */
  readonly number: number;
  /** Running ones first, then queued ones in the order in which they start (200 at most), then the last that ended (20 at most). */
  readonly jobs: readonly JobInfo[];
  readonly running: number;
  readonly queued: number;
  /** The most jobs that run at once. */
  readonly limit: number;
  /** Nothing is started while true. */
  readonly held: boolean;
  /** Seconds until all jobs are done, as far as can be estimated; null while unknown. */
  readonly secondsLeft: number | null;
}
