/** What a task writes about itself on the shared disk: its attempt, state.json with a heartbeat, and faults of the disk, which do not stop the run. */
import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import * as path from 'node:path';
import { messageOf } from '../../shared/errors.ts';
import type { MemberPlaces } from './layout.ts';
import { makeRoomForFault, readAttempts, writeFault, writeJson } from './state.ts';
import type { Attempt, MemberState } from './state.ts';
import type { Mutable } from '../../shared/defined.ts';

export interface TaskPlace {
  readonly member: number;
  readonly round: number;
}

/** Attempts of one round that may begin from the same state. */
const mostInVain = 3;
const shareFault = 'the shared folder: ';

export class MemberRecord {
  /** The state that the next `write` writes. */
  readonly state: Mutable<MemberState>;
  readonly #member: number;
  readonly #places: MemberPlaces;
  #isSuperseded = false;

  constructor({ member, round }: TaskPlace, places: MemberPlaces, environment = process.env) {
    this.#member = member;
    this.#places = places;
    this.state = {
      format: 'covature-member-state',
      version: 1,
      state: 'starting',
      reason: null,
      fault: null,
      time: Date.now(),
      round,
      restart: Number(environment['SLURM_RESTART_COUNT'] ?? 0),
      attempt: 1,
      job: jobName(environment),
      node: environment['SLURMD_NODENAME'] ?? hostname(),
      step: 0,
      steps: null,
      stage: 'starting',
      share: 0,
      seconds_left: null,
      metrics: {},
      snapshot_step: null,
    };
  }

  /** Notes the attempt and where it begins; null: from nothing. Returns why the member is given up, or null. */
  async begin(from: { readonly step: number; readonly measurements: number } | null): Promise<string | null> {
    const { round, restart, job, node } = this.state;
    const attempt: Attempt = {
      round,
      restart,
      job,
      node,
      time: Date.now(),
      from_step: from?.step ?? 0,
      from_measurements: from?.measurements ?? 0,
    };
    const before = (await readAttempts(this.#places)).filter((each) => each.round === round);
    this.state.attempt = before.length + 1;
    this.state.step = attempt.from_step;
    this.state.snapshot_step = from?.step ?? null;
    await this.guarded(() => makeRoomForFault(this.#places));
    const name = `round-${round}-restart-${restart}-${randomBytes(4).toString('hex')}.json`;
    await this.guarded(() => writeJson(path.join(this.#places.attempts, name), attempt));
    await this.write();
    const last = before.slice(-mostInVain);
    const isInVain = (each: Attempt): boolean =>
      each.from_step === attempt.from_step && each.from_measurements === attempt.from_measurements;
    if (last.length === mostInVain && last.every(isInVain))
      return `${mostInVain} attempts started at step ${attempt.from_step} and none got further; see the logs, and give it more time or memory`;
    return null;
  }

  /** Writes state.json, unless a newer attempt of the member has begun: then the state is that one's. */
  async write(): Promise<void> {
    if (await this.isSuperseded()) return;
    this.state.time = Date.now();
    await this.guarded(() => writeJson(this.#places.state, this.state));
  }

  /** Whether a newer attempt of the member has begun, for example if a node was given up while its tasks kept running. */
  async isSuperseded(): Promise<boolean> {
    if (this.#isSuperseded) return true;
    const { round, restart } = this.state;
    const attempts = await readAttempts(this.#places).catch(() => []);
    this.#isSuperseded = attempts.some(
      (each) => each.round > round || (each.round === round && each.restart > restart),
    );
    return this.#isSuperseded;
  }

  /** A fault of the shared disk does not stop the run: it is reported, and the next write may succeed. Returns whether this one did. */
  async guarded(work: () => Promise<void>): Promise<boolean> {
    const { state } = this;
    try {
      await work();
      if (state.fault?.startsWith(shareFault) === true) {
        state.fault = null;
        await writeFault(this.#places, '');
      }
      return true;
    } catch (error) {
      const text = `${shareFault}${messageOf(error)}`;
      state.fault = text;
      this.say(text);
      await writeFault(this.#places, text).catch(() => undefined);
      return false;
    }
  }

  /** A line in the log of the task. */
  say(text: string): void {
    process.stderr.write(`${new Date().toISOString()} member ${this.#member}: ${text}\n`);
  }
}

/** "12_7" of a task of an array, "12" of a job by itself. */
function jobName(environment: NodeJS.ProcessEnv): string {
  const { SLURM_ARRAY_JOB_ID: array, SLURM_ARRAY_TASK_ID: index, SLURM_JOB_ID: job } = environment;
  return array !== undefined && index !== undefined ? `${array}_${index}` : (job ?? '');
}
