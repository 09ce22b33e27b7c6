/** Members that are warned, cancelled, or come no further. */
import { statSync, truncateSync } from 'node:fs';
import { expect, test } from 'vitest';
import { memberPlaces } from '../../../../src/main/cluster/layout.ts';
import { listSnapshots } from '../../../../src/main/cluster/snapshots.ts';
import { readAttempts, readState } from '../../../../src/main/cluster/state.ts';
import { sweepStatus } from '../../../../src/main/cluster/status.ts';
import { listeningPorts } from '../../../support/processes.ts';
import { covature, slurm, slurmAccepts, until, untilDone } from '../kit.ts';
import { at, directly, expectSameAs, fresh, held, signalled, submit, taskAt, tasksOf, training } from '../support.ts';

export function interruptedTests(): void {
  test('2: warned twice, then cancelled and submitted again with more memory, the newest snapshot cut short: identical, no step lost, no inspector', async () => {
    const direct = directly('long', '1,2,3', 1);
    const to = fresh('warned');
    await submit('n1', at('long.json'), to, '--seed', '1', '--snapshot-every', '1');
    const places = memberPlaces(to, 1);
    for (const restart of [0, 1]) {
      const { step: before, job } = await training(to, 1, restart);
      const { program, worker } = await taskAt(to, 1, restart);
      // To the script alone, as Slurm's warning comes; then to every process of the task.
      slurm('scancel', '--signal=USR1', restart === 0 ? '--batch' : '--full', job);
      let ports = 0;
      const paused = await until('the pause', async () => {
        ports = Math.max(ports, listeningPorts(program), listeningPorts(worker));
        const state = await readState(places);
        return state?.state === 'paused' ? state : null;
      });
      expect([ports, paused.step >= before]).toEqual([0, true]);
      const next = await until('the next attempt', async () => (await readAttempts(places))[restart + 1]);
      expect(next.from_step).toBe(paused.step);
    }
    const goOn = await held(to, 1, 2);
    await covature('cluster', 'cancel', to);
    goOn();
    await until('its end', async () => (await readState(places))?.state === 'paused' && tasksOf(to).length === 0);
    await until('Slurm to be through with it', async () => (await sweepStatus(to)).members[0].status === 'cancelled');
    const [newest, before] = await listSnapshots(places.folder);
    expect(newest.step).toBe((await readState(places))?.step);
    truncateSync(newest.file, statSync(newest.file).size - 100);
    const { jobs } = await covature<{ jobs: { job: string }[] }>('cluster', 'resubmit', to, '--mem', '700M');
    expect(slurm('scontrol', 'show', 'job', jobs[0].job)).toMatch(/MinMemoryNode=700M/);
    await untilDone(to);
    const attempts = await readAttempts(places);
    expect(attempts.map(({ round, restart }) => [round, restart])).toEqual([
      [1, 0],
      [1, 1],
      [1, 2],
      [2, 0],
    ]);
    expect(attempts[3].from_step).toBe(before.step);
    await expectSameAs(await direct, to);
  });

  test('three attempts that come no further are enough: the member fails and says so, and submitted again it begins anew', async () => {
    const to = fresh('in-vain');
    const { jobs } = await submit('n1', at('long.json'), to, '--seed', '1');
    const places = memberPlaces(to, 1);
    for (const restart of [0, 1, 2]) {
      await until(`attempt ${restart}`, async () => (await readAttempts(places))[restart]);
      const { program } = await until('its program', () => tasksOf(to).find((each) => each.restart === restart));
      // It dies without a word, and the job is put into the queue again, as where a node loses its power.
      for (const { worker } of tasksOf(to)) signalled('SIGKILL', program, worker);
      await until('the job to be in the queue again', () => slurmAccepts('scontrol', 'requeue', `${jobs[0].job}_1`));
    }
    const failed = await until('it to be given up', async () => {
      const [member] = (await sweepStatus(to)).members;
      return member.status === 'failed' ? member : null;
    });
    expect(failed.reason).toBe(
      '3 attempts started at step 0 and none got further; see the logs, and give it more time or memory',
    );
    expect((await readAttempts(places)).map(({ from_step: from }) => from)).toEqual([0, 0, 0, 0]);
    await covature('cluster', 'resubmit', to);
    expect((await training(to, 1, 0)).round).toBe(2);
    await covature('cluster', 'cancel', to);
  });
}
