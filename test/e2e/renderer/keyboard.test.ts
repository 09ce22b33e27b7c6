/** Nothing is for the pointer alone: on every screen all that can be pressed, chosen or filled in is reached by the keyboard, and stands in the command palette. */
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { describeWhere } from '../../support/skips.ts';
import { endless, tiny, until } from '../../main/queue/support.ts';
import { OpenWindow, windowAvailable } from './support.ts';

/** For the page: what can be operated and is on show, outside closed pop-overs. */
const operable = `[...document.querySelectorAll('button, a[href], summary, input, select, textarea, [role="tab"], [role="slider"], [tabindex]')]
  .filter((one) => !one.matches(':disabled, [tabindex="-1"]:not([role="tab"], th button)') && one.checkVisibility({ visibilityProperty: true })
    && (one.closest('details:not([open])') === null || one.closest('summary') !== null))`;

/** Marks whatever has had the focus since. */
const watch = `globalThis.reached = new Set(); document.addEventListener('focusin', ({ target }) => globalThis.reached.add(target));`;

const missing = `${operable}.filter((one) => !globalThis.reached.has(one)
    // Radio buttons of one name are one stop; the arrow keys go through them.
    && !(one.type === 'radio' && [...globalThis.reached].some((other) => other.type === 'radio' && other.name === one.name)))
  .map((one) => one.outerHTML.slice(0, 200))`;

describeWhere(windowAvailable(), 'the keyboard', () => {
  let window: OpenWindow;
  let runs: readonly string[];
  let measurement: string;

  beforeAll(async () => {
    window = await OpenWindow.open();
    const { bench } = window;
    ({ runs } = await bench.request('runs.start', {
      experiment: { ...tiny, seed: [1, 2], measurements: [{ parameters: ['*.kernel'] }] },
      tags: ['paper'],
    }));
    await bench.request('projects.create', { name: 'Paper' });
    await until(
      async () => (await bench.request('runs.counts', { status: ['done'] })).total === 2,
      'the runs to be done',
      120_000,
    );
    [{ id: measurement }] = await bench.request('measurements.list', { runs: [runs[0]] });
    await bench
      .request('figures.save', {
        name: 'one',
        recipe: { panels: [{ figure: 'C_H', runs: [runs[0]], parameter: 'fc2.kernel' }] },
      })
      .catch(() => undefined);
  }, 180_000);
  afterAll(async () => {
    await window.close();
  });

  afterEach(async () => {
    for (let i = 0; i < 2; i++) await window.page.keyboard.press('Escape');
  });

  /** Goes once round by Tab; within rows of tabs and of column names by the arrow keys. Answers what was not reached. */
  async function unreached(): Promise<string[]> {
    const { page } = window;
    await page.evaluate(`document.activeElement?.blur(); ${watch}`);
    await round();
    // What opened when a field had the focus, and came when the focus was elsewhere already.
    if ((await page.evaluate<string[]>(missing)).length > 0) await round();
    return page.evaluate<string[]>(missing);
  }

  async function round(): Promise<void> {
    const { page } = window;
    // After the last stop comes the browser's own, which the page sees as its body.
    for (let stop = 0; stop < 250; stop++) {
      await page.keyboard.press('Tab');
      if (stop > 5 && (await page.evaluate<boolean>('document.activeElement === document.body'))) break;
      const row = await page.evaluate<number>(`(() => {
        const at = document.activeElement;
        const list = at?.closest('[role="tablist"]')?.querySelectorAll('[role="tab"]') ?? at?.closest('thead tr')?.querySelectorAll('th button');
        return list === undefined || globalThis.gone?.has(list[0]) ? 0 : ((globalThis.gone ??= new WeakSet()).add(list[0]), list.length);
      })()`);
      for (let i = 0; i < row; i++) await page.keyboard.press('ArrowRight');
      for (let i = 0; i < row && (await page.evaluate(`document.activeElement?.closest('th') !== null`)); i++)
        await page.keyboard.press('ArrowLeft');
    }
  }

  it('reaches all that can be operated on every screen', async () => {
    const { page } = window;
    for (const hash of [
      '#/runs',
      '#/runs/bin',
      '#/new',
      `#/compare/${runs.join(',')}`,
      '#/compare',
      '#/figures',
      `#/figures/new/C_H/${runs[0]}/fc2.kernel`,
      '#/data',
      '#/import',
      '#/settings',
      `#/run/${runs[0]}/overview`,
      `#/run/${runs[0]}/training`,
      `#/run/${runs[0]}/measurements/${measurement}`,
      `#/run/${runs[0]}/configuration`,
      `#/run/${runs[0]}/log`,
    ]) {
      await window.go(hash);
      await page.waitForTimeout(800);
      // What exports waits for the drawing.
      if (hash.startsWith('#/figures/new')) await page.locator('main img').first().waitFor();
      expect(await unreached(), hash).toEqual([]);
    }
  });

  it('has every one of them in the command palette', async () => {
    const { page } = window;
    const palette = page.getByRole('combobox', { name: 'Find a run or command' });
    const offers = async (hash: string, words: readonly string[]): Promise<void> => {
      await window.go(hash);
      await page.waitForTimeout(500);
      await page.keyboard.press('Control+k');
      for (const word of words) {
        await palette.fill(word);
        await page
          .getByRole('option', { name: word })
          .first()
          .waitFor({ timeout: 20_000 })
          .catch(() => {
            throw new Error(`${hash}: the palette has no "${word}"`);
          });
      }
      await page.keyboard.press('Escape');
    };
    const everywhere = [
      ...['Go to runs', 'Go to compare', 'Go to figures', 'Go to data', 'Go to settings', 'New experiment', 'Undo'],
      ...['Theme: light', 'Theme: dark', 'Theme: as the system', 'Zoom: larger', 'Zoom: smaller', 'Zoom: 100 %'],
      ...['Back up the store', 'Open a .covature file', 'Find runs', 'Keyboard map', 'Show the bin', 'Hold the queue'],
    ];
    await offers('#/settings', [...everywhere, 'Look again', 'Test the speed', 'Check', 'Go to: Jobs at once']);
    await offers('#/runs', [
      ...['Compare the run', 'Tags of the run …', 'Archive the run', 'Delete the run', 'Export the run: table as CSV'],
      ...['Pause: the run', 'Resume: the run', 'Cancel: the run', 'Retry from the first step: the run'],
      ...[
        'Run before all others that wait: the run',
        'Move the run to Paper',
        'New project',
        'Select all runs that match',
      ],
      ...['Group runs: seeds of one setup as one', 'Columns', 'Filter runs'],
    ]);
    await offers(`#/run/${runs[0]}/overview`, [
      ...[
        'Measure again, at any checkpoint …',
        'Show training of this run',
        'Clone this run with changes',
        'Delete this run',
      ],
      ...[
        'Export: Run as a .covature file',
        'Export: Report as PDF',
        'Compare this run',
        'Show log of this run',
        'Show measurements of this run',
      ],
    ]);
    await offers(`#/run/${runs[0]}/measurements/${measurement}`, [
      'Matrices',
      'Claims',
      'Go to: Cutoff',
      'Cross-fitted',
    ]);
    await offers(`#/compare/${runs.join(',')}`, [
      ...['Show every seed as a run', 'Hide all runs in charts', 'Show all settings in the table', 'Save CSV'],
    ]);
    await offers('#/new', ['Start', 'Go to: Example', 'Go to: Learning rate', 'Hidden layer']);
    await offers('#/data', ['Add', 'Go to: Add your own', 'MNIST']);
    // One of those that are not commands of their own does what its button does.
    await window.go(`#/run/${runs[0]}/measurements/${measurement}`);
    await page.waitForTimeout(500);
    await page.keyboard.press('Control+k');
    await palette.fill('Claims');
    await page.getByRole('option', { name: 'Claims' }).first().waitFor();
    await page.keyboard.press('Enter');
    await page
      .getByTestId('claim-proportional')
      .or(page.locator('#view-claims[aria-selected="true"]'))
      .first()
      .waitFor();
  });

  it('moves a run to a project, a column to another place, and a job before others', async () => {
    const { page, bench } = window;
    await window.go('#/runs');
    await page.locator('tr[data-index="1"]').waitFor();
    await page.getByRole('grid', { name: 'Runs' }).focus();
    await page.keyboard.press('Home');
    await page.keyboard.press('m');
    await page.getByRole('menuitem', { name: 'Paper' }).waitFor();
    await page.keyboard.type('Paper');
    await page.keyboard.press('Enter');
    await page.getByText('1 run moved to Paper.').waitFor();
    expect((await bench.request('projects.list'))[0].runs).toBe(1);
    await page.keyboard.press('Control+z');
    await until(async () => (await bench.request('projects.list'))[0].runs === 0, 'the move to be undone');

    const names = (): Promise<string[]> => page.locator('thead th button').allTextContents();
    const [, second, third] = await names();
    await page.getByRole('button', { name: third, exact: true }).focus();
    await page.keyboard.press('Alt+ArrowLeft');
    await until(async () => (await names())[1] === third, 'the column to move');
    await page.keyboard.press('Alt+ArrowRight');
    await until(async () => (await names())[1] === second, 'the column to move back');

    // Two that wait: the later one is put first, the limit is raised, and both are ended, from the list of jobs.
    const started = await bench.request('runs.start', { experiment: { ...endless, seed: [1, 2, 3] } });
    await until(async () => (await bench.request('queue.get')).running > 0, 'one to run');
    await page.locator('footer button').first().focus();
    await page.keyboard.press('Enter');
    const last = started.runs[2];
    const waiting = page.getByRole('button', { name: /before all others that wait/ });
    await until(async () => (await waiting.count()) === 2, 'the two that wait to be listed');
    const { name } = await bench.request('runs.get', { id: last });
    await page.getByRole('button', { name: `Run ${name} before all others that wait` }).press('Enter');
    await until(async () => (await bench.request('runs.get', { id: last })).priority === 1, 'its priority');
    await page.getByLabel('at once, at most').fill('2');
    await page.getByLabel('at once, at most').press('Tab');
    await until(async () => (await bench.request('runs.get', { id: last })).status === 'running', 'it to run');
    expect((await bench.request('runs.get', { id: started.runs[1] })).status).toBe('queued');
    await page.keyboard.press('Escape');
    await bench.request('runs.cancel', { ids: [...started.runs] });
  });

  it('lists its own map, and zooms', async () => {
    const { page, bench } = window;
    await window.go('#/runs');
    await page.locator('tr[data-index="0"]').waitFor();
    await page.keyboard.press('?');
    const map = page.getByRole('dialog', { name: 'Keyboard map' });
    for (const words of ['Command palette', 'Zoom: larger', 'move to a project', 'move by a decade'])
      await map.getByText(words, { exact: true }).waitFor();
    await page.keyboard.press('Escape');
    const row = page.locator('tr[data-index="0"]');
    const before = (await row.boundingBox())!.height;
    for (let i = 0; i < 3; i++) await page.keyboard.press('Control+=');
    await until(async () => (await bench.request('settings.get')).zoom === 1.5, 'the setting');
    await until(async () => Math.abs((await row.boundingBox())!.height - 1.5 * before) < 1, 'the page to follow');
    const wide = await page.evaluate('document.documentElement.scrollWidth > document.documentElement.clientWidth');
    expect(wide).toBe(false);
    // A menu opens where its line is, whatever the zoom.
    await page.getByRole('grid', { name: 'Runs' }).focus();
    await page.keyboard.press('Home');
    await page.keyboard.press('Shift+F10');
    const menu = (await page.getByRole('menu').boundingBox())!;
    const line = (await row.boundingBox())!;
    expect(Math.abs(menu.y - (line.y + line.height))).toBeLessThan(12);
    await page.keyboard.press('Escape');
    // The cutoff goes to where the pointer is.
    await window.go(`#/run/${runs[0]}/measurements/${measurement}`);
    await page.locator('#view-gamma').click();
    const handle = page.getByRole('slider', { name: 'Cutoff' });
    await handle.focus();
    await page.keyboard.press('Home');
    const grip = (await handle.boundingBox())!;
    const plot = (await page.getByRole('img', { name: /^C_ii against H_ii/ }).boundingBox())!;
    const to = plot.x + 0.7 * plot.width;
    await page.mouse.move(grip.x + grip.width / 2, grip.y + grip.height / 2);
    // With Shift it does not keep to decades.
    await page.keyboard.down('Shift');
    await page.mouse.down();
    await page.mouse.move(to, grip.y + grip.height / 2, { steps: 5 });
    await page.mouse.up();
    await page.keyboard.up('Shift');
    const after = (await handle.boundingBox())!;
    expect(Math.abs(after.x + after.width / 2 - to)).toBeLessThan(30);
    await page.keyboard.press('Control+0');
    await until(async () => (await bench.request('settings.get')).zoom === 1, 'the zoom to be taken back');
  });
});
