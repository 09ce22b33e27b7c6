/** Several processes that write one store at once. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { openStore } from '../../../src/main/store/index.ts';
import { workplace } from './support/stores.ts';

const writer = fileURLToPath(new URL('./support/writer.ts', import.meta.url));

/** A process that writes; `lines`: what it said so far. */
function startWriter(place: string, batches?: number) {
  const child = spawn(process.execPath, [writer, place, '2000', ...(batches === undefined ? [] : [String(batches)])], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (part: string) => (text += part));
  const closed = once(child, 'close');
  return {
    child,
    closed,
    lines: () => text.split('\n').filter((line) => line !== ''),
    run: () => /^run (\S+)$/m.exec(text)?.[1],
    said: (word: string) => text.split('\n').filter((line) => line.startsWith(word)).length,
  };
}

describe('six processes on a store that is not there yet', () => {
  const { open, folder } = workplace();

  it('each store all of theirs, whatever happens to the others; what a killed one stored is kept', async () => {
    const place = join(folder(), 'new');
    const batches = 24;
    const lasting = Array.from({ length: 4 }, () => startWriter(place, batches));
    const killed = Array.from({ length: 2 }, () => startWriter(place));
    for (const each of killed) {
      while (each.said('batch') < 6 && each.said('error') === 0) await sleep(5);
      expect(each.lines().filter((line) => line.startsWith('error'))).toEqual([]);
      each.child.kill('SIGKILL');
    }
    await Promise.all([...lasting, ...killed].map(({ closed }) => closed));

    for (const each of lasting) expect(each.lines().at(-1)).toBe('done');
    const store = open(place);
    expect(store.listRuns().total).toBe(6);
    for (const each of lasting) {
      const run = each.run()!;
      expect(store.getRun(run)).toMatchObject({ status: 'done', nextBatch: batches });
      expect([...store.series(run, { names: ['loss'] })['loss'].steps]).toEqual(
        Array.from({ length: 3 * batches }, (_, step) => step),
      );
      expect(store.logs(run)).toHaveLength(batches);
      expect(store.measurements(run)).toHaveLength(batches / 3);
      expect(store.checkpoints(run)).toHaveLength(2);
    }
    for (const each of killed) {
      const run = store.getRun(each.run()!)!;
      expect(run.status).toBe('interrupted');
      // All that it said was stored, and at most one more that it could not say.
      expect(run.nextBatch - each.said('batch')).toBeGreaterThanOrEqual(0);
      expect(run.nextBatch - each.said('batch')).toBeLessThanOrEqual(1);
    }
    const { problems } = await store.doctor({ repair: true });
    expect(problems.filter(({ code }) => code !== 'orphan')).toEqual([]);
    store.close();
    expect(readdirSync(place).sort()).toEqual(['artifacts', 'covature.db', 'writer.lock']);
  });

  it('leave each other their files that are being written', async () => {
    const place = folder();
    open(place).close();
    const other = startWriter(place);
    while (other.said('batch') < 3) await sleep(5);
    for (let n = 0; n < 20; n++) openStore(place).close();
    const before = other.said('batch');
    while (other.said('batch') < before + 5 && other.said('error') === 0) await sleep(5);
    expect(other.lines().filter((line) => line.startsWith('error'))).toEqual([]);
    other.child.kill('SIGKILL');
    await other.closed;
    const store = open(place);
    expect(store.report.interrupted).toEqual([other.run()]);
    expect(existsSync(join(place, 'staging'))).toBe(false);
  });

  it('read while one writes, and never wait for it', async () => {
    const place = folder();
    open(place).close();
    const other = startWriter(place);
    while (other.said('batch') < 3) await sleep(5);
    const reader = open(place, { readOnly: true, timeout: 0 });
    let last = 0;
    for (let n = 0; n < 200; n++) {
      const run = reader.getRun(other.run()!)!;
      expect(run.nextBatch).toBeGreaterThanOrEqual(last);
      last = run.nextBatch;
    }
    expect(other.said('error')).toBe(0);
    other.child.kill('SIGKILL');
    await other.closed;
  });
});
