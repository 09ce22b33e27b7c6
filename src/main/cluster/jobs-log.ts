/**
 * jobs.jsonl: the requests to Slurm, one line each, appended and synced. The intent is written before sbatch is called and carries the job's name, which no other
 * job has; so a job whose id was never written (the machine stopped between the two) is found by its name.
 */
import * as fs from 'node:fs/promises';
import * as v from 'valibot';
import { integer, jsonOrNull } from '../../shared/validation.ts';
import { jobsFile, readTextOrNull } from './layout.ts';
import { memberNumbersOf } from './plan.ts';

const line = v.variant('kind', [
  v.object({
    kind: v.literal('intent'),
    time: integer(0),
    /** Counts submissions of members from 1; 0: a pilot. */
    round: integer(0),
    name: v.string(),
    /** Added to the index of a task of the array gives the member. */
    offset: integer(0),
    /** "1-12". */
    members: v.string(),
    options: v.array(v.string()),
  }),
  v.object({ kind: v.literal('submitted'), time: integer(0), name: v.string(), job: v.string() }),
  v.object({ kind: v.literal('refused'), time: integer(0), name: v.string(), reason: v.string() }),
  v.object({ kind: v.literal('cancelled'), time: integer(0) }),
]);
export type JobsLine = v.InferOutput<typeof line>;

/** A submission and its outcome. */
export interface Submission {
  readonly round: number;
  readonly name: string;
  readonly offset: number;
  readonly members: ReadonlySet<number>;
  readonly options: readonly string[];
  readonly time: number;
  /** Null: sbatch refused, or never answered. */
  readonly job: string | null;
  readonly refused: string | null;
  /** Whether everything was cancelled after it. */
  readonly cancelled: boolean;
}

export async function appendLine(folder: string, entry: JobsLine): Promise<void> {
  const handle = await fs.open(jobsFile(folder), 'a');
  try {
    await handle.appendFile(`${JSON.stringify(entry)}\n`);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** In their order; a line cut short by a crash is skipped. */
export async function readSubmissions(folder: string): Promise<Submission[]> {
  const submissions: Submission[] = [];
  const change = (name: string, changes: Partial<Submission>): void => {
    const index = submissions.findLastIndex((each) => each.name === name);
    if (index >= 0) submissions[index] = { ...submissions[index], ...changes };
  };
  for (const text of ((await readTextOrNull(jobsFile(folder))) ?? '').split('\n')) {
    const parsed = v.safeParse(line, jsonOrNull(text));
    if (!parsed.success) continue;
    const entry = parsed.output;
    switch (entry.kind) {
      case 'intent': {
        const { round, name, offset, options, time } = entry;
        const members = new Set(memberNumbersOf(entry.members));
        submissions.push({ round, name, offset, members, options, time, job: null, refused: null, cancelled: false });
        break;
      }
      case 'submitted':
        change(entry.name, { job: entry.job });
        break;
      case 'refused':
        change(entry.name, { refused: entry.reason });
        break;
      case 'cancelled':
        submissions.forEach((each, i) => {
          submissions[i] = { ...each, cancelled: true };
        });
        break;
      default:
        entry satisfies never;
    }
  }
  return submissions;
}
