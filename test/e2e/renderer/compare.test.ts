/** A sweep laid side by side: what differs is the axis and the name, and every point stands at its value. In a real Chromium. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { describeWhere } from '../../support/skips.ts';
import { tiny, until } from '../../main/queue/support.ts';
import { OpenWindow, windowAvailable } from './support.ts';

/** A point of a chart, as the ring and the words beside it say when the pointer is near. */
interface Shown {
  readonly name: string;
  readonly x: string;
  readonly at: number;
}

describeWhere(windowAvailable(), 'a comparison', () => {
  let window: OpenWindow;
  let runs: readonly string[];

  beforeAll(async () => {
    window = await OpenWindow.open();
    const sweep = { ...tiny, optimiser: { lr: [0.1, 0.2, 0.4] }, batch_size: [20, 40] };
    ({ runs } = await window.bench.request('runs.start', { experiment: sweep }));
    await until(
      async () => (await window.bench.request('runs.list', { status: ['done'] })).rows.length === 6,
      'the sweep to end',
    );
  });
  afterAll(async () => {
    await window.close();
  });

  /** Every point that the pointer finds in a chart. */
  async function pointsOf(label: RegExp): Promise<Shown[]> {
    const { page } = window;
    const chart = page.getByRole('img', { name: label });
    await chart.scrollIntoViewIfNeeded();
    const box = (await chart.boundingBox())!;
    const found = new Map<string, Shown>();
    for (let y = 20; y < box.height - 40; y += 16)
      for (let x = 60; x < box.width; x += 16) {
        await page.mouse.move(box.x + x, box.y + y);
        const shown = await page.evaluate<Shown | null>(`(() => {
          const tip = document.querySelector('.overlay .tip');
          const ring = document.querySelector('.overlay .over circle');
          if (tip === null || ring === null) return null;
          const [name, at] = [...tip.children].map((each) => each.textContent);
          return { name, x: at, at: Number(ring.getAttribute('cx')) };
        })()`);
        if (shown !== null) found.set(shown.name, shown);
      }
    return [...found.values()];
  }

  it('draws every point of a numeric setting at its value', async () => {
    const { page } = window;
    await window.go(`#/compare/${runs.join(',')}`);
    await page.getByLabel('Setting', { exact: true }).scrollIntoViewIfNeeded();
    await page.getByLabel('Setting', { exact: true }).selectOption('optimiser.lr');
    const points = await pointsOf(/against optimiser\.lr$/);
    const places = new Map<number, Set<number>>();
    for (const { x, at } of points) {
      const value = Number(/[\d.]+$/.exec(x)![0]);
      places.set(value, (places.get(value) ?? new Set()).add(Math.round(10 * at) / 10));
    }
    expect([...places.keys()].sort()).toEqual([0.1, 0.2, 0.4]);
    // Both batch sizes at one rate stand one above the other, and the rates at their distances.
    expect([...places.values()].map(({ size }) => size)).toEqual([1, 1, 1]);
    const [a, b, c] = [0.1, 0.2, 0.4].map((value) => [...places.get(value)!][0]);
    expect((b - a) / (c - a)).toBeCloseTo(1 / 3, 2);
    expect(points).toHaveLength(6);
    expect(window.errors).toEqual([]);
  });
});
