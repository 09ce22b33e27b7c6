/** Processes, nodes and daemons that die under a member: one run, identical. */
import { readdirSync, readFileSync } from 'node:fs';
import * as path from 'node:path';
import { expect, test } from 'vitest';
import { logFolder, memberPlaces } from '../../../../src/main/cluster/layout.ts';
import { listSnapshots } from '../../../../src/main/cluster/snapshots.ts';
import { readAttempts, readState } from '../../../../src/main/cluster/state.ts';
import { daemonPid, nodeState, resumeNode, slurm, slurmAccepts, startNode, until, untilDone } from '../kit.ts';
import { at, directly, expectSameAs, fresh, submit, taskAt, tasksOf } from '../support.ts';

/** Waits until a member has a snapshot to go on from, and holds its worker still. */
async function heldWithSnapshot(to: string): Promise<number> {
  await until('a snapshot', async () => (await listSnapshots(memberPlaces(to, 1).folder)).length > 0);
  const { worker } = await taskAt(to, 1, 0);
  process.kill(worker, 'SIGSTOP');
  return worker;
}

export function faultTests(): void {
  test('3: a worker killed: it goes on in the same attempt, identical', async () => {
    const direct = directly('long', '1,2,3', 1);
    const to = fresh('killed');
    await submit('n1', at('long.json'), to, '--seed', '1', '--snapshot-every', '1');
    process.kill(await heldWithSnapshot(to), 'SIGKILL');
    await untilDone(to);
    expect(await readAttempts(memberPlaces(to, 1))).toHaveLength(1);
    expect(logOf(to)).toMatch(/the worker process ended by SIGKILL/);
    await expectSameAs(await direct, to);
  });

  test('3: a node down: its member goes on from its snapshot in another attempt, identical', async () => {
    const direct = directly('long', '1,2,3', 1);
    const to = fresh('node-down');
    await submit('n2', at('long.json'), to, '--seed', '2', '--snapshot-every', '1');
    await heldWithSnapshot(to);
    slurm('scontrol', 'update', 'nodename=n2', 'state=down', 'reason=test');
    await until('its processes to be gone', () => tasksOf(to).length === 0);
    await resumeNode('n2');
    await untilDone(to);
    const attempts = await readAttempts(memberPlaces(to, 1));
    expect(attempts.map(({ restart }) => restart)).toEqual([0, 1]);
    expect(attempts[1].from_step).toBeGreaterThan(0);
    await expectSameAs(await direct, to);
  });

  test('3: slurmd killed while the attempt lives on: both live at once, the older gives way to the newer, and there is one run, identical', async () => {
    const direct = directly('long', '1,2,3', 1);
    const to = fresh('slurmd');
    const { jobs } = await submit('n3', at('long.json'), to, '--seed', '3', '--snapshot-every', '1');
    const places = memberPlaces(to, 1);
    // So that it does not end while Slurm still waits for its node.
    const worker = await heldWithSnapshot(to);
    process.kill(daemonPid('n3'), 'SIGKILL');
    await until('the node to be given up', () => /DOWN/.test(nodeState('n3')), 90);
    const given = Date.now();
    const beat = await until('a heartbeat from the node that was given up', async () => {
      const state = await readState(places);
      return state !== null && state.time > given ? state : null;
    });
    expect([beat.restart, beat.node, beat.state]).toEqual([0, 'n3', 'running']);
    // Once it is in the queue again.
    await until('the job to be let go elsewhere', () =>
      slurmAccepts('scontrol', 'update', `jobid=${jobs[0].job}_1`, 'reqnodelist=', 'excnodelist=n3'),
    );
    const both = await until('both attempts', () => {
      const there = tasksOf(to);
      return there.length === 2 ? there : null;
    });
    expect(both.map(({ restart }) => restart).sort()).toEqual([0, 1]);
    // The older trains on until it notices.
    process.kill(worker, 'SIGCONT');
    const [, newer] = await until('the newer attempt to begin', async () => {
      const attempts = await readAttempts(places);
      return attempts.length === 2 ? attempts : null;
    });
    expect([newer.restart, newer.node === 'n3']).toEqual([1, false]);
    await until('the older one to be gone', () => tasksOf(to).every(({ restart }) => restart === 1));
    // Its last word is later than the beginning of the other: both were at work.
    const [, time] = /^(\S+) member 1: a newer attempt of this member runs; this one ends$/m.exec(logOf(to)) ?? [];
    expect(Date.parse(time)).toBeGreaterThanOrEqual(newer.time);
    await untilDone(to);
    expect(await readAttempts(places)).toHaveLength(2);
    expect((await readState(places))?.restart).toBe(1);
    await startNode('n3');
    await expectSameAs(await direct, to);
  });
}

function logOf(to: string): string {
  const logs = logFolder(to);
  return readdirSync(logs)
    .map((name) => readFileSync(path.join(logs, name), 'utf8'))
    .join('');
}
