/** The same operations on a sweep on this machine or on a host that is reached by ssh. */
import * as path from 'node:path';
import type { MemberReport, SweepReport } from '../../shared/contract/index.ts';
import { cancelSweep, resubmit } from './control.ts';
import type { Resubmitted } from './control.ts';
import { fromFolder } from './collect.ts';
import type { Fetching } from './collect.ts';
import { memberPlaces } from './layout.ts';
import { memoryBytes, limitSeconds } from './partition.ts';
import { connectHost, fetchRemoteFile, remoteJson } from './remote.ts';
import type { Remote } from './remote.ts';
import { sweepStatus } from './status.ts';

/** Options as the user wrote them; undefined: not given. */
export interface ResubmitWords {
  readonly members?: string | undefined;
  readonly chosen?: readonly number[] | undefined;
  readonly time?: string | undefined;
  readonly mem?: string | undefined;
}

export interface SweepPlace {
  readonly status: () => Promise<SweepReport>;
  readonly cancel: () => Promise<readonly string[]>;
  readonly resubmit: (words: ResubmitWords) => Promise<Resubmitted>;
  /** @param scratch folder for files on their way from the other host */
  readonly fetching: (scratch: string) => Fetching;
  readonly remote: Remote | null;
}

/** Raises InputError if a host has no open connection. */
export async function sweepPlaceOf(folder: string, host: string | null, command?: string): Promise<SweepPlace> {
  return host === null ? here(path.resolve(folder)) : there(await connectHost(host, command), folder);
}

function here(folder: string): SweepPlace {
  return {
    status: () => sweepStatus(folder),
    cancel: () => cancelSweep(folder),
    resubmit: ({ chosen, time, mem }) =>
      resubmit(
        folder,
        { time: time === undefined ? null : limitSeconds(time), memory: mem === undefined ? null : memoryBytes(mem) },
        { chosen },
      ),
    fetching: () => fromFolder(folder),
    remote: null,
  };
}

function there(remote: Remote, folder: string): SweepPlace {
  const ask = async <T>(...words: string[]): Promise<T> => (await remoteJson(remote, ['cluster', ...words])) as T;
  return {
    status: () => ask<SweepReport>('status', folder),
    cancel: async () => (await ask<{ readonly jobs: readonly string[] }>('cancel', folder)).jobs,
    resubmit: (words) => {
      const options = (['members', 'time', 'mem'] as const).flatMap((name) => {
        const value = words[name];
        return value === undefined ? [] : [`--${name}`, value];
      });
      return ask<Resubmitted>('resubmit', folder, ...options);
    },
    fetching: (scratch) => ({
      finished: async ({ member }: MemberReport) => {
        const file = path.join(scratch, `${member}.covature`);
        await fetchRemoteFile(remote, memberPlaces(folder, member).run, file);
        return { file, isOwn: true };
      },
    }),
    remote,
  };
}
