/** The table of runs at 10,000 runs, against the same answers by plain loops. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openStore, type Store } from '../../../src/main/store/index.ts';
import { InputError } from '../../../src/shared/errors.ts';
import { Random } from '../../../src/shared/random.ts';
import { errorOf, workplace } from './support/stores.ts';

interface Plain {
  readonly id: string;
  readonly name: string;
  readonly dataset: string;
  readonly seed: number;
  readonly lr: number;
  readonly gamma: number | undefined;
  readonly paper: boolean;
  readonly status: 'done' | 'failed';
  readonly project: string | null;
}

describe('10,000 runs', () => {
  const folder = mkdtempSync(join(tmpdir(), 'covature-list-'));
  let store: Store;
  let runs: Plain[];
  let project: string;

  beforeAll(() => {
    store = openStore(folder);
    project = store.createProject('P').id;
    const random = new Random(11, 'list');
    runs = store.transaction(() =>
      Array.from({ length: 10_000 }, (_, i) => {
        const plain = {
          name: `run ${i}`,
          dataset: ['mnist', 'glyphs', 'cifar'][random.below(3)],
          seed: i % 5,
          lr: [0.1, 0.01][Math.floor(i / 5) % 2],
          gamma: random.below(20) === 0 ? undefined : Math.round(100 * (1.2 + 0.2 * random.normal())) / 100,
          paper: random.below(10) === 0,
          status: random.below(4) === 0 ? ('failed' as const) : ('done' as const),
          project: random.below(2) === 0 ? project : null,
        };
        const id = store.createRun({
          name: plain.name,
          experiment: { seed: plain.seed, dataset: plain.dataset, lr: plain.lr },
          status: plain.status,
          project: plain.project,
          tags: plain.paper ? ['paper'] : [],
        });
        if (plain.gamma !== undefined) store.setSummary(id, { 'gamma.fc2': plain.gamma });
        return { id, ...plain };
      }),
    );
  }, 300_000);
  afterAll(() => {
    store.close();
    rmSync(folder, { recursive: true, force: true });
  });

  it('are counted, filtered, sorted and paged', () => {
    const expected = runs
      .filter(
        (run) =>
          run.gamma !== undefined &&
          run.gamma > 1.1 &&
          (run.dataset === 'mnist' || !run.paper) &&
          run.status === 'done',
      )
      .sort((a, b) => b.gamma! - a.gamma! || (a.id < b.id ? 1 : -1))
      .map((run) => run.id);
    const query = {
      filter: 'gamma.fc2 > 1.1 and (dataset = mnist or not tag = paper)',
      status: ['done'] as const,
      sort: [{ key: 'gamma.fc2', descending: true }],
    };
    expect(expected.length).toBeGreaterThan(1000);
    expect(store.listRunIds(query)).toEqual(expected);
    for (const offset of [0, 99, expected.length - 5, expected.length, 20_000]) {
      const { total, rows } = store.listRuns({ ...query, offset, limit: 40, columns: ['gamma.fc2'] });
      expect(total).toBe(expected.length);
      expect(rows.map((row) => row.id)).toEqual(expected.slice(offset, offset + 40));
    }
    const { rows } = store.listRuns({ ...query, limit: 3, columns: ['gamma.fc2', 'dataset'] });
    const first = runs.find((run) => run.id === expected[0])!;
    expect(rows[0].values['gamma.fc2'].value).toBe(first.gamma);
    expect(rows[0].values['dataset'].text).toBe(first.dataset);
  });

  it('are counted by status, project, tag and text', () => {
    const inProject = runs.filter((run) => run.project === project);
    const failed = inProject.filter((run) => run.status === 'failed').length;
    const counts = store.countRuns({ project });
    expect(counts.total).toBe(inProject.length);
    expect(counts.byStatus).toMatchObject({ failed, done: inProject.length - failed, running: 0, interrupted: 0 });
    expect(store.countRuns({ project: null }).total).toBe(10_000 - inProject.length);
    expect(store.countRuns({ tags: ['paper'] }).total).toBe(runs.filter((run) => run.paper).length);
    expect(store.countRuns({ text: 'RUN 123 mnist' }).total).toBe(
      runs.filter((run) => run.name.includes('123') && run.dataset === 'mnist').length,
    );
    const some = [runs[5].id, 'unknown', runs[7].id];
    expect(store.listRunIds({ ids: some, sort: [{ key: 'created' }] }).sort()).toEqual([runs[5].id, runs[7].id].sort());
    expect(store.countRuns({ ids: [] }).total).toBe(0);
    expect(store.listRuns().rows[0].id).toBe(runs.at(-1).id);
  });

  it('are grouped with mean and interval', () => {
    const { groups } = store.groupRuns({
      by: ['dataset', 'lr'],
      values: ['gamma.fc2', 'seed'],
      filter: 'status = done',
    });
    expect(groups.length).toBe(6);
    for (const group of groups) {
      const members = runs.filter(
        (run) => run.status === 'done' && run.dataset === group.key['dataset'] && run.lr === group.key['lr'],
      );
      expect([...group.runs].sort()).toEqual(members.map((run) => run.id).sort());
      const values = members.map((run) => run.gamma).filter((gamma) => gamma !== undefined);
      const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
      const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1);
      const { n, mean: found, standard_deviation: deviation, interval } = group.values['gamma.fc2'];
      expect(n).toBe(values.length);
      expect(found).toBeCloseTo(mean, 12);
      expect(deviation).toBeCloseTo(Math.sqrt(variance), 12);
      // Beyond 1,000 degrees of freedom Student's quantile is within 0.0025 of the normal one, 1.959964.
      const half = Math.sqrt(variance / n);
      expect((interval![1] - mean) / half).toBeCloseTo(1.96, 2);
      expect((mean - interval![0]) / half).toBeCloseTo(1.96, 2);
      expect(group.values['seed'].n).toBe(members.length);
    }
  });

  it('refuse pages that are none', () => {
    for (const query of [{ offset: -1 }, { offset: 0.5 }, { limit: -1 }, { limit: 1e9 }, { limit: NaN }]) {
      expect(errorOf(() => store.listRuns(query))).toBeInstanceOf(InputError);
    }
  });
});

describe('groups', () => {
  const { open } = workplace();

  it('of the seeds of one setup have Student intervals', () => {
    const store = open();
    const gammas = [1.2, 1.3, 1.25, 1.15, 1.35];
    gammas.forEach((gamma, seed) => {
      const id = store.createRun({ name: `s${seed}`, experiment: { seed, lr: 0.1 } });
      store.setSummary(id, { 'gamma.fc2': { value: gamma, low: gamma - 0.1 } });
    });
    const alone = store.createRun({ name: 'alone', experiment: { seed: 1, lr: 0.2 } });
    store.setSummary(alone, { 'gamma.fc2': 2 });
    store.createRun({ name: 'none', experiment: { seed: 1, lr: 0.3 }, tags: ['b', 'a'] });
    const { groups } = store.groupRuns({ by: ['setup'], values: ['gamma.fc2', 'gamma.fc2.low'] });
    expect(groups.map((group) => group.runs.length)).toEqual([1, 1, 5]);
    expect(groups[0].values).toEqual({});
    expect(groups[1].values['gamma.fc2']).toEqual({
      n: 1,
      mean: 2,
      smallest: 2,
      largest: 2,
      standard_deviation: null,
      interval: null,
    });
    const { mean, standard_deviation: deviation, interval } = groups[2].values['gamma.fc2'];
    expect(mean).toBeCloseTo(1.25, 12);
    expect(deviation).toBeCloseTo(0.0790569415, 9);
    // t with 4 degrees of freedom, 97.5 %: 2.776445.
    expect(interval![0]).toBeCloseTo(1.25 - (2.776445 * 0.0790569415) / Math.sqrt(5), 6);
    expect(interval![1]).toBeCloseTo(1.25 + (2.776445 * 0.0790569415) / Math.sqrt(5), 6);
    expect(groups[2].values['gamma.fc2.low'].mean).toBeCloseTo(1.15, 12);
    expect(store.groupRuns({ by: ['tags'], values: [] }).groups.map((group) => group.key['tags'])).toEqual([
      'a, b',
      null,
    ]);
    expect(store.groupRuns({ by: ['lr'], values: [] }).groups.map((group) => group.key['lr'])).toEqual([0.3, 0.2, 0.1]);
  });

  it('are made anew after every change, this connection’s and another’s, though pages of an unchanged store share them', () => {
    const store = open();
    using other = openStore(store.folder);
    const of = (lr: number, gamma: number): string => {
      const id = store.createRun({ name: `lr ${lr}`, experiment: { seed: 1, lr }, status: 'done' });
      store.setSummary(id, { 'gamma.fc2': gamma });
      return id;
    };
    const ids = [of(0.1, 1.1), of(0.2, 1.2), of(0.3, 1.3)];
    const sort = { key: 'gamma.fc2' };
    const rates = (offset: number, limit = 10): unknown[] =>
      store.groupRuns({ by: ['lr'], values: [], sort, offset, limit }).groups.map(({ key }) => key['lr']);
    expect(rates(0, 2)).toEqual([0.1, 0.2]);
    // As many rows of settings change as of summaries: one must not pass for the other.
    store.setSetting('scroll', 12);
    expect(rates(2, 2)).toEqual([0.3]);
    store.setSummary(ids[0], { 'gamma.fc2': 2 });
    store.setSetting('scroll', undefined);
    expect(rates(0)).toEqual([0.2, 0.3, 0.1]);
    other.setSummary(ids[1], { 'gamma.fc2': 3 });
    expect(rates(0)).toEqual([0.3, 0.1, 0.2]);
    other.deleteRuns([ids[2]]);
    expect(rates(0)).toEqual([0.1, 0.2]);
    expect(store.groupRuns({ by: ['lr'], values: [], sort, deleted: true }).total).toBe(1);
  });

  it('are sorted by mean, number of runs or text, paged, opened, and name what texts they hold', () => {
    const store = open();
    for (const [lr, gammas, loss] of [
      [0.1, [1.2, 1.4], 'mse'],
      [0.2, [1.1], 'cross-entropy'],
      [0.3, [1.6, 1.7, 1.8], 'mse'],
      [0.4, [], 'mse'],
    ] as const) {
      [...gammas, null].forEach((gamma, seed) => {
        const status = gamma === null ? 'failed' : 'done';
        const id = store.createRun({ name: `lr ${lr}`, experiment: { seed, lr, model: { loss } }, status });
        if (gamma !== null) store.setSummary(id, { 'gamma.fc2': gamma });
      });
    }
    const rates = (query: Partial<Parameters<typeof store.groupRuns>[0]>) =>
      store.groupRuns({ by: ['lr'], values: [], ...query }).groups.map(({ key }) => key['lr']);
    expect(rates({ sort: { key: 'gamma.fc2' } })).toEqual([0.2, 0.1, 0.3, 0.4]);
    // Those without come last in either direction.
    expect(rates({ sort: { key: 'gamma.fc2', descending: true } })).toEqual([0.3, 0.1, 0.2, 0.4]);
    expect(rates({ sort: { key: 'runs', descending: true } })).toEqual([0.3, 0.1, 0.2, 0.4]);
    expect(rates({ sort: { key: 'loss' } })).toEqual([0.2, 0.4, 0.3, 0.1]);
    // A column that no run has is empty.
    expect(rates({ values: ['not.yet'] })).toEqual([0.4, 0.3, 0.2, 0.1]);
    const page = store.groupRuns({
      by: ['lr', 'loss'],
      values: ['status', 'gamma.fc2'],
      offset: 1,
      limit: 2,
      open: [
        [0.1, 'mse'],
        [0.1, 'hinge'],
      ],
    });
    expect(page).toMatchObject({
      total: 4,
      runs: 10,
      places: [
        { index: 3, runs: 3 },
        { index: null, runs: 0 },
      ],
    });
    expect(page.groups.map(({ key }) => key)).toEqual([
      { lr: 0.3, loss: 'mse' },
      { lr: 0.2, loss: 'cross-entropy' },
    ]);
    expect(page.groups[0]).toMatchObject({
      name: 'lr 0.3',
      statuses: { done: 3, failed: 1 },
      texts: { status: { text: 'done', distinct: 2 } },
      values: { 'gamma.fc2': { n: 3, smallest: 1.6, largest: 1.8 } },
    });
    for (const { key, runs } of page.groups) {
      const group = { by: ['lr', 'loss'], key: Object.values(key) };
      expect(store.listRunIds({ group })).toEqual(runs);
    }
    expect(store.listRunIds({ group: { by: ['gamma.fc2'], key: [null] } })).toHaveLength(4);
    const [first] = store.listRunIds({ sort: [{ key: 'lr' }] });
    expect(store.listRuns({ sort: [{ key: 'lr' }], offset: 3, anchor: first }).place).toBe(0);
    expect(store.listRuns({ filter: 'lr > 0.3', anchor: first }).place).toBeNull();
    expect(store.fieldValues('loss')).toEqual([
      { value: 'mse', runs: 8 },
      { value: 'cross-entropy', runs: 2 },
    ]);
    expect(store.fieldValues('status')[0]).toEqual({ value: 'done', runs: 6 });
  });

  it('are refused without fields, for unknown ones, and for pages that are none', () => {
    const store = open();
    store.createRun({ name: 'a', experiment: {} });
    for (const query of [
      { by: [], values: [] },
      { by: ['nope'], values: [] },
      { by: ['name'], values: [], sort: { key: 'nope' } },
      { by: ['name'], values: [], offset: -1 },
      { by: ['name'], values: [], limit: 0.5 },
      { by: ['name'], values: [], group: { by: ['name', 'id'], key: ['a'] } },
      { by: Array.from({ length: 9 }, () => 'name'), values: [] },
    ]) {
      expect(errorOf(() => store.groupRuns(query))).toBeInstanceOf(InputError);
    }
  });
});

describe('differences between experiments', () => {
  it('leave out what is the same', async () => {
    const { differencesOf } = await import('../../../src/shared/varied.ts');
    const a = { lr: 0.1, model: { layers: [{ units: 50 }, { units: 10 }], loss: 'mse' }, shape: [1, 2] };
    const b = { lr: 0.1, model: { layers: [{ units: 60 }], loss: 'mse' }, shape: [1, 3], extra: true };
    expect(Object.fromEntries(differencesOf([a, b, a]))).toEqual({
      'model.layers[0].units': [50, 60, 50],
      'model.layers[1].units': [10, undefined, 10],
      shape: ['[1,2]', '[1,3]', '[1,2]'],
      extra: [undefined, true, undefined],
    });
    expect(differencesOf([a]).size).toBe(0);
  });
});
