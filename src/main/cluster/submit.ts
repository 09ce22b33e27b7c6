/** Submitting: the folder of a sweep with its plan and script, and arrays of members. Nothing waits for the jobs: their ids are printed, and the command ends. */
import { existsSync } from 'node:fs';
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { fileURLToPath } from 'node:url';
import { codeOf, reasonOf, writeFileAtomic } from '../../data/files.ts';
import { InputError } from '../../shared/errors.ts';
import type { Sweep } from '../../shared/sweep.ts';
import type { BackendChoice } from '../../shared/devices.ts';
import { moduleBeside } from '../jobs/launcher.ts';
import { noInspector } from '../jobs/signals.ts';
import { gatherProvenance } from '../provenance.ts';
import { appendLine, readSubmissions } from './jobs-log.ts';
import { jobScript, jobsFile, logFolder, planFile, readTextOrNull, setupScript } from './layout.ts';
import { timeText } from './partition.ts';
import { newPlanId, newRunId, rangesOf, writePlan } from './plan.ts';
import type { Plan } from './plan.ts';
import { runCommand } from './slurm.ts';

export interface PlanChoices {
  /** The document with its lists of values, and the sweep that it makes. */
  readonly document: unknown;
  readonly sweep: Sweep;
  readonly baseFolder: string;
  readonly dataFolder: string;
  readonly blas: string;
  readonly backend: BackendChoice;
  readonly cpus: number;
  readonly snapshotSeconds: number;
  readonly warningSeconds: number;
  readonly atOnce: number | null;
  readonly sbatch: readonly string[];
}

/** Seconds between two writings of state.json. */
const heartbeatSeconds = 30;
const mostLibraryThreads = 8;

/** Puts together the plan of a sweep; nothing is written. */
export function makePlan(choices: PlanChoices, now = Date.now()): Plan {
  const { version, commit } = gatherProvenance().code;
  const { sweep, cpus, snapshotSeconds } = choices;
  return {
    format: 'covature-plan',
    version: 1,
    id: newPlanId(),
    created: now,
    name: sweep.at(0).experiment.name,
    experiment: choices.document,
    base_folder: choices.baseFolder,
    data_folder: choices.dataFolder,
    code: { version, commit },
    node: nodeOfTasks(),
    entry: fileURLToPath(moduleBeside('../cli/index', import.meta.url)),
    blas: choices.blas,
    backend: choices.backend,
    cpus,
    threads: cpus,
    library_threads: Math.min(mostLibraryThreads, cpus),
    snapshot_seconds: snapshotSeconds,
    heartbeat_seconds: Math.min(heartbeatSeconds, snapshotSeconds),
    warning_seconds: choices.warningSeconds,
    sbatch: [...choices.sbatch],
    at_once: choices.atOnce,
    members: Array.from({ length: sweep.count }, (_, i) => ({ run: newRunId(now, i) })),
  };
}

/** The Node that runs tasks: this one, or the checkout's own if this is Electron. */
function nodeOfTasks(): string {
  if (process.versions['electron'] === undefined) return process.execPath;
  const bundledNode = fileURLToPath(new URL('../../../node_modules/.bin/node', import.meta.url));
  return existsSync(bundledNode) ? bundledNode : 'node';
}

/** Creates the folder. Raises InputError if it already holds a sweep or cannot be created. */
export async function writeFolder(folder: string, plan: Plan, setup: string | null): Promise<void> {
  try {
    await fs.mkdir(logFolder(folder), { recursive: true });
  } catch (error) {
    throw new InputError(`--to: ${folder} cannot be created: ${reasonOf(error)}`, { cause: error });
  }
  if ((await readTextOrNull(planFile(folder))) !== null)
    throw new InputError(
      `--to: ${folder} already holds a sweep; "covature cluster status ${folder}" shows its state, and "covature cluster resubmit" continues it`,
    );
  if (setup !== null) await writeFileAtomic(setupScript(folder), setup);
  await writeFileAtomic(jobScript(folder), scriptOf(folder, plan));
  await writePlan(folder, plan);
  await fs.writeFile(jobsFile(folder), '', { flag: 'wx' }).catch((error: unknown) => {
    if (codeOf(error) !== 'EEXIST') throw error;
  });
}

/**
 * The script of a task. Slurm's warning (SIGUSR1, to the script alone) is passed on as SIGUSR2 (jobs/signals.ts); SIGTERM reaches every process of the task, and the
 * script outlives it until the program has written its last snapshot.
 */
export function scriptOf(folder: string, plan: Plan): string {
  const flags = ['--disable-warning=ExperimentalWarning', ...noInspector];
  return `#!/bin/bash
# A task of the sweep "${plan.name.replace(/[^\x20-\x7e]/g, '?')}" (covature submit). Its arguments: the command of covature and its own.
program=
warned=
trap 'warned=1; [ -z "$program" ] || kill -USR2 "$program" 2>/dev/null' USR1
trap : TERM
if [ -f ${quoted(setupScript(folder))} ]; then . ${quoted(setupScript(folder))}; fi
if [ -n "$warned" ]; then
  scontrol requeue "\${SLURM_ARRAY_JOB_ID:-$SLURM_JOB_ID}\${SLURM_ARRAY_TASK_ID:+_$SLURM_ARRAY_TASK_ID}"
  exit 75
fi
${quoted(plan.node)} ${flags.join(' ')} ${quoted(plan.entry)} cluster "$@" &
program=$!
wait "$program"
status=$?
while kill -0 "$program" 2>/dev/null; do
  wait "$program"
  status=$?
done
exit "$status"
`;
}

/** A word for a POSIX shell. */
export function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

export interface Asked {
  /** Seconds and bytes; null: the cluster's default. */
  readonly time: number | null;
  readonly memory: number | null;
}

export interface SubmittedJob {
  readonly name: string;
  readonly job: string;
  /** "1-12". */
  readonly members: string;
}

/** What sbatch is given for every job of a plan. */
export function sbatchOptions(folder: string, plan: Plan, { time, memory }: Asked): string[] {
  const limit = time ?? Infinity;
  // A warning that comes before any work is done would restart the task forever.
  const warning = Math.max(10, Math.min(plan.warning_seconds, Math.floor(limit / 4)));
  return [
    '--parsable',
    '--nodes=1',
    '--ntasks=1',
    `--cpus-per-task=${plan.cpus}`,
    '--requeue',
    '--open-mode=append',
    `--signal=B:USR1@${warning}`,
    `--chdir=${folder}`,
    ...(time === null ? [] : [`--time=${timeText(time)}`]),
    ...(memory === null ? [] : [`--mem=${Math.ceil(memory / 2 ** 20)}M`]),
  ];
}

/**
 * Submits members as arrays, as many as their indices need; with `at_once` each has its share of it. The intent is on disk before sbatch is called. Raises
 * InputError with sbatch's own words if it refuses; what was submitted before stays submitted.
 */
export async function submitMembers(
  folder: string,
  plan: Plan,
  members: readonly number[],
  asked: Asked,
  arraySize: number,
): Promise<{ readonly round: number; readonly jobs: SubmittedJob[] }> {
  const round = 1 + Math.max(0, ...(await readSubmissions(folder)).map((each) => each.round));
  // Member K is index K - offset, and the largest index is arraySize - 1.
  const width = Math.max(1, arraySize - 1);
  const parts = [...Map.groupBy(members, (member) => Math.floor((member - 1) / width))];
  const jobs: SubmittedJob[] = [];
  for (const [part, own] of parts) {
    const offset = part * width;
    const name = `covature-${plan.id}-r${round}p${part + 1}`;
    const share = plan.at_once === null ? null : shareOf(plan.at_once, parts.length, jobs.length);
    const indices = rangesOf(own.map((member) => member - offset));
    const options = [
      ...sbatchOptions(folder, plan, asked),
      `--job-name=${name}`,
      `--array=${indices}${share === null ? '' : `%${share}`}`,
      `--output=${path.join(logFolder(folder).replaceAll('%', '%%'), '%A_%a.log')}`,
      ...plan.sbatch,
    ];
    const rest = [jobScript(folder), 'task', folder, '--round', String(round), '--offset', String(offset)];
    const job = await submitJob(folder, { round, name, offset, members: rangesOf(own) }, options, rest);
    jobs.push({ name, job, members: rangesOf(own) });
  }
  return { round, jobs };
}

/** Intent, sbatch, id. Raises InputError if sbatch refuses. */
export async function submitJob(
  folder: string,
  intent: { readonly round: number; readonly name: string; readonly offset: number; readonly members: string },
  options: readonly string[],
  rest: readonly string[],
): Promise<string> {
  await appendLine(folder, { kind: 'intent', time: Date.now(), ...intent, options: [...options] });
  const { status, stdout, stderr } = await runCommand('sbatch', [...options, ...rest], { timeout: 60_000 });
  const job = /^(\d+)/.exec(stdout.trim())?.[1];
  if (status !== 0 || job === undefined) {
    const reason = stderr === '' ? `sbatch ended with status ${status}` : stderr;
    // Although killed for slowness it may have submitted the job, which is then found by its name.
    if (status !== null) await appendLine(folder, { kind: 'refused', time: Date.now(), name: intent.name, reason });
    throw new InputError(`${reason}\nnothing of ${intent.members} was submitted; the plan stays in ${folder}`);
  }
  await appendLine(folder, { kind: 'submitted', time: Date.now(), name: intent.name, job });
  return job;
}

/** Of `total` tasks at once, those of part `index` of `parts`; at least one. */
function shareOf(total: number, parts: number, index: number): number {
  return Math.max(1, Math.floor(total / parts) + (index < total % parts ? 1 : 0));
}
