/** A sweep laid side by side: what differs is the axis and the name, and every point stands at its value. In a real Chromium. */
import { readFileSync } from 'node:fs';
import { PDFDocument } from '@cantoo/pdf-lib';
import type { Locator } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { reopenFigure } from '../../../src/main/figures/reopen.ts';
import { withUncertainty } from '../../../src/shared/figures/numbers.ts';
import { describeWhere } from '../../support/skips.ts';
import { tiny, until } from '../../main/queue/support.ts';
import { summaryOf } from '../../main/store/support/samples.ts';
import { OpenWindow, windowAvailable } from './support.ts';

/** A point of a chart, as the ring and the words beside it say when the pointer is near. */
interface Shown {
  readonly name: string;
  readonly x: string;
  readonly at: number;
}

describeWhere(windowAvailable(), 'a comparison', () => {
  let window: OpenWindow;
  let runs: readonly string[];
  /** Runs without measurements that differ in momentum. */
  let others: readonly string[] = [];

  beforeAll(async () => {
    window = await OpenWindow.open();
    const sweep = { ...tiny, optimiser: { lr: [0.1, 0.2, 0.4] }, batch_size: [20, 40] };
    ({ runs } = await window.bench.request('runs.start', { experiment: sweep }));
    await until(
      async () => (await window.bench.request('runs.list', { status: ['done'] })).rows.length === 6,
      'the sweep to end',
    );
  });
  afterAll(async () => {
    await window.close();
  });

  /** Every point that the pointer finds in a chart. */
  async function pointsOf(label: RegExp): Promise<Shown[]> {
    const { page } = window;
    const chart = page.getByRole('img', { name: label });
    await chart.scrollIntoViewIfNeeded();
    const box = (await chart.boundingBox())!;
    const found = new Map<string, Shown>();
    for (let y = 20; y < box.height - 40; y += 16)
      for (let x = 60; x < box.width; x += 16) {
        await page.mouse.move(box.x + x, box.y + y);
        const shown = await page.evaluate<Shown | null>(`(() => {
          const tip = document.querySelector('.overlay .tip');
          const ring = document.querySelector('.overlay .over circle');
          if (tip === null || ring === null) return null;
          const [name, at] = [...tip.children].map((each) => each.textContent);
          return { name, x: at, at: Number(ring.getAttribute('cx')) };
        })()`);
        if (shown !== null) found.set(shown.name, shown);
      }
    return [...found.values()];
  }

  it('calls runs by what differs, in the comparison and in the table, and adds a column for it', async () => {
    const { page } = window;
    const rows = await window.bench.request('runs.rows', { ids: [...runs] });
    expect(rows[0].name).toBe('tiny, learning rate 0.1, batch 20');
    expect(new Set(rows.map(({ name }) => name)).size).toBe(6);
    await window.go(`#/compare/${runs.join(',')}`);
    const list = page.getByRole('complementary', { name: 'Runs compared' }).getByRole('listitem');
    await list.first().waitFor();
    // The setting in most values comes first, smallest first.
    expect((await list.allTextContents()).map((text) => text.trim())).toEqual([
      'learning rate 0.1, batch 20',
      'learning rate 0.1, batch 40',
      'learning rate 0.2, batch 20',
      'learning rate 0.2, batch 40',
      'learning rate 0.4, batch 20',
      'learning rate 0.4, batch 40',
    ]);
    const settings = page.getByRole('region', { name: 'Settings' });
    await settings.scrollIntoViewIfNeeded();
    expect(await settings.getByRole('rowheader').allTextContents()).toEqual(['learning rate', 'batch size']);
    expect(await page.getByLabel('Setting', { exact: true }).inputValue()).toBe('optimiser.lr');
    expect(await window.axe()).toEqual([]);
    // Momentum has no column of its own until runs differ in it.
    await window.go('#/runs');
    const heads = page.getByRole('columnheader');
    await page.getByRole('columnheader', { name: 'Learning rate' }).waitFor();
    expect(await heads.filter({ hasText: 'Momentum' }).count()).toBe(0);
    const more = { ...tiny, optimiser: { lr: 0.1, momentum: [0.5, 0.9] }, epochs: 1, measurements: [] };
    const added = await window.bench.request('runs.start', { experiment: more });
    await page.getByRole('columnheader', { name: 'Momentum' }).waitFor();
    await page.getByRole('button', { name: /^Columns/ }).click();
    await page.getByRole('checkbox', { name: 'Momentum', exact: true }).uncheck();
    await page.getByRole('columnheader', { name: 'Momentum' }).waitFor({ state: 'detached' });
    await page.keyboard.press('Escape');
    await until(
      async () => (await window.bench.request('runs.list', { status: ['done'] })).rows.length === 8,
      'the others to end',
    );
    others = added.runs;
  });

  it('never cuts a number in the table of runs', async () => {
    const { page } = window;
    await page.getByRole('button', { name: /^Columns/ }).click();
    await page.getByRole('textbox', { name: 'Find a column' }).fill('gamma.fc2');
    for (const name of ['γ fc2', 'γ fc2, cross-fitted'])
      if ((await page.getByRole('checkbox', { name, exact: true }).isChecked()) === false)
        await page.getByRole('checkbox', { name, exact: true }).check();
    await page.keyboard.press('Escape');
    await page.getByRole('gridcell', { name: /±/ }).first().waitFor();
    const cut = await page.evaluate<string[]>(`[...document.querySelectorAll('table td.number')]
      .filter((cell) => cell.scrollWidth > cell.clientWidth).map((cell) => cell.textContent)`);
    expect(cut).toEqual([]);
  });

  it('counts the verdicts on each claim, and names the members where they are asked for', async () => {
    const { page } = window;
    const { store } = window.bench.workbench;
    const bootstrap = { seed: 1, resamples: 2000, blocks: 64, directions: [99, 99, 99] as const };
    // Exponents well inside of 1 to 2, and one well below.
    const judged = [1.4, 1.5, 0.5].map((gamma, k) => {
      const name = `judged ${k}`;
      const id = store.createRun({ name, experiment: { name, optimiser: { lr: 0.1 + k } }, status: 'done' });
      const plain = summaryOf('fc2.kernel', gamma);
      const rows = [plain.gamma.training_set[0]];
      const summary = { ...plain, gamma: { training_set: rows, cross_fitted: rows }, bootstrap };
      store.addMeasurement(id, { parameter: 'fc2.kernel', step: 1, origin: 'manual', summary });
      return id;
    });
    await window.go(`#/compare/${judged.join(',')}`);
    const row = page.getByRole('row', { name: /^1 ≤ γ ≤ 2/ });
    await row.waitFor();
    expect(await row.locator('td.number').allTextContents()).toEqual(['2', '1', '·']);
    await row.getByText('which').click();
    expect((await row.getByRole('listitem').allTextContents()).map((text) => text.split(' ')[0])).toEqual([
      'holds',
      'holds',
      'fails',
    ]);
    expect(await window.axe()).toEqual([]);
    store.deleteRuns(judged);
    window.bench.workbench.changes.note(null);
  });

  it('draws every point of a numeric setting at its value', async () => {
    await window.go(`#/compare/${runs.join(',')}`);
    const points = await pointsOf(/against learning rate$/);
    const places = new Map<number, Set<number>>();
    for (const { x, at } of points) {
      const value = Number(/[\d.]+$/.exec(x)![0]);
      places.set(value, (places.get(value) ?? new Set()).add(Math.round(10 * at) / 10));
    }
    expect([...places.keys()].sort()).toEqual([0.1, 0.2, 0.4]);
    // Both batch sizes at one rate stand one above the other, and the rates at their distances.
    expect([...places.values()].map(({ size }) => size)).toEqual([1, 1, 1]);
    const [a, b, c] = [0.1, 0.2, 0.4].map((value) => [...places.get(value)!][0]);
    expect((b - a) / (c - a)).toBeCloseTo(1 / 3, 2);
    expect(points).toHaveLength(6);
    expect(window.errors).toEqual([]);
  });

  it('has its exponents, and those of its tables, at the one cutoff that is chosen, and says so', async () => {
    const { page, bench } = window;
    await window.go(`#/compare/${runs.join(',')}`);
    const results = page.getByRole('region', { name: 'Results' });
    await results.scrollIntoViewIfNeeded();
    const said = page.getByTestId('results-cutoff');
    await said.waitFor();
    expect(await said.innerText()).toBe('γ at the cutoff 10⁻²');
    await page.getByRole('combobox', { name: /^Cutoff/ }).selectOption('0.0001');
    await until(async () => (await said.innerText()) === 'γ at the cutoff 10⁻⁴, not the default', 'the cutoff');
    const measured = await bench.request('measurements.list', { runs: [runs[0]], parameter: 'fc2.kernel' });
    const { gamma } = measured.at(-1)!.summary!;
    const { ols, interval } = gamma.training_set.find(({ cutoff }) => cutoff === 1e-4)!.gamma;
    await results
      .getByRole('row', { name: /^learning rate 0\.1, batch 20/ })
      .getByRole('cell', { name: withUncertainty(ols!, (interval!.ols![1] - interval!.ols![0]) / 2), exact: true })
      .waitFor();
    // The table that leaves the window states the cutoff of its slopes, row by row.
    const download = page.waitForEvent('download');
    await page.getByRole('button', { name: 'Save CSV of results' }).click();
    const [head, ...lines] = readFileSync(await (await download).path(), 'utf8')
      .trim()
      .split(/\r?\n/);
    const names = head.split(',');
    // The name of a run holds a comma, so it is quoted.
    const cells = lines.map((line) => line.replace(/^"[^"]*"/, 'name').split(','));
    expect(cells).toHaveLength(6);
    for (const row of cells) expect(row[names.indexOf('cutoff')]).toBe('0.0001');
    expect(cells[0].map(Number)).toContain(ols);
    await page.getByRole('combobox', { name: /^Cutoff/ }).selectOption('0.01');
  });

  it('maps a sweep of two settings; a cell opens its run; curves go over epochs, smoothed', async () => {
    const { page } = window;
    await window.go(`#/compare/${runs.join(',')}`);
    const map = page.getByRole('region', { name: 'Map of the sweep' });
    await map.scrollIntoViewIfNeeded();
    await map.getByRole('link').first().waitFor();
    expect(await map.getByRole('columnheader').allTextContents()).toEqual(['batch size', '0.1', '0.2', '0.4']);
    expect(await map.getByRole('rowheader').allTextContents()).toEqual(['20', '40']);
    await page.getByLabel('Result on the map').selectOption('loss');
    expect(await map.getByRole('link').count()).toBe(6);
    await page.getByLabel('Steps, epochs or time').selectOption('epoch');
    await page.getByLabel('Smoothing').selectOption('5');
    await page.getByRole('img', { name: /by epoch$/ }).waitFor();
    expect(await window.axe()).toEqual([]);
    await page.getByLabel('Steps, epochs or time').selectOption('time');
    await page.getByRole('img', { name: /by time$/ }).waitFor();
    await until(
      () => page.evaluate<boolean>(`Number(document.querySelector('[data-painted]').dataset.painted) === 6`),
      'a curve of each run over its training time',
    );
    // As recorded, no mean speed.
    expect(await page.getByTestId('mean-speed').count()).toBe(0);
    await page.getByLabel('Steps, epochs or time').selectOption('step');
    await map.getByRole('link').first().click();
    await page.getByRole('heading', { name: 'tiny, learning rate 0.1, batch 20' }).waitFor();
    expect(window.errors).toEqual([]);
  });

  it('shows a sweep of more settings as parallel coordinates, by gamma and by loss; a line opens its run', async () => {
    const { page } = window;
    await window.go(`#/compare/${[...runs, ...others].join(',')}`);
    const figure = page.getByRole('region', { name: 'All settings of the sweep' });
    await figure.scrollIntoViewIfNeeded();
    await figure.getByRole('link').first().waitFor();
    expect(await figure.getByRole('link').count()).toBe(8);
    const names = await figure.locator('.names span').allTextContents();
    expect(names.slice(-2)).toEqual(['γ', 'loss']);
    expect(names).toEqual(expect.arrayContaining(['learning rate', 'batch size', 'momentum']));
    const line = figure.getByRole('link', { name: /^tiny, learning rate 0\.2, batch 40: γ .*, loss / });
    const colour = (): Promise<string | null> => line.locator('polyline').last().getAttribute('style');
    const before = await colour();
    await page.getByLabel('Result on the map').selectOption('loss');
    expect(await colour()).not.toBe(before);
    expect(await window.axe()).toEqual([]);
    await line.focus();
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'tiny, learning rate 0.2, batch 40' }).waitFor();
    await window.bench.request('runs.delete', { ids: [...others] });
  });

  it('keeps views under names: saved, opened after a restart, deleted and brought back', async () => {
    const { page } = window;
    const [first, second] = runs;
    await window.go(`#/compare/${first},${second}`);
    await page.getByLabel('Slope').selectOption('gamma_Q');
    await page.getByLabel('Series').selectOption('accuracy');
    await page.getByRole('button', { name: 'Views' }).click();
    await page.getByRole('menuitem', { name: /^Save this view/ }).click();
    await page.getByRole('dialog').getByLabel('Name').fill('two rates');
    await page.keyboard.press('Enter');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    await page.getByLabel('Slope').selectOption('gamma');
    await page.waitForTimeout(600);
    await window.restart();
    await window.go('#/compare');
    await page.getByRole('list', { name: 'Saved views' }).getByRole('button', { name: 'two rates' }).click();
    await page.waitForURL((url) => url.hash === `#/compare/${first},${second}`);
    await until(async () => (await page.getByLabel('Slope').inputValue()) === 'gamma_Q', 'the slope of the view');
    expect(await page.getByLabel('Series').inputValue()).toBe('accuracy');
    await page.getByRole('button', { name: 'Views' }).click();
    await page.getByRole('menuitem', { name: 'Delete' }).click();
    await page.getByRole('menuitem', { name: 'two rates' }).last().click();
    await page.getByText('The view two rates was deleted.').waitFor();
    await page.getByRole('button', { name: 'Undo' }).click();
    await window.go('#/compare');
    await page.getByRole('button', { name: 'two rates' }).waitFor();
  });

  it('links its charts: the run and direction under the pointer, and directions that a drag has marked', async () => {
    const { page } = window;
    await window.go(`#/compare/${runs.slice(0, 2).join(',')}`);
    const chart = page.getByRole('img', { name: /^C_ii against H_ii/ });
    await chart.scrollIntoViewIfNeeded();
    await page.getByRole('img', { name: /^C_ii against Q_ii/ }).waitFor();
    const box = (await chart.boundingBox())!;
    await page.mouse.move(box.x + 70, box.y + 12);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width - 20, box.y + box.height / 2, { steps: 4 });
    await page.mouse.up();
    const marked = page.getByTestId('marked');
    await until(async () => (await marked.count()) >= 2, 'both charts to show what is marked');
    for (const path of await marked.all()) expect(await path.getAttribute('d')).toMatch(/^M/);
    const [ring] = /M[\d.]+ [\d.]+/.exec((await marked.first().getAttribute('d'))!)!;
    const [x, y] = ring.slice(1).split(' ').map(Number);
    await page.mouse.move(box.x + x + 3, box.y + y);
    await page.getByTestId('linked').locator('circle').first().waitFor();
    expect(window.errors).toEqual([]);
  });

  it('goes from the finished sweep to a figure of two panels as PDF by eight clicks, without a warning', async () => {
    const { page, bench } = window;
    if (others.length > 0) await bench.request('runs.delete', { ids: [...others] });
    await window.go('#/runs');
    await page.locator('tr[data-index="5"] td.name').waitFor();
    await page.locator('tr[data-index="6"]').waitFor({ state: 'detached' });
    let clicks = 0;
    const click = async (target: Locator, modifiers: 'Shift'[] = []): Promise<void> => {
      await target.click({ modifiers });
      clicks++;
    };
    await click(page.locator('tr[data-index="0"] [data-choose]'));
    await click(page.locator('tr[data-index="5"] td.name'), ['Shift']);
    await click(page.getByRole('button', { name: 'Compare', exact: true }));
    await click(page.getByRole('link', { name: /^Open γ.* against learning rate in the figure studio/ }));
    await click(page.getByRole('button', { name: /^Add a panel/ }));
    // Opening the list, and the entry.
    await page.getByLabel('Venue').selectOption({ label: 'PRL, one column' });
    clicks += 2;
    await page.getByText(/^86\.0 × .*2 panels/).waitFor();
    await page.getByText('Drawing …').waitFor({ state: 'detached' });
    expect(await page.getByRole('region', { name: 'Warnings of the layout' }).count()).toBe(0);
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      click(page.getByRole('button', { name: 'PDF', exact: true })),
    ]);
    expect(clicks).toBeLessThanOrEqual(8);
    expect(download.suggestedFilename()).toMatch(/\.pdf$/);
    const bytes = readFileSync(await download.path());
    const { width } = (await PDFDocument.load(bytes, { updateMetadata: false })).getPage(0).getSize();
    expect((width / 72) * 25.4).toBeCloseTo(86, 2);
    expect((await reopenFigure(bytes)).recipe?.panels?.map(({ figure }) => figure)).toEqual([
      'gamma_hyperparameter',
      'curves',
    ]);
    expect(await window.axe()).toEqual([]);
    expect(window.errors).toEqual([]);
  });
});
