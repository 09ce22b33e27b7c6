/**
 * The first hour of a newcomer, walked through in the machine's Chromium on an empty store: the quick example, a folder of data, a sweep of 2 x 2, a comparison, a
 * figure of two panels, an import. Takes a picture of each step in both themes, at 100 % and at 150 %, and counts clicks and seconds from the empty
 * store to gamma with its interval, and clicks from the finished sweep to the figure as PDF. Run `npm run build` first; needs Chromium on the machine.
 *
 *   node scripts/first-hour.ts [--out folder] [--data folder-of-mnist]
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Locator, Page } from 'playwright-core';
import { openWorkbench } from '../src/main/contract/open-workbench.ts';
import { startServer } from '../src/main/web/server.ts';
import { launchChromium } from './chromium.ts';
import { requestOf } from './gallery-store.ts';
import type { Request } from './gallery-store.ts';
import { writeStateDict } from './state-dict.ts';

const { values: options } = parseArgs({
  options: { out: { type: 'string', default: 'figures/first-hour' }, data: { type: 'string' } },
});
mkdirSync(options.out, { recursive: true });

/** Longer than any step of the walk takes on a slow machine. */
const patience = 900_000;
let page: Page;
let request: Request;
let clicks = 0;

async function click(target: Locator): Promise<void> {
  await target.click();
  clicks++;
}

async function go(hash: string): Promise<void> {
  await page.evaluate(`location.hash = ${JSON.stringify(hash)}`);
}

/** In both themes, at 100 % and at 150 %. */
async function picture(name: string): Promise<void> {
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme });
    for (const zoom of [1, 1.5]) {
      await request('settings.set', { zoom });
      await page.waitForTimeout(900);
      await page.screenshot({ path: join(options.out, `${name}-${colorScheme}-${100 * zoom}.png`) });
    }
  }
  await request('settings.set', { zoom: 1 });
  await page.emulateMedia({ colorScheme: 'light' });
  await page.waitForTimeout(300);
}

async function example(): Promise<void> {
  await page.getByRole('heading', { name: 'No runs yet' }).waitFor();
  await page.locator('small[data-testid="time-glyphs-mlp"]').waitFor({ timeout: patience });
  await picture('01-empty');
  const began = performance.now();
  clicks = 0;
  await click(page.getByRole('button', { name: 'New experiment' }).first());
  await page.getByText('What it will take').waitFor();
  const opened = performance.now();
  await page.getByText(/^about /).waitFor({ timeout: patience });
  await picture('02-new-experiment');
  const looked = performance.now() - opened;
  await click(page.getByRole('button', { name: 'Start', exact: true }));
  await page.getByText(/steps\/s/).waitFor({ timeout: patience });
  await click(page.getByRole('button', { name: 'See it' }));
  await page.getByTestId('card-gamma').waitFor({ timeout: patience });
  const seconds = (performance.now() - began - looked) / 1000;
  const { rows } = await request('runs.list', { limit: 1 });
  console.log(
    `from the empty store to ${(await page.getByTestId('card-gamma').textContent())?.trim()}: ${clicks} clicks, ${seconds.toFixed(1)} s, of which the run took ${rows[0].seconds.toFixed(1)} s`,
  );
  await page.getByRole('img', { name: /^C_ii against H_ii/ }).waitFor();
  await picture('03-result');
  await go(`#/run/${rows[0].id}/training`);
  await page.getByRole('img', { name: /^Loss of/ }).waitFor();
  await picture('04-training');
  await go(`#/run/${rows[0].id}/measurements`);
  await page.getByTestId('directions').waitFor();
  await picture('05-measurement');
  await page.getByRole('tab', { name: 'Theory' }).click();
  await picture('06-theory');
}

async function data(folder: string): Promise<void> {
  await go('#/data/MNIST');
  await page.getByText(/MNIST is not on this machine/).waitFor();
  await page.locator('form.folder').getByRole('button', { name: 'Choose …' }).click();
  await page.getByRole('dialog').waitFor();
  await picture('07-folders');
  await page.getByRole('dialog').getByRole('button', { name: 'Cancel' }).click();
  await page.getByLabel('Folder that holds its files').fill(folder);
  await page.getByRole('button', { name: 'Use this folder' }).click();
  await page.getByText(/training and .* test samples of/).waitFor({ timeout: patience });
  await picture('08-mnist');
}

async function sweep(): Promise<void> {
  await go('#/new/example%3Aglyphs-mlp');
  await page.getByText('What it will take').waitFor();
  for (const [label, value] of [
    ['Learning rate', '0.1, 0.05'],
    ['Batch size', '50, 100'],
    ['Epochs', '4'],
  ] as const) {
    await page.getByLabel(label, { exact: true }).fill(value);
    await page.getByLabel(label, { exact: true }).press('Tab');
  }
  await page
    .getByRole('region', { name: 'Sweep' })
    .locator('td', { hasText: /\d (s|min)/ })
    .first()
    .waitFor({ timeout: patience });
  await picture('09-sweep');
  await page.getByRole('button', { name: 'Start 4 runs' }).click();
  await page.locator('tr[data-index="3"]').waitFor();
  for (;;) {
    const { running, queued } = await request('queue.get');
    if (running + queued === 0) break;
    await page.waitForTimeout(1000);
  }
  await picture('10-runs');
}

/** Every press counts: choosing from a list counts as two. */
async function choose(list: Locator, label: string): Promise<void> {
  await list.selectOption({ label });
  clicks += 2;
}

async function compareAndDraw(): Promise<void> {
  clicks = 0;
  await click(page.locator('tr[data-index="0"] [data-choose]'));
  await page.locator('tr[data-index="3"] td.name').click({ modifiers: ['Shift'] });
  clicks++;
  await click(page.getByRole('button', { name: 'Compare', exact: true }));
  await page.getByRole('table', { name: /^Results of/ }).waitFor({ timeout: patience });
  await page.waitForTimeout(2000);
  await picture('11-compare');
  await click(page.getByRole('link', { name: /^Open γ against learning rate in the figure studio/ }));
  await page.locator('main img').first().waitFor({ timeout: patience });
  await click(page.getByRole('button', { name: /^Add a panel/ }));
  await choose(page.getByLabel('Venue'), 'PRL, one column');
  await page.getByText(/^86\.0 × .*2 panels/).waitFor({ timeout: patience });
  await picture('12-figure');
  const [download] = await Promise.all([
    page.waitForEvent('download'),
    click(page.getByRole('button', { name: 'PDF', exact: true })),
  ]);
  await download.saveAs(join(options.out, 'figure.pdf'));
  const warnings = await page.getByRole('region', { name: 'Warnings of the layout' }).getByRole('listitem').count();
  console.log(`from the finished sweep to ${download.suggestedFilename()}: ${clicks} clicks, ${warnings} warnings`);
}

async function importModel(folder: string): Promise<void> {
  const file = await writeStateDict(folder);
  await go('#/import');
  await page.getByLabel('Weights').fill(file);
  await page.getByLabel('Weights').press('Tab');
  await page.getByText(/all 6 tensors fit/).waitFor({ timeout: patience });
  await picture('13-import');
}

const store = mkdtempSync(join(tmpdir(), 'covature-first-hour-'));
const workbench = openWorkbench({ storeFolder: store, shell: 'browser', baseFolder: store });
const server = await startServer(workbench);
const browser = await launchChromium();
try {
  request = requestOf(workbench);
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, reducedMotion: 'reduce' });
  page = await context.newPage();
  page.setDefaultTimeout(patience);
  page.on('pageerror', (error) => console.error(`in the window: ${error.stack ?? error.message}`));
  await page.goto(server.url);
  await example();
  if (options.data !== undefined) await data(options.data);
  await sweep();
  await compareAndDraw();
  await importModel(store);
} finally {
  await browser.close();
  await server.close();
  await workbench.close();
  rmSync(store, { recursive: true, force: true });
}
