/** The sweeps on clusters that a store knows of, for the windows: a list among its settings, and what was last read of each. */
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import * as v from 'valibot';
import { FaultError } from '../../shared/contract/index.ts';
import type { CollectedSweep, KnownSweep, SweepStanding } from '../../shared/contract/index.ts';
import type { Json, Store } from '../store/index.ts';
import { collect } from './collect.ts';
import { sweepPlaceOf } from './places.ts';
import type { ResubmitWords, SweepPlace } from './places.ts';

const listSchema = v.array(
  v.object({
    id: v.string(),
    name: v.string(),
    folder: v.string(),
    host: v.nullable(v.string()),
    remote: v.nullable(v.string()),
    added: v.number(),
  }),
);

const settingName = 'clusters';

export class ClusterSweeps {
  /** Milliseconds between two looks at files and queue: so that a login node is not asked more often. */
  patience = 60_000;
  readonly #store: () => Store;
  readonly #read = new Map<string, { readonly time: number; readonly answer: Promise<SweepStanding['report']> }>();

  constructor(store: () => Store) {
    this.#store = store;
  }

  list(): KnownSweep[] {
    const result = v.safeParse(listSchema, this.#store().getSetting(settingName));
    return result.success ? result.output.toSorted((a, b) => b.added - a.added) : [];
  }

  /** Returns the existing entry if the sweep is already known. */
  add(sweep: Omit<KnownSweep, 'id' | 'added'>): KnownSweep {
    const list = this.list();
    const known = list.find(({ folder, host }) => folder === sweep.folder && host === sweep.host);
    if (known !== undefined) return known;
    const added = { ...sweep, id: randomUUID(), added: Date.now() };
    this.#write([added, ...list]);
    return added;
  }

  forget(id: string): void {
    this.#write(this.list().filter((each) => each.id !== id));
    this.#read.delete(id);
  }

  /** Raises `not-found`. */
  get(id: string): KnownSweep {
    const sweep = this.list().find((each) => each.id === id);
    if (sweep === undefined) throw new FaultError('not-found', 'this sweep is no longer in the list');
    return sweep;
  }

  place(sweep: KnownSweep): Promise<SweepPlace> {
    return sweepPlaceOf(sweep.folder, sweep.host, sweep.remote ?? undefined);
  }

  async status(id: string): Promise<SweepStanding> {
    const sweep = this.get(id);
    let read = this.#read.get(id);
    if (read === undefined || Date.now() - read.time >= this.patience) {
      read = { time: Date.now(), answer: this.place(sweep).then((place) => place.status()) };
      this.#read.set(id, read);
      // What could not be read is asked for again the next time.
      read.answer.catch(() => this.#read.delete(id));
    }
    const report = await read.answer;
    const store = this.#store();
    const collected = report.members.flatMap(({ member, run, status }) => {
      const there = status === 'done' ? store.getRun(run)?.status : undefined;
      return there === 'done' || there === 'diverged' ? [member] : [];
    });
    return { report, time: read.time, next: read.time + this.patience, collected };
  }

  async collect(id: string, onProgress: (share: number) => void): Promise<CollectedSweep> {
    const place = await this.place(this.get(id));
    const { members } = await place.status();
    this.#read.delete(id);
    const scratch = await mkdtemp(path.join(tmpdir(), 'covature-collect-'));
    try {
      const collected = await collect(this.#store(), members, place.fetching(scratch), (done, of) => {
        onProgress(done / of);
      });
      const count = (outcome: (typeof collected)[number]['outcome']): number =>
        collected.filter((each) => each.outcome === outcome).length;
      return {
        added: count('added'),
        newer: count('newer'),
        wasThere: count('was-there'),
        damaged: collected.flatMap(({ member, error }) => (error === null ? [] : [`member ${member}: ${error}`])),
      };
    } finally {
      await rm(scratch, { recursive: true, force: true });
    }
  }

  async cancel(id: string): Promise<readonly string[]> {
    const place = await this.place(this.get(id));
    this.#read.delete(id);
    return await place.cancel();
  }

  async resubmit(id: string, words: ResubmitWords): Promise<readonly number[]> {
    const place = await this.place(this.get(id));
    const { members } = await place.resubmit(words);
    this.#read.delete(id);
    return members;
  }

  #write(list: readonly KnownSweep[]): void {
    this.#store().setSetting(settingName, list as unknown as Json);
  }
}
