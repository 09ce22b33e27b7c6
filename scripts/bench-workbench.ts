/**
 * Times the window at the size that it is designed for: 20,000 runs with 60 summary keys each, 500 of them with 4 series of 2,000 points, in the machine's
 * Chromium with a real server (a separate process, `covature serve`). Run `npm run build` first; needs Chromium on the machine.
 *
 *   node scripts/bench-workbench.ts [--folder DIR] [--runs 20000] [--repeats 5] [--json]
 *
 * Fills a store in DIR (default: a temporary folder, removed at the end; an existing store is used as it is). Prints smallest, median and largest
 * milliseconds of each action, the limit that the median should stay under, and the processor time that server and browser took meanwhile (only on Linux): on a
 * machine that is busy with other work the wall clock mostly measures that work. Every timing ends with a frame in which the result is on the screen.
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { Page } from 'playwright-core';
import { openStore } from '../src/main/store/index.ts';
import { databasePath } from '../src/main/store/location.ts';
import { fillStore } from './bench-store.ts';
import { launchChromium } from './chromium.ts';

interface Timing {
  readonly name: string;
  readonly smallest: number;
  readonly median: number;
  readonly largest: number;
  /** The limit that the median should stay under, in milliseconds. */
  readonly aim: number;
  /** Milliseconds of processor time of server and browser, median; null if it is not known. */
  readonly processor: number | null;
}

const { values: options } = parseArgs({
  options: {
    folder: { type: 'string' },
    runs: { type: 'string', default: '20000' },
    repeats: { type: 'string', default: '5' },
    json: { type: 'boolean', default: false },
  },
});
const runs = Number(options.runs);
if (!(Number.isInteger(runs) && runs >= 1000)) {
  throw new Error(`--runs: expected a whole number >= 1000, got ${options.runs}`);
}
const repeats = Number(options.repeats);
if (!(Number.isInteger(repeats) && repeats >= 1)) {
  throw new Error(`--repeats: expected a whole number >= 1, got ${options.repeats}`);
}

/** For the page: the number of lines that the table says it has. */
const rows = `document.querySelector('table[aria-label="Runs"]')?.getAttribute('aria-rowcount')`;
const folder = options.folder ?? mkdtempSync(join(tmpdir(), 'covature-bench-window-'));
try {
  await main();
} finally {
  if (options.folder === undefined) rmSync(folder, { recursive: true, force: true });
}

async function main(): Promise<void> {
  let compared: string[];
  {
    const started = performance.now();
    const isNew = !existsSync(databasePath(folder));
    const store = openStore(folder);
    if (isNew) fillStore(store, { runs, withSeries: 500 });
    compared = store.listRunIds({ sort: [{ key: 'created' }], filter: 'name ~ "-0"' }).slice(0, 200);
    // The window starts as it does for a new user.
    for (const name of ['runs.view', 'runs.position', 'compare.view', 'runs.hidden'])
      store.setSetting(`state:${name}`, undefined);
    store.close();
    if (isNew && !options.json) console.log(`filled with ${runs} runs in ${seconds(started)} s`);
  }
  const server = spawn(
    process.execPath,
    [fileURLToPath(new URL('../src/main/cli/index.ts', import.meta.url)), 'serve', '--store', folder],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const browser = await launchChromium();
  try {
    const url = await addressOf(server.stdout);
    const page = await (await browser.newContext({ viewport: { width: 1280, height: 800 } })).newPage();
    await page.goto(url);
    await page.locator('tr[data-index="0"] td.name').waitFor();
    const base = url.replace(/#.*$/, '');
    // The engine is looked for in a separate process, once per start.
    await page.getByText(/^BLAS:|no BLAS/).waitFor();
    const timings = [
      await time('first paint of the list', 1000, () => firstPaint(page, base)),
      await time('filter: gamma.fc2 > 1.1 and loss = "mse"', 100, (i) =>
        filter(page, `gamma.fc2 > 1.${1 + i} and loss = "mse"`),
      ),
      await time('filter: words', 100, (i) => filter(page, `mnist ce 1${i}`)),
      await time('sort by gamma of fc2', 100, () => sort(page)),
      await time('group by the seeds of a setup', 100, () => group(page)),
      await time('scrolling: the longest frame', 100, () => scrolling(page)),
      await time('compare 200 runs of 2,000 points', 1000, () => compare(page, compared)),
    ];
    report(timings);
  } finally {
    await browser.close();
    server.kill();
  }
}

function seconds(since: number): string {
  return ((performance.now() - since) / 1000).toFixed(1);
}

async function addressOf(output: NodeJS.ReadableStream): Promise<string> {
  for await (const line of createInterface({ input: output })) {
    const url = /https?:\/\/\S+#token=\S+/.exec(line)?.[0];
    if (url !== undefined) return url;
  }
  throw new Error('covature serve ended without an address');
}

async function time(name: string, aim: number, once: (index: number) => Promise<number>): Promise<Timing> {
  const times: number[] = [];
  const processor: number[] = [];
  for (let i = 0; i < repeats; i++) {
    const before = processorTime();
    times.push(await once(i));
    const after = processorTime();
    if (before !== null && after !== null) processor.push(after - before);
  }
  const middle = (list: number[]): number => list.sort((a, b) => a - b)[Math.floor((list.length - 1) / 2)];
  return {
    name,
    aim,
    median: middle(times),
    smallest: times[0],
    largest: times[times.length - 1],
    processor: processor.length === 0 ? null : middle(processor),
  };
}

/** Milliseconds of processor time of all processes started by this one; null if /proc is missing. */
function processorTime(): number | null {
  if (process.platform !== 'linux') return null;
  const parents = new Map<number, number>();
  const ticks = new Map<number, number>();
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const fields = readFileSync(`/proc/${name}/stat`, 'utf8')
        .replace(/^.*\) /, '')
        .split(' ');
      parents.set(Number(name), Number(fields[1]));
      ticks.set(Number(name), Number(fields[11]) + Number(fields[12]));
    } catch {
      // It has ended in the meantime.
    }
  }
  let sum = 0;
  for (const [pid, own] of ticks) {
    let at: number | undefined = parents.get(pid);
    while (at !== undefined && at !== process.pid) at = parents.get(at);
    if (at === process.pid) sum += own;
  }
  // USER_HZ is 100 on every Linux that Node runs on.
  return 10 * sum;
}

/** From the navigation to the frame that shows the first row's name. */
async function firstPaint(page: Page, base: string): Promise<number> {
  await page.goto('about:blank');
  await page.goto(`${base}#/runs`, { waitUntil: 'commit' });
  return page.evaluate<number>(`new Promise((resolve) => {
    const look = () => document.querySelector('tr[data-index="0"] td.name')?.textContent.trim().length > 1
      ? requestAnimationFrame(() => setTimeout(() => resolve(performance.now())))
      : requestAnimationFrame(look);
    look();
  })`);
}

/** For the page: does `start`, then waits for the frame after `condition`. */
function until(start: string, condition: string): string {
  return `new Promise((resolve, reject) => {
  const began = performance.now();
  ${start}
  const look = () => {
    if (${condition}) requestAnimationFrame(() => setTimeout(() => resolve(performance.now() - began)));
    else if (performance.now() - began > 60_000) reject(new Error('it had no effect within a minute'));
    else requestAnimationFrame(look);
  };
  look();
})`;
}

/** From a change of the filter's text to the frame with another number of runs. */
async function filter(page: Page, text: string): Promise<number> {
  const took = await page.evaluate<number>(
    until(
      `const before = ${rows};
       const field = document.querySelector('input[aria-label="Filter"]');
       field.value = ${JSON.stringify(text)};
       field.dispatchEvent(new Event('input', { bubbles: true }));`,
      `${rows} !== before`,
    ),
  );
  await page.evaluate(
    until(
      `const before = ${rows};
       const field = document.querySelector('input[aria-label="Filter"]');
       field.value = '';
       field.dispatchEvent(new Event('input', { bubbles: true }));`,
      `${rows} !== before`,
    ),
  );
  return took;
}

async function sort(page: Page): Promise<number> {
  const took = await page.evaluate<number>(
    until(
      `const before = document.querySelector('tr[data-index="0"] td.name').textContent;
       [...document.querySelectorAll('thead button')].find((each) => /γ fc2/.test(each.textContent)).click();`,
      `document.querySelector('tr[data-index="0"] td.name').textContent !== before`,
    ),
  );
  return took;
}

async function group(page: Page): Promise<number> {
  const press = (condition: string): string =>
    until(
      `[...document.querySelectorAll('[aria-label="Fields to group by"] label')].find((each) => /Seeds/.test(each.textContent)).click();`,
      condition,
    );
  await page.getByRole('button', { name: /^Group/ }).click();
  const took = await page.evaluate<number>(press(`document.querySelector('tr.group td.name') !== null`));
  await page.evaluate(
    press(
      `document.querySelector('tr.group') === null && document.querySelector('tr[data-index="0"] td.name') !== null`,
    ),
  );
  await page.keyboard.press('Escape');
  return took;
}

/** The longest time between two frames while the table is scrolled from end to end for three seconds, then jumped through. */
async function scrolling(page: Page): Promise<number> {
  return page.evaluate<number>(`new Promise((resolve) => {
    const view = document.querySelector('table[aria-label="Runs"]').parentElement;
    const began = performance.now();
    let last = began;
    let longest = 0;
    const step = (now) => {
      longest = Math.max(longest, now - last);
      last = now;
      const at = (now - began) / 1000;
      // Three seconds with the wheel's speed, then jumps as with the scroll bar.
      if (at < 3) view.scrollTop += 120;
      else view.scrollTop = (view.scrollHeight - view.clientHeight) * Math.abs(Math.sin(7 * at));
      if (at < 5) requestAnimationFrame(step);
      else {
        view.scrollTop = 0;
        resolve(longest);
      }
    };
    requestAnimationFrame((now) => {
      last = now;
      step(now);
    });
  })`);
}

/** From the press to the frame with the curves of all runs. */
async function compare(page: Page, ids: readonly string[]): Promise<number> {
  const took = await page.evaluate<number>(
    until(
      `location.hash = ${JSON.stringify(`#/compare/${ids.join(',')}`)};`,
      `Number(document.querySelector('[data-painted]')?.dataset.painted ?? 0) > 0`,
    ),
  );
  await page.evaluate(
    until(`location.hash = '#/runs';`, `document.querySelector('tr[data-index="0"] td.name') !== null`),
  );
  return took;
}

function report(timings: readonly Timing[]): void {
  const load = loadavg()[0] / cpus().length;
  if (options.json) {
    process.stdout.write(`${JSON.stringify({ runs, load, timings }, null, 2)}\n`);
    return;
  }
  console.log(`load per core: ${load.toFixed(1)}\n\n  smallest  median   largest  under  processor`);
  for (const { name, smallest, median, largest, aim, processor } of timings) {
    const mark = median <= aim ? ' ' : '!';
    console.log(
      `${mark}${smallest.toFixed(0).padStart(9)} ${median.toFixed(0).padStart(7)} ${largest.toFixed(0).padStart(9)} ${String(aim).padStart(6)} ${(processor === null ? '' : processor.toFixed(0)).padStart(10)}  ${name}`,
    );
  }
}
