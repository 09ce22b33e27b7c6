/** What the doctor finds, and what it mends. */
import Database from 'better-sqlite3';
import { mkdirSync, readFileSync, readdirSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { checkDatabase } from '../../../src/main/store/index.ts';
import type { Store } from '../../../src/main/store/index.ts';
import { experiment, summaryOf, workplace } from './support/stores.ts';

const codes = async (store: Store, options?: Parameters<Store['doctor']>[0]) =>
  (await store.doctor(options)).problems.map(({ code, mended }) => `${code}${mended ? ' mended' : ''}`).sort();

describe('the doctor', () => {
  const { open, folder } = workplace();

  function filled(place = folder()) {
    const store = open(place);
    const run = store.createRun({ name: 'a', experiment, status: 'done' });
    store.appendMetrics(run, 0, { loss: { steps: [1, 2, 3], values: [1, 2, 3] } });
    const arrays = (text: string) => ({ chunks: [Buffer.from(text)] });
    const add = (parameter: string) =>
      store.addMeasurement(run, {
        parameter,
        step: 3,
        origin: 'schedule',
        summary: summaryOf(parameter, 1.2),
        arrays: arrays(`arrays of ${parameter}`),
      });
    const ids = [add('fc1.kernel'), add('fc2.kernel')];
    store.addCheckpoint(run, { step: 2, file: arrays('old weights') });
    store.addCheckpoint(run, { step: 3, file: arrays('new weights') });
    const path = (id: string) => store.getMeasurement(id)!.arrays!.path;
    return { store, run, ids, path };
  }

  it('finds nothing in a sound store, having read every file', async () => {
    const { store } = filled();
    const seen: number[] = [];
    const report = await store.doctor({ progress: (done, total) => seen.push(done, total) });
    expect(report).toEqual({ problems: [], runs: 1, artifacts: 4, chunks: 1, bytesRead: 2 * 20 + 2 * 11 });
    expect(seen).toEqual([1, 4, 2, 4, 3, 4, 4, 4]);
    expect((await store.doctor({ checksums: false })).bytesRead).toBe(0);
  });

  it('finds files that are gone, cut short or changed, and marks their rows', async () => {
    const { store, run, ids, path } = filled();
    rmSync(path(ids[0]));
    const changed = path(ids[1]);
    const content = readFileSync(changed);
    writeFileSync(
      changed,
      content.map((byte, i) => (i === 5 ? byte ^ 1 : byte)),
    );
    const weights = store.lastCheckpoint(run)!.file.path;
    truncateSync(weights, 4);
    expect(await codes(store)).toEqual(['artifact-damaged', 'artifact-damaged', 'artifact-missing']);
    expect(store.getMeasurement(ids[0])!.arrays!.state).toBe('present');
    const report = await store.doctor({ repair: true });
    expect(report.problems.every((problem) => problem.mended && problem.run === run)).toBe(true);
    expect(report.problems.find(({ path }) => path === weights)!.message).toContain('4 bytes instead of 11');
    expect(ids.map((id) => store.getMeasurement(id)!.arrays!.state)).toEqual(['missing', 'damaged']);
    // A run resumes from the last checkpoint that is sound.
    expect(store.lastCheckpoint(run)!.step).toBe(2);
    // What was read off the arrays is kept.
    expect(store.getRun(run)!.values['gamma.fc2'].value).toBe(1.2);
    // Whoever puts the file back is believed once its content is right.
    writeFileSync(changed, content);
    await store.doctor({ repair: true });
    expect(store.getMeasurement(ids[1])!.arrays!.state).toBe('present');
  });

  it('finds files that nobody knows and removes them', async () => {
    const { store, run, ids, path } = filled();
    const artifacts = join(store.folder, 'artifacts');
    writeFileSync(join(artifacts, run, 'orphan.safetensors'), 'x');
    mkdirSync(join(artifacts, 'gone-run', 'deeper'), { recursive: true });
    writeFileSync(join(artifacts, 'gone-run', 'deeper', 'orphan'), 'x');
    writeFileSync(join(artifacts, run, '.result.safetensors.3f9a0c11d2e4.partial'), 'x');
    renameSync(path(ids[0]), join(artifacts, run, 'renamed'));
    expect(await codes(store)).toEqual(['artifact-missing', 'orphan', 'orphan', 'orphan', 'temporary']);
    renameSync(join(artifacts, run, 'renamed'), path(ids[0]));
    expect(await codes(store, { repair: true })).toEqual(['orphan mended', 'orphan mended', 'temporary mended']);
    expect(await codes(store)).toEqual([]);
    expect(readdirSync(artifacts)).not.toContain('gone-run');
    expect(readFileSync(path(ids[0]), 'utf8')).toBe('arrays of fc1.kernel');
  });

  it('finds points that changed on the disk, and counts that are wrong', async () => {
    const place = folder();
    const { store, run } = filled(place);
    store.close();
    const db = new Database(join(place, 'covature.db'));
    db.exec(`UPDATE chunks SET data = zeroblob(length(data)); UPDATE series SET points = 7`);
    db.close();
    const again = open(place);
    expect(await codes(again, { repair: true })).toEqual(['chunk', 'count mended']);
    expect(again.seriesNames(run)).toEqual([{ name: 'loss', points: 3, lastStep: 3 }]);
    const { problems } = await again.doctor();
    expect(problems).toMatchObject([{ code: 'chunk', run, mended: false }]);
    expect(problems[0].message).toContain('Restore a backup');
  });

  it('reads points page by page, every one of them once, while others are served', async () => {
    const place = folder();
    const { store, run } = filled(place);
    for (let i = 1; i < 450; i++)
      store.appendMetrics(run, i, { loss: { steps: [3 + i], values: [i] }, norm: { steps: [i], values: [i] } });
    store.close();
    const db = new Database(join(place, 'covature.db'));
    db.exec('UPDATE chunks SET data = zeroblob(length(data)) WHERE rowid IN (3, 205, 899)');
    const stored = db.prepare('SELECT count(*) FROM chunks').pluck().get() as number;
    db.close();
    const again = open(place);
    let served = 0;
    const timer = setInterval(() => served++, 0);
    const report = await again.doctor({ checksums: false });
    clearInterval(timer);
    expect(stored).toBeGreaterThan(800);
    expect(report.chunks).toBe(stored);
    expect(report.problems.map(({ code }) => code)).toEqual(['chunk', 'chunk', 'chunk']);
    expect(served).toBeGreaterThan(0);
  });

  it('takes the findings of a check of the database that was made elsewhere', async () => {
    const place = folder();
    const { store } = filled(place);
    expect(checkDatabase(place)).toEqual([]);
    const found = { code: 'database', message: 'as told', mended: false } as const;
    expect((await store.doctor({ database: () => Promise.resolve([found]) })).problems).toEqual([found]);
    expect(checkDatabase(folder())).toMatchObject([
      { code: 'database', message: expect.stringMatching(/cannot be read.*Restore a backup/) as string },
    ]);
  });

  it('finds rows that refer to nothing, and a damaged index', async () => {
    const place = folder();
    filled(place).store.close();
    const db = new Database(join(place, 'covature.db'));
    db.pragma('foreign_keys = OFF');
    db.exec('INSERT INTO run_tags (run, tag) VALUES (1, 99)');
    db.unsafeMode();
    db.pragma('writable_schema = ON');
    db.exec(
      `UPDATE sqlite_schema SET sql = 'CREATE INDEX runs_by_status ON runs (name)' WHERE name = 'runs_by_status'`,
    );
    db.close();
    expect(checkDatabase(place).map(({ code }) => code)).toContain('reference');
    const found = await codes(open(place));
    expect(found).toContain('reference');
    expect(found).toContain('database');
  });

  it('mends nothing in a store opened for reading', async () => {
    const place = folder();
    const { store, ids, path } = filled(place);
    rmSync(path(ids[0]));
    const reader = open(place, { readOnly: true });
    expect(await codes(reader)).toEqual(['artifact-missing']);
    await expect(reader.doctor({ repair: true })).rejects.toMatchObject({ code: 'read-only' });
    expect(store.getMeasurement(ids[0])!.arrays!.state).toBe('present');
  });

  it('says what the store takes on the disk', async () => {
    const { store, run } = filled();
    const size = store.storeSize();
    expect(size).toMatchObject({ artifacts: 62, backups: 0, bin: 0 });
    expect(size.database).toBeGreaterThan(100_000);
    store.deleteRuns([run]);
    await store.backup();
    expect(store.storeSize()).toMatchObject({ artifacts: 62, bin: 62 });
    expect(store.storeSize().backups).toBeGreaterThan(100_000);
  });
});
