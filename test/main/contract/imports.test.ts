/** Runs as `.covature` files and models from elsewhere, through the contract. */
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { zipSync } from 'fflate';
import { tensor, writeSafetensors } from '../../../src/data/formats/safetensors.ts';
import { readZip } from '../../../src/data/formats/zip.ts';
import { isSound, verifyBundle } from '../../../src/main/bundle/verify.ts';
import { engineOptions } from '../../../src/main/jobs/engine.ts';
import { FaultError } from '../../../src/shared/contract/index.ts';
import { Random } from '../../../src/shared/random.ts';
import { tiny, until } from '../queue/support.ts';
import { TestWorkbench } from './support.ts';

async function faultOf(promise: Promise<unknown>): Promise<{ code: string; message: string }> {
  const error = await promise.then(
    () => null,
    (reason: unknown) => reason,
  );
  if (!(error instanceof FaultError)) throw new Error(`expected a fault, got ${String(error)}`);
  return { code: error.code, message: error.message };
}

const idle = async (bench: TestWorkbench): Promise<void> => {
  await until(async () => {
    const { running, queued } = await bench.request('queue.get');
    return running + queued === 0;
  }, 'the queue to be empty');
};

describe('a run as one file', () => {
  let from: TestWorkbench;
  let to: TestWorkbench;
  let run: string;
  let file: string;

  beforeAll(async () => {
    from = new TestWorkbench();
    to = new TestWorkbench();
    [run] = (await from.request('runs.start', { experiment: { ...tiny, epochs: 1 }, tags: ['paper'] })).runs;
    await idle(from);
    file = join(from.folder.path, 'tiny.covature');
  });
  afterAll(async () => {
    await from.remove();
    await to.remove();
  });

  it('goes to another store whole: settings, series, log, measurements with arrays, checkpoints', async () => {
    const written = await from.request('runs.export', { id: run, to: { path: file } });
    expect(written).toEqual({ name: 'tiny.covature', bytes: readFileSync(file).length, token: null });
    const { id, added } = await to.request('runs.import', { from: { path: file } });
    expect(added).toBe(true);
    const [here, there] = [await from.request('runs.get', { id: run }), await to.request('runs.get', { id })];
    expect(there).toMatchObject({ name: here.name, status: 'done', tags: ['paper'], experiment: here.experiment });
    const names = { runs: [run] };
    const [mine] = await from.request('measurements.list', names);
    const [yours] = await to.request('measurements.list', { runs: [id] });
    expect(yours.summary).toEqual(mine.summary);
    const arrays = ['eigenvalues', 'C_diagonal', 'H_error'] as const;
    expect(await to.request('measurements.arrays', { id: yours.id, names: arrays })).toEqual(
      await from.request('measurements.arrays', { id: mine.id, names: arrays }),
    );
    expect((await to.request('series.since', { run: id })).series).toEqual(
      (await from.request('series.since', { run })).series,
    );
    expect(there.checkpoints.map(({ step, present }) => [step, present])).toEqual(
      here.checkpoints.map(({ step }) => [step, true]),
    );
    expect(await to.request('runs.import', { from: { path: file } })).toMatchObject({ id, added: false });
    expect((await to.request('store.check', {})).problems).toEqual([]);
  });

  it('can be measured again where it came to', async () => {
    const { rows } = await to.request('runs.list', {});
    await to.request('measurements.start', { run: rows[0].id, measurement: { parameters: ['fc1.kernel'] } });
    await idle(to);
    expect((await to.request('measurements.list', { runs: [rows[0].id] })).map(({ parameter }) => parameter)).toContain(
      'fc1.kernel',
    );
  });

  it('goes into an archive for a supplement with its figures, which is sound', async () => {
    const archive = join(from.folder.path, 'supplement');
    const written = await from.request('runs.bundle', { ids: [run], to: { path: archive } });
    expect(written).toMatchObject({ name: 'supplement.zip', token: null, omitted: [] });
    const found = await verifyBundle(`${archive}.zip`, { engine: engineOptions() });
    expect(found.runs.map(({ id, problem }) => [id, problem])).toEqual([[run, null]]);
    expect(found.figures.length).toBeGreaterThan(3);
    expect(found.figures.filter(({ found: { verdict } }) => verdict === 'differs' || verdict === 'failed')).toEqual([]);
    expect(isSound(found)).toBe(true);
    expect(await faultOf(from.request('runs.bundle', { ids: [run], to: { path: archive } }))).toMatchObject({
      code: 'conflict',
    });
    expect(await faultOf(from.request('runs.bundle', { ids: ['nobody'] }))).toMatchObject({ code: 'not-found' });
  });

  it('writes over nothing by a path, and into no folder that is not there', async () => {
    expect(await faultOf(from.request('runs.export', { id: run, to: { path: file } }))).toMatchObject({
      code: 'conflict',
    });
    expect(
      await faultOf(from.request('runs.export', { id: run, to: { path: join(from.folder.path, 'no', 'a.covature') } })),
    ).toMatchObject({ code: 'bad-input' });
  });

  const entriesOf = (): Record<string, Uint8Array> =>
    Object.fromEntries(readZip(readFileSync(file), 'tiny').map((entry) => [entry.name, entry.read()]));
  const bad: readonly (readonly [string, () => Uint8Array, RegExp])[] = [
    ['no archive', () => new TextEncoder().encode('{}'), /not a valid zip file/],
    ['an archive cut short', () => readFileSync(file).subarray(0, 2000), /not a valid zip file/],
    ['an archive without a run', () => zipSync({ 'other.json': new Uint8Array(3) }), /not a run of Covature/],
    [
      'a file with another checksum',
      () => {
        const entries = entriesOf();
        const name = Object.keys(entries).find((one) => one.startsWith('checkpoints/'))!;
        const changed = entries[name].slice();
        changed[changed.length - 1] ^= 1;
        return zipSync({ ...entries, [name]: changed });
      },
      /checksum of its file checkpoints/,
    ],
    [
      'a file that is not there',
      () => {
        const entries = entriesOf();
        delete entries[Object.keys(entries).find((one) => one.startsWith('measurements/'))!];
        return zipSync(entries);
      },
      /is not there/,
    ],
    [
      'a document of another version',
      () => {
        const entries = entriesOf();
        const document = JSON.parse(new TextDecoder().decode(entries['run.json'])) as Record<string, unknown>;
        return zipSync({
          ...entries,
          'run.json': new TextEncoder().encode(JSON.stringify({ ...document, version: 2 })),
        });
      },
      /version/,
    ],
  ];
  it.each(bad)('refuses %s and adds nothing', async (_name, make, message) => {
    const place = join(to.folder.path, 'bad.covature');
    writeFileSync(place, make());
    const before = (await to.request('runs.counts', {})).total;
    const fault = await faultOf(to.request('runs.import', { from: { path: place } }));
    expect(fault.code).toBe('bad-input');
    expect(fault.message).toMatch(message);
    expect((await to.request('runs.counts', {})).total).toBe(before);
  });

  it('never lets a name in an archive become a path', async () => {
    const entries = entriesOf();
    const document = JSON.parse(new TextDecoder().decode(entries['run.json'])) as {
      id: string;
      files: { name: string; bytes: number; sha256: string }[];
    };
    const evil = new TextEncoder().encode('evil');
    const name = 'files/../../../evil.txt';
    document.id = '1aaaaaaaaaaaaaaa';
    document.files.push({ name, bytes: 4, sha256: createHash('sha256').update(evil).digest('hex') });
    const place = join(to.folder.path, 'evil.covature');
    writeFileSync(
      place,
      zipSync({ ...entries, 'run.json': new TextEncoder().encode(JSON.stringify(document)), [name]: evil }),
    );
    await to.request('runs.import', { from: { path: place } }).catch(() => undefined);
    expect(() => readFileSync(join(to.folder.path, 'evil.txt'))).toThrow();
    expect(() => readFileSync(join(to.folder.path, 'store', 'evil.txt'))).toThrow();
    expect((await to.request('store.check', {})).problems).toEqual([]);
  });
});

describe('a model from elsewhere', () => {
  let bench: TestWorkbench;
  const dataset = { ...tiny.dataset, seed: 3 };
  const shapes = { 'fc1.weight': [5, 6], 'fc1.bias': [5], 'fc2.weight': [3, 5], 'fc2.bias': [3] } as const;

  const weightsFile = async (name: string, shape: Readonly<Record<string, readonly number[]>>): Promise<string> => {
    const random = new Random(11);
    const place = join(bench.folder.path, name);
    const entries = Object.entries(shape).map(
      ([key, sizes]) =>
        [
          key,
          tensor(
            Float32Array.from({ length: sizes.reduce((a, b) => a * b, 1) }, () => random.normal()),
            [...sizes],
          ),
        ] as const,
    );
    await writeSafetensors(place, Object.fromEntries(entries), {});
    return place;
  };

  beforeAll(() => {
    bench = new TestWorkbench();
  });
  afterAll(() => bench.remove());

  it('shows what maps to what before anything is stored', async () => {
    const path = await weightsFile('torch.safetensors', { ...shapes, 'head.weight': [2, 2] });
    const preview = await bench.request('models.preview', { model: tiny.model, weights: { path } });
    expect(preview).toMatchObject({ layout: 'torch', unused: ['head.weight'], weights: 53, suggested: null });
    expect(preview.mappings[0]).toEqual({
      target: 'fc1.kernel',
      targetShape: [6, 5],
      source: 'fc1.weight',
      expected: [5, 6],
      found: [5, 6],
      problem: null,
    });
    expect((await bench.request('runs.counts', {})).total).toBe(0);
  });

  it('names tensor, expected and found where a shape is wrong', async () => {
    const path = await weightsFile('wrong.safetensors', { ...shapes, 'fc2.weight': [5, 3] });
    const { mappings } = await bench.request('models.preview', { model: tiny.model, weights: { path } });
    expect(mappings.find(({ target }) => target === 'fc2.kernel')!.problem).toBe('expected [3, 5], found [5, 3]');
    const fault = await faultOf(
      bench.request('models.import', { name: 'wrong', model: tiny.model, weights: { path }, dataset }),
    );
    expect(fault.code).toBe('bad-input');
    expect(fault.message).toMatch(/fc2\.weight.*expected \[3, 5\].*found \[5, 3\]/s);
    expect((await bench.request('runs.counts', {})).total).toBe(0);
  });

  it('suggests names in the order of the file, and takes names given by hand', async () => {
    const path = await weightsFile('sequential.safetensors', {
      '0.weight': [5, 6],
      '0.bias': [5],
      '2.weight': [3, 5],
      '2.bias': [3],
    });
    const first = await bench.request('models.preview', { model: tiny.model, weights: { path } });
    expect(first.suggested).toEqual({
      'fc1.kernel': '0.weight',
      'fc1.bias': '0.bias',
      'fc2.kernel': '2.weight',
      'fc2.bias': '2.bias',
    });
    const again = await bench.request('models.preview', {
      model: tiny.model,
      weights: { path },
      names: first.suggested!,
    });
    expect(again.mappings.every(({ problem }) => problem === null)).toBe(true);
    const done = await bench.request('models.import', {
      name: 'sequential',
      model: tiny.model,
      weights: { path },
      names: first.suggested!,
      dataset,
      training: { lr: 0.1, batch_size: 32 },
    });
    expect(await bench.request('runs.get', { id: done.run })).toMatchObject({
      status: 'done',
      relation: 'import',
      provenance: { imported: { weights: 'sequential.safetensors', layout: 'torch' } },
      experiment: { optimiser: { lr: 0.1 }, batch_size: 32 },
    });
  });

  it('measures what was imported, with the loss of a forward pass by hand', async () => {
    const path = join(bench.folder.path, 'torch.safetensors');
    const done = await bench.request('models.import', {
      name: 'torch',
      model: tiny.model,
      weights: { path },
      dataset,
      measurement: { parameters: ['fc2.kernel'], minibatch_noise: { batches: 40, modes: ['with_replacement'] } },
    });
    // What nobody said of its training is not made up.
    const { experiment, values, seed } = await bench.request('runs.get', { id: done.run });
    expect(Object.keys(experiment as object).sort()).toEqual(['dataset', 'model', 'name']);
    expect(values).not.toHaveProperty('batch_size');
    expect(values).not.toHaveProperty('optimiser.lr');
    expect(seed).toBeNull();
    expect(done.job).not.toBeNull();
    await idle(bench);
    const [measured] = await bench.request('measurements.list', { runs: [done.run] });
    expect(measured.summary!.loss).toBeCloseTo(done.loss, 12);
    expect(measured.summary!.accuracy).toBe(done.accuracy);
    expect(measured.summary!.minibatch_noise?.batch_size).toBe(50);
    expect(await bench.request('models.verify', { run: done.run, seed: 1 })).toMatchObject({ agrees: true });
    // To be trained it lacks a training.
    expect((await faultOf(bench.request('runs.clone', { id: done.run }))).message).toMatch(/optimiser/);

    const random = new Random(11);
    const take = (n: number): Float32Array => Float32Array.from({ length: n }, () => random.normal());
    const [w1, b1, w2, b2] = [take(30), take(5), take(15), take(3)];
    const part = await bench.request('datasets.preview', { spec: dataset, count: 400 });
    let sum = 0;
    for (let p = 0; p < 400; p++) {
      const hidden = Array.from(b1, (bias, o) => {
        let z = bias;
        for (let i = 0; i < 6; i++) z += w1[o * 6 + i] * part.inputs[p * 6 + i];
        return Math.tanh(z);
      });
      const z = Array.from(b2, (bias, o) => hidden.reduce((total, a, i) => total + w2[o * 5 + i] * a, bias));
      sum += Math.log(z.reduce((total, x) => total + Math.exp(x), 0)) - z[part.targets[p]];
    }
    expect(done.loss).toBeCloseTo(sum / 400, 5);
  });

  it('says of a pickle what it is, and of data that does not fit what was expected', async () => {
    const pickle = join(bench.folder.path, 'model.pt');
    writeFileSync(pickle, zipSync({ 'archive/data.pkl': new Uint8Array(4) }));
    const weights = { path: pickle };
    expect((await faultOf(bench.request('models.preview', { model: tiny.model, weights }))).message).toMatch(/pickle/);
    const fault = await faultOf(
      bench.request('models.import', {
        name: 'x',
        model: tiny.model,
        weights: { path: join(bench.folder.path, 'torch.safetensors') },
        dataset: { ...dataset, dimensions: 7 },
      }),
    );
    expect(fault).toMatchObject({ code: 'bad-input' });
    expect(fault.message).toMatch(/takes 6 numbers a sample.*has 7/);
    expect(
      (await faultOf(bench.request('models.preview', { model: tiny.model, weights: { path: '/no/such' } }))).code,
    ).toBe('bad-input');
  });
});
