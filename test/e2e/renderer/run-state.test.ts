/** What the page of a run says while it trains, while it measures, and of what it came to: never a false number, never a false success. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { describeWhere } from '../../support/skips.ts';
import { tiny, until } from '../../main/queue/support.ts';
import { OpenWindow, windowAvailable } from './support.ts';

describeWhere(windowAvailable(), 'the page of a run', () => {
  let window: OpenWindow;
  beforeAll(async () => {
    window = await OpenWindow.open();
  });
  afterAll(async () => {
    await window.close();
  });

  const start = async (experiment: object): Promise<string> =>
    (await window.bench.request('runs.start', { experiment })).runs[0];
  const ended = (id: string): Promise<unknown> =>
    until(async () => (await window.bench.request('runs.get', { id })).status === 'done', 'the run to end', 180_000);

  it('draws every point once and in order, however often the run is read anew while its batches come', async () => {
    const { page, bench } = window;
    const run = await start({ ...tiny, name: 'busy', epochs: 2500, measurements: [] });
    await window.go(`#/run/${run}/training`);
    await page.getByRole('img', { name: 'Loss of busy by step' }).waitFor();
    // Each change of the run reaches the window as a new record of it.
    for (let k = 0; (await bench.request('runs.get', { id: run })).status === 'running' && k < 400; k++) {
      await bench.request('runs.update', { ids: [run], notes: `change ${k}` });
      await page.waitForTimeout(20);
    }
    await ended(run);
    await page.locator('header').getByText('done').waitFor();
    await page.getByText('Data as a table').first().click();
    const { series } = await bench.request('series.since', { run, names: ['batch_loss', 'loss', 'test_loss'] });
    const points = Object.values(series).reduce((sum, { steps }) => sum + steps.length, 0);
    await page.getByText(`${points.toLocaleString('en-US').replace(',', '\u202f')} rows`).waitFor();
  }, 240_000);

  it('keeps speed and epoch of the training while it measures', async () => {
    const { page } = window;
    const run = await start({
      name: 'measured',
      dataset: { source: 'glyphs', train: 3000, test: 200 },
      model: {
        input: [784],
        layers: [
          { type: 'dense', name: 'fc1', units: 48 },
          { type: 'activation', function: 'relu' },
          { type: 'dense', name: 'fc2', units: 48 },
          { type: 'activation', function: 'relu' },
          { type: 'dense', name: 'fc3', units: 10 },
        ],
        loss: 'cross-entropy',
      },
      optimiser: { lr: 0.1 },
      batch_size: 50,
      epochs: 30,
      measurements: [{ parameters: ['fc2.kernel'] }],
    });
    await window.go(`#/run/${run}/training`);
    await page
      .locator('header')
      .getByText(/measuring/)
      .waitFor();
    const seen = { speeds: new Set<string>(), epochs: new Set<string>(), stages: new Set<string>() };
    const fact = async (name: string): Promise<string> => {
      const found = page.locator('dl.numbers > div', { hasText: name }).locator('dd');
      return (await found.count()) === 0 ? '' : ((await found.textContent()) ?? '');
    };
    for (;;) {
      const stage = (await page.locator('.tab').locator('..').locator('header').textContent()) ?? '';
      if (!/measuring/.test(stage)) break;
      seen.stages.add(stage);
      seen.speeds.add(await fact('Training speed'));
      seen.epochs.add(await fact('Epoch'));
      await page.waitForTimeout(60);
    }
    await ended(run);
    expect(seen.stages.size).toBeGreaterThan(2);
    expect([...seen.epochs]).toEqual(['30.00 of 30']);
    expect(seen.speeds.size).toBe(1);
    // No word of an epoch that is over beside the last step.
    const told = window.bench.payloads('run.progress').filter((event) => event.run === run && event.step === 1800);
    expect(told.length).toBeGreaterThan(2);
    expect(told.filter(({ stage }) => /epoch (?!30\.0)/.test(stage))).toEqual([]);
  }, 240_000);

  it.each([
    [
      'did not learn',
      { ...tiny, name: 'dead', initialisation: { scale: 1e-9 }, optimiser: { lr: 1e-9 }, epochs: 3, measurements: [] },
      /the same prediction for every sample already reaches 1\.1/,
    ],
    [
      'fits perfectly',
      {
        ...tiny,
        name: 'perfect',
        dataset: { ...tiny.dataset, separation: 30 },
        epochs: 20,
        measurements: [],
      },
      /Every training sample is classified correctly/,
    ],
  ] as const)('says that a network %s, with the reason, and in the table too', async (state, experiment, reason) => {
    const { page } = window;
    const run = await start(experiment);
    await ended(run);
    await window.go(`#/run/${run}/overview`);
    await page.locator('header').getByText(`done, ${state}`).waitFor();
    await page.getByText(reason).waitFor();
    expect(await window.axe()).toEqual([]);
    await window.go('#/runs');
    await page.getByRole('row', { name: experiment.name }).getByText(`done, ${state}`).first().waitFor();
  });

  it('says why a run diverged', async () => {
    const { page, bench } = window;
    const run = await start({
      ...tiny,
      name: 'wild',
      optimiser: { lr: 1e5 },
      model: { ...tiny.model, loss: 'mse' },
      epochs: 20,
    });
    await until(
      async () => (await bench.request('runs.get', { id: run })).status === 'diverged',
      'it to diverge',
      60_000,
    );
    await window.go(`#/run/${run}/overview`);
    await page.locator('header').getByText('diverged').waitFor();
    await page
      .getByRole('status')
      .getByText(/the loss .+ by step \d+ \(learning rate .+\); try a smaller one/)
      .waitFor();
  });

  it('remarks beside the field what is allowed and hardly meant', async () => {
    const { page } = window;
    const run = await start({ ...tiny, name: 'plain' });
    await window.go(`#/new/${run}`);
    const epochs = page.getByLabel('Epochs', { exact: true });
    for (const [value, remark] of [
      ['2.5', 'training ends within an epoch, after step 50'],
      ['0', 'no step is taken: the network is measured as it was initialised'],
      ['1000000000', /steps a run: more than a day on any machine|a run takes about .* years on this machine/],
    ] as const) {
      await epochs.fill(value);
      await epochs.press('Tab');
      await page.getByText(remark).waitFor();
    }
    await epochs.fill('2');
    await epochs.press('Tab');
    await page.getByText(/years on this machine|a day on any machine/).waitFor({ state: 'detached' });
    await page.getByLabel('Batch size').fill('400');
    await page.getByLabel('Batch size').press('Tab');
    await page.getByText('every batch is the whole training set: no sampling noise').waitFor();
    const measured = page.getByPlaceholder('all', { exact: true });
    await measured.fill('5000');
    await measured.press('Tab');
    await page.getByText('expected at most 400, the number of training samples; received 5,000').waitFor();
  });

  it('never lets the document scroll away under the shell', async () => {
    const { page, bench } = window;
    const { rows } = await bench.request('runs.list', { limit: 10 });
    const run = rows.find(({ name }) => name === 'measured')!.id;
    const screens = ['#/runs', '#/new', '#/compare', '#/figures', '#/data', '#/import', '#/settings'];
    const tabs = ['overview', 'training', 'measurements', 'configuration', 'log'].map((tab) => `#/run/${run}/${tab}`);
    for (const [width, height] of [
      [1280, 800],
      [853, 533],
    ]) {
      await page.setViewportSize({ width, height });
      for (const screen of [...screens, ...tabs, `#/compare/${run}`]) {
        await window.go(screen);
        await page.waitForTimeout(400);
        const found = await page.evaluate<readonly number[]>(`(() => {
          const roots = [document.documentElement, document.body, document.getElementById('app'), document.getElementById('content')];
          for (const root of roots) root.scrollTo(0, 400);
          scrollTo(0, 400);
          return [document.documentElement.scrollHeight - innerHeight, scrollY, ...roots.map(({ scrollTop }) => scrollTop)];
        })()`);
        expect(found, `${screen} at ${width}`).toEqual([0, 0, 0, 0, 0, 0]);
      }
    }
    await page.setViewportSize({ width: 1280, height: 800 });
  }, 120_000);
});
