/** A real Slurm on one machine (slurm-kit's start.sh), for tests: where it is, and what a user does on it. */
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';
import { readSafetensors } from '../../../src/data/formats/safetensors.ts';
import { sweepStatus } from '../../../src/main/cluster/status.ts';
import type { SweepReport } from '../../../src/shared/contract/index.ts';
import { openStore } from '../../../src/main/store/index.ts';
import { cli } from '../../support/cli.ts';
import { trainingTime } from '../../../src/shared/training-time.ts';

const startScript = fileURLToPath(new URL('../../../../shared/slurm-kit/start.sh', import.meta.url));
const configuration = process.env['SLURM_CONF'] ?? '/run/slurm-kit/slurm.conf';
export const kitFolder = path.dirname(configuration);

/** Why the tests on it are skipped, or true. */
export function kitReason(): true | string {
  if (spawnSync('sbatch', ['--version']).status !== 0) return 'sbatch is not here';
  if (!existsSync(startScript)) return 'slurm-kit is not beside the project';
  if (!existsSync(configuration)) return 'the Slurm of slurm-kit is not started';
  process.env['SLURM_CONF'] = configuration;
  return spawnSync('scontrol', ['ping'], { encoding: 'utf8' }).stdout.includes('is UP')
    ? true
    : 'Slurm does not answer';
}

/**
 * Starts what is down of it, with Slurm's defaults in place of two of the kit's values: jobs have half a minute to end, as a machine that does much else needs more
 * than five seconds for a snapshot, and an array has a thousand tasks, so that a sweep can have more.
 */
export function startKit(): void {
  const [, cpus] = /^NodeName=DEFAULT CPUs=(\d+)/m.exec(readFileSync(configuration, 'utf8')) ?? [];
  const [, memory] = /RealMemory=(\d+)/.exec(readFileSync(configuration, 'utf8')) ?? [];
  const { status, stderr } = spawnSync('bash', [startScript], {
    encoding: 'utf8',
    env: { ...process.env, SLURM_KIT_DIR: kitFolder, SLURM_KIT_CPUS: cpus, SLURM_KIT_MEM: memory },
  });
  expect(status, stderr).toBe(0);
  const changed = readFileSync(configuration, 'utf8')
    .replace(/^KillWait=.*$/m, 'KillWait=30')
    .replace(/^MaxArraySize=.*$/m, 'MaxArraySize=1001');
  writeFileSync(configuration, changed);
  slurm('scontrol', 'reconfigure');
}

/** Starts the daemon of a node that was killed. */
export async function startNode(name: string): Promise<void> {
  slurm('slurmd', '-N', name);
  await resumeNode(name);
}

/** Brings a node back that is down. */
export async function resumeNode(name: string): Promise<void> {
  await until(`${name} to be up`, () => {
    const state = nodeState(name);
    if (/^(IDLE|MIXED|ALLOCATED)$/.test(state)) return true;
    // A node that serves refuses it.
    slurmAccepts('scontrol', 'update', `nodename=${name}`, 'state=resume');
    return false;
  });
}

/** "IDLE", "DOWN*"... */
export function nodeState(name: string): string {
  return /State=(\S+)/.exec(slurm('scontrol', 'show', 'node', name))?.[1] ?? '';
}

export function daemonPid(name: string): number {
  return Number(readFileSync(path.join(kitFolder, `${name}.pid`), 'utf8'));
}

export function slurm(command: string, ...args: string[]): string {
  return execFileSync(command, args, { encoding: 'utf8' });
}

/** Whether a command of Slurm's does as it is told. */
export function slurmAccepts(command: string, ...args: string[]): boolean {
  return spawnSync(command, args, { stdio: 'ignore' }).status === 0;
}

export async function covature<T>(...args: string[]): Promise<T> {
  const dashes = args.indexOf('--');
  const at = dashes < 0 ? args.length : dashes;
  const { status, stdout, stderr } = await cli([...args.slice(0, at), '--json', ...args.slice(at)]);
  expect(status, stderr).toBe(0);
  return JSON.parse(stdout) as T;
}

/** Waits until something holds; fails, saying what it waited for, after `seconds`. */
export async function until<T>(
  what: string,
  look: () => T | Promise<T>,
  seconds = 200,
): Promise<NonNullable<Awaited<T>>> {
  for (const end = Date.now() + 1000 * seconds; ;) {
    const found = await look();
    if (found !== undefined && found !== null && found !== false) return found;
    if (Date.now() > end) throw new Error(`${what}: not within ${seconds} s`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** Waits until every member is done, and answers the last report; fails at the first that has failed. */
export function untilDone(folder: string, seconds = 200): Promise<SweepReport> {
  return until(
    `${folder} to be done`,
    async () => {
      const report = await sweepStatus(folder);
      const failed = report.members.filter(({ status }) => status === 'failed' || status === 'lost');
      if (failed.length > 0)
        throw new Error(failed.map(({ member, reason }) => `member ${member}: ${reason}`).join('\n'));
      return report.counts.done === report.members.length ? report : null;
    },
    seconds,
  );
}

/** All that a run's result is, to the bit, without times, ids and places. */
export async function resultOf(store: string, id: string): Promise<unknown> {
  using opened = openStore(store, { readOnly: true });
  const run = opened.getRun(id);
  const isTiming = (key: string): boolean =>
    key.startsWith('seconds') || ['steps_per_second', 'peak_memory', 'base_folder'].includes(key);
  const measurements = [];
  for (const { parameter, step, summary, arrays } of opened.measurements(id))
    measurements.push([parameter, step, { ...summary, seconds: null }, await tensorsOf(arrays?.path ?? '')]);
  return {
    status: run?.status,
    step: run?.step,
    values: Object.entries(run?.values ?? {}).filter(([key]) => !isTiming(key)),
    weights: opened.lastCheckpoint(id)?.file.sha256,
    series: Object.entries(opened.series(id))
      .filter(([name]) => name !== trainingTime)
      .map(([name, { steps, values }]) => [name, [...steps], [...values]]),
    measurements,
  };
}

/** Name and SHA-256 of every array in a file; the file's own text says how long things took. */
async function tensorsOf(file: string): Promise<unknown> {
  const { tensors } = await readSafetensors(file);
  return [...tensors].map(([name, { data }]) => {
    const { buffer, byteOffset, byteLength } = data as Float64Array;
    return [
      name,
      createHash('sha256')
        .update(new Uint8Array(buffer, byteOffset, byteLength))
        .digest('hex'),
    ];
  });
}
