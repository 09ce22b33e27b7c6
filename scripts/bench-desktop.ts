/**
 * Measures the start and the memory of the desktop application, in the Electron that is on the machine (ELECTRON_OVERRIDE_DIST_PATH, otherwise the package's own): the time from the
 * start of the process to the first contentful paint and to the list of runs, with an empty store and with one of many runs; and the memory
 * of all its processes (Linux: proportional set size) when it is idle. Run `npm run build` first.
 *
 *   node scripts/bench-desktop.ts [--runs 20000] [--repeats 5] [--idle 10] [--json]
 *
 * The first start with a store and a profile is not counted, because it creates both. `--idle`: seconds before memory is read.
 */
import { readFileSync, readdirSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { openStore } from '../src/main/store/index.ts';
import { Desktop } from '../test/e2e/electron/desktop.ts';
import { Display } from '../test/e2e/electron/display.ts';
import { desktopAvailable, Place } from '../test/e2e/electron/place.ts';
import { fillStore } from './bench-store.ts';

const { values: options } = parseArgs({
  options: {
    runs: { type: 'string', default: '20000' },
    repeats: { type: 'string', default: '5' },
    idle: { type: 'string', default: '10' },
    json: { type: 'boolean', default: false },
  },
});
const [runs, repeats, idle] = [options.runs, options.repeats, options.idle].map((text, i) => {
  const value = Number(text);
  if (!(Number.isInteger(value) && value >= 1))
    throw new Error(`--${['runs', 'repeats', 'idle'][i]}: expected a whole number >= 1, got ${text}`);
  return value;
});
const available = desktopAvailable();
if (available !== true) throw new Error(available);

interface Measured {
  readonly store: string;
  readonly electron: string;
  /** Milliseconds from the start of the process, medians. */
  readonly paint: number;
  readonly list: number;
  /** Megabytes, by kind of process; null if they cannot be read. */
  readonly memory: Readonly<Record<string, number>> | null;
}

const place = new Place();
const display = await Display.open();
try {
  const measured = [await measure('empty', 0), await measure(`${runs} runs`, runs)];
  if (options.json)
    process.stdout.write(`${JSON.stringify({ load: loadavg()[0] / cpus().length, measured }, null, 2)}\n`);
  else {
    console.log(`Electron ${measured[0].electron}, load per core ${(loadavg()[0] / cpus().length).toFixed(1)}`);
    for (const { store, paint, list, memory } of measured) {
      const parts = Object.entries(memory ?? {}).map(([kind, megabytes]) => `${kind} ${megabytes.toFixed(0)}`);
      const sum = Object.values(memory ?? {}).reduce((a, b) => a + b, 0);
      console.log(
        `${store}: first paint ${paint.toFixed(0)} ms, list ${list.toFixed(0)} ms, idle ${sum.toFixed(0)} MB (${parts.join(', ')})`,
      );
    }
  }
} finally {
  display.close();
  place.remove();
}

async function measure(store: string, count: number): Promise<Measured> {
  const home = place.home();
  const folder = join(home, 'store');
  if (count > 0) {
    const opened = openStore(folder);
    fillStore(opened, { runs: count, withSeries: 0 });
    opened.close();
    place.giveAll(folder);
  }
  const env = { COVATURE_HOME: folder };
  await (await Desktop.start(place, display, home, { env })).quit();
  const paints: number[] = [];
  const lists: number[] = [];
  let memory: Measured['memory'] = null;
  let electron = '';
  for (let i = 0; i < repeats; i++) {
    const began = Date.now();
    const desktop = await Desktop.start(place, display, home, { env });
    await desktop.page
      .locator(count > 0 ? 'tr[data-index="0"] td.name' : 'main h1, main h2')
      .first()
      .waitFor();
    const [paint, list] = await desktop.page.evaluate<[number, number]>(`[
      performance.timeOrigin + performance.getEntriesByName('first-contentful-paint')[0].startTime,
      Date.now(),
    ]`);
    paints.push(paint - began);
    lists.push(list - began);
    if (i === repeats - 1) {
      await new Promise((resolve) => setTimeout(resolve, idle * 1000));
      electron = await desktop.app.evaluate(() => process.versions.electron);
      memory = await memoryOf(desktop);
    }
    await desktop.quit();
  }
  return { store, electron, paint: median(paints), list: median(lists), memory };
}

function median(list: number[]): number {
  return list.sort((a, b) => a - b)[Math.floor((list.length - 1) / 2)];
}

/** Proportional set sizes: memory that processes share is counted once. The zygotes, which Electron does not list, are children of the main process. */
async function memoryOf(desktop: Desktop): Promise<Measured['memory']> {
  if (process.platform !== 'linux') return null;
  const kinds = new Map(
    await desktop.app.evaluate(({ app }) =>
      app.getAppMetrics().map((each) => [each.pid, each.type] as [number, string]),
    ),
  );
  const sums: Record<string, number> = {};
  for (const pid of family(desktop.pid)) {
    const size = /^Pss:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1];
    const kind = kinds.get(pid) ?? (pid === desktop.pid ? 'Browser' : 'Zygote');
    sums[kind] = (sums[kind] ?? 0) + Number(size) / 1024;
  }
  return sums;
}

function family(first: number): number[] {
  const children = new Map<number, number[]>();
  for (const name of readdirSync('/proc').filter((each) => /^\d+$/.test(each))) {
    try {
      const parent = Number(
        readFileSync(`/proc/${name}/stat`, 'utf8')
          .replace(/^.*\) /, '')
          .split(' ')[1],
      );
      children.set(parent, [...(children.get(parent) ?? []), Number(name)]);
    } catch {
      // It has ended in the meantime.
    }
  }
  const found: number[] = [];
  const waiting = [first];
  for (let pid = waiting.pop(); pid !== undefined; pid = waiting.pop()) {
    found.push(pid);
    waiting.push(...(children.get(pid) ?? []));
  }
  return found;
}
