/** Cancelling and resubmitting. */
import type { MemberReport } from '../../shared/contract/index.ts';
import { InputError } from '../../shared/errors.ts';
import { appendLine, readSubmissions } from './jobs-log.ts';
import { readPilot, resourcesFrom } from './pilot.ts';
import { memoryBytes, checkResources, clusterLimits, optionOf, limitSeconds } from './partition.ts';
import { rangesOf, readPlan } from './plan.ts';
import type { Plan } from './plan.ts';
import { askQueue, isLive, runCommand } from './slurm.ts';
import { sweepStatus } from './status.ts';
import { submitMembers } from './submit.ts';
import type { Asked, SubmittedJob } from './submit.ts';

/** Cancels every job of a sweep that is in the queue; running members take a snapshot first. Returns their ids. Raises InputError if Slurm does not answer. */
export async function cancelSweep(folder: string): Promise<string[]> {
  await readPlan(folder);
  const submissions = await readSubmissions(folder);
  const answer = await askQueue(submissions.filter((each) => each.refused === null).map((each) => each.name));
  if (!answer.ok) throw new InputError(`nothing was cancelled, as Slurm does not answer: ${answer.error}`);
  // The name finds jobs whose ids were never written.
  const jobs = [...new Set(answer.tasks.filter((task) => isLive(task.state)).map((task) => task.job))];
  if (jobs.length > 0) {
    const { status, stderr } = await runCommand('scancel', jobs, { timeout: 30_000 });
    if (status !== 0) throw new InputError(`scancel: ${stderr}`);
  }
  await appendLine(folder, { kind: 'cancelled', time: Date.now() });
  return jobs;
}

export interface Resubmitted extends Asked {
  readonly members: readonly number[];
  readonly jobs: readonly SubmittedJob[];
}

/** States of members that may be submitted again. */
const resubmittable: readonly MemberReport['status'][] = ['paused', 'failed', 'cancelled', 'lost', 'not-submitted'];

/**
 * Submits the members again that are neither done nor in the queue; each continues from its newest snapshot. Raises InputError if there is none, or if Slurm does
 * not say which are in the queue.
 * @param chosen members to choose from; default all
 */
export async function resubmit(
  folder: string,
  given: Asked,
  options: { readonly chosen?: readonly number[] | undefined; readonly sbatch?: readonly string[] } = {},
): Promise<Resubmitted> {
  const stored = await readPlan(folder);
  const plan = { ...stored, sbatch: [...stored.sbatch, ...(options.sbatch ?? [])] };
  const { members: reports, slurm } = await sweepStatus(folder);
  if (!slurm.answers)
    throw new InputError(
      `nothing was submitted, as Slurm does not say which members are in the queue: ${slurm.error ?? ''}`,
    );
  const members = reports
    .filter(({ member, status }) => resubmittable.includes(status) && (options.chosen?.includes(member) ?? true))
    .map(({ member }) => member);
  if (members.length === 0) throw new InputError('there is nothing to submit: every member is done or in the queue');
  const limits = await clusterLimits(plan.sbatch);
  const before = (await readSubmissions(folder)).findLast((each) => each.round > 0);
  const requested: Asked = {
    time: given.time ?? limitSeconds(optionOf(before?.options ?? [], 'time') ?? ''),
    memory: given.memory ?? memoryBytes(optionOf(before?.options ?? [], 'mem') ?? ''),
  };
  const asked = resourcesFrom(await readPilot(folder), requested, limits);
  checkAsked(plan, asked, limits);
  const { jobs } = await submitMembers(folder, plan, members, asked, limits.arraySize);
  return { ...asked, members, jobs };
}

/** `checkResources` of what is asked for and of what the user's own options for sbatch say. */
export function checkAsked(
  plan: Pick<Plan, 'cpus' | 'sbatch'>,
  asked: Asked,
  limits: Parameters<typeof checkResources>[1],
): void {
  const fromSbatch = { time: optionOf(plan.sbatch, 'time', 't'), memory: optionOf(plan.sbatch, 'mem') };
  checkResources(
    {
      cpus: plan.cpus,
      time: fromSbatch.time === undefined ? asked.time : limitSeconds(fromSbatch.time),
      memory: fromSbatch.memory === undefined ? asked.memory : memoryBytes(fromSbatch.memory),
    },
    limits,
  );
}

export const membersText = (members: readonly number[]): string =>
  members.length === 1 ? `member ${members[0]}` : `members ${rangesOf(members)}`;
