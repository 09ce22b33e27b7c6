/** What tests on a real Slurm share: experiments, their runs made directly, sweeps of their own, and the processes of a task. */
import { readFileSync, writeFileSync } from 'node:fs';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { expect } from 'vitest';
import { cancelSweep } from '../../../src/main/cluster/control.ts';
import { memberPlaces } from '../../../src/main/cluster/layout.ts';
import { readState } from '../../../src/main/cluster/state.ts';
import type { MemberState } from '../../../src/main/cluster/state.ts';
import { openStore } from '../../../src/main/store/index.ts';
import { processes } from '../../support/processes.ts';
import { covature, resultOf, until } from './kit.ts';

/** Without a space: Slurm's own options take none in a path. */
export const folder = path.join(tmpdir(), `covature-slurm-${process.pid}`);
export const at = (name: string): string => path.join(folder, name);

let count = 0;
/** A path that nothing has had yet: a test that is tried again begins anew. */
export const fresh = (name: string): string => at(`${name}-${++count}`);

const net = (units: number | readonly number[], first = 10): unknown => ({
  input: [784],
  layers: [
    { type: 'dense', name: 'fc1', units: first },
    { type: 'activation', function: 'tanh' },
    { type: 'dense', name: 'fc2', units },
    { type: 'activation', function: 'tanh' },
    { type: 'dense', name: 'fc3', units: 10 },
  ],
  loss: 'cross-entropy',
});
const base = { dataset: { source: 'glyphs', train: 120, test: 40 }, batch_size: 20 };
const measurements = [{ parameters: ['fc2.kernel'] }];
export const experiments = {
  /** 2 x 3; the wider ones have a layer whose decomposition takes the library's threads (d = 625). */
  grid: {
    ...base,
    name: 'grid',
    model: net([25, 8], 25),
    optimiser: { lr: [0.1, 0.05, 0.02], momentum: 0.9 },
    epochs: 2,
    measurements,
  },
  /** 48,000 steps, to be interrupted. */
  long: {
    ...base,
    name: 'long',
    model: net(10),
    optimiser: { lr: 0.01, momentum: 0.9 },
    epochs: 8000,
    measurements,
  },
  short: { ...base, name: 'short', model: net(6), optimiser: { lr: 0.1 }, epochs: 1 },
};

/** The file of an experiment. */
export function written(name: string, experiment: unknown): string {
  writeFileSync(at(`${name}.json`), JSON.stringify(experiment));
  return at(`${name}.json`);
}

export interface Collected {
  readonly collected: readonly { readonly outcome: string }[];
}

export interface Submitted {
  readonly jobs: readonly { readonly job: string; readonly members: string }[];
}

/** Submits to one node, so that what happens to others does not disturb it. Options of sbatch come after "--". */
export function submit(node: string, file: string, to: string, ...options: string[]): Promise<Submitted> {
  const dashes = options.indexOf('--');
  const own = dashes < 0 ? options : options.slice(0, dashes);
  const rest = dashes < 0 ? [] : options.slice(dashes + 1);
  const asked = ['--time', '10', '--mem', '600', ...own];
  return covature('submit', file, '--slurm', '--to', to, ...asked, '--', `--nodelist=${node}`, ...rest);
}

/** Waits until a member trains in its attempt number `restart`, and for some more steps. */
export async function training(to: string, member: number, restart: number): Promise<MemberState> {
  const found = await until(`member ${member} to train in attempt ${restart}`, async () => {
    const state = await readState(memberPlaces(to, member));
    return state?.state === 'running' && state.restart === restart ? state : null;
  });
  // Whole, the training takes three seconds on a quiet core.
  await new Promise((resolve) => setTimeout(resolve, 300));
  return found;
}

/** The same, and that it then holds still: what is done to it finds it at work, however fast it is. Answers how it goes on. */
export async function held(to: string, member: number, restart: number): Promise<() => void> {
  await training(to, member, restart);
  // A process that was found may have ended by now: the one that trains is the one that can be stopped.
  const worker = await until(`the worker of member ${member}, attempt ${restart}, to be stopped`, async () => {
    const { worker } = await taskAt(to, member, restart);
    try {
      process.kill(worker, 'SIGSTOP');
      return worker;
    } catch {
      return null;
    }
  });
  return () => {
    signalled('SIGCONT', worker);
  };
}

export interface TaskProcesses {
  readonly member: number;
  /** Counted by Slurm, from 0. */
  readonly restart: number;
  /** The program on the node, and its worker. */
  readonly program: number;
  readonly worker: number | null;
}

/** The processes of tasks that are there, of one sweep or of all below a folder. */
export function tasksOf(to: string): TaskProcesses[] {
  const all = processes();
  return all.flatMap(({ pid, command }) => {
    if (!/ cluster task (\S+) /.exec(command)?.[1].startsWith(to) || command.startsWith('/bin/bash')) return [];
    const variable = (name: string): number =>
      Number(new RegExp(`\\0${name}=(\\d+)`).exec(environmentOf(pid))?.[1] ?? 0);
    const worker = all.find(({ parent, command: own }) => parent === pid && own.includes('worker'))?.pid ?? null;
    return [
      { member: variable('SLURM_ARRAY_TASK_ID'), restart: variable('SLURM_RESTART_COUNT'), program: pid, worker },
    ];
  });
}

function environmentOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'utf8');
  } catch {
    return '';
  }
}

/** The processes of a member in an attempt, its worker among them. */
export function taskAt(
  to: string,
  member: number,
  restart: number,
): Promise<TaskProcesses & { readonly worker: number }> {
  return until(`the worker of member ${member}, attempt ${restart}`, () => {
    const found = tasksOf(to).find((each) => each.member === member && each.restart === restart);
    const worker = found?.worker ?? null;
    return found === undefined || worker === null ? null : { ...found, worker };
  });
}

/** Sends a signal to processes that may be gone meanwhile. */
export function signalled(signal: NodeJS.Signals, ...pids: readonly (number | null)[]): void {
  for (const pid of pids) {
    try {
      if (pid !== null) process.kill(pid, signal);
    } catch {
      // It is gone.
    }
  }
}

/** Runs of a store by what tells them apart. */
export function byMember(store: string): Map<string, string> {
  using opened = openStore(store, { readOnly: true });
  const { rows } = opened.listRuns({ limit: 1000 });
  return new Map(
    rows.map(({ id }) => {
      const { name: _name, ...what } = opened.getRun(id)?.experiment as Readonly<Record<string, unknown>>;
      return [JSON.stringify(what), id];
    }),
  );
}

const made = new Map<string, Promise<string>>();
/** The store of runs made directly on this machine, once for all tests that compare with them. */
export function directly(name: 'grid' | 'long', seeds: string, threads: number): Promise<string> {
  const found = made.get(name) ?? makeDirectly(name, seeds, threads);
  made.set(name, found);
  found.catch(() => made.delete(name));
  return found;
}

async function makeDirectly(name: 'grid' | 'long', seeds: string, threads: number): Promise<string> {
  const store = fresh(`direct-${name}`);
  await covature('run', at(`${name}.json`), '--seeds', seeds, '--threads', String(threads), '--store', store);
  return store;
}

/** Collects a sweep into a store. Answers what came of each member. */
export async function collectInto(store: string, to: string): Promise<string[]> {
  const { collected } = await covature<Collected>('cluster', 'collect', to, '--store', store);
  return collected.map(({ outcome }) => outcome);
}

/** Collects a sweep into a store of its own and holds every run in it, to the bit, against the same run made directly. Answers how many there are. */
export async function expectSameAs(direct: string, to: string, store = fresh('store')): Promise<number> {
  const outcomes = await collectInto(store, to);
  expect(new Set(outcomes)).toEqual(new Set(['added']));
  const here = byMember(direct);
  const there = byMember(store);
  expect(there.size).toBe(outcomes.length);
  for (const [key, id] of there)
    expect(await resultOf(store, id), key).toEqual(await resultOf(direct, here.get(key) ?? ''));
  return there.size;
}

/** Takes the jobs of every sweep of these tests out of the queue, and no other. */
export async function cancelOwn(): Promise<void> {
  const names = fs.existsSync(folder) ? fs.readdirSync(folder, { recursive: true, encoding: 'utf8' }) : [];
  for (const name of names) if (path.basename(name) === 'plan.json') await cancelSweep(path.dirname(at(name)));
}
