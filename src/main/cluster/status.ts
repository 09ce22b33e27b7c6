/** The state of a sweep: what its files say, and what Slurm adds. If Slurm does not answer, the state is unknown, never failed. */
import * as fs from 'node:fs/promises';
import * as v from 'valibot';
import { writeFileAtomic } from '../../data/files.ts';
import type { MemberReport, MemberStatus, SweepReport } from '../../shared/contract/index.ts';
import { memberPlaces, queueFile, readJsonOrNull } from './layout.ts';
import { readSubmissions } from './jobs-log.ts';
import type { Submission } from './jobs-log.ts';
import { optionOf } from './partition.ts';
import { readPlan } from './plan.ts';
import type { Plan } from './plan.ts';
import { askAccounting, askQueue, isLive } from './slurm.ts';
import type { QueuedTask } from './slurm.ts';
import { readAttempts, readDone, readFault, readState } from './state.ts';
import type { MemberDone, MemberState } from './state.ts';

/** Files read at once. */
const readers = 32;

export async function sweepStatus(folder: string, now = Date.now()): Promise<SweepReport> {
  const plan = await readPlan(folder);
  const submissions = await readSubmissions(folder);
  const names = submissions.filter((each) => each.refused === null).map((each) => each.name);
  const [answer, files, seen] = await Promise.all([
    askQueue(names),
    readMembers(folder, plan),
    readJsonOrNull(queueFile(folder)),
  ]);
  const last = v.safeParse(v.object({ time: v.number() }), seen);
  let since = last.success ? last.output.time : null;
  if (answer.ok && names.length > 0) {
    since = now;
    // A full or read-only disk does not affect the answer.
    await writeFileAtomic(queueFile(folder), `${JSON.stringify({ time: now })}\n`).catch(() => undefined);
  }
  const tasks = answer.ok ? tasksOf(answer.tasks, submissions) : null;
  const forgotten =
    answer.ok && files.some(({ state, done }, i) => done === null && state !== null && tasks?.get(i + 1) === undefined);
  const jobs = [...new Set(submissions.flatMap((each) => each.job ?? []))];
  const accounting = forgotten ? await askAccounting(jobs) : null;
  const members = files.map((own, i) => reportOf(plan, i + 1, own, { tasks, submissions, accounting, now }));
  const counts: Partial<Record<MemberStatus, number>> = {};
  for (const { status } of members) counts[status] = (counts[status] ?? 0) + 1;
  const pilot = answer.ok
    ? answer.tasks.find((task) => task.name === submissions.find((each) => each.round === 0)?.name)
    : undefined;
  const options = submissions.findLast((each) => each.round > 0)?.options ?? [];
  return {
    folder,
    name: plan.name,
    members,
    counts,
    slurm: { answers: answer.ok, error: answer.ok ? null : answer.error, since },
    pilot: pilot === undefined ? null : pilot.state,
    asked: { time: optionOf(options, 'time', 't') ?? null, memory: optionOf(options, 'mem') ?? null },
  };
}

interface MemberFiles {
  readonly state: MemberState | null;
  readonly done: MemberDone | null;
  readonly fault: string | null;
  readonly attempts: number;
}

async function readMembers(folder: string, plan: Plan): Promise<MemberFiles[]> {
  const files: MemberFiles[] = [];
  const begun = new Set(await fs.readdir(`${folder}/members`).catch(() => []));
  let next = 0;
  const read = async (): Promise<void> => {
    for (let i = next++; i < plan.members.length; i = next++) {
      const places = memberPlaces(folder, i + 1);
      if (!begun.has(String(i + 1).padStart(4, '0'))) {
        files[i] = { state: null, done: null, fault: null, attempts: 0 };
        continue;
      }
      const done = await readDone(places);
      const isThere = done !== null && (await fs.stat(places.run).catch(() => null))?.size === done.bytes;
      const state = await readState(places);
      const attempts = state === null ? (await readAttempts(places)).length : state.attempt;
      files[i] = { state, done: isThere ? done : null, fault: isThere ? null : await readFault(places), attempts };
    }
  };
  await Promise.all(Array.from({ length: readers }, read));
  return files;
}

/** The newest task of each member that the queue knows; a live one before any that ended. */
function tasksOf(tasks: readonly QueuedTask[], submissions: readonly Submission[]): Map<number, QueuedTask> {
  const byName = new Map(submissions.map((each) => [each.name, each]));
  const byMember = new Map<number, { task: QueuedTask; round: number }>();
  for (const task of tasks) {
    const submission = byName.get(task.name);
    if (submission === undefined || submission.round === 0 || task.index === null) continue;
    const member = task.index + submission.offset;
    const other = byMember.get(member);
    const isBetter =
      other === undefined ||
      (isLive(task.state) && !isLive(other.task.state)) ||
      (isLive(task.state) === isLive(other.task.state) && submission.round > other.round);
    if (isBetter) byMember.set(member, { task, round: submission.round });
  }
  return new Map([...byMember].map(([member, { task }]) => [member, task]));
}

interface Known {
  /** Null: Slurm does not answer. */
  readonly tasks: ReadonlyMap<number, QueuedTask> | null;
  readonly submissions: readonly Submission[];
  readonly accounting: ReadonlyMap<string, string> | null;
  readonly now: number;
}

function reportOf(
  plan: Plan,
  member: number,
  { state, done, fault, attempts }: MemberFiles,
  known: Known,
): MemberReport {
  const task = known.tasks?.get(member);
  const submitted = known.submissions.findLast(
    (each) => each.round > 0 && each.refused === null && each.members.has(member),
  );
  const { status, reason } =
    done !== null
      ? { status: 'done' as const, reason: null }
      : statusOf(state, task, submitted, known, plan.heartbeat_seconds);
  return {
    member,
    run: plan.members[member - 1].run,
    status,
    reason,
    fault: fault ?? (done === null ? (state?.fault ?? null) : null),
    job: done?.job ?? (task === undefined ? (state?.job ?? null) : `${task.job}_${task.index}`),
    node: done?.node ?? task?.node ?? (status === 'running' ? (state?.node ?? null) : null),
    attempt: attempts,
    step: done?.step ?? state?.step ?? 0,
    steps: state?.steps ?? null,
    share: done === null ? (state?.share ?? 0) : 1,
    stage: done === null ? (state?.stage ?? null) : done.status,
    secondsLeft: status === 'running' ? (state?.seconds_left ?? null) : null,
    seen: done?.time ?? state?.time ?? null,
    metrics: done?.metrics ?? state?.metrics ?? {},
    file: done === null ? null : { bytes: done.bytes, sha256: done.sha256 },
  };
}

function statusOf(
  state: MemberState | null,
  task: QueuedTask | undefined,
  submitted: Submission | undefined,
  { tasks, accounting, now }: Known,
  heartbeat: number,
): { readonly status: MemberStatus; readonly reason: string | null } {
  if (submitted === undefined) return { status: 'not-submitted', reason: null };
  const isFresh = state !== null && now - state.time < 1000 * Math.max(60, 4 * heartbeat);
  const ofThisRound = state !== null && state.round === submitted.round ? state : null;
  if (task !== undefined && isLive(task.state)) {
    const reason = task.reason === 'None' || task.reason === '' ? null : task.reason;
    if (task.state === 'PENDING') return { status: 'waiting', reason: reason ?? ofThisRound?.reason ?? null };
    return { status: 'running', reason: null };
  }
  const words = task?.state ?? (state === null ? undefined : accounting?.get(state.job));
  if (ofThisRound?.state === 'failed')
    return {
      status: 'failed',
      // Its own message may be that of a worker that was killed, and not say why.
      reason: isOutOfMemory(words) ? `${endText(words)} (${ofThisRound.reason})` : ofThisRound.reason,
    };
  if (isFresh && ofThisRound !== null && (ofThisRound.state === 'running' || ofThisRound.state === 'starting')) {
    const ended = task === undefined || task.state === 'COMPLETED' ? null : task;
    if (ended === null) return { status: 'running', reason: null };
  }
  if (tasks === null) return { status: 'unknown', reason: 'Slurm does not answer' };
  if (submitted.cancelled) return { status: 'cancelled', reason: null };
  if (ofThisRound?.state === 'paused')
    return {
      status: 'paused',
      reason: words === undefined || words === 'FAILED' ? ofThisRound.reason : endText(words),
    };
  // Submitted a moment ago, or its id was never seen: the queue may not know it yet.
  if (task === undefined && now - submitted.time < 10_000) return { status: 'waiting', reason: null };
  return { status: 'lost', reason: endText(words) };
}

const isOutOfMemory = (state: string | undefined): boolean => state?.startsWith('OUT_OF_MEMORY') === true;

/** Why a job ended, in words. */
function endText(state: string | undefined): string {
  switch (state?.split(' ')[0]) {
    case undefined:
      return 'its job is no longer in the queue, and it did not report how it ended';
    case 'OUT_OF_MEMORY':
      return 'Slurm ended it: out of memory; resubmit it with more memory (--mem)';
    case 'TIMEOUT':
      return 'Slurm ended it: its time limit was reached';
    case 'NODE_FAIL':
      return 'its node failed';
    case 'PREEMPTED':
      return 'it was preempted by another job';
    case 'CANCELLED':
      return 'it was cancelled in Slurm';
    default:
      return `its job ended as ${state} without a message of its own; see its log`;
  }
}
