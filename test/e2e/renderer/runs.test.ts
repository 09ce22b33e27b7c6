/** Projects, groups, columns and comparison as a researcher uses them, on runs with made-up results. In a real Chromium, on the real services. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { describeWhere } from '../../support/skips.ts';
import { until } from '../../main/queue/support.ts';
import { OpenWindow, windowAvailable } from './support.ts';

describeWhere(windowAvailable(), 'the table of runs', () => {
  let window: OpenWindow;
  const rowsShown = (): Promise<number> => window.page.locator('tr[data-index]').count();

  beforeAll(async () => {
    window = await OpenWindow.open();
    window.page.setDefaultTimeout(20_000);
    const { store } = window.bench.workbench;
    const steps = Float64Array.from({ length: 50 }, (_, i) => i + 1);
    store.transaction(() => {
      for (const lr of [0.1, 0.05, 0.01]) {
        for (const seed of [1, 2, 3, 4]) {
          const id = store.createRun({
            name: `net, rate ${lr}`,
            experiment: { name: `net, rate ${lr}`, seed, dataset: 'mnist', optimiser: { lr }, model: { loss: 'mse' } },
            status: 'done',
            tags: seed === 1 ? ['paper'] : [],
          });
          store.setSummary(id, { 'gamma.fc2': 1 + lr + seed / 100, loss: lr * seed });
          store.appendMetrics(id, 0, { loss: { steps, values: steps.map((step) => lr * seed + 1 / step) } });
        }
      }
    });
    window.bench.workbench.changes.note(null);
  });
  afterAll(async () => {
    await window.close();
  });

  it('groups the seeds of a setup, opens a group, and takes its runs by the keyboard', async () => {
    const { page } = window;
    await page.locator('tr[data-index="11"]').waitFor();
    await page.getByRole('button', { name: /^Group/ }).click();
    await page.getByLabel('Seeds of one setup').check();
    await page.keyboard.press('Escape');
    await until(async () => (await rowsShown()) === 3, 'three groups');
    const table = page.getByRole('treegrid', { name: 'Runs' });
    const first = page.locator('tr[data-index="0"]');
    expect(await first.textContent()).toContain('× 4');
    // Mean of 1.02 to 1.05 with the 95 % interval of the mean: t(3) s / 2.
    expect(await first.textContent()).toContain('1.035 ± 0.021');
    await table.focus();
    await page.keyboard.press('Home');
    await page.keyboard.press('ArrowRight');
    await until(async () => (await rowsShown()) === 7, 'the group to open');
    await page.keyboard.press('x');
    await page.getByText('4 runs selected').waitFor();
    expect(await window.axe()).toEqual([]);
  });

  it('files the selected runs under a new project, and finds them there; the undo puts them back', async () => {
    const { page } = window;
    await page.getByRole('button', { name: 'Move to project' }).click();
    await page.getByRole('menuitem', { name: 'New project …' }).click();
    await page.getByRole('textbox', { name: 'Name' }).fill('Rates');
    await page.getByLabel('Description').fill('Which rate?');
    await page.getByRole('button', { name: 'Create project' }).click();
    await page.getByText('4 runs moved to Rates.').waitFor();
    await page
      .getByRole('navigation', { name: 'Projects' })
      .getByRole('button', { name: /^Rates/ })
      .click();
    await until(async () => (await page.locator('tr.group').count()) === 1, 'one group');
    await page.getByText('Which rate?').waitFor();
    await page.keyboard.press('Control+z');
    await page.getByText(/Rates has no runs yet/).waitFor();
    await page.getByRole('button', { name: /^All runs/ }).click();
    await until(async () => (await page.locator('tr.group').count()) === 3, 'all groups');
    expect(await window.axe()).toEqual([]);
  });

  it('completes fields and values of a filter, and moves columns by the keyboard', async () => {
    const { page } = window;
    const filter = page.getByLabel('Filter', { exact: true });
    await filter.fill('gamma.f');
    await page.getByRole('option', { name: /^gamma\.fc2/ }).click();
    expect(await filter.inputValue()).toBe('gamma.fc2 ');
    await filter.pressSequentially('> 1.1 and optimiser.lr = ');
    await page.getByRole('option', { name: /^0\.1 / }).click();
    expect(await filter.inputValue()).toBe('gamma.fc2 > 1.1 and optimiser.lr = 0.1 ');
    await until(async () => (await page.locator('tr.group').count()) === 1, 'one group');
    await page.keyboard.press('Escape');
    await page.keyboard.press('Escape');
    await until(async () => (await page.locator('tr.group').count()) === 3, 'all groups');
    const names = async (): Promise<string[]> => page.locator('thead th button').allInnerTexts();
    const before = await names();
    await page.getByRole('columnheader', { name: before[1], exact: true }).getByRole('button').focus();
    await page.keyboard.press('Alt+ArrowRight');
    await until(async () => (await names())[2] === before[1], 'the column to move');
    expect((await names())[1]).toBe(before[2]);
  });

  it('keeps what was selected, opened and grouped over a restart', async () => {
    const { page } = window;
    await page.waitForTimeout(700);
    await page.reload();
    await until(async () => (await page.locator('tr.group').count()) === 3, 'the groups');
    await until(async () => (await rowsShown()) === 7, 'the open group');
    await page.getByText('4 runs selected').waitFor();
  });

  it('lays the seeds over each other as a mean with its band, and shows what differs', async () => {
    const { page } = window;
    await page.getByRole('treegrid', { name: 'Runs' }).focus();
    await page.keyboard.press('Control+a');
    await page.getByText('12 runs selected').waitFor();
    await page.keyboard.press('c');
    await page.getByRole('heading', { name: 'Results' }).waitFor();
    await until(async () => (await page.locator('[data-painted="3"]').count()) === 1, 'three means to be drawn');
    const settings = page.getByRole('region', { name: 'Settings' });
    await settings.getByRole('rowheader', { name: 'optimiser.lr' }).waitFor();
    expect(await settings.getByRole('row').count()).toBe(3);
    await page.getByText('Data as a table').first().click();
    await page.getByText('150 rows').waitFor();
    await page.getByLabel('only those that differ').uncheck();
    await settings.getByRole('rowheader', { name: 'model.loss' }).waitFor();
    // Hidden here, hidden in the table.
    await page
      .getByRole('button', { name: /in charts$/ })
      .first()
      .click();
    await until(async () => (await page.locator('[data-painted="2"]').count()) === 1, 'two means to be drawn');
    expect(await window.axe()).toEqual([]);
    await window.go('#/runs');
    await until(async () => (await page.locator('tr.group .dot.shut').count()) === 1, 'the dot to be hollow');
    expect(window.errors).toEqual([]);
  });

  it('keeps lines where they are under the pointer while runs come', async () => {
    const { page } = window;
    await page.locator('tr[data-index="1"]').hover();
    const before = await page.locator('tr[data-index="1"]').textContent();
    const { store, changes } = window.bench.workbench;
    changes.note([store.createRun({ name: 'newcomer', experiment: { name: 'newcomer' }, status: 'done' })]);
    await page.getByText(/The list has changed/).waitFor();
    expect(await page.locator('tr[data-index="1"]').textContent()).toBe(before);
    await page.mouse.move(5, 5);
    await page.locator('tr', { hasText: 'newcomer' }).waitFor();
  });
});
