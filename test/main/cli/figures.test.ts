/** `covature export` and `covature report` for figures: every kind by name, recipes, batches, several runs, and what is wrong in words. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { PDFDocument } from '@cantoo/pdf-lib';
import { openStore } from '../../../src/main/store/index.ts';
import { figureNames } from '../../../src/shared/figures/catalogue.ts';
import { cli } from '../../support/cli.ts';
import { tiny } from '../queue/support.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'covature-cli-figures-'));
const store = path.join(folder, 'store');
const runs: string[] = [];
let plain: string;
const at = (name: string): string => path.join(folder, name);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Document {
  readonly files: string[];
  readonly figures: { readonly name: string; readonly width_mm: number; readonly warnings: string[] }[];
}

async function exported(...args: string[]): Promise<Document> {
  const result = await cli(['export', ...args, '--store', store, '--blas', 'wasm', '--json']);
  expect(result.status, result.stderr).toBe(0);
  const document = JSON.parse(result.stdout) as Document;
  for (const file of document.files) expect(existsSync(file), file).toBe(true);
  return document;
}

beforeAll(async () => {
  const measurements = [
    {
      parameters: ['fc*.kernel'],
      when: { kind: 'epochs', epochs: [1, 2] },
      duality: true,
      assumptions: true,
      density: true,
      weight_fluctuations: { modes: ['with_replacement'], learning_rate: 4, steps: 3000, directions: 10 },
    },
  ];
  for (const [k, lr] of [0.05, 0.02, 0.01].entries()) {
    // The last is measured as it comes: without what is only measured where it is asked for.
    const wanted = k < 2 ? { measurements } : {};
    writeFileSync(at('e.json'), JSON.stringify({ ...tiny, name: `lr ${lr}`, optimiser: { lr }, seed: k + 1, ...wanted })); // prettier-ignore
    const result = await cli(['run', at('e.json'), '--store', store, '--blas', 'wasm', '--threads', '1', '--json']);
    expect(result.status, result.stderr).toBe(0);
    runs.push((JSON.parse(result.stdout) as { id: string }).id);
  }
  plain = runs.pop()!;
});

describe('figures from the command line', () => {
  test('every kind, by "all", at the width of the venue', async () => {
    const { figures, files } = await exported(
      ...runs,
      '--figure',
      'all',
      '--format',
      'svg',
      '--preset',
      'prl-2',
      '--out',
      at('all'),
    );
    // The first layer's weights still move, so the variance of theirs has no answer; the second layer's is asked for by itself.
    const wandering = await exported(
      ...['--figure', 'fluctuations', '--parameter', 'fc2', '--format', 'svg', '--preset', 'prl-2'],
      ...['--out', at('all')],
      ...runs,
    );
    figures.push(...wandering.figures);
    files.push(...wandering.files);
    const names = figures.map(({ name }) => name);
    for (const name of figureNames)
      expect(
        names.some((each) => each.endsWith(`-${name}`)),
        `${name} in ${names.join(' ')}`,
      ).toBe(true);
    for (const { width_mm } of figures) expect(width_mm).toBe(178);
    expect(files).toHaveLength(figures.length);
  });

  test('"all" leaves out what was not measured', async () => {
    const { figures } = await exported(plain, '--figure', 'all', '--format', 'svg', '--out', at('plain'));
    const kinds = figures.map(({ name }) => figureNames.find((kind) => name.endsWith(`-${kind}`)));
    expect(kinds).toEqual(expect.arrayContaining(['C_H', 'spectra', 'gamma_layers', 'curves', 'samples']));
    for (const kind of ['duality', 'isotropy', 'assumptions', 'density', 'fluctuations', 'flatness'])
      expect(kinds).not.toContain(kind);
  });

  test('a figure of another store is drawn from the numbers in its file', async () => {
    const [, pdf] = (await exported(runs[0], '--figure', 'C_H', '--parameter', 'fc2', '--format', 'svg,pdf', '--name', 'carried', '--out', at('one'))).files; // prettier-ignore
    openStore(at('elsewhere')).close();
    const elsewhere = ['--store', at('elsewhere'), '--recipe', pdf, '--out', at('elsewhere-figures')];
    const drawn = await cli(['export', ...elsewhere, '--format', 'pdf,csv', '--preset', 'jmlr', '--json']);
    expect(drawn.status, drawn.stderr).toBe(0);
    expect((JSON.parse(drawn.stdout) as Document).figures[0].width_mm).toBeCloseTo(152.4);
    const changed = await cli(['export', ...elsewhere, '--format', 'pdf', '--set', 'cutoff=1e-2']);
    expect(changed.status).toBe(2);
    expect(changed.stderr).toMatch(/drawn from the numbers in its file.*\(cutoff\)/s);
  });

  test('one figure in every format; its PDF is a recipe for another run', async () => {
    const formats = 'svg,pdf,png,tiff,csv,json,py,tex';
    const { files } = await exported(runs[0], '--figure', 'C_H', '--parameter', 'fc2', '--format', formats, '--dpi', '100', '--set', 'cutoff=1e-2', '--set', 'x.label=curvature $H_{ii}$', '--name', 'figure', '--out', at('one')); // prettier-ignore
    expect(files.map((file) => path.basename(file)).sort()).toEqual(formats.split(',').map((each) => `figure.${each}`).sort()); // prettier-ignore
    expect(JSON.parse(readFileSync(at('one/figure.json'), 'utf8'))).toMatchObject({
      figure: 'C_H',
      sources: [{ run: runs[0], parameter: 'fc2' }],
      options: { cutoff: 0.01, x: { label: 'curvature $H_{ii}$' } },
    });
    const again = await exported(runs[1], '--recipe', at('one/figure.pdf'), '--format', 'json', '--out', at('again'));
    expect(JSON.parse(readFileSync(again.files[0], 'utf8'))).toMatchObject({
      sources: [{ run: runs[1], parameter: 'fc2' }],
      options: { cutoff: 0.01 },
    });
  });

  test('a list of recipes, and stored ones, in a batch', async () => {
    const recipe = { format: 'covature-figure-recipe', version: 1, name: 'Layers', figure: 'gamma_layers', sources: [{ run: runs[0] }], options: {} }; // prettier-ignore
    writeFileSync(at('batch.json'), JSON.stringify([recipe, { ...recipe, figure: 'curves' }]));
    using opened = openStore(store);
    opened.saveFigure({ name: 'Stored one', recipe });
    const { files } = await exported(
      '--recipe',
      at('batch.json'),
      '--stored',
      'all',
      '--format',
      'pdf',
      '--out',
      at('batch'),
    );
    expect(files.map((file) => path.basename(file))).toEqual(['Layers.pdf', 'Layers-2.pdf', 'Stored-one.pdf']);
  });

  test('a report of a comparison, as HTML and PDF', async () => {
    const result = await cli([
      'report',
      ...runs,
      '--store',
      store,
      '--blas',
      'wasm',
      '--out',
      at('report'),
      '--name',
      'r',
      '--json',
    ]);
    expect(result.status, result.stderr).toBe(0);
    const html = readFileSync(at('report/r.html'), 'utf8');
    for (const text of ['lr 0.05', 'lr 0.02', 'learning rate', 'What differs', 'Definitions'])
      expect(html).toContain(text);
    expect(html).not.toMatch(/(?:src|href)="(?!data:|#)/);
    const pdf = await PDFDocument.load(readFileSync(at('report/r.pdf')));
    expect(pdf.getPageCount()).toBeGreaterThan(2);
  });

  test.each([
    [['--figure', 'C_X', '--format', 'pdf'], /--figure: expected one of all, C_H.*received "C_X"/],
    [['--figure', 'C_H', '--format', 'run'], /--format run: not a format of figures/],
    [['--figure', 'C_H', '--format', 'pdf', '--set', 'cutof=1'], /options\.cutof: unknown field/],
    [['--figure', 'C_H', '--format', 'pdf', '--set', 'cutoff=1e-9'], /no fit at the cutoff 1e-9: the measurement has/],
    [['--figure', 'C_H', '--format', 'pdf', '--parameter', 'fc9'], /"fc9" was not measured; measured were fc/],
    [['--figure', 'C_H', '--format', 'pdf', '--step', '7'], /was not measured at step 7, but at/],
    [['--figure', 'curves', '--format', 'pdf', '--set', 'metric=bleu'], /has no series "bleu"; it has/],
    [['--figure', 'gamma_hyperparameter', '--format', 'pdf'], /differ in no setting but their seed/],
    [['--stored', 'nothing', '--format', 'pdf'], /no stored figure has the name or id "nothing"/],
    [['--figure', 'C_H', '--format', 'pdf', '--set', 'x.label=$\\foo$'], /\\foo/],
    [['--figure', 'curves', '--format', 'tex'], /has no table/],
  ])('%j', async (args, message) => {
    const result = await cli(['export', runs[0], ...args, '--store', store, '--blas', 'wasm', '--out', at('bad')]);
    expect(result.stderr).toMatch(message);
    expect(result.status, result.stderr).toBe(2);
  });
});
