/**
 * The queue of jobs. Runs that wait are those of the store with the state "queued", so they outlast the program; measurements by hand and tasks live
 * as long as it does. Each run and measurement has a worker process of its own; what that process sends is stored here, in the order in which
 * it comes, and then told to the windows. A process that dies ends its own job and nothing else.
 */
import { availableParallelism } from 'node:os';
import { FaultError } from '../../shared/contract/index.ts';
import type { JobInfo, Progress, QueueSnapshot } from '../../shared/contract/index.ts';
import { messageOf } from '../../shared/errors.ts';
import type { MeasurementSpec } from '../../shared/experiment.ts';
import type { JobEnd } from '../jobs/host.ts';
import type { ProcessLauncher } from '../jobs/launcher.ts';
import type { EngineOptions, JobEvent } from '../jobs/protocol.ts';
import type { Provenance } from '../provenance.ts';
import { measureRun, resumeRun } from '../services/runs.ts';
import type { RunRecord, Store } from '../store/index.ts';
import { Coalesced } from './bus.ts';
import type { Bus, RunChanges } from './bus.ts';
import { newJob, outcomeOf, refused, relayBatch, resumable, retriable, sharedEngine } from './job.ts';
import type { Job } from './job.ts';
import { QueuedRuns } from './queued-runs.ts';
import { RunTimes } from './run-times.ts';

export interface QueueOptions {
  readonly store: Store;
  readonly bus: Bus;
  readonly changes: RunChanges;
  readonly launcher: ProcessLauncher;
  /** Asked again for every job. */
  readonly engine: () => EngineOptions;
  /** Jobs at once; 0: half the cores, 1 to 4. */
  readonly limit: () => number;
  readonly provenance: () => Provenance;
}

/** Jobs that ended, kept for the list. */
const keptEnded = 20;

export class JobQueue {
  readonly #options: QueueOptions;
  readonly #running = new Map<string, Job>();
  /** Waiting measurements and tasks, by id, in the order in which they came. */
  readonly #waiting = new Map<string, Job>();
  readonly #ended: JobInfo[] = [];
  readonly #tell: Coalesced;
  readonly #queued: QueuedRuns;
  #number = 0;
  #held = false;
  #closing = false;
  readonly #times = new RunTimes();

  constructor(options: QueueOptions) {
    this.#options = options;
    this.#queued = new QueuedRuns(options.store);
    this.#tell = new Coalesced(100, () => {
      options.bus.emit('queue.changed', this.snapshot());
    });
  }

  /** Starts the jobs that may start: call it after queueing runs in the store, and once at the beginning. */
  pump(): void {
    if (this.#closing) return;
    this.#queued.forget();
    while (!this.#held && this.#countRunning() < this.limit) {
      const next = this.#next();
      if (next === undefined) break;
      this.#launch(next);
      this.#queued.forget();
    }
    this.#changed();
  }

  get limit(): number {
    const limit = this.#options.limit();
    return limit > 0 ? limit : Math.min(4, Math.max(1, Math.floor(availableParallelism() / 2)));
  }

  /** Reads the queue again: another process has changed the store. */
  refresh(): void {
    this.#queued.forget();
    this.#changed();
  }

  hold(held: boolean): void {
    this.#held = held;
    this.pump();
  }

  snapshot(): QueueSnapshot {
    const queued = this.#closing ? { total: 0, jobs: [] } : this.#queued.list();
    const waiting = [...[...this.#waiting.values()].map(({ info }) => ({ ...info })), ...queued.jobs].sort(
      (a, b) => b.priority - a.priority,
    );
    const running = [...this.#running.values()].map(({ info }) => ({ ...info }));
    return {
      number: this.#number,
      jobs: [...running, ...waiting, ...this.#ended],
      running: running.length,
      queued: queued.total + this.#waiting.size,
      limit: this.limit,
      held: this.#held,
      secondsLeft: this.#times.left(this.#running.values(), queued.total + this.#waiting.size, this.limit),
    };
  }

  /** Of the run's own job; null if it has none. */
  progressOf(run: string): Progress | null {
    return this.#running.get(run)?.info.progress ?? null;
  }

  isRunning(run: string): boolean {
    return this.#running.has(run);
  }

  /** Whether any job is running. */
  get busy(): boolean {
    return this.#running.size > 0;
  }

  /** Asks a running run to take a checkpoint and end; holds a queued one back. Raises a `conflict`. */
  pauseRun(run: RunRecord): void {
    const job = this.#running.get(run.id);
    if (job?.handle !== undefined && job.handle !== null) {
      job.handle.pause();
      job.info.stopping = true;
      this.#changed();
      return;
    }
    if (!this.#options.store.setRunStatus(run.id, 'paused', { from: ['queued'] })) throw refused(run, 'paused');
    this.#options.changes.note([run.id]);
    this.pump();
  }

  /** Ends a running run, takes a queued one out of the queue, gives a paused one up. Raises a `conflict`. */
  cancelRun(run: RunRecord): void {
    const job = this.#running.get(run.id);
    if (job !== undefined) {
      this.#stop(job);
      return;
    }
    if (!this.#options.store.setRunStatus(run.id, 'cancelled', { from: ['queued', 'paused'] })) {
      throw refused(run, 'cancelled');
    }
    this.#options.changes.note([run.id]);
    this.pump();
  }

  /** Queues a run to go on from its last checkpoint. Raises a `conflict`. Call `pump` afterwards. */
  resumeRun(run: RunRecord): void {
    if (!this.#options.store.setRunStatus(run.id, 'queued', { from: resumable })) throw refused(run, 'resumed');
    this.#options.changes.note([run.id]);
  }

  /** Queues a run to begin again; what it had recorded is taken back. Raises a `conflict`. Call `pump` afterwards. */
  retryRun(run: RunRecord): void {
    const { store, changes } = this.#options;
    store.transaction(() => {
      if (!store.setRunStatus(run.id, 'queued', { from: retriable })) throw refused(run, 'begun again');
      store.rewind(run.id, -1);
      store.pruneCheckpoints(run.id, 0);
      for (const each of store.measurements(run.id)) if (each.origin === 'schedule') store.deleteMeasurement(each.id);
    });
    changes.note([run.id]);
  }

  /** Queues a manual measurement. Returns the job's id. */
  measure(run: RunRecord, spec: MeasurementSpec, step: number | undefined, priority: number): string {
    const { store, changes, bus } = this.#options;
    const job = newJob('measure', `Measure ${spec.parameters.join(', ')} of ${run.name}`, run.id, priority, () => {
      const began = measureRun(store, run, spec, {
        ...this.#common(run),
        step,
        onEvent: (event) => {
          this.#onEvent(job, event);
          if (event.kind === 'measurement' || event.kind === 'measurement-failed') {
            changes.note([run.id]);
            bus.emit('measurements.changed', { run: run.id });
          }
        },
      });
      return { handle: began.job, done: began.done };
    });
    this.#waiting.set(job.info.id, job);
    this.pump();
    return job.info.id;
  }

  /** Starts longer work of this process at once. Returns the job's id and its outcome. */
  task<T>(
    title: string,
    work: (control: {
      readonly signal: AbortSignal;
      readonly progress: (stage: string, share: number) => void;
    }) => Promise<T>,
  ): { readonly id: string; readonly done: Promise<T> } {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    // The caller may not wait for it; the queue reports a failure.
    promise.catch(() => undefined);
    const began = performance.now();
    const job = newJob('task', title, null, 0, () => {
      const progress = (stage: string, share: number): void => {
        const seconds = (performance.now() - began) / 1000;
        const secondsLeft = share > 0.05 ? (seconds / share) * (1 - share) : null;
        job.info.progress = { stage, share, secondsLeft };
        this.#changed();
      };
      const done = work({ signal: job.abort.signal, progress });
      done.then(resolve, reject);
      return { handle: null, done };
    });
    this.#launch(job);
    return { id: job.info.id, done: promise };
  }

  /** Ends any job. Raises `not-found`. */
  cancelJob(id: string): void {
    const running = this.#running.get(id);
    const waiting = this.#waiting.get(id);
    if (running !== undefined) this.#stop(running);
    else if (waiting !== undefined) {
      this.#waiting.delete(id);
      this.#end(waiting, 'cancelled', null);
    } else {
      const run = this.#options.store.getRun(id);
      if (run === undefined) throw new FaultError('not-found', `there is no job ${id}; it may have ended`);
      this.cancelRun(run);
    }
  }

  /**
   * Ends everything: runs take a checkpoint and pause, and are killed if that takes longer than `grace` milliseconds (they are "interrupted" then).
   */
  async close(grace = 5000): Promise<void> {
    this.#closing = true;
    this.#waiting.clear();
    const jobs = [...this.#running.values()];
    for (const job of jobs) {
      if (job.info.kind === 'train') job.handle?.pause();
      else this.#stop(job);
    }
    const timer = setTimeout(() => {
      for (const job of jobs) job.handle?.kill();
    }, grace);
    await Promise.all(jobs.flatMap(({ done }) => (done === null ? [] : [done])));
    clearTimeout(timer);
    this.#tell.flush();
  }

  #countRunning(): number {
    return [...this.#running.values()].filter(({ info }) => info.kind !== 'task').length;
  }

  /** The waiting job of highest priority; of equal ones a measurement first, then by age. */
  #next(): Job | undefined {
    const { store } = this.#options;
    const waiting = [...this.#waiting.values()].reduce<Job | undefined>(
      (best, job) => (best === undefined || job.info.priority > best.info.priority ? job : best),
      undefined,
    );
    const [id] = store.queuedRuns();
    const run = id === undefined ? undefined : store.getRun(id);
    if (run !== undefined && (waiting === undefined || run.priority > waiting.info.priority))
      return this.#training(run);
    if (waiting !== undefined) this.#waiting.delete(waiting.info.id);
    return waiting;
  }

  #training(run: RunRecord): Job {
    const { store, changes, bus } = this.#options;
    let revision = 0;
    const job = newJob('train', run.name, run.id, run.priority, () => {
      const began = resumeRun(store, run, {
        ...this.#common(run),
        onEvent: (event) => {
          this.#onEvent(job, event);
          switch (event.kind) {
            case 'measurement':
            case 'measurement-failed':
              bus.emit('measurements.changed', { run: run.id });
              changes.note([run.id]);
              break;
            case 'prepared':
            case 'checkpoint':
            case 'metrics':
              changes.note([run.id]);
          }
        },
        onBatch: (batch) => {
          relayBatch(bus, run.id, revision, batch);
        },
      });
      // Taking points back, just now, may have changed it; nothing does while it runs.
      revision = store.getRun(run.id)?.revision ?? 0;
      return { handle: began.job, done: began.done };
    });
    Object.assign(job.info, { id: run.id, created: run.created });
    return job;
  }

  #common(run: RunRecord) {
    return {
      engine: sharedEngine(this.#options.engine(), this.limit),
      baseFolder: run.values['base_folder']?.text ?? this.#options.store.folder,
      launcher: this.#options.launcher,
      provenance: this.#options.provenance(),
    };
  }

  #onEvent(job: Job, event: JobEvent): void {
    job.info.pid = job.handle?.pid ?? null;
    if (event.kind === 'prepared' || event.kind === 'metrics') job.step = event.step;
    if (event.kind !== 'progress') return;
    const { stage, share, secondsLeft } = event;
    job.info.progress = { stage, share, secondsLeft };
    const { run } = job.info;
    if (run !== null && job.info.kind === 'train') {
      this.#options.bus.emit('run.progress', { ...job.info.progress, run, job: job.info.id, step: job.step });
    }
    this.#changed();
  }

  #launch(job: Job): void {
    const { store, changes } = this.#options;
    job.info.state = 'running';
    job.info.started = Date.now();
    this.#running.set(job.info.id, job);
    const { run, kind } = job.info;
    try {
      const { handle, done } = job.start();
      job.handle = handle;
      job.info.pid = handle?.pid ?? null;
      job.done = done.then(
        (end) => {
          this.#settle(job, end);
        },
        (error: unknown) => {
          this.#fail(job, error);
        },
      );
    } catch (error) {
      // Its experiment no longer parses, its data cannot be found: the run says so, the queue goes on.
      if (run !== null && kind === 'train') {
        if (store.getRun(run)?.status === 'running' && !store.isOwnRun(run)) {
          // Another process took it out of the queue first.
          this.#running.delete(job.info.id);
          return;
        }
        store.setRunStatus(run, 'failed', { error: messageOf(error) });
      }
      job.done = Promise.resolve();
      this.#fail(job, error);
    }
    if (run !== null && kind === 'train') changes.note([run]);
    this.#changed();
  }

  #stop(job: Job): void {
    job.info.stopping = true;
    job.abort.abort(new FaultError('cancelled', `${job.info.title} was cancelled`));
    job.handle?.cancel();
    this.#changed();
  }

  #settle(job: Job, result: unknown): void {
    if (job.handle === null) {
      this.#end(job, 'done', null);
      return;
    }
    const { state, error, notice } = outcomeOf(job, result as JobEnd, this.#closing);
    if (state === 'done' && job.info.kind === 'train' && job.info.started !== null)
      this.#times.add((Date.now() - job.info.started) / 1000);
    this.#end(job, state, error);
    if (notice !== null) this.#notice('error', notice, job.info.run);
  }

  #fail(job: Job, error: unknown): void {
    const cancelled = job.info.stopping && job.handle === null;
    this.#end(job, cancelled ? 'cancelled' : 'failed', cancelled ? null : messageOf(error));
    if (!cancelled) this.#notice('error', `${job.info.title}: ${messageOf(error)}`, job.info.run);
  }

  #end(job: Job, state: Exclude<JobInfo['state'], 'queued' | 'running'>, error: string | null): void {
    this.#running.delete(job.info.id);
    Object.assign(job.info, { state, error, ended: Date.now(), stopping: false, pid: null });
    this.#ended.unshift({ ...job.info });
    this.#ended.length = Math.min(this.#ended.length, keptEnded);
    if (job.info.run !== null) this.#options.changes.note([job.info.run]);
    this.pump();
  }

  #notice(level: 'info' | 'warning' | 'error', text: string, run: string | null): void {
    this.#options.bus.emit('notice', { level, text, run });
  }

  #changed(): void {
    this.#number++;
    this.#tell.request();
  }
}
