import { setTimeout as sleep } from 'node:timers/promises';
import { mkdirSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { FaultCode, RunStatus } from '../../../src/shared/contract/index.ts';
import { isAlive } from '../../support/processes.ts';
import { tiny, until } from '../queue/support.ts';
import { TestWorkbench } from './support.ts';

let bench: TestWorkbench;
let run: string;

beforeAll(async () => {
  bench = new TestWorkbench();
  const { runs } = await bench.request('runs.start', { experiment: tiny, tags: ['first'] });
  run = runs[0];
  await statusOf(run, 'done');
});
afterAll(async () => {
  await bench.remove();
});

function statusOf(id: string, wanted: RunStatus): Promise<unknown> {
  return until(async () => (await bench.request('runs.get', { id })).status === wanted, `${id} to be ${wanted}`);
}

async function faultOf(
  method: string,
  params: unknown,
): Promise<{ code: FaultCode; message: string; details?: unknown }> {
  const outcome = await bench.workbench.request(method, params);
  if (outcome.ok) throw new Error(`${method} succeeded`);
  return outcome.fault;
}

describe('faults are values', () => {
  const rows: [string, unknown, unknown, FaultCode, RegExp][] = [
    ['an unknown method', 'runs.fly', {}, 'unknown-method', /runs\.fly/],
    ['a method of the prototype', 'toString', {}, 'unknown-method', /toString/],
    ['a method that is no text', 7, {}, 'unknown-method', /a number/],
    ['parameters that are no object', 'runs.list', 'all', 'bad-input', /runs\.list/],
    ['a wrong type', 'runs.list', { limit: 'all' }, 'bad-input', /runs\.list\.limit/],
    ['an unknown field', 'runs.list', { limits: 1 }, 'bad-input', /runs\.list\.limits: unknown field/],
    ['too much', 'runs.list', { limit: 1e9 }, 'bad-input', /limit/],
    ['a run that is not there', 'runs.get', { id: 'nothing' }, 'not-found', /nothing/],
    ['a project that is not there', 'projects.update', { id: 'nothing', name: 'x' }, 'not-found', /nothing/],
    [
      'a measurement that is not there',
      'measurements.arrays',
      { id: 'nothing', names: ['eigenvalues'] },
      'not-found',
      /nothing/,
    ],
    ['an experiment that is none', 'runs.start', { experiment: { name: 'x' } }, 'bad-input', /experiment\.dataset/],
    ['a dataset that is none', 'datasets.preview', { spec: { source: 'moon' } }, 'bad-input', /dataset/],
    ['a stale token', 'files.readJson', { token: 'x' }, 'not-found', /choose it again/],
    ['a dialog in the browser', 'files.choose', { kind: 'dataset' }, 'unavailable', /path/],
    ['a job that is not there', 'jobs.cancel', { id: 'nothing' }, 'not-found', /nothing/],
    ['too much state', 'state.set', { name: 'a', value: 'x'.repeat(300_000) }, 'too-large', /at most/],
    ['a backup that is not there', 'store.restore', { name: '../..' }, 'not-found', /backup/],
  ];
  it.each(rows)('%s', async (_, method, params, code, message) => {
    const fault = await faultOf(method as string, params);
    expect(fault.code).toBe(code);
    expect(fault.message).toMatch(message);
  });

  it('a filter that cannot be understood names the place', async () => {
    expect(await faultOf('runs.list', { filter: 'loss >' })).toMatchObject({
      code: 'bad-input',
      details: { column: expect.any(Number) as number, length: expect.any(Number) as number },
    });
  });
});

describe('projects and runs', () => {
  it('files, renames, deletes and brings back', async () => {
    const project = await bench.request('projects.create', { name: 'Paper' });
    expect(await faultOf('projects.create', { name: 'PAPER' })).toMatchObject({ code: 'bad-input' });
    await bench.request('runs.update', {
      ids: [run],
      project: project.id,
      name: 'renamed',
      addTags: ['paper'],
      notes: 'n',
    });
    expect(await bench.request('runs.get', { id: run })).toMatchObject({
      name: 'renamed',
      project: project.id,
      tags: ['first', 'paper'],
      notes: 'n',
    });
    await bench.request('projects.delete', { id: project.id });
    expect((await bench.request('runs.list')).total).toBe(0);
    expect((await bench.request('projects.restore', { id: project.id })).runs).toBe(1);
    expect((await bench.request('runs.list', { text: 'renamed', columns: ['loss'] })).rows[0].values).toHaveProperty(
      'loss',
    );
    const { done, refused } = await bench.request('runs.delete', { ids: [run, 'nothing'] });
    expect(done).toEqual([run]);
    expect(refused).toMatchObject([{ id: 'nothing' }]);
    expect((await bench.request('runs.list', { deleted: true })).total).toBe(1);
    await bench.request('runs.restore', { ids: done });
    expect((await bench.request('runs.counts')).byStatus.done).toBe(1);
  });

  it('tells of changes with a growing revision', async () => {
    // What the tests above changed is told of first.
    bench.workbench.changes.flush();
    const before = (await bench.request('runs.list')).revision;
    await bench.request('runs.update', { ids: [run], colour: 3 });
    const event = await until(
      () => bench.payloads('runs.changed').find(({ revision }) => revision > before),
      'the event',
    );
    expect(event.ids).toContain(run);
  });

  it('starts a sweep as one, shows what differs, groups it, and cancels it', async () => {
    await bench.request('queue.hold', { held: true });
    const experiment = { ...tiny, optimiser: { lr: [0.1, 0.2] }, seed: [1, 2, 3] };
    const { runs } = await bench.request('runs.start', { experiment });
    expect(runs).toHaveLength(6);
    expect(await bench.request('runs.differences', { ids: runs })).toEqual({
      'optimiser.lr': [0.1, 0.1, 0.1, 0.2, 0.2, 0.2],
      seed: [1, 2, 3, 1, 2, 3],
    });
    const { groups } = await bench.request('runs.groups', { by: ['setup'], values: ['loss'], status: ['queued'] });
    expect(groups.map((group) => group.runs.length)).toEqual([3, 3]);
    expect(await bench.request('queue.get')).toMatchObject({ queued: 6, held: true });
    const outcome = await bench.request('runs.cancel', { ids: [...runs, run] });
    expect(outcome.done).toEqual(runs);
    expect(outcome.refused).toMatchObject([{ id: run, message: expect.stringContaining('done') as string }]);
    expect(await bench.request('queue.hold', { held: false })).toMatchObject({ queued: 0 });
    await bench.request('runs.delete', { ids: runs });
    expect(await bench.request('bin.empty')).toMatchObject({ runs: 6, bytes: 0 });
  });

  it('stores nothing of a sweep with a wrong value', async () => {
    const { total } = await bench.request('runs.list');
    const fault = await faultOf('runs.start', { experiment: { ...tiny, batch_size: [10, -1] } });
    expect(fault).toMatchObject({
      code: 'bad-input',
      message: expect.stringContaining('value 2 of batch_size') as string,
    });
    expect((await bench.request('runs.list')).total).toBe(total);
  });

  it('stores nothing of an experiment whose shapes do not fit, and says so while it is written', async () => {
    const before = (await bench.request('runs.counts', {})).total;
    writeFileSync(`${bench.folder.path}/five.csv`, 'a,b,c,d,e,class\n1,2,3,4,5,x\n3,4,5,6,7,y\n5,6,7,8,9,z\n');
    const rows: [unknown, RegExp][] = [
      [
        { ...tiny, model: { ...tiny.model, layers: [{ type: 'layernorm', name: 'n' }, { type: 'meanpool' }] } },
        /layers\[1\].*meanpool.*\[6\]/,
      ],
      [
        { ...tiny, dataset: { ...tiny.dataset, dimensions: [6, 7] } },
        /takes 6 numbers a sample.*gaussian-mixture has 7/,
      ],
      [{ ...tiny, dataset: { source: 'csv', path: 'five.csv' } }, /takes 6 numbers a sample.*has 5/],
    ];
    for (const [experiment, message] of rows) {
      const fault = await faultOf('runs.start', { experiment });
      expect(fault).toMatchObject({ code: 'bad-input' });
      expect(fault.message).toMatch(message);
    }
    const [layers] = rows;
    const { problems } = await bench.request('experiments.check', { experiment: layers[0] });
    expect(problems.join()).toMatch(layers[1]);
    expect((await bench.request('runs.counts', {})).total).toBe(before);
  });

  it('clones with the next seed and the run as parent', async () => {
    const { runs } = await bench.request('runs.clone', { id: run });
    await statusOf(runs[0], 'done');
    expect(await bench.request('runs.get', { id: runs[0] })).toMatchObject({ parent: run, relation: 'clone', seed: 2 });
  });
});

describe('results', () => {
  it('answers arrays, pictures and eigenvectors of a measurement that belong together', async () => {
    const [info] = await bench.request('measurements.list', { runs: [run] });
    expect(info).toMatchObject({ parameter: 'fc2.kernel', state: 'done' });
    expect(JSON.stringify(info)).not.toContain(bench.folder.path);
    const arrays = await bench.request('measurements.arrays', { id: info.id, names: ['eigenvalues', 'C_diagonal'] });
    const d = 15;
    expect(arrays.eigenvalues).toHaveLength(d);

    const C = await bench.request('measurements.heatmap', { id: info.id, matrix: 'C', basis: 'eigen' });
    const diagonal = Float64Array.from({ length: d }, (_, i) => C.cells[i * d + i]);
    const largest = Math.max(...diagonal);
    const eigenvalues = arrays.eigenvalues!;
    for (let i = 0; i < d; i++) {
      // Within a cluster (the null space) the basis is arbitrary, and the stored diagonal is a mean.
      const gap = Math.min(...[...eigenvalues].map((x, j) => (i === j ? Infinity : Math.abs(x - eigenvalues[i]))));
      if (gap > 1e-6 * eigenvalues[0])
        expect(Math.abs(diagonal[i] - arrays.C_diagonal![i])).toBeLessThan(1e-9 * largest);
    }

    const first = await bench.request('measurements.eigenvector', { id: info.id, index: 0 });
    expect(first.shape).toEqual([5, 3]);
    expect(first.eigenvalue).toBeCloseTo(eigenvalues[0], 12);
    // v^T H v is the eigenvalue, with H as it is stored.
    const H = await bench.request('measurements.heatmap', { id: info.id, matrix: 'H', basis: 'parameter' });
    let form = 0;
    for (let i = 0; i < d; i++)
      for (let j = 0; j < d; j++) form += first.values[i] * H.cells[i * d + j] * first.values[j];
    expect(form).toBeCloseTo(eigenvalues[0], 10);
    expect(Math.max(...first.values)).toBe(Math.max(...[...first.values].map(Math.abs)));

    const small = await bench.request('measurements.heatmap', {
      id: info.id,
      matrix: 'H',
      basis: 'parameter',
      size: 4,
    });
    expect(small).toMatchObject({ d, size: 4, block: 4, from: 0, to: d });
    expect(Math.max(...[...small.cells].map(Math.abs))).toBe(Math.max(...[...H.cells].map(Math.abs)));
    expect(await faultOf('measurements.eigenvector', { id: info.id, index: 99 })).toMatchObject({ code: 'bad-input' });
  });

  it('fits at any cutoff with the intervals of the same bootstrap', async () => {
    const [info] = await bench.request('measurements.list', { runs: [run] });
    const { gamma } = info.summary!;
    for (const k of [0, 1, 3]) {
      const { cutoff } = gamma.training_set[k];
      const found = await bench.request('measurements.atCutoff', { id: info.id, cutoff });
      for (const estimand of ['training_set', 'cross_fitted'] as const) {
        const stored = gamma[estimand][k];
        expect(found![estimand].n).toBe(stored.n);
        for (const relation of ['gamma', 'gamma_Q', 'C_on_Q'] as const) {
          expect(found![estimand][relation].ols).toBeCloseTo(stored[relation].ols!, 12);
          const [low, high] = found![estimand][relation].interval!.ols!;
          expect(low).toBeCloseTo(stored[relation].interval!.ols![0], 9);
          expect(high).toBeCloseTo(stored[relation].interval!.ols![1], 9);
        }
      }
    }
    const between = await bench.request('measurements.atCutoff', { id: info.id, cutoff: 0.03 });
    expect(between!.training_set.cutoff).toBe(0.03);
    expect(await faultOf('measurements.atCutoff', { id: info.id, cutoff: 2 })).toMatchObject({ code: 'bad-input' });
  });

  it('measures again by hand', async () => {
    const measurement = { parameters: ['fc1.kernel'], samples: 100 };
    const { job } = await bench.request('measurements.start', { run, measurement });
    await until(
      async () => (await bench.request('queue.get')).jobs.find(({ id }) => id === job)?.state === 'done',
      'the measurement',
    );
    const all = await bench.request('measurements.list', { runs: [run], parameter: 'fc1.kernel' });
    expect(all).toMatchObject([{ origin: 'manual', samples: 100, state: 'done' }]);
  });

  it('answers series, what came since, logs and checkpoints', async () => {
    const whole = await bench.request('series.get', { runs: [run], names: ['batch_loss'], points: 10 });
    expect(whole[run]['batch_loss'].steps.length).toBeLessThanOrEqual(10);
    const first = await bench.request('series.since', { run });
    expect(first.reset).toBe(true);
    const again = await bench.request('series.since', {
      run,
      last: { revision: first.revision, nextBatch: first.nextBatch },
    });
    expect(again).toMatchObject({ reset: false, series: {} });
    expect(await bench.request('logs.get', { run })).toMatchObject({ next: first.nextBatch });
    expect((await bench.request('runs.get', { id: run })).checkpoints.at(-1)).toMatchObject({
      step: 40,
      present: true,
    });
  });
});

describe('making experiments', () => {
  it('verifies the model of a run, or one that is given, and says what is wrong with one', async () => {
    const ofRun = await bench.request('models.verify', { run, seed: 5 });
    expect(ofRun).toMatchObject({ format: 'covature-verification', seed: 5, left_out: [], agrees: true });
    expect(ofRun.parameters.map(({ parameter, method }) => `${parameter} ${method}`)).toEqual(
      expect.arrayContaining(['fc1.kernel exact', 'fc2.kernel exact', 'fc2.kernel projected']),
    );
    for (const { quantities } of ofRun.parameters)
      for (const { disagreement, tolerance } of quantities) expect(disagreement).toBeLessThanOrEqual(tolerance);
    const given = await bench.request('models.verify', { model: tiny.model, seed: 5 });
    expect(given.model).toEqual(ofRun.model);
    expect(given.parameters).toEqual(ofRun.parameters);
    expect(await faultOf('models.verify', { run: 'nothing' })).toMatchObject({ code: 'not-found' });
    expect(await faultOf('models.verify', { model: { ...tiny.model, loss: 'hinge' } })).toMatchObject({
      code: 'bad-input',
      message: expect.stringMatching(/loss/) as string,
    });
    expect(await faultOf('models.verify', {})).toMatchObject({ code: 'bad-input' });
  });

  it('tells how far a verification is, and stops one by its token', async () => {
    await bench.request('models.verify', { run, seed: 5, token: 'token-of-one' });
    const told = bench.payloads('request.progress');
    expect(new Set(told.map(({ token }) => token))).toEqual(new Set(['token-of-one']));
    expect(new Set(told.map(({ at }) => at))).toContain('fc2.kernel');
    for (const { share } of told) expect(share).toBeLessThanOrEqual(1);
    // The second waits behind the first, which is stopped at its first sign of life; then neither answers.
    const first = faultOf('models.verify', { run, token: 'token-of-two' });
    const second = faultOf('models.verify', { run, token: 'token-of-three' });
    expect(await faultOf('models.verify', { run, token: 'token-of-two' })).toMatchObject({ code: 'conflict' });
    await expect.poll(() => bench.payloads('request.progress').at(-1)?.token).toBe('token-of-two');
    await bench.request('requests.cancel', { token: 'token-of-three' });
    await bench.request('requests.cancel', { token: 'token-of-two' });
    expect(await first).toMatchObject({ code: 'cancelled' });
    expect(await second).toMatchObject({ code: 'cancelled' });
    // The helper lives on, and a token that is not known is no fault.
    await bench.request('requests.cancel', { token: 'token-of-two' });
    expect(await bench.request('models.verify', { run, seed: 5 })).toMatchObject({ agrees: true });
  });

  it('checks one while it is written, and says what it will take', async () => {
    const check = await bench.request('experiments.check', { experiment: { ...tiny, seed: [1, 2] } });
    expect(check.problems).toEqual([]);
    expect(check.forecast).toMatchObject({
      runs: 2,
      axes: [{ path: 'seed', values: 2 }],
      weights: 6 * 5 + 5 + 5 * 3 + 3,
      steps: 40,
    });
    const measured = check.forecast!.parameters.filter(({ times }) => times > 0);
    expect(measured).toMatchObject([{ name: 'fc2.kernel', size: 15, times: 1 }]);
    expect(measured[0].memory).toBeGreaterThan(0);
    const wrong = await bench.request('experiments.check', {
      experiment: { ...tiny, batch_size: 0, measurements: [{ parameters: ['fc9.*'] }] },
    });
    expect(wrong).toMatchObject({ experiment: null, forecast: null });
    expect(wrong.problems.join()).toContain('experiment.batch_size');
    const shapes = await bench.request('experiments.check', {
      experiment: { ...tiny, measurements: [{ parameters: ['fc9.*'] }] },
    });
    expect(shapes.problems.join()).toContain('fc9.*');
  });

  it('every example is right', async () => {
    const all = await bench.request('experiments.examples');
    expect(all.length).toBeGreaterThan(0);
    for (const { id, experiment } of all) {
      expect((await bench.request('experiments.check', { experiment })).problems, id).toEqual([]);
    }
  });

  it('lists, previews, enters and forgets datasets', async () => {
    const names = (await bench.request('datasets.list')).map(({ name }) => name);
    expect(names).toContain('Gaussian mixture');
    const preview = await bench.request('datasets.preview', { spec: tiny.dataset, count: 7, from: 3 });
    expect(preview).toMatchObject({ total: 400, from: 3, summary: { features: 6, outputs: 3 } });
    expect(preview.inputs).toHaveLength(7 * 6);
    expect(preview.targets).toHaveLength(7);
    writeFileSync(`${bench.folder.path}/points.csv`, 'a,b,class\n1,2,x\n3,4,y\n5,6,x\n');
    const spec = await bench.request('datasets.identify', { path: 'points.csv' });
    expect(spec).toMatchObject({ source: 'csv' });
    const saved = await bench.request('datasets.save', { name: 'points', spec });
    expect(saved).toMatchObject({ kind: 'file', own: true, summary: { features: 2, train: { count: 3 } } });
    expect((await bench.request('datasets.list')).find(({ name }) => name === 'points')).toMatchObject({ own: true });
    await bench.request('datasets.remove', { name: 'points' });
    expect((await bench.request('datasets.list')).some(({ name }) => name === 'points')).toBe(false);
    expect(await faultOf('datasets.download', { source: 'imagenet' })).toMatchObject({ code: 'bad-input' });
  });
});

describe('the system', () => {
  it('keeps settings and state', async () => {
    expect(await bench.request('settings.get')).toMatchObject({ theme: 'system', blas: 'auto' });
    expect(await bench.request('settings.set', { theme: 'dark' })).toMatchObject({ theme: 'dark', zoom: 1 });
    expect(bench.payloads('settings.changed').at(-1)).toMatchObject({ theme: 'dark' });
    expect(await faultOf('settings.set', { zoom: 99 })).toMatchObject({ code: 'bad-input' });
    await bench.request('state.set', { name: 'columns', value: ['loss'] });
    expect(await bench.request('state.get', { name: 'columns' })).toEqual(['loss']);
    expect(await bench.request('state.get', { name: 'nothing' })).toBeNull();
  });

  it('finds engines and devices in a process that ends with the answer', async () => {
    const looked = bench.request('doctor.engines');
    const pid = bench.workbench.looking.pid!;
    expect((await looked).engine).toMatchObject({ kind: 'wasm' });
    await until(() => !isAlive(pid), 'the process to end');
    expect(bench.workbench.looking.pid).toBeUndefined();
  });

  it('computes in a process that may die, and asks a new one then', async () => {
    const asked = bench.request('doctor.speed');
    process.kill(bench.workbench.computing.pid!, 'SIGKILL');
    await expect(asked).rejects.toMatchObject({
      code: 'failed',
      message: expect.stringContaining('SIGKILL') as string,
    });
    expect((await bench.request('doctor.speed')).gflops.float64).toBeGreaterThan(0);
  });

  it('ends a task that does not hear its cancel, and answers what waited behind it', async () => {
    const token = 'preview-that-is-cancelled';
    const large = { source: 'glyphs', train: 100_000, test: 10 };
    const asked = faultOf('datasets.preview', { spec: large, token });
    const behind = bench.request('datasets.preview', { spec: { source: 'glyphs', train: 20, test: 10 } });
    await until(() => bench.payloads('request.progress').some((each) => each.token === token), 'it to begin');
    const pid = bench.workbench.helper.pid!;
    await bench.request('requests.cancel', { token });
    expect(await asked).toMatchObject({ code: 'cancelled' });
    expect((await behind).total).toBe(20);
    expect(bench.workbench.helper.pid).not.toBe(pid);
  });

  it('cancels a job of its own at the next look, and answers so', async () => {
    const { runs } = await bench.request('runs.start', { experiment: tiny });
    await until(async () => (await bench.request('runs.get', { id: runs[0] })).status === 'done', 'the run to be done');
    const asked = faultOf('store.check', {});
    const { jobs } = await bench.request('queue.get');
    const check = jobs.find(({ title, state }) => title === 'Check the store' && state === 'running');
    await bench.request('jobs.cancel', { id: check!.id });
    expect(await asked).toMatchObject({ code: 'cancelled' });
    expect((await bench.request('store.check', { quick: true })).problems).toEqual([]);
  });

  it('backs the store up, checks it, and restores the backup', async () => {
    const { job } = await bench.request('store.backup');
    await until(
      async () => (await bench.request('queue.get')).jobs.find(({ id }) => id === job)?.state === 'done',
      'the backup',
    );
    const [backup] = await bench.request('store.backups');
    expect(backup.runs).toBeGreaterThan(0);
    expect((await bench.request('store.check')).problems).toEqual([]);
    const { total } = await bench.request('runs.list');
    const { runs } = await bench.request('runs.clone', { id: run });
    await statusOf(runs[0], 'done');
    await bench.request('store.restore', { name: backup.name });
    expect((await bench.request('runs.list')).total).toBe(total);
    expect(bench.payloads('store.changed').at(-1)).toEqual({ what: 'all' });
    // The restored store is written to like any other.
    await bench.request('runs.update', { ids: [run], notes: 'after' });
    expect((await bench.request('store.info')).runs).toBe(total);
  });

  it('saves, lists and restores figures', async () => {
    const recipe = {
      format: 'covature-figure-recipe',
      version: 1,
      name: 'one',
      figure: 'C_H',
      sources: [{ run, parameter: 'fc2.kernel' }],
      options: {},
    };
    const figure = await bench.request('figures.save', { name: 'one', recipe });
    await bench.request('figures.delete', { id: figure.id });
    expect(await bench.request('figures.list')).toEqual([]);
    await bench.request('figures.restore', { id: figure.id });
    expect(await bench.request('figures.list')).toMatchObject([{ name: 'one' }]);
    expect(await faultOf('figures.delete', { id: 'nothing' })).toMatchObject({ code: 'not-found' });
  });

  it('a second program on the store tells its windows of what the first changes', async () => {
    const second = new TestWorkbench({}, bench.folder);
    // It looks around once a second; the first look is where it begins.
    await sleep(1500);
    const before = second.payloads('runs.changed').length;
    bench.workbench.store.tagRuns([run], { add: ['seen elsewhere'] });
    for (let tries = 0; second.payloads('runs.changed').length === before && tries < 200; tries++) await sleep(50);
    expect(second.payloads('runs.changed').at(-1)).toMatchObject({ ids: null });
    expect(second.workbench.store.getRun(run)!.tags).toContain('seen elsewhere');
    bench.workbench.store.tagRuns([run], { remove: ['seen elsewhere'] });
    await second.workbench.close(0);
  });

  it('reads an experiment that was chosen in a dialog, by its token alone', async () => {
    const chosen = new TestWorkbench({ chooseFile: async () => `${bench.folder.path}/experiment.json` });
    mkdirSync(bench.folder.path, { recursive: true });
    writeFileSync(`${bench.folder.path}/experiment.json`, JSON.stringify(tiny));
    const file = await chosen.request('files.choose', { kind: 'experiment' });
    expect(file).toMatchObject({ name: 'experiment.json' });
    expect(JSON.stringify(file)).not.toContain(bench.folder.path);
    expect(await chosen.request('files.readJson', { token: file!.token })).toMatchObject({ name: 'tiny' });
    await chosen.remove();
  });
});
