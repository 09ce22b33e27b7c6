/** A cutoff belongs to the run it was set on: said where it is not the default, the same on every screen, and gone after a restart. In a real Chromium. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { headlineCutoff } from '../../../src/shared/estimands.ts';
import { slopeText } from '../../../src/renderer/run/text.ts';
import { describeWhere } from '../../support/skips.ts';
import { tiny, until } from '../../main/queue/support.ts';
import { OpenWindow, windowAvailable } from './support.ts';

describeWhere(windowAvailable(), 'the cutoff of a run', () => {
  let window: OpenWindow;
  let runs: readonly string[];

  beforeAll(async () => {
    window = await OpenWindow.open();
    ({ runs } = await window.bench.request('runs.start', { experiment: { ...tiny, seed: [1, 2] } }));
    await until(
      async () => (await window.bench.request('runs.list', { status: ['done'] })).rows.length === 2,
      'both runs to end',
    );
  });
  afterAll(async () => {
    await window.close();
  });

  const chosen = async (): Promise<number> => Number(await window.page.getByLabel('Standard cutoff').inputValue());

  it('is said where it is not the default, is the same in the overview, and in no other run', async () => {
    const { page } = window;
    await window.go(`#/run/${runs[0]}/measurements`);
    await page.getByLabel('Standard cutoff').waitFor();
    expect(await chosen()).toBe(headlineCutoff);
    expect(await page.getByTestId('other-cutoff').count()).toBe(0);
    await page.getByLabel('Standard cutoff').selectOption('0.000001');
    await page.getByTestId('other-cutoff').waitFor();
    expect(page.url()).toContain('cutoff=0.000001');
    const [{ summary }] = await window.bench.request('measurements.list', { runs: [runs[0]] });
    const row = summary!.gamma.training_set.find(({ cutoff }) => cutoff === 1e-6)!;
    await page.getByRole('link', { name: 'Overview' }).click();
    await page.getByTestId('other-cutoff').waitFor();
    const text = row.gamma.ols!.toFixed(2).replace('-', '−');
    await page
      .getByRole('cell', { name: new RegExp(text.slice(0, 4)) })
      .first()
      .waitFor();
    await window.go(`#/run/${runs[1]}/measurements`);
    await page.getByRole('heading', { name: /seed 2/ }).waitFor();
    await page.getByLabel('Standard cutoff').waitFor();
    expect(await chosen()).toBe(headlineCutoff);
    expect(await page.getByTestId('other-cutoff').count()).toBe(0);
  });

  it('goes with the address and into the studio, where as many directions are not drawn', async () => {
    const { page } = window;
    await window.go(`#/run/${runs[0]}/measurements`);
    await page.getByTestId('other-cutoff').waitFor();
    await page.reload();
    await page.getByTestId('other-cutoff').waitFor();
    expect(await chosen()).toBe(1e-6);
    const undrawn = page.getByTestId('undrawn');
    const said =
      (await undrawn.count()) === 0 ? '' : /^[\d\u202f]+ of [\d\u202f]+/.exec((await undrawn.textContent())!)![0];
    await page.getByRole('link', { name: 'Open in the figure studio' }).click();
    await page.getByRole('img', { name: /^C_ii against H_ii/ }).waitFor();
    expect(await page.getByLabel('Cutoff', { exact: true }).inputValue()).toBe('0.000001');
    const [id] = runs;
    const sources = [{ run: id, parameter: 'fc2.kernel' }];
    const recipe = { format: 'covature-figure-recipe', version: 1, name: 'x', figure: 'C_H', sources, options: {} };
    const { notes } = await window.bench.request('figures.render', { recipe });
    expect(notes.find((note) => note.includes('not drawn'))?.replace(/ directions.*$/, '') ?? '').toBe(said);
    expect(window.errors).toEqual([]);
  });

  it('that was freed from the decades is the one of the overview, the claims and the figure too', async () => {
    const { page, bench } = window;
    const [id] = runs;
    await window.go(`#/run/${id}/measurements`);
    await page.getByLabel('Standard cutoff').selectOption('0.01');
    const handle = page.getByRole('slider', { name: 'Cutoff' });
    await handle.focus();
    await page.keyboard.press('Shift+ArrowLeft');
    await page.getByTestId('other-cutoff').waitFor();
    const cutoff = Number(/cutoff=([\d.e-]+)/.exec(page.url())![1]);
    expect(cutoff).toBe(0.00891);
    const measured = (await bench.request('measurements.list', { runs: [id] })).find(
      ({ parameter }) => parameter === 'fc2.kernel',
    )!;
    const rows = (await bench.request('measurements.atCutoff', { id: measured.id, cutoff }))!;
    const [low, high] = rows.training_set.gamma.interval!.ols!;
    const value = slopeText(rows.training_set.gamma.ols, [low, high]);
    await page.getByTestId('slope-gamma').getByText(value).waitFor();
    await page.getByRole('link', { name: 'Overview' }).click();
    const card = page.getByRole('region', { name: 'Result' });
    await card.getByText('above 0.00891 H').waitFor();
    await page.getByTestId('card-gamma').getByText(value).waitFor();
    await page.getByRole('cell', { name: value, exact: true }).first().waitFor();
    await page.getByText('0.00891, ± half of the').waitFor();
    // Nothing stands at another cutoff without saying so.
    expect(await page.getByTestId('nearest-cutoff').count()).toBe(0);
    await page.getByTestId('card-gamma').click();
    await page.getByRole('link', { name: 'Open in the figure studio' }).click();
    await page.getByRole('img', { name: /^C_ii against H_ii/ }).waitFor();
    expect(await page.getByLabel('Cutoff', { exact: true }).locator('option:checked').textContent()).toBe('0.00891');
    const sources = [{ run: id, parameter: 'fc2.kernel' }];
    const recipe = { format: 'covature-figure-recipe', version: 1, name: 'x', figure: 'C_H', sources };
    const { description } = await bench.request('figures.render', { recipe: { ...recipe, options: { cutoff } } });
    expect(description).toContain(`gamma = ${rows.training_set.gamma.ols!.toFixed(3)} (least squares)`);
    expect(description).toContain('directions above 0.00891 of the largest eigenvalue');
    expect(await window.axe()).toEqual([]);
    expect(window.errors).toEqual([]);
  });

  it('is the default again after a restart', async () => {
    const { page } = window;
    await page.goto(`${window.server.url.replace(/#.*$/, '')}`);
    await window.restart();
    await window.go(`#/run/${runs[0]}/measurements`);
    await page.getByLabel('Standard cutoff').waitFor();
    expect(await chosen()).toBe(headlineCutoff);
  });
});
