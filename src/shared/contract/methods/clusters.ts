/** Sweeps on a cluster: what a window shows about them, and what it can do with them. */
import * as v from 'valibot';
import { integer } from '../../validation.ts';
import { id, method, none, textUpTo } from '../define.ts';

/**
 * done: its run is there, to be collected. waiting: in the queue. paused: it can continue, but no job will continue it. lost: its job is gone without saying why. unknown:
 * Slurm does not answer, and the member's own last message is old.
 */
export const memberStatuses = [
  'done',
  'running',
  'waiting',
  'paused',
  'failed',
  'cancelled',
  'lost',
  'unknown',
  'not-submitted',
] as const;
export type MemberStatus = (typeof memberStatuses)[number];

export interface MemberReport {
  /** From 1. */
  readonly member: number;
  readonly run: string;
  readonly status: MemberStatus;
  /** Why it is waiting, failed or stopped; or what went wrong while it ran. */
  readonly reason: string | null;
  readonly fault: string | null;
  /** "12_7". */
  readonly job: string | null;
  readonly node: string | null;
  /** Of the newest round. */
  readonly attempt: number;
  readonly step: number;
  readonly steps: number | null;
  readonly share: number;
  readonly stage: string | null;
  readonly secondsLeft: number | null;
  /** When its state was last written. */
  readonly seen: number | null;
  readonly metrics: Readonly<Record<string, number>>;
  /** Of a finished run. */
  readonly file: { readonly bytes: number; readonly sha256: string } | null;
}

export interface SweepReport {
  readonly folder: string;
  readonly name: string;
  readonly members: readonly MemberReport[];
  readonly counts: Readonly<Partial<Record<MemberStatus, number>>>;
  readonly slurm: {
    readonly answers: boolean;
    readonly error: string | null;
    /** When it last answered; null: never to this sweep. */
    readonly since: number | null;
  };
  /** What Slurm says of its pilot job; null without. */
  readonly pilot: string | null;
  /** The limits of each task when members were last submitted, as sbatch writes them; null: the cluster's default. */
  readonly asked: { readonly time: string | null; readonly memory: string | null };
}

/** A sweep that this store knows of. */
export interface KnownSweep {
  readonly id: string;
  readonly name: string;
  readonly folder: string;
  /** The login node; null: this machine. */
  readonly host: string | null;
  /** The command that runs covature there; null: "covature". */
  readonly remote: string | null;
  readonly added: number;
}

export interface SweepStanding {
  readonly report: SweepReport;
  /** When it was read, and when it will be read again at the earliest. */
  readonly time: number;
  readonly next: number;
  /** Members whose finished run is in the store. */
  readonly collected: readonly number[];
}

export interface CollectedSweep {
  readonly added: number;
  readonly newer: number;
  readonly wasThere: number;
  /** What is wrong with the others, one line each. */
  readonly damaged: readonly string[];
}

const place = {
  /** The folder of the sweep, as the cluster sees it. */
  folder: v.pipe(textUpTo(4096), v.minLength(1, 'expected a folder that the nodes share')),
  host: v.exactOptional(v.nullable(textUpTo(200)), null),
  remote: v.exactOptional(v.nullable(textUpTo(1000)), null),
};
const amount = v.exactOptional(textUpTo(40), '');

export const clusters = {
  /** In the order in which they were added, the newest first. */
  'clusters.list': method<readonly KnownSweep[]>()(none),
  /** Submits the members of an experiment with lists of values. Times and sizes as for sbatch; empty: the cluster's default. */
  'clusters.submit': method<KnownSweep>()(
    v.strictObject({
      experiment: v.unknown(),
      ...place,
      cpus: v.exactOptional(integer(1), 1),
      atOnce: v.exactOptional(v.nullable(integer(1)), null),
      time: amount,
      memory: amount,
      /** Further options for sbatch, one a word. */
      options: v.exactOptional(v.pipe(v.array(textUpTo(1000)), v.maxLength(100)), []),
    }),
  ),
  /** Shows a sweep that was submitted elsewhere, as by the command line. */
  'clusters.add': method<KnownSweep>()(v.strictObject(place)),
  /** Removes it from the list; its files and jobs stay. */
  'clusters.forget': method<null>()(v.strictObject({ id })),
  /** Reads files and queue at most once a minute, and after an action from here; in between it returns the last answer. */
  'clusters.status': method<SweepStanding>()(v.strictObject({ id })),
  'clusters.collect': method<CollectedSweep>()(v.strictObject({ id })),
  /** Returns the jobs that were removed from the queue. */
  'clusters.cancel': method<{ readonly jobs: readonly string[] }>()(v.strictObject({ id })),
  /** Submits the members that are neither done nor in the queue; returns those members. */
  'clusters.resubmit': method<{ readonly members: readonly number[] }>()(
    v.strictObject({ id, time: amount, memory: amount }),
  ),
};
