/**
 * Times the store at the size that it is designed for: 20,000 runs with 60 summary keys each, 500 of them with 4 series of 2,000 points.
 *
 *   node scripts/bench-store.ts [--folder DIR] [--runs 20000] [--json]
 *
 * Fills a store in DIR (default: a temporary folder, removed at the end; an existing store is used as it is), then prints for each query the
 * smallest, median and largest of 9 timings in milliseconds, and the limit that the median should stay under.
 */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { openStore, type RunStatus, type Store, type SummaryInput } from '../src/main/store/index.ts';
import { databasePath } from '../src/main/store/location.ts';
import { Random } from '../src/shared/random.ts';

const layers = ['fc1', 'fc2', 'fc3'];

/** Fills an empty store with made-up runs: `runs` of them, the first `withSeries` with 4 series of 2,000 points. Deterministic. */
export function fillStore(store: Store, options: { readonly runs: number; readonly withSeries: number }): void {
  const random = new Random(1, 'bench-store');
  const projects = ['MNIST', 'Fashion-MNIST', 'CIFAR-10', 'glyphs'].map((name) => store.createProject(name).id);
  const steps = Float64Array.from({ length: 2000 }, (_, i) => 10 * (i + 1));
  const statuses: RunStatus[] = [
    'done',
    'done',
    'done',
    'done',
    'done',
    'done',
    'failed',
    'diverged',
    'cancelled',
    'interrupted',
  ];
  const start = Date.UTC(2026, 0, 1);
  for (let first = 0; first < options.runs; first += 500) {
    store.transaction(() => {
      for (let i = first; i < Math.min(first + 500, options.runs); i++) {
        const dataset = random.below(4);
        const setup = Math.floor(i / 5);
        const id = store.createRun({
          name: `${['mnist', 'fashion', 'cifar', 'glyphs'][dataset]}-${setup % 2 === 0 ? 'ce' : 'mse'}-${String(i).padStart(5, '0')}`,
          project: projects[dataset],
          experiment: experimentOf(setup, i % 5, ['mnist', 'fashion-mnist', 'cifar-10', 'glyphs'][dataset]),
          status: statuses[random.below(statuses.length)],
          tags: random.below(10) === 0 ? ['paper'] : [],
          created: start + i * 60_000,
        });
        store.setSummary(id, resultsOf(random));
        if (i < options.withSeries) {
          const metrics = Object.fromEntries(
            ['loss', 'accuracy', 'test_loss', 'test_accuracy'].map((name) => {
              const values = Float64Array.from(steps, (step) => Math.exp(-step / 5000) + 0.05 * random.normal());
              return [name, { steps, values }];
            }),
          );
          store.appendMetrics(id, 0, metrics);
        }
      }
    });
  }
}

function experimentOf(setup: number, seed: number, dataset: string) {
  const units = 30 + 10 * (setup % 7);
  return {
    name: `setup ${setup}`,
    seed,
    dataset: { kind: 'idx', name: dataset },
    model: {
      input: [784],
      layers: [
        { type: 'dense', name: 'fc1', units },
        { type: 'activation', function: 'relu' },
        { type: 'dense', name: 'fc2', units },
        { type: 'activation', function: 'relu' },
        { type: 'dense', name: 'fc3', units: 10 },
      ],
      loss: setup % 2 === 0 ? 'cross-entropy' : 'mse',
    },
    optimiser: { lr: [0.3, 0.1, 0.03, 0.01][setup % 4], momentum: setup % 3 === 0 ? 0.9 : 0, weight_decay: 0 },
    batch_size: [25, 50, 100][setup % 3],
    epochs: 20,
    precision: 'float32',
  };
}

/** About 45 keys, which make 60 together with those of the experiment. */
function resultsOf(random: Random): Record<string, SummaryInput> {
  const results: Record<string, SummaryInput> = {
    loss: Math.exp(random.normal() - 4),
    accuracy: 0.9 + 0.1 * random.uniform(),
    test_loss: Math.exp(random.normal() - 3),
    test_accuracy: 0.9 + 0.08 * random.uniform(),
  };
  for (const layer of layers) {
    const gamma = 1.2 + 0.2 * random.normal();
    results[`gamma.${layer}`] = { value: gamma, low: gamma - 0.03, high: gamma + 0.03 };
    results[`gamma.${layer}.cross_fitted`] = gamma - 0.1;
    for (const key of ['gamma_Q', 'C_on_Q', 'cosine_CH', 'cosine_CQ', 'commutator_ratio', 'sharpness', 'trace']) {
      results[`${key}.${layer}`] = random.uniform();
    }
    for (const cutoff of ['1e-1', '1e-2', '1e-3', '1e-4', '1e-5', '1e-6']) {
      results[`gamma.training_set.${layer}@${cutoff}`] = 1.2 + 0.2 * random.normal();
    }
  }
  return results;
}

interface Timing {
  readonly name: string;
  readonly smallest: number;
  readonly median: number;
  readonly largest: number;
  /** The limit that the median should stay under, in milliseconds. */
  readonly aim: number;
  /** What the query found, to check that it did something. */
  readonly found: number;
}

export function timeStore(store: Store): Timing[] {
  const columns = [
    'loss',
    'accuracy',
    'gamma.fc1',
    'gamma.fc2',
    'gamma.fc3',
    'dataset',
    'model',
    'optimiser.lr',
    'batch_size',
    'sharpness.fc2',
  ];
  const firstIds = store.listRunIds({ sort: [{ key: 'created' }] }).slice(0, 200);
  const last = { revision: 0, nextBatch: 1 };
  const cases: [name: string, aim: number, query: () => number][] = [
    ['newest 100', 50, () => store.listRuns({ columns }).total],
    [
      'sorted by gamma.fc2',
      50,
      () => store.listRuns({ sort: [{ key: 'gamma.fc2', descending: true }], columns }).total,
    ],
    ['the last 100 of that', 50, () => store.listRuns({ sort: [{ key: 'gamma.fc2' }], offset: 19_900, columns }).total],
    [
      'sorted by text, then number',
      100,
      () => store.listRuns({ sort: [{ key: 'dataset' }, { key: 'loss' }], columns }).total,
    ],
    [
      'filter gamma.fc2 > 1.1 and loss = "mse"',
      50,
      () => store.listRuns({ filter: 'gamma.fc2 > 1.1 and loss = "mse"', columns }).total,
    ],
    [
      'longer filter, sorted',
      50,
      () =>
        store.listRuns({
          filter: 'gamma.fc2 > 1.1 and loss = "mse" and (dataset = mnist or not tag = paper)',
          sort: [{ key: 'gamma.fc3' }],
          columns,
        }).total,
    ],
    ['filter fc2 against fc3', 50, () => store.listRuns({ filter: 'gamma.fc2 > gamma.fc3', columns }).total],
    ['filter by text (name ~ ce-01)', 100, () => store.listRuns({ filter: 'name ~ ce-01', columns }).total],
    ['search "mnist ce 199"', 50, () => store.listRuns({ text: 'mnist ce 199', columns }).total],
    [
      'a page with all 60 keys',
      50,
      () => store.listRuns({ columns: store.summaryKeyList().map(({ key }) => key) }).total,
    ],
    ['ids of all', 50, () => store.listRunIds().length],
    ['counts by status', 50, () => store.countRuns().total],
    ['keys', 50, () => store.summaryKeyList().length],
    [
      'groups by setup, 4 means',
      250,
      () =>
        store.groupRuns({ by: ['setup'], values: ['gamma.fc2', 'gamma.fc3', 'loss', 'accuracy'], limit: 100 }).total,
    ],
    [
      'groups by two keys, 4 means',
      250,
      () =>
        store.groupRuns({ by: ['dataset', 'optimiser.lr'], values: ['gamma.fc2', 'gamma.fc3', 'loss', 'accuracy'] })
          .total,
    ],
    ['one run', 5, () => Object.keys(store.getRun(firstIds[0])!.values).length],
    ['one run, 4 series', 5, () => Object.keys(store.series(firstIds[0])).length],
    ['one series of 200 runs', 100, () => Object.keys(store.seriesOfRuns(firstIds, { names: ['loss'] })).length],
    [
      '4 series of 200 runs, 500 points each',
      200,
      () => Object.keys(store.seriesOfRuns(firstIds, { points: 500 })).length,
    ],
    ['nothing new in a series', 2, () => store.seriesSince(firstIds[0], last).nextBatch],
  ];
  if (!store.readOnly) {
    const id = store.createRun({ name: 'timed', experiment: {}, status: 'running' });
    let number = 0;
    cases.push([
      'storing a batch (2 series, 500 points)',
      10,
      () => {
        const steps = Float64Array.from({ length: 500 }, (_, i) => 500 * number + i);
        store.appendMetrics(id, number++, { loss: { steps, values: steps }, accuracy: { steps, values: steps } });
        return number;
      },
    ]);
  }
  return cases.map(([name, aim, query]) => {
    const times: number[] = [];
    let found = 0;
    for (let i = 0; i < 9; i++) {
      const start = performance.now();
      found = query();
      times.push(performance.now() - start);
    }
    times.sort((a, b) => a - b);
    return { name, smallest: times[0], median: times[4], largest: times[8], aim, found };
  });
}

function main(): void {
  const { values: options } = parseArgs({
    options: {
      folder: { type: 'string' },
      runs: { type: 'string', default: '20000' },
      json: { type: 'boolean', default: false },
    },
  });
  const runs = Number(options.runs);
  if (!(Number.isInteger(runs) && runs >= 200))
    throw new Error(`--runs: expected a whole number >= 200, got ${options.runs}`);
  const folder = options.folder ?? mkdtempSync(join(tmpdir(), 'covature-bench-store-'));
  const isNew = !existsSync(databasePath(folder));
  try {
    let start = performance.now();
    let store = openStore(folder);
    if (isNew) fillStore(store, { runs, withSeries: Math.min(500, runs) });
    const filled = performance.now() - start;
    store.close();
    start = performance.now();
    store = openStore(folder);
    const opened = performance.now() - start;
    const timings = timeStore(store);
    store.close();
    if (options.json) {
      process.stdout.write(`${JSON.stringify({ runs, filled, opened, timings }, null, 2)}\n`);
      return;
    }
    if (isNew) console.log(`filled with ${runs} runs in ${(filled / 1000).toFixed(1)} s`);
    console.log(`opened in ${opened.toFixed(1)} ms\n\n  smallest  median   largest  under   found  query`);
    for (const { name, smallest, median, largest, aim, found } of timings) {
      const mark = median <= aim ? ' ' : '!';
      console.log(
        `${mark}${smallest.toFixed(1).padStart(9)} ${median.toFixed(1).padStart(7)} ${largest.toFixed(1).padStart(9)} ${String(aim).padStart(6)} ${String(found).padStart(7)}  ${name}`,
      );
    }
  } finally {
    if (options.folder === undefined) rmSync(folder, { recursive: true, force: true });
  }
}

if (import.meta.main) main();
