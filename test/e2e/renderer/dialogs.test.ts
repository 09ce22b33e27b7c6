/** What opens over a screen, in both themes: axe finds nothing; and every figure of every screen has its data as a table. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Page } from 'playwright-core';
import { describeWhere } from '../../support/skips.ts';
import { tiny, until } from '../../main/queue/support.ts';
import { eachView, OpenWindow, windowAvailable } from './support.ts';

describeWhere(windowAvailable(), 'what opens over a screen', () => {
  let window: OpenWindow;
  let runs: readonly string[];
  let measurement: string;

  beforeAll(async () => {
    window = await OpenWindow.open();
    const { bench } = window;
    const measurements = [
      { parameters: ['fc2.kernel'], duality: true, assumptions: true, minibatch_noise: {}, density: true },
    ];
    ({ runs } = await bench.request('runs.start', { experiment: { ...tiny, seed: [1, 2], measurements } }));
    await bench.request('projects.create', { name: 'Paper' });
    await bench.request('store.backup');
    await until(
      async () => (await bench.request('runs.counts', { status: ['done'] })).total === 2,
      'the runs to be done',
      150_000,
    );
    [{ id: measurement }] = await bench.request('measurements.list', { runs: [runs[0]] });
  }, 200_000);
  afterAll(async () => {
    await window.close();
  });

  const button = (name: string | RegExp) => async (page: Page) => page.getByRole('button', { name }).first().click();
  const inTable = (key: string) => async (page: Page) => {
    await page.locator('tr[data-index="0"]').waitFor();
    await page.getByRole('grid', { name: 'Runs' }).focus();
    await page.keyboard.press('Home');
    await page.keyboard.press(key);
  };

  it('passes axe: menus, pop-overs, dialogs, messages and faults, light and dark', async () => {
    const { page } = window;
    const rows: [name: string, hash: string, open: (page: Page) => Promise<unknown>][] = [
      ['tags', '#/runs', inTable('t')],
      ['move', '#/runs', inTable('m')],
      ['the menu of a run', '#/runs', inTable('Shift+F10')],
      ['selected runs', '#/runs', inTable('x')],
      ['groups', '#/runs', button(/^Group/)],
      ['columns', '#/runs', button('Columns')],
      ['the inspector', '#/runs', button('Inspector')],
      ['a new project', '#/runs', button('New project')],
      ['a filter that is wrong', '#/runs', (p) => p.getByLabel('Filter').fill('sed = 2')],
      ['a filter that finds nothing', '#/runs', (p) => p.getByLabel('Filter').fill('seed = 77')],
      ['all again', '#/runs', (p) => p.getByLabel('Filter').fill('')],
      ['a message', '#/runs', inTable('a')],
      ['the palette', '#/runs', (p) => p.keyboard.press('Control+k')],
      ['the keyboard map', '#/settings', (p) => p.keyboard.press('?')],
      ['jobs', '#/settings', (p) => p.locator('footer button').first().click()],
      ['restoring', '#/settings', button('Restore …')],
      ['measuring again', `#/run/${runs[0]}/measurements/${measurement}`, button('Measure …')],
      ['a run that is not there', '#/run/nothing/overview', (p) => p.getByText('cannot be shown').waitFor()],
      ['a comparison of nothing', '#/compare', (p) => p.waitForTimeout(200)],
      ['a comparison of runs that are gone', '#/compare/nothing', (p) => p.getByText('These runs are gone').waitFor()],
      ['a sweep', '#/new', (p) => p.getByLabel('Learning rate').fill('0.1, 0.2')],
      ['a wrong experiment', '#/new', (p) => p.getByLabel('Learning rate').fill('-1')],
    ];
    for (const [name, hash, open] of rows) {
      await window.go(hash);
      await page.waitForTimeout(300);
      await open(page);
      await page.waitForTimeout(200);
      for (const colorScheme of ['light', 'dark'] as const) {
        await page.emulateMedia({ colorScheme });
        await page.waitForTimeout(50);
        expect(await window.axe(), `${name} ${colorScheme}`).toEqual([]);
      }
      await page.keyboard.press('Escape');
      await page.evaluate('document.activeElement?.blur()');
      await page.keyboard.press('Control+z');
    }
  }, 240_000);

  it('has the data of every figure as a table that the keyboard opens', async () => {
    const { page } = window;
    /** For the page: figures on show without a table of their data within the part of the screen that they stand in. */
    const lacking = `[...document.querySelectorAll('main [role="img"], main img')]
      .filter((one) => one.checkVisibility() && one.closest('.blank, .start, li, button, td') === null)
      .filter((one) => { for (let at = one.parentElement; at !== null && !at.matches('main'); at = at.parentElement)
        if ([...at.querySelectorAll('summary')].some((each) => /Data as a table/.test(each.textContent))) return false;
        return true; })
      .map((one) => one.getAttribute('aria-label') ?? one.getAttribute('alt') ?? one.outerHTML.slice(0, 120))`;
    const check = async (where: string): Promise<void> => {
      expect(await page.evaluate<string[]>(lacking), where).toEqual([]);
    };
    for (const hash of [
      `#/run/${runs[0]}/training`,
      `#/compare/${runs.join(',')}`,
      `#/figures/new/C_H/${runs[0]}/fc2.kernel`,
      '#/data',
    ]) {
      await window.go(hash);
      await page.locator('main [role="img"], main img').first().waitFor();
      await page.waitForTimeout(500);
      await check(hash);
    }
    await window.go(`#/run/${runs[0]}/measurements/${measurement}`);
    await eachView(page, async (name) => {
      await page.waitForTimeout(400);
      await check(name);
    });
    // That of the studio holds what its CSV has.
    await window.go(`#/figures/new/C_H/${runs[0]}/fc2.kernel`);
    await page.locator('main img').first().waitFor();
    const summary = page.getByText('Data as a table');
    await summary.focus();
    await page.keyboard.press('Enter');
    await page
      .getByRole('region', { name: /^Data: / })
      .getByRole('row')
      .nth(3)
      .waitFor();
    expect(await window.axe()).toEqual([]);
  }, 120_000);
});
