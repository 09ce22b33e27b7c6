/**
 * One member on a compute node. Its store is on the node's own disk and disappears with the task; the shared disk holds only complete files, written one after the other. It
 * starts from the furthest complete snapshot, however the previous attempt ended.
 */
import * as fs from 'node:fs/promises';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { messageOf } from '../../shared/errors.ts';
import type { JobEnd } from '../jobs/host.ts';
import type { EngineOptions, JobEvent } from '../jobs/protocol.ts';
import { onPauseSignal, pausedStatus } from '../jobs/signals.ts';
import { gatherProvenance } from '../provenance.ts';
import { resumeRun, startRun } from '../services/runs.ts';
import type { StartedRun } from '../services/runs.ts';
import { openStore } from '../store/index.ts';
import type { Store } from '../store/index.ts';
import { isDone, writeFinished } from './finished.ts';
import { memberPlaces } from './layout.ts';
import type { MemberPlaces } from './layout.ts';
import { MemberRecord } from './member-record.ts';
import type { TaskPlace } from './member-record.ts';
import type { Plan } from './plan.ts';
import { readPlan, sweepOfPlan } from './plan.ts';
import { runCommand } from './slurm.ts';
import { removeSnapshots, restoreSnapshot, writeSnapshot } from './snapshots.ts';

/** How often in a row a worker may die at the same step within one attempt. */
const mostDeaths = 3;
/** Milliseconds that a run has to pause after a warning, and after a termination, which Slurm follows with SIGKILL. */
const graceAfterWarning = 60_000;
const graceAfterTermination = 20_000;
/** Milliseconds for which a finished run waits for space on the shared disk. */
const finishPatience = 600_000;
/** Milliseconds to wait for a checkpoint that was asked for before the last one is written instead. */
const checkpointPatience = 20_000;

/** Runs a member to its end, or to the next attempt. Returns the exit status of the task. */
export async function runMember(folder: string, place: TaskPlace): Promise<number> {
  const plan = await readPlan(folder);
  const places = memberPlaces(folder, place.member);
  if (await isDone(places)) return 0;
  await fs.mkdir(places.attempts, { recursive: true });
  const scratch = await fs.mkdtemp(path.join(process.env['SLURM_TMPDIR'] ?? tmpdir(), 'covature-task-'));
  try {
    using store = openStore(scratch);
    const task = new Task(plan, place, places, store);
    return await task.run();
  } finally {
    await fs.rm(scratch, { recursive: true, force: true });
  }
}

class Task {
  readonly #plan: Plan;
  readonly #member: number;
  readonly #places: MemberPlaces;
  readonly #store: Store;
  readonly #record: MemberRecord;
  #current: StartedRun | null = null;
  #signal: NodeJS.Signals | null = null;
  #snapshotDue = false;
  #lastSnapshot = Date.now();
  /** Snapshots are written one after the other. */
  #writing: Promise<void> = Promise.resolve();

  constructor(plan: Plan, place: TaskPlace, places: MemberPlaces, store: Store) {
    this.#plan = plan;
    this.#member = place.member;
    this.#places = places;
    this.#store = store;
    this.#record = new MemberRecord(place, places);
  }

  get #run(): string {
    return this.#plan.members[this.#member - 1].run;
  }

  async run(): Promise<number> {
    const record = this.#record;
    const stopListening = onPauseSignal((signal) => {
      this.#onSignal(signal);
    });
    const heartbeat = setInterval(() => void this.#beat(), 1000 * this.#plan.heartbeat_seconds);
    const snapshots = setInterval(() => {
      this.#askForSnapshot();
    }, 1000 * this.#plan.snapshot_seconds);
    try {
      const restored = await restoreSnapshot(this.#store, this.#places, (text) => {
        record.say(text);
        record.state.fault = text;
      });
      const refusal = await record.begin(restored);
      if (refusal !== null) return await this.#fail(refusal);
      return await this.#toTheEnd();
    } catch (error) {
      return await this.#fail(messageOf(error));
    } finally {
      clearInterval(heartbeat);
      clearInterval(snapshots);
      stopListening();
      await this.#writing;
    }
  }

  async #toTheEnd(): Promise<number> {
    const { state } = this.#record;
    let deaths = 0;
    let from = -1;
    for (;;) {
      const started = this.#start();
      this.#current = started;
      state.state = 'running';
      if (this.#signal !== null) this.#onSignal(this.#signal);
      const end = await started.done;
      this.#current = null;
      const record = this.#store.getRun(this.#run);
      if (record?.status === 'done' || record?.status === 'diverged') return await this.#finish(record.status);
      if (await this.#isSuperseded()) return 0;
      if (this.#signal !== null || record?.status === 'paused') return await this.#pause();
      const message = reasonOf(end);
      if (end.kind !== 'lost') return await this.#fail(message);
      // Its worker died: it is resumed here from the last checkpoint, as long as it makes progress.
      const step = this.#store.lastCheckpoint(this.#run)?.step ?? 0;
      deaths = step > from ? 1 : deaths + 1;
      from = step;
      this.#record.say(message);
      state.fault = message;
      if (deaths >= mostDeaths)
        return await this.#fail(
          `the worker died ${deaths} times at step ${step}; resubmit it with more memory (--mem): ${message}`,
        );
    }
  }

  #start(): StartedRun {
    const plan = this.#plan;
    const store = this.#store;
    const { job, node } = this.#record.state;
    const options = {
      engine: this.#engine(),
      baseFolder: plan.base_folder,
      dataFolder: plan.data_folder,
      provenance: { ...gatherProvenance(), slurm: { job, node } },
      onEvent: (event: JobEvent) => {
        this.#onEvent(event);
      },
    };
    const record = store.getRun(this.#run);
    if (record !== undefined) return resumeRun(store, record, options);
    const { experiment } = sweepOfPlan(plan).at(this.#member - 1);
    return startRun(store, experiment, { ...options, id: this.#run });
  }

  #engine(): EngineOptions {
    const { blas, threads, library_threads: libraryThreads, backend } = this.#plan;
    return { blas, threads, libraryThreads, backend, memoryLimit: 0 };
  }

  #onSignal(signal: NodeJS.Signals): void {
    // If told to end while pausing to be requeued, it has less time and is not requeued.
    if (this.#signal !== 'SIGTERM') this.#signal = signal;
    this.#current?.job.pause(signal === 'SIGTERM' ? graceAfterTermination : graceAfterWarning);
  }

  #onEvent(event: JobEvent): void {
    const { state } = this.#record;
    switch (event.kind) {
      case 'prepared':
        state.steps = event.steps;
        state.step = event.step;
        void this.#beat();
        break;
      case 'metrics':
        state.step = event.step;
        for (const [name, { values }] of Object.entries(event.series)) {
          const last = values.at(-1);
          if (last !== undefined) state.metrics[name] = last;
        }
        break;
      case 'progress':
        state.stage = event.stage;
        state.share = event.share;
        state.seconds_left = event.secondsLeft;
        break;
      case 'checkpoint':
        if (this.#snapshotDue) this.#snapshot();
        break;
      case 'measurement':
        // A long measurement should not be made twice.
        if (Date.now() - this.#lastSnapshot > 60_000) this.#snapshot();
        break;
    }
  }

  #askForSnapshot(): void {
    if (this.#current === null || this.#snapshotDue) return;
    this.#snapshotDue = true;
    this.#current.job.checkpoint();
    setTimeout(() => {
      if (this.#snapshotDue && this.#current !== null) this.#snapshot();
    }, checkpointPatience).unref();
  }

  #snapshot(): void {
    this.#snapshotDue = false;
    this.#lastSnapshot = Date.now();
    this.#writing = this.#writing.then(async () => {
      await this.#record.guarded(() => this.#writeSnapshot());
    });
  }

  async #writeSnapshot(): Promise<void> {
    if (this.#store.lastCheckpoint(this.#run) === undefined) return;
    const { step } = await writeSnapshot(this.#store, this.#run, this.#places);
    this.#record.state.snapshot_step = step;
  }

  async #beat(): Promise<void> {
    await this.#record.write();
    if (await this.#record.isSuperseded()) this.#current?.job.kill();
  }

  async #isSuperseded(): Promise<boolean> {
    if (!(await this.#record.isSuperseded())) return false;
    this.#record.say('a newer attempt of this member runs; this one ends');
    return true;
  }

  async #pause(): Promise<number> {
    const record = this.#record;
    const { state } = record;
    state.state = 'paused';
    state.step = this.#store.lastCheckpoint(this.#run)?.step ?? state.step;
    const isWarned = this.#signal === 'SIGUSR1' || this.#signal === 'SIGUSR2';
    state.reason = isWarned ? 'its time is nearly over; it is requeued and continues later' : 'it was told to end';
    await this.#writing;
    await record.guarded(() => this.#writeSnapshot());
    await record.write();
    // The job is the newer attempt's if there is one.
    if (!isWarned || (await this.#isSuperseded())) return pausedStatus;
    const { status, stderr } = await runCommand('scontrol', ['requeue', state.job], { timeout: 30_000 });
    if (status !== 0) {
      state.reason = `it could not be requeued (${stderr}); "covature cluster resubmit" continues it`;
      await record.write();
    }
    return pausedStatus;
  }

  async #fail(reason: string): Promise<number> {
    const record = this.#record;
    record.say(reason);
    record.state.state = 'failed';
    record.state.reason = reason;
    await this.#writing;
    if (this.#store.getRun(this.#run) !== undefined) await record.guarded(() => this.#writeSnapshot());
    await record.write();
    return 1;
  }

  /** Writes the run's file, then the file that confirms that it is complete. */
  async #finish(status: string): Promise<number> {
    const record = this.#record;
    const { job, node, metrics } = record.state;
    await this.#writing;
    const began = Date.now();
    for (let pause = 1000; ; pause = Math.min(2 * pause, 60_000)) {
      const facts = { status, job, node, metrics };
      if (await record.guarded(() => writeFinished(this.#store, this.#run, this.#places, facts))) break;
      if (this.#signal !== null || Date.now() - began > finishPatience)
        return await this.#fail(record.state.fault ?? 'the finished run cannot be written');
      await new Promise((resolve) => setTimeout(resolve, pause));
    }
    record.state.state = 'done';
    record.state.share = 1;
    record.state.stage = status;
    await record.write();
    await removeSnapshots(this.#places);
    return 0;
  }
}

function reasonOf(end: JobEnd): string {
  switch (end.kind) {
    case 'failed':
      return end.event.message;
    case 'lost':
      return end.message;
    case 'ended':
      return `it ended as ${end.event.outcome}`;
    default:
      end satisfies never;
      throw new Error('unknown end of a job');
  }
}
