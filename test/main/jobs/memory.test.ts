/** The memory limit follows the machine, Slurm's share of it, and the control groups that the process lies in. */
import { expect, test } from 'vitest';
import { availableMemory } from '../../../src/main/jobs/memory.ts';

const mega = 2 ** 20;
const giga = 2 ** 30;
/** The machine has 64 GiB free. */
const machine = { '/proc/meminfo': `MemTotal: 99 kB\nMemAvailable:   ${64 * mega} kB\n` };
const v2 = {
  '/proc/self/cgroup': '0::/system.slice/slurmstepd.scope/job_7/step_batch/user\n',
  '/sys/fs/cgroup/system.slice/slurmstepd.scope/job_7/memory.max': `${8 * giga}\n`,
  '/sys/fs/cgroup/system.slice/slurmstepd.scope/job_7/memory.current': `${3 * giga}\n`,
  '/sys/fs/cgroup/system.slice/slurmstepd.scope/job_7/memory.stat': `anon 1\ninactive_file ${giga}\n`,
  '/sys/fs/cgroup/system.slice/slurmstepd.scope/job_7/step_batch/memory.max': 'max\n',
};
const v1 = {
  '/proc/self/cgroup': '4:cpu,cpuacct:/slurm\n3:memory:/slurm/uid_1/job_7\n',
  '/sys/fs/cgroup/memory/slurm/uid_1/job_7/memory.limit_in_bytes': `${4 * giga}\n`,
  '/sys/fs/cgroup/memory/slurm/uid_1/job_7/memory.usage_in_bytes': `${giga}\n`,
  '/sys/fs/cgroup/memory/slurm/memory.limit_in_bytes': '9223372036854771712\n',
};

const rows: [string, Record<string, string>, Record<string, string>, number][] = [
  ['a machine by itself', {}, machine, 64 * giga],
  ['a job with 4000 MB of its node', { SLURM_MEM_PER_NODE: '4000' }, machine, 3800 * mega],
  ['memory by the core', { SLURM_MEM_PER_CPU: '1000', SLURM_CPUS_ON_NODE: '4' }, machine, 3800 * mega],
  ['a job with all of its node (0)', { SLURM_MEM_PER_NODE: '0' }, machine, 64 * giga],
  ['more than the machine has free', { SLURM_MEM_PER_NODE: '999999999' }, machine, 64 * giga],
  ['cgroup v2, the limit two levels up, cache counted as free', {}, { ...machine, ...v2 }, 6 * giga],
  ['cgroup v1', {}, { ...machine, ...v1 }, 3 * giga],
  ['the lower of both', { SLURM_MEM_PER_NODE: '2248' }, { ...machine, ...v2 }, 2 * giga],
];

test.each(rows)('%s', (_, environment, files, expected) => {
  const read = (file: string): string | undefined => files[file];
  expect(availableMemory({ platform: 'linux', environment, read, free: () => 1 })).toBe(expected);
});

test('elsewhere than on Linux it is what the system says', () => {
  const sources = { environment: { SLURM_MEM_PER_NODE: '1' }, read: () => undefined, free: () => 77 };
  expect(availableMemory({ platform: 'darwin', ...sources })).toBe(77);
});
