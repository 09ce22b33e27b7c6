/** The pictures of the gallery of screens, one per line: an address, and what is pressed there. */
import { viewGroups } from '../src/renderer/run/views.ts';
import type { Page } from 'playwright-core';
import { writeStateDict } from './state-dict.ts';
import { foreignName, longName } from './gallery-store.ts';
import type { Request } from './gallery-store.ts';

export interface Shot {
  readonly name: string;
  readonly hash: string;
  /** After the screen has settled. */
  readonly then?: (page: Page) => Promise<unknown>;
  /** Taken with an empty store. */
  readonly empty?: boolean;
  /** As it appears at a zoom of 150 %. */
  readonly zoomed?: boolean;
}

const view = (name: string) => async (page: Page) => {
  const group = viewGroups.find(({ views }) => name in views);
  await page
    .getByRole('tablist', { name: 'Groups of views' })
    .getByRole('tab', { name: group?.title ?? '', exact: true })
    .click();
  // A group with a single view has no tabs.
  if (Object.keys(group?.views ?? {}).length > 1) await page.locator(`#view-${name}`).click();
  await page.waitForTimeout(900);
};
const press =
  (name: string | RegExp, role: 'button' | 'menuitem' = 'button') =>
  (page: Page) =>
    page
      .getByRole(role, { name, exact: typeof name === 'string' })
      .first()
      .click();
const inTable = (keys: string) => async (page: Page) => {
  await page.locator('tr[data-index="1"]').click();
  for (const key of keys.split(' ')) await page.keyboard.press(key);
};
const fill = (label: string, text: string) => async (page: Page) => {
  await page.getByLabel(label, { exact: true }).first().fill(text);
  await page.waitForTimeout(900);
};
const steps =
  (...list: readonly ((page: Page) => Promise<unknown>)[]) =>
  async (page: Page) => {
    for (const step of list) await step(page);
  };

/** Starts a new experiment from an example that every machine can run. */
const example = async (page: Page) => {
  await page.getByLabel('Example').selectOption('glyphs-mlp');
  await page.waitForTimeout(1500);
};
const write = (label: string, text: string) => async (page: Page) => {
  await fill(label, text)(page);
  await page.getByLabel(label, { exact: true }).first().press('Tab');
  await page.waitForTimeout(1500);
};
const toSweep = (page: Page) =>
  page
    .getByText(/^Sweep/)
    .first()
    .scrollIntoViewIfNeeded();

const toRegion = (name: string) => async (page: Page) => {
  const region = page.getByRole('region', { name });
  await region.scrollIntoViewIfNeeded();
  await region.getByRole('link').first().waitFor();
};

/**
 * The pictures of a store that `fillGallery` filled.
 * @param files a folder for files that are imported
 */
export async function shotsOf(request: Request, files: string): Promise<readonly Shot[]> {
  const { rows } = await request('runs.list', { status: ['done'], sort: [{ key: 'created' }] });
  const idOf = (name: string): string => rows.find((row) => row.name === name)!.id;
  const run = rows[0].id;
  const all = rows.map(({ id }) => id);
  const grid = (
    await request('runs.list', { filter: 'tags = "grid"', columns: ['optimiser.momentum'], sort: [{ key: 'created' }] })
  ).rows;
  const plane = grid.filter(({ values }) => values['optimiser.momentum']?.value === 0);
  const weights = await writeStateDict(files);
  const failed = (await request('runs.list', { status: ['diverged'] })).rows[0].id;
  const placeOf = async (parameter: string): Promise<string> => {
    const found = await request('measurements.list', { runs: [run], parameter });
    return `#/run/${run}/measurements/${found.at(-1)!.id}`;
  };
  const [at, atProjected, atLast] = [
    await placeOf('fc2.kernel'),
    await placeOf('fc1.kernel'),
    await placeOf('fc3.kernel'),
  ];
  const views = [
    'gamma',
    'gamma_Q',
    'C_on_Q',
    'cutoff',
    'spectra',
    'density',
    'duality',
    'assumptions',
    'mechanism',
    'minibatches',
    'noise',
    'fluctuations',
    'claims',
  ];
  const toStability = (page: Page) => page.getByRole('img', { name: /^Learning rate times/ }).scrollIntoViewIfNeeded();
  return [
    { name: 'runs', hash: '#/runs', then: (page) => page.locator('tr[data-index="1"]').click() },
    { name: 'runs-grouped', hash: '#/runs', then: press(/^Group/) },
    { name: 'runs-columns', hash: '#/runs', then: press(/^Columns/) },
    { name: 'runs-filter', hash: '#/runs', then: fill('Filter', 'gamma.fc3 > 0.5 and lr < 0.1') },
    { name: 'runs-filter-wrong', hash: '#/runs', then: fill('Filter', 'gama.fc3 > 1') },
    { name: 'runs-filter-nothing', hash: '#/runs', then: fill('Filter', 'seed = 99') },
    {
      name: 'runs-selected',
      hash: '#/runs',
      then: steps(fill('Filter', ''), inTable('x Shift+ArrowDown Shift+ArrowDown')),
    },
    { name: 'runs-tags', hash: '#/runs', then: inTable('x t') },
    { name: 'runs-menu', hash: '#/runs', then: inTable('Shift+F10') },
    { name: 'runs-move', hash: '#/runs', then: inTable('m') },
    { name: 'runs-project', hash: '#/runs', then: press(/New project/) },
    { name: 'runs-archived', hash: '#/runs', then: inTable('a') },
    { name: 'bin', hash: '#/runs/bin' },
    { name: 'overview', hash: `#/run/${run}/overview` },
    { name: 'overview-long', hash: `#/run/${idOf(longName)}/overview` },
    { name: 'overview-foreign', hash: `#/run/${idOf(foreignName)}/overview` },
    { name: 'overview-diverged', hash: `#/run/${failed}/overview` },
    { name: 'run-gone', hash: '#/run/run-that-is-not-there/overview' },
    { name: 'export', hash: `#/run/${run}/overview`, then: press(/Export/) },
    { name: 'training', hash: `#/run/${run}/training` },
    { name: 'measurements-none', hash: `#/run/${idOf(longName)}/measurements` },
    ...views.map((name) => ({ name: `measurements-${name}`, hash: at, then: view(name) })),
    { name: 'measurements-stability', hash: at, then: steps(view('noise'), toStability) },
    {
      name: 'measurements-direction',
      hash: at,
      then: steps(view('gamma'), fill('Direction', '3'), (page) =>
        page.getByRole('img', { name: /^Eigenvector 3/ }).waitFor({ timeout: 60_000 }),
      ),
    },
    { name: 'measurements-density-none', hash: atLast, then: view('density') },
    { name: 'measurements-method', hash: atProjected, then: view('method') },
    { name: 'measurements-training', hash: atLast, then: view('training') },
    { name: 'measure-again', hash: at, then: press('Measure …') },
    {
      name: 'measurements-matrices',
      hash: at,
      then: steps(view('heatmaps'), (page) => page.locator('canvas').nth(2).waitFor({ timeout: 60_000 })),
    },
    { name: 'configuration', hash: `#/run/${run}/configuration` },
    { name: 'log', hash: `#/run/${run}/log` },
    { name: 'new', hash: '#/new', then: steps(example, (page) => page.waitForTimeout(12_000)) },
    { name: 'new-sweep', hash: '#/new', then: steps(example, write('Learning rate', '0.1, 0.05, 0.02'), toSweep) },
    { name: 'new-wrong', hash: '#/new', then: steps(example, write('Learning rate', '-1')) },
    { name: 'new-clone', hash: `#/new/${run}` },
    { name: 'compare', hash: `#/compare/${all.slice(0, 5).join(',')}` },
    { name: 'compare-many', hash: `#/compare/${all.join(',')}` },
    {
      name: 'compare-tables',
      hash: `#/compare/${all.join(',')}`,
      then: (page) => page.getByRole('table').first().scrollIntoViewIfNeeded(),
    },
    {
      name: 'compare-map',
      hash: `#/compare/${plane.map(({ id }) => id).join(',')}`,
      then: toRegion('Map of the sweep'),
    },
    {
      name: 'compare-parallel',
      hash: `#/compare/${grid.map(({ id }) => id).join(',')}`,
      then: toRegion('All settings of the sweep'),
    },
    { name: 'compare-one', hash: `#/compare/${run}` },
    { name: 'compare-none', hash: '#/compare' },
    { name: 'figures', hash: '#/figures' },
    { name: 'figures-studio', hash: `#/figures/new/C_H/${run}/fc2.kernel`, then: (page) => page.waitForTimeout(4000) },
    { name: 'import', hash: '#/import' },
    {
      name: 'import-weights',
      hash: '#/import',
      then: steps(write('Weights', weights), (page) => page.getByText(/all 6 tensors fit/).scrollIntoViewIfNeeded()),
    },
    { name: 'data', hash: '#/data', then: (page) => page.locator('canvas').first().waitFor({ timeout: 60_000 }) },
    { name: 'data-classes', hash: '#/data/Gaussian%20mixture', then: (page) => page.waitForTimeout(2500) },
    { name: 'settings', hash: '#/settings' },
    { name: 'palette', hash: '#/runs', then: (page) => page.keyboard.press('Control+k') },
    {
      name: 'palette-words',
      hash: '#/runs',
      then: steps(
        (page) => page.keyboard.press('Control+k'),
        (page) => page.keyboard.type('rate 0.1'),
      ),
    },
    { name: 'jobs', hash: '#/runs', then: (page) => page.locator('footer button').first().click() },
    { name: 'keys', hash: '#/settings', then: (page) => page.keyboard.press('?') },
    { name: 'message', hash: '#/runs', then: inTable('Delete') },
    { name: 'zoomed-runs', hash: '#/runs', zoomed: true },
    { name: 'zoomed-measurements', hash: at, zoomed: true, then: view('gamma') },
    { name: 'zoomed-new', hash: '#/new', zoomed: true },
    { name: 'zoomed-compare', hash: `#/compare/${all.slice(0, 5).join(',')}`, zoomed: true },
    { name: 'zoomed-data', hash: '#/data', zoomed: true },
    { name: 'first-runs', hash: '#/runs', empty: true },
    { name: 'first-compare', hash: '#/compare', empty: true },
    { name: 'first-figures', hash: '#/figures', empty: true },
    { name: 'first-data', hash: '#/data', empty: true },
    { name: 'first-bin', hash: '#/runs/bin', empty: true },
  ];
}
