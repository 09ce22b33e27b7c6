/**
 * What goes into the store and comes out of it. No Node, no DOM: plain values that cross the contract as they are. Times are
 * milliseconds since 1970 (UTC); ids are short texts that sort by time of creation; `null` is "not known" or "not so".
 */
import type {
  GroupPage,
  Json,
  LogLine,
  MeasurementInfo,
  RunPage,
  RunRow,
  RunStatus,
} from '../../shared/contract/records.ts';
import type { Params } from '../../shared/contract/index.ts';
import type { MeasurementSummary } from '../../shared/results.ts';

export { runStatuses } from '../../shared/contract/records.ts';
export type {
  Json,
  LogLine,
  Project,
  RunGroup,
  RunRow,
  RunStatus,
  SeriesData,
  SeriesUpdate,
  SummaryValue,
} from '../../shared/contract/records.ts';

/** States that a run does not leave by itself. */
export const finalStatuses = ['done', 'failed', 'diverged', 'cancelled', 'interrupted'] as const satisfies RunStatus[];

export type RunRelation = NonNullable<RunRow['relation']>;

export interface NewRun {
  /** Kept if free (import); made otherwise. */
  readonly id?: string | undefined;
  readonly name: string;
  /** Id of a project; null: none. */
  readonly project?: string | null | undefined;
  /** The whole specification, as JSON. `seed`, `dataset` and `loss` in it become fields of the run. */
  readonly experiment: Json;
  /** Default: `experiment.seed` if that is a number, else null. */
  readonly seed?: number | null | undefined;
  /** Default 'queued'. */
  readonly status?: RunStatus | undefined;
  /** More fields for filters and columns beside those read off the experiment, as { model: '784-50-50-10' }. */
  readonly fields?: Readonly<Record<string, SummaryInput>> | undefined;
  readonly provenance?: Json | undefined;
  readonly parent?: string | null | undefined;
  readonly relation?: RunRelation | null | undefined;
  readonly tags?: readonly string[] | undefined;
  readonly notes?: string | undefined;
  /** Why it ended, for a run that is stored after its end. */
  readonly error?: string | null | undefined;
  /** Higher runs first. Default 0. */
  readonly priority?: number | undefined;
  /** Index into the palette, unbounded: take it modulo the palette's length. Default: the number of runs made before. */
  readonly colour?: number | undefined;
  /** Default now. */
  readonly created?: number | undefined;
}

export interface RunUpdate {
  readonly name?: string;
  readonly project?: string | null;
  readonly notes?: string;
  /** The whole new set. */
  readonly tags?: readonly string[];
  readonly colour?: number;
  readonly archived?: boolean;
  readonly priority?: number;
  /** Total number of steps, once known. */
  readonly steps?: number | null;
  readonly provenance?: Json;
}

export interface StatusChange {
  /** Only if the run is in one of these; else nothing happens and the answer is false. */
  readonly from?: readonly RunStatus[];
  /** Why (failed, diverged, cancelled). Cleared on a change without it. */
  readonly error?: string | null;
  /** The worker process, while running. */
  readonly pid?: number | null;
  readonly host?: string | null;
}

export interface RunRecord extends RunRow {
  readonly experiment: Json;
  readonly provenance: Json;
  readonly pid: number | null;
  readonly host: string | null;
  /** Number that the next batch must carry. */
  readonly nextBatch: number;
  readonly revision: number;
}

/** What sets a summary key; a text keeps the number that is there, and the other way round. NaN is kept as null. */
export type SummaryInput =
  number | string | boolean | { readonly value: number; readonly low?: number | null; readonly high?: number | null };

/** Points of one series, in order of strictly increasing steps. */
export interface SeriesPoints {
  /** Whole numbers within +-2^53. */
  readonly steps: ArrayLike<number>;
  readonly values: ArrayLike<number>;
}

/** What a worker sends at most some ten times a second. Numbers run from 0 without gaps. */
export interface RecordedBatch {
  readonly number: number;
  readonly metrics?: Readonly<Record<string, SeriesPoints>>;
  readonly log?: readonly LogLine[] | undefined;
  /** Steps done. */
  readonly step?: number;
}

export interface SeriesQuery {
  /** Default all of them. */
  readonly names?: readonly string[];
  /** Steps, both ends included. */
  readonly from?: number;
  readonly to?: number;
  /** Downsample each series to at most so many points (at least 5), keeping the smallest and largest value of every bucket. */
  readonly points?: number;
}

/** The file of arrays or weights that goes with a measurement or checkpoint. */
export type ArtifactSource =
  /** A complete file, by preference under `stagingPath()`, moved into the store. With `sha256` and `bytes` from whoever wrote it nothing is read again. */
  | { readonly file: string; readonly sha256?: string; readonly bytes?: number }
  | { readonly chunks: Iterable<Uint8Array> };

export type ArtifactKind = 'measurement' | 'checkpoint' | 'file';

export interface Artifact {
  readonly kind: ArtifactKind;
  /** The parameter measured, the step of a checkpoint, or the name that a file was given. */
  readonly name: string;
  /** Absolute. */
  readonly path: string;
  readonly bytes: number;
  readonly sha256: string;
  /** 'missing' and 'damaged' as the doctor found it. */
  readonly state: 'present' | 'missing' | 'damaged';
}

export interface NewMeasurement {
  readonly parameter: string;
  readonly step: number;
  readonly epoch?: number | null;
  /** Part of the run's own schedule (replaces the same one stored before, as after a resume), or asked for by hand. */
  readonly origin: 'schedule' | 'manual';
  readonly summary: MeasurementSummary;
  readonly arrays?: ArtifactSource | undefined;
  /** The options it was taken with. */
  readonly options?: Json;
  /** Default now. */
  readonly created?: number;
}

export interface FailedMeasurement {
  readonly parameter: string;
  readonly step: number;
  readonly epoch?: number | null;
  readonly origin: 'schedule' | 'manual';
  readonly method: 'exact' | 'projected';
  readonly error: string;
  readonly options?: Json;
  readonly created?: number;
}

export interface MeasurementRecord extends Omit<MeasurementInfo, 'arrays'> {
  readonly arrays: Artifact | null;
}

export interface NewCheckpoint {
  readonly step: number;
  readonly epoch?: number | null;
  /** Weights, optimiser and generator state. */
  readonly file: ArtifactSource;
  /** What resuming needs and is no array: schedule position, sampler state. */
  readonly state?: Json;
  /** Default now. */
  readonly created?: number;
}

export interface Checkpoint {
  readonly id: string;
  readonly run: string;
  readonly step: number;
  readonly epoch: number | null;
  readonly state: Json;
  readonly file: Artifact;
  readonly created: number;
}

/** As the contract describes it. A filter that is wrong raises `FilterError` with the place. */
export type RunQuery = Params<'runs.counts'> & Selection;

/** `limit`: default 100. Ties of a sort: newest first; runs without its field come last either way. */
export type RunListQuery = Params<'runs.list'> & Selection;

interface Selection {
  /** Unknown ids are passed over. */
  readonly ids?: readonly string[] | undefined;
}

export type RunSort = NonNullable<RunListQuery['sort']>[number];

export type RunList = Omit<RunPage, 'revision'>;

export type GroupList = Omit<GroupPage, 'revision'>;

export interface SummaryKeyInfo {
  readonly key: string;
  readonly numbers: boolean;
  readonly texts: boolean;
}
