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
    const svg = new TextDecoder().decode(files[0].content ?? undefined);
    // The file is the preview with its metadata.
    expect(svg.replace(/<metadata>.*?<\/metadata>\s*/s, '')).toBe(
      drawn.svg.replace(/<metadata>.*?<\/metadata>\s*/s, ''),
    );
  });

  it('draws on in a new process where the one that draws is killed', async () => {
    const drawings = ['C_H', 'gamma_cutoff', 'C_Q'].map((figure) =>
      bench.request('figures.render', { recipe: recipe({ figure }) }).then(
        ({ width_mm }) => width_mm,
        (error: unknown) => (error as Error).message,
      ),
    );
    process.kill(bench.workbench.drawing.pid!, 'SIGKILL');
    // The one that it was at fails: the first, unless that was answered before the signal came.
    const failed = (await Promise.all(drawings)).filter((answer) => answer !== 89);
    expect(failed.length).toBeLessThanOrEqual(1);
    for (const message of failed) expect(message).toMatch(/ended by SIGKILL/);
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
      expect(opened).toEqual({ name: 'paper', recipe: given, missing, drawable: missing.length === 0 });
    }
    const { files } = await bench.request('figures.export', {
      figures: [{ name: 'x', recipe: recipe() }],
      formats: ['pdf'],
    });
    const base64 = Buffer.from(files[0].content!).toString('base64');
    const opened = await bench.request('figures.reopen', { name: 'x.pdf', base64 });
    expect(opened.recipe).toEqual({ ...recipe(), name: 'x' });
  });

  it('draws a file of another store from the numbers in it, and exports and stores it', async () => {
    const figure = recipe({ figure: 'panels', sources: [], panels: [recipe(), recipe({ figure: 'gamma_cutoff' })] });
    const drawn = await bench.request('figures.render', { recipe: figure });
    expect(drawn.carried).toBe(false);
    expect(drawn.letters).toEqual(['(a)', '(b)']);
    const { files } = await bench.request('figures.export', {
      figures: [{ name: 'x', recipe: figure }],
      formats: ['svg'],
    });
    const elsewhere = new TestWorkbench();
    try {
      const base64 = Buffer.from(files[0].content!).toString('base64');
      const opened = await elsewhere.request('figures.reopen', { name: 'x.svg', base64 });
      expect(opened).toMatchObject({ missing: [run], drawable: true });
      const again = await elsewhere.request('figures.render', { recipe: opened.recipe });
      expect(again).toEqual({ ...drawn, carried: true, cutoffs: [] });
      const stored = await elsewhere.request('figures.save', { name: 'x', recipe: opened.recipe });
      const exported = await elsewhere.request('figures.export', {
        figures: [{ name: 'x', recipe: stored.recipe }],
        formats: ['svg'],
      });
      // The file made from a file is drawn as that file.
      const drawing = ({ content }: { content: Uint8Array | null }): string =>
        new TextDecoder().decode(content ?? undefined).replace(/<metadata>.*?<\/metadata>/s, '');
      expect(drawing(exported.files[0])).toBe(drawing(files[0]));
      const changed = { ...(opened.recipe as object), options: { preset: 'prl-2' } };
      expect((await elsewhere.request('figures.render', { recipe: changed })).width_mm).toBe(178);
      const other = elsewhere.request('figures.render', { recipe: { ...changed, sources: [{ run: 'gone' }] } });
      await expect(other).rejects.toMatchObject({ code: 'bad-input', message: /not what it shows \(runs\)/ });
      const table = elsewhere.request('figures.export', {
        figures: [{ name: 'x', recipe: opened.recipe }],
        formats: ['tex'],
      });
      await expect(table).rejects.toMatchObject({ code: 'bad-input', message: /has no table/ });
    } finally {
      await elsewhere.remove();
    }
  });

  it('writes a report', async () => {
    const { files } = await bench.request('figures.report', { runs: [run], formats: ['html'] });
    expect(files[0].name).toBe('tiny.html');
    expect(new TextDecoder().decode(files[0].content ?? undefined)).toContain('Definitions');
  });

  it('says what is wrong, as a fault of the input', async () => {
    const drawn = (given: unknown) => () => bench.request('figures.render', { recipe: given });
    const reopened = (name: string, text: string) => () =>
      bench.request('figures.reopen', { name, base64: Buffer.from(text).toString('base64') });
    for (const [work, message] of [
      [drawn({ ...recipe(), figure: 'pie' }), /recipe\.figure/],
      [drawn(recipe({ sources: [{ run: 'gone-run-1' }] })), /no run has the id or name "gone-run-1"/],
      [drawn(recipe({ options: { cutoff: 1e-9 } })), /no fit at the cutoff 1e-9/],
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
