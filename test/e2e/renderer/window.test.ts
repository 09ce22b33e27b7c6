/** The window as a researcher uses it: start, watch, measure, drag, filter, delete and undo. In a real Chromium, on the real services. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { tensor, writeSafetensors } from '../../../src/data/formats/safetensors.ts';
import { judgeClaims } from '../../../src/shared/claims.ts';
import { integerText } from '../../../src/shared/figures/numbers.ts';
import { Random } from '../../../src/shared/random.ts';
import { describeWhere } from '../../support/skips.ts';
import { tiny, until } from '../../main/queue/support.ts';
import { eachView, OpenWindow, windowAvailable } from './support.ts';

describeWhere(windowAvailable(), 'the window', () => {
  let window: OpenWindow;
  let run: string;

  beforeAll(async () => {
    window = await OpenWindow.open();
  });
  afterAll(async () => {
    await window.close();
  });

  it('teaches where there is nothing yet', async () => {
    const { page } = window;
    await page.getByRole('heading', { name: 'No runs yet' }).waitFor();
    await page
      .getByRole('link', { name: /^Glyphs/ })
      .first()
      .waitFor();
    expect(await window.axe()).toEqual([]);
  });

  it('checks an experiment while it is written, in the form and as JSON', async () => {
    const { page } = window;
    await page.keyboard.press('Alt+n');
    await page.getByRole('heading', { name: 'New experiment' }).waitFor();
    const json = page.getByLabel('As JSON');
    await page.getByRole('button', { name: 'JSON' }).click();
    await page.getByText('What it will take').waitFor();
    await json.fill(JSON.stringify({ ...tiny, epochs: 60 }, null, 2));
    await page.getByLabel('Learning rate').fill('-1');
    await page.getByLabel('Learning rate').press('Tab');
    await page.getByText('1 thing to fix').waitFor();
    expect(await page.getByLabel('Learning rate').getAttribute('aria-invalid')).toBe('true');
    // It does not start: what is to be mended gets the focus.
    await page.getByRole('button', { name: 'Start' }).click();
    expect(await page.locator('[id="field-optimiser.lr"]:focus').count()).toBe(1);
    expect((await window.bench.request('runs.counts', {})).total).toBe(0);
    await page.getByLabel('Learning rate').fill('0.05, 0.02');
    await page.getByLabel('Learning rate').press('Tab');
    await page.getByRole('button', { name: 'Start 2 runs' }).waitFor();
    expect(JSON.parse(await json.inputValue())).toMatchObject({ optimiser: { lr: [0.05, 0.02] } });
    await page.getByLabel('Learning rate').fill('0.05');
    await page.getByLabel('Learning rate').press('Tab');
    expect(await window.axe()).toEqual([]);
  });

  it('starts it and follows it to its end', async () => {
    const { page } = window;
    await page.getByRole('button', { name: 'Start', exact: true }).click();
    await page.getByRole('heading', { name: 'tiny' }).waitFor();
    run = /run\/([\w-]+)\/training/.exec(page.url())![1];
    await page.getByRole('img', { name: 'Loss of tiny by step' }).waitFor();
    await page.getByText(`${integerText(1200)} of ${integerText(1200)} steps`).waitFor();
    await page.getByText('Data as a table').first().click();
    const table = page.getByRole('region', { name: /^Data: Loss/ });
    const { series } = await window.bench.request('series.since', { run, names: ['batch_loss', 'loss', 'test_loss'] });
    const points = Object.values(series).reduce((sum, { steps }) => sum + steps.length, 0);
    // Every point that was streamed is there, and none twice.
    await page.getByText(`${integerText(points)} rows`).waitFor();
    expect(await table.getByRole('row').count()).toBe(Math.min(100, points) + 1);
    expect(await window.axe()).toEqual([]);
  });

  it('refits while the cutoff is dragged, and by the keyboard', async () => {
    const { page } = window;
    await page.getByRole('link', { name: 'Measurements' }).click();
    const directions = page.getByTestId('directions');
    const slope = page.getByTestId('slope-gamma');
    await directions.waitFor();
    const handle = page.getByRole('slider', { name: 'Cutoff' });
    await handle.focus();
    await page.keyboard.press('Home');
    const whole = (await directions.textContent())!;
    const wholeSlope = (await slope.textContent())!;
    const box = (await handle.boundingBox())!;
    await page.mouse.move(box.x + box.width / 2, box.y + 200);
    await page.mouse.down();
    const plot = (await page.getByRole('img', { name: /^C_ii against H_ii/ }).boundingBox())!;
    await page.mouse.move(plot.x + plot.width * 0.78, box.y + 200, { steps: 8 });
    const during = (await directions.textContent())!;
    await page.mouse.up();
    expect(parseInt(during)).toBeLessThan(parseInt(whole));
    expect(await slope.textContent()).not.toBe(wholeSlope);
    const [measurement] = await window.bench.request('measurements.list', { runs: [run] });
    const row = measurement.summary!.gamma.training_set.find(({ cutoff }) => cutoff === 0.1)!;
    await handle.focus();
    await page.keyboard.press('End');
    expect(parseInt((await directions.textContent())!)).toBe(row.n);
    if (row.gamma.ols !== null) expect(await slope.textContent()).toContain(row.gamma.ols.toFixed(2).replace('-', '−'));
    await page.getByRole('radio', { name: 'Cross-fitted' }).check({ force: true });
    expect(await page.getByRole('radio', { name: 'Cross-fitted' }).isChecked()).toBe(true);
    await page.getByRole('tab', { name: 'Spectrum' }).click();
    await page.getByRole('tab', { name: 'Spectra' }).click();
    await page.getByRole('img', { name: /^Spectra of fc2.kernel/ }).waitFor();
    expect(await window.axe()).toEqual([]);
  });

  it('shows a direction with its intervals and its eigenvector, by a press and by the keyboard', async () => {
    const { page } = window;
    const [{ id }] = await window.bench.request('measurements.list', { runs: [run] });
    await page.getByRole('radio', { name: 'Training set' }).check({ force: true });
    await page.getByRole('tab', { name: 'Exponents' }).click();
    await page.getByRole('tab', { name: 'C on H' }).click();
    const number = page.getByLabel('Direction', { exact: true });
    await number.fill('1');
    const panel = page.getByRole('region', { name: 'Direction 1' });
    await panel.getByRole('img', { name: /^Eigenvector 1 of H of fc2.kernel: 5 inputs by 3 outputs/ }).waitFor();
    expect(await panel.textContent()).toMatch(/± [\d.]+ %/);
    await panel.getByText('Data as a table').click();
    const { values } = await window.bench.request('measurements.eigenvector', { id, index: 0 });
    await until(async () => (await panel.getByRole('row').count()) === values.length + 1, 'a row an entry, and a head');
    await panel.getByRole('button', { name: 'Direction after' }).press('Enter');
    await page.getByRole('region', { name: 'Direction 2' }).waitFor();
    expect(await window.axe()).toEqual([]);
    await page.getByRole('button', { name: 'Close the direction' }).click();
    // The points of large curvature stand in the upper right.
    const plot = (await page.getByRole('img', { name: /^C_ii against H_ii/ }).boundingBox())!;
    const { width, height, x, y } = plot;
    for (
      let right = 20;
      right < 120 && (await page.getByRole('region', { name: /^Direction/ }).count()) === 0;
      right += 8
    )
      for (
        let down = 16;
        down < height / 2 && (await page.getByRole('region', { name: /^Direction/ }).count()) === 0;
        down += 12
      )
        await page.mouse.click(x + width - right, y + down);
    await page.getByRole('region', { name: /^Direction/ }).waitFor();
    await page.getByRole('button', { name: 'Close the direction' }).click();
  });

  it('judges the claims, and says how it was measured', async () => {
    const { page } = window;
    const [{ summary }] = await window.bench.request('measurements.list', { runs: [run] });
    await page.getByRole('tab', { name: 'Theory' }).click();
    await page.getByRole('tab', { name: 'Claims' }).click();
    const words = { pass: 'holds', fail: 'fails', inconclusive: 'inconclusive' };
    for (const { claim, verdict } of judgeClaims(summary!, { cutoff: 0.1 }))
      expect(await page.getByTestId(`claim-${claim}`).textContent()).toContain(words[verdict]);
    expect(await window.axe()).toEqual([]);
    await page.getByRole('tab', { name: 'Mechanism' }).click();
    await page.getByRole('table', { name: 'Slope of log R_i on log H_ii' }).waitFor();
    expect(await page.getByRole('rowheader', { name: 'class 2' }).count()).toBe(1);
    expect(await window.axe()).toEqual([]);
    await page.getByRole('tab', { name: 'Noise' }).click();
    const stable = page.getByRole('row', { name: /^largest stable η/ });
    const before = await stable.textContent();
    await page.getByLabel('Batch size B').fill('1');
    await expect.poll(() => stable.textContent()).not.toBe(before);
    expect(await window.axe()).toEqual([]);
    await page.getByRole('tab', { name: 'Method' }).click();
    await page.getByText(`${integerText(summary!.samples)} of the training set`).waitFor();
    await page.getByRole('button', { name: 'Verify' }).click();
    await page.getByRole('progressbar', { name: 'Progress of the verification' }).waitFor();
    await page.getByRole('button', { name: 'Cancel' }).click();
    await page.getByRole('button', { name: 'Verify' }).click();
    await page.getByText('✓ Everything agrees').waitFor();
    const exact = page.getByRole('table', { name: 'fc2.kernel, exact, against the oracle' });
    expect(await exact.getByText('✓ agrees').count()).toBeGreaterThan(8);
    expect(await exact.getByText('disagrees').count()).toBe(0);
    expect(await window.axe()).toEqual([]);
    await page.getByRole('tab', { name: 'Exponents' }).click();
    await page.getByRole('tab', { name: 'γ over training' }).click();
    await page.getByRole('heading', { name: 'One step so far' }).waitFor();
    expect(await window.axe()).toEqual([]);
  });

  it('measures again: another parameter, other samples, by the other method', async () => {
    const { page } = window;
    await page.getByRole('button', { name: 'Measure …' }).click();
    const dialog = page.getByRole('dialog', { name: 'Measure' });
    await dialog.getByLabel('fc2.kernel').uncheck();
    await dialog.getByLabel('fc1.kernel').check();
    await dialog.getByRole('textbox', { name: 'Samples' }).fill('2.5');
    await dialog.getByText('Expected a whole number of at least 1.').waitFor();
    expect(await dialog.getByRole('button', { name: 'Measure' }).isDisabled()).toBe(true);
    await dialog.getByRole('textbox', { name: 'Samples' }).fill('200');
    await dialog.getByLabel('Method').selectOption('projected');
    await dialog.getByLabel('Directions to find, projected').fill('12');
    expect(await window.axe()).toEqual([]);
    await dialog.getByRole('button', { name: 'Measure' }).click();
    await page.getByRole('link', { name: /fc1.kernel.*projected/ }).click();
    await page.getByRole('tab', { name: 'Method' }).click();
    await page.getByText('12: the largest eigenvalues').waitFor();
    const [measured] = await window.bench.request('measurements.list', { runs: [run], parameter: 'fc1.kernel' });
    expect(measured.summary).toMatchObject({ method: 'projected', samples: 200 });
    await page.getByRole('tab', { name: 'Exponents' }).click();
    await page.getByRole('tab', { name: 'C on H' }).click();
    await page.getByLabel('Direction', { exact: true }).fill('1');
    await page.getByRole('img', { name: /^Eigenvector 1 of H of fc1.kernel: 6 inputs by 5 outputs/ }).waitFor();
    expect(await window.axe()).toEqual([]);
  });

  it('filters by an expression and says what is wrong with one', async () => {
    const { page } = window;
    await window.bench.request('runs.clone', { id: run });
    await window.go('#/runs');
    const filter = page.getByLabel('Filter');
    await page.locator('tr[data-index="1"]').waitFor();
    await filter.fill('seed = 2');
    await until(async () => (await page.locator('tr[data-index]').count()) === 1, 'one run to be left');
    await filter.fill('sed = 2');
    await page.getByText(/did you mean seed/).waitFor();
    await filter.fill('');
    await page.locator('tr[data-index="1"]').waitFor();
    await until(
      async () => (await window.bench.request('runs.counts', { status: ['done'] })).total === 2,
      'both to be done',
    );
    expect(await window.axe()).toEqual([]);
  });

  it('deletes by the keyboard, and undoes it', async () => {
    const { page } = window;
    const table = page.getByRole('grid', { name: 'Runs' });
    await table.focus();
    await page.keyboard.press('End');
    await page.keyboard.press('Delete');
    await page.getByText('1 run put into the bin.').waitFor();
    await until(async () => (await page.locator('tr[data-index]').count()) === 1, 'the run to go');
    await page.keyboard.press('Control+z');
    await page.locator('tr[data-index="1"]').waitFor();
    expect((await window.bench.request('runs.counts', { deleted: true })).total).toBe(0);
  });

  it('keeps every view of a measurement without faults in both themes', async () => {
    const { page } = window;
    await window.go(`#/run/${run}/measurements`);
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme });
      const seen = new Set<string>();
      await eachView(page, async (name) => {
        seen.add(name);
        await page.waitForTimeout(150);
        expect(await window.axe(), `${name} ${colorScheme}`).toEqual([]);
      });
      expect(seen.size).toBe(16);
    }
    // All of them by the arrow keys alone.
    const groups = page.getByRole('tablist', { name: 'Groups of views' });
    const inner = page.getByRole('tablist', { name: 'Views of the measurement' }).getByRole('tab');
    await groups.getByRole('tab', { selected: true }).focus();
    const reached = new Set<string>();
    for (let g = 0; g < 4; g++) {
      await page.keyboard.press('ArrowRight');
      const group = (await groups.locator('[role="tab"]:focus').textContent())!;
      const count = await inner.count();
      if (count === 0) reached.add(group);
      else await page.keyboard.press('Tab');
      for (let k = 0; k < count; k++) {
        await page.keyboard.press('ArrowRight');
        reached.add((await page.locator('[role="tab"]:focus').textContent())!);
      }
      await groups.getByRole('tab', { selected: true }).focus();
    }
    expect(reached.size).toBe(16);
  });

  it('imports a model whose tensors have other names, and measures it', async () => {
    const { page, bench } = window;
    const file = `${bench.folder.path}/weights.safetensors`;
    const random = new Random(5);
    const drawn = (shape: number[]) =>
      tensor(
        Float32Array.from({ length: shape.reduce((a, b) => a * b) }, () => random.normal()),
        shape,
      );
    await writeSafetensors(
      file,
      { '0.weight': drawn([5, 6]), '0.bias': drawn([5]), '2.weight': drawn([3, 5]), '2.bias': drawn([3]) },
      {},
    );
    await bench.request('datasets.save', { name: 'mixture', spec: tiny.dataset });
    await window.go('#/import');
    await page.getByLabel('Model', { exact: true }).fill(JSON.stringify(tiny.model));
    await page.getByLabel('Weights').fill(file);
    await page.getByLabel('Weights').press('Tab');
    // One tensor fits each place: the shapes decide, unless names are asked for.
    await page.getByText(/all 4 tensors fit/).waitFor();
    await page.getByRole('button', { name: 'By name again' }).click();
    await page.getByText('4 tensors do not fit').waitFor();
    expect(await page.getByText('the file has no tensor fc1.weight').count()).toBe(1);
    expect(await window.axe()).toEqual([]);
    await page.getByRole('button', { name: 'Match in the order of the file' }).click();
    await page.getByText(/all 4 tensors fit/).waitFor();
    // The network itself can be read off the shapes too.
    await page.getByRole('button', { name: 'Infer the network from the shapes of the weights instead' }).click();
    await page
      .getByText(/Inferred from the shapes of the weights\. Assumed, because shapes do not determine it: relu/)
      .waitFor();
    expect(JSON.parse(await page.getByLabel('Model', { exact: true }).inputValue())).toMatchObject({
      input: [6],
      layers: [{ type: 'dense', units: 5 }, { function: 'relu' }, { type: 'dense', units: 3 }],
    });
    await page.getByText(/all 4 tensors fit/).waitFor();
    await page.getByLabel('Data', { exact: true }).selectOption('mixture');
    await page.getByLabel('Name', { exact: true }).fill('from elsewhere');
    const button = page.getByRole('button', { name: 'Import and measure' });
    await page.getByLabel('Learning rate').fill('-1');
    await page.getByText('Still needed: a rate above 0, or none.').waitFor();
    await button.click();
    expect((await bench.request('runs.list', { filter: 'name = "from elsewhere"' })).total).toBe(0);
    await page.getByLabel('Learning rate').fill('');
    await button.click();
    await page.getByRole('heading', { name: 'from elsewhere' }).waitFor();
    await page.getByTestId('directions').waitFor();
    const { rows } = await bench.request('runs.list', { filter: 'name = "from elsewhere"' });
    expect(rows[0]).toMatchObject({ status: 'done', relation: 'import' });
    await bench.request('runs.delete', { ids: [rows[0].id] });
    await bench.request('bin.empty');
  });

  it('compares, finds commands and keeps its manners on every screen in both themes', async () => {
    const { page } = window;
    const { rows } = await window.bench.request('runs.list', {});
    await page.keyboard.press('Control+k');
    await page.getByRole('combobox', { name: 'Find a run or command' }).fill('settings');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Doctor' }).waitFor();
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme });
      for (const hash of [
        '#/settings',
        '#/data',
        '#/import',
        '#/new',
        '#/figures',
        '#/runs/bin',
        `#/compare/${rows.map(({ id }) => id).join(',')}`,
        `#/run/${run}/overview`,
        `#/run/${run}/training`,
        `#/run/${run}/measurements`,
        `#/run/${run}/configuration`,
        `#/run/${run}/log`,
        '#/runs',
      ]) {
        await window.go(hash);
        await page.waitForTimeout(300);
        expect(await window.axe(), `${hash} ${colorScheme}`).toEqual([]);
        // 1280 x 800 at a zoom of 150 % has so many CSS pixels.
        for (const viewport of [
          { width: 1280, height: 800 },
          { width: 853, height: 533 },
        ]) {
          await page.setViewportSize(viewport);
          await page.waitForTimeout(100);
          const wide = await page.evaluate(
            `document.documentElement.scrollWidth > document.documentElement.clientWidth ||
              document.querySelector('main').scrollWidth > document.querySelector('main').clientWidth`,
          );
          expect(wide, `${hash} scrolls sideways at ${viewport.width}`).toBe(false);
        }
        await page.setViewportSize({ width: 1280, height: 800 });
      }
    }
    expect(window.errors).toEqual([]);
  });
});
