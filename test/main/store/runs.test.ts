import { describe, expect, it } from 'vitest';
import { defaultStoreFolder } from '../../../src/main/store/index.ts';
import { InputError } from '../../../src/shared/errors.ts';
import { errorOf, experiment, workplace } from './support/stores.ts';

describe('the default place of the store', () => {
  const home = '/home/ada';
  const rows = [
    { name: 'Linux', platform: 'linux', env: {}, expected: '/home/ada/.local/share/covature' },
    { name: 'XDG_DATA_HOME', platform: 'linux', env: { XDG_DATA_HOME: '/data' }, expected: '/data/covature' },
    {
      name: 'a relative XDG_DATA_HOME',
      platform: 'linux',
      env: { XDG_DATA_HOME: 'data' },
      expected: '/home/ada/.local/share/covature',
    },
    { name: 'macOS', platform: 'darwin', env: {}, expected: '/home/ada/Library/Application Support/covature' },
    { name: 'COVATURE_HOME', platform: 'darwin', env: { COVATURE_HOME: '/x/y' }, expected: '/x/y' },
    {
      name: 'an empty COVATURE_HOME',
      platform: 'linux',
      env: { COVATURE_HOME: '' },
      expected: '/home/ada/.local/share/covature',
    },
    {
      name: 'Windows',
      platform: 'win32',
      env: { APPDATA: 'C:\\Users\\ada\\AppData\\Roaming' },
      expected: 'C:\\Users\\ada\\AppData\\Roaming\\covature',
    },
  ] as const;
  it.each(rows)('$name', ({ platform, env, expected }) => {
    expect(defaultStoreFolder({ platform, env, home })).toBe(expected);
  });
});

describe('runs', () => {
  const { open, folder } = workplace();

  it('keeps all of a run', () => {
    const place = folder();
    const store = open(place, { now: () => 1000 });
    const project = store.createProject('Ähnlichkeit 相似', 'with C ∝ H^γ');
    const id = store.createRun({
      name: '  naïve 運行 🙂 ',
      project: project.id,
      experiment,
      provenance: { version: '0.1.0', modified: true },
      tags: ['paper', 'Größe', 'paper'],
      notes: 'γ looks high',
      fields: { layers: 2 },
      priority: 3,
    });
    store.close();
    const run = open(place).getRun(id)!;
    expect(run).toMatchObject({
      id,
      name: 'naïve 運行 🙂',
      project: project.id,
      status: 'queued',
      seed: 7,
      colour: 0,
      priority: 3,
      created: 1000,
      started: null,
      ended: null,
      tags: ['Größe', 'paper'],
      notes: 'γ looks high',
      experiment,
      provenance: { version: '0.1.0', modified: true },
      archived: false,
      deleted: null,
      nextBatch: 0,
    });
    const text = (value: string) => ({ value: null, text: value, low: null, high: null });
    const number = (value: number) => ({ value, text: null, low: null, high: null });
    expect(run.values).toMatchObject({
      dataset: text('mnist'),
      loss: text('cross-entropy'),
      model: text('784-50-10'),
      'optimiser.lr': number(0.1),
      'optimiser.nesterov': text('false'),
      batch_size: number(50),
      layers: number(2),
    });
  });

  it('keeps times through starts, pauses and ends', () => {
    let now = 0;
    const store = open(undefined, { now: () => now });
    const id = store.createRun({ name: 'a', experiment: {} });
    const state = () => {
      const { status, started, ended, seconds, pid, error } = store.getRun(id)!;
      return { status, started, ended, seconds, pid, error };
    };
    now = 1000;
    expect(store.setRunStatus(id, 'running', { pid: 77 })).toBe(true);
    expect(state()).toEqual({ status: 'running', started: 1000, ended: null, seconds: 0, pid: 77, error: null });
    now = 3000;
    store.setRunStatus(id, 'paused');
    expect(state()).toEqual({ status: 'paused', started: 1000, ended: null, seconds: 2, pid: null, error: null });
    now = 10_000;
    store.setRunStatus(id, 'running', { pid: 78 });
    now = 10_500;
    store.setRunStatus(id, 'diverged', { error: 'loss is NaN at step 12' });
    expect(state()).toEqual({
      status: 'diverged',
      started: 1000,
      ended: 10_500,
      seconds: 2.5,
      pid: null,
      error: 'loss is NaN at step 12',
    });
    expect(store.setRunStatus(id, 'cancelled', { from: ['running', 'queued'] })).toBe(false);
    expect(state().status).toBe('diverged');
    store.setRunStatus(id, 'queued');
    expect(state()).toMatchObject({ status: 'queued', ended: null, error: null });
  });

  it('marks what a process left running as interrupted, ended at its last sign of life', () => {
    const place = folder();
    let now = 0;
    const first = open(place, { now: () => now });
    const ids = (['running', 'queued', 'paused', 'done', 'running'] as const).map((status) =>
      first.createRun({ name: status, experiment: {}, status }),
    );
    now = 5000;
    first.appendMetrics(ids[0], 0, { loss: { steps: [1], values: [1] } });
    first.close();
    now = 99_000;
    const second = open(place, { now: () => now });
    expect(second.report.interrupted).toEqual([ids[0], ids[4]]);
    expect(ids.map((id) => second.getRun(id)!.status)).toEqual([
      'interrupted',
      'queued',
      'paused',
      'done',
      'interrupted',
    ]);
    expect(second.getRun(ids[0])).toMatchObject({
      ended: 5000,
      seconds: 5,
      error: expect.stringContaining('resumes') as unknown,
    });
    second.close();
    expect(open(place).report.interrupted).toEqual([]);
  });

  it('finds a run by id, part of an id, or name', () => {
    const store = open();
    const a = store.createRun({ name: 'alpha', experiment: {} });
    const b = store.createRun({ name: 'beta', experiment: {} });
    const b2 = store.createRun({ name: 'beta', experiment: {} });
    expect(store.findRun(a).id).toBe(a);
    expect(store.findRun(a.slice(-6)).id).toBe(a);
    expect(store.findRun('alpha').id).toBe(a);
    expect(errorOf(() => store.findRun('beta')).message).toBe(`several runs fit "beta": ${b2}, ${b}; give an id`);
    expect(errorOf(() => store.findRun('gamma'))).toBeInstanceOf(InputError);
    expect(errorOf(() => store.findRun('%'))).toBeInstanceOf(InputError);
    store.deleteRuns([b2].map((id) => (store.setRunStatus(id, 'done'), id)));
    expect(store.findRun('beta').id).toBe(b);
  });

  it('gives ids that sort by time of creation, within a millisecond and with the clock set back', () => {
    const times = [1000, 1000, 1000, 1001, 900, 900, 2 ** 41];
    let i = -1;
    const store = open(undefined, { now: () => times[Math.floor(i / 3)] ?? 0 });
    const ids: string[] = [];
    for (i = 0; i < 3 * times.length; i++) ids.push(store.createRun({ name: 'x', experiment: {} }));
    expect(new Set(ids).size).toBe(ids.length);
    expect([...ids].sort()).toEqual(ids);
    for (const id of ids) expect(id).toMatch(/^[0-9a-z]{16}$/);
  });

  const bad: [string, Parameters<ReturnType<typeof open>['createRun']>[0]][] = [
    ['an empty name', { name: '  ', experiment: {} }],
    ['a name of 201 characters', { name: 'x'.repeat(201), experiment: {} }],
    ['an unknown project', { name: 'a', project: 'nope', experiment: {} }],
    ['a seed that is no whole number', { name: 'a', seed: 0.5, experiment: {} }],
    ['an unknown status', { name: 'a', status: 'finished' as 'done', experiment: {} }],
    ['NaN in the experiment', { name: 'a', experiment: { lr: NaN } }],
    ['an id with a path in it', { name: 'a', id: '../../etc', experiment: {} }],
    ['an empty tag', { name: 'a', tags: [''], experiment: {} }],
  ];
  it.each(bad)('refuses %s and stores nothing', (_, run) => {
    const store = open();
    expect(errorOf(() => store.createRun(run))).toBeInstanceOf(InputError);
    expect(store.listRuns().total).toBe(0);
  });

  it('changes what a user may change, and finds it by its new words', () => {
    const store = open();
    const id = store.createRun({ name: 'old', experiment, tags: ['a'] });
    const other = store.createProject('Other');
    store.updateRun(id, {
      name: 'Müller',
      notes: 'straße',
      tags: ['b', 'c'],
      project: other.id,
      colour: 9,
      archived: true,
      steps: 400,
    });
    expect(store.getRun(id)).toMatchObject({
      name: 'Müller',
      notes: 'straße',
      tags: ['b', 'c'],
      project: other.id,
      colour: 9,
      archived: true,
      steps: 400,
    });
    const found = (text: string) => store.listRuns({ text, archived: 'any' }).total;
    expect([found('muller'), found('MÜLLER straße'), found('c mnist'), found('old'), found('relu')]).toEqual([
      1, 1, 1, 0, 1,
    ]);
    expect(store.listRuns().total).toBe(0);
    store.tagRuns([id], { add: ['d'], remove: ['b'] });
    expect(store.getRun(id)!.tags).toEqual(['c', 'd']);
    expect(store.listTags()).toEqual([
      { name: 'c', runs: 1 },
      { name: 'd', runs: 1 },
    ]);
    expect(errorOf(() => store.updateRun('nope', { name: 'x' }))).toBeInstanceOf(InputError);
  });

  it('stores all of a transaction or nothing', () => {
    const store = open();
    const error = errorOf(() =>
      store.transaction(() => {
        store.createRun({ name: 'a', experiment: {} });
        store.createRun({ name: 'b', experiment: {} });
        throw new Error('stop');
      }),
    );
    expect(error.message).toBe('stop');
    expect(store.listRuns().total).toBe(0);
  });

  it('queues by priority, then age', () => {
    const store = open();
    const ids = [0, 5, 0, 5].map((priority, i) => store.createRun({ name: String(i), experiment: {}, priority }));
    expect(store.queuedRuns()).toEqual([ids[1], ids[3], ids[0], ids[2]]);
  });

  it('gives runs that differ by seed and name alone the same setup', () => {
    const store = open();
    const setup = (changes: object) =>
      store.getRun(store.createRun({ name: 'x', experiment: { ...experiment, ...changes } }))!.setup;
    const base = setup({});
    expect(setup({ seed: 8, name: 'another' })).toBe(base);
    expect(setup({ batch_size: 51 })).not.toBe(base);
    const reordered = Object.fromEntries(Object.entries(experiment).reverse());
    expect(store.getRun(store.createRun({ name: 'x', experiment: reordered }))!.setup).toBe(base);
  });
});

describe('projects and the bin', () => {
  const { open } = workplace();

  it('keeps names of projects apart, case and accents aside', () => {
    const store = open();
    const first = store.createProject('Große Läufe');
    expect(errorOf(() => store.createProject('große laufe '))).toBeInstanceOf(InputError);
    expect(store.ensureProject('GROSSE Läufe').id).not.toBe(first.id);
    expect(store.ensureProject('große läufe').id).toBe(first.id);
    store.updateProject(first.id, { name: 'große Läufe', description: 'd', archived: true });
    expect(store.getProject(first.id)).toMatchObject({
      name: 'große Läufe',
      description: 'd',
      archived: true,
      runs: 0,
    });
  });

  it('deletes a project with its runs and brings back exactly those', () => {
    let now = 10;
    const store = open(undefined, { now: () => now });
    const project = store.createProject('P').id;
    const [a, b] = ['a', 'b'].map((name) => store.createRun({ name, project, experiment: {}, status: 'done' }));
    expect(store.deleteRuns([a])).toEqual([a]);
    now = 20;
    store.deleteProject(project);
    expect(store.listProjects()).toEqual([]);
    expect(store.listRuns({ deleted: true }).total).toBe(2);
    store.restoreProject(project);
    expect(store.listProjects()).toMatchObject([{ id: project, runs: 1 }]);
    expect(store.listRuns().rows.map((row) => row.id)).toEqual([b]);
  });

  it('deletes, undoes, purges', () => {
    const store = open();
    const [a, b, running] = (['done', 'failed', 'running'] as const).map((status) =>
      store.createRun({ name: status, experiment: {}, status, tags: [`tag-${status}`] }),
    );
    expect(errorOf(() => store.deleteRuns([a, running])).message).toContain('cancel it');
    expect(store.listRuns().total).toBe(3);
    expect(store.deleteRuns([a, b])).toEqual([a, b]);
    expect(store.deleteRuns([a])).toEqual([]);
    store.restoreRuns([a]);
    expect(
      store
        .listRuns({ sort: [{ key: 'created' }] })
        .rows.map((row) => row.id)
        .sort(),
    ).toEqual([a, running].sort());
    store.addFile(b, 'weights.safetensors', { chunks: [Buffer.alloc(1000)] });
    expect(errorOf(() => store.purgeRuns([a])).message).toContain('not in the bin');
    expect(store.emptyBin()).toEqual({ runs: 1, projects: 0, figures: 0, bytes: 1000 });
    expect(store.getRun(b)).toBeUndefined();
    expect(store.listTags().map((tag) => tag.name)).toEqual(['tag-done', 'tag-running']);
    expect(store.artifactBytes()).toBe(0);
  });

  it('empties the bin of what is older than a time', () => {
    let now = 100;
    const store = open(undefined, { now: () => now });
    const [a, b] = ['a', 'b'].map((name) => store.createRun({ name, experiment: {}, status: 'done' }));
    store.deleteRuns([a]);
    now = 200;
    store.deleteRuns([b]);
    expect(store.emptyBin({ before: 150 }).runs).toBe(1);
    expect(store.listRunIds({ deleted: true })).toEqual([b]);
  });
});

describe('settings, calibrations, figures, datasets', () => {
  const { open, folder } = workplace();

  it('keeps them', () => {
    const place = folder();
    let store = open(place, { now: () => 5 });
    store.setSetting('theme', 'dark');
    store.setSetting('columns', ['gamma.fc2', 'loss']);
    store.setSetting('theme', undefined);
    store.setCalibration('m1', 'dgemm', { rate: 1e11 });
    store.setCalibration('m1', 'dgemm', { rate: 2e11 });
    store.setCalibration('m2', 'dgemm', { rate: 3e11 });
    const project = store.createProject('P').id;
    const figure = store.saveFigure({ name: 'Scatter', project, recipe: { kind: 'scatter', runs: ['a'] } });
    store.saveFigure({ id: figure.id, name: 'Scatter 2', recipe: { kind: 'scatter' } });
    const gone = store.saveFigure({ name: 'B', recipe: {} });
    store.deleteFigure(gone.id);
    store.saveDataset({ name: 'mnist', spec: { kind: 'idx', path: '/data' }, counts: { train: 60000 } });
    store.saveDataset({ name: 'mnist', spec: { kind: 'idx', path: '/data2' }, sha256: 'ab' });
    store.close();
    store = open(place);
    expect(store.settings()).toEqual({ columns: ['gamma.fc2', 'loss'] });
    expect(store.getSetting('theme')).toBeUndefined();
    expect(store.calibrations('m1')).toEqual([{ machine: 'm1', name: 'dgemm', value: { rate: 2e11 }, measured: 5 }]);
    expect(store.listFigures()).toEqual([
      { id: figure.id, name: 'Scatter 2', project: null, recipe: { kind: 'scatter' }, created: 5, updated: 5 },
    ]);
    expect(store.listFigures({ deleted: true }).map((each) => each.id)).toEqual([gone.id]);
    expect(store.listDatasets()).toEqual([
      {
        name: 'mnist',
        spec: { kind: 'idx', path: '/data2' },
        sha256: 'ab',
        counts: { train: 60000 },
        created: 5,
        updated: 5,
      },
    ]);
    store.deleteDataset('mnist');
    expect(store.getDataset('mnist')).toBeUndefined();
    expect(errorOf(() => store.saveFigure({ id: 'nope', name: 'x', recipe: {} }))).toBeInstanceOf(InputError);
  });
});
