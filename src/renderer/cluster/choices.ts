/** The cluster settings of New experiment: texts as typed, and the request made from them. */
import * as v from 'valibot';
import type { Params } from '../../shared/contract/index.ts';
import { readerOf } from '../state/reader.ts';

const text = v.fallback(v.string(), '');
const clusterChoices = v.object({
  /** Never kept: a sweep meant for this computer must not go to a cluster. */
  on: v.fallback(
    v.custom<'here' | 'cluster'>((stored) => stored === 'here'),
    'here',
  ),
  folder: text,
  /** Empty: the cluster's commands are on this computer. */
  host: text,
  remote: text,
  atOnce: text,
  cpus: text,
  time: text,
  memory: text,
  options: text,
});
export type ClusterChoices = Readonly<v.InferOutput<typeof clusterChoices>>;

export const noCluster: ClusterChoices = v.parse(clusterChoices, {});
/** The settings kept from an earlier window; undefined if they are not valid. */
export const readChoices = readerOf(clusterChoices);

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
