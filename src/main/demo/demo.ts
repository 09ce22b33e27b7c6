/**
 * Everything in one command: train 784-50-50-10, measure its upper layers exactly on the 8,000 training samples, show what the first layer would
 * take, print, draw, and keep the run in the store.
 */
import { readFile } from 'node:fs/promises';
import * as path from 'node:path';
import * as v from 'valibot';
import { describeModel } from '../../shared/model.ts';
import { parseExperiment } from '../../shared/experiment.ts';
import type { Experiment } from '../../shared/experiment.ts';
import { InputError } from '../../shared/errors.ts';
import { parseJson } from '../../shared/validation.ts';
import { writeFigures } from '../cli/commands/export.ts';
import { formatDuration } from '../cli/format.ts';
import { ProgressLine } from '../cli/progress.ts';
import { runDocument, runText } from '../cli/run-text.ts';
import { blasHint } from '../jobs/engine.ts';
import { scatterPlans } from '../figures/plans.ts';
import type { JobEvent } from '../jobs/protocol.ts';
import { invocation } from '../invocation.ts';
import { startRun } from '../services/runs.ts';
import { engineFlags, engineOf, makeFolder, openStoreFor, printJson, storeFlags } from '../cli/command.ts';
import { flagsHelp, parse } from '../cli/flags.ts';
import type { Flags } from '../cli/flags.ts';

export const demoFlags = {
  dataset: {
    schema: v.optional(v.picklist(['glyphs', 'mnist']), 'glyphs'),
    value: 'NAME',
    help: 'what it trains on',
    meanings: { glyphs: 'drawn here, nothing is downloaded' },
  },
  path: { schema: v.string(), value: 'DIR', help: "the folder with MNIST's four files" },
  out: { schema: v.optional(v.string(), 'figures'), value: 'DIR', help: 'folder for the figures' },
  ...engineFlags,
  ...storeFlags,
} as const satisfies Flags;

export const demoHelp = `Usage: covature demo [--dataset mnist --path DIR] [--out DIR] [options]   (in a checkout: npm run demo [-- OPTIONS])

Trains 784-50-50-10 on drawn digits (or MNIST), measures its layers, prints gamma, and writes figures.

${flagsHelp(demoFlags)}`;

export async function runDemo(argv: readonly string[]): Promise<number> {
  if (argv.includes('--help') || argv.includes('-h')) {
    process.stdout.write(`${demoHelp}\n`);
    return 0;
  }
  const began = performance.now();
  const { values } = parse(argv, demoFlags, [0, 0]);
  const experiment = await demoExperiment(values.dataset, values.path);
  const folder = path.resolve(values.out);
  makeFolder(folder);
  using store = openStoreFor(values, false);
  const progress = new ProgressLine();
  let prepared: Extract<JobEvent, { kind: 'prepared' }> | null = null;
  const started = startRun(store, experiment, {
    engine: engineOf(values),
    baseFolder: process.cwd(),
    onEvent: (event) => {
      if (event.kind === 'prepared') prepared = event;
      if (event.kind !== 'measurement-failed') progress.onEvent(event);
    },
  });
  progress.note(
    `training ${describeModel(experiment.model)} on ${experiment.dataset.source}, ${experiment.epochs} epochs; run ${started.id}`,
  );
  const stop = (): void => {
    started.job.cancel();
  };
  process.on('SIGINT', stop);
  const end = await started.done;
  process.off('SIGINT', stop);
  progress.clear();
  const run = store.getRun(started.id);
  if (run === undefined) throw new Error(`run ${started.id} is gone from the store`);
  if (end.kind !== 'ended') {
    process.stderr.write(`demo: ${end.kind === 'failed' ? end.event.message : end.message}\n`);
    return end.kind === 'failed' && end.event.isInput ? 2 : 1;
  }
  const measurements = store.measurements(run.id);
  const plans = scatterPlans(run, measurements);
  const { documents } = await writeFigures(store, plans, { formats: ['svg'], folder, engine: engineOf(values) });
  const files = documents.flatMap((each) => each.files);
  const status = end.event.outcome === 'done' ? 0 : 1;
  if (values.json) {
    printJson({ run: runDocument(store, run), files });
    return status;
  }
  process.stdout.write(`${runText(store, run)}\n`);
  process.stdout.write(`\nfigures:\n${files.map((file) => `  ${path.relative(process.cwd(), file)}\n`).join('')}`);
  process.stdout.write(`run ${run.id} is kept in ${store.folder}: ${invocation} show ${run.id}\n`);
  const engine = (prepared as Extract<JobEvent, { kind: 'prepared' }> | null)?.engine;
  if (engine !== undefined) {
    process.stdout.write(
      `computed with ${engine.blas}${engine.path === '' ? '' : ` (${engine.path})`}, ${engine.threads} threads, in ${formatDuration((performance.now() - began) / 1000)}\n`,
    );
    if (engine.kind === 'wasm') process.stdout.write(`${blasHint()}\n`);
  }
  return status;
}

async function demoExperiment(dataset: 'glyphs' | 'mnist', folder: string | undefined): Promise<Experiment> {
  const file = new URL('../../../resources/examples/glyphs-mlp.json', import.meta.url);
  const example = parseJson(await readFile(file, 'utf8'), 'glyphs-mlp.json') as Record<string, unknown>;
  // The first layer is asked for too: what an exact measurement of it would take is part of what a newcomer should see.
  const measurements = [
    { parameters: ['fc2.kernel', 'fc3.kernel'], samples: 8000 },
    { parameters: ['fc1.kernel'], samples: 8000, method: 'exact' },
  ];
  switch (dataset) {
    case 'glyphs':
      return parseExperiment({ ...example, name: 'demo: glyphs', measurements });
    case 'mnist': {
      if (folder === undefined)
        throw new InputError(
          '--dataset mnist: expected --path with the folder that holds its four files (train-images-idx3-ubyte.gz, ...)',
        );
      const subset = { count: 8000 };
      return parseExperiment({
        ...example,
        name: 'demo: MNIST',
        dataset: { source: 'mnist', path: path.resolve(folder), subset },
        measurements,
      });
    }
    default:
      dataset satisfies never;
      throw new Error(`not a dataset of the demonstration: ${String(dataset)}`);
  }
}
