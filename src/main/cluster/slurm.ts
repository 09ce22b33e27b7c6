/** Slurm's own commands, called as a user calls them. Their output is a hint; the files of a sweep are authoritative. */
import { spawn } from 'node:child_process';

export interface CommandResult {
  /** Null: it was killed, or could not be started. */
  readonly status: number | null;
  readonly stdout: string;
  /** What it wrote there, or why it could not be started or took too long. */
  readonly stderr: string;
}

/** Milliseconds to wait for a controller that is gone; Slurm itself would wait for minutes. */
export const patience = 8000;

/** Runs a command in an environment without the variables of a surrounding job. */
export function runCommand(
  command: string,
  args: readonly string[],
  options: { readonly timeout?: number; readonly input?: string } = {},
): Promise<CommandResult> {
  const { timeout = patience, input } = options;
  return new Promise((resolve) => {
    const child = spawn(command, args, { env: scrubbed(process.env), stdio: ['pipe', 'pipe', 'pipe'] });
    let [stdout, stderr] = ['', ''];
    const timer = setTimeout(() => {
      stderr = `${command} has not answered within ${timeout / 1000} s. ${stderr}`;
      child.kill('SIGKILL');
    }, timeout);
    child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
    child.stdin.on('error', () => undefined);
    child.stdin.end(input ?? '');
    child.on('error', (error: NodeJS.ErrnoException) => {
      clearTimeout(timer);
      const why = error.code === 'ENOENT' ? `there is no command ${command} here` : error.message;
      resolve({ status: null, stdout: '', stderr: why });
    });
    child.on('close', (status) => {
      clearTimeout(timer);
      resolve({ status, stdout, stderr: stderr.trim() });
    });
  });
}

/**
 * The environment without what a surrounding job or the user's shell has set for sbatch: SLURM_* and SBATCH_* would become options of jobs that are submitted from
 * inside one. SLURM_CONF stays: it says where the cluster is.
 */
export function scrubbed(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const variables = Object.entries(environment).filter(
    ([name]) => name === 'SLURM_CONF' || !/^(SLURM|SBATCH|SALLOC|SRUN|SQUEUE|SACCT|SCANCEL|SINFO|PMI|PMIX)_/.test(name),
  );
  return Object.fromEntries(variables);
}

/** A task as the queue has it. */
export interface QueuedTask {
  /** Of the array. */
  readonly job: string;
  /** Index in the array; null: no array. */
  readonly index: number | null;
  readonly name: string;
  /** "PENDING", "RUNNING", "COMPLETED"... */
  readonly state: string;
  /** Why it waits, or ended; "None" if Slurm gives none. */
  readonly reason: string;
  readonly node: string | null;
}

export type QueueAnswer =
  { readonly ok: true; readonly tasks: readonly QueuedTask[] } | { readonly ok: false; readonly error: string };

/** What squeue knows of jobs by their names; ended ones for as long as the controller remembers them (MinJobAge). */
export async function askQueue(names: readonly string[]): Promise<QueueAnswer> {
  if (names.length === 0) return { ok: true, tasks: [] };
  const format = '%F|%K|%j|%T|%N|%r';
  const args = ['--noheader', '--array', '--states=all', `--name=${names.join(',')}`, `--format=${format}`];
  const { status, stdout, stderr } = await runCommand('squeue', args);
  if (status !== 0) return { ok: false, error: stderr === '' ? `squeue ended with status ${status}` : stderr };
  return { ok: true, tasks: stdout.split('\n').flatMap(parseTask) };
}

function parseTask(line: string): QueuedTask[] {
  const [job, index, name, state, node, ...reason] = line.trim().split('|');
  if (state === undefined) return [];
  return [
    {
      job,
      index: /^\d+$/.test(index) ? Number(index) : null,
      name,
      state,
      node: node === '' ? null : node,
      reason: reason.join('|'),
    },
  ];
}

/** What the accounting says about a task that the queue has forgotten; null if there is no accounting. */
export async function askAccounting(jobs: readonly string[]): Promise<Map<string, string> | null> {
  if (jobs.length === 0) return null;
  const args = ['--noheader', '--parsable2', '--allocations', `--jobs=${jobs.join(',')}`, '--format=JobID,State'];
  const { status, stdout } = await runCommand('sacct', args, { timeout: 5000 });
  if (status !== 0) return null;
  const rows = stdout.split('\n').filter((line) => line.includes('|'));
  return new Map(rows.map((line) => line.split('|', 2) as [string, string]));
}

/** Whether a state of Slurm's is one of a job that will run, or runs. */
export function isLive(state: string): boolean {
  return [
    'PENDING',
    'RUNNING',
    'CONFIGURING',
    'COMPLETING',
    'REQUEUED',
    'SUSPENDED',
    'RESIZING',
    'STOPPED',
    'SIGNALING',
    'STAGE_OUT',
    'REQUEUE_HOLD',
    'REQUEUE_FED',
    'SPECIAL_EXIT',
    'RESV_DEL_HOLD',
  ].includes(state);
}
