/** `covature bundle`: an archive of runs and figures, and what its check says of one that is whole, broken, or changed. */
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, readdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';
import { strFromU8, strToU8, unzipSync, zipSync } from 'fflate';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { compareTables } from '../../../src/main/bundle/numbers.ts';
import { ownSoftware } from '../../../src/main/provenance.ts';
import { cliHere, temporaryFolder, type CliResult } from '../../support/cli.ts';

const folder = temporaryFolder();
const at = (name: string): string => path.join(folder, name);
const covature = (...args: string[]): Promise<CliResult> => cliHere(args);
const bundle = at('supplement.zip');
let runs: string[] = [];
let files: Record<string, Uint8Array> = {};

interface Verified {
  readonly sound: boolean;
  readonly problems: readonly string[];
  readonly runs: readonly { readonly problem: string | null; readonly replay?: Readonly<Record<string, unknown>> }[];
  readonly figures: readonly {
    readonly name: string;
    readonly found: { readonly verdict: string; readonly where?: string; readonly reason?: string };
  }[];
}

/** The archive with some files in another state: null leaves one out. */
function changed(name: string, changes: Readonly<Record<string, Uint8Array | null>>): string {
  const entries = Object.entries({ ...files, ...changes }).filter(
    (entry): entry is [string, Uint8Array] => entry[1] !== null,
  );
  writeFileSync(at(name), zipSync(Object.fromEntries(entries), { level: 0 }));
  return at(name);
}

async function verified(file: string): Promise<Verified & { readonly status: number | null }> {
  const { status, stdout, stderr } = await covature('bundle', '--verify', file, '--json');
  expect(stdout, stderr).toMatch(/^\{/);
  return { status, ...(JSON.parse(stdout) as Verified) };
}

beforeAll(async () => {
  vi.stubEnv('COVATURE_HOME', at('store'));
  mkdirSync(at('store'));
  const layers = [8, 6, 10].flatMap((units, k) => [
    ...(k === 0 ? [] : [{ type: 'activation', function: 'tanh' }]),
    { type: 'dense', name: `fc${k + 1}`, units },
  ]);
  writeFileSync(
    at('experiment.json'),
    JSON.stringify({
      name: 'small, "quoted" & ümlaut',
      dataset: { source: 'gaussian-mixture', train: 200, test: 50 },
      model: {
        input: [20],
        layers: [...layers.slice(0, -1), { type: 'dense', name: 'fc3', units: 4 }],
        loss: 'cross-entropy',
      },
      optimiser: { lr: [0.1, 0.05] },
      batch_size: 20,
      epochs: 2,
      measurements: [{ parameters: ['fc2.kernel'], samples: 100, convergence: 'none' }],
    }),
  );
  const trained = await covature('run', at('experiment.json'), '--json');
  expect(trained.status, trained.stderr).toBe(0);
  runs = (JSON.parse(trained.stdout) as { id: string }[]).map(({ id }) => id);
  const chosen = ['C_H', 'heatmap', 'spectra', 'gamma_hyperparameter'].flatMap((name) => ['--figure', name]);
  const made = await covature('bundle', ...runs, ...chosen, '--set', 'field=optimiser.lr', '--out', bundle);
  expect(made.status, made.stderr).toBe(0);
  expect(made.stdout).toMatch(/supplement\.zip: [\d.]+ MB, 2 runs, \d+ figures, \d+ files\n$/);
  files = unzipSync(readFileSync(bundle));
}, 120_000);

afterAll(() => {
  vi.unstubAllEnvs();
});

describe('a bundle', () => {
  test('holds the runs, figures with recipe and numbers, the environment, scripts, a README and every checksum', () => {
    const names = Object.keys(files);
    expect(names).toEqual(
      expect.arrayContaining(['README.md', 'environment.json', 'redraw.sh', 'rerun.sh', 'manifest.json', 'SHA256SUMS']),
    );
    expect(names.filter((name) => /^runs\/.+\.covature$/.test(name))).toHaveLength(2);
    const figures = names.filter((name) => name.startsWith('figures/'));
    for (const ending of ['pdf', 'svg', 'csv', 'json'])
      expect(figures.filter((name) => name.endsWith(`.${ending}`)).length, ending).toBe(4);
    const sums = new Map(
      strFromU8(files['SHA256SUMS'])
        .trimEnd()
        .split('\n')
        .map((line) => [line.slice(66), line.slice(0, 64)]),
    );
    expect([...sums.keys()].sort()).toEqual(names.filter((name) => name !== 'SHA256SUMS').sort());
    for (const [name, sum] of sums) expect(createHash('sha256').update(files[name]).digest('hex'), name).toBe(sum);
    const environmentText = strFromU8(files['environment.json']);
    const { bundle: here, runs: there } = JSON.parse(environmentText) as {
      bundle: { code: { version: string }; node: string; machine: Record<string, unknown> };
      runs: Record<string, { engine: { blas: string; threads: number }; machine: Record<string, unknown> }>;
    };
    expect(here.node).toBe(process.versions.node);
    for (const id of runs) expect(there[id].engine.threads).toBeGreaterThan(0);
    for (const { machine } of [here, ...Object.values(there)]) {
      expect(machine).not.toHaveProperty('host');
      expect(machine['processor']).toBeTypeOf('string');
    }
    const readme = strFromU8(files['README.md']);
    for (const id of runs) expect(readme).toContain(id);
  });

  test('is sound where nothing was changed, every figure with equal numbers', async () => {
    const found = await verified(bundle);
    expect(found.problems).toEqual([]);
    expect(found.runs.map(({ problem }) => problem)).toEqual([null, null]);
    expect(found.figures).toHaveLength(4);
    for (const { name, found: result } of found.figures)
      expect(result.verdict, `${name}: ${result.where ?? result.reason}`).toBe('equal');
    expect(found).toMatchObject({ sound: true, status: 0 });
  });

  test('of one run, whose figures "all" chooses, is repeated bit for bit', async () => {
    const made = await covature('bundle', runs[0], '--format', 'svg', '--out', at('one.zip'));
    expect(made.status, made.stderr).toBe(0);
    const { status, stdout } = await covature('bundle', '--verify', at('one.zip'), '--rerun');
    expect(stdout).toContain('repeated: final weights equal bit for bit; all results equal');
    expect(stdout.match(/its numbers are equal bit for bit/g)?.length).toBeGreaterThan(5);
    expect(status).toBe(0);
  });

  test('has scripts that draw and run again', () => {
    const place = at('unpacked');
    for (const [name, content] of Object.entries(files)) {
      mkdirSync(path.dirname(path.join(place, name)), { recursive: true });
      writeFileSync(path.join(place, name), content);
    }
    // A checkout below a folder with a space in its name.
    symlinkSync(path.resolve(import.meta.dirname, '../../..'), at('a checkout'));
    const program = path.join(at('a checkout'), 'src/main/cli/index.ts');
    const env = {
      ...process.env,
      COVATURE_FORECAST: 'off',
      COVATURE: `'${process.execPath}' --disable-warning=ExperimentalWarning '${program}'`,
    };
    if (process.platform === 'win32') return;
    execFileSync('sh', ['redraw.sh'], { cwd: place, env, stdio: 'ignore' });
    const drawn = readdirSync(path.join(place, 'redrawn'));
    const tables = Object.keys(files)
      .filter((name) => name.endsWith('.csv'))
      .map((name) => path.basename(name));
    expect(drawn).toEqual(expect.arrayContaining(tables));
    for (const table of tables)
      expect(readFileSync(path.join(place, 'redrawn', table), 'utf8'), table).toBe(
        strFromU8(files[`figures/${table}`]),
      );
    expect(spawnSync('sh', ['rerun.sh'], { cwd: place, env, stdio: 'ignore' }).status).toBe(0);
  });
});

describe('a bundle that is not as it was', () => {
  const figureTable = (): string => Object.keys(files).find((name) => /^figures\/.*C_H\.csv$/.test(name)) ?? '';
  const runFile = (): string => Object.keys(files).find((name) => name.startsWith('runs/')) ?? '';

  test('names a file that is missing, with the run that it was', async () => {
    const found = await verified(changed('missing.zip', { [runFile()]: null }));
    expect(found.problems).toEqual([`${runFile()}: is listed but not in the archive`]);
    expect(found.runs[0].problem).toContain('not in the archive');
    expect(found).toMatchObject({ sound: false, status: 1 });
  });

  test('names a file of which one byte was changed', async () => {
    const content = files[runFile()].slice();
    content[content.length >> 1] ^= 1;
    const found = await verified(changed('changed.zip', { [runFile()]: content }));
    expect(found.problems).toEqual([`${runFile()}: its checksum differs: it was changed after the bundle was made`]);
    expect(found).toMatchObject({ sound: false, status: 1 });
  });

  test('names a file that nobody listed', async () => {
    const found = await verified(changed('more.zip', { 'figures/other.csv': strToU8('x\n') }));
    expect(found.problems).toEqual(['figures/other.csv: is in the archive but not listed']);
  });

  test('names a figure whose numbers are not those of its runs, though all checksums were made anew', async () => {
    const lines = strFromU8(files[figureTable()]).split('\n');
    const fields = lines[1].split(',');
    fields[3] = String(Number(fields[3]) * 1.01);
    lines[1] = fields.join(',');
    const table = strToU8(lines.join('\n'));
    const manifest = JSON.parse(strFromU8(files['manifest.json'])) as {
      files: { name: string; bytes: number; sha256: string }[];
    };
    const sum = (content: Uint8Array): string => createHash('sha256').update(content).digest('hex');
    manifest.files = manifest.files.map((each) =>
      each.name === figureTable() ? { name: each.name, bytes: table.length, sha256: sum(table) } : each,
    );
    const text = strToU8(JSON.stringify(manifest));
    const sums = strToU8(`${sum(text)}  manifest.json\n`);
    const found = await verified(
      changed('false.zip', { [figureTable()]: table, 'manifest.json': text, SHA256SUMS: sums }),
    );
    expect(found.problems).toEqual([]);
    const wrong = found.figures.filter(({ found: { verdict } }) => verdict !== 'equal');
    expect(wrong.map(({ name }) => `figures/${name}.csv`)).toEqual([figureTable()]);
    expect(wrong[0].found.where).toMatch(/^row 1, x: /);
    expect(found.status).toBe(1);
  });

  test.each([
    ['cut short', (bytes: Uint8Array) => bytes.subarray(0, bytes.length - 1000), /not a valid zip file, or cut short/],
    ['no archive', () => strToU8('a text'), /not a valid zip file/],
    [
      'another archive',
      () => zipSync({ 'a.txt': strToU8('a') }),
      /not a bundle of Covature \(it has no manifest\.json\)/,
    ],
    [
      'of a later version',
      () => zipSync({ 'manifest.json': strToU8('{"format":"covature-bundle","version":2}') }),
      /has version 2, and this program reads version 1/,
    ],
  ])('is refused by name where it is %s', async (name, change, message) => {
    const file = at(`${name}.zip`);
    writeFileSync(file, change(readFileSync(bundle)));
    const { status, stderr } = await covature('bundle', '--verify', file);
    expect(stderr).toMatch(message);
    expect(stderr).toContain(`${name}.zip`);
    expect(status).toBe(2);
  });
});

test.each([
  ['without a file', () => [runs[0]], /expected --out FILE\.zip/],
  ['over a file that is there', () => [runs[0], '--out', bundle], /is there already/],
  ['without a run', () => ['--out', at('x.zip')], /expected at least one run/],
  [
    'with --rerun alone',
    () => [runs[0], '--rerun', '--out', at('x.zip')],
    /--rerun is an option of --verify, which is missing/,
  ],
  ['of a run and with --verify', () => [runs[0], '--verify', bundle], /does not go with it/],
])('no bundle is made %s', async (_, args, message) => {
  const before = statSync(bundle).mtimeMs;
  const { status, stderr } = await covature('bundle', ...args());
  expect(stderr).toMatch(message);
  expect(status).toBe(2);
  expect(statSync(bundle).mtimeMs).toBe(before);
});

test('every exported figure and report says version, commit and runs', async () => {
  const formats = ['svg', 'pdf', 'png', 'tiff', 'py', 'tex', 'json'];
  const out = at('figures');
  const drawn = await covature(
    'export',
    runs[0],
    '--figure',
    'C_H',
    '--dpi',
    '72',
    '--format',
    formats.join(','),
    '--name',
    'figure',
    '--out',
    out,
  );
  expect(drawn.status, drawn.stderr).toBe(0);
  const told = await covature('report', runs[0], '--name', 'report', '--out', out);
  expect(told.status, told.stderr).toBe(0);
  const software = ownSoftware();
  expect(software).toMatch(/^Covature \d+\.\d+\.\d+ \([0-9a-f]{10}(, modified)?\)$/);
  // Metadata of a PDF are UTF-16 in hexadecimal, and the XMP packet beside them is plain.
  for (const name of [...formats.map((format) => `figure.${format}`), 'report.html', 'report.pdf']) {
    const text = readFileSync(path.join(out, name)).toString('latin1');
    expect(text, name).toContain(software);
    expect(text, name).toContain(runs[0]);
  }
});

describe('two tables of numbers', () => {
  const table = (...rows: string[]): string => `panel,series,x\n${rows.join('\n')}\n`;
  test.each([
    ['the same text', table('1,a,0.5'), table('1,a,0.5'), { verdict: 'equal' }],
    [
      'a last digit',
      table('1,a,4', '1,a,1'),
      table('1,a,4', '1,a,1.0000000018626451'),
      { verdict: 'rounding', difference: 2 ** -31 },
    ],
    [
      'a digit that counts',
      table('1,a,4', '1,a,1'),
      table('1,a,4', '1,a,1.00001'),
      { verdict: 'differs', where: 'row 2, x: 1.00001, and was 1' },
    ],
    ['another name', table('1,a,4'), table('1,b,4'), { verdict: 'differs', where: 'row 1, series: b, and was a' }],
    [
      'a number that is gone',
      table('1,a,4'),
      table('1,a,'),
      { verdict: 'differs', where: 'row 1, x: nothing, and was 4' },
    ],
    ['a row less', table('1,a,4', '1,a,5'), table('1,a,4'), { verdict: 'differs', where: 'it has 1 rows, and had 2' }],
  ])('with %s', (_, expected, found, result) => {
    expect(compareTables(expected, found)).toMatchObject(result);
  });
});
