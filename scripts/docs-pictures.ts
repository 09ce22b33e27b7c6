/**
 * The pictures of README and docs, from the current build: trains and measures the quick example in a temporary store, draws its figure and takes pictures of the window
 * in the machine's Chromium. Run `npm run build` first; needs Chromium on the machine.
 *
 *   node scripts/docs-pictures.ts [--out docs/images]
 *
 * The figure of docs/reproduce.md is made by the study that it shows: `npm run --silent covature -- reproduce --study quick`.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { openWorkbench } from '../src/main/contract/open-workbench.ts';
import { startServer } from '../src/main/web/server.ts';
import { launchChromium } from './chromium.ts';
import { idle, requestOf } from './gallery-store.ts';

const { values: options } = parseArgs({ options: { out: { type: 'string', default: 'docs/images' } } });
mkdirSync(options.out, { recursive: true });
const patience = 600_000;

const folder = mkdtempSync(join(tmpdir(), 'covature-docs-'));
const workbench = openWorkbench({ storeFolder: folder, shell: 'browser', baseFolder: folder });
const server = await startServer(workbench);
const browser = await launchChromium();
try {
  const request = requestOf(workbench);
  const example = (await request('experiments.examples')).find(({ id }) => id === 'glyphs-mlp');
  if (example === undefined) throw new Error('the quick example was not found');
  const {
    runs: [run],
  } = await request('runs.start', { experiment: example.experiment });
  await idle(request);
  const parameter = 'fc2.kernel';
  const [measurement] = await request('measurements.list', { runs: [run], parameter });

  const recipe = {
    format: 'covature-figure-recipe',
    version: 1,
    name: 'scatter',
    figure: 'C_H',
    sources: [{ run, parameter }],
    options: {},
  };
  const { files, warnings } = await request('figures.export', {
    figures: [{ name: 'scatter', recipe }],
    formats: ['png'],
    dpi: 300,
  });
  for (const warning of warnings) console.error(`scatter: ${warning}`);
  for (const { name, content } of files) if (content !== null) writeFileSync(join(options.out, name), content);

  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, reducedMotion: 'reduce' });
  const page = await context.newPage();
  page.setDefaultTimeout(patience);
  page.on('pageerror', (error) => console.error(`in the window: ${error.stack ?? error.message}`));
  await page.goto(server.url);
  const show = async (view: string): Promise<void> => {
    await page.evaluate(`location.hash = '#/run/${run}/measurements/${measurement.id}?view=${view}'`);
    await page.waitForTimeout(1200);
  };
  await show('gamma');
  await page.getByLabel('Direction', { exact: true }).fill('3');
  await page.getByRole('img', { name: /^Eigenvector 3/ }).waitFor();
  await page.evaluate('document.activeElement?.blur()');
  await page.waitForTimeout(500);
  await page.screenshot({ path: join(options.out, 'workbench.png') });
  await page.getByRole('button', { name: 'Close the direction' }).click();
  await page.emulateMedia({ colorScheme: 'dark' });
  await show('claims');
  await page.getByTestId('claim-C_on_Q').waitFor();
  await page.screenshot({ path: join(options.out, 'claims.png') });
  console.log(`the pictures are in ${options.out}`);
} finally {
  await browser.close();
  await server.close();
  await workbench.close();
  rmSync(folder, { recursive: true, force: true });
}
