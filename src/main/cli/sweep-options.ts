/** Which members of a sweep a command means: --seed, --seeds, --member, --members. Members are numbered from 1 in the order of `parseSweep`. */
import * as v from 'valibot';
import type { Optional } from '../../shared/defined.ts';
import type { Experiment } from '../../shared/experiment.ts';
import { parseSweep, withSeeds } from '../../shared/sweep.ts';
import type { Sweep } from '../../shared/sweep.ts';
import { integer } from '../../shared/validation.ts';
import type { Flags, FlagValues } from './flags.ts';
import { UsageError } from './usage-error.ts';

export const sweepFlags = {
  seed: { schema: integer(0), value: 'N', help: "instead of the experiment's seed", excludes: ['seeds'] },
  seeds: { schema: v.array(integer(0)), commas: true, value: 'N', help: 'one run per seed, one after the other' },
  member: {
    schema: v.string(),
    value: 'K',
    help: 'only run K of the sweep, counted from 1',
    excludes: ['members'],
  },
  members: { schema: v.string(), value: 'A-B', help: 'only these' },
} as const satisfies Flags;

export type SweepValues = Optional<FlagValues<typeof sweepFlags>>;

export interface SweepMember {
  /** From 1. */
  readonly number: number;
  readonly experiment: Experiment;
}

/** The seeds that were asked for; undefined: those of the document. */
export function seedsOf(values: SweepValues): number[] | undefined {
  if (values.seed !== undefined) return [values.seed];
  return values.seeds;
}

/** The sweep of a document with the seeds that were asked for. Raises InputError and UsageError. */
export function sweepOf(document: unknown, what: string, values: SweepValues): Sweep {
  const seeds = seedsOf(values);
  return parseSweep(seeds === undefined ? document : withSeeds(document, seeds), what);
}

/** The members that were asked for, all if none were named. Raises InputError for a combination that is wrong, and UsageError. */
export function sweepMembers(sweep: Sweep, values: SweepValues): SweepMember[] {
  return memberNumbers(values, sweep.count).map((number) => ({ number, experiment: sweep.at(number - 1).experiment }));
}

/** Raises UsageError for anything that is not a member or a range of members. */
export function memberNumbers({ member, members }: SweepValues, count: number): number[] {
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
