/** No control moves, vanishes or is disabled under a press, and a press right after typing does what the control says, with what was typed. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { ElementHandle, Locator } from 'playwright-core';
import { describeWhere } from '../../support/skips.ts';
import { tiny, until } from '../../main/queue/support.ts';
import { OpenWindow, windowAvailable } from './support.ts';

/** Longer than a check of the form and its answer take. */
const pressMilliseconds = 700;

describeWhere(windowAvailable(), 'a press', () => {
  let window: OpenWindow;
  let run: string;

  beforeAll(async () => {
    window = await OpenWindow.open();
    [run] = (await window.bench.request('runs.start', { experiment: { ...tiny, epochs: 40 } })).runs;
    await until(
      async () => (await window.bench.request('runs.counts', { status: ['done'] })).total === 1,
      'the run to be done',
      120_000,
    );
  }, 180_000);
  afterAll(async () => {
    await window.close();
  });

  /** Writes as a person does, so that the field commits only when it loses the focus. */
  async function write(field: Locator, text: string): Promise<void> {
    await field.click();
    await field.press('Control+a');
    await window.page.keyboard.type(text);
  }

  const standing = async (control: Locator): Promise<unknown> => ({
    box: await control.boundingBox(),
    isEnabled: await control.isEnabled(),
  });

  /** So that the page knows it again. */
  const mark = (handle: ElementHandle): Promise<void> =>
    handle.evaluate((control) => {
      (control as unknown as { readonly dataset: Record<string, string> }).dataset['pressed'] = '1';
    });

  /** Holds the control down for a while: it stays where it is and as it is. */
  async function hold(control: Locator): Promise<void> {
    const { page } = window;
    const before = await standing(control);
    const box = (await control.boundingBox())!;
    await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
    await page.mouse.down();
    await page.waitForTimeout(pressMilliseconds);
    expect(await standing(control)).toEqual(before);
  }

  it.each([
    ['Learning rate', '0.07', ['optimiser', 'lr'], 0.07],
    ['Epochs', '3', ['epochs'], 3],
    ['Batch size', '25', ['batch_size'], 25],
  ] as const)('on Start, right after %s was typed, starts with it', async (label, text, path, value) => {
    const { page, bench } = window;
    await window.go(`#/new/${run}`);
    await page.getByLabel(label, { exact: true }).waitFor();
    const { total } = await bench.request('runs.counts', {});
    await write(page.getByLabel(label, { exact: true }), text);
    await hold(page.getByRole('button', { name: 'Start', exact: true }));
    await page.mouse.up();
    await until(async () => (await bench.request('runs.counts', {})).total === total + 1, 'the run to be stored');
    await page.waitForURL(/run\/[\w-]+\/training/);
    const id = /run\/([\w-]+)\/training/.exec(page.url())![1];
    const { experiment } = await bench.request('runs.get', { id });
    expect(path.reduce<unknown>((at, key) => (at as Record<string, unknown>)[key], experiment)).toBe(value);
  });

  it('on Start with what cannot run starts nothing and goes to the field; errors leave once mended', async () => {
    const { page, bench } = window;
    await window.go('#/settings');
    await window.go(`#/new/${run}`);
    await page.getByLabel('Batch size').waitFor();
    const { total } = await bench.request('runs.counts', {});
    await write(page.getByLabel('Batch size'), '9000');
    await page.getByRole('button', { name: 'Start', exact: true }).click();
    const problem = page.getByText('expected at most 400, the number of training samples; received 9,000');
    await problem.waitFor();
    expect(await problem.count()).toBe(1);
    expect(await page.locator('#field-batch_size:focus').count()).toBe(1);
    expect((await bench.request('runs.counts', {})).total).toBe(total);
    await write(page.getByLabel('Batch size'), '20');
    await page.keyboard.press('Tab');
    await problem.waitFor({ state: 'detached' });
    await page.getByText('to fix').waitFor({ state: 'detached' });
  });

  it('leaves every other control of every screen in its place, whatever field was typed in before', async () => {
    const { page } = window;
    const screens = [
      `#/new/${run}`,
      '#/runs',
      '#/data',
      '#/import',
      '#/settings',
      `#/run/${run}/measurements`,
      `#/run/${run}/measurements/new`,
      `#/compare/${run}`,
    ];
    let pressed = 0;
    for (const screen of screens) {
      await window.go('#/settings');
      await window.go(screen);
      await page.waitForTimeout(800);
      const inside = screen.endsWith('/new') ? page.getByRole('dialog') : page.locator('main');
      const fields = inside.locator('input[type="text"]:visible, textarea:visible');
      const buttons = inside.locator('button:visible:enabled');
      for (let f = 0; f < Math.min(4, await fields.count()); f++) {
        const count = await buttons.count();
        for (let b = 0; b < count; b += Math.max(1, Math.floor(count / 3))) {
          const control = buttons.nth(b);
          if ((await control.count()) === 0) continue;
          const handle = await control.elementHandle();
          await fields.nth(f).scrollIntoViewIfNeeded();
          await write(fields.nth(f), '7');
          if (!(await handle.isVisible()) || !(await handle.isEnabled())) continue;
          await handle.scrollIntoViewIfNeeded();
          const before = await handle.boundingBox();
          if (before === null) continue;
          await page.evaluate(
            "for (const one of document.querySelectorAll('[data-pressed]')) delete one.dataset.pressed",
          );
          await mark(handle);
          const [x, y] = [before.x + before.width / 2, before.y + before.height / 2];
          await page.mouse.move(x, y);
          // What lies under the pointer may be the list of the field itself.
          const isFree = await page.evaluate<boolean>(
            `document.elementFromPoint(${x}, ${y})?.closest('button')?.dataset.pressed === '1'`,
          );
          if (!isFree) continue;
          const at = await handle.boundingBox();
          await page.mouse.down();
          await page.waitForTimeout(350);
          const words = `${screen}, field ${f}: ${await handle.innerText()}`;
          expect(await handle.boundingBox(), words).toEqual(at);
          expect(await handle.isEnabled(), words).toBe(true);
          // Let go elsewhere: the press comes to nothing.
          await page.mouse.move(1, 1);
          await page.mouse.up();
          pressed++;
        }
      }
      if (screen.endsWith('/new')) await page.keyboard.press('Escape');
    }
    expect(pressed).toBeGreaterThan(30);
  }, 240_000);

  it('by the space bar on a control that an answer is about to change is not lost either', async () => {
    const { page, bench } = window;
    await window.go('#/settings');
    await window.go(`#/new/${run}`);
    await page.getByLabel('Epochs', { exact: true }).waitFor();
    const { total } = await bench.request('runs.counts', {});
    await write(page.getByLabel('Epochs', { exact: true }), '2');
    await page.getByRole('button', { name: 'Start', exact: true }).focus();
    await page.keyboard.down('Space');
    await page.waitForTimeout(pressMilliseconds);
    await page.keyboard.up('Space');
    await until(async () => (await bench.request('runs.counts', {})).total === total + 1, 'the run to be stored');
  });
});
