/** What the main side sends to every window without being asked. */
import type { LogLine, Progress, QueueSnapshot, SeriesData } from './records.ts';
import type { Settings } from './methods/system.ts';

export interface ContractEvents {
  /** Rows of the table changed, came or went. `ids` null: many; read the page again. */
  readonly 'runs.changed': { readonly revision: number; readonly ids: readonly string[] | null };
  /** At most about ten times a second for each run. */
  readonly 'run.progress': Progress & { readonly run: string; readonly job: string; readonly step: number };
  /**
   * Points that were stored just now, as batch `batch` of the run. A window whose snapshot (`series.since`) has nextBatch > batch drops it; one
   * whose nextBatch < batch has missed some and asks `series.since` again; another revision likewise.
   */
  readonly 'series.appended': {
    readonly run: string;
    readonly revision: number;
    readonly batch: number;
    readonly step: number | null;
    readonly series: Readonly<Record<string, SeriesData>>;
  };
  readonly 'job.log': { readonly run: string; readonly batch: number; readonly lines: readonly LogLine[] };
  readonly 'measurements.changed': { readonly run: string };
  readonly 'queue.changed': QueueSnapshot;
  /** Something other than runs has changed: read again whatever you show of it. `all`: the store was replaced; reload. */
  readonly 'store.changed': { readonly what: 'projects' | 'figures' | 'datasets' | 'clusters' | 'all' };
  readonly 'settings.changed': Settings;
  /** Progress of a request that its window gave a token: the current stage and the share done (0 to 1); at most about twenty times a second. */
  readonly 'request.progress': { readonly token: string; readonly at: string; readonly share: number };
  /** Something that the user should know though no request asked for it: a job that died, a full disk. */
  readonly notice: {
    readonly level: 'info' | 'warning' | 'error';
    readonly text: string;
    readonly run: string | null;
  };
  /** A file that the user opened from outside (a `.covature` file, a command line): ask `files.opened` for it, so that only one window shows it. */
  readonly 'file.opened': { readonly token: string; readonly name: string };
}

export type EventName = keyof ContractEvents;

const names: Readonly<Record<EventName, true>> = {
  'runs.changed': true,
  'run.progress': true,
  'series.appended': true,
  'job.log': true,
  'measurements.changed': true,
  'queue.changed': true,
  'store.changed': true,
  'settings.changed': true,
  'request.progress': true,
  notice: true,
  'file.opened': true,
};
export const eventNames = Object.keys(names) as readonly EventName[];
