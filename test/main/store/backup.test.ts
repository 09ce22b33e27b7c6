/** Backups and their restoring, and runs moved between stores. */
import Database from 'better-sqlite3';
import {
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { restoreStore, type ExportedRun, type Store } from '../../../src/main/store/index.ts';
import { InputError } from '../../../src/shared/errors.ts';
import { errorOf, experiment, summaryOf, workplace } from './support/stores.ts';

function fill(store: Store, name: string): string {
  const run = store.createRun({ name, experiment, tags: ['paper'], notes: 'γ', provenance: { version: '0.1.0' } });
  store.setRunStatus(run, 'running');
  store.appendBatch(run, {
    number: 0,
    metrics: { loss: { steps: [1, 2, 2 ** 40], values: [1, NaN, -Infinity] }, accuracy: { steps: [1], values: [0.5] } },
    log: [{ time: 5, level: 'warning', text: 'Größe' }],
    step: 2,
  });
  const arrays = { chunks: [Buffer.from(`arrays of ${name}`)] };
  store.addMeasurement(run, {
    parameter: 'fc2.kernel',
    step: 2,
    epoch: 0.5,
    origin: 'schedule',
    summary: summaryOf('fc2.kernel', 1.2),
    arrays,
    options: { samples: 8 },
  });
  store.addMeasurement(run, {
    parameter: 'fc2.kernel',
    step: 2,
    origin: 'manual',
    summary: summaryOf('fc2.kernel', 1.3),
    arrays,
  });
  store.addFailedMeasurement(run, {
    parameter: 'fc1.kernel',
    step: 2,
    origin: 'schedule',
    method: 'exact',
    error: 'too large',
  });
  store.addCheckpoint(run, { step: 2, file: { chunks: [Buffer.from('weights')] }, state: { lr: 0.1 } });
  store.addFile(run, '../source.patch', { chunks: [Buffer.from('patch')] });
  store.setSummary(run, { loss: 0.5, accuracy: { value: 0.9, low: 0.8, high: 0.95 }, note: 'text' });
  store.setRunStatus(run, 'diverged', { error: 'loss is -Infinity' });
  return run;
}

describe('a backup', () => {
  const { open, folder } = workplace();

  it('is a store by itself, which shares the artifacts', async () => {
    const place = folder();
    const store = open(place);
    const run = fill(store, 'a');
    const shares: number[] = [];
    const info = await store.backup(undefined, { progress: (share) => shares.push(share) });
    expect(info.path.startsWith(join(place, 'backups'))).toBe(true);
    expect(info.runs).toBe(1);
    expect(shares.at(-1)).toBe(1);
    expect(store.listBackups()).toEqual([info]);
    const copy = open(info.path, { readOnly: true });
    expect(copy.getRun(run)).toEqual(store.getRun(run));
    expect((await copy.doctor()).problems.filter(({ code }) => code !== 'orphan')).toEqual([]);
    const [original, linked] = [store, copy].map((each) => each.lastCheckpoint(run)!.file.path);
    expect(statSync(linked).ino).toBe(statSync(original).ino);
    // What happens to the store afterwards does not reach it.
    store.deleteRuns([run]);
    store.emptyBin();
    expect(existsSync(original)).toBe(false);
    expect(readFileSync(linked, 'utf8')).toBe('weights');
  });

  it('made while the store is written to is whole', async () => {
    const store = open();
    for (let i = 0; i < 5; i++) fill(store, `before ${i}`);
    let done = false;
    const backup = store.backup(join(folder(), 'copy')).finally(() => (done = true));
    let during = 0;
    while (!done) {
      const run = fill(store, `during ${during++}`);
      if (during % 3 === 0) {
        store.deleteRuns([run]);
        store.emptyBin();
      }
      await new Promise((resolve) => setImmediate(resolve));
    }
    const info = await backup;
    const copy = open(info.path);
    expect((await copy.doctor()).problems).toEqual([]);
    expect(copy.listRuns().total).toBe(info.runs);
    expect(info.runs).toBeGreaterThanOrEqual(5);
  });

  it('refuses to go where something is', async () => {
    const store = open();
    const target = folder();
    await expect(store.backup(target)).rejects.toBeInstanceOf(InputError);
    expect(readdirSync(target)).toEqual([]);
  });

  it('restores the store, and keeps what it replaces', async () => {
    const place = folder();
    let store = open(place);
    const run = fill(store, 'kept');
    const { path } = await store.backup(join(folder(), 'copy'));
    const later = fill(store, 'later');
    const before = store.getRun(run);
    await expect(restoreStore(place, path)).rejects.toMatchObject({ code: 'in-use' });
    store.close();
    const aside = await restoreStore(place, path);
    store = open(place);
    expect(store.listRunIds()).toEqual([run]);
    expect(store.getRun(run)).toEqual(before);
    expect((await store.doctor()).problems).toEqual([]);
    const replaced = open(aside);
    expect(replaced.listRunIds().sort()).toEqual([run, later].sort());
    expect((await replaced.doctor()).problems).toEqual([]);
  });

  it('restores into an empty folder, and over a damaged database', async () => {
    const store = open();
    const run = fill(store, 'a');
    const { path } = await store.backup(join(folder(), 'copy'));
    const empty = join(folder(), 'new');
    expect(await restoreStore(empty, path)).toBeUndefined();
    expect(open(empty).getRun(run)!.name).toBe('a');
    const damaged = store.folder;
    store.close();
    writeFileSync(join(damaged, 'covature.db'), 'no database');
    expect(errorOf(() => open(damaged)).code).toBe('corrupt');
    await restoreStore(damaged, path);
    expect(open(damaged).getRun(run)!.name).toBe('a');
  });

  it('restores a database alone, as kept before a migration', async () => {
    const place = folder();
    const store = open(place);
    const run = fill(store, 'a');
    store.close();
    const alone = join(folder(), 'before.db');
    const db = new Database(join(place, 'covature.db'));
    db.prepare('VACUUM INTO ?').run(alone);
    db.exec('DELETE FROM runs');
    db.close();
    await restoreStore(place, alone);
    const again = open(place);
    expect(again.getRun(run)!.name).toBe('a');
    expect((await again.doctor()).problems).toEqual([]);
  });

  const unsound: [string, (path: string) => void][] = [
    ['is not there', (path) => rmSync(path, { recursive: true })],
    ['has no database', (path) => rmSync(join(path, 'covature.db'))],
    ['has another file for a database', (path) => writeFileSync(join(path, 'covature.db'), 'x'.repeat(5000))],
    ['has an empty database', (path) => truncateSync(join(path, 'covature.db'), 0)],
    ['is cut short', (path) => truncateSync(join(path, 'covature.db'), 65_536)],
  ];
  it.each(unsound)('that %s is refused, and the store stays', async (_, damage) => {
    const place = folder();
    const store = open(place);
    const run = fill(store, 'a');
    const { path } = await store.backup(join(folder(), 'copy'));
    store.close();
    damage(path);
    await expect(restoreStore(place, path)).rejects.toBeInstanceOf(InputError);
    const again = open(place);
    expect(again.getRun(run)!.name).toBe('a');
    expect((await again.doctor()).problems).toEqual([]);
  });
});

describe('a run that moves', () => {
  const { open, folder } = workplace();
  const locateIn = (exported: ExportedRun) => (name: string) => exported.files.find((file) => file.name === name)!.path;
  /** As it comes out of a file. */
  const json = (exported: ExportedRun) => JSON.parse(JSON.stringify(exported.document)) as Record<string, unknown>;

  it('arrives whole, with its id, once', () => {
    const from = open(undefined, { now: () => 1_700_000_000_000 });
    const to = open();
    const run = fill(from, 'Läufer');
    const exported = from.exportRun(run);
    const project = to.createProject('P').id;
    const locate = locateIn(exported);
    expect(to.importRun(json(exported), { locate, project })).toEqual({ id: run, added: true });
    expect(to.importRun(json(exported), { locate })).toEqual({ id: run, added: false });
    expect(to.listRuns().total).toBe(1);
    const { values, ...arrived } = to.getRun(run)!;
    const { values: expectedValues, ...expected } = from.getRun(run)!;
    expect(arrived).toEqual({ ...expected, project, relation: 'import', updated: expected.ended });
    expect(values).toEqual(expectedValues);
    expect(to.series(run)).toEqual(from.series(run));
    expect(to.logs(run)).toEqual(from.logs(run));
    const sameBut = (store: Store) =>
      store
        .measurements(run)
        .map(({ id: _, arrays, ...m }) => ({ ...m, arrays: arrays && readFileSync(arrays.path, 'utf8') }));
    expect(sameBut(to)).toEqual(sameBut(from));
    expect(to.lastCheckpoint(run)).toMatchObject({ step: 2, state: { lr: 0.1 } });
    expect(readFileSync(to.lastCheckpoint(run)!.file.path, 'utf8')).toBe('weights');
    expect(to.artifacts(run).filter((file) => file.kind === 'file')).toMatchObject([
      { name: '../source.patch', bytes: 5 },
    ]);
    // The files were copied.
    for (const { path } of exported.files) expect(existsSync(path)).toBe(true);
    expect(to.listRuns({ text: 'laufer infinity' }).total).toBe(1);
  });

  it('back into its own store adds nothing, and comes out of the bin', () => {
    const store = open();
    const run = fill(store, 'a');
    const exported = store.exportRun(run);
    store.updateRun(run, { name: 'renamed', tags: [], notes: '' });
    store.deleteRuns([run]);
    expect(store.importRun(json(exported), { locate: locateIn(exported) })).toEqual({ id: run, added: false });
    expect(store.listRunIds()).toEqual([run]);
    expect(store.getRun(run)!.name).toBe('renamed');
  });

  it('gets a new id where another run has its own', () => {
    const from = open();
    const to = open();
    const run = fill(from, 'theirs');
    to.createRun({ id: run, name: 'ours', experiment: {} });
    const exported = from.exportRun(run);
    const first = to.importRun(json(exported), { locate: locateIn(exported) });
    expect(first.added).toBe(true);
    expect(first.id).not.toBe(run);
    expect(to.getRun(first.id)).toMatchObject({ name: 'theirs', parent: run, relation: 'import' });
    expect(to.importRun(json(exported), { locate: locateIn(exported) })).toEqual({ id: first.id, added: false });
    expect(to.getRun(run)!.name).toBe('ours');
  });

  it('a newer snapshot takes the place of an older one, an older one changes nothing, and there is one run', () => {
    const from = open();
    const run = from.createRun({ name: 'a', experiment, status: 'running' });
    const add = (number: number, step: number) => {
      from.appendBatch(run, {
        number,
        step,
        metrics: { loss: { steps: [step], values: [1 / step] } },
        log: [{ time: step, level: 'info', text: `step ${step}` }],
      });
      from.addCheckpoint(run, { step, file: { chunks: [Buffer.from(`weights ${step}`)] } });
    };
    const copyOf = (exported: ExportedRun) => {
      const copy = folder();
      for (const { name, path } of exported.files) {
        mkdirSync(join(copy, name, '..'), { recursive: true });
        cpSync(path, join(copy, name));
      }
      return { document: json(exported), locate: (name: string) => join(copy, name) };
    };
    add(0, 1);
    const early = copyOf(from.exportRun(run));
    add(1, 2);
    const middle = copyOf(from.exportRun(run));
    from.addMeasurement(run, {
      parameter: 'fc2.kernel',
      step: 2,
      origin: 'schedule',
      summary: summaryOf('fc2.kernel', 1.2),
      arrays: { chunks: [Buffer.from('arrays')] },
    });
    from.setSummary(run, { loss: 0.5 });
    from.setRunStatus(run, 'done');
    const late = copyOf(from.exportRun(run));

    const to = open();
    expect(to.importRun(early.document, early)).toEqual({ id: run, added: true });
    to.updateRun(run, { name: 'mine', tags: ['kept'], notes: 'my notes' });
    to.addMeasurement(run, {
      parameter: 'fc1.kernel',
      step: 1,
      origin: 'manual',
      summary: summaryOf('fc1.kernel', 1.1),
    });
    expect(to.importRun(middle.document, middle)).toEqual({ id: run, added: true, replaced: true });
    expect(to.importRun(early.document, early)).toEqual({ id: run, added: false });
    expect(to.lastCheckpoint(run)?.step).toBe(2);
    expect(to.importRun(late.document, late)).toEqual({ id: run, added: true, replaced: true });
    expect(to.importRun(middle.document, middle)).toEqual({ id: run, added: false });
    expect(to.importRun(late.document, late)).toEqual({ id: run, added: false });

    expect(to.listRuns().total).toBe(1);
    expect(to.getRun(run)).toMatchObject({ name: 'mine', notes: 'my notes', status: 'done', step: 2, tags: ['kept'] });
    expect(to.getRun(run)?.values['loss']?.value).toBe(0.5);
    expect(to.series(run)).toEqual(from.series(run));
    expect(to.logs(run)).toEqual(from.logs(run));
    expect(to.checkpoints(run).map(({ step }) => step)).toEqual([1, 2]);
    expect(to.measurements(run).map(({ parameter, origin }) => [parameter, origin])).toEqual([
      ['fc1.kernel', 'manual'],
      ['fc2.kernel', 'schedule'],
    ]);
  });

  it('does not take the place of a run that is running here', () => {
    const from = open();
    const run = from.createRun({ name: 'a', experiment, status: 'running' });
    const to = open();
    const first = json(from.exportRun(run));
    to.importRun(first, { locate: () => '' });
    to.setRunStatus(run, 'running');
    from.appendBatch(run, { number: 0, step: 5 });
    const error = errorOf(() => to.importRun(json(from.exportRun(run)), { locate: () => '' }));
    expect(error).toBeInstanceOf(InputError);
    expect(String(error)).toMatch(/is running here/);
    expect(to.getRun(run)).toMatchObject({ status: 'running', step: 0 });
  });

  it('that was running arrives interrupted', () => {
    const from = open();
    const run = from.createRun({ name: 'a', experiment, status: 'running' });
    const exported = from.exportRun(run);
    const to = open();
    to.importRun(json(exported), { locate: locateIn(exported) });
    expect(to.getRun(run)!.status).toBe('interrupted');
  });

  it('leaves out files that are gone', async () => {
    const store = open();
    const run = fill(store, 'a');
    const [, second] = store.measurements(run, { parameter: 'fc2.kernel' });
    rmSync(second.arrays!.path);
    rmSync(store.lastCheckpoint(run)!.file.path);
    await store.doctor({ repair: true });
    const exported = store.exportRun(run);
    expect(exported.files.length).toBe(2);
    expect(exported.document.checkpoints).toEqual([]);
    expect(exported.document.measurements.map((m) => m.arrays !== null)).toEqual([false, true, false]);
  });

  const set = (path: string, value: unknown) => (document: Record<string, unknown>) => {
    const keys = path.split('.');
    const last = keys.pop()!;
    const inner = keys.reduce<Record<string, unknown>>(
      (object, key) => object[key] as Record<string, unknown>,
      document,
    );
    inner[last] = value;
  };
  const wrong: [string, (document: Record<string, unknown>, copy: string) => void][] = [
    ['another format', set('format', 'something')],
    ['a newer version', set('version', 2)],
    ['an unknown field', set('extra', 1)],
    ['no experiment', (document) => delete document['experiment']],
    ['an id with a path in it', set('id', '../../etc/passwd')],
    ['a status that is none', set('status', 'finished')],
    ['a step below 0', set('step', -1)],
    ['a time that is no number', set('created', '2026')],
    ['fewer values than steps', set('series.loss.values', [1])],
    ['steps that fall', set('series.loss.steps', [3, 2, 1])],
    ['a value that is no number', set('series.loss.values', [1, 'x', 2])],
    ['a summary of another parameter', set('measurements.1.summary.parameter', 'fc9.kernel')],
    ['a summary without fits', set('measurements.2.summary', { format: 'covature-measurement', version: 1 })],
    ['a checksum that is none', set('checkpoints.0.file.sha256', 'abc')],
    ['a file of another content', set('checkpoints.0.file.sha256', 'ab'.repeat(32))],
    ['a file of another length', set('checkpoints.0.file.bytes', 8)],
    ['a file that is not there', (_, copy) => rmSync(join(copy, 'checkpoints'), { recursive: true })],
    ['a file cut short', (_, copy) => truncateSync(join(copy, 'checkpoints', 'step-2.safetensors'), 3)],
    ['a name of 1,000 characters', set('name', 'x'.repeat(1000))],
  ];
  it.each(wrong)('with %s is refused, and nothing of it stays', (_, damage) => {
    const from = open();
    const run = fill(from, 'a');
    const exported = from.exportRun(run);
    const copy = folder();
    for (const { name, path } of exported.files) {
      const target = join(copy, name.replaceAll('..', '_'));
      mkdirSync(join(target, '..'), { recursive: true });
      cpSync(path, target);
    }
    const document = json(exported);
    damage(document, copy);
    const to = open();
    const error = errorOf(() => to.importRun(document, { locate: (name) => join(copy, name.replaceAll('..', '_')) }));
    expect(error).toBeInstanceOf(InputError);
    expect(to.listRuns().total).toBe(0);
    expect(
      readdirSync(join(to.folder, 'artifacts'), { recursive: true }).filter((name) => String(name).includes('.')),
    ).toEqual([]);
    for (const input of [null, 1, 'x', [], {}]) {
      expect(errorOf(() => to.importRun(input, { locate: () => '' }))).toBeInstanceOf(InputError);
    }
  });
});
