/** Ctrl+K: a name finds its run before any command, and nothing changes data by a loose match. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { describeWhere } from '../../support/skips.ts';
import { tiny, until } from '../../main/queue/support.ts';
import { OpenWindow, windowAvailable } from './support.ts';

describeWhere(windowAvailable(), 'the command palette', () => {
  let window: OpenWindow;
  const ids = new Map<string, string>();

  beforeAll(async () => {
    window = await OpenWindow.open();
    const { bench } = window;
    for (const name of ['night', 'Long run', '2×2 sweep', 'claims of nobody']) {
      const [id] = (await bench.request('runs.start', { experiment: { ...tiny, name, epochs: 1 } })).runs;
      ids.set(name, id);
    }
    await bench.request('projects.create', { name: 'Along the trunk' });
    await until(
      async () => (await bench.request('runs.counts', { status: ['done'] })).total === ids.size,
      'the runs to be done',
      120_000,
    );
  }, 180_000);
  afterAll(async () => {
    await window.close();
  });

  async function type(text: string): Promise<void> {
    const { page } = window;
    await page.keyboard.press('Control+k');
    await page.getByRole('combobox', { name: 'Find a run or command' }).waitFor();
    await page.keyboard.type(text);
  }
  const first = async (): Promise<string> =>
    ((await window.page.getByRole('option').first().textContent()) ?? '').replace(/\s+/g, ' ').trim();

  it('opens the run of that name, at once and also when Enter comes before the answer', async () => {
    const { page, bench } = window;
    for (const wait of [0, 600]) {
      await window.go('#/runs');
      await page.locator('tr[data-index="0"]').click();
      await type('long run');
      await page.waitForTimeout(wait);
      await page.keyboard.press('Enter');
      await page.waitForURL((url) => url.hash === `#/run/${ids.get('Long run')}/overview`);
    }
    const { rows } = await bench.request('runs.list', { limit: 10 });
    expect(rows.map(({ project }) => project)).toEqual(rows.map(() => null));
  });

  it('changes nothing by letters that merely occur', async () => {
    const { page } = window;
    await window.go('#/runs');
    await page.locator('tr[data-index="0"]').click();
    for (const text of ['ong run', 'run move', 'trunk the', 'elete']) {
      await type(text);
      await page.waitForTimeout(500);
      const titles = await page.getByRole('option').allTextContents();
      expect(
        titles.filter((title) => /^\s*(Move|Delete|Archive)(?!.*…)/.test(title)),
        text,
      ).toEqual([]);
      await page.keyboard.press('Escape');
    }
    // By its words it is there.
    await type('move the run to al');
    await page.getByRole('option', { name: 'Move the run to Along the trunk' }).waitFor();
    await page.keyboard.press('Escape');
  });

  it('finds 2×2 by 2x2', async () => {
    const { page } = window;
    await type('2x2');
    await page.getByRole('option', { name: /2×2 sweep/ }).waitFor();
    expect(await first()).toMatch(/^2×2 sweep/);
    await page.keyboard.press('Escape');
  });

  it('finds what is inside of runs: of the one on show first', async () => {
    const { page } = window;
    await window.go(`#/run/${ids.get('night')}/overview`);
    await page.getByRole('heading', { name: 'night' }).waitFor();
    for (const [text, title] of [
      ['density', 'Density of night'],
      ['log of night', 'Log of night'],
      ['gamma by cut', 'γ by cutoff of night'],
    ]) {
      await type(text);
      await until(async () => (await first()) === title, `${title} to come first`, 10_000);
      await page.keyboard.press('Escape');
    }
    // Of another, by its name.
    await type('training long');
    await page.getByRole('option', { name: 'Training of Long run', exact: true }).waitFor();
    await page.keyboard.press('Escape');
    await type('training of long');
    await until(async () => (await first()) === 'Training of Long run', 'it to come first', 10_000);
    await page.keyboard.press('Enter');
    await page.waitForURL((url) => url.hash === `#/run/${ids.get('Long run')}/training`);
  });

  it('works on the page of a run that is gone', async () => {
    const { page, bench } = window;
    const id = ids.get('claims of nobody')!;
    await window.go(`#/run/${id}/overview`);
    await page.getByRole('heading', { name: 'claims of nobody' }).waitFor();
    await bench.request('runs.delete', { ids: [id] });
    await bench.request('bin.empty');
    await type('settings');
    await page.keyboard.press('Enter');
    await page.waitForURL((url) => url.hash === '#/settings');
    expect(window.errors).toEqual([]);
  });
});
