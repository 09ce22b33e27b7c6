/** plan.json: what a sweep on a cluster runs. Written once, read by every task and command. */
import { randomBytes } from 'node:crypto';
import * as v from 'valibot';
import { writeFileAtomic } from '../../data/files.ts';
import { backendChoices } from '../../shared/devices.ts';
import { InputError } from '../../shared/errors.ts';
import { parseSweep } from '../../shared/sweep.ts';
import type { Sweep } from '../../shared/sweep.ts';
import { integer, parseJson, parseWith, positive } from '../../shared/validation.ts';
import { planFile, readTextOrNull } from './layout.ts';

const planSchema = v.strictObject({
  format: v.literal('covature-plan'),
  version: v.literal(1),
  /** Eight hexadecimal digits: part of the names of its jobs. */
  id: v.pipe(v.string(), v.regex(/^[0-9a-f]{8}$/)),
  created: integer(0),
  name: v.string(),
  /** The document with its lists of values; member K is run K - 1 of `parseSweep`. */
  experiment: v.custom<unknown>((value) => typeof value === 'object' && value !== null),
  /** Where relative paths of datasets start from, and where published datasets lie; both as the nodes see them. */
  base_folder: v.string(),
  data_folder: v.string(),
  /** The program that planned the sweep, and the command by which a node starts it. */
  code: v.strictObject({ version: v.string(), commit: v.nullable(v.string()) }),
  node: v.string(),
  entry: v.string(),
  blas: v.string(),
  backend: v.picklist(backendChoices),
  /** Cores of a task; worker threads; and threads of the library in a large eigendecomposition, whose last digits depend on them. */
  cpus: integer(1),
  threads: integer(1),
  library_threads: integer(1),
  /** Seconds between snapshots, between two writings of state.json, and from the warning signal to the limit of time. */
  snapshot_seconds: positive,
  heartbeat_seconds: positive,
  warning_seconds: integer(1),
  /** Options of the user's for sbatch. */
  sbatch: v.array(v.string()),
  /** Tasks at once; null: as many as the cluster gives. */
  at_once: v.nullable(integer(1)),
  /** Run ids, fixed beforehand, so that a member is one run however often it is started. */
  members: v.pipe(v.array(v.strictObject({ run: v.string() })), v.minLength(1)),
});
export type Plan = v.InferOutput<typeof planSchema>;

/** An id that `createRun` takes, with the time first as the store's own. */
export function newRunId(now: number, index: number): string {
  return `${now.toString(36).padStart(9, '0')}${index.toString(36).padStart(3, '0')}${randomBytes(5).toString('hex').slice(0, 9)}`;
}

export const newPlanId = (): string => randomBytes(4).toString('hex');

export async function writePlan(folder: string, plan: Plan): Promise<void> {
  await writeFileAtomic(planFile(folder), `${JSON.stringify(plan)}\n`);
}

/** Raises InputError if the folder does not hold a sweep. */
export async function readPlan(folder: string): Promise<Plan> {
  const text = await readTextOrNull(planFile(folder));
  if (text === null) throw new InputError(`${folder}: not a sweep of "covature submit" (it has no plan.json)`);
  return parseWith(planSchema, parseJson(text, planFile(folder)), planFile(folder));
}

/** Raises InputError if the plan's experiment has not as many members as it says. */
export function sweepOfPlan(plan: Plan): Sweep {
  const sweep = parseSweep(plan.experiment, plan.name);
  if (sweep.count !== plan.members.length)
    throw new InputError(`plan.json: the experiment makes ${sweep.count} runs, and ${plan.members.length} are listed`);
  return sweep;
}

/** "1-3,7" of ascending numbers. */
export function rangesOf(numbers: readonly number[]): string {
  const parts: [number, number][] = [];
  for (const number of numbers) {
    const last = parts.at(-1);
    if (last !== undefined && last[1] === number - 1) last[1] = number;
    else parts.push([number, number]);
  }
  return parts.map(([first, last]) => (first === last ? String(first) : `${first}-${last}`)).join(',');
}

/** The numbers of "1-3,7". */
export function memberNumbersOf(ranges: string): number[] {
  return ranges.split(',').flatMap((part) => {
    const [first, last = first] = part.split('-').map(Number);
    return Array.from({ length: last - first + 1 }, (_, i) => first + i);
  });
}
