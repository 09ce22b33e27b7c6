/** covature run */
import * as path from 'node:path';
import { resolveDataset } from '../../../data/resolve.ts';
import { parseExperiment } from '../../../shared/experiment.ts';
import { fitted } from '../../jobs/data.ts';
import type { JobEnd } from '../../jobs/host.ts';
import { forecastExperiment } from '../../services/forecasts.ts';
import { checkShapes } from '../../services/fitting.ts';
import { dataFolderOf, resumeRun, startRun } from '../../services/runs.ts';
import type { StartedRun } from '../../services/runs.ts';
import type { Store } from '../../store/index.ts';
import {
  engineFlags,
  engineHelp,
  engineOf,
  integerOption,
  openStoreFor,
  parse,
  printJson,
  storeHelp,
  storeOptions,
  UsageError,
} from '../command.ts';
import type { Command } from '../command.ts';
import { readJsonFile } from '../files.ts';
import { forecastText } from '../forecast-text.ts';
import { ProgressLine } from '../progress.ts';
import { runDocument, runText } from '../run-text.ts';

const help = `Usage: covature run EXPERIMENT.json [options]
       covature run --resume RUN [options]

Trains the network of an experiment, measures it as the experiment says, and stores the run.

  --seed N         instead of the experiment's seed
  --seeds A,B,...  one run a seed, one after the other
  --stop-after N   take a checkpoint after N steps and pause there
  --resume RUN     go on with an unfinished run (id, part of an id, or name)
  --forecast       say what it will take (time, memory, disk) and start nothing; --dry-run is the same
${engineHelp}
${storeHelp}

Example: npm run --silent covature -- run resources/examples/glyphs-mlp.json --seeds 1,2,3`;

const options = {
  ...storeOptions,
  ...engineFlags,
  seed: { type: 'string' },
  seeds: { type: 'string' },
  'stop-after': { type: 'string' },
  resume: { type: 'string' },
  forecast: { type: 'boolean' },
  'dry-run': { type: 'boolean' },
} as const;

export const run: Command = {
  help,
  run: async (argv) => {
    const { values, positionals } = parse(argv, options, [0, 1]);
    const [file] = positionals;
    if ((file === undefined) === (values.resume === undefined))
      throw new UsageError('expected an experiment file, or --resume with a run');
    const stopAfter = integerOption(values['stop-after'], 'stop-after', 1) ?? null;
    const progress = new ProgressLine();
    const common = {
      engine: engineOf(values),
      stopAfter,
      refuse: true,
      onEvent: (event: Parameters<ProgressLine['onEvent']>[0]) => {
        progress.onEvent(event);
      },
    };
    const isForecast = values.forecast === true || values['dry-run'] === true;
    if (file === undefined) {
      if (isForecast)
        throw new UsageError('--forecast is of a run that is not begun; --resume says what is left when it starts');
      using store = openStoreFor(values, false);
      const record = store.findRun(values.resume ?? '');
      const baseFolder = record.values['base_folder']?.text ?? process.cwd();
      const status = await follow(store, progress, values.json === true, [
        () => resumeRun(store, record, { ...common, baseFolder }),
      ]);
      return status;
    }
    const experiment = parseExperiment(await readJsonFile(file), file === '-' ? 'experiment' : path.basename(file));
    const baseFolder = file === '-' ? process.cwd() : path.dirname(path.resolve(file));
    const seeds = seedList(values.seed, values.seeds) ?? [experiment.seed];
    using store = openStoreFor(values, false);
    if (isForecast) {
      const { job, done } = forecastExperiment(store, experiment, { ...common, baseFolder });
      const stop = onInterrupt(() => {
        job.cancel();
      });
      const forecast = await done.finally(() => {
        stop();
        progress.clear();
      });
      if (values.json === true) printJson({ runs: seeds.length, each: forecast });
      else process.stdout.write(`${seeds.length > 1 ? `${seeds.length} runs, each: ` : ''}${forecastText(forecast)}\n`);
      return 0;
    }
    await checkShapes(experiment, async (dataset, model, wanted) => {
      fitted(await resolveDataset(dataset, { baseFolder, dataFolder: dataFolderOf(store) }), model, wanted);
    });
    return await follow(
      store,
      progress,
      values.json === true,
      seeds.map((seed) => () => startRun(store, { ...experiment, seed }, { ...common, baseFolder })),
    );
  },
};

/** Runs one after the other, prints each, answers the exit status of the worst. */
async function follow(
  store: Store,
  progress: ProgressLine,
  json: boolean,
  starts: readonly (() => StartedRun)[],
): Promise<number> {
  const documents: unknown[] = [];
  let status = 0;
  for (const start of starts) {
    const started = start();
    progress.note(`run ${started.id}`);
    const stop = onInterrupt(() => {
      started.job.cancel();
    });
    const end = await started.done.finally(stop);
    progress.clear();
    const record = store.getRun(started.id);
    if (record === undefined) throw new Error(`run ${started.id} is gone from the store`);
    if (json) documents.push(runDocument(store, record));
    else process.stdout.write(`${runText(store, record)}\n`);
    status = Math.max(status, statusOf(end));
    if (end.kind === 'failed' || end.kind === 'lost')
      process.stderr.write(`covature run: ${end.kind === 'failed' ? end.event.message : end.message}\n`);
    if (end.kind !== 'ended' || end.event.outcome === 'cancelled') break;
  }
  if (json) printJson(starts.length === 1 ? documents[0] : documents);
  return status;
}

function statusOf(end: JobEnd): number {
  if (end.kind === 'ended') return end.event.outcome === 'done' || end.event.outcome === 'paused' ? 0 : 1;
  return end.kind === 'failed' && end.event.isInput ? 2 : 1;
}

/** Calls back at Ctrl+C or a termination; answers how to stop listening. */
export function onInterrupt(callback: () => void): () => void {
  process.on('SIGINT', callback);
  process.on('SIGTERM', callback);
  return () => {
    process.off('SIGINT', callback);
    process.off('SIGTERM', callback);
  };
}

function seedList(one: string | undefined, many: string | undefined): number[] | undefined {
  if (one !== undefined && many !== undefined) throw new UsageError('--seed and --seeds exclude each other');
  const single = integerOption(one, 'seed', 0);
  if (single !== undefined) return [single];
  if (many === undefined) return undefined;
  return many.split(',').map((text) => {
    const seed = integerOption(text.trim(), 'seeds', 0);
    if (seed === undefined || text.trim() === '')
      throw new UsageError(`--seeds: expected integers separated by commas, received "${many}"`);
    return seed;
  });
}
