/** Brings finished runs into a store: each is compared with the checksum in its done.json. The same run is stored once, however often it is collected. */
import { rm } from 'node:fs/promises';
import type { MemberReport } from '../../shared/contract/index.ts';
import { InputError, messageOf } from '../../shared/errors.ts';
import { importRunFile } from '../services/run-file.ts';
import type { Store } from '../store/index.ts';
import { fileHash, memberPlaces } from './layout.ts';
import { listSnapshots } from './snapshots.ts';

export interface Collected {
  readonly member: number;
  readonly run: string;
  readonly outcome: 'added' | 'newer' | 'was-there' | 'damaged';
  readonly error: string | null;
}

/** Where the files of a sweep lie: here, or on another machine from which they are fetched. */
export interface Fetching {
  /** A file with the run of a finished member, on this machine; `isOwn`: to be removed afterwards. */
  readonly finished: (member: MemberReport) => Promise<{ readonly file: string; readonly isOwn: boolean }>;
}

export function fromFolder(folder: string): Fetching {
  return { finished: ({ member }) => Promise.resolve({ file: memberPlaces(folder, member).run, isOwn: false }) };
}

/** Collects the members that are done. Faults of single members are reported, and the others are collected. */
export async function collect(
  store: Store,
  members: readonly MemberReport[],
  fetching: Fetching,
  onProgress: (done: number, of: number) => void = () => undefined,
): Promise<Collected[]> {
  const finished = members.filter(({ status }) => status === 'done');
  const collected: Collected[] = [];
  for (const report of finished) {
    onProgress(collected.length, finished.length);
    collected.push(await collectOne(store, report, fetching));
  }
  return collected;
}

async function collectOne(store: Store, report: MemberReport, fetching: Fetching): Promise<Collected> {
  const { member, run, file } = report;
  const there = store.getRun(run);
  if (there !== undefined && (there.status === 'done' || there.status === 'diverged') && there.step >= report.step)
    return { member, run, outcome: 'was-there', error: null };
  try {
    const place = await fetching.finished(report);
    try {
      if ((await fileHash(place.file)) !== file?.sha256)
        throw new InputError('run.covature is not the file that done.json describes: it was damaged or changed');
      const { id, added, replaced } = await importRunFile(store, place.file);
      return { member, run: id, outcome: replaced === true ? 'newer' : added ? 'added' : 'was-there', error: null };
    } finally {
      if (place.isOwn) await rm(place.file, { force: true });
    }
  } catch (error) {
    return { member, run, outcome: 'damaged', error: messageOf(error) };
  }
}

/** Collects the newest complete snapshots of unfinished members, to look at them in the meantime: they arrive as interrupted runs. */
export async function collectUnfinished(
  store: Store,
  folder: string,
  members: readonly MemberReport[],
): Promise<Collected[]> {
  const collected: Collected[] = [];
  for (const { member, run, status } of members) {
    if (status === 'done') continue;
    const places = memberPlaces(folder, member);
    for (const { file } of await listSnapshots(places.folder)) {
      try {
        const { added, replaced } = await importRunFile(store, file, places.arrays);
        collected.push({
          member,
          run,
          outcome: replaced === true ? 'newer' : added ? 'added' : 'was-there',
          error: null,
        });
        break;
      } catch (error) {
        collected.push({ member, run, outcome: 'damaged', error: messageOf(error) });
      }
    }
  }
  return collected;
}
