/** A whole sweep as an array: every number as on this machine, whatever else runs beside it. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { closeSync, openSync, readdirSync, readSync } from 'node:fs';
import * as path from 'node:path';
import { expect, test } from 'vitest';
import { sweepStatus } from '../../../../src/main/cluster/status.ts';
import { slurm, until } from '../kit.ts';
import { at, collectInto, directly, expectSameAs, fresh, submit } from '../support.ts';

export function gridTests(): void {
  test('1: a 2 x 3 grid with two seeds, throttled, beside busy neighbours and without: 12 runs, every number bit for bit as run directly; collecting again adds none', async ({
    onTestFinished,
  }) => {
    const direct = directly('grid', '1,2', 2);
    const busy: ChildProcess[] = [];
    onTestFinished(() => {
      for (const child of busy) child.kill('SIGKILL');
    });
    for (let i = 0; i < 2; i++) busy.push(spawn(process.execPath, ['-e', 'for(;;);'], { stdio: 'ignore' }));
    const to = fresh('grid');
    const { jobs } = await submit('n1', at('grid.json'), to, '--seeds', '1,2', '--at-once', '3', '--cpus', '2');
    expect(jobs.map(({ members }) => members)).toEqual(['1-12']);
    expect(slurm('scontrol', 'show', 'job', jobs[0].job)).toMatch(/ArrayTaskThrottle=3\b/);
    let most = 0;
    await until('the grid to be done', async () => {
      const { counts } = await sweepStatus(to);
      most = Math.max(most, counts.running ?? 0);
      // The others go without.
      if ((counts.done ?? 0) >= 4) for (const child of busy.splice(0)) child.kill('SIGKILL');
      return counts.done === 12;
    });
    expect(most).toBeGreaterThan(1);
    expect(most).toBeLessThanOrEqual(3);
    const store = fresh('store');
    expect(await expectSameAs(await direct, to, store)).toBe(12);
    expect(await collectInto(store, to)).toEqual(Array(12).fill('was-there'));
    expect(filesBelow(to).filter(isDatabase)).toEqual([]);
  });
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
