/** A sweep laid side by side: what differs is the axis and the name, and every point stands at its value. In a real Chromium. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { describeWhere } from '../../support/skips.ts';
import { tiny, until } from '../../main/queue/support.ts';
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
    await window.bench.request('runs.delete', { ids: [...added.runs] });
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
    await page.getByLabel('Steps or epochs').selectOption('epoch');
    await page.getByLabel('Smoothing').selectOption('5');
    await page.getByRole('img', { name: /by epoch$/ }).waitFor();
    expect(await window.axe()).toEqual([]);
    await map.getByRole('link').first().click();
    await page.getByRole('heading', { name: 'tiny, learning rate 0.1, batch 20' }).waitFor();
    expect(window.errors).toEqual([]);
  });
});
