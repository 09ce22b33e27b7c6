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
    await page.getByText(/small digits: γ of fc2 = /).waitFor({ timeout: 200_000 });
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
    expect(empty).toEqual(['Assumptions', 'Duality', 'Minibatches', 'Fluctuations', 'Density']);
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
    const { page, bench } = window;
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
    // Freed: any place, with an interval of its own once it is let go.
    await page.keyboard.press('Shift+ArrowLeft');
    expect(Number.isInteger(await value())).toBe(false);
    await slope.getByText(/\d ± [\d.]+$/).waitFor();
    const cutoff = Number(/cutoff=([^&]+)/.exec(page.url())![1]);
    const [{ id }] = (await bench.request('measurements.list', { runs: [run], parameter: 'fc2.kernel' })).slice(-1);
    const rows = await bench.request('measurements.atCutoff', { id, cutoff });
    const [low, high] = rows!.training_set.gamma.interval!.ols!;
    expect(await slope.textContent()).toContain(`± ${((high - low) / 2).toPrecision(2)}`.slice(0, 5));
    await page.keyboard.press('PageDown');
    expect(Number.isInteger(await value())).toBe(true);
  });

  it('marks directions by a drag, and shows them in every chart of the measurement, with layer and cutoff in the address', async () => {
    const { page } = window;
    const chart = page.getByRole('img', { name: /^C_ii against H_ii/ });
    const box = (await chart.boundingBox())!;
    // From where neither a point nor the flag of the cutoff is.
    await page.mouse.move(box.x + box.width - 22, box.y + box.height * 0.7);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width * 0.75, box.y + 18, { steps: 4 });
    await page.mouse.up();
    const count = page.getByTestId('marked-count');
    await count.waitFor();
    const rings = async (): Promise<number> =>
      (((await page.getByTestId('marked').getAttribute('d')) ?? '').match(/M/g) ?? []).length;
    const marked = Number(/^\d+/.exec((await count.textContent())!)![0]);
    expect(marked).toBeGreaterThan(2);
    expect(await rings()).toBe(marked);
    // Each ring stands around a point on the canvas.
    const bare = await page.evaluate<number>(`(() => {
      const path = document.querySelector('[data-testid="marked"]').getAttribute('d');
      const context = document.querySelector('.canvas canvas').getContext('2d');
      const centres = [...path.matchAll(/M([\\d.]+) ([\\d.]+)/g)].map(([, x, y]) => [Number(x) + 4, Number(y)]);
      return centres.filter(([x, y]) => context.getImageData(x, y, 1, 1).data[3] === 0).length;
    })()`);
    expect(bare).toBe(0);
    await page.getByRole('tab', { name: 'Q on H' }).click();
    expect(await rings()).toBe(marked);
    await page.getByRole('tab', { name: 'Spectrum' }).click();
    await page.getByRole('tab', { name: 'Spectra' }).click();
    // Of each direction its H, C and Q.
    expect(await rings()).toBe(3 * marked);
    // A drag over the spectrum marks others.
    const spectra = (await page.getByRole('img', { name: /^Spectra of/ }).boundingBox())!;
    await page.mouse.move(spectra.x + 70, spectra.y + 60);
    await page.mouse.down();
    await page.mouse.move(spectra.x + 200, spectra.y + 90, { steps: 4 });
    await page.mouse.up();
    await page.getByRole('tab', { name: 'Exponents' }).click();
    await page.getByRole('tab', { name: 'C on H' }).click();
    await until(async () => !(await count.textContent())!.startsWith(`${marked} `), 'other directions to be marked');
    await page.getByRole('button', { name: 'clear' }).click();
    expect(await page.getByTestId('marked').count()).toBe(0);
    // The run is looked at in the same way in its other tabs, and so is a link to them.
    await page.getByLabel('Standard cutoff').selectOption('0.001');
    const overview = page.getByRole('navigation', { name: 'Run' }).getByRole('link', { name: 'Overview' });
    expect(await overview.getAttribute('href')).toBe(`#/run/${run}/overview?layer=fc2.kernel&cutoff=0.001`);
    await page.getByRole('link', { name: /fc3\.kernel/ }).click();
    await until(
      async () => ((await overview.getAttribute('href')) ?? '').includes('layer=fc3.kernel'),
      'the other layer',
    );
    await overview.click();
    await page.getByRole('img', { name: /^C_ii against H_ii of fc3.kernel/ }).waitFor();
    await page.reload();
    await page.getByRole('img', { name: /^C_ii against H_ii of fc3.kernel/ }).waitFor();
    await page.goto(`${window.server.url.replace(/#.*$/, '')}#/run/${run}/measurements?layer=fc2.kernel&view=gamma`);
    await page.getByRole('img', { name: /^C_ii against H_ii of fc2.kernel/ }).waitFor();
  });

  it('follows the pointer in all charts of the training at once', async () => {
    const { page } = window;
    await window.go(`#/run/${run}/training`);
    await page.getByRole('img', { name: /^Accuracy of/ }).waitFor();
    await page.getByRole('img', { name: /^Loss of/ }).hover();
    await until(async () => (await page.locator('svg.cross').count()) === 2, 'a line in both charts');
    await window.go(`#/run/${run}/measurements?layer=fc2.kernel&view=gamma`);
    await page.getByRole('img', { name: /^C_ii against H_ii of fc2.kernel/ }).waitFor();
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
