/** The figure studio as a researcher uses it: from a run to a PDF of the venue's size, and back from the file. In a real Chromium. */
import { readFileSync } from 'node:fs';
import { PDFDocument } from '@cantoo/pdf-lib';
import { unzipSync } from 'fflate';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { reopenFigure } from '../../../src/main/figures/reopen.ts';
import { describeWhere } from '../../support/skips.ts';
import { tiny, until } from '../../main/queue/support.ts';
import { OpenWindow, windowAvailable } from './support.ts';

describeWhere(windowAvailable(), 'the figure studio', () => {
  let window: OpenWindow;
  let run: string;
  let pdf: string;

  beforeAll(async () => {
    window = await OpenWindow.open();
    const { runs } = await window.bench.request('runs.start', { experiment: tiny });
    [run] = runs;
    await until(async () => (await window.bench.request('runs.get', { id: run })).status === 'done', 'the run to end');
  });
  afterAll(async () => {
    await window.close();
  });

  const size = (): Promise<string | null> =>
    window.page.getByRole('region', { name: 'Preview' }).getByRole('status').first().textContent();

  it('teaches where nothing is stored', async () => {
    await window.go('#/figures');
    await window.page.getByRole('heading', { name: 'No figures stored' }).waitFor();
    expect(await window.axe()).toEqual([]);
    await window.page.getByRole('link', { name: 'C against H', exact: true }).click();
    await window.page.getByRole('heading', { name: 'Choose a run' }).waitFor();
  });

  it('draws what is chosen, at the size of the venue, and undoes', async () => {
    const { page } = window;
    await page.getByRole('searchbox', { name: 'Search runs' }).fill('tiny');
    await page.getByRole('checkbox', { name: 'tiny' }).check();
    await page.getByRole('img', { name: /^C_ii against H_ii/ }).waitFor();
    await page.getByRole('button', { name: 'Done' }).click();
    expect(await size()).toMatch(/^82\.5 × /);
    await page.getByLabel('Venue').selectOption({ label: 'PRL, one column' });
    await until(async () => /^86\.0 × /.test((await size()) ?? ''), 'the width of PRL');
    await page.getByLabel('Name', { exact: true }).first().fill('curvature $H_{ii}$');
    await page.getByLabel('From').first().fill('nonsense');
    expect(await page.getByLabel('From').first().getAttribute('aria-invalid')).toBe('true');
    await page.getByLabel('From').first().fill('');
    expect(await window.axe()).toEqual([]);
    await page.getByRole('button', { name: 'Undo' }).click();
    await page.getByRole('button', { name: 'Undo' }).click();
    await until(async () => /^82\.5 × /.test((await size()) ?? ''), 'the first width again');
    await page.getByRole('button', { name: 'Redo' }).click();
    await until(async () => /^86\.0 × /.test((await size()) ?? ''), 'the width of PRL again');
  });

  it('sets panels side by side, and says what is wrong in words', async () => {
    const { page } = window;
    await page.getByRole('button', { name: /^Add a panel/ }).click();
    await page.getByLabel('Figure', { exact: true }).selectOption({ label: 'Exponent against the cutoff' });
    await until(async () => /2 panels/.test((await size()) ?? ''), 'two panels');
    await page.getByLabel('Height, mm').fill('8');
    await page
      .getByRole('region', { name: 'Preview' })
      .getByText(/leaves no room for its 2 panels/)
      .first()
      .waitFor();
    await page.getByLabel('Height, mm').fill('');
    expect(await window.axe()).toEqual([]);
  });

  it('has every control inside of the window at the width that a zoom of 150 % leaves, in dialogs too', async () => {
    const { page } = window;
    const before = page.viewportSize()!;
    const small = { width: 853, height: 533 };
    await page.setViewportSize(small);
    /** What of a place cannot be pressed: outside of the window, or under something else. */
    const outOfReach = (place: string): Promise<string[]> =>
      page.evaluate<string[]>(`[...document.querySelectorAll(${JSON.stringify(place)})]
        .filter((control) => {
          const { left, right, top, bottom } = control.getBoundingClientRect();
          const hit = document.elementFromPoint((left + right) / 2, (top + bottom) / 2);
          const inside = left >= 0 && top >= 0 && right <= innerWidth && bottom <= innerHeight;
          return !inside || hit === null || !(control.contains(hit) || hit.contains(control));
        })
        .map((control) => control.textContent || control.getAttribute('aria-label'))`);
    // What the program says meanwhile covers none of it, however much there is.
    const { bus } = window.bench.workbench;
    bus.emit('notice', { level: 'info', text: 'Finished: tiny', run });
    const failed = `Failed: tiny. ${'The reason takes several lines. '.repeat(5)}`;
    for (const text of [`Job: ${failed}`, failed]) bus.emit('notice', { level: 'error', text, run });
    await page.getByText(/Failed: tiny/).waitFor();
    expect(await page.locator('.message.bad').count()).toBe(1);
    const controls = '.studio > header :is(button, a, input), section footer label, .frame > footer > :is(button, a)';
    await expect.poll(() => outOfReach(controls), { timeout: 20_000 }).toEqual([]);
    await page.getByRole('button', { name: 'Export …' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Export', exact: true }).waitFor();
    await expect.poll(() => outOfReach('dialog > :is(header, footer) button')).toEqual([]);
    expect(await window.axe()).toEqual([]);
    await page.keyboard.press('Escape');
    await page.locator('.message.bad').getByRole('button', { name: 'Dismiss' }).click();
    await page.setViewportSize(before);
  });

  it('stores it, exports a PDF of the exact width, and opens that file again', async () => {
    const { page } = window;
    await page.getByLabel('Name of the figure').fill('Figure 2');
    await page.keyboard.press('Control+s');
    await page.getByText('Figure 2 is stored.').waitFor();
    await page.getByRole('button', { name: 'Export …' }).click();
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('dialog').getByRole('button', { name: 'Export', exact: true }).click(),
    ]);
    expect(download.suggestedFilename()).toBe('Figure-2.pdf');
    pdf = await download.path();
    const bytes = readFileSync(pdf);
    const document = await PDFDocument.load(bytes, { updateMetadata: false });
    expect(document.getPageCount()).toBe(1);
    expect((document.getPage(0).getSize().width / 72) * 25.4).toBeCloseTo(86, 2);
    const { recipe } = await reopenFigure(bytes);
    expect(recipe?.panels?.map(({ figure }) => figure)).toEqual(['C_H', 'gamma_cutoff']);
    await window.go('#/figures');
    await page.getByRole('list', { name: 'Stored figures' }).getByRole('link', { name: 'Figure 2' }).waitFor();
    await page.locator('img').waitFor();
    expect(await window.axe()).toEqual([]);
    const [chooser] = await Promise.all([
      page.waitForEvent('filechooser'),
      page.getByRole('button', { name: 'Reopen a file …' }).click(),
    ]);
    await chooser.setFiles({ name: 'paper.pdf', mimeType: 'application/pdf', buffer: bytes });
    await until(async () => /^86\.0 × .*2 panels/.test((await size()) ?? ''), 'the figure of the file');
  });

  it('applies a stored recipe to another run, and exports stored figures in a batch', async () => {
    const { page } = window;
    const { runs } = await window.bench.request('runs.start', { experiment: { ...tiny, name: 'other', seed: 2 } });
    await until(
      async () => (await window.bench.request('runs.get', { id: runs[0] })).status === 'done',
      'the other run to end',
    );
    await window.go('#/figures');
    const stored = page.getByRole('list', { name: 'Stored figures' });
    await stored.getByRole('link', { name: 'Figure 2' }).click();
    await page.getByRole('button', { name: /^Leave out tiny/ }).waitFor();
    await page.getByRole('searchbox', { name: /runs/ }).fill('other');
    await page.getByRole('checkbox', { name: /other/ }).check();
    await page.getByRole('button', { name: 'Done' }).click();
    await page.getByRole('button', { name: /^Leave out tiny/ }).click();
    await page.getByRole('button', { name: /^Leave out tiny/ }).waitFor({ state: 'detached' });
    await page.getByLabel('Name of the figure').fill('Figure 3');
    await page.getByRole('button', { name: 'More' }).click();
    await page.getByRole('menuitem', { name: 'Store as a copy' }).click();
    await page.getByText('Figure 3 is stored.').waitFor();
    await window.go('#/figures');
    await stored.getByRole('link', { name: 'Figure 3' }).waitFor();
    await page.getByRole('button', { name: 'Choose all' }).click();
    await page.getByRole('button', { name: 'Export 2 figures …' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByRole('checkbox', { name: /^CSV/ }).check();
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      dialog.getByRole('button', { name: 'Export', exact: true }).click(),
    ]);
    expect(download.suggestedFilename()).toBe('figures.zip');
    const files = unzipSync(readFileSync(await download.path()));
    expect(Object.keys(files).sort()).toEqual(['Figure-2.csv', 'Figure-2.pdf', 'Figure-3.csv', 'Figure-3.pdf']);
    const { recipe } = await reopenFigure(Buffer.from(files['Figure-3.pdf']));
    expect(recipe?.panels?.map(({ figure }) => figure)).toEqual(['C_H', 'gamma_cutoff']);
    expect(Buffer.from(files['Figure-3.csv']).equals(Buffer.from(files['Figure-2.csv']))).toBe(false);
    await page.getByRole('button', { name: 'Put Figure 3 into the bin' }).click();
  });

  it('keeps what was changed just before the studio is left', async () => {
    const { page } = window;
    await window.go('#/figures/new');
    await page.getByLabel('Name of the figure').fill('Figure 5');
    await window.go('#/figures');
    await page.getByRole('heading', { name: 'Figures' }).waitFor();
    await window.go('#/figures/new');
    await expect.poll(() => page.getByLabel('Name of the figure').inputValue()).toBe('Figure 5');
  });

  it('says so where the browser refuses the clipboard', async () => {
    const { page } = window;
    await page.evaluate("navigator.clipboard.writeText = () => Promise.reject(new Error('refused'))");
    await page.getByRole('button', { name: 'Copy' }).click();
    await page.getByRole('menuitem', { name: /includegraphics/ }).click();
    await page.getByText('The browser did not allow it to be copied.').waitFor();
    expect(await page.getByText(/is on the clipboard/).count()).toBe(0);
    await page.locator('.message.bad').getByRole('button', { name: 'Dismiss' }).click();
  });

  it('draws each stored figure once, and gives every picture back', async () => {
    const { page } = window;
    const [{ recipe }] = await window.bench.request('figures.list');
    const names = ['Figure 6', 'Figure 7', 'Figure 8'];
    const added = [];
    for (const name of names) added.push(await window.bench.request('figures.save', { name, recipe }));
    await window.go('#/runs');
    await page.evaluate(`{
      const { createObjectURL, revokeObjectURL } = URL;
      globalThis.pictures = { made: 0, live: new Set() };
      URL.createObjectURL = (blob) => {
        const address = createObjectURL.call(URL, blob);
        pictures.made++;
        pictures.live.add(address);
        return address;
      };
      URL.revokeObjectURL = (address) => {
        pictures.live.delete(address);
        revokeObjectURL.call(URL, address);
      };
    }`);
    await window.go('#/figures');
    await expect.poll(() => page.locator('.picture img').count()).toBe(4);
    expect(await page.evaluate('pictures.made')).toBe(4);
    await window.go('#/runs');
    await page.getByRole('heading', { name: 'Figures' }).waitFor({ state: 'detached' });
    await expect.poll(() => page.evaluate('pictures.live.size')).toBe(0);
    for (const { id } of added) await window.bench.request('figures.delete', { id });
  });

  it('opens what an address names, in dark too, and takes a figure out of the bin', async () => {
    const { page } = window;
    await page.emulateMedia({ colorScheme: 'dark' });
    await window.go(`#/figures/new/gamma_cutoff/${run}/fc2.kernel`);
    await page.getByRole('img', { name: /^gamma and gamma_Q of fc2.kernel/ }).waitFor();
    expect(await window.axe()).toEqual([]);
    await window.go('#/figures');
    await page.getByRole('button', { name: 'Put Figure 2 into the bin' }).click();
    await page.getByRole('heading', { name: 'No figures stored' }).waitFor();
    await page.keyboard.press('Control+z');
    await page.getByRole('link', { name: 'Figure 2' }).waitFor();
    expect(window.errors).toEqual([]);
  });
});
