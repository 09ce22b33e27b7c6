/** A new sweep, from its document to the first jobs; used by the command line and the window. */
import * as path from 'node:path';
import { resolveDataset } from '../../data/resolve.ts';
import type { BackendChoice } from '../../shared/devices.ts';
import { costKey, parseSweep } from '../../shared/sweep.ts';
import { fitted } from '../jobs/data.ts';
import { checkShapes } from '../services/fitting.ts';
import { checkAsked } from './control.ts';
import { jobScript, logFolder } from './layout.ts';
import { clusterLimits } from './partition.ts';
import type { ClusterLimits } from './partition.ts';
import type { Plan } from './plan.ts';
import { sbatchOptions, makePlan, submitJob, submitMembers, writeFolder } from './submit.ts';
import type { Asked, SubmittedJob } from './submit.ts';

export const defaultSnapshotSeconds = 600;
export const defaultWarningSeconds = 120;
/** Seconds that a pilot may take. */
const pilotSeconds = 900;

export interface SweepStart {
  /** With lists of values, seeds among them. */
  readonly document: unknown;
  /** How error messages about it begin. */
  readonly what: string;
  readonly folder: string;
  readonly baseFolder: string;
  readonly dataFolder: string;
  readonly blas: string;
  readonly backend: BackendChoice;
  readonly cpus?: number | undefined;
  readonly atOnce?: number | undefined;
  readonly snapshotSeconds?: number | undefined;
  readonly warningSeconds?: number | undefined;
  readonly sbatch: readonly string[];
  /** Lines for a shell, run before each task. */
  readonly setup: string | null;
  readonly asked: Asked;
}

export interface PreparedSweep {
  readonly start: SweepStart;
  readonly plan: Plan;
  readonly limits: ClusterLimits;
}

/** Checks an experiment and the resources asked for; nothing is written. Raises InputError naming what could not work. */
export async function prepareSweep(start: SweepStart): Promise<PreparedSweep> {
  const sweep = parseSweep(start.document, start.what);
  const plan = makePlan({
    document: start.document,
    sweep,
    baseFolder: start.baseFolder,
    dataFolder: start.dataFolder,
    blas: start.blas,
    backend: start.backend,
    cpus: start.cpus ?? 1,
    snapshotSeconds: start.snapshotSeconds ?? defaultSnapshotSeconds,
    warningSeconds: start.warningSeconds ?? defaultWarningSeconds,
    atOnce: start.atOnce ?? null,
    sbatch: start.sbatch,
  });
  const kinds = new Map(
    Array.from({ length: sweep.count }, (_, i) => sweep.at(i).experiment).map((each) => [costKey(each), each]),
  );
  for (const experiment of kinds.values()) {
    await checkShapes(experiment, async (dataset, model, wanted) => {
      fitted(
        await resolveDataset(dataset, { baseFolder: start.baseFolder, dataFolder: start.dataFolder }),
        model,
        wanted,
      );
    });
  }
  const limits = await clusterLimits(start.sbatch);
  checkAsked(plan, start.asked, limits);
  return { start, plan, limits };
}

/** The arguments for sbatch for all members in one array. */
export function plannedWords({ start, plan }: PreparedSweep): string[] {
  return [
    ...sbatchOptions(start.folder, plan, start.asked),
    `--array=1-${plan.members.length}`,
    ...start.sbatch,
    jobScript(start.folder),
  ];
}

/** Writes the folder and submits every member. */
export async function submitSweep({ start, plan, limits }: PreparedSweep): Promise<SubmittedJob[]> {
  await writeFolder(start.folder, plan, start.setup);
  const all = plan.members.map((_, i) => i + 1);
  const { jobs } = await submitMembers(start.folder, plan, all, start.asked, limits.arraySize);
  return jobs;
}

/** Writes the folder and submits only the pilot. Returns its job's id. */
export async function submitPilot({ start, plan, limits }: PreparedSweep): Promise<string> {
  const { folder, asked } = start;
  await writeFolder(folder, plan, start.setup);
  const limit = Math.min(pilotSeconds, limits.partition?.longest ?? Infinity);
  const name = `covature-${plan.id}-pilot`;
  const words = [
    ...sbatchOptions(folder, plan, { time: asked.time ?? limit, memory: asked.memory }),
    `--job-name=${name}`,
    `--output=${path.join(logFolder(folder), 'pilot-%j.log')}`,
    ...start.sbatch,
  ];
  const intent = { round: 0, name, offset: 0, members: `1-${plan.members.length}` };
  return await submitJob(folder, intent, words, [jobScript(folder), 'pilot', folder]);
}
