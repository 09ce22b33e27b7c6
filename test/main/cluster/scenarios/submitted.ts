/** What is refused, what does not leak into a job, arrays that are split, ids that were lost, and a share without room. */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';
import { expect, test } from 'vitest';
import { memberPlaces } from '../../../../src/main/cluster/layout.ts';
import { readDone } from '../../../../src/main/cluster/state.ts';
import { sweepStatus } from '../../../../src/main/cluster/status.ts';
import type { SweepReport } from '../../../../src/shared/contract/index.ts';
import { openStore } from '../../../../src/main/store/index.ts';
import { cli } from '../../../support/cli.ts';
import { withMount } from '../../store/support/mounts.ts';
import { covature, slurm, until, untilDone } from '../kit.ts';
import { at, collectInto, experiments, fresh, held, submit, written } from '../support.ts';
import type { Collected, Submitted } from '../support.ts';

const { long, short } = experiments;

export function submittedTests(): void {
  test('5: what could not work is refused before sbatch', async () => {
    const to = fresh('refused');
    const rows = [
      ['--time', '2:00:00', '--time 0-02:00:00 is more than the partition main allows, 0-01:00:00'],
      ['--mem', '64G', 'could never start'],
      ['--cpus', '64', 'could never start'],
    ];
    for (const [option, value, message] of rows) {
      const { status, stderr } = await cli(['submit', at('grid.json'), '--slurm', '--to', to, option, value]);
      expect([status, existsSync(to)]).toEqual([2, false]);
      expect(stderr).toContain(message);
    }
  });

  test('5: submitted from inside a job of another size, with options for sbatch in the environment: nothing leaks', async () => {
    const to = fresh('inner');
    const environment = `${to}-environment`;
    const setup = `${to}-setup.sh`;
    writeFileSync(setup, `env | grep -E '^(SLURM|SBATCH)_' > ${environment}\n`);
    const entry = path.resolve('src/main/cli/index.ts');
    const inner =
      'SBATCH_TIMELIMIT=1 SBATCH_JOB_NAME=leaked SLURM_CPUS_PER_TASK=2 ' +
      `'${process.execPath}' '${entry}' submit ${at('short.json')} --slurm --to ${to} --time 7 --mem 800 --setup ${setup} -- --nodelist=n1`;
    slurm('sbatch', '--mem=300', '--cpus-per-task=2', '--nodelist=n1', `--output=${to}-outer.log`, `--wrap=${inner}`);
    await until('the inner sweep', () => existsSync(path.join(to, 'plan.json')));
    await untilDone(to);
    const variables = readFileSync(environment, 'utf8');
    expect(variables).toMatch(/^SLURM_MEM_PER_NODE=800$/m);
    expect(variables).toMatch(/^SLURM_CPUS_PER_TASK=1$/m);
    expect(variables).toMatch(/^SLURM_JOB_NAME=covature-/m);
    expect(variables).not.toMatch(/^SBATCH_/m);
  });

  test('5: a full share: the reason is told, and finished runs stay', async () => {
    await withMount(async ({ path: share }) => {
      const to = path.join(share, 'sweep');
      const file = written('two', { ...long, name: 'two', epochs: [60, long.epochs] });
      await submit('n1', file, to, '--snapshot-every', '2', '--at-once', '1');
      await until('the first member to be done', async () => (await sweepStatus(to)).members[0].status === 'done');
      const goOn = await held(to, 2, 0);
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
      goOn();
      const { members } = await untilDone(to);
      expect(members.map((each) => each.fault)).toEqual([null, null]);
      expect(await collectInto(fresh('store'), to)).toEqual(['added', 'added']);
    }, '3m');
  });

  test('more members than an array takes: it is split, and a task of the second part runs its own member', async () => {
    const to = fresh('split');
    const rates = Array.from({ length: 1003 }, (_, i) => 0.0001 * (i + 1));
    const file = written('split', { ...short, name: 'split', optimiser: { lr: rates } });
    const { jobs } = await submit('n1', file, to, '--', '--hold');
    expect(jobs.map(({ members }) => members)).toEqual(['1-1000', '1001-1003']);
    await covature('cluster', 'cancel', to);
    await until('both arrays to be gone', async () => (await sweepStatus(to)).counts.cancelled === 1003);
    const again = await covature<Submitted>('cluster', 'resubmit', to, '--members', '1002');
    expect(again.jobs.map(({ members }) => members)).toEqual(['1002']);
    // The plan's own options hold it.
    slurm('scontrol', 'release', again.jobs[0].job);
    const done = await until('member 1002 to be done', () => readDone(memberPlaces(to, 1002)));
    const store = fresh('store');
    await covature('cluster', 'collect', to, '--store', store);
    using opened = openStore(store, { readOnly: true });
    expect(opened.getRun(done.run)?.experiment).toMatchObject({ optimiser: { lr: rates[1001] } });
  });

  test('a job whose id was never written is found by its name: shown, not submitted twice, cancelled', async () => {
    const to = fresh('lost-id');
    const { jobs } = await submit('n1', at('grid.json'), to, '--', '--hold');
    const log = path.join(to, 'jobs.jsonl');
    const lines = readFileSync(log, 'utf8').trim().split('\n');
    expect(lines.map((line) => (JSON.parse(line) as { kind: string }).kind)).toEqual(['intent', 'submitted']);
    // As where the machine stopped between the two.
    writeFileSync(log, `${lines[0]}\n`);
    const { members } = await sweepStatus(to);
    expect(members.map(({ status, job }) => [status, job])).toEqual(
      members.map(({ member }) => ['waiting', `${jobs[0].job}_${member}`]),
    );
    const again = await cli(['cluster', 'resubmit', to]);
    expect([again.status, again.stderr]).toEqual([2, expect.stringContaining('there is nothing to submit')]);
    expect(await covature('cluster', 'cancel', to)).toEqual({ jobs: [jobs[0].job] });
    await until('it to be gone', () => slurm('squeue', '--noheader', `--jobs=${jobs[0].job}`).trim() === '');
  });

  test('out of memory, as Slurm says it: told, and how to go on', async () => {
    const to = fresh('memory');
    const { jobs } = await submit('n1', at('short.json'), to, '--', '--hold');
    // The kit does not hold jobs to their memory: this squeue says of one that was cancelled what a cluster says of one that took too much.
    await covature('cluster', 'cancel', to);
    writeFileSync(
      path.join(to, 'jobs.jsonl'),
      readFileSync(path.join(to, 'jobs.jsonl'), 'utf8').replace(/^.*"cancelled".*\n/m, ''),
    );
    const environment = withCommand('squeue', `/usr/bin/squeue "$@" | sed 's/|CANCELLED|/|OUT_OF_MEMORY|/'`);
    const told = await cli(['cluster', 'status', to], environment);
    expect(told.stdout).toContain('Slurm ended it: out of memory; resubmit it with more memory (--mem)');
    expect(told.stdout).toMatch(/\b1 lost\b/);
    const again = await cli(['cluster', 'resubmit', to, '--mem', '1G', '--json'], environment);
    expect(again.status, again.stderr).toBe(0);
    const [{ job }] = (JSON.parse(again.stdout) as Submitted).jobs;
    expect(job).not.toBe(jobs[0].job);
    expect(slurm('scontrol', 'show', 'job', job)).toMatch(/MinMemoryNode=1G/);
    slurm('scontrol', 'release', job);
    await until('it to be done', () => readDone(memberPlaces(to, 1)));
  });

  test('from a laptop, over a connection that is open: submitted, looked at and collected on the login node', async () => {
    const to = fresh('laptop');
    // An ssh that says so of its connection, and whose login node is this machine.
    const environment = withCommand(
      'ssh',
      `case " $* " in *' -G '*) echo 'controlpath none';; *' -O check '*) ;; *) exec bash -c "\${@: -1}";; esac`,
    );
    const entry = path.resolve('src/main/cli/index.ts');
    const there = ['--host', 'me@login', '--remote', `'${process.execPath}' '${entry}'`];
    const asked = async <T>(...args: string[]): Promise<T> => {
      const { status, stdout, stderr } = await cli(args, environment);
      expect(status, stderr).toBe(0);
      return JSON.parse(stdout) as T;
    };
    const words = ['--slurm', '--to', to, ...there, '--time', '10', '--mem', '600', '--json'];
    const { jobs } = await asked<Submitted>('submit', at('short.json'), ...words, '--', '--nodelist=n1');
    expect(jobs).toHaveLength(1);
    await until('it to be done', () => readDone(memberPlaces(to, 1)));
    const { counts } = await asked<SweepReport>('cluster', 'status', to, ...there, '--json');
    expect(counts).toEqual({ done: 1 });
    const store = ['--store', fresh('store')];
    const outcomes: string[] = [];
    for (let i = 0; i < 2; i++) {
      const { collected } = await asked<Collected>('cluster', 'collect', to, ...there, ...store, '--json');
      outcomes.push(...collected.map(({ outcome }) => outcome));
    }
    expect(outcomes).toEqual(['added', 'was-there']);
  });
}

/** An environment in which a command is a script of these words. */
function withCommand(name: string, words: string): { readonly PATH: string } {
  const commands = fresh('commands');
  mkdirSync(commands);
  writeFileSync(path.join(commands, name), `#!/bin/bash\n${words}\n`, { mode: 0o755 });
  return { PATH: `${commands}:${process.env['PATH'] ?? ''}` };
}
