/** The cluster settings of New experiment: texts as typed, and the request made from them. */
import type { Params } from '../../shared/contract/index.ts';

export interface ClusterChoices {
  readonly on: 'here' | 'cluster';
  readonly folder: string;
  /** Empty: the cluster's commands are on this computer. */
  readonly host: string;
  readonly remote: string;
  readonly atOnce: string;
  readonly cpus: string;
  readonly time: string;
  readonly memory: string;
  readonly options: string;
}

export const noCluster: ClusterChoices = {
  on: 'here',
  folder: '',
  host: '',
  remote: '',
  atOnce: '',
  cpus: '',
  time: '',
  memory: '',
  options: '',
};

/** The settings kept from an earlier window; undefined if they are not valid. */
export function readChoices(stored: unknown): ClusterChoices | undefined {
  if (typeof stored !== 'object' || stored === null) return undefined;
  const texts = Object.entries(stored).filter(([name, value]) => name in noCluster && typeof value === 'string');
  // Where to run is chosen again each time: a sweep meant for this computer must not go to a cluster.
  return { ...noCluster, ...(Object.fromEntries(texts) as Partial<ClusterChoices>), on: 'here' };
}

/** Raises an Error naming the field with an impossible value. */
export function submission(experiment: unknown, choices: ClusterChoices): Params<'clusters.submit'> {
  const { folder, host, remote, atOnce, cpus, time, memory, options } = choices;
  if (folder.trim() === '') throw new Error('Folder: a folder that login and compute nodes share is needed');
  return {
    experiment,
    folder: folder.trim(),
    host: host.trim() === '' ? null : host.trim(),
    remote: remote.trim() === '' ? null : remote.trim(),
    atOnce: atOnce.trim() === '' ? null : wholeNumber(atOnce, 'Runs at once'),
    cpus: cpus.trim() === '' ? 1 : wholeNumber(cpus, 'Cores each'),
    time: time.trim(),
    memory: memory.trim(),
    options: options.split(/\s+/).filter((word) => word !== ''),
  };
}

function wholeNumber(text: string, field: string): number {
  const value = Number(text);
  if (!(Number.isSafeInteger(value) && value >= 1)) throw new Error(`${field}: expected a whole number of at least 1`);
  return value;
}
