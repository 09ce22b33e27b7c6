/** Projects, groups, columns and comparison as a researcher uses them, on runs with made-up results. In a real Chromium, on the real services. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { describeWhere } from '../../support/skips.ts';
import { until } from '../../main/queue/support.ts';
import { OpenWindow, windowAvailable } from './support.ts';

describeWhere(windowAvailable(), 'the table of runs', () => {
  let window: OpenWindow;
  /** Runs of the first setup. */
  const firstRuns: string[] = [];
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
          if (lr === 0.1) firstRuns.push(id);
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
    await settings.getByRole('rowheader', { name: 'learning rate' }).waitFor();
    expect(await settings.getByRole('row').count()).toBe(3);
    await page.getByText('Data as a table').first().click();
    await page.getByText('150 rows').waitFor();
    // A setup that still trains: its mean goes on in its place.
    const { store, bus } = window.bench.workbench;
    for (const run of firstRuns) {
      const steps = Float64Array.from({ length: 10 }, (_, i) => i + 51);
      const series = { loss: { steps, values: steps.map((step) => 1 / step) } };
      store.appendMetrics(run, 1, series);
      bus.emit('series.appended', { run, revision: 0, batch: 1, step: 60, series });
    }
    await page.getByText('160 rows').waitFor();
    await page.getByLabel('only those that differ').uncheck();
    await settings.getByRole('rowheader', { name: 'loss function' }).waitFor();
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

  it('moves and widens a column with the mouse, and stands where it stood after a restart', async () => {
    const { page } = window;
    const { store, changes } = window.bench.workbench;
    store.transaction(() => {
      for (let k = 0; k < 120; k++) {
        const name = `many ${k}`;
        store.createRun({ name, experiment: { name, optimiser: { lr: 1 + k } }, status: 'done' });
      }
    });
    changes.note(null);
    const table = page.getByRole('treegrid', { name: 'Runs' });
    await until(async () => Number(await table.getAttribute('aria-rowcount')) > 120, 'the new runs');
    const heads = async (): Promise<string[]> =>
      (await page.locator('thead th').allTextContents()).slice(1).map((text) => text.trim());
    /** Of a head, in the middle. */
    const middle = async (n: number): Promise<{ x: number; y: number }> => {
      const box = (await page.locator('thead th').nth(n).boundingBox())!;
      return { x: box.x + box.width / 2, y: box.y + 10 };
    };
    // A column for what this run has comes in by itself, in the middle of the drag: the answer waits until then.
    store.createRun({
      name: 'late',
      experiment: { name: 'late', optimiser: { lr: 1, momentum: 0.5 } },
      status: 'done',
    });
    let asked = false;
    const answers: (() => void)[] = [];
    await page.routeWebSocket(/\/contract/, (route) => {
      const server = route.connectToServer();
      route.onMessage((message) => {
        asked ||= String(message).includes('runs.varied');
        server.send(message);
      });
      server.onMessage((message) => {
        if (asked) answers.push(() => route.send(message));
        else route.send(message);
      });
    });
    await page.reload();
    await until(() => asked, 'the window to ask in what the runs differ');
    const [from, to] = [await middle(3), await middle(2)];
    await page.mouse.move(from.x, from.y);
    await page.mouse.down();
    await page.mouse.move(from.x - 12, from.y, { steps: 3 });
    // What is dragged over stays where it is.
    const before = await heads();
    const boxes = async (): Promise<unknown> => Promise.all((await page.locator('thead th').all()).map((th) => th.boundingBox())); // prettier-ignore
    const stand = await boxes();
    await until(() => answers.length > 0, 'the answer');
    asked = false;
    for (const answer of answers.splice(0)) answer();
    await page.waitForTimeout(500);
    expect(await heads()).toEqual(before);
    expect(await boxes()).toEqual(stand);
    await page.mouse.move(to.x - 20, to.y, { steps: 3 });
    await page.mouse.up();
    const moved = [before[2], before[1]];
    const order = async (): Promise<string[]> => (await heads()).filter((head) => moved.includes(head));
    expect(await order()).toEqual(moved);
    await page.getByRole('columnheader', { name: /momentum/i }).waitFor();
    const head = page.locator('thead th').nth(1);
    const edge = (await head.locator('.edge').boundingBox())!;
    await page.mouse.move(edge.x + edge.width / 2, edge.y + 8);
    await page.mouse.down();
    const box = (await head.boundingBox())!;
    await page.mouse.move(edge.x + edge.width / 2 + 40, edge.y + 8, { steps: 4 });
    await page.mouse.up();
    expect((await head.boundingBox())!.width).toBeCloseTo(box.width + 40, 0);
    await page.locator('tr[data-index="3"]').hover();
    await page.mouse.wheel(0, 1400);
    const top = (): Promise<number> =>
      page.evaluate<number>('document.querySelector("[role=treegrid]").parentElement.scrollTop');
    await until(async () => (await top()) > 1000, 'the table to scroll');
    const kept = (): unknown => (store.getSetting('state:runs.position') as { readonly scroll: number }).scroll;
    await until(async () => kept() === (await top()), 'the place to be kept');
    const stood = await top();
    await window.restart();
    await page.locator('tr[data-index]').first().waitFor();
    await until(async () => Math.abs((await top()) - stood) <= 1, `the table to stand at ${stood} again`);
    expect(await order()).toEqual(moved);
  });
});
