/** The memory that a job may use: what the machine has free, within what a scheduler and the process's control groups allow. */
import { readFileSync } from 'node:fs';
import { freemem } from 'node:os';

/** Where the limits are read; for tests. */
export interface MemorySources {
  readonly platform: NodeJS.Platform;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** The content of a file of /proc or /sys; undefined if there is none. */
  readonly read: (file: string) => string | undefined;
  readonly free: () => number;
}

const here: MemorySources = {
  platform: process.platform,
  environment: process.env,
  read: (file) => {
    try {
      return readFileSync(file, 'utf8');
    } catch {
      return undefined;
    }
  },
  free: freemem,
};

/** Bytes of the processes of a Slurm job beside the worker: the command that started it. */
const besideWorker = 200 * 2 ** 20;

/** Bytes that a process can take without swapping, and without being killed for it. */
export function availableMemory(sources: MemorySources = here): number {
  if (sources.platform !== 'linux') return sources.free();
  const line = /^MemAvailable:\s+(\d+) kB/m.exec(sources.read('/proc/meminfo') ?? '');
  const free = line === null ? sources.free() : Number(line[1]) * 1024;
  return Math.max(0, Math.min(free, slurmMemory(sources.environment), cgroupMemory(sources.read)));
}

/** What a Slurm job was given on this node, less what its other processes take; infinite outside a job, and where it was given all. */
function slurmMemory(environment: MemorySources['environment']): number {
  const megabytes = (name: string): number => {
    const value = Number(environment[name] ?? NaN);
    return value > 0 ? value : NaN;
  };
  const ofNode = megabytes('SLURM_MEM_PER_NODE');
  const ofCores = megabytes('SLURM_MEM_PER_CPU') * megabytes('SLURM_CPUS_ON_NODE');
  const given = Number.isNaN(ofNode) ? ofCores : ofNode;
  return Number.isNaN(given) ? Infinity : Math.max(0, given * 2 ** 20 - besideWorker);
}

/** What is left below the limits of the process's control group and of those that it lies in (cgroup v2 and v1). */
function cgroupMemory(read: MemorySources['read']): number {
  let least = Infinity;
  for (const line of (read('/proc/self/cgroup') ?? '').split('\n')) {
    const [, controllers, place] = /^\d+:([^:]*):(\/.*)$/.exec(line) ?? [];
    if (place === undefined) continue;
    const isUnified = controllers === '';
    if (!isUnified && !controllers.split(',').includes('memory')) continue;
    const root = isUnified ? '/sys/fs/cgroup' : '/sys/fs/cgroup/memory';
    const names = isUnified
      ? (['memory.max', 'memory.current', 'inactive_file'] as const)
      : (['memory.limit_in_bytes', 'memory.usage_in_bytes', 'total_inactive_file'] as const);
    for (const folder of upwards(place)) least = Math.min(least, leftIn(`${root}${folder}`, names, read));
  }
  return least;
}

/** "/a/b" and then "/a" and "". */
function upwards(place: string): string[] {
  const parts = place.split('/').filter((part) => part !== '' && part !== '..');
  return parts.map((_, i) => `/${parts.slice(0, parts.length - i).join('/')}`).concat('');
}

function leftIn(
  folder: string,
  [limitName, usageName, cacheName]: readonly [string, string, string],
  read: MemorySources['read'],
): number {
  const limit = Number((read(`${folder}/${limitName}`) ?? 'max').trim());
  // Version 1 has a number near 2^63 for none.
  if (!(limit > 0 && limit < 2 ** 60)) return Infinity;
  const usage = Number((read(`${folder}/${usageName}`) ?? '0').trim());
  // Cached pages of files can be reclaimed.
  const cache = Number(new RegExp(`^${cacheName} (\\d+)$`, 'm').exec(read(`${folder}/memory.stat`) ?? '')?.[1] ?? 0);
  return Math.max(0, limit - Math.max(0, usage - cache));
}
