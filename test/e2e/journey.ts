/** The way of a researcher through the window, from an empty store to a comparison; the same in every shell. */
import type { Page } from 'playwright-core';
import { expect } from 'vitest';
import type { Arguments, Method, Result } from '../../src/shared/contract/index.ts';
import { until } from '../main/queue/support.ts';

/** A program with its window, whatever the shell. */
export interface Shell {
  readonly page: Page;
  request<M extends Method>(method: M, ...params: Arguments<M>): Promise<Result<M>>;
}

/** Example, cut down so that it trains for some ten seconds on a fast machine and is measured in one. */
const shorter = (text: string): string => {
  const experiment = JSON.parse(text) as Record<string, unknown>;
  return JSON.stringify(
    {
      ...experiment,
      name: 'glyphs',
      dataset: { source: 'glyphs', train: 400, test: 100 },
      epochs: 8000,
      measurements: [{ parameters: ['fc3.kernel'], samples: 200 }],
    },
    null,
    2,
  );
};

/** @param restart ends the program as a person does who closes it, and starts it again on the same store */
export async function journey(start: Shell, restart: () => Promise<Shell>): Promise<void> {
  let { page } = start;
  let shell = start;
  page.setDefaultTimeout(60_000);

  await page.getByRole('heading', { name: 'No runs yet' }).waitFor();

  // The example, started.
  await page.evaluate("location.hash = '#/new/example%3Aglyphs-mlp'");
  const json = page.getByLabel('As JSON');
  await page.getByRole('button', { name: 'JSON' }).click();
  await until(async () => (await json.inputValue()).includes('"fc3"'), 'the example');
  await json.fill(shorter(await json.inputValue()));
  await page.getByRole('button', { name: 'Start', exact: true }).click();
  await page.getByRole('heading', { name: 'glyphs' }).waitFor();
  const run = /run\/([\w-]+)\/training/.exec(page.url())![1];
  const state = async (): Promise<string> => (await shell.request('runs.get', { id: run })).status;

  // A project, beside it.
  await page.evaluate("location.hash = '#/runs'");
  await page.getByRole('button', { name: 'New project' }).click();
  await page.getByRole('dialog').getByLabel('Name').fill('first light');
  await page.getByRole('button', { name: 'Create project' }).click();
  await page.getByRole('navigation', { name: 'Projects' }).getByText('first light').waitFor();
  await page.getByRole('navigation', { name: 'Projects' }).getByText('All runs').click();
  await page.evaluate(`location.hash = '#/run/${run}/training'`);

  // Live: the step and the curve move while nobody asks.
  await page.getByRole('img', { name: 'Loss of glyphs by step' }).waitFor();
  await page.getByText(/steps\/s, .+samples\/s/).waitFor();
  const stepText = (): Promise<string | null> => page.locator('dl.numbers dd').first().textContent();
  const seen = new Set<string | null>();
  await until(async () => seen.add(await stepText()).size >= 3, 'the step to move three times');

  // Its worker is killed while it is watched.
  const pid = (await shell.request('queue.get')).jobs.find(({ id }) => id === run)?.pid;
  process.kill(pid!, 'SIGKILL');
  await page.locator('header').getByText('interrupted').waitFor();
  await page.getByText(/resumes from its last checkpoint/).waitFor();
  const before = (await shell.request('runs.get', { id: run })).step;
  await page.getByRole('button', { name: 'Resume' }).click();
  await page.getByRole('button', { name: 'Pause' }).waitFor();
  await until(async () => (await shell.request('runs.get', { id: run })).step > before, 'it to go on');

  // The program ends in the middle of the run, and starts again.
  expect(await state()).toBe('running');
  shell = await restart();
  ({ page } = shell);
  page.setDefaultTimeout(60_000);
  const kept = await shell.request('runs.get', { id: run });
  expect(kept).toMatchObject({ status: 'paused' });
  expect(kept.step).toBeGreaterThan(before);
  await page.evaluate(`location.hash = '#/run/${run}/training'`);
  await page.getByRole('button', { name: 'Resume' }).click();
  await until(async () => (await state()) === 'done', 'the run to be done', 200_000);
  const { series } = await shell.request('series.since', { run, names: ['batch_loss'] });
  expect(series['batch_loss'].steps.at(-1)).toBe(kept.steps);
  // Killed, paused and resumed: every step once.
  expect(new Set(series['batch_loss'].steps).size).toBe(series['batch_loss'].steps.length);

  // Measured: the cutoff is dragged, and the fit follows at once.
  await page.getByRole('link', { name: 'Measurements' }).click();
  const directions = page.getByTestId('directions');
  await directions.waitFor();
  const handle = page.getByRole('slider', { name: 'Cutoff' });
  const box = (await handle.boundingBox())!;
  const plot = (await page.getByRole('img', { name: /^C_ii against H_ii/ }).boundingBox())!;
  const used = async (): Promise<number> => parseInt((await directions.textContent())!.replace(/[^\d]+.*/u, ''));
  const first = await used();
  await page.mouse.move(box.x + box.width / 2, box.y + 150);
  await page.mouse.down();
  await page.mouse.move(plot.x + plot.width * 0.8, box.y + 150, { steps: 6 });
  expect(await used()).toBeLessThan(first);
  await page.mouse.up();

  // Four more seeds; five runs compared, chosen by the keyboard.
  const { experiment } = await shell.request('runs.get', { id: run });
  await shell.request('runs.start', {
    experiment: { ...(experiment as object), epochs: 5, seed: [2, 3, 4, 5] },
  });
  await until(async () => (await shell.request('runs.counts', { status: ['done'] })).total === 5, 'five runs', 120_000);
  await page.evaluate("location.hash = '#/runs'");
  const table = page.getByRole('grid', { name: 'Runs' });
  await page.locator('tr[data-index="4"]').waitFor();
  await table.focus();
  await page.keyboard.press('Control+a');
  await page.getByText('5 runs selected').waitFor();
  await page.keyboard.press('c');
  await page.getByRole('heading', { name: 'Compare 5 runs' }).waitFor({ state: 'attached' });
  const results = page.getByRole('table', { name: /^Results of/ });
  await results.waitFor();
  const settings = page.getByRole('table', { name: /^Settings of/ });
  await until(async () => (await settings.textContent())?.includes('epochs'), 'what differs');

  // Filtered, binned, and brought back.
  await page.evaluate("location.hash = '#/runs'");
  await page.getByLabel('Filter', { exact: true }).fill('seed > 3');
  await until(async () => (await page.locator('tr[data-index]').count()) === 2, 'two runs to be left');
  await table.focus();
  await page.keyboard.press('Home');
  await page.keyboard.press('Delete');
  await until(async () => (await shell.request('runs.counts', { deleted: true })).total > 0, 'the bin to fill');
  await page
    .getByText(/put into the bin/)
    .first()
    .waitFor();
  await page.keyboard.press('Control+z');
  await until(async () => (await shell.request('runs.counts', { deleted: true })).total === 0, 'all to be back');
}
