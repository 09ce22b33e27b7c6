/** A user's way through the command line on a small run: run, list, show, export, measure again, pause and resume, interrupt and resume. */
import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, test } from 'vitest';
import { readSafetensors } from '../../../src/data/formats/safetensors.ts';
import { openStore } from '../../../src/main/store/index.ts';
import type { MeasurementRecord, RunRecord } from '../../../src/main/store/index.ts';
import type { MeasurementSummary } from '../../../src/shared/results.ts';
import { trainingTime } from '../../../src/shared/training-time.ts';
import { cli, temporaryFolder } from '../../support/cli.ts';

const folder = temporaryFolder();
const store = path.join(folder, 'store');
const file = path.join(folder, 'experiment.json');
const engine = ['--blas', 'wasm', '--threads', '1', '--store', store] as const;

const experiment = {
  name: 'Größe µ, 12-6-10',
  dataset: { source: 'glyphs', train: 400, test: 100, standardise: 'none' },
  model: {
    input: [28, 28, 1],
    layers: [
      { type: 'flatten' },
      { type: 'dense', name: 'fc1', units: 12, bias: false },
      { type: 'activation', function: 'tanh' },
      { type: 'dense', name: 'fc2', units: 6 },
      { type: 'activation', function: 'relu' },
      { type: 'dense', name: 'fc3', units: 10 },
    ],
    loss: 'cross-entropy',
  },
  optimiser: { lr: 0.1, momentum: 0.5, weight_decay: 0.0001, schedule: { kind: 'step', every_epochs: 2, factor: 0.5 } },
  batch_size: 32,
  epochs: 4,
  seed: 5,
  measurements: [
    { parameters: ['fc2.*'] },
    {
      parameters: ['fc3.kernel'],
      when: { kind: 'epochs', epochs: [0, 2] },
      samples: 200,
      minibatch_noise: { batches: 40 },
    },
  ],
};

type Document = RunRecord & {
  measurements: MeasurementRecord[];
  checkpoints: { step: number; file: { path: string; sha256: string } }[];
};

async function run(...args: string[]): Promise<Document> {
  const result = await cli(['run', ...args, ...engine, '--json']);
  expect(result.status, result.stderr).toBe(0);
  return JSON.parse(result.stdout) as Document;
}

/** All that a run's result is, without times, ids and paths. */
async function essence(document: Document): Promise<unknown> {
  using opened = openStore(store, { readOnly: true });
  const last = document.checkpoints.at(-1);
  const { tensors, metadata } = await readSafetensors(last?.file.path ?? '');
  const series = opened.series(document.id);
  return {
    weights: [...tensors].map(([name, { data }]) => [name, [...(data as Float32Array)]]),
    state: metadata['state'],
    // Times of the clock are the only series that may differ.
    series: Object.entries(series)
      .filter(([name]) => name !== trainingTime)
      .map(([name, each]) => [name, [...each.steps], [...each.values]]),
    measurements: document.measurements.map((each) => [
      each.parameter,
      each.step,
      each.arrays?.sha256 === undefined,
      withoutTimes(each),
    ]),
  };
}

function withoutTimes(measurement: MeasurementRecord): unknown {
  return { ...measurement.summary, seconds: null };
}

describe('the command line', () => {
  let first: Document;
  beforeAll(async () => {
    writeFileSync(file, JSON.stringify(experiment));
    first = await run(file);
  });

  test('runs, measures and stores', () => {
    expect(first.status).toBe('done');
    expect(first.step).toBe(4 * 13);
    expect(first.measurements.map((each) => [each.parameter, each.step])).toEqual([
      ['fc3.kernel', 0],
      ['fc3.kernel', 26],
      ['fc2.bias', 52],
      ['fc2.kernel', 52],
    ]);
    for (const { summary } of first.measurements) {
      expect(summary?.gamma.training_set.length).toBe(8);
      expect(summary?.gamma.cross_fitted.length).toBe(8);
    }
    expect(first.values['gamma.fc2']).toBeDefined();
    expect(first.measurements.map((each) => each.summary?.minibatch_noise?.batch_size)).toEqual([
      32,
      32,
      undefined,
      undefined,
    ]);
  });

  test('the same seed gives the same run, bit for bit; another seed does not', async () => {
    expect(await essence(await run(file))).toEqual(await essence(first));
    const other = await run(file, '--seed', '6');
    expect(await essence(other)).not.toEqual(await essence(first));
  });

  test('paused after some steps and resumed, it ends as if undisturbed', async () => {
    const paused = await run(file, '--stop-after', '17');
    expect([paused.status, paused.step]).toEqual(['paused', 17]);
    const resumed = await run('--resume', paused.id);
    expect(resumed.status).toBe('done');
    expect(await essence(resumed)).toEqual(await essence(first));
  });

  test('killed in the middle, the run is interrupted and resumes to the same end', async () => {
    const long = path.join(folder, 'long.json');
    writeFileSync(long, JSON.stringify({ ...experiment, name: 'long', epochs: 150, measurements: [] }));
    const undisturbed = await run(long);
    const id = await killMidway(long);
    using opened = openStore(store);
    expect(opened.getRun(id)?.status).toBe('interrupted');
    opened.close();
    const resumed = await run('--resume', id);
    expect(resumed.status).toBe('done');
    expect(await essence(resumed)).toEqual(await essence(undisturbed));
  });

  test('lists with filters, shows, and prints one JSON document alone', async () => {
    const listed = await cli(['list', '--store', store, '--filter', 'seed = 6', '--json']);
    const { rows, total } = JSON.parse(listed.stdout) as { rows: { seed: number }[]; total: number };
    expect([total, rows[0].seed]).toEqual([1, 6]);
    const table = await cli(['list', '--store', store]);
    expect(table.stdout).toMatch(/id .*name .*status .*loss/);
    expect(table.stdout).toContain(first.id);
    const shown = await cli(['show', first.id, '--store', store, '--log']);
    expect(shown.stdout).toContain('Größe µ');
    expect(shown.stdout).toMatch(/fc2\.kernel {2}\[12 x 6\], d = 72, 400 samples, exact, float64/);
    expect(shown.stdout).toMatch(/1e-4 {2}cross-fitted/);
    expect(shown.stdout).toMatch(/Noise of drawn minibatches of 32 \(seed \d+\), along 20 eigendirections of H/);
    expect(shown.stdout).toMatch(
      /epoch shuffling +42 \(6 epochs\) +0\.02638 +\d\.\d+ ± 0\.\d+ \(t\(5\) = -?\d\.\d, p = [\d.e-]+\)/,
    );
  });

  test('exports arrays, tables, the run, and the scatter of both estimands', async () => {
    const out = path.join(folder, 'out');
    const result = await cli([
      'export',
      first.id,
      '--store',
      store,
      '--out',
      out,
      '--json',
      ...['safetensors', 'csv', 'json', 'svg'].flatMap((kind) => ['--format', kind]),
    ]);
    expect(result.status, result.stderr).toBe(0);
    const { files } = JSON.parse(result.stdout) as { files: string[] };
    for (const each of files) expect(existsSync(each), each).toBe(true);
    const names = files.map((each) => path.basename(each));
    expect(names.filter((name) => name.endsWith('.svg'))).toHaveLength(8);
    const svg = readFileSync(
      files.find((each) => each.endsWith('fc2.kernel-step-52-C-H-training_set.svg')) ?? '',
      'utf8',
    );
    expect(svg).toMatch(/^<svg[^>]+width="[\d.]+mm"/);
    const csv = readFileSync(files.find((each) => each.endsWith('fc2.kernel-step-52.csv')) ?? '', 'utf8')
      .trim()
      .split('\n');
    expect(csv[0]).toBe(
      'direction,H,C,Q,A_to_B_selection,A_to_B_H,A_to_B_C,A_to_B_Q,B_to_A_selection,B_to_A_H,B_to_A_C,B_to_A_Q',
    );
    expect(csv).toHaveLength(73);
    const arrays = await readSafetensors(files.find((each) => each.endsWith('fc2.kernel-step-52.safetensors')) ?? '');
    expect(arrays.tensors.get('H')?.shape).toEqual([72, 72]);
    expect(csv[1].split(',')[1]).toBe(String((arrays.tensors.get('eigenvalues')?.data as Float64Array)[0]));
  });

  test('measures a stored run again, and the result is kept with it', async () => {
    const result = await cli([
      'measure',
      '--run',
      first.id,
      '--parameter',
      'fc1.kernel',
      '--method',
      'exact',
      ...engine,
      '--json',
    ]);
    // d = 9,408: 784 inputs make the exact matrices too large for WebAssembly's memory, and the message says so.
    expect(result.status).toBe(2);
    expect(result.stderr).toMatch(/d = 9408 weights would take .*GB.*projected method/);
    const noise = ['--minibatch-noise', '--sampling', 'with_replacement', '--batches', '10', '--noise-directions', '3'];
    const density = ['--density', '--density-probes', '3', '--density-steps', '10'];
    const measured = ['measure', '--run', first.id, '--parameter', 'fc3.*', ...noise, ...density];
    const again = await cli([...measured, ...engine, '--json']);
    expect(again.status, again.stderr).toBe(0);
    const summaries = JSON.parse(again.stdout) as MeasurementSummary[];
    expect(summaries.map((each) => each.parameter)).toEqual(['fc3.kernel', 'fc3.bias']);
    for (const { minibatch_noise: found, density: curve, d, trace } of summaries) {
      expect(curve).toMatchObject({ probes: 3, steps: Math.min(10, d), seed: 1 });
      expect(curve?.grid.length).toBe(curve?.standard_error.length);
      expect(Math.abs((curve?.mean.value ?? NaN) / (trace.H / d) - 1)).toBeLessThan(1);
      expect([found?.batch_size, found?.directions.length]).toEqual([32, 3]);
      expect(found?.modes).toMatchObject([{ mode: 'with_replacement', batches: 10, factor: 1 / 32, between: null }]);
    }
    const shown = JSON.parse((await cli(['show', first.id, '--store', store, '--json'])).stdout) as Document;
    const text = (await cli(['show', first.id, '--store', store])).stdout;
    expect(text).toMatch(/Spectral density of H: 3 random vectors of 10 Lanczos steps \(seed 1\)/);
    expect(
      shown.measurements
        .filter((each) => each.origin === 'manual')
        .map((each) => each.parameter)
        .sort(),
    ).toEqual(['fc1.kernel', 'fc3.bias', 'fc3.kernel']);
  });

  test('a run goes to another store as one file; a damaged file adds nothing', async () => {
    const out = path.join(folder, 'files');
    const exported = await cli(['export', first.id, '--format', 'covature', '--out', out, '--store', store, '--json']);
    expect(exported.status, exported.stderr).toBe(0);
    const [written] = (JSON.parse(exported.stdout) as { files: string[] }).files;
    expect(written.endsWith('.covature')).toBe(true);
    const twice = await cli(['export', first.id, '--format', 'covature', '--out', out, '--store', store]);
    expect([twice.status, twice.stderr]).toEqual([2, expect.stringMatching(/already exists/)]);

    const other = path.join(folder, 'other-store');
    const broken = path.join(folder, 'broken.covature');
    writeFileSync(broken, readFileSync(written).subarray(0, 2000));
    const refused = await cli(['import', broken, '--store', other]);
    expect([refused.status, refused.stderr]).toEqual([2, expect.stringMatching(/broken\.covature/)]);
    const missing = await cli(['import', path.join(folder, 'none.covature'), '--store', other]);
    expect([missing.status, missing.stderr]).toEqual([2, expect.stringMatching(/none\.covature/)]);

    const imported = await cli(['import', written, '--store', other, '--json']);
    expect(imported.status, imported.stderr).toBe(0);
    expect(JSON.parse(imported.stdout)).toEqual([{ file: written, id: first.id, added: true }]);
    expect((await cli(['import', written, '--store', other])).stdout).toMatch(/already there/);
    const there = JSON.parse((await cli(['show', first.id, '--store', other, '--json'])).stdout) as Document;
    const here = JSON.parse((await cli(['show', first.id, '--store', store, '--json'])).stdout) as Document;
    expect(there.measurements.map(({ summary }) => summary)).toEqual(here.measurements.map(({ summary }) => summary));
    using opened = openStore(other, { readOnly: true });
    expect(opened.listRuns({}).total).toBe(1);
  });

  test('nothing is left of files being written', () => {
    const staging = path.join(store, 'staging');
    expect(existsSync(staging) ? readdirSync(staging) : []).toEqual([]);
  });
});

/** Starts a run, kills the whole of it with SIGKILL once it has a checkpoint or some progress, and answers its id. */
function killMidway(experimentFile: string): Promise<string> {
  const entry = fileURLToPath(new URL('../../../src/main/cli/index.ts', import.meta.url));
  return new Promise((resolve, reject) => {
    const child = spawn(
      process.execPath,
      ['--disable-warning=ExperimentalWarning', entry, 'run', experimentFile, ...engine],
      {
        stdio: ['ignore', 'ignore', 'pipe'],
        detached: true,
      },
    );
    let text = '';
    child.stderr.on('data', (chunk: Buffer) => {
      text += chunk.toString();
      if (/\d+ % training/.test(text) && child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
    });
    child.on('error', reject);
    child.on('close', () => {
      const id = /run (\S+)/.exec(text)?.[1];
      if (id === undefined) reject(new Error(`no run was started: ${text}`));
      else resolve(id);
    });
  });
}
