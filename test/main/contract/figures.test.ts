/** Figures over the contract: drawn in a process of their own, exported as files, reopened from them; faults in words. */
import { readdirSync } from 'node:fs';
import { unzipSync } from 'fflate';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FaultError } from '../../../src/shared/contract/index.ts';
import { tiny, until } from '../queue/support.ts';
import { TestWorkbench } from './support.ts';

describe('figures over the contract', () => {
  const bench = new TestWorkbench();
  let run: string;
  const recipe = (extra: object = {}): object => ({
    format: 'covature-figure-recipe',
    version: 1,
    name: 'Figure 1',
    figure: 'C_H',
    sources: [{ run, parameter: 'fc2.kernel' }],
    options: { preset: 'nature-1' },
    ...extra,
  });
  const faultOf = async (work: Promise<unknown>): Promise<FaultError> => {
    const error: unknown = await work.then(() => undefined, (reason: unknown) => reason); // prettier-ignore
    if (!(error instanceof FaultError)) throw new Error(`no fault but ${String(error)}`);
    return error;
  };

  beforeAll(async () => {
    [run] = (await bench.request('runs.start', { experiment: tiny })).runs;
    await until(async () => (await bench.request('runs.get', { id: run })).status === 'done', 'the run to end');
  });
  afterAll(() => bench.remove());

  it('draws what would be exported, with its cutoffs, and says nothing is wrong', async () => {
    const drawn = await bench.request('figures.render', { recipe: recipe() });
    expect(drawn.width_mm).toBe(89);
    expect(drawn.warnings).toEqual([]);
    expect(drawn.cutoffs).toContain(1e-4);
    const { files } = await bench.request('figures.export', {
      figures: [{ name: 'Figure 1', recipe: recipe() }],
      formats: ['svg'],
    });
    expect(files.map(({ name }) => name)).toEqual(['Figure-1.svg']);
    const svg = new TextDecoder().decode(files[0].content);
    // The file is the preview with its metadata.
    expect(svg.replace(/<metadata>.*?<\/metadata>\s*/s, '')).toBe(
      drawn.svg.replace(/<metadata>.*?<\/metadata>\s*/s, ''),
    );
  });

  it('exports several as one ZIP file, or into a folder', async () => {
    const figures = [
      { name: 'a', recipe: recipe() },
      { name: 'b', recipe: recipe({ figure: 'gamma_cutoff' }) },
    ];
    const { files } = await bench.request('figures.export', { figures, formats: ['pdf', 'json'] });
    expect(files.map(({ name }) => name)).toEqual(['figures.zip']);
    expect(Object.keys(unzipSync(files[0].content!)).sort()).toEqual(['a.json', 'a.pdf', 'b.json', 'b.pdf']);
    const folder = bench.workbench.keepFile(bench.folder.path).token;
    const written = await bench.request('figures.export', { figures, formats: ['svg'], folder });
    expect(written.files).toEqual([
      { name: 'a.svg', content: null },
      { name: 'b.svg', content: null },
    ]);
    expect(readdirSync(bench.folder.path)).toEqual(expect.arrayContaining(['a.svg', 'b.svg']));
  });

  it('reopens an exported file, and names runs that are not here', async () => {
    const elsewhere = recipe({ sources: [{ run: 'from-elsewhere' }] });
    for (const [given, missing] of [
      [recipe(), []],
      [elsewhere, ['from-elsewhere']],
    ] as const) {
      const base64 = Buffer.from(JSON.stringify(given)).toString('base64');
      const opened = await bench.request('figures.reopen', { name: 'paper.json', base64 });
      expect(opened).toEqual({ name: 'paper', recipe: given, missing });
    }
    const { files } = await bench.request('figures.export', {
      figures: [{ name: 'x', recipe: recipe() }],
      formats: ['pdf'],
    });
    const base64 = Buffer.from(files[0].content!).toString('base64');
    const opened = await bench.request('figures.reopen', { name: 'x.pdf', base64 });
    expect(opened.recipe).toEqual({ ...recipe(), name: 'x' });
  });

  it('writes a report', async () => {
    const { files } = await bench.request('figures.report', { runs: [run], formats: ['html'] });
    expect(files[0].name).toBe('tiny.html');
    expect(new TextDecoder().decode(files[0].content)).toContain('Definitions');
  });

  it('says what is wrong, as a fault of the input', async () => {
    const drawn = (given: unknown) => () => bench.request('figures.render', { recipe: given });
    const reopened = (name: string, text: string) => () =>
      bench.request('figures.reopen', { name, base64: Buffer.from(text).toString('base64') });
    for (const [work, message] of [
      [drawn({ ...recipe(), figure: 'pie' }), /recipe\.figure/],
      [drawn(recipe({ sources: [{ run: 'gone-run-1' }] })), /no run has the id or name "gone-run-1"/],
      [drawn(recipe({ options: { cutoff: 0.3 } })), /no fit at the cutoff 0\.3/],
      [drawn(recipe({ options: { x: { label: '$\\nope$' } } })), /\\nope/],
      [() => bench.request('figures.save', { name: 'x', recipe: { figure: 'C_H' } }), /recipe\./],
      [reopened('x.svg', '<svg></svg>'), /holds no figure to reopen/],
      [reopened('x.txt', 'hello'), /only SVG, PDF and PNG/],
    ] as const) {
      const fault = await faultOf(work());
      expect(fault.message).toMatch(message);
      expect(fault.code).toBe('bad-input');
    }
  });
});
