/** Snapshots of a run under way, and what an attempt writes beside another one. */
import { mkdirSync, readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';
import { describe, expect, test } from 'vitest';
import { fileHash, memberPlaces } from '../../../src/main/cluster/layout.ts';
import { MemberRecord } from '../../../src/main/cluster/member-record.ts';
import { listSnapshots, removeSnapshots, restoreSnapshot, writeSnapshot } from '../../../src/main/cluster/snapshots.ts';
import { readAttempts, readState } from '../../../src/main/cluster/state.ts';
import type { Store } from '../../../src/main/store/index.ts';
import { experiment, summaryOf, workplace } from '../store/support/stores.ts';

const { folder, open } = workplace();

const arraysBytes = 100_000;
const checkpointBytes = 2000;

function trained(): { readonly store: Store; readonly run: string; readonly to: (step: number) => void } {
  const store = open();
  const run = store.createRun({ name: 'a', experiment, status: 'running' });
  let number = 0;
  return {
    store,
    run,
    to: (step) => {
      store.appendBatch(run, { number: number++, step, metrics: { loss: { steps: [step], values: [1 / step] } } });
      store.addCheckpoint(run, { step, file: { chunks: [Buffer.alloc(checkpointBytes, step)] } });
    },
  };
}

function measure(store: Store, run: string, step: number): void {
  const arrays = { chunks: [Buffer.alloc(arraysBytes, step)] };
  store.addMeasurement(run, {
    parameter: 'fc2.kernel',
    step,
    origin: 'schedule',
    summary: summaryOf('fc2.kernel', 1.2),
    arrays,
  });
}

function place() {
  const places = memberPlaces(folder(), 1);
  mkdirSync(places.folder, { recursive: true });
  return places;
}

describe('snapshots', () => {
  test('hold the newest checkpoint, and every measured array lies beside them once', async () => {
    const { store, run, to } = trained();
    const places = place();
    to(1);
    measure(store, run, 1);
    await writeSnapshot(store, run, places);
    const [array] = readdirSync(places.arrays);
    const { mtimeMs } = statSync(path.join(places.arrays, array));
    to(2);
    to(3);
    measure(store, run, 3);
    await writeSnapshot(store, run, places);
    await writeSnapshot(store, run, places);
    expect(readdirSync(places.arrays)).toHaveLength(2);
    expect(statSync(path.join(places.arrays, array)).mtimeMs).toBe(mtimeMs);
    const snapshots = await listSnapshots(places.folder);
    expect(snapshots.map(({ step, measurements }) => [step, measurements])).toEqual([
      [3, 2],
      [3, 2],
    ]);
    for (const { file } of snapshots) expect(statSync(file).size).toBeLessThan(checkpointBytes + 20_000);

    const other = open();
    expect(await restoreSnapshot(other, places, fail)).toEqual(snapshots[0]);
    expect(other.series(run)).toEqual(store.series(run));
    expect(other.checkpoints(run).map(({ step }) => step)).toEqual([3]);
    const contents = (of: Store): Buffer[] =>
      of.measurements(run).map(({ arrays }) => readFileSync(arrays?.path ?? ''));
    expect(contents(other)).toEqual(contents(store));
    await removeSnapshots(places);
    expect(readdirSync(places.folder)).toEqual([]);
  });

  test('the one before is used where the newest is cut short', async () => {
    const { store, run, to } = trained();
    const places = place();
    to(1);
    measure(store, run, 1);
    await writeSnapshot(store, run, places);
    to(2);
    await writeSnapshot(store, run, places);
    const [newest, before] = await listSnapshots(places.folder);
    truncateSync(newest.file, statSync(newest.file).size - 10);
    const told: string[] = [];
    expect(await restoreSnapshot(open(), places, (text) => told.push(text))).toEqual(before);
    expect(told).toEqual([expect.stringContaining(`the snapshot ${path.basename(newest.file)} cannot be used`)]);
  });

  test('a damaged array is never used, and the next snapshot writes it anew', async () => {
    const { store, run, to } = trained();
    const places = place();
    to(1);
    await writeSnapshot(store, run, places);
    measure(store, run, 1);
    to(2);
    await writeSnapshot(store, run, places);
    const [array] = readdirSync(places.arrays);
    writeFileSync(path.join(places.arrays, array), Buffer.alloc(arraysBytes, 9));
    const told: string[] = [];
    const restored = await restoreSnapshot(open(), places, (text) => told.push(text));
    expect([restored?.step, restored?.measurements]).toEqual([1, 0]);
    expect(told).toEqual([expect.stringMatching(/the checksum of its file measurements\/.* differs/)]);
    await writeSnapshot(store, run, places);
    expect(await fileHash(path.join(places.arrays, array))).toBe(array);
    expect((await restoreSnapshot(open(), places, fail))?.measurements).toBe(1);
  });
});

describe('an attempt', () => {
  const record = (places: ReturnType<typeof place>, restart: number, round = 1) => {
    mkdirSync(places.attempts, { recursive: true });
    const environment = { SLURM_RESTART_COUNT: String(restart), SLURM_JOB_ID: '7', SLURMD_NODENAME: `n${restart}` };
    return new MemberRecord({ member: 1, round }, places, environment);
  };

  test('that a newer one has taken over from writes no state any more', async () => {
    const places = place();
    const older = record(places, 0);
    expect(await older.begin(null)).toBeNull();
    expect(await older.isSuperseded()).toBe(false);
    const newer = record(places, 1);
    expect(await newer.begin({ step: 5, measurements: 0 })).toBeNull();
    older.state.state = 'failed';
    await older.write();
    expect(await older.isSuperseded()).toBe(true);
    expect(await newer.isSuperseded()).toBe(false);
    expect(await readState(places)).toMatchObject({ state: 'starting', restart: 1, node: 'n1', step: 5, attempt: 2 });
    expect((await readAttempts(places)).map(({ from_step: step }) => step)).toEqual([0, 5]);
  });

  test('is given up after three that came no further, and in another round it is not', async () => {
    const places = place();
    const from = { step: 5, measurements: 1 };
    expect(await record(places, 0).begin(null)).toBeNull();
    for (const restart of [1, 2, 3]) expect(await record(places, restart).begin(from)).toBeNull();
    expect(await record(places, 4).begin({ step: 5, measurements: 2 })).toBeNull();
    for (const restart of [5, 6]) expect(await record(places, restart).begin({ step: 5, measurements: 2 })).toBeNull();
    expect(await record(places, 7).begin({ step: 5, measurements: 2 })).toMatch(/^3 attempts started at step 5/);
    expect(await record(places, 0, 2).begin({ step: 5, measurements: 2 })).toBeNull();
  });
});

function fail(text: string): void {
  throw new Error(text);
}
