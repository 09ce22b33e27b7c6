import { createHash } from 'node:crypto';
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { summaryKeys } from '../../../src/main/store/index.ts';
import { InputError } from '../../../src/shared/errors.ts';
import type { MeasurementSummary } from '../../../src/shared/results.ts';
import { errorOf, experiment, summaryOf, workplace } from './support/stores.ts';

const bytes = (text: string) => ({ chunks: [Buffer.from(text.slice(0, 2)), Buffer.from(text.slice(2))] });
const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

/** Every file below the folder of artifacts. */
function filesIn(folder: string): string[] {
  const artifacts = join(folder, 'artifacts');
  if (!existsSync(artifacts)) return [];
  return readdirSync(artifacts, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

describe('summary keys of a measurement', () => {
  it('name the layer, and the cutoff where it is not that of the headline', () => {
    expect(summaryKeys(summaryOf('fc2.kernel', 1.2))).toEqual({
      'gamma.fc2': { value: 1.2, low: 1.18, high: 1.22 },
      'gamma.fc2.cross_fitted': expect.closeTo(1.1, 12) as number,
      'gamma_Q.fc2': expect.closeTo(1.22, 12) as number,
      'C_on_Q.fc2': 0.97,
      'gamma.training_set.fc2@1e-2': { value: 1.2, low: 1.18, high: 1.22 },
      'gamma.training_set.fc2@1e-4': 1.05,
      'gamma.cross_fitted.fc2@1e-2': expect.closeTo(1.1, 12) as number,
      'gamma.cross_fitted.fc2@1e-4': 1.01,
      'cosine_CH.fc2': 0.86,
      'cosine_CQ.fc2': 0.9,
      'commutator_ratio.fc2': 0.16,
      'sharpness.fc2': 12.5,
      'trace.fc2': 2,
    });
  });

  const names = [
    ['fc2.kernel', 'sharpness.fc2'],
    ['fc2.bias', 'sharpness.fc2.bias'],
    ['attn.query.kernel', 'sharpness.attn.query'],
    ['ln1.gain', 'sharpness.ln1.gain'],
    ['kernel', 'sharpness.kernel'],
  ];
  it.each(names)('of %s: %s', (parameter, key) => {
    expect(summaryKeys(summaryOf(parameter, 1.2))).toHaveProperty([key], 12.5);
  });

  it('leave out what could not be fitted', () => {
    const keys = Object.keys(summaryKeys(summaryOf('fc2.kernel', null)));
    expect(keys).not.toContain('gamma.fc2');
    expect(keys).not.toContain('gamma.training_set.fc2@1e-2');
    expect(keys).toContain('gamma.training_set.fc2@1e-4');
    expect(keys).toContain('cosine_CH.fc2');
  });
});

describe('measurements', () => {
  const { open, folder } = workplace();

  it('come back with their arrays', () => {
    const place = folder('Ünïcode Ordner 相');
    let store = open(place, { now: () => 50 });
    const run = store.createRun({ name: 'a', experiment });
    const summary = summaryOf('fc2.kernel', 1.2);
    const id = store.addMeasurement(run, {
      parameter: 'fc2.kernel',
      step: 400,
      epoch: 2.5,
      origin: 'schedule',
      summary,
      arrays: bytes('arrays'),
      options: { samples: 8000 },
    });
    store.close();
    store = open(place);
    const [m] = store.measurements(run);
    expect(m).toMatchObject({
      id,
      run,
      parameter: 'fc2.kernel',
      step: 400,
      epoch: 2.5,
      method: 'exact',
      origin: 'schedule',
      state: 'done',
      samples: 8000,
      summary,
      error: null,
      options: { samples: 8000 },
      created: 50,
    });
    expect(m.arrays).toMatchObject({
      kind: 'measurement',
      name: 'fc2.kernel',
      bytes: 6,
      sha256: sha256('arrays'),
      state: 'present',
    });
    expect(readFileSync(m.arrays!.path, 'utf8')).toBe('arrays');
    expect(store.getMeasurement(id)).toEqual(m);
    expect(store.artifactOfMeasurement(id)).toEqual(m.arrays);
    expect(store.getRun(run)!.values['gamma.fc2']).toEqual({ value: 1.2, text: null, low: 1.18, high: 1.22 });
    expect(store.artifactBytes([run])).toBe(6);
  });

  it('of the schedule take the place of the same one; by hand they add up', () => {
    const store = open();
    const run = store.createRun({ name: 'a', experiment });
    const add = (origin: 'schedule' | 'manual', step: number, gamma: number, parameter = 'fc2.kernel') =>
      store.addMeasurement(run, {
        parameter,
        step,
        origin,
        summary: summaryOf(parameter, gamma),
        arrays: bytes(`${origin} ${gamma}`),
      });
    const first = add('schedule', 10, 1.1);
    add('schedule', 20, 1.2);
    add('manual', 10, 1.3);
    add('manual', 10, 1.4);
    add('schedule', 10, 1.5, 'fc1.kernel');
    const again = add('schedule', 10, 1.15);
    const list = store.measurements(run, { parameter: 'fc2.kernel' });
    expect(list.map((m) => [m.step, m.summary!.gamma.training_set[0].gamma.ols])).toEqual([
      [10, 1.3],
      [10, 1.4],
      [10, 1.15],
      [20, 1.2],
    ]);
    expect(store.getMeasurement(first)).toBeUndefined();
    expect(filesIn(store.folder).sort()).toEqual(
      store
        .artifacts(run)
        .map((each) => each.path)
        .sort(),
    );
    expect(readFileSync(store.getMeasurement(again)!.arrays!.path, 'utf8')).toBe('schedule 1.15');
    expect(store.measurements([run]).length).toBe(5);
  });

  it('show in the table the last step, there the most samples, among those the newest', () => {
    const store = open();
    const run = store.createRun({ name: 'a', experiment });
    const gamma = () => store.getRun(run)!.values['gamma.fc2']?.value;
    const add = (step: number, value: number | null, samples: number) =>
      store.addMeasurement(run, {
        parameter: 'fc2.kernel',
        step,
        origin: 'manual',
        summary: summaryOf('fc2.kernel', value, samples),
      });
    const a = add(10, 1.1, 1000);
    expect(gamma()).toBe(1.1);
    const b = add(20, 1.2, 1000);
    expect(gamma()).toBe(1.2);
    add(15, 1.3, 8000);
    expect(gamma()).toBe(1.2);
    const d = add(20, 1.4, 500);
    expect(gamma()).toBe(1.2);
    const e = add(20, null, 2000);
    expect(gamma()).toBeUndefined();
    expect(store.getRun(run)!.values['cosine_CH.fc2'].value).toBe(0.86);
    store.deleteMeasurement(e);
    expect(gamma()).toBe(1.2);
    store.deleteMeasurement(b);
    expect(gamma()).toBe(1.4);
    store.deleteMeasurement(d);
    expect(gamma()).toBe(1.3);
    store.addFailedMeasurement(run, {
      parameter: 'fc2.kernel',
      step: 30,
      origin: 'manual',
      method: 'exact',
      error: 'out of memory',
    });
    expect(gamma()).toBe(1.3);
    expect(store.measurements(run).map((m) => m.state)).toEqual(['done', 'done', 'failed']);
    expect(store.measurements(run)[2]).toMatchObject({ error: 'out of memory', summary: null, arrays: null });
    store.deleteMeasurement(a);
    for (const m of store.measurements(run)) store.deleteMeasurement(m.id);
    expect(gamma()).toBeUndefined();
    expect(store.getRun(run)!.values['loss'].text).toBe('cross-entropy');
  });

  it.each(['schedule', 'manual'] as const)(
    '%s: a failure gives way to a later success by whatever method',
    (origin) => {
      const store = open();
      const run = store.createRun({ name: 'a', experiment });
      const point = { parameter: 'fc2.kernel', step: 10, origin };
      store.addFailedMeasurement(run, { ...point, method: 'projected', error: 'out of memory' });
      store.addFailedMeasurement(run, { ...point, method: 'projected', error: 'out of memory again' });
      expect(store.measurements(run).map((m) => m.error)).toEqual(['out of memory again']);
      store.addMeasurement(run, { ...point, summary: summaryOf('fc2.kernel', 1.2) });
      expect(store.measurements(run).map((m) => [m.state, m.method])).toEqual([['done', 'exact']]);
      store.addFailedMeasurement(run, { ...point, method: 'projected', error: 'the device was lost' });
      expect(store.measurements(run).map((m) => m.state)).toEqual(['done', 'failed']);
    },
  );

  it('leave failures of other steps and parameters', () => {
    const store = open();
    const run = store.createRun({ name: 'a', experiment });
    const failed = { origin: 'schedule', method: 'exact', error: 'out of memory' } as const;
    store.addFailedMeasurement(run, { ...failed, parameter: 'fc2.kernel', step: 20 });
    store.addFailedMeasurement(run, { ...failed, parameter: 'fc1.kernel', step: 10 });
    store.addMeasurement(run, {
      parameter: 'fc2.kernel',
      step: 10,
      origin: 'manual',
      summary: summaryOf('fc2.kernel', 1),
    });
    expect(store.measurements(run).map((m) => [m.parameter, m.step, m.state])).toEqual([
      ['fc1.kernel', 10, 'failed'],
      ['fc2.kernel', 10, 'done'],
      ['fc2.kernel', 20, 'failed'],
    ]);
  });

  it('adopt a file that a worker wrote, without reading it where its checksum is given', () => {
    const store = open();
    const run = store.createRun({ name: 'a', experiment });
    const path = store.stagingPath('../fc2 Größe.kernel');
    writeFileSync(path, 'from a worker');
    const given = { file: path, bytes: 13, sha256: 'ab'.repeat(32) };
    const id = store.addMeasurement(run, {
      parameter: 'fc2.kernel',
      step: 1,
      origin: 'manual',
      summary: summaryOf('fc2.kernel', 1),
      arrays: given,
    });
    expect(existsSync(path)).toBe(false);
    expect(store.getMeasurement(id)!.arrays).toMatchObject({ bytes: 13, sha256: 'ab'.repeat(32) });

    const other = join(folder(), 'elsewhere.safetensors');
    writeFileSync(other, 'hashed');
    store.addFile(run, 'initial.safetensors', { file: other });
    expect(store.artifacts(run)[1]).toMatchObject({
      kind: 'file',
      name: 'initial.safetensors',
      sha256: sha256('hashed'),
    });
  });

  it('leave nothing behind, and the file where it was, when they cannot be stored', () => {
    const store = open();
    const run = store.createRun({ name: 'a', experiment });
    const path = store.stagingPath();
    writeFileSync(path, 'kept');
    const summary = summaryOf('fc2.kernel', 1);
    const unsound = { ...summary, cosine_CH: NaN } as MeasurementSummary;
    const m = { parameter: 'fc2.kernel', step: 1, origin: 'manual' as const };
    const wrong = [
      () => store.addMeasurement(run, { ...m, summary, arrays: { file: path, bytes: 5 } }),
      () => store.addMeasurement(run, { ...m, summary, arrays: { file: path, sha256: 'short' } }),
      () => store.addMeasurement(run, { ...m, summary, arrays: { file: `${path}-gone` } }),
      () => store.addMeasurement(run, { ...m, summary: unsound, arrays: { file: path } }),
      () => store.addMeasurement(run, { ...m, summary: summaryOf('fc1.kernel', 1), arrays: { file: path } }),
      () => store.addMeasurement(run, { ...m, step: 1.5, summary, arrays: { file: path } }),
      () => store.addMeasurement('nope', { ...m, summary, arrays: { file: path } }),
    ];
    for (const call of wrong) expect(errorOf(call)).toBeInstanceOf(InputError);
    const late = errorOf(() =>
      store.transaction(() => {
        store.addMeasurement(run, { ...m, summary, arrays: { file: path } });
        store.addMeasurement(run, { ...m, summary, arrays: bytes('other') });
        throw new Error('late');
      }),
    );
    expect(late.message).toBe('late');
    expect(filesIn(store.folder)).toEqual([]);
    expect(store.measurements(run)).toEqual([]);
    expect(readFileSync(path, 'utf8')).toBe('kept');
  });
});

describe('a change within a change', () => {
  const { open } = workplace();

  it('that fails is taken back with its files, and the outer one stands', async () => {
    const store = open();
    const run = store.createRun({ name: 'a', experiment });
    const m = { parameter: 'fc2.kernel', step: 1, summary: summaryOf('fc2.kernel', 1) };
    store.addMeasurement(run, { ...m, origin: 'schedule', arrays: bytes('first') });
    const path = store.stagingPath();
    writeFileSync(path, 'given');
    store.transaction(() => {
      store.updateRun(run, { name: 'renamed' });
      // Replaces the first, then fails at a rule of the schema.
      const error = errorOf(() =>
        store.transaction(() => {
          store.addMeasurement(run, { ...m, origin: 'schedule', arrays: bytes('second') });
          store.addMeasurement(run, { ...m, origin: 'neither' as 'manual', arrays: { file: path } });
        }),
      );
      expect(error.code).toMatch(/^SQLITE_CONSTRAINT/);
      store.addFile(run, 'kept', bytes('third'));
    });
    expect(store.getRun(run)!.name).toBe('renamed');
    expect(store.artifacts(run).map((each) => readFileSync(each.path, 'utf8'))).toEqual(['first', 'third']);
    expect(readFileSync(path, 'utf8')).toBe('given');
    expect((await store.doctor()).problems).toEqual([]);
  });
});

describe('checkpoints and files', () => {
  const { open } = workplace();

  it('are replaced, pruned, and removed with their files', () => {
    const store = open();
    const run = store.createRun({ name: 'a', experiment });
    for (const step of [100, 200, 300, 200]) {
      store.addCheckpoint(run, { step, epoch: step / 100, file: bytes(`weights ${step}`), state: { sampler: [1, 2] } });
    }
    expect(store.checkpoints(run).map((c) => c.step)).toEqual([100, 200, 300]);
    const last = store.lastCheckpoint(run)!;
    expect(last).toMatchObject({ run, step: 300, epoch: 3, state: { sampler: [1, 2] } });
    expect(readFileSync(last.file.path, 'utf8')).toBe('weights 300');
    expect(store.getCheckpoint(last.id)).toEqual(last);
    store.pruneCheckpoints(run, 2);
    expect(store.checkpoints(run).map((c) => c.step)).toEqual([200, 300]);
    store.deleteCheckpoint(last.id);
    expect(store.lastCheckpoint(run)!.step).toBe(200);
    expect(filesIn(store.folder).length).toBe(1);
    store.pruneCheckpoints(run, 0);
    expect(filesIn(store.folder)).toEqual([]);
    expect(readdirSync(join(store.folder, 'artifacts'))).toEqual([]);
  });

  it('keep names that no file system could', () => {
    const store = open();
    const run = store.createRun({ name: 'a', experiment });
    for (const name of ['../../../etc/passwd', 'con', '.', 'a/b\\c:d.patch', '相似.safetensors', 'x'.repeat(200)]) {
      store.addFile(run, name, bytes(name));
      store.addFile(run, name, bytes(`${name} again`));
    }
    const kept = store.artifacts(run);
    expect(kept.map((each) => readFileSync(each.path, 'utf8'))).toEqual(kept.map((each) => `${each.name} again`));
    expect(kept.length).toBe(6);
    for (const each of kept) expect(each.path.startsWith(join(store.folder, 'artifacts', run))).toBe(true);
    expect(filesIn(store.folder).length).toBe(6);
  });
});
