import { PDFDocument } from '@cantoo/pdf-lib';
import { describe, expect, test } from 'vitest';
import { loadFonts } from '../../../src/main/figures/fonts.ts';
import { renderReport } from '../../../src/main/figures/report.ts';
import { reportOf } from '../../../src/shared/figures/report/content.ts';
import type { ReportedRun } from '../../../src/shared/figures/report/types.ts';
import { assumptionsTable, resultsTable } from '../../../src/shared/figures/table.ts';
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
    const row = run('r1', '0.1', 1).measurements[0].summary.gamma.training_set.find(({ cutoff }) => cutoff === 1e-2);
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

describe('what a measurement holds beside its exponents', () => {
  const full = (): ReportedRun => {
    const base = extendedMeasurement({ d: 200 });
    const { gamma, eigenvalues, trace } = base.summary;
    const z = { measured: 1.02, expected: 1, standard_error: 0.01, z: 2 };
    const residual = { median: 0.4, median_interval: [0.38, 0.42] as const, quantile_25: 0.3, quantile_75: 0.5 };
    return {
      ...run('r1', '0.1', 1),
      measurements: [
        {
          ...base,
          summary: {
            ...base.summary,
            precision: 'float32',
            precision_reached: { device: 'cpu', samples: 256, sums: { C: 2e-7, H: 3e-7, Q: 4e-7 } },
            half_sample: {
              samples: 4000,
              gamma: { training_set: gamma.training_set },
              trace,
              largest_eigenvalue: 1.1 * eigenvalues.largest,
              cosine_CH: null,
              cosine_CQ: null,
              commutator_ratio: null,
            },
            duality: {
              ...base.summary.duality!,
              residuals: {
                all: {
                  pairs: 500,
                  skipped: 0,
                  undefined: 0,
                  exactness: 1e-15,
                  first_order: residual,
                  gradient_difference: residual,
                },
              },
            },
            assumptions: {
              ...base.summary.assumptions!,
              identities: [{ matrices: ['F', 'G'], difference: 1e-16, equal: true, expected: true }],
            },
            minibatch_noise: {
              batch_size: 50,
              seed: 1,
              directions: [0, 5],
              eigenvalues: [1, 0.1],
              C: [1, 0.1],
              modes: [
                {
                  mode: 'epoch',
                  batches: 640,
                  epochs: 4,
                  factor: 0.0199,
                  between_factor: -1e-4,
                  variance: z,
                  trace: z,
                  between: { ...z, measured: -1.3e-4, expected: -1.25e-4 },
                  epoch_sum: 1e-15,
                  measured: [],
                  predicted: [],
                  standard_error: [],
                  z: [],
                },
              ],
            },
          },
        },
      ],
    };
  };
  const report = reportOf([full()], { provenance });
  const section = report.sections.find(({ heading }) => heading === 'fc2.kernel')!;
  const tables = new Map(section.tables?.map((table) => [table.caption.split(/[:,]/)[0], table]));

  test('is said in tables', () => {
    expect([...tables.keys()]).toEqual([
      'Claims',
      'Convergence',
      'Precision of float32 on cpu',
      'Activity–weight duality',
      'What the duality gives for the noise',
      'Isotropy by cutoff',
      '$C$ against matrices $M$ that are often used in its place',
      'Matrices that may be equal',
      'Noise of drawn minibatches of 50 (seed 1)',
      'Spectral density of $H$',
    ]);
    for (const { head, rows } of tables.values()) {
      expect(rows.length).toBeGreaterThan(0);
      for (const row of rows) expect(row).toHaveLength(head.length);
    }
    expect(tables.get('Claims')?.rows).toHaveLength(6);
    expect(tables.get('Precision of float32 on cpu')?.rows[0].slice(1)).toEqual([
      '2.0 × 10⁻⁷',
      '3.0 × 10⁻⁷',
      '4.0 × 10⁻⁷',
    ]);
    expect(tables.get('Matrices that may be equal')?.rows[0][2]).toBe('holds');
    expect(tables.get('Noise of drawn minibatches of 50 (seed 1)')?.rows[0][3]).toBe('1.020 ± 0.010 (z = 2.0)');
  });

  test('in figures and definitions, in HTML and PDF', async () => {
    expect(section.figures).toHaveLength(5);
    const terms = report.sections.at(-1)?.definitions?.map(([term]) => term) ?? [];
    const added = ['claims', 'convergence', 'precision', 'duality', 'isotropy', '$G, F, E$', 'minibatch noise'];
    expect(terms).toEqual(expect.arrayContaining(added));
    const { html = '', pdf = new Uint8Array() } = await renderReport(report, fonts);
    expect(html).toContain('epoch shuffling');
    expect(html).not.toMatch(/\\(frac|Delta|text|nabla|log)/);
    expect((await PDFDocument.load(pdf, { updateMetadata: false })).getPageCount()).toBeGreaterThan(4);
  });

  test('is left out where it was not measured', () => {
    const plain = reportOf([run('r1', '0.1', 1)], { provenance });
    const captions = plain.sections
      .find(({ heading }) => heading === 'fc2.kernel')
      ?.tables?.map(({ caption }) => caption);
    expect(captions).toHaveLength(1);
    expect(captions?.[0]).toMatch(/^Claims/);
    const terms = plain.sections.at(-1)?.definitions?.map(([term]) => term);
    for (const term of ['convergence', 'precision', 'duality', 'minibatch noise']) expect(terms).not.toContain(term);
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

describe('a report of which figures cannot be drawn', async () => {
  const whole = run('r1', '0.1', 1);
  const { summary } = whole.measurements[0];
  const zeros = (): Float64Array => new Float64Array(summary.d);
  const empty = { arrays: { eigenvalues: zeros(), C_diagonal: zeros(), Q_diagonal: zeros() }, summary };
  const report = reportOf([{ ...whole, measurements: [empty] }], { provenance });
  const rendered = await renderReport(report, fonts);
  const fails = (): never => {
    throw new RangeError('Invalid array length');
  };
  const { sections } = reportOf([whole], { provenance });
  const extra = { heading: 'More', figures: [{ make: fails, caption: 'A figure that fails.' }] };
  const failing = await renderReport({ ...report, sections: [extra, ...sections] }, fonts);

  test('leaves out what has nothing to draw, says so in its place, and keeps the others', () => {
    // Values at or below the numerical floor are not drawn.
    expect(
      rendered.omitted.some((text) =>
        text.endsWith(
          'nothing to draw: 120 of H, 120 of C, 120 of Q not drawn: below the numerical floor or not positive',
        ),
      ),
    ).toBe(true);
    expect(rendered.html).toContain('Left out: ');
    expect(rendered.html!.match(/<figure>/g)!.length).toBeGreaterThan(0);
    expect(rendered.pdf!.length).toBeGreaterThan(1000);
  });

  test('leaves out what fails, with the reason, and keeps the others', () => {
    expect(failing.omitted).toEqual([
      'More: "A figure that fails." is left out: it could not be drawn: Invalid array length',
    ]);
    expect(failing.html).toContain('Left out: A figure that fails (it could not be drawn: Invalid array length).');
    expect(failing.html!.match(/<figure>/g)!.length).toBe(7);
    expect(failing.pdf!.length).toBeGreaterThan(1000);
  });
});
