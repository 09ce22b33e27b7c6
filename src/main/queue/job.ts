/** One job of the queue, and how it looks from outside. */
import { randomUUID } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { FaultError } from '../../shared/contract/index.ts';
import type { JobInfo, SeriesData } from '../../shared/contract/index.ts';
import type { JobEnd, JobHandle } from '../jobs/host.ts';
import type { EngineOptions } from '../jobs/protocol.ts';
import type { RecordedBatch, RunRecord, RunRow } from '../store/index.ts';
import type { Bus } from './bus.ts';
import type { Mutable } from '../../shared/defined.ts';

export interface Job {
  readonly info: Mutable<JobInfo>;
  /** Starts its work. Returns the process if it has one. */
  readonly start: () => { readonly handle: JobHandle | null; readonly done: Promise<unknown> };
  handle: JobHandle | null;
  /** Ends work that has no process. */
  readonly abort: AbortController;
  done: Promise<void> | null;
  /** Of a training. */
  step: number;
}

export function newJob(
  kind: JobInfo['kind'],
  title: string,
  run: string | null,
  priority: number,
  start: Job['start'],
): Job {
  return {
    info: {
      id: `job-${randomUUID()}`,
      kind,
      title,
      run,
      state: 'queued',
      priority,
      progress: null,
      stopping: false,
      pid: null,
      created: Date.now(),
      started: null,
      ended: null,
      error: null,
    },
    start,
    handle: null,
    abort: new AbortController(),
    done: null,
    step: 0,
  };
}

/** Reports a batch that was just stored. */
export function relayBatch(bus: Bus, run: string, revision: number, batch: RecordedBatch): void {
  if (batch.metrics !== undefined) {
    const series: Record<string, SeriesData> = {};
    for (const [name, { steps, values }] of Object.entries(batch.metrics)) {
      series[name] = { steps: Float64Array.from(steps), values: Float64Array.from(values) };
    }
    bus.emit('series.appended', { run, revision, batch: batch.number, step: batch.step ?? null, series });
  }
  if (batch.log !== undefined) bus.emit('job.log', { run, batch: batch.number, lines: batch.log });
}

/** The outcome of a job whose process ended, and the message to the windows; null: none. `closing`: the program ends, and the process with it. */
export function outcomeOf(
  { info }: Job,
  end: JobEnd,
  closing: boolean,
): {
  readonly state: Exclude<JobInfo['state'], 'queued' | 'running'>;
  readonly error: string | null;
  readonly notice: string | null;
} {
  switch (end.kind) {
    case 'ended': {
      const { outcome, reason } = end.event;
      return { state: outcome === 'paused' ? 'cancelled' : outcome, error: reason, notice: null };
    }
    case 'failed': {
      const { message } = end.event;
      return { state: 'failed', error: message, notice: `${info.title}: ${message}` };
    }
    case 'lost': {
      if (end.cancelled) return { state: 'cancelled', error: null, notice: null };
      const hint = info.kind === 'train' ? '; what was stored is kept, and it resumes from its last checkpoint' : '';
      const notice = closing ? null : `${info.title}: ${end.message}${hint}`;
      return { state: 'failed', error: end.message, notice };
    }
    default:
      end satisfies never;
      throw new Error('unknown end of a job');
  }
}

/** With the library's threads divided among the jobs that run at once: threads that wait for one another on held cores take many times as long. */
export function sharedEngine(engine: EngineOptions, limit: number): EngineOptions {
  const threads = engine.threads > 0 ? engine.threads : availableParallelism();
  return { ...engine, libraryThreads: engine.libraryThreads ?? Math.max(1, Math.min(8, Math.floor(threads / limit))) };
}

export const resumable = ['paused', 'interrupted', 'cancelled', 'failed'] as const;
export const retriable = ['paused', 'interrupted', 'cancelled', 'failed', 'diverged'] as const;

/** What a run's state excludes. */
export function refused(run: RunRecord, done: string): FaultError {
  return new FaultError('conflict', `${run.name} is ${run.status} and cannot be ${done}`);
}

/** A run that waits, as a job. */
export function queuedInfo(run: RunRow): JobInfo {
  return {
    id: run.id,
    kind: 'train',
    title: run.name,
    run: run.id,
    state: 'queued',
    priority: run.priority,
    progress: null,
    stopping: false,
    pid: null,
    created: run.created,
    started: null,
    ended: null,
    error: null,
  };
}
