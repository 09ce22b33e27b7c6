/** What is stored stays stored: processes killed in the middle of writing, and full disks. */
import { createHash } from 'node:crypto';
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import type { Store } from '../../../src/main/store/index.ts';
import { Random } from '../../../src/shared/random.ts';
import { describeWhere } from '../../support/skips.ts';
import { mountable, withMount } from './support/mounts.ts';
import { experiment, errorOf, summaryOf, workplace } from './support/stores.ts';

const writer = fileURLToPath(new URL('./support/writer.ts', import.meta.url));

/** What a writer said that it had stored. */
interface Said {
  readonly run: string;
  readonly batches: number;
  readonly measurements: readonly { readonly id: string; readonly sha256: string }[];
  readonly checkpoints: readonly number[];
  readonly error: string | undefined;
}

function saidIn(output: string): Said {
  // The last line may be cut off by the kill.
  const lines = output
    .slice(0, output.lastIndexOf('\n') + 1)
    .split('\n')
    .map((line) => line.split(' '));
  const of = (kind: string) => lines.filter((words) => words[0] === kind);
  return {
    run: of('run')[0]?.[1] ?? '',
    batches: of('batch').length,
    measurements: of('measurement').map(([, id, sha256]) => ({ id: id, sha256: sha256 })),
    checkpoints: of('checkpoint').map(([, step]) => Number(step)),
    error: of('error')[0]?.[1],
  };
}

/** All that was said is there, nothing else has happened to it, and the doctor finds no more than the leftovers of a crash. */
async function expectKept(store: Store, said: Said): Promise<number> {
  const { loss, accuracy } = store.series(said.run);
  expect(loss?.steps.length ?? 0).toBeGreaterThanOrEqual(3 * said.batches);
  // One batch may have been stored without its line having been printed.
  expect(loss?.steps.length ?? 0).toBeLessThanOrEqual(3 * (said.batches + 1));
  loss?.steps.forEach((step, i) => expect([step, loss.values[i]]).toEqual([i, i / 7]));
  expect(accuracy?.steps.length ?? 0).toBe((loss?.steps.length ?? 0) / 3);
  expect(store.logs(said.run).length).toBe(accuracy?.steps.length ?? 0);
  for (const { id, sha256 } of said.measurements) {
    const arrays = store.getMeasurement(id)!.arrays!;
    expect(createHash('sha256').update(readFileSync(arrays.path)).digest('hex')).toBe(sha256);
  }
  const lastSaid = said.checkpoints.at(-1);
  if (lastSaid !== undefined) expect(store.lastCheckpoint(said.run)!.step).toBeGreaterThanOrEqual(lastSaid);
  for (const { path } of store.artifacts(said.run)) expect(existsSync(path)).toBe(true);

  const { problems } = await store.doctor();
  expect(problems.filter(({ code }) => code !== 'orphan' && code !== 'temporary')).toEqual([]);
  await store.doctor({ repair: true });
  expect((await store.doctor()).problems).toEqual([]);
  return problems.length;
}

describe('a writer that is killed', () => {
  const { open, folder } = workplace();

  it('20 times in the middle of writing: nothing stored is lost', async () => {
    const place = folder();
    const random = new Random(20, 'kills');
    let batches = 0;
    let measurements = 0;
    for (let i = 0; i < 20; i++) {
      const child: ChildProcess = spawn(process.execPath, [writer, place], { stdio: ['ignore', 'pipe', 'inherit'] });
      const closed = once(child, 'close');
      let output = '';
      // By lines written, not by time, so that a busy machine does not change what is tested; then at any moment of what comes next.
      const lines = 2 + random.below(25);
      const enough = Promise.withResolvers<void>();
      child.stdout!.on('data', (data: Buffer) => {
        output += data.toString();
        if (output.split('\n').length > lines) enough.resolve();
      });
      await Promise.race([enough.promise, closed]);
      await setTimeout(random.below(8));
      child.kill('SIGKILL');
      const [status, signal] = (await closed) as [number | null, string | null];
      expect([status, signal]).toEqual([null, 'SIGKILL']);

      const said = saidIn(output);
      const store = open(place);
      expect(store.report.interrupted).toEqual([said.run]);
      expect(store.getRun(said.run)!.status).toBe('interrupted');
      await expectKept(store, said);
      // The run goes on from its last checkpoint.
      const checkpoint = store.lastCheckpoint(said.run);
      const next = store.rewind(said.run, checkpoint?.step ?? -1);
      store.setRunStatus(said.run, 'running');
      expect(
        store.appendMetrics(said.run, next, { loss: { steps: [(checkpoint?.step ?? -1) + 1], values: [0] } }),
      ).toBe(true);
      store.setRunStatus(said.run, 'done');
      store.close();
      batches += said.batches;
      measurements += said.measurements.length;
    }
    expect(batches).toBeGreaterThan(100);
    expect(measurements).toBeGreaterThan(40);
    expect(open(place).listRuns().total).toBe(20);
  }, 300_000);
});

describe('a database that cannot grow', () => {
  const { open, folder } = workplace();

  it('refuses what does not fit, as a whole, and keeps the rest', async () => {
    const place = folder();
    let store = open(place, { databaseLimit: 500_000 });
    const run = store.createRun({ name: 'a', experiment, status: 'running' });
    let batches = 0;
    const big = Float64Array.from({ length: 2000 }, (_, i) => i);
    const error = errorOf(() => {
      for (;;) {
        store.appendMetrics(run, batches, {
          loss: { steps: big.map((step) => 2000 * batches + step), values: big },
          b: { steps: [batches], values: [1] },
        });
        batches++;
      }
    });
    expect(error.code).toBe('disk-full');
    expect(error.message).toContain('this change was not stored, everything before it was');
    expect(batches).toBeGreaterThan(2);
    expect(store.series(run)['loss'].steps.length).toBe(2000 * batches);
    expect(store.series(run)['b'].steps.length).toBe(batches);
    expect(store.getRun(run)!.nextBatch).toBe(batches);
    const arrays = { chunks: [Buffer.alloc(100)] };
    const full = errorOf(() => {
      for (let i = 0; ; i++)
        store.addMeasurement(run, {
          parameter: 'fc2.kernel',
          step: i,
          origin: 'manual',
          summary: summaryOf('fc2.kernel', 1),
          arrays,
        });
    });
    expect(full.code).toBe('disk-full');
    expect((await store.doctor()).problems).toEqual([]);
    store.close();
    store = open(place);
    expect(store.appendMetrics(run, batches, { loss: { steps: [2000 * batches], values: [1] } })).toBe(true);
  });
});

const limitable: true | string = process.platform === 'win32' ? 'Windows has no limit on the size of files' : true;
describeWhere(limitable, 'a limit on the size of files', () => {
  const { open, folder } = workplace();

  it('is met with an error, and nothing stored before is lost', async () => {
    const place = folder();
    open(place).close();
    const command = `trap '' XFSZ; ulimit -f 700; exec "$0" "$1" "$2" 300000`;
    const { stdout } = spawnSync('bash', ['-c', command, process.execPath, writer, place], { encoding: 'utf8' });
    const said = saidIn(stdout);
    expect(said.error).toMatch(/^(io|disk-full)$/);
    expect(said.batches).toBeGreaterThan(0);
    await expectKept(open(place), said);
  });
});

describeWhere(mountable, 'a full disk', () => {
  const { open } = workplace();

  it.each(['3m', '5m'])('of %s: a clear error, and nothing stored before is lost', async (size) => {
    await withMount(async (mount) => {
      const place = join(mount.path, 'store');
      const { stdout } = spawnSync(process.execPath, [writer, place, '100000'], { encoding: 'utf8' });
      const said = saidIn(stdout);
      expect(said.error).toBe('disk-full');
      expect(said.batches).toBeGreaterThan(0);
      expect(said.measurements.length).toBeGreaterThan(0);
      // Reading needs no room.
      const reader = open(place, { readOnly: true });
      expect(reader.series(said.run)['loss'].steps.length).toBeGreaterThanOrEqual(3 * said.batches);
      reader.close();
      spawnSync('mount', ['-o', 'remount,size=64m', mount.path]);
      const store = open(place);
      await expectKept(store, said);
      store.close();
    }, size);
  });

  it('cannot hold a new store, and says so', () => {
    withMount((mount) => {
      const error = errorOf(() => open(join(mount.path, 'store')));
      expect(error.code).toBe('disk-full');
    }, '64k');
  });

  it('makes a backup fail without a trace', async () => {
    const store = open();
    const run = store.createRun({ name: 'a', experiment });
    for (let i = 0; i < 4; i++) store.addFile(run, `f${i}`, { chunks: [Buffer.alloc(500_000, i)] });
    await withMount(async (mount) => {
      const target = join(mount.path, 'backup');
      await expect(store.backup(target)).rejects.toMatchObject({ code: 'disk-full' });
      expect(existsSync(target)).toBe(false);
      expect(existsSync(`${target}.partial`)).toBe(false);
    }, '1m');
  });
});
