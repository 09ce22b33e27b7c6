/** Sweeps on a real Slurm: what a user is promised, each held against the same runs made directly on this machine. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  rmSync,
  closeSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { memberPlaces } from '../../../src/main/cluster/layout.ts';
import { listSnapshots } from '../../../src/main/cluster/snapshots.ts';
import { readAttempts, readState } from '../../../src/main/cluster/state.ts';
import { sweepStatus } from '../../../src/main/cluster/status.ts';
import type { SweepReport } from '../../../src/shared/contract/index.ts';
import { openStore } from '../../../src/main/store/index.ts';
import { expandSweep } from '../../../src/shared/sweep.ts';
import { cli } from '../../support/cli.ts';
import { listeningPorts, processes } from '../../support/processes.ts';
import { describeWhere } from '../../support/skips.ts';
import { covature, daemonPid, kitFolder, kitReason, resultOf, slurm, startKit, until, untilDone } from './kit.ts';

/** Without a space: Slurm's own options take none in a path. */
const folder = path.join(tmpdir(), `covature-slurm-${process.pid}`);
/** Stores of the runs made directly. */
const direct = { grid: path.join(folder, 'direct-grid'), long: path.join(folder, 'direct-long') };
const collected = path.join(folder, 'collected');
const at = (name: string): string => path.join(folder, name);

const base = {
  dataset: { source: 'glyphs', train: 120, test: 40 },
  batch_size: 20,
};
const net = (units: number): unknown => ({
  input: [784],
  layers: [
    { type: 'dense', name: 'fc1', units },
    { type: 'activation', function: 'tanh' },
    { type: 'dense', name: 'fc2', units },
    { type: 'activation', function: 'tanh' },
    { type: 'dense', name: 'fc3', units: 10 },
  ],
  loss: 'cross-entropy',
});
/** 2 x 3, with a layer whose decomposition takes the library's threads (d = 676). */
const grid = {
  ...base,
  name: 'grid',
  model: net(26),
  optimiser: { lr: [0.1, 0.05, 0.02], momentum: [0, 0.9] },
  epochs: 2,
  measurements: [{ parameters: ['fc2.kernel'] }],
};
/** Long enough to be interrupted: some ten seconds of training. */
const long = (epochs: number): Record<string, unknown> => ({
  ...base,
  name: 'long',
  model: net(10),
  optimiser: { lr: 0.01, momentum: 0.9 },
  epochs,
  measurements: [{ parameters: ['fc2.kernel'] }],
});
const longEpochs = 8000;

function written(name: string, experiment: unknown): string {
  writeFileSync(at(name), JSON.stringify(experiment));
  return at(name);
}

interface Submitted {
  readonly jobs: readonly { readonly job: string; readonly members: string }[];
}

const submit = (file: string, to: string, ...options: string[]): Promise<Submitted> => {
  const dashes = options.indexOf('--');
  const [own, rest] = dashes < 0 ? [options, []] : [options.slice(0, dashes), options.slice(dashes)];
  return covature<Submitted>('submit', file, '--slurm', '--to', to, '--time', '5', '--mem', '900', ...own, ...rest);
};

/** Waits until a member trains and has come to a step. */
async function trainingAt(to: string, member: number, step: number): Promise<number> {
  return until(`member ${member} at step ${step}`, async () => {
    const state = await readState(memberPlaces(to, member));
    return state !== null && state.state === 'running' && state.step >= step ? state.step : null;
  });
}

/** The processes of a task: the program on the node and its worker. */
function taskOf(to: string): { readonly program: number; readonly worker: number | null }[] {
  const all = processes();
  return all
    .filter(({ command }) => command.includes(`cluster task ${to} `) && !command.startsWith('/bin/bash'))
    .map(({ pid }) => ({ program: pid, worker: all.find(({ parent }) => parent === pid)?.pid ?? null }));
}

function filesBelow(place: string): string[] {
  return readdirSync(place, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.join(entry.parentPath, entry.name));
}

function isDatabase(file: string): boolean {
  const start = Buffer.alloc(15);
  const handle = openSync(file, 'r');
  readSync(handle, start, 0, 15, 0);
  closeSync(handle);
  return start.toString() === 'SQLite format 3';
}

/** The same runs made directly, once for all tests that compare with them. */
const made = new Map<string, Promise<unknown>>();
function directly(name: 'grid' | 'long', ...options: string[]): Promise<unknown> {
  const args = ['run', at(`${name}.json`), ...options, '--store', direct[name]];
  const key = args.join(' ');
  const found = made.get(key) ?? covature(...args);
  made.set(key, found);
  return found;
}

/** Runs of a store by what tells them apart. */
function byMember(store: string, name: string): Map<string, string> {
  using opened = openStore(store, { readOnly: true });
  const { rows } = opened.listRuns({ limit: 1000, filter: `name = "${name}"` });
  return new Map(
    rows.map(({ id }) => {
      const { optimiser, seed, epochs } = opened.getRun(id)?.experiment as {
        optimiser: { lr: number; momentum: number };
        seed: number;
        epochs: number;
      };
      return [[optimiser.lr, optimiser.momentum, seed, epochs].join(' '), id];
    }),
  );
}

vi.setConfig({ testTimeout: 400_000 });

describeWhere(kitReason(), 'sweeps on Slurm', () => {
  const busy: ChildProcess[] = [];
  beforeAll(() => {
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    startKit();
    written('grid.json', grid);
    written('long.json', long(longEpochs));
  });
  afterAll(() => {
    for (const child of busy) child.kill('SIGKILL');
    spawn('bash', ['-c', `squeue -h -o %F | sort -u | xargs -r scancel; sleep 3; rm -rf ${folder}`], {
      detached: true,
      stdio: 'ignore',
    }).unref();
  });

  test('1: a grid with seeds, throttled, beside busy neighbours: every number bit for bit as run directly; collecting again adds none', async () => {
    await directly('grid', '--seeds', '1,2', '--threads', '2');
    for (let i = 0; i < 2; i++) busy.push(spawn(process.execPath, ['-e', 'for(;;);'], { stdio: 'ignore' }));
    const to = at('grid');
    const { jobs } = await submit(at('grid.json'), to, '--seeds', '1,2', '--at-once', '2', '--cpus', '2');
    expect(jobs.map(({ members }) => members)).toEqual(['1-12']);
    let most = 0;
    await until('the grid to be done', async () => {
      const running = slurm(
        'squeue',
        '--noheader',
        '--array',
        '--states=RUNNING',
        `--jobs=${jobs[0].job}`,
        '--format=%K',
      );
      most = Math.max(most, running.split('\n').filter((line) => line !== '').length);
      return (await sweepStatus(to)).counts.done === 12;
    });
    for (const child of busy.splice(0)) child.kill('SIGKILL');
    expect(most).toBe(2);
    const first = await covature<{ collected: { outcome: string }[] }>('cluster', 'collect', to, '--store', collected);
    expect(first.collected.map(({ outcome }) => outcome)).toEqual(Array(12).fill('added'));
    const again = await covature<{ collected: { outcome: string }[] }>('cluster', 'collect', to, '--store', collected);
    expect(again.collected.map(({ outcome }) => outcome)).toEqual(Array(12).fill('was-there'));
    const here = byMember(direct.grid, 'grid');
    const there = byMember(collected, 'grid');
    expect([...there.keys()].sort()).toEqual([...here.keys()].sort());
    expect(there.size).toBe(12);
    for (const [key, id] of there)
      expect(await resultOf(collected, id), key).toEqual(await resultOf(direct.grid, here.get(key) ?? ''));
    expect(expandSweep({ ...grid, seed: [1, 2] })).toHaveLength(12);
    expect(filesBelow(to).filter(isDatabase)).toEqual([]);
  });

  test('2: warned twice, then cancelled and submitted again, the newest snapshot cut short: identical, and at most one step lost', async () => {
    const to = at('warned');
    await submit(at('long.json'), to, '--seed', '1', '--snapshot-every', '1');
    const places = memberPlaces(to, 1);
    let step = 0;
    for (const attempt of [1, 2]) {
      const before = await trainingAt(to, 1, step + 500);
      const [{ program, worker }] = taskOf(to);
      slurm('scancel', '--signal=USR1', '--batch', (await sweepStatus(to)).members[0].job ?? '');
      expect([program, worker ?? NaN].map(listeningPorts)).toEqual([0, 0]);
      const next = await until('the next attempt', async () => (await readAttempts(places))[attempt]);
      expect(next.from_step).toBeGreaterThanOrEqual(before);
      step = next.from_step;
    }
    await trainingAt(to, 1, step + 500);
    await covature('cluster', 'cancel', to);
    await until('its end', async () => (await readState(places))?.state === 'paused' && taskOf(to).length === 0);
    await until('Slurm to be through with it', async () => (await sweepStatus(to)).members[0].status === 'cancelled');
    const [newest, before] = await listSnapshots(places.folder);
    expect(newest.step).toBe((await readState(places))?.step);
    truncateSync(newest.file, statSync(newest.file).size - 100);
    await covature('cluster', 'resubmit', to);
    await untilDone(to);
    const attempts = await readAttempts(places);
    expect(attempts.map(({ round, restart }) => [round, restart])).toEqual([
      [1, 0],
      [1, 1],
      [1, 2],
      [2, 0],
    ]);
    expect(attempts[3].from_step).toBe(before.step);
    await directly('long', '--seeds', '1,2,3', '--threads', '1');
    await covature('cluster', 'collect', to, '--store', collected);
    const run = (await sweepStatus(to)).members[0].run;
    expect(await resultOf(collected, run)).toEqual(
      await resultOf(direct.long, byMember(direct.long, 'long').get(`0.01 0.9 1 ${longEpochs}`) ?? ''),
    );
  });

  test('3: a worker killed, a node down, and slurmd killed with the old attempt alive: one run each, identical', async () => {
    const to = at('faults');
    // Two cores each: every member has a node of its own.
    await submit(at('long.json'), to, '--seeds', '1,2,3', '--snapshot-every', '1', '--', '--cpus-per-task=2');
    for (const member of [1, 2, 3]) await trainingAt(to, member, 500);
    const { members } = await sweepStatus(to);
    const nodes = members.map(({ node }) => node ?? '');
    const first = taskOf(to).find(({ program }) =>
      readFileSync(`/proc/${program}/environ`, 'utf8').includes(`SLURMD_NODENAME=${nodes[0]}`),
    );
    process.kill(first?.worker ?? NaN, 'SIGKILL');
    slurm('scontrol', 'update', `nodename=${nodes[1]}`, 'state=down', 'reason=test');
    process.kill(daemonPid(nodes[2]), 'SIGKILL');
    await until(
      'the node to be given up',
      () => /DOWN/.test(slurm('scontrol', 'show', 'node', nodes[2]).match(/State=\S+/)?.[0] ?? ''),
      60,
    );
    startKit();
    await untilDone(to, 150);
    const attempts = await Promise.all([1, 2, 3].map((member) => readAttempts(memberPlaces(to, member))));
    expect(attempts[0]).toHaveLength(1);
    expect(attempts[1].length).toBeGreaterThan(1);
    const result = await covature<{ collected: { outcome: string }[] }>(
      'cluster',
      'collect',
      to,
      '--store',
      at('faults-store'),
    );
    expect(result.collected.map(({ outcome }) => outcome)).toEqual(['added', 'added', 'added']);
    await directly('long', '--seeds', '1,2,3', '--threads', '1');
    const here = byMember(direct.long, 'long');
    const there = byMember(at('faults-store'), 'long');
    expect(there.size).toBe(3);
    for (const [key, id] of there)
      expect(await resultOf(at('faults-store'), id), key).toEqual(await resultOf(direct.long, here.get(key) ?? ''));
  });

  test('4: without slurmctld the state is unknown since when, and collecting works; a queue that has forgotten everything is no fault', async () => {
    const to = at('no-controller');
    await submit(at('long.json'), to, '--seed', '2', '--snapshot-every', '1');
    await trainingAt(to, 1, 1);
    const { slurm: last } = await sweepStatus(to);
    expect(last.answers).toBe(true);
    process.kill(daemonPid('slurmctld'), 'SIGKILL');
    const told = await cli(['cluster', 'status', to]);
    expect(told.status, told.stderr).toBe(0);
    expect(told.stdout).toContain(
      `Slurm does not answer (unknown since ${new Date(last.since ?? 0).toISOString().slice(0, 16)}`,
    );
    expect(told.stdout).not.toMatch(/failed|lost/);
    const cancelled = await cli(['cluster', 'cancel', to]);
    expect([cancelled.status, cancelled.stderr]).toEqual([
      2,
      expect.stringContaining('nothing was cancelled, as Slurm does not answer'),
    ]);
    const again = await cli(['cluster', 'collect', at('grid'), '--store', at('again'), '--json']);
    expect((JSON.parse(again.stdout) as { collected: unknown[] }).collected).toHaveLength(12);
    // The controller comes back without any memory of jobs, as right after MinJobAge; there is no accounting.
    for (const name of readdirSync(path.join(kitFolder, 'state')).filter((each) => each.startsWith('job_state')))
      rmSync(path.join(kitFolder, 'state', name));
    startKit();
    expect((await sweepStatus(at('grid'))).counts).toEqual({ done: 12 });
    const after = await until('an answer for the running member', async () => {
      const { members, slurm: now } = await sweepStatus(to);
      return now.answers ? members[0] : null;
    });
    expect(['running', 'done', 'lost', 'paused']).toContain(after.status);
  });

  test('5: what could not work is refused before sbatch; nothing of a surrounding job leaks; a full share is told of, and finished runs stay', async () => {
    const refused = await cli(['submit', at('grid.json'), '--slurm', '--to', at('refused'), '--time', '2:00:00']);
    expect([refused.status, existsSync(at('refused'))]).toEqual([2, false]);
    expect(refused.stderr).toContain('--time 0-02:00:00 is more than the partition main allows, 0-01:00:00');
    for (const [option, value, message] of [
      ['--mem', '64G', 'could never start'],
      ['--cpus', '64', 'could never start'],
    ]) {
      const other = await cli(['submit', at('grid.json'), '--slurm', '--to', at('refused'), option, value]);
      expect([other.status, existsSync(at('refused'))]).toEqual([2, false]);
      expect(other.stderr).toContain(message);
    }

    // From inside a job of other sizes, with options for sbatch in the environment as well.
    const short = written('short.json', { ...base, name: 'short', model: net(6), optimiser: { lr: 0.1 }, epochs: 1 });
    writeFileSync(at('setup.sh'), `env | grep -E '^(SLURM|SBATCH)_' > ${at('environment')}\n`);
    const entry = path.resolve('src/main/cli/index.ts');
    const inner = `SBATCH_TIMELIMIT=1 SBATCH_JOB_NAME=leaked SLURM_CPUS_PER_TASK=2 ${process.execPath} ${entry} submit ${short} --slurm --to ${at('inner')} --time 7 --mem 800 --setup ${at('setup.sh')}`;
    slurm('sbatch', '--parsable', '--mem=300', '--cpus-per-task=2', `--output=${at('outer.log')}`, `--wrap=${inner}`);
    await until('the inner sweep', () => existsSync(path.join(at('inner'), 'plan.json')));
    await untilDone(at('inner'));
    const environment = readFileSync(at('environment'), 'utf8');
    expect(environment).toMatch(/^SLURM_MEM_PER_NODE=800$/m);
    expect(environment).toMatch(/^SLURM_CPUS_PER_TASK=1$/m);
    expect(environment).toMatch(/^SLURM_JOB_NAME=covature-/m);
    expect(environment).not.toMatch(/^SBATCH_/m);

    // A connection that is not open is said to be, with the line that opens it.
    const began = performance.now();
    const ssh = await cli(['cluster', 'status', '/anywhere', '--host', 'nobody@127.0.0.1']);
    expect(ssh.status).toBe(2);
    expect(ssh.stderr).toMatch(/there is no open connection to nobody@127\.0\.0\.1[^]*ssh -fNM .* nobody@127\.0\.0\.1/);
    expect(performance.now() - began).toBeLessThan(5000);
  });

  test('5: a full share: the reason is told, and finished runs stay', async () => {
    const share = at('share');
    mkdirSync(share);
    slurm('mount', '-t', 'tmpfs', '-o', 'size=3m', 'tmpfs', share);
    try {
      const to = path.join(share, 'sweep');
      const file = written('two.json', { ...long(60), epochs: [60, longEpochs] });
      await submit(file, to, '--snapshot-every', '2', '--at-once', '1');
      await until('the first member to be done', async () => (await sweepStatus(to)).members[0].status === 'done');
      await trainingAt(to, 2, 1);
      // All that is left.
      expect(() => {
        writeFileSync(path.join(share, 'filler'), Buffer.alloc(4_000_000));
      }).toThrow(/ENOSPC/);
      const { fault } = await until('the fault', async () => {
        const { members } = await sweepStatus(to);
        return members[1].fault === null ? null : members[1];
      });
      expect(fault).toMatch(/the disk is full \(ENOSPC\)/);
      rmSync(path.join(share, 'filler'));
      await untilDone(to);
      const result = await covature<{ collected: { outcome: string }[] }>(
        'cluster',
        'collect',
        to,
        '--store',
        at('share-store'),
      );
      expect(result.collected.map(({ outcome }) => outcome)).toEqual(['added', 'added']);
    } finally {
      slurm('umount', '--lazy', share);
    }
  });

  test('6: a thousand members are planned and submitted in 5 s, and their status is there in 2 s', async () => {
    const to = at('thousand');
    const many = written('many.json', {
      ...base,
      name: 'many',
      model: net(6),
      optimiser: { lr: Array.from({ length: 500 }, (_, i) => 0.001 * (i + 1)) },
      epochs: 1,
    });
    let began = performance.now();
    const { jobs } = await submit(many, to, '--seeds', '1,2', '--', '--hold');
    const submitted = performance.now() - began;
    expect(jobs.map(({ members }) => members)).toEqual(['1-1000']);
    began = performance.now();
    const report = await covature<SweepReport>('cluster', 'status', to);
    const looked = performance.now() - began;
    expect(report.counts).toEqual({ waiting: 1000 });
    await covature('cluster', 'cancel', to);
    expect([submitted < 5000, looked < 2000], `${submitted.toFixed(0)} ms, ${looked.toFixed(0)} ms`).toEqual([
      true,
      true,
    ]);
  });
});
