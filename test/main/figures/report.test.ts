import { PDFDocument } from '@cantoo/pdf-lib';
import { describe, expect, test } from 'vitest';
import { loadFonts } from '../../../src/main/figures/fonts.ts';
import { renderReport } from '../../../src/main/figures/report.ts';
import { assumptionsTable, reportOf, resultsTable, type ReportedRun } from '../../../src/shared/figures/index.ts';
import { extendedMeasurement, measurement } from '../../shared/figures/data.ts';

const fonts = loadFonts({ system: false });
const provenance = {
  software: 'Covature 0.1.0',
  runs: [{ id: 'r1', name: 'one' }],
  data: {},
  fit: {},
  created: '2026-01-02T03:04:05Z',
};

function run(id: string, rate: string, seed: number): ReportedRun {
  return {
    id,
    name: `run <${id}> & $ more`,
    configuration: { dataset: 'MNIST', 'learning rate': rate, epochs: '20' },
    measurements: ['fc1.kernel', 'fc2.kernel'].map((parameter, k) =>
      measurement({ d: 120, seed: seed + k, parameter }),
    ),
    curves: {
      'training loss': Array.from({ length: 30 }, (_, k) => ({ step: 100 * k, value: 2 * Math.exp(-k / 9) + 0.01 })),
    },
    history: {
      measurements: [0, 1, 2].map((k) => ({ step: 100 * k, summary: measurement({ d: 60, seed: k }).summary })),
    },
  };
}

describe('report of a run', async () => {
  const report = reportOf([run('r1', '0.1', 1)], { provenance });
  const { html = '', pdf = new Uint8Array() } = await renderReport(report, fonts);

  test('is one HTML file that asks for nothing outside itself and runs no script', () => {
    const text = html.replace(/base64,[^"]*/g, '');
    expect(/<script/i.test(text)).toBe(false);
    const addresses = [...text.matchAll(/(?:href|src)="([^"#][^"]*)"/g)]
      .map(([, address]) => address)
      .filter((address) => !address.startsWith('data:'));
    expect(addresses).toEqual([]);
    expect(/url\((?!#)/.test(text)).toBe(false);
    expect(text).toContain('run &lt;r1&gt; &amp; $ more');
    expect(text.match(/<figure>/g)?.length).toBe(7);
    expect(text).toContain('Definitions');
  });

  test('states the results as the measurement has them, to two digits of the interval', () => {
    const row = run('r1', '0.1', 1).measurements[0].summary.gamma.training_set.find(({ cutoff }) => cutoff === 1e-4);
    const [low, high] = row?.gamma.interval?.ols ?? [NaN, NaN];
    expect(html).toContain(`${row?.gamma.ols?.toFixed(2)} [${low.toFixed(2)}, ${high.toFixed(2)}]`);
  });

  test('is a PDF of A4 pages', async () => {
    const document = await PDFDocument.load(pdf, { updateMetadata: false });
    expect(document.getPageCount()).toBeGreaterThan(3);
    for (const page of document.getPages()) {
      expect((page.getWidth() / 72) * 25.4).toBeCloseTo(210, 3);
      expect((page.getHeight() / 72) * 25.4).toBeCloseTo(297, 3);
    }
  });
});

describe('comparison of runs', () => {
  test('shows what differs apart from what is shared', () => {
    const { sections } = reportOf([run('r1', '0.1', 1), run('r2', '0.3', 5)], { provenance });
    expect(sections[0].tables?.map(({ caption, rows }) => [caption, rows.map(([key]) => key)])).toEqual([
      ['What differs', ['learning rate']],
      ['What all share', ['dataset', 'epochs']],
    ]);
    expect(sections.map(({ heading }) => heading)).toContain('Side by side');
  });
});

describe('table for LaTeX', () => {
  test('one row a layer, names escaped, every cell with its uncertainty', () => {
    const table = resultsTable(
      [measurement({ d: 200, parameter: 'block_1.kernel' }), measurement({ d: 200, seed: 4, parameter: 'out & more' })],
      { cutoff: 1e-4, label: 'tab:gamma' },
    );
    expect(table).toContain('block\\_1.kernel &');
    expect(table).toContain('out \\& more &');
    const rows = table.split('\n').filter((line) => /kernel|more/.test(line));
    for (const row of rows) {
      expect(row.split(/(?<!\\)&/)).toHaveLength(9);
      expect(row.match(/\\pm/g)).toHaveLength(6);
    }
    expect(table).toContain('$10^{-4}$');
    expect(table).toContain('\\label{tab:gamma}');
  });

  test('seeds are averaged, with their standard deviation', () => {
    const seeds = [1, 2, 3].map((seed) => measurement({ d: 200, seed }));
    const table = resultsTable(seeds, { cutoff: 1e-4, estimands: ['training_set'], brackets: true });
    const values = seeds.map(
      ({ summary }) => summary.gamma.training_set.find(({ cutoff }) => cutoff === 1e-4)?.gamma.ols ?? NaN,
    );
    const mean = values.reduce((sum, value) => sum + value, 0) / 3;
    const row = table.split('\n').find((line) => line.includes('fc2.kernel (3)')) ?? '';
    const [, shown] = /\$([\d.]+)\(\d+\)\$/.exec(row) ?? [];
    expect(Math.abs(Number(shown) - mean)).toBeLessThan(0.6 * 10 ** -(shown.split('.')[1]?.length ?? 0));
  });

  test('the old assumption: a row a matrix, equal ones together, a slope without interval plain', () => {
    const table = assumptionsTable([extendedMeasurement({ d: 200 })], { cutoff: 1e-4 });
    const rows = table.split('\n').filter((line) => /^ +(fc2\.kernel)? & \$/.test(line));
    expect(rows).toHaveLength(4);
    for (const row of rows) expect(row.split('&')).toHaveLength(8);
    expect(rows[0]).toContain('$H = G = F$');
    expect(rows[3].match(/\\pm/g)).toHaveLength(1);
  });
});
