/** The way of a researcher through the desktop: from an empty store to figures, in a real window. */
import { existsSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { until } from '../../main/queue/support.ts';
import { describeWhere } from '../../support/skips.ts';
import { journey } from '../journey.ts';
import type { Shell } from '../journey.ts';
import type { Desktop } from './desktop.ts';
import { Fixture } from './fixture.ts';
import { desktopAvailable } from './place.ts';

describeWhere(desktopAvailable(), 'the flow of the desktop', () => {
  const fixture = new Fixture();

  it('goes from an empty store through an example, a killed worker and a restart to measurements, a comparison, the studio and files', async () => {
    const home = fixture.place.home();
    let desktop!: Desktop;
    const open = async (): Promise<Shell> => {
      desktop = await fixture.start(home);
      return { page: desktop.page, request: (method, ...params) => desktop.request(method, ...params) };
    };
    await journey(await open(), async () => {
      // The question that is asked while a run is running, answered "Pause and Quit".
      await desktop.answerQuestions(0);
      expect(await desktop.quit()).toBe(0);
      expect(desktop.errors).toEqual([]);
      return open();
    });
    const { page } = desktop;

    // The studio: exported by the system's dialog, reopened from there.
    const { rows } = await desktop.request('runs.list', { filter: 'seed = 0 or seed = 1', limit: 5 });
    const run = rows[0].id;
    await desktop.go(`#/figures/new/C_H/${run}/fc3.kernel`);
    await page.getByRole('img', { name: /^C_ii against H_ii/ }).waitFor();
    await page.getByLabel('Name of the figure').fill('C against H');
    await page.getByRole('button', { name: 'Export …' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByRole('checkbox', { name: /^SVG/ }).check();
    const choose = dialog.getByRole('button', { name: 'Choose a folder …' });
    // Closed without a choice: nothing is written, and the choices stay.
    await desktop.answerDialogs(null);
    await choose.click();
    await until(() => choose.isEnabled(), 'the dialog to be ready again');
    expect(await dialog.getByRole('checkbox', { name: /^SVG/ }).isChecked()).toBe(true);
    await desktop.answerDialogs(home);
    await choose.click();
    await page.getByText('C-against-H.svg, C-against-H.pdf are written.').waitFor();
    expect(readFileSync(`${home}/C-against-H.svg`, 'utf8')).toContain('<svg');
    expect(readFileSync(`${home}/C-against-H.pdf`).subarray(0, 5).toString()).toBe('%PDF-');
    const name = page.getByLabel('Name of the figure');
    await name.fill('another');
    await desktop.answerDialogs(`${home}/C-against-H.pdf`);
    await page.getByRole('button', { name: 'More' }).click();
    await page.getByRole('menuitem', { name: 'Reopen a file …' }).click();
    await until(async () => (await name.inputValue()) === 'C against H', 'the figure of the file');

    // The run as one file, by the save dialog; here already, and into an empty store.
    await desktop.go(`#/run/${run}/overview`);
    await desktop.answerDialogs(`${home}/glyphs.covature`);
    await page.getByRole('button', { name: 'Export', exact: true }).click();
    await page.getByRole('menuitem', { name: 'Run as a .covature file' }).click();
    await until(() => existsSync(`${home}/glyphs.covature`), 'the file of the run');
    await desktop.choose('File', 'Open File…');
    await page.getByText('glyphs is here already.').waitFor();

    // Settings and the doctor: the engine that is in use, and each one that is not with its reason.
    await desktop.choose('File', 'Settings');
    await page.getByRole('heading', { name: 'Doctor' }).waitFor();
    await page
      .getByText(/in use$/)
      .first()
      .waitFor();
    expect(desktop.errors).toEqual([]);
    await desktop.quit();

    const other = await fixture.start(home, {
      args: [`${home}/glyphs.covature`],
      env: { COVATURE_HOME: `${home}/other` },
    });
    await other.page.getByText('glyphs was imported.').waitFor();
    const here = await other.request('runs.get', { id: run });
    expect(here).toMatchObject({ name: 'glyphs', status: 'done' });
    expect(await other.request('measurements.list', { runs: [run] })).toHaveLength(1);
  }, 300_000);
});
