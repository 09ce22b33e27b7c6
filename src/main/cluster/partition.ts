/** The limits of a partition, from scontrol and sinfo, and whether a job could ever run there. Limits that they do not report are not checked. */
import { InputError } from '../../shared/errors.ts';
import { formatBytes } from '../../engine/curvature/forecast.ts';
import { runCommand } from './slurm.ts';

export interface Partition {
  readonly name: string;
  /** Seconds; null: no limit, or not known. */
  readonly longest: number | null;
  readonly usual: number | null;
  /** The largest node: cores, and bytes. */
  readonly cpus: number | null;
  readonly memory: number | null;
  readonly isUp: boolean;
}

export interface ClusterLimits {
  /** Of sbatch's option, or the default one; null: not known. */
  readonly partition: Partition | null;
  /** One more than the largest index of an array. */
  readonly arraySize: number;
}

/** Slurm's own default. */
const usualArraySize = 1001;

/** The partition that options for sbatch name; undefined: the default one. */
export function partitionOption(options: readonly string[]): string | undefined {
  return optionOf(options, 'partition', 'p');
}

/** The value of an option of sbatch, long or short; the last counts. */
export function optionOf(options: readonly string[], long: string, short?: string): string | undefined {
  let value: string | undefined;
  options.forEach((option, i) => {
    if (option === `--${long}` || option === `-${short}`) value = options[i + 1];
    else if (option.startsWith(`--${long}=`)) value = option.slice(long.length + 3);
    else if (short !== undefined && option.startsWith(`-${short}`) && !option.startsWith('--')) value = option.slice(2);
  });
  return value;
}

export async function clusterLimits(options: readonly string[]): Promise<ClusterLimits> {
  const [config, list] = await Promise.all([
    runCommand('scontrol', ['show', 'config']),
    runCommand('scontrol', ['--oneliner', 'show', 'partition']),
  ]);
  if (config.status === null || list.status === null)
    throw new InputError(`Slurm cannot be reached from here: ${config.stderr || list.stderr}`);
  const arraySize = Number(/^MaxArraySize\s*=\s*(\d+)/m.exec(config.stdout)?.[1] ?? usualArraySize);
  const fields = list.stdout.split('\n').map((line) => fieldsOf(line));
  const asked = partitionOption(options);
  const field = fields.find((each) =>
    asked === undefined ? each['Default'] === 'YES' : each['PartitionName'] === asked,
  );
  if (field === undefined) {
    const names = fields.flatMap((each) => each['PartitionName'] ?? []);
    if (asked !== undefined && names.length > 0)
      throw new InputError(`there is no partition "${asked}" here; there are ${names.join(', ')}`);
    return { partition: null, arraySize };
  }
  const name = field['PartitionName'] ?? '';
  const nodes = await runCommand('sinfo', ['--noheader', `--partition=${name}`, '--format=%c|%m']);
  const rows = nodes.stdout
    .split('\n')
    .filter((line) => line.includes('|'))
    .map((line) => line.split('|').map((text) => Number.parseInt(text, 10)));
  const largest = (column: number): number | null => {
    const values = rows.map((row) => row[column]).filter((value) => value > 0);
    return values.length === 0 ? null : Math.max(...values);
  };
  const memory = largest(1);
  return {
    partition: {
      name,
      longest: limitSeconds(field['MaxTime'] ?? ''),
      usual: limitSeconds(field['DefaultTime'] ?? ''),
      cpus: largest(0),
      memory: memory === null ? null : memory * 2 ** 20,
      isUp: (field['State'] ?? 'UP') === 'UP',
    },
    arraySize,
  };
}

function fieldsOf(line: string): Readonly<Record<string, string>> {
  return Object.fromEntries(
    line.split(/\s+/).flatMap((part) => (/^[^=]+=/.test(part) ? [part.split('=', 2) as [string, string]] : [])),
  );
}

/** Seconds of Slurm's times: "90" (minutes), "90:30", "1:30:00", "2-12", "2-12:30", "2-12:30:00"; null for UNLIMITED, NONE and anything that is not a time. */
export function limitSeconds(text: string): number | null {
  const [, days, rest] = /^(?:(\d+)-)?(\d+(?::\d+){0,2})$/.exec(text.trim()) ?? [];
  if (rest === undefined) return null;
  const parts = rest.split(':').map(Number);
  const [a, b = 0, c = 0] = parts;
  if (days !== undefined) return 86_400 * Number(days) + 3600 * a + 60 * b + c;
  return parts.length === 3 ? 3600 * a + 60 * b + c : 60 * a + b;
}

/** "2-03:04:05", in whole minutes upwards if it is longer than one: Slurm counts in minutes. */
export function timeText(seconds: number): string {
  const minutes = Math.max(1, Math.ceil(seconds / 60));
  const pad = (value: number): string => String(value).padStart(2, '0');
  return `${Math.floor(minutes / 1440)}-${pad(Math.floor(minutes / 60) % 24)}:${pad(minutes % 60)}:00`;
}

/** Bytes of Slurm's sizes: "4000" (megabytes), "4G", "512M"; null for anything else. */
export function memoryBytes(text: string): number | null {
  const [, number, unit] = /^(\d+(?:\.\d+)?)([KMGT]?)B?$/i.exec(text.trim()) ?? [];
  if (number === undefined) return null;
  return (
    Number(number) *
    2 ** { K: 10, M: 20, G: 30, T: 40 }[(unit === '' ? 'M' : unit.toUpperCase()) as 'K' | 'M' | 'G' | 'T']
  );
}

export interface Resources {
  readonly cpus: number;
  /** Seconds and bytes asked for; null: the cluster's default. */
  readonly time: number | null;
  readonly memory: number | null;
}

/** Raises InputError, naming the limit, for a job that sbatch would refuse or that could never start. */
export function checkResources({ cpus, time, memory }: Resources, { partition }: ClusterLimits): void {
  if (partition === null) return;
  const { name } = partition;
  if (!partition.isUp) throw new InputError(`the partition ${name} is not up: jobs there would not start`);
  if (time !== null && partition.longest !== null && time > partition.longest)
    throw new InputError(
      `--time ${timeText(time)} is more than the partition ${name} allows, ${timeText(partition.longest)}; a run that takes longer continues through the queue by itself, so ask for the limit`,
    );
  if (partition.cpus !== null && cpus > partition.cpus)
    throw new InputError(
      `--cpus ${cpus}: the largest node of the partition ${name} has ${partition.cpus} cores; such a job could never start`,
    );
  if (memory !== null && partition.memory !== null && memory > partition.memory)
    throw new InputError(
      `--mem: ${formatBytes(memory)} are more than the largest node of the partition ${name} has, ${formatBytes(partition.memory)}; such a job could never start`,
    );
}
