/**
 * One member on a compute node. Its store lies on the node's own disk and goes with the task; on the share stand only whole files, written one after the other. It
 * begins from the furthest snapshot that is whole, however the attempt before ended.
 */
import { createHash, randomBytes } from 'node:crypto';
import { createReadStream } from 'node:fs';
import * as fs from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import * as path from 'node:path';
import { codeOf } from '../../data/files.ts';
import { messageOf } from '../../shared/errors.ts';
import type { JobEnd } from '../jobs/host.ts';
import type { EngineOptions, JobEvent } from '../jobs/protocol.ts';
import { onPauseSignal, pausedStatus } from '../jobs/signals.ts';
import { gatherProvenance } from '../provenance.ts';
import { unpackRunFile, writeRunFile } from '../services/run-file.ts';
import { resumeRun, startRun } from '../services/runs.ts';
import type { StartedRun } from '../services/runs.ts';
import { openStore } from '../store/index.ts';
import type { Store } from '../store/index.ts';
import { memberPlaces } from './layout.ts';
import type { MemberPlaces } from './layout.ts';
import type { Plan } from './plan.ts';
import { readPlan, sweepOfPlan } from './plan.ts';
import { runCommand } from './slurm.ts';
import { frozenRun, removeSnapshots, restoreSnapshot, writeSnapshot } from './snapshots.ts';
import { makeRoomForFault, readAttempts, readDone, writeFault, writeJson } from './state.ts';
import type { Attempt, MemberState } from './state.ts';

export interface TaskPlace {
  readonly member: number;
  readonly round: number;
}

/** Attempts of one round, and deaths of a worker in one attempt, that may begin from the same state. */
const mostInVain = 3;
/** Milliseconds that a run has to pause after a warning, and after a termination, which Slurm follows with SIGKILL. */
const graceAfterWarning = 60_000;
const graceAfterTermination = 20_000;
/** Milliseconds to wait for a checkpoint that was asked for before the last one is written instead. */
const checkpointPatience = 20_000;

/** Runs a member to its end, or to the next attempt. Answers the exit status of the task. */
export async function runTask(folder: string, place: TaskPlace): Promise<number> {
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

/** Whether a finished run is there, whole. */
export async function isDone(places: MemberPlaces): Promise<boolean> {
  const done = await readDone(places);
  if (done === null) return false;
  try {
    return (await fs.stat(places.run)).size === done.bytes && (await fileHash(places.run)) === done.sha256;
  } catch {
    return false;
  }
}

export async function fileHash(file: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(file, { highWaterMark: 2 ** 20 })) hash.update(chunk as Buffer);
  return hash.digest('hex');
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

class Task {
  readonly #plan: Plan;
  readonly #place: TaskPlace;
  readonly #places: MemberPlaces;
  readonly #store: Store;
  readonly #state: Mutable<MemberState>;
  readonly #attempt: Attempt;
  #current: StartedRun | null = null;
  #signal: NodeJS.Signals | null = null;
  #superseded = false;
  #snapshotDue = false;
  #lastSnapshot = Date.now();
  /** Writing to the share is one thing after the other. */
  #writing: Promise<void> = Promise.resolve();

  constructor(plan: Plan, place: TaskPlace, places: MemberPlaces, store: Store) {
    this.#plan = plan;
    this.#place = place;
    this.#places = places;
    this.#store = store;
    const restart = Number(process.env['SLURM_RESTART_COUNT'] ?? 0);
    const job = jobName(process.env);
    const node = process.env['SLURMD_NODENAME'] ?? hostname();
    const { round } = place;
    this.#attempt = { round, restart, job, node, time: Date.now(), from_step: 0, from_measurements: 0 };
    this.#state = {
      format: 'covature-member-state',
      version: 1,
      state: 'starting',
      reason: null,
      fault: null,
      time: Date.now(),
      round,
      restart,
      attempt: 1,
      job,
      node,
      step: 0,
      steps: null,
      stage: 'starting',
      share: 0,
      seconds_left: null,
      metrics: {},
      snapshot_step: null,
    };
  }

  get #run(): string {
    return this.#plan.members[this.#place.member - 1].run;
  }

  async run(): Promise<number> {
    const stopListening = onPauseSignal((signal) => {
      this.#onSignal(signal);
    });
    const heartbeat = setInterval(() => void this.#beat(), 1000 * this.#plan.heartbeat_seconds);
    const snapshots = setInterval(() => {
      this.#askForSnapshot();
    }, 1000 * this.#plan.snapshot_seconds);
    try {
      await makeRoomForFault(this.#places).catch((error: unknown) => {
        this.#say(messageOf(error));
      });
      const restored = await restoreSnapshot(this.#store, this.#places.folder, (text) => {
        this.#say(text);
        this.#state.fault = text;
      });
      const refusal = await this.#begin(restored);
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

  /** Notes the attempt. Answers why it is given up, or null. */
  async #begin(restored: { readonly step: number; readonly measurements: number } | null): Promise<string | null> {
    const attempt = {
      ...this.#attempt,
      from_step: restored?.step ?? 0,
      from_measurements: restored?.measurements ?? 0,
    };
    const { round, restart } = attempt;
    const before = (await readAttempts(this.#places)).filter((each) => each.round === round);
    this.#state.attempt = before.length + 1;
    this.#state.step = attempt.from_step;
    this.#state.snapshot_step = restored?.step ?? null;
    const name = `round-${round}-restart-${restart}-${randomBytes(4).toString('hex')}.json`;
    await this.#guarded(() => writeJson(path.join(this.#places.attempts, name), attempt));
    await this.#writeState();
    const last = before.slice(-mostInVain);
    const isInVain = (each: Attempt): boolean =>
      each.from_step === attempt.from_step && each.from_measurements === attempt.from_measurements;
    if (last.length === mostInVain && last.every(isInVain))
      return `${mostInVain} attempts began at step ${attempt.from_step} and none came further; see the logs, and give it more time or memory`;
    return null;
  }

  async #toTheEnd(): Promise<number> {
    let inVain = 0;
    let from = -1;
    for (;;) {
      const started = this.#start();
      this.#current = started;
      this.#state.state = 'running';
      if (this.#signal !== null) this.#onSignal(this.#signal);
      const end = await started.done;
      this.#current = null;
      const record = this.#store.getRun(this.#run);
      if (this.#superseded) {
        this.#say('a newer attempt of this member runs; this one ends');
        return 0;
      }
      if (record?.status === 'done' || record?.status === 'diverged') return await this.#finish(record.status);
      if (this.#signal !== null || record?.status === 'paused') return await this.#pause();
      const message = this.#reasonOf(end);
      if (end.kind !== 'lost') return await this.#fail(message);
      // Its worker died: from the last checkpoint, here and now, as long as it comes further.
      const step = this.#store.lastCheckpoint(this.#run)?.step ?? 0;
      inVain = step > from ? 1 : inVain + 1;
      from = step;
      this.#say(message);
      this.#state.fault = message;
      if (inVain >= mostInVain) return await this.#fail(`the worker died ${inVain} times at step ${step}: ${message}`);
    }
  }

  #start(): StartedRun {
    const plan = this.#plan;
    const store = this.#store;
    const options = {
      engine: this.#engine(),
      baseFolder: plan.base_folder,
      dataFolder: plan.data_folder,
      provenance: { ...gatherProvenance(), slurm: { job: this.#state.job, node: this.#state.node } },
      onEvent: (event: JobEvent) => {
        this.#onEvent(event);
      },
    };
    const record = store.getRun(this.#run);
    if (record !== undefined) return resumeRun(store, record, options);
    const { experiment } = sweepOfPlan(plan).at(this.#place.member - 1);
    return startRun(store, experiment, { ...options, id: this.#run });
  }

  #engine(): EngineOptions {
    const { blas, threads, library_threads: libraryThreads, backend } = this.#plan;
    return { blas, threads, libraryThreads, backend, memoryLimit: 0 };
  }

  #reasonOf(end: JobEnd): string {
    return end.kind === 'failed'
      ? end.event.message
      : end.kind === 'lost'
        ? end.message
        : `it ended as ${end.event.outcome}`;
  }

  #onSignal(signal: NodeJS.Signals): void {
    // Told to end while it pauses for the queue, it has less time and does not go there.
    if (this.#signal !== 'SIGTERM') this.#signal = signal;
    this.#current?.job.pause(signal === 'SIGTERM' ? graceAfterTermination : graceAfterWarning);
  }

  #onEvent(event: JobEvent): void {
    const state = this.#state;
    switch (event.kind) {
      case 'prepared':
        state.steps = event.steps;
        state.step = event.step;
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
        // What took its time is not to be measured twice.
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
      await this.#guarded(() => this.#writeSnapshot());
    });
  }

  async #writeSnapshot(): Promise<void> {
    if (this.#store.lastCheckpoint(this.#run) === undefined) return;
    const { step } = await writeSnapshot(this.#store, this.#run, this.#places.folder);
    this.#state.snapshot_step = step;
  }

  async #beat(): Promise<void> {
    await this.#guarded(() => this.#writeState());
    const { round, restart } = this.#attempt;
    const attempts = await readAttempts(this.#places).catch(() => []);
    if (!attempts.some((each) => each.round > round || (each.round === round && each.restart > restart))) return;
    this.#superseded = true;
    this.#current?.job.kill();
  }

  async #writeState(): Promise<void> {
    if (this.#superseded) return;
    this.#state.time = Date.now();
    await writeJson(this.#places.state, this.#state);
  }

  /** A fault of the share does not stop the run: it is told of, and the next writing may succeed. */
  async #guarded(work: () => Promise<void>): Promise<boolean> {
    try {
      await work();
      if (this.#state.fault !== null && this.#state.fault.startsWith(shareFault)) {
        this.#state.fault = null;
        await writeFault(this.#places, '');
      }
      return true;
    } catch (error) {
      const text = `${shareFault}${messageOf(error)}`;
      this.#state.fault = text;
      this.#say(text);
      await writeFault(this.#places, text).catch(() => undefined);
      return false;
    }
  }

  async #pause(): Promise<number> {
    const state = this.#state;
    state.state = 'paused';
    state.step = this.#store.lastCheckpoint(this.#run)?.step ?? state.step;
    const isWarned = this.#signal === 'SIGUSR1' || this.#signal === 'SIGUSR2';
    state.reason = isWarned ? 'its time is nearly over; it goes on in the queue' : 'it was told to end';
    await this.#writing;
    await this.#guarded(() => this.#writeSnapshot());
    await this.#guarded(() => this.#writeState());
    if (!isWarned) return pausedStatus;
    const { status, stderr } = await runCommand('scontrol', ['requeue', this.#state.job], { timeout: 30_000 });
    if (status !== 0) {
      state.reason = `it could not be put into the queue again (${stderr}); "covature cluster resubmit" goes on`;
      await this.#guarded(() => this.#writeState());
    }
    return pausedStatus;
  }

  async #fail(reason: string): Promise<number> {
    this.#say(reason);
    this.#state.state = 'failed';
    this.#state.reason = reason;
    await this.#writing;
    if (this.#store.getRun(this.#run) !== undefined) await this.#guarded(() => this.#writeSnapshot());
    await this.#guarded(() => this.#writeState());
    return 1;
  }

  /** The run's file, then the word that it is whole. */
  async #finish(status: string): Promise<number> {
    await this.#writing;
    const began = Date.now();
    for (let pause = 1000; ; pause = Math.min(2 * pause, 60_000)) {
      if (await this.#guarded(() => this.#writeFinished(status))) break;
      if (this.#signal !== null || Date.now() - began > 1000 * this.#plan.snapshot_seconds)
        return await this.#fail(this.#state.fault ?? 'the finished run cannot be written');
      await new Promise((resolve) => setTimeout(resolve, pause));
    }
    this.#state.state = 'done';
    this.#state.share = 1;
    this.#state.stage = status;
    await this.#guarded(() => this.#writeState());
    await removeSnapshots(this.#places.folder);
    return 0;
  }

  async #writeFinished(status: string): Promise<void> {
    const { run, done, folder } = this.#places;
    const record = this.#store.getRun(this.#run);
    // Another attempt may end at the same time: whoever comes first counts, and both runs are the same.
    if (!(await this.#isWhole(run))) {
      const { exported, folder: held } = frozenRun(this.#store, this.#run);
      const temporary = path.join(folder, `.run-${randomBytes(6).toString('hex')}`);
      try {
        await writeRunFile(exported, temporary);
        await fs.link(temporary, run).catch(async (error: unknown) => {
          if (codeOf(error) !== 'EEXIST') await fs.rename(temporary, run);
          else if (!(await this.#isWhole(run))) await fs.rename(temporary, run);
        });
      } finally {
        await fs.rm(temporary, { force: true });
        await fs.rm(held, { recursive: true, force: true });
      }
    }
    await writeJson(done, {
      format: 'covature-member-done',
      version: 1,
      run: this.#run,
      file: 'run.covature',
      bytes: (await fs.stat(run)).size,
      sha256: await fileHash(run),
      status,
      step: record?.step ?? 0,
      time: Date.now(),
      job: this.#state.job,
      node: this.#state.node,
      metrics: this.#state.metrics,
    });
  }

  /** Whether a finished run lies there that can be read to its end. */
  async #isWhole(file: string): Promise<boolean> {
    const folder = this.#store.stagingPath('check');
    try {
      const { document } = await unpackRunFile(file, folder);
      return (document as { readonly id?: unknown }).id === this.#run;
    } catch {
      return false;
    } finally {
      await fs.rm(folder, { recursive: true, force: true });
    }
  }

  #say(text: string): void {
    process.stderr.write(`${new Date().toISOString()} member ${this.#place.member}: ${text}\n`);
  }
}

const shareFault = 'the shared folder: ';

/** "12_7" of a task of an array, "12" of a job by itself. */
function jobName(environment: NodeJS.ProcessEnv): string {
  const { SLURM_ARRAY_JOB_ID: array, SLURM_ARRAY_TASK_ID: index, SLURM_JOB_ID: job } = environment;
  return array !== undefined && index !== undefined ? `${array}_${index}` : (job ?? '');
}
