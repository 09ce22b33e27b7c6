/** Which members of a sweep a command means: --seed, --seeds, --member, --members. Members are numbered from 1 in the order of `parseSweep`. */
import type { Experiment } from '../../shared/experiment.ts';
import { parseSweep, withSeeds } from '../../shared/sweep.ts';
import type { Sweep } from '../../shared/sweep.ts';
import { integerOption, UsageError } from './command.ts';

export const sweepFlags = {
  seed: { type: 'string' },
  seeds: { type: 'string' },
  member: { type: 'string' },
  members: { type: 'string' },
} as const;

export interface SweepValues {
  readonly seed?: string | undefined;
  readonly seeds?: string | undefined;
  readonly member?: string | undefined;
  readonly members?: string | undefined;
}

export interface Member {
  /** From 1. */
  readonly number: number;
  readonly experiment: Experiment;
}

/** The seeds that were asked for; undefined: those of the document. */
export function seedsOf(values: SweepValues): number[] | undefined {
  return seedList(values.seed, values.seeds);
}

/** The sweep of a document with the seeds that were asked for. Raises InputError and UsageError. */
export function sweepOf(document: unknown, what: string, values: SweepValues): Sweep {
  const seeds = seedsOf(values);
  return parseSweep(seeds === undefined ? document : withSeeds(document, seeds), what);
}

/** The members that were asked for, all where none were named. Raises InputError for a combination that is wrong, and UsageError. */
export function membersOf(sweep: Sweep, values: SweepValues): Member[] {
  return memberNumbers(values, sweep.count).map((number) => ({ number, experiment: sweep.at(number - 1).experiment }));
}

/** Raises UsageError for what is no member or no range of members. */
export function memberNumbers({ member, members }: SweepValues, count: number): number[] {
  if (member !== undefined && members !== undefined) throw new UsageError('--member and --members exclude each other');
  const text = member ?? members;
  const name = member !== undefined ? 'member' : 'members';
  if (text === undefined) return Array.from({ length: count }, (_, index) => index + 1);
  const range = (member === undefined ? /^(\d+)(?:-(\d+))?$/ : /^(\d+)$/).exec(text.trim());
  if (range === null) {
    const expected = member === undefined ? 'a member or a range as 3-10' : 'the number of a member';
    throw new UsageError(`--${name}: expected ${expected}, received "${text}"`);
  }
  const first = Number(range[1]);
  const last = Number(range[2] ?? range[1]);
  if (!(first >= 1 && first <= last && last <= count))
    throw new UsageError(`--${name}: there are members 1 to ${count}; received "${text}"`);
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
}

function seedList(one: string | undefined, many: string | undefined): number[] | undefined {
  if (one !== undefined && many !== undefined) throw new UsageError('--seed and --seeds exclude each other');
  const single = integerOption(one, 'seed', 0);
  if (single !== undefined) return [single];
  if (many === undefined) return undefined;
  return many.split(',').map((text) => {
    const seed = integerOption(text.trim(), 'seeds', 0);
    if (seed === undefined || text.trim() === '')
      throw new UsageError(`--seeds: expected integers separated by commas, received "${many}"`);
    return seed;
  });
}
