/** The way to a first experiment: what is offered first, what it will take, and what a sweep will take. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { describeWhere } from '../../support/skips.ts';
import { tiny } from '../../main/queue/support.ts';
import { OpenWindow, windowAvailable } from './support.ts';

describeWhere(windowAvailable(), 'a new experiment', () => {
  let window: OpenWindow;
  // Other tests do without the times, which have to be measured first.
  const off = process.env['COVATURE_FORECAST'];
  beforeAll(async () => {
    delete process.env['COVATURE_FORECAST'];
    window = await OpenWindow.open();
  });
  afterAll(async () => {
    if (off !== undefined) process.env['COVATURE_FORECAST'] = off;
    await window.close();
  });

  it('says on the start page how long each example takes that can start at once', async () => {
    const { page } = window;
    await page
      .locator('small[data-testid="time-glyphs-mlp"]', { hasText: /about \d+ (s|min)/ })
      .waitFor({ timeout: 400_000 });
    expect(await page.getByText(/needs MNIST on this machine/).count()).toBeGreaterThan(1);
    expect(await page.locator('.blank li').first().textContent()).toMatch(/^Glyphs?, .*about/i);
  }, 450_000);

  it('opens with the quick network, the JSON folded, and keeps it as it was left', async () => {
    const { page } = window;
    await page.getByRole('button', { name: 'New experiment' }).first().click();
    await page.getByText('What it will take').waitFor();
    expect(await page.getByLabel('Example').inputValue()).toBe('glyphs-mlp');
    expect(await page.getByLabel('As JSON').count()).toBe(0);
    await page.getByRole('button', { name: 'JSON' }).click();
    await page.getByLabel('As JSON').fill('{ "name": ');
    await page.getByText(/The JSON cannot be read/).waitFor();
    await page.getByLabel('As JSON').fill(JSON.stringify(tiny, null, 2));
    await page.getByText(/The JSON cannot be read/).waitFor({ state: 'detached' });
    await page.getByRole('button', { name: 'JSON' }).click();
    expect(await page.getByLabel('As JSON').count()).toBe(0);
    expect(await page.getByLabel('Name').inputValue()).toBe('tiny');
    expect(await window.axe()).toEqual([]);
  });

  it('shows what each cell of a sweep takes, and the sum of them', async () => {
    const { page } = window;
    await page.getByLabel('Learning rate').fill('0.1, 0.05');
    await page.getByLabel('Epochs', { exact: true }).fill('2, 20000');
    await page.getByLabel('Epochs', { exact: true }).press('Tab');
    await page.getByRole('button', { name: 'Start 4 runs' }).waitFor();
    const cells = page.getByRole('region', { name: 'Sweep' }).locator('td');
    await cells
      .first()
      .getByText(/\d (s|min)/)
      .waitFor({ timeout: 400_000 });
    const texts = await cells.allTextContents();
    expect(texts).toHaveLength(4);
    expect(new Set(texts).size).toBe(2);
    // Every error stands once, beside its field.
    await page.getByLabel('Learning rate').fill('0.1, -2');
    await page.getByLabel('Learning rate').press('Tab');
    const problem = page.getByText(/value 2: expected a number above 0/);
    await problem.waitFor();
    expect(await problem.count()).toBe(1);
    await page.getByText('Marked beside the fields.').waitFor();
    await page.getByLabel('Learning rate').fill('0.1');
    await page.getByLabel('Learning rate').press('Tab');
    await problem.waitFor({ state: 'detached' });
    // What has no field of its own is called as everywhere else.
    await page.getByRole('button', { name: 'JSON' }).click();
    const right = await page.getByLabel('As JSON').inputValue();
    await page.getByLabel('As JSON').fill(JSON.stringify({ ...(JSON.parse(right) as object), precision: 'half' }));
    await page.getByText(/^precision of training: expected/).waitFor();
    await page.getByLabel('As JSON').fill(right);
    await page.getByRole('button', { name: 'JSON' }).click();
    await page.getByRole('button', { name: 'Start 2 runs' }).waitFor();
  }, 450_000);
});
