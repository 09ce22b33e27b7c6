/**
 * Pictures of every screen, light and dark, at 1280x800 and 1920x1080, taken in the machine's Chromium from the real window on real services: some small
 * experiments are run first, in a store of its own. Needs `npm run build` before it and chromium on the machine.
 *
 *   node scripts/gallery-screens.ts [--out folder] [--store folder] [--only name,name]
 *
 * `--store` keeps the store, so that a second call takes the pictures alone. Default folder: figures/screens.
 */
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { chromium } from 'playwright-core';
import type { Page } from 'playwright-core';
import { Workbench } from '../src/main/contract/workbench.ts';
import { startServer } from '../src/main/web/server.ts';
import type { Arguments, Method, Result } from '../src/shared/contract/index.ts';
import { FaultError } from '../src/shared/contract/index.ts';

const executable = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(existsSync);
const sizes = [
  { width: 1280, height: 800 },
  { width: 1920, height: 1080 },
] as const;

const glyphs = {
  name: 'glyphs',
  dataset: { source: 'glyphs', train: 2000, test: 500 },
  model: {
    input: [784],
    layers: [
      { type: 'dense', name: 'fc1', units: 50, bias: false },
      { type: 'activation', function: 'relu' },
      { type: 'dense', name: 'fc2', units: 50, bias: false },
      { type: 'activation', function: 'relu' },
      { type: 'dense', name: 'fc3', units: 10, bias: false },
    ],
    loss: 'cross-entropy',
  },
  optimiser: { lr: 0.1 },
  batch_size: 50,
  epochs: 12,
  seed: 1,
  measurements: [
    { parameters: ['fc3.kernel'], when: { kind: 'log_steps', count: 7 } },
    { parameters: ['fc2.kernel'], duality: true, assumptions: true, minibatch_noise: {} },
  ],
};

const { values: options } = parseArgs({
  options: { out: { type: 'string' }, store: { type: 'string' }, only: { type: 'string' } },
});
if (executable === undefined) throw new Error('no Chromium on this machine: install it, then take the pictures');
const out = options.out ?? 'figures/screens';
mkdirSync(out, { recursive: true });
const folder = options.store ?? mkdtempSync(join(tmpdir(), 'covature-gallery-'));
const workbench = new Workbench({ storeFolder: folder, shell: 'browser', baseFolder: folder });
const server = await startServer(workbench);

async function request<M extends Method>(method: M, ...[params]: Arguments<M>): Promise<Result<M>> {
  const outcome = await workbench.request(method, params ?? {});
  if (!outcome.ok) throw FaultError.of(outcome.fault);
  return outcome.value as Result<M>;
}

async function idle(): Promise<void> {
  for (;;) {
    const { running, queued } = await request('queue.get');
    if (running + queued === 0) return;
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}

async function prepare(): Promise<void> {
  if ((await request('runs.counts', {})).total > 0) return;
  const { runs } = await request('runs.start', { experiment: glyphs, tags: ['paper'] });
  const fewer = { ...glyphs, measurements: [{ parameters: ['fc3.kernel'] }] };
  await request('runs.start', { experiment: { ...fewer, optimiser: { lr: [0.1, 0.05] }, seed: [2, 3] } });
  const wide = { ...glyphs, optimiser: { lr: 50 }, seed: 1, name: 'glyphs, rate 50', measurements: [] };
  await request('runs.start', { experiment: wide });
  await idle();
  await request('measurements.start', {
    run: runs[0],
    measurement: { parameters: ['fc1.kernel'], top: 40, samples: 1000 },
  });
  await idle();
  await request('runs.update', {
    ids: [runs[0]],
    notes: 'The one of the first figure.',
    name: 'glyphs, rate 0.1, seed 1',
  });
}

interface Shot {
  readonly name: string;
  readonly hash: string;
  /** After the screen has settled. */
  readonly then?: (page: Page) => Promise<unknown>;
}

try {
  await prepare();
  const { rows } = await request('runs.list', { status: ['done'], sort: [{ key: 'created' }] });
  const run = rows[0].id;
  const [measurement] = await request('measurements.list', { runs: [run], parameter: 'fc2.kernel' });
  const placeOf = async (parameter: string): Promise<string> => {
    const found = await request('measurements.list', { runs: [run], parameter });
    return `#/run/${run}/measurements/${found.at(-1)!.id}`;
  };
  const at = `#/run/${run}/measurements/${measurement.id}`;
  const [atProjected, atLast] = [await placeOf('fc1.kernel'), await placeOf('fc3.kernel')];
  const view = (name: string) => async (page: Page) => {
    await page.locator(`#view-${name}`).click();
    await page.waitForTimeout(900);
  };
  const shots: readonly Shot[] = [
    { name: 'runs', hash: '#/runs', then: (page) => page.locator('tr[data-index="1"]').click() },
    { name: 'overview', hash: `#/run/${run}/overview` },
    { name: 'training', hash: `#/run/${run}/training` },
    { name: 'measurements', hash: at, then: view('gamma') },
    { name: 'measurements-cutoff', hash: at, then: view('cutoff') },
    {
      name: 'measurements-direction',
      hash: at,
      then: async (page) => {
        await view('gamma')(page);
        await page.getByLabel('Direction', { exact: true }).fill('3');
        await page.getByRole('img', { name: /^Eigenvector 3/ }).waitFor({ timeout: 60_000 });
      },
    },
    { name: 'measurements-spectra', hash: at, then: view('spectra') },
    { name: 'measurements-duality', hash: at, then: view('duality') },
    { name: 'measurements-assumptions', hash: at, then: view('assumptions') },
    { name: 'measurements-minibatches', hash: at, then: view('minibatches') },
    { name: 'measurements-claims', hash: at, then: view('claims') },
    { name: 'measurements-method', hash: atProjected, then: view('method') },
    { name: 'measurements-training', hash: atLast, then: view('training') },
    {
      name: 'measure-again',
      hash: at,
      then: (page) => page.getByRole('button', { name: 'Measure …' }).click(),
    },
    {
      name: 'measurements-matrices',
      hash: at,
      then: async (page) => {
        await view('heatmaps')(page);
        await page.locator('canvas').nth(2).waitFor({ timeout: 60_000 });
      },
    },
    { name: 'configuration', hash: `#/run/${run}/configuration` },
    { name: 'log', hash: `#/run/${run}/log` },
    { name: 'new', hash: '#/new' },
    { name: 'compare', hash: `#/compare/${rows.map(({ id }) => id).join(',')}` },
    { name: 'figures', hash: '#/figures' },
    { name: 'import', hash: '#/import' },
    { name: 'data', hash: '#/data', then: (page) => page.locator('canvas').first().waitFor({ timeout: 60_000 }) },
    { name: 'settings', hash: '#/settings' },
    { name: 'palette', hash: '#/runs', then: (page) => page.keyboard.press('Control+k') },
    { name: 'keys', hash: '#/settings', then: (page) => page.keyboard.press('?') },
  ];
  const wanted = options.only?.split(',');
  const browser = await chromium.launch({
    executablePath: executable,
    args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking'],
  });
  try {
    const context = await browser.newContext({ viewport: sizes[0], deviceScaleFactor: 1, reducedMotion: 'reduce' });
    const page = await context.newPage();
    page.on('console', (message) => {
      if (message.type() === 'error') console.error(`in the window: ${message.text()}`);
    });
    page.on('pageerror', (error) => console.error(`in the window: ${error.stack ?? error.message}`));
    await page.goto(server.url);
    await page.locator('main').waitFor();
    for (const theme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme: theme });
      for (const size of sizes) {
        await page.setViewportSize(size);
        for (const { name, hash, then } of shots) {
          if (wanted !== undefined && !wanted.includes(name)) continue;
          await page.evaluate(`location.hash = ${JSON.stringify(hash)}`);
          await page.waitForTimeout(700);
          try {
            await then?.(page);
          } catch (error) {
            console.error(`${name}: ${String(error)}`);
          }
          await page.waitForTimeout(200);
          await page.screenshot({ path: join(out, `${name}-${theme}-${size.width}.png`) });
          await page.keyboard.press('Escape');
        }
      }
    }
  } finally {
    await browser.close();
  }
  console.log(`the pictures are in ${out}`);
} finally {
  await server.close();
  await workbench.close();
  if (options.store === undefined) rmSync(folder, { recursive: true, force: true });
}
