/** From the end of a run to what it found: the offer, the card of results, the groups of views, and measuring what is missing by one click. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { describeWhere } from '../../support/skips.ts';
import { until } from '../../main/queue/support.ts';
import { eachView, OpenWindow, windowAvailable } from './support.ts';

/** A layer of 24 x 24 weights: enough directions for an interval, measured in seconds. */
const experiment = {
  name: 'small digits',
  dataset: { source: 'glyphs', train: 800, test: 100 },
  model: {
    input: [784],
    layers: [
      { type: 'dense', name: 'fc1', units: 24 },
      { type: 'activation', function: 'relu' },
      { type: 'dense', name: 'fc2', units: 24 },
      { type: 'activation', function: 'relu' },
      { type: 'dense', name: 'fc3', units: 10 },
    ],
    loss: 'cross-entropy',
  },
  optimiser: { lr: 0.1 },
  batch_size: 40,
  epochs: 12,
  measurements: [{ parameters: ['fc2.kernel', 'fc3.kernel'] }],
};

describeWhere(windowAvailable(), 'what a run found', () => {
  let window: OpenWindow;
  let run: string;
  beforeAll(async () => {
    window = await OpenWindow.open();
  });
  afterAll(async () => {
    await window.close();
  });

  it('is offered when the run ends, and opens as a card', async () => {
    const { page, bench } = window;
    [run] = (await bench.request('runs.start', { experiment })).runs;
    await window.go(`#/run/${run}/training`);
    await page
      .getByText(/small digits: γ of fc3 = \d\.\d+ ± \d|small digits: γ of fc3 = /)
      .waitFor({ timeout: 200_000 });
    await page.getByRole('button', { name: 'See it' }).click();
    await page.waitForURL((url) => url.hash === `#/run/${run}/overview`);
    const gamma = page.getByTestId('card-gamma');
    await gamma.waitFor();
    const [measurement] = (await bench.request('measurements.list', { runs: [run] })).filter(
      ({ parameter }) => parameter === 'fc2.kernel',
    );
    const row = measurement.summary!.gamma.training_set.find(({ cutoff }) => cutoff === 0.01)!;
    expect(row.gamma.interval?.ols).toBeDefined();
    // The value with its interval, and what it rests on.
    expect(await gamma.textContent()).toMatch(/γ = .*\d\.\d+ ± \d\.\d+|γ = .*\[/);
    expect(await gamma.textContent()).toContain(row.gamma.ols!.toFixed(1));
    const result = page.getByRole('region', { name: 'Result', exact: true });
    expect(await result.textContent()).toContain(`${row.n} directions over ${row.decades.toFixed(1)} decades`);
    await result.getByRole('img', { name: /^C_ii against H_ii of fc2.kernel/ }).waitFor();
    // Six claims, each with a mark and a bar.
    expect(await page.getByRole('list', { name: 'Claims' }).getByRole('listitem').count()).toBe(6);
    expect(await page.getByTestId('chip-gamma_between_1_and_2').locator('svg rect').count()).toBe(1);
    await page.getByRole('img', { name: 'Loss of small digits by step' }).waitFor();
    expect(await window.axe()).toEqual([]);
    // Another layer of the same run.
    await page.getByLabel('Layer').selectOption('fc3.kernel');
    await result.getByRole('img', { name: /^C_ii against H_ii of fc3.kernel/ }).waitFor();
    await page.getByLabel('Layer').selectOption('fc2.kernel');
  }, 260_000);

  it('stands in four groups of views; what is not there is measured by one click', async () => {
    const { page, bench } = window;
    await page.getByTestId('card-gamma').click();
    await page.getByTestId('directions').waitFor();
    const groups = page.getByRole('tablist', { name: 'Groups of views' }).getByRole('tab');
    expect(await groups.allTextContents()).toEqual(['Exponents', 'Theory', 'Spectrum', 'Method']);
    const empty: string[] = [];
    await eachView(page, async (name) => {
      await page.waitForTimeout(100);
      const button = page.getByRole('button', { name: /^Measure this/ });
      if ((await button.count()) > 0) empty.push(name);
    });
    expect(empty).toEqual(['Assumptions', 'Duality', 'Minibatches', 'Density']);
    expect(await window.axe()).toEqual([]);
    await groups.nth(2).click();
    await page.getByRole('tab', { name: 'Density' }).click();
    await page.getByRole('button', { name: /^Measure this, about \d/ }).click();
    await until(
      async () =>
        (await bench.request('measurements.list', { runs: [run] })).some(
          ({ summary }) => summary?.density !== undefined && summary.parameter === 'fc2.kernel',
        ),
      'the density to be measured',
      200_000,
    );
    // It takes the place of the one without.
    await page
      .getByRole('img', { name: /density/i })
      .first()
      .waitFor();
    expect(await page.getByRole('button', { name: /^Measure this/ }).count()).toBe(0);
  }, 260_000);

  it('keeps the interval of gamma while the cutoff is dragged: it stands on decades, unless freed', async () => {
    const { page } = window;
    await page.getByRole('tab', { name: 'Exponents' }).click();
    await page.getByRole('tab', { name: 'C on H' }).click();
    const handle = page.getByRole('slider', { name: 'Cutoff' });
    const slope = page.getByTestId('slope-gamma');
    await handle.waitFor();
    const value = async (): Promise<number> => Number(await handle.getAttribute('aria-valuenow'));
    const box = (await handle.boundingBox())!;
    const plot = (await page.getByRole('img', { name: /^C_ii against H_ii/ }).boundingBox())!;
    const drag = async (): Promise<void> => {
      await page.mouse.move(box.x + box.width / 2, box.y + 150);
      await page.mouse.down();
      for (let share = 0.5; share < 0.9; share += 0.04) {
        await page.mouse.move(plot.x + plot.width * share, box.y + 150);
        expect(Number.isInteger(await value()), `${await value()}`).toBe(true);
        expect(await slope.textContent()).toMatch(/±|\[/);
      }
      await page.mouse.up();
    };
    await drag();
    expect(await slope.textContent()).toMatch(/±|\[/);
    await handle.focus();
    await page.keyboard.press('ArrowLeft');
    expect(Number.isInteger(await value())).toBe(true);
    // Freed: any place; the interval is that of the nearest decade, and says so.
    await page.keyboard.press('Shift+ArrowLeft');
    expect(Number.isInteger(await value())).toBe(false);
    expect(await slope.textContent()).toMatch(/± [\d.]+ at 10/);
    await page.keyboard.press('PageDown');
    expect(Number.isInteger(await value())).toBe(true);
  });

  it('says gamma on the flag of the cutoff, also at a zoom of 150 %', async () => {
    const { page } = window;
    await page.setViewportSize({ width: 853, height: 533 });
    const flag = page.getByRole('slider', { name: 'Cutoff' });
    await flag.scrollIntoViewIfNeeded();
    expect(await flag.textContent()).toMatch(/γ \d\.\d\d/);
    await page.setViewportSize({ width: 1280, height: 800 });
  });
});
